use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Writer};

use super::labels::{Labels, LabelsError};
use crate::disk;

/// A row a label: `file,label`.
pub const LABELS_FILE: &str = "labels.csv";
/// A line a class.
pub const CLASSES_FILE: &str = "classes.txt";

const HEADER: [&str; 2] = ["file", "label"];

/// Reads the labels of a folder with these files; none where nothing was saved.
pub(super) fn read(folder: &Path, files: &[String]) -> Result<Labels, LabelsError> {
    let mut labels = Labels::default();
    let names = content(&folder.join(CLASSES_FILE))?.unwrap_or_default();
    for name in String::from_utf8_lossy(&names).lines() {
        // An empty line or a name given twice is no further class.
        let _ = labels.add_class(name);
    }
    let path = folder.join(LABELS_FILE);
    let Some(content) = content(&path)? else { return Ok(labels) };
    let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&content);
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(content);
    let row_error = |error: csv::Error| LabelsError::Row {
        path: path.clone(),
        line: error.position().map_or(1, csv::Position::line),
        reason: error.to_string(),
    };
    let header = reader.headers().map_err(row_error)?;
    if header.iter().map(str::trim).ne(HEADER) {
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(LabelsError::Foreign { path, found });
    }
    let image_of: HashMap<&str, usize> = files.iter().map(String::as_str).zip(0..).collect();
    for record in reader.records() {
        let record: StringRecord = record.map_err(row_error)?;
        let (Some(file), Some(name)) = (record.get(0), record.get(1)) else { continue };
        if let Some(class) = class_of(&mut labels, name) {
            match image_of.get(file) {
                Some(image) => labels.set(*image, class),
                None => labels.absent.push((file.to_owned(), class)),
            }
        }
    }
    Ok(labels)
}

/// The class of that name, new if need be; `None` where there is no name.
fn class_of(labels: &mut Labels, name: &str) -> Option<u32> {
    match labels.add_class(name) {
        Ok(class) => Some(class),
        Err(LabelsError::Taken(name)) => labels.class(&name),
        Err(_) => None,
    }
}

/// `None` where there is no such file.
fn content(path: &Path) -> Result<Option<Vec<u8>>, LabelsError> {
    match disk::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(LabelsError::Read { path: path.to_owned(), reason }),
    }
}

impl Labels {
    /// The content of [`LABELS_FILE`], for images in these files.
    pub fn labels_file(&self, files: &[String]) -> Vec<u8> {
        let mut rows = Writer::from_writer(Vec::new());
        let name = |class: u32| self.classes()[class as usize].as_str();
        let absent = self.absent.iter().map(|(file, class)| [file.as_str(), name(*class)]);
        let made = self.made().iter().filter_map(|&i| Some([files[i].as_str(), name(self.of(i)?)]));
        for row in std::iter::once(HEADER).chain(absent).chain(made) {
            rows.write_record(row).expect("memory takes every row");
        }
        rows.into_inner().expect("memory takes every row")
    }

    /// The content of [`CLASSES_FILE`].
    pub fn classes_file(&self) -> Vec<u8> {
        self.classes().iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect()
    }
}
