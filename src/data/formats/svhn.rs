//! SVHN, format 2 (cropped digits): `train_32x32.mat`, `test_32x32.mat` and optionally `extra_32x32.mat`.
//!
//! `X` has the shape (height, width, 3, images) in column-major order, so an image is three planes, each column after
//! column. `y` has the digits; 10 stands for the digit 0.

use std::path::PathBuf;

use crate::data::error::DataError;
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::mat::{self, Storage, Variable};
use crate::data::resized::{check_same_size, check_size};
use crate::data::set::{self, DataSet, Labelled, OpenOptions, Parts};

pub const FORMAT: Format = Format {
    name: "SVHN",
    description: "SVHN .mat files",
    detect,
    explain: None,
    example,
    parsers: &[Parser::new("mat", TRAIN_FILE, example)],
};

const TRAIN_FILE: &str = "train_32x32.mat";
const CLASSES: usize = 10;
const SHIFT: u32 = 4;

struct Files {
    folder: PathBuf,
    train: Option<Entry>,
    extra: Option<Entry>,
    test: Option<Entry>,
}

/// Looks for SVHN's files by name, or for a single .mat file.
fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let named = |start: &str| -> Option<Entry> { folder.files.get(&format!("{start}_32x32.mat")).cloned() };
    let mut files = Files {
        folder: folder.path.clone(),
        train: named("train"),
        extra: named("extra"),
        test: named("test"),
    };
    if files.train.is_none() && files.extra.is_none() && files.test.is_none() {
        let mut others = folder.files.values().filter(|entry| entry.name.ends_with(".mat"));
        files.train = others.next().filter(|_| others.next().is_none()).cloned();
        if files.train.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(Loader::set(move |options| load(&files, options))))
}

fn load(files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let Some(train) = &files.train else {
        return Err(DataError::Missing {
            path: files.folder.clone(),
            expected: format!("SVHN's training images, {TRAIN_FILE}"),
            found: "others of its files only".to_owned(),
        });
    };
    let mut train = read_part(train)?;
    let extra = files.extra.as_ref().filter(|_| !options.choice.no_extra);
    let mut notices = Vec::new();
    if let Some(entry) = extra {
        let extra = read_part(entry)?;
        check_same_size(&entry.path, &extra.images, &train.images)?;
        notices.push(format!(
            "{} extra images are added to the {} of {TRAIN_FILE} (no_extra leaves them out)",
            extra.labels.len(),
            train.labels.len()
        ));
        train.images.pixels.extend(extra.images.pixels);
        train.labels.extend(extra.labels);
    }
    let test = files.test.as_ref().map(read_part).transpose()?;
    if let (Some(test), Some(entry)) = (&test, &files.test) {
        check_same_size(&entry.path, &test.images, &train.images)?;
    }
    let format = if extra.is_some() { "SVHN (.mat, train and extra)" } else { "SVHN (.mat)" };
    let parts = Parts {
        format: format.to_owned(),
        classes: set::numbered(CLASSES),
        train,
        test,
        // Digits are not symmetric.
        flip: false,
        shift: SHIFT,
    };
    let mut set = parts.assemble(options);
    set.notices.extend(notices);
    Ok(set)
}

fn read_part(entry: &Entry) -> Result<Labelled, DataError> {
    const IMAGES: &str = "X, an array of bytes of height x width x 3 x images";
    const DIGITS: &str = "y, an integer from 0 to 10 for each image";
    let variables = mat::read_variables(entry, &["X", "y"])?;
    let variable = |name: &str| variables.iter().find(|variable| variable.name == name);
    let missing = |expected: &str, found: String| DataError::Missing {
        path: entry.path.clone(),
        expected: expected.to_owned(),
        found,
    };
    let x = variable("X").ok_or_else(|| missing(IMAGES, "no X".to_owned()))?;
    let y = variable("y").ok_or_else(|| missing(DIGITS, "no y".to_owned()))?;
    let (size, count) = match (x.storage, x.dimensions.as_slice()) {
        (Storage::Unsigned(1), &[height, width, 3, count]) => ([height, width], count),
        // A single image loses its last dimension.
        (Storage::Unsigned(1), &[height, width, 3]) => ([height, width], 1),
        (storage, dimensions) => {
            return Err(missing(IMAGES, format!("{storage} numbers of {dimensions:?}")));
        }
    };
    check_size(&entry.path, size)?;
    let labels = read_digits(y).map_err(|found| missing(DIGITS, found))?;
    if labels.len() != count {
        return Err(missing(DIGITS, format!("{} numbers for {count} images", labels.len())));
    }
    let mut part = Labelled::empty(size, 3);
    part.labels = labels;
    part.images.pixels.reserve_exact(x.bytes.len());
    x.bytes.chunks_exact(part.images.stride()).for_each(|planes| part.images.push_planes(planes, true));
    Ok(part)
}

fn read_digits(y: &Variable) -> Result<Vec<u32>, String> {
    let numbers = y.integers().map_err(|number| number.to_string())?;
    match numbers.iter().find(|&&number| number > 10) {
        Some(number) => Err(number.to_string()),
        None => Ok(numbers.into_iter().map(|number| number % 10).collect()),
    }
}

/// Two images of 8x8 pixels of each digit, one of which is held out.
fn example() -> SampleFiles {
    let labels: Vec<u8> = (0..20).map(|i| 1 + i % 10).collect();
    let x = mat::write_bytes("X", &[8, 8, 3, 20], &[7; 8 * 8 * 3 * 20]);
    let y = mat::write_bytes("y", &[20, 1], &labels);
    vec![(TRAIN_FILE, [mat::write_header(), x, y].concat())]
}
