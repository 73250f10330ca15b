//! What counts where a folder has both lists and class folders, or folders that name a split.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::counted::counted;
use super::error::{DataError, excerpt};
use super::file_kinds::{ignored_folder, is_named_as_image};
use super::files::{Entry, Folder};
use super::list_folders::{Agreement, compare, split_of_folders};
use super::list_scope::unlabelled_folder;
use super::names::{class_key, shown_name};
use super::split_words::{SplitName, split_name, split_of_list};

/// An image that a row names.
pub(super) struct Listed<'a> {
    pub file: usize,
    pub list: &'a Entry,
    pub class: Option<String>,
    pub split: SplitName,
    pub says_split: bool,
}

/// Compares the labels of lists with the names of folders. Whether the folders are the same classes.
///
/// # Errors
/// When the folders are classes, and a label is another one.
pub(super) fn check_folders<'a>(
    listed: &[Listed<'_>],
    paths: &[String],
    images: impl Iterator<Item = &'a str>,
    notices: &mut Vec<String>,
) -> Result<bool, DataError> {
    let labelled: Vec<&Listed<'_>> = listed.iter().filter(|image| image.class.is_some()).collect();
    let row = |image: &&Listed<'_>| (paths[image.file].clone(), image.class.clone().unwrap_or_default());
    let rows: Vec<(String, String)> = labelled.iter().map(row).collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(path, class)| (path.as_str(), class.as_str())).collect();
    let Some(first) = labelled.first() else { return Ok(false) };
    let list = shown_name(&first.list.name);
    match compare(&rows, images) {
        Agreement::NoFolders => Ok(false),
        Agreement::Agrees => Ok(true),
        Agreement::OtherNames => {
            notices.push(format!("the classes are those of {list}: folders are not read as classes"));
            Ok(false)
        }
        Agreement::Contradicts(differing) => {
            Err(DataError::other_labels(&labelled[differing[0]].list.path, &rows, &differing))
        }
    }
}

/// Checks that lists do not replace class folders of many more images.
///
/// # Errors
/// When they name less than half of the images in class folders.
pub(super) fn check_share(list: &Path, paths: &[String], named: &HashSet<usize>) -> Result<(), DataError> {
    let in_folder =
        |at: &usize| is_named_as_image(&paths[*at]) && class_folders(&paths[*at]).next().is_some();
    let images: Vec<usize> = (0..paths.len()).filter(in_folder).collect();
    let count = images.iter().filter(|at| named.contains(at)).count();
    if 2 * count >= images.len() {
        return Ok(());
    }
    let counts = counted(images.len(), "image", "images");
    Err(DataError::Missing {
        path: list.to_owned(),
        expected: "a list of most images, as it replaces the class folders".to_owned(),
        found: format!(
            "{count} of {counts} in class folders: open the list itself as the source to use these alone (unpack an \
             archive first), or rename it to another ending or remove it to use the folders"
        ),
    })
}

/// The folders of a path that may be classes: those that name no split, of images that are not unlabelled.
fn class_folders(path: &str) -> impl Iterator<Item = &str> {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let folders = if unlabelled_folder(folders) { "" } else { folders };
    folders.split('/').filter(|name| !name.is_empty() && split_name(name).is_none())
}

/// The other images in class folders, with their classes, if the lists name test images only: by their own names, such as
/// `test.csv`.
pub(super) fn beside_tests(
    folder: &Folder,
    listed: &[Listed<'_>],
    paths: &[String],
    named: &HashSet<usize>,
) -> Vec<(usize, String)> {
    let tests = |image: &Listed<'_>| {
        let stem = image.list.name.rsplit_once('.').map_or("", |(stem, _)| stem);
        let split = split_of_list(stem);
        split == Some(image.split) && matches!(image.split, SplitName::Test | SplitName::Validation)
    };
    if !listed.iter().all(tests) {
        return Vec::new();
    }
    let depth = |image: &Listed<'_>| {
        let class = class_key(image.class.as_deref()?);
        class_folders(&paths[image.file]).position(|folder| class_key(folder) == class)
    };
    let depths: BTreeSet<Option<usize>> = listed.iter().map(depth).collect();
    let Some(Some(depth)) = depths.first().copied().filter(|_| depths.len() == 1) else { return Vec::new() };
    let others = (0..paths.len()).filter(|at| is_named_as_image(&paths[*at]) && !named.contains(at));
    let is_ignored = |path: &str| {
        let inside = path.split_once('/').and_then(|(name, _)| folder.folders.get_key_value(name));
        inside.is_some_and(|(name, inner)| ignored_folder(name, inner).is_some())
    };
    let trains = |at: &usize| split_of_folders(&paths[*at], None).is_none() && !is_ignored(&paths[*at]);
    others
        .filter(trains)
        .filter_map(|at| Some((at, class_folders(&paths[at]).nth(depth)?.to_owned())))
        .collect()
}

/// Images whose rows name no split are of that of their folder.
///
/// # Errors
/// When a row says that an image of a test folder trains, unless the list itself is the source.
pub(super) fn split_by_folders(
    listed: &mut [Listed<'_>],
    paths: &[String],
    chosen: bool,
    notices: &mut Vec<String>,
) -> Result<(), DataError> {
    let mut moved: BTreeMap<SplitName, usize> = BTreeMap::new();
    let mut differing = Vec::new();
    for (at, image) in listed.iter_mut().enumerate() {
        let Some(split) = split_of_folders(&paths[image.file], image.class.as_deref()) else { continue };
        if !image.says_split {
            image.split = split;
            *moved.entry(split).or_default() += 1;
        } else if image.split == SplitName::Train {
            differing.push(at);
        }
    }
    for (split, count) in moved {
        let (images, word) = (counted(count, "listed image is", "listed images are"), split.word());
        notices.push(format!(
            "{images} in a folder of {word} images, and not trained on: the list names no split"
        ));
    }
    let Some(&first) = differing.first() else { return Ok(()) };
    if chosen {
        let images = counted(differing.len(), "image", "images");
        notices.push(format!("the list says that {images} of a folder of test images train"));
        return Ok(());
    }
    let example = |at: &usize| format!("{} is to train in the list", excerpt(&paths[listed[*at].file]));
    Err(DataError::OtherLabels {
        path: listed[first].list.path.clone(),
        rows: listed.len(),
        differing: differing.len(),
        examples: differing.iter().take(3).map(example).collect::<Vec<_>>().join(", "),
    })
}
