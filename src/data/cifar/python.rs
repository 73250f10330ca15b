//! A file is a pickled dictionary: `data`, an array of N rows of 3,072 bytes (the red, the green and the blue plane,
//! row by row), and `labels`, or `fine_labels` and `coarse_labels`, lists of N numbers.

use super::pickle::{Pickle, Value};
use super::{Files, PLANE, SIDE, Version, parts};
use crate::data::files::{Entry, Folder};
use crate::data::set::{self, Labelled, Parts};
use crate::data::{DataError, OpenOptions};

/// A pickle since protocol 2.
const PROTOCOL: u8 = 0x80;

pub(super) fn find(folder: &Folder) -> Result<Option<Files>, DataError> {
    let named = |test: fn(&str) -> bool| -> Result<Vec<Entry>, DataError> {
        let mut found = Vec::new();
        for entry in folder.files.values().filter(|entry| test(&entry.name)) {
            // `data_batch_1` says enough; `train` may be anything.
            let sure = entry.name.contains("_batch");
            if sure || entry.start(1)? == [PROTOCOL] {
                found.push(entry.clone());
            }
        }
        Ok(found)
    };
    let batch = |name: &str| name.strip_prefix("data_batch_").is_some_and(|n| n.parse::<u32>().is_ok());
    let train = named(if folder.files.keys().any(|name| batch(name)) {
        |name| name.starts_with("data_batch_") && !name.contains('.')
    } else {
        |name| name == "train"
    })?;
    let test = named(|name| name == "test_batch" || name == "test")?;
    if train.is_empty() && test.is_empty() {
        return Ok(None);
    }
    let names = named(|name| name == "batches.meta" || name == "meta")?.into_iter().next();
    Ok(Some(Files { train, test, version: Version::Python { names } }))
}

/// The keys of one choice of classes.
struct Classes {
    format: &'static str,
    labels: &'static str,
    names: &'static str,
    count: usize,
}

const CIFAR_10: Classes =
    Classes { format: "CIFAR-10 (Python)", labels: "labels", names: "label_names", count: 10 };
const FINE: Classes =
    Classes { format: "CIFAR-100 (Python)", labels: "fine_labels", names: "fine_label_names", count: 100 };
const COARSE: Classes =
    Classes { format: "CIFAR-100 (Python)", labels: "coarse_labels", names: "coarse_label_names", count: 20 };

pub(super) fn read(files: &Files, names: Option<&Entry>, options: &OpenOptions) -> Result<Parts, DataError> {
    let first = Pickle::read(&files.train[0])?;
    let classes = match (first.get(FINE.labels), options.choice.coarse) {
        (None, _) => CIFAR_10,
        (Some(_), false) => FINE,
        (Some(_), true) => COARSE,
    };
    let mut train = Labelled::empty(SIDE, 3);
    append(&first, &classes, &mut train)?;
    // A batch's bytes are dropped before the next is read.
    drop(first);
    for entry in &files.train[1..] {
        append(&Pickle::read(entry)?, &classes, &mut train)?;
    }
    let mut test = Labelled::empty(SIDE, 3);
    for entry in &files.test {
        append(&Pickle::read(entry)?, &classes, &mut test)?;
    }
    let names = match names {
        Some(entry) => Pickle::read(entry)?.texts(classes.names, classes.count)?,
        None => set::numbered(classes.count),
    };
    Ok(parts(classes.format.to_owned(), names, train, Some(test)))
}

fn append(pickle: &Pickle, classes: &Classes, part: &mut Labelled) -> Result<(), DataError> {
    let labels = pickle.numbers(classes.labels, classes.count)?;
    let data = pickle.get("data");
    let (count, by_column, bytes) = match data {
        Some(Value::Array(array)) if array.shape == [labels.len(), 3 * PLANE] => {
            (labels.len(), array.by_column, pickle.bytes(&array.bytes))
        }
        _ => {
            let expected =
                format!("'data', an array of {} rows (one a label) of {} bytes", labels.len(), 3 * PLANE);
            return Err(pickle.wrong(expected, data));
        }
    };
    part.labels.extend(labels);
    for i in 0..count {
        if by_column {
            let planes: Vec<u8> = bytes.iter().skip(i).step_by(count).copied().collect();
            part.images.push_planes(&planes, false);
        } else {
            part.images.push_planes(&bytes[i * 3 * PLANE..][..3 * PLANE], false);
        }
    }
    Ok(())
}
