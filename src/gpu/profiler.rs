//! Time a kernel by timestamps, on adapters that have `timestamp-query`.

use std::collections::BTreeMap;
use std::ops::Range;

use web_time::Instant;

use super::plan::Ready;
use super::{Gpu, GpuError, Plan, PlanBuilder, Program};

/// Time spent in one kernel, for one part of the work, over one run of a program.
#[derive(Clone, Debug)]
pub struct KernelTime {
    pub kernel: String,
    /// As [`PlanBuilder::part`] was told; `None` for what was recorded outside of any.
    pub part: Option<String>,
    pub calls: usize,
    pub microseconds: f64,
}

/// Kernel and part of a dispatch.
type Key = (String, Option<String>);

/// Runs a program with a timestamp around every dispatch.
pub struct Profiler;

impl Profiler {
    /// Time by kernel and part, longest first; `None` where the adapter has no timestamps.
    ///
    /// One pass a dispatch keeps kernels from overlapping, so the sum is at least the plain time.
    ///
    /// # Errors
    /// The adapter's.
    pub async fn run(gpu: &Gpu, plan: &Plan, program: Program) -> Result<Option<Vec<KernelTime>>, GpuError> {
        if !gpu.features.contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        Ok(Some(summed(plan.run_timed(gpu, program).await?)))
    }

    /// [`Profiler::run`] where there are no timestamps: every operation goes alone and is waited for, so that each
    /// time has a round trip in it.
    ///
    /// # Errors
    /// The adapter's.
    pub async fn run_waiting(gpu: &Gpu, plan: &Plan, program: Program) -> Result<Vec<KernelTime>, GpuError> {
        let mut times = Vec::new();
        for index in 0..program.len() {
            let start = Instant::now();
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            plan.encode_part(&mut encoder, program, index..index + 1);
            gpu.done(gpu.submit(encoder), "a measured operation").await?;
            if let Ready::Dispatch { kernel, part, .. } = &plan.ops[program.start + index] {
                times.push(((kernel.clone(), part.clone()), start.elapsed().as_secs_f64() * 1e6));
            }
        }
        Ok(summed(times))
    }
}

/// Times by kernel and part, longest first.
fn summed(times: Vec<(Key, f64)>) -> Vec<KernelTime> {
    let mut sums: BTreeMap<Key, (usize, f64)> = BTreeMap::new();
    for (key, microseconds) in times {
        let entry = sums.entry(key).or_default();
        entry.0 += 1;
        entry.1 += microseconds;
    }
    let time = |((kernel, part), (calls, microseconds))| KernelTime { kernel, part, calls, microseconds };
    let mut times: Vec<_> = sums.into_iter().map(time).collect();
    times.sort_by(|a, b| b.microseconds.total_cmp(&a.microseconds));
    times
}

impl Plan {
    /// Runs a program with a timestamp before and after every dispatch: microseconds of each.
    async fn run_timed(&self, gpu: &Gpu, program: Program) -> Result<Vec<(Key, f64)>, GpuError> {
        /// WebGPU allows 4,096 queries a set, two a dispatch.
        const CHUNK: usize = 2_048;
        let mut times = Vec::new();
        for start in (0..program.len()).step_by(CHUNK) {
            let part = start..(start + CHUNK).min(program.len());
            times.extend(self.time_part(gpu, program, part).await?);
        }
        Ok(times)
    }

    async fn time_part(
        &self,
        gpu: &Gpu,
        program: Program,
        part: Range<usize>,
    ) -> Result<Vec<(Key, f64)>, GpuError> {
        let count = part.len() as u32 * 2;
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("dispatch times"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let mut scratch = PlanBuilder::new();
        let stamps = scratch.persistent("timestamps", count as usize * 2);
        let resolved = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: u64::from(count) * 8,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let scratch = scratch.build(gpu)?;
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let mut names = Vec::new();
        for index in part.clone() {
            let op = &self.ops[program.start + index];
            if let Ready::Dispatch { pipeline, bind_group, groups, kernel, part } = op {
                let at = names.len() as u32 * 2;
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: None,
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(at),
                        end_of_pass_write_index: Some(at + 1),
                    }),
                });
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, bind_group, &[]);
                pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
                names.push((kernel.clone(), part.clone()));
            } else {
                self.encode_part(&mut encoder, program, index..index + 1);
            }
        }
        encoder.resolve_query_set(&queries, 0..names.len() as u32 * 2, &resolved, 0);
        let bytes = names.len() as u64 * 16;
        encoder.copy_buffer_to_buffer(&resolved, 0, scratch.buffer(stamps), 0, bytes);
        gpu.queue.submit([encoder.finish()]);
        let ticks: Vec<u64> = scratch.fetch(gpu, stamps).await?;
        let period = f64::from(gpu.queue.get_timestamp_period()) / 1000.0;
        let spans = ticks.chunks_exact(2).map(|t| t[1].saturating_sub(t[0]) as f64 * period);
        Ok(names.into_iter().zip(spans).collect())
    }
}
