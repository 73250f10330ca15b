//! Which CSV files of a folder are lists of images, and why the others are not: by their header, and where that leaves it open,
//! by their rows.

use std::collections::HashMap;

use csv::StringRecord;

use super::described::is_image_folder;
use super::error::{DataError, excerpt};
use super::file_kinds::{has_images, is_named_as_image};
use super::files::{Entry, Folder};
use super::image_list::{Label, List, Split, reader};
use super::json_lists;
use super::layout::Ignored;
use super::list_columns::{
    FILE, ID, LABEL, SPLIT, column_name, is_exclusion, is_folder_column, is_one_of, is_split_column,
    names_images,
};
use super::list_fields::without_spaces_before_quotes;
use super::list_labels::{binary, is_guesses, one_hot};
use super::list_text::{self, SAVE_AS_UTF8};
use super::names::{class_key, shown_name};
use super::plain_lists;
use super::split_words::{SplitName, split_name};
use super::unreadable::is_pointer;

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Bytes of the largest list.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// What a CSV file is.
pub(super) enum Table {
    List(Box<List>),
    /// Not a list of images with labels.
    Other {
        header: String,
        why: Ignored,
    },
}

impl Table {
    /// Reads the header. `chosen`: the source is this file, whatever it is.
    ///
    /// # Errors
    /// When the file cannot be read, or has the two columns and is not text.
    pub fn open(entry: &Entry, chosen: bool) -> Result<Self, DataError> {
        let (text, problem) = match json_lists::as_csv(entry) {
            Some(text) => (text.to_owned(), None),
            None => {
                let bytes = entry.bytes(MAX_LIST_BYTES)?;
                match list_text::text(&bytes) {
                    Ok(text) => (text, None),
                    // Enough of the text to tell whether it is a list.
                    Err(problem) => (String::from_utf8_lossy(&bytes).replace('\0', ""), Some(problem)),
                }
            }
        };
        let mut lines = text.lines();
        let mut line = lines.next().unwrap_or_default();
        let mut skipped = 0;
        let mut given = None;
        // Spreadsheets write the delimiter into a line of its own.
        if let Some(delimiter) = line.to_lowercase().strip_prefix("sep=") {
            given = delimiter.bytes().next();
            line = lines.next().unwrap_or_default();
            skipped = 1;
        }
        let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
        let delimiter =
            given.unwrap_or_else(|| DELIMITERS.into_iter().rev().max_by_key(|&d| count(d)).unwrap_or(b','));
        let header = excerpt(line.trim());
        let other = |why| Ok(Self::Other { header: header.clone(), why });
        let text = without_spaces_before_quotes(&text, delimiter).into_owned();
        if is_pointer(text.as_bytes()) {
            return other(Ignored::Pointer);
        }
        let stem: String =
            entry.name.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect();
        if stem.contains("submission") && !chosen {
            return other(Ignored::Submission);
        }
        let columns: Vec<String> = match reader(&text, skipped, delimiter).headers() {
            Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
            Err(_) => return other(Ignored::OtherTable),
        };
        let names: Vec<String> = columns.iter().map(|name| column_name(name)).collect();
        let column = |accepted: &[&str]| {
            let place = |name: &&str| names.iter().position(|header| is_one_of(header, &[*name]));
            accepted.iter().find_map(place)
        };
        let rows = || reader(&text, skipped, delimiter).into_records().map_while(Result::ok);
        let file = column(&FILE).map(|at| (at, false)).or_else(|| column(&ID).map(|at| (at, true)));
        let Some((file, by_id)) = file else {
            let is_image = |row: StringRecord| row.iter().any(|cell| is_named_as_image(cell.trim()));
            return other(match () {
                () if columns.iter().any(|name| is_named_as_image(name)) => Ignored::Headerless,
                () if are_pixels(&columns) => Ignored::Pixels,
                () if rows().take(MAX_TOLD).any(is_image) => Ignored::OtherColumns,
                () => Ignored::OtherTable,
            });
        };
        // In the order of the names that count most.
        let named = |label: &&str| {
            (0..names.len()).filter(|at| is_one_of(&names[*at], &[*label])).collect::<Vec<_>>()
        };
        let labels: Vec<usize> = LABEL.iter().flat_map(named).collect();
        let guesses = is_guesses(&columns, file, &labels, rows());
        let called_guesses =
            !labels.is_empty() && ["prediction", "guess"].iter().any(|word| stem.contains(word));
        if (guesses || called_guesses) && !chosen {
            return other(Ignored::Guesses);
        }
        // Of a table of guesses, a class may be named like a column.
        let label = if guesses {
            labels.iter().copied().find(|&at| is_guesses(&columns, file, &[at], rows()))
        } else {
            None
        };
        let split = column(&SPLIT).map_or(Split::List, Split::Word);
        let filled = |at: &usize| rows().any(|row| row.get(*at).is_some_and(|cell| !cell.trim().is_empty()));
        let filled: Vec<usize> =
            if labels.len() > 1 { labels.iter().copied().filter(filled).collect() } else { labels.clone() };
        let first = label.or(filled.first().copied()).or(labels.first().copied());
        // The classes of a table of guesses may be named so.
        let other_labels = match first {
            Some(first) if !guesses => filled.iter().copied().filter(|at| *at != first).collect(),
            _ => Vec::new(),
        };
        let label = match first {
            Some(label) => Label::Column(label),
            None => {
                let known = names.iter().enumerate().filter(|(at, name)| {
                    *at == file
                        || is_one_of(name, &ID)
                        || is_exclusion(name)
                        || is_split_column(name)
                        || matches!(split, Split::Word(split) if split == *at)
                });
                let others: Vec<usize> = known.map(|(at, _)| at).collect();
                let columns = one_hot(names.len(), &others, rows());
                let of_guesses = ["prediction", "guess"].iter().any(|word| stem.contains(word));
                match binary(&names, &others, rows()).filter(|_| columns.is_empty()) {
                    Some(_) if of_guesses && !chosen => return other(Ignored::Guesses),
                    Some(column) => Label::Column(column),
                    None if columns.is_empty() && by_id && !names_images(&names[file]) => {
                        return other(Ignored::OtherTable);
                    }
                    None if columns.is_empty() => return other(Ignored::Unlabelling),
                    None => Label::OneHot(columns),
                }
            }
        };
        if let Label::Column(label) = label
            && has_boxes(&columns)
            && has_several_labels([file, label], rows())
        {
            return other(Ignored::Boxes);
        }
        let is_file = |name: &String| is_one_of(name, &FILE) || is_one_of(name, &ID);
        let mut other_files: Vec<usize> =
            (0..names.len()).filter(|&at| at != file && is_file(&names[at])).collect();
        let is_class = |at: usize| match &label {
            Label::Column(label) => *label == at,
            Label::OneHot(columns) => columns.contains(&at),
        };
        other_files.retain(|at| !is_class(*at));
        let is_used = |at: usize| {
            at == file
                || is_class(at)
                || other_labels.contains(&at)
                || matches!(split, Split::Word(split) if split == at)
        };
        let exclusions = (0..names.len()).filter(|&at| is_exclusion(&names[at]) && !is_used(at)).collect();
        let folders = (0..names.len()).filter(|&at| is_folder_column(&names[at]) && !is_used(at)).collect();
        let entry = entry.clone();
        let header = columns;
        let mut list = List {
            entry,
            within: String::new(),
            text,
            skipped,
            delimiter,
            header,
            file,
            other_files,
            by_id,
            label,
            other_labels,
            split,
            exclusions,
            folders,
        };
        if matches!(list.split, Split::List) {
            list.split = list.find_split();
        }
        match problem {
            Some(problem) => Err(DataError::Line {
                path: list.entry.path,
                line: problem.line,
                expected: "a row of text".to_owned(),
                found: problem.found.to_owned(),
                advice: SAVE_AS_UTF8,
            }),
            None => Ok(Self::List(Box::new(list))),
        }
    }

