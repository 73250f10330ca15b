use std::fs;

use remixmatch::data::{Balance, OpenOptions, contact_sheet, open, split, summary};
use tempfile::tempdir;

use super::common::{idx_images, pets, put, read, refused, rgb, save};

#[test]
fn a_folder_of_class_folders_is_read_and_a_fifth_held_out() {
    let folder = pets();
    let set = read(folder.path()).unwrap();
    assert_eq!(set.format, "folder of class folders");
    assert_eq!(set.classes, ["cat", "dog"]);
    assert_eq!((set.train.height, set.train.width, set.train.channels), (10, 10, 3));
    assert_eq!((set.train.len(), set.test.len()), (8, 2));
    assert_eq!(set.test_labels, [0, 1]);
    assert_eq!(set.train_labels, [0, 0, 0, 0, 1, 1, 1, 1].map(Some));
    assert_eq!(set.train.image(0)[..3], [50, 0, 9]);
    assert_eq!(set.train.image(4)[297..], [0, 100, 200]);
    assert_eq!((set.flip, set.shift, set.notices.len()), (true, 1, 1));
    let share = OpenOptions { test_share: Some(0.4), ..OpenOptions::default() };
    assert_eq!(open(folder.path().to_str().unwrap(), &share).unwrap().test.len(), 4);
}

#[test]
fn train_test_and_unlabelled_folders_are_told_apart() {
    for (test, unlabelled) in [("test", "unlabeled"), ("val", "train/unlabelled"), ("Valid", "Unlabelled")] {
        let folder = tempdir().unwrap();
        let at = |path: String| folder.path().join(path);
        for class in ["b", "a"] {
            save(&rgb(8, 8, [1; 3]), at(format!("train/{class}/deeper/1.png")));
            save(&rgb(8, 8, [2; 3]), at(format!("{test}/{class}/1.bmp")));
        }
        save(&rgb(8, 8, [3; 3]), at(format!("{unlabelled}/x.png")));
        put(at("train/a/notes.txt".into()), b"not an image");
        put(at("train/a/.hidden".into()), b"not even looked at");
        let set = read(folder.path()).unwrap();
        assert_eq!(set.classes, ["a", "b"], "{test}");
        assert_eq!(set.train_labels, [Some(0), Some(1), None]);
        assert_eq!(set.train.image(2)[0], 3);
        assert_eq!(set.test_labels, [0, 1]);
        assert_eq!(set.test.image(1)[0], 2);
        assert_eq!(set.notices.len(), 1);
        assert!(set.notices[0].contains("1 file(s)") && set.notices[0].contains("notes.txt"));
        let told = summary(&set);
        assert_eq!((told.train, told.unlabelled, told.test), (3, 1, 2));
        assert_eq!((told.classes[0].train, told.classes[0].test), (1, 1));
        assert!(told.to_string().contains("3 images to train (1 of them of unknown class), 2 to test"));
        // Those of unknown class are learnt from without it, and are never chosen as labelled.
        let split = split(&set, 2, Balance::Even, 1).unwrap();
        assert_eq!((split.labelled, split.unlabelled), (vec![0, 1], vec![0, 1, 2]));
        let sheet = contact_sheet(&set, 4, 2);
        assert_eq!(sheet.dimensions(), (2 + 4 * 18, 2 + 3 * 18));
        assert_eq!((sheet.get_pixel(2, 2 + 2 * 18).0, sheet.get_pixel(20, 2).0), ([3; 3], [24, 24, 28]));
    }
}

#[test]
fn the_side_is_the_most_common_one_within_bounds() {
    for (sizes, side) in [([4, 4, 4, 9], 8), ([200, 200, 200, 9], 96), ([20, 30, 40, 50], 32)] {
        let folder = tempdir().unwrap();
        for (i, size) in sizes.into_iter().enumerate() {
            save(&rgb(size, size, [9; 3]), folder.path().join(format!("{}/{i}.png", i % 2)));
        }
        assert_eq!(read(folder.path()).unwrap().train.width, side, "{sizes:?}");
    }
}

#[test]
fn folders_that_cannot_be_learnt_from_are_refused() {
    let folder = pets();
    fs::create_dir(folder.path().join("horse")).unwrap();
    refused(read(folder.path()), &["no image of class 'horse'", "remove the class"]);

    let one = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), one.path().join("only/1.png"));
    save(&rgb(8, 8, [0; 3]), one.path().join("only/2.png"));
    refused(read(one.path()), &["one class only", "'only'"]);

    let singles = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), singles.path().join("a/1.png"));
    save(&rgb(8, 8, [0; 3]), singles.path().join("b/1.png"));
    refused(read(singles.path()), &["no test images", "add images"]);

    let test = tempdir().unwrap();
    for path in ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"] {
        save(&rgb(8, 8, [0; 3]), test.path().join(path));
    }
    refused(read(test.path()), &["class 'c'", "no training images"]);
}

#[test]
fn what_is_no_data_set_is_refused_with_what_was_found() {
    let folder = tempdir().unwrap();
    refused(read(folder.path()), &["looked for", "an empty folder"]);
    put(folder.path().join("notes.txt"), b"words");
    fs::create_dir(folder.path().join("empty")).unwrap();
    refused(read(folder.path()), &["IDX", "CIFAR-10", "class folders", "empty/, notes.txt"]);
    save(&rgb(8, 8, [0; 3]), folder.path().join("flat.png"));
    refused(read(folder.path()), &["flat.png"]);
    refused(read(&folder.path().join("notes.txt")), &["notes.txt", "a single file"]);
    put(folder.path().join("one"), &idx_images(1, 8));
    refused(read(&folder.path().join("one")), &["one images and one labels file", "1 and 0"]);
    refused(read(&folder.path().join("missing")), &["cannot read", "missing"]);
    refused(open("builtin:nothing", &OpenOptions::default()), &["'nothing'", "builtin:shapes"]);
    let share = OpenOptions { test_share: Some(1.0), ..OpenOptions::default() };
    refused(open("builtin:digits", &share), &["between 0 and 1"]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_links_to_itself_ends() {
    let folder = pets();
    std::os::unix::fs::symlink(folder.path().join("cat"), folder.path().join("cat/again")).unwrap();
    assert!(read(folder.path()).is_ok());
}
