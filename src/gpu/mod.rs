//! The GPU runtime: device, pipelines, planned memory, recorded plans and readback.
//!
//! Nothing here knows about learning. A [`PlanBuilder`] records tensors and dispatches, lays the
//! tensors out in reusable memory and yields a [`Plan`] whose programs are encoded again and again.

mod arena;
mod builder;
mod device;
mod error;
mod kernels;
mod limits;
mod pacer;
mod pictures;
mod plan;
mod profiler;
mod readback;
mod run_once;
pub mod shaders;
mod stopwatch;
mod tensor;
mod tiling;

pub use arena::{Lifetime, assign_slots};
pub use builder::PlanBuilder;
pub use device::Gpu;
pub use error::GpuError;
pub use kernels::Kernel;
pub use limits::{groups_1d, groups_for_items};
pub use pacer::Pacer;
pub use pictures::Pictures;
pub use plan::Plan;
pub use profiler::{KernelTime, Profiler};
pub use readback::ReadbackRing;
#[cfg(not(target_arch = "wasm32"))]
pub use run_once::run_once;
pub use run_once::{Arg, run_once_async};
pub use stopwatch::{seconds_a_run, seconds_of};
pub use tensor::{ALIGNED_WORDS, Memory, Program, Tensor};
pub use tiling::{Sharing, Tiling};
