//! The files of labels made by hand, `labels.csv` and `classes.txt`: reads them as people and spreadsheets leave them, and
//! writes them.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Writer};

use super::class_lines::ClassLines;
use super::error::{DataError, LabelsError, excerpt};
use super::files::Folder;
use super::labels::{CLASSES_FILE, LABELS_FILE, Labels};
use super::list_columns::{FILE, LABEL, column_name};
use super::list_fields::{CLOSE_QUOTE, QUOTE_FIELDS, excess, is_unclosed, without_spaces_before_quotes};
use super::list_labels::{is_no_label, may_be_class, placeholder_notice};
use super::list_text::{self, SAVE_AS_UTF8};
use super::listed::FileIndex;
use crate::disk;

const HEADER: [&str; 2] = ["file", "label"];
/// Size in bytes of the largest file of labels in an archive.
const MAX_BYTES: u64 = 256 << 20;

/// Reads the labels of a folder on the disk with these files; no labels if none were saved. `none_as_class`: words such as
/// `none` are classes.
///
/// # Errors
/// When a file exists and cannot be read, or `labels.csv` has other columns or a damaged row.
pub(super) fn read_labels(
    folder: &Path,
    files: &[String],
    none_as_class: bool,
) -> Result<Labels, LabelsError> {
    let read = |name: &str| read_if_exists(&folder.join(name));
    parse(folder, [read(LABELS_FILE)?, read(CLASSES_FILE)?], files, none_as_class)
}

/// [`read_labels`] of a folder that may be in an archive.
///
/// # Errors
/// Those of [`read_labels`].
pub(super) fn read_labels_in(
    folder: &Folder,
    files: &[String],
    none_as_class: bool,
) -> Result<Labels, DataError> {
    let read = |name: &str| folder.files.get(name).map(|entry| entry.bytes(MAX_BYTES)).transpose();
    let content = [read(LABELS_FILE)?, read(CLASSES_FILE)?];
    parse(&folder.path, content, files, none_as_class).map_err(DataError::Labels)
}

/// Whether the files of a folder are labels made by hand, as the program writes them: not another list with columns of files
/// and classes among others.
pub(super) fn are_by_hand(folder: &Folder) -> bool {
    let Some(labels) = folder.files.get(LABELS_FILE) else { return false };
    let is_list = || {
        let content = labels.bytes(MAX_BYTES).ok()?;
        let text = list_text::text(&content).ok()?;
        let header = text.lines().next()?.to_owned();
        let has = |separator: u8| {
            let names: Vec<String> = header.split(char::from(separator)).map(unquoted).collect();
            let is_one_of = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
            names.len() > HEADER.len() && is_one_of(&FILE) && is_one_of(&LABEL)
        };
        Some(SEPARATORS.into_iter().any(has))
    };
    folder.files.contains_key(CLASSES_FILE) && is_list() != Some(true)
}

