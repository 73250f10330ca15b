//! Image files in class folders, image files that a CSV file lists, and folders that are neither.

use std::fs;

use remixmatch::data::{Balance, DataError, DataSet, OpenOptions, contact_sheet, open, split, summary};
use tempfile::{TempDir, tempdir};

use super::common::{assert_refused, idx_images, pets, put, read, rgb, save};

#[test]
fn class_folders_load_with_a_fifth_held_out() {
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
fn train_test_and_unlabelled_folders_are_distinguished() {
    for (test, unlabelled) in [("test", "unlabeled"), ("val", "train/unlabelled"), ("Valid", "Unlabelled")] {
        let folder = tempdir().unwrap();
        let at = |path: String| folder.path().join(path);
        for (class, green) in [("b", 10), ("a", 20)] {
            save(&rgb(8, 8, [1, green, 1]), at(format!("train/{class}/deeper/1.png")));
            save(&rgb(8, 8, [2, green, 2]), at(format!("{test}/{class}/1.bmp")));
        }
        save(&rgb(8, 8, [3; 3]), at(format!("{unlabelled}/x.png")));
        put(at("train/a/notes.txt".into()), b"not an image");
        put(at("train/a/.hidden".into()), b"hidden");
        let set = read(folder.path()).unwrap();
        assert_eq!(set.classes, ["a", "b"], "{test}");
        assert_eq!(set.train_labels, [Some(0), Some(1), None]);
        assert_eq!(set.train.image(2)[0], 3);
        assert_eq!(set.test_labels, [0, 1]);
        assert_eq!(set.test.image(1)[0], 2);
        assert_eq!(set.notices.len(), 1);
        assert!(
            set.notices[0].contains("1 file that is not an image") && set.notices[0].contains("notes.txt")
        );
        let told = summary(&set);
        assert_eq!((told.train, told.unlabelled, told.test), (3, 1, 2));
        assert_eq!((told.classes[0].train, told.classes[0].test), (1, 1));
        assert!(told.to_string().contains("3 images to train (1 of them of unknown class), 2 to test"));
        // Images of unknown class are used as unlabelled images only.
        let split = split(&set, 2, Balance::Even, 1).unwrap();
        assert_eq!((split.labelled, split.unlabelled), (vec![0, 1], vec![0, 1, 2]));
        let sheet = contact_sheet(&set, 4, 2);
        // Each of three classes: a heading of 10 pixels, an image of 16, and a line below it; gaps of 4.
        let band = 10 + 4 + (16 + 2 + 10 + 4) + 4;
        assert_eq!(sheet.dimensions(), (4 + 4 * (14 * 6 + 4), 4 + 3 * band));
        assert_eq!(sheet.get_pixel(4, 4 + 2 * band + 14).0, [3; 3]);
        assert_eq!(sheet.get_pixel(4 + 88, 4 + 14).0, [24, 24, 28]);
    }
}

#[test]
fn contact_sheets_show_test_images_alone() {
    let folder = tempdir().unwrap();
    for (class, green) in [("b", 10), ("a", 20)] {
        save(&rgb(8, 8, [1, green, 1]), folder.path().join(format!("test/{class}/1.png")));
        save(&rgb(8, 8, [2, green, 2]), folder.path().join(format!("train/{class}/1.png")));
    }
    let mut set = read(folder.path()).unwrap();
    (set.train, set.train_ids) = (set.train.pick(&[]), set.train_ids.pick(&[]));
    set.train_labels.clear();
    let sheet = contact_sheet(&set, 4, 1);
    let has = |colour: [u8; 3]| sheet.pixels().any(|pixel| pixel.0 == colour);
    assert!(has([1, 10, 1]) && has([1, 20, 1]));
}

#[test]
fn the_common_side_is_clamped() {
    for (sizes, side) in [([4, 4, 4, 9], 8), ([200, 200, 200, 9], 96), ([20, 30, 40, 50], 32)] {
        let folder = tempdir().unwrap();
        for (i, size) in sizes.into_iter().enumerate() {
            save(&rgb(size, size, [9; 3]), folder.path().join(format!("{}/{i}.png", i % 2)));
        }
        assert_eq!(read(folder.path()).unwrap().train.width, side, "{sizes:?}");
    }
}

#[test]
fn unusable_class_folders_are_refused() {
    let folder = pets();
    fs::create_dir(folder.path().join("horse")).unwrap();
    assert_refused(read(folder.path()), &["no image of class 'horse'", "remove the class"]);

    let one = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), one.path().join("only/1.png"));
    save(&rgb(8, 8, [0; 3]), one.path().join("only/2.png"));
    assert_refused(read(one.path()), &["one class only", "'only'"]);

    let singles = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), singles.path().join("a/1.png"));
    save(&rgb(8, 8, [0; 3]), singles.path().join("b/1.png"));
    assert_refused(read(singles.path()), &["no test images", "add images"]);

    let test = tempdir().unwrap();
    for path in ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"] {
        save(&rgb(8, 8, [0; 3]), test.path().join(path));
    }
    assert_refused(read(test.path()), &["class 'c'", "no training images"]);
}

