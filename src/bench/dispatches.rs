//! What a dispatch costs that does next to nothing: the barrier between dependent dispatches, and the host's part.

use serde::Serialize;
use web_time::Instant;

use super::kernels::CopyParams;
use crate::gpu::{Gpu, GpuError, Kernel, PlanBuilder, least, samples_per_run};

/// Dispatches per run.
const DISPATCHES: usize = 1_000;

/// The cost of 1,000 dispatches of one workgroup.
#[derive(Clone, Debug, Serialize)]
pub struct DispatchTime {
    /// Whether each dispatch reads what the one before it wrote.
    pub dependent: bool,
    /// Per dispatch, of the fastest sample.
    pub microseconds: f64,
    /// Of it CPU time to encode the dispatch.
    pub encode_microseconds: f64,
    /// Seconds per 1,000 dispatches, one per measured round.
    pub samples: Vec<f64>,
}

/// Measures independent dispatches, then dependent ones; the difference is the barrier's.
///
/// # Errors
/// A [`GpuError`] if the device failed or the wait limit is over.
pub async fn measure_dispatches(gpu: &Gpu) -> Result<Vec<DispatchTime>, GpuError> {
    let mut times = Vec::new();
    for dependent in [false, true] {
        let mut b = PlanBuilder::new();
        // Hazards are tracked by buffer, and every persistent tensor has its own.
        let tensors: Vec<_> = (0..=DISPATCHES).map(|i| b.persistent(format!("tensor {i}"), 4)).collect();
        let params = CopyParams { vec4s: 1, unused: [0; 3] };
        for i in 0..DISPATCHES {
            let from = if dependent { tensors[i] } else { tensors[0] };
            b.dispatch(Kernel::new("bench/copy", "copy"), &params, &[from, tensors[i + 1]], [1, 1, 1]);
        }
        let program = b.program(0);
        let plan = b.build(gpu)?;
        let samples = samples_per_run(gpu, &plan, program).await?;
        let start = Instant::now();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        plan.encode(&mut encoder, program);
        drop(encoder.finish());
        let each = 1e6 / DISPATCHES as f64;
        times.push(DispatchTime {
            dependent,
            microseconds: least(&samples) * each,
            encode_microseconds: start.elapsed().as_secs_f64() * each,
            samples,
        });
    }
    Ok(times)
}
