//! Decoding of image files: formats, sizes, orientation, palettes, depth and transparency, partly on files that Pillow
//! wrote; and files that cannot be decoded.

use std::fs;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use moxcms::ColorProfile;
use remixmatch::data::{OpenOptions, open, read_image, read_picture};
use tempfile::tempdir;

use super::common::{assert_refused, fixture, pets, put, read, rgb, save};

#[test]
fn image_formats_are_detected_by_content() {
    let folder = tempdir().unwrap();
    for (i, format) in [
        image::ImageFormat::Png,
        image::ImageFormat::Jpeg,
        image::ImageFormat::Bmp,
        image::ImageFormat::Gif,
        image::ImageFormat::WebP,
        image::ImageFormat::Tiff,
        image::ImageFormat::Pnm,
    ]
    .into_iter()
    .enumerate()
    {
        for class in ["a", "b"] {
            let path = folder.path().join(format!("{class}/{i}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            rgb(8, 8, [240, 120, 10]).save_with_format(path, format).unwrap();
        }
    }
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.len(), set.test.len()), (12, 2));
    for i in 0..set.train.len() {
        for (found, expected) in set.train.image(i).iter().zip([240, 120, 10].iter().cycle()) {
            assert!(found.abs_diff(*expected) <= 4, "image {i}: {found} instead of {expected}");
        }
    }
}

#[test]
fn transparent_pixels_become_black() {
    let folder = tempdir().unwrap();
    for class in ["a", "b"] {
        for i in 0..2 {
            let path = folder.path().join(format!("{class}/{i}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            GrayImage::from_pixel(8, 8, Luma([77])).save(path).unwrap();
        }
    }
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.channels, set.train.image(0)[0]), (1, 77));
    RgbaImage::from_fn(8, 8, |x, _| Rgba([200, 100, 50, if x == 0 { 0 } else { 255 }]))
        .save(folder.path().join("a/0.png"))
        .unwrap();
    let set = read(folder.path()).unwrap();
    let all: Vec<&[u8]> =
        (0..2).map(|i| set.train.image(i)).chain((0..2).map(|i| set.test.image(i))).collect();
    assert_eq!(set.train.channels, 3);
    assert!(all.iter().any(|image| image[..6] == [0, 0, 0, 200, 100, 50]));
    assert!(all.iter().any(|image| image[..3] == [77; 3]));
}

#[test]
fn mixed_sizes_are_centre_cropped_or_refused() {
    let folder = pets();
    // Left and right quarters are red, the middle square green.
    let wide =
        RgbImage::from_fn(40, 20, |x, _| Rgb(if (10..30).contains(&x) { [0, 250, 0] } else { [250, 0, 0] }));
    save(&wide, folder.path().join("cat/0.png"));
    let path = folder.path().to_str().unwrap();
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.width, set.train.image(0)), (10, [0, 250, 0].repeat(100).as_slice()));
    assert!(set.notices[0].contains("1 of 10 images is resized to 10x10"), "{:?}", set.notices);
    let strict = OpenOptions { strict: true, ..OpenOptions::default() };
    assert_refused(open(path, &strict), &["cat/0.png", "40x20", "10x10", "unset strict"]);

    let asked = OpenOptions { image_size: Some(16), ..OpenOptions::default() };
    let set = open(path, &asked).unwrap();
    assert_eq!((set.train.height, set.train.width, set.shift), (16, 16, 2));
    for side in [0, 7, 225] {
        let asked = OpenOptions { image_size: Some(side), ..OpenOptions::default() };
        assert_refused(open(path, &asked), &[&side.to_string(), "8 to 224"]);
    }
}

/// A PNG whose header declares 30,000 x 30,000 pixels, without data.
fn huge_png() -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(30_000u32.to_be_bytes());
    chunk.extend(30_000u32.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&chunk);
    png.extend(crc.sum().to_be_bytes());
    // The header of the first data chunk, up to which decoders read the header.
    png.extend(b"\0\0\x10\0IDAT");
    png
}

#[test]
fn bad_images_are_refused_or_skipped() {
    let whole = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        RgbImage::from_fn(10, 10, |x, y| Rgb([(x * 25) as u8, (y * 25) as u8, 7]))
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    };
    let skip = OpenOptions { skip_bad: true, ..OpenOptions::default() };
    for (content, words) in [
        (whole[..whole.len() / 2].to_vec(), &["cat/bad.png", "cannot decode"][..]),
        (whole[..20].to_vec(), &["cat/bad.png", "cannot decode"]),
        (Vec::new(), &["cat/bad.png", "in no known image format"]),
        (b"plain text".to_vec(), &["cat/bad.png", "in no known image format"]),
        (huge_png(), &["cat/bad.png", "30000x30000", "64 million"]),
    ] {
        let folder = pets();
        put(folder.path().join("cat/bad.png"), &content);
        assert_refused(read(folder.path()), words);
        let set = open(folder.path().to_str().unwrap(), &skip).unwrap();
        assert_eq!(set.train.len() + set.test.len(), 10);
        assert!(set.notices.iter().any(|n| n.contains("skipped") && n.contains("cat/bad.png")));
    }
    let folder = pets();
    for i in 0..5 {
        put(folder.path().join(format!("cat/{i}.png")), b"");
    }
    assert_refused(open(folder.path().to_str().unwrap(), &skip), &["no image of class 'cat'"]);
}

