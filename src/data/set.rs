//! The data set, the options that it is opened with, and how a format assembles one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::bit_depth::SignificantBits;
use super::counted::counted_of;
use super::error::DataError;
use super::fit::Fit;
use super::held_out::{HoldOut, class_counts};
use super::identity::{Identities, RecordedRoles, SplitRule};
use super::images::Images;
use super::limits::{SIDES, rounded_side};
use super::original::Original;
use super::unread_columns::UnreadColumns;

/// Images and labels to train and test on, whatever format they came from.
#[derive(Clone, Debug, Default)]
pub struct DataSet {
    /// The source as it was given: `builtin:NAME`, or the last component of the path.
    pub name: String,
    /// The detected format, for people; begins with [`Format::name`](super::Format::name).
    pub format: String,
    pub classes: Vec<String>,
    pub train: Images,
    /// The class of each training image; `None` if it is unknown.
    pub train_labels: Vec<Option<u32>>,
    /// What identifies each training image.
    pub train_ids: Identities,
    pub test: Images,
    /// The class of each test image.
    pub test_labels: Vec<u32>,
    /// What identifies each test image.
    pub test_ids: Identities,
    /// The share of the labelled images that is held out for testing; `None` if the set has test images of its own.
    pub held_out: Option<f64>,
    /// What is unusual about image files (depth, profile, size, transparency), by their path as in [`Identities::files`].
    pub originals: BTreeMap<String, Original>,
    /// Columns of lists that are not read.
    pub unread_columns: UnreadColumns,
    /// How image files were decoded.
    pub decoding: Decoding,
    pub origin: Origin,
    /// Whether weak augmentation flips images horizontally: not for digits, which are not symmetric.
    pub flip: bool,
    /// Largest shift of weak augmentation, in pixels.
    pub shift: u32,
    /// What the user should know: images that were resized, held out or skipped.
    pub notices: Vec<String>,
}

impl DataSet {
    /// Identifies every image by its pixels, as sets of arrays do. Streamed images are not identified.
    pub fn identified(self) -> Self {
        let train_ids = Identities::of_pixels(&self.train, TRAIN_LIST);
        let test_ids = Identities::of_pixels(&self.test, TEST_LIST);
        Self { train_ids, test_ids, ..self }
    }

    /// The number of these training images, by index, of each class; images of unknown class are not counted.
    pub fn train_counts(&self, images: &[usize]) -> Vec<usize> {
        let known = images.iter().filter_map(|image| self.train_labels[*image]);
        class_counts(known, self.classes.len())
    }

    /// What the accuracy in a report measures.
    pub fn accuracy_name(&self) -> &'static str {
        match self.origin {
            Origin::Benchmark => "test accuracy",
            Origin::ByHand { held_out: true } => "accuracy on the labels held out",
            Origin::ByHand { held_out: false } => "accuracy on the labelled images themselves",
        }
    }

    /// [`DataSet::accuracy_name`] in a word or two.
    pub fn tested_on(&self) -> &'static str {
        match self.origin {
            Origin::Benchmark => "test",
            Origin::ByHand { held_out: true } => "held-out labels",
            Origin::ByHand { held_out: false } => "labelled themselves",
        }
    }

    /// What the test images are.
    pub fn tested_images(&self) -> &'static str {
        match self.origin {
            Origin::Benchmark => "test images",
            Origin::ByHand { held_out: true } => "images whose labels were held out",
            Origin::ByHand { held_out: false } => "labelled images, all of which were trained on",
        }
    }

    /// Whether the test images are the labelled training images themselves.
    pub fn tests_labelled_images(&self) -> bool {
        self.origin == (Origin::ByHand { held_out: false })
    }

    /// The number of labels to train on, if they were made by hand: a run uses all of them.
    pub fn hand_made_labels(&self) -> Option<usize> {
        match self.origin {
            Origin::Benchmark => None,
            Origin::ByHand { .. } => Some(self.train_labels.iter().flatten().count()),
        }
    }
}

