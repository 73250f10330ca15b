//! Whether the columns of a list that say the same thing agree: several of classes, several of splits, and which column says
//! the split where none is named so.

use std::collections::BTreeSet;

use super::counted::counted_of;
use super::error::{DataError, excerpt};
use super::image_list::{Label, List, Row, Split};
use super::layout::listed as listed_names;
use super::list_columns::{
    Clash, FILE, LABEL, MAYBE_SPLIT, Pairs, SPLIT, column_name, flag_of, is_exclusion, is_fold,
    is_folder_column, is_like_label, is_one_of, is_split_column,
};
use super::list_labels::is_blank;
use super::list_matches::{Named, Resolved};
use super::listed::FileIndex;
use super::names::{shown, shown_name};
use super::split_words::{SplitName, is_left_out, split_name, yes_or_no};
use super::unread_columns::UnreadColumns;

/// What the cells of a column of split words say.
#[derive(Default)]
struct SplitCells {
    splits: BTreeSet<SplitName>,
    /// Whether a cell says that the image does not count.
    leaves_out: bool,
    has_blank: bool,
}

impl SplitCells {
    /// Whether the column says what trains and what does not.
    fn is_split(&self) -> bool {
        self.splits.contains(&SplitName::Train) && self.splits.len() > 1
    }
}

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
        // Beside empty cells, one word tells; `valid` may mean that the file is.
        let is_meant = |at: usize, column: &SplitCells| {
            let splits = &column.splits;
            let validates =
                splits.contains(&SplitName::Validation) && is_one_of(&self.header[at], &MAYBE_SPLIT);
            let tests = splits.contains(&SplitName::Test) || validates;
            let some = (tests && column.has_blank) || column.leaves_out;
            column.is_split() || (some && !splits.contains(&SplitName::Unlabelled))
        };
        let found = self.columns_of_splits().into_iter().find(|(at, column)| is_meant(*at, column));
        found.map_or(Split::List, |(at, _)| Split::Guessed(at, self.header[at].clone()))
    }

    /// The columns all of whose filled cells are split words, or say that the image does not count.
    fn columns_of_splits(&self) -> Vec<(usize, SplitCells)> {
        let is_other = |at: &usize| {
            *at != self.file
                && !self.is_label(*at)
                && !self.exclusions.contains(at)
                && !self.other_labels.contains(at)
        };
        let mut columns: Vec<(usize, Option<SplitCells>)> =
            (0..self.header.len()).filter(is_other).map(|at| (at, Some(SplitCells::default()))).collect();
        for row in self.reader().records().map_while(Result::ok).filter(|row| !is_blank(row)) {
            for (at, column) in &mut columns {
                let Some(cells) = column else { continue };
                let cell = row.get(*at).unwrap_or_default().trim();
                match split_name(cell) {
                    _ if cell.is_empty() => cells.has_blank = true,
                    Some(split) => _ = cells.splits.insert(split),
                    None if is_left_out(cell) => cells.leaves_out = true,
                    None => *column = None,
                }
            }
        }
        columns.into_iter().filter_map(|(at, cells)| Some((at, cells?))).collect()
    }

    /// The columns that say the split beside those that are read.
    pub fn other_splits(&self) -> Vec<usize> {
        let is_read = |at: usize| match &self.split {
            Split::List => true,
            Split::Word(column) | Split::Guessed(column, _) => *column == at,
            Split::Flags(flags) => flags.iter().any(|(column, _)| *column == at),
        };
        let words = self.columns_of_splits().into_iter().filter(|(_, column)| column.is_split());
        let words: Vec<usize> = words.map(|(at, _)| at).collect();
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

    /// Columns that are not read and have few different values, with these. A column of one value in every row says nothing
    /// about an image.
    fn few_values(&self) -> Vec<(usize, Vec<String>)> {
        /// More values are no groups of images.
        const MOST: usize = 5;
        let is_read = |at: usize| {
            at == self.file
                || self.other_files.contains(&at)
                || self.is_label(at)
                || self.other_labels.contains(&at)
                || self.exclusions.contains(&at)
                || self.folders.contains(&at)
                || self.header[at].is_empty()
                || is_fold(&self.header[at])
                || match &self.split {
                    Split::List => false,
                    Split::Word(column) | Split::Guessed(column, _) => *column == at,
                    Split::Flags(flags) => flags.iter().any(|(column, _)| *column == at),
                }
        };
        let mut columns: Vec<(usize, BTreeSet<String>, usize)> =
            (0..self.header.len()).filter(|at| !is_read(*at)).map(|at| (at, BTreeSet::new(), 0)).collect();
        let mut rows = 0;
        for row in self.reader().records().map_while(Result::ok).filter(|row| !is_blank(row)) {
            rows += 1;
            columns.retain_mut(|(at, values, filled)| {
                let cell = row.get(*at).unwrap_or_default().trim();
                if !cell.is_empty() {
                    *filled += 1;
                    values.insert(cell.to_owned());
                }
                values.len() <= MOST
            });
        }
        // Sizes and coordinates are no groups.
        let is_measured = |values: &BTreeSet<String>| {
            let is_number = |value: &String| value.parse::<f64>().is_ok() && yes_or_no(value).is_none();
            values.iter().all(is_number)
        };
        let is_meant = |(_, values, filled): &(usize, BTreeSet<String>, usize)| {
            let tells = if *filled == rows { values.len() > 1 } else { *filled > 0 };
            tells && (values.len() < *filled || *filled < rows) && !is_measured(values)
        };
        let quoted =
            |values: BTreeSet<String>| values.iter().map(|value| format!("'{}'", excerpt(value))).collect();
        columns.into_iter().filter(is_meant).map(|(at, values, _)| (at, quoted(values))).collect()
    }

    /// The notices about columns that are not used, though they may say which images count, train or test.
    fn unread_columns(&self) -> Vec<String> {
        let path = shown(&self.entry.path);
        let mut notices = Vec::new();
        let mut few = self.few_values();
        let is_meant = |(at, _): &(usize, Vec<String>)| is_one_of(&self.header[*at], &MAYBE_SPLIT);
        if matches!(self.split, Split::List)
            && let Some(place) = few.iter().position(is_meant)
        {
            let (at, values) = few.remove(place);
            notices.push(format!(
                "the column {} of {path} is not used: {} {} (if it says what trains and what tests, call it split and write \
                 train and test)",
                self.column_title(at),
                listed_names(&values),
                if values.len() == 1 { "is no split word" } else { "are no split words" }
            ));
        }
        let like_labels = (0..self.header.len()).filter(|at| {
            matches!(self.label, Label::Column(_))
                && *at != self.file
                && !self.is_label(*at)
                && !self.other_labels.contains(at)
                && !self.other_files.contains(at)
                && !is_split_column(&column_name(&self.header[*at]))
                && is_like_label(&self.header[*at])
        });
        let like_labels: Vec<usize> = like_labels.collect();
        few.retain(|(at, _)| !like_labels.contains(at));
        if let (Label::Column(label), false) = (&self.label, like_labels.is_empty() || self.is_guesses()) {
            let names: Vec<String> = like_labels.iter().map(|at| self.column_title(*at)).collect();
            notices.push(format!(
                "the classes are those in the column {} of {path}: {} {} not used",
                self.column_title(*label),
                listed_names(&names),
                if names.len() == 1 { "is" } else { "are" }
            ));
        }
        if !few.is_empty() && !self.is_guesses() {
            let column = |(at, values): &(usize, Vec<String>)| {
                format!("{} ({})", self.column_title(*at), values.join(", "))
            };
            notices.push(format!(
                "{} of {path} {} not used: {}",
                if few.len() == 1 { "a column" } else { "columns" },
                if few.len() == 1 { "is" } else { "are" },
                few.iter().map(column).collect::<Vec<_>>().join(", ")
            ));
        }
        notices
    }

    /// Keeps the cells of columns that say nothing about images here, for the files that the rows name.
    pub fn keep_unread(&self, named: &[Named], paths: &[String], kept: &mut UnreadColumns) {
        let is_kept = |at: &usize| {
            let header = self.header[*at].as_str();
            let is_special = is_one_of(header, &[&FILE[..], &LABEL, &SPLIT].concat())
                || is_split_column(&column_name(header))
                || is_exclusion(header)
                || is_folder_column(header);
            *at != self.file && !self.is_label(*at) && !header.is_empty() && !is_special
        };
        let is_split = |at: &usize| matches!(&self.split, Split::Guessed(column, _) if column == at);
        let columns = (0..self.header.len()).filter(|at| is_kept(at) && !is_split(at) && !self.is_guesses());
        let columns: Vec<(usize, usize)> = columns.map(|at| (at, kept.place(&self.header[at]))).collect();
        let rows = self.reader().into_records().map_while(Result::ok).filter(|row| !is_blank(row));
        for (row, named) in rows.zip(named).filter(|_| !columns.is_empty()) {
            let Some(file) = named.file() else { continue };
            for (at, place) in &columns {
                kept.insert(&paths[file], *place, row.get(*at).unwrap_or_default().trim());
            }
        }
    }

    /// The notice about the rows that a column of exclusions leaves out.
    pub fn exclusion_notice(&self, rows: &[Row]) -> Option<String> {
        let count = rows.iter().filter(|row| row.left_out).count();
        let columns: Vec<String> = self.exclusions.iter().map(|at| self.column_title(*at)).collect();
        (count > 0 && !columns.is_empty()).then(|| {
            format!(
                "the column {} of {} says which images do not count: {} left out",
                listed_names(&columns),
                shown(&self.entry.path),
                counted_of(count, rows.len(), ["row", "rows"], ["is", "are"])
            )
        })
    }

    /// The notice about rows with 0 in the columns of all classes.
    pub fn no_class_notice(&self, rows: &[Row]) -> Option<String> {
        let Label::OneHot(_) = self.label else { return None };
        let is_meant =
            |row: &&Row| row.class.is_none() && !row.left_out && row.split != SplitName::Unlabelled;
        let count = rows.iter().filter(is_meant).count();
        (count > 0).then(|| {
            format!(
                "{}: {} 0 in the columns of all classes: {} as unlabelled (if that is a class, add a column for it)",
                shown(&self.entry.path),
                counted_of(count, rows.len(), ["row", "rows"], ["has", "have"]),
                if count == 1 { "its image counts" } else { "their images count" }
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
        notices.extend(self.unread_columns());
        if let Split::Guessed(_, column) = &self.split {
            notices.push(format!("the column {} of {path} is read as the split", shown_name(column)));
        }
        notices
    }
}
