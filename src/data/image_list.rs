//! A CSV file that lists images: its header, its rows, and the files that they name. What its cells say about classes is in
//! `list_labels.rs`.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord};

use super::error::{DataError, excerpt};
use super::file_kinds::{is_named_as_image, is_pointer};
use super::files::{Entry, Folder};
use super::layout::{Ignored, listed as listed_names};
use super::list_columns::{
    Clash, FILE, ID, LABEL, Pairs, SPLIT, column_name, flag_of, is_fold, is_split_column,
};
use super::list_fields::{QUOTE_FIELDS, excess, without_spaces_before_quotes};
use super::list_labels::{are_signs, binary, is_blank, is_guesses, is_no_label, one_hot, several};
use super::listed::{self, FileIndex, Resolved, SAVE_AS_UTF8};
use super::names::{class_key, shown, shown_name};
use super::set::OpenOptions;
use super::split_words::{
    LEFT_OUT, SplitName, is_left_out, known_words, split_name, split_of_list, yes_or_no,
};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Bytes of the largest list.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// What a CSV file is.
pub(super) enum Table {
    List(List),
    /// Not a list of images with labels.
    Other {
        header: String,
        why: Ignored,
    },
}

/// A list of images.
pub(super) struct List {
    pub entry: Entry,
    text: String,
    /// Lines before the header.
    skipped: u64,
    delimiter: u8,
    /// The names of the columns as written.
    header: Vec<String>,
    file: usize,
    /// Whether the column is one of [`ID`].
    pub by_id: bool,
    label: Label,
    /// Other columns that are named like one of classes, and are not empty.
    other_labels: Vec<usize>,
    pub split: Split,
}

/// What says the class of a row.
enum Label {
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
}

impl Table {
    /// Reads the header. `chosen`: the source is this file, whatever it is.
    ///
    /// # Errors
    /// When the file cannot be read, or has the two columns and is not text.
    pub fn open(entry: &Entry, chosen: bool) -> Result<Self, DataError> {
        let bytes = entry.bytes(MAX_LIST_BYTES)?;
        let (text, problem) = match listed::text(&bytes) {
            Ok(text) => (text, None),
            // Enough of the text to tell whether it is a list.
            Err(problem) => (String::from_utf8_lossy(&bytes).replace('\0', ""), Some(problem)),
        };
        drop(bytes);
        let mut lines = text.lines();
        let mut line = lines.next().unwrap_or_default();
        let mut skipped = 0;
        let mut given = None;
        // Spreadsheets write the delimiter into a line of its own.
        if let Some(delimiter) = line.to_lowercase().strip_prefix("sep=") {
            given = delimiter.bytes().next();
            line = lines.next().unwrap_or_default();
            skipped = 1;
        }
        let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
        let delimiter =
            given.unwrap_or_else(|| DELIMITERS.into_iter().rev().max_by_key(|&d| count(d)).unwrap_or(b','));
        let header = excerpt(line.trim());
        let other = |why| Ok(Self::Other { header: header.clone(), why });
        let text = without_spaces_before_quotes(&text, delimiter).into_owned();
        if is_pointer(text.as_bytes()) {
            return other(Ignored::Pointer);
        }
        let stem: String =
            entry.name.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect();
        if stem.contains("submission") && !chosen {
            return other(Ignored::Submission);
        }
        let columns: Vec<String> = match reader(&text, skipped, delimiter).headers() {
            Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
            Err(_) => return other(Ignored::OtherTable),
        };
        let names: Vec<String> = columns.iter().map(|name| column_name(name)).collect();
        let column =
            |accepted: &[&str]| accepted.iter().find_map(|a| names.iter().position(|name| name == a));
        let file = column(&FILE).map(|at| (at, false)).or_else(|| column(&ID).map(|at| (at, true)));
        let Some((file, by_id)) = file else {
            let names_image = columns.iter().any(|name| is_named_as_image(name));
            return other(if names_image { Ignored::Headerless } else { Ignored::OtherTable });
        };
        let rows = || reader(&text, skipped, delimiter).into_records().map_while(Result::ok);
        // In the order of the names that count most.
        let named = |label: &&str| (0..names.len()).filter(|at| names[*at] == **label).collect::<Vec<_>>();
        let labels: Vec<usize> = LABEL.iter().flat_map(named).collect();
        let guesses = is_guesses(&columns, file, &labels, rows());
        let called_guesses =
            !labels.is_empty() && ["prediction", "guess"].iter().any(|word| stem.contains(word));
        if (guesses || called_guesses) && !chosen {
            return other(Ignored::Guesses);
        }
        // Of a table of guesses, a class may be named like a column.
        let label = if guesses {
            labels.iter().copied().find(|&at| is_guesses(&columns, file, &[at], rows()))
        } else {
            None
        };
        let split = column(&SPLIT).map_or(Split::List, Split::Word);
        let filled = |at: &usize| rows().any(|row| row.get(*at).is_some_and(|cell| !cell.trim().is_empty()));
        let filled: Vec<usize> =
            if labels.len() > 1 { labels.iter().copied().filter(filled).collect() } else { labels.clone() };
        let first = label.or(filled.first().copied()).or(labels.first().copied());
        // The classes of a table of guesses may be named so.
        let other_labels = match first {
            Some(first) if !guesses => filled.iter().copied().filter(|at| *at != first).collect(),
            _ => Vec::new(),
        };
        let label = match first {
            Some(label) => Label::Column(label),
            None => {
                let known = names.iter().enumerate().filter(|(at, name)| {
                    *at == file
                        || ID.contains(&name.as_str())
                        || is_split_column(name)
                        || matches!(split, Split::Word(split) if split == *at)
                });
                let others: Vec<usize> = known.map(|(at, _)| at).collect();
                let columns = one_hot(names.len(), &others, rows());
                let of_guesses = ["prediction", "guess"].iter().any(|word| stem.contains(word));
                match binary(&names, &others, rows()).filter(|_| columns.is_empty()) {
                    Some(_) if of_guesses && !chosen => return other(Ignored::Guesses),
                    Some(column) => Label::Column(column),
                    None if columns.is_empty() && by_id => return other(Ignored::OtherTable),
                    None if columns.is_empty() => return other(Ignored::Unlabelling),
                    None => Label::OneHot(columns),
                }
            }
        };
        let entry = entry.clone();
        let header = columns;
        let mut list =
            List { entry, text, skipped, delimiter, header, file, by_id, label, other_labels, split };
        if matches!(list.split, Split::List) {
            list.split = list.find_split();
        }
        match problem {
            Some(problem) => Err(DataError::Line {
                path: list.entry.path,
                line: problem.line,
                expected: "a row of text".to_owned(),
                found: problem.found.to_owned(),
                advice: SAVE_AS_UTF8,
            }),
            None => Ok(Self::List(list)),
        }
    }

