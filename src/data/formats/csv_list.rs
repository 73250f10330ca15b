//! Image files that a CSV file lists: a column `file` (or `filename`, `image`, `path`, `id` and others), a column `label`
//! (or `class`, `category` and others) with the class's name, and optionally a column `split` of split words (or
//! `is_test` of yes and no).
//!
//! Rows without a label are of unknown class. So are the images of a folder `unlabeled/` beside the list, unless the list
//! names one of them or leaves images out (`left out` in the column of splits): such a list, as the corrected list of a
//! check, says all. A list whose own
//! name has a split word (`labels_test.csv`) is of that split; otherwise a folder `test/` or `val/` says it. An unknown
//! split word is refused, and so are rows that name no file or several, unless `skip_bad` is set, and labels that
//! contradict class folders, unless the list itself is the source, or name less than half of their images. Of a list of test
//! images alone (`test.csv`) beside class folders, the other images of the folders train.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use crate::data::classes::{Found, assemble};
use crate::data::counted::counted;
use crate::data::decode::EXAMPLE_IMAGE;
use crate::data::error::{DataError, excerpt};
use crate::data::file_kinds::{has_image_folders, ignored_folder, is_image, is_named_as_image};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::image_files::ImageFiles;
use crate::data::layout::{Ignored, Role, Roles, joined};
use crate::data::list_folders::{Agreement, compare, has_folder, split_of_folders};
use crate::data::list_labels::placeholder_notice;
use crate::data::list_table::{Table, explain, tables};
use crate::data::listed::{FileIndex, Named};
use crate::data::names::{class_key, class_name, shown, shown_name};
use crate::data::set::OpenOptions;
use crate::data::split_words::{SplitName, split_name, split_of_list};

pub const FORMAT: Format = Format {
    name: "images listed in a CSV file",
    description: "images listed in a CSV file",
    detect,
    explain: Some(explain),
    example,
    parsers: &[Parser::new("csv", "labels.csv", example)],
};

/// Looks for CSV files with the two columns.
fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let Some(lists) = lists(folder)? else { return Ok(None) };
    Ok(Some(Loader::files(move |options| read(folder, &lists, options))))
}

/// What became of every file, if the folder has lists.
pub(in crate::data) fn read_lists(
    folder: &Folder,
    options: &OpenOptions,
) -> Result<Option<ImageFiles>, DataError> {
    lists(folder)?.map(|lists| read(folder, &lists, options)).transpose()
}

/// The tables of the folder; `None` if no table lists images that are there, and class folders may be read instead.
fn lists(folder: &Folder) -> Result<Option<Vec<(&Entry, Table)>>, DataError> {
    let chosen = |entry: &Entry| folder.chosen_list.as_ref() == Some(&entry.name);
    let mut opened = Vec::new();
    for entry in tables(folder) {
        opened.push((entry, Table::open(entry, chosen(entry))?));
    }
    let mut found = opened.iter().filter_map(|(_, table)| match table {
        Table::List(list) => Some(list),
        Table::Other { .. } => None,
    });
    let mut is_list = found.clone().any(|list| !list.by_id && list.binary_label().is_none());
    if !is_list && found.clone().next().is_some() {
        // Numbers in a column `id` name files only where there are such files.
        let paths: Vec<String> = files_below(folder).into_iter().map(|(path, _)| path).collect();
        let index = FileIndex::new(paths.iter().cloned());
        is_list = !has_image_folders(folder)
            || found.any(|list| {
                list.rows().is_ok_and(|rows| {
                    let named = list.resolve(&rows, &index).named;
                    named.iter().any(|named| *named != Named::Nothing)
                        && (list.binary_label().is_none()
                            || chosen(&list.entry)
                            || !in_classes(&named, &paths))
                })
            });
    }
    Ok(is_list.then_some(opened))
}

/// Whether files lie in class folders: then a column of 0 and 1 says something else about them.
fn in_classes(named: &[Named], paths: &[String]) -> bool {
    let parents = named.iter().filter_map(|named| named.file()).filter_map(|file| {
        let (folder, _) = paths[file].rsplit_once('/')?;
        Some(folder.rsplit_once('/').map_or(folder, |(_, name)| name))
    });
    parents.filter(|name| split_name(name).is_none()).collect::<BTreeSet<_>>().len() > 1
}

/// An image that a row names.
struct Listed<'a> {
    file: usize,
    list: &'a Entry,
    class: Option<String>,
    split: SplitName,
    says_split: bool,
}

