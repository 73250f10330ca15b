//! What kind of source gives a set's labels, which decides how a user can change them.

use super::set::{DataSet, LABELLED_BY_HAND};

/// [`DataSet::format`] of the lists of images.
pub(super) const LIST_FORMAT: &str = "images listed in a CSV file";

/// What a user changes to give an image another class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The folders that images are in.
    Folders,
    /// The rows of a list.
    List,
    /// Labels made by hand in the window.
    ByHand,
    /// Records of arrays.
    Arrays,
}

impl DataSet {
    /// What kind of source the set was opened from.
    pub fn source_kind(&self) -> SourceKind {
        match () {
            () if self.is_labelled_folder() => SourceKind::ByHand,
            () if self.format == LIST_FORMAT => SourceKind::List,
            () if self.train_ids.files.is_empty() && self.test_ids.files.is_empty() => SourceKind::Arrays,
            () => SourceKind::Folders,
        }
    }

    /// Whether the set is a folder that was labelled by hand in the window.
    pub fn is_labelled_folder(&self) -> bool {
        self.format.starts_with(LABELLED_BY_HAND)
    }
}
