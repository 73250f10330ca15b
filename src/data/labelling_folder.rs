//! A folder of images that are labelled by hand: its images, the labels made so far, and the set to train on.
//!
//! The labels are in two files beside the images, see [`labels`](super::labels). A folder with both files can be opened
//! like any other data set.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::files::Folder;
use super::host;
use super::image_files;
use super::images::Images;
use super::labels::{self, CLASSES_FILE, LABELS_FILE, Labels, LabelsError};
use super::set::{DataSet, OpenOptions, Origin};

/// All images below a folder, without classes.
#[derive(Clone, Debug)]
pub struct LabellingFolder {
    pub folder: PathBuf,
    /// Paths of the images relative to the folder, with `/` between names.
    pub files: Vec<String>,
    pub images: Images,
    /// What the user should know: images that were resized or skipped.
    pub notices: Vec<String>,
}

impl LabellingFolder {
    /// Reads all images below a folder, each as the square that the network gets.
    ///
    /// # Errors
    /// When the folder cannot be listed or contains no image, or, without `skip_bad`, an image cannot be read.
    pub fn open(folder: &Path, options: &OpenOptions) -> Result<Self, DataError> {
        let found = image_files::read_unclassed(folder, &[LABELS_FILE, CLASSES_FILE], options)?;
        if found.images.is_empty() {
            return Err(DataError::NoImages { path: folder.to_owned() });
        }
        let files = found.files.iter().map(|path| relative(folder, path)).collect();
        Ok(Self { folder: folder.to_owned(), files, images: found.images, notices: found.notices })
    }

    /// Whether there is an image below a folder.
    pub fn has_images(folder: &Path) -> bool {
        image_files::has_images(folder)
    }

    /// The path of an image.
    pub fn path(&self, image: usize) -> PathBuf {
        self.folder.join(&self.files[image])
    }

    /// Reads the labels that were saved; none if there are no files of labels.
    ///
    /// # Errors
    /// When `labels.csv` or `classes.txt` cannot be read, or was not written by this program.
    pub fn read_labels(&self) -> Result<Labels, LabelsError> {
        labels::read_labels(&self.folder, &self.files)
    }

    /// The set to train on. Training image i is image i of the folder. Images whose labels are held out test, and are
    /// unlabelled in training; if none are held out, the labelled images themselves test.
    ///
    /// # Errors
    /// When there are fewer than two classes, or a class has no label.
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
            0 => {
                "there are no test images: accuracy is measured on the labelled images themselves".to_owned()
            }
            n => format!("{n} of {} labels are held out to measure accuracy", labels.made().len()),
        });
        Ok(DataSet {
            name: host::name_of(&self.folder),
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

/// `path` relative to `folder`, with `/` between names.
fn relative(folder: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(folder).unwrap_or(path).iter();
    parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Whether a folder has both files of labels.
pub(super) fn is_labelled(folder: &Folder) -> bool {
    [LABELS_FILE, CLASSES_FILE].iter().all(|file| folder.files.contains_key(*file))
}

/// Loads a folder that was labelled by hand.
///
/// # Errors
/// As [`LabellingFolder::open`], [`LabellingFolder::read_labels`] and [`LabellingFolder::data_set`].
pub(super) fn load(folder: &Path, options: &OpenOptions) -> Result<DataSet, DataError> {
    let folder = LabellingFolder::open(folder, options)?;
    let labels = folder.read_labels().map_err(DataError::Labels)?;
    folder.data_set(&labels)
}
