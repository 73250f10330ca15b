use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
}

pub fn exists(path: &Path) -> bool {
    path.exists()
}

pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// When a file was written last.
pub fn modified(path: &Path) -> io::Result<SystemTime> {
    path.metadata()?.modified()
}

/// Paths of what is in a folder.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Makes a folder and those it is in, where they are missing.
pub fn create_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

pub fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// Removes a folder that is empty.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    std::fs::remove_dir(path)
}
