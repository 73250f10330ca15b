//! The ablation table: ReMixMatch without one part after another, over seeds.
//!
//! A [`Plan`] names rows and seeds and is stored as `ablation.toml` in the ablation's folder. Each run has a folder
//! there, and a [`Table`] is read from the files of the runs. The caller trains the runs.

mod plan;
mod row;
mod table;
mod text;

pub use plan::{AblationError, Plan, RunState};
pub use row::{ROWS, Row};
pub use table::{Spread, Table, TableRow};
