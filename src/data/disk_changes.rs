//! Whether the images below a folder are still those that were read: told by the size and the times of their files, without
//! reading them.

use std::fmt;
use std::path::Path;

use super::counted::counted;
use super::error::DataError;
use super::file_stamps::FileStamps;
use super::host;
use super::labels::{CLASSES_FILE, LABELS_FILE};
use super::layout::Roles;
use super::names::shown_name;
use super::set::{Choice, OpenOptions};
use super::unclassed::unclassed;

/// Names that a list of changes shows.
const NAMED: usize = 3;

/// What has changed below `folder` since its image files were as `before` says.
///
/// # Errors
/// When the folder cannot be listed.
pub(super) fn changes(folder: &Path, before: &FileStamps) -> Result<DiskChanges, DataError> {
    let choice = Choice { many_files: true, ..Choice::default() };
    let options = OpenOptions { choice, ..OpenOptions::default() };
    let listed = host::folder(folder, &options)?;
    let (found, _) = unclassed(&listed, &[LABELS_FILE, CLASSES_FILE], true, &mut Roles::default())?;
    let (before, now) = (&before.0, FileStamps::of(&found).0);
    let added = now.keys().filter(|name| !before.contains_key(*name));
    let changed = now.iter().filter(|(name, stamp)| before.get(*name).is_some_and(|before| before != *stamp));
    let removed = before.keys().filter(|name| !now.contains_key(*name));
    Ok(DiskChanges {
        added: added.cloned().collect(),
        changed: changed.map(|(name, _)| name.clone()).collect(),
        removed: removed.cloned().collect(),
    })
}

/// Images that have changed on the disk, by their paths relative to the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskChanges {
    pub added: Vec<String>,
    /// Files with another size or time.
    pub changed: Vec<String>,
    pub removed: Vec<String>,
}

impl DiskChanges {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for DiskChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |names: &[String], verb: &str| {
            let examples: Vec<String> =
                names.iter().take(NAMED).map(|name| shown_name(name).to_string()).collect();
            let more = if names.len() > NAMED { ", ..." } else { "" };
            let images = counted(names.len(), "image", "images");
            (!names.is_empty()).then(|| format!("{images} {verb} ({}{more})", examples.join(", ")))
        };
        let parts =
            [part(&self.added, "added"), part(&self.changed, "changed"), part(&self.removed, "removed")];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}
