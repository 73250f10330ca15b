//! Shared by the tests of data sets: files made byte by byte, fixtures, and assertions.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{Rgb, RgbImage};
use remixmatch::data::{Choice, DataError, DataSet, Images, OpenOptions, open};
use tempfile::{TempDir, tempdir};

pub fn read(folder: &Path) -> Result<DataSet, DataError> {
    open(folder.to_str().unwrap(), &OpenOptions::default())
}

/// Asserts that opening failed with a message of one line that contains all `words`.
pub fn assert_refused(result: Result<DataSet, DataError>, words: &[&str]) {
    let Err(error) = result else { panic!("accepted, expected an error with {words:?}") };
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "'{word}' is missing in: {message}");
    }
    assert!(!message.contains('\n'), "one line: {message}");
}

pub fn put(path: impl AsRef<Path>, bytes: &[u8]) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Images 0 to `count`: the first pixel of image n is n, and each following one is one more.
pub fn idx_images(count: u8, side: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, side, 0, 0, 0, side];
    for n in 0..count {
        bytes.extend((0..u16::from(side) * u16::from(side)).map(|i| (u16::from(n) + i) as u8));
    }
    bytes
}

pub fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1, 0, 0, 0, labels.len() as u8];
    bytes.extend_from_slice(labels);
    bytes
}

/// A record whose planes are n, n + 1 and n + 2, except the last pixel of the first row: 200, 201 and 202.
pub fn cifar_record(classes: &[u8], n: u8) -> Vec<u8> {
    let mut record = classes.to_vec();
    for plane in 0..3 {
        let mut pixels = vec![n + plane; 1024];
        pixels[31] = 200 + plane;
        record.extend(pixels);
    }
    record
}

pub fn cifar_10() -> TempDir {
    let folder = tempdir().unwrap();
    for batch in 1..=2u8 {
        let records: Vec<u8> = (0..10).flat_map(|n| cifar_record(&[n], 10 * batch + n)).collect();
        put(folder.path().join(format!("data_batch_{batch}.bin")), &records);
    }
    put(folder.path().join("test_batch.bin"), &cifar_record(&[3], 99));
    folder
}

pub fn check_pixels(images: &Images, i: usize, n: u8) {
    assert_eq!(images.image(i)[..3], [n, n + 1, n + 2]);
    assert_eq!(images.image(i)[31 * 3..33 * 3], [200, 201, 202, n, n + 1, n + 2]);
}

pub fn rgb(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(colour))
}

pub fn save(image: &RgbImage, path: impl AsRef<Path>) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

/// Two classes of five 10x10 images.
pub fn pets() -> TempDir {
    let folder = tempdir().unwrap();
    for i in 0..5u8 {
        save(&rgb(10, 10, [i, 100, 200]), folder.path().join(format!("dog/{i}.png")));
        save(&rgb(10, 10, [50 + i, 0, 9]), folder.path().join(format!("cat/{i}.png")));
    }
    folder
}

/// A file of `tests/fixtures/data`, written by `make_data.py`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data").join(name)
}

/// Image `i` as `make_data.py` makes it (HWC).
pub fn made(i: usize, side: usize, channels: usize) -> Vec<u8> {
    let value = |y: usize, x: usize, c: usize| ((7 * i + 3 * y + 5 * x + 11 * c) % 256) as u8;
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (y, x)));
    places.flat_map(|(y, x)| (0..channels).map(move |c| value(y, x, c))).collect()
}

/// Asserts that `images` are those that `make_data.py` makes for `numbers`.
pub fn check_made(images: &Images, numbers: impl IntoIterator<Item = usize>) {
    let numbers: Vec<usize> = numbers.into_iter().collect();
    assert_eq!(images.len(), numbers.len());
    for (at, i) in numbers.into_iter().enumerate() {
        assert!(images.image(at) == made(i, images.height, images.channels), "image {at}, made as {i}");
    }
}

/// Opens a set with a choice.
pub fn read_choice(path: &Path, choice: Choice) -> Result<DataSet, DataError> {
    open(path.to_str().unwrap(), &OpenOptions { choice, ..OpenOptions::default() })
}
