//! The end of a zip archive: which of the marks in its last bytes is the record of its end, and a view of the archive without
//! the comment behind it.

use std::io::{self, Read, Seek, SeekFrom};

use crate::data::files::{Entry, Seekable};

const END: &[u8] = b"PK\x05\x06";
const DIRECTORY: &[u8] = b"PK\x01\x02";
/// Mark and size of the record that precedes the end of an archive of 64 bits.
const LOCATOR: (&[u8], usize) = (b"PK\x06\x07", 20);
/// Bytes of the record without the comment.
const SIZE: usize = 22;

/// The record of an archive's end.
pub(super) struct End {
    /// Offset of what is behind the record: the comment.
    comment: u64,
    /// The number of members that it declares; `None` if that is beyond 16 bits.
    pub members: Option<usize>,
}

impl End {
    /// The last record whose comment reaches exactly to the end of the file; of several the one behind a directory. A
    /// comment may hold the bytes of a record. `None` if there is none, or the file cannot be read.
    pub fn of(entry: &Entry) -> Option<Self> {
        let length = entry.size.min(u64::from(u16::MAX) + SIZE as u64);
        let mut file = entry.open_seekable().ok()?;
        file.seek(SeekFrom::Start(entry.size - length)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let number = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let ends = |at: &usize| {
            bytes[*at..].starts_with(END)
                && number(at + 20).is_some_and(|comment| at + SIZE + usize::from(comment) == bytes.len())
        };
        let mut has_directory = |at: &usize| {
            let is_64 =
                at.checked_sub(LOCATOR.1).is_some_and(|before| bytes[before..].starts_with(LOCATOR.0));
            let size =
                bytes.get(at + 12..at + 16).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
            let start = (entry.size - length + *at as u64).checked_sub(u64::from(size.unwrap_or_default()));
            let mut mark = [0; 4];
            let read =
                start.map(|start| file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut mark)));
            is_64 || (matches!(read, Some(Ok(()))) && mark == DIRECTORY)
        };
        let found: Vec<usize> = (0..bytes.len()).rev().filter(ends).collect();
        let at = *found.iter().find(|at| has_directory(at)).or(found.first())?;
        let members = number(at + 10).filter(|count| *count < u16::MAX).map(usize::from);
        Some(Self { comment: entry.size - length + (at + SIZE) as u64, members })
    }

    /// The archive with zeros for its comment, so that nothing in it is taken for a record.
    pub fn without_comment(&self, inner: Box<dyn Seekable>) -> WithoutComment {
        WithoutComment { inner, comment: self.comment, position: 0 }
    }
}

/// A reader of an archive that yields zeros for its comment.
pub(super) struct WithoutComment {
    inner: Box<dyn Seekable>,
    comment: u64,
    position: u64,
}

impl Read for WithoutComment {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let kept = usize::try_from(self.comment.saturating_sub(self.position)).unwrap_or(usize::MAX).min(got);
        buffer[kept..got].fill(0);
        self.position += got as u64;
        Ok(got)
    }
}

impl Seek for WithoutComment {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.inner.seek(to)?;
        Ok(self.position)
    }
}
