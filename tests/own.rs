//! Folders of images labelled by the user: images, the label files, and the data set made of them.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage};
use remixmatch::data::{
    Balance, CLASSES_FILE, DataError, DataSet, LABELS_FILE, LabellingFolder, Labels, LabelsError,
    OpenOptions, Origin, SplitRule, open, split,
};
use tempfile::{TempDir, tempdir};

/// A folder of `count` uniform grey 8x8 images, image i of value i, half of them in a subfolder.
fn folder(count: u8) -> TempDir {
    let folder = tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("more")).expect("a folder");
    for i in 0..count {
        let name = if i < count / 2 { format!("a{i:02}.png") } else { format!("more/{i:02}.png") };
        GrayImage::from_pixel(8, 8, Luma([i])).save(folder.path().join(name)).expect("a PNG");
    }
    folder
}

fn skipping_bad() -> OpenOptions {
    OpenOptions { skip_bad: true, ..OpenOptions::default() }
}

fn read(folder: &Path) -> LabellingFolder {
    LabellingFolder::open(folder, &skipping_bad()).expect("images")
}

fn save(own: &LabellingFolder, labels: &Labels) {
    fs::write(own.folder.join(LABELS_FILE), labels.labels_file(&own.files)).expect("a file");
    fs::write(own.folder.join(CLASSES_FILE), labels.classes_file()).expect("a file");
}

/// Labels of the first `count` images, cycling through the classes.
fn labelled(classes: &[&str], count: usize) -> Labels {
    let mut labels = Labels::default();
    for class in classes {
        labels.add_class(class).expect("a name");
    }
    (0..count).for_each(|image| labels.set(image, (image % classes.len()) as u32));
    labels
}

