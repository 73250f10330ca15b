//! Sets of arrays, whose images are resized to `image_size` as image files are.

use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma, Rgb};
use remixmatch::data::{DataSet, Images, OpenOptions, open};

use super::common::{cifar_10, fixture};

/// An image as it is after the triangle filter, computed on the original.
fn expected(images: &Images, i: usize, side: usize) -> Vec<u8> {
    let (width, height, to) = (images.width as u32, images.height as u32, side as u32);
    let bytes = images.image(i).to_vec();
    match images.channels {
        1 => {
            let image = ImageBuffer::<Luma<u8>, _>::from_raw(width, height, bytes).unwrap();
            resize(&image, to, to, FilterType::Triangle).into_raw()
        }
        _ => {
            let image = ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, bytes).unwrap();
            resize(&image, to, to, FilterType::Triangle).into_raw()
        }
    }
}

/// The bytes of an image, in memory or streamed.
fn bytes(images: &Images, i: usize) -> Vec<u8> {
    images.pick(&[i]).pixels
}

#[test]
fn arrays_are_resized_in_every_format() {
    let cifar = cifar_10();
    for (source, own, shift) in [
        ("builtin:digits".to_owned(), 28, 2),
        ("builtin:shapes".to_owned(), 32, 4),
        (cifar.path().display().to_string(), 32, 4),
        (fixture("plain.npz").display().to_string(), 8, 2),
    ] {
        let read = |options: OpenOptions| open(&source, &options).unwrap();
        let plain = read(OpenOptions::default());
        assert_eq!([plain.train.width, plain.test.height], [own; 2], "{source}");
        for (image_size, size_multiple, side) in
            [(own, None, own), (48, None, 48), (96, Some(32), 96), (100, Some(32), 96), (9, None, 9)]
        {
            for memory in [None, Some(0), Some(5 * (side * side * plain.train.channels) as u64)] {
                let options = OpenOptions {
                    image_size: Some(image_size),
                    size_multiple,
                    memory,
                    ..OpenOptions::default()
                };
                let what =
                    format!("{source} at {image_size}, multiples of {size_multiple:?}, {memory:?} bytes");
                check(&plain, &read(options), side, &what);
            }
        }
        let larger = read(OpenOptions { image_size: Some(4 * own), ..OpenOptions::default() });
        assert_eq!((plain.shift, larger.shift), (shift, 4 * shift), "{source}");
    }
}

fn check(plain: &DataSet, set: &DataSet, side: usize, what: &str) {
    let sizes = [set.train.width, set.train.height, set.test.width, set.test.height];
    assert_eq!(sizes, [side; 4], "{what}");
    assert_eq!((set.train.len(), set.test.len()), (plain.train.len(), plain.test.len()), "{what}");
    for i in [0, 4, 5, plain.train.len() - 1] {
        assert_eq!(bytes(&set.train, i), expected(&plain.train, i, side), "{what}: image {i}");
    }
    assert_eq!(bytes(&set.test, 0), expected(&plain.test, 0, side), "{what}");
    assert!(set.train.take_failure().is_none(), "{what}");
    // The images are the same ones.
    assert_eq!(set.train_ids, plain.train_ids, "{what}");
    let own = plain.train.width;
    let notice = format!("all images are resized from {own}x{own} to {side}x{side}");
    assert_eq!(set.notices.contains(&notice), own != side, "{what}: {:?}", set.notices);
    let rounded = set.notices.iter().any(|notice| notice.contains("is rounded from 100 to 96"));
    assert_eq!(rounded, what.contains("at 100"), "{what}: {:?}", set.notices);
}
