//! Whether the columns of a list that say the same thing agree: several of classes, several of splits, and which column says
//! the split where none is named so.

use std::collections::BTreeSet;

use super::error::{DataError, excerpt};
use super::image_list::{Label, List, Row, Split};
use super::layout::listed as listed_names;
use super::list_columns::{Clash, MAYBE_SPLIT, Pairs, SPLIT, column_name, flag_of, is_fold, is_split_column};
use super::list_labels::is_blank;
use super::list_matches::Resolved;
use super::listed::FileIndex;
use super::names::{shown, shown_name};
use super::split_words::{SplitName, split_name, yes_or_no};

impl List {
    /// The columns that say the split, though none is named so.
    pub fn find_split(&self) -> Split {
        let flag = |(at, name): (usize, &String)| {
            let split = flag_of(&column_name(name))?;
            (at != self.file && !self.is_label(at)).then_some((at, split))
        };
        let flags: Vec<(usize, SplitName)> = self.header.iter().enumerate().filter_map(flag).collect();
        if !flags.is_empty() {
            return Split::Flags(flags);
        }
        let found = self.columns_of_splits().first().copied();
        found.map_or(Split::List, |at| Split::Guessed(at, self.header[at].clone()))
    }

    /// The columns all of whose cells are split words, `train` and another one.
    fn columns_of_splits(&self) -> Vec<usize> {
        let others = (0..self.header.len()).filter(|at| *at != self.file && !self.is_label(*at));
        // Of each column: the splits that its cells name, unless a cell names none.
        let mut columns: Vec<(usize, Option<BTreeSet<SplitName>>)> =
            others.map(|at| (at, Some(BTreeSet::new()))).collect();
        for row in self.reader().records().map_while(Result::ok) {
            for (at, splits) in &mut columns {
                let Some(cell) = row.get(*at).map(str::trim).filter(|cell| !cell.is_empty()) else {
                    continue;
                };
                match (split_name(cell), splits.as_mut()) {
                    (Some(split), Some(splits)) => _ = splits.insert(split),
                    _ => *splits = None,
                }
            }
        }
        let is_split = |splits: &BTreeSet<SplitName>| splits.contains(&SplitName::Train) && splits.len() > 1;
        let found = columns.into_iter().filter(|(_, splits)| splits.as_ref().is_some_and(is_split));
        found.map(|(at, _)| at).collect()
    }

    /// The columns that say the split beside those that are read.
    pub fn other_splits(&self) -> Vec<usize> {
        let is_read = |at: usize| match &self.split {
            Split::List => true,
            Split::Word(column) | Split::Guessed(column, _) => *column == at,
            Split::Flags(flags) => flags.iter().any(|(column, _)| *column == at),
        };
        let words = self.columns_of_splits();
        let is_other = |at: &usize| {
            let name = column_name(&self.header[*at]);
            // A column `labeled` of yes and no is about labels.
            let says_split =
                SPLIT.contains(&name.as_str()) || (is_split_column(&name) && !name.contains("label"));
            *at != self.file && !self.is_label(*at) && !is_read(*at) && (says_split || words.contains(at))
        };
        (0..self.header.len()).filter(is_other).collect()
    }

    /// The name of a column, with its number where several have that name.
    fn column_title(&self, at: usize) -> String {
        let name = excerpt(&self.header[at]);
        let same = self.header.iter().filter(|other| column_name(other) == column_name(&self.header[at]));
        if same.count() > 1 { format!("{name} (column {})", at + 1) } else { name }
    }

