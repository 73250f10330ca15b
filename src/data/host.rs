//! Files of the host: the disk, or on a page the in-memory file system.

use std::path::Path;

pub(super) use platform::{file, folder};

/// The last component of a path, as the name of a data set.
pub(super) fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(not(target_arch = "wasm32"))]
mod platform {
    use std::fs::{self, File};
    use std::io::{self, BufReader};
    use std::path::{Path, PathBuf};

    use crate::data::error::DataError;
    use crate::data::files::{Content, Entry, Folder, Seekable, Stream, is_hidden};
    use crate::data::limits::MAX_FOLDER_DEPTH;

    struct OnDisk(PathBuf);

    impl Content for OnDisk {
        fn is_seekable(&self) -> bool {
            true
        }

        fn open(&self) -> io::Result<Stream> {
            Ok(Box::new(BufReader::new(File::open(&self.0)?)))
        }

        fn open_seekable(&self) -> io::Result<Box<dyn Seekable>> {
            Ok(Box::new(BufReader::new(File::open(&self.0)?)))
        }
    }

    /// A file on the disk.
    ///
    /// # Errors
    /// When it does not exist, or its size cannot be read.
    pub fn file(path: &Path) -> Result<Entry, DataError> {
        let metadata =
            fs::metadata(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
        Ok(Entry::new(path.to_owned(), metadata.len(), OnDisk(path.to_owned())))
    }

    /// A folder on the disk with everything below it. Links are followed, unless they lead back to a folder above.
    ///
    /// # Errors
    /// When it, or a folder below it, cannot be listed.
    pub fn folder(path: &Path) -> Result<Folder, DataError> {
        list(path, &mut Vec::new())
    }

    /// `above`: the canonical paths of the folders around this one.
    fn list(path: &Path, above: &mut Vec<PathBuf>) -> Result<Folder, DataError> {
        let unreadable = |reason| DataError::Read { path: path.to_owned(), reason };
        let mut folder = Folder::new(path.to_owned());
        above.push(path.canonicalize().map_err(unreadable)?);
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_hidden(&name) {
                continue;
            }
            // A dangling link is listed: reading it reports the problem.
            let Ok(metadata) = fs::metadata(&path) else {
                folder.files.insert(name, Entry::new(path.clone(), 0, OnDisk(path)));
                continue;
            };
            if metadata.is_dir() {
                let is_cycle = path.canonicalize().is_ok_and(|real| above.contains(&real));
                if !is_cycle && above.len() < MAX_FOLDER_DEPTH {
                    folder.folders.insert(name, list(&path, above)?);
                }
            } else if metadata.is_file() {
                // Pipes and devices are left out: reading them could block forever.
                folder.files.insert(name, Entry::new(path.clone(), metadata.len(), OnDisk(path)));
            }
        }
        above.pop();
        Ok(folder)
    }
}

#[cfg(target_arch = "wasm32")]
mod platform {
    use std::path::Path;

    use crate::data::error::DataError;
    use crate::data::files::{Entry, Folder, Memory};
    use crate::disk::in_memory;

    /// A file of the page.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn file(path: &Path) -> Result<Entry, DataError> {
        let bytes =
            in_memory::share(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
        Ok(Entry::new(path.to_owned(), bytes.len() as u64, Memory(bytes)))
    }

    /// A folder of the page with everything below it.
    ///
    /// # Errors
    /// When a file is removed meanwhile.
    pub fn folder(path: &Path) -> Result<Folder, DataError> {
        let mut folder = Folder::new(path.to_owned());
        for found in in_memory::files_below(path) {
            let bytes =
                in_memory::share(&found).map_err(|reason| DataError::Read { path: found.clone(), reason })?;
            let name = found.strip_prefix(path).unwrap_or(&found).to_string_lossy().into_owned();
            folder.insert(&name, bytes.len() as u64, Memory(bytes));
        }
        Ok(folder)
    }
}
