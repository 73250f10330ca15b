//! Measures what the adapter can do and how much of it the kernels and a training step reach. Compare rates only within
//! one run.

mod dispatches;
mod estimate;
mod growth;
mod kernels;
mod step;
mod training;

pub use dispatches::{DispatchTime, measure_dispatches};
pub use estimate::{Card, Estimate, KernelEstimate, estimate_step};
pub use growth::{Growth, GrowthRow, measure_growth};
pub use kernels::{
    ConvTime, GemmTime, MemoryTime, measure_convolutions, measure_gemm, measure_memory, time_weighted,
};
pub use step::{FamilyTime, StepTime, measure_step};
pub use training::TrainingStep;
