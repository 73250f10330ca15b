use std::path::PathBuf;

use thiserror::Error;

use crate::augment::AugmentError;
use crate::data::DataError;
use crate::gpu::GpuError;
use crate::nn::NetworkError;
use crate::ssl::MethodError;

/// What can go wrong in a run.
#[derive(Debug, Error)]
pub enum TrainError {
    #[error(transparent)]
    Gpu(#[from] GpuError),
    #[error(transparent)]
    Augment(#[from] AugmentError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Method(#[from] MethodError),
    #[error("{field} is {found}, it must be {expected}")]
    OutOfRange { field: &'static str, found: String, expected: &'static str },
    #[error("no preset is named '{found}': choose {list}")]
    UnknownPreset { found: String, list: String },
    #[error("this adapter has no tile named '{found}': choose {list}")]
    UnknownTiling { found: String, list: String },
    #[error(
        "training diverged: {term} is {value} at step {step}; the last good checkpoint is kept. \
         Try a lower learning rate"
    )]
    NotFinite { step: u64, term: String, value: String },
    #[error("{path}: {doing} failed: {source}")]
    File { path: PathBuf, doing: &'static str, source: std::io::Error },
    #[error("{path} is not a remixmatch checkpoint: {reason}")]
    Checkpoint { path: PathBuf, reason: String },
    #[error("{path} was made by another network: {reason}")]
    WrongNetwork { path: PathBuf, reason: String },
    #[error(
        "{path} holds the state of the optimiser '{found}', the configuration has '{expected}': \
         set optimiser to '{found}'"
    )]
    OtherOptimiser { path: PathBuf, found: &'static str, expected: &'static str },
    #[error("{path} was trained on other data: {reason}")]
    OtherData { path: PathBuf, reason: String },
    #[error("{path}: {reason}")]
    Config { path: PathBuf, reason: String },
    #[error(
        "the output folder {path} is not empty: give --resume {path} to go on with its run, \
         --force to replace it, or another --out"
    )]
    OutputNotEmpty { path: PathBuf },
}

impl TrainError {
    /// An input or output failure at `path` while `doing` something.
    pub fn file(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, doing, source }
    }
}
