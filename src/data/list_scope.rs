//! Which files below a folder belong to its lists: not copies and masks of other images, unless a row names them, and
//! around a list that is the source itself only what is near the images that it names.

use std::collections::{BTreeSet, HashSet};

use super::classes::Found;
use super::described::describes_images;
use super::file_kinds::{count_files, ignored_folder};
use super::files::{Entry, Folder};
use super::layout::{Ignored, Roles, joined};
use super::list_table::Table;
use super::named_paths::NamedPaths;
use super::split_words::{SplitName, split_name};

/// The files below a folder.
#[derive(Default)]
pub(super) struct FilesBelow<'a> {
    /// With their paths relative to the folder.
    pub files: Vec<(String, &'a Entry)>,
    /// Folders that are left out, with their number of files, and why.
    left_out: Vec<(String, usize, Ignored)>,
}

impl<'a> FilesBelow<'a> {
    /// All files but those of folders that hold copies or masks of other images, or are no data. A folder that rows name
    /// counts, whatever it is.
    pub fn new(folder: &'a Folder, named: &NamedPaths) -> Self {
        let mut below = Self::default();
        below.walk(folder, "", named);
        below
    }

    fn walk(&mut self, folder: &'a Folder, at: &str, named: &NamedPaths) {
        for (name, inner) in &folder.folders {
            let why = ignored_folder(name, inner).or_else(|| describes_images(name, folder));
            match why.filter(|_| !named.has_folder(name)) {
                Some(why) => self.left_out.push((joined(at, name), count_files(inner), why)),
                None => self.walk(inner, &joined(at, name), named),
            }
        }
        self.files.extend(folder.files.iter().map(|(name, entry)| (joined(at, name), entry)));
    }

    /// Counts the folders that are left out.
    pub fn count_left_out(&self, roles: &mut Roles) {
        self.left_out.iter().for_each(|(path, files, why)| roles.ignore_folder(path, *files, *why));
    }
}

/// Which files beside a list belong to it.
pub(super) struct Scope {
    tables: HashSet<String>,
    /// Whether the images of a folder `unlabeled/` beside the list count.
    takes_unlabelled: bool,
    /// The folder that all listed images are in, and the folders that hold some, if the list itself is the source; for a
    /// whole folder everything belongs to its lists.
    around: Option<(String, BTreeSet<String>)>,
}

impl Scope {
    pub fn of(folder: &Folder, tables: &[(&Entry, Table)], found: &[Found], says_all: bool) -> Self {
        let lists_unlabelled = found.iter().any(|image| unlabelled_folder(&image.folder));
        let folders = || found.iter().map(|image| image.folder.as_str());
        let around = folder.chosen_list.is_some().then(|| {
            let mut around: Vec<&str> = folders().next().unwrap_or_default().split('/').collect();
            for folder in folders() {
                let same = around.iter().zip(folder.split('/')).take_while(|(a, b)| *a == b).count();
                around.truncate(same);
            }
            (around.join("/"), folders().map(str::to_owned).collect())
        });
        Self {
            tables: tables.iter().map(|(entry, table)| joined(within(table), &entry.name)).collect(),
            takes_unlabelled: !says_all && !lists_unlabelled,
            around,
        }
    }

    pub fn is_table(&self, path: &str) -> bool {
        self.tables.contains(path)
    }

    pub fn unlabelled(&self, folder: &str) -> bool {
        self.takes_unlabelled && unlabelled_folder(folder)
    }

    /// Whether images of this folder may have been forgotten in the list.
    pub fn holds(&self, folder: &str) -> bool {
        let Some((around, folders)) = &self.around else { return true };
        if unlabelled_folder(folder) {
            return true;
        }
        let is_below = |outer: &str| {
            folder.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match around.as_str() {
            "" => folders
                .iter()
                .any(|listed| if listed.is_empty() { folder.is_empty() } else { is_below(listed) }),
            around => is_below(around),
        }
    }
}

/// The split folder that a table is in.
fn within(table: &Table) -> &str {
    match table {
        Table::List(list) => &list.within,
        Table::Other { .. } => "",
    }
}

/// Whether the first folder of a path is one of unlabelled images.
pub(super) fn unlabelled_folder(folder: &str) -> bool {
    folder.split('/').next().and_then(split_name) == Some(SplitName::Unlabelled)
}
