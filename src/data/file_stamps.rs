//! The image files below a folder as they were when they were read.

use std::collections::BTreeMap;

use super::files::Entry;
use super::hash_cache::{Stamp, stamp};

/// Image files by their paths relative to a folder, with what tells that one has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileStamps(pub(super) BTreeMap<String, Option<Stamp>>);

impl FileStamps {
    /// Those of files as they are now.
    pub(super) fn of(files: &[(String, Entry)]) -> Self {
        Self(files.iter().map(|(name, entry)| (name.clone(), stamp(&entry.path))).collect())
    }
}
