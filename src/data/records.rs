//! Readers of simple files: records of one size, and lists of class names.

use std::io::{self, Read};

use super::error::DataError;
use super::files::{Entry, Folder, Stream};
use super::set;

/// More than any list of class names needs.
const MAX_NAMES_BYTES: u64 = 1 << 20;

/// Reads the records of a file one by one.
pub(super) struct Records<'a> {
    entry: &'a Entry,
    stream: Stream,
    record: Vec<u8>,
    /// Offset of the record that was read last, and of the next one.
    offset: u64,
    next: u64,
    /// What a record is, for messages.
    what: String,
}

impl<'a> Records<'a> {
    /// `size`: bytes per record.
    pub fn open(entry: &'a Entry, size: usize, what: String) -> Result<Self, DataError> {
        Ok(Self { entry, stream: entry.open()?, record: vec![0; size], offset: 0, next: 0, what })
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When the file ends within a record.
    pub fn next(&mut self) -> Result<Option<&[u8]>, DataError> {
        let size = self.record.len();
        self.offset = self.next;
        let got = fill(&mut self.stream, &mut self.record).map_err(|reason| self.entry.unreadable(reason))?;
        if got == 0 {
            return Ok(None);
        }
        if got < size {
            let expected = format!("a record of {size} bytes ({})", self.what);
            return Err(self.corrupt(0, expected, format!("{got} bytes")));
        }
        self.next += size as u64;
        Ok(Some(&self.record))
    }

    /// An error at byte `at` of the record that was read last.
    pub fn corrupt(&self, at: usize, expected: String, found: String) -> DataError {
        DataError::Corrupt {
            path: self.entry.path.clone(),
            offset: self.offset + at as u64,
            expected,
            found,
            advice: "the file is cut short or damaged: fetch it again",
        }
    }
}

/// Reads until the buffer is full or the input ends; returns the number of bytes.
pub(super) fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// The class names in the folder's file `name`, one per line; numbers if there is no such file.
pub(super) fn read_names(folder: &Folder, name: &str, classes: usize) -> Result<Vec<String>, DataError> {
    let Some(entry) = folder.files.get(name) else { return Ok(set::numbered(classes)) };
    let text = String::from_utf8_lossy(&entry.bytes(MAX_NAMES_BYTES)?).into_owned();
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if names.len() != classes {
        return Err(DataError::Corrupt {
            path: entry.path.clone(),
            offset: 0,
            expected: format!("{classes} class names, one per line"),
            found: format!("{} lines", names.len()),
            advice: "correct the file, or remove it to have the classes numbered",
        });
    }
    Ok(names)
}