#[test]
fn images_of_subfolders_are_sorted_by_path() {
    let folder = folder(8);
    let own = read(folder.path());
    assert_eq!(own.files[2..6], ["a02.png", "a03.png", "more/04.png", "more/05.png"]);
    assert_eq!((0..8).map(|i| own.images.image(i)[0]).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    assert_eq!(own.path(5), folder.path().join("more/05.png"));
    assert_eq!(own.notices, [""; 0]);
}

#[test]
fn other_sizes_are_resized_bad_files_skipped() {
    let folder = folder(4);
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("a file");
    RgbImage::from_pixel(20, 10, Rgb([200, 0, 0])).save(folder.path().join("b.jpg")).expect("a JPEG");
    put("c.png", b"not a picture");
    put("d.pgm", b"P5 20000 20000 255\n");
    put("notes.txt", b"words");
    put(LABELS_FILE, b"file,label\n");
    let own = read(folder.path());
    assert_eq!(own.files, ["a00.png", "a01.png", "b.jpg", "more/02.png", "more/03.png"]);
    assert_eq!([own.images.height, own.images.width, own.images.channels], [8, 8, 3]);
    let notices = own.notices.join("\n");
    for words in [
        "1 file that is not an image is ignored, such as",
        "notes.txt",
        "1 of 5 images is resized to 8x8",
        "c.png cannot be decoded",
        "d.pgm is 20000x20000 pixels, the limit is 64 million pixels",
    ] {
        assert!(notices.contains(words), "'{words}' is missing in: {notices}");
    }
    assert!(!notices.contains("--"), "notices name no command-line options: {notices}");
    assert!(matches!(
        LabellingFolder::open(folder.path(), &OpenOptions::default()),
        Err(DataError::BadImage { path, .. }) if path.ends_with("c.png")
    ));
}

#[test]
fn folder_without_images_is_an_error() {
    let folder = tempdir().expect("a temporary folder");
    fs::write(folder.path().join("notes.txt"), "words").expect("a file");
    let error = LabellingFolder::open(folder.path(), &skipping_bad()).expect_err("no images");
    assert!(error.to_string().ends_with("contains no images: add some"), "{error}");
    let gone = folder.path().join("gone");
    let error = LabellingFolder::open(&gone, &skipping_bad()).expect_err("no folder");
    assert!(error.to_string().starts_with("cannot read "), "{error}");
}

#[test]
fn saved_labels_are_read_back() {
    let folder = folder(8);
    let own = read(folder.path());
    assert_eq!(own.read_labels().expect("none yet"), Labels::default());
    let mut labels = labelled(&["zebra", "cat, black", "empty"], 0);
    for (image, class) in [(6, 1), (0, 0), (3, 1)] {
        labels.set(image, class);
    }
    save(&own, &labels);
    let text = fs::read_to_string(folder.path().join(LABELS_FILE)).expect("text");
    assert_eq!(text, "file,label\nmore/06.png,\"cat, black\"\na00.png,zebra\na03.png,\"cat, black\"\n");
    assert_eq!(own.read_labels().expect("labels"), labels);

    // A missing file keeps its label until it is back.
    let moved = folder.path().join("away");
    fs::rename(folder.path().join("a00.png"), &moved).expect("a move");
    let fewer = read(folder.path());
    let mut now = fewer.read_labels().expect("labels");
    assert_eq!((now.counts(), now.classes().len()), (vec![0, 2, 0], 3));
    now.rename(0, "horse").expect("a name");
    save(&fewer, &now);
    fs::rename(moved, folder.path().join("a00.png")).expect("a move");
    let again = read(folder.path()).read_labels().expect("labels");
    assert_eq!((again.classes()[0].as_str(), again.of(0), again.counts()), ("horse", Some(0), vec![1, 2, 0]));
}

#[cfg(unix)]
#[test]
fn labels_of_names_with_line_breaks_are_read_back() {
    let folder = folder(8);
    for (before, name) in [("a00.png", "a\nb.png"), ("more/05.png", "more/c\r\nd, e.png")] {
        fs::rename(folder.path().join(before), folder.path().join(name)).expect("another name");
    }
    let own = read(folder.path());
    let labels = labelled(&["x", "y"], 8);
    save(&own, &labels);
    assert_eq!(own.read_labels().expect("labels"), labels);
    assert_eq!(
        open(folder.path().to_str().expect("a path"), &skipping_bad()).expect("a set").classes,
        ["x", "y"]
    );
    // Quotes that are never closed hold other rows.
    fs::write(folder.path().join(LABELS_FILE), "file,label\n\"a01.png,x\na02.png,y\n").expect("a file");
    assert!(own.read_labels().expect_err("an open quote").to_string().contains("double quote"));
}

#[test]
fn foreign_label_files_are_rejected() {
    let folder = folder(4);
    let own = read(folder.path());
    let with = |text: &[u8]| {
        fs::write(folder.path().join(LABELS_FILE), text).expect("a file");
        own.read_labels()
    };
    let labels = with(
        "\u{feff}file,label\r\na01.png,dog\r\na00.png,\r\nmore/02.png,cat\r\na01.png,dog\r\n".as_bytes(),
    );
    let labels = labels.expect("labels");
    assert_eq!((labels.classes(), labels.made()), (&["dog".to_owned(), "cat".into()][..], &[2, 1][..]));
    assert_eq!((labels.of(1), labels.of(2)), (Some(0), Some(1)));
    let error = with(b"file,label\na01.png,dog\na00.png,\na01.png,cat\n").expect_err("two classes");
    assert!(matches!(error, LabelsError::Row { line: 4, .. }), "{error}");
    for (text, found) in [
        ("file,label,split\na01.png,dog,test\n", "file,label,split"),
        ("a01.png,dog\n", "a01.png,dog"),
        ("", ""),
    ] {
        let error = with(text.as_bytes()).expect_err("another's file");
        assert!(matches!(&error, LabelsError::Foreign { found: f, .. } if f == found), "{error}");
    }
    let error = with(b"file,label\na01.png,dog\na00.png,\xff\n").expect_err("no text");
    assert!(matches!(error, LabelsError::Row { line: 3, .. }), "{error}");
}

#[test]
fn columns_are_read_in_any_order_and_by_any_name() {
    let folder = folder(4);
    let own = read(folder.path());
    fs::write(folder.path().join(CLASSES_FILE), "dog\ncat\n").expect("a file");
    for header in
        ["label;file", "label,file", "class\tfilename", "\"Label\";\"File\"", "category,image", "라벨;파일"]
    {
        let separator = header.chars().find(|letter| ",;\t".contains(*letter)).expect("a separator");
        let rows = "dog,a00.png\ncat,more/02.png\n".replace(',', &separator.to_string());
        fs::write(folder.path().join(LABELS_FILE), format!("{header}\n{rows}")).expect("a file");
        let labels = own.read_labels().unwrap_or_else(|error| panic!("{header}: {error}"));
        assert_eq!(
            (labels.classes(), labels.made()),
            (&["dog".to_owned(), "cat".into()][..], &[0, 2][..]),
            "{header}"
        );
        let set = open(folder.path().to_str().expect("a path"), &skipping_bad()).expect("a set");
        assert_eq!((set.classes, set.train.len()), (vec!["dog".to_owned(), "cat".into()], 4), "{header}");
    }
    // With columns that would be lost, it is a list.
    let rows = "file,label,split\na00.png,dog,train\na01.png,cat,train\nmore/02.png,dog,test\nmore/03.png,cat,test\n";
    fs::write(folder.path().join(LABELS_FILE), rows).expect("a file");
    let set = open(folder.path().to_str().expect("a path"), &skipping_bad()).expect("a set");
    assert_eq!((set.train.len(), set.test.len()), (2, 2));
    assert!(matches!(own.read_labels(), Err(LabelsError::Foreign { .. })));
}

#[test]
fn few_labels_test_on_the_labelled_images() {
    let folder = folder(10);
    let own = read(folder.path());
    let set = own.data_set(&labelled(&["even", "odd", "third"], 7)).expect("a set");
    assert_eq!(set.train.len(), 10);
    assert_eq!(set.train_labels[5..], [Some(2), Some(0), None, None, None]);
    assert_eq!((set.test.len(), set.test_labels.clone()), (7, vec![0, 1, 2, 0, 1, 2, 0]));
    assert_eq!(set.test.image(3), set.train.image(3));
    assert_eq!(set.origin, Origin::ByHand { held_out: false });
    assert_eq!(set.accuracy_name(), "accuracy on the labelled images themselves");
    // Three, two and two labels: not a multiple of the classes, and all are used.
    let labels = set.hand_made_labels().expect("labels of a hand");
    let chosen = split(&set, labels, Balance::Even, 3).expect("a split");
    assert_eq!(chosen.labelled, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(chosen.unlabelled.len(), 10);
}

#[test]
fn held_out_labels_test_and_do_not_train() {
    let folder = folder(20);
    let mut own = read(folder.path());
    let labels = labelled(&["even", "odd"], 11);
    let by_content = own.data_set(&labels).expect("a set");
    assert_eq!(by_content.test.len(), own.held_out(&labels).len());
    own.split = SplitRule::Position;
    let set = own.data_set(&labels).expect("a set");
    assert_eq!(set.origin, Origin::ByHand { held_out: true });
    assert_eq!((set.test_labels.clone(), set.train.len()), (vec![0, 1], 20));
    assert_eq!((set.test.image(0)[0], set.test.image(1)[0]), (8, 9));
    assert_eq!(set.train_labels[7..12], [Some(1), None, None, Some(0), None]);
    assert_eq!(set.hand_made_labels(), Some(9));
}

#[test]
fn data_set_needs_two_classes_with_labels() {
    let folder = folder(4);
    let own = read(folder.path());
    let refused = |labels: &Labels, words: &str| {
        let error = own.data_set(labels).expect_err("no set");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(&Labels::default(), "no image of known class");
    refused(&labelled(&["cat"], 1), "one class only, 'cat'");
    refused(&labelled(&["cat", "dog", "bird"], 2), "no image of class 'bird'");
}

#[test]
fn labelled_folder_opens_as_a_source() {
    let folder = folder(12);
    let own = read(folder.path());
    let labels = labelled(&["zebra", "cat"], 9);
    save(&own, &labels);
    let opened: DataSet = open(folder.path().to_str().expect("a path"), &skipping_bad()).expect("a set");
    let made = own.data_set(&labels).expect("a set");
    assert_eq!((opened.classes, opened.train_labels), (made.classes, made.train_labels));
    assert_eq!((opened.train, opened.test, opened.origin), (made.train, made.test, made.origin));
    assert_eq!(opened.format, "images labelled in labels.csv");

    fs::write(folder.path().join(LABELS_FILE), "name;price\n").expect("a file");
    let error = open(folder.path().to_str().expect("a path"), &skipping_bad()).expect_err("another's");
    assert!(error.to_string().contains("expected the columns file and label"), "{error}");
}

#[test]
fn files_that_change_after_they_were_read_are_told() {
    let folder = folder(8);
    fs::write(folder.path().join("broken.png"), "not an image").expect("a file");
    let own = read(folder.path());
    let changes = || own.changes_on_disk().expect("a folder").to_string();
    save(&own, &labelled(&["cat"], 2));
    fs::write(folder.path().join("notes.txt"), "no image").expect("a file");
    assert_eq!(changes(), "");
    // An image that could not be read is one now.
    let image = |value: u8| GrayImage::from_pixel(8, 8, Luma([value]));
    image(9).save(folder.path().join("broken.png")).expect("a PNG");
    assert_eq!(changes(), "1 image changed (broken.png)");
    image(10).save(folder.path().join("more/new.png")).expect("a PNG");
    fs::rename(folder.path().join("a00.png"), folder.path().join("b00.png")).expect("a move");
    // The same size, and the time of before.
    let path = folder.path().join("a01.png");
    let time = fs::metadata(&path).expect("a file").modified().expect("a time");
    fs::write(&path, fs::read(folder.path().join("a02.png")).expect("a file")).expect("a file");
    fs::File::options().write(true).open(&path).expect("a file").set_modified(time).expect("a time");
    assert_eq!(
        changes(),
        "2 images added (b00.png, more/new.png); 2 images changed (a01.png, broken.png); 1 image removed (a00.png)"
    );
    fs::remove_dir_all(folder.path()).expect("removed");
    assert!(own.changes_on_disk().is_err());
}
