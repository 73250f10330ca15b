//! A CSV file that lists images: its rows, and the files that they name. `list_table.rs` reads the header, `list_agreement.rs`
//! compares columns that say the same thing, `list_labels.rs` has what cells say about classes.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord};

use super::counted::counted_of;
use super::error::{DataError, excerpt};
use super::files::{Entry, Folder};
use super::layout::{joined, listed as listed_names};
use super::list_columns::{LABEL, Pairs, excludes, is_one_of};
use super::list_fields::{CLOSE_QUOTE, QUOTE_FIELDS, excess, is_unclosed};
use super::list_folders::has_folder;
use super::list_labels::{are_signs, is_blank, is_guesses, is_no_label, may_be_class, only_class, several};
use super::list_matches::Resolved;
use super::listed::FileIndex;
use super::names::{class_key, normal_path, shown};
use super::set::OpenOptions;
use super::split_words::{
    LEFT_OUT, SplitName, is_left_out, known_words, split_name, split_of_list, yes_or_no,
};

/// A list of images.
pub(super) struct List {
    pub entry: Entry,
    /// The split folder that the list is in, beside its images; empty for a list at the top.
    pub within: String,
    pub text: String,
    /// Lines before the header.
    pub skipped: u64,
    pub delimiter: u8,
    /// The names of the columns as written.
    pub header: Vec<String>,
    pub file: usize,
    /// Other columns that are named like one of files.
    pub other_files: Vec<usize>,
    /// Whether the column is one of [`ID`].
    pub by_id: bool,
    pub label: Label,
    /// Other columns that are named like one of classes, and are not empty.
    pub other_labels: Vec<usize>,
    pub split: Split,
    /// Columns that say which images do not count.
    pub exclusions: Vec<usize>,
    /// Columns that may name the folders of the files.
    pub folders: Vec<usize>,
}

/// What says the class of a row.
pub(super) enum Label {
    Column(usize),
    /// Columns of 0 and 1, of which each is a class.
    OneHot(Vec<usize>),
}

/// What says the split of a row.
pub(super) enum Split {
    /// Nothing but the list's name.
    List,
    /// A column of split words.
    Word(usize),
    /// A column whose name does not say so, but all of whose cells are split words.
    Guessed(usize, String),
    /// Columns of yes or no, and the split that yes means.
    Flags(Vec<(usize, SplitName)>),
}

/// A row of a list.
pub(super) struct Row {
    pub line: u64,
    pub file: String,
    pub class: Option<String>,
    pub split: SplitName,
    /// Whether the list leaves the image out.
    pub left_out: bool,
    /// Whether the row or the list's name says the split.
    pub says_split: bool,
    /// A word in place of a label, such as `NaN`.
    pub placeholder: Option<String>,
    /// Whether the row ends before the column of classes or that of splits.
    pub is_short: bool,
}

/// The rows as CSV, without the lines before the header.
pub(super) fn reader(text: &str, skipped: u64, delimiter: u8) -> csv::Reader<&[u8]> {
    let text = (0..skipped).fold(text, |text, _| text.split_once('\n').map_or("", |(_, rest)| rest));
    ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes())
}

impl List {
    pub fn error(&self, line: u64, expected: String, found: String) -> DataError {
        DataError::Line {
            path: self.entry.path.clone(),
            line,
            expected,
            found,
            advice: "correct the line or remove it",
        }
    }

    pub fn reader(&self) -> csv::Reader<&[u8]> {
        reader(&self.text, self.skipped, self.delimiter)
    }

    /// The last column that says something about an image.
    fn last_column(&self) -> usize {
        let label = match &self.label {
            Label::Column(label) => *label,
            Label::OneHot(columns) => columns.iter().copied().max().unwrap_or(0),
        };
        let split = match &self.split {
            Split::List => 0,
            Split::Word(column) | Split::Guessed(column, _) => *column,
            Split::Flags(flags) => flags.iter().map(|(column, _)| *column).max().unwrap_or(0),
        };
        self.file.max(label).max(split)
    }

    pub fn is_label(&self, at: usize) -> bool {
        match &self.label {
            Label::Column(label) => *label == at,
            Label::OneHot(columns) => columns.contains(&at),
        }
    }

    /// Whether this is a table of guesses.
    pub fn is_guesses(&self) -> bool {
        let Label::Column(label) = self.label else { return false };
        let rows = self.reader().into_records().map_while(Result::ok);
        is_guesses(&self.header, self.file, &[label], rows)
    }

