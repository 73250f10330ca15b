//! Files beside a set that a format does not read, and faults that only a look at the content tells.

use std::fs;

use remixmatch::data::{
    Choice, DataError, DataSet, LabellingFolder, OnProgress, OpenOptions, open, open_files, summary,
};

use super::common::{assert_refused, cifar_10, cifar_record, put, read};
use super::layout_files::{Files, png};
use super::numpy::array;

fn told(set: &DataSet, words: &str) {
    assert!(set.notices.iter().any(|notice| notice.contains(words)), "no '{words}' in {:?}", set.notices);
}

#[test]
fn images_beside_arrays_are_told() {
    let folder = cifar_10();
    let silent = read(folder.path()).unwrap();
    assert!(!silent.notices.iter().any(|notice| notice.contains("left out")), "{:?}", silent.notices);
    told(&silent, "CIFAR-10 has five files data_batch_1 to data_batch_5; missing here: 3, 4, 5");
    for class in ["cat", "dog"] {
        (1..4).for_each(|i| put(folder.path().join(format!("{class}/{i}.png")), &png(i)));
    }
    put(folder.path().join("x.npy"), &array("|u1", "(2, 8, 8)", &[7; 128]));
    let set = read(folder.path()).unwrap();
    told(&set, "only the files of CIFAR are read: cat/, dog/ in the same folder are left out");
    put(folder.path().join("y.npy"), &array("|u1", "(2,)", &[0, 1]));
    put(folder.path().join("x_test.npy"), &array("|u1", "(2, 8, 8)", &[7; 128]));
    put(folder.path().join("y_test.npy"), &array("|u1", "(2,)", &[0, 1]));
    let set = read(folder.path()).unwrap();
    told(
        &set,
        "only the files of NumPy are read: cat/, dog/, CIFAR-10 or CIFAR-100 files (binary or Python)",
    );
    let layout = remixmatch::data::layout(folder.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert!(layout.to_string().contains("beside the files of another format"), "{layout}");
    // Arrays beside class folders.
    let files = Files::new(&[("cat/*3.png", ""), ("dog/*3.png", ""), ("set.npz", "PK")]);
    for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
        told(
            &opened.unwrap_or_else(|error| panic!("{way}: {error}")),
            "set.npz beside the folders is not read",
        );
    }
}

#[test]
fn test_records_that_train_are_told() {
    let x =
        |start: u8| array("|u1", "(4, 8, 8)", &(0..=255).map(|i: u8| i / 64 + start).collect::<Vec<u8>>());
    let y = || array("|u1", "(4,)", &[0, 1, 0, 1]);
    for (start, words) in [(1, Some("4 of 4 test images are byte for byte")), (3, Some("2 of 4")), (9, None)]
    {
        let files = [("x_train", x(1)), ("y_train", y()), ("x_test", x(start)), ("y_test", y())];
        let files = files.map(|(name, bytes)| (format!("{name}.npy"), bytes));
        let set = open_files("set", files, &OpenOptions::default()).unwrap();
        let said = set.notices.iter().find(|notice| notice.contains("among the images to train on"));
        assert_eq!(said.is_some(), words.is_some(), "{start}: {:?}", set.notices);
        assert!(said.zip(words).is_none_or(|(said, words)| said.contains(words)), "{said:?}");
    }
    let folder = cifar_10();
    let copy = fs::read(folder.path().join("data_batch_1.bin")).unwrap();
    fs::write(folder.path().join("test_batch.bin"), copy).unwrap();
    told(&read(folder.path()).unwrap(), "10 of 10 test images are byte for byte");
}

