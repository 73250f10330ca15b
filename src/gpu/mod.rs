//! The GPU runtime: device, pipelines, planned memory, recorded plans and readback.
//!
//! Nothing here knows about learning. A [`PlanBuilder`] records tensors and dispatches, places the
//! tensors in reusable memory and yields a [`Plan`] whose programs are encoded again and again.

mod builder;
mod device;
mod error;
mod kernels;
mod measured_tiles;
mod memory;
mod pacer;
mod pictures;
mod plan;
mod profiler;
mod tiling;
mod work;

#[cfg(not(target_arch = "wasm32"))]
pub use builder::run_once;
pub use builder::{Arg, PlanBuilder, run_once_async};
pub use device::Gpu;
pub use error::GpuError;
pub use kernels::{Kernel, SHADERS, Storage, groups_1d, groups_for_items, shader_source};
pub use measured_tiles::{MeasuredTiles, Tuning};
pub use memory::{ALIGNED_WORDS, Lifetime, Memory, Program, Tensor, assign_slots};
pub use pacer::Pacer;
pub use pictures::Pictures;
pub use plan::{Plan, ReadbackRing};
pub use profiler::{KernelTime, Profiler, least, runs_lasting, samples_per_run, seconds_of, seconds_per_run};
pub use tiling::{Block, Sharing, Tiling};
pub use work::{DispatchWork, Work};