/// Labels from the content of both files, if there are such files.
fn parse(
    folder: &Path,
    [content, names]: [Option<Vec<u8>>; 2],
    files: &[String],
    none_as_class: bool,
) -> Result<Labels, LabelsError> {
    let mut labels = Labels::default();
    let names = names.unwrap_or_default();
    let path = folder.join(CLASSES_FILE);
    let names = list_text::text(&names).map_err(|problem| LabelsError::Row {
        path,
        line: problem.line,
        reason: format!("{}: {SAVE_AS_UTF8}", problem.found),
    })?;
    for name in names.lines() {
        // Empty lines and repeated names are ignored.
        let _ = labels.add_class(name);
    }
    let path = folder.join(LABELS_FILE);
    let Some(content) = content else { return Ok(labels) };
    let text = list_text::text(&content).map_err(|problem| LabelsError::Row {
        path: path.clone(),
        line: problem.line,
        reason: format!("{}: {SAVE_AS_UTF8}", problem.found),
    })?;
    let separator = separator(&text);
    let text = without_spaces_before_quotes(&text, separator);
    let mut reader = ReaderBuilder::new().flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let row_error = |error: csv::Error| LabelsError::Row {
        path: path.clone(),
        line: error.position().map_or(1, csv::Position::line),
        reason: error.to_string(),
    };
    let header = reader.headers().map_err(row_error)?;
    let Some([of_files, of_labels]) = columns(header.iter()) else {
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(LabelsError::Foreign { path, found });
    };
    let known = labels.classes.len();
    let (mut rows, mut lines, mut of_rows, mut placeholders) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let records: Vec<StringRecord> = reader.records().collect::<Result<_, _>>().map_err(row_error)?;
    let classes = ClassLines::new(&labels.classes);
    let numbers = classes.first_number(records.iter().filter_map(|record| record.get(of_labels)));
    labels.notices.extend(numbers.map(|first| classes.notice(first)));
    for record in &records {
        if let Some((expected, found)) = excess(record, HEADER.len()) {
            let reason = format!("expected {expected}, found {found}; {QUOTE_FIELDS}");
            return Err(LabelsError::Row {
                path,
                line: record.position().map_or(1, csv::Position::line),
                reason,
            });
        }
        // Names of files may have line breaks.
        let is_file = |text: &str| files.iter().any(|file| file == text);
        if let Some(text) = record.iter().find(|text| is_unclosed(text) && !is_file(text)) {
            let line = record.position().map_or(1, csv::Position::line);
            let reason = format!("expected a field on one line, found '{}'; {CLOSE_QUOTE}", excerpt(text));
            return Err(LabelsError::Row { path, line, reason });
        }
        let (Some(file), Some(name)) = (record.get(of_files), record.get(of_labels)) else { continue };
        // A class that the user has named is one, whatever its name.
        let line = numbers.and_then(|first| ClassLines::line(name, first));
        if let Some(class) = line {
            rows.push(file.to_owned());
            lines.push(record.position().map_or(1, csv::Position::line));
            of_rows.push(class as u32);
        } else if labels.class_spelled(name).is_none()
            && is_no_label(name)
            && !(none_as_class && may_be_class(name))
        {
            let word = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
            if let (Some(word), None) = (&word, &labels.no_label) {
                labels.no_label =
                    Some((record.position().map_or(1, csv::Position::line), word.clone(), 0, 0));
            }
            placeholders.extend(word);
        } else if let Some(class) = find_or_add(&mut labels, name) {
            rows.push(file.to_owned());
            lines.push(record.position().map_or(1, csv::Position::line));
            of_rows.push(class);
        }
    }
    labels.notices.extend(classes.new_notice(labels.classes[known..].iter().map(String::as_str)));
    let index = FileIndex::new(files.iter().cloned());
    let resolved = index.resolve(&rows, &[]);
    let names: Vec<(u64, &str)> = lines.iter().copied().zip(rows.iter().map(String::as_str)).collect();
    let told = [index.moved_notice(&names, &resolved), index.loose_notice(&names, &resolved)];
    labels.notices.extend(told.into_iter().flatten().map(|notice| format!("{LABELS_FILE}: {notice}")));
    labels.notices.extend(placeholder_notice(LABELS_FILE, &placeholders, rows.len() + placeholders.len()));
    if let Some((_, _, count, all)) = &mut labels.no_label {
        (*count, *all) = (placeholders.len(), rows.len() + placeholders.len());
    }
    labels.unmatched = index.unmatched(&names, &resolved);
    let mut seen: HashMap<usize, u32> = HashMap::new();
    for (((file, class), line), named) in rows.iter().zip(of_rows).zip(&lines).zip(&resolved.named) {
        match named.file() {
            None => labels.absent.push((file.clone(), class)),
            Some(image) => {
                let before = seen.insert(image, class).filter(|before| *before != class);
                if let Some(before) = before {
                    let [here, before] =
                        [class, before].map(|class| excerpt(&labels.classes[class as usize]));
                    let reason = format!("'{}' again: {here} here, {before} before", excerpt(file));
                    return Err(LabelsError::Row { path, line: *line, reason });
                }
                labels.set(image, class);
            }
        }
    }
    Ok(labels)
}

const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// What separates the fields: some spreadsheets write semicolons or tabs.
fn separator(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let is_meant = |separator: &u8| columns(header.split(char::from(*separator))).is_some();
    SEPARATORS.into_iter().find(is_meant).unwrap_or(b',')
}

/// Which of two columns names the files, and which the classes: in any order, and by any name that lists have.
fn columns<'a>(header: impl Iterator<Item = &'a str>) -> Option<[usize; 2]> {
    let names: Vec<String> = header.map(unquoted).collect();
    let at = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    Some([at(&FILE)?, at(&LABEL)?]).filter(|_| names.len() == HEADER.len())
}

/// The name of a column for comparison.
fn unquoted(name: &str) -> String {
    column_name(name.trim().trim_matches('"'))
}

/// The index of the class with this name, which is added if it is new; `None` if the name is empty.
fn find_or_add(labels: &mut Labels, name: &str) -> Option<u32> {
    labels.class_spelled(name).or_else(|| labels.add_class(name).ok())
}

/// `None` if there is no such file.
fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>, LabelsError> {
    match disk::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(LabelsError::Read { path: path.to_owned(), reason }),
    }
}

impl Labels {
    /// The content of [`LABELS_FILE`]; `files`: the paths of the images.
    pub fn labels_file(&self, files: &[String]) -> Vec<u8> {
        let mut rows = Writer::from_writer(Vec::new());
        let name = |class: u32| self.classes()[class as usize].as_str();
        let absent = self.absent.iter().map(|(file, class)| [file.as_str(), name(*class)]);
        let made = self.made().iter().filter_map(|&i| Some([files[i].as_str(), name(self.of(i)?)]));
        for row in std::iter::once(HEADER).chain(absent).chain(made) {
            rows.write_record(row).expect("writing to memory cannot fail");
        }
        rows.into_inner().expect("writing to memory cannot fail")
    }

    /// The content of [`CLASSES_FILE`].
    pub fn classes_file(&self) -> Vec<u8> {
        self.classes().iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect()
    }
}