/// Reads the lists, and the images that they name.
fn read(folder: &Folder, tables: &[(&Entry, Table)], options: &OpenOptions) -> Result<ImageFiles, DataError> {
    let (paths, entries): (Vec<String>, Vec<&Entry>) = files_below(folder).into_iter().unzip();
    let index = FileIndex::new(paths.iter().cloned());
    let mut roles = Roles::default();
    let mut notices = Vec::new();
    let (mut says_all, mut left_out) = (false, HashSet::new());
    let mut listed: Vec<Listed<'_>> = Vec::new();
    let mut seen: HashMap<usize, (Option<String>, SplitName)> = HashMap::new();
    let mut repeated = 0;
    let lists = tables.iter().filter(|(_, table)| matches!(table, Table::List(_))).count();
    for (entry, table) in tables {
        let list = match table {
            Table::List(list) => list,
            Table::Other { why, .. } => {
                roles.file("", &entry.name, Role::Ignored(*why));
                continue;
            }
        };
        roles.file("", &entry.name, Role::List);
        if folder.chosen_list.as_ref() == Some(&entry.name) && list.is_guesses() {
            notices.push(format!("the labels in {} are guesses of a model", shown(&entry.path)));
        }
        notices.extend(list.column_notices());
        let mut rows = list.rows()?;
        let resolved = list.resolve(&rows, &index);
        for (row, named) in rows.iter_mut().zip(&resolved.named) {
            // A folder of that name makes the word a class.
            let path = named.file().map_or("", |file| &paths[file]);
            row.class = row.class.take().or_else(|| row.placeholder.take_if(|word| has_folder(path, word)));
        }
        list.check_tests(&rows)?;
        let words: Vec<String> = rows.iter().filter_map(|row| row.placeholder.clone()).collect();
        notices.extend(placeholder_notice(&entry.name, &words, rows.len()));
        if let Some(error) = list.only_class(&rows).filter(|_| !options.only_tests && lists == 1) {
            return Err(error);
        }
        list.check_names(folder, &rows, (&index, &resolved), options, &mut notices)?;
        for (row, named) in rows.into_iter().zip(resolved.named) {
            says_all |= row.left_out;
            let Some(file) = named.file() else { continue };
            if row.left_out {
                left_out.insert(file);
                continue;
            }
            let class = row.class.as_deref().map(class_key);
            match seen.get(&file) {
                Some(before) if *before == (class.clone(), row.split) => repeated += 1,
                Some(before) => {
                    let word = |class: &Option<String>| excerpt(class.as_deref().unwrap_or("no label"));
                    return Err(list.error(
                        row.line,
                        "each image once".to_owned(),
                        format!(
                            "'{}' again: {} here, {} before",
                            excerpt(&row.file),
                            word(&row.class.as_deref().map(class_name)),
                            word(&before.0)
                        ),
                    ));
                }
                None => {
                    seen.insert(file, (class, row.split));
                    let (class, split, says_split) = (row.class, row.split, row.says_split);
                    listed.push(Listed { file, list: entry, class, split, says_split });
                }
            }
        }
    }
    if repeated > 0 {
        let rows = counted(repeated, "row lists", "rows list");
        notices.push(format!("{rows} an image again, with the same label"));
    }
    let images = || paths.iter().filter(|path| is_named_as_image(path)).map(String::as_str);
    let mut sorted = Vec::new();
    if folder.chosen_list.is_none() && check_folders(&listed, &paths, images(), &mut notices)? {
        let named: HashSet<usize> = seen.keys().chain(&left_out).copied().collect();
        sorted = beside_tests(folder, &listed, &paths, &named);
        if let (Some(first), false) = (listed.first(), sorted.is_empty()) {
            let (list, count) = (shown_name(&first.list.name), counted(sorted.len(), "image", "images"));
            notices.push(format!(
                "{list} lists images to test on: the other {count} in the class folders train"
            ));
        } else if let Some(first) = listed.iter().find(|image| image.class.is_some()) {
            check_share(&first.list.path, &paths, &named)?;
            let list = shown_name(&first.list.name);
            notices.push(format!("{list} and the class folders agree: the images that {list} names count"));
        }
    }
    split_by_folders(&mut listed, &paths, folder.chosen_list.is_some(), &mut notices)?;
    let mut found = Vec::new();
    for image in listed {
        let at = paths[image.file].rsplit_once('/').map_or("", |(at, _)| at);
        found.push(Found {
            entry: entries[image.file].clone(),
            folder: at.to_owned(),
            class: image.class,
            split: image.split,
        });
    }
    for (file, class) in sorted {
        if is_image(entries[file])? {
            let at = paths[file].rsplit_once('/').map_or("", |(at, _)| at);
            let (entry, split) = (entries[file].clone(), SplitName::Train);
            found.push(Found { entry, folder: at.to_owned(), class: Some(class), split });
            seen.insert(file, (None, split));
        }
    }
    let scope = Scope::of(folder, tables, &found, says_all);
    let mut others = Vec::new();
    let mut beside: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (path, entry)) in paths.iter().zip(entries).enumerate() {
        let (in_folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if seen.contains_key(&at) || scope.is_table(path) {
            continue;
        }
        if left_out.contains(&at) {
            roles.file(in_folder, name, Role::Ignored(Ignored::LeftOut));
            continue;
        }
        let unlabelled = scope.unlabelled(in_folder);
        if !unlabelled && !scope.holds(in_folder) {
            roles.file(in_folder, name, Role::Ignored(Ignored::Elsewhere));
            continue;
        }
        match is_image(entry) {
            Ok(true) if unlabelled => {
                let first = in_folder.split('/').next().unwrap_or_default();
                *beside.entry(first.to_owned()).or_default() += 1;
                let (folder, split) = (in_folder.to_owned(), SplitName::Unlabelled);
                found.push(Found { entry: entry.clone(), folder, class: None, split });
            }
            Ok(true) => roles.file(in_folder, name, Role::Ignored(Ignored::NotListed)),
            _ => {
                roles.file(in_folder, name, Role::Ignored(Ignored::NotAnImage));
                // Elsewhere, files that are not images are no part of the list.
                if unlabelled {
                    others.push(entry.clone());
                }
            }
        }
    }
    for (name, count) in beside {
        let images = counted(count, "image", "images");
        notices.push(format!("{images} in {}/, beside the list, count as unlabelled", shown_name(&name)));
    }
    assemble(&folder.path, found, roles, others, notices, options)
}

