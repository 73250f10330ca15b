//! The training step: guesses, alignment, MixUp, losses, and the one file that says in which order, `step.rs`.
//!
//! A [`Method`] says which components are on, a [`RowLayout`] which rows of a batch are what, [`LOSS_TERMS`] what is
//! minimised. [`record_step`] records it all as dispatches of a plan. Nothing here knows of runs, files or data.

mod guess;
mod loss_terms;
mod losses;
mod method;
mod row_layout;
mod schedule;
mod step;
mod validate;

pub use guess::{
    AlignmentState, AlignmentStats, Guess, HISTORY, record_alignment_stats, record_guess,
    record_history_update, record_mean_of_two,
};
pub use loss_terms::{LOSS_TERMS, LossTerm, PerTerm, Score, TERMS, Target, TermRows};
pub use losses::{
    LossTables, STATISTICS, record_loss_terms, record_matches, record_softmax, record_summary, record_targets,
};
pub use method::{LabelPrior, Method, MethodError, PolicyKind};
pub use row_layout::{PassKind, RowLayout, ViewBlock, interleave};
pub use schedule::{Decay, Schedule, StepBlock};
pub use step::{
    DispatchTensors, REPORT_FAULTS, REPORT_MATCHES, StepOptions, StepTensors, record_step, table_words,
};
