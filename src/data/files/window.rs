use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::content::{Content, Seekable, Stream};

/// A run of bytes of another file, such as a member of an archive.
#[derive(Clone)]
pub(in crate::data) struct Window {
    pub of: Arc<dyn Content>,
    pub start: u64,
    pub size: u64,
}

impl Window {
    fn open(&self) -> io::Result<View> {
        let mut inner = self.of.seekable()?;
        inner.seek(SeekFrom::Start(self.start))?;
        Ok(View { inner, start: self.start, size: self.size, position: 0 })
    }
}

impl Content for Window {
    fn seeks(&self) -> bool {
        self.of.seeks()
    }

    fn stream(&self) -> io::Result<Stream> {
        Ok(Box::new(self.open()?))
    }

    fn seekable(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(Box::new(self.open()?))
    }
}

struct View {
    inner: Box<dyn Seekable>,
    start: u64,
    size: u64,
    position: u64,
}

impl Read for View {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.size - self.position).unwrap_or(usize::MAX).min(buffer.len());
        let got = self.inner.read(&mut buffer[..most])?;
        self.position += got as u64;
        Ok(got)
    }
}

impl BufRead for View {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let bytes = if left == 0 { &[] } else { self.inner.fill_buf()? };
        Ok(&bytes[..bytes.len().min(left)])
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
        self.position += amount as u64;
    }
}

impl Seek for View {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        // Beyond the end there is nothing to read, so the end is as far as it goes.
        let target = target.ok_or(io::ErrorKind::InvalidInput)?.min(self.size);
        self.inner.seek(SeekFrom::Start(self.start + target))?;
        self.position = target;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::Memory;

    #[test]
    fn a_window_shows_its_bytes_and_no_others() {
        let of = Arc::new(Memory((0..100).collect::<Vec<u8>>().into()));
        let window = Window { of, start: 10, size: 5 };
        let mut bytes = Vec::new();
        window.stream().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [10, 11, 12, 13, 14]);
        let mut view = window.seekable().unwrap();
        for (to, rest) in [
            (SeekFrom::End(-2), &[13, 14][..]),
            (SeekFrom::Start(1), &[11, 12, 13, 14]),
            (SeekFrom::Current(-1), &[14]),
            (SeekFrom::Start(90), &[]),
        ] {
            view.seek(to).unwrap();
            assert_eq!(view.fill_buf().unwrap(), rest, "{to:?}");
            let mut bytes = Vec::new();
            view.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, rest);
        }
        assert!(view.seek(SeekFrom::Current(-6)).is_err());
    }
}
