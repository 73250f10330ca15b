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

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::data::class_lines::ClassLines;
use crate::data::classes::{Found, assemble};
use crate::data::counted::{counted, counted_of};
use crate::data::decode::EXAMPLE_IMAGE;
use crate::data::error::{DataError, excerpt};
use crate::data::file_kinds::{has_image_folders, is_image, is_named_as_image, is_packed};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::image_files::ImageFiles;
use crate::data::image_list::{List, Row};
use crate::data::labels::{CLASSES_FILE, LABELS_FILE};
use crate::data::layout::{Ignored, Role, Roles, listed as names_listed};
use crate::data::list_folders::{has_folder, split_of_folders};
use crate::data::list_labels::placeholder_notice;
use crate::data::list_matches::Named;
use crate::data::list_precedence::{Listed, beside_tests, check_folders, check_share, split_by_folders};
use crate::data::list_scope::{FilesBelow, Scope};
use crate::data::list_table::{Table, explain, lists_in_splits, tables};
use crate::data::list_versions::{Said, Saying, check_versions};
use crate::data::listed::FileIndex;
use crate::data::named_paths::NamedPaths;
use crate::data::names::{shown, shown_name};
use crate::data::set::OpenOptions;
use crate::data::source_kind::LIST_FORMAT;
use crate::data::split_words::{SplitName, split_name};
use crate::data::unread_columns::UnreadColumns;
use crate::data::unread_lists::{unread_lists, unread_notices};

