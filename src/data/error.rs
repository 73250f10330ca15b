use std::path::PathBuf;

use thiserror::Error;

/// What can be wrong with a data source.
#[derive(Debug, Error)]
pub enum DataError {
    #[error("no built-in set is named '{0}': choose builtin:fashion or builtin:digits")]
    UnknownBuiltin(String),
    #[error("{path}: no such file or folder: give builtin:fashion, builtin:digits or a folder")]
    Missing { path: PathBuf },
    #[error(
        "{path} is no data set that is known: looked for IDX files (train-images-idx3-ubyte[.gz]) and CIFAR \
         binary files (data_batch_1.bin or train.bin), found {found}"
    )]
    Unknown { path: PathBuf, found: String },
    #[error("{path}: {doing} failed: {source}")]
    File { path: PathBuf, doing: &'static str, source: std::io::Error },
    #[error("{path}: expected {expected}, found {found} at byte {offset}: the file is truncated or damaged")]
    Corrupt { path: PathBuf, offset: usize, expected: String, found: String },
    #[error("{path}: {reason}")]
    Image { path: PathBuf, reason: String },
    #[error("{name} has {images} images and {labels} labels: the files do not belong together")]
    CountsDiffer { name: String, images: usize, labels: usize },
    #[error("{name} has images of {height}x{width}: the network takes 8 to 96 pixels a side")]
    ImageSize { name: String, height: usize, width: usize },
    #[error("{labels} labels are fewer than the {classes} classes: give --labels {classes} or more")]
    FewerLabelsThanClasses { labels: usize, classes: usize },
    #[error(
        "{labels} labels cannot be shared evenly by {classes} classes: give --labels {lower} or {upper}, \
         or --label-balance train"
    )]
    NotDividing { labels: usize, classes: usize, lower: usize, upper: usize },
    #[error("class '{class}' has {found} images with a label, {wanted} are asked for: give fewer --labels")]
    TooFew { class: String, found: usize, wanted: usize },
}

impl DataError {
    /// An input failure at `path` while `doing` something.
    pub(super) fn file(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, doing, source }
    }
}