#[test]
fn unknown_folders_list_formats_and_content() {
    let folder = tempdir().unwrap();
    assert_refused(read(folder.path()), &["looked for", "an empty folder"]);
    put(folder.path().join("notes.txt"), b"words");
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert_refused(read(folder.path()), &["IDX", "CIFAR-10", "class folders", "empty/, notes.txt"]);
    save(&rgb(8, 8, [0; 3]), folder.path().join("flat.png"));
    assert_refused(read(folder.path()), &["flat.png"]);
    assert_refused(read(&folder.path().join("notes.txt")), &["notes.txt", "a single file"]);
    put(folder.path().join("one"), &idx_images(1, 8));
    assert_refused(read(&folder.path().join("one")), &["one images and one labels file", "1 and 0"]);
    assert_refused(read(&folder.path().join("missing")), &["cannot read", "missing"]);
    assert_refused(open("builtin:nothing", &OpenOptions::default()), &["'nothing'", "builtin:shapes"]);
    let share = OpenOptions { test_share: Some(1.0), ..OpenOptions::default() };
    assert_refused(open("builtin:digits", &share), &["between 0 and 1"]);
}

#[cfg(unix)]
#[test]
fn cyclic_links_are_not_followed() {
    let folder = pets();
    std::os::unix::fs::symlink(folder.path().join("cat"), folder.path().join("cat/again")).unwrap();
    let set = read(folder.path()).unwrap();
    assert_eq!(set.train.len() + set.test.len(), 10, "every image once");
}

/// Six 8x8 images of different colours, and one of unknown class.
fn photos() -> TempDir {
    let folder = tempdir().unwrap();
    for i in 0..6 {
        save(&rgb(8, 8, [10 * i, 0, 1]), folder.path().join(format!("photos/{i}.png")));
    }
    save(&rgb(8, 8, [200, 0, 1]), folder.path().join("unlabeled/7.png"));
    folder
}

fn read_list(list: &str) -> Result<DataSet, DataError> {
    let folder = photos();
    put(folder.path().join("labels.csv"), list.as_bytes());
    read(folder.path())
}

#[test]
fn csv_lists_accept_common_delimiters() {
    let rows =
        "photos/0.png,dog,train\nphotos/1.png,\"cat, black\",\nphotos/2.png,,\n./photos/3.png,dog,test\n";
    let comma = format!("file,label,split\n{rows}");
    let crlf = format!("\u{feff}File,Label,Split\n{rows}").replace('\n', "\r\n");
    let semicolon = "split;image;note;class\n;photos/0.png;;dog\n;photos/1.png;;cat, black\n;photos/2.png\nval;photos\\3.png;x;dog\n".to_owned();
    for list in [comma, crlf, semicolon] {
        let set = read_list(&list).unwrap();
        assert_eq!(set.format, "images listed in a CSV file");
        assert_eq!(set.classes, ["cat, black", "dog"]);
        assert_eq!(set.train_labels, [Some(1), Some(0), None, None]);
        assert_eq!((0..4).map(|i| set.train.image(i)[0]).collect::<Vec<_>>(), [0, 10, 20, 200]);
        assert_eq!((set.test_labels, set.test.image(0)[0]), (vec![1], 30));
    }
}

#[test]
fn separate_train_and_test_lists_load() {
    let folder = photos();
    fs::rename(folder.path().join("photos"), folder.path().join("images")).unwrap();
    put(folder.path().join("train.csv"), b"filename,label\n0.png,a\n1.png,b\n2.png,a\n");
    put(folder.path().join("test.csv"), b"filename,label\n3.png,a\n4.png,b\n");
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.len(), set.test_labels), (4, vec![0, 1]));
}

