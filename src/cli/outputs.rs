//! The files that commands write for people: which existing files they may replace.

use std::fs::{self, File};
use std::io::{Cursor, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use image::{ImageFormat, RgbImage};
use remixmatch::data::is_inside;
use remixmatch::onnx::is_export;
use remixmatch::train::write_atomically;

/// What a command writes into one file.
#[derive(Clone, Copy)]
pub enum Output {
    Sheet,
    Chart,
    Trace,
    Model,
}

/// Bytes of a file's start by which its kind is told; the header of a trace is shorter.
const START: u64 = 1 << 20;

impl Output {
    fn name(self) -> &'static str {
        match self {
            Self::Sheet => "a contact sheet",
            Self::Chart => "a chart",
            Self::Trace => "a trace",
            Self::Model => "an ONNX model of this program",
        }
    }

    /// Whether a file that begins like this is of the same kind.
    fn is_kind_of(self, start: &[u8]) -> bool {
        match self {
            Self::Sheet => start.windows(SHEET_MARK.len()).take(HEAD).any(|bytes| bytes == SHEET_MARK),
            Self::Chart => {
                ["<svg", "<?xml"].iter().any(|tag| start.trim_ascii_start().starts_with(tag.as_bytes()))
            }
            Self::Trace => start.windows(TRACE_FORMAT.len()).any(|bytes| bytes == TRACE_FORMAT),
            Self::Model => is_export(start),
        }
    }

    /// Checks that the output may be written to `path`: nothing is there, or an earlier output of the same kind.
    ///
    /// # Errors
    /// If a symbolic link, a folder or a file of another kind is there.
    pub fn check_path(self, path: &Path) -> anyhow::Result<()> {
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        let mut start = Vec::new();
        if found.is_file() {
            let failed = || format!("{}: reading it failed", path.display());
            File::open(path)
                .with_context(failed)?
                .take(START)
                .read_to_end(&mut start)
                .with_context(failed)?;
        }
        if !found.is_file() || !(start.is_empty() || self.is_kind_of(&start)) {
            bail!("{} exists and is not {}: choose another name", path.display(), self.name());
        }
        Ok(())
    }
}

/// What marks a PNG file as a contact sheet: any other picture is somebody's photo.
const SHEET_MARK: &[u8] = b"Software\0remixmatch contact sheet";
/// Bytes of a PNG file before its second chunk.
const FIRST_CHUNK: usize = 8 + 25;
/// Bytes of a file's start in which the mark is looked for.
const HEAD: usize = 256;

/// Writes a contact sheet, in the format that the name says. A PNG file is marked.
///
/// # Errors
/// If the name says no format, or the file cannot be written; an earlier file stays then.
pub fn write_sheet(sheet: &RgbImage, path: &Path) -> anyhow::Result<()> {
    let failed = || format!("{}: writing the contact sheet failed", path.display());
    let format = ImageFormat::from_path(path).with_context(failed)?;
    let mut bytes = Cursor::new(Vec::new());
    sheet.write_to(&mut bytes, format).with_context(failed)?;
    let mut bytes = bytes.into_inner();
    if format == ImageFormat::Png {
        let named = [b"tEXt", SHEET_MARK].concat();
        let length = (SHEET_MARK.len() as u32).to_be_bytes();
        let chunk = [&length[..], &named, &crc(&named).to_be_bytes()].concat();
        bytes.splice(FIRST_CHUNK..FIRST_CHUNK, chunk);
    }
    write_atomically(path, &bytes).with_context(failed)
}

/// The checksum of a chunk's name and content (PNG specification, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc)))
}

/// How a trace names its format in its header.
const TRACE_FORMAT: &[u8] = b"remixmatch-trace-1";

/// Checks that an output does not become a file of the data it is about.
///
/// # Errors
/// If `path` is inside the folder `source`, or is that file.
pub fn check_outside(source: &str, path: &Path) -> anyhow::Result<()> {
    if is_inside(source, path) {
        bail!("{} would become part of the data in {source}: choose a path outside of it", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_are_pictures_with_a_mark() {
        assert_eq!(crc(b"IEND"), 0xae42_6082);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sheet.png");
        let sheet = RgbImage::from_pixel(9, 7, image::Rgb([1, 2, 3]));
        write_sheet(&sheet, &path).expect("a file");
        assert_eq!(image::open(&path).expect("a picture").into_rgb8(), sheet);
        Output::Sheet.check_path(&path).expect("a sheet may be replaced");
        sheet.save(&path).expect("a photo");
        let error = Output::Sheet.check_path(&path).expect_err("a photo").to_string();
        assert!(error.contains("exists and is not a contact sheet"), "{error}");
    }
}
