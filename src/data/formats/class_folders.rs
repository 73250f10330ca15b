//! A folder of class folders, `CLASS/IMAGE`, or `train/CLASS/IMAGE` with `test/CLASS/IMAGE`. Images in a folder
//! `unlabeled/` are of unknown class.
//!
//! A folder whose name is a split word is that split, beside class folders and inside them; no image in a folder of
//! test or validation images is trained on. What is neither is left out with a notice, or refused where the meaning is
//! unclear; the choice `folders_as_classes` takes every folder for a class, inside `train/` and `test/` where the set has
//! these. A folder `unlabeled` stays one of unknown class.

use std::path::{Path, PathBuf};

use crate::data::classes::{Found, assemble};
use crate::data::counted::counted;
use crate::data::decode::EXAMPLE_IMAGE;
use crate::data::described::{derived, describes_images, is_image_folder};
use crate::data::error::DataError;
use crate::data::file_kinds::{
    count_files, has_image_folders, has_images, ignored_folder, is_image, is_named_as_image, is_packed,
};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::image_files::ImageFiles;
use crate::data::layout::{Ignored, Role, Roles, is_hidden, joined, listed};
use crate::data::list_table::{self, ignored_tables, is_table_file, told_unlabelled, told_unused};
use crate::data::names::{listed_name, shown_name};
use crate::data::other_tasks::other_task;
use crate::data::set::OpenOptions;
use crate::data::split_lists::{self, SplitFile};
use crate::data::split_words::{SplitName, SplitWord, split_name, split_word};
use crate::data::structure::{self, Doubt, Named};
use crate::data::subfolders::{
    Child, are_splits, around, beside_its_tests, holds_classes, holds_splits, is_empty_split, is_unlabelled,
};
use crate::data::taxonomy::taxonomy;
use crate::data::unread_lists::{told_unread, unread_lists, unread_notices};

pub const FORMAT: Format = Format {
    name: "folder of class folders",
    description: "a folder of class folders with images",
    detect,
    explain: Some(explain),
    example,
    parsers: &[Parser::new("image", "left/1.pgm", example)],
};

/// Looks for folders with images. `None`: no folder below contains an image.
fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    Ok(has_image_folders(folder).then(|| Loader::files(|options| read(folder, options))))
}

/// Images without classes.
fn explain(folder: &Folder) -> Result<Option<DataError>, DataError> {
    let images: Vec<&Entry> =
        folder.files.values().filter(|entry| is_image(entry).unwrap_or(false)).collect();
    // A single file is not a folder of images.
    Ok(match images.as_slice() {
        [] => None,
        [_] if folder.files.len() == 1 && folder.folders.is_empty() => None,
        [first, ..] => Some(DataError::Unclassed {
            path: folder.path.clone(),
            images: images.len(),
            example: first.name.clone(),
            lists: told_lists(folder)?,
        }),
    })
}

/// What an error about images without classes says of lists that are not used.
///
/// # Errors
/// When a table cannot be read.
fn told_lists(folder: &Folder) -> Result<String, DataError> {
    let unused = told_unused(folder)?;
    Ok(if unused.is_empty() { told_unread(folder) } else { unused })
}