pub const FORMAT: Format = Format {
    name: LIST_FORMAT,
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

/// How many rows of a list name files below a folder.
pub(in crate::data) struct NamedFiles {
    /// By their whole path, or in a folder where they are looked for.
    pub direct: usize,
    /// Also by the end of a path.
    pub all: usize,
    pub rows: usize,
}

/// How many rows of the folder's chosen list name a file below the folder.
///
/// # Errors
/// When the list cannot be read.
pub(in crate::data) fn named_files(folder: &Folder) -> Result<NamedFiles, DataError> {
    let chosen = folder.chosen_list.as_ref().and_then(|name| folder.files.get(name));
    let Some(Table::List(list)) = chosen.map(|entry| Table::open(entry, true)).transpose()? else {
        return Ok(NamedFiles { direct: 0, all: 0, rows: 0 });
    };
    let below = FilesBelow::new(folder, &NamedPaths::new(list.all_file_names()));
    let index = FileIndex::new(below.files.into_iter().map(|(path, _)| path));
    let names = list.file_names(list.folder_column(&index));
    let resolved = list.resolve(&names, &index);
    let all = resolved.named.iter().filter(|named| named.file().is_some()).count();
    Ok(NamedFiles {
        direct: all.saturating_sub(resolved.moved.len() + resolved.loose.len()),
        all,
        rows: names.len(),
    })
}

/// The tables of the folder; `None` if no table lists images that are there, and class folders may be read instead.
fn lists(folder: &Folder) -> Result<Option<Vec<(&Entry, Table)>>, DataError> {
    let chosen = |entry: &Entry| folder.chosen_list.as_ref() == Some(&entry.name);
    let mut opened = Vec::new();
    for entry in tables(folder) {
        opened.push((entry, Table::open(entry, chosen(entry))?));
    }
    let mut found = opened.iter().filter_map(|(_, table)| match table {
        Table::List(list) => Some(list.as_ref()),
        Table::Other { .. } => None,
    });
    let mut is_list = found.clone().any(|list| !list.by_id && list.binary_label().is_none());
    if !is_list && found.clone().next().is_some() {
        // Numbers in a column `id` name files only where there are such files; rows with faults name them too.
        let named = NamedPaths::new(found.clone().flat_map(List::all_file_names));
        let paths: Vec<String> =
            FilesBelow::new(folder, &named).files.into_iter().map(|(path, _)| path).collect();
        let index = FileIndex::new(paths.iter().cloned());
        is_list = !has_image_folders(folder)
            || found.any(|list| {
                let named = list.resolve(&list.file_names(list.folder_column(&index)), &index).named;
                named.iter().any(|named| *named != Named::Nothing)
                    && (list.binary_label().is_none() || chosen(&list.entry) || !in_classes(&named, &paths))
            });
    }
    if is_list {
        return Ok(Some(opened));
    }
    let inner = lists_in_splits(folder)?;
    if inner.is_empty() {
        return Ok(None);
    }
    opened.retain(|(_, table)| matches!(table, Table::Other { .. }));
    opened.extend(inner);
    Ok(Some(opened))
}

/// The file of classes beside `labels.csv`, if both are there.
///
/// # Errors
/// When it cannot be read, or is not text.
fn class_lines(folder: &Folder, tables: &[(&Entry, Table)]) -> Result<Option<ClassLines>, DataError> {
    let is_labels =
        |(entry, table): &(&Entry, Table)| entry.name == LABELS_FILE && matches!(table, Table::List(_));
    let classes = folder.files.get(CLASSES_FILE).filter(|_| tables.iter().any(is_labels));
    classes.map(ClassLines::read).transpose()
}

/// Whether files lie in class folders: then a column of 0 and 1 says something else about them.
fn in_classes(named: &[Named], paths: &[String]) -> bool {
    let parents = named.iter().filter_map(|named| named.file()).filter_map(|file| {
        let (folder, _) = paths[file].rsplit_once('/')?;
        Some(folder.rsplit_once('/').map_or(folder, |(_, name)| name))
    });
    parents.filter(|name| split_name(name).is_none()).collect::<BTreeSet<_>>().len() > 1
}

/// The rows of a list, and what they name.
///
/// # Errors
/// When the list has no rows and is the only one, or a row is damaged, contradicts itself or names no image.
fn read_rows(
    (folder, list): (&Folder, &List),
    (index, paths): (&FileIndex, &[String]),
    (class_lines, is_only): (Option<&ClassLines>, bool),
    options: &OpenOptions,
    notices: &mut Vec<String>,
) -> Result<(Vec<Row>, Vec<Named>), DataError> {
    let entry = &list.entry;
    notices.extend(list.column_notices());
    let of_folder = list.folder_column(index);
    notices.extend(of_folder.map(|at| {
        format!(
            "the column {} of {} names the folders of the files",
            shown_name(&list.header[at]),
            shown(&entry.path)
        )
    }));
    let mut rows = list.rows(of_folder, options.choice.none_as_class)?;
    if rows.is_empty() && is_only {
        let (path, expected) = (entry.path.clone(), "a row for each image below the header".to_owned());
        let advice = "add rows of file and label, or remove the list to use class folders";
        return Err(DataError::Line { path, line: 1, expected, found: "none".to_owned(), advice });
    }
    notices.extend(list.exclusion_notice(&rows));
    notices.extend(list.no_class_notice(&rows));
    if let Some(classes) = class_lines {
        for row in &mut rows {
            row.class = row.class.take().or_else(|| row.placeholder.take_if(|word| classes.has(word)));
        }
        let labels = rows.iter().filter_map(|row| row.class.as_deref());
        if let Some(first) = classes.first_number(labels) {
            notices.push(classes.notice(first));
            for row in &mut rows {
                row.class = row.class.take().map(|label| classes.named(&label, first).unwrap_or(label));
            }
        }
        notices.extend(classes.new_notice(rows.iter().filter_map(|row| row.class.as_deref())));
    }
    let names: Vec<String> = rows.iter().map(|row| row.file.clone()).collect();
    let resolved = list.resolve(&names, index);
    list.check_other_files(&rows, &resolved, index, notices)?;
    for (row, named) in rows.iter_mut().zip(&resolved.named) {
        // A folder of that name makes the word a class.
        let path = named.file().map_or("", |file| &paths[file]);
        row.class = row.class.take().or_else(|| row.placeholder.take_if(|word| has_folder(path, word)));
    }
    list.check_tests(&rows)?;
    let short: Vec<u64> = rows.iter().filter(|row| row.is_short).map(|row| row.line).collect();
    notices.extend(short.first().map(|line| {
        let rows = counted_of(short.len(), rows.len(), ["row", "rows"], ["has", "have"]);
        let name = shown_name(&entry.name);
        format!(
            "{name}: {rows} fewer fields than the header, as line {line}: the missing ones count as empty"
        )
    }));
    let words: Vec<String> = rows.iter().filter_map(|row| row.placeholder.clone()).collect();
    notices.extend(placeholder_notice(&entry.name, &words, rows.len()));
    if let Some(error) = list.only_class(&rows).filter(|_| !options.only_tests && is_only) {
        return Err(error);
    }
    list.check_names(folder, &rows, (index, &resolved), options, notices)?;
    Ok((rows, resolved.named))
}

/// What the rows of a list say of each image, and how many rows repeat another one.
///
/// # Errors
/// When two rows contradict each other.
fn saying<'a>(list: &'a List, rows: Vec<Row>, named: Vec<Named>) -> Result<(Saying<'a>, usize), DataError> {
    let (mut saying, mut repeated) = (Saying::new(list, rows.len()), 0);
    for (row, named) in rows.into_iter().zip(named) {
        let Some(file) = named.file() else { continue };
        let Row { class, split, says_split, left_out, .. } = row;
        let said = Said { class, split, says_split, left_out };
        match saying.of(file) {
            Some(before) if before.is_same(&said) => repeated += 1,
            Some(before) => {
                let [here, earlier] = said.differing(before);
                return Err(list.error(
                    row.line,
                    "each image once".to_owned(),
                    format!("'{}' again: {here} here, {earlier} before", excerpt(&row.file)),
                ));
            }
            None => saying.insert(file, said),
        }
    }
    Ok((saying, repeated))
}

