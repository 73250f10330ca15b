//! Decodes image files of any size and kind into square images of bytes.
//!
//! - Orientation: the EXIF orientation (JPEG, PNG, WebP, TIFF) is applied first.
//! - Transparency: the image is composited over black, or over white if its visible part is dark: line art would vanish
//!   otherwise.
//! - Colour profiles: colours are converted to sRGB (`colour.rs`), also those of the chunks `gAMA` and `cHRM` of PNG files
//!   (`png_chunks.rs`).
//! - Size: the image becomes a square (`fit.rs`) and is resized with a triangle filter, which averages when it shrinks.
//! - Depth: 16 bits are rounded to 8 (v * 255 / 65535), values of fewer significant bits after they are scaled to 16
//!   (`bit_depth.rs`); floating-point values 0 to 1 are scaled to 0 to 255.
//! - Colour: palettes are expanded. A set is grey if all its images are (with or without transparency); otherwise
//!   grey images get three equal channels. A model of grey images sees the luma of a colour image (0.2126 red +
//!   0.7152 green + 0.0722 blue).
//! - Animations and multi-page files: the first frame.

use std::io::BufRead as _;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage};

use super::bit_depth::{self, ALL_BITS, UsedBits};
use super::colour;
use super::error::DataError;
use super::file_kinds;
use super::files::{Entry, Memory, Seekable};
use super::fit::Fit;
use super::heic::{self, HeicDecoder};
use super::host;
use super::identity::content_hash;
use super::images::Images;
use super::jpeg_scan;
use super::limits::MAX_PIXELS;
use super::loose_image::LooseImage;
use super::original::{Original, raw_kind};
use super::palette::exceeds_palette;
use super::parallel::map_on_all_cores;
use super::png_chunks::PngChunks;
use super::unreadable;

/// A grey image of 4x4 pixels (PGM), for the examples of formats.
pub(super) const EXAMPLE_IMAGE: &[u8] = b"P5 4 4 255\n0123456789abcdef";

/// Files up to this size, in bytes, are read whole for their header: a file is opened once.
const SMALL_BYTES: u64 = 64 << 10;
/// Size limit of an image file, in bytes.
const MAX_BYTES: u64 = 512 << 20;

/// What image files are decoded to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Height and width.
    pub side: usize,
    /// 1 or 3.
    pub channels: usize,
    /// Significant bits of 16-bit images, 8 to 16.
    pub bits: u8,
    /// How images that are not square become squares.
    pub fit: Fit,
}

/// What is known of an image before its pixels are decoded.
pub(super) struct Header {
    /// Size after the orientation is applied.
    pub width: u32,
    pub height: u32,
    pub grey: bool,
    /// What else the file says.
    pub original: Original,
}

fn bad(entry: &Entry, reason: impl ToString) -> DataError {
    // Some decoders end their messages with line breaks.
    let reason = reason.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    DataError::BadImage { path: entry.path.clone(), reason }
}

/// The error for a file that the decoder refuses: formats of phones and cameras are named.
fn undecodable(entry: &Entry, reason: impl ToString) -> DataError {
    let start = entry.prefix(heic::MAGIC_BYTES).unwrap_or_default();
    if heic::is_heic(&start) && unreadable::why_unreadable(entry).is_some() {
        return bad(entry, unreadable::undecodable_heic(&reason.to_string()));
    }
    let reason = reason.to_string();
    match unreadable::why_unreadable(entry) {
        Some(why) => bad(entry, why),
        None if is_cut_short(&reason) => bad(entry, CUT_SHORT),
        None if is_damaged(&reason) => bad(entry, INCOMPLETE),
        None if is_unsupported(&reason) => bad(entry, format!("{UNSUPPORTED} ({reason})")),
        None => bad(entry, reason),
    }
}

/// Why an image that ends early cannot be decoded.
const CUT_SHORT: &str = "the file ends in the middle of the image: copy it again";

/// As [`CUT_SHORT`], for a file that may have bytes of another one behind the cut.
const INCOMPLETE: &str = "the file ends in the middle of the image, or is damaged there: copy it again";

/// Whether a decoder says that a file ends early.
fn is_cut_short(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["not enough bytes", "unexpected eof", "unexpected end of file", "fill whole buffer", "unexpectedeof"]
        .iter()
        .any(|words| reason.contains(words))
}

