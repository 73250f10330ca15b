//! A page's files: in memory, and told to a watcher that has the browser keep or download them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use web_time::{Duration, SystemTime, UNIX_EPOCH};

/// Files below this folder are on their way to the person: they are not kept here.
pub const DOWNLOADS: &str = "downloads";

#[derive(Clone)]
struct Item {
    bytes: Arc<[u8]>,
    /// Since 1970.
    written: Duration,
}

/// What happens to a file.
pub enum Change<'a> {
    Written { bytes: &'a [u8], written: Duration },
    Removed,
}

static SHELF: Mutex<BTreeMap<PathBuf, Item>> = Mutex::new(BTreeMap::new());
static WATCHER: OnceLock<fn(&Path, Change<'_>)> = OnceLock::new();

/// Nothing that is locked here can be left half done by a panic.
fn shelf() -> MutexGuard<'static, BTreeMap<PathBuf, Item>> {
    SHELF.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has every later change told to `watcher`.
pub fn watch(watcher: fn(&Path, Change<'_>)) {
    // The first one stays: there is one browser.
    let _ = WATCHER.set(watcher);
}

fn tell(path: &Path, change: Change<'_>) {
    if let Some(watcher) = WATCHER.get() {
        watcher(path, change);
    }
}

/// Puts back a file that the browser has kept, without telling it.
pub fn restore(path: PathBuf, bytes: Vec<u8>, written: Duration) {
    shelf().insert(path, Item { bytes: bytes.into(), written });
}

/// Puts a file here that the browser does not keep.
pub fn lay(path: PathBuf, bytes: Vec<u8>) {
    shelf().insert(path, Item { bytes: bytes.into(), written: Duration::ZERO });
}

/// A file's bytes, shared.
pub fn share(path: &Path) -> io::Result<Arc<[u8]>> {
    shelf().get(path).map(|item| Arc::clone(&item.bytes)).ok_or_else(absent)
}

fn absent() -> io::Error {
    io::Error::new(ErrorKind::NotFound, "there is no such file in this page")
}

pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    share(path).map(|bytes| bytes.to_vec())
}

pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    if !path.starts_with(DOWNLOADS) {
        shelf().insert(path.to_owned(), Item { bytes: bytes.into(), written });
    }
    tell(path, Change::Written { bytes, written });
    Ok(())
}

pub fn exists(path: &Path) -> bool {
    shelf().contains_key(path) || is_folder(path)
}

/// Folders are where files are: an empty one is none.
pub fn is_folder(path: &Path) -> bool {
    shelf().keys().any(|file| file != path && file.starts_with(path))
}

/// When a file was written last, in this page or before it was loaded.
pub fn modified(path: &Path) -> io::Result<SystemTime> {
    shelf().get(path).map(|item| UNIX_EPOCH + item.written).ok_or_else(absent)
}

/// Paths of what is in a folder.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let below = |file: &PathBuf| Some(folder.join(file.strip_prefix(folder).ok()?.iter().next()?));
    let found: BTreeSet<_> = shelf().keys().filter_map(below).collect();
    if found.is_empty() { Err(absent()) } else { Ok(found.into_iter().collect()) }
}

/// Every file below a folder.
pub fn all(folder: &Path) -> Vec<PathBuf> {
    shelf().keys().filter(|file| file.starts_with(folder)).cloned().collect()
}

pub fn create_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub fn remove(path: &Path) -> io::Result<()> {
    shelf().remove(path).ok_or_else(absent)?;
    tell(path, Change::Removed);
    Ok(())
}

/// A folder ends with its last file.
pub fn remove_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
