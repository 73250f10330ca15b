use bytemuck::{Pod, Zeroable};
use serde::Serialize;

use crate::augment::{AssembleRow, WeakDraw, record_assemble, record_weak};
use crate::gpu::{Gpu, GpuError, Kernel, PlanBuilder, Tensor, groups_for_items, seconds_a_run};
use crate::nn::{Activation, BatchNorm, GlobalAveragePool, Passes};
use crate::optim::{ADAM, FAULTS, OptimiserState};
use crate::ssl::STEP_WORDS;

/// The feature map that operations go over, a WRN-28-2's widest at 64 images: 8 MiB.
const MAP: [usize; 4] = [64, 32, 32, 32];
const PIXELS: usize = MAP[0] * MAP[1] * MAP[2];
/// Parameters of a WRN-28-2, about.
const WEIGHTS: usize = 1_466_880;

/// An operation whose time goes into memory.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryTime {
    pub operation: &'static str,
    /// Bytes that it reads and writes if each is touched once.
    pub bytes: u64,
    pub seconds: f64,
    /// Thousand million of these bytes a second.
    pub gb_a_second: f64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct CopyParams {
    quads: u32,
    unused: [u32; 3],
}

/// Name, words that it touches, and how to record it.
type Case = (&'static str, usize, fn(&mut PlanBuilder));

/// A copy, the measure of the rest, and then every operation that does little with what it reads.
///
/// # Errors
/// The adapter's.
pub async fn measure_memory(gpu: &Gpu) -> Result<Vec<MemoryTime>, GpuError> {
    let words: usize = MAP.iter().product();
    let cases: [Case; 7] = [
        ("copy", 2 * words, record_copy),
        // Moments read x, normalising reads it again and writes y.
        ("batch norm, forward", 3 * words, |b| {
            let (norm, x) = (norm(b), map(b, "x"));
            norm.forward(b, x, Passes { count: 1, moving: Some(0) });
        }),
        // Sums read x and dy, the gradient reads both again and writes dx.
        ("batch norm, backward", 5 * words, |b| {
            let (norm, x, dy) = (norm(b), map(b, "x"), map(b, "dy"));
            let coefficients = b.persistent("coefficients", 4 * MAP[3]);
            let into = ["d_gamma", "d_beta"].map(|name| b.persistent(name, MAP[3]));
            norm.backward(b, x, coefficients, dy, Passes { count: 1, moving: None }, into, None, false);
        }),
        ("average pool, forward", words, |b| {
            let x = map(b, "x");
            GlobalAveragePool::forward(b, x);
        }),
        // Five buffers are read and four written.
        ("Adam, decay and average", 9 * WEIGHTS, |b| {
            let optimiser = OptimiserState::new(b, WEIGHTS, &ADAM);
            let [block, faults] =
                [("step", STEP_WORDS), ("faults", FAULTS)].map(|(name, words)| b.persistent(name, words));
            optimiser.record_update(b, block, faults);
        }),
        ("weak augmentation", 2 * PIXELS, |b| {
            let [sources, to] = ["sources", "views"].map(|name| b.persistent(name, PIXELS));
            let draws = b.persistent("draws", MAP[0] * size_of::<WeakDraw>() / 4);
            record_weak(b, [MAP[1], MAP[2]], sources, draws, to, MAP[0]);
        }),
        // A pixel of two views is read and four channels are written.
        ("assembly with MixUp", 6 * PIXELS, |b| {
            let views = b.persistent("views", PIXELS);
            let rows = b.persistent("rows", MAP[0] * size_of::<AssembleRow>() / 4);
            let out = Activation::new(b, "input", [MAP[0], MAP[1], MAP[2], 4]);
            record_assemble(b, [MAP[1], MAP[2]], 3, views, rows, 0, out);
        }),
    ];
    let mut times = Vec::new();
    for (operation, words, record) in cases {
        let mut b = PlanBuilder::new();
        record(&mut b);
        let program = b.program(0);
        let plan = b.build(gpu)?;
        let seconds = seconds_a_run(gpu, &plan, program).await?;
        let bytes = words as u64 * 4;
        times.push(MemoryTime { operation, bytes, seconds, gb_a_second: bytes as f64 / seconds / 1e9 });
    }
    Ok(times)
}

fn record_copy(b: &mut PlanBuilder) {
    let words: usize = MAP.iter().product();
    let params = CopyParams { quads: (words / 4) as u32, unused: [0; 3] };
    let tensors: [Tensor; 2] = ["from", "to"].map(|name| b.persistent(name, words));
    b.dispatch(Kernel::new("bench/copy", "copy"), &params, &tensors, groups_for_items(words / 4, 64));
}

fn map(b: &mut PlanBuilder, name: &str) -> Activation {
    Activation::persistent(b, name, MAP)
}

fn norm(b: &mut PlanBuilder) -> BatchNorm {
    let mut of_channels = |name: &str| b.persistent(name, MAP[3]);
    BatchNorm {
        name: "norm".into(),
        channels: MAP[3],
        momentum: 0.999,
        gamma: of_channels("gamma"),
        beta: of_channels("beta"),
        moving_mean: of_channels("mean"),
        moving_variance: of_channels("variance"),
    }
}
