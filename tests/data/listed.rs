//! Images that a CSV file lists.

use std::fs;

use remixmatch::data::{DataError, DataSet};
use tempfile::{TempDir, tempdir};

use super::common::{put, read, refused, rgb, save};

/// Six 8x8 images, each of its own grey, and one of unknown class.
fn photos() -> TempDir {
    let folder = tempdir().unwrap();
    for i in 0..6 {
        save(&rgb(8, 8, [10 * i, 0, 1]), folder.path().join(format!("photos/{i}.png")));
    }
    save(&rgb(8, 8, [200, 0, 1]), folder.path().join("unlabeled/7.png"));
    folder
}

fn with(list: &str) -> Result<DataSet, DataError> {
    let folder = photos();
    put(folder.path().join("labels.csv"), list.as_bytes());
    read(folder.path())
}

#[test]
fn lists_of_files_and_labels_are_read_with_any_usual_delimiter() {
    let rows =
        "photos/0.png,dog,train\nphotos/1.png,\"cat, black\",\nphotos/2.png,,\n./photos/3.png,dog,test\n";
    let comma = format!("file,label,split\n{rows}");
    let crlf = format!("\u{feff}File,Label,Split\n{rows}").replace('\n', "\r\n");
    let semicolon = "split;image;note;class\n;photos/0.png;;dog\n;photos/1.png;;cat, black\n;photos/2.png\nval;photos\\3.png;x;dog\n".to_owned();
    for list in [comma, crlf, semicolon] {
        let set = with(&list).unwrap();
        assert_eq!(set.format, "images listed in a CSV file");
        assert_eq!(set.classes, ["cat, black", "dog"]);
        assert_eq!(set.train_labels, [Some(1), Some(0), None, None]);
        assert_eq!((0..4).map(|i| set.train.image(i)[0]).collect::<Vec<_>>(), [0, 10, 20, 200]);
        assert_eq!((set.test_labels, set.test.image(0)[0]), (vec![1], 30));
    }
}

#[test]
fn lists_to_train_and_to_test_beside_their_folders() {
    let folder = photos();
    fs::rename(folder.path().join("photos"), folder.path().join("images")).unwrap();
    put(folder.path().join("train.csv"), b"filename,label\n0.png,a\n1.png,b\n2.png,a\n");
    put(folder.path().join("test.csv"), b"filename,label\n3.png,a\n4.png,b\n");
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.len(), set.test_labels), (4, vec![0, 1]));
}

#[test]
fn bad_lists_are_named_with_the_line() {
    let start = "file,label\nphotos/0.png,a\nphotos/1.png,b\n";
    for (rows, words) in [
        ("photos/9.png,a\n", &["labels.csv, line 4", "'photos/9.png', which is not there"][..]),
        ("../secret.png,a\n", &["line 4", "'../secret.png', which is not there"]),
        ("/etc/passwd,a\n", &["line 4", "'/etc/passwd', which is not there"]),
        (",a\n", &["line 4", "the name of an image file"]),
        ("photos/0.png,b\n", &["line 4", "each image once", "'photos/0.png' again"]),
        ("\n\nlabels.csv,b\n", &["cannot decode", "labels.csv"]),
    ] {
        refused(with(&format!("{start}{rows}")), words);
    }
    let bad = [start.as_bytes(), b"photos/2.png,\xff\n"].concat();
    let folder = photos();
    put(folder.path().join("labels.csv"), &bad);
    refused(read(folder.path()), &["labels.csv, line 4", "a row of text"]);
    refused(with("file,label,split\nphotos/0.png,a\nphotos/1.png,b\nphotos/2.png,c,test\n"), &["class 'c'"]);
    refused(
        with("file,label,split\nphotos/0.png,a\nphotos/1.png,,test\n"),
        &["line 3", "an image that tests"],
    );
    refused(with("file,label\n"), &["no image of known class"]);
    let folder = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), folder.path().join("0.png"));
    put(folder.path().join("labels.csv"), b"0.png,cat\n");
    refused(read(folder.path()), &["labels.csv, line 1", "columns file and label", "found 0.png,cat"]);
}
