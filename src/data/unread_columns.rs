//! The columns of a list that say nothing about its images here: a corrected list keeps them.

use std::collections::HashMap;

/// Columns of lists that are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnreadColumns {
    /// Their names, as written.
    pub names: Vec<String>,
    /// The cells of an image in the order of the names, by its file as in [`Identities::files`](super::Identities::files). Images
    /// of another list may have fewer.
    pub cells: HashMap<String, Vec<String>>,
}

impl UnreadColumns {
    /// Where a column of this name is; it is added if it is new.
    pub(super) fn place(&mut self, name: &str) -> usize {
        self.names.iter().position(|other| other == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    /// Adds a cell of an image; the first one counts.
    pub(super) fn insert(&mut self, file: &str, place: usize, cell: &str) {
        let cells = self.cells.entry(file.to_owned()).or_default();
        if cells.len() <= place {
            cells.resize(place + 1, String::new());
        }
        if cells[place].is_empty() {
            cell.clone_into(&mut cells[place]);
        }
    }

    /// The cells of an image, one for each name.
    pub fn of(&self, file: &str) -> impl Iterator<Item = &str> {
        let cells = self.cells.get(file);
        (0..self.names.len()).map(move |at| cells.and_then(|cells| cells.get(at)).map_or("", String::as_str))
    }
}
