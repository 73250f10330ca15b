//! Sets of arrays whose images are not square, or larger than networks take: they become what the same images become as
//! files.

use std::io::{Cursor, Write as _};
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage};
use remixmatch::data::{DataSet, Fit, OpenOptions, open};
use tempfile::{TempDir, tempdir};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{assert_refused, put, read};
use super::numpy::array;

/// Images to train on, two of each of ten classes, and to test.
const TRAIN: usize = 20;
const TEST: usize = 10;

/// A value of image `i` that differs along both sides and in every channel.
fn value(i: usize, y: usize, x: usize, channel: usize) -> u8 {
    ((37 * i + 11 * y + 3 * x + 50 * channel + (x * y) % 7) % 251) as u8
}

/// Images from `first` on as bytes in the order of the dimensions that `order` names: n, h, w and c.
fn pixels([first, count]: [usize; 2], [height, width, channels]: [usize; 3], order: &str) -> Vec<u8> {
    let size = |letter| match letter {
        'n' => count,
        'h' => height,
        'w' => width,
        _ => channels,
    };
    let letters: Vec<char> = order.chars().collect();
    let all = letters.iter().map(|letter| size(*letter)).product();
    let index = |mut at: usize| {
        let mut found = [0; 4];
        for letter in letters.iter().rev() {
            found["nhwc".find(*letter).unwrap()] = at % size(*letter);
            at /= size(*letter);
        }
        found
    };
    (0..all)
        .map(|at| {
            let [n, y, x, channel] = index(at);
            value(first + n, y, x, channel)
        })
        .collect()
}

fn labels(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 10 / count) as u8).collect()
}

type Files = Vec<(&'static str, Vec<u8>)>;

/// Arrays with this order of dimensions.
fn npy(size: [usize; 3], order: &str) -> Files {
    let [height, width, channels] = size;
    let part = |first: usize, count: usize| {
        let shape: Vec<String> = order
            .chars()
            .map(|letter| match letter {
                'n' => count.to_string(),
                'h' => height.to_string(),
                'w' => width.to_string(),
                _ => channels.to_string(),
            })
            .collect();
        let x = array("|u1", &format!("({})", shape.join(", ")), &pixels([first, count], size, order));
        (x, array("|u1", &format!("({count},)"), &labels(count)))
    };
    let ((x, y), (x_test, y_test)) = (part(0, TRAIN), part(TRAIN, TEST));
    vec![("x_train.npy", x), ("y_train.npy", y), ("x_test.npy", x_test), ("y_test.npy", y_test)]
}

fn npz(size: [usize; 3]) -> Files {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in npy(size, "nhwc") {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    vec![("set.npz", writer.finish().unwrap().into_inner())]
}

fn idx([height, width, _]: [usize; 3]) -> Files {
    let word = |n: usize| (n as u32).to_be_bytes();
    let part = |first: usize, count: usize| {
        let header = [[0, 0, 8, 3], word(count), word(height), word(width)].concat();
        let y = [[0, 0, 8, 1], word(count)].concat();
        let x = pixels([first, count], [height, width, 1], "nhw");
        ([header, x].concat(), [y, labels(count)].concat())
    };
    let ((x, y), (x_test, y_test)) = (part(0, TRAIN), part(TRAIN, TEST));
    vec![
        ("train-images-idx3-ubyte", x),
        ("train-labels-idx1-ubyte", y),
        ("t10k-images-idx3-ubyte", x_test),
        ("t10k-labels-idx1-ubyte", y_test),
    ]
}

/// A matrix of bytes of a MAT-file of level 5.
fn matrix(name: &str, dimensions: &[usize], bytes: &[u8]) -> Vec<u8> {
    let word = |n: usize| (n as u32).to_le_bytes();
    let padded = |kind: usize, bytes: &[u8]| {
        let mut element = [word(kind), word(bytes.len())].concat();
        element.extend(bytes);
        element.resize(element.len().next_multiple_of(8), 0);
        element
    };
    let shape: Vec<u8> = dimensions.iter().flat_map(|n| word(*n)).collect();
    let content = [
        padded(6, &[word(9), word(0)].concat()),
        padded(5, &shape),
        padded(1, name.as_bytes()),
        padded(2, bytes),
    ]
    .concat();
    [[word(14), word(content.len())].concat(), content].concat()
}

fn svhn(size: [usize; 3]) -> Files {
    let mut header = b"MATLAB 5.0 MAT-file".to_vec();
    header.resize(124, b' ');
    header.extend(b"\x00\x01IM");
    let [height, width, channels] = size;
    let part = |first: usize, count: usize| {
        // Column-major: the last dimension of the order varies fastest.
        let x = matrix("X", &[height, width, channels, count], &pixels([first, count], size, "ncwh"));
        [header.clone(), x, matrix("y", &[count, 1], &labels(count))].concat()
    };
    vec![("train_32x32.mat", part(0, TRAIN)), ("test_32x32.mat", part(TRAIN, TEST))]
}

/// The same images as PNG files in train/CLASS and test/CLASS.
fn png_files([height, width, channels]: [usize; 3]) -> TempDir {
    let folder = tempdir().unwrap();
    for (part, first, count) in [("train", 0, TRAIN), ("test", TRAIN, TEST)] {
        for (i, label) in labels(count).into_iter().enumerate() {
            let path = folder.path().join(format!("{part}/{label}/{i:02}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let at = |x: u32, y: u32, channel| value(first + i, y as usize, x as usize, channel);
            let (width, height) = (width as u32, height as u32);
            match channels {
                1 => GrayImage::from_fn(width, height, |x, y| Luma([at(x, y, 0)])).save(path).unwrap(),
                _ => RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| at(x, y, c))))
                    .save(path)
                    .unwrap(),
            }
        }
    }
    folder
}

fn written(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| put(folder.path().join(name), bytes));
    folder
}

