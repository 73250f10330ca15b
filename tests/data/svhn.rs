//! SVHN as SciPy writes it: compressed and plain, labels as bytes, doubles and 16-bit integers.

use std::fs;

use remixmatch::data::{Choice, DataError, DataSet};
use tempfile::{TempDir, tempdir};

use super::common::{assert_refused, check_made, fixture, put, read, read_choice};

fn copy(files: &[&str]) -> TempDir {
    let folder = tempdir().unwrap();
    for file in files {
        put(folder.path().join(file), &fs::read(fixture("svhn").join(file)).unwrap());
    }
    folder
}

#[test]
fn svhn_loads_with_and_without_extra() {
    let set = read(&fixture("svhn")).unwrap();
    assert_eq!(set.format, "SVHN (.mat, train and extra)");
    assert_eq!(set.classes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    // The label 10 of image 0 is the digit 0.
    let digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert_eq!(set.train_labels[..10], digits.map(Some));
    assert_eq!(set.train_labels[10..], [0, 1, 2, 3].map(Some));
    assert_eq!(set.test_labels, [0, 1, 2]);
    check_made(&set.train, (0..10).chain(20..24));
    check_made(&set.test, 10..13);
    assert_eq!((set.flip, set.shift), (false, 4));
    assert!(set.notices[0].contains("4 extra images") && set.notices[0].contains("no_extra"));

    let choice = Choice { no_extra: true, ..Choice::default() };
    let set = read_choice(&fixture("svhn"), choice.clone()).unwrap();
    assert_eq!((set.format.as_str(), set.train.len(), set.notices.len()), ("SVHN (.mat)", 10, 0));
    let without = copy(&["train_32x32.mat", "test_32x32.mat"]);
    assert_eq!(read(without.path()).unwrap().train, set.train);
    assert!(read_choice(without.path(), choice.clone()).is_ok());
    assert_refused(read_choice(&fixture("pets.zip"), choice), &["setting no_extra", "SVHN", "pets.zip"]);
}

#[test]
fn missing_svhn_files_are_named() {
    assert_refused(read(copy(&["test_32x32.mat", "extra_32x32.mat"]).path()), &["train_32x32.mat", "others"]);
    // Ten images, one per class: none can be held out.
    assert_refused(read(copy(&["train_32x32.mat"]).path()), &["no test images"]);
}

fn with(file: &str, bytes: &[u8]) -> Result<DataSet, DataError> {
    let folder = copy(&["train_32x32.mat", "test_32x32.mat"]);
    put(folder.path().join(file), bytes);
    read(folder.path())
}

#[test]
fn damaged_mat_files_report_the_offset() {
    for file in ["train_32x32.mat", "test_32x32.mat"] {
        let whole = fs::read(fixture("svhn").join(file)).unwrap();
        for part in [0, 5, 20, 50, 80, 97] {
            assert_refused(with(file, &whole[..whole.len() * part / 100]), &[file]);
        }
        let mut wrong = whole.clone();
        wrong[124..128].copy_from_slice(b"\x01\x00MI");
        assert_refused(with(file, &wrong), &[file, "byte 0", "big-endian"]);
        wrong[124..128].copy_from_slice(b"\0\0\0\0");
        assert_refused(with(file, &wrong), &[file, "the magic number of a MAT-file"]);
        wrong[..19].copy_from_slice(b"MATLAB 7.3 MAT-file");
        assert_refused(with(file, &wrong), &[file, "version 7.3", "-v7"]);
    }
    let whole = fs::read(fixture("svhn/test_32x32.mat")).unwrap();
    // The matrix X: its class at 128 + 8 + 8, its dimensions from 160, its name at 180.
    let change = |at: usize, bytes: &[u8]| {
        let mut wrong = whole.clone();
        wrong[at..at + bytes.len()].copy_from_slice(bytes);
        with("test_32x32.mat", &wrong)
    };
    assert_refused(change(144, &[1]), &["test_32x32.mat", "byte 128", "array of numbers", "class 1"]);
    assert_refused(change(160, &[31]), &["test_32x32.mat", "[31, 32, 3, 3]", "9216 bytes"]);
    assert_refused(change(160, &[255, 255, 255, 127]), &["test_32x32.mat", "'X' of"]);
    assert_refused(change(156, &[255, 255, 255, 127]), &["dimensions of at most 128 bytes"]);
    assert_refused(change(132, &[255, 255, 255, 255]), &["test_32x32.mat", "the end"]);
    assert_refused(change(180, b"Z"), &["test_32x32.mat", "no X"]);
}

#[test]
fn compressed_mat_bombs_are_refused() {
    use std::io::{Read as _, Write as _};
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let word = |n: u32| n.to_le_bytes();
    // X of 1 x 1 x 3 x 100 million bytes.
    let dimensions = [1, 1, 3, 100_000_000];
    let start = [
        [word(14), word(300_000_056)].concat(),
        [word(6), word(8), word(9), word(0)].concat(),
        [word(5), word(16)].concat(),
        dimensions.map(word).concat(),
        [[1, 0, 1, 0], *b"X\0\0\0"].concat(),
        [word(2), word(300_000_000)].concat(),
    ]
    .concat();
    packer.write_all(&start).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(300_000_000), &mut packer).unwrap();
    let packed = packer.finish().unwrap();
    let header = fs::read(fixture("svhn/test_32x32.mat")).unwrap()[..128].to_vec();
    let file = [header, [word(15), word(packed.len() as u32)].concat(), packed].concat();
    assert_refused(with("train_32x32.mat", &file), &["train_32x32.mat", "byte 128", "unpack to more than"]);
}