    /// Checks that all columns of classes say the same.
    ///
    /// # Errors
    /// When the cells of a row contradict each other.
    pub fn check_other_labels<'a>(
        &self,
        pairs: &mut Pairs,
        field: &impl Fn(usize) -> Option<&'a str>,
        line: u64,
    ) -> Result<(), DataError> {
        let Label::Column(label) = self.label else { return Ok(()) };
        for &other in &self.other_labels {
            let cells = [label, other].map(|at| field(at).unwrap_or_default());
            if let Some(before) = pairs.clash(other, line, cells) {
                return Err(self.labels_differ(other, line, cells, &before));
            }
        }
        Ok(())
    }

    pub fn labels_differ(&self, other: usize, line: u64, cells: [&str; 2], before: &Clash) -> DataError {
        let label = match &self.label {
            Label::Column(label) => *label,
            Label::OneHot(columns) => columns[0],
        };
        let word =
            |cell: &str| if cell.is_empty() { "nothing".to_owned() } else { format!("'{}'", excerpt(cell)) };
        let found = format!(
            "{} in the column {} and {} in the column {}, where line {} has {} and {}",
            word(cells[0]),
            self.column_title(label),
            word(cells[1]),
            self.column_title(other),
            before.line,
            word(&before.cells[0]),
            word(&before.cells[1])
        );
        DataError::Line {
            path: self.entry.path.clone(),
            line,
            expected: "one class for an image".to_owned(),
            found,
            advice: "rename or delete the column that is not the class, or correct the row",
        }
    }

    /// Checks that no other column names another split for a row.
    ///
    /// # Errors
    /// When one does.
    pub fn check_other_splits<'a>(
        &self,
        others: &[usize],
        split: SplitName,
        field: &impl Fn(usize) -> Option<&'a str>,
        line: u64,
    ) -> Result<(), DataError> {
        for &at in others {
            let Some(cell) = field(at) else { continue };
            let differs = match flag_of(&column_name(&self.header[at])) {
                Some(flag) => yes_or_no(cell).is_some_and(|yes| yes != (flag == split)),
                None => split_name(cell).is_some_and(|other| other != split),
            };
            if differs {
                let read = match &self.split {
                    Split::Word(column) | Split::Guessed(column, _) => self.column_title(*column),
                    Split::Flags(flags) => self.column_title(flags[0].0),
                    Split::List => self.entry.name.clone(),
                };
                return Err(DataError::Line {
                    path: self.entry.path.clone(),
                    line,
                    expected: "one split for an image".to_owned(),
                    found: format!(
                        "{} by the column {read}, but '{}' in the column {}",
                        split.word(),
                        excerpt(cell),
                        self.column_title(at)
                    ),
                    advice: "rename or delete the column that is not the split, or correct the row",
                });
            }
        }
        Ok(())
    }

    /// Checks that other columns of files name the same file as the column that is read, which names `resolved`. A column of
    /// numbers, such as `id`, may count rows: then there is a notice.
    ///
    /// # Errors
    /// When both columns of a row name files here, which differ.
    pub fn check_other_files(
        &self,
        rows: &[Row],
        resolved: &Resolved,
        index: &FileIndex,
        notices: &mut Vec<String>,
    ) -> Result<(), DataError> {
        for &other in &self.other_files {
            let records = self.reader().into_records().map_while(Result::ok).filter(|row| !is_blank(row));
            let names: Vec<String> =
                records.map(|row| row.get(other).unwrap_or_default().trim().to_owned()).collect();
            let others = self.resolve(&names, index).named;
            let differs = |row: &usize| match (resolved.named[*row].file(), others[*row].file()) {
                (Some(file), Some(other)) => file != other,
                _ => false,
            };
            let Some(row) = (0..rows.len().min(names.len())).find(differs) else { continue };
            let (read, title) = (self.column_title(self.file), self.column_title(other));
            let (file, name) = (excerpt(&rows[row].file), excerpt(&names[row]));
            if names[row].chars().all(|letter| letter.is_ascii_digit()) {
                notices.push(format!(
                    "the column {read} of {} names the files: '{name}' in the column {title} is another one than '{file}', \
                     as line {} says",
                    shown(&self.entry.path),
                    rows[row].line
                ));
                continue;
            }
            return Err(DataError::Line {
                path: self.entry.path.clone(),
                line: rows[row].line,
                expected: "one file for a row".to_owned(),
                found: format!("'{file}' in the column {read} and '{name}' in the column {title}"),
                advice: "rename or delete the column that does not name the image, or correct the row",
            });
        }
        Ok(())
    }

    /// The notice about a column that is named like one of splits, but has other words than those of splits.
    fn unread_split(&self) -> Option<String> {
        /// More values are no splits.
        const MOST: usize = 5;
        let is_meant = |at: &usize| {
            MAYBE_SPLIT.contains(&column_name(&self.header[*at]).as_str())
                && *at != self.file
                && !self.is_label(*at)
        };
        let at = (0..self.header.len()).find(is_meant).filter(|_| matches!(self.split, Split::List))?;
        let rows = self.reader().into_records().map_while(Result::ok);
        let cells = rows.filter_map(|row| Some(row.get(at)?.trim().to_owned()));
        let values: BTreeSet<String> = cells.filter(|cell| !cell.is_empty()).collect();
        let names: Vec<String> = values.iter().map(|value| format!("'{}'", excerpt(value))).collect();
        (2..=MOST).contains(&values.len()).then(|| {
            format!(
                "the column {} of {} is not used: {} are no split words (if it says what trains and what tests, call it \
                 split and write train and test)",
                self.column_title(at),
                shown(&self.entry.path),
                listed_names(&names)
            )
        })
    }

    /// The notices about what the columns are read as.
    pub fn column_notices(&self) -> Vec<String> {
        let path = shown(&self.entry.path);
        let mut notices = Vec::new();
        if let Label::OneHot(columns) = &self.label {
            let names: Vec<String> = columns.iter().map(|at| excerpt(&self.header[*at])).collect();
            notices.push(format!(
                "the columns {} of {path} are read as classes, by their 0 and 1",
                listed_names(&names)
            ));
        }
        if let Some(column) = self.binary_label() {
            notices.push(format!(
                "the column {} of {path} is read as the label: its two values are the classes",
                excerpt(column)
            ));
        }
        if let (Label::Column(label), false) = (&self.label, self.other_labels.is_empty()) {
            let others: Vec<String> = self.other_labels.iter().map(|at| self.column_title(*at)).collect();
            notices.push(format!(
                "the classes are those in the column {} of {path}: {} says the same",
                self.column_title(*label),
                listed_names(&others)
            ));
        }
        let fold = self.header.iter().position(|name| is_fold(name));
        if let (Split::List, Some(fold)) = (&self.split, fold.filter(|at| !self.is_label(*at))) {
            notices.push(format!(
                "the column {} of {path} is not used: to choose the test images, add a column split of train and test",
                self.column_title(fold)
            ));
        }
        notices.extend(self.unread_split());
        if let Split::Guessed(_, column) = &self.split {
            notices.push(format!("the column {} of {path} is read as the split", shown_name(column)));
        }
        notices
    }
}
