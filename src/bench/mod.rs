//! What the adapter can do and how much of it the kernels reach: always ratios within one run.

mod conv;
mod gemm;

pub use conv::{ConvTime, convolution_rate, measure_convolutions};
pub use gemm::{GemmTime, measure_gemm};

use std::time::Duration;

use web_time::Instant;

use crate::gpu::{Gpu, GpuError, Plan, Program};

/// Work of one measured round.
const ROUND: Duration = Duration::from_millis(200);
const ROUNDS: usize = 4;

/// Seconds of one run of a program: the best of several rounds, each long enough for the clock.
pub fn seconds_a_run(gpu: &Gpu, plan: &Plan, program: Program) -> Result<f64, GpuError> {
    let round = |times: u32| -> Result<f64, GpuError> {
        let start = Instant::now();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for _ in 0..times {
            plan.encode(&mut encoder, program);
        }
        gpu.queue.submit([encoder.finish()]);
        gpu.wait("a measured round")?;
        Ok(start.elapsed().as_secs_f64() / f64::from(times))
    };
    round(1)?;
    let times = (ROUND.as_secs_f64() / round(1)?.max(1e-6)).clamp(1.0, 1_000.0) as u32;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        best = best.min(round(times)?);
    }
    Ok(best)
}
