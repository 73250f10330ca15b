//! What can go wrong in a run. Messages name settings, which the command line, the window and the page share.

use std::path::PathBuf;

use thiserror::Error;

use crate::augment::AugmentError;
use crate::data::{DataError, counted};
use crate::gpu::GpuError;
use crate::nn::NetworkError;
use crate::ssl::MethodError;

/// Why a run cannot start, continue or be read.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The adapter failed, or cannot hold the run.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// An augmentation policy cannot be recorded or restored.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// The data set cannot be opened, read or split.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network is unknown or does not fit the images.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The method is unknown or cannot be trained with these settings.
    #[error(transparent)]
    Method(#[from] MethodError),
    /// A setting is out of range.
    #[error("{field} is {found}, it must be {expected}")]
    OutOfRange { field: &'static str, found: String, expected: &'static str },
    /// No preset has this name.
    #[error("no preset is named '{found}': choose {list}")]
    UnknownPreset { found: String, list: String },
    /// The adapter supports no tiling with this name.
    #[error("this adapter supports no tiling named '{found}': choose {list}")]
    UnknownTiling { found: String, list: String },
    /// The adapter has no f16.
    #[error(
        "precision is 'mixed', which needs an adapter with the feature shader-f16; {adapter} has not: set precision to 'single'"
    )]
    NoHalfPrecision { adapter: String },
    /// A loss, a gradient or a tensor of the state is NaN or infinite.
    #[error(
        "training diverged: {term} is {value} at step {step}; the last good checkpoint is kept. \
         Try a lower learning rate"
    )]
    NotFinite { step: u64, term: String, value: String },
    /// The system failed to read or write a file or folder.
    #[error("{path}: {doing} failed: {source}")]
    File { path: PathBuf, doing: &'static str, source: std::io::Error },
    /// A file is not a checkpoint, or is damaged.
    #[error("{path} is not a remixmatch checkpoint: {reason}")]
    Checkpoint { path: PathBuf, reason: String },
    /// A checkpoint's tensors have other names or shapes than those of its network.
    #[error("{path} was made by another network: {reason}")]
    WrongNetwork { path: PathBuf, reason: String },
    /// A checkpoint holds the state of another optimiser than the configuration.
    #[error(
        "{path} holds the state of the optimiser '{found}', the configuration has '{expected}': \
         set optimiser to '{found}'"
    )]
    OtherOptimiser { path: PathBuf, found: &'static str, expected: &'static str },
    /// A run cannot go on with other first weights or frozen layers.
    #[error(
        "the run of {path} was started with {setting} = '{found}', the configuration has '{expected}': a run keeps the \
         setting; start another run to change it"
    )]
    OtherStart { path: PathBuf, setting: &'static str, found: String, expected: String },
    /// No first weights have the name or path that `init` gives.
    #[error(
        "no weights are named '{found}': looked for a file of this name{other}; scripts/fetch_backbone.py fetches \
         efficientnet-lite0"
    )]
    NoInit { found: String, other: String },
    /// A file of first weights does not fit the network.
    #[error("a run cannot start from {path}: {reason}")]
    Init { path: PathBuf, reason: String },
    /// A checkpoint's images or classes differ from those of the data set.
    #[error("{path} was trained on other data: {reason}")]
    OtherData { path: PathBuf, reason: String },
    /// The images of the data set, or their classes, are not those that a run was trained on.
    #[error(
        "the data differ from those of {path}: {reason}. Restore the data, or set accept_changed_data to go on with them"
    )]
    ChangedData { path: PathBuf, reason: String },
    /// None of the labelled images of a run is among the data.
    #[error(
        "none of the {before} labelled images of {path} is left in the data, or all were saved anew: put them back, or start \
         another run on these data"
    )]
    NoLabelsLeft { path: PathBuf, before: usize },
    /// The data of a run have been moved or removed.
    #[error("the data of the run are no longer at {path}: put them back, or set data to where they are now")]
    LostData { path: PathBuf },
    /// Settings or a summary cannot be parsed or serialised.
    #[error("{path}: {reason}")]
    Config { path: PathBuf, reason: String },
    /// A new run would replace the run in its output folder.
    #[error(
        "the output folder {path} is not empty: resume the run in it, replace that run, or choose another folder"
    )]
    OutputNotEmpty { path: PathBuf },
    /// The output folder holds files, but no run that could be replaced.
    #[error("there is no run to resume in {path}: it has no model.safetensors and no config.toml")]
    NoRun { path: PathBuf },
    #[error(
        "the output folder {path} is not empty and holds no run of this program, so nothing in it is replaced: \
         choose another folder"
    )]
    NotARun { path: PathBuf },
    /// A run in the folder that a symbolic link points to would be replaced.
    #[error("{path} is a symbolic link to {target}: to replace the run there, give that folder itself")]
    Link { path: PathBuf, target: PathBuf },
    /// Another process writes a run into the folder.
    #[error(
        "the folder {path} is in use by {}: wait until it ends, or choose another folder",
        .process.map_or("another process".to_owned(), |id| format!("process {id}"))
    )]
    InUse { path: PathBuf, process: Option<u32> },
    /// The folder of a run was moved, removed or replaced while the run went on.
    #[error(
        "the folder {path} of this run was moved, removed or replaced while it trained, so nothing more is written there: \
         resume the run in the folder that it was moved to"
    )]
    LostFolder { path: PathBuf },
    /// `config.toml` and the checkpoint beside it have other settings.
    #[error(
        "{path} does not match the checkpoint beside it: {differences}. A run keeps its settings: undo the change, or \
         start another run with these settings"
    )]
    EditedSettings { path: PathBuf, differences: String },
    /// `config.toml` cannot be parsed, while the checkpoint beside it has the settings too.
    #[error(
        "{reason}; the checkpoint beside it has the settings too: remove the file to have it written again"
    )]
    BrokenSettings { reason: String },
    /// A run's checkpoint is missing.
    #[error(
        "{path} is missing, and {report} shows that the run had trained: put it back, or start the run again"
    )]
    LostModel { path: PathBuf, report: String },
    /// `steps` below the number of steps that are done.
    #[error(
        "steps is {steps}, but {} done: set steps to at least {done}, or start another run",
        counted(*done as usize, "step is", "steps are")
    )]
    StepsDone { steps: u64, done: u64 },
}

impl TrainError {
    /// Makes [`TrainError::File`] of an I/O error at `path` while `doing` something.
    pub fn file(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, doing, source }
    }
}
