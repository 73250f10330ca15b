//! Pixels of PNG, GIF and BMP files whose number is not in the palette: decoders make them black or transparent and say
//! nothing.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ImageDecoder as _, ImageFormat};

use super::error::DataError;
use super::files::Entry;
use super::png_chunks::PngChunks;

/// Bytes of a BMP file's start that tell its palette.
const BMP_HEADER: usize = 50;
/// Bytes of the older header, which does not say the number of colours.
const OLD_BMP_HEADER: u32 = 12;

/// Whether an image file has a pixel whose number is not in its palette; `None` if it has no palette, or is damaged in
/// another way, as its decoder says. `chunks`: those of a PNG file.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn exceeds_palette(entry: &Entry, chunks: &PngChunks) -> Result<Option<bool>, DataError> {
    match image::guess_format(&entry.prefix(8)?) {
        Ok(ImageFormat::Png) if chunks.may_exceed_palette() => png(entry),
        Ok(ImageFormat::Gif) => gif(entry),
        Ok(ImageFormat::Bmp) => bmp(entry),
        _ => Ok(None),
    }
}

fn png(entry: &Entry) -> Result<Option<bool>, DataError> {
    let mut decoder = png::Decoder::new(entry.open_seekable()?);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let Ok(mut reader) = decoder.read_info() else { return Ok(None) };
    let info = reader.info();
    let (width, bits) = (info.width as usize, usize::from(info.bit_depth as u8));
    let colours = info.palette.as_ref().map_or(0, |palette| palette.len() / 3);
    let row_bytes = (width * bits).div_ceil(8);
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    if reader.next_frame(&mut pixels).is_err() {
        return Ok(None);
    }
    let number = |row: &[u8], x: usize| {
        let bit = x * bits;
        usize::from(row[bit / 8] >> (8 - bits - bit % 8)) & ((1 << bits) - 1)
    };
    let exceeds = |row: &[u8]| (0..width).any(|x| number(row, x) >= colours);
    Ok(Some(pixels.chunks_exact(row_bytes.max(1)).any(exceeds)))
}

/// Of the first frame, whose transparent number may be any.
fn gif(entry: &Entry) -> Result<Option<bool>, DataError> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    let Ok(mut decoder) = options.read_info(entry.open()?) else { return Ok(None) };
    let all = decoder.global_palette().map(<[u8]>::len);
    let Ok(Some(frame)) = decoder.read_next_frame() else { return Ok(None) };
    let colours = frame.palette.as_ref().map(Vec::len).or(all).unwrap_or(0) / 3;
    let exceeds = |pixel: &u8| usize::from(*pixel) >= colours && frame.transparent != Some(*pixel);
    Ok(Some(frame.buffer.iter().any(exceeds)))
}

fn bmp(entry: &Entry) -> Result<Option<bool>, DataError> {
    let header = entry.prefix(BMP_HEADER)?;
    let number =
        |at: usize| -> Option<u32> { Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?)) };
    let bits = |at: usize| Some(u16::from_le_bytes(header.get(at..at + 2)?.try_into().ok()?));
    let found = match number(14) {
        Some(OLD_BMP_HEADER) => bits(24).map(|bits| (bits, 0)),
        Some(_) => bits(28).zip(number(46)),
        None => None,
    };
    let Some((bits, colours)) = found.filter(|(bits, colours)| (1..=8).contains(bits) && *colours > 0) else {
        return Ok(None);
    };
    if colours >= 1 << bits {
        return Ok(None);
    }
    let bytes = entry.bytes(u64::MAX - 1)?;
    let Ok(mut decoder) = BmpDecoder::new(Cursor::new(bytes)) else { return Ok(None) };
    decoder.set_indexed_color(true);
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(0)];
    let exceeds = |pixel: &u8| u32::from(*pixel) >= colours;
    Ok(decoder.read_image(&mut pixels).is_ok().then(|| pixels.iter().any(exceeds)))
}
