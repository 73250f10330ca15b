use std::fs;

use tempfile::tempdir;

use super::common::{check_pixels, cifar_10, cifar_record, put, read, refused};

#[test]
fn cifar_10_is_read_with_its_planes_as_pixels() {
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
    refused(read(folder.path()), &["batches.meta.txt", "10 class names", "1 lines"]);
}

#[test]
fn cifar_100_is_read_with_its_fine_labels() {
    let folder = tempdir().unwrap();
    let records: Vec<u8> = (0..200).flat_map(|n: u8| cifar_record(&[n % 20, n % 100], n % 100)).collect();
    put(folder.path().join("train.bin"), &records);
    let names: String = (0..100).map(|n| format!("name{n}\n")).collect();
    put(folder.path().join("fine_label_names.txt"), names.as_bytes());
    let held = read(folder.path()).unwrap();
    assert_eq!((held.train.len(), held.test.len(), held.notices.len()), (100, 100, 1));
    put(folder.path().join("test.bin"), &cifar_record(&[4, 44], 7));
    let set = read(folder.path()).unwrap();
    assert_eq!((set.format.as_str(), set.classes.len()), ("CIFAR-100 (binary)", 100));
    assert_eq!(set.train_labels[144], Some(44));
    assert_eq!(set.classes[44], "name44");
    assert_eq!(set.test_labels, [44]);
    check_pixels(&set.train, 144, 44);
}

#[test]
fn bad_cifar_files_are_named_with_the_place() {
    let folder = cifar_10();
    let batch = folder.path().join("data_batch_1.bin");
    let whole = fs::read(&batch).unwrap();
    put(&batch, &whole[..3073 * 2 + 5]);
    refused(
        read(folder.path()),
        &["data_batch_1.bin", "byte 6146", "3073 bytes", "5 bytes", "fetch it again"],
    );
    let mut wrong = whole.clone();
    wrong[3073 * 4] = 10;
    put(&batch, &wrong);
    refused(read(folder.path()), &["data_batch_1.bin", "byte 12292", "below 10", "found 10"]);
    put(&batch, &whole);
    put(folder.path().join("test_batch.bin"), &whole[..100]);
    refused(read(folder.path()), &["test_batch.bin", "byte 0", "100 bytes"]);
    for batch in 1..=2 {
        fs::remove_file(folder.path().join(format!("data_batch_{batch}.bin"))).unwrap();
    }
    refused(read(folder.path()), &["data_batch_1.bin", "a test file only"]);
    put(folder.path().join("data_batch_1.bin"), &whole[..3073 * 9]);
    put(folder.path().join("test_batch.bin"), &whole[..3073]);
    refused(read(folder.path()), &["no image of class '9'"]);
}
