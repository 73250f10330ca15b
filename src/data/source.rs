//! Opens a source: the format is told from what is there.

use std::path::Path;

use super::cifar::CifarFiles;
use super::idx::IdxFiles;
use super::{DataError, DataSet, builtin, idx};

/// Opens `builtin:NAME` or a folder of IDX or CIFAR binary files.
///
/// # Errors
/// What was looked for and what was found; a file that is damaged, with the place.
pub fn open(source: &str) -> Result<DataSet, DataError> {
    if let Some(name) = source.strip_prefix("builtin:") {
        return builtin::builtin(name);
    }
    let path = Path::new(source);
    if !path.exists() {
        return Err(DataError::Missing { path: path.to_owned() });
    }
    if let Some(files) = IdxFiles::find(path) {
        let paths = [&files.train_images, &files.train_labels, &files.test_images, &files.test_labels]
            .map(|path| path.as_path());
        let [a, b, c, d] = paths.map(idx::read);
        return idx_set(source, "IDX", None, [a?, b?, c?, d?], paths);
    }
    if let Some(files) = CifarFiles::find(path) {
        return cifar_set(source, &files);
    }
    Err(DataError::Unknown { path: path.to_owned(), found: listing(path) })
}

/// The first names in a folder, for an error.
fn listing(path: &Path) -> String {
    const SHOWN: usize = 5;
    let Ok(entries) = std::fs::read_dir(path) else { return "a file".into() };
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    match names.len() {
        0 => "an empty folder".into(),
        n if n > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
        _ => names.join(", "),
    }
}

/// A set from the unpacked bytes of its four IDX files; classes are numbered if they have no names.
pub(super) fn idx_set(
    name: &str,
    format: &str,
    classes: Option<Vec<String>>,
    [train, train_labels, test, test_labels]: [Vec<u8>; 4],
    paths: [&Path; 4],
) -> Result<DataSet, DataError> {
    let train = idx::images(paths[0], &train)?;
    let train_labels = idx::labels(paths[1], &train_labels)?;
    let test = idx::images(paths[2], &test)?;
    let test_labels = idx::labels(paths[3], &test_labels)?;
    let largest = train_labels.iter().chain(&test_labels).max().copied().unwrap_or(0) as usize;
    let classes = classes.unwrap_or_else(|| (0..=largest).map(|i| i.to_string()).collect());
    if largest >= classes.len() {
        return Err(DataError::Corrupt {
            path: paths[1].to_owned(),
            offset: 8,
            expected: format!("labels below {}", classes.len()),
            found: largest.to_string(),
        });
    }
    let set = DataSet {
        name: name.to_owned(),
        format: format.to_owned(),
        classes,
        train,
        train_labels: train_labels.into_iter().map(Some).collect(),
        test,
        test_labels,
        flip: false,
        shift: 2,
        notices: Vec::new(),
    };
    checked(set)
}

fn cifar_set(name: &str, files: &CifarFiles) -> Result<DataSet, DataError> {
    let (train, train_labels) = files.read(&files.train)?;
    let (test, test_labels) = files.read(std::slice::from_ref(&files.test))?;
    checked(DataSet {
        name: name.to_owned(),
        format: format!("CIFAR-{} binary", files.classes),
        classes: files.class_names(),
        train,
        train_labels: train_labels.into_iter().map(Some).collect(),
        test,
        test_labels,
        flip: true,
        shift: 4,
        notices: Vec::new(),
    })
}

fn checked(set: DataSet) -> Result<DataSet, DataError> {
    for (images, labels) in [(&set.train, set.train_labels.len()), (&set.test, set.test_labels.len())] {
        if !(8..=96).contains(&images.height) || !(8..=96).contains(&images.width) {
            let (height, width) = (images.height, images.width);
            return Err(DataError::ImageSize { name: set.name, height, width });
        }
        if images.len() != labels || labels == 0 {
            return Err(DataError::CountsDiffer { name: set.name.clone(), images: images.len(), labels });
        }
    }
    Ok(set)
}
