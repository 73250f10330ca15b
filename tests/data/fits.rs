//! Sizes of images and how images that are not square become squares, in every entrance.

use std::collections::BTreeSet;
use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use remixmatch::data::{Fit, Kind, OpenOptions, check};

use super::check::{Layout, opened_with};
use super::depths::pixels;

const RED: [u8; 3] = [250, 0, 0];
const GREEN: [u8; 3] = [0, 250, 0];
const BLUE: [u8; 3] = [0, 0, 250];

fn encoded(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Two classes of images of 60x20 pixels: a red, a green and a blue third. A pixel makes each file another one.
fn wide() -> Layout {
    let mut files = Layout::new();
    for (c, class) in ["cat", "dog"].into_iter().enumerate() {
        for i in 0..8u8 {
            let mut image = RgbImage::from_fn(60, 20, |x, _| Rgb([RED, GREEN, BLUE][x as usize / 20]));
            image.put_pixel(25, 5, Rgb([2 * i + c as u8, 250, 0]));
            let part = if i < 6 { "train" } else { "test" };
            files.insert(format!("{part}/{class}/{i}.png"), encoded(&image));
        }
    }
    files
}

/// The colours at the ends and in the middle of the middle row, and in the middle of the first row.
fn colours(image: &[u8], side: usize) -> [[u8; 3]; 4] {
    let middle = side / 2;
    let at = |x: usize, y: usize| <[u8; 3]>::try_from(&image[(y * side + x) * 3..][..3]).unwrap();
    [at(1, middle), at(middle, middle), at(side - 2, middle), at(middle, 0)]
}

fn is_near(found: [[u8; 3]; 4], expected: [[u8; 3]; 4]) -> bool {
    found.as_flattened().iter().zip(expected.as_flattened()).all(|(a, b)| a.abs_diff(*b) <= 12)
}

#[test]
fn sizes_and_fits_apply_in_every_entrance() {
    let files = wide();
    for (image_size, side) in [(None, 20), (Some(8), 8), (Some(33), 33), (Some(96), 96), (Some(224), 224)] {
        for (fit, expected, text) in [
            (Fit::Crop, [GREEN; 4], "cropped to their centre square"),
            (Fit::Pad, [RED, GREEN, BLUE, [83; 3]], "padded to squares"),
            (Fit::Stretch, [RED, GREEN, BLUE, GREEN], "stretched to squares"),
        ] {
            let options = OpenOptions { image_size, fit, ..OpenOptions::default() };
            for (entrance, set) in opened_with(&files, &options) {
                let what = format!("{fit:?} to {image_size:?} in {entrance}");
                assert_eq!([set.train.height, set.train.width, set.test.width], [side; 3], "{what}");
                assert_eq!((set.train.len(), set.test.len(), set.decoding.fit), (12, 4, fit), "{what}");
                for image in [pixels(&set.train, 3), pixels(&set.test, 1)] {
                    let found = colours(&image, side);
                    assert!(is_near(found, expected), "{what}: {found:?}");
                }
                let told = set.notices.iter().any(|notice| notice.contains(text));
                assert!(told, "{what}: {:?}", set.notices);
                let streams = entrance == "streamed";
                assert_eq!(set.train.in_memory() == 0, streams, "{what}");
                let report = check(&set, |_| {}).unwrap();
                let cropped = report.findings.iter().any(|finding| finding.kind == Kind::Cropped);
                assert_eq!(cropped, fit == Fit::Crop, "{what}: {report}");
            }
        }
    }
}

#[test]
fn sizes_are_rounded_for_networks_that_ask() {
    let files = wide();
    for (image_size, side) in [
        (None, 32),
        (Some(8), 32),
        (Some(32), 32),
        (Some(47), 32),
        (Some(48), 64),
        (Some(100), 96),
        (Some(223), 224),
        (Some(224), 224),
    ] {
        let options = OpenOptions { image_size, size_multiple: Some(32), ..OpenOptions::default() };
        for (entrance, set) in opened_with(&files, &options) {
            let from = image_size.unwrap_or(20);
            assert_eq!(set.train.width, side, "{image_size:?} in {entrance}");
            let notice = format!("rounded from {from} to {side}, a multiple of 32");
            let told = set.notices.iter().any(|told| told.contains(&notice));
            assert_eq!(told, from != side, "{image_size:?} in {entrance}: {:?}", set.notices);
        }
    }
}

#[test]
fn the_fit_does_not_change_which_images_test() {
    let mut files = wide();
    files.retain(|name, _| name.starts_with("train/"));
    let ids = |fit| {
        let options = OpenOptions { fit, ..OpenOptions::default() };
        let sets = opened_with(&files, &options).into_iter();
        sets.map(|(_, set)| set.test_ids.ids.iter().map(|id| id.content).collect::<BTreeSet<_>>())
            .collect::<Vec<_>>()
    };
    let cropped = ids(Fit::Crop);
    assert!(cropped.iter().all(|tests| !tests.is_empty() && *tests == cropped[0]));
    assert_eq!([ids(Fit::Pad), ids(Fit::Stretch)], [cropped.clone(), cropped]);
}
