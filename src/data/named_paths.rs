//! The files and folders that rows of a list name: a walk keeps them, whatever it makes of their names.

use std::collections::HashSet;

use super::files::Entry;
use super::list_text::text;
use super::names::{folded, normal_path};

/// Size in bytes of the largest list that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Names of files and folders in rows.
#[derive(Default)]
pub(super) struct NamedPaths {
    folders: HashSet<String>,
    files: HashSet<String>,
}

impl NamedPaths {
    /// The names in these paths, as people write them.
    pub fn new(paths: impl IntoIterator<Item = String>) -> Self {
        let mut named = Self::default();
        for path in paths {
            let path = folded(&normal_path(&path));
            let (folders, file) = path.rsplit_once('/').unwrap_or(("", &path));
            named.folders.extend(folders.split('/').filter(|name| !name.is_empty()).map(str::to_owned));
            named.files.insert(file.to_owned());
        }
        named
    }

    /// The names in the first column of a list of labels made by hand; none if it cannot be read.
    pub fn in_labels(entry: &Entry) -> Self {
        let Some(text) = entry.bytes(MAX_BYTES).ok().and_then(|bytes| text(&bytes).ok()) else {
            return Self::default();
        };
        // Whatever separates the fields, the name of the file is the first.
        let name =
            |line: &str| line.split([',', ';', '\t']).next().map(|name| name.trim_matches('"').to_owned());
        Self::new(text.lines().filter_map(name))
    }

    /// Whether a row names a file in a folder of this name.
    pub fn has_folder(&self, name: &str) -> bool {
        self.folders.contains(&folded(name))
    }

    /// Whether a row names a file of this name.
    pub fn has_file(&self, name: &str) -> bool {
        self.files.contains(&folded(name))
    }
}