/// Reads the lists, and the images that they name.
fn read(folder: &Folder, tables: &[(&Entry, Table)], options: &OpenOptions) -> Result<ImageFiles, DataError> {
    let lists_of = |table: &'_ (&Entry, Table)| match &table.1 {
        Table::List(list) => list.all_file_names(),
        Table::Other { .. } => Vec::new(),
    };
    let below = FilesBelow::new(folder, &NamedPaths::new(tables.iter().flat_map(lists_of)));
    let mut roles = Roles::default();
    below.count_left_out(&mut roles);
    let (paths, entries): (Vec<String>, Vec<&Entry>) = below.files.into_iter().unzip();
    let index = FileIndex::new(paths.iter().cloned());
    let class_lines = class_lines(folder, tables)?;
    // As in a folder that was labelled by hand, also in an archive of it.
    let by_hand = class_lines.is_some() && folder.chosen_list.is_none();
    let is_labels = |list: &List| list.entry.name == LABELS_FILE && list.within.is_empty();
    let mut notices = Vec::new();
    let mut lists: Vec<&List> = Vec::new();
    for (entry, table) in tables {
        match table {
            Table::List(list) if by_hand && !is_labels(list) => {
                roles.file(&list.within, &entry.name, Role::Ignored(Ignored::BesideLabels));
            }
            Table::List(list) => {
                roles.file(&list.within, &entry.name, Role::List);
                lists.push(list);
            }
            Table::Other { why, .. } => roles.file("", &entry.name, Role::Ignored(*why)),
        }
    }
    notices.extend(packed_notice(folder));
    if folder.chosen_list.is_none() {
        let is_read = |entry: &Entry| tables.iter().any(|(table, _)| table.path == entry.path);
        notices.extend(unread_notices(&unread_lists(folder, &is_read)));
    }
    let (mut sayings, mut repeated) = (Vec::new(), 0);
    let mut unread_columns = UnreadColumns::default();
    for list in &lists {
        if folder.chosen_list.as_ref() == Some(&list.entry.name) && list.is_guesses() {
            notices.push(format!("the labels in {} are guesses of a model", shown(&list.entry.path)));
        }
        let class_lines = class_lines.as_ref().filter(|_| is_labels(list));
        let (list, is_only) = (*list, lists.len() == 1);
        let (rows, named) =
            read_rows((folder, list), (&index, &paths), (class_lines, is_only), options, &mut notices)?;
        let says_all = rows.iter().any(|row| row.left_out);
        list.keep_unread(&named, &paths, &mut unread_columns);
        let (saying, again) = saying(list, rows, named)?;
        repeated += again;
        sayings.push((saying, says_all));
    }
    let says_all = sayings.iter().any(|(_, says_all)| *says_all);
    let sayings: Vec<Saying<'_>> = sayings.into_iter().map(|(saying, _)| saying).collect();
    notices.extend(check_versions(folder, &sayings, &paths)?);
    let mut listed: Vec<Listed<'_>> = Vec::new();
    let (mut seen, mut left_out) = (HashSet::new(), HashSet::new());
    for saying in sayings {
        for (file, Said { class, split, says_split, left_out: is_out }) in saying.said {
            if is_out {
                left_out.insert(file);
            } else if seen.insert(file) {
                listed.push(Listed { file, list: &saying.list.entry, class, split, says_split });
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
        let named: HashSet<usize> = seen.iter().chain(&left_out).copied().collect();
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
            seen.insert(file);
        }
    }
    let scope = Scope::of(folder, tables, &found, says_all);
    let mut others = Vec::new();
    let mut beside: BTreeMap<String, usize> = BTreeMap::new();
    let mut others_by_hand = 0;
    for (at, (path, entry)) in paths.iter().zip(entries).enumerate() {
        let (in_folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if seen.contains(&at) || scope.is_table(path) {
            continue;
        }
        if class_lines.is_some() && path == CLASSES_FILE {
            roles.file("", name, Role::List);
            continue;
        }
        if left_out.contains(&at) {
            roles.file(in_folder, name, Role::Ignored(Ignored::LeftOut));
            continue;
        }
        let by_hand = by_hand && split_of_folders(path, None).is_none();
        let unlabelled = by_hand || scope.unlabelled(in_folder);
        if !unlabelled && !scope.holds(in_folder) {
            roles.file(in_folder, name, Role::Ignored(Ignored::Elsewhere));
            continue;
        }
        match is_image(entry) {
            Ok(true) if unlabelled => {
                let first = in_folder.split('/').next().unwrap_or_default();
                match by_hand {
                    true => others_by_hand += 1,
                    false => *beside.entry(first.to_owned()).or_default() += 1,
                }
                let (folder, split) = (in_folder.to_owned(), SplitName::Unlabelled);
                found.push(Found { entry: entry.clone(), folder, class: None, split });
            }
            Ok(true) => {
                let why = if says_all { Ignored::Unnamed } else { Ignored::NotListed };
                roles.file(in_folder, name, Role::Ignored(why));
            }
            _ => {
                roles.file(in_folder, name, Role::Ignored(Ignored::NotAnImage));
                // Elsewhere, files that are not images are no part of the list.
                if unlabelled {
                    others.push(entry.clone());
                }
            }
        }
    }
    if others_by_hand > 0 {
        let images = counted(others_by_hand, "other image counts", "other images count");
        notices.push(format!(
            "{LABELS_FILE} and {CLASSES_FILE} label some of the images: {images} as unlabelled"
        ));
    }
    for (name, count) in beside {
        let images = counted(count, "image", "images");
        notices.push(format!("{images} in {}/, beside the list, count as unlabelled", shown_name(&name)));
    }
    let files = assemble(&folder.path, found, roles, others, notices, options)?;
    Ok(ImageFiles { unread_columns, ..files })
}

/// The notice about archives beside the lists of a folder, which may hold the same images.
fn packed_notice(folder: &Folder) -> Option<String> {
    let packed: Vec<String> =
        folder.files.keys().filter(|name| is_packed(name)).map(|name| shown_name(name).to_string()).collect();
    (!packed.is_empty()).then(|| {
        format!(
            "{} beside the list {} not read ({}): the files in the folder count",
            counted(packed.len(), "archive", "archives"),
            if packed.len() == 1 { "is" } else { "are" },
            names_listed(&packed)
        )
    })
}

/// Four images in two classes.
fn example() -> SampleFiles {
    let list = b"file,label\na.pgm,cat\nb/c.pgm,dog\nd.pgm,cat\ne.pgm,dog\n".to_vec();
    let images = ["a.pgm", "b/c.pgm", "d.pgm", "e.pgm"].map(|name| (name, EXAMPLE_IMAGE.to_vec()));
    [("labels.csv", list)].into_iter().chain(images).collect()
}
