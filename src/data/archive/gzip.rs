#[cfg(not(target_arch = "wasm32"))]
use std::io::{self, BufReader, Write};
use std::io::{BufRead, Read};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
#[cfg(not(target_arch = "wasm32"))]
use tempfile::NamedTempFile;

use super::bound::Bounded;
use super::{damaged, tar};
use crate::data::DataError;
#[cfg(not(target_arch = "wasm32"))]
use crate::data::files::{Content, Seekable, Stream};
use crate::data::files::{Entry, Folder, Memory};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Larger archives are unpacked to a temporary file rather than to memory; a page has memory only.
const IN_MEMORY: usize = if cfg!(target_family = "wasm") { 1 << 31 } else { 64 << 20 };

/// A file's bytes, unzipped where it is gzipped.
pub(in crate::data) fn plain(entry: &Entry) -> Result<Box<dyn Read + Send>, DataError> {
    let mut stream = entry.stream()?;
    let packed = stream.fill_buf().map_err(|reason| entry.unreadable(reason))?.starts_with(&GZIP);
    Ok(if packed {
        Box::new(Bounded::new(MultiGzDecoder::new(stream), entry.size))
    } else {
        Box::new(stream)
    })
}

/// Whether the file is gzipped and, unzipped, starts as a tar does. One too damaged to tell is not.
pub(super) fn holds_tar(entry: &Entry) -> Result<bool, DataError> {
    if !entry.start(GZIP.len())?.starts_with(&GZIP) {
        return Ok(false);
    }
    let mut block = Vec::new();
    let read = plain(entry)?.take(tar::BLOCK as u64).read_to_end(&mut block);
    Ok(read.is_ok() && tar::is_header(&block))
}

/// Unpacks the whole and lists it.
pub(super) fn unpack_tar(entry: &Entry) -> Result<Folder, DataError> {
    let mut input = plain(entry)?;
    let mut bytes = Vec::new();
    let taken = (&mut input).take(IN_MEMORY as u64).read_to_end(&mut bytes);
    taken.map_err(|reason| damaged(entry, reason))?;
    if bytes.len() < IN_MEMORY {
        let size = bytes.len() as u64;
        return tar::list(Arc::new(Memory(bytes.into())), size, &entry.path);
    }
    beyond_memory(entry, &mut input, bytes)
}

/// A page has nowhere else to put it.
#[cfg(target_arch = "wasm32")]
fn beyond_memory(entry: &Entry, _input: &mut dyn Read, _bytes: Vec<u8>) -> Result<Folder, DataError> {
    Err(DataError::LargeFile { path: entry.path.clone(), limit: IN_MEMORY as u64 })
}

/// Goes on in a temporary file, after the `bytes` unpacked so far.
#[cfg(not(target_arch = "wasm32"))]
fn beyond_memory(entry: &Entry, input: &mut dyn Read, bytes: Vec<u8>) -> Result<Folder, DataError> {
    let no_room = |reason| DataError::NoRoom { path: entry.path.clone(), reason };
    let mut file = NamedTempFile::new().map_err(no_room)?;
    file.write_all(&bytes).map_err(no_room)?;
    drop(bytes);
    let mut size = IN_MEMORY as u64;
    let mut chunk = vec![0; 1 << 20];
    loop {
        let got = input.read(&mut chunk).map_err(|reason| damaged(entry, reason))?;
        if got == 0 {
            break;
        }
        file.write_all(&chunk[..got]).map_err(no_room)?;
        size += got as u64;
    }
    tar::list(Arc::new(Unpacked(file)), size, &entry.path)
}

/// A temporary file, gone with the last who reads it.
#[cfg(not(target_arch = "wasm32"))]
struct Unpacked(NamedTempFile);

#[cfg(not(target_arch = "wasm32"))]
impl Content for Unpacked {
    fn seeks(&self) -> bool {
        true
    }

    fn stream(&self) -> io::Result<Stream> {
        Ok(Box::new(BufReader::new(self.0.reopen()?)))
    }

    fn seekable(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(Box::new(BufReader::new(self.0.reopen()?)))
    }
}
