//! Significant bits of 16-bit images: found from the values, declared, or set; in every entrance.

use std::io::Cursor;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb};
use remixmatch::data::{
    DataSet, Fit, Images, Kind, LooseImage, OpenOptions, SignificantBits, check, open_files, read_images,
    significant_bits_of,
};
use tempfile::tempdir;

use super::check::{Layout, deep, opened_with};
use super::common::{assert_refused, put};

fn with(significant_bits: SignificantBits) -> OpenOptions {
    OpenOptions { significant_bits, ..OpenOptions::default() }
}

/// Two classes of 16-bit greys whose values have `bits` bits.
fn greys(bits: u32) -> Layout {
    let mut files = Layout::new();
    for (class, first) in [("cat", 0), ("dog", 100)] {
        (0..6).for_each(|i| drop(files.insert(format!("train/{class}/{i}.png"), deep(first + i, bits))));
        (0..2).for_each(|i| drop(files.insert(format!("test/{class}/{i}.png"), deep(first + 50 + i, bits))));
    }
    files
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// 16-bit greys of one value.
fn flat(value: u16, format: ImageFormat) -> Vec<u8> {
    encoded(&DynamicImage::ImageLuma16(ImageBuffer::from_pixel(16, 16, Luma([value]))), format)
}

/// A PNG file with another chunk behind its header.
pub fn with_chunk(png: &[u8], kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    // The signature, and a header of 13 bytes between 8 bytes and a checksum.
    let (start, rest) = png.split_at(8 + 8 + 13 + 4);
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(content);
    let length = (content.len() as u32).to_be_bytes();
    [start, &length, kind, content, &sum.sum().to_be_bytes(), rest].concat()
}

/// The bytes of an image, whether it is in memory or streamed.
pub fn pixels(images: &Images, i: usize) -> Vec<u8> {
    images.pick(&[i]).image(0).to_vec()
}

fn brightest(images: &Images) -> u8 {
    (0..images.len()).flat_map(|i| pixels(images, i)).max().unwrap()
}

fn is_near(found: &DataSet, expected: &DataSet, levels: u8) -> bool {
    let same = |(a, b): (&Images, &Images)| {
        let bytes = |images: &Images| (0..images.len()).flat_map(|i| pixels(images, i)).collect::<Vec<_>>();
        bytes(a).iter().zip(bytes(b)).all(|(a, b)| a.abs_diff(b) <= levels)
    };
    [(&found.train, &expected.train), (&found.test, &expected.test)].into_iter().all(same)
}

#[test]
fn fewer_bits_are_scaled_in_every_entrance() {
    let full = opened_with(&greys(16), &OpenOptions::default());
    for bits in [8, 10, 12, 14] {
        let files = greys(bits);
        for setting in [SignificantBits::Auto, SignificantBits::Bits(bits as u8)] {
            for ((entrance, set), (_, full)) in opened_with(&files, &with(setting)).iter().zip(&full) {
                assert!(is_near(set, full, 2), "{bits} bits in {entrance}");
                assert_eq!(set.decoding.significant_bits, Some(bits as u8), "{entrance}");
                let told = set.notices.iter().any(|notice| notice.contains("set significant_bits to 16"));
                assert_eq!(told, setting == SignificantBits::Auto, "{:?}", set.notices);
                let report = check(set, |_| {}).unwrap();
                assert!(report.findings.iter().all(|finding| finding.kind != Kind::UnusedBits), "{report}");
            }
        }
    }
    for (entrance, set) in &full {
        assert_eq!(set.decoding.significant_bits, Some(16), "{entrance}");
        assert!(set.notices.iter().all(|notice| !notice.contains("bits")), "{:?}", set.notices);
    }
}

#[test]
fn one_bright_image_keeps_all_bits_and_is_named() {
    for (brightest, bits) in [(40_000, 16), (5_000, 14)] {
        let mut files = greys(12);
        files.insert("train/cat/bright.png".to_owned(), flat(brightest, ImageFormat::Png));
        for (entrance, set) in opened_with(&files, &OpenOptions::default()) {
            assert_eq!(set.decoding.significant_bits, Some(bits), "{entrance}");
            let told = |notice: &&String| {
                [".png has a value of ", "at most 12 bits", "set significant_bits to 12"]
                    .iter()
                    .all(|word| notice.contains(word))
            };
            assert_eq!(set.notices.iter().filter(told).count(), 1, "{entrance}: {:?}", set.notices);
            // A list gives files other names here.
            let is_named = set.notices.iter().any(|notice| notice.contains("cat/bright.png has"));
            assert_eq!(is_named, entrance != "list", "{entrance}: {:?}", set.notices);
        }
    }
    // Half of the images are bright: nothing stands apart.
    let mut files = greys(12);
    for (name, bytes) in greys(16).into_iter().filter(|(name, _)| name.contains("dog")) {
        files.insert(name, bytes);
    }
    for (entrance, set) in opened_with(&files, &OpenOptions::default()) {
        assert!(set.notices.iter().all(|notice| !notice.contains("bits")), "{entrance}: {:?}", set.notices);
    }
}

#[test]
fn images_of_eight_bits_stay_as_they_are() {
    let mut files = greys(12);
    let plain =
        encoded(&DynamicImage::ImageRgb8(ImageBuffer::from_pixel(16, 16, Rgb([9, 8, 7]))), ImageFormat::Png);
    files.insert("train/cat/0.png".to_owned(), plain);
    for (entrance, set) in opened_with(&files, &OpenOptions::default()) {
        assert_eq!(set.decoding.significant_bits, Some(12), "{entrance}");
        let has = |colour: [u8; 3]| (0..set.train.len()).any(|i| pixels(&set.train, i)[..3] == colour);
        assert!(has([9, 8, 7]) && brightest(&set.train) > 200, "{entrance}");
    }
    files.retain(|name, _| name.ends_with("cat/0.png"));
    let clones: Vec<_> = [("a/0.png"), ("a/1.png"), ("b/0.png"), ("b/1.png")].into_iter().collect();
    let files = clones.into_iter().map(|name| (name.to_owned(), files["train/cat/0.png"].clone()));
    let set = open_files("plain", files, &OpenOptions::default()).unwrap();
    assert_eq!(set.decoding.significant_bits, None);
}

#[test]
fn values_beyond_the_set_bits_are_refused() {
    let mut files = greys(12);
    files.insert("train/cat/bright.tif".to_owned(), flat(5_000, ImageFormat::Tiff));
    let options = with(SignificantBits::Bits(12));
    let words = ["cat/bright.tif", "5000", "4095", "significant_bits to 14"];
    assert_refused(open_files("set", files.clone(), &options), &words);
    let set = open_files("set", files.clone(), &OpenOptions { skip_bad: true, ..options }).unwrap();
    assert_eq!((set.train.len(), set.decoding.skipped), (12, 1));
    // Found from the values, the bits hold all of them.
    let set = open_files("set", files, &OpenOptions::default()).unwrap();
    assert_eq!((set.train.len(), set.decoding.significant_bits), (13, Some(14)));
}

#[test]
fn declared_bits_of_png_files_count() {
    for (values, declared, bits, expected) in [
        // The chunk says 13 bits, the values need 12.
        ([3_000, 1_000], 13, 13, 94),
        // Scaled to 16 bits already, as the chunk is meant.
        ([60_000, 30_000], 12, 16, 234),
        // Dark images of the full depth.
        ([3_000, 1_000], 16, 16, 12),
    ] {
        let file = |value| with_chunk(&flat(value, ImageFormat::Png), b"sBIT", &[declared]);
        let names = ["a/0.png", "a/1.png", "b/0.png", "b/1.png"];
        let files = names.map(|name| (name.to_owned(), file(values[usize::from(name.ends_with("1.png"))])));
        let set = open_files("set", files, &OpenOptions::default()).unwrap();
        assert_eq!(set.decoding.significant_bits, Some(bits), "{declared} bits, {values:?}");
        let found = brightest(&set.train).max(brightest(&set.test));
        assert!(found.abs_diff(expected) <= 1, "{declared} bits, {values:?}: {found}");
    }
}

#[test]
fn listed_files_share_their_bits() {
    let folder = tempdir().unwrap();
    let images: Vec<LooseImage> = [("dark.png", 800), ("bright.tif", 4_000)]
        .into_iter()
        .map(|(name, value)| {
            let path = folder.path().join(name);
            put(&path, &flat(value, ImageFormat::from_path(name).unwrap()));
            path.into()
        })
        .collect();
    let (bits, deep) = significant_bits_of(&images, SignificantBits::Auto);
    assert_eq!((bits, deep), (12, images.len()));
    let first = |bits| -> Vec<u8> {
        read_images(&images, 8, 1, bits, Fit::Crop).into_iter().map(|pixels| pixels.unwrap()[0]).collect()
    };
    assert_eq!((first(bits), first(16)), (vec![50, 249], vec![3, 16]));
    assert_eq!(significant_bits_of(&images, SignificantBits::Bits(14)), (14, 0));
    assert_eq!(significant_bits_of(&[folder.path().join("gone.png").into()], SignificantBits::Auto), (16, 0));
}