fn opened(folder: &Path, options: &OpenOptions) -> DataSet {
    open(folder.to_str().unwrap(), options).unwrap()
}

#[test]
fn arrays_become_what_files_become() {
    const TALL: [usize; 3] = [20, 12, 3];
    const WIDE: [usize; 3] = [9, 31, 3];
    let grey = |[height, width, _]: [usize; 3]| [height, width, 1];
    type Case = (&'static str, [usize; 3], Files);
    let cases: [Case; 10] = [
        ("height, width, channels", TALL, npy(TALL, "nhwc")),
        ("channels first", TALL, npy(TALL, "nchw")),
        ("wide", WIDE, npy(WIDE, "nhwc")),
        ("without channels", grey(WIDE), npy(grey(WIDE), "nhw")),
        ("a single channel", grey(TALL), npy(grey(TALL), "nchw")),
        ("npz", TALL, npz(TALL)),
        ("IDX", grey(TALL), idx(TALL)),
        ("SVHN, tall", TALL, svhn(TALL)),
        ("SVHN, wide", WIDE, svhn(WIDE)),
        ("larger than networks take", [225, 225, 1], idx([225, 225, 1])),
    ];
    for (case, size, files) in cases {
        let (arrays, files) = (written(&files), png_files(size));
        for fit in [Fit::Crop, Fit::Pad, Fit::Stretch] {
            for (image_size, memory) in [(None, None), (Some(16), None), (Some(16), Some(0)), (None, Some(0))]
            {
                let options = OpenOptions { fit, image_size, memory, ..OpenOptions::default() };
                let what = format!("{case}, {fit:?}, {image_size:?}, {memory:?} bytes");
                let (found, expected) = (opened(arrays.path(), &options), opened(files.path(), &options));
                let sides = |set: &DataSet| [set.train.width, set.train.height, set.train.channels];
                assert_eq!(sides(&found), sides(&expected), "{what}");
                let pixels = |set: &DataSet| {
                    let train: Vec<usize> = (0..set.train.len()).collect();
                    [set.train.pick(&train).pixels, set.test.pixels.clone()]
                };
                assert!(pixels(&found) == pixels(&expected), "{what}");
                assert_eq!(found.train_labels, expected.train_labels, "{what}");
                assert!(found.train.take_failure().is_none(), "{what}");
                let [height, width, _] = size;
                let side = found.train.width;
                let told = format!("all images are resized from {width}x{height} to {side}x{side}");
                let notice = found.notices.iter().find(|notice| notice.starts_with(&told)).expect(&what);
                assert_eq!(notice.contains("square"), width != height, "{notice}");
            }
        }
    }
}

#[test]
fn arrays_of_two_sizes_are_refused() {
    let only = |files: Files, from: &str, to: &'static str| -> Files {
        files.into_iter().filter(|(name, _)| *name == from).map(|(_, bytes)| (to, bytes)).collect()
    };
    let [small, large] = [[8, 8, 3], [8, 12, 3]];
    let idx_test = "t10k-images-idx3-ubyte";
    for (files, other, words) in [
        (
            npy(small, "nhwc"),
            only(npy(large, "nhwc"), "x_test.npy", "x_test.npy"),
            ["x_test.npy", "[8, 12, 3]"],
        ),
        (idx(small), only(idx(large), idx_test, idx_test), [idx_test, "[8, 12, 1]"]),
        (
            svhn(small),
            only(svhn(large), "test_32x32.mat", "test_32x32.mat"),
            ["test_32x32.mat", "[8, 12, 3]"],
        ),
        (
            svhn(small),
            only(svhn(large), "train_32x32.mat", "extra_32x32.mat"),
            ["extra_32x32.mat", "[8, 12, 3]"],
        ),
    ] {
        let folder = written(&[files, other].concat());
        assert_refused(read(folder.path()), &[words[0], words[1], "the training images' size, [8, 8, "]);
    }
}
