//! Files that were never on a disk, such as those dropped on a page.

use std::fs;

use remixmatch::data::{DataError, DataSet, OpenOptions, open_files};

use super::common::{fixture, idx_images, idx_labels, read, refused};

fn files(files: Vec<(&str, Vec<u8>)>) -> Result<DataSet, DataError> {
    open_files(
        "dropped",
        files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)),
        &OpenOptions::default(),
    )
}

#[test]
fn files_and_archives_in_memory_are_read_as_on_the_disk() {
    for name in ["pets.zip", "pets.tar", "cifar-10-python.tar.gz", "parts.npz", "stl10_binary.tar.gz"] {
        let bytes = fs::read(fixture(name)).unwrap();
        let (set, expected) = (files(vec![(name, bytes)]).unwrap(), read(&fixture(name)).unwrap());
        assert_eq!((set.name.as_str(), set.format), ("dropped", expected.format));
        assert!(set.train == expected.train && set.test == expected.test, "{name}");
        assert_eq!((set.classes, set.train_labels), (expected.classes, expected.train_labels));
    }
    let set = files(vec![
        ("mnist/train-images", idx_images(6, 8)),
        ("mnist/train-labels", idx_labels(&[0, 1, 2, 0, 1, 2])),
        ("mnist/t10k-images", idx_images(3, 8)),
        ("mnist/t10k-labels", idx_labels(&[2, 1, 0])),
    ]);
    assert_eq!(set.unwrap().format, "IDX");
    let png = fs::read(fixture("pictures/grey.png")).unwrap();
    let image = |name| (name, png.clone());
    let set = files(vec![image("a/1.png"), image("a/2.png"), image("b/1.png"), image("b/2.png")]).unwrap();
    assert_eq!((set.classes, set.train.len(), set.test.len()), (vec!["a".to_owned(), "b".to_owned()], 2, 2));
}

#[test]
fn what_is_no_set_is_refused_with_its_names() {
    refused(files(vec![]), &["dropped", "an empty folder"]);
    refused(files(vec![("a.txt", vec![1]), ("b/c.txt", vec![])]), &["dropped", "found a.txt, b/"]);
    refused(files(vec![("a/1.png", vec![]), ("b/1.png", vec![])]), &["dropped/a/1.png", "no image format"]);
}
