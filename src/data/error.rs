use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{MAX_PIXELS, SIDES};

/// Characters of a file's own text that a message repeats.
const SHOWN: usize = 80;

/// Text out of a file, for a message of one line: shortened, line breaks and terminal codes escaped.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(SHOWN) {
        if letter.is_control() { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    shown
}

/// What can be wrong with a data set, or with what is asked of it.
#[derive(Debug, Error)]
pub enum DataError {
    #[error("cannot read {path}: {reason}")]
    Read { path: PathBuf, reason: io::Error },
    #[error("no built-in data is named '{0}': choose builtin:fashion, builtin:digits or builtin:shapes")]
    UnknownBuiltin(String),
    #[error(
        "{path} is no data set that is known: looked for four IDX files (MNIST), CIFAR-10 or CIFAR-100 files \
         (binary or Python), SVHN .mat files, STL-10 .bin files, .npz or .npy arrays x and y, images listed in a \
         CSV file, and a folder of class folders with images, each also in a .zip, .tar or .tar.gz; found {found}"
    )]
    Unknown { path: PathBuf, found: String },
    #[error("{path}, byte {offset}: expected {expected}, found {found}; {advice}")]
    Corrupt { path: PathBuf, offset: u64, expected: String, found: String, advice: &'static str },
    #[error("{path}, line {line}: expected {expected}, found {found}; {advice}")]
    Line { path: PathBuf, line: u64, expected: String, found: String, advice: &'static str },
    #[error(
        "{path} is larger than the {limit} bytes that are read of such a file: it is damaged, or another kind of file"
    )]
    LargeFile { path: PathBuf, limit: u64 },
    #[error("{path} cannot be read as an archive: {reason}; get it from its source again")]
    Archive { path: PathBuf, reason: String },
    #[error("{path} holds '{member}', {problem}: {advice}")]
    Member { path: PathBuf, member: String, problem: &'static str, advice: &'static str },
    #[error(
        "{path} cannot be unpacked to a temporary file: {reason}; make room where TMPDIR points, or unpack it and \
         give the folder"
    )]
    NoRoom { path: PathBuf, reason: io::Error },
    #[error("{option} chooses among {of}, {path} is {format}: leave it out")]
    NoChoice { option: &'static str, of: &'static str, path: PathBuf, format: String },
    #[error("{path} takes {bytes} bytes, more memory than there is: leave it out")]
    NoMemory { path: PathBuf, bytes: u64 },
    #[error("fold {fold} was asked for, there are {folds}: choose 0 to {}", folds - 1)]
    FoldOption { fold: usize, folds: usize },
    #[error(
        "image {image} has another size than when the data were opened: leave the files alone while training"
    )]
    Changed { image: usize },
    #[error("the decoder failed on image {image}: remove it, or pass over bad images with --skip-bad")]
    DecoderFailed { image: usize },
    #[error("{path}: expected {expected}, found {found}")]
    Missing { path: PathBuf, expected: String, found: String },
    #[error(
        "cannot decode the image {path}: {reason}; replace or remove it, or pass over bad images with --skip-bad"
    )]
    BadImage { path: PathBuf, reason: String },
    #[error(
        "the image {path} is {width}x{height} pixels, at most {limit} million are read: shrink or remove it, or \
         pass over bad images with --skip-bad",
        limit = MAX_PIXELS / 1_000_000
    )]
    HugeImage { path: PathBuf, width: u32, height: u32 },
    #[error(
        "image sizes differ: {first} is {}x{}, {second} is {}x{}; give them one size, or leave out --strict \
         to have them resized", first_size.0, first_size.1, second_size.0, second_size.1
    )]
    MixedSizes { first: PathBuf, first_size: (u32, u32), second: PathBuf, second_size: (u32, u32) },
    #[error(
        "{path} holds images of {width}x{height} pixels, square ones of {}x{} to {}x{} are taken: resize them \
         (images in class folders are resized while they are read)",
        SIDES.start(), SIDES.start(), SIDES.end(), SIDES.end()
    )]
    ImageSize { path: PathBuf, width: usize, height: usize },
    #[error(
        "the image size {0} is outside the {low} to {high} pixels that the network takes",
        low = SIDES.start(),
        high = SIDES.end()
    )]
    SideOption(usize),
    #[error("the share held out for testing is {0}, it must lie between 0 and 1")]
    ShareOption(f64),
    #[error("{path} has no image of class '{class}': add some, or remove the class")]
    EmptyClass { path: PathBuf, class: String },
    #[error("{path} tests class '{class}', which has no training images: add some, or remove the class")]
    UntrainedClass { path: PathBuf, class: String },
    #[error("{path} holds no images")]
    NoImages { path: PathBuf },
    #[error("{path} has no image of known class: name the classes of some")]
    NoClass { path: PathBuf },
    #[error("{path} has one class only, '{class}': at least two are needed to learn to tell them apart")]
    OneClass { path: PathBuf, class: String },
    #[error(
        "{path} has no test images and no class with two images, one of which could be held out: add images"
    )]
    NoTest { path: PathBuf },
    #[error("{labels} labels are fewer than the {classes} classes: ask for at least {classes}")]
    FewLabels { labels: usize, classes: usize },
    #[error(
        "{labels} labels are not the same number for each of {classes} classes: ask for {neighbours}, or for labels \
         that follow the train distribution (--label-balance train)"
    )]
    UnevenLabels { labels: usize, classes: usize, neighbours: String },
    #[error(
        "{labels} labels were asked for, {images} training images have a known class: ask for at most {images}"
    )]
    ManyLabels { labels: usize, images: usize },
    #[error(
        "{share} labels of class '{class}' were asked for, it has {images} training images: ask for at most \
         {most} labels, or for labels that follow the train distribution (--label-balance train)"
    )]
    SmallClass { share: usize, class: String, images: usize, most: usize },
}
