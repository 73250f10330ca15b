//! NumPy arrays: `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`, in an `.npz` file (a zip of `.npy` files)
//! or as `.npy` files in one folder. `x_unlabeled` and the strings `classes` are optional. Labels are numbers, names or one
//! column for each class; -1 is an image of unknown class.

use std::path::PathBuf;

use crate::data::array_labels::ArrayLabels;
use crate::data::array_order::other_order_notice;
use crate::data::array_values::{Scale, Values};
use crate::data::counted::{counted, counted_of};
use crate::data::error::DataError;
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::identity::Identities;
use crate::data::images::Images;
use crate::data::layout::listed;
use crate::data::names::shown_name;
use crate::data::npy::Array;
use crate::data::resized::{check_same_size, check_size};
use crate::data::set::{self, DataSet, Decoding, Labelled, OpenOptions, Parts};

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
    let (train, train_labels) = read_labelled(&files.train)?;
    let test = files.test.as_ref().map(read_labelled).transpose()?;
    let unlabelled = files.unlabelled.as_ref().map(|entry| ImageArray::read(entry, None)).transpose()?;
    let all: Vec<&ImageArray> = [Some(&train), test.as_ref().map(|(images, _)| images), unlabelled.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let (scales, mut notices) = scales(&all, options)?;
    let significant_bits = scales.iter().find_map(|scale| match scale {
        Scale::Bits(bits) => Some(*bits),
        _ => None,
    });
    let mut scales = scales.into_iter();
    let mut next = || scales.next().unwrap_or(Scale::Bytes);
    let planes = train.planes;
    let train = train.images(next());
    let test = test.map(|(images, labels)| (images.images(next()), labels));
    let unlabelled = unlabelled.map(|images| images.images(next()));
    notices.extend(other_order_notice(&train, planes));
    for (entry, images) in [
        files.test.as_ref().map(|(x, _)| x).zip(test.as_ref().map(|(images, _)| images)),
        files.unlabelled.as_ref().zip(unlabelled.as_ref()),
    ]
    .into_iter()
    .flatten()
    {
        check_same_size(&entry.path, images, &train)?;
    }

    let names = match &files.classes {
        Some(entry) => Some(read_names(entry)?),
        None => None,
    };
    let named = names.clone().unwrap_or_else(|| train_labels.names());
    let y = &files.train.1;
    let labels = numbers(train_labels, &named, y)?;
    let unknown = labels.iter().filter(|label| label.is_none()).count();
    if unknown > 0 {
        notices.push(format!(
            "{} unknown, as -1 in {} says",
            counted_of(unknown, labels.len(), ["label", "labels"], ["is", "are"]),
            shown_name(&y.name)
        ));
    }
    let (known, other): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|&i| labels[i].is_some());
    if known.is_empty() && !labels.is_empty() {
        return Err(DataError::Missing {
            path: y.path.clone(),
            expected: "a class for some images".to_owned(),
            found: "-1 for all of them".to_owned(),
        });
    }
    let mut unlabelled: Vec<Images> = unlabelled.into_iter().collect();
    if !other.is_empty() {
        unlabelled.push(train.pick(&other));
    }
    let train = if other.is_empty() { train } else { train.pick(&known) };
    let mut train = Labelled { images: train, labels: labels.into_iter().flatten().collect() };
    let mut test = match (test, &files.test) {
        (Some((images, labels)), Some((_, y))) => {
            let labels = numbers(labels, &named, y)?;
            if let Some(at) = labels.iter().position(Option::is_none) {
                return Err(DataError::Missing {
                    path: y.path.clone(),
                    expected: "a class for each image to test".to_owned(),
                    found: format!("-1 at {at}: leave images of unknown class out"),
                });
            }
            Some(Labelled { images, labels: labels.into_iter().flatten().collect() })
        }
        _ => None,
    };
    let classes = match names {
        Some(names) => {
            check_names(&names, files, [Some(&train), test.as_ref()])?;
            names
        }
        None if named.is_empty() => set::classes_of_labels(&files.folder, &mut train, test.as_mut())?,
        None => named,
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
    let mut set = parts.assemble(options);
    set.decoding = Decoding { significant_bits, ..set.decoding };
    set.notices.extend(notices);
    if !files.unused.is_empty() {
        set.notices.push(format!(
            "{} not read: {} (known are {})",
            counted(files.unused.len(), "array is", "arrays are"),
            listed(&files.unused),
            known_names()
        ));
    }
    for images in unlabelled {
        set.train_ids.extend(Identities::of_pixels(&images, set::UNLABELLED_LIST));
        set.train.pixels.extend(images.pixels);
        set.train_labels.resize(set.train.len(), None);
    }
    Ok(set)
}

/// How the values of each array become bytes, with notices. Arrays of the same kind of numbers are scaled alike.
fn scales(arrays: &[&ImageArray], options: &OpenOptions) -> Result<(Vec<Scale>, Vec<String>), DataError> {
    let (mut scales, mut notices) = (Vec::new(), Vec::new());
    for array in arrays {
        let all = arrays.iter().filter_map(|other| array.values.and(other.values));
        let all = all.reduce(|all, other| all.and(other).unwrap_or(all)).unwrap_or(array.values);
        let side = array.height.min(array.width);
        let missing = |found| DataError::Missing {
            path: array.entry.path.clone(),
            expected: "images as numbers 0 to 255, or 0 to 1".to_owned(),
            found,
        };
        let (scale, notice) = all.scale(side, options.significant_bits).map_err(missing)?;
        // What is white in one array is not in another.
        let alone = array.values.scale(side, options.significant_bits).map(|(scale, _)| scale);
        if let Ok(alone @ Scale::Linear { .. }) = alone
            && alone != scale
            && array.values.is_varied()
        {
            let found = format!(
                "{}, where another array has {all}: scale them alike before they are saved",
                array.values
            );
            return Err(missing(found));
        }
        if let Some(notice) = notice.filter(|notice| !notices.contains(notice)) {
            notices.push(notice);
        }
        scales.push(scale);
    }
    Ok((scales, notices))
}

