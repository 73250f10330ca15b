//! STL-10, the binary version: `train_X.bin`, `train_y.bin`, `test_X.bin`, `test_y.bin`, `unlabeled_X.bin`,
//! `class_names.txt` and `fold_indices.txt`.
//!
//! An image is its red, its green and its blue plane, each 96x96 in column-major order; a label is a byte from 1.
//! `fold_indices.txt` has ten lines, each the indices of one fold's training images, from 0.

use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::data::error::{DataError, excerpt};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::hash_cache::{HashCache, Lookup, remove_cache};
use crate::data::identity::{Identities, content_hash};
use crate::data::images::{Images, interleave};
use crate::data::records::{Records, read_names};
use crate::data::set::{self, Choice, DataSet, Labelled, OpenOptions, Parts, UNLABELLED_LIST};
use crate::data::stream::Source;

pub const FORMAT: Format = Format {
    name: "STL-10",
    description: "STL-10 .bin files",
    detect,
    explain: None,
    example: || sample(10),
    parsers: &[
        Parser { name: "stl10_labels", file: TRAIN_LABELS, set: || sample(2), options: first_fold },
        Parser { name: "stl10_folds", file: FOLD_FILE, set: || sample(2), options: first_fold },
    ],
};

const TRAIN_IMAGES: &str = "train_X.bin";
const TRAIN_LABELS: &str = "train_y.bin";
const FOLD_FILE: &str = "fold_indices.txt";
const SIDE: usize = 96;
const CLASSES: usize = 10;
/// An eighth of the side, as for image files.
const SHIFT: u32 = 12;
/// Images between two reports of the progress.
const REPORT_EVERY: usize = 256;
const FOLDS: usize = 10;
/// More than ten lists of five-digit numbers need.
const MAX_FOLDS_BYTES: u64 = 1 << 20;

fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let Some(train) = folder.files.get(TRAIN_IMAGES) else { return Ok(None) };
    Ok(Some(Loader::set(move |options| load(folder, train, options))))
}

fn load(folder: &Folder, train_images: &Entry, options: &OpenOptions) -> Result<DataSet, DataError> {
    let file = |name: &str| folder.files.get(name);
    let train = read_part(train_images, file(TRAIN_LABELS))?;
    let test = file("test_X.bin").map(|images| read_part(images, file("test_y.bin"))).transpose()?;
    let fold = options.choice.fold.map(|fold| fold_indices(folder, fold, train.labels.len())).transpose()?;
    if test.is_none() && fold.is_some() {
        // Held-out images would shift the indices of the folds.
        return Err(DataError::Missing {
            path: folder.path.clone(),
            expected: "test_X.bin beside fold_indices.txt".to_owned(),
            found: "no test images".to_owned(),
        });
    }
    let mut set = Parts {
        format: "STL-10 (binary)".to_owned(),
        classes: read_names(folder, "class_names.txt", CLASSES)?,
        train,
        test,
        flip: true,
        shift: SHIFT,
    }
    .assemble(options);
    if let Some(in_fold) = fold {
        let hidden = set.train_labels.iter_mut().zip(in_fold).filter(|(_, in_fold)| !in_fold);
        hidden.for_each(|(label, _)| *label = None);
    }
    if let Some(entry) = file("unlabeled_X.bin") {
        let ids = add_unlabelled(entry, &mut set, options)?;
        set.train_ids.extend(ids);
        set.train_labels.resize(set.train.len(), None);
    }
    Ok(set)
}

/// Adds the unlabelled images and returns their identities; streams them if they do not fit in the memory that `options` allows. A file that would
/// have to be unpacked for every image is read into memory in any case.
fn add_unlabelled(entry: &Entry, set: &mut DataSet, options: &OpenOptions) -> Result<Identities, DataError> {
    let stride = set.train.stride();
    let count = entry.size / stride as u64;
    let room = options.images_in_memory(stride).saturating_sub(set.train.len());
    let complete = entry.size.is_multiple_of(stride as u64);
    // A file that is cut short is read now, to report it.
    if count <= room as u64 || !complete || !entry.content().is_seekable() {
        let before = set.train.len();
        append_images(entry, &mut set.train)?;
        let contents = (before..set.train.len()).map(|i| content_hash(set.train.image(i)));
        return Ok(Identities::of_records(contents, UNLABELLED_LIST));
    }
    let mut cache = HashCache::open(options.cache.as_deref(), &entry.path);
    let image = |i: usize| entry.path.join(i.to_string());
    let lookups: Vec<Lookup> = (0..count as usize).map(|i| cache.get(&image(i), i as u64)).collect();
    let contents = match lookups.iter().map(|lookup| lookup.content).collect::<Option<Vec<u64>>>() {
        Some(known) => known,
        None => hash_images(entry, options)?,
    };
    for (i, (hash, lookup)) in contents.iter().zip(lookups).enumerate() {
        cache.insert(&image(i), i as u64, lookup, *hash);
    }
    let cache = cache.save();
    set.train.stream(Planes { entry: entry.clone(), hashes: contents.clone(), cache });
    set.notices.push(set::streamed_notice(count as usize, set.train.len()));
    Ok(Identities::of_records(contents.into_iter(), UNLABELLED_LIST))
}

