//! Training: configuration, the samples of a step, the trainer, checkpoints, reports and traces.
//!
//! `recording.rs` records what an engine places on the adapter, `engine.rs` runs it, `trainer.rs` drives a run.

mod checkpoint;
mod checkpoint_data;
mod config;
mod embedding;
mod engine;
mod error;
mod evaluation;
mod files;
mod fingerprint;
mod init;
mod init_network;
mod init_source;
mod inspection;
mod metrics;
mod model;
mod observation;
mod overrides;
mod pace;
mod precision;
mod predictions;
mod presets;
mod recording;
mod run_folder;
mod run_lock;
mod run_time;
mod sampler;
mod saving;
mod speed;
mod statistics;
mod summary;
mod tile_cache;
#[cfg(not(target_arch = "wasm32"))]
mod trace;
mod trainer;
mod tuned;
mod workload;

pub use checkpoint::{Checkpoint, Header, PendingProbe};
pub use config::{Config, Difference};
pub use embedding::{EmbeddedImage, Embedding};
pub use engine::{Engine, EngineOptions};
pub use error::TrainError;
pub use evaluation::{Evaluation, Weights};
pub use files::write_atomically;
pub use fingerprint::{Changes, DataFacts, Fingerprint, RecordedImage, Role, reopen_options};
pub use init::{InitialWeights, init_file, is_name_of_weights, is_weights_file};
pub use init_source::InitSource;
pub use inspection::{FOLLOWED, Followed, Inspection};
#[cfg(not(target_arch = "wasm32"))]
pub use metrics::MetricsFile;
pub use metrics::{
    Report, Summary, accuracy, median_accuracy, most_likely, read_reports, read_whole_reports,
    test_set_changes, wilson_interval,
};
pub use model::Model;
pub use observation::{AnchorRow, Guessed, Guesses, MixRow, Observation, RotationRow, StrongView};
pub use overrides::Overrides;
pub use pace::Pace;
pub use precision::Precision;
pub use predictions::PredictionTable;
pub use presets::{PRESET_NAMES, Preset, preset};
pub use recording::{AdapterClass, Capture, Recording, RecordingOptions};
pub use run_folder::{Resumable, RunFolder};
pub use run_lock::RunLock;
pub use run_time::RunTime;
pub use sampler::{StepSamples, Stream, stream_rng};
pub use speed::{Basis, Speed, known_speed, remember_speed, speed_key, try_speed};
pub use statistics::StepStatistics;
pub use summary::summary;
#[cfg(not(target_arch = "wasm32"))]
pub use trace::write_trace;
pub use trainer::{Progress, Trainer, engine_options, image_shape, label_frequencies, plan_options};
pub use tuned::{ChosenTile, TilingChoice, tune, tune_products, with_tiling};
pub use workload::Workload;
