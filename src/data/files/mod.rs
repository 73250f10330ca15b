//! Files by name, wherever they are: on a disk, in an archive, or in memory (dropped on a page).
//!
//! Readers of formats see a [`Folder`] of [`Entry`] values and ask these for bytes; where the bytes come from is
//! the concern of [`Content`].

mod content;
#[cfg(not(target_arch = "wasm32"))]
mod disk;
#[cfg(target_arch = "wasm32")]
#[path = "shelved.rs"]
mod disk;
mod window;

pub(super) use content::{Content, Memory, Seekable, Stream};
pub(super) use disk::{file, folder};
pub(super) use window::Window;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DataError;

/// Folders in folders that are looked into; deeper than this something is wrong.
pub(super) const MAX_DEPTH: usize = 16;

/// A file: a name, and a way to read its bytes.
#[derive(Clone)]
pub(super) struct Entry {
    /// The name without its folders.
    pub name: String,
    /// For messages: where it is, as people would write it.
    pub path: PathBuf,
    pub size: u64,
    content: Arc<dyn Content>,
}

impl Entry {
    pub fn new(path: PathBuf, size: u64, content: impl Content + 'static) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, path, size, content: Arc::new(content) }
    }

    /// The bytes from the start, once.
    pub fn stream(&self) -> Result<Stream, DataError> {
        self.content.stream().map_err(|reason| self.unreadable(reason))
    }

    /// The bytes for readers that jump about.
    pub fn seekable(&self) -> Result<Box<dyn Seekable>, DataError> {
        self.content.seekable().map_err(|reason| self.unreadable(reason))
    }

    pub fn content(&self) -> Arc<dyn Content> {
        Arc::clone(&self.content)
    }

    /// The first `n` bytes, or as many as there are.
    pub fn start(&self, n: usize) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::with_capacity(n);
        self.stream()?.take(n as u64).read_to_end(&mut bytes).map_err(|reason| self.unreadable(reason))?;
        Ok(bytes)
    }

    /// All bytes, of a file of at most `limit`.
    pub fn bytes(&self, limit: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        self.stream()?.take(limit + 1).read_to_end(&mut bytes).map_err(|reason| self.unreadable(reason))?;
        if bytes.len() as u64 > limit {
            return Err(DataError::LargeFile { path: self.path.clone(), limit });
        }
        Ok(bytes)
    }

    pub fn unreadable(&self, reason: io::Error) -> DataError {
        DataError::Read { path: self.path.clone(), reason }
    }
}

/// A folder with all that is below it, by name.
#[derive(Clone, Default)]
pub(super) struct Folder {
    /// For messages.
    pub path: PathBuf,
    pub folders: BTreeMap<String, Folder>,
    pub files: BTreeMap<String, Entry>,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }

    /// The folder at `parts` below this one, made where it is missing; `None` where it is of no interest.
    pub fn make<'a>(&mut self, parts: impl IntoIterator<Item = &'a str>) -> Option<&mut Folder> {
        let mut at = self;
        for part in parts {
            if is_hidden(part) {
                return None;
            }
            let path = at.path.join(part);
            at = at.folders.entry(part.to_owned()).or_insert_with(|| Folder::new(path));
        }
        Some(at)
    }

    /// Puts a file below this folder; of two with one name the later stays, as where archives are unpacked.
    pub fn put(&mut self, name: &str, size: u64, content: impl Content + 'static) {
        let (folders, file) = name.rsplit_once('/').map_or((None, name), |(left, right)| (Some(left), right));
        if is_hidden(file) {
            return;
        }
        if let Some(folder) = self.make(folders.into_iter().flat_map(|names| names.split('/'))) {
            let entry = Entry::new(folder.path.join(file), size, content);
            folder.files.insert(file.to_owned(), entry);
        }
    }

    /// The file at a relative path with `/` between names.
    pub fn at(&self, name: &str) -> Option<&Entry> {
        let mut parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let file = parts.pop()?;
        let folder = parts.into_iter().try_fold(self, |folder, part| folder.folders.get(part))?;
        folder.files.get(file)
    }

    pub fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.files.is_empty()
    }
}

/// Hidden files and an archiver's leftovers are not looked at.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

/// The last part of a path, for people to know the set by.
pub(super) fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
