//! Image files that a CSV file lists: a column `file` (or `filename`, `image`, `path`, `id` and others), a column `label`
//! (or `class`, `category` and others) with the class's name, and optionally a column `split` of split words (or
//! `is_test` of yes and no).
//!
//! Rows without a label, and images in a folder `unlabeled/` of which no list names any, are of unknown class. A list
//! whose own name has a split word (`labels_test.csv`) is of that split. An unknown split word is refused, and so are
//! rows that name no file, unless `skip_bad` is set.

use std::collections::{HashMap, HashSet};

use crate::data::classes::{Found, assemble};
use crate::data::decode::EXAMPLE_IMAGE;
use crate::data::error::{DataError, excerpt};
use crate::data::file_kinds::{has_image_folders, is_image};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::image_files::{self, ImageFiles};
use crate::data::image_list::{Split, Table};
use crate::data::layout::{Ignored, Role, Roles, joined};
use crate::data::listed::FileIndex;
use crate::data::names::{class_name, shown, shown_name};
use crate::data::set::OpenOptions;
use crate::data::split_words::{SplitName, split_name};

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
    Ok(Some(Box::new(move |options| image_files::load(read(folder, &lists, options)?, FORMAT.name, options))))
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
    let mut tables = Vec::new();
    for entry in csv_files(folder) {
        tables.push((entry, Table::open(entry, chosen(entry))?));
    }
    let mut found = tables.iter().filter_map(|(_, table)| match table {
        Table::List(list) => Some(list),
        _ => None,
    });
    let mut is_list = found.clone().any(|list| !list.by_id);
    if !is_list && found.clone().next().is_some() {
        // Numbers in a column `id` name files only where there are such files.
        let index = FileIndex::new(files_below(folder).into_iter().map(|(path, _)| path));
        is_list = !has_image_folders(folder)
            || found.any(|list| {
                list.rows().is_ok_and(|rows| list.resolve(&rows, &index).iter().any(Option::is_some))
            });
    }
    Ok(is_list.then_some(tables))
}

/// Reads the lists, and the images that they name.
fn read(folder: &Folder, tables: &[(&Entry, Table)], options: &OpenOptions) -> Result<ImageFiles, DataError> {
    let (paths, entries): (Vec<String>, Vec<&Entry>) = files_below(folder).into_iter().unzip();
    let index = FileIndex::new(paths.iter().cloned());
    let mut roles = Roles::default();
    let mut notices = Vec::new();
    let mut found = Vec::new();
    let mut seen: HashMap<usize, (Option<String>, SplitName)> = HashMap::new();
    let mut repeated = 0;
    let mut other_rows = HashSet::new();
    for (entry, table) in tables {
        other_rows.insert(entry.name.as_str());
        let list = match table {
            Table::List(list) => list,
            Table::Ignored(why) => {
                roles.file("", &entry.name, Role::Ignored(*why));
                continue;
            }
            Table::Other { .. } => {
                roles.file("", &entry.name, Role::Ignored(Ignored::OtherTable));
                continue;
            }
        };
        roles.file("", &entry.name, Role::List);
        if folder.chosen_list.as_ref() == Some(&entry.name) && list.is_guesses() {
            notices.push(format!("the labels in {} are guesses of a model", shown(&entry.path)));
        }
        if let Split::Guessed(_, column) = &list.split {
            let (path, column) = (shown(&entry.path), shown_name(column));
            notices.push(format!("the column {column} of {path} is read as the split"));
        }
        let rows = list.rows()?;
        let files = list.resolve(&rows, &index);
        list.check_missing(folder, &rows, &files, options, &mut notices)?;
        for (row, file) in rows.into_iter().zip(files) {
            let Some(file) = file else { continue };
            let class = row.class.as_deref().map(class_name);
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
                            word(&class),
                            word(&before.0)
                        ),
                    ));
                }
                None => {
                    seen.insert(file, (class, row.split));
                    let at = paths[file].rsplit_once('/').map_or("", |(at, _)| at);
                    found.push(Found {
                        entry: entries[file].clone(),
                        folder: at.to_owned(),
                        class: row.class,
                        split: row.split,
                    });
                }
            }
        }
    }
    if repeated > 0 {
        notices.push(format!("{repeated} rows list an image again, with the same label"));
    }
    // A list that names images of such a folder names all that count, as the corrected list of a check does.
    let is_unlabelled =
        |folder: &str| folder.split('/').any(|part| split_name(part) == Some(SplitName::Unlabelled));
    let lists_unlabelled = found.iter().any(|image| is_unlabelled(&image.folder));
    let mut others = Vec::new();
    for (at, (path, entry)) in paths.iter().zip(entries).enumerate() {
        let (in_folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if seen.contains_key(&at) || (in_folder.is_empty() && other_rows.contains(name)) {
            continue;
        }
        let unlabelled = is_unlabelled(in_folder);
        match is_image(entry) {
            Ok(true) if unlabelled && !lists_unlabelled => {
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
    assemble(&folder.path, found, roles, others, notices, options)
}

/// A CSV file without the two columns: its header is what was expected.
fn explain(folder: &Folder) -> Result<Option<DataError>, DataError> {
    for entry in csv_files(folder) {
        if let Table::Other { header } = Table::open(entry, false)? {
            return Ok(Some(DataError::Line {
                path: entry.path.clone(),
                line: 1,
                expected: "a header that names the columns file and label".to_owned(),
                found: header,
                advice: "add the header; paths are relative to the folder",
            }));
        }
    }
    Ok(None)
}

/// Whether a file has the name of a table.
pub(super) fn is_table(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".csv") || name.ends_with(".tsv")
}

fn csv_files(folder: &Folder) -> impl Iterator<Item = &Entry> {
    folder.files.values().filter(|entry| is_table(&entry.name))
}

/// The tables of a folder of which none is a list, and what each is.
pub(super) fn ignored_tables(folder: &Folder) -> Result<Vec<(String, Ignored)>, DataError> {
    let what = |entry: &Entry| {
        Ok(match Table::open(entry, false)? {
            Table::Ignored(why) => (entry.name.clone(), why),
            Table::List(_) | Table::Other { .. } => (entry.name.clone(), Ignored::OtherTable),
        })
    };
    csv_files(folder).map(what).collect()
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