/// Which files beside a list belong to it.
struct Scope<'a> {
    tables: HashSet<&'a str>,
    /// Whether the images of a folder `unlabeled/` beside the list count.
    takes_unlabelled: bool,
    /// The folder that all listed images are in, and the folders that hold some, if the list itself is the source; for a
    /// whole folder everything belongs to its lists.
    around: Option<(String, BTreeSet<String>)>,
}

impl<'a> Scope<'a> {
    fn of(folder: &Folder, tables: &'a [(&Entry, Table)], found: &[Found], says_all: bool) -> Self {
        let lists_unlabelled = found.iter().any(|image| unlabelled_folder(&image.folder));
        let folders = || found.iter().map(|image| image.folder.as_str());
        let around = folder.chosen_list.is_some().then(|| {
            let mut around: Vec<&str> = folders().next().unwrap_or_default().split('/').collect();
            for folder in folders() {
                let same = around.iter().zip(folder.split('/')).take_while(|(a, b)| *a == b).count();
                around.truncate(same);
            }
            (around.join("/"), folders().map(str::to_owned).collect())
        });
        Self {
            tables: tables.iter().map(|(entry, _)| entry.name.as_str()).collect(),
            takes_unlabelled: !says_all && !lists_unlabelled,
            around,
        }
    }

    fn is_table(&self, path: &str) -> bool {
        self.tables.contains(path)
    }

    fn unlabelled(&self, folder: &str) -> bool {
        self.takes_unlabelled && unlabelled_folder(folder)
    }

    /// Whether images of this folder may have been forgotten in the list.
    fn holds(&self, folder: &str) -> bool {
        let Some((around, folders)) = &self.around else { return true };
        if unlabelled_folder(folder) {
            return true;
        }
        let is_below = |outer: &str| {
            folder.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match around.as_str() {
            "" => folders
                .iter()
                .any(|listed| if listed.is_empty() { folder.is_empty() } else { is_below(listed) }),
            around => is_below(around),
        }
    }
}

/// Whether the first folder of a path is one of unlabelled images.
fn unlabelled_folder(folder: &str) -> bool {
    folder.split('/').next().and_then(split_name) == Some(SplitName::Unlabelled)
}

/// Compares the labels of lists with the names of folders. Whether the folders are the same classes.
///
/// # Errors
/// When the folders are classes, and a label is another one.
fn check_folders<'a>(
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
fn check_share(list: &Path, paths: &[String], named: &HashSet<usize>) -> Result<(), DataError> {
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
fn beside_tests(
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
fn split_by_folders(
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

/// The paths of all files below a folder, with their entries.
fn files_below(folder: &Folder) -> Vec<(String, &Entry)> {
    fn walk<'a>(folder: &'a Folder, at: &str, all: &mut Vec<(String, &'a Entry)>) {
        for (name, inner) in &folder.folders {
            walk(inner, &joined(at, name), all);
        }
        all.extend(folder.files.iter().map(|(name, entry)| (joined(at, name), entry)));
    }
    let mut all = Vec::new();
    walk(folder, "", &mut all);
    all
}

/// Four images in two classes.
fn example() -> SampleFiles {
    let list = b"file,label\na.pgm,cat\nb/c.pgm,dog\nd.pgm,cat\ne.pgm,dog\n".to_vec();
    let images = ["a.pgm", "b/c.pgm", "d.pgm", "e.pgm"].map(|name| (name, EXAMPLE_IMAGE.to_vec()));
    [("labels.csv", list)].into_iter().chain(images).collect()
}
