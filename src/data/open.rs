//! Opens a source: finds the folder or archive that holds a data set, and detects its format.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::files::{Folder, Memory};
use super::formats::{self, FORMATS};
use super::set::{DataSet, OpenOptions, class_counts};
use super::{archive, builtin, host, labelling_folder};
use crate::disk;

/// Names that the message about an unknown folder lists.
const MAX_LISTED: usize = 5;

/// Opens a data set: `builtin:NAME`, or the path of a folder, an archive or a file that holds a whole set. The format
/// is detected.
///
/// # Examples
/// ```
/// use remixmatch::data::{OpenOptions, open};
///
/// let digits = open("builtin:digits", &OpenOptions::default()).unwrap();
/// assert_eq!(digits.classes.len(), 10);
/// assert!(open("no such folder", &OpenOptions::default()).is_err());
/// ```
///
/// # Errors
/// When an option is out of range, no format is detected, a file cannot be read or is damaged, the set lacks training
/// images, test images or a second class, or its format does not offer what [`OpenOptions::choice`] chooses. The message
/// names the file, what was expected, what was found and what to do.
pub fn open(source: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    options.check()?;
    let path = Path::new(source);
    let mut set = if let Some(name) = source.strip_prefix("builtin:") {
        builtin::load(name, options)?
    } else if disk::is_folder(path) {
        let folder = host::folder(path)?;
        if labelling_folder::is_labelled(&folder) {
            labelling_folder::load(path, options)?
        } else {
            read(&folder, options)?
        }
    } else {
        let entry = host::file(path)?;
        let mut folder = Folder::new(path.parent().unwrap_or(path).to_owned());
        folder.files.insert(entry.name.clone(), entry);
        read(&folder, options)?
    };
    if !source.starts_with("builtin:") {
        set.name = host::name_of(path);
    }
    options.choice.check(path, &set)?;
    Ok(set)
}

/// Opens a data set from files in memory, such as those dropped on a page: relative paths with `/` between names, and
/// contents. `name` becomes the name of the set.
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
        folder.insert(&file, bytes.len() as u64, Memory(bytes.into()));
    }
    let mut set = read(&folder, options)?;
    name.clone_into(&mut set.name);
    options.choice.check(Path::new(name), &set)?;
    Ok(set)
}

/// Reads the set in a folder, or in the only folder or archive that the folder contains.
fn read(outer: &Folder, options: &OpenOptions) -> Result<DataSet, DataError> {
    let mut levels = vec![outer.clone()];
    let mut archived = false;
    while let Some(inner) = only_content(&levels[levels.len() - 1], &mut archived)? {
        levels.push(inner);
    }
    // Innermost first: a folder around a folder of class folders looks like one, with a single class.
    for level in levels.iter().rev() {
        if let Some(set) = read_folder(level, options)? {
            check(&level.path, &set, options)?;
            return Ok(set);
        }
    }
    Err(unknown(&levels[levels.len() - 1]))
}

/// The content of a folder that contains one folder or one archive and nothing else. An archive in an archive is not
/// opened: each layer would multiply the size that a hostile one unpacks to.
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

/// Reads a folder in the first format that is detected in it.
fn read_folder(folder: &Folder, options: &OpenOptions) -> Result<Option<DataSet>, DataError> {
    for format in FORMATS {
        if let Some(load) = (format.detect)(folder)? {
            return load(options).map(Some);
        }
    }
    Ok(None)
}

/// The error for a folder in which no format was detected.
fn unknown(folder: &Folder) -> DataError {
    for explain in FORMATS.iter().filter_map(|format| format.explain) {
        match explain(folder) {
            Ok(Some(error)) | Err(error) => return error,
            Ok(None) => {}
        }
    }
    let mut files = folder.files.values();
    let (path, found) = match (files.next(), files.next(), folder.folders.is_empty()) {
        (Some(entry), None, true) => (&entry.path, "a single file: give a folder".to_owned()),
        _ => (&folder.path, listing(folder)),
    };
    DataError::Unknown { path: path.clone(), expected: formats::enumerate(), found }
}

/// What a folder contains, for messages.
fn listing(folder: &Folder) -> String {
    if folder.is_empty() {
        return "an empty folder".to_owned();
    }
    let mut all: Vec<String> = folder.folders.keys().map(|name| format!("{name}/")).collect();
    all.extend(folder.files.keys().cloned());
    all.sort_unstable();
    let more = all.len().saturating_sub(MAX_LISTED);
    all.truncate(MAX_LISTED);
    if more > 0 {
        all.push(format!("{more} more"));
    }
    all.join(", ")
}

/// Checks what every data set must have, whatever its format.
fn check(path: &Path, set: &DataSet, options: &OpenOptions) -> Result<(), DataError> {
    let path = || path.to_owned();
    if set.train.is_empty() && (set.test.is_empty() || !options.only_tests) {
        return Err(DataError::NoImages { path: path() });
    }
    if options.only_tests {
        return match set.classes.is_empty() {
            true => Err(DataError::NoClass { path: path() }),
            false => Ok(()),
        };
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
