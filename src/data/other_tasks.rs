//! Layouts of other tasks than classification.

use super::described::{describes_images, is_image_folder};
use super::error::DataError;
use super::file_kinds::{any_file, has_image_folders, has_images, ignored_folder, is_named_as_image};
use super::files::Folder;
use super::layout::Ignored;
use super::split_words::{SplitWord, split_word};

/// Refuses folders of images with masks or boxes: their images have no class.
///
/// # Errors
/// When all images of the folder are in such folders.
pub(super) fn other_task(folder: &Folder) -> Result<(), DataError> {
    let flat = |inner: &Folder| {
        let mut folders = inner.folders.iter();
        folders.all(|(name, deeper)| {
            // Class folders inside a split are classes.
            !has_images(deeper) || (split_word(name) != SplitWord::Other && !has_image_folders(deeper))
        })
    };
    let only_images = |name: &String| {
        is_image_folder(name) || matches!(split_word(name), SplitWord::Exact(_) | SplitWord::Near(_))
    };
    let mut with_images = folder.folders.iter().filter(|(name, inner)| {
        describes_images(name, folder).is_none() && ignored_folder(name, inner).is_none() && has_images(inner)
    });
    if !with_images.all(|(name, inner)| only_images(name) && flat(inner)) {
        return Ok(());
    }
    let described = folder.folders.keys().find_map(|name| Some((name, describes_images(name, folder)?)));
    let has_images = folder.folders.keys().any(|name| is_image_folder(name))
        || folder.folders.values().any(|inner| any_file(inner, &|entry| is_named_as_image(&entry.name)));
    match described.filter(|_| has_images) {
        Some((name, why)) => Err(DataError::OtherTask {
            path: folder.path.clone(),
            folder: name.clone(),
            task: if why == Ignored::Masks { "segmentation" } else { "object detection" },
        }),
        None => Ok(()),
    }
}