/// Reads the folders.
///
/// # Errors
/// When a folder's meaning is unclear, a class has no image, a test class has no training images, or the folder is laid
/// out for another task than classification.
pub(in crate::data) fn read(folder: &Folder, options: &OpenOptions) -> Result<ImageFiles, DataError> {
    let as_classes = options.choice.folders_as_classes;
    let OpenOptions { skip_bad, only_tests, .. } = *options;
    let mut reader = Reader { as_classes, skip_bad, only_tests, ..Reader::default() };
    reader.read_source(folder, "")?;
    if !reader.packed.is_empty() {
        let names: Vec<String> = reader.packed.iter().map(|name| listed_name(name)).collect();
        reader.notices.push(format!(
            "{} beside the folders {} not read ({}): unpack to use the images inside",
            counted(names.len(), "archive", "archives"),
            if names.len() == 1 { "is" } else { "are" },
            listed(&names)
        ));
    }
    for (name, why) in ignored_tables(folder)? {
        reader.roles.file("", &name, Role::Ignored(why));
    }
    let classed = reader.found.iter().any(|image| image.class.is_some());
    let loose = |role: &Role| matches!(role, Role::Ignored(Ignored::Loose | Ignored::FlatTest));
    if let (false, Some((images, example))) = (classed, reader.roles.of(loose)) {
        if let Some(error) = list_table::explain(folder)? {
            return Err(error);
        }
        let (path, lists) = (folder.path.clone(), told_lists(folder)?);
        return Err(DataError::Unclassed { path, images, example, lists });
    }
    let Reader { mut found, mut roles, others, mut notices, doubtful, augmented, split_files, .. } = reader;
    split_lists::apply(&split_files, &mut found, &mut roles, &mut notices);
    let told = |entry: &Entry| split_lists::is_split_file(&entry.name, folder);
    notices.extend(unread_notices(&unread_lists(folder, &told)));
    let tests = |image: &Found| matches!(image.split, SplitName::Test | SplitName::Validation);
    if let Some(doubt) = augmented.filter(|_| !only_tests && !found.iter().any(tests)) {
        return Err(doubt.into());
    }
    // Images of a class are next to each other, whichever of its folders they come from.
    found.sort_by_key(|image| (image.split != SplitName::Train, image.class.is_none()));
    let mut files = assemble(&folder.path, found, roles, others, notices, options)?;
    if let (0..2, Some(path), false) = (files.classes.len(), doubtful, options.only_tests) {
        return Err(unclear_folder(&path, SplitName::Test));
    }
    files.images.sort_by_key(|image| (image.test, image.class.is_none(), image.class));
    Ok(files)
}

/// What a reader has found so far.
#[derive(Default)]
struct Reader {
    as_classes: bool,
    skip_bad: bool,
    only_tests: bool,
    found: Vec<Found>,
    roles: Roles,
    /// Files that are not images.
    others: Vec<Entry>,
    notices: Vec<String>,
    /// Files beside the folders that may say the split.
    split_files: Vec<SplitFile>,
    /// Archives beside the folders.
    packed: Vec<String>,
    /// A folder that was taken for test images, and may be a class.
    doubtful: Option<PathBuf>,
    /// A folder inside a class whose images were made from others.
    augmented: Option<Doubt>,
}

impl Reader {
    /// Reads the folder that holds class folders or splits, at a path relative to the source.
    fn read_source(&mut self, folder: &Folder, at: &str) -> Result<(), DataError> {
        let mut children = self.children(folder, at)?;
        split_lists::collect(folder, at, &mut self.split_files);
        if let Some(only) = around(&children) {
            self.loose(folder, at, Ignored::Loose)?;
            for child in children.iter().filter(|child| is_unlabelled(child)) {
                self.images(child.folder, &joined(at, child.name), None, SplitName::Unlabelled)?;
            }
            let inner = joined(at, only.name);
            if children.len() > 1 && holds_classes(only.folder) {
                let names: Vec<String> = only.folder.folders.keys().map(|name| listed_name(name)).collect();
                let inner = shown_name(&inner);
                self.notices.push(format!("the folders in {inner} are read as classes: {}", listed(&names)));
            }
            return match has_image_folders(only.folder) {
                // A folder around the class folders or splits, beside something else.
                true => self.read_source(only.folder, &inner),
                false => self.loose(only.folder, &inner, Ignored::Loose),
            };
        }
        if let Some(only) = beside_its_tests(&children).filter(|_| !self.as_classes) {
            let name = shown_name(&joined(at, children[only].name)).to_string();
            self.notices.push(format!(
                "the images in {name} train: it holds the same class folders as the images to test"
            ));
            children[only].word = SplitWord::Exact(SplitName::Train);
        }
        if self.as_classes && !are_splits(&children) {
            let names = children.iter_mut().filter(|child| !is_unlabelled(child));
            names.for_each(|child| child.word = SplitWord::Other);
        }
        let has_train = children.iter().any(|child| child.word == SplitWord::Exact(SplitName::Train));
        self.loose(folder, at, Ignored::Loose)?;
        let siblings = || children.iter().filter(|child| child.word == SplitWord::Other);
        if !has_train {
            self.ask(folder, &children)?;
        }
        for child in &children {
            let path = joined(at, child.name);
            match child.word {
                SplitWord::Near(split) => {
                    return Err(unclear_folder(&child.folder.path, split));
                }
                SplitWord::Exact(SplitName::Unlabelled) => {
                    if self.as_classes {
                        self.notices.push(format!(
                            "the images in {} are of unknown class, also where folders_as_classes is set: rename it if it is a \
                             class",
                            shown_name(&path)
                        ));
                    }
                    self.images(child.folder, &path, None, SplitName::Unlabelled)?;
                }
                // A class of trains.
                SplitWord::Exact(SplitName::Train)
                    if siblings().next().is_some() && !has_image_folders(child.folder) =>
                {
                    return Err(unclear_folder(&child.folder.path, SplitName::Train));
                }
                SplitWord::Exact(split) => {
                    if !has_train && split != SplitName::Train && siblings().next().is_some() {
                        self.doubtful = Some(child.folder.path.clone());
                        self.notices.push(format!(
                            "the folder {} is read as images to test: if it is a class, rename it or set \
                             folders_as_classes",
                            shown_name(&path)
                        ));
                    }
                    self.read_classes(child.folder, &path, split)?;
                }
                SplitWord::Other | SplitWord::Sorting if has_train => {
                    self.roles.ignore_folder(&path, count_files(child.folder), Ignored::BesideTrain);
                }
                SplitWord::Other | SplitWord::Sorting => {
                    self.class(child.folder, &path, child.name, SplitName::Train)?;
                }
            }
        }
        if !has_train && !self.only_tests && siblings().next().is_none() {
            let splits: Vec<String> = children.iter().map(|child| listed_name(child.name)).collect();
            return Err(DataError::NothingToTrain { path: folder.path.clone(), found: listed(&splits) });
        }
        Ok(())
    }

