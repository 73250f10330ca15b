//! A run on a thread of its own: the window sends commands, and shows what the run published last.
//!
//! `state.rs` holds what both sides exchange, `handle.rs` the window's side, `worker.rs` the run's side.

mod classified_image;
mod embedding_requests;
mod handle;
mod state;
mod worker;

pub use classified_image::ClassifiedImage;
pub use handle::{Ending, Session};
pub use state::{Accuracy, Command, Phase, PlanFacts, Predictions, Profile, Start, State};
