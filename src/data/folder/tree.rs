use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::data::DataError;
use crate::data::source::{self, Entry};

/// Class folders may hold folders; deeper than this something (a link to itself) is wrong.
const MAX_DEPTH: usize = 8;

const TEST: [&str; 4] = ["test", "val", "valid", "validation"];
const UNLABELLED: [&str; 2] = ["unlabeled", "unlabelled"];

/// What a folder of class folders holds.
pub(in crate::data) struct Tree {
    /// Sorted by name.
    pub classes: Vec<String>,
    /// In the order of their classes and names: train, unlabelled, test.
    pub images: Vec<Found>,
    pub notices: Vec<String>,
}

pub(in crate::data) struct Found {
    pub path: PathBuf,
    pub class: Option<u32>,
    pub test: bool,
}

/// Looks for class folders with images. `None` when no folder below holds an image.
///
/// # Errors
/// When a class has no image, or a test class none to train.
pub(in crate::data) fn find(entries: &[Entry]) -> Result<Option<Tree>, DataError> {
    let named = |entries: &[Entry], names: &[&str]| -> Option<Entry> {
        entries.iter().find(|e| e.folder && names.contains(&e.name.to_lowercase().as_str())).cloned()
    };
    let mut unlabelled: Vec<Entry> = named(entries, &UNLABELLED).into_iter().collect();
    let (train, test) = match named(entries, &["train"]) {
        Some(train) => {
            let classes = source::entries(&train.path)?;
            unlabelled.extend(named(&classes, &UNLABELLED));
            (classes, TEST.iter().find_map(|name| named(entries, &[name])))
        }
        None => (entries.to_vec(), None),
    };

    let mut others = Vec::new();
    let classes = images_of_classes(&train, &mut others)?;
    if classes.iter().all(|(_, images)| images.is_empty()) {
        return Ok(None);
    }
    let empty =
        |path: &Path, class: &str| DataError::EmptyClass { path: path.to_owned(), class: class.to_owned() };
    if let Some((entry, _)) = classes.iter().find(|(_, images)| images.is_empty()) {
        return Err(empty(&entry.path, &entry.name));
    }

    let names: Vec<String> = classes.iter().map(|(entry, _)| entry.name.clone()).collect();
    let mut images = Vec::new();
    for (class, (_, paths)) in classes.into_iter().enumerate() {
        images.extend(paths.into_iter().map(|path| Found { path, class: Some(class as u32), test: false }));
    }
    for entry in unlabelled {
        let mut paths = Vec::new();
        collect(&entry.path, 0, &mut paths, &mut others)?;
        images.extend(paths.into_iter().map(|path| Found { path, class: None, test: false }));
    }
    if let Some(test) = test {
        for (entry, paths) in images_of_classes(&source::entries(&test.path)?, &mut others)? {
            let Some(class) = names.iter().position(|name| *name == entry.name) else {
                return Err(DataError::UntrainedClass { path: test.path, class: entry.name });
            };
            if paths.is_empty() {
                return Err(empty(&entry.path, &entry.name));
            }
            images.extend(paths.into_iter().map(|path| Found {
                path,
                class: Some(class as u32),
                test: true,
            }));
        }
    }
    Ok(Some(Tree { classes: names, images, notices: left_out(&others).into_iter().collect() }))
}

/// The notice of files that are no images.
pub(super) fn left_out(others: &[PathBuf]) -> Option<String> {
    let first = others.first()?;
    Some(format!("{} file(s) that are no images are left out, such as {}", others.len(), first.display()))
}

/// The class folders among `entries` with their images.
fn images_of_classes(
    entries: &[Entry],
    others: &mut Vec<PathBuf>,
) -> Result<Vec<(Entry, Vec<PathBuf>)>, DataError> {
    let is_class = |entry: &&Entry| entry.folder && !UNLABELLED.contains(&entry.name.to_lowercase().as_str());
    entries
        .iter()
        .filter(is_class)
        .map(|entry| {
            let mut paths = Vec::new();
            collect(&entry.path, 0, &mut paths, others)?;
            Ok((entry.clone(), paths))
        })
        .collect()
}

/// Adds the images below a folder, and the files that are none.
pub(super) fn collect(
    folder: &Path,
    depth: usize,
    images: &mut Vec<PathBuf>,
    others: &mut Vec<PathBuf>,
) -> Result<(), DataError> {
    for entry in source::entries(folder)? {
        if entry.folder {
            if depth < MAX_DEPTH {
                collect(&entry.path, depth + 1, images, others)?;
            }
        } else if is_image(&entry.path)? {
            images.push(entry.path);
        } else {
            others.push(entry.path);
        }
    }
    Ok(())
}

/// By content; a file that is only named like an image counts, so that reading it says what is wrong.
fn is_image(path: &Path) -> Result<bool, DataError> {
    let read_error = |reason| DataError::Read { path: path.to_owned(), reason };
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(32).read_to_end(&mut start)).map_err(read_error)?;
    Ok(image::guess_format(&start).is_ok() || image::ImageFormat::from_path(path).is_ok())
}