#[test]
fn smaller_batches_and_dark_arrays_are_told() {
    let folder = cifar_10();
    let whole = fs::read(folder.path().join("data_batch_2.bin")).unwrap();
    assert!(!read(folder.path()).unwrap().notices.iter().any(|notice| notice.contains("smaller")));
    fs::write(folder.path().join("data_batch_2.bin"), &whole[..7 * (whole.len() / 10)]).unwrap();
    told(&read(folder.path()).unwrap(), "data_batch_2.bin is smaller than the other batches");
    let dark: Vec<u8> = (0..640u32).map(|i| (i % 3 == 0) as u8).collect();
    let x = array("|u1", "(10, 8, 8)", &dark);
    let y = array("|u1", "(10,)", &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let files = [("x.npy".to_owned(), x), ("y.npy".to_owned(), y)];
    told(&open_files("set", files, &OpenOptions::default()).unwrap(), "all values of the images are 0 or 1");
}

#[test]
fn unread_arrays_are_told_and_halves_refused() {
    let x = || array("|u1", "(4, 8, 8)", &[7; 256]);
    let y = || array("|u1", "(4,)", &[0, 1, 0, 1]);
    let with = |others: &[&str]| {
        let others: Vec<String> = ["x", "y"].iter().chain(others).map(|name| format!("{name}.npy")).collect();
        let bytes = |name: &str| if name.starts_with('y') || name.contains("labels") { y() } else { x() };
        let files: Vec<_> = others.into_iter().map(|name| (name.clone(), bytes(&name))).collect();
        open_files("set", files, &OpenOptions::default())
    };
    for names in [["x_val", "y_val"], ["val_images", "val_labels"], ["x_test", "y_test"]] {
        let set = with(&names).unwrap();
        assert_eq!((set.train.len(), set.test.len(), set.held_out), (4, 4, None), "{names:?}");
    }
    let set = with(&["x_test", "y_test", "x_val", "y_val", "split"]).unwrap();
    told(&set, "3 arrays are not read: split, x_val, y_val (known are x with y, x_train with y_train");
    let set = with(&["unlabeled"]).unwrap();
    assert_eq!(set.train_labels.iter().filter(|label| label.is_none()).count(), 4);
    told(&with(&["images", "labels"]).unwrap(), "2 arrays are not read: images, labels");
    assert_refused(with(&["x_test"]), &["x_test", "an array y_test beside it"]);
    assert_refused(with(&["val_labels"]), &["val_labels", "an array val_images beside it"]);
}

#[test]
fn names_that_two_classes_share_are_refused() {
    let folder = cifar_10();
    put(folder.path().join("batches.meta.txt"), b"a\nb\na\nd\ne\nf\ng\nh\ni\nj\n");
    assert_refused(read(folder.path()), &["another name for each class", "'a' twice"]);
    (3..=5u8).for_each(|batch| {
        put(folder.path().join(format!("data_batch_{batch}.bin")), &cifar_record(&[1], 7).repeat(10));
    });
    fs::remove_file(folder.path().join("batches.meta.txt")).unwrap();
    assert!(read(folder.path()).unwrap().notices.is_empty());
}

#[test]
fn fields_that_swallow_rows_are_refused() {
    let long = "a".repeat(70_000);
    let long = format!("file,label\n1.png,{long}\n2.png,b\n");
    for (list, words) in [
        ("file,label\n1.png,cat\n2.png,\"dog\n3.png,cat\n4.png,dog\n", &["line 3", "never closed"][..]),
        ("file,label\n1.png,\"cat\n2.png,dog\n3.png,cat\"\n4.png,dog\n", &["line 2", "never closed"]),
        ("file,label\n1.png,cat\n\"2.png,dog\n3.png,cat\n4.png,dog\n", &["line 3"]),
        (long.as_str(), &["line 2", "on one line"]),
        ("file,label\n", &["line 1", "a row for each image below the header", "found none"]),
    ] {
        for classes in [None, Some(("classes.txt", "cat\ndog\n"))] {
            let mut table = vec![("labels.csv", list), ("*4.png", "")];
            table.extend(classes.filter(|_| list.len() > 12));
            for (way, opened) in Files::new(&table).open_everywhere(&OpenOptions::default()) {
                let Err(error) = opened else { panic!("{way}: {list:.40} is accepted") };
                let message = error.to_string();
                words
                    .iter()
                    .for_each(|word| assert!(message.contains(word), "{way}: no '{word}' in {message}"));
            }
        }
    }
    // A class folder may have a long name; a table of classes has a limit.
    let set = DataSet { classes: vec!["a".repeat(70_000)], ..DataSet::default() };
    assert!(summary(&set).to_string().len() > 70_000);
}

#[test]
fn rows_with_fewer_fields_are_told() {
    let files = Files::new(&[
        ("list.csv", "file,split,label\n1.png,train,a\n2.png,train,b\n3.png,test,a\n4.png,test,b\n5.png\n"),
        ("*5.png", ""),
    ]);
    for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        told(&set, "list.csv: 1 of 5 rows has fewer fields than the header, as line 6");
    }
}

#[test]
fn test_images_that_also_train_are_told() {
    let mut files = Files::new(&[
        ("train/a/*5.png", ""),
        ("train/b/*5.png", ""),
        ("test/a/*2.png", ""),
        ("test/b/*2.png", ""),
        ("unlabeled/*2.png", ""),
    ]);
    let told_of = |files: &Files, words: Option<&str>| {
        for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
            let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
            let notice = set.notices.iter().find(|notice| notice.contains("byte for byte among"));
            assert_eq!(notice.is_some(), words.is_some(), "{way}: {:?}", set.notices);
            assert!(
                words.is_none_or(|words| notice.is_some_and(|notice| notice.contains(words))),
                "{notice:?}"
            );
        }
    };
    told_of(&files, None);
    files.0[10].1 = files.0[0].1.clone();
    told_of(&files, Some("1 of 4 test images is byte for byte among the images to train on"));
    files.0[12].1 = files.0[14].1.clone();
    told_of(&files, Some("2 of 4 test images are byte for byte"));
}

