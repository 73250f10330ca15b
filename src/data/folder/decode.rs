use std::fs::File;
use std::io::BufReader;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Rgb, RgbImage};

use crate::data::{DataError, Images, MAX_PIXELS};

/// What an image file says of itself before its pixels.
pub(super) struct Header {
    pub width: u32,
    pub height: u32,
    pub grey: bool,
}

fn bad(path: &Path, reason: impl ToString) -> DataError {
    DataError::BadImage { path: path.to_owned(), reason: reason.to_string() }
}

fn reader(path: &Path) -> Result<ImageReader<BufReader<File>>, DataError> {
    let read_error = |reason| DataError::Read { path: path.to_owned(), reason };
    let mut reader = ImageReader::open(path).map_err(read_error)?;
    // What the name says does not count.
    reader.clear_format();
    reader.with_guessed_format().map_err(read_error)
}

/// # Errors
/// When the file is no image, or larger than is decoded.
pub(super) fn header(path: &Path) -> Result<Header, DataError> {
    let reader = reader(path)?;
    if reader.format().is_none() {
        return Err(bad(
            path,
            "its content is of no image format that is known (PNG, JPEG, BMP, GIF, WebP, TIFF, PNM)",
        ));
    }
    let decoder = reader.into_decoder().map_err(|error| bad(path, error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataError::HugeImage { path: path.to_owned(), width, height });
    }
    if width == 0 || height == 0 {
        return Err(bad(path, format!("it is {width}x{height} pixels")));
    }
    Ok(Header { width, height, grey: !decoder.color_type().has_color() })
}

/// Decodes images to `side * side * channels` bytes each, in order, on as many threads as there are cores.
pub(super) fn all(paths: Vec<&Path>, side: usize, channels: usize) -> Vec<Result<Vec<u8>, DataError>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = paths.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = paths
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || chunk.iter().map(|path| one(path, side, channels)).collect::<Vec<_>>())
            })
            .collect();
        paths
            .chunks(share)
            .zip(workers)
            .flat_map(|(chunk, worker)| {
                // A decoder that panics condemns its own chunk, not the program.
                worker.join().unwrap_or_else(|_| {
                    chunk
                        .iter()
                        .map(|path| Err(bad(path, "the decoder failed on it or on a neighbour")))
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
    header(path)?;
    Ok(Images { height: side, width: side, channels, pixels: one(path, side, channels)? })
}

fn one(path: &Path, side: usize, channels: usize) -> Result<Vec<u8>, DataError> {
    let image = reader(path)?.decode().map_err(|error| bad(path, error))?;
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
