//! A CSV file that lists images: its header, its rows, and the files that they name.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord};

use super::error::{DataError, excerpt};
use super::files::{Entry, Folder};
use super::layout::Ignored;
use super::listed::{self, FileIndex, SAVE_AS_UTF8};
use super::names::shown;
use super::set::OpenOptions;
use super::split_words::{SplitName, known_words, split_name, split_of_list, yes_or_no};

const FILE: [&str; 13] = [
    "file",
    "filename",
    "file_name",
    "image",
    "path",
    "image_path",
    "filepath",
    "file_path",
    "image_name",
    "img",
    "파일",
    "파일명",
    "이미지",
];
/// Columns that name a file only if there is such a file.
const ID: [&str; 4] = ["id", "image_id", "img_id", "name"];
const LABEL: [&str; 12] = [
    "label",
    "class",
    "category",
    "class_name",
    "category_name",
    "labels",
    "target",
    "breed",
    "species",
    "라벨",
    "레이블",
    "클래스",
];
const SPLIT: [&str; 9] =
    ["split", "data_split", "set", "subset", "partition", "phase", "usage", "분할", "구분"];
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// Bytes of the largest list.
const MAX_LIST_BYTES: u64 = 256 << 20;
/// Rows that a message names.
const MAX_NAMED: usize = 3;

/// What a CSV file is.
pub(super) enum Table {
    List(List),
    /// A header without the two columns, or not text.
    Other {
        header: String,
    },
    Ignored(Ignored),
}