/// The hashes of the pixels of all images in a file.
fn hash_images(entry: &Entry, options: &OpenOptions) -> Result<Vec<u64>, DataError> {
    let mut records = Records::open(entry, 3 * SIDE * SIDE, "STL-10 (binary)".to_owned())?;
    let (mut hashes, mut pixels) = (Vec::new(), Vec::new());
    let count = entry.size as usize / (3 * SIDE * SIDE);
    while let Some(planes) = records.next()? {
        if hashes.len().is_multiple_of(REPORT_EVERY) {
            options.report(hashes.len(), count)?;
        }
        pixels.clear();
        interleave(planes, [SIDE, SIDE], true, &mut pixels);
        hashes.push(content_hash(&pixels));
    }
    Ok(hashes)
}

/// Images that are read from the file when they are requested.
struct Planes {
    entry: Entry,
    /// Hashes of the pixels when the set was opened.
    hashes: Vec<u64>,
    /// The cache that the hashes may come from.
    cache: Option<PathBuf>,
}

impl Source for Planes {
    fn count(&self) -> usize {
        self.hashes.len()
    }

    fn read(&self, image: usize) -> Result<Vec<u8>, DataError> {
        let mut planes = vec![0; 3 * SIDE * SIDE];
        let mut file = self.entry.open_seekable()?;
        file.seek(SeekFrom::Start((image * planes.len()) as u64))
            .and_then(|_| file.read_exact(&mut planes))
            .map_err(|reason| self.entry.unreadable(reason))?;
        let mut pixels = Vec::with_capacity(planes.len());
        interleave(&planes, [SIDE, SIDE], true, &mut pixels);
        if content_hash(&pixels) != self.hashes[image] {
            remove_cache(self.cache.as_deref());
            return Err(self.entry.changed());
        }
        Ok(pixels)
    }
}

/// Reads a file of images and its file of labels.
fn read_part(images: &Entry, labels: Option<&Entry>) -> Result<Labelled, DataError> {
    let mut part = Labelled::empty([SIDE; 2], 3);
    append_images(images, &mut part.images)?;
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
            return Err(records.corrupt(0, format!("a class from 1 to {CLASSES}"), label.to_string()));
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

fn append_images(entry: &Entry, images: &mut Images) -> Result<(), DataError> {
    let mut records = Records::open(entry, images.stride(), "STL-10 (binary)".to_owned())?;
    // The declared size only saves reallocations; the bytes that exist decide how many images there are.
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
    let Some(entry) = folder.files.get(FOLD_FILE) else {
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
        advice: "fetch the file again, or unset fold",
    };
    let text = String::from_utf8_lossy(&entry.bytes(MAX_FOLDS_BYTES)?).into_owned();
    let Some(line) = text.lines().nth(fold) else {
        return Err(line_error(format!("{FOLDS} lines"), format!("{}", text.lines().count())));
    };
    let mut in_fold = vec![false; count];
    for word in line.split_whitespace() {
        match word.parse::<usize>().ok().and_then(|index| in_fold.get_mut(index)) {
            Some(flag) => *flag = true,
            None => {
                return Err(line_error(format!("image indices, 0 to {}", count.max(1) - 1), excerpt(word)));
            }
        }
    }
    Ok(in_fold)
}

/// `count` training images, of classes 1, 2 and so on, and two test images; ten make a set that can be trained on.
fn sample(count: u8) -> SampleFiles {
    let images = |count: u8| vec![7; 3 * SIDE * SIDE * usize::from(count)];
    vec![
        (TRAIN_IMAGES, images(count)),
        (TRAIN_LABELS, (1..=count).collect()),
        ("test_X.bin", images(2)),
        ("test_y.bin", vec![1, 2]),
        (FOLD_FILE, b"0 1\n".to_vec()),
    ]
}

fn first_fold() -> OpenOptions {
    OpenOptions { choice: Choice { fold: Some(0), ..Choice::default() }, ..OpenOptions::default() }
}
