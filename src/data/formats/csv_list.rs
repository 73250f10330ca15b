//! Image files that a CSV file lists: a column `file` (or `filename`, `image`, `path`), a column `label` (or `class`)
//! with the class's name, and optionally a column `split` of split words (or `is_test` of yes and no).
//!
//! Rows without a label, and images in a folder `unlabeled/`, are of unknown class. A list whose own name has a split
//! word (`labels_test.csv`) is of that split. An unknown split word is refused.

use std::collections::{BTreeSet, HashSet};

use csv::{ReaderBuilder, StringRecord};

use crate::data::decode::EXAMPLE_IMAGE;
use crate::data::error::{DataError, excerpt};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::image_files::{self, ImageFile, ImageFiles, add_unlabelled};
use crate::data::split_words::{SplitName, known_words, split_name, split_of_list, yes_or_no};

pub const FORMAT: Format = Format {
    name: "images listed in a CSV file",
    description: "images listed in a CSV file",
    detect,
    explain: Some(explain),
    example,
    parsers: &[Parser::new("csv", "labels.csv", example)],
};

const FILE: [&str; 6] = ["file", "filename", "file_name", "image", "path", "image_path"];
const LABEL: [&str; 3] = ["label", "class", "category"];
const SPLIT: [&str; 8] = ["split", "set", "subset", "partition", "phase", "usage", "분할", "구분"];
/// Columns of yes or no, and what yes means.
const FLAGS: [(&str, SplitName); 8] = [
    ("is_test", SplitName::Test),
    ("test", SplitName::Test),
    ("is_val", SplitName::Validation),
    ("is_valid", SplitName::Validation),
    ("is_validation", SplitName::Validation),
    ("is_train", SplitName::Train),
    ("is_training", SplitName::Train),
    ("train", SplitName::Train),
];
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// Bytes of the start of the file that are searched for the header.
const HEADER_SAMPLE: usize = 4_096;

/// A CSV file and the indices of its columns.
struct List {
    entry: Entry,
    delimiter: u8,
    file: usize,
    label: usize,
    split: Option<Split>,
}

/// The column that says the split.
#[derive(Clone, Copy)]
enum Split {
    Word(usize),
    /// Yes means the split, no that it is another.
    Flag(usize, SplitName),
}

/// A listed image.
struct Row {
    entry: Entry,
    class: Option<String>,
    split: SplitName,
}

/// Looks for CSV files with the two columns, and for the images that they list.
fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let mut rows = Vec::new();
    let mut any = false;
    for entry in csv_files(folder) {
        if let Ok(list) = List::open(entry)? {
            any = true;
            list.read(folder, &mut rows)?;
        }
    }
    if !any {
        return Ok(None);
    }
    let is_test = test_split(&rows);
    let trained = rows.iter().filter(|row| row.split == SplitName::Train).filter_map(|row| row.class.clone());
    let classes: Vec<String> = trained.collect::<BTreeSet<_>>().into_iter().collect();
    let mut images = Vec::new();
    for Row { entry, class, split } in rows {
        let test = Some(split) == is_test;
        if split == SplitName::Validation && !test {
            continue;
        }
        let class = match class {
            None => None,
            Some(name) => match classes.binary_search(&name) {
                Ok(class) => Some(class as u32),
                Err(_) => return Err(DataError::UntrainedClass { path: folder.path.clone(), class: name }),
            },
        };
        images.push(ImageFile { entry, class, test });
    }
    let mut others = Vec::new();
    add_unlabelled(folder, &mut images, &mut others)?;
    let found = ImageFiles { root: folder.path.clone(), classes, images, others };
    Ok(Some(Box::new(|options| image_files::load(found, FORMAT.name, options))))
}

/// The split that tests: test images if there are any, otherwise validation images.
fn test_split(rows: &[Row]) -> Option<SplitName> {
    [SplitName::Test, SplitName::Validation]
        .into_iter()
        .find(|split| rows.iter().any(|row| row.split == *split))
}

/// A CSV file without the two columns: its header is what was expected.
fn explain(folder: &Folder) -> Result<Option<DataError>, DataError> {
    for entry in csv_files(folder) {
        if let Err(found) = List::open(entry)? {
            return Ok(Some(DataError::Line {
                path: entry.path.clone(),
                line: 1,
                expected: "a header that names the columns file and label".to_owned(),
                found,
                advice: "add the header; paths are relative to the folder",
            }));
        }
    }
    Ok(None)
}

fn csv_files(folder: &Folder) -> impl Iterator<Item = &Entry> {
    folder.files.values().filter(|entry| entry.name.to_lowercase().ends_with(".csv"))
}

