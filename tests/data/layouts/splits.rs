//! Folders of splits and of unlabelled images, and the names of classes.

use remixmatch::data::{Choice, OpenOptions};

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
    for name in ["unlabeled", "UNLABELLED", "unlabeled_data", "unsorted", "unlabel", "no_labels", "라벨없음"]
    {
        let path = format!("{name}/*3.png");
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (path.as_str(), "")]);
        for (way, set) in files.open_everywhere(&evenly()) {
            let set = set.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            assert_eq!((counts(&set), set.train.len()), (TWO.to_vec(), 11), "{name} as {way}");
        }
    }
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
        (&[("cat/*5.png", ""), ("test/*5.png", "")], Refused(&["test", "folders_as_classes"])),
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
        // Letters.
        (
            &[("a/*5.png", ""), ("A/*5.png", "")],
            Reads(&[("A", 4, 1), ("a", 4, 1)], 0, &["upper and lower case of a are classes of their own"]),
        ),
    ]);
}
