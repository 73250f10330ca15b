//! ReMixMatch's step: guesses, alignment, MixUp, losses, and the plan that runs them.
//!
//! A [`Method`] says which parts are on; [`StepShape`] is what of it shapes the recorded plan; a
//! [`StepRecording`] is one training step and the evaluation of the same network.

mod guess;
mod inspection;
mod losses;
mod method;
mod recorder;
mod shape;
mod step;
mod step_block;

pub use guess::{AlignmentState, Guess, Measure, record_guess, record_measure, record_push};
pub use inspection::{FOLLOWED, Followed, Inspection};
pub use losses::{
    LossTables, RowKind, STATISTICS, record_matches, record_rows, record_softmax, record_summary,
    record_targets,
};
pub use method::{LabelPrior, Method, MethodError, PolicyKind};
pub use shape::{HISTORY, StepShape, interleave};
pub use step::{
    EvaluationTensors, GroupTensors, Keep, REPORT_FAULTS, REPORT_MATCHES, StepRecording, StepTensors,
};
pub use step_block::{STEP_WORDS, StepBlock};
