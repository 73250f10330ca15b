//! Slices of GPU work, short enough for a window on the same adapter to stay responsive.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::gpu::{Gpu, GpuError, Pacer, Plan, Program};

/// Runs an engine's programs in slices, so that a window on the same adapter stays responsive.
pub struct Pace {
    slice: Duration,
    /// Set by another thread to stop between two slices.
    stop: Arc<AtomicBool>,
    /// One pacer per program.
    pacers: HashMap<Program, Pacer>,
}

impl Pace {
    /// Slices that take about `slice`. Setting `stop` ends a program with [`GpuError::Stopped`] after the present slice.
    pub fn new(slice: Duration, stop: Arc<AtomicBool>) -> Self {
        Self { slice, stop, pacers: HashMap::new() }
    }

    /// A pace with the same slice and stop flag for the programs of another plan.
    pub(super) fn of_another_plan(&self) -> Self {
        Self::new(self.slice, Arc::clone(&self.stop))
    }

    async fn run(&mut self, gpu: &Gpu, plan: &Plan, program: Program) -> Result<(), GpuError> {
        let pacer = self.pacers.entry(program).or_insert_with(|| Pacer::new(self.slice));
        pacer.run(gpu, plan, program, &self.stop).await
    }
}

/// Runs a program in slices, or in one submission without a pace.
pub(super) async fn run(
    pace: &mut Option<Pace>,
    gpu: &Gpu,
    plan: &Plan,
    program: Program,
) -> Result<(), GpuError> {
    match pace {
        Some(pace) => pace.run(gpu, plan, program).await,
        None => {
            plan.run(gpu, program);
            Ok(())
        }
    }
}