    /// The column that is the label by its two values, not by its name.
    pub fn binary_label(&self) -> Option<&str> {
        let Label::Column(label) = self.label else { return None };
        Some(self.header[label].as_str()).filter(|name| !is_one_of(name, &LABEL))
    }

    /// All rows, with files in the folders that the column `folder` names. `none_as_class`: words such as `none` are classes.
    ///
    /// # Errors
    /// When a row names no file, has more fields than the header, an unknown split or several labels, does not say whether
    /// the image counts, or two columns contradict each other.
    pub fn rows(&self, folder: Option<usize>, none_as_class: bool) -> Result<Vec<Row>, DataError> {
        let mut reader = self.reader();
        let stem = self.entry.name.rsplit_once('.').map_or(self.entry.name.as_str(), |(stem, _)| stem);
        let of_list = split_of_list(stem).or_else(|| split_name(&self.within));
        let mut rows = Vec::new();
        let mut record = StringRecord::new();
        let (other_splits, mut pairs) = (self.other_splits(), Pairs::default());
        loop {
            let line = reader.position().line() + self.skipped;
            match reader.read_record(&mut record) {
                Ok(true) if is_blank(&record) => continue,
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(self.error(line, "a row of text".to_owned(), error.to_string())),
            }
            let line = record.position().map_or(line, |position| position.line() + self.skipped);
            if let Some((expected, found)) = excess(&record, self.header.len()) {
                let (path, advice) = (self.entry.path.clone(), QUOTE_FIELDS);
                return Err(DataError::Line { path, line, expected, found, advice });
            }
            let field = |column: usize| record.get(column).map(str::trim).filter(|field| !field.is_empty());
            let Some(file) = self.file_of(&record, folder) else {
                return Err(self.error(line, "the name of an image file".to_owned(), "none".to_owned()));
            };
            let left_out = match &self.split {
                Split::Word(column) | Split::Guessed(column, _) => field(*column).is_some_and(is_left_out),
                _ => false,
            };
            let left_out = self.is_excluded(&field, line)? || left_out;
            let said = if left_out { None } else { self.split_of(&field, line)?.or(of_list) };
            let split = said.unwrap_or(SplitName::Train);
            if !left_out {
                self.check_other_splits(&other_splits, split, &field, line)?;
                self.check_other_labels(&mut pairs, &field, line)?;
            }
            let is_class = |label: &&str| {
                !left_out
                    && split != SplitName::Unlabelled
                    && split_name(label) != Some(SplitName::Unlabelled)
            };
            let class = self.label_of(&field, line)?.filter(is_class).map(str::to_owned);
            if let Some(text) =
                [Some(file.as_str()), class.as_deref()].into_iter().flatten().find(|text| is_unclosed(text))
            {
                let (path, found) = (self.entry.path.clone(), format!("'{}'", excerpt(text)));
                let expected = "a field on one line".to_owned();
                return Err(DataError::Line { path, line, expected, found, advice: CLOSE_QUOTE });
            }
            let says_split = said.is_some();
            let is_short = record.len() <= self.last_column();
            rows.push(Row { line, file, class, split, left_out, says_split, placeholder: None, is_short });
        }
        if let Some((other, clash, before)) = pairs.exchanged() {
            let [a, b] = &clash.cells;
            return Err(self.labels_differ(other, clash.line, [a, b], &before));
        }
        self.check_several(&rows)?;
        if !are_signs(rows.iter().filter_map(|row| row.class.as_deref())) {
            for row in &mut rows {
                row.placeholder =
                    row.class.take_if(|class| is_no_label(class) && !(none_as_class && may_be_class(class)));
            }
        }
        Ok(rows)
    }

    /// Checks that test images have a label.
    ///
    /// # Errors
    /// When one has none.
    pub fn check_tests(&self, rows: &[Row]) -> Result<(), DataError> {
        let tests = |row: &&Row| matches!(row.split, SplitName::Test | SplitName::Validation);
        let Some(row) = rows.iter().filter(tests).find(|row| row.class.is_none()) else { return Ok(()) };
        let found = row.placeholder.as_ref().map_or("none".to_owned(), |word| format!("'{}'", excerpt(word)));
        Err(self.error(row.line, "a label for a test image".to_owned(), found))
    }

