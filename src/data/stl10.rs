//! STL-10, the binary version: `train_X.bin`, `train_y.bin`, `test_X.bin`, `test_y.bin`, `unlabeled_X.bin`,
//! `class_names.txt` and `fold_indices.txt`.
//!
//! An image is its red, its green and its blue plane, each 96x96, column after column; a label is a byte from 1.
//! `fold_indices.txt` has ten lines, each the places of the training images of one fold, counted from 0.

use std::io::{Read, Seek, SeekFrom};

use super::error::shown;
use super::files::{Entry, Folder};
use super::images::interleave;
use super::records::Records;
use super::set::{self, Labelled, Parts};
use super::stream::Source;
use super::{DataError, DataSet, Images, OpenOptions, names};

const SIDE: usize = 96;
const CLASSES: usize = 10;
/// An eighth of the side, as of other pictures.
const SHIFT: u32 = 12;
const FOLDS: usize = 10;
/// More than ten lists of five-digit numbers take.
const MAX_FOLDS_BYTES: u64 = 1 << 20;

pub(super) struct Files {
    folder: Folder,
    train: Entry,
}

pub(super) fn find(folder: &Folder) -> Option<Files> {
    let train = folder.files.get("train_X.bin")?.clone();
    Some(Files { folder: folder.clone(), train })
}

pub(super) fn read(files: &Files, options: &OpenOptions) -> Result<DataSet, DataError> {
    let Files { folder, train: train_images } = files;
    let file = |name: &str| folder.files.get(name);
    let train = part(train_images, file("train_y.bin"))?;
    let test = file("test_X.bin").map(|images| part(images, file("test_y.bin"))).transpose()?;
    let fold = options.choice.fold.map(|fold| fold_indices(folder, fold, train.labels.len())).transpose()?;
    let held_out = test.is_none();
    if let (true, Some(_)) = (held_out, &fold) {
        // Images held out would shift the places that a fold lists.
        return Err(DataError::Missing {
            path: folder.path.clone(),
            expected: "test_X.bin beside fold_indices.txt".to_owned(),
            found: "no test images".to_owned(),
        });
    }
    let mut set = Parts {
        format: "STL-10 (binary)".to_owned(),
        classes: names::read(folder, "class_names.txt", CLASSES)?,
        train,
        test,
        flip: true,
        shift: SHIFT,
    }
    .assemble(options);
    if let Some(kept) = fold {
        let hidden = set.train_labels.iter_mut().zip(kept).filter(|(_, kept)| !kept);
        hidden.for_each(|(label, _)| *label = None);
    }
    if let Some(entry) = file("unlabeled_X.bin") {
        add_unlabelled(entry, &mut set, options)?;
        set.train_labels.resize(set.train.len(), None);
    }
    Ok(set)
}

/// Adds the unlabelled images, those for which there is no room in memory as a stream. A file that would have to be
/// unpacked for every image is taken into memory all the same.
fn add_unlabelled(entry: &Entry, set: &mut DataSet, options: &OpenOptions) -> Result<(), DataError> {
    let stride = set.train.stride();
    let count = entry.size / stride as u64;
    let room = options.room(stride).saturating_sub(set.train.len());
    let whole = entry.size.is_multiple_of(stride as u64);
    // One cut short is read to be reported.
    if count <= room as u64 || !whole || !entry.content().seeks() {
        return append(entry, &mut set.train);
    }
    set.train.stream(Planes { entry: entry.clone(), count: count as usize }, options.skip_bad);
    set.notices.push(set::streamed_notice(count as usize, set.train.len()));
    Ok(())
}

/// Images that are read from the file when they are needed.
struct Planes {
    entry: Entry,
    count: usize,
}

impl Source for Planes {
    fn count(&self) -> usize {
        self.count
    }

    fn read(&self, image: usize) -> Result<Vec<u8>, DataError> {
        let mut planes = vec![0; 3 * SIDE * SIDE];
        let mut file = self.entry.seekable()?;
        let read = file
            .seek(SeekFrom::Start((image * planes.len()) as u64))
            .and_then(|_| file.read_exact(&mut planes));
        read.map_err(|reason| self.entry.unreadable(reason))?;
        let mut pixels = Vec::with_capacity(planes.len());
        interleave(&planes, [SIDE, SIDE], true, &mut pixels);
        Ok(pixels)
    }
}

/// Images, and the labels of the file beside them.
fn part(images: &Entry, labels: Option<&Entry>) -> Result<Labelled, DataError> {
    let mut part = Labelled::empty(SIDE, 3);
    append(images, &mut part.images)?;
    let Some(labels) = labels else {
        return Err(DataError::Missing {
            path: images.path.clone(),
            expected: "the file of its labels, with y for X in its name".to_owned(),
            found: "none".to_owned(),
        });
    };
    let mut records = Records::open(labels, 1, "a label".to_owned())?;
    while let Some(&[label]) = records.next()? {
        if !(1..=CLASSES).contains(&usize::from(label)) {
            return Err(records.flaw(0, format!("a class from 1 to {CLASSES}"), label.to_string()));
        }
        part.labels.push(u32::from(label) - 1);
    }
    if part.labels.len() != part.images.len() {
        return Err(DataError::Missing {
            path: labels.path.clone(),
            expected: format!("a label for each of the {} images of {}", part.images.len(), images.name),
            found: format!("{} labels", part.labels.len()),
        });
    }
    Ok(part)
}

fn append(entry: &Entry, images: &mut Images) -> Result<(), DataError> {
    let mut records = Records::open(entry, images.stride(), "STL-10 (binary)".to_owned())?;
    // What is there, not what a size says, decides; but one growth less where they agree.
    if let Ok(size) = usize::try_from(entry.size) {
        images
            .pixels
            .try_reserve_exact(size)
            .map_err(|_| DataError::NoMemory { path: entry.path.clone(), bytes: entry.size })?;
    }
    while let Some(planes) = records.next()? {
        images.push_planes(planes, true);
    }
    Ok(())
}

/// Which of `count` training images are in a fold.
fn fold_indices(folder: &Folder, fold: usize, count: usize) -> Result<Vec<bool>, DataError> {
    if fold >= FOLDS {
        return Err(DataError::FoldOption { fold, folds: FOLDS });
    }
    let Some(entry) = folder.files.get("fold_indices.txt") else {
        return Err(DataError::Missing {
            path: folder.path.clone(),
            expected: "fold_indices.txt, to choose a fold".to_owned(),
            found: "no such file".to_owned(),
        });
    };
    let line_error = |expected: String, found: String| DataError::Line {
        path: entry.path.clone(),
        line: fold as u64 + 1,
        expected,
        found,
        advice: "fetch the file again, or leave out --fold",
    };
    let text = String::from_utf8_lossy(&entry.bytes(MAX_FOLDS_BYTES)?).into_owned();
    let Some(line) = text.lines().nth(fold) else {
        return Err(line_error(format!("{FOLDS} lines"), format!("{}", text.lines().count())));
    };
    let mut kept = vec![false; count];
    for word in line.split_whitespace() {
        match word.parse::<usize>().ok().and_then(|place| kept.get_mut(place)) {
            Some(place) => *place = true,
            None => {
                return Err(line_error(format!("places of images, 0 to {}", count.max(1) - 1), shown(word)));
            }
        }
    }
    Ok(kept)
}
