//! A folder of images that a person labels: the images, the labels made so far, and the set to train on.
//!
//! The labels lie beside the images: [`LABELS_FILE`] has a row `file,label` for each, in the order in which
//! they were made, and [`CLASSES_FILE`] a class a line, in the order of their keys. A folder with both files
//! is a source of data like any other.

mod file;
mod labels;
mod picture;

use std::path::{Path, PathBuf};

pub use file::{CLASSES_FILE, LABELS_FILE};
pub use labels::{HELD_OUT, Labels, LabelsError};
pub use picture::{Picture, read_picture};

use super::files::{self, Folder};
use super::folder::plain;
use super::{DataError, DataSet, Images, OpenOptions, Origin};

/// The images of a folder and of the folders in it, whatever their classes.
#[derive(Clone, Debug)]
pub struct OwnImages {
    pub folder: PathBuf,
    /// Paths of the images as seen from the folder, with `/` between names.
    pub files: Vec<String>,
    pub images: Images,
    /// What the person should be told: images resized or passed over.
    pub notices: Vec<String>,
}

impl OwnImages {
    /// Reads all images below a folder, each as the square that the network sees.
    ///
    /// # Errors
    /// When the folder cannot be read or holds no image; an image that cannot be, unless these are passed over.
    pub fn open(folder: &Path, options: &OpenOptions) -> Result<Self, DataError> {
        let found = plain::read(folder, &[LABELS_FILE, CLASSES_FILE], options)?;
        if found.images.is_empty() {
            return Err(DataError::NoImages { path: folder.to_owned() });
        }
        let files = found.files.iter().map(|path| relative(folder, path)).collect();
        Ok(Self { folder: folder.to_owned(), files, images: found.images, notices: found.notices })
    }

    /// Whether there is an image in a folder or in the folders in it.
    pub fn any(folder: &Path) -> bool {
        plain::any(folder)
    }

    /// Where an image's file is.
    pub fn path(&self, image: usize) -> PathBuf {
        self.folder.join(&self.files[image])
    }

    /// The labels that were made before.
    ///
    /// # Errors
    /// When a file is there that cannot be read, or is another's.
    pub fn read_labels(&self) -> Result<Labels, LabelsError> {
        file::read(&self.folder, &self.files)
    }

    /// The set to train on. Training image i is image i of the folder. Labels that are held out test, and training
    /// sees their images without; where none is held out, the labelled images themselves test.
    ///
    /// # Errors
    /// When there are fewer than two classes, or one without a label.
    pub fn data_set(&self, labels: &Labels) -> Result<DataSet, DataError> {
        let path = || self.folder.clone();
        match labels.classes() {
            [] => return Err(DataError::NoClass { path: path() }),
            [class] => return Err(DataError::OneClass { path: path(), class: class.clone() }),
            _ => {}
        }
        if let Some(empty) = labels.counts().iter().position(|&count| count == 0) {
            return Err(DataError::EmptyClass { path: path(), class: labels.classes()[empty].clone() });
        }
        let held = labels.held_out();
        let mut train_labels: Vec<Option<u32>> = (0..self.files.len()).map(|i| labels.of(i)).collect();
        held.iter().for_each(|&image| train_labels[image] = None);
        let test = if held.is_empty() { labels.made() } else { held.as_slice() };
        let mut notices = self.notices.clone();
        notices.push(match held.len() {
            0 => "there are no test images: accuracy is that on the labelled images themselves".to_owned(),
            n => format!("{n} of {} labels are held out to measure accuracy", labels.made().len()),
        });
        Ok(DataSet {
            name: files::name_of(&self.folder),
            format: format!("images labelled in {LABELS_FILE}"),
            classes: labels.classes().to_vec(),
            train: self.images.clone(),
            train_labels,
            test: self.images.pick(test),
            test_labels: test.iter().filter_map(|&image| labels.of(image)).collect(),
            origin: Origin::ByHand { held_out: !held.is_empty() },
            flip: true,
            shift: (self.images.width as f64 / 8.0).round() as u32,
            notices,
        })
    }
}

fn relative(folder: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(folder).unwrap_or(path).iter();
    parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Whether a folder has been labelled here.
pub(super) fn is_labelled(folder: &Folder) -> bool {
    [LABELS_FILE, CLASSES_FILE].iter().all(|file| folder.files.contains_key(*file))
}

/// Reads a folder that has been labelled here.
pub(super) fn read(folder: &Path, options: &OpenOptions) -> Result<DataSet, DataError> {
    let own = OwnImages::open(folder, options)?;
    let labels = own.read_labels().map_err(DataError::Labels)?;
    own.data_set(&labels)
}
