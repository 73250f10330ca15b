//! Files that name the classes of a set, a line each.

use super::DataError;
use super::files::{Entry, Folder};
use super::set;

/// More than any list of names takes.
const MAX_BYTES: u64 = 1 << 20;

/// The names in the folder's file `name`, or numbers where there is none.
pub(super) fn read(folder: &Folder, name: &str, classes: usize) -> Result<Vec<String>, DataError> {
    match folder.files.get(name) {
        Some(entry) => lines(entry, classes),
        None => Ok(set::numbered(classes)),
    }
}

fn lines(entry: &Entry, classes: usize) -> Result<Vec<String>, DataError> {
    let text = String::from_utf8_lossy(&entry.bytes(MAX_BYTES)?).into_owned();
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if names.len() != classes {
        return Err(DataError::Corrupt {
            path: entry.path.clone(),
            offset: 0,
            expected: format!("{classes} class names, a line each"),
            found: format!("{} lines", names.len()),
            advice: "correct the file, or remove it to have the classes numbered",
        });
    }
    Ok(names)
}
