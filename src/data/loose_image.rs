//! Images outside a data set, to classify: files on the disk, and members of archives.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::files::Entry;
use super::host;

/// An image that is read when it is needed.
#[derive(Clone)]
pub struct LooseImage {
    path: PathBuf,
    /// `None`: a file on the disk, which may be gone.
    member: Option<Entry>,
}

impl From<PathBuf> for LooseImage {
    fn from(path: PathBuf) -> Self {
        Self { path, member: None }
    }
}

impl LooseImage {
    /// Its path; that of a member begins with the path of its archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its bytes are.
    ///
    /// # Errors
    /// [`DataError::Read`] if it is a file on the disk that does not exist, or is a pipe, a socket or a device.
    pub(super) fn entry(&self) -> Result<Entry, DataError> {
        match &self.member {
            Some(entry) => Ok(entry.clone()),
            None => host::file(&self.path),
        }
    }

    /// Reads its bytes as they are.
    ///
    /// # Errors
    /// When the file or the member cannot be read.
    pub fn reader(&self) -> Result<impl Read + use<>, DataError> {
        self.entry()?.open()
    }

    /// A member of an archive.
    pub(super) fn of(entry: &Entry) -> Self {
        Self { path: entry.path.clone(), member: Some(entry.clone()) }
    }
}
