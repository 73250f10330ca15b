//! Images outside a data set, to classify: files on the disk, and members of archives.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive;
use super::error::DataError;
use super::file_kinds::{is_image, is_named_as_image, left_out_folder};
use super::files::{Entry, Folder};
use super::host;

/// An image that is read when it is needed.
#[derive(Clone)]
pub struct LooseImage {
    path: PathBuf,
    /// `None`: a file on the disk, which may be gone.
    member: Option<Entry>,
}

impl From<PathBuf> for LooseImage {
    fn from(path: PathBuf) -> Self {
        Self { path, member: None }
    }
}

impl LooseImage {
    /// Its path; that of a member begins with the path of its archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its bytes are.
    ///
    /// # Errors
    /// [`DataError::Read`] if it is a file on the disk that does not exist, or is a pipe, a socket or a device.
    pub(super) fn entry(&self) -> Result<Entry, DataError> {
        match &self.member {
            Some(entry) => Ok(entry.clone()),
            None => host::file(&self.path),
        }
    }

    /// Reads its bytes as they are.
    ///
    /// # Errors
    /// When the file or the member cannot be read.
    pub fn reader(&self) -> Result<impl Read + use<>, DataError> {
        self.entry()?.open()
    }

    fn of(entry: &Entry) -> Self {
        Self { path: entry.path.clone(), member: Some(entry.clone()) }
    }
}

/// The images in an archive.
pub struct ArchivedImages {
    /// By path, without hidden files and folders of thumbnails.
    pub images: Vec<LooseImage>,
    /// The other files.
    pub others: Vec<PathBuf>,
    /// Folders that hold no photos by their names, with the reason.
    pub left_out: Vec<(PathBuf, &'static str)>,
    /// What the user should know about the names in the archive.
    pub notices: Vec<String>,
}

impl ArchivedImages {
    fn add(&mut self, folder: &Folder) {
        for (name, inner) in &folder.folders {
            match left_out_folder(name) {
                Some(why) => self.left_out.push((inner.path.clone(), why)),
                None => self.add(inner),
            }
        }
        for entry in folder.files.values() {
            // Reading a file that cannot be told says so.
            match is_image(entry).unwrap_or(true) {
                true => self.images.push(LooseImage::of(entry)),
                false => self.others.push(entry.path.clone()),
            }
        }
    }
}

/// The images in an archive (`.zip`, `.tar`, `.tar.gz`); `None` if the file is not one, does not exist, or is named as an
/// image.
///
/// # Errors
/// When the archive is damaged or hostile, or only the file's name is that of an archive.
pub fn archived_images(path: &Path) -> Result<Option<ArchivedImages>, DataError> {
    let Ok(entry) = host::file(path) else { return Ok(None) };
    if is_named_as_image(&entry.name) {
        return Ok(None);
    }
    let Some(folder) = archive::open(&entry)? else { return Ok(None) };
    let notices = folder.notices.clone();
    let mut found = ArchivedImages { images: Vec::new(), others: Vec::new(), left_out: Vec::new(), notices };
    found.add(&folder);
    found.images.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Some(found))
}
