//! NumPy arrays: `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`, in an `.npz` file (a zip of `.npy` files)
//! or as `.npy` files in one folder. `x_unlabeled` and the strings `classes` are optional.

use std::path::PathBuf;

use crate::data::counted::counted;
use crate::data::error::DataError;
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::identity::Identities;
use crate::data::images::Images;
use crate::data::layout::listed;
use crate::data::names::shown_name;
use crate::data::npy::{Array, UINT8};
use crate::data::resized::{check_same_size, check_size};
use crate::data::set::{self, DataSet, Labelled, OpenOptions, Parts};

pub const FORMAT: Format = Format {
    name: "NumPy",
    description: ".npz or .npy arrays x and y",
    detect,
    explain: None,
    example,
    parsers: &[
        Parser::new("npy_images", "x.npy", example),
        Parser::new("npy_labels", "y.npy", example),
        Parser::new("npz", "set.npz", || vec![("set.npz", Vec::new())]),
    ],
};

/// Names of images and of their labels; the last pair is MedMNIST's.
const TRAIN: [(&str, &str); 4] =
    [("x", "y"), ("x_train", "y_train"), ("images", "labels"), ("train_images", "train_labels")];
const TEST: [(&str, &str); 2] = [("x_test", "y_test"), ("test_images", "test_labels")];
/// They test where there are no images to test.
const VALIDATION: [(&str, &str); 4] = [
    ("x_val", "y_val"),
    ("val_images", "val_labels"),
    ("x_valid", "y_valid"),
    ("x_validation", "y_validation"),
];
const UNLABELLED: [&str; 6] =
    ["x_unlabeled", "x_unlabelled", "unlabeled", "unlabelled", "unlabeled_images", "unlabelled_images"];
const CLASSES: [&str; 3] = ["classes", "class_names", "label_names"];

struct Files {
    folder: PathBuf,
    train: (Entry, Entry),
    test: Option<(Entry, Entry)>,
    unlabelled: Option<Entry>,
    classes: Option<Entry>,
    /// Names of arrays that are not read.
    unused: Vec<String>,
}

fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let array = |name: &str| -> Option<Entry> {
        let is_named = |entry: &&Entry| entry.name.to_lowercase().strip_suffix(".npy") == Some(name);
        folder.files.values().find(is_named).cloned()
    };
    let pair = |names: &[(&str, &str)]| names.iter().find_map(|(x, y)| Some((array(x)?, array(y)?)));
    let Some(train) = pair(&TRAIN) else { return Ok(None) };
    // Half of a pair would be left out, and images to train on held out in its place.
    let halves = TEST.iter().chain(&VALIDATION).find_map(|(x, y)| match (array(x), array(y)) {
        (Some(found), None) => Some((found, *y)),
        (None, Some(found)) => Some((found, *x)),
        _ => None,
    });
    if let Some((found, missing)) = halves {
        return Err(DataError::Missing {
            path: found.path.clone(),
            expected: format!("an array {missing} beside it"),
            found: "none: add it, or remove the other one".to_owned(),
        });
    }
    let mut files = Files {
        folder: folder.path.clone(),
        train,
        test: pair(&TEST).or_else(|| pair(&VALIDATION)),
        unlabelled: UNLABELLED.iter().find_map(|name| array(name)),
        classes: CLASSES.iter().find_map(|name| array(name)),
        unused: Vec::new(),
    };
    let used: Vec<&Entry> = [&files.train.0, &files.train.1]
        .into_iter()
        .chain(files.test.iter().flat_map(|(x, y)| [x, y]))
        .chain(&files.unlabelled)
        .chain(&files.classes)
        .collect();
    let is_unused = |entry: &&Entry| {
        entry.name.to_lowercase().ends_with(".npy") && !used.iter().any(|used| used.name == entry.name)
    };
    files.unused = folder
        .files
        .values()
        .filter(is_unused)
        .map(|entry| shown_name(entry.name.rsplit_once('.').map_or("", |(stem, _)| stem)).to_string())
        .collect();
    Ok(Some(Loader::set(move |options| load(&files, options))))
}

