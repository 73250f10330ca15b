//! A list beside the archive of its images, as the corrected list of a check is: it is read as if it lay in the archive.

use super::archive;
use super::error::DataError;
use super::file_kinds::{ignored_folder, is_packed};
use super::files::{Entry, Folder};
use super::formats::csv_list::named_files;
use super::layout::listed;
use super::names::{shown, shown_name};

/// The folder in an archive beside the chosen list of `folder` that most of its rows name files in, with the list in it;
/// `None` if a row names a file of the folder itself, or there is no such archive. Files in folders below whose paths only end
/// like the rows count less than those that the rows name in the archive.
///
/// # Errors
/// When there are several such archives, or the list cannot be read.
pub(super) fn archive_of_list(folder: &Folder) -> Result<Option<Folder>, DataError> {
    let list = folder.chosen_list.as_ref().and_then(|name| folder.files.get(name));
    let archives: Vec<&Entry> = folder.files.values().filter(|entry| is_packed(&entry.name)).collect();
    let Some(list) = list.filter(|_| !archives.is_empty()) else { return Ok(None) };
    let named = named_files(folder)?;
    if named.rows == 0 || named.direct > 0 {
        return Ok(None);
    }
    let mut found = Vec::new();
    for archive in archives {
        // What cannot be opened is no archive of these images.
        if let Some(inside) = archive::open(archive).ok().flatten() {
            found.extend(holder(inside, list, named.all > 0)?.map(|holder| (archive, holder)));
        }
    }
    if found.len() > 1 {
        let names: Vec<String> =
            found.iter().map(|(archive, _)| shown_name(&archive.name).to_string()).collect();
        return Err(DataError::Missing {
            path: list.path.clone(),
            expected: "one archive beside the list with the images that it names".to_owned(),
            found: format!(
                "{}: move the list and the archive that is meant into a folder of their own",
                listed(&names)
            ),
        });
    }
    Ok(found.pop().map(|(archive, mut holder)| {
        let (list, archive) = (shown(&list.path), shown(&archive.path));
        holder.notices.push(format!("the images that {list} names are those in {archive}"));
        holder
    }))
}

/// The innermost of a folder and the only folders in it that most rows of the list name files in, with the list in it.
/// `directly`: by their whole paths.
fn holder(inside: Folder, list: &Entry, directly: bool) -> Result<Option<Folder>, DataError> {
    let is_data = |(name, inner): &(&String, &Folder)| ignored_folder(name, inner).is_none();
    let mut level = Some(inside);
    let mut best = None;
    while let Some(mut folder) = level.take() {
        let mut inner = folder.folders.iter().filter(is_data).map(|(_, inner)| inner);
        if let (Some(only), None) = (inner.next(), inner.next()) {
            level = Some(only.clone());
        }
        // Other lists in the archive are no part of this one.
        folder.files.retain(|name, _| !is_list_name(name));
        folder.files.insert(list.name.clone(), list.clone());
        folder.chosen_list = Some(list.name.clone());
        let named = named_files(&folder)?;
        if 2 * (if directly { named.direct } else { named.all }) > named.rows {
            best = Some(folder);
        }
    }
    Ok(best)
}

/// Whether a name ends as that of a list with a header.
pub(super) fn is_list_name(name: &str) -> bool {
    const ENDINGS: [&str; 5] = [".csv", ".tsv", ".json", ".jsonl", ".ndjson"];
    ENDINGS.iter().any(|ending| name.to_lowercase().ends_with(ending))
}
