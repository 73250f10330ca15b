//! Built-in sets, and sets whose files were never on a disk.

use std::collections::HashSet;
use std::fs;

use remixmatch::data::{DataError, DataSet, OpenOptions, open, open_files, summary};

use super::common::{assert_refused, fixture, idx_images, idx_labels, read};

/// FNV-1a hash.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn built_in_sets_are_complete_and_balanced() {
    for (name, shape, train, test) in [
        ("fashion", (28, 28, 1), 6_000, 1_000),
        ("digits", (28, 28, 1), 4_000, 1_000),
        ("shapes", (32, 32, 3), 5_000, 1_000),
    ] {
        let set = open(&format!("builtin:{name}"), &OpenOptions::default()).unwrap();
        assert_eq!(set.name, format!("builtin:{name}"));
        assert_eq!((set.train.height, set.train.width, set.train.channels), shape);
        assert_eq!((set.train.len(), set.test.len(), set.classes.len()), (train, test, 10));
        let told = summary(&set);
        assert!(
            told.classes.iter().all(|class| (class.train, class.test) == (train / 10, test / 10)),
            "{name}"
        );
        // No test image is a training image.
        let seen: HashSet<&[u8]> = (0..train).map(|i| set.train.image(i)).collect();
        assert!((0..test).all(|i| !seen.contains(set.test.image(i))), "{name}");
    }
}

/// The means of the full sets are known (0.2860, and MNIST's 0.1307): those of a subset are close.
#[test]
fn built_in_subsets_match_their_sources_mean() {
    for (name, mean) in [("fashion", 0.2860), ("digits", 0.1307)] {
        let set = open(&format!("builtin:{name}"), &OpenOptions::default()).unwrap();
        let sum: u64 = set.train.pixels.iter().map(|&value| u64::from(value)).sum();
        let found = sum as f64 / set.train.pixels.len() as f64 / 255.0;
        assert!((found - mean).abs() < 0.005, "{name}: {found}, expected about {mean}");
    }
}

#[test]
fn shapes_are_identical_on_every_machine() {
    let set = open("builtin:shapes", &OpenOptions::default()).unwrap();
    assert_eq!(set.classes[8], "star");
    assert_eq!(set.train_labels[18], Some(8));
    assert_eq!(
        (checksum(&set.train.pixels), checksum(&set.test.pixels)),
        (0xf9a4_2d31_640b_f9d1, 0x8f84_2151_cd5c_9f97)
    );
}

/// Opens files in memory, such as those dropped on a page.
fn files(files: Vec<(&str, Vec<u8>)>) -> Result<DataSet, DataError> {
    open_files(
        "dropped",
        files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)),
        &OpenOptions::default(),
    )
}

#[test]
fn files_in_memory_load_like_files_on_disk() {
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
fn unknown_files_in_memory_are_listed() {
    assert_refused(files(vec![]), &["dropped", "an empty folder"]);
    assert_refused(files(vec![("a.txt", vec![1]), ("b/c.txt", vec![])]), &["dropped", "found a.txt, b/"]);
    assert_refused(
        files(vec![("a/1.png", vec![]), ("b/1.png", vec![])]),
        &["dropped/a/1.png", "in no known image format"],
    );
}
