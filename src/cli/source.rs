//! Where data is: a built-in name, a path, or the name of a set in the user's data folder.

use std::path::{Path, PathBuf};

use remixmatch::data::{DataError, DataSet, OpenOptions, open};

/// Opens a source and prints its notices.
pub fn open_source(source: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    let set = open(&resolve(source), options)?;
    for notice in &set.notices {
        eprintln!("notice: {notice}");
    }
    Ok(set)
}

/// A bare name that is no path here is looked for in the data folder, where the fetch scripts put sets.
fn resolve(source: &str) -> String {
    let is_name = !source.contains([':', '/', '\\']) && !Path::new(source).exists();
    match data_folder().map(|folder| folder.join(source)) {
        Some(path) if is_name && path.exists() => path.to_string_lossy().into_owned(),
        _ => source.to_owned(),
    }
}

fn data_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")))?;
    Some(base.join("remixmatch"))
}
