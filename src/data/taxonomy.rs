//! Folders of classes that are sorted into groups.

use std::collections::BTreeSet;

use super::described::{is_describing, is_image_folder};
use super::file_kinds::{ignored_folder, is_named_as_image};
use super::files::Folder;
use super::layout::listed;
use super::names::listed_name;
use super::split_compounds::key;
use super::split_words::{SplitWord, split_word};
use super::structure::{Doubt, Named, holds_images, names};

/// Folders that hold nothing but folders with names of their own, as where classes are sorted into groups: `animals/cat`,
/// `plants/rose`.
pub(super) fn taxonomy(folders: &[Named<'_>]) -> Option<Doubt> {
    let is_own = |name: &&String| {
        name.chars().all(|letter| !letter.is_numeric())
            && name.chars().filter(|letter| letter.is_alphabetic()).count() > 1
    };
    let mut seen: BTreeSet<String> = folders.iter().map(|(name, _)| key(name)).collect();
    let mut groups = Vec::new();
    for (name, folder) in folders {
        if folder.files.keys().any(|file| is_named_as_image(file)) {
            return None;
        }
        let holds =
            |(name, inner): &(&String, &Folder)| ignored_folder(name, inner).is_none() && holds_images(inner);
        let inner: Vec<&String> = folder.folders.iter().filter(holds).map(|(name, _)| name).collect();
        let is_class = |name: &&String| {
            is_own(name)
                && split_word(name) == SplitWord::Other
                && !is_image_folder(name)
                && !is_describing(&key(name))
        };
        // Folders of the same name are parts of each class.
        if inner.is_empty() || !inner.iter().all(|name| is_class(name) && seen.insert(key(name))) {
            return None;
        }
        groups.push(format!("{} ({})", listed_name(name), names(inner.iter().map(|name| name.as_str()))));
    }
    let several = folders.iter().any(|(_, folder)| folder.folders.len() > 1);
    (folders.len() > 1 && several).then(|| {
        let found = format!(
            "the folders hold folders with names of their own, which may be the classes: {}",
            listed(&groups)
        );
        let advice = "move the inner folders up beside each other if they are the classes";
        Doubt::new(folders[0].1.path.clone(), found, advice)
    })
}
