//! The images in an archive, to classify outside a data set.

use std::path::{Path, PathBuf};

use super::archive;
use super::error::DataError;
use super::file_kinds::{is_image, is_named_as_image, left_out_folder};
use super::files::Folder;
use super::host;
use super::loose_image::LooseImage;

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
    found.images.sort_by(|one, other| one.path().cmp(other.path()));
    Ok(Some(found))
}
