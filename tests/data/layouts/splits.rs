//! Folders of splits and of unlabelled images, and the names of classes.

use remixmatch::data::{Choice, OpenOptions, open};

use super::{Reads, Refused, TWO, check_default, counts, evenly};
use crate::common::assert_refused;
use crate::layout_files::Files;

#[test]
fn split_folders_are_read_in_any_spelling() {
    check_default(&[
        (
            &[
                ("Train_set/cat/*3.png", ""),
                ("Train_set/dog/*3.png", ""),
                ("TEST/cat/*1.png", ""),
                ("TEST/dog/*2.png", ""),
            ],
            Reads(&[("cat", 3, 1), ("dog", 3, 2)], 0, &[]),
        ),
        (
            &[
                ("훈련/cat/*3.png", ""),
                ("훈련/dog/*3.png", ""),
                ("시험/cat/1.png", ""),
                ("미분류/*2.png", ""),
            ],
            Reads(&[("cat", 3, 1), ("dog", 3, 0)], 2, &[]),
        ),
        (
            &[("training/cat/*2.png", ""), ("training/dog/*2.png", ""), ("validation/cat/1.png", "")],
            Reads(&[("cat", 2, 1), ("dog", 2, 0)], 0, &[]),
        ),
        // Both: validation images are left out.
        (
            &[
                ("train/cat/*2.png", ""),
                ("train/dog/*2.png", ""),
                ("val/cat/*3.png", ""),
                ("test/dog/1.png", ""),
            ],
            Reads(
                &[("cat", 2, 0), ("dog", 2, 1)],
                0,
                &["3 files are left out (to validate", "val/cat/1.png"],
            ),
        ),
        // Splits inside the classes.
        (
            &[
                ("cat/train/*3.png", ""),
                ("cat/test/*2.png", ""),
                ("dog/train/*3.png", ""),
                ("dog/test/1.png", ""),
            ],
            Reads(&[("cat", 3, 2), ("dog", 3, 1)], 0, &["the images in cat/test count as test images"]),
        ),
        // Test beside the classes themselves.
        (
            &[("cat/*3.png", ""), ("dog/*3.png", ""), ("test/cat/1.png", ""), ("test/dog/1.png", "")],
            Reads(&[("cat", 3, 1), ("dog", 3, 1)], 0, &["the folder test is read as images to test"]),
        ),
        (
            &[("train/train/cat/*5.png", ""), ("train/train/dog/*5.png", "")],
            Reads(&TWO, 0, &["the set has no test images of its own"]),
        ),
    ]);
}

#[test]
fn unlabelled_folders_are_recognised() {
    for name in [
        "unlabeled",
        "UNLABELLED",
        "unlabeled_data",
        "unsorted",
        "unlabel",
        "no_labels",
        "라벨없음",
        "not labelled yet",
        "ohne Klasse",
        "no class",
        "sans classe",
        "클래스 없음",
        "未分類",
    ] {
        let path = format!("{name}/*3.png");
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (path.as_str(), "")]);
        for (way, set) in files.open_everywhere(&evenly()) {
            let set = set.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            assert_eq!((counts(&set), set.train.len()), (TWO.to_vec(), 11), "{name} as {way}");
        }
    }
}

/// Nothing but images to test, or of unknown class: none of them trains.
#[test]
fn sets_of_tests_alone_are_refused() {
    for name in ["test", "val", "eval", "Test-Images", "테스트", "unlabeled"] {
        let paths = ["cat/*3.png", "dog/*3.png"].map(|path| format!("{name}/{path}"));
        let files = Files::new(&[(&paths[0], ""), (&paths[1], "")]);
        for (_, opened) in files.open_everywhere(&evenly()) {
            assert_refused(opened, &[name, "folders_as_classes", "open this folder itself"]);
        }
        let tests = OpenOptions { only_tests: true, ..evenly() };
        for (way, opened) in files.open_everywhere(&tests) {
            opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
        }
        // The folder itself, as its user chose it.
        let folder = files.write();
        let inner = folder.path().join("photos").join(name);
        assert_eq!(
            counts(&open(inner.to_str().unwrap(), &evenly()).unwrap()),
            [("cat", 2, 1), ("dog", 2, 1)]
        );
    }
}

