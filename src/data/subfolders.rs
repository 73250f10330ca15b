//! The subfolders of a set, and what their names and what is inside them say: classes, splits, or a folder around both.

use std::collections::BTreeSet;

use super::described::is_image_folder;
use super::file_kinds::{has_image_folders, has_images, ignored_folder, is_named_as_image};
use super::files::Folder;
use super::names::class_key;
use super::split_words::{SplitName, SplitWord, split_name};

/// A subfolder of images, and what its name says.
pub(super) struct Child<'a> {
    pub name: &'a str,
    pub folder: &'a Folder,
    pub word: SplitWord,
}

pub(super) fn is_unlabelled(child: &Child<'_>) -> bool {
    child.word == SplitWord::Exact(SplitName::Unlabelled)
}

/// Whether the folders are splits with class folders, and nothing else.
pub(super) fn are_splits(children: &[Child<'_>]) -> bool {
    children.iter().all(|child| matches!(child.word, SplitWord::Exact(_)))
        && children
            .iter()
            .any(|child| child.word == SplitWord::Exact(SplitName::Train) && has_image_folders(child.folder))
}

/// Whether a folder holds images to train on in a folder of that name.
pub(super) fn holds_splits(folder: &Folder) -> bool {
    folder.folders.iter().any(|(name, inner)| split_name(name) == Some(SplitName::Train) && has_images(inner))
}

/// Whether a folder with this name and without files is a split that has no images yet, rather than a class.
pub(super) fn is_empty_split(word: SplitWord, as_classes: bool) -> bool {
    match word {
        SplitWord::Exact(SplitName::Unlabelled) => true,
        SplitWord::Exact(SplitName::Test | SplitName::Validation) => !as_classes,
        _ => false,
    }
}

/// Whether a folder holds several folders of images and no image beside them.
pub(super) fn holds_classes(folder: &Folder) -> bool {
    let holds =
        |(name, inner): &(&String, &Folder)| ignored_folder(name, inner).is_none() && has_images(inner);
    !folder.files.values().any(|entry| is_named_as_image(&entry.name))
        && folder.folders.iter().filter(holds).count() > 1
}

/// The only subfolder that is neither a split nor unlabelled, if it is a folder around class folders or splits: nothing but
/// unlabelled images is beside it.
pub(super) fn around<'a, 'b>(children: &'b [Child<'a>]) -> Option<&'b Child<'a>> {
    let mut others = children.iter().filter(|child| !is_unlabelled(child));
    let only = others.next().filter(|_| others.next().is_none())?;
    let is_around = is_image_folder(only.name) || holds_splits(only.folder) || holds_classes(only.folder);
    (is_around && only.word == SplitWord::Other).then_some(only)
}

/// The only subfolder that is no split, if it holds the classes that the folders of test images have: it trains.
pub(super) fn beside_its_tests(children: &[Child<'_>]) -> Option<usize> {
    let is_split = |child: &Child<'_>| {
        matches!(
            child.word,
            SplitWord::Exact(SplitName::Test | SplitName::Validation | SplitName::Unlabelled)
        )
    };
    let mut others = (0..children.len()).filter(|at| !is_split(&children[*at]));
    let only = others.next().filter(|_| others.next().is_none())?;
    let classes =
        |folder: &Folder| folder.folders.keys().map(|name| class_key(name)).collect::<BTreeSet<_>>();
    let Child { folder, word, .. } = &children[only];
    let own = classes(folder);
    let tests = children.iter().filter(|child| is_split(child) && !is_unlabelled(child));
    let mut tested = tests.flat_map(|child| classes(child.folder)).peekable();
    let same = tested.peek().is_some() && tested.all(|class| own.contains(&class));
    (*word == SplitWord::Other && holds_classes(folder) && same).then_some(only)
}
