//! How an image that is not square becomes one. Resizing uses a triangle filter, whose support widens with the reduction, so
//! that it averages.

use image::imageops::{FilterType, replace};
use image::{DynamicImage, GenericImageView as _};
use serde::{Deserialize, Serialize};

use crate::named::Named;

/// How an image that is not square becomes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Its centre square is cut out.
    #[default]
    Crop,
    /// The whole image is kept, between two bars: each has the mean colour of the edge beside it.
    Pad,
    /// The whole image is kept, and its longer side is compressed.
    Stretch,
}

impl Named for Fit {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::Crop, "the centre square is cut out"),
        (Self::Pad, "the whole image between two bars of the colours of its edges"),
        (Self::Stretch, "the whole image, its longer side compressed"),
    ];
}

impl Fit {
    /// What happens to images that are not square, as a notice says it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Crop => "cropped to their centre square",
            Self::Pad => "padded to squares",
            Self::Stretch => "stretched to squares",
        }
    }

    /// The image as a square of `side` pixels, of the same colour type.
    pub(super) fn apply(self, image: DynamicImage, side: u32) -> DynamicImage {
        let (width, height) = (image.width(), image.height());
        if (width, height) == (side, side) {
            return image;
        }
        match self {
            Self::Crop => {
                let edge = width.min(height);
                let centre = image.crop_imm((width - edge) / 2, (height - edge) / 2, edge, edge);
                centre.resize_exact(side, side, FilterType::Triangle)
            }
            Self::Stretch => image.resize_exact(side, side, FilterType::Triangle),
            Self::Pad => padded(&image, side),
        }
    }
}

fn padded(image: &DynamicImage, side: u32) -> DynamicImage {
    let (width, height) = image.dimensions();
    let longest = f64::from(width.max(height));
    let scaled = |length: u32| (f64::from(length) * f64::from(side) / longest).round().max(1.0) as u32;
    let [inner_width, inner_height] = [width, height].map(scaled);
    let inner = image.resize_exact(inner_width, inner_height, FilterType::Triangle);
    let mut square = inner.resize_exact(side, side, FilterType::Nearest);
    let [left, top] = [(side - inner_width) / 2, (side - inner_height) / 2];
    // The bars before and after the image: the edge beside each, and the bar's place and size.
    let (right, bottom) = (left + inner_width, top + inner_height);
    let bars = if inner_width < inner_height {
        [
            ([0, 0, 1, side], [0, 0, left, side]),
            ([inner_width - 1, 0, 1, side], [right, 0, side - right, side]),
        ]
    } else {
        [
            ([0, 0, side, 1], [0, 0, side, top]),
            ([0, inner_height - 1, side, 1], [0, bottom, side, side - bottom]),
        ]
    };
    for ([x, y, width, height], [to_x, to_y, bar_width, bar_height]) in bars {
        if bar_width > 0 && bar_height > 0 {
            let colour = inner.crop_imm(x, y, width, height).thumbnail_exact(1, 1);
            let bar = colour.resize_exact(bar_width, bar_height, FilterType::Nearest);
            put(&mut square, &bar, to_x, to_y);
        }
    }
    put(&mut square, &inner, left, top);
    square
}

/// Replaces the pixels from (x, y) on by those of an image of the same colour type, at their full depth.
fn put(to: &mut DynamicImage, from: &DynamicImage, x: u32, y: u32) {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageRgb8, ImageRgb16, ImageRgb32F};
    let (x, y) = (i64::from(x), i64::from(y));
    match (to, from) {
        (ImageLuma8(to), ImageLuma8(from)) => replace(to, from, x, y),
        (ImageRgb8(to), ImageRgb8(from)) => replace(to, from, x, y),
        (ImageLuma16(to), ImageLuma16(from)) => replace(to, from, x, y),
        (ImageRgb16(to), ImageRgb16(from)) => replace(to, from, x, y),
        (ImageRgb32F(to), ImageRgb32F(from)) => replace(to, from, x, y),
        (to, from) => replace(to, from, x, y),
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma, Rgb, RgbImage};

    use super::*;

    const RED: Rgb<u8> = Rgb([250, 0, 0]);
    const GREEN: Rgb<u8> = Rgb([0, 250, 0]);
    const BLUE: Rgb<u8> = Rgb([0, 0, 250]);

    /// Red, green and blue thirds from left to right.
    fn thirds() -> DynamicImage {
        RgbImage::from_fn(30, 10, |x, _| [RED, GREEN, BLUE][x as usize / 10]).into()
    }

    fn at(image: &DynamicImage, x: u32, y: u32) -> [u8; 3] {
        image.to_rgb8().get_pixel(x, y).0
    }

    #[test]
    fn wide_and_tall_images_become_squares() {
        for (fit, centre_row, centre_column) in [
            (Fit::Crop, [GREEN, GREEN, GREEN], [GREEN, GREEN, GREEN]),
            (Fit::Stretch, [RED, GREEN, BLUE], [GREEN, GREEN, GREEN]),
            (Fit::Pad, [RED, GREEN, BLUE], [Rgb([83, 83, 83]), GREEN, Rgb([83, 83, 83])]),
        ] {
            let wide = fit.apply(thirds(), 30);
            let tall = fit.apply(thirds().rotate90(), 30);
            for (i, place) in [2, 15, 27].into_iter().enumerate() {
                for (image, across, along) in [
                    (&wide, at(&wide, place, 15), at(&wide, 15, place)),
                    (&tall, at(&tall, 15, place), at(&tall, place, 15)),
                ] {
                    assert_eq!((image.width(), image.height()), (30, 30), "{fit:?}");
                    let near = |found: [u8; 3], expected: Rgb<u8>| {
                        found.iter().zip(expected.0).all(|(a, b)| a.abs_diff(b) <= 3)
                    };
                    assert!(near(across, centre_row[i]), "{fit:?}: {across:?} at {place} along the image");
                    assert!(near(along, centre_column[i]), "{fit:?}: {along:?} at {place} across it");
                }
            }
        }
    }

    #[test]
    fn bars_have_the_colours_of_their_edges() {
        let image = RgbImage::from_fn(40, 20, |_, y| if y < 10 { RED } else { BLUE });
        let square = Fit::Pad.apply(image.into(), 21);
        assert_eq!((at(&square, 3, 0), at(&square, 20, 20)), (RED.0, BLUE.0));
    }

    #[test]
    fn squares_and_extreme_shapes_fit() {
        for fit in [Fit::Crop, Fit::Pad, Fit::Stretch] {
            for (width, height) in [(1, 1), (1, 500), (500, 1), (9, 8), (8, 8), (17, 300)] {
                let square = fit.apply(RgbImage::from_pixel(width, height, GREEN).into(), 8);
                assert_eq!(square, RgbImage::from_pixel(8, 8, GREEN).into(), "{fit:?} of {width}x{height}");
            }
            let deep = ImageBuffer::from_pixel(20, 10, Luma([40_001u16]));
            let square = fit.apply(deep.into(), 8);
            assert_eq!(square, ImageBuffer::from_pixel(8, 8, Luma([40_001u16])).into(), "{fit:?} of 16 bits");
        }
    }
}