/// A list of images.
pub(super) struct List {
    pub entry: Entry,
    text: String,
    /// Lines before the header.
    skipped: u64,
    delimiter: u8,
    file: usize,
    /// Whether the column is one of [`ID`].
    pub by_id: bool,
    label: usize,
    pub split: Split,
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
        let header = line.to_lowercase();
        let names: Vec<String> = header
            .split(char::from(delimiter))
            .map(|name| name.trim().trim_matches('"').trim().replace([' ', '-'], "_"))
            .collect();
        let column =
            |accepted: &[&str]| accepted.iter().find_map(|a| names.iter().position(|name| name == a));
        let file = column(&FILE).map(|at| (at, false)).or_else(|| column(&ID).map(|at| (at, true)));
        let stem: String =
            entry.name.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect();
        if stem.contains("submission") && !chosen {
            return Ok(Self::Ignored(Ignored::Submission));
        }
        let Some(((file, by_id), label)) = file.zip(column(&LABEL)) else {
            return Ok(match file {
                Some((_, false)) => Self::Ignored(Ignored::Unlabelling),
                _ => Self::Other { header: excerpt(header.trim()) },
            });
        };
        let split = column(&SPLIT).map_or(Split::List, Split::Word);
        let mut list = List { entry: entry.clone(), text, skipped, delimiter, file, by_id, label, split };
        if list.is_guesses() && !chosen {
            return Ok(Self::Ignored(Ignored::Guesses));
        }
        if matches!(list.split, Split::List) {
            list.split = list.find_split(&names);
        }
        match problem {
            Some(problem) => Err(DataError::Line {
                path: entry.path.clone(),
                line: problem.line,
                expected: "a row of text".to_owned(),
                found: problem.found.to_owned(),
                advice: SAVE_AS_UTF8,
            }),
            None => Ok(Self::List(list)),
        }
    }
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

    /// The rows as CSV, without the lines before the header.
    fn reader(&self) -> csv::Reader<&[u8]> {
        let text = (0..self.skipped)
            .fold(self.text.as_str(), |text, _| text.split_once('\n').map_or("", |(_, rest)| rest));
        ReaderBuilder::new().delimiter(self.delimiter).flexible(true).from_reader(text.as_bytes())
    }

    /// The columns that say the split, though none is named so.
    fn find_split(&self, names: &[String]) -> Split {
        let flag = |(at, name): (usize, &String)| {
            let split =
                split_name(name.strip_prefix("is_").or_else(|| name.strip_prefix("in_")).unwrap_or(name))?;
            // `valid` may mean that the file is.
            let is_meant = split != SplitName::Unlabelled && !matches!(name.as_str(), "valid" | "validate");
            (is_meant && at != self.file && at != self.label).then_some((at, split))
        };
        let flags: Vec<(usize, SplitName)> = names.iter().enumerate().filter_map(flag).collect();
        if !flags.is_empty() {
            return Split::Flags(flags);
        }
        let others = (0..names.len()).filter(|at| *at != self.file && *at != self.label);
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
        let found = columns.into_iter().find(|(_, splits)| splits.as_ref().is_some_and(is_split));
        found.map_or(Split::List, |(at, _)| Split::Guessed(at, names[at].clone()))
    }

    /// Whether this is a table of guesses, as the window exports it: `file`, `class`, and a probability for each class.
    pub fn is_guesses(&self) -> bool {
        let mut reader = self.reader();
        let Ok(header) = reader.headers().cloned() else { return false };
        let names: Vec<&str> = header.iter().collect();
        let ["file", "class", classes @ ..] = names.as_slice() else { return false };
        let is_guess = |row: StringRecord| {
            let probabilities = row.iter().skip(2).map(str::parse::<f64>);
            row.len() == names.len()
                && row.get(1).is_some_and(|class| classes.contains(&class))
                && probabilities.into_iter().all(|p| p.is_ok_and(|p| (0.0..=1.0).contains(&p)))
        };
        classes.len() > 1 && reader.records().take(8).all(|row| row.is_ok_and(is_guess))
    }

    /// All rows.
    ///
    /// # Errors
    /// When a row names no file, has an unknown split, or tests without a label.
    pub fn rows(&self) -> Result<Vec<Row>, DataError> {
        let mut reader = self.reader();
        let stem = self.entry.name.rsplit_once('.').map_or(self.entry.name.as_str(), |(stem, _)| stem);
        let of_list = split_of_list(stem).unwrap_or(SplitName::Train);
        let mut rows = Vec::new();
        let mut record = StringRecord::new();
        loop {
            let line = reader.position().line() + self.skipped;
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(rows),
                Err(error) => return Err(self.error(line, "a row of text".to_owned(), error.to_string())),
            }
            let line = record.position().map_or(line, |position| position.line() + self.skipped);
            let field = |column: usize| record.get(column).map(str::trim).filter(|field| !field.is_empty());
            let Some(file) = field(self.file) else {
                return Err(self.error(line, "the name of an image file".to_owned(), "none".to_owned()));
            };
            let split = self.split_of(&field, line)?.unwrap_or(of_list);
            let is_class = |label: &&str| {
                split != SplitName::Unlabelled && split_name(label) != Some(SplitName::Unlabelled)
            };
            let class = field(self.label).filter(is_class).map(str::to_owned);
            if matches!(split, SplitName::Test | SplitName::Validation) && class.is_none() {
                return Err(self.error(line, "a label for a test image".to_owned(), "none".to_owned()));
            }
            rows.push(Row { line, file: file.to_owned(), class, split });
        }
    }

    /// The files that the rows name: beside the list, in the folder `images`, or in the folder named like the list.
    pub fn resolve(&self, rows: &[Row], index: &FileIndex) -> Vec<Option<usize>> {
        let stem = self.entry.name.rsplit_once('.').map_or("", |(stem, _)| stem);
        let names: Vec<String> = rows.iter().map(|row| row.file.clone()).collect();
        index.resolve(&names, &["images", stem])
    }

    /// Says which rows name no file.
    ///
    /// # Errors
    /// When no row names a file, or one does not and `skip_bad` is not set.
    pub fn check_missing(
        &self,
        folder: &Folder,
        rows: &[Row],
        files: &[Option<usize>],
        options: &OpenOptions,
        notices: &mut Vec<String>,
    ) -> Result<(), DataError> {
        let missing: Vec<&Row> =
            rows.iter().zip(files).filter(|(_, file)| file.is_none()).map(|(row, _)| row).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let names: Vec<String> =
            missing.iter().take(MAX_NAMED).map(|row| format!("'{}'", excerpt(&row.file))).collect();
        let told =
            format!("{} of {} rows name no file here: {}", missing.len(), rows.len(), names.join(", "));
        if options.skip_bad && missing.len() < rows.len() {
            notices.push(format!("{}: {told}; they are left out", shown(&self.entry.path)));
            return Ok(());
        }
        Err(DataError::Line {
            path: self.entry.path.clone(),
            line: first.line,
            expected: format!("an image in {}", shown(&folder.path)),
            found: format!("'{}', which does not exist ({told})", excerpt(&first.file)),
            advice: "correct the rows or remove them, or set skip_bad to leave them out",
        })
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
                    Some((text, None)) => {
                        unknown(format!("the split of the image, one of: {}", known_words()), text)
                    }
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
