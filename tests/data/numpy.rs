//! Arrays written by NumPy, and damaged ones.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};

use remixmatch::data::{DataError, DataSet, OpenOptions, SignificantBits, open, open_files};
use tempfile::tempdir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{assert_refused, check_made, fixture, gzip, put, read};

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
        (
            array("|O", "(2, 8, 8)", &pixels),
            y(),
            &["set/x.npy", "Python objects", "images.astype('uint8')"][..],
        ),
        (array("<c8", "(2, 8, 8)", &pixels), y(), &["set/x.npy", "numbers or strings", "'<c8'"]),
        (array("<U2", "(2, 8, 8)", &pixels), y(), &["set/x.npy", "images as numbers", "strings"]),
        (array("|u1", "(2, 64)", &pixels[..128]), y(), &["set/x.npy", "[2, 64]", "reshape(-1, 8, 8)"]),
        (array("|u1", "(2, 192)", &pixels[..384]), y(), &["set/x.npy", "[2, 192]", "reshape(-1, 3, 8, 8)"]),
        (array("|u1", "(8, 8, 2)", &pixels[..128]), y(), &["set/x.npy", "numpy.moveaxis(images, -1, 0)"]),
        (array("|u1", "(8, 8, 3, 2)", &pixels[..384]), y(), &["set/x.npy", "along the last axis"]),
        (array("|u1", "(2, 8, 8, 2)", &pixels[..256]), y(), &["set/x.npy", "1 or 3 channels"]),
        (array("|u1", "(2, 8, 8, 4)", &pixels[..512]), y(), &["set/x.npy", "images[..., :3]"]),
        (array("|u1", "(2, 1, 128)", &pixels[..256]), y(), &["set/x.npy", "128x1", "rows of pixels"]),
        (array("|u1", "(2, 128, 1)", &pixels[..256]), y(), &["set/x.npy", "1x128", "at least 8x8"]),
        (array("|u1", "(2, 0, 8)", &[]), y(), &["set/x.npy", "8x0", "at least 8x8"]),
        (x(), array("|u1", "(3,)", &[0, 1, 2]), &["set/y.npy", "2 images of x.npy", "3 numbers"]),
        (x(), array("|u1", "(2, 2)", &[0, 1, 1, 1]), &["set/y.npy", "shape [2, 2]", "row 1 is not one 1"]),
        (x(), array("|i1", "(2,)", &[0, 254]), &["set/y.npy", "found -2 at 1"]),
        (x(), array("<u8", "(2,)", &[255; 16]), &["set/y.npy", "found 18446744073709552000"]),
        (x(), array("|O", "(2,)", &[0, 1]), &["set/y.npy", "labels.astype('int64')"]),
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

/// Ten images of 16x16 pixels with these values in turn, as `f4`.
fn floats(values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = (0..10 * 256).flat_map(|at| values[at % values.len()].to_le_bytes()).collect();
    array("<f4", "(10, 16, 16)", &bytes)
}

/// As [`floats`], as `u2`.
fn words(values: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = (0..10 * 256).flat_map(|at| values[at % values.len()].to_le_bytes()).collect();
    array("<u2", "(10, 16, 16)", &bytes)
}

/// The files of a set of these images and labels, as they are on a disk, in a zip file and in a .tar.gz, in memory and
/// streamed.
fn in_every_way(files: &[(&str, Vec<u8>)]) -> Vec<(String, Result<DataSet, DataError>)> {
    let outer = tempdir().unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        put(outer.path().join("set").join(name), bytes);
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    put(outer.path().join("set.npz"), &writer.finish().unwrap().into_inner());
    put(outer.path().join("set.tar.gz"), &gzip(&tar.into_inner().unwrap()));
    let mut opened = Vec::new();
    for name in ["set", "set.npz", "set.tar.gz"] {
        for memory in [None, Some(0)] {
            let options = OpenOptions { memory, ..OpenOptions::default() };
            let path = outer.path().join(name);
            opened.push((format!("{name} {memory:?}"), open(path.to_str().unwrap(), &options)));
        }
    }
    opened
}