/// Whether a decoder says that the bytes of the pixels are not those that were written.
fn is_damaged(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["crc error", "corrupt", "image truncated", "enough data for image", "no lzw end code"]
        .iter()
        .any(|words| reason.contains(words))
}

/// What to do about an image of a kind that its decoder does not know.
const UNSUPPORTED: &str = "its pixels are of a kind that this program cannot read, such as 32-bit numbers or CIELab: save it as \
                           PNG, or as TIFF with 8 or 16 bits";

/// Whether a decoder says that it does not know a kind of pixels.
fn is_unsupported(reason: &str) -> bool {
    ["does not support", "unsupported", "not supported"]
        .iter()
        .any(|words| reason.to_lowercase().contains(words))
}

/// A decoder of the file, by its content.
fn decoder_of_content(entry: &Entry) -> Result<Box<dyn ImageDecoder>, DataError> {
    if heic::is_heic(&entry.prefix(heic::MAGIC_BYTES)?) {
        let decoder = HeicDecoder::new(entry.bytes(MAX_BYTES)?);
        return Ok(Box::new(decoder.map_err(|error| undecodable(entry, error))?));
    }
    let reader: ImageReader<Box<dyn Seekable>> = ImageReader::new(entry.open_seekable()?);
    let reader = reader.with_guessed_format().map_err(|reason| entry.unreadable(reason))?;
    if reader.format().is_none() {
        return Err(undecodable(
            entry,
            "its content is in no known image format (PNG, JPEG, BMP, GIF, WebP, TIFF, PNM, HEIC)",
        ));
    }
    Ok(Box::new(reader.into_decoder().map_err(|error| undecodable(entry, error))?))
}

/// A decoder chosen by the file's content; its name is ignored.
fn decoder(entry: &Entry) -> Result<Box<dyn ImageDecoder>, DataError> {
    if entry.size > MAX_BYTES {
        return Err(DataError::LargeFile { path: entry.path.clone(), limit: MAX_BYTES });
    }
    let decoder = decoder_of_content(entry)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DataError::HugeImage { path: entry.path.clone(), width, height });
    }
    if width == 0 || height == 0 {
        return Err(bad(entry, format!("it is {width}x{height} pixels")));
    }
    Ok(decoder)
}

/// Refuses a JPEG file that ends before its end marker, or has it before the last pixel: the decoder fills what is missing
/// with grey and says nothing.
fn check_complete(entry: &Entry) -> Result<(), DataError> {
    if image::guess_format(&entry.prefix(3)?).ok() != Some(ImageFormat::Jpeg) {
        return Ok(());
    }
    let mut stream = entry.open()?;
    let start = stream.fill_buf().map_err(|reason| entry.unreadable(reason))?;
    // A file in memory is there at once, and is not copied.
    let is_complete = match start.len() as u64 == entry.size {
        true => jpeg_scan::is_whole(start),
        false => jpeg_scan::is_whole(&entry.bytes(MAX_BYTES)?),
    };
    match is_complete {
        true => Ok(()),
        false => Err(bad(entry, INCOMPLETE)),
    }
}

/// Refuses a file with pixels whose numbers are not in its palette: decoders make them black or transparent.
fn check_palette(entry: &Entry, chunks: &PngChunks) -> Result<(), DataError> {
    match exceeds_palette(entry, chunks)? {
        Some(true) => Err(bad(entry, "it has pixels whose colour is not in its palette: it is damaged")),
        _ => Ok(()),
    }
}

/// The EXIF orientation; none if the metadata cannot be read.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// The colour profile as ICC data: of the file, or of its `gAMA` and `cHRM` chunks.
fn profile(decoder: &mut impl ImageDecoder, chunks: &PngChunks) -> Option<Vec<u8>> {
    let grey = !decoder.color_type().has_color();
    let icc = decoder.icc_profile().ok().flatten();
    icc.or_else(|| chunks.profile(grey))
}

