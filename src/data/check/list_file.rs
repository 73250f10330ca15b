//! The file of a corrected list: where it may lie, so that it opens and replaces nothing, and how its names lead to the
//! images from there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::repair::{CorrectedList, RepairError};
use super::report::Report;
use crate::data::counted::counted;
use crate::data::names::Decoder;
use crate::data::open::folder_of_list;
use crate::data::set::{DataSet, OpenOptions};

/// Why a corrected list is not written.
#[derive(Debug, Error)]
pub enum ListFileError {
    /// A name that is not that of a list.
    #[error(
        "{} does not end with .csv, so that it could not be opened as a list: choose another name", .0.display()
    )]
    Ending(PathBuf),
    /// Something is there.
    #[error(
        "{} exists: it is {what}, and is not overwritten; choose another name, or remove it", .path.display()
    )]
    Exists { path: PathBuf, what: &'static str },
    /// A list in the folder that it corrects.
    #[error(
        "{} would become part of the data in {source_name}: choose a path outside of it, such as {}: a list in the folder \
         would replace its class folders",
        .path.display(), .beside.display()
    )]
    Inside { path: PathBuf, source_name: String, beside: PathBuf },
    /// A path in a folder that does not exist.
    #[error("{} is not a folder", .path.display())]
    NoFolder {
        path: PathBuf,
        #[source]
        reason: io::Error,
    },
    /// Images that are gone since the set was opened.
    #[error("{file} is not below {}: the data changed meanwhile", .root.display())]
    Changed { file: String, root: PathBuf },
    /// A list from which no way leads down to the images.
    #[error(
        "the list {} is not beside or above the images: write it to {}, or to a folder above",
        .list.display(), .place.display()
    )]
    Elsewhere { list: PathBuf, place: PathBuf },
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// A file that cannot be written.
    #[error("{}: writing the list failed", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        reason: io::Error,
    },
}

/// A corrected list that was written.
pub struct ListFile {
    /// How many images the list names and leaves out, in words.
    pub summary: String,
    /// What to know before it is opened.
    pub note: Option<String>,
}

/// Checks, before the work, that a corrected list of the data `source` may be written to `path`.
///
/// # Errors
/// [`ListFileError::Ending`], [`ListFileError::Exists`] or [`ListFileError::Inside`].
pub fn check_list_path(source: &str, path: &Path) -> Result<(), ListFileError> {
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        return Err(ListFileError::Ending(path.to_owned()));
    }
    if let Ok(found) = fs::symlink_metadata(path) {
        // Reading a pipe would wait for ever.
        let what = match found.is_file().then(|| fs::read(path)) {
            _ if found.is_symlink() => "a link",
            _ if found.is_dir() => "a folder",
            Some(Ok(bytes)) if bytes.starts_with(b"file,label") => "a list of images",
            Some(Ok(bytes)) if bytes.is_empty() => "an empty file",
            Some(_) => "another file",
            None => "not a file",
        };
        return Err(ListFileError::Exists { path: path.to_owned(), what });
    }
    if Path::new(source).is_dir() && is_inside(source, path) {
        let (path, source_name) = (path.to_owned(), source.to_owned());
        return Err(ListFileError::Inside { path, source_name, beside: list_beside(source) });
    }
    Ok(())
}

/// Whether a file at `path` would be in the folder `source`, or is that folder or file.
pub fn is_inside(source: &str, path: &Path) -> bool {
    let (Ok(data), Ok(target)) = (fs::canonicalize(source), std::path::absolute(path)) else { return false };
    let parent = target.parent().and_then(|parent| fs::canonicalize(parent).ok()).unwrap_or_default();
    parent.starts_with(&data) || fs::canonicalize(&target).is_ok_and(|target| target == data)
}

/// A path for a list beside a folder.
pub fn list_beside(folder: &str) -> PathBuf {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| PathBuf::from(folder));
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    folder.with_file_name(format!("{name}-corrected.csv"))
}

