use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::content::{Content, Seekable, Stream};
use super::{Entry, Folder, MAX_DEPTH, is_hidden};
use crate::data::DataError;

struct OnDisk(PathBuf);

impl Content for OnDisk {
    fn seeks(&self) -> bool {
        true
    }

    fn stream(&self) -> io::Result<Stream> {
        Ok(Box::new(BufReader::new(File::open(&self.0)?)))
    }

    fn seekable(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(Box::new(BufReader::new(File::open(&self.0)?)))
    }
}

/// A file on the disk, which must be there.
pub(in crate::data) fn file(path: &Path) -> Result<Entry, DataError> {
    let metadata = fs::metadata(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
    Ok(Entry::new(path.to_owned(), metadata.len(), OnDisk(path.to_owned())))
}

/// A folder on the disk with everything below it. Links are followed, but not back to a folder that they are in.
pub(in crate::data) fn folder(path: &Path) -> Result<Folder, DataError> {
    let mut above = Vec::new();
    list(path, &mut above)
}

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
        // A link to nowhere is listed: reading it says so.
        let Ok(metadata) = fs::metadata(&path) else {
            folder.files.insert(name, Entry::new(path.clone(), 0, OnDisk(path)));
            continue;
        };
        if metadata.is_dir() {
            let returns = path.canonicalize().is_ok_and(|real| above.contains(&real));
            if !returns && above.len() < MAX_DEPTH {
                folder.folders.insert(name, list(&path, above)?);
            }
        } else if metadata.is_file() {
            // Pipes and devices would be waited for without end.
            folder.files.insert(name, Entry::new(path.clone(), metadata.len(), OnDisk(path)));
        }
    }
    above.pop();
    Ok(folder)
}