#[test]
fn empty_splits_are_noted() {
    check_default(&[
        (
            &[("train/cat/*5.png", ""), ("train/dog/*5.png", ""), ("test/.gitkeep", "x")],
            Reads(&TWO, 0, &["1 folder is ignored: test (no images in it)"]),
        ),
        (
            &[
                ("train/cat/*5.png", ""),
                ("train/dog/*5.png", ""),
                ("test/.gitkeep", "x"),
                ("val/notes.txt", "x"),
            ],
            Reads(&TWO, 0, &["2 folders are ignored: test (no images in it), val (no images in it)"]),
        ),
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("val/.gitkeep", "x")],
            Reads(&TWO, 0, &["val (no images"]),
        ),
        (
            &[
                ("train/cat/*4.png", ""),
                ("train/dog/*4.png", ""),
                ("test/cat/1.png", ""),
                ("test/dog/1.png", ""),
                ("test/unlabeled/*3.png", ""),
            ],
            Reads(&TWO, 0, &["test/unlabeled (to test, but in no class folder)"]),
        ),
        (
            &[
                ("train/cat/images/*5.png", ""),
                ("train/dog/images/*5.png", ""),
                ("val/images/*3.png", ""),
                ("val/val_annotations.txt", "1.png cat"),
            ],
            Reads(&TWO, 0, &["3 files are left out (to test", "val/val_annotations.txt may say the classes"]),
        ),
        (
            &[
                ("Training/cat/*4.png", ""),
                ("Training/dog/*4.png", ""),
                ("PublicTest/cat/1.png", ""),
                ("PrivateTest/dog/1.png", ""),
            ],
            Reads(&[("cat", 4, 1), ("dog", 4, 1)], 0, &[]),
        ),
    ]);
}

/// Lists of the set's own split are read where they are simple; others have a notice.
#[test]
fn split_lists_beside_classes_are_read() {
    let cat_dog = |train: usize, test: usize| [("cat", train, test), ("dog", train, test)];
    for (lists, expected, words) in [
        (&[("test.txt", "cat/1.png\ndog/1.png\n")][..], Some(cat_dog(4, 1)), "read from test.txt"),
        (&[("test.txt", "./cat/1.png 0\r\n\r\ndog/1.png 1")], Some(cat_dog(4, 1)), "read from test.txt"),
        (
            &[("train.txt", "cat/1\ncat/2\ndog/1\ndog/2\n"), ("test.txt", "cat/3\ndog/3\n")],
            Some(cat_dog(2, 1)),
            "4 files are left out (not listed)",
        ),
        (
            &[
                ("meta/train.txt", "cat/1\ncat/2\ndog/1\ndog/2"),
                ("meta/test.txt", "cat/2\ndog/2\ncat/3\ndog/3"),
            ],
            Some(cat_dog(1, 2)),
            "read from meta/test.txt, meta/train.txt: 2 images to train, 0 to validate, 4 to test",
        ),
        (
            &[("validation_list.txt", "cat/1.png\ndog/1.png"), ("testing_list.txt", "cat/2.png\ndog/2.png")],
            Some(cat_dog(3, 1)),
            "2 files are left out (to validate",
        ),
        // Not read.
        (&[("test.txt", "1.png\n2.png")], None, "test.txt looks like a split of the set and is not read"),
        (&[("test.txt", "cat/1.png\ncat/77.png")], None, "test.txt looks like a split"),
        (&[("train_test_split.txt", "1 0")], None, "train_test_split.txt looks like a split"),
        // Files of CUB-200-2011.
        (
            &[
                (
                    "images.txt",
                    "1 cat/1.png\n2 cat/2.png\n3 cat/3.png\n4 cat/4.png\n5 cat/5.png\n6 dog/1.png\n\
                     7 dog/2.png\n8 dog/3.png\n9 dog/4.png\n10 dog/5.png\n",
                ),
                ("train_test_split.txt", "1 1\n2 1\n3 1\n4 0\n5 0\n6 1\n7 1\n8 1\n9 0\n10 0\n"),
                ("image_class_labels.txt", "1 1\n"),
                ("classes.txt", "1 cat\n2 dog\n"),
            ],
            Some(cat_dog(3, 2)),
            "read from train_test_split.txt: 6 images to train, 0 to validate, 4 to test",
        ),
        (
            &[("images.txt", "1 cat/1.png\n2 gone/2.png\n"), ("train_test_split.txt", "1 1\n2 0\n")],
            None,
            "train_test_split.txt looks like a split",
        ),
        (&[("split.json", "{}"), ("folds.yaml", "x")], None, "folds.yaml, split.json look like a split"),
        (&[("meta/test.csv", "file,label\ncat/1.png,cat")], None, "meta/test.csv looks like a split"),
        (
            &[("folds/1/test.txt", "cat/1\ndog/1"), ("folds/2/test.txt", "cat/2\ndog/2")],
            None,
            "folds/1/test.txt, folds/2/test.txt look like a split",
        ),
    ] {
        for at in ["", "images/"] {
            let paths = ["cat/*5.png", "dog/*5.png"].map(|path| format!("{at}{path}"));
            let mut table = vec![(paths[0].as_str(), ""), (paths[1].as_str(), "")];
            table.extend(lists);
            for (way, opened) in Files::new(&table).open_everywhere(&evenly()) {
                let what = format!("{lists:?} beside {paths:?} as {way}");
                let set = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(counts(&set), expected.unwrap_or(cat_dog(4, 1)), "{what}: {:?}", set.notices);
                let notices = set.notices.join("\n");
                assert!(notices.contains(words), "{what}: {notices}");
            }
        }
    }
    // Nothing of the kind.
    for name in ["notes.txt", "classes.txt", "train_log.txt", "test_results.json", "test.py"] {
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (name, "words")]);
        for (way, opened) in files.open_everywhere(&evenly()) {
            let set = opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            let notices = set.notices.join("\n");
            assert!(!notices.contains("looks like a split"), "{name} as {way}: {notices}");
        }
    }
}