    /// The error for a table that was expected to be a list of images; `None` if that is not its purpose.
    fn explain(entry: &Entry) -> Result<Option<DataError>, DataError> {
        let Self::Other { header, why } = Self::open(entry, false)? else { return Ok(None) };
        let (expected, found, advice) = match why {
            Ignored::OtherTable | Ignored::Headerless => (
                "a header that names the columns file and label",
                header,
                "add the header; paths are relative to the folder",
            ),
            Ignored::Unlabelling => (
                "a column label (or class, category, target) beside the files",
                header,
                "name the column of classes label, or add it",
            ),
            Ignored::Pointer => (
                "a list of images",
                "a Git LFS pointer instead of the file".to_owned(),
                "run 'git lfs pull' where the data was cloned",
            ),
            _ => return Ok(None),
        };
        let (path, expected) = (entry.path.clone(), expected.to_owned());
        Ok(Some(DataError::Line { path, line: 1, expected, found, advice }))
    }
}

/// Whether a file has the name of a table.
pub(super) fn is_table(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".csv") || name.ends_with(".tsv")
}

/// The tables of a folder.
pub(super) fn tables(folder: &Folder) -> impl Iterator<Item = &Entry> {
    folder.files.values().filter(|entry| is_table(&entry.name))
}

/// What an error about images without classes says of tables that are no lists of labels; empty if there are none.
///
/// # Errors
/// When a table cannot be read.
pub(super) fn told_unused(folder: &Folder) -> Result<String, DataError> {
    for entry in tables(folder) {
        let what = match Table::open(entry, false)? {
            Table::Other { why: Ignored::Guesses, .. } => {
                "is read as guesses of a model, not labels, by its name or by a column of shares for each class: to use its \
                 labels, remove these columns or rename it, or open the file itself as the source"
            }
            Table::Other { why: Ignored::Submission, .. } => {
                "is read as a sample submission by its name: rename it if its labels are real"
            }
            _ => continue,
        };
        return Ok(format!(" ({} {what})", shown_name(&entry.name)));
    }
    Ok(String::new())
}

/// The tables of a folder of which none is used, and why.
///
/// # Errors
/// When one cannot be read.
pub(super) fn ignored_tables(folder: &Folder) -> Result<Vec<(String, Ignored)>, DataError> {
    let what = |entry: &Entry| {
        Ok(match Table::open(entry, false)? {
            Table::Other { why, .. } => (entry.name.clone(), why),
            Table::List(_) => (entry.name.clone(), Ignored::OtherTable),
        })
    };
    tables(folder).map(what).collect()
}

