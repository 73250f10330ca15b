//! CIFAR-10 and CIFAR-100: binary files written here, and Python files as Python 2 and Python 3 pickle them.

use std::fs;

use remixmatch::data::Choice;
use tempfile::tempdir;

use super::common::{
    assert_refused, check_made, check_pixels, cifar_10, cifar_record, fixture, put, read, read_choice,
};

#[test]
fn binary_cifar_10_interleaves_planes() {
    let folder = cifar_10();
    let set = read(folder.path()).unwrap();
    assert_eq!(set.format, "CIFAR-10 (binary)");
    assert_eq!((set.train.height, set.train.width, set.train.channels), (32, 32, 3));
    assert_eq!((set.train.len(), set.test.len()), (20, 1));
    assert_eq!(set.train_labels[13], Some(3));
    check_pixels(&set.train, 13, 23);
    check_pixels(&set.test, 0, 99);
    assert_eq!(set.test_labels, [3]);
    assert_eq!((set.classes[9].as_str(), set.flip, set.shift), ("9", true, 4));

    put(
        folder.path().join("batches.meta.txt"),
        b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
    );
    assert_eq!(read(folder.path()).unwrap().classes[9], "truck");
    put(folder.path().join("batches.meta.txt"), b"airplane\n");
    assert_refused(read(folder.path()), &["batches.meta.txt", "10 class names", "1 lines"]);
}

#[test]
fn binary_cifar_100_uses_fine_labels() {
    let folder = tempdir().unwrap();
    let records: Vec<u8> = (0..200).flat_map(|n: u8| cifar_record(&[n % 20, n % 100], n % 100)).collect();
    put(folder.path().join("train.bin"), &records);
    let names: String = (0..100).map(|n| format!("name{n}\n")).collect();
    put(folder.path().join("fine_label_names.txt"), names.as_bytes());
    let held = read(folder.path()).unwrap();
    assert_eq!((held.train.len(), held.test.len(), held.notices.len()), (100, 100, 2));
    // Every record is there twice.
    assert!(held.notices[1].starts_with("100 of 100 test images are byte for byte"), "{:?}", held.notices);
    put(folder.path().join("test.bin"), &cifar_record(&[4, 44], 7));
    let set = read(folder.path()).unwrap();
    assert_eq!((set.format.as_str(), set.classes.len()), ("CIFAR-100 (binary)", 100));
    assert_eq!(set.train_labels[144], Some(44));
    assert_eq!(set.classes[44], "name44");
    assert_eq!(set.test_labels, [44]);
    check_pixels(&set.train, 144, 44);
}

#[test]
fn damaged_binary_files_report_the_offset() {
    let folder = cifar_10();
    let batch = folder.path().join("data_batch_1.bin");
    let whole = fs::read(&batch).unwrap();
    put(&batch, &whole[..3073 * 2 + 5]);
    assert_refused(
        read(folder.path()),
        &["data_batch_1.bin", "byte 6146", "3073 bytes", "5 bytes", "fetch it again"],
    );
    let mut wrong = whole.clone();
    wrong[3073 * 4] = 10;
    put(&batch, &wrong);
    assert_refused(read(folder.path()), &["data_batch_1.bin", "byte 12292", "below 10", "found 10"]);
    put(&batch, &whole);
    put(folder.path().join("test_batch.bin"), &whole[..100]);
    assert_refused(read(folder.path()), &["test_batch.bin", "byte 0", "100 bytes"]);
    for batch in 1..=2 {
        fs::remove_file(folder.path().join(format!("data_batch_{batch}.bin"))).unwrap();
    }
    assert_refused(read(folder.path()), &["data_batch_1.bin", "a test file only"]);
    put(folder.path().join("data_batch_1.bin"), &whole[..3073 * 9]);
    put(folder.path().join("test_batch.bin"), &whole[..3073]);
    assert_refused(read(folder.path()), &["no image of class '9'"]);
}

#[test]
fn python_2_pickles_of_cifar_10_load() {
    let set = read(&fixture("cifar-10-python.tar.gz")).unwrap();
    assert_eq!((set.format.as_str(), set.name.as_str()), ("CIFAR-10 (Python)", "cifar-10-python.tar.gz"));
    assert_eq!((set.classes[0].as_str(), set.classes[9].as_str()), ("airplane", "truck"));
    assert_eq!(set.train_labels, (0..20).map(|i| Some(i % 10)).collect::<Vec<_>>());
    assert_eq!(set.test_labels, [0, 1, 2, 3, 4]);
    check_made(&set.train, 0..20);
    check_made(&set.test, 20..25);
    assert_eq!((set.flip, set.shift), (true, 4));
}

#[test]
fn pickles_of_cifar_100_offer_both_class_sets() {
    let path = fixture("cifar-100-python.tar.gz");
    let fine = read(&path).unwrap();
    assert_eq!((fine.format.as_str(), fine.classes.len()), ("CIFAR-100 (Python)", 100));
    assert_eq!((fine.classes[42].as_str(), fine.train_labels[42]), ("fine42", Some(42)));
    check_made(&fine.train, 0..100);
    check_made(&fine.test, 100..103);
    let coarse = read_choice(&path, Choice { coarse: true, ..Choice::default() }).unwrap();
    assert_eq!((coarse.classes[2].as_str(), coarse.classes.len()), ("coarse2", 20));
    assert_eq!(coarse.train_labels[42], Some(2));
    assert_eq!(coarse.train, fine.train);
}

#[test]
fn coarse_is_refused_except_for_cifar_100() {
    let choice = || Choice { coarse: true, ..Choice::default() };
    assert_refused(
        read_choice(cifar_10().path(), choice()),
        &["setting coarse", "CIFAR-100", "CIFAR-10 (binary)"],
    );
    assert_refused(read_choice("builtin:digits".as_ref(), choice()), &["setting coarse", "built in (IDX)"]);
}
