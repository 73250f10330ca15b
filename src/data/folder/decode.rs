//! Image files of any size and kind as the square images of bytes that a set is made of.
//!
//! - Orientation: what EXIF (JPEG, PNG, WebP, TIFF) says of how the camera was held is carried out first.
//! - Transparency: the image is laid over black. Colours of fully transparent pixels count for nothing.
//! - Size: the middle square is cut out and resized with a filter that averages what it shrinks.
//! - Depth: 16 bits become the nearest of 8 (v * 255 / 65535), floating point values 0 to 1 become 0 to 255.
//! - Colour: palettes become the colours they stand for. A set is grey where all its images are (with or without
//!   transparency); otherwise grey images have three equal channels. A model of grey images sees colours as
//!   brightness (0.2126 red + 0.7152 green + 0.0722 blue).
//! - Animations and multi-page files: the first picture.

use std::num::NonZero;
use std::path::Path;
use std::thread;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Rgb, RgbImage};

use crate::data::files::{self, Entry, Seekable};
use crate::data::{DataError, Images, MAX_PIXELS};

/// Bytes of the largest file that is taken for an image.
const MAX_BYTES: u64 = 512 << 20;

/// What an image file says of itself before its pixels.
pub(super) struct Header {
    /// As the image is seen, upright.
    pub width: u32,
    pub height: u32,
    pub grey: bool,
}

fn bad(entry: &Entry, reason: impl ToString) -> DataError {
    DataError::BadImage { path: entry.path.clone(), reason: reason.to_string() }
}

/// A decoder told from the content; what the name says does not count.
fn decoder(entry: &Entry) -> Result<impl ImageDecoder, DataError> {
    if entry.size > MAX_BYTES {
        return Err(DataError::LargeFile { path: entry.path.clone(), limit: MAX_BYTES });
    }
    let reader: ImageReader<Box<dyn Seekable>> = ImageReader::new(entry.seekable()?);
    let reader = reader.with_guessed_format().map_err(|reason| entry.unreadable(reason))?;
    if reader.format().is_none() {
        return Err(bad(
            entry,
            "its content is of no image format that is known (PNG, JPEG, BMP, GIF, WebP, TIFF, PNM)",
        ));
    }
    let decoder = reader.into_decoder().map_err(|error| bad(entry, error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataError::HugeImage { path: entry.path.clone(), width, height });
    }
    if width == 0 || height == 0 {
        return Err(bad(entry, format!("it is {width}x{height} pixels")));
    }
    Ok(decoder)
}

/// How the image must be turned to be upright; metadata that cannot be read turn nothing.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// # Errors
/// When the file is no image, or larger than is decoded.
pub(super) fn header(entry: &Entry) -> Result<Header, DataError> {
    let mut decoder = decoder(entry)?;
    let (width, height) = decoder.dimensions();
    let lies = matches!(
        orientation(&mut decoder),
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if lies { (height, width) } else { (width, height) };
    Ok(Header { width, height, grey: !decoder.color_type().has_color() })
}

/// Decodes images to `side * side * channels` bytes each, in order, on as many threads as there are cores.
pub(super) fn all(entries: &[&Entry], side: usize, channels: usize) -> Vec<Result<Vec<u8>, DataError>> {
    let decode = |chunk: &[&Entry]| chunk.iter().map(|entry| one(entry, side, channels)).collect::<Vec<_>>();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    if threads == 1 {
        return decode(entries);
    }
    let share = entries.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = entries.chunks(share).map(|chunk| scope.spawn(move || decode(chunk))).collect();
        entries
            .chunks(share)
            .zip(workers)
            .flat_map(|(chunk, worker)| {
                // A decoder that panics condemns its own chunk, not the program.
                worker.join().unwrap_or_else(|_| {
                    chunk
                        .iter()
                        .map(|entry| Err(bad(entry, "the decoder failed on it or on a neighbour")))
                        .collect()
                })
            })
            .collect()
    })
}

/// Reads one image file as the square image of `side` pixels and `channels` channels that a model takes.
///
/// # Errors
/// When the file is no image, is damaged, or is larger than is decoded.
pub fn read_image(path: &Path, side: usize, channels: usize) -> Result<Images, DataError> {
    let pixels = one(&files::file(path)?, side, channels)?;
    Ok(Images::new(side, side, channels, pixels))
}

pub(super) fn one(entry: &Entry, side: usize, channels: usize) -> Result<Vec<u8>, DataError> {
    let mut decoder = decoder(entry)?;
    let orientation = orientation(&mut decoder);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| bad(entry, error))?;
    image.apply_orientation(orientation);
    let image = square(over_black(image), side as u32);
    Ok(if channels == 1 { image.into_luma8().into_raw() } else { image.into_rgb8().into_raw() })
}

/// Transparent pixels have colours that nobody is meant to see.
fn over_black(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let rgba = image.to_rgba8();
    DynamicImage::ImageRgb8(RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [red, green, blue, alpha] = rgba.get_pixel(x, y).0;
        Rgb([red, green, blue].map(|value| ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8))
    }))
}

/// The middle square, resized to `side`.
fn square(image: DynamicImage, side: u32) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    if (width, height) == (side, side) {
        return image;
    }
    let edge = width.min(height);
    let middle = image.crop_imm((width - edge) / 2, (height - edge) / 2, edge, edge);
    // Triangle widens with the reduction, so it averages what it shrinks.
    middle.resize_exact(side, side, FilterType::Triangle)
}
