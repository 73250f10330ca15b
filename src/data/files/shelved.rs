//! Files of a page: all in memory.

use std::path::Path;

use super::{Entry, Folder, Memory};
use crate::data::DataError;
use crate::disk::shelf;

/// A file of the page, which must be there.
pub(in crate::data) fn file(path: &Path) -> Result<Entry, DataError> {
    let bytes = shelf::share(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
    Ok(Entry::new(path.to_owned(), bytes.len() as u64, Memory(bytes)))
}

/// A folder of the page with everything below it.
pub(in crate::data) fn folder(path: &Path) -> Result<Folder, DataError> {
    let mut folder = Folder::new(path.to_owned());
    for found in shelf::all(path) {
        let bytes = shelf::share(&found).map_err(|reason| DataError::Read { path: found.clone(), reason })?;
        let name = found.strip_prefix(path).unwrap_or(&found).to_string_lossy().into_owned();
        folder.put(&name, bytes.len() as u64, Memory(bytes));
    }
    Ok(folder)
}