    /// The error for a table that was expected to be a list of images; `None` if that is not its purpose.
    fn explain(entry: &Entry) -> Result<Option<DataError>, DataError> {
        let Self::Other { header, why } = Self::open(entry, false)? else { return Ok(None) };
        let (expected, found, advice) = match why {
            Ignored::Boxes => (
                "one class for each image",
                "boxes of objects, with images in several rows of different labels".to_owned(),
                "write one row of file and label for each image, or cut the objects out as images of their own",
            ),
            Ignored::Pixels => (
                "a list of image files",
                "the pixels of the images themselves".to_owned(),
                "save the pixels as arrays x and y in an .npz file, or each row as an image file",
            ),
            Ignored::OtherTable | Ignored::OtherColumns | Ignored::Headerless => (
                "a header that names the columns file and label",
                if header.is_empty() { "an empty line".to_owned() } else { header },
                "add the header; paths are relative to the folder",
            ),
            Ignored::Unlabelling => (
                "a column label (or class, category, target) beside the files",
                header,
                "name the column of classes label, or add it",
            ),
            Ignored::Pointer => (
                "a list of images",
                "a Git LFS pointer instead of the file".to_owned(),
                "run 'git lfs pull' where the data was cloned",
            ),
            _ => return Ok(None),
        };
        let (path, expected) = (entry.path.clone(), expected.to_owned());
        Ok(Some(DataError::Line { path, line: 1, expected, found, advice }))
    }
}

