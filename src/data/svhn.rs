//! SVHN, format 2 (cropped digits): `train_32x32.mat`, `test_32x32.mat` and, where it is there, `extra_32x32.mat`.
//!
//! `X` has the dimensions height, width, 3, images, column by column, so an image is three planes, each column after
//! column. `y` has the digits; 10 stands for the digit 0.

use super::files::{Entry, Folder};
use super::mat::{self, Storage, Variable};
use super::set::{self, Labelled, Parts};
use super::{DataError, DataSet, OpenOptions, SIDES};

const CLASSES: usize = 10;
const SHIFT: u32 = 4;

pub(super) struct Files {
    folder: std::path::PathBuf,
    train: Option<Entry>,
    extra: Option<Entry>,
    test: Option<Entry>,
}

/// Looks for SVHN's files by name, or for a single .mat file.
pub(super) fn find(folder: &Folder) -> Option<Files> {
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
        files.train.as_ref()?;
    }
    Some(files)
}

pub(super) fn read(files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let Some(train) = &files.train else {
        return Err(DataError::Missing {
            path: files.folder.clone(),
            expected: "SVHN's images to train, train_32x32.mat".to_owned(),
            found: "others of its files only".to_owned(),
        });
    };
    let mut train = part(train)?;
    let extra = files.extra.as_ref().filter(|_| !options.choice.no_extra);
    let mut notices = Vec::new();
    if let Some(entry) = extra {
        let more = part(entry)?;
        if more.images.height != train.images.height {
            let (width, height) = (more.images.width, more.images.height);
            return Err(DataError::ImageSize { path: entry.path.clone(), width, height });
        }
        notices.push(format!(
            "{} extra images are trained on with the {} of train_32x32.mat (--no-extra leaves them out)",
            more.labels.len(),
            train.labels.len()
        ));
        train.images.pixels.extend(more.images.pixels);
        train.labels.extend(more.labels);
    }
    let test = files.test.as_ref().map(part).transpose()?;
    let format = if extra.is_some() { "SVHN (.mat, train and extra)" } else { "SVHN (.mat)" };
    let parts = Parts {
        format: format.to_owned(),
        classes: set::numbered(CLASSES),
        train,
        test,
        // A mirrored digit is none.
        flip: false,
        shift: SHIFT,
    };
    let mut set = parts.assemble(options);
    set.notices.extend(notices);
    Ok(set)
}

fn part(entry: &Entry) -> Result<Labelled, DataError> {
    let variables = mat::variables(entry, &["X", "y"])?;
    let of = |name: &str| variables.iter().find(|variable| variable.name == name);
    let missing = |expected: &str, found: String| DataError::Missing {
        path: entry.path.clone(),
        expected: expected.to_owned(),
        found,
    };
    const IMAGES: &str = "X, an array of bytes of height x width x 3 x images";
    const DIGITS: &str = "y, a whole number from 0 to 10 for each image";
    let x = of("X").ok_or_else(|| missing(IMAGES, "no X".to_owned()))?;
    let y = of("y").ok_or_else(|| missing(DIGITS, "no y".to_owned()))?;
    let (side, count) = match (x.storage, x.dimensions.as_slice()) {
        (Storage::Unsigned(1), &[height, width, 3, count]) if height == width => (height, count),
        // A single image loses its last dimension.
        (Storage::Unsigned(1), &[height, width, 3]) if height == width => (height, 1),
        (storage, dimensions) => {
            return Err(missing(IMAGES, format!("{storage:?} numbers of {dimensions:?}")));
        }
    };
    if !SIDES.contains(&side) {
        return Err(DataError::ImageSize { path: entry.path.clone(), width: side, height: side });
    }
    let labels = digits(y).map_err(|found| missing(DIGITS, found))?;
    if labels.len() != count {
        return Err(missing(DIGITS, format!("{} numbers for {count} images", labels.len())));
    }
    let mut part = Labelled::empty(side, 3);
    part.labels = labels;
    part.images.pixels.reserve_exact(x.bytes.len());
    x.bytes.chunks_exact(part.images.stride()).for_each(|planes| part.images.push_planes(planes, true));
    Ok(part)
}

fn digits(y: &Variable) -> Result<Vec<u32>, String> {
    let numbers = y.whole_numbers().map_err(|number| number.to_string())?;
    match numbers.iter().find(|&&number| number > 10) {
        Some(number) => Err(number.to_string()),
        None => Ok(numbers.into_iter().map(|number| number % 10).collect()),
    }
}
