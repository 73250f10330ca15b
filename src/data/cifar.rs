//! CIFAR-10 and CIFAR-100, the binary version.
//!
//! A file is records of a class byte (CIFAR-100: a coarse and a fine one) and 3,072 bytes of pixels: the red, the
//! green and the blue plane, each 32x32, row by row.

use std::fs;
use std::path::{Path, PathBuf};

use super::set::{self, Labelled};
use super::source::{self, Entry};
use super::{DataError, DataSet, Images, OpenOptions, Origin};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const SHIFT: u32 = 4;

/// The two layouts of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Layout {
    format: &'static str,
    /// How many values each class byte has; the last byte is the class.
    classes: &'static [u8],
    /// The file that names the classes, a line each.
    names: &'static str,
}

const CIFAR_10: Layout = Layout { format: "CIFAR-10 (binary)", classes: &[10], names: "batches.meta.txt" };
const CIFAR_100: Layout =
    Layout { format: "CIFAR-100 (binary)", classes: &[20, 100], names: "fine_label_names.txt" };

impl Layout {
    fn record(self) -> usize {
        self.classes.len() + 3 * PLANE
    }

    fn class_count(self) -> usize {
        usize::from(self.classes[self.classes.len() - 1])
    }

    /// The first record whose class bytes are out of range, or the rest after the last whole record.
    fn flaw(self, bytes: &[u8]) -> Option<Flaw> {
        for (i, record) in bytes.chunks(self.record()).enumerate() {
            let offset = i * self.record();
            if record.len() < self.record() {
                return Some(Flaw {
                    offset,
                    expected: self.whole_record(),
                    found: format!("{} bytes", record.len()),
                });
            }
            if let Some(byte) = (0..self.classes.len()).find(|&byte| record[byte] >= self.classes[byte]) {
                return Some(Flaw {
                    offset: offset + byte,
                    expected: format!("a class below {}", self.classes[byte]),
                    found: record[byte].to_string(),
                });
            }
        }
        None
    }

    fn whole_record(self) -> String {
        format!("a record of {} bytes ({})", self.record(), self.format)
    }
}

struct Flaw {
    offset: usize,
    expected: String,
    found: String,
}

/// The `.bin` files of a folder.
#[derive(Debug)]
pub(super) struct Files {
    train: Vec<PathBuf>,
    test: Vec<PathBuf>,
    by_name: Layout,
}

/// Looks for the files of CIFAR among a folder's entries; which CIFAR they are, reading tells.
pub(super) fn find(entries: &[Entry]) -> Option<Files> {
    let named = |test: fn(&str) -> bool| -> Vec<PathBuf> {
        entries
            .iter()
            .filter(|entry| !entry.folder && entry.name.ends_with(".bin") && test(&entry.name))
            .map(|entry| entry.path.clone())
            .collect()
    };
    let batches = named(|name| name.starts_with("data_batch"));
    let train = named(|name| name.starts_with("data_batch") || name == "train.bin");
    let test = named(|name| name == "test_batch.bin" || name == "test.bin");
    let by_name = if batches.is_empty() { CIFAR_100 } else { CIFAR_10 };
    (!train.is_empty() || !test.is_empty()).then_some(Files { train, test, by_name })
}

pub(super) fn read(folder: &Path, files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let bytes = |path: &PathBuf| -> Result<(PathBuf, Vec<u8>), DataError> {
        let bytes = fs::read(path).map_err(|reason| DataError::Read { path: path.clone(), reason })?;
        Ok((path.clone(), bytes))
    };
    let Some(first) = files.train.first() else {
        return Err(DataError::Missing {
            path: folder.to_owned(),
            expected: "files to train, data_batch_1.bin to data_batch_5.bin or train.bin".to_owned(),
            found: "a test file only".to_owned(),
        });
    };
    let (_, content) = bytes(first)?;
    // Content decides; a file that fits neither layout is reported as what its name says it is.
    let layout =
        [CIFAR_10, CIFAR_100].into_iter().find(|l| l.flaw(&content).is_none()).unwrap_or(files.by_name);
    drop(content);

    let mut train = empty();
    for path in &files.train {
        let (path, bytes) = bytes(path)?;
        append(layout, &path, &bytes, &mut train)?;
    }
    let mut test = empty();
    for path in &files.test {
        let (path, bytes) = bytes(path)?;
        append(layout, &path, &bytes, &mut test)?;
    }
    let mut notices = Vec::new();
    if test.images.is_empty() {
        let share = options.test_share.unwrap_or(0.1);
        (train, test) = set::hold_out(&train, layout.class_count(), share);
        notices.push(set::held_out_notice(test.labels.len()));
    }
    Ok(DataSet {
        name: source::name_of(folder),
        format: layout.format.to_owned(),
        classes: class_names(folder, layout)?,
        train: train.images,
        train_labels: train.labels.into_iter().map(Some).collect(),
        test: test.images,
        test_labels: test.labels,
        origin: Origin::Benchmark,
        flip: true,
        shift: SHIFT,
        notices,
    })
}

fn empty() -> Labelled {
    let images = Images { height: SIDE, width: SIDE, channels: 3, pixels: Vec::new() };
    Labelled { images, labels: Vec::new() }
}

fn append(layout: Layout, path: &Path, bytes: &[u8], part: &mut Labelled) -> Result<(), DataError> {
    if let Some(Flaw { offset, expected, found }) = layout.flaw(bytes) {
        return Err(DataError::Corrupt {
            path: path.to_owned(),
            offset: offset as u64,
            expected,
            found,
            advice: "the file is cut short or damaged: fetch it again",
        });
    }
    part.images.pixels.reserve(bytes.len());
    for record in bytes.chunks_exact(layout.record()) {
        let (classes, planes) = record.split_at(layout.classes.len());
        part.labels.push(u32::from(classes[classes.len() - 1]));
        for i in 0..PLANE {
            part.images.pixels.extend_from_slice(&[planes[i], planes[PLANE + i], planes[2 * PLANE + i]]);
        }
    }
    Ok(())
}

/// The names in the set's own file, or numbers where it is missing.
fn class_names(folder: &Path, layout: Layout) -> Result<Vec<String>, DataError> {
    let path = folder.join(layout.names);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => return Ok((0..layout.class_count()).map(|class| class.to_string()).collect()),
    };
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if names.len() != layout.class_count() {
        return Err(DataError::Corrupt {
            path,
            offset: 0,
            expected: format!("{} class names, a line each", layout.class_count()),
            found: format!("{} lines", names.len()),
            advice: "correct the file, or remove it to have the classes numbered",
        });
    }
    Ok(names)
}