/// Rows that are read to tell whether a table names images.
const MAX_TOLD: usize = 20;

/// Whether columns are the pixels of images: `pixel0`, `pixel1` ..., or `1x1`, `1x2` ....
fn are_pixels(header: &[String]) -> bool {
    const FEWEST: usize = 3;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_pixel = |name: &&String| {
        let name = column_name(name);
        let place = name.split_once('x').is_some_and(|(row, column)| is_number(row) && is_number(column));
        place || name.strip_prefix("pixel").is_some_and(|rest| is_number(rest.trim_start_matches('_')))
    };
    header.iter().filter(is_pixel).count() >= FEWEST
}

/// Whether columns are the corners of boxes.
fn has_boxes(header: &[String]) -> bool {
    const CORNERS: [[&str; 2]; 6] = [
        ["xmin", "xmax"],
        ["x_min", "x_max"],
        ["x1", "x2"],
        ["left", "right"],
        ["bbox_x", "bbox_y"],
        ["x", "width"],
    ];
    let has = |name: &str| header.iter().any(|column| is_one_of(column, &[name]));
    CORNERS.iter().any(|corners| corners.iter().all(|name| has(name))) || has("bbox")
}

/// Whether an image has rows of different labels. `[file, label]`: the columns.
fn has_several_labels([file, label]: [usize; 2], rows: impl Iterator<Item = StringRecord>) -> bool {
    let mut labels: HashMap<String, String> = HashMap::new();
    for row in rows {
        let [file, label] = [file, label].map(|at| row.get(at).unwrap_or_default().trim().to_owned());
        let key = class_key(&label);
        if *labels.entry(file).or_insert_with(|| key.clone()) != key {
            return true;
        }
    }
    false
}

/// Whether a file has the name of a table.
fn is_table(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".csv") || name.ends_with(".tsv")
}

