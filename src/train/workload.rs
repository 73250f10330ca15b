//! The work of a run's plan, in seconds of a nominal adapter of the same kind: what its dispatches compute and move.

use super::config::Config;
use super::evaluation::Weights;
use super::recording::{AdapterClass, Recording};
use crate::gpu::{DispatchWork, Gpu};

/// What a nominal adapter does in a second.
struct Nominal {
    operations: f64,
    bytes: f64,
    /// Seconds between two dispatches.
    barrier: f64,
}

impl Nominal {
    fn of(class: AdapterClass) -> Self {
        let (operations, bytes, barrier) = match class {
            AdapterClass::Discrete => (20e12, 1_000e9, 3e-6),
            AdapterClass::Integrated => (1.5e12, 50e9, 5e-6),
            AdapterClass::Software => (50e9, 8e9, 20e-6),
        };
        Self { operations, bytes, barrier }
    }

    fn seconds(&self, works: &[DispatchWork]) -> f64 {
        let of_dispatch = |dispatch: &DispatchWork| {
            let work = &dispatch.work;
            let arithmetic = work.operations as f64 / self.operations;
            arithmetic.max(work.bytes as f64 / self.bytes) + self.barrier
        };
        works.iter().map(of_dispatch).sum()
    }
}

/// The work of a run's plan, in seconds of a nominal adapter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// One training step.
    pub step: f64,
    /// One chunk of an evaluation, with EMA weights and with raw ones.
    evaluation: f64,
    /// Images of a chunk.
    capacity: usize,
}

impl Workload {
    /// The work of a recorded plan on this kind of adapter.
    pub fn of(gpu: &Gpu, recording: &Recording) -> Self {
        let nominal = Nominal::of(AdapterClass::of(gpu));
        let seconds = |program| nominal.seconds(&recording.builder.works(program));
        let evaluation = &recording.evaluation;
        Self {
            step: seconds(recording.step),
            evaluation: seconds(evaluation.program(Weights::Ema)) + seconds(evaluation.program(Weights::Raw)),
            capacity: evaluation.capacity,
        }
    }

    /// A step and a chunk of an evaluation of so many seconds.
    #[cfg(test)]
    pub(super) fn of_programs(step: f64, evaluation: f64, capacity: usize) -> Self {
        Self { step, evaluation, capacity }
    }

    /// The work of all steps and reports, each of which evaluates `tested` images.
    pub fn of_run(&self, config: &Config, tested: usize) -> f64 {
        let reports = config.steps.div_ceil(config.report_every.max(1));
        let chunks = tested.div_ceil(self.capacity.max(1));
        config.steps as f64 * self.step + reports as f64 * chunks as f64 * self.evaluation
    }
}
