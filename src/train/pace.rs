use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::gpu::{Gpu, GpuError, Pacer, Plan, Program};

/// Runs an engine's programs in slices, so that a window on the same adapter stays alive.
pub struct Pace {
    slice: Duration,
    /// Set from outside to stop between two slices.
    stop: Arc<AtomicBool>,
    /// One for each program, known by its length and place.
    pacers: HashMap<Program, Pacer>,
}

impl Pace {
    /// Slices of about `slice`; `stop` ends a run between two of them with [`GpuError::Stopped`].
    pub fn new(slice: Duration, stop: Arc<AtomicBool>) -> Self {
        Self { slice, stop, pacers: HashMap::new() }
    }

    /// The same pace for the programs of another plan.
    pub(super) fn of_another_plan(&self) -> Self {
        Self::new(self.slice, Arc::clone(&self.stop))
    }

    async fn run(&mut self, gpu: &Gpu, plan: &Plan, program: Program) -> Result<(), GpuError> {
        let pacer = self.pacers.entry(program).or_insert_with(|| Pacer::new(self.slice));
        pacer.run(gpu, plan, program, &self.stop).await
    }
}

/// Runs a program in slices where there is a pace, and submits it in one go where there is none.
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
