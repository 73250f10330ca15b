use std::io::{self, BufReader, Read};

use ::zip::{CompressionMethod, ZipArchive};
use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::bound::{allowance, exceeded};
use super::{damaged, member};
use crate::data::DataError;
use crate::data::files::{Content, Entry, Folder, Stream, Window};

/// Lists the members by the archive's directory.
///
/// Their packed bytes are then read without the directory, so that several can be at once.
pub(super) fn list(entry: &Entry) -> Result<Folder, DataError> {
    let path = &entry.path;
    let mut root = Folder::new(path.clone());
    let mut archive = ZipArchive::new(entry.seekable()?).map_err(|error| damaged(entry, error))?;
    let mut total = 0u64;
    for i in 0..archive.len() {
        let file = archive.by_index_raw(i).map_err(|error| damaged(entry, error))?;
        let name = member::name(path, file.name_raw())?;
        if file.is_dir() {
            root.make(name.split('/').filter(|part| !part.is_empty()));
            continue;
        }
        let unread = |problem, advice| Err(member::unread(path, &name, problem, advice));
        if file.encrypted() {
            return unread("which is encrypted", "pack it again without a password");
        }
        if file.is_symlink() {
            return unread("which is a link", "pack it again with the file itself");
        }
        let deflated = match file.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            _ => return unread("which is neither stored nor deflated", "pack it again with deflate"),
        };
        let (size, packed) = (file.size(), file.compressed_size());
        // The sum of what is told bounds all that is ever read, overlapping members too.
        total = total.saturating_add(size);
        if total > allowance(entry.size) {
            return Err(damaged(entry, exceeded(entry.size)));
        }
        let start = file.data_start().unwrap_or(u64::MAX);
        if start.checked_add(packed).is_none_or(|end| end > entry.size) {
            return Err(damaged(entry, format!("{name} goes on beyond its end: it is cut short")));
        }
        let packed = Window { of: entry.content(), start, size: packed };
        root.put(&name, size, Zipped { packed, deflated, size, crc: file.crc32() });
    }
    Ok(root)
}

/// A member.
struct Zipped {
    packed: Window,
    deflated: bool,
    size: u64,
    crc: u32,
}

impl Content for Zipped {
    fn stream(&self) -> io::Result<Stream> {
        let packed = self.packed.stream()?;
        let inner: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Ok(Box::new(BufReader::new(Checked { inner, left: self.size, crc: Crc::new(), told: self.crc })))
    }
}

/// Gives what the directory told, no more and no less, and compares the checksum at the end.
struct Checked {
    inner: Box<dyn Read + Send>,
    left: u64,
    crc: Crc,
    told: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let invalid = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let got = self.inner.read(&mut buffer[..most])?;
        if got == 0 {
            return invalid("it is shorter than the archive's directory says");
        }
        self.crc.update(&buffer[..got]);
        self.left -= got as u64;
        if self.left == 0 {
            if self.inner.read(&mut [0])? != 0 {
                return invalid("it is longer than the archive's directory says");
            }
            if self.crc.sum() != self.told {
                return invalid("its checksum is not the one in the archive: the archive is damaged");
            }
        }
        Ok(got)
    }
}
