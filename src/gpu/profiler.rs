//! How long programs and their kernels take: by the adapter's timestamps (`timestamp-query`) or by the host's clock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use web_time::Instant;

use super::builder::PlanBuilder;
use super::device::Gpu;
use super::error::GpuError;
use super::memory::Program;
use super::plan::{Plan, Ready};

/// Time spent in one kernel within one section, over one run of a program.
#[derive(Clone, Debug)]
pub struct KernelTime {
    pub kernel: String,
    /// The name given to [`PlanBuilder::section`]; `None` outside any section.
    pub section: Option<String>,
    pub calls: usize,
    pub microseconds: f64,
}

/// Kernel and section of a dispatch.
type Key = (String, Option<String>);

/// Runs a program with a timestamp around every dispatch.
pub struct Profiler;

impl Profiler {
    /// Time by kernel and section, longest first; `None` if the adapter has no timestamps.
    ///
    /// Each dispatch has its own compute pass, so that kernels do not overlap: the sum is at least the time of a
    /// plain run.
    ///
    /// # Errors
    /// [`GpuError::Readback`] if a buffer cannot be mapped; [`GpuError::Lost`] or [`GpuError::Adapter`] if the device
    /// failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn run(gpu: &Gpu, plan: &Plan, program: Program) -> Result<Option<Vec<KernelTime>>, GpuError> {
        if !gpu.features.contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        Ok(Some(summed(plan.run_timed(gpu, program).await?)))
    }

    /// [`Profiler::run`] without timestamps: every operation is submitted and waited for, so that each time includes
    /// a round trip to the adapter.
    ///
    /// # Errors
    /// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn run_waiting(gpu: &Gpu, plan: &Plan, program: Program) -> Result<Vec<KernelTime>, GpuError> {
        let mut times = Vec::new();
        for index in 0..program.len() {
            let start = Instant::now();
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            plan.encode_range(&mut encoder, program, index..index + 1);
            gpu.done(gpu.submit(encoder), "a measured operation").await?;
            if let Ready::Dispatch { kernel, section, .. } = &plan.ops[program.start + index] {
                times.push(((kernel.clone(), section.clone()), start.elapsed().as_secs_f64() * 1e6));
            }
        }
        Ok(summed(times))
    }
}

/// Times summed by kernel and section, longest first.
fn summed(times: Vec<(Key, f64)>) -> Vec<KernelTime> {
    let mut sums: BTreeMap<Key, (usize, f64)> = BTreeMap::new();
    for (key, microseconds) in times {
        let entry = sums.entry(key).or_default();
        entry.0 += 1;
        entry.1 += microseconds;
    }
    let time =
        |((kernel, section), (calls, microseconds))| KernelTime { kernel, section, calls, microseconds };
    let mut times: Vec<_> = sums.into_iter().map(time).collect();
    times.sort_by(|a, b| b.microseconds.total_cmp(&a.microseconds));
    times
}

impl Plan {
    /// Runs a program with a timestamp before and after every dispatch: microseconds of each.
    async fn run_timed(&self, gpu: &Gpu, program: Program) -> Result<Vec<(Key, f64)>, GpuError> {
        /// WebGPU allows 4,096 queries per set, two per dispatch.
        const CHUNK: usize = 2_048;
        let mut times = Vec::new();
        for start in (0..program.len()).step_by(CHUNK) {
            let range = start..(start + CHUNK).min(program.len());
            times.extend(self.time_range(gpu, program, range).await?);
        }
        Ok(times)
    }

    async fn time_range(
        &self,
        gpu: &Gpu,
        program: Program,
        range: Range<usize>,
    ) -> Result<Vec<(Key, f64)>, GpuError> {
        let count = range.len() as u32 * 2;
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
        for index in range {
            let op = &self.ops[program.start + index];
            if let Ready::Dispatch { pipeline, bind_group, groups, kernel, section } = op {
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
                names.push((kernel.clone(), section.clone()));
            } else {
                self.encode_range(&mut encoder, program, index..index + 1);
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

/// Least duration of a measured round: far above the time that a submission takes to reach a GPU.
const ROUND: Duration = Duration::from_millis(60);
const ROUNDS: usize = 4;
/// Most runs of a program in one submission.
const MOST_RUNS: u32 = 10_000;

/// Seconds per run of a program by the host's clock, one sample for each of several rounds of at least 60 ms.
///
/// # Errors
/// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
pub async fn samples_per_run(gpu: &Gpu, plan: &Plan, program: Program) -> Result<Vec<f64>, GpuError> {
    let runs = runs_lasting(gpu, plan, program, ROUND).await?;
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        samples.push(seconds_of(gpu, plan, program, runs).await?);
    }
    Ok(samples)
}

/// How many runs of a program in one submission take at least `least`. Ends after such a submission, so that shaders are
/// compiled and the adapter's clock is up.
///
/// # Errors
/// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
pub async fn runs_lasting(
    gpu: &Gpu,
    plan: &Plan,
    program: Program,
    least: Duration,
) -> Result<u32, GpuError> {
    seconds_of(gpu, plan, program, 1).await?;
    let (least, mut runs) = (least.as_secs_f64(), 1);
    loop {
        let each = seconds_of(gpu, plan, program, runs).await?;
        if each * f64::from(runs) >= least || runs == MOST_RUNS {
            return Ok(runs);
        }
        // A short submission says little: the number at most grows eightfold on its word.
        let enough = (1.2 * least / each).ceil() as u32;
        runs = enough.clamp(runs + 1, 8 * runs).min(MOST_RUNS);
    }
}

/// The smallest of some samples: what disturbs a measurement makes it longer. [`f64::MAX`] without any.
pub fn least(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::MAX, f64::min)
}

/// The best of [`samples_per_run`].
///
/// # Errors
/// As [`samples_per_run`].
pub async fn seconds_per_run(gpu: &Gpu, plan: &Plan, program: Program) -> Result<f64, GpuError> {
    Ok(least(&samples_per_run(gpu, plan, program).await?))
}

/// Seconds per run of a program by the host's clock, averaged over `times` runs in one submission.
///
/// # Errors
/// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
pub async fn seconds_of(gpu: &Gpu, plan: &Plan, program: Program, times: u32) -> Result<f64, GpuError> {
    let start = Instant::now();
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    for _ in 0..times {
        plan.encode(&mut encoder, program);
    }
    gpu.queue.submit([encoder.finish()]);
    gpu.settled("a measured round").await?;
    Ok(start.elapsed().as_secs_f64() / f64::from(times))
}
