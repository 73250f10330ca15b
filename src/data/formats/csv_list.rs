//! Image files that a CSV file lists: a column `file` (or `filename`, `image`, `path`), a column `label` (or `class`)
//! with the class's name, and optionally a column `split` of `train` and `test`.
//!
//! Rows without a label, and images in a folder `unlabeled/`, are of unknown class. A file whose own name contains
//! `test` or `val` lists test images.

use std::collections::{BTreeSet, HashSet};

use csv::{ReaderBuilder, StringRecord};

use crate::data::decode::EXAMPLE_IMAGE;
use crate::data::error::{DataError, excerpt};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::image_files::{self, ImageFile, ImageFiles, TEST_NAMES, add_unlabelled};

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
const SPLIT: [&str; 3] = ["split", "set", "subset"];
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// Bytes of the start of the file that are searched for the header.
const HEADER_SAMPLE: usize = 4_096;

/// A CSV file and the indices of its columns.
struct List {
    entry: Entry,
    delimiter: u8,
    file: usize,
    label: usize,
    split: Option<usize>,
}

/// A listed image.
struct Row {
    entry: Entry,
    class: Option<String>,
    test: bool,
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
    let trained = rows.iter().filter(|row| !row.test).filter_map(|row| row.class.clone());
    let classes: Vec<String> = trained.collect::<BTreeSet<_>>().into_iter().collect();
    let mut images = Vec::new();
    for Row { entry, class, test } in rows {
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
    let found = ImageFiles { classes, images, others };
    Ok(Some(Box::new(|options| image_files::load(found, FORMAT.name, options))))
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
                Ok(Self { entry: entry.clone(), delimiter, file, label, split: column(&SPLIT) })
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
        let name = self.entry.name.to_lowercase();
        let all_test = name.split(|c: char| !c.is_alphanumeric()).any(|word| TEST_NAMES.contains(&word));
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
            let class = field(self.label).map(str::to_owned);
            let split = self.split.and_then(field).map(str::to_lowercase);
            let test = split.map_or(all_test, |split| TEST_NAMES.contains(&split.as_str()));
            if test && class.is_none() {
                return Err(self.error(line, "a label for a test image".to_owned(), "none".to_owned()));
            }
            rows.push(Row { entry: entry.clone(), class, test });
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
