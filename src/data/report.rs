//! The report of a layout: what becomes of every file and folder of a source, without decoding images.

use std::path::Path;

use super::error::DataError;
use super::file_kinds::{count_files, has_images, ignored_folder};
use super::files::Folder;
use super::formats::{class_folders, csv_list};
use super::layout::{Ignored, Layout, Role, Roles, is_hidden, joined};
use super::names::shown_name;
use super::open::{beside_set, check_names, detected, folder_of_file, folder_of_list, levels, unknown};
use super::saved_labels::are_by_hand;
use super::set::OpenOptions;
use super::{host, labelling_folder};
use crate::disk;

/// Describes what becomes of every file and folder of a source. A built-in set has no files.
///
/// # Errors
/// When the source cannot be read or no format is detected; images are not decoded.
pub fn layout(source: &str, options: &OpenOptions) -> Result<Layout, DataError> {
    options.check()?;
    let mut layout = describe(source, options)?;
    layout.notices.iter_mut().for_each(|notice| *notice = shown_name(notice).to_string());
    Ok(layout)
}

fn describe(source: &str, options: &OpenOptions) -> Result<Layout, DataError> {
    if source.starts_with("builtin:") {
        return Ok(Layout { format: source.to_owned(), ..Layout::default() });
    }
    let path = Path::new(source);
    if let Some(folder) = folder_of_list(path, options)? {
        let mut files = csv_list::read_lists(&folder, options)?.ok_or_else(|| unknown(&folder))?;
        count_hidden(&folder, "", &mut files.roles);
        return Ok(files.roles.layout(csv_list::FORMAT.name, [folder.notices, files.notices].concat()));
    }
    let outer = match disk::is_folder(path) {
        true => host::folder(path, options)?,
        false => folder_of_file(path)?,
    };
    let (levels, mut notices) = levels(&outer)?;
    let innermost = &levels[levels.len() - 1];
    if are_by_hand(innermost) {
        check_names(&levels[1..], options)?;
        let mut layout = labelling_folder::layout(innermost, options)?;
        layout.notices.splice(0..0, notices);
        return Ok(with_outer(layout, &levels));
    }
    for (depth, level) in levels.iter().enumerate().rev() {
        let Some(format) = detected(level)? else { continue };
        check_names(&levels[1..=depth], options)?;
        let found = if format.name == csv_list::FORMAT.name {
            let mut files = csv_list::read_lists(level, options)?.ok_or_else(|| unknown(level))?;
            count_hidden(level, "", &mut files.roles);
            Some(files)
        } else if format.name == class_folders::FORMAT.name {
            Some(class_folders::read(level, options)?)
        } else {
            None
        };
        if found.is_none() {
            notices.extend(beside_set(level, format));
        }
        let roles = found.map_or_else(
            || data_files(level),
            |files| {
                notices.extend(files.notices);
                files.roles
            },
        );
        return Ok(with_outer(roles.layout(format.name, notices), &levels[..=depth]));
    }
    Err(unknown(innermost))
}

/// The layout of the innermost of these folders, with its path below the outermost one and what is beside it.
fn with_outer(mut layout: Layout, levels: &[Folder]) -> Layout {
    let [outer, .., level] = levels else { return layout };
    let below = |level: &Folder| {
        let parts = level.path.strip_prefix(&outer.path).unwrap_or(Path::new("")).iter();
        parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    let prefix = below(level);
    for row in layout.rows.iter_mut().filter(|_| !prefix.is_empty()) {
        row.folder = if row.folder.is_empty() { prefix.clone() } else { joined(&prefix, &row.folder) };
    }
    // What is beside the folder or archive that holds the set.
    let mut beside = Roles::default();
    for (around, inner) in levels.iter().zip(&levels[1..]) {
        count_beside(around, inner, &below(around), &mut beside);
    }
    layout.rows.splice(0..0, beside.layout("", Vec::new()).rows);
    layout
}

/// The files of a binary format.
fn data_files(folder: &Folder) -> Roles {
    let mut roles = Roles::default();
    folder.files.keys().for_each(|name| roles.file("", name, Role::Data));
    for (name, inner) in &folder.folders {
        let why = if has_images(inner) { Ignored::OtherFormat } else { Ignored::NoImages };
        roles.ignore_folder(name, count_files(inner), why);
    }
    roles
}

/// Counts what is beside the folder or archive `inner`.
fn count_beside(around: &Folder, inner: &Folder, at: &str, roles: &mut Roles) {
    for name in &around.hidden {
        roles.file(at, name, Role::Ignored(is_hidden(name).unwrap_or(Ignored::Hidden)));
    }
    for (name, _) in around.files.iter().filter(|(_, entry)| entry.path != inner.path) {
        roles.file(at, name, Role::Ignored(Ignored::NotAnImage));
    }
    for (name, folder) in around.folders.iter().filter(|(_, folder)| folder.path != inner.path) {
        let why = ignored_folder(name, folder).unwrap_or(Ignored::NoImages);
        roles.ignore_folder(&joined(at, name), count_files(folder), why);
    }
}

/// Counts the hidden files below a folder.
fn count_hidden(folder: &Folder, at: &str, roles: &mut Roles) {
    for name in &folder.hidden {
        roles.file(at, name, Role::Ignored(is_hidden(name).unwrap_or(Ignored::Hidden)));
    }
    for (name, inner) in &folder.folders {
        count_hidden(inner, &joined(at, name), roles);
    }
}
