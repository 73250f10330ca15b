//! Labels that cannot be saved beside their images, as on a full disk or in a folder that is read-only, are kept in a folder
//! of this program until they can be.

use std::fmt;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::data::{
    CLASSES_FILE, LABELS_FILE, LabelledPictures, LabellingFolder, Labels, PICTURES_FILE, counted,
};
use crate::disk;
use crate::train::write_atomically;

/// Most letters of a folder's name in that of its kept labels.
const MAX_NAME: usize = 40;

/// The folder with a folder of labels for each folder of images; `None` keeps nothing.
#[derive(Clone, Debug, Default)]
pub struct KeptLabels(Option<PathBuf>);

/// Labels that are not saved beside their images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaved {
    /// The folder of the images.
    pub folder: PathBuf,
    pub labels: usize,
    /// Why they are not saved.
    pub reason: String,
    /// The folder that they are kept in, or why they are not kept.
    pub kept: Result<PathBuf, String>,
}

impl fmt::Display for Unsaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = counted(self.labels, "label", "labels");
        write!(f, "the {labels} of {} could not be saved there ({})", self.folder.display(), self.reason)?;
        match &self.kept {
            Ok(place) => {
                write!(
                    f,
                    ": they are kept in {}, and are back when the folder is opened again",
                    place.display()
                )
            }
            Err(reason) => write!(f, ", nor kept elsewhere ({reason}): they exist in this window only"),
        }
    }
}

impl KeptLabels {
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// Where the labels of the images in `folder` are kept.
    fn place(&self, folder: &Path) -> Option<PathBuf> {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let name = absolute.file_name().unwrap_or_default().to_string_lossy();
        let name = name.chars().take(MAX_NAME).map(|c| if c.is_alphanumeric() { c } else { '-' });
        let hash = xxh3_64(absolute.as_os_str().as_encoded_bytes());
        Some(self.0.as_ref()?.join(format!("{}-{hash:016x}", name.collect::<String>())))
    }

    /// The folder of the labels that are kept for the images in `folder`, if there are any.
    pub fn of(&self, folder: &Path) -> Option<PathBuf> {
        self.place(folder).filter(|place| disk::exists(&place.join(LABELS_FILE)))
    }

    /// Keeps labels; returns the folder that they are in, or why they are not kept.
    pub fn keep(&self, own: &LabellingFolder, labels: &Labels) -> Result<PathBuf, String> {
        let place = self.place(&own.folder).ok_or("there is no other folder to keep them in")?;
        disk::create_folder(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        let pictures = LabelledPictures::of(labels, &own.files, &own.ids);
        for (name, bytes) in [
            (PICTURES_FILE, pictures.content()),
            (CLASSES_FILE, labels.classes_file()),
            (LABELS_FILE, labels.labels_file(&own.files)),
        ] {
            write_atomically(&place.join(name), &bytes).map_err(|error| error.to_string())?;
        }
        Ok(place)
    }
}

/// Removes labels that are saved beside their images now.
pub fn forget(place: &Path) {
    for name in [LABELS_FILE, CLASSES_FILE, PICTURES_FILE] {
        // What cannot be removed is merged again, which changes nothing.
        let _ = disk::remove(&place.join(name));
    }
    let _ = disk::remove_folder(place);
}