/// Writes the corrected list of a check of the data `source`.
///
/// # Errors
/// The errors of [`check_list_path`]; when the set has no files, a class would lose all training images, or the list is
/// neither beside the set nor in a folder above.
pub fn write_corrected_list(
    source: &str,
    set: &DataSet,
    report: &Report,
    path: &Path,
) -> Result<ListFile, ListFileError> {
    check_list_path(source, path)?;
    let place = ListPlace::of(source, set, path)?;
    let CorrectedList { csv, kept, left_out } = report.corrected_list(set, &place.prefix)?;
    let failed = |reason| ListFileError::Write { path: path.to_owned(), reason };
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(csv.as_bytes()).map_err(failed)?;
    let (images, verb) = (counted(kept, "image", "images"), if left_out == 1 { "is" } else { "are" });
    let summary = format!("{} names {images}, {left_out} {verb} left out", path.display());
    let (of_list, own) = (Path::new(source).parent(), path.parent());
    let beside_list = !place.packed && Path::new(source).is_file() && of_list.map(real) == own.map(real);
    let is_beside = of_list.map(real) == own.map(real);
    let note = if place.packed && !is_beside {
        Some(
            "the list names files in the archive: put it beside the archive, where it opens with its images"
                .to_owned(),
        )
    } else {
        beside_list
            .then(|| format!("open {} itself: its folder is read with all lists in it", path.display()))
    };
    Ok(ListFile { summary, note })
}

/// A folder's path without links; the current folder if it is empty.
fn real(folder: &Path) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Whether a source is a list whose images are in an archive beside it.
fn is_list_of_archive(source: &Path) -> bool {
    let folder = folder_of_list(source, &OpenOptions::default());
    folder.is_ok_and(|folder| folder.is_some_and(|folder| !folder.path.is_dir()))
}

/// Whether a name in a folder or below is not UTF-8.
fn has_foreign_names(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        path.to_str().is_none() || (path.is_dir() && !path.is_symlink() && has_foreign_names(&path))
    })
}

/// Where a list is relative to the files that it names.
struct ListPlace {
    /// The way from the list to the set, with `/` behind each name.
    prefix: String,
    /// Whether the files are in an archive.
    packed: bool,
}

impl ListPlace {
    fn of(source: &str, set: &DataSet, list: &Path) -> Result<Self, ListFileError> {
        let given = source;
        let source = Path::new(source);
        let is_list = |end: &std::ffi::OsStr| {
            ["csv", "tsv", "json", "jsonl", "ndjson"].iter().any(|list| end.eq_ignore_ascii_case(list))
        };
        let of_archive = source.is_file() && !source.extension().is_some_and(is_list);
        if of_archive || is_list_of_archive(source) {
            return Ok(Self { prefix: String::new(), packed: true });
        }
        let folder = |path: &Path| {
            let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            folder
                .canonicalize()
                .map_err(|reason| ListFileError::NoFolder { path: folder.to_owned(), reason })
        };
        let (mut root, own) = (folder(source)?, folder(list)?);
        // A folder around the only folder of a set is entered when it is opened.
        let files = &set.train_ids.files;
        while !files.is_empty() && !files.iter().any(|file| root.join(file).exists()) {
            let inner = fs::read_dir(&root)
                .map_err(|reason| ListFileError::NoFolder { path: root.clone(), reason })?
                .filter_map(|entry| Some(entry.ok()?.path()));
            match inner.filter(|path| path.is_dir()).collect::<Vec<_>>().as_slice() {
                [only] => root.clone_from(only),
                // Names in other encodings are those of the set once they are decoded.
                _ if has_foreign_names(&root) => break,
                _ => return Err(ListFileError::Changed { file: files[0].clone(), root }),
            }
        }
        let Ok(way) = root.strip_prefix(&own) else {
            let place = if source.is_dir() { list_beside(given) } else { root.join("corrected.csv") };
            return Err(ListFileError::Elsewhere { list: list.to_owned(), place });
        };
        let decoder = Decoder::default();
        let prefix = way.iter().map(|name| format!("{}/", decoder.decode(name.as_encoded_bytes()))).collect();
        Ok(Self { prefix, packed: false })
    }
}