/// The error for the first table that is nearly a list of images.
///
/// # Errors
/// When a table cannot be read.
pub(super) fn explain(folder: &Folder) -> Result<Option<DataError>, DataError> {
    for entry in tables(folder) {
        if let Some(error) = Table::explain(entry)? {
            return Ok(Some(error));
        }
    }
    Ok(None)
}

/// The rows as CSV, without the lines before the header.
fn reader(text: &str, skipped: u64, delimiter: u8) -> csv::Reader<&[u8]> {
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

    fn reader(&self) -> csv::Reader<&[u8]> {
        reader(&self.text, self.skipped, self.delimiter)
    }

    fn is_label(&self, at: usize) -> bool {
        match &self.label {
            Label::Column(label) => *label == at,
            Label::OneHot(columns) => columns.contains(&at),
        }
    }

    /// The columns that say the split, though none is named so.
    fn find_split(&self) -> Split {
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
    fn other_splits(&self) -> Vec<usize> {
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
    fn check_other_labels<'a>(
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

    fn labels_differ(&self, other: usize, line: u64, cells: [&str; 2], before: &Clash) -> DataError {
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
    fn check_other_splits<'a>(
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

    /// Whether this is a table of guesses.
    pub fn is_guesses(&self) -> bool {
        let Label::Column(label) = self.label else { return false };
        let rows = self.reader().into_records().map_while(Result::ok);
        is_guesses(&self.header, self.file, &[label], rows)
    }

    /// The column that is the label by its two values, not by its name.
    pub fn binary_label(&self) -> Option<&str> {
        let Label::Column(label) = self.label else { return None };
        Some(self.header[label].as_str()).filter(|name| !LABEL.contains(&column_name(name).as_str()))
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
        if let Split::Guessed(_, column) = &self.split {
            notices.push(format!("the column {} of {path} is read as the split", shown_name(column)));
        }
        notices
    }

    /// All rows.
    ///
    /// # Errors
    /// When a row names no file, has more fields than the header, an unknown split or several labels, or two columns
    /// contradict each other.
    pub fn rows(&self) -> Result<Vec<Row>, DataError> {
        let mut reader = self.reader();
        let stem = self.entry.name.rsplit_once('.').map_or(self.entry.name.as_str(), |(stem, _)| stem);
        let of_list = split_of_list(stem);
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
            // Names may begin or end with a space.
            let Some(file) = field(self.file).and(record.get(self.file)) else {
                return Err(self.error(line, "the name of an image file".to_owned(), "none".to_owned()));
            };
            let left_out = match &self.split {
                Split::Word(column) => field(*column).is_some_and(is_left_out),
                _ => false,
            };
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
            let (file, says_split) = (file.to_owned(), said.is_some());
            rows.push(Row { line, file, class, split, left_out, says_split, placeholder: None });
        }
        if let Some((other, clash, before)) = pairs.exchanged() {
            let [a, b] = &clash.cells;
            return Err(self.labels_differ(other, clash.line, [a, b], &before));
        }
        self.check_several(&rows)?;
        if !are_signs(rows.iter().filter_map(|row| row.class.as_deref())) {
            for row in &mut rows {
                row.placeholder = row.class.take_if(|class| is_no_label(class));
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
        Some(DataError::Line {
            path: self.entry.path.clone(),
            line,
            expected: "a second class".to_owned(),
            found: format!(
                "'{}', which counts as no label (in {count} of {} rows), beside '{}' alone",
                excerpt(&first),
                rows.len(),
                excerpt(class)
            ),
            advice: "if it is a class, give it another name, such as 'nothing'",
        })
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
        let labelled: Vec<&Row> = rows.iter().filter(|row| row.class.is_some()).collect();
        let labels: Vec<&str> = labelled.iter().filter_map(|row| row.class.as_deref()).collect();
        let several = several(&labels);
        let Some(&first) = several.first() else { return Ok(()) };
        let found = format!(
            "'{}', which names several classes ({} of {} rows do): this program learns one class per image",
            excerpt(labels[first]),
            several.len(),
            rows.len()
        );
        Err(self.error(labelled[first].line, "one class".to_owned(), found))
    }

    /// The files that the rows name: beside the list, in the folder `images`, or in the folder named like the list.
    pub fn resolve(&self, rows: &[Row], index: &FileIndex) -> Resolved {
        let stem = self.entry.name.rsplit_once('.').map_or("", |(stem, _)| stem);
        let names: Vec<String> = rows.iter().map(|row| row.file.clone()).collect();
        index.resolve(&names, &["images", stem])
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
        notices.extend(index.moved_notice(&names, resolved).map(|notice| format!("{path}: {notice}")));
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