/// Reads an image's header without decoding its pixels.
///
/// # Errors
/// When the file is not an image, is larger than 512 MiB, or has more than 64 million pixels.
pub(super) fn read_header(entry: &Entry) -> Result<Header, DataError> {
    let entry = &entry.in_memory(SMALL_BYTES);
    let mut decoder = decoder(entry)?;
    let (width, height) = decoder.dimensions();
    let transposed = matches!(
        orientation(&mut decoder),
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if transposed { (height, width) } else { (width, height) };
    let colours = decoder.color_type();
    let grey = !colours.has_color();
    let profile = profile(&mut decoder, &PngChunks::read(entry));
    let original = Original {
        width,
        height,
        deep: colours.bits_per_pixel() / u16::from(colours.channel_count()) == 16,
        transparent: colours.has_alpha(),
        profile: profile.and_then(|icc| colour::profile_name(&icc, grey)),
        raw: raw_kind(entry),
    };
    Ok(Header { width, height, grey, original })
}

/// [`read_header`] of many files, in order, on all cores.
pub(super) fn read_headers(entries: &[&Entry]) -> Vec<Result<Header, DataError>> {
    map_on_all_cores(
        entries,
        |entry| guarded(entry, || read_header(entry)),
        |entry| Err(bad(entry, DECODER_FAILED)),
    )
}

/// Decodes images to `side * side * channels` bytes each (HWC) and the hash of their file, in order, on all cores.
pub(super) fn decode_all(entries: &[&Entry], target: Target) -> Vec<Result<(Vec<u8>, u64), DataError>> {
    map_on_all_cores(
        entries,
        |entry| guarded(entry, || decode_and_hash(entry, target)),
        |entry| Err(bad(entry, DECODER_FAILED)),
    )
}

/// Why a file cannot be read whose decoder panicked.
const DECODER_FAILED: &str = "the decoder failed on it: save it again with another program";

/// Reads a file with a decoder that may panic: it fails its own file, not the others or the program.
fn guarded<T>(entry: &Entry, read: impl FnOnce() -> Result<T, DataError>) -> Result<T, DataError> {
    // What the decoder leaves behind is dropped with it.
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(bad(entry, DECODER_FAILED)))
}

/// Reads an image file as one square image of `side` pixels and `channels` channels: its centre square, resized.
///
/// # Errors
/// When the file is not an image, is damaged, is larger than 512 MiB, or has more than 64 million pixels.
pub fn read_image(path: &Path, side: usize, channels: usize) -> Result<Images, DataError> {
    let pixels = decode_one(&host::file(path)?, Target { side, channels, bits: ALL_BITS, fit: Fit::Crop })?;
    Ok(Images::new(side, side, channels, pixels))
}

/// [`read_image`] of many images, in order and on all cores: the pixels of each, `side * side * channels` bytes (HWC), or
/// why it cannot be read. `bits`: the significant bits of 16-bit images, 8 to 16. `fit`: how images that are not square
/// become squares.
pub fn read_images(
    images: &[LooseImage],
    side: usize,
    channels: usize,
    bits: u8,
    fit: Fit,
) -> Vec<Result<Vec<u8>, DataError>> {
    let (mut entries, mut missing) = (Vec::with_capacity(images.len()), Vec::with_capacity(images.len()));
    for image in images {
        match image.entry() {
            Ok(entry) => {
                entries.push(entry);
                missing.push(None);
            }
            Err(error) => missing.push(Some(error)),
        }
    }
    let entries: Vec<&Entry> = entries.iter().collect();
    let decoded = decode_all(&entries, Target { side, channels, bits, fit }).into_iter();
    let mut decoded = decoded.map(|decoded| decoded.map(|(pixels, _)| pixels));
    missing.into_iter().filter_map(|error| error.map(Err).or_else(|| decoded.next())).collect()
}

/// Whether a file's name or its content is that of an image, also of one that this program cannot read, such as a HEIC
/// photo. A link to nothing counts: reading it says so. Pipes and devices do not, as reading them could block.
pub fn is_image_file(path: &Path) -> bool {
    match host::file(path) {
        Ok(entry) => host::is_file(path) && file_kinds::is_image(&entry).unwrap_or(true),
        Err(_) => true,
    }
}

/// The decoded image and the hash of the file's bytes, each of which is read once.
///
/// # Errors
/// As [`read_image`].
pub(super) fn decode_and_hash(entry: &Entry, target: Target) -> Result<(Vec<u8>, u64), DataError> {
    let bytes = match entry.bytes(MAX_BYTES) {
        Ok(bytes) => bytes,
        // The decoder's error says more about a damaged file.
        Err(error) => return decode(entry, target).and(Err(error)),
    };
    let hash = content_hash(&bytes);
    let in_memory = Entry::named(
        entry.name.clone(),
        entry.path.clone(),
        bytes.len() as u64,
        Arc::new(Memory(bytes.into())),
    );
    Ok((decode(&in_memory, target)?, hash))
}