/// How the image files of a set were decoded, where that depends on all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoding {
    /// The significant bits of 16-bit images, 8 to 16; `None` if there are no such images.
    pub significant_bits: Option<u8>,
    /// Whether the values of the 16-bit images need all 16 bits, so that dark images are just dark.
    pub needs_all_bits: bool,
    /// How images that are not square became squares.
    pub fit: Fit,
    /// Number of images that were skipped as they cannot be read.
    pub skipped: usize,
}

/// Where a set's labels come from, which decides how they are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// All labels are known: training uses some of them, and separate images test.
    #[default]
    Benchmark,
    /// Someone has labelled some of the images: all these labels are used.
    ByHand {
        /// Whether some labels are held out for testing. If not, the labelled images themselves test.
        held_out: bool,
    },
}

/// Names of the lists of records that a set of arrays has, for [`Identities::of_pixels`].
const TRAIN_LIST: &str = "train";
const TEST_LIST: &str = "test";
pub(super) const UNLABELLED_LIST: &str = "unlabelled";

/// Receives how far the opening of a set has come: images that are decoded, and how many there are to decode in this part
/// of the set.
#[derive(Clone, Default)]
pub struct OnProgress {
    images: Option<Arc<Receive>>,
    files: Option<Arc<ReceiveFiles>>,
}

type Receive = dyn Fn(usize, usize) + Send + Sync;
type ReceiveFiles = dyn Fn(usize, &Path) + Send + Sync;

impl OnProgress {
    /// Calls `receive` every few hundred images, on the thread that opens the set.
    pub fn new(receive: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        Self { images: Some(Arc::new(receive)), files: None }
    }

    /// Also calls `receive` every few hundred files while a folder is listed, with their number so far and the folder that
    /// is listed.
    pub fn with_files(self, receive: impl Fn(usize, &Path) + Send + Sync + 'static) -> Self {
        Self { files: Some(Arc::new(receive)), ..self }
    }

    fn report(&self, done: usize, all: usize) {
        if let Some(receive) = &self.images {
            receive(done, all);
        }
    }
}

impl fmt::Debug for OnProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnProgress").field(&self.images.is_some()).finish()
    }
}

/// How a source is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Refuse image files whose sizes differ rather than resize them.
    pub strict: bool,
    /// Skip images that cannot be read, with a notice, rather than fail.
    pub skip_bad: bool,
    /// The side in pixels that all images are resized to. `None`: square arrays up to 224 pixels keep theirs, image files get
    /// the size that most of them share, clamped to 8..=96, and so do other arrays; 32 if most files share none.
    pub image_size: Option<usize>,
    /// Rounds the side of image files to a multiple of this, with a notice: that of the run's network.
    pub size_multiple: Option<usize>,
    /// How images that are not square become squares.
    pub fit: Fit,
    /// Share of each class's training images that is held out if a source has no test images. `None`: a fifth for image
    /// files, a tenth for other formats.
    pub test_share: Option<f64>,
    /// How test images are chosen if a source has none.
    pub split: SplitRule,
    /// Is told about the progress.
    pub progress: OnProgress,
    /// Ends the opening with [`DataError::Stopped`] once it is set.
    pub stop: Arc<AtomicBool>,
    /// Significant bits of 16-bit image files.
    pub significant_bits: SignificantBits,
    /// The set is tested on and not trained on: a single class, and classes without images, are accepted.
    pub only_tests: bool,
    /// The set is not trained on now: notices do not advise how to train on what is left out.
    pub no_training: bool,
    /// The images that a run has tested, which are held out instead of those that `split` would choose.
    pub recorded: Option<Arc<RecordedRoles>>,
    /// Channels that image files are converted to, 1 or 3. `None`: 1 if all of them are grey, else 3.
    pub channels: Option<usize>,
    /// A folder for the hashes of images, so that images which are decoded on demand are read once. `None`: none are kept.
    pub cache: Option<PathBuf>,
    /// Choices that some formats offer.
    pub choice: Choice,
    /// Bytes of training images to keep in memory. Images beyond that are decoded when they are requested, if the
    /// format supports it (image files, and STL-10's unlabelled images). `None`: [`OpenOptions::MEMORY`].
    pub memory: Option<u64>,
}

impl OpenOptions {
    /// Default of [`OpenOptions::memory`].
    pub const MEMORY: u64 = 2 << 30;

