//! Training: configuration, the random draws of a step, the trainer, checkpoints, reports and traces.

mod ahead;
mod batches;
mod checkpoint;
mod config;
mod draws;
mod embedding;
mod engine;
mod error;
mod files;
mod metrics;
mod model;
mod observation;
mod overrides;
mod pace;
mod presets;
mod random;
mod run_folder;
mod schedule;
#[cfg(not(target_arch = "wasm32"))]
mod trace;
mod trainer;
#[cfg(not(target_arch = "wasm32"))]
mod tuned;

pub use checkpoint::{Checkpoint, Header, PendingProbe};
pub use config::Config;
pub use draws::StepDraws;
pub use embedding::{EmbeddedImage, Embedding};
pub use engine::{Engine, EngineOptions, Weights};
pub use error::TrainError;
pub use files::write_atomically;
#[cfg(not(target_arch = "wasm32"))]
pub use metrics::MetricsFile;
pub use metrics::{Report, StepStatistics, Summary, median_accuracy, read_reports};
pub use model::Model;
pub use observation::{AnchorRow, Guessed, Guesses, MixRow, Observation, RotationRow, StrongView};
pub use overrides::Overrides;
pub use pace::Pace;
pub use presets::{PRESET_NAMES, Preset, preset};
pub use random::{Stream, stream_rng};
pub use run_folder::RunFolder;
pub use schedule::Schedule;
#[cfg(not(target_arch = "wasm32"))]
pub use trace::write_trace;
pub use trainer::{Progress, Trainer, accuracy, engine_options, label_frequencies, most_likely};
#[cfg(not(target_arch = "wasm32"))]
pub use tuned::{TilingChoice, with_tiling};