/// The lists in the folders `train`, `test` and so on of a source without lists of its own, as some programs export them;
/// none if there are class folders in `train`.
///
/// # Errors
/// When a table cannot be read.
pub(super) fn lists_in_splits(folder: &Folder) -> Result<Vec<(&Entry, Table)>, DataError> {
    let splits = folder.folders.iter().filter_map(|(name, inner)| Some((name, inner, split_name(name)?)));
    let splits: Vec<_> = splits.filter(|(.., split)| *split != SplitName::Unlabelled).collect();
    let trains = splits.iter().any(|(.., split)| *split == SplitName::Train);
    let mut found = Vec::new();
    for (name, inner, _) in splits.into_iter().filter(|_| trains) {
        let of_classes = |(name, inner): (&String, &Folder)| !is_image_folder(name) && has_images(inner);
        if inner.folders.iter().any(of_classes) {
            return Ok(Vec::new());
        }
        for entry in tables(inner) {
            let mut table = Table::open(entry, false)?;
            if let Table::List(list) = &mut table {
                list.within.clone_from(name);
                found.push((entry, table));
            }
        }
    }
    Ok(found)
}

/// Whether a file is a table by its name, or a list in JSON.
pub(super) fn is_table_file(entry: &Entry) -> bool {
    is_table(&entry.name) || json_lists::is_list(entry)
}

/// Whether a file is a list of images, or a table that may be one, whatever says the classes of its folder.
pub(super) fn may_be_chosen(entry: &Entry) -> bool {
    is_table_file(entry) || (plain_lists::is_named(&entry.name) && json_lists::as_csv(entry).is_some())
}

/// The tables of a folder, and its lists without a header where no class folders count.
pub(super) fn tables(folder: &Folder) -> impl Iterator<Item = &Entry> {
    let chosen = folder.chosen_list.as_ref();
    let is_plain = move |entry: &Entry| {
        plain_lists::is_named(&entry.name)
            && json_lists::as_csv(entry).is_some()
            && (chosen == Some(&entry.name) || (chosen.is_none() && plain_lists::say_classes(folder)))
    };
    folder.files.values().filter(move |entry| is_table_file(entry) || is_plain(entry))
}

/// What an error about images without classes says of tables that are no lists of labels; empty if there are none.
///
/// # Errors
/// When a table cannot be read.
pub(super) fn told_unused(folder: &Folder) -> Result<String, DataError> {
    for entry in tables(folder) {
        let what = match Table::open(entry, false)? {
            Table::Other { why: Ignored::Guesses, .. } => {
                "is read as guesses of a model, not labels, by its name or by a column of shares for each class: to use its \
                 labels, remove these columns or rename it, or open the file itself as the source"
            }
            Table::Other { why: Ignored::Submission, .. } => {
                "is read as a sample submission by its name: rename it if its labels are real"
            }
            _ => continue,
        };
        return Ok(format!(" ({} {what})", shown_name(&entry.name)));
    }
    Ok(String::new())
}

/// What a question about folders says of a table beside them that names images and has no column of labels; empty if there
/// is none.
///
/// # Errors
/// When a table cannot be read.
pub(super) fn told_unlabelled(folder: &Folder) -> Result<String, DataError> {
    for entry in tables(folder) {
        if let Table::Other { header, why: Ignored::Unlabelling } = Table::open(entry, false)? {
            return Ok(format!(
                " ({} names images and has the columns {}: to take the classes from it, rename the column of classes to label)",
                shown_name(&entry.name),
                shown_name(&header)
            ));
        }
    }
    Ok(String::new())
}

/// The tables of a folder of which none is used, and why.
///
/// # Errors
/// When one cannot be read.
pub(super) fn ignored_tables(folder: &Folder) -> Result<Vec<(String, Ignored)>, DataError> {
    let what = |entry: &Entry| {
        Ok(match Table::open(entry, false)? {
            Table::Other { why, .. } => (entry.name.clone(), why),
            Table::List(list) if list.binary_label().is_none() => (entry.name.clone(), Ignored::NamesNothing),
            Table::List(_) => (entry.name.clone(), Ignored::OtherTable),
        })
    };
    tables(folder).map(what).collect()
}

/// The error for the first table that is nearly a list of images.
///
/// # Errors
/// When a table cannot be read.
pub(super) fn explain(folder: &Folder) -> Result<Option<DataError>, DataError> {
    for entry in tables(folder) {
        if let Some(error) = Table::explain(entry)? {
            return Ok(Some(error));
        }
    }
    Ok(None)
}