/// Decodes an image to `side * side * channels` bytes (HWC). Each byte of the file is read once.
fn decode_one(entry: &Entry, target: Target) -> Result<Vec<u8>, DataError> {
    Ok(decode_and_hash(entry, target)?.0)
}

/// The bits that the values of a 16-bit image use; `None` if it has another depth or cannot be decoded.
pub(super) fn used_bits(entry: &Entry) -> Option<UsedBits> {
    let read = || Ok(DynamicImage::from_decoder(decoder(entry)?).ok());
    let mut image = guarded(entry, read).ok()??;
    UsedBits::of(&mut image, PngChunks::read(entry).significant_bits)
}

/// Decodes an image from a file that may be read several times.
fn decode(entry: &Entry, target: Target) -> Result<Vec<u8>, DataError> {
    let Target { side, channels, bits, fit } = target;
    let mut decoder = decoder(entry)?;
    check_complete(entry)?;
    let (orientation, chunks) = (orientation(&mut decoder), PngChunks::read(entry));
    let profile = profile(&mut decoder, &chunks);
    let image = DynamicImage::from_decoder(decoder).map_err(|error| undecodable(entry, error))?;
    check_palette(entry, &chunks)?;
    let mut image = bit_depth::scale(image, bits).map_err(|reason| bad(entry, reason))?;
    image.apply_orientation(orientation);
    let image = fit.apply(opaque(image), side as u32);
    let image = match profile {
        Some(icc) => colour::to_srgb(image, &icc),
        None => image,
    };
    Ok(if channels == 1 { image.into_luma8().into_raw() } else { image.into_rgb8().into_raw() })
}

/// Mean luma, 0 to 255, of the visible part of a transparent image below which it is shown on white.
const DARK: f64 = 64.0;

/// Composites a transparent image over black, or over white if its visible part is dark. The colours of transparent
/// pixels are arbitrary.
fn opaque(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let rgba = image.into_rgba8();
    let (mut luma, mut weight) = (0.0, 0.0);
    for pixel in rgba.pixels() {
        let [red, green, blue, alpha] = pixel.0.map(f64::from);
        luma += alpha * (0.2126 * red + 0.7152 * green + 0.0722 * blue);
        weight += alpha;
    }
    let behind = if weight > 0.0 && luma < DARK * weight { 255 } else { 0 };
    DynamicImage::ImageRgb8(RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [red, green, blue, alpha] = rgba.get_pixel(x, y).0;
        let alpha = u32::from(alpha);
        let mix = |value: u8| ((u32::from(value) * alpha + behind * (255 - alpha) + 127) / 255) as u8;
        Rgb([red, green, blue].map(mix))
    }))
}

/// A whole image for display, not cropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// RGB, row-major: `3 * width * height` bytes.
    pub pixels: Vec<u8>,
}

/// Reads an image file for display: upright, and scaled down to at most `longest` pixels on its longer side.
///
/// # Errors
/// When the file does not exist, is not an image, is damaged, or has more than 64 million pixels.
pub fn read_picture(path: &Path, longest: u32) -> Result<Picture, DataError> {
    let entry = host::file(path)?;
    let mut decoder = decoder(&entry)?;
    check_complete(&entry)?;
    let (orientation, chunks) = (orientation(&mut decoder), PngChunks::read(&entry));
    let profile = profile(&mut decoder, &chunks);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| undecodable(&entry, error))?;
    check_palette(&entry, &chunks)?;
    // Shown alone, an image is as bright as its own values allow.
    if let Some(used) = UsedBits::of(&mut image, chunks.significant_bits) {
        image = bit_depth::scale(image, used.bits()).map_err(|reason| bad(&entry, reason))?;
    }
    image.apply_orientation(orientation);
    if image.width().max(image.height()) > longest {
        image = image.resize(longest, longest, FilterType::Triangle);
    }
    let image = opaque(image);
    let rgb = match profile {
        Some(icc) => colour::to_srgb(image, &icc).into_rgb8(),
        None => image.into_rgb8(),
    };
    Ok(Picture { width: rgb.width() as usize, height: rgb.height() as usize, pixels: rgb.into_raw() })
}
