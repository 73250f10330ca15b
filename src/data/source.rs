//! Which format a source is in, told from its content.

use std::path::{Path, PathBuf};

use super::files::{self, Folder, Memory};
use super::set::class_counts;
use super::{DataError, DataSet, OpenOptions};
use super::{archive, builtin, cifar, folder, idx, listed, npz, own, stl10, svhn};
use crate::disk;

/// Names listed in the message about a folder that is no data set.
const LISTED: usize = 5;

/// Reads a data set: `builtin:NAME`, or the path of a folder, an archive or a file that holds a whole set.
///
/// # Errors
/// Names the file, what was expected there, what was found and what to do.
pub fn open(source: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    options.check()?;
    let path = Path::new(source);
    let mut set = if let Some(name) = source.strip_prefix("builtin:") {
        builtin::read(name, options)?
    } else if disk::is_folder(path) {
        let folder = files::folder(path)?;
        if own::is_labelled(&folder) { own::read(path, options)? } else { read(&folder, options)? }
    } else {
        let entry = files::file(path)?;
        let mut alone = Folder::new(path.parent().unwrap_or(path).to_owned());
        alone.files.insert(entry.name.clone(), entry);
        read(&alone, options)?
    };
    if !source.starts_with("builtin:") {
        set.name = files::name_of(path);
    }
    options.choice.check(path, &set)?;
    Ok(set)
}

/// Reads a data set from files in memory, such as those dropped on a page: relative paths with `/` between names,
/// and contents. Everything that [`open`] takes can be given so; `name` is what the set is called.
///
/// # Errors
/// As [`open`].
pub fn open_files(
    name: &str,
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
    options: &OpenOptions,
) -> Result<DataSet, DataError> {
    options.check()?;
    let mut folder = Folder::new(PathBuf::from(name));
    for (file, bytes) in files {
        folder.put(&file, bytes.len() as u64, Memory(bytes.into()));
    }
    let mut set = read(&folder, options)?;
    name.clone_into(&mut set.name);
    options.choice.check(Path::new(name), &set)?;
    Ok(set)
}

/// Reads the set in a folder, or in the only folder or archive that the folder holds.
fn read(outer: &Folder, options: &OpenOptions) -> Result<DataSet, DataError> {
    let mut levels = vec![outer.clone()];
    let mut archived = false;
    while let Some(inner) = only_content(&levels[levels.len() - 1], &mut archived)? {
        levels.push(inner);
    }
    // The innermost first: what wraps a folder of class folders looks like one, with a single class.
    for level in levels.iter().rev() {
        if let Some(set) = read_here(level, options)? {
            check(&level.path, &set)?;
            return Ok(set);
        }
    }
    let innermost = &levels[levels.len() - 1];
    Err(listed::lacking(innermost)?.unwrap_or_else(|| unknown(innermost)))
}

/// What is inside a folder that holds one folder or one archive and nothing else. An archive in an archive stays
/// closed: each layer multiplies what a hostile one can grow to.
fn only_content(folder: &Folder, archived: &mut bool) -> Result<Option<Folder>, DataError> {
    let mut folders = folder.folders.values();
    let mut files = folder.files.values();
    match (folders.next(), folders.next(), files.next(), files.next()) {
        (Some(inner), None, None, None) => Ok(Some(inner.clone())),
        (None, None, Some(file), None) if !*archived => {
            let inner = archive::open(file)?;
            *archived = inner.is_some();
            Ok(inner)
        }
        _ => Ok(None),
    }
}

fn read_here(folder: &Folder, options: &OpenOptions) -> Result<Option<DataSet>, DataError> {
    if let Some(files) = npz::find(folder) {
        return npz::read(&files, options).map(Some);
    }
    if let Some(files) = svhn::find(folder) {
        return svhn::read(&files, options).map(Some);
    }
    if let Some(files) = stl10::find(folder) {
        return stl10::read(&files, options).map(Some);
    }
    if let Some(files) = cifar::find(folder)? {
        return cifar::read(folder, &files, options).map(Some);
    }
    if let Some(files) = idx::find(folder) {
        return idx::read(folder, &files, options).map(Some);
    }
    if let Some(tree) = listed::find(folder)? {
        return folder::read(tree, "images listed in a CSV file", options).map(Some);
    }
    match folder::find(folder)? {
        Some(tree) => folder::read(tree, "folder of class folders", options).map(Some),
        None => Ok(None),
    }
}

fn unknown(folder: &Folder) -> DataError {
    let mut files = folder.files.values();
    match (files.next(), files.next(), folder.folders.is_empty()) {
        (Some(entry), None, true) => {
            DataError::Unknown { path: entry.path.clone(), found: "a single file: give a folder".to_owned() }
        }
        _ => DataError::Unknown { path: folder.path.clone(), found: listing(folder) },
    }
}

fn listing(folder: &Folder) -> String {
    if folder.is_empty() {
        return "an empty folder".to_owned();
    }
    let mut all: Vec<String> = folder.folders.keys().map(|name| format!("{name}/")).collect();
    all.extend(folder.files.keys().cloned());
    all.sort_unstable();
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    if more > 0 {
        all.push(format!("{more} more"));
    }
    all.join(", ")
}

/// What every data set must have, whatever its format.
fn check(path: &Path, set: &DataSet) -> Result<(), DataError> {
    let path = || path.to_owned();
    if set.train.is_empty() {
        return Err(DataError::NoImages { path: path() });
    }
    match set.classes.as_slice() {
        [] => return Err(DataError::NoClass { path: path() }),
        [class] => return Err(DataError::OneClass { path: path(), class: class.clone() }),
        _ => {}
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