/// The corner pixels of an RGB image of 24x16 pixels read at side 16: of the centre 16 columns.
fn quarters(name: &str) -> [[u8; 3]; 4] {
    let image = read_image(&fixture("pictures").join(name), 16, 3).unwrap();
    [(0, 0), (15, 0), (0, 15), (15, 15)].map(|(x, y)| {
        let at = 3 * (16 * y + x);
        [image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]]
    })
}

/// Checks that the corners are red, green, blue and white, up to JPEG's losses.
fn check_upright(name: &str) {
    let expected = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
    for (found, expected) in quarters(name).as_flattened().iter().zip(expected.as_flattened()) {
        assert!(found.abs_diff(*expected) <= 4, "{name}: {:?}", quarters(name));
    }
}

#[test]
fn exif_orientation_is_applied() {
    (1..=8).for_each(|orientation| check_upright(&format!("exif_{orientation}.jpg")));
    check_upright("exif_6.webp");
    // Sizes are compared after the orientation is applied: all are 24x16.
    let folder = tempdir().unwrap();
    for i in 1..=8 {
        let bytes = fs::read(fixture(&format!("pictures/exif_{i}.jpg"))).unwrap();
        put(folder.path().join(format!("{}/{i}.jpg", i % 2)), &bytes);
    }
    let strict = OpenOptions { strict: true, ..OpenOptions::default() };
    let set = open(folder.path().to_str().unwrap(), &strict).unwrap();
    assert_eq!((set.train.width, set.train.len() + set.test.len()), (16, 8));
}

#[test]
fn palettes_are_expanded() {
    check_upright("palette.png");
}

#[test]
fn transparency_is_composited_over_black() {
    let [clear, half, blue, white] = quarters("clear.png");
    // (200, 100, 50) at an alpha of 128 / 255.
    assert_eq!((clear, half), ([0, 0, 0], [100, 50, 25]));
    assert_eq!((blue, white), ([0, 0, 255], [255, 255, 255]));
    let grey = read_image(&fixture("pictures/grey_clear.png"), 8, 1).unwrap();
    assert!(grey.pixels.iter().all(|&value| value == 100), "{:?}", grey.pixels);
}

#[test]
fn bit_depths_round_to_the_nearest_byte() {
    let nearest = |value: u32| ((value * 255 + 32_767) / 65_535) as u8;
    let image = read_image(&fixture("pictures/grey16.png"), 8, 1).unwrap();
    let expected: Vec<u8> = (0..64).map(|i| nearest(i * 1_040)).collect();
    assert_eq!(image.pixels, expected);
    let folder = tempdir().unwrap();
    let path = folder.path().join("rgb16.png");
    ImageBuffer::from_fn(8, 8, |x, y| Rgb([(x * 9_000) as u16, (y * 9_000) as u16, 65_535]))
        .save(&path)
        .unwrap();
    let image = read_image(&path, 8, 3).unwrap();
    assert_eq!(image.pixels[3 * (8 * 2 + 5)..][..3], [nearest(45_000), nearest(18_000), 255]);
    let image = read_image(&fixture("pictures/bits.png"), 8, 1).unwrap();
    assert_eq!(image.pixels, [0, 255].repeat(32));
}

#[test]
fn one_colour_image_makes_a_set_rgb() {
    let folder = tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        put(folder.path().join(to), &fs::read(fixture("pictures").join(from)).unwrap());
    };
    for (i, name) in ["grey.png", "grey16.png", "grey_clear.png", "bits.png"].into_iter().enumerate() {
        copy(name, &format!("{}/{name}", i % 2));
    }
    let channels = || open(folder.path().to_str().unwrap(), &OpenOptions::default()).unwrap().train.channels;
    assert_eq!(channels(), 1);
    copy("palette.png", "0/palette.png");
    assert_eq!(channels(), 3);
}

