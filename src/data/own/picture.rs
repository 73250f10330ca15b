use std::path::Path;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader};

use crate::data::{DataError, MAX_PIXELS, files};

/// A whole image for people to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// Red, green and blue, row after row.
    pub pixels: Vec<u8>,
}

/// Reads an image file as it is, upright and no longer than `longest` pixels on its longer side.
///
/// # Errors
/// When the file is gone, is no image, is damaged, or is larger than is decoded.
pub fn read_picture(path: &Path, longest: u32) -> Result<Picture, DataError> {
    let read_error = |reason| DataError::Read { path: path.to_owned(), reason };
    let bad =
        |error: image::ImageError| DataError::BadImage { path: path.to_owned(), reason: error.to_string() };
    let content = files::file(path)?.seekable()?;
    let reader = ImageReader::new(content).with_guessed_format().map_err(read_error)?;
    let mut decoder = reader.into_decoder().map_err(bad)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataError::HugeImage { path: path.to_owned(), width, height });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(bad)?;
    image.apply_orientation(orientation);
    if image.width().max(image.height()) > longest {
        image = image.resize(longest, longest, FilterType::Triangle);
    }
    let rgb = image.into_rgb8();
    Ok(Picture { width: rgb.width() as usize, height: rgb.height() as usize, pixels: rgb.into_raw() })
}
