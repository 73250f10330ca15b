//! The file of classes beside labels made by hand: one name per line. Labels may be numbers of its lines.

use std::collections::BTreeSet;

use super::counted::counted;
use super::error::DataError;
use super::files::Entry;
use super::layout::listed;
use super::list_labels::is_no_label;
use super::list_text::{SAVE_AS_UTF8, text};
use super::names::{class_key, shown_name};

/// Size in bytes of the largest file of classes.
const MAX_BYTES: u64 = 16 << 20;

/// The names of classes, in the order of their lines.
pub(super) struct ClassLines(Vec<String>);

impl ClassLines {
    /// The classes with these names.
    pub fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// Reads a file of classes. Empty lines and repeated names do not count.
    ///
    /// # Errors
    /// When it cannot be read, or is not text.
    pub fn read(entry: &Entry) -> Result<Self, DataError> {
        let bytes = entry.bytes(MAX_BYTES)?;
        let text = text(&bytes).map_err(|problem| DataError::Line {
            path: entry.path.clone(),
            line: problem.line,
            expected: "the name of a class".to_owned(),
            found: problem.found.to_owned(),
            advice: SAVE_AS_UTF8,
        })?;
        let mut seen = BTreeSet::new();
        let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
        Ok(Self(names.filter(|name| seen.insert(class_key(name))).map(str::to_owned).collect()))
    }

    /// Whether a class has this name, in any spelling.
    pub fn has(&self, name: &str) -> bool {
        let key = class_key(name);
        self.0.iter().any(|class| class_key(class) == key)
    }

    /// The number of the first line, 0 or 1, if all labels are numbers of the lines, and no class has such a name.
    pub fn first_number<'a>(&self, labels: impl Iterator<Item = &'a str>) -> Option<usize> {
        let mut numbers = BTreeSet::new();
        let known: BTreeSet<String> = self.0.iter().map(|name| class_key(name)).collect();
        for label in labels.filter(|label| !is_no_label(label)) {
            if known.contains(&class_key(label)) {
                return None;
            }
            numbers.insert(label.trim().parse::<usize>().ok()?);
        }
        let (first, last) = (*numbers.first()?, *numbers.last()?);
        match (first, self.0.len()) {
            (0, classes) if last < classes => Some(0),
            (1.., classes) if last == classes => Some(1),
            _ => None,
        }
    }

    /// The line of a label that is its number, from 0, where the first line has the number `first`.
    pub fn line(label: &str, first: usize) -> Option<usize> {
        label.trim().parse::<usize>().ok()?.checked_sub(first)
    }

    /// The class of a label that is the number of a line.
    pub fn named(&self, label: &str, first: usize) -> Option<String> {
        self.0.get(Self::line(label, first)?).cloned()
    }

    /// The notice about labels that are not among the classes.
    pub fn new_notice<'a>(&self, labels: impl Iterator<Item = &'a str>) -> Option<String> {
        let known: BTreeSet<String> = self.0.iter().map(|name| class_key(name)).collect();
        let mut new = BTreeSet::new();
        labels.filter(|label| !known.contains(&class_key(label))).for_each(|label| _ = new.insert(label));
        let names: Vec<String> = new.iter().map(|name| format!("'{}'", shown_name(name))).collect();
        (!self.0.is_empty() && !names.is_empty()).then(|| {
            format!(
                "{} of labels.csv {} not in classes.txt: {}",
                counted(names.len(), "class", "classes"),
                if names.len() == 1 { "is" } else { "are" },
                listed(&names)
            )
        })
    }

    /// The notice about labels that are numbers.
    pub fn notice(&self, first: usize) -> String {
        let name = self.0.first().map(|name| shown_name(name).to_string()).unwrap_or_default();
        format!("the labels in labels.csv are numbers of the lines of classes.txt: {first} is '{name}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_lines_are_told_from_names() {
        for (classes, labels, first) in [
            (&["cat", "dog"][..], &["0", "1", "?"][..], Some(0)),
            (&["cat", "dog"], &["1", "2"], Some(1)),
            (&["cat", "dog", "cow"], &["1", "2"], None),
            (&["cat", "dog"], &["0", "2"], None),
            (&["cat", "dog"], &["cat", "1"], None),
            (&["0", "1"], &["0", "1"], None),
            (&["cat"], &["?"], None),
        ] {
            let lines = ClassLines::new(&classes.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            assert_eq!(lines.first_number(labels.iter().copied()), first, "{classes:?} {labels:?}");
        }
    }
}
