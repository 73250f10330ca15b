//! What can be wrong with a data set: one message per condition, each with the file, what was expected, what was
//! found and what to do. Messages name settings (`skip_bad`), which every front end has, and no command-line flags.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::counted::counted;
use super::limits::{MAX_PIXELS, SIDES};
use super::names::{is_invisible, shown, shown_name};
use super::unsorted_names::{is_date, is_of_camera};

/// Characters of a file's own text that a message repeats.
const EXCERPT: usize = 80;

/// Text from a file, for a message of one line: shortened, with line breaks and terminal codes escaped.
pub(super) fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    for letter in text.chars().take(EXCERPT) {
        if is_invisible(letter) { excerpt.extend(letter.escape_default()) } else { excerpt.push(letter) }
    }
    excerpt
}

/// Why labels cannot be read or changed.
#[derive(Debug, Error)]
pub enum LabelsError {
    #[error("a class needs a name: enter one")]
    NoName,
    #[error("a class '{0}' already exists: choose another name")]
    Exists(String),
    #[error("cannot read {path}: {reason}", path = shown(path))]
    Read { path: PathBuf, reason: io::Error },
    #[error(
        "{path} was not written by this program: expected the columns file and label, found '{found}'; rename or remove it",
        path = shown(path), found = shown_name(found)
    )]
    Foreign { path: PathBuf, found: String },
    #[error("{path}, line {line}: {reason}; correct the line or remove the file", path = shown(path))]
    Row { path: PathBuf, line: u64, reason: String },
}

