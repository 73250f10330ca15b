//! Tar archives and gzip.

use std::io::{self, BufRead, Read, Seek as _, SeekFrom};
#[cfg(not(target_arch = "wasm32"))]
use std::io::{BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::GzDecoder;
#[cfg(not(target_arch = "wasm32"))]
use tempfile::NamedTempFile;

use super::member::{self, damaged};
use crate::data::counted::counted;
use crate::data::error::{DataError, excerpt};
use crate::data::files::{Content, Entry, Folder, Member, Memory, Window};
#[cfg(not(target_arch = "wasm32"))]
use crate::data::files::{Seekable, Stream};
use crate::data::limits::Bounded;
use crate::data::names::shown;

/// Bytes of a tar header; contents are padded to a multiple.
pub(super) const BLOCK: usize = 512;

/// Magic number of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Larger archives are unpacked to a temporary file rather than to memory; a page has memory only.
const MAX_IN_MEMORY: usize = if cfg!(target_family = "wasm") { 1 << 31 } else { 64 << 20 };

/// Whether this is a valid header of a tar's first member: its checksum, which every version of tar writes, matches.
pub(super) fn is_header(start: &[u8]) -> bool {
    let Ok(block) = <&[u8; BLOCK]>::try_from(start) else { return false };
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    // The checksum is computed with its own bytes as spaces.
    let sum: u32 =
        block.iter().enumerate().map(|(i, &b)| if CHECKSUM.contains(&i) { 32 } else { b.into() }).sum();
    block[0] != 0 && ::tar::Header::from_byte_slice(block).cksum().is_ok_and(|stored| stored == sum)
}

/// Lists the members of the tar of `size` bytes in `content`; `path` is for messages.
pub(super) fn list(content: Arc<dyn Content>, size: u64, path: &Path) -> Result<Folder, DataError> {
    let damaged = |reason: io::Error| damaged(path, reason);
    let mut members = Vec::new();
    let mut archive = ::tar::Archive::new(content.open_seekable().map_err(damaged)?);
    // Archives that were joined are read as one, with the end marks between them.
    archive.set_ignore_zeros(true);
    let (mut end, mut joined) = (0, 0);
    for entry in archive.entries_with_seek().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let (start, length, kind) = (entry.raw_file_position(), entry.size(), entry.header().entry_type());
        let raw = entry.path_bytes();
        // Headers that belong to the member may come before its own.
        if entry.raw_header_position() != end && has_end_mark(content.as_ref(), end).map_err(damaged)? {
            joined += 1;
        }
        let name = || excerpt(&String::from_utf8_lossy(&raw));
        end = start.saturating_add(length).checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX);
        if end > size {
            let found = format!("{} ends at byte {end}, the archive at byte {size}: it is cut short", name());
            return Err(damaged(io::Error::other(found)));
        }
        // The oldest tars mark folders by a trailing slash only.
        if kind.is_dir() || (kind.is_file() && raw.ends_with(b"/")) {
            members.push(Member { raw: raw.into_owned(), file: None });
        } else if kind.is_file() || kind.is_contiguous() {
            let window = Window { of: Arc::clone(&content), start, size: length };
            members.push(Member { raw: raw.into_owned(), file: Some((length, Arc::new(window))) });
        } else if !(kind.is_pax_global_extensions() || kind.is_pax_local_extensions()) {
            return Err(member::unsupported(
                path,
                &name(),
                "which is not a file or folder but a link, a device or a sparse file",
                "pack it again with the files themselves (tar --dereference --hard-dereference)",
            ));
        }
    }
    // At least one block of zeros marks the end.
    if end.saturating_add(BLOCK as u64) > size {
        return Err(damaged(io::Error::other("it has no end mark: it is cut short")));
    }
    let mut root =
        Folder::of_members(path.to_owned(), members, |name, raw| member::normalise(path, name, raw))?;
    if joined > 0 {
        let parts = counted(joined + 1, "archive", "archives");
        root.notices.push(format!("{} is {parts} one after the other: all are read", shown(path)));
    }
    Ok(root)
}

/// Whether a block of zeros is at a place in a tar.
fn has_end_mark(content: &dyn Content, at: u64) -> io::Result<bool> {
    let mut reader = content.open_seekable()?;
    reader.seek(SeekFrom::Start(at))?;
    let mut block = [0; BLOCK];
    reader.read_exact(&mut block)?;
    Ok(block == [0; BLOCK])
}