#[test]
fn class_folders_offer_labels_to_begin_with() {
    let files = Files::new(&[
        ("car/*6.png", ""),
        ("tulip/*6.png", ""),
        ("unlabeled/*4.png", ""),
        ("test/car/*2.png", ""),
        ("test/tulip/*2.png", ""),
    ]);
    let folder = files.write();
    let photos = folder.path().join("photos");
    let own = LabellingFolder::open(&photos, &OpenOptions::default()).unwrap();
    let labels = own.folder_labels().unwrap();
    assert_eq!(
        (labels.classes(), labels.counts()),
        (&["car".to_owned(), "tulip".to_owned()][..], vec![6, 6])
    );
    // A person decides whether these folders are classes.
    assert_eq!(
        (own.read_labels().unwrap().made().len(), own.notices.join("\n").contains("class folders")),
        (0, false)
    );
    for image in labels.made() {
        let class = &labels.classes()[labels.of(*image).unwrap() as usize];
        assert!(own.files[*image].starts_with(&format!("{class}/")), "{}", own.files[*image]);
    }
    // A few labels of a person never replace those of the folders.
    fs::write(photos.join("labels.csv"), "file,label\ncar/1.png,car\ntulip/1.png,tulip\n").unwrap();
    fs::write(photos.join("classes.txt"), "car\ntulip\n").unwrap();
    assert_refused(read(&photos), &["labels.csv", "2 of 16 images in class folders"]);
    // Folders that are no classes, or one, label nothing.
    let flat = Files::new(&[("*4.png", ""), ("more/*4.png", "")]).write();
    let own = LabellingFolder::open(&flat.path().join("photos"), &OpenOptions::default()).unwrap();
    assert_eq!((own.read_labels().unwrap().made().len(), own.notices.len()), (0, 0));
    assert!(own.folder_labels().is_none());
}

#[test]
fn labels_of_spreadsheets_are_read_beside_classes() {
    for separator in [",", ";", "\t"] {
        let rows = "\u{feff}file,label\r\n1.png,cat\r\n2.png,dog\r\n3.png,cat\r\n4.png,dog\r\n"
            .replace(',', separator);
        let files =
            Files::new(&[("labels.csv", rows.as_str()), ("classes.txt", "cat\ndog\n"), ("*5.png", "")]);
        for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
            let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
            assert_eq!(set.classes, ["cat", "dog"], "{way}");
        }
    }
}

/// A pipe in place of a file would be waited for.
#[cfg(unix)]
#[test]
fn files_that_become_pipes_fail() {
    let folder = Files::new(&[("cat/*4.png", ""), ("dog/*4.png", ""), ("unlabeled/*4.png", "")]).write();
    let photos = folder.path().join("photos");
    let options = OpenOptions { memory: Some(0), ..OpenOptions::default() };
    let set = open(photos.to_str().unwrap(), &options).unwrap();
    let replaced = photos.join("unlabeled/1.png");
    fs::remove_file(&replaced).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&replaced).status().unwrap().success());
    let image = (0..set.train.len()).find(|i| set.train_ids.name(*i).ends_with("unlabeled/1.png")).unwrap();
    set.train.rgba(image, &mut vec![0; 64]);
    assert!(set.train.take_failure().is_some_and(|error| error.to_string().contains("unlabeled/1.png")));
}

#[test]
fn folders_of_few_images_are_asked_about() {
    let files = Files::new(&[("cat/*3.png", ""), ("dog/*3.png", "")]).write();
    let photos = files.path().join("photos");
    let documents = photos.join("documents");
    fs::create_dir_all(&documents).unwrap();
    (0..10_001).for_each(|i| fs::write(documents.join(format!("{i}.txt")), "").unwrap());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(0));
    let found = std::sync::Arc::clone(&seen);
    let progress = OnProgress::new(|_, _| ()).with_files(move |files, _| *found.lock().unwrap() = files);
    let options = OpenOptions { progress, ..OpenOptions::default() };
    let Err(error) = open(photos.to_str().unwrap(), &options) else { panic!("accepted") };
    assert_eq!(error.setting(), Some("many_files"));
    assert_refused(Err(error), &["has 10007 files so far and only 6 images", "set many_files"]);
    assert!(*seen.lock().unwrap() > 9_000);
    let choice = Choice { many_files: true, ..Choice::default() };
    let set = open(photos.to_str().unwrap(), &OpenOptions { choice, ..options.clone() }).unwrap();
    assert_eq!(set.classes, ["cat", "dog"]);
    // The listing ends when it is cancelled.
    options.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(open(photos.to_str().unwrap(), &options), Err(DataError::Stopped)));
}
