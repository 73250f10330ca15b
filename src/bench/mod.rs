//! What the adapter can do and how much of it the kernels reach: always ratios within one run.

mod conv;
mod gemm;
mod growth;
mod memory;
mod step;
mod training;

pub use conv::{ConvTime, DIRECTIONS, convolution_rate, measure_convolutions, time_weighted};
pub use gemm::{GemmTime, measure_gemm};
pub use growth::{Growth, GrowthRow, measure_growth};
pub use memory::{MemoryTime, measure_memory};
pub use step::{FamilyTime, StepTime, measure_step};
pub use training::TrainingStep;
