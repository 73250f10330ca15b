//! Colours of files that say what their values mean without an ICC profile, and HEIC photos.

use std::fs;
use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use moxcms::ColorProfile;
use remixmatch::data::{Kind, OpenOptions, check, open_files, read_image, read_picture};
use tempfile::tempdir;

use super::check::{Layout, opened_with};
use super::common::{assert_refused, fixture, put};
use super::depths::{pixels, with_chunk};

fn png(image: DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

const LINEAR: u32 = 100_000;
const SRGB_GAMMA: u32 = 45_455;
const SRGB: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
const P3: [u32; 8] = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000];

/// Colours of Display P3 in sRGB by a conversion of its ICC profile.
fn from_p3(colour: [u8; 3]) -> Vec<u8> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("p3.png");
    let mut encoder = image::codecs::png::PngEncoder::new(fs::File::create(&path).unwrap());
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    image::ImageEncoder::set_icc_profile(&mut encoder, profile).unwrap();
    RgbImage::from_pixel(8, 8, Rgb(colour)).write_with_encoder(encoder).unwrap();
    read_image(&path, 8, 3).unwrap().pixels[..3].to_vec()
}

#[test]
fn gamma_and_primaries_of_png_files_are_converted() {
    const COLOUR: [u8; 3] = [200, 60, 30];
    let folder = tempdir().unwrap();
    let read = |chunks: &[(&[u8; 4], Vec<u8>)]| {
        let plain = png(RgbImage::from_pixel(8, 8, Rgb(COLOUR)).into());
        // Each chunk is put before those that are there.
        let file = chunks.iter().rev().fold(plain, |file, (kind, content)| with_chunk(&file, kind, content));
        let path = folder.path().join("file.png");
        put(&path, &file);
        let found = read_image(&path, 8, 3).unwrap().pixels[..3].to_vec();
        assert_eq!(read_picture(&path, 8).unwrap().pixels[..3], found);
        found
    };
    let linear = |value: u8| {
        let value = f64::from(value) / 255.0;
        (255.0 * (1.055 * value.powf(1.0 / 2.4) - 0.055)).round() as u8
    };
    let near = |found: Vec<u8>, expected: &[u8], what: &str| {
        assert!(
            found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 3),
            "{what}: {found:?}, {expected:?}"
        );
    };
    let gamma = |value: u32| (b"gAMA", words(&[value]));
    let primaries = |values: &[u32]| (b"cHRM", words(values));
    near(read(&[gamma(LINEAR)]), &COLOUR.map(linear), "linear values");
    near(read(&[gamma(LINEAR), primaries(&SRGB)]), &COLOUR.map(linear), "linear values of sRGB primaries");
    near(read(&[gamma(SRGB_GAMMA), primaries(&P3)]), &from_p3(COLOUR), "Display P3");
    near(read(&[primaries(&P3)]), &from_p3(COLOUR), "the primaries of Display P3 alone");
    for (what, chunks) in [
        ("no chunk", vec![]),
        ("the gamma of sRGB", vec![gamma(SRGB_GAMMA)]),
        ("sRGB", vec![gamma(SRGB_GAMMA), primaries(&SRGB)]),
        ("an sRGB chunk", vec![gamma(LINEAR), primaries(&P3), (b"sRGB", vec![0])]),
        ("a gamma of 0", vec![gamma(0)]),
        ("a short chunk", vec![(b"cHRM", words(&P3[..7]))]),
        ("white without a y", vec![primaries(&[31_270, 0, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000])]),
    ] {
        assert_eq!(read(&chunks), COLOUR, "{what}");
    }
}

#[test]
fn gamma_of_grey_files_is_converted_and_reported() {
    let grey = |value: u8| {
        let plain = png(GrayImage::from_pixel(16, 16, Luma([value])).into());
        let file = with_chunk(&plain, b"gAMA", &words(&[LINEAR]));
        with_chunk(&file, b"cHRM", &words(&P3))
    };
    let mut files = Layout::new();
    for (i, class) in ["cat", "dog"].into_iter().enumerate() {
        for n in 0..4 {
            files.insert(format!("train/{class}/{n}.png"), grey(60 + 4 * n + i as u8));
            files.insert(format!("test/{class}/{n}.png"), grey(80 + 4 * n + i as u8));
        }
    }
    for (entrance, set) in opened_with(&files, &OpenOptions::default()) {
        assert_eq!(set.train.channels, 1, "{entrance}");
        assert!((0..set.train.len()).all(|i| pixels(&set.train, i)[0] > 120), "{entrance}");
        let report = check(&set, |_| {}).unwrap();
        let found = report.findings.iter().find(|finding| finding.kind == Kind::ColourProfiles);
        let example = found.and_then(|finding| finding.examples().next()).expect("a finding");
        assert_eq!(example.detail.as_deref(), Some("gamma 1.00 of a PNG file"), "{entrance}");
    }
}

/// Written by `heif-enc -q 90`: red, green, blue and light grey squares of 32x32 pixels.
fn heic() -> Vec<u8> {
    fs::read(fixture("pictures/colour.heic")).unwrap()
}

#[test]
fn heic_photos_are_read_in_every_entrance() {
    let mut files = Layout::new();
    for (class, name) in [("cat", "IMG_1.HEIC"), ("cat", "2.jpg"), ("dog", "3.heif"), ("dog", "4.heic")] {
        for split in ["train", "test"] {
            files.insert(format!("{split}/{class}/{name}"), heic());
        }
    }
    for (entrance, set) in opened_with(&files, &OpenOptions::default()) {
        assert_eq!((set.train.len(), set.test.len(), set.train.channels, set.train.width), (4, 4, 3, 64));
        let image = pixels(&set.train, 0);
        let at = |x: usize, y: usize| &image[3 * (64 * y + x)..][..3];
        for (found, expected) in [
            (at(16, 16), [200, 30, 30]),
            (at(48, 16), [30, 180, 40]),
            (at(16, 48), [40, 60, 200]),
            (at(48, 48), [230, 230, 230]),
        ] {
            assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 12), "{entrance}: {found:?}");
        }
    }
    let picture = read_picture(&fixture("pictures/colour.heic"), 32).unwrap();
    assert_eq!((picture.width, picture.height), (32, 32));
}

#[test]
fn damaged_heic_photos_are_refused_or_skipped() {
    let whole = heic();
    for end in [24, 120, whole.len() / 2, whole.len() - 20] {
        let mut files: Vec<(String, Vec<u8>)> = ["a/0.heic", "a/1.heic", "b/0.heic", "b/1.heic"]
            .map(|name| (name.to_owned(), whole.clone()))
            .into();
        files.push(("a/bad.heic".to_owned(), whole[..end].to_vec()));
        let open =
            |skip_bad| open_files("set", files.clone(), &OpenOptions { skip_bad, ..OpenOptions::default() });
        assert_refused(open(false), &["a/bad.heic", "HEIC", "save it as JPEG"]);
        let set = open(true).unwrap();
        assert_eq!((set.train.len() + set.test.len(), set.decoding.skipped), (4, 1), "{end}");
    }
}
