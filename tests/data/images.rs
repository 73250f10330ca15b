use std::fs;

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use remixmatch::data::{OpenOptions, open};
use tempfile::tempdir;

use super::common::{pets, put, read, refused, rgb, save};

#[test]
fn the_formats_of_images_are_told_from_content() {
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
    assert_eq!(set.train.len() + set.test.len(), 14);
    for i in 0..set.train.len() {
        for (found, expected) in set.train.image(i).iter().zip([240, 120, 10].iter().cycle()) {
            assert!(found.abs_diff(*expected) <= 4, "image {i}: {found} instead of {expected}");
        }
    }
}

#[test]
fn grey_stays_grey_and_transparent_pixels_turn_black() {
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
fn images_of_other_sizes_are_resized_from_their_middle_or_refused() {
    let folder = pets();
    // Left and right quarters are red, the middle square green.
    let wide =
        RgbImage::from_fn(40, 20, |x, _| Rgb(if (10..30).contains(&x) { [0, 250, 0] } else { [250, 0, 0] }));
    save(&wide, folder.path().join("cat/0.png"));
    let path = folder.path().to_str().unwrap();
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.width, set.train.image(0)), (10, [0, 250, 0].repeat(100).as_slice()));
    assert!(set.notices[0].contains("1 of 10 images are resized to 10x10"), "{:?}", set.notices);
    let strict = OpenOptions { strict: true, ..OpenOptions::default() };
    refused(open(path, &strict), &["cat/0.png", "40x20", "10x10", "strict"]);

    let asked = OpenOptions { image_size: Some(16), ..OpenOptions::default() };
    let set = open(path, &asked).unwrap();
    assert_eq!((set.train.height, set.train.width, set.shift), (16, 16, 2));
    for side in [0, 7, 97] {
        let asked = OpenOptions { image_size: Some(side), ..OpenOptions::default() };
        refused(open(path, &asked), &[&side.to_string(), "8 to 96"]);
    }
}

/// A PNG that says it is 30,000 x 30,000 and ends there.
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
    // The header of the first data chunk: readers look for it before they answer.
    png.extend(b"\0\0\x10\0IDAT");
    png
}

#[test]
fn bad_images_are_named_and_passed_over_when_asked() {
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
        (Vec::new(), &["cat/bad.png", "no image format"]),
        (b"plain text".to_vec(), &["cat/bad.png", "no image format"]),
        (huge_png(), &["cat/bad.png", "30000x30000", "64 million"]),
    ] {
        let folder = pets();
        put(folder.path().join("cat/bad.png"), &content);
        refused(read(folder.path()), words);
        let set = open(folder.path().to_str().unwrap(), &skip).unwrap();
        assert_eq!(set.train.len() + set.test.len(), 10);
        assert!(set.notices.iter().any(|n| n.contains("passed over") && n.contains("cat/bad.png")));
    }
    let folder = pets();
    for i in 0..5 {
        put(folder.path().join(format!("cat/{i}.png")), b"");
    }
    refused(open(folder.path().to_str().unwrap(), &skip), &["no image of class 'cat'"]);
}
