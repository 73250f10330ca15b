//! Time that programs take, by the clock of the host.

use std::time::Duration;

use web_time::Instant;

use super::{Gpu, GpuError, Plan, Program};

/// Work of one measured round.
const ROUND: Duration = Duration::from_millis(200);
const ROUNDS: usize = 4;

/// Seconds of one run of a program: the best of several rounds, each long enough for the clock.
///
/// # Errors
/// The adapter's.
pub async fn seconds_a_run(gpu: &Gpu, plan: &Plan, program: Program) -> Result<f64, GpuError> {
    seconds_of(gpu, plan, program, 1).await?;
    let once = seconds_of(gpu, plan, program, 1).await?;
    let times = (ROUND.as_secs_f64() / once.max(1e-6)).clamp(1.0, 1_000.0) as u32;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        best = best.min(seconds_of(gpu, plan, program, times).await?);
    }
    Ok(best)
}

/// Seconds of each of `times` runs of a program, submitted as one and waited for once.
///
/// # Errors
/// The adapter's.
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
