//! Arrays written by NumPy, and damaged ones.

use std::fs;

use remixmatch::data::{DataError, DataSet, OpenOptions, open_files};

use super::common::{assert_refused, check_made, fixture, read};

/// A `.npy` file.
fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{header}\n");
    [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes(), elements]
        .concat()
}

pub fn array(kind: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"), elements)
}

fn read_arrays(x: Vec<u8>, y: Vec<u8>) -> Result<DataSet, DataError> {
    open_files("set", [("x.npy".to_owned(), x), ("y.npy".to_owned(), y)], &OpenOptions::default())
}

#[test]
fn one_pair_of_arrays_makes_a_set() {
    let set = read(&fixture("plain.npz")).unwrap();
    assert_eq!((set.format.as_str(), set.name.as_str()), ("NumPy arrays", "plain.npz"));
    assert_eq!(set.classes, ["0", "1", "2"]);
    assert_eq!((set.train.channels, set.train.len(), set.test.len()), (1, 17, 3));
    assert_eq!((set.flip, set.shift, set.notices.len()), (false, 2, 2));
    assert!(set.notices[1].contains("no image is drawn to test by its content"), "{:?}", set.notices);
    // Images keep their labels; the first one is not held out.
    assert_eq!((set.train.image(0)[..3].to_vec(), set.train_labels[0]), (vec![0, 5, 10], Some(0)));
}

#[test]
fn optional_arrays_and_channels_first_load() {
    let set = read(&fixture("parts.npz")).unwrap();
    assert_eq!(set.classes, ["Äpfel", "pears"]);
    assert_eq!(set.train_labels, [Some(0), Some(1), Some(0), Some(1), Some(0), Some(1), None, None, None]);
    assert_eq!(set.test_labels, [1, 0]);
    check_made(&set.train, [0, 1, 2, 3, 4, 5, 8, 9, 10]);
    check_made(&set.test, 6..8);
    assert_eq!((set.flip, set.shift), (true, 1));
}

#[test]
fn unsuitable_arrays_are_refused() {
    let x = || array("|u1", "(2, 8, 8)", &[7; 128]);
    let y = || array("|u1", "(2,)", &[0, 1]);
    let pixels = [7; 1024];
    for (x, y, words) in [
        (array("<f4", "(4, 8, 8)", &pixels), y(), &["set/x.npy", "uint8, 0 to 255", "<f4"][..]),
        (array("<i8", "(2, 8, 8)", &pixels), y(), &["set/x.npy", "images as uint8", "int64"]),
        (array("|O", "(2, 8, 8)", &pixels), y(), &["set/x.npy", "|O"]),
        (array("|u1", "(2, 64)", &pixels[..128]), y(), &["set/x.npy", "N x height x width", "[2, 64]"]),
        (array("|u1", "(2, 8, 8, 2)", &pixels[..256]), y(), &["set/x.npy", "1 or 3 channels"]),
        (array("|u1", "(2, 1, 128)", &pixels[..256]), y(), &["set/x.npy", "128x1", "rows of pixels"]),
        (array("|u1", "(2, 128, 1)", &pixels[..256]), y(), &["set/x.npy", "1x128", "at least 8x8"]),
        (array("|u1", "(2, 0, 8)", &[]), y(), &["set/x.npy", "8x0", "at least 8x8"]),
        (x(), array("|u1", "(3,)", &[0, 1, 2]), &["set/y.npy", "2 images of x.npy", "3 numbers"]),
        (x(), array("|u1", "(2, 2)", &[0, 1, 1, 0]), &["set/y.npy", "shape [2, 2]"]),
        (x(), array("|i1", "(2,)", &[0, 255]), &["set/y.npy", "found -1"]),
        (x(), array("<u8", "(2,)", &[255; 16]), &["set/y.npy", "found 18446744073709551615"]),
        (x(), array("<U1", "(2,)", &[65, 0, 0, 0, 66, 0, 0, 0]), &["set/y.npy", "strings"]),
        (x(), npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2,)}", &[0, 1]), &["Fortran order"]),
        (
            x(),
            npy("{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (2,)}", &[0, 1]),
            &["('a', '|u1')"],
        ),
        (x(), npy("{}", &[0, 1]), &["'descr' in the header", "{}"]),
        (
            x(),
            npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}", &[0, 1]),
            &["a shape", "(-2,)"],
        ),
        (x(), array("|u1", "(1000000000000, 1000000000000)", &[0, 1]), &["set/y.npy", "found 2"]),
        (array("|u1", "(2, 8, 8)", &[7; 127]), y(), &["set/x.npy", "[2, 8, 8]", "found 127"]),
        (array("|u1", "(2, 8, 8)", &[7; 129]), y(), &["set/x.npy", "found 129"]),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(), y(), &["set/x.npy", "header of 4294967295 bytes"]),
        (b"\x93NUMPY\x01".to_vec(), y(), &["set/x.npy", "byte 0", "the magic string of a .npy file"]),
        (b"no array".to_vec(), y(), &["set/x.npy", "the magic string of a .npy file"]),
    ] {
        assert_refused(read_arrays(x, y), words);
    }
    assert!(read_arrays(array("|u1", "(4, 8, 8)", &[7; 256]), array("|u1", "(4,)", &[0, 1, 0, 1])).is_ok());
}

#[test]
fn damaged_npz_files_are_refused() {
    let whole = fs::read(fixture("parts.npz")).unwrap();
    for part in [10, 50, 90, 99] {
        let cut = whole[..whole.len() * part / 100].to_vec();
        let set = open_files("set", [("parts.npz".to_owned(), cut)], &OpenOptions::default());
        assert_refused(set, &["set/parts.npz", "as an archive"]);
    }
    let mut flipped = whole.clone();
    let pixels = whole.windows(4).position(|bytes| bytes == [11, 22, 5, 16]).unwrap();
    flipped[pixels] ^= 1;
    let set = open_files("set", [("parts.npz".to_owned(), flipped)], &OpenOptions::default());
    assert_refused(set, &["set/parts.npz/x_train.npy", "checksum"]);
}
