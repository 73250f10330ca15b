//! Which format a source is in, told from its content.

use std::fs;
use std::path::{Path, PathBuf};

use super::set::class_counts;
use super::{DataError, DataSet, OpenOptions, builtin, cifar, folder, idx, own};

/// Names listed in the message about a folder that is no data set.
const LISTED: usize = 5;

/// A file or folder of a folder.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    pub path: PathBuf,
    pub folder: bool,
}

/// Reads a data set: `builtin:NAME`, or the path of a folder.
///
/// # Errors
/// Names the file, what was expected there, what was found and what to do.
pub fn open(source: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    options.check()?;
    if let Some(name) = source.strip_prefix("builtin:") {
        return builtin::read(name, options);
    }
    let path = Path::new(source);
    let metadata = fs::metadata(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
    if !metadata.is_dir() {
        return Err(DataError::Unknown { path: path.to_owned(), found: single_file(path) });
    }
    let entries = entries(path)?;
    let set = if own::is_labelled(&entries) {
        own::read(path, options)?
    } else if let Some(files) = idx::find(&entries) {
        idx::read(path, &files, options)?
    } else if let Some(files) = cifar::find(&entries) {
        cifar::read(path, &files, options)?
    } else if let Some(tree) = folder::find(&entries)? {
        folder::read(path, tree, options)?
    } else {
        return Err(DataError::Unknown { path: path.to_owned(), found: listing(&entries) });
    };
    check(path, &set)?;
    Ok(set)
}

/// What is in a folder, sorted by name, hidden files and an archiver's leftovers left out.
pub(super) fn entries(folder: &Path) -> Result<Vec<Entry>, DataError> {
    let read_error = |reason| DataError::Read { path: folder.to_owned(), reason };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(read_error)? {
        let path = entry.map_err(read_error)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "__MACOSX" {
            entries.push(Entry { name, folder: path.is_dir(), path });
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The last part of a path, for people to know the set by.
pub(super) fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn single_file(path: &Path) -> String {
    match idx::dimensions(path) {
        Ok(Some(_)) => "a single IDX file: give the folder that holds it and its partners".to_owned(),
        _ => "a single file: give a folder".to_owned(),
    }
}

fn listing(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "an empty folder".to_owned();
    }
    let mut names: Vec<String> = entries
        .iter()
        .take(LISTED)
        .map(|e| format!("{}{}", e.name, if e.folder { "/" } else { "" }))
        .collect();
    if entries.len() > LISTED {
        names.push(format!("{} more", entries.len() - LISTED));
    }
    names.join(", ")
}

/// What every data set must have, whatever its format.
fn check(path: &Path, set: &DataSet) -> Result<(), DataError> {
    let path = || path.to_owned();
    if set.train.is_empty() {
        return Err(DataError::NoImages { path: path() });
    }
    if let [class] = set.classes.as_slice() {
        return Err(DataError::OneClass { path: path(), class: class.clone() });
    }
    let counts = class_counts(set.train_labels.iter().copied().flatten(), set.classes.len());
    if let Some(empty) = counts.iter().position(|&n| n == 0) {
        return Err(DataError::EmptyClass { path: path(), class: set.classes[empty].clone() });
    }
    if set.test.is_empty() {
        return Err(DataError::NoTest { path: path() });
    }
    Ok(())
}