    /// The side in pixels that all images get, if one is set: a multiple of what the network asks for.
    pub fn side(&self) -> Option<usize> {
        self.image_size.map(|side| rounded_side(side, self.size_multiple).0)
    }

    /// How many training images of `stride` bytes are kept in memory.
    pub(super) fn images_in_memory(&self, stride: usize) -> usize {
        let images = self.memory.unwrap_or(Self::MEMORY) / stride.max(1) as u64;
        usize::try_from(images).unwrap_or(usize::MAX)
    }

    /// How test images are held out, by default this `share` of the labelled images.
    pub(super) fn hold_out(&self, share: f64) -> HoldOut<'_> {
        let share = self.test_share.unwrap_or(share);
        HoldOut { share, rule: self.split, arrays: false, recorded: self.recorded.as_deref() }
    }

    /// Reports the progress; see [`OnProgress`].
    ///
    /// # Errors
    /// [`DataError::Stopped`] if [`OpenOptions::stop`] is set.
    pub(super) fn report(&self, done: usize, all: usize) -> Result<(), DataError> {
        self.progress.report(done, all);
        if self.stop.load(Ordering::Relaxed) { Err(DataError::Stopped) } else { Ok(()) }
    }

    /// Reports how many files were found while a folder is listed.
    ///
    /// # Errors
    /// [`DataError::Stopped`] if [`OpenOptions::stop`] is set.
    pub(super) fn report_files(&self, found: usize, folder: &Path) -> Result<(), DataError> {
        if let Some(receive) = &self.progress.files {
            receive(found, folder);
        }
        if self.stop.load(Ordering::Relaxed) { Err(DataError::Stopped) } else { Ok(()) }
    }

    /// # Errors
    /// When `image_size` or `test_share` is out of range.
    pub(super) fn check(&self) -> Result<(), DataError> {
        if let Some(side) = self.image_size.filter(|side| !SIDES.contains(side)) {
            return Err(DataError::SideOption(side));
        }
        match self.test_share {
            Some(share) if !(share > 0.0 && share < 1.0) => Err(DataError::ShareOption(share)),
            _ => Ok(()),
        }
    }
}

/// The formats of lists, as [`DataSet::format`] begins.
const LISTS: &str = "images listed in a CSV file";
/// The format of folders that were labelled by hand.
pub(super) const LABELLED_BY_HAND: &str = "images labelled in labels.csv";

/// Choices that some formats offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Choice {
    /// CIFAR-100: the 20 coarse classes instead of the 100 fine ones.
    pub coarse: bool,
    /// STL-10: keep the labels of one of the ten folds, 0 to 9; the other images count as unlabelled. `None`: keep all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// SVHN: leave out the extra images.
    pub no_extra: bool,
    /// Class folders: every folder is a class, also one whose name or structure is unclear. `train/CLASS` with `test/CLASS`
    /// stay splits, and `unlabeled` stays of unknown class.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub folders_as_classes: bool,
    /// Lists: the words `none`, `empty`, `unknown`, `undefined` and `skip` are classes rather than no label.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub none_as_class: bool,
    /// Folders: go on where far more files are found than images, as in a whole home folder.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub many_files: bool,
}

impl Choice {
    /// Whether nothing is chosen.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// # Errors
    /// When the set's format does not offer what is chosen.
    pub(super) fn check(&self, path: &Path, set: &DataSet) -> Result<(), DataError> {
        for (setting, format, chosen) in [
            ("coarse", "CIFAR-100", self.coarse),
            ("fold", "STL-10", self.fold.is_some()),
            ("no_extra", "SVHN", self.no_extra),
            ("folders_as_classes", "folder of class folders", self.folders_as_classes),
            ("none_as_class", LISTS, self.none_as_class),
        ] {
            let is_list = format == LISTS && set.format.starts_with(LABELLED_BY_HAND);
            if chosen && !is_list && !set.format.starts_with(format) {
                let (path, found) = (path.to_owned(), set.format.clone());
                return Err(DataError::NoChoice { setting, format, path, found });
            }
        }
        Ok(())
    }
}

/// Images and their classes.
#[derive(Clone, Debug, Default)]
pub(super) struct Labelled {
    pub images: Images,
    pub labels: Vec<u32>,
}

