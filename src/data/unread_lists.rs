//! Files that may list images and are not read: spreadsheets, JSON of other programs, texts. No such file is left out without
//! its name.

use std::collections::{BTreeMap, BTreeSet};

use super::described::stem;
use super::file_kinds::{has_images, ignored_folder, is_named_as_image};
use super::files::{Entry, Folder};
use super::json_lists;
use super::layout::{joined, listed};
use super::list_table::{Table, is_table_file};
use super::names::shown_name;
use super::plain_lists;
use super::split_words::split_name;

/// A file that may list images, and is not read.
pub(super) struct UnreadList {
    /// Its path below the folder.
    pub path: String,
    /// What it is.
    what: String,
    /// What to do to use it.
    advice: &'static str,
}

/// The files that may list images in a folder, in its folders of splits, and in those without images. `is_read`: others.
pub(super) fn unread_lists(folder: &Folder, is_read: &dyn Fn(&Entry) -> bool) -> Vec<UnreadList> {
    let mut found = Vec::new();
    collect(folder, "", is_read, &mut found);
    let beside = |(name, inner): &(&String, &Folder)| {
        ignored_folder(name, inner).is_none() && (split_name(name).is_some() || !has_images(inner))
    };
    for (name, inner) in folder.folders.iter().filter(beside) {
        collect(inner, name, is_read, &mut found);
    }
    found
}

fn collect(folder: &Folder, at: &str, is_read: &dyn Fn(&Entry) -> bool, found: &mut Vec<UnreadList>) {
    // A description of one image lies beside it.
    let images: BTreeSet<String> =
        folder.files.keys().filter(|name| is_named_as_image(name)).map(|name| stem(name)).collect();
    let is_meant = |entry: &&Entry| !images.contains(&stem(&entry.name)) && !is_read(entry);
    for entry in folder.files.values().filter(is_meant) {
        let problem = match problem(entry) {
            None if !at.is_empty() => below(entry),
            problem => problem,
        };
        found.extend(problem.map(|(what, advice)| UnreadList {
            path: joined(at, &entry.name),
            what,
            advice,
        }));
    }
}

/// What a list is that does not lie beside the folders of the images.
fn below(entry: &Entry) -> Option<(String, &'static str)> {
    let is_list = || matches!(Table::open(entry, false), Ok(Table::List(list)) if !list.by_id);
    (is_table_file(entry) && is_list()).then(|| {
        let advice = "to use it, move it to the folder that is opened";
        ("a list in a folder below".to_owned(), advice)
    })
}

/// What a file is, and what to do about it; `None` if it lists no images, or is a table.
fn problem(entry: &Entry) -> Option<(String, &'static str)> {
    const AS_CSV: &str = "to use it, save it as CSV with the columns file and label";
    let (_, ending) = entry.name.rsplit_once('.')?;
    let what = match ending.to_lowercase().as_str() {
        "xlsx" | "xls" | "xlsm" | "xlsb" | "ods" | "numbers" => "a spreadsheet",
        "parquet" | "feather" | "arrow" => "a table in a binary form",
        "manifest" if entry.prefix(1).is_ok_and(|start| start == b"{") => "a manifest of SageMaker",
        "json" | "jsonl" | "ndjson" if !is_table_file(entry) => return json_lists::problem(entry),
        "txt" | "lst" => match (plain_lists::first_line(entry)?, json_lists::as_csv(entry).is_some()) {
            (_, true) => {
                let advice = "to use it, open the list itself as the source";
                return Some(("a list of paths and labels, where class folders count".to_owned(), advice));
            }
            (false, false) => "a text that names images without one label each",
            (true, false) => "a text of images whose lines are not all a path and a label",
        },
        _ => return None,
    };
    Some((what.to_owned(), AS_CSV))
}

/// The notices about such files.
pub(super) fn unread_notices(lists: &[UnreadList]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for list in lists {
        let names = groups.entry((list.what.as_str(), list.advice)).or_default();
        names.push(shown_name(&list.path).to_string());
    }
    let notice = |((what, advice), names): (&(&str, &str), &Vec<String>)| {
        let verb = if names.len() == 1 { "is" } else { "are" };
        format!("{} {verb} not read ({what}): {advice}", listed(names))
    };
    groups.iter().map(notice).collect()
}

/// What an error about images without classes says of such files; empty if there are none.
pub(super) fn told_unread(folder: &Folder) -> String {
    match unread_lists(folder, &|_| false).first() {
        Some(list) => {
            format!(" ({} is not read: it is {}; {})", shown_name(&list.path), list.what, list.advice)
        }
        None => String::new(),
    }
}
