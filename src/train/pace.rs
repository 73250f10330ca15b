//! Slices of GPU work, short enough for a window on the same adapter to stay responsive, or for a run to be interrupted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::gpu::{Gpu, GpuError, Pacer, Plan, Program};

/// Length of slices that frames are drawn in between.
const WINDOW: Duration = Duration::from_millis(6);
/// Length of slices where only an interruption waits for them.
const INTERRUPTIBLE: Duration = Duration::from_millis(150);

/// Runs an engine's programs in slices, so that a window on the same adapter stays responsive.
pub struct Pace {
    slice: Duration,
    kind: Kind,
    /// Set by another thread to stop between two slices.
    stop: Arc<AtomicBool>,
    /// One pacer per program.
    pacers: HashMap<Program, Pacer>,
}

/// What a pace is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Every slice is waited for, so that frames are drawn in between.
    Responsive,
    /// Only slices of programs that take longer than one of them are waited for.
    Interruptible,
}

impl Pace {
    /// Slices after which a window on the same adapter draws its frames, as in [`Pace::new`].
    pub fn of_window(stop: Arc<AtomicBool>) -> Self {
        Self::new(WINDOW, stop)
    }

    /// Slices that take about `slice`. Setting `stop` ends a program with [`GpuError::Stopped`] after the present slice.
    pub fn new(slice: Duration, stop: Arc<AtomicBool>) -> Self {
        Self { slice, kind: Kind::Responsive, stop, pacers: HashMap::new() }
    }

    /// Slices of a fraction of a second, and one submission for programs that take less, by their measured times. Setting
    /// `stop` ends a program as for [`Pace::new`].
    pub(super) fn interruptible(stop: Arc<AtomicBool>) -> Self {
        Self { slice: INTERRUPTIBLE, kind: Kind::Interruptible, stop, pacers: HashMap::new() }
    }

    /// A pace with the same slice and stop flag for the programs of another plan.
    pub(super) fn of_another_plan(&self) -> Self {
        Self { slice: self.slice, kind: self.kind, stop: Arc::clone(&self.stop), pacers: HashMap::new() }
    }

    /// Whether the next run of a program is divided into slices, in between which it can be stopped.
    pub(super) fn has_slices(&self, program: Program) -> bool {
        let pacer = self.pacers.get(&program);
        pacer.is_none_or(|pacer| !pacer.submits_ahead(program.len()))
    }

    async fn run(
        &mut self,
        gpu: &Gpu,
        plan: &Plan,
        program: Program,
        last_stop: usize,
    ) -> Result<(), GpuError> {
        let runs_ahead = self.kind == Kind::Interruptible;
        let pacer = self.pacers.entry(program).or_insert_with(|| Pacer::new(self.slice, runs_ahead));
        pacer.run(gpu, plan, program, &self.stop, last_stop).await
    }
}

/// Runs a program in slices, or in one submission without a pace. It can be stopped up to operation `last_stop`.
pub(super) async fn run(
    pace: &mut Option<Pace>,
    gpu: &Gpu,
    plan: &Plan,
    program: Program,
    last_stop: usize,
) -> Result<(), GpuError> {
    match pace {
        Some(pace) => pace.run(gpu, plan, program, last_stop).await,
        None => {
            plan.run(gpu, program);
            Ok(())
        }
    }
}
