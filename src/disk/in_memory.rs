//! The file system of a page: files in memory. A listener is notified of changes, so that the browser stores or
//! downloads the files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use web_time::{Duration, SystemTime, UNIX_EPOCH};

/// Files that are written below this folder are downloaded by the browser, and not kept here.
pub const DOWNLOADS: &str = "downloads";
/// Weights that a person has given lie in this folder.
pub const WEIGHTS: &str = "weights";

#[derive(Clone)]
struct File {
    bytes: Arc<[u8]>,
    /// Time of the last write, since 1970.
    written: Duration,
}

/// A change of a file.
pub enum Change<'a> {
    Written { bytes: &'a [u8], written: Duration },
    Removed,
}

static FILES: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());
static LISTENER: OnceLock<fn(&Path, Change<'_>)> = OnceLock::new();

/// Ignores poisoning: no panic can leave the map inconsistent.
fn files() -> MutexGuard<'static, BTreeMap<PathBuf, File>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers the function that is notified of all later changes. Only the first registration has an effect.
pub fn set_listener(listener: fn(&Path, Change<'_>)) {
    let _ = LISTENER.set(listener);
}

fn notify(path: &Path, change: Change<'_>) {
    if let Some(listener) = LISTENER.get() {
        listener(path, change);
    }
}

/// Inserts a file that the browser has stored, with the time of its last write; does not notify.
pub fn restore(path: PathBuf, bytes: Vec<u8>, written: Duration) {
    files().insert(path, File { bytes: bytes.into(), written });
}

/// Inserts a file that the browser does not store; does not notify.
pub fn insert(path: PathBuf, bytes: Vec<u8>) {
    files().insert(path, File { bytes: bytes.into(), written: Duration::ZERO });
}

/// A file's bytes, shared.
///
/// # Errors
/// When it does not exist.
pub fn share(path: &Path) -> io::Result<Arc<[u8]>> {
    files().get(path).map(|item| Arc::clone(&item.bytes)).ok_or_else(not_found)
}

fn not_found() -> io::Error {
    io::Error::new(ErrorKind::NotFound, "no such file in this page")
}

/// A file's bytes.
///
/// # Errors
/// When it does not exist.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    share(path).map(|bytes| bytes.to_vec())
}

/// Writes a file and notifies the listener.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    if !path.starts_with(DOWNLOADS) {
        files().insert(path.to_owned(), File { bytes: bytes.into(), written });
    }
    notify(path, Change::Written { bytes, written });
    Ok(())
}

/// Whether there is a file or folder at `path`.
pub fn exists(path: &Path) -> bool {
    files().contains_key(path) || is_folder(path)
}

/// Whether there is a file below `path`: empty folders do not exist.
pub fn is_folder(path: &Path) -> bool {
    files().keys().any(|file| file != path && file.starts_with(path))
}

/// None: a page has no symbolic links.
pub fn link_target(_path: &Path) -> Option<PathBuf> {
    None
}

/// The time of a file's last write, in this page or before it was loaded.
///
/// # Errors
/// When it does not exist.
pub fn modified(path: &Path) -> io::Result<SystemTime> {
    files().get(path).map(|item| UNIX_EPOCH + item.written).ok_or_else(not_found)
}

/// Paths of the files and folders in a folder.
///
/// # Errors
/// When there are none.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let below = |file: &PathBuf| Some(folder.join(file.strip_prefix(folder).ok()?.iter().next()?));
    let found: BTreeSet<_> = files().keys().filter_map(below).collect();
    if found.is_empty() { Err(not_found()) } else { Ok(found.into_iter().collect()) }
}

/// Paths of all files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    files().keys().filter(|file| file.starts_with(folder)).cloned().collect()
}

/// Does nothing: a folder exists once it contains a file.
pub fn create_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes a file and notifies the listener.
///
/// # Errors
/// When it does not exist.
pub fn remove(path: &Path) -> io::Result<()> {
    files().remove(path).ok_or_else(not_found)?;
    notify(path, Change::Removed);
    Ok(())
}

/// Does nothing: a folder disappears with its last file.
pub fn remove_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