#[test]
fn classes_beside_folders_without_images_are_read() {
    check_default(&[
        (
            &[("pics/cat/*5.png", ""), ("pics/dog/*5.png", ""), ("docs/notes.txt", "x")],
            Reads(&TWO, 0, &["docs"]),
        ),
        (
            &[
                ("101_ObjectCategories/cat/*5.png", ""),
                ("101_ObjectCategories/dog/*5.png", ""),
                ("Annotations/cat/1.mat", "x"),
            ],
            Reads(&TWO, 0, &["Annotations"]),
        ),
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("more.zip", "x"), ("rest.7z", "x")],
            Reads(&TWO, 0, &["2 archives beside the folders are not read (more.zip, rest.7z): unpack"]),
        ),
        (&[("train.zip", "x"), ("test.zip", "x")], Refused(&["archives", "test.zip, train.zip", "unpack"])),
        (&[("set.rar", "Rar!")], Refused(&["set.rar", "unpack it"])),
        (&[("set.tar.xz", "x")], Refused(&["set.tar.xz", "unpack it"])),
    ]);
}

#[test]
fn folders_close_to_splits_are_refused() {
    for name in ["trian", "tset", "test_old", "train2", "val (copy)", "unlabled"] {
        let path = format!("{name}/*2.png");
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (path.as_str(), "")]);
        let as_classes = Choice { folders_as_classes: true, ..Choice::default() };
        let asked = OpenOptions { choice: as_classes, ..evenly() };
        for (way, opened) in files.open_everywhere(&evenly()) {
            assert_refused(opened, &[name, "folders_as_classes", "rename"]);
            assert!(!way.is_empty());
        }
        for (way, opened) in files.open_everywhere(&asked) {
            let set = opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            assert_eq!(set.classes.len(), 3, "{name} as {way}");
        }
    }
    check_default(&[
        (
            &[("train/cat/*5.png", ""), ("train/dog/*5.png", ""), ("tset/cat/1.png", "")],
            Refused(&["tset", "'test'"]),
        ),
        (
            &[
                ("train/cat/*5.png", ""),
                ("train/dog/*5.png", ""),
                ("train/test/cat/*5.png", ""),
                ("val/cat/1.png", ""),
            ],
            Refused(&["train/test", "folders_as_classes"]),
        ),
        (
            &[("train/cat/*5.png", ""), ("train/test/*5.png", ""), ("val/cat/1.png", "")],
            Reads(&[("cat", 5, 1), ("test", 5, 0)], 0, &["the folder train/test is read as a class"]),
        ),
        (&[("cat/*5.png", ""), ("test/*5.png", "")], Refused(&["is the split word 'test', so"])),
        (
            &[("final/*5.png", ""), ("development/*5.png", "")],
            Refused(&["is the split word 'development', which means 'val'", "rename the folder to 'val'"]),
        ),
        (
            &[("use/*5.png", ""), ("Held_Out/*5.png", "")],
            Refused(&["is the split word 'held_out', which means 'test'", "folders_as_classes"]),
        ),
        (&[("cat/*5.png", ""), ("tset/*5.png", "")], Refused(&["is close to the split word 'test', so"])),
        (&[("val/cat/*5.png", ""), ("test/cat/*5.png", "")], Refused(&["test, val", "class folders"])),
        (
            &[
                ("seg_train/seg_train/sea/*3.png", ""),
                ("seg_train/seg_train/wood/*3.png", ""),
                ("seg_test/seg_test/sea/*2.png", ""),
                ("seg_test/seg_test/wood/*2.png", ""),
            ],
            Refused(&["seg_t", "folders_as_classes"]),
        ),
        (
            &[("train_station/*5.png", ""), ("harbour/*5.png", "")],
            Reads(&[("harbour", 4, 1), ("train_station", 4, 1)], 0, &[]),
        ),
        // Ordinary words.
        (&[("rain/*5.png", ""), ("vest/*5.png", "")], Reads(&[("rain", 4, 1), ("vest", 4, 1)], 0, &[])),
    ]);
}

