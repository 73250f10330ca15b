use std::io::{self, BufRead, Cursor, Read, Seek};
use std::sync::Arc;

pub(in crate::data) type Stream = Box<dyn BufRead + Send>;

/// What readers that jump about need.
pub(in crate::data) trait Seekable: BufRead + Seek + Send {}

impl<T: BufRead + Seek + Send> Seekable for T {}

/// Where the bytes of a file come from; every call starts at the first byte.
pub(in crate::data) trait Content: Send + Sync {
    fn stream(&self) -> io::Result<Stream>;

    /// Whether [`Content::seekable`] reads only what is asked for.
    fn seeks(&self) -> bool {
        false
    }

    /// By default all bytes are read first; a stream never gives more than the size its file was listed with.
    fn seekable(&self) -> io::Result<Box<dyn Seekable>> {
        let mut bytes = Vec::new();
        self.stream()?.read_to_end(&mut bytes)?;
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// Bytes in memory.
#[derive(Clone)]
pub(in crate::data) struct Memory(pub Arc<[u8]>);

impl Content for Memory {
    fn seeks(&self) -> bool {
        true
    }

    fn stream(&self) -> io::Result<Stream> {
        Ok(Box::new(Cursor::new(Arc::clone(&self.0))))
    }

    fn seekable(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(Box::new(Cursor::new(Arc::clone(&self.0))))
    }
}