fn load(files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let mut train = read_labelled(&files.train)?;
    let mut test = files.test.as_ref().map(read_labelled).transpose()?;
    if let (Some(test), Some((entry, _))) = (&test, &files.test) {
        check_same_size(&entry.path, &test.images, &train.images)?;
    }
    let unlabelled = match &files.unlabelled {
        Some(entry) => {
            let images = read_images(entry)?;
            check_same_size(&entry.path, &images, &train.images)?;
            Some(images)
        }
        None => None,
    };
    let classes = match &files.classes {
        Some(entry) => read_names(entry, files, [Some(&train), test.as_ref()])?,
        None => set::classes_of_labels(&files.folder, &mut train, test.as_mut())?,
    };
    let side = train.images.height.min(train.images.width);
    let colour = train.images.channels == 3;
    let parts = Parts {
        format: "NumPy arrays".to_owned(),
        classes,
        train,
        test,
        // Grey images are mostly characters, which change their meaning when mirrored: as with IDX files.
        flip: colour,
        shift: if colour { (side as f64 / 8.0).round() as u32 } else { 2 },
    };
    let brightest = parts.train.images.pixels.iter().max().copied();
    let mut set = parts.assemble(options);
    if brightest == Some(1) {
        set.notices.push(
            "all values of the images are 0 or 1, of 255, so that they are nearly black: multiply the array by 255 before it \
             is saved if 1 is white"
                .to_owned(),
        );
    }
    if !files.unused.is_empty() {
        set.notices.push(format!(
            "{} not read: {} (known are {})",
            counted(files.unused.len(), "array is", "arrays are"),
            listed(&files.unused),
            known_names()
        ));
    }
    if let Some(images) = unlabelled {
        set.train_ids.extend(Identities::of_pixels(&images, set::UNLABELLED_LIST));
        set.train.pixels.extend(images.pixels);
        set.train_labels.resize(set.train.len(), None);
    }
    Ok(set)
}

/// The names of arrays that are read.
fn known_names() -> String {
    let pairs = TRAIN.iter().chain(&TEST).chain(&VALIDATION).map(|(x, y)| format!("{x} with {y}"));
    let single = UNLABELLED.iter().chain(&CLASSES).map(|name| (*name).to_owned());
    pairs.chain(single).collect::<Vec<_>>().join(", ")
}

fn read_labelled((x, y): &(Entry, Entry)) -> Result<Labelled, DataError> {
    let images = read_images(x)?;
    let array = Array::read(y)?;
    let expected = || format!("a non-negative integer for each of the {} images of {}", images.len(), x.name);
    let wrong = |found: String| DataError::Missing { path: y.path.clone(), expected: expected(), found };
    if !matches!(array.shape.as_slice(), [_] | [_, 1]) {
        return Err(wrong(format!("an array of shape {:?}", array.shape)));
    }
    let labels = array.integers().map_err(wrong)?;
    if labels.len() != images.len() {
        return Err(wrong(format!("{} numbers", labels.len())));
    }
    Ok(Labelled { images, labels })
}

/// Images of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels.
fn read_images(entry: &Entry) -> Result<Images, DataError> {
    let Array { shape, element, bytes } = Array::read(entry)?;
    let (height, width, channels, channels_first) = match *shape.as_slice() {
        [_, height, width] => (height, width, 1, false),
        [_, height, width, channels @ (1 | 3)] => (height, width, channels, false),
        [_, channels @ (1 | 3), height, width] => (height, width, channels, true),
        _ => (0, 0, 0, false),
    };
    if element != UINT8 || channels == 0 {
        return Err(DataError::Missing {
            path: entry.path.clone(),
            expected: "images as uint8 of shape N x height x width, with 1 or 3 channels first or last"
                .to_owned(),
            found: format!("{element} of shape {shape:?}"),
        });
    }
    check_size(&entry.path, [height, width])?;
    let mut images = Images::new(height, width, channels, Vec::new());
    if channels_first {
        images.pixels.reserve_exact(bytes.len());
        bytes.chunks_exact(images.stride()).for_each(|image| images.push_planes(image, false));
    } else {
        images.pixels = bytes;
    }
    Ok(images)
}

/// The class names, if there is one for every label.
fn read_names(
    entry: &Entry,
    files: &Files,
    labelled: [Option<&Labelled>; 2],
) -> Result<Vec<String>, DataError> {
    let array = Array::read(entry)?;
    let largest = labelled.into_iter().flatten().flat_map(|part| &part.labels).copied().max().unwrap_or(0);
    match array.strings() {
        Some(names) if names.len() > largest as usize => Ok(names),
        strings => Err(DataError::Missing {
            path: entry.path.clone(),
            expected: format!("a name for each label of {}, 0 to {largest}", files.train.1.name),
            found: strings.map_or("no strings".to_owned(), |names| format!("{} names", names.len())),
        }),
    }
}

/// Four grey images of 8x8 pixels in two classes.
fn example() -> SampleFiles {
    vec![("x.npy", uint8("(4, 8, 8)", &[7; 256])), ("y.npy", uint8("(4,)", &[0, 1, 0, 1]))]
}

/// A `.npy` file of bytes, as NumPy writes it.
fn uint8(shape: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), elements].concat()
}