/// Why a data set cannot be opened, read or split.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file or folder that the system does not let us read.
    #[error("cannot read {path}: {reason}", path = shown(path))]
    Read { path: PathBuf, reason: io::Error },
    /// [`OpenOptions::stop`](super::OpenOptions::stop) was set.
    #[error("opening the data set was cancelled")]
    Stopped,
    /// `builtin:NAME` with an unknown name.
    #[error("unknown built-in data set '{0}': expected builtin:fashion, builtin:digits or builtin:shapes")]
    UnknownBuiltin(String),
    /// A source in which no format of the registry was detected.
    #[error(
        "{path} is not a data set in a known format: looked for {expected}, each also in a .zip, .tar or .tar.gz; found {found}",
        path = shown(path)
    )]
    Unknown { path: PathBuf, expected: String, found: String },
    /// A binary file with wrong content at a byte offset.
    #[error("{path}, byte {offset}: expected {expected}, found {found}; {advice}", path = shown(path))]
    Corrupt { path: PathBuf, offset: u64, expected: String, found: String, advice: &'static str },
    /// A text file with wrong content in a line, counted from 1.
    #[error("{path}, line {line}: expected {expected}, found {found}; {advice}", path = shown(path))]
    Line { path: PathBuf, line: u64, expected: String, found: String, advice: &'static str },
    /// A file beyond the size limit of its kind.
    #[error(
        "{path} is larger than {limit} bytes, the limit for this kind of file: it is damaged, or of another kind",
        path = shown(path)
    )]
    LargeFile { path: PathBuf, limit: u64 },
    /// A damaged archive, or a file that has only the name of one.
    #[error("cannot read {path} as an archive: {reason}; download it again", path = shown(path))]
    Archive { path: PathBuf, reason: String },
    /// A member that is not unpacked.
    #[error(
        "{path} contains '{member}', {problem}: {advice}",
        path = shown(path), member = shown_name(member)
    )]
    Member { path: PathBuf, member: String, problem: &'static str, advice: &'static str },
    /// No space for the temporary file that a large .tar.gz is unpacked to.
    #[error(
        "cannot unpack {path} to a temporary file: {reason}; make room where TMPDIR points, or unpack the archive and \
         open its folder", path = shown(path))]
    NoRoom { path: PathBuf, reason: io::Error },
    /// A field of [`Choice`](super::Choice) that the detected format does not have.
    #[error(
        "the setting {setting} applies to {format}, but {path} is {found}: leave it out",
        path = shown(path)
    )]
    NoChoice { setting: &'static str, format: &'static str, path: PathBuf, found: String },
    /// An allocation that failed.
    #[error("{path} needs {bytes} bytes, more than the available memory: leave it out", path = shown(path))]
    NoMemory { path: PathBuf, bytes: u64 },
    /// `choice.fold` outside the folds of STL-10.
    #[error("fold {fold} does not exist: expected 0 to {}", folds - 1)]
    FoldOption { fold: usize, folds: usize },
    /// A streamed image whose size differs from the one that was read when the set was opened.
    #[error(
        "image {image} has changed its size since the data set was opened: do not modify the files during training"
    )]
    Changed { image: usize },
    /// An image file with other bytes than when the set was opened.
    #[error(
        "the image {path} has changed since the data set was opened: put it back, or open the data set again; do not change \
         the files during training",
        path = shown(path)
    )]
    ChangedFile { path: PathBuf },
    /// A panic in the image decoder.
    #[error("the decoder failed on image {image}: remove the image, or set skip_bad")]
    DecoderFailed { image: usize },
    /// A set with a missing or unsuitable file or array.
    #[error("{path}: expected {expected}, found {found}", path = shown(path))]
    Missing { path: PathBuf, expected: String, found: String },
    /// An image that cannot be decoded.
    #[error(
        "cannot decode the image {path}: {reason}; replace or remove it, or set skip_bad to skip such images",
        path = shown(path)
    )]
    BadImage { path: PathBuf, reason: String },
    /// An image beyond the pixel limit, refused before it is decoded.
    #[error(
        "the image {path} is {width}x{height} pixels, the limit is {limit} million pixels: shrink or remove it, or set \
         skip_bad to skip such images",
        limit = MAX_PIXELS / 1_000_000, path = shown(path))]
    HugeImage { path: PathBuf, width: u32, height: u32 },
    /// Images of several sizes with `strict`.
    #[error(
        "image sizes differ: {first} is {}x{}, {second} is {}x{}; give all images one size, or unset strict to have \
         them resized", first_size.0, first_size.1, second_size.0, second_size.1, first = shown(first), second = shown(second))]
    MixedSizes { first: PathBuf, first_size: (u32, u32), second: PathBuf, second_size: (u32, u32) },
    /// Images of an array that are too small, as rows of pixels are.
    #[error(
        "{path} contains images of {width}x{height} pixels, expected at least {}x{}: enlarge them, or, if these are rows of \
         pixels, save the array again with the height and the width of each image",
        SIDES.start(), SIDES.start(), path = shown(path))]
    ImageSize { path: PathBuf, width: usize, height: usize },
    /// A folder whose name is close to that of a split, or has a split's name where a class is expected.
    #[error(
        "{path}: this name is {nearly}the split word '{word}'{means}, so that it is unclear whether its images train or test: rename \
        the folder to '{split}' beside the other splits, or set folders_as_classes if it is a class",
        path = shown(path), nearly = if *is_near { "close to " } else { "" }, word = shown_name(word),
        means = if word == split { String::new() } else { format!(", which means '{split}'") }
    )]
    UnclearFolder {
        path: PathBuf,
        /// The word that the name is, or is close to.
        word: String,
        /// The usual word of that split.
        split: &'static str,
        is_near: bool,
    },
    /// Folders that may be classes, or splits, folds or masks.
    #[error(
        "{path}: {found}: {advice}, or set folders_as_classes if every folder is a class",
        path = shown(path)
    )]
    UnclearLayout { path: PathBuf, found: String, advice: &'static str },
    /// A folder around a set whose name says that its images do not train.
    #[error(
        "{path}: its name says {means}: {advice}, or set folders_as_classes if every folder is a class",
        path = shown(path)
    )]
    UntrainedFolder { path: PathBuf, means: &'static str, advice: &'static str },
    /// Folders of test or unlabelled images, and none to train on.
    #[error(
        "{path}: expected class folders, or a folder train with class folders, found {found} (if these are classes, set \
        folders_as_classes)", path = shown(path)
    )]
    NothingToTrain { path: PathBuf, found: String },
    /// A folder of far more other files than images, as a whole home folder is.
    #[error(
        "{path} has {found} so far and only {} among them, so that it may be another folder than you mean: open the folder of \
        the images, or set many_files to look through all files",
        counted(*images, "image", "images"), path = shown(path), found = counted(*files, "file", "files")
    )]
    ManyFiles { path: PathBuf, files: usize, images: usize },
    /// Images with masks or boxes instead of classes.
    #[error(
        "{path} is laid out for {task} (images with a folder '{folder}' that describes them), but this program learns one \
        class for each image: sort the images into a folder for each class, or list them with their classes in a CSV file",
        path = shown(path), folder = shown_name(folder)
    )]
    OtherTask { path: PathBuf, folder: String, task: &'static str },
    /// A list whose labels or splits are not those of the folders that its images are in.
    #[error(
        "{path} contradicts the folders that its images are in: {differing} of {} ({examples}); open the \
         list itself as the source to use it (unpack an archive first), or rename it to another ending or remove it to use \
         the folders",
        counted(*rows, "row differs", "rows differ"), path = shown(path)
    )]
    OtherLabels { path: PathBuf, rows: usize, differing: usize, examples: String },
    /// Lists in one folder that do not say the same about the same images.
    #[error("{path} has several lists of the same images: {found}; {advice}", path = shown(path))]
    SeveralLists { path: PathBuf, found: String, advice: String },
    /// Images that no folder or list gives a class. `lists`: what lists are not used, and why.
    #[error(
        "{path} is not a data set in a known format: it has {images} images without classes, such as {example}{lists}; sort them into \
         a folder for each class, list them with their classes in a CSV file, or give them labels with Label your own in \
         the window", path = shown(path), example = shown_name(example))]
    Unclassed { path: PathBuf, images: usize, example: String, lists: String },
    /// `image_size` outside [`SIDES`].
    #[error("image_size is {0}, expected {low} to {high} pixels", low = SIDES.start(), high = SIDES.end())]
    SideOption(usize),
    /// `test_share` outside the open interval from 0 to 1.
    #[error("test_share is {0}, expected a number between 0 and 1")]
    ShareOption(f64),
    /// A class without training images. `skipped`: images of the set that cannot be read, some of which may be of the class.
    #[error(
        "{path} has no image of class '{class}'{skipped}: add some, or remove the class",
        path = shown(path), class = shown_name(class), skipped = told_skipped(*skipped)
    )]
    EmptyClass { path: PathBuf, class: String, skipped: usize },
    /// A class with test images only.
    #[error(
        "{path} has test images of class '{class}' but no training images: add some, or remove the class",
        path = shown(path), class = shown_name(class)
    )]
    UntrainedClass { path: PathBuf, class: String },
    /// A set without training images.
    #[error("{path} contains no images: add some", path = shown(path))]
    NoImages { path: PathBuf },
    /// A set without a single label.
    #[error("{path} has no image of known class: label at least one image of each class", path = shown(path))]
    NoClass { path: PathBuf },
    /// A set with a single class.
    #[error(
        "{path} has one class only, '{class}': training needs at least two{hint}",
        path = shown(path), class = shown_name(class), hint = unsorted_hint(class)
    )]
    OneClass { path: PathBuf, class: String },
    /// A set without test images from which none can be held out.
    #[error(
        "{path} has no test images, and no class with two images of which one could be held out: add images",
        path = shown(path)
    )]
    NoTest { path: PathBuf },
    /// `labels` below the number of classes.
    #[error("{labels} labels are fewer than the {classes} classes: set labels to at least {classes}")]
    FewLabels { labels: usize, classes: usize },
    /// `labels` that balance `even` cannot divide among the classes.
    #[error(
        "{labels} labels do not divide evenly among {classes} classes: set labels to {neighbours}, or set balance to \
         train, for labels that follow the train distribution"
    )]
    UnevenLabels { labels: usize, classes: usize, neighbours: String },
    /// More `labels` than images of known class.
    #[error(
        "{labels} labels were requested, but {images} training images have a known class: set labels to at most {images}"
    )]
    ManyLabels { labels: usize, images: usize },
    /// More labels per class than the smallest class has images, with balance `even`.
    #[error(
        "{share} labels of class '{class}' were requested, but it has {images} training images: set labels to at most \
        {most} or to {known}, which takes all, or set balance to train, for labels that follow the train distribution",
        class = shown_name(class)
    )]
    SmallClass { share: usize, class: String, images: usize, most: usize, known: usize },
    /// A `labels.csv` or `classes.txt` that cannot be read.
    #[error(transparent)]
    Labels(LabelsError),
}