    /// The error for a list of a single class, of which rows have a word such as `none` that may be the other class.
    pub fn only_class(&self, rows: &[Row]) -> Option<DataError> {
        let classes: BTreeSet<String> =
            rows.iter().filter_map(|row| row.class.as_deref()).map(class_key).collect();
        let word = |row: &Row| Some((row.line, row.placeholder.clone()?));
        let (line, first) = rows.iter().find_map(word).filter(|_| classes.len() == 1)?;
        let class = rows.iter().find_map(|row| row.class.as_deref())?;
        let count = rows.iter().filter(|row| row.placeholder.is_some()).count();
        Some(only_class(&self.entry.path, line, (&first, count, rows.len()), class))
    }

    /// The label of a row as written.
    ///
    /// # Errors
    /// When several of its columns of 0 and 1 are 1.
    fn label_of<'a>(
        &'a self,
        field: &impl Fn(usize) -> Option<&'a str>,
        line: u64,
    ) -> Result<Option<&'a str>, DataError> {
        let columns = match &self.label {
            Label::Column(label) => return Ok(field(*label)),
            Label::OneHot(columns) => columns,
        };
        let is_set = |at: &usize| field(*at).and_then(yes_or_no) == Some(true);
        let set: Vec<&str> =
            columns.iter().copied().filter(|at| is_set(at)).map(|at| self.header[at].as_str()).collect();
        match set.as_slice() {
            [] => Ok(None),
            [class] => Ok(Some(class)),
            several => {
                let names: Vec<String> = several.iter().map(|name| excerpt(name)).collect();
                let found = format!("1 in {}: this program learns one class per image", listed_names(&names));
                Err(self.error(line, "1 in the column of one class".to_owned(), found))
            }
        }
    }

    /// Refuses cells with several classes.
    fn check_several(&self, rows: &[Row]) -> Result<(), DataError> {
        // A folder of that name makes the label one class.
        let is_class = |row: &&Row| {
            row.class.as_deref().is_some_and(|class| !has_folder(&normal_path(&row.file), class))
        };
        let labelled: Vec<&Row> = rows.iter().filter(is_class).collect();
        let labels: Vec<&str> = labelled.iter().filter_map(|row| row.class.as_deref()).collect();
        let several = several(&labels);
        let Some(&first) = several.first() else { return Ok(()) };
        let found = format!(
            "'{}', which names several classes ({}): this program learns one class per image",
            excerpt(labels[first]),
            counted_of(several.len(), rows.len(), ["row", "rows"], ["does", "do"])
        );
        Err(self.error(labelled[first].line, "one class".to_owned(), found))
    }

    /// The file that a row names, in the folder that the column `folder` names.
    fn file_of(&self, row: &StringRecord, folder: Option<usize>) -> Option<String> {
        // Names may begin or end with a space.
        let file = row.get(self.file).filter(|file| !file.trim().is_empty())?;
        let folder = folder.and_then(|at| row.get(at)).map(str::trim).filter(|folder| !folder.is_empty());
        Some(match folder.filter(|_| !file.contains(['/', '\\'])) {
            Some(folder) => format!("{}/{file}", folder.trim_end_matches(['/', '\\'])),
            None => file.to_owned(),
        })
    }

    /// The names of files in the rows, also in rows that have faults, in the folders that the column `folder` names.
    pub fn file_names(&self, folder: Option<usize>) -> Vec<String> {
        let rows = self.reader().into_records().map_while(Result::ok);
        rows.filter_map(|row| self.file_of(&row, folder)).collect()
    }

    /// All names that rows may mean.
    pub fn all_file_names(&self) -> Vec<String> {
        let columns = std::iter::once(None).chain(self.folders.iter().copied().map(Some));
        columns.flat_map(|folder| self.file_names(folder)).collect()
    }

    /// The column of folders with which most rows name a file, if these are more than without one.
    pub fn folder_column(&self, index: &FileIndex) -> Option<usize> {
        let count = |folder: Option<usize>| {
            let resolved = self.resolve(&self.file_names(folder), index);
            resolved.named.iter().filter(|named| named.file().is_some()).count()
        };
        let mut best = None;
        let mut most = if self.folders.is_empty() { 0 } else { count(None) };
        for &folder in &self.folders {
            let named = count(Some(folder));
            if named > most {
                (best, most) = (Some(folder), named);
            }
        }
        best
    }

    /// Whether a column of exclusions leaves the image of a row out.
    ///
    /// # Errors
    /// When a cell says neither yes nor no.
    fn is_excluded<'a>(
        &self,
        field: &impl Fn(usize) -> Option<&'a str>,
        line: u64,
    ) -> Result<bool, DataError> {
        let mut excluded = false;
        for &at in &self.exclusions {
            let Some(cell) = field(at) else { continue };
            excluded |= excludes(cell).ok_or_else(|| DataError::Line {
                path: self.entry.path.clone(),
                line,
                expected: format!("yes or no (true, 1 or x) in the column {}", excerpt(&self.header[at])),
                found: format!("'{}'", excerpt(cell)),
                advice: "write yes where the image does not count, or rename or delete the column",
            })?;
        }
        Ok(excluded)
    }

    /// The files that rows with these names mean: beside the list, in the folder `images`, or in the folder named like the
    /// list.
    pub fn resolve(&self, names: &[String], index: &FileIndex) -> Resolved {
        let stem = self.entry.name.rsplit_once('.').map_or("", |(stem, _)| stem);
        match self.within.as_str() {
            // Competitions have `train.csv` beside `train_images`.
            "" => {
                let of_stem = ["_images", "-images", "/images"].map(|end| format!("{stem}{end}"));
                let [a, b, c] = of_stem.each_ref().map(String::as_str);
                index.resolve(names, &["images", stem, a, b, c, &joined("images", stem)])
            }
            within => index.resolve(names, &[within, &joined(within, "images"), &joined(within, stem)]),
        }
    }

    /// Says which rows name no file or several, and which were matched by the end of their path.
    ///
    /// # Errors
    /// When no row names a file, or one does not and `skip_bad` is not set.
    pub fn check_names(
        &self,
        folder: &Folder,
        rows: &[Row],
        (index, resolved): (&FileIndex, &Resolved),
        options: &OpenOptions,
        notices: &mut Vec<String>,
    ) -> Result<(), DataError> {
        // A row that leaves a file out may outlive the file.
        let (rows, resolved) = resolved.without(rows, |row| row.left_out);
        let resolved = &resolved;
        let names: Vec<(u64, &str)> = rows.iter().map(|row| (row.line, row.file.as_str())).collect();
        let path = shown(&self.entry.path);
        let told = [index.moved_notice(&names, resolved), index.loose_notice(&names, resolved)];
        notices.extend(told.into_iter().flatten().map(|notice| format!("{path}: {notice}")));
        match index.unmatched(&names, resolved) {
            None => Ok(()),
            Some(problem) if options.skip_bad && !problem.all => {
                notices.push(format!("{path}: {}; they are left out", problem.told));
                Ok(())
            }
            Some(problem) => Err(problem.error(&self.entry.path, &folder.path)),
        }
    }

    /// The split that a row names; `None` if its cell is empty, or there is no such column.
    ///
    /// # Errors
    /// When the cell has another word.
    fn split_of<'a>(
        &self,
        field: &impl Fn(usize) -> Option<&'a str>,
        line: u64,
    ) -> Result<Option<SplitName>, DataError> {
        let unknown =
            |expected: String, found: &str| Err(self.error(line, expected, format!("'{}'", excerpt(found))));
        let flags = match &self.split {
            Split::List => return Ok(None),
            Split::Word(column) | Split::Guessed(column, _) => {
                return match field(*column).map(|text| (text, split_name(text))) {
                    None => Ok(None),
                    Some((_, Some(split))) => Ok(Some(split)),
                    Some((text, None)) => unknown(
                        format!("the split of the image, one of: {}; {LEFT_OUT}", known_words()),
                        text,
                    ),
                };
            }
            Split::Flags(flags) => flags,
        };
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for (column, split) in flags {
            match field(*column).map(|text| (text, yes_or_no(text))) {
                None => {}
                Some((_, Some(true))) => yes.push(*split),
                Some((_, Some(false))) => no.push(*split),
                Some((text, None)) => return unknown("yes or no (true or false, 1 or 0)".to_owned(), text),
            }
        }
        match (yes.as_slice(), no.as_slice()) {
            ([split], _) => Ok(Some(*split)),
            ([], []) => Ok(None),
            ([], no) if !no.contains(&SplitName::Train) => Ok(Some(SplitName::Train)),
            ([], [SplitName::Train]) => Ok(Some(SplitName::Test)),
            ([], _) => unknown("yes in one of the columns that name a split".to_owned(), "no in all"),
            _ => unknown("yes in one of the columns that name a split".to_owned(), "yes in several"),
        }
    }
}
