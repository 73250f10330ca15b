//! The lock on a run's folder: one process at a time writes a run.

use std::path::{Path, PathBuf};

use super::error::TrainError;

/// Name of the lock file, which exists while a process writes into the folder.
const LOCK: &str = "run.lock";

/// An exclusive lock on a folder, held until it is dropped or the process ends. The operating system releases it, so a
/// lock file that a killed process left is taken over.
#[derive(Debug)]
pub struct RunLock {
    folder: PathBuf,
    #[cfg(not(target_arch = "wasm32"))]
    _file: std::fs::File,
}

impl RunLock {
    /// Whether `path` is a lock file.
    pub fn is_lock(path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == LOCK)
    }

    /// Whether this is the lock of `folder`.
    pub fn is_of(&self, folder: &Path) -> bool {
        self.folder == folder
    }

    /// Locks a folder. A page is the only process on its in-memory file system.
    ///
    /// # Errors
    /// None.
    #[cfg(target_arch = "wasm32")]
    pub fn acquire(folder: &Path) -> Result<Self, TrainError> {
        Ok(Self { folder: folder.to_owned() })
    }

    /// Locks an existing folder. A file system without locks leaves it unlocked, with a warning in the log.
    ///
    /// # Errors
    /// [`TrainError::InUse`] if another process, or another lock of this one, holds it; [`TrainError::File`] if the lock
    /// file cannot be created.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn acquire(folder: &Path) -> Result<Self, TrainError> {
        use std::fs::{File, TryLockError};
        let path = folder.join(LOCK);
        loop {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(TrainError::file(folder, "writing into this folder"))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let process = content(&mut file).and_then(|text| text.trim().parse().ok());
                    return Err(TrainError::InUse { path: folder.to_owned(), process });
                }
                Err(TryLockError::Error(error)) => {
                    tracing::warn!("{} is not locked: {error}", path.display())
                }
            }
            if is_at(&file, &path) {
                write_process(&mut file);
                return Ok(Self { folder: folder.to_owned(), _file: file });
            }
            // The process that held the lock has removed the file since it was opened here.
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Drop for RunLock {
    fn drop(&mut self) {
        // Still locked: a process that opens the file now finds it removed, and makes its own. One that cannot be removed
        // is unlocked as it is closed.
        let _ = std::fs::remove_file(self.folder.join(LOCK));
    }
}

/// The text of a lock file; `None` if it cannot be read, as on Windows while it is locked.
#[cfg(not(target_arch = "wasm32"))]
fn content(file: &mut std::fs::File) -> Option<String> {
    use std::io::Read as _;
    /// More bytes than a process id has.
    const LIMIT: u64 = 32;
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Writes the process id, for messages of other processes. A file of the same name with other content stays as it is,
/// and a full disk leaves the id out.
#[cfg(not(target_arch = "wasm32"))]
fn write_process(file: &mut std::fs::File) {
    use std::io::{Seek as _, Write as _};
    let is_ours = content(file).is_some_and(|text| text.trim().chars().all(|c| c.is_ascii_digit()));
    if is_ours {
        let written = file.set_len(0).and_then(|()| file.rewind());
        let _ = written.and_then(|()| write!(file, "{}", std::process::id()));
    }
}

/// Whether `path` names this open file.
#[cfg(unix)]
fn is_at(file: &std::fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    let (open, named) = (file.metadata().map(identity), std::fs::metadata(path).map(identity));
    matches!((open, named), (Ok(open), Ok(named)) if open == named)
}

/// Other systems keep the name of an open file.
#[cfg(not(any(unix, target_arch = "wasm32")))]
fn is_at(_file: &std::fs::File, _path: &Path) -> bool {
    true
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn folder_is_locked_once_until_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        for _ in 0..3 {
            let lock = RunLock::acquire(folder.path()).expect("a free folder");
            assert!(lock.is_of(folder.path()) && RunLock::is_lock(&folder.path().join(LOCK)));
            let error = RunLock::acquire(folder.path()).expect_err("a locked folder").to_string();
            assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
            drop(lock);
            assert!(!folder.path().join(LOCK).exists());
        }
    }

    #[test]
    fn lock_files_of_ended_processes_are_taken_over() {
        let folder = tempfile::tempdir().expect("a folder");
        for left in ["", "4194305", "notes of a person\n"] {
            std::fs::write(folder.path().join(LOCK), left).expect("a file");
            let lock = RunLock::acquire(folder.path()).expect("a free folder");
            let now = std::fs::read_to_string(folder.path().join(LOCK)).expect("a file");
            let id = std::process::id().to_string();
            assert_eq!(now, if left.starts_with('n') { left } else { id.as_str() });
            drop(lock);
        }
    }
}