fn ten_labels() -> Vec<u8> {
    array("|u1", "(10,)", &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
}

/// Values that mean something certain become 0 to 255 with a notice.
#[test]
fn values_of_other_ranges_are_scaled() {
    let bytes = |values: &[u8], side: usize| {
        let all: Vec<u8> = (0..10 * side * side).map(|at| values[at % values.len()]).collect();
        array("|u1", &format!("(10, {side}, {side})"), &all)
    };
    for (what, x, expected, notice) in [
        ("floats 0 to 1", floats(&[0.0, 0.2, 1.0]), [0, 51, 255], "from 0 to 1: 1 is read as 255"),
        ("floats -1 to 1", floats(&[-1.0, 0.0, 1.0]), [0, 128, 255], "from -1 to 1"),
        ("floats 0 to 255", floats(&[0.0, 7.0, 255.0]), [0, 7, 255], ""),
        ("bytes", bytes(&[0, 7, 255], 16), [0, 7, 255], ""),
        ("0 and 1", bytes(&[0, 1, 1], 16), [0, 255, 255], "(255 * images).astype('uint8')"),
        ("digits", bytes(&[0, 8, 16], 8), [0, 128, 255], "scikit-learn's digits"),
        ("dark", bytes(&[0, 8, 16], 16), [0, 8, 16], "16 of 255, so that they are nearly black"),
        ("12 bits", words(&[0, 2_048, 4_095]), [0, 128, 255], "read as 12 bits"),
        ("257 times", words(&[0, 257, 2_570]), [0, 1, 10], "read as 16 bits"),
        ("words below 256", words(&[0, 7, 255]), [0, 7, 255], ""),
        ("truth", array("|b1", "(10, 16, 16)", &[0, 1].repeat(1_280)), [0, 255, 0], "1 is read as white"),
    ] {
        for (way, set) in in_every_way(&[("x.npy", x.clone()), ("y.npy", ten_labels())]) {
            let set = set.unwrap_or_else(|error| panic!("{what} in {way}: {error}"));
            let found: BTreeSet<u8> =
                (0..set.train.len()).flat_map(|i| set.train.pick(&[i]).image(0).to_vec()).collect();
            assert_eq!(found, BTreeSet::from(expected), "{what} in {way}");
            let told = |notice: &&String| notice.contains("of the images");
            let said: Vec<&String> = set.notices.iter().filter(told).collect();
            match notice {
                "" => assert!(said.is_empty(), "{what} in {way}: {said:?}"),
                _ => {
                    assert!(set.notices.iter().any(|said| said.contains(notice)), "{what}: {:?}", set.notices)
                }
            }
        }
    }
}

#[test]
fn values_without_a_certain_meaning_are_refused() {
    for (x, words) in [
        (floats(&[0.0, f32::NAN]), &["x.npy", "NaN at [0, 0, 1]", "nan_to_num"][..]),
        (floats(&[0.0, 0.5, f32::INFINITY]), &["x.npy", "inf at [0, 0, 2]"]),
        (floats(&[-2.1, 0.0, 2.6]), &["x.npy", "from -2.100 to 2.600", "normalisation"]),
        (floats(&[0.0, 2.5]), &["x.npy", "from 0 to 2.500"]),
        (array("<i4", "(10, 8, 8)", &(-100i32).to_le_bytes().repeat(640)), &["x.npy", "integers from -100"]),
    ] {
        for (_, set) in in_every_way(&[("x.npy", x), ("y.npy", ten_labels())]) {
            assert_refused(set, words);
        }
    }
    // What is white in one array is not in the other.
    let with_test = |x: Vec<u8>, test: Vec<u8>| {
        in_every_way(&[
            ("x_train.npy", x),
            ("y_train.npy", ten_labels()),
            ("x_test.npy", test),
            ("y_test.npy", ten_labels()),
        ])
    };
    for (_, set) in with_test(floats(&[0.0, 255.0]), floats(&[0.0, 0.5, 1.0])) {
        assert_refused(set, &["x_test.npy", "from 0 to 1", "where another array has", "from 0 to 255"]);
    }
    for (_, set) in with_test(floats(&[0.0, 0.5, 1.0]), floats(&[0.0, 0.5])) {
        assert_eq!(set.unwrap().test.image(0)[..2], [0, 128]);
    }
    let twelve = OpenOptions { significant_bits: SignificantBits::Bits(10), ..OpenOptions::default() };
    let files = [("x.npy".to_owned(), words(&[0, 4_000])), ("y.npy".to_owned(), ten_labels())];
    assert_refused(open_files("set", files, &twelve), &["x.npy", "4000", "significant_bits to 12"]);
}

#[test]
fn labels_of_every_kind_are_read() {
    let x = || floats(&[0.0, 0.5, 1.0]);
    let floats = |labels: &[f64]| labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<_>>();
    let numbers = |odd: f64| (0..10).map(|i| if i == 3 { odd } else { f64::from(i % 2) }).collect::<Vec<_>>();
    let text = |names: [&str; 2]| {
        let letters = |name: &str| {
            let mut letters: Vec<u32> = name.chars().map(u32::from).collect();
            letters.resize(3, 0);
            letters
        };
        (0..10).flat_map(|i| letters(names[i % 2])).flat_map(u32::to_le_bytes).collect::<Vec<_>>()
    };
    let one_hot: Vec<u8> = (0..10).flat_map(|i| [u8::from(i % 2 == 0), u8::from(i % 2 == 1)]).collect();
    let signed: Vec<u8> = (0..10).map(|i| if i == 3 { 255 } else { i % 2 }).collect();
    for (what, y, classes, unknown) in [
        ("float", array("<f8", "(10,)", &floats(&numbers(1.0))), ["0", "1"], 0),
        ("one-hot", array("|u1", "(10, 2)", &one_hot), ["0", "1"], 0),
        ("truth", array("|b1", "(10,)", &[0, 1].repeat(5)), ["0", "1"], 0),
        ("names", array("<U3", "(10,)", &text(["dog", "cat"])), ["cat", "dog"], 0),
        ("bytes", array("|S3", "(10,)", &b"dogcat".repeat(5)), ["cat", "dog"], 0),
        ("-1", array("|i1", "(10,)", &signed), ["0", "1"], 1),
        ("-1.0", array("<f8", "(10,)", &floats(&numbers(-1.0))), ["0", "1"], 1),
    ] {
        for (way, set) in in_every_way(&[("x.npy", x()), ("y.npy", y.clone())]) {
            let set = set.unwrap_or_else(|error| panic!("{what} in {way}: {error}"));
            assert_eq!(set.classes, classes, "{what} in {way}");
            assert_eq!(set.train_labels.iter().filter(|label| label.is_none()).count(), unknown, "{what}");
            assert_eq!(set.train.len() + set.test.len(), 10, "{what}");
            let told = set
                .notices
                .iter()
                .any(|notice| notice.contains("1 of 10 labels is unknown, as -1 in y.npy says"));
            assert_eq!(told, unknown > 0, "{what}: {:?}", set.notices);
            if what == "names" {
                let dogs =
                    set.train_labels.iter().flatten().chain(&set.test_labels).filter(|label| **label == 1);
                assert_eq!(dogs.count(), 5);
            }
        }
    }
    for (y, words) in [
        (array("<f8", "(10,)", &floats(&numbers(f64::NAN))), &["y.npy", "NaN at 3", "save -1"][..]),
        (array("<f8", "(10,)", &floats(&numbers(0.5))), &["y.npy", "0.5 at 3"]),
        (array("<U3", "(10,)", &text(["dog", " "])), &["y.npy", "an empty name at 1"]),
        (array("|i1", "(10,)", &[255; 10]), &["y.npy", "-1 for all of them"]),
    ] {
        for (_, set) in in_every_way(&[("x.npy", x()), ("y.npy", y)]) {
            assert_refused(set, words);
        }
    }
    // Images to test have a class.
    let unknown = array("|i1", "(10,)", &signed);
    let files =
        [("x_train.npy", x()), ("y_train.npy", ten_labels()), ("x_test.npy", x()), ("y_test.npy", unknown)];
    for (_, set) in in_every_way(&files) {
        assert_refused(set, &["y_test.npy", "-1 at 3", "leave images of unknown class out"]);
    }
    // Names with an order of their own.
    let named = array("<U3", "(2,)", &text(["dog", "cat"])[..24]);
    let files =
        [("x.npy", x()), ("y.npy", array("<U3", "(10,)", &text(["dog", "cat"]))), ("classes.npy", named)];
    for (way, set) in in_every_way(&files) {
        let set = set.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!((set.classes, set.train_labels[0]), (vec!["dog".to_owned(), "cat".to_owned()], Some(0)));
    }
}

#[test]
fn colours_in_the_other_order_are_told() {
    let value = |i: usize, y: usize, x: usize, c: usize| {
        (127.0 + 60.0 * (x as f64 / 5.0 + (i + c) as f64).sin() + 60.0 * (y as f64 / 7.0).cos()) as u8
    };
    let all = || (0..10 * 768).map(|at| at as usize);
    let pixels: Vec<u8> = all().map(|at| value(at / 768, at / 48 % 16, at / 3 % 16, at % 3)).collect();
    let planes: Vec<u8> = all().map(|at| value(at / 768, at / 16 % 16, at % 16, at / 256 % 3)).collect();
    for (shape, bytes, advice) in [
        ("(10, 16, 16, 3)", &pixels, ""),
        ("(10, 3, 16, 16)", &planes, ""),
        ("(10, 16, 16, 3)", &planes, "images.reshape(-1, 3, 16, 16)"),
        ("(10, 3, 16, 16)", &pixels, "images.reshape(-1, 16, 16, 3)"),
    ] {
        for (way, set) in in_every_way(&[("x.npy", array("|u1", shape, bytes)), ("y.npy", ten_labels())]) {
            let set = set.unwrap_or_else(|error| panic!("{shape} in {way}: {error}"));
            let told: Vec<&String> = set.notices.iter().filter(|notice| notice.contains("reshape")).collect();
            match advice {
                "" => assert!(told.is_empty(), "{shape}: {told:?}"),
                _ => assert!(told.len() == 1 && told[0].contains(advice), "{shape}: {told:?}"),
            }
        }
    }
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
