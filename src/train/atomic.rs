//! Files that are there whole or not at all, whenever the process or the machine stops.

use std::path::Path;

use super::error::TrainError;
#[cfg(not(target_arch = "wasm32"))]
use crate::disk;

/// How the names of files begin and end that are not yet whole.
#[cfg(not(target_arch = "wasm32"))]
const PART: [&str; 2] = [".remixmatch-", ".part"];

/// Puts `bytes` on the page's shelf.
///
/// # Errors
/// None; the native one's are the file's.
#[cfg(target_arch = "wasm32")]
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    crate::disk::write(path, bytes).map_err(TrainError::file(path, "writing it"))
}

/// Writes `bytes` to a temporary name in the same folder, flushes them to disk, then renames.
///
/// # Errors
/// The file's; whatever stood at `path` stays.
#[cfg(not(target_arch = "wasm32"))]
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    use std::io::Write as _;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = temporary(folder).map_err(TrainError::file(folder, "writing into this folder"))?;
    file.write_all(bytes).map_err(TrainError::file(path, "writing it"))?;
    file.as_file().sync_all().map_err(TrainError::file(path, "flushing it to disk"))?;
    file.persist(path).map_err(|e| TrainError::file(path, "renaming it into place")(e.error))?;
    flush_names(folder).map_err(TrainError::file(folder, "flushing this folder to disk"))
}

/// Temporary files are their owner's alone; this one becomes a file like any other.
#[cfg(not(target_arch = "wasm32"))]
fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let [start, end] = PART;
    builder.prefix(start).suffix(end);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// The new name outlives a power cut only once the folder is on disk too. Some file systems flush no folders, and
/// some folders may be written to and not read: then the system does it in its own time.
#[cfg(unix)]
fn flush_names(folder: &Path) -> std::io::Result<()> {
    use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match std::fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => Ok(()),
        flushed => flushed,
    }
}

/// Other systems keep names by themselves, and open no folders.
#[cfg(not(any(unix, target_arch = "wasm32")))]
fn flush_names(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Whether this is what a process that was killed left of a file.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn is_part(path: &Path) -> bool {
    let [start, end] = PART;
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(start) && name.ends_with(end))
}

/// A page has no parts of files.
#[cfg(target_arch = "wasm32")]
pub(super) fn is_part(_path: &Path) -> bool {
    false
}

/// Removes what a process that was killed left of the files of `folder`.
///
/// # Errors
/// The folder's, or a file's.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn remove_parts(folder: &Path) -> Result<(), TrainError> {
    for path in disk::list(folder).map_err(TrainError::file(folder, "reading this folder"))? {
        if is_part(&path) {
            disk::remove(&path).map_err(TrainError::file(path, "removing an unfinished file"))?;
        }
    }
    Ok(())
}

/// A page has no parts of files.
#[cfg(target_arch = "wasm32")]
pub(super) fn remove_parts(_folder: &Path) -> Result<(), TrainError> {
    Ok(())
}