/// The names of arrays that are read.
fn known_names() -> String {
    let pairs = TRAIN.iter().chain(&TEST).chain(&VALIDATION).map(|(x, y)| format!("{x} with {y}"));
    let single = UNLABELLED.iter().chain(&CLASSES).map(|name| (*name).to_owned());
    pairs.chain(single).collect::<Vec<_>>().join(", ")
}

/// Images and their labels.
fn read_labelled((x, y): &(Entry, Entry)) -> Result<(ImageArray, ArrayLabels), DataError> {
    let array = Array::read(y)?;
    let images = ImageArray::read(x, array.shape.first().copied())?;
    let wrong = |found: String| DataError::Missing {
        path: y.path.clone(),
        expected: format!(
            "a class for each of the {} images of {}, as a number from 0 or a name",
            images.count, x.name
        ),
        found,
    };
    let labels = ArrayLabels::of(&array).map_err(wrong)?;
    if labels.len() != images.count {
        let what = if array.strings().is_some() { "names" } else { "numbers" };
        return Err(wrong(format!("{} {what}", labels.len())));
    }
    Ok((images, labels))
}

/// Labels by the number of their class.
fn numbers(labels: ArrayLabels, classes: &[String], y: &Entry) -> Result<Vec<Option<u32>>, DataError> {
    let number = |name: String| {
        let class = classes.iter().position(|class| *class == name);
        class.map(|class| Some(class as u32)).ok_or_else(|| DataError::Missing {
            path: y.path.clone(),
            expected: format!("names of the classes {}", listed(classes)),
            found: shown_name(&name).to_string(),
        })
    };
    match labels {
        ArrayLabels::Numbers(numbers) => Ok(numbers),
        ArrayLabels::Names(names) => names.into_iter().map(number).collect(),
    }
}

/// An array of images of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels.
struct ImageArray {
    entry: Entry,
    count: usize,
    height: usize,
    width: usize,
    channels: usize,
    /// The channels are first.
    planes: bool,
    values: Values,
    array: Array,
}

impl ImageArray {
    /// Reads an array; `labels`: how many images it should have.
    fn read(entry: &Entry, labels: Option<usize>) -> Result<Self, DataError> {
        let array = Array::read(entry)?;
        let wrong = |advice: &str| DataError::Missing {
            path: entry.path.clone(),
            expected: "images of shape N x height x width, with 1 or 3 channels first or last".to_owned(),
            found: format!("{} of shape {:?}{advice}", array.element, array.shape),
        };
        if let (&[first, .., last], Some(count)) = (array.shape.as_slice(), labels)
            && array.shape.len() > 2
            && first != count
            && last == count
        {
            return Err(wrong(", the images along the last axis: save numpy.moveaxis(images, -1, 0)"));
        }
        let (count, height, width, channels, planes) = match *array.shape.as_slice() {
            [count, height, width] => (count, height, width, 1, false),
            [count, height, width, channels @ (1 | 3)] => (count, height, width, channels, false),
            [count, channels @ (1 | 3), height, width] => (count, height, width, channels, true),
            [_, _, _, 4] => return Err(wrong(", with transparency: save images[..., :3]")),
            [_, values] => return Err(wrong(&reshaped(values))),
            _ => return Err(wrong("")),
        };
        check_size(&entry.path, [height, width])?;
        let values = Values::of(&array, entry)?;
        Ok(Self { entry: entry.clone(), count, height, width, channels, planes, values, array })
    }

    /// The images as bytes.
    fn images(self, scale: Scale) -> Images {
        let bytes = scale.apply(self.array);
        let mut images = Images::new(self.height, self.width, self.channels, Vec::new());
        if self.planes {
            images.pixels.reserve_exact(bytes.len());
            bytes.chunks_exact(images.stride()).for_each(|image| images.push_planes(image, false));
        } else {
            images.pixels = bytes;
        }
        images
    }
}

/// What to do about images that are rows of so many values.
fn reshaped(values: usize) -> String {
    let side = |pixels: usize| Some(pixels.isqrt()).filter(|side| side * side == pixels && *side >= 8);
    match (side(values), values.checked_div(3).filter(|third| 3 * third == values).and_then(side)) {
        (Some(side), _) => format!(", one row for each image: save images.reshape(-1, {side}, {side})"),
        (None, Some(side)) => format!(
            ", one row for each image: save images.reshape(-1, 3, {side}, {side}) if rows are planes of red, green and blue, \
             or images.reshape(-1, {side}, {side}, 3)"
        ),
        (None, None) => String::new(),
    }
}

/// The class names.
fn read_names(entry: &Entry) -> Result<Vec<String>, DataError> {
    Array::read(entry)?.strings().ok_or_else(|| DataError::Missing {
        path: entry.path.clone(),
        expected: "the names of the classes".to_owned(),
        found: "no strings".to_owned(),
    })
}

/// Checks that there is a class name for every label.
fn check_names(names: &[String], files: &Files, labelled: [Option<&Labelled>; 2]) -> Result<(), DataError> {
    let largest = labelled.into_iter().flatten().flat_map(|part| &part.labels).copied().max().unwrap_or(0);
    let Some(entry) = files.classes.as_ref().filter(|_| names.len() <= largest as usize) else {
        return Ok(());
    };
    Err(DataError::Missing {
        path: entry.path.clone(),
        expected: format!("a name for each label of {}, 0 to {largest}", files.train.1.name),
        found: format!("{} names", names.len()),
    })
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
