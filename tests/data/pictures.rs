//! What images of any kind become: orientation, palettes, depth and transparency, on files that Pillow wrote.

use std::fs;

use image::{ImageBuffer, Rgb};
use remixmatch::data::{OpenOptions, open, read_image};
use tempfile::tempdir;

use super::common::{fixture, put};

/// The pixel at (x, y) of an RGB picture read at its own height of 16: the middle 16 columns of 24.
fn quarters(name: &str) -> [[u8; 3]; 4] {
    let image = read_image(&fixture("pictures").join(name), 16, 3).unwrap();
    [(0, 0), (15, 0), (0, 15), (15, 15)].map(|(x, y)| {
        let at = 3 * (16 * y + x);
        [image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]]
    })
}

/// Red, green, blue and white, but for what JPEG loses.
fn check_upright(name: &str) {
    let expected = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
    for (found, expected) in quarters(name).as_flattened().iter().zip(expected.as_flattened()) {
        assert!(found.abs_diff(*expected) <= 4, "{name}: {:?}", quarters(name));
    }
}

#[test]
fn pictures_are_seen_upright_however_the_camera_was_held() {
    (1..=8).for_each(|orientation| check_upright(&format!("exif_{orientation}.jpg")));
    check_upright("exif_6.webp");
    // Their sizes count as they are seen: all are 24x16.
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
fn palettes_become_their_colours() {
    check_upright("palette.png");
}

#[test]
fn transparent_pictures_lie_over_black() {
    let [clear, half, blue, white] = quarters("clear.png");
    // 128 of 255 parts of (200, 100, 50).
    assert_eq!((clear, half), ([0, 0, 0], [100, 50, 25]));
    assert_eq!((blue, white), ([0, 0, 255], [255, 255, 255]));
    let grey = read_image(&fixture("pictures/grey_clear.png"), 8, 1).unwrap();
    assert!(grey.pixels.iter().all(|&value| value == 100), "{:?}", grey.pixels);
}

#[test]
fn sixteen_bits_become_the_nearest_of_eight_and_one_bit_black_and_white() {
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
fn a_set_of_grey_pictures_is_grey_and_one_colour_makes_it_rgb() {
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