#[test]
fn images_without_class_are_left_out_with_notice() {
    check_default(&[
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("*3.png", "")],
            Reads(&TWO, 0, &["3 files are left out (beside the class folders), such as 1.png", "unlabeled"]),
        ),
        (
            &[("train/cat/*5.png", ""), ("train/dog/*5.png", ""), ("test/*7.png", "")],
            Reads(&TWO, 0, &["7 files are left out (to test, but in no class folder), such as test/1.png"]),
        ),
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("test/*7.png", "")],
            Reads(&TWO, 0, &["7 files are left out", "folders_as_classes"]),
        ),
        (
            &[("train/cat/*5.png", ""), ("train/dog/*5.png", ""), ("extra/cat/*2.png", "")],
            Reads(&TWO, 0, &["1 folder is ignored: extra (beside train, and no split)"]),
        ),
        (&[("*3.png", "")], Refused(&["3 images without classes", "1.png", "Label your own"])),
        (&[("photos/*3.png", "")], Refused(&["3 images without classes", "Label your own"])),
        (
            &[("train/*3.png", ""), ("unlabeled/*2.png", "")],
            Refused(&["images without classes", "Label your own"]),
        ),
    ]);
}

#[test]
fn spellings_of_a_class_are_merged_with_notice() {
    check_default(&[
        (
            &[("cat/*5.png", ""), ("Cat/*4.png", ""), ("dog/*5.png", "")],
            Reads(&[("cat", 7, 2), ("dog", 4, 1)], 0, &["'Cat' and 'cat' are one class, 'cat'"]),
        ),
        (
            &[("cat/*5.png", ""), ("cat /*5.png", ""), ("caf\u{e9}/*5.png", ""), ("cafe\u{301}/*5.png", "")],
            Reads(&[("caf\u{e9}", 8, 2), ("cat", 8, 2)], 0, &["'cat' and 'cat ' are one class"]),
        ),
        (
            &[("train/Cat/*3.png", ""), ("train/dog/*3.png", ""), ("test/cat/1.png", "")],
            Reads(&[("Cat", 3, 1), ("dog", 3, 0)], 0, &["are one class, 'Cat'"]),
        ),
        // Looks alike.
        (
            &[
                ("cat/*5.png", ""),
                ("c\u{200b}at/*5.png", ""),
                ("big cat/*5.png", ""),
                ("big\u{a0}cat/*5.png", ""),
            ],
            Reads(&[("big cat", 8, 2), ("cat", 8, 2)], 0, &["'c\\u{200b}at' are one class", "width"]),
        ),
        (
            &[("cat/*5.png", ""), ("\u{ff43}\u{ff41}\u{ff54}/*4.png", ""), ("dog/*5.png", "")],
            Reads(&[("cat", 7, 2), ("dog", 4, 1)], 0, &["are one class, 'cat'"]),
        ),
        // Letters.
        (
            &[("a/*5.png", ""), ("A/*5.png", "")],
            Reads(&[("A", 4, 1), ("a", 4, 1)], 0, &["upper and lower case of a are classes of their own"]),
        ),
    ]);
}