/// What a name says that a camera gives, or a day, where it is the only class; empty for other names.
fn unsorted_hint(class: &str) -> &'static str {
    match is_of_camera(class) || is_date(class) {
        true => {
            " (the name is that of a folder of a camera, or a day: sort its images into a folder for each class, or label \
             them by hand)"
        }
        false => "",
    }
}

/// What an error says of images that were skipped; nothing if none were.
fn told_skipped(skipped: usize) -> String {
    match skipped {
        0 => String::new(),
        _ => format!(
            " that can be read ({} skipped)",
            counted(skipped, "image of the set is", "images of the set are")
        ),
    }
}

impl DataError {
    /// The error for a list with these rows of file and class, some of which differ from the folders.
    pub(super) fn other_labels(list: &Path, rows: &[(&str, &str)], differing: &[usize]) -> Self {
        let example =
            |row: &usize| format!("{} is '{}' in the list", excerpt(rows[*row].0), excerpt(rows[*row].1));
        Self::OtherLabels {
            path: list.to_owned(),
            rows: rows.len(),
            differing: differing.len(),
            examples: differing.iter().take(3).map(example).collect::<Vec<_>>().join(", "),
        }
    }

    /// The problem without the advice, for notices that list skipped images.
    pub fn problem(&self) -> String {
        match self {
            Self::BadImage { path, reason } => format!("{} cannot be decoded: {reason}", shown(path)),
            Self::HugeImage { path, width, height } => format!(
                "{} is {width}x{height} pixels, the limit is {} million pixels",
                shown(path),
                MAX_PIXELS / 1_000_000
            ),
            other => other.to_string(),
        }
    }

