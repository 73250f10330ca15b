//! Arrays of NumPy: `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`, in an `.npz` file (which is a zip of
//! `.npy` files) or beside each other. `x_unlabeled` and the texts `classes` may be with them.

use super::files::{Entry, Folder};
use super::npy::{Array, BYTE};
use super::set::{self, Labelled, Parts};
use super::{DataError, DataSet, Images, OpenOptions, SIDES};

/// Names of images and of their labels; the last are those of MedMNIST.
const TRAIN: [(&str, &str); 4] =
    [("x", "y"), ("x_train", "y_train"), ("images", "labels"), ("train_images", "train_labels")];
const TEST: [(&str, &str); 2] = [("x_test", "y_test"), ("test_images", "test_labels")];
const UNLABELLED: [&str; 2] = ["x_unlabeled", "x_unlabelled"];
const CLASSES: [&str; 3] = ["classes", "class_names", "label_names"];

pub(super) struct Files {
    folder: std::path::PathBuf,
    train: (Entry, Entry),
    test: Option<(Entry, Entry)>,
    unlabelled: Option<Entry>,
    classes: Option<Entry>,
}

pub(super) fn find(folder: &Folder) -> Option<Files> {
    let of = |name: &str| -> Option<Entry> {
        let named = |entry: &&Entry| entry.name.to_lowercase().strip_suffix(".npy") == Some(name);
        folder.files.values().find(named).cloned()
    };
    let pair = |names: &[(&str, &str)]| names.iter().find_map(|(x, y)| Some((of(x)?, of(y)?)));
    Some(Files {
        folder: folder.path.clone(),
        train: pair(&TRAIN)?,
        test: pair(&TEST),
        unlabelled: UNLABELLED.iter().find_map(|name| of(name)),
        classes: CLASSES.iter().find_map(|name| of(name)),
    })
}

pub(super) fn read(files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let mut train = labelled(&files.train)?;
    let mut test = files.test.as_ref().map(labelled).transpose()?;
    let like = |images: &Images, entry: &Entry| {
        let size = |images: &Images| (images.height, images.width, images.channels);
        if size(images) == size(&train.images) {
            return Ok(());
        }
        Err(DataError::Missing {
            path: entry.path.clone(),
            expected: format!("images like those to train, {:?}", size(&train.images)),
            found: format!("{:?} (height, width, channels)", size(images)),
        })
    };
    if let (Some(test), Some((entry, _))) = (&test, &files.test) {
        like(&test.images, entry)?;
    }
    let unlabelled = match &files.unlabelled {
        Some(entry) => {
            let more = images(entry)?;
            like(&more, entry)?;
            Some(more)
        }
        None => None,
    };
    let classes = match &files.classes {
        Some(entry) => names(entry, files, [Some(&train), test.as_ref()])?,
        None => set::by_value(&files.folder, &mut train, test.as_mut())?,
    };
    let (side, colour) = (train.images.height, train.images.channels == 3);
    let parts = Parts {
        format: "NumPy arrays".to_owned(),
        classes,
        train,
        test,
        // Grey images are mostly signs, which mirrored are others: as with IDX files.
        flip: colour,
        shift: if colour { (side as f64 / 8.0).round() as u32 } else { 2 },
    };
    let mut set = parts.assemble(options);
    if let Some(more) = unlabelled {
        set.train.pixels.extend(more.pixels);
        set.train_labels.resize(set.train.len(), None);
    }
    Ok(set)
}

fn labelled((x, y): &(Entry, Entry)) -> Result<Labelled, DataError> {
    let images = images(x)?;
    let array = Array::read(y)?;
    let expected = || format!("a whole number from 0 for each of the {} images of {}", images.len(), x.name);
    let wrong = |found: String| DataError::Missing { path: y.path.clone(), expected: expected(), found };
    if !matches!(array.shape.as_slice(), [_] | [_, 1]) {
        return Err(wrong(format!("an array of shape {:?}", array.shape)));
    }
    let labels = array.numbers().map_err(wrong)?;
    if labels.len() != images.len() {
        return Err(wrong(format!("{} numbers", labels.len())));
    }
    Ok(Labelled { images, labels })
}

/// Images of shape N, H, W; N, H, W, C or N, C, H, W with 1 or 3 channels.
fn images(entry: &Entry) -> Result<Images, DataError> {
    let Array { shape, kind, bytes } = Array::read(entry)?;
    let (height, width, channels, planes) = match *shape.as_slice() {
        [_, height, width] => (height, width, 1, false),
        [_, height, width, channels @ (1 | 3)] => (height, width, channels, false),
        [_, channels @ (1 | 3), height, width] => (height, width, channels, true),
        _ => (0, 0, 0, false),
    };
    if kind != BYTE || channels == 0 {
        return Err(DataError::Missing {
            path: entry.path.clone(),
            expected: "images as uint8, N x height x width, with 1 or 3 channels before or after the sizes"
                .to_owned(),
            found: format!("{kind:?} of shape {shape:?}"),
        });
    }
    if height != width || !SIDES.contains(&height) {
        return Err(DataError::ImageSize { path: entry.path.clone(), width, height });
    }
    let mut images = Images::new(height, width, channels, Vec::new());
    if planes {
        images.pixels.reserve_exact(bytes.len());
        bytes.chunks_exact(images.stride()).for_each(|image| images.push_planes(image, false));
    } else {
        images.pixels = bytes;
    }
    Ok(images)
}

/// The names, when there is one for every label.
fn names(entry: &Entry, files: &Files, parts: [Option<&Labelled>; 2]) -> Result<Vec<String>, DataError> {
    let array = Array::read(entry)?;
    let largest = parts.into_iter().flatten().flat_map(|part| &part.labels).copied().max().unwrap_or(0);
    match array.texts() {
        Some(names) if names.len() > largest as usize => Ok(names),
        texts => Err(DataError::Missing {
            path: entry.path.clone(),
            expected: format!("a name for each label of {}, 0 to {largest}", files.train.1.name),
            found: texts.map_or("no texts".to_owned(), |names| format!("{} names", names.len())),
        }),
    }
}