#[test]
fn damaged_lists_report_the_line() {
    let start = "file,label\nphotos/0.png,a\nphotos/1.png,b\n";
    for (rows, words) in [
        ("photos/9.png,a\n", &["labels.csv, line 4", "'photos/9.png', which does not exist"][..]),
        ("../secret.png,a\n", &["line 4", "'../secret.png', which does not exist"]),
        ("/etc/passwd,a\n", &["line 4", "'/etc/passwd', which does not exist"]),
        (",a\n", &["line 4", "the name of an image file"]),
        ("photos/0.png,b\n", &["line 4", "each image once", "'photos/0.png' again"]),
        ("\n\nlabels.csv,b\n", &["cannot decode", "labels.csv"]),
    ] {
        assert_refused(read_list(&format!("{start}{rows}")), words);
    }
    let bad = [start.as_bytes(), b"photos/2.png,\xff\n"].concat();
    let folder = photos();
    put(folder.path().join("labels.csv"), &bad);
    assert_refused(read(folder.path()), &["labels.csv, line 4", "a row of text"]);
    assert_refused(
        read_list("file,label,split\nphotos/0.png,a\nphotos/1.png,b\nphotos/2.png,c,test\n"),
        &["class 'c'"],
    );
    assert_refused(
        read_list("file,label,split\nphotos/0.png,a\nphotos/1.png,,test\n"),
        &["line 3", "a label for a test image"],
    );
    assert_refused(read_list("file,label\n"), &["line 1", "a row for each image below the header"]);
    let folder = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), folder.path().join("0.png"));
    put(folder.path().join("labels.csv"), b"0.png,cat\n");
    assert_refused(read(folder.path()), &["labels.csv, line 1", "columns file and label", "found 0.png,cat"]);
}

/// Split words in any spelling, and columns of yes or no.
#[test]
fn split_columns_accept_any_split_word() {
    for (column, train, test) in [
        ("split", "Training", "Holdout"),
        ("Subset", "TRAIN_SET", "dev"),
        ("set", "학습", "시험"),
        ("is_test", "0", "1"),
        ("is_train", "yes", "no"),
        ("is_valid", "False", "True"),
        ("is_training_image", "1", "0"),
        // Any column all of whose cells are split words.
        ("where", "train", "val"),
    ] {
        let set = read_list(&format!(
            "file,label,{column}\nphotos/0.png,a,{train}\nphotos/1.png,b,{train}\nphotos/2.png,a,{test}\n"
        ));
        let set = set.unwrap_or_else(|error| panic!("{column}: {error}"));
        assert_eq!((set.train_labels, set.test_labels), (vec![Some(0), Some(1), None], vec![0]), "{column}");
    }
    for (column, word) in [("split", "later"), ("split", "tset"), ("split", "train2"), ("is_test", "maybe")] {
        let list = format!("file,label,{column}\nphotos/0.png,a,\nphotos/1.png,b,{word}\n");
        assert_refused(
            read_list(&list),
            &["labels.csv, line 3", &format!("'{word}'"), "one of"][..2 + usize::from(column == "split")],
        );
    }
}

#[test]
fn several_columns_of_yes_and_no_name_the_split() {
    let start = "file,label,is_train,is_val,is_test\nphotos/0.png,a,1,0,0\nphotos/1.png,b,1,0,0\n";
    let set = read_list(&format!("{start}photos/2.png,a,0,1,0\nphotos/3.png,b,0,0,1\n")).unwrap();
    assert_eq!((set.train.len(), set.test_labels, set.test.image(0)[0]), (3, vec![1], 30));
    assert_refused(read_list(&format!("{start}photos/2.png,a,1,0,1\n")), &["line 4", "yes in several"]);
    assert_refused(read_list(&format!("{start}photos/2.png,a,0,0,0\n")), &["line 4", "no in all"]);
}

#[test]
fn unlabelled_rows_hide_their_label() {
    let set = read_list(
        "file,label,split\nphotos/0.png,a,train\nphotos/1.png,b,train\nphotos/2.png,b,unlabeled\nphotos/3.png,a,test\n",
    );
    let set = set.unwrap();
    assert_eq!(set.train_labels, [Some(0), Some(1), None, None]);
    // A label that says that there is none.
    let set = read_list(
        "file,label\nphotos/0.png,a\nphotos/1.png,b\nphotos/2.png,unlabeled\nphotos/3.png,a\nphotos/4.png,b\n",
    );
    assert_eq!(set.unwrap().classes, ["a", "b"]);
}

/// Neither trained on nor tested.
#[test]
fn validation_rows_beside_test_rows_are_left_out() {
    let rows = "photos/0.png,a,train\nphotos/1.png,b,train\nphotos/2.png,a,val\nphotos/3.png,a,test\n";
    let set = read_list(&format!("file,label,split\n{rows}")).unwrap();
    assert_eq!((set.train.len(), set.test_labels, set.test.image(0)[0]), (3, vec![0], 30));
}