    /// Whether the set lacks what training needs and may have images to test.
    pub fn may_test(&self) -> bool {
        matches!(
            self,
            Self::NothingToTrain { .. }
                | Self::UntrainedFolder { .. }
                | Self::UntrainedClass { .. }
                | Self::OneClass { .. }
                | Self::NoTest { .. }
        )
    }

    /// The setting that the message advises to change, if any: a front end may add how it is given there.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::BadImage { .. } | Self::HugeImage { .. } | Self::DecoderFailed { .. } => Some("skip_bad"),
            Self::Line { advice, .. } if advice.contains("skip_bad") => Some("skip_bad"),
            Self::Line { advice, .. } if advice.contains("none_as_class") => Some("none_as_class"),
            Self::ManyFiles { .. } => Some("many_files"),
            Self::MixedSizes { .. } => Some("strict"),
            Self::UnclearFolder { .. }
            | Self::UnclearLayout { .. }
            | Self::UntrainedFolder { .. }
            | Self::NothingToTrain { .. } => Some("folders_as_classes"),
            Self::NoChoice { setting, .. } => Some(setting),
            Self::FoldOption { .. } => Some("fold"),
            Self::SideOption(_) => Some("image_size"),
            Self::ShareOption(_) => Some("test_share"),
            Self::FewLabels { .. } | Self::ManyLabels { .. } => Some("labels"),
            Self::UnevenLabels { .. } | Self::SmallClass { .. } => Some("balance"),
            _ => None,
        }
    }
}
