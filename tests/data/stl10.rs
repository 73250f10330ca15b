//! STL-10, written by NumPy into a `.tar.gz` like the published one.

use std::path::Path;

use remixmatch::data::{Balance, Choice, split};
use tempfile::{TempDir, tempdir};

use super::common::{assert_refused, check_made, fixture, put, read, read_choice};

/// The fixture, unpacked.
fn unpacked() -> TempDir {
    let folder = tempdir().unwrap();
    let file = std::fs::File::open(fixture("stl10_binary.tar.gz")).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(file)).unpack(folder.path()).unwrap();
    folder
}

fn fold(path: &Path, fold: usize) -> Result<remixmatch::data::DataSet, remixmatch::data::DataError> {
    read_choice(path, Choice { fold: Some(fold), ..Choice::default() })
}

#[test]
fn stl_10_loads_labelled_and_unlabelled_images() {
    let folder = unpacked();
    for path in [fixture("stl10_binary.tar.gz"), folder.path().to_owned(), folder.path().join("stl10_binary")]
    {
        let set = read(&path).unwrap();
        assert_eq!(set.format, "STL-10 (binary)");
        assert_eq!((set.train.height, set.train.width, set.train.channels), (96, 96, 3));
        assert_eq!((set.classes[1].as_str(), set.classes[7].as_str()), ("bird", "monkey"));
        check_made(&set.train, (0..20).chain(22..25));
        check_made(&set.test, 20..22);
        let labels: Vec<_> = (0..20).map(|i| Some(i % 10)).chain([None; 3]).collect();
        assert_eq!((set.train_labels, set.test_labels), (labels, vec![2, 9]));
        assert_eq!((set.flip, set.shift), (true, 12));
    }
}

#[test]
fn a_fold_keeps_only_its_labels() {
    let path = fixture("stl10_binary.tar.gz");
    for (number, kept) in [(0, 0..10), (9, 10..20)] {
        let set = fold(&path, number).unwrap();
        assert_eq!(set.train.len(), 23);
        assert!((0..20).all(|i| set.train_labels[i].is_some() == kept.contains(&i)));
        let labelled = split(&set, 10, Balance::Even, 1).unwrap().labelled;
        assert_eq!(labelled, kept.collect::<Vec<_>>());
    }
    assert_refused(fold(&path, 10), &["fold 10", "expected 0 to 9"]);
    assert_refused(fold(&fixture("pets.tar"), 0), &["setting fold", "STL-10", "folder of class folders"]);

    let folder = unpacked();
    let folds = folder.path().join("stl10_binary/fold_indices.txt");
    put(&folds, b"0 1 2\n3 20\n");
    assert_refused(fold(folder.path(), 1), &["fold_indices.txt, line 2", "0 to 19", "found 20"]);
    assert_refused(fold(folder.path(), 5), &["fold_indices.txt, line 6", "10 lines"]);
    put(&folds, b"0 one\n");
    assert_refused(fold(folder.path(), 0), &["line 1", "found one"]);
    std::fs::remove_file(folds).unwrap();
    assert_refused(fold(folder.path(), 0), &["fold_indices.txt", "no such file"]);
}

#[test]
fn damaged_stl_10_files_report_the_offset() {
    let folder = unpacked();
    let at = |name: &str| folder.path().join("stl10_binary").join(name);
    let whole = std::fs::read(at("unlabeled_X.bin")).unwrap();
    put(at("unlabeled_X.bin"), &whole[..27_648 + 5]);
    assert_refused(read(folder.path()), &["unlabeled_X.bin", "byte 27648", "27648 bytes", "found 5 bytes"]);
    put(at("unlabeled_X.bin"), &[]);
    assert_eq!(read(folder.path()).unwrap().train.len(), 20);
    for (label, found) in [(0, "found 0"), (11, "found 11")] {
        put(at("test_y.bin"), &[1, label]);
        assert_refused(read(folder.path()), &["test_y.bin", "byte 1", "from 1 to 10", found]);
    }
    put(at("test_y.bin"), &[1, 2, 3]);
    assert_refused(read(folder.path()), &["test_y.bin", "2 images of test_X.bin", "3 labels"]);
    put(at("test_y.bin"), &[1, 2]);
    put(at("class_names.txt"), b"bird\n");
    assert_refused(read(folder.path()), &["class_names.txt", "10 class names"]);
    std::fs::remove_file(at("train_y.bin")).unwrap();
    assert_refused(read(folder.path()), &["train_X.bin", "its labels", "none"]);
}