/// A colour of Display P3 in sRGB, both 0 to 255.
fn srgb_of_p3(colour: [u8; 3]) -> [u8; 3] {
    let linear = colour.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    // The product of the matrices of SMPTE EG 432-1 and IEC 61966-2-1; both have the white point D65.
    let matrix = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]];
    matrix.map(|row| {
        let value = row.iter().zip(linear).map(|(weight, value)| weight * value).sum::<f64>().clamp(0.0, 1.0);
        let encoded =
            if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (255.0 * encoded).round() as u8
    })
}

#[test]
fn colour_profiles_are_converted_to_srgb() {
    let folder = tempdir().unwrap();
    let colours = [[200, 100, 50], [20, 180, 90], [128, 128, 128], [255, 0, 0], [10, 20, 200]];
    let image = RgbImage::from_fn(10, 10, |x, _| Rgb(colours[x as usize / 2]));
    let save = |name: &str, profile: Option<ColorProfile>| {
        let path = folder.path().join(name);
        let mut encoder = PngEncoder::new(fs::File::create(&path).unwrap());
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
        }
        encoder.write_image(&image, 10, 10, ExtendedColorType::Rgb8).unwrap();
        path
    };
    let plain = read_image(&save("plain.png", None), 10, 3).unwrap();
    assert_eq!(plain.pixels, image.as_raw().as_slice());
    assert_eq!(read_image(&save("srgb.png", Some(ColorProfile::new_srgb())), 10, 3).unwrap(), plain);
    let path = save("p3.png", Some(ColorProfile::new_display_p3()));
    let converted = read_image(&path, 10, 3).unwrap();
    assert_eq!(read_picture(&path, 10).unwrap().pixels, converted.pixels);
    for (colour, found) in colours.into_iter().zip(converted.pixels[..30].chunks_exact(6)) {
        for (found, expected) in found.iter().zip(srgb_of_p3(colour)) {
            assert!(found.abs_diff(expected) <= 2, "{colour:?}: {found}, expected {expected}");
        }
    }
    let grey = read_image(&path, 10, 1).unwrap();
    assert_eq!(grey.pixels[4], 128, "grey stays grey");
}

#[test]
fn grey_profiles_are_converted() {
    let folder = tempdir().unwrap();
    let save = |name: &str, gamma: f32| {
        let path = folder.path().join(name);
        let mut encoder = PngEncoder::new(fs::File::create(&path).unwrap());
        encoder.set_icc_profile(ColorProfile::new_gray_with_gamma(gamma).encode().unwrap()).unwrap();
        encoder.write_image(&[60; 64], 8, 8, ExtendedColorType::L8).unwrap();
        read_image(&path, 8, 1).unwrap().pixels[0]
    };
    let linear = 60.0f64 / 255.0;
    let expected = (255.0 * (1.055 * linear.powf(1.0 / 2.4) - 0.055)).round() as u8;
    assert!(save("linear.png", 1.0).abs_diff(expected) <= 2);
    assert!(save("steep.png", 2.2).abs_diff(60) <= 4);
}

#[test]
fn dark_line_art_is_shown_on_white() {
    let folder = tempdir().unwrap();
    for (name, ink, ground) in [("black", 0, 255), ("dark", 50, 255), ("grey", 120, 0), ("white", 255, 0)] {
        let path = folder.path().join(format!("{name}.png"));
        RgbaImage::from_fn(8, 8, |x, _| Rgba([ink, ink, ink, if x == 3 { 255 } else { 0 }]))
            .save(&path)
            .unwrap();
        let shown = read_image(&path, 8, 3).unwrap();
        assert_eq!(shown.pixels[..12], [[ground; 3], [ground; 3], [ground; 3], [ink; 3]].concat(), "{name}");
        assert_eq!(read_picture(&path, 8).unwrap().pixels, shown.pixels, "{name}");
    }
    // Opaque dark images have an alpha channel too, often.
    let path = folder.path().join("night.png");
    RgbaImage::from_pixel(8, 8, Rgba([9, 8, 7, 255])).save(&path).unwrap();
    assert_eq!(read_image(&path, 8, 3).unwrap().pixels[..3], [9, 8, 7]);
}

#[test]
fn declared_largest_value_becomes_white() {
    let folder = tempdir().unwrap();
    let read = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        put(&path, content);
        read_image(&path, 8, 1).unwrap().pixels[..3].to_vec()
    };
    let words: Vec<u8> =
        [0u16, 2048, 4095].iter().cycle().take(64).flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(read("a.pgm", &[b"P5\n8 8\n4095\n".as_slice(), &words].concat()), [0, 128, 255]);
    let bytes: Vec<u8> = [0u8, 5, 10].iter().cycle().take(64).copied().collect();
    assert_eq!(read("b.pgm", &[b"P5 8 8 10\n".as_slice(), &bytes].concat()), [0, 128, 255]);
}
