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
    file: std::fs::File,
    /// The folder itself, which another one may replace at its path; `None` where a folder cannot be opened.
    #[cfg(not(target_arch = "wasm32"))]
    opened: Option<std::fs::File>,
    /// Whether the lock file is one of this program, which is removed with the lock.
    #[cfg(not(target_arch = "wasm32"))]
    is_ours: bool,
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

    /// Checks that the folder at the path is still the one that was locked: nothing may be written into another one.
    ///
    /// # Errors
    /// [`TrainError::LostFolder`] if the folder was moved, removed or replaced, or another process has locked it since.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn check(&self) -> Result<(), TrainError> {
        let lock = self.folder.join(LOCK);
        // A lock file that a person removed is no loss as long as nobody has made another one.
        let is_same = || self.opened.as_ref().is_some_and(|opened| is_at(opened, &self.folder));
        match is_at(&self.file, &lock) || !lock.exists() && is_same() {
            true => Ok(()),
            false => Err(TrainError::LostFolder { path: self.folder.clone() }),
        }
    }

    /// A page is the only process on its in-memory file system.
    ///
    /// # Errors
    /// None.
    #[cfg(target_arch = "wasm32")]
    pub fn check(&self) -> Result<(), TrainError> {
        Ok(())
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
            if let Ok(found) = std::fs::metadata(&path)
                && !found.is_file()
            {
                let reason = std::io::Error::other("it is not a file: remove it, or choose another folder");
                return Err(TrainError::file(&path, "locking this folder with it")(reason));
            }
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
                let is_ours = write_process(&mut file);
                let opened = File::open(folder).ok();
                return Ok(Self { folder: folder.to_owned(), file, opened, is_ours });
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
        // The file of another process, which works in another folder at the same path, stays.
        let path = self.folder.join(LOCK);
        if self.is_ours && is_at(&self.file, &path) {
            let _ = std::fs::remove_file(path);
        }
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
/// and a full disk leaves the id out. Returns whether the file is one of this program.
#[cfg(not(target_arch = "wasm32"))]
fn write_process(file: &mut std::fs::File) -> bool {
    use std::io::{Seek as _, Write as _};
    let is_ours = content(file).is_some_and(|text| text.trim().chars().all(|c| c.is_ascii_digit()));
    if is_ours {
        let written = file.set_len(0).and_then(|()| file.rewind());
        let _ = written.and_then(|()| write!(file, "{}", std::process::id()));
    }
    is_ours
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

    #[cfg(unix)]
    #[test]
    fn folders_replaced_at_their_path_are_lost() {
        use std::fs;
        type Change = fn(&Path);
        fn with_lock(folder: &Path) {
            fs::create_dir(folder).and_then(|()| fs::write(folder.join(LOCK), "1")).expect("another folder");
        }
        let cases: [(&str, Change, bool); 8] = [
            ("nothing", |_| {}, true),
            ("files inside", |r| fs::write(r.join("config.toml"), "").expect("a file"), true),
            ("no lock file", |r| fs::remove_file(r.join(LOCK)).expect("a file"), true),
            ("moved", |r| fs::rename(r, r.with_extension("old")).expect("another name"), false),
            ("removed", |r| fs::remove_dir_all(r).expect("a folder"), false),
            (
                "moved, another run",
                |r| {
                    fs::rename(r, r.with_extension("old")).expect("another name");
                    with_lock(r);
                },
                false,
            ),
            (
                "removed, another run that has ended",
                |r| {
                    fs::remove_dir_all(r).expect("a folder");
                    fs::create_dir(r).expect("another folder");
                },
                false,
            ),
            (
                "emptied, another run",
                |r| {
                    // Kept under another name, so that the system does not use its number again.
                    fs::rename(r.join(LOCK), r.with_extension("lock")).expect("another name");
                    fs::write(r.join(LOCK), "1").expect("a file");
                },
                false,
            ),
        ];
        for (name, change, kept) in cases {
            let outer = tempfile::tempdir().expect("a folder");
            let folder = outer.path().join("r");
            fs::create_dir(&folder).expect("a folder");
            let lock = RunLock::acquire(&folder).expect("a free folder");
            change(&folder);
            let before = fs::read(folder.join(LOCK)).ok();
            assert_eq!(lock.check().is_ok(), kept, "{name}");
            drop(lock);
            let after = fs::read(folder.join(LOCK)).ok();
            assert_eq!(after, before.filter(|_| !kept), "{name}: only one's own lock is removed");
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