impl Labelled {
    /// No images yet.
    pub fn empty([height, width]: [usize; 2], channels: usize) -> Self {
        let images = Images::new(height, width, channels, Vec::new());
        Self { images, labels: Vec::new() }
    }

    fn pick(&self, indices: &[usize]) -> Self {
        let labels = indices.iter().map(|&i| self.labels[i]).collect();
        Self { images: self.images.pick(indices), labels }
    }
}

/// Share of the training images of a benchmark that is held out by default.
const TEST_SHARE: f64 = 0.1;

/// The contents of a benchmark, from which [`Parts::assemble`] makes a data set.
pub(super) struct Parts {
    pub format: String,
    pub classes: Vec<String>,
    pub train: Labelled,
    /// `None` or empty: a share of the training images is held out.
    pub test: Option<Labelled>,
    pub flip: bool,
    pub shift: u32,
}

impl Parts {
    /// Makes the data set, still without a name.
    pub fn assemble(self, options: &OpenOptions) -> DataSet {
        let Self { format, classes, mut train, test, flip, shift } = self;
        let mut notices: Vec<String> = dark_notice(&train.images).into_iter().collect();
        let mut train_ids = Identities::of_pixels(&train.images, TRAIN_LIST);
        let mut held_out = None;
        let (test, test_ids) = match test {
            Some(test) if !test.labels.is_empty() => {
                let ids = Identities::of_pixels(&test.images, TEST_LIST);
                (test, ids)
            }
            _ if options.only_tests => Default::default(),
            _ => {
                let rule = HoldOut { arrays: true, ..options.hold_out(TEST_SHARE) };
                let held = rule.choose(&train_ids.ids, &train.labels, &classes, &mut notices);
                held_out = Some(rule.share);
                let (test, rest): (Vec<usize>, Vec<usize>) = (0..held.len()).partition(|&i| held[i]);
                let held = (train.pick(&test), train_ids.pick(&test));
                (train, train_ids) = (train.pick(&rest), train_ids.pick(&rest));
                held
            }
        };
        DataSet {
            name: String::new(),
            format,
            classes,
            train: train.images,
            train_labels: train.labels.into_iter().map(Some).collect(),
            train_ids,
            test: test.images,
            test_labels: test.labels,
            test_ids,
            held_out,
            originals: BTreeMap::new(),
            unread_columns: UnreadColumns::default(),
            decoding: Decoding::default(),
            origin: Origin::Benchmark,
            flip,
            shift,
            notices,
        }
    }
}

/// The greatest value of images that a network sees as nearly black.
const DARK: u8 = 32;

/// The notice about arrays whose images are all nearly black.
fn dark_notice(images: &Images) -> Option<String> {
    let most = images.pixels.iter().copied().max().filter(|most| *most <= DARK)?;
    let is_varied = images.pixels.iter().any(|value| *value < most);
    is_varied.then(|| {
        format!(
            "the greatest value of the images is {most} of 255, so that they are nearly black: if {most} is white, scale the values \
             to 0 to 255 before they are saved"
        )
    })
}

/// Makes a class of each label that occurs in the training images, named by its number, and renumbers the labels.
///
/// # Errors
/// When a test image has another label. `path` is the set's.
pub(super) fn classes_of_labels(
    path: &Path,
    train: &mut Labelled,
    test: Option<&mut Labelled>,
) -> Result<Vec<String>, DataError> {
    let present: Vec<u32> = train.labels.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    for label in [Some(train), test].into_iter().flatten().flat_map(|part| &mut part.labels) {
        let Ok(class) = present.binary_search(label) else {
            return Err(DataError::UntrainedClass { path: path.to_owned(), class: label.to_string() });
        };
        *label = class as u32;
    }
    Ok(present.iter().map(u32::to_string).collect())
}

/// Class names that are numbers from 0.
pub(super) fn numbered(classes: usize) -> Vec<String> {
    (0..classes).map(|class| class.to_string()).collect()
}

/// The notice about streamed images.
pub(super) fn streamed_notice(count: usize, all: usize) -> String {
    format!(
        "{} decoded on demand (raise the setting memory to keep more in memory)",
        counted_of(count, all, ["training image", "training images"], ["is", "are"])
    )
}
