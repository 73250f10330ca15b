//! Files that are records of one size, one after the other.

use std::io::{self, Read};

use super::DataError;
use super::files::{Entry, Stream};

/// Reads the records of a file.
pub(super) struct Records<'a> {
    entry: &'a Entry,
    stream: Stream,
    record: Vec<u8>,
    /// Where the record last read starts, and where the next does.
    offset: u64,
    next: u64,
    /// What a record is, in words.
    what: String,
}

impl<'a> Records<'a> {
    pub fn open(entry: &'a Entry, size: usize, what: String) -> Result<Self, DataError> {
        Ok(Self { entry, stream: entry.stream()?, record: vec![0; size], offset: 0, next: 0, what })
    }

    /// The next record, `None` at the end.
    ///
    /// # Errors
    /// When the file ends in the midst of one.
    pub fn next(&mut self) -> Result<Option<&[u8]>, DataError> {
        let whole = self.record.len();
        self.offset = self.next;
        let got = fill(&mut self.stream, &mut self.record).map_err(|reason| self.entry.unreadable(reason))?;
        if got == 0 {
            return Ok(None);
        }
        if got < whole {
            return Err(self.flaw(
                0,
                format!("a record of {whole} bytes ({})", self.what),
                format!("{got} bytes"),
            ));
        }
        self.next += whole as u64;
        Ok(Some(&self.record))
    }

    /// An error at byte `at` of the record last read.
    pub fn flaw(&self, at: usize, expected: String, found: String) -> DataError {
        DataError::Corrupt {
            path: self.entry.path.clone(),
            offset: self.offset + at as u64,
            expected,
            found,
            advice: "the file is cut short or damaged: fetch it again",
        }
    }
}

/// Reads until the buffer is full or the input ends.
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