    /// Asks about folders that would be classes, if something is unclear about them.
    ///
    /// # Errors
    /// When something is, or a table in the folder cannot be read.
    fn ask(&self, folder: &Folder, children: &[Child<'_>]) -> Result<(), DataError> {
        let is_class = |child: &&Child<'_>| matches!(child.word, SplitWord::Other | SplitWord::Sorting);
        let classes: Vec<Named<'_>> =
            children.iter().filter(is_class).map(|child| (child.name, child.folder)).collect();
        match structure::doubt(&classes).or_else(|| taxonomy(&classes)) {
            Some(doubt) if !self.as_classes => Err(doubt.with(&told_unlabelled(folder)?).into()),
            _ => Ok(()),
        }
    }

    /// The subfolders that may hold images; the others are counted as ignored.
    ///
    /// # Errors
    /// When a subfolder is empty, or the folder is laid out for another task.
    fn children<'a>(&mut self, folder: &'a Folder, at: &str) -> Result<Vec<Child<'a>>, DataError> {
        let mut children = Vec::new();
        for hidden in &folder.hidden {
            let why = is_hidden(hidden).unwrap_or(Ignored::Hidden);
            self.roles.file(at, hidden, Role::Ignored(why));
        }
        if !self.as_classes {
            other_task(folder)?;
        }
        for (name, inner) in &folder.folders {
            let ignored = ignored_folder(name, inner)
                .or_else(|| describes_images(name, folder).filter(|_| !self.as_classes));
            let word = match split_word(name) {
                SplitWord::Near(_) | SplitWord::Sorting if self.as_classes => SplitWord::Other,
                word => word,
            };
            if let Some(why) = ignored {
                self.roles.ignore_folder(&joined(at, name), count_files(inner), why);
            } else if has_images(inner) {
                children.push(Child { name, folder: inner, word });
            } else if count_files(inner) > 0 || is_empty_split(word, self.as_classes && !holds_splits(folder))
            {
                self.roles.ignore_folder(&joined(at, name), count_files(inner), Ignored::NoImages);
            } else if self.only_tests {
                self.roles.ignore_folder(&joined(at, name), 0, Ignored::NoImages);
            } else {
                return Err(DataError::EmptyClass {
                    path: inner.path.clone(),
                    class: name.clone(),
                    skipped: 0,
                });
            }
        }
        Ok(children)
    }

    /// Reads the class folders of a split.
    fn read_classes(&mut self, folder: &Folder, at: &str, split: SplitName) -> Result<(), DataError> {
        let mut children = self.children(folder, at)?;
        // Some archives repeat the folder: train/train/CLASS; others hold train/labelled/CLASS and train/unlabelled.
        let is_same = |child: &&Child<'_>| child.word == SplitWord::Exact(split);
        let mut same = children.iter().filter(is_same);
        if let (Some(only), None) = (same.next(), same.next())
            && has_image_folders(only.folder)
            && children.iter().all(|child| child.name == only.name || is_unlabelled(child))
        {
            self.loose(folder, at, Ignored::Loose)?;
            for child in children.iter().filter(|child| is_unlabelled(child) && split == SplitName::Train) {
                self.images(child.folder, &joined(at, child.name), None, SplitName::Unlabelled)?;
            }
            return self.read_classes(only.folder, &joined(at, only.name), split);
        }
        // Images in a folder `images` have no class.
        if let [only] = children.as_slice()
            && split != SplitName::Train
            && is_image_folder(only.name)
            && !self.as_classes
        {
            self.loose(folder, at, Ignored::FlatTest)?;
            let inner = joined(at, only.name);
            self.notices.extend(folder.files.keys().find(|name| is_text(name)).map(|name| {
                format!(
                    "{} may say the classes of the images in {}, and is not read: sort them into class folders to \
                     test on them",
                    shown_name(&joined(at, name)),
                    shown_name(&inner)
                )
            }));
            return match has_image_folders(only.folder) {
                true => self.read_classes(only.folder, &inner, split),
                false => self.loose(only.folder, &inner, Ignored::FlatTest),
            };
        }
        if self.as_classes {
            let names = children.iter_mut().filter(|child| !is_unlabelled(child));
            names.for_each(|child| child.word = SplitWord::Other);
        }
        self.ask(folder, &children)?;
        let why = if split == SplitName::Train { Ignored::Loose } else { Ignored::FlatTest };
        self.loose(folder, at, why)?;
        let names: Vec<String> = children.iter().map(|child| child.name.to_owned()).collect();
        for child in children {
            let path = joined(at, child.name);
            match child.word {
                SplitWord::Exact(SplitName::Unlabelled) if split == SplitName::Train => {
                    self.images(child.folder, &path, None, SplitName::Unlabelled)?;
                }
                // Images to test whose class is unknown.
                SplitWord::Exact(SplitName::Unlabelled) => {
                    self.roles.ignore_folder(&path, count_files(child.folder), Ignored::FlatTest);
                }
                SplitWord::Exact(other) | SplitWord::Near(other) => {
                    // With the same classes inside, it is no class.
                    if child.folder.folders.keys().any(|inner| names.contains(inner)) {
                        return Err(unclear_folder(&child.folder.path, other));
                    }
                    self.notices.push(format!("the folder {} is read as a class", shown_name(&path)));
                    self.class(child.folder, &path, child.name, split)?;
                }
                SplitWord::Other | SplitWord::Sorting => {
                    self.class(child.folder, &path, child.name, split)?
                }
            }
        }
        Ok(())
    }

    /// Reads a class folder.
    fn class(&mut self, folder: &Folder, at: &str, class: &str, split: SplitName) -> Result<(), DataError> {
        let groups: Vec<String> = folder
            .folders
            .iter()
            .filter(|(name, inner)| {
                ignored_folder(name, inner).is_none() && split_name(name).is_none() && has_images(inner)
            })
            .map(|(name, _)| listed_name(name))
            .collect();
        if groups.len() > 1 && !folder.files.values().any(|entry| is_named_as_image(&entry.name)) {
            let (at, class) = (shown_name(at), shown_name(class));
            self.notices
                .push(format!("the folders inside {at} are all of class {class}: {}", listed(&groups)));
        }
        self.images(folder, at, Some(class), split)
    }

    /// Adds all images below a folder: those of subfolders first.
    fn images(
        &mut self,
        folder: &Folder,
        at: &str,
        class: Option<&str>,
        split: SplitName,
    ) -> Result<(), DataError> {
        for (name, inner) in &folder.folders {
            let path = joined(at, name);
            let ignored = ignored_folder(name, inner)
                .or_else(|| describes_images(name, folder).filter(|_| !self.as_classes));
            if let Some(why) = ignored {
                self.roles.ignore_folder(&path, count_files(inner), why);
                continue;
            }
            if let Some(class) = class.filter(|_| !self.as_classes)
                && let Some(doubt) = structure::doubt_inside(class, (name, inner))
                && has_images(inner)
            {
                return Err(doubt.into());
            }
            if class.is_some() && !self.as_classes && self.augmented.is_none() && has_images(inner) {
                self.augmented = structure::augmented_inside((name, inner));
            }
            let named = split_name(name).filter(|_| class.is_some() && !self.as_classes && has_images(inner));
            // No image of a test folder trains.
            let inner_split = named.filter(|_| split == SplitName::Train).unwrap_or(split);
            if inner_split != split {
                let (path, word) = (shown_name(&path), inner_split.word());
                self.notices.push(format!("the images in {path} count as {word} images of their class"));
            }
            let class = class.filter(|_| inner_split != SplitName::Unlabelled);
            self.images(inner, &path, class, inner_split)?;
        }
        for hidden in &folder.hidden {
            let why = is_hidden(hidden).unwrap_or(Ignored::Hidden);
            self.roles.file(at, hidden, Role::Ignored(why));
        }
        for entry in folder.files.values() {
            if !self.is_image(entry)? {
                self.other(entry, at, Ignored::NotAnImage);
            } else if let Some(why) = derived(&entry.name, folder) {
                self.other(entry, at, why);
            } else {
                let class = class.map(str::to_owned);
                self.found.push(Found { entry: entry.clone(), folder: at.to_owned(), class, split });
            }
        }
        Ok(())
    }

    /// Counts the files beside class folders.
    fn loose(&mut self, folder: &Folder, at: &str, why: Ignored) -> Result<(), DataError> {
        for entry in folder.files.values() {
            // Tables at the top are counted apart.
            if at.is_empty() && is_table_file(entry) {
                continue;
            }
            if is_packed(&entry.name) {
                self.packed.push(joined(at, &entry.name));
            }
            if entry.name.to_lowercase().ends_with(".npz") {
                let name = joined(at, &entry.name);
                self.notices.push(format!(
                    "{} beside the folders is not read: open it itself to use its arrays",
                    shown_name(&name)
                ));
            }
            // Files beside a whole set describe it: only those among the images are worth a notice.
            let why = if self.is_image(entry)? { why } else { Ignored::NotAnImage };
            self.roles.file(at, &entry.name, Role::Ignored(why));
        }
        Ok(())
    }

    fn other(&mut self, entry: &Entry, at: &str, why: Ignored) {
        self.roles.file(at, &entry.name, Role::Ignored(why));
        if why == Ignored::NotAnImage {
            self.others.push(entry.clone());
        }
    }

    /// Whether a file is an image.
    ///
    /// # Errors
    /// When it cannot be read, and `skip_bad` is not set.
    fn is_image(&mut self, entry: &Entry) -> Result<bool, DataError> {
        match is_image(entry) {
            Ok(is_image) => Ok(is_image),
            Err(error) if self.skip_bad => {
                self.notices.push(format!("skipped: {error}"));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// The error for a folder whose name is a word for a split, or close to one.
fn unclear_folder(path: &Path, nearest: SplitName) -> DataError {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let exact = split_name(&name);
    let split = exact.unwrap_or(nearest).word();
    let word = if exact.is_some() { name.to_lowercase() } else { split.to_owned() };
    DataError::UnclearFolder { path: path.to_owned(), word, split, is_near: exact.is_none() }
}

/// Whether a file beside images may list them.
fn is_text(name: &str) -> bool {
    let name = name.to_lowercase();
    [".txt", ".csv", ".tsv", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// Two classes of two images.
fn example() -> SampleFiles {
    ["left/1.pgm", "left/2.pgm", "right/1.pgm", "right/2.pgm"]
        .map(|name| (name, EXAMPLE_IMAGE.to_vec()))
        .to_vec()
}
