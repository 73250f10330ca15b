//! Zip archives, and so `.npz` files.

use std::io::{self, BufReader, Read, Seek};
use std::sync::Arc;

use ::zip::{CompressionMethod, ZipArchive};
use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::member::{self, damaged};
use super::zip_end::End;
use crate::data::counted::counted;
use crate::data::error::{DataError, excerpt};
use crate::data::files::{Content, Entry, Folder, Member, Stream, Window};
use crate::data::limits::{over_limit, unpacked_limit};
use crate::data::names::shown;

/// What the library reads an archive from.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Lists the members from the archive's directory.
///
/// Their compressed bytes are later read without the directory, so several can be read at once.
pub(super) fn list(entry: &Entry) -> Result<Folder, DataError> {
    let path = &entry.path;
    let mut members = Vec::new();
    let end = End::of(entry);
    let inner = entry.open_seekable()?;
    let reader: Box<dyn ReadSeek> = match &end {
        Some(end) => Box::new(end.without_comment(inner)),
        None => Box::new(inner),
    };
    let mut archive = ZipArchive::new(reader).map_err(|error| damaged(path, error))?;
    // An archive may begin behind a program that unpacks it. What is before another archive would be lost without a word.
    if archive.offset() > 0 && entry.prefix(4)?.starts_with(b"PK\x03\x04") {
        let found = format!(
            "another archive, of {} bytes, is before the one at its end: unpack both into one folder and open that",
            archive.offset()
        );
        return Err(damaged(path, found));
    }
    let mut total = 0u64;
    for i in 0..archive.len() {
        let file = archive.by_index_raw(i).map_err(|error| damaged(path, error))?;
        let raw = file.name_raw().to_vec();
        let name = excerpt(&String::from_utf8_lossy(&raw));
        if file.is_dir() {
            members.push(Member { raw, file: None });
            continue;
        }
        let unsupported = |problem, advice| Err(member::unsupported(path, &name, problem, advice));
        if file.encrypted() {
            return unsupported("which is encrypted", "pack it again without a password");
        }
        if file.is_symlink() {
            return unsupported("which is a link", "pack it again with the file itself");
        }
        let deflated = match file.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            _ => return unsupported("which is neither stored nor deflated", "pack it again with deflate"),
        };
        let (size, packed) = (file.size(), file.compressed_size());
        // The sum of the declared sizes bounds the bytes that are ever read, even if members overlap.
        total = total.saturating_add(size);
        if total > unpacked_limit(entry.size) {
            return Err(damaged(path, over_limit(entry.size)));
        }
        let start = file.data_start().unwrap_or(u64::MAX);
        if start.checked_add(packed).is_none_or(|end| end > entry.size) {
            return Err(damaged(path, format!("{name} extends beyond its end: it is cut short")));
        }
        let packed = Window { of: entry.content(), start, size: packed };
        let content = Arc::new(Zipped { packed, deflated, size, crc: file.crc32() });
        members.push(Member { raw, file: Some((size, content)) });
    }
    let listed = archive.len();
    let mut root = Folder::of_members(path.clone(), members, |name, raw| member::normalise(path, name, raw))?;
    // The library keeps the last of several members with the same bytes as path.
    if let Some(more) =
        end.and_then(|end| end.members).and_then(|declared| declared.checked_sub(listed)).filter(|&n| n > 0)
    {
        root.notices.push(format!(
            "{} in {} {} the path of an earlier one: the last one counts",
            counted(more, "file", "files"),
            shown(path),
            if more == 1 { "has" } else { "have" }
        ));
    }
    Ok(root)
}

/// A member's compressed bytes.
struct Zipped {
    packed: Window,
    deflated: bool,
    size: u64,
    crc: u32,
}

impl Content for Zipped {
    fn mark(&self) -> u64 {
        self.packed.mark() ^ u64::from(self.crc).rotate_left(32)
    }

    fn open(&self) -> io::Result<Stream> {
        let packed = self.packed.open()?;
        let inner: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Ok(Box::new(BufReader::new(Checked {
            inner,
            remaining: self.size,
            crc: Crc::new(),
            expected: self.crc,
        })))
    }
}

/// Yields exactly the bytes that the directory declares, and compares the checksum at the end.
struct Checked {
    inner: Box<dyn Read + Send>,
    remaining: u64,
    crc: Crc,
    expected: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let invalid = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let got = self.inner.read(&mut buffer[..most])?;
        if got == 0 {
            return invalid("it is shorter than the archive's directory says");
        }
        self.crc.update(&buffer[..got]);
        self.remaining -= got as u64;
        if self.remaining == 0 {
            if self.inner.read(&mut [0])? != 0 {
                return invalid("it is longer than the archive's directory says");
            }
            if self.crc.sum() != self.expected {
                return invalid("its checksum does not match: the archive is damaged");
            }
        }
        Ok(got)
    }
}
