//! The ablation table: the published rows, over seeds, each run in a folder of its own.
//!
//! A [`Plan`] says what is run and stands as `ablation.toml` in the folder; what has come of it is read back as a
//! [`Table`] from the runs' own files, so that nothing is told twice. Training is the caller's.

mod plan;
mod row;
mod spread;
mod table;
mod text;

pub use plan::{AblationError, Plan, RunState};
pub use row::{ROWS, Row};
pub use spread::Spread;
pub use table::{Table, TableRow};
