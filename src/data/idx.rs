//! IDX files (MNIST and its relatives), plain or gzipped.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::{DataError, Images};

/// Largest file that is read, unpacked: a gzip bomb stops here.
const MAX_BYTES: u64 = 1 << 30;

/// The four files of a set, in a folder.
pub struct IdxFiles {
    pub train_images: PathBuf,
    pub train_labels: PathBuf,
    pub test_images: PathBuf,
    pub test_labels: PathBuf,
}

impl IdxFiles {
    /// Finds the files by their usual names; `None` if any is missing.
    pub fn find(folder: &Path) -> Option<Self> {
        let find = |prefix: &str, kind: &str, dimensions: u32| {
            let names = [
                format!("{prefix}-{kind}-idx{dimensions}-ubyte"),
                format!("{prefix}-{kind}.idx{dimensions}-ubyte"),
            ];
            names
                .into_iter()
                .flat_map(|name| [folder.join(&name), folder.join(format!("{name}.gz"))])
                .find(|path| path.is_file())
        };
        Some(Self {
            train_images: find("train", "images", 3)?,
            train_labels: find("train", "labels", 1)?,
            test_images: find("t10k", "images", 3)?,
            test_labels: find("t10k", "labels", 1)?,
        })
    }
}

/// Bytes of a file, unpacked if it is gzip.
///
/// # Errors
/// The file's, a broken gzip stream, or more than 1 GiB unpacked.
pub fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let bytes = std::fs::read(path).map_err(DataError::file(path, "reading it"))?;
    unpack(path, &bytes)
}

/// The content of gzip bytes; other bytes as they are.
pub fn unpack(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut unpacked = Vec::new();
    let read = GzDecoder::new(bytes)
        .take(MAX_BYTES + 1)
        .read_to_end(&mut unpacked)
        .map_err(DataError::file(path, "unpacking it"))?;
    if read as u64 > MAX_BYTES {
        return Err(DataError::Image {
            path: path.to_owned(),
            reason: "it unpacks to more than 1 GiB".into(),
        });
    }
    Ok(unpacked)
}

/// Grey images of an unpacked `idx3-ubyte` file.
///
/// # Errors
/// [`DataError::Corrupt`] names the byte, what was expected there and what was found.
pub fn images(path: &Path, bytes: &[u8]) -> Result<Images, DataError> {
    let [count, height, width] = header::<3>(path, bytes)?;
    let pixels = body(path, bytes, 16, count.saturating_mul(height).saturating_mul(width))?;
    Ok(Images { height, width, channels: 1, pixels: pixels.to_vec() })
}

/// Labels of an unpacked `idx1-ubyte` file.
///
/// # Errors
/// As [`images`].
pub fn labels(path: &Path, bytes: &[u8]) -> Result<Vec<u32>, DataError> {
    let [count] = header::<1>(path, bytes)?;
    Ok(body(path, bytes, 8, count)?.iter().map(|label| u32::from(*label)).collect())
}

fn corrupt(path: &Path, offset: usize, expected: String, found: String) -> DataError {
    DataError::Corrupt { path: path.to_owned(), offset, expected, found }
}

/// Dimensions after the magic number 0x0000080N (unsigned bytes, N dimensions).
fn header<const N: usize>(path: &Path, bytes: &[u8]) -> Result<[usize; N], DataError> {
    let length = 4 + 4 * N;
    if bytes.len() < length {
        return Err(corrupt(path, bytes.len(), format!("a header of {length} bytes"), "the end".into()));
    }
    let word = |i: usize| u32::from_be_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
    let magic = 0x0800 + N as u32;
    if word(0) != magic {
        return Err(corrupt(path, 0, format!("magic number {magic:#010x}"), format!("{:#010x}", word(0))));
    }
    Ok(std::array::from_fn(|i| word(4 + 4 * i) as usize))
}

fn body<'a>(path: &Path, bytes: &'a [u8], start: usize, length: usize) -> Result<&'a [u8], DataError> {
    let found = bytes.len() - start;
    if found != length {
        return Err(corrupt(
            path,
            bytes.len(),
            format!("{length} bytes of content"),
            format!("{found} bytes"),
        ));
    }
    Ok(&bytes[start..])
}