/// The file's bytes, decompressed if it is gzipped.
pub(in crate::data) fn unzipped(entry: &Entry) -> Result<Box<dyn Read + Send>, DataError> {
    let mut stream = entry.open()?;
    let is_gzip = stream.fill_buf().map_err(|reason| entry.unreadable(reason))?.starts_with(&GZIP);
    Ok(if is_gzip {
        Box::new(Bounded::new(Gunzip { inner: Some(GzDecoder::new(stream)) }, entry.size))
    } else {
        Box::new(stream)
    })
}

/// Decompresses the members of a gzip file one after the other. Zeros behind the last one are padding, as for `gzip`.
struct Gunzip<R> {
    /// `None` behind the last member.
    inner: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.inner {
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.inner.take().map(GzDecoder::into_inner) else { break };
            let mut padded = false;
            let next = loop {
                let bytes = rest.fill_buf()?;
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                let next = bytes.get(zeros).copied();
                let is_end = bytes.is_empty();
                rest.consume(zeros);
                padded |= zeros > 0;
                if next.is_some() || is_end {
                    break next;
                }
            };
            match next {
                None => break,
                Some(_) if padded => return Err(io::Error::other("it has other bytes behind its end")),
                Some(_) => self.inner = Some(GzDecoder::new(rest)),
            }
        }
        Ok(0)
    }
}

/// Whether the file is gzipped and its content starts with a tar header. False if its start is damaged.
pub(super) fn is_gzipped_tar(entry: &Entry) -> Result<bool, DataError> {
    if !entry.prefix(GZIP.len())?.starts_with(&GZIP) {
        return Ok(false);
    }
    let mut block = Vec::new();
    let read = unzipped(entry)?.take(BLOCK as u64).read_to_end(&mut block);
    Ok(read.is_ok() && is_header(&block))
}

/// Unpacks a gzipped tar and lists it.
pub(super) fn list_gzipped(entry: &Entry) -> Result<Folder, DataError> {
    let mut input = unzipped(entry)?;
    let mut bytes = Vec::new();
    let read = (&mut input).take(MAX_IN_MEMORY as u64).read_to_end(&mut bytes);
    read.map_err(|reason| damaged(&entry.path, reason))?;
    if bytes.len() < MAX_IN_MEMORY {
        let size = bytes.len() as u64;
        return list(Arc::new(Memory(bytes.into())), size, &entry.path);
    }
    list_beyond_memory(entry, &mut input, bytes)
}

/// A page has memory only.
#[cfg(target_arch = "wasm32")]
fn list_beyond_memory(entry: &Entry, _input: &mut dyn Read, _bytes: Vec<u8>) -> Result<Folder, DataError> {
    Err(DataError::LargeFile { path: entry.path.clone(), limit: MAX_IN_MEMORY as u64 })
}

/// Continues in a temporary file, after the `bytes` unpacked so far.
#[cfg(not(target_arch = "wasm32"))]
fn list_beyond_memory(entry: &Entry, input: &mut dyn Read, bytes: Vec<u8>) -> Result<Folder, DataError> {
    let no_room = |reason| DataError::NoRoom { path: entry.path.clone(), reason };
    let mut file = NamedTempFile::new().map_err(no_room)?;
    file.write_all(&bytes).map_err(no_room)?;
    drop(bytes);
    let mut size = MAX_IN_MEMORY as u64;
    let mut chunk = vec![0; 1 << 20];
    loop {
        let got = input.read(&mut chunk).map_err(|reason| damaged(&entry.path, reason))?;
        if got == 0 {
            break;
        }
        file.write_all(&chunk[..got]).map_err(no_room)?;
        size += got as u64;
    }
    list(Arc::new(Unpacked(file)), size, &entry.path)
}

/// A temporary file, deleted with its last reader.
#[cfg(not(target_arch = "wasm32"))]
struct Unpacked(NamedTempFile);

#[cfg(not(target_arch = "wasm32"))]
impl Content for Unpacked {
    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self) -> io::Result<Stream> {
        Ok(Box::new(BufReader::new(self.0.reopen()?)))
    }

    fn open_seekable(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(Box::new(BufReader::new(self.0.reopen()?)))
    }
}
