//! Files by path: of the system or, on a page, of an in-memory file system. Errors are those of `std::fs`.

#[cfg(target_arch = "wasm32")]
pub mod in_memory;

#[cfg(target_arch = "wasm32")]
pub use in_memory::{
    create_folder, exists, is_folder, link_target, list, modified, read, remove, remove_folder, write,
};
#[cfg(not(target_arch = "wasm32"))]
pub use system::{
    create_folder, exists, is_folder, link_target, list, modified, open, read, remove, remove_folder,
    special, write,
};

#[cfg(not(target_arch = "wasm32"))]
mod system {
    use std::fs::{File, Metadata};
    use std::io::{self, Read as _};
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    /// A file's bytes.
    pub fn read(path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens a file for reading. A pipe, a socket or a device is refused: reading it could wait for ever.
    pub fn open(path: &Path) -> io::Result<File> {
        match special(&std::fs::metadata(path)?) {
            Some(kind) => Err(io::Error::other(format!("it is {kind}, not a file"))),
            None => File::open(path),
        }
    }

    /// What this is if it is neither a file nor a folder, nor a link to one.
    #[cfg(unix)]
    pub fn special(metadata: &Metadata) -> Option<&'static str> {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        match () {
            () if kind.is_file() || kind.is_dir() => None,
            () if kind.is_fifo() => Some("a named pipe"),
            () if kind.is_socket() => Some("a socket"),
            () => Some("a device"),
        }
    }

    /// What this is if it is neither a file nor a folder, nor a link to one.
    #[cfg(not(unix))]
    pub fn special(metadata: &Metadata) -> Option<&'static str> {
        (!metadata.is_file() && !metadata.is_dir()).then_some("a device")
    }

    /// Writes a file, replacing an existing one.
    pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        std::fs::write(path, bytes)
    }

    /// Whether there is a file or folder at `path`.
    pub fn exists(path: &Path) -> bool {
        path.exists()
    }

    /// Whether `path` is a folder.
    pub fn is_folder(path: &Path) -> bool {
        path.is_dir()
    }

    /// What a symbolic link points to; `None` if `path` is not one.
    pub fn link_target(path: &Path) -> Option<PathBuf> {
        std::fs::read_link(path).ok()
    }

    /// The time of a file's last write.
    pub fn modified(path: &Path) -> io::Result<SystemTime> {
        path.metadata()?.modified()
    }

    /// Paths of the files and folders in a folder.
    pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }

    /// Creates a folder, and the folders around it that are missing.
    pub fn create_folder(path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    /// Removes a file.
    pub fn remove(path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    /// Removes an empty folder.
    pub fn remove_folder(path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }
}
