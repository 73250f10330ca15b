//! What the rows of a list name: a file, several, or nothing; and what is said of rows that name no file alone.

use std::path::Path;

use super::error::DataError;
use super::names::shown;

/// What a row's name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    File(usize),
    /// These two files, and perhaps more.
    Several(usize, usize),
    Nothing,
}

impl Named {
    pub fn of(mut files: impl Iterator<Item = usize>) -> Self {
        match (files.next(), files.next()) {
            (Some(first), Some(second)) => Self::Several(first, second),
            (Some(only), None) => Self::File(only),
            (None, _) => Self::Nothing,
        }
    }

    /// The file, if there is one alone.
    pub fn file(self) -> Option<usize> {
        match self {
            Self::File(file) => Some(file),
            Self::Several(..) | Self::Nothing => None,
        }
    }
}

/// What the names of rows mean.
pub(super) struct Resolved {
    /// Row by row.
    pub named: Vec<Named>,
    /// Rows whose path was cut at the start to find the file.
    pub moved: Vec<usize>,
    /// Whether files in any folder below were looked for.
    pub deeper: bool,
    /// Rows whose name differs from the file's: in its ending, in zeros before a number, or in how its letters were decoded.
    pub loose: Vec<usize>,
}

impl Resolved {
    /// The other rows, and what they mean.
    pub fn without<'a, R>(&self, rows: &'a [R], is_meant: impl Fn(&R) -> bool) -> (Vec<&'a R>, Self) {
        let kept: Vec<usize> = (0..rows.len()).filter(|row| !is_meant(&rows[*row])).collect();
        let place = |rows: &[usize]| rows.iter().filter_map(|row| kept.binary_search(row).ok()).collect();
        let (moved, loose) = (place(&self.moved), place(&self.loose));
        let named = kept.iter().map(|row| self.named[*row]).collect();
        (kept.iter().map(|row| &rows[*row]).collect(), Self { named, moved, deeper: self.deeper, loose })
    }
}

/// Rows that name no file, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unmatched {
    /// The line of the first such row.
    pub line: u64,
    /// What the first such row names.
    pub found: String,
    /// How many rows there are, with the first of them.
    pub told: String,
    /// Whether all rows are such.
    pub all: bool,
}

impl Unmatched {
    /// The error for a list at `path` whose files are in `folder`.
    pub fn error(&self, path: &Path, folder: &Path) -> DataError {
        DataError::Line {
            path: path.to_owned(),
            line: self.line,
            expected: match folder.as_os_str().is_empty() || folder == Path::new(".") {
                true => "an image in the folder of the list".to_owned(),
                false => format!("an image in {}", shown(folder)),
            },
            found: format!("{} ({})", self.found, self.told),
            advice: "correct the rows or remove them, or set skip_bad to leave them out",
        }
    }
}
