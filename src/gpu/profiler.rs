//! Time a kernel family by timestamps, on adapters that have `timestamp-query`.

use std::collections::BTreeMap;

use super::{Gpu, GpuError, Plan, Program};

/// Time spent in one kernel over one run of a program.
#[derive(Clone, Debug)]
pub struct KernelTime {
    pub kernel: String,
    pub calls: usize,
    pub microseconds: f64,
}

/// Runs a program with a timestamp around every dispatch.
pub struct Profiler;

impl Profiler {
    /// Time by kernel, longest first; `None` where the adapter has no timestamps.
    ///
    /// One pass a dispatch keeps kernels from overlapping, so the sum is at least the plain time.
    pub fn run(gpu: &Gpu, plan: &Plan, program: Program) -> Result<Option<Vec<KernelTime>>, GpuError> {
        if !gpu.features.contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        let mut by_kernel: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        for (kernel, microseconds) in plan.run_timed(gpu, program)? {
            let entry = by_kernel.entry(kernel).or_default();
            entry.0 += 1;
            entry.1 += microseconds;
        }
        let mut times: Vec<_> = by_kernel
            .into_iter()
            .map(|(kernel, (calls, microseconds))| KernelTime { kernel, calls, microseconds })
            .collect();
        times.sort_by(|a, b| b.microseconds.total_cmp(&a.microseconds));
        Ok(Some(times))
    }
}