impl List {
    /// The list; the header's text if it lacks a column.
    fn open(entry: &Entry) -> Result<Result<Self, String>, DataError> {
        let start = entry.prefix(HEADER_SAMPLE)?;
        let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| line.iter().filter(|&&byte| byte == delimiter).count();
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(|&d| count(d)).unwrap_or(b',');
        let text = String::from_utf8_lossy(line).trim_start_matches('\u{feff}').to_lowercase();
        let names: Vec<&str> =
            text.split(char::from(delimiter)).map(|name| name.trim().trim_matches('"')).collect();
        let column =
            |accepted: &[&str]| accepted.iter().find_map(|a| names.iter().position(|name| name == a));
        Ok(match (column(&FILE), column(&LABEL)) {
            (Some(file), Some(label)) => {
                let flag = |(name, split): &(&str, SplitName)| {
                    names.iter().position(|other| other == name).map(|at| Split::Flag(at, *split))
                };
                let split = column(&SPLIT).map(Split::Word).or_else(|| FLAGS.iter().find_map(flag));
                Ok(Self { entry: entry.clone(), delimiter, file, label, split })
            }
            _ => Err(excerpt(text.trim())),
        })
    }

    fn error(&self, line: u64, expected: String, found: String) -> DataError {
        DataError::Line {
            path: self.entry.path.clone(),
            line,
            expected,
            found,
            advice: "correct the line or remove it",
        }
    }

    fn read(&self, folder: &Folder, rows: &mut Vec<Row>) -> Result<(), DataError> {
        let mut reader =
            ReaderBuilder::new().delimiter(self.delimiter).flexible(true).from_reader(self.entry.open()?);
        let stem = self.entry.name.rsplit_once('.').map_or(self.entry.name.as_str(), |(stem, _)| stem);
        let of_list = split_of_list(stem).unwrap_or(SplitName::Train);
        let mut seen = HashSet::new();
        let mut record = StringRecord::new();
        loop {
            let line = reader.position().line();
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    return Err(self.error(line, "a row of text".to_owned(), error.to_string()));
                }
            }
            let line = record.position().map_or(line, csv::Position::line);
            let field = |column: usize| record.get(column).map(str::trim).filter(|field| !field.is_empty());
            let Some(name) = field(self.file) else {
                return Err(self.error(line, "the name of an image file".to_owned(), "none".to_owned()));
            };
            let Some(entry) = self.find_image(folder, name) else {
                let expected = format!("an image in {}", folder.path.display());
                return Err(self.error(line, expected, format!("'{}', which does not exist", excerpt(name))));
            };
            if !seen.insert(name.to_owned()) {
                return Err(self.error(
                    line,
                    "each image once".to_owned(),
                    format!("'{}' again", excerpt(name)),
                ));
            }
            let split = self.split_of(&field, line)?.unwrap_or(of_list);
            let class = field(self.label).filter(|_| split != SplitName::Unlabelled).map(str::to_owned);
            if matches!(split, SplitName::Test | SplitName::Validation) && class.is_none() {
                return Err(self.error(line, "a label for a test image".to_owned(), "none".to_owned()));
            }
            rows.push(Row { entry: entry.clone(), class, split });
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
        match self.split {
            None => Ok(None),
            Some(Split::Word(column)) => match field(column).map(|text| (text, split_name(text))) {
                None => Ok(None),
                Some((_, Some(split))) => Ok(Some(split)),
                Some((text, None)) => {
                    unknown(format!("the split of the image, one of: {}", known_words()), text)
                }
            },
            Some(Split::Flag(column, split)) => match field(column).map(|text| (text, yes_or_no(text))) {
                None => Ok(None),
                Some((_, Some(true))) => Ok(Some(split)),
                Some((_, Some(false))) if split == SplitName::Train => Ok(Some(SplitName::Test)),
                Some((_, Some(false))) => Ok(Some(SplitName::Train)),
                Some((text, None)) => unknown("yes or no (true or false, 1 or 0)".to_owned(), text),
            },
        }
    }

    /// The image at the path as written, in the folder `images`, or in the folder named like the list.
    fn find_image<'a>(&self, folder: &'a Folder, name: &str) -> Option<&'a Entry> {
        let name = name.replace('\\', "/");
        let stem = self.entry.name.rsplit_once('.').map_or("", |(stem, _)| stem);
        let inside = |folder_name: &str| folder.folders.get(folder_name).and_then(|inner| inner.get(&name));
        folder.get(&name).or_else(|| inside("images")).or_else(|| inside(stem))
    }
}

/// Four images in two classes.
fn example() -> SampleFiles {
    let list = b"file,label\na.pgm,cat\nb/c.pgm,dog\nd.pgm,cat\ne.pgm,dog\n".to_vec();
    let images = ["a.pgm", "b/c.pgm", "d.pgm", "e.pgm"].map(|name| (name, EXAMPLE_IMAGE.to_vec()));
    [("labels.csv", list)].into_iter().chain(images).collect()
}
