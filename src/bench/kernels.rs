//! How fast single kernels are: convolutions against the adapter's best matrix product, operations limited by memory
//! bandwidth against a copy.

use bytemuck::{Pod, Zeroable};
use serde::Serialize;
use web_time::Duration;

use crate::augment::{AssembleRow, WeakDraw, record_assemble, record_weak};
use crate::gpu::{
    Gpu, GpuError, Kernel, PlanBuilder, Sharing, Tensor, Tiling, groups_for_items, least, samples_per_run,
    seconds_per_run,
};
use crate::nn::{
    Activation, BatchNorm, Conv2d, ConvTiling, DepthwiseConv2d, Direction, Effort, GlobalAveragePool,
    InputScale, Network, NormActivation, StatGroups, TilingTime, every_tile, measure_tiles,
};
use crate::optim::{ADAM, FAULTS, OptimiserState};
use crate::ssl::StepBlock;

/// The time of the convolutions of one shape in a network, in one direction, with one tiling.
#[derive(Clone, Debug, Serialize)]
pub struct ConvTime {
    /// The first layer of this shape.
    pub layer: String,
    /// Number of layers of this shape.
    pub layers: usize,
    pub direction: Direction,
    /// Input height and width, input and output channels, kernel, stride.
    pub shape: [usize; 6],
    pub images: usize,
    pub tiling: String,
    /// Per layer.
    pub seconds: f64,
    /// GFLOP/s, a multiply-accumulate counted as two operations.
    pub gflops: f64,
    /// Seconds per layer, one per measured round.
    pub samples: Vec<f64>,
}

const EFFORT: Effort = Effort { round: Duration::from_millis(20), rounds: 3 };

/// Measures every convolution shape of a network at `images` images, in each direction that training uses, with each of
/// `tiles` in turns; layers of the same shape are measured once. `found` gets the times of a shape and direction, in the
/// order of `tiles`.
///
/// # Errors
/// A [`GpuError`] if a tensor or dispatch exceeds the adapter's limits, the device failed or the wait limit is over; the
/// error of `found`.
pub async fn measure_convolutions<E: From<GpuError>>(
    gpu: &Gpu,
    network: &Network,
    images: usize,
    tiles: &[Tiling],
    mut found: impl FnMut(Vec<ConvTime>) -> Result<(), E>,
) -> Result<(), E> {
    let shape_of = |(conv, height, width): &(Conv2d, usize, usize)| {
        [*height, *width, conv.in_channels, conv.out_channels, conv.kernel, conv.stride]
    };
    let all = network.convolutions();
    for (index, layer) in all.iter().enumerate() {
        let shape = shape_of(layer);
        if all[..index].iter().any(|earlier| shape_of(earlier) == shape) {
            continue;
        }
        let layers = all.iter().filter(|other| shape_of(other) == shape).count();
        let (conv, height, width) = layer;
        let gflop = 2.0 * (conv.macs(*height, *width) * images as u64) as f64 / 1e9;
        for direction in Direction::ALL {
            // The stem needs no gradient of its input.
            if index == 0 && direction == Direction::DataGradient {
                continue;
            }
            let map = [images, *height, *width, conv.in_channels];
            let times = measure_tiles(gpu, conv, map, direction, tiles, EFFORT).await?;
            let time = |TilingTime { name, seconds, samples, .. }| ConvTime {
                layer: conv.name.clone(),
                layers,
                direction,
                shape,
                images,
                tiling: name,
                seconds,
                gflops: gflop / seconds,
                samples,
            };
            found(times.into_iter().map(time).collect())?;
        }
    }
    Ok(())
}

/// Mean GFLOP/s of all layers in some directions, weighted by time.
pub fn time_weighted(times: &[ConvTime], directions: &[Direction]) -> f64 {
    let chosen = || times.iter().filter(|time| directions.contains(&time.direction));
    let seconds = |time: &ConvTime| time.seconds * time.layers as f64;
    chosen().map(|time| time.gflops * seconds(time)).sum::<f64>() / chosen().map(seconds).sum::<f64>()
}

/// The rate of one variant of the plain matrix product of `size`^3.
#[derive(Clone, Debug, Serialize)]
pub struct GemmTime {
    pub variant: String,
    pub size: usize,
    /// Of the fastest sample.
    pub gflops: f64,
    /// Seconds per product, one per measured round.
    pub samples: Vec<f64>,
}

/// `Params` of `shaders/bench/gemm.wgsl` and `shaders/bench/tile.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct GemmParams {
    m: u32,
    n: u32,
    k: u32,
    unused: u32,
}

/// Sizes of the measured products. A small one leaves most of a GPU idle, a large one takes minutes on a software adapter.
const GEMM_SIZES: [usize; 4] = [512, 1_024, 2_048, 4_096];
/// Seconds that one product may take at most, for the sizes from the second on.
const GEMM_LIMIT: f64 = 0.05;

/// A variant at this part of the fastest one's rate is not measured at the next size.
const GEMM_SHARE: f64 = 0.25;

/// Measures every GEMM variant that the adapter can run, fastest first: at 512^3 and, as long as the fastest variant is
/// expected to take at most 50 ms, those that are not far behind it at up to 4,096^3.
///
/// # Errors
/// A [`GpuError`] if a tensor or dispatch exceeds the adapter's limits, the device failed or the wait limit is over.
pub async fn measure_gemm(gpu: &Gpu) -> Result<Vec<GemmTime>, GpuError> {
    let mut times: Vec<GemmTime> = Vec::new();
    for size in GEMM_SIZES {
        let best = times.iter().map(|time| time.gflops).fold(0.0, f64::max);
        if size > GEMM_SIZES[0] && 2e-9 * (size as f64).powi(3) / best > GEMM_LIMIT {
            break;
        }
        let behind = |variant: &str| {
            let last = times.iter().rev().find(|time| time.variant == variant);
            last.map_or(size > GEMM_SIZES[0], |time| time.gflops < GEMM_SHARE * best)
        };
        let measured = measure_gemm_of(gpu, size, behind).await?;
        times.extend(measured);
    }
    times.sort_by(|a, b| b.gflops.total_cmp(&a.gflops));
    Ok(times)
}

/// Measures every GEMM variant at `side`^3, unless it is left out.
async fn measure_gemm_of(
    gpu: &Gpu,
    side: usize,
    left_out: impl Fn(&str) -> bool,
) -> Result<Vec<GemmTime>, GpuError> {
    let size = side as u32;
    let rows_of_eight = |group: u32| {
        let kernel = Kernel::new("bench/gemm", "registers_8x4").with("GROUP", f64::from(group));
        (format!("8x4, {group} invocations"), kernel, [size / (8 * group), size / 4, 1])
    };
    let tile = |how: &str, shader: &'static str, width: u32, group: u32| {
        let kernel = Kernel::new(shader, "multiply").with("GROUP", f64::from(group));
        (format!("4x{width}, {group} {how}"), kernel, [size / (4 * group), size / width, 1])
    };
    let mut variants = vec![
        rows_of_eight(8),
        rows_of_eight(64),
        tile("invocations", "bench/tile", 8, 8),
        tile("invocations", "bench/tile", 8, 64),
        tile("invocations", "bench/tile_16", 16, 8),
        tile("invocations", "bench/tile_16", 16, 64),
        tile("invocations", "bench/tile_32", 32, 8),
        tile("in workgroup memory", "bench/tile_workgroup_8", 8, 64),
        tile("in workgroup memory", "bench/tile_workgroup_16", 16, 64),
        (
            "64x64 in workgroup memory".into(),
            Kernel::new("bench/gemm", "shared_tile"),
            [size / 64, size / 64, 1],
        ),
    ];
    let tiles = [
        ("bench/tile_subgroups8_32", 8, 32),
        ("bench/tile_subgroups8_16", 8, 16),
        ("bench/tile_subgroups8_8", 8, 8),
        ("bench/tile_subgroups4_16", 4, 16),
        ("bench/tile_subgroups4_8", 4, 8),
    ];
    for (shader, lanes, width) in tiles.into_iter().filter(|(_, lanes, _)| gpu.has_subgroups_of(*lanes)) {
        let kernel = Kernel::new(shader, "multiply");
        variants.push((format!("4x{width}, subgroups of {lanes}"), kernel, [size / 32, size / width, 1]));
    }
    let mut times = Vec::new();
    for (variant, kernel, groups) in variants.into_iter().filter(|(variant, ..)| !left_out(variant)) {
        let mut b = PlanBuilder::new();
        let tensors = ["a", "b", "c"].map(|name| b.persistent(name, side * side));
        b.dispatch(kernel, &GemmParams { m: size, n: size, k: size, unused: 0 }, &tensors, groups);
        let program = b.program(0);
        let plan = b.build(gpu)?;
        let ones: Vec<f32> = (0..side * side).map(|i| (i % 7) as f32 - 3.0).collect();
        plan.write(gpu, tensors[0], &ones);
        plan.write(gpu, tensors[1], &ones);
        let samples = samples_per_run(gpu, &plan, program).await?;
        let gflops = 2.0 * (side as f64).powi(3) / least(&samples) / 1e9;
        times.push(GemmTime { variant, size: side, gflops, samples });
    }
    // A convolution of one tap is a matrix product.
    let conv = Conv2d {
        name: "product".into(),
        in_channels: side,
        out_channels: side,
        kernel: 1,
        stride: 1,
        tiling: ConvTiling::new(gpu),
    };
    let blocks = every_tile(gpu).into_iter().filter(|tile| matches!(tile.sharing, Sharing::Block(_)));
    let blocks: Vec<_> = blocks.filter(|tile| !left_out(&tile.to_string())).collect();
    let measured = measure_tiles(gpu, &conv, [1, 1, side, side], Direction::Forward, &blocks, EFFORT).await?;
    times.extend(measured.into_iter().map(|TilingTime { name, seconds, samples, .. }| {
        let gflops = 2.0 * (side as f64).powi(3) / seconds / 1e9;
        GemmTime { variant: name, size: side, gflops, samples }
    }));
    Ok(times)
}

/// The feature map of all operations, the largest of a WRN-28-2: 8 MiB on a software adapter, 96 MiB on a GPU, which the
/// smaller one leaves idle most of the time.
fn measured_map(gpu: &Gpu) -> [usize; 4] {
    [if gpu.is_software() { 64 } else { 768 }, 32, 32, 32]
}

/// Parameters of about a WRN-28-2.
const WEIGHTS: usize = 1_466_880;

/// The rate of an operation limited by memory bandwidth.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryTime {
    pub operation: &'static str,
    /// Bytes read and written if each is accessed once.
    pub bytes: u64,
    pub seconds: f64,
    /// 10^9 of these bytes per second.
    #[serde(rename = "gb_a_second")]
    pub gb_per_second: f64,
}

/// `Params` of `shaders/bench/copy.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct CopyParams {
    pub vec4s: u32,
    pub unused: [u32; 3],
}

/// Name, words accessed, and how it is recorded.
type Case<'a> = (&'static str, usize, &'a dyn Fn(&mut PlanBuilder, [usize; 4]));

/// Measures a copy, the yardstick, and then every operation limited by memory bandwidth.
///
/// # Errors
/// A [`GpuError`] if a tensor or dispatch exceeds the adapter's limits, the device failed or the wait limit is over.
pub async fn measure_memory(gpu: &Gpu) -> Result<Vec<MemoryTime>, GpuError> {
    let map = measured_map(gpu);
    let words: usize = map.iter().product();
    let pixels = map[0] * map[1] * map[2];
    let tiling = ConvTiling::new(gpu);
    let tree_invocations = tiling.tree_invocations;
    let cases: [Case; 9] = [
        ("copy", 2 * words, &record_copy),
        // The moments read x, the normalisation reads it again and writes y.
        ("batch norm, forward", 3 * words, &|b, map| {
            let (norm, x) = (norm(b, map, tree_invocations), Activation::persistent(b, "x", map));
            norm.forward(b, x, StatGroups { count: 1, moving: Some(0) }, None);
        }),
        // The sums read x and dy, the gradient reads both again and writes dx.
        ("batch norm, backward", 5 * words, &|b, map| {
            let norm = norm(b, map, tree_invocations);
            let [x, dy] = ["x", "dy"].map(|name| Activation::persistent(b, name, map));
            let coefficients = b.persistent("coefficients", 4 * map[3]);
            let into = ["d_gamma", "d_beta"].map(|name| b.persistent(name, map[3]));
            norm.backward(b, x, coefficients, dy, StatGroups { count: 1, moving: None }, into, None, false);
        }),
        ("depthwise convolution, forward", 2 * words, &|b, map| {
            let (conv, x) = (depthwise(map, tiling), Activation::persistent(b, "x", map));
            let weights = b.persistent("weights", conv.weight_words());
            conv.forward(b, x, weights);
        }),
        // The gradient of the input reads dy and writes dx; that of the weights reads x and dy.
        ("depthwise convolution, backward", 4 * words, &|b, map| {
            let conv = depthwise(map, tiling);
            let [x, dy] = ["x", "dy"].map(|name| Activation::persistent(b, name, map));
            let [weights, d_weights] =
                ["weights", "d_weights"].map(|name| b.persistent(name, conv.weight_words()));
            conv.data_gradient(b, x, dy, weights);
            conv.weight_gradient(b, x, dy, d_weights, false);
        }),
        ("average pool, forward", words, &|b, map| {
            let x = Activation::persistent(b, "x", map);
            GlobalAveragePool::forward(b, x);
        }),
        // Five buffers are read, four are written.
        ("Adam, decay and EMA", 9 * WEIGHTS, &|b, _| {
            let optimiser = OptimiserState::new(b, WEIGHTS, &ADAM);
            let [block, faults] = [("step", StepBlock::WORDS), ("faults", FAULTS)]
                .map(|(name, words)| b.persistent(name, words));
            optimiser.record_update(b, block, faults);
        }),
        ("weak augmentation", 2 * pixels, &|b, [images, height, width, _]| {
            let [sources, to] = ["sources", "views"].map(|name| b.persistent(name, images * height * width));
            let draws = b.persistent("draws", images * size_of::<WeakDraw>() / 4);
            record_weak(b, [height, width], sources, draws, to, images);
        }),
        // A pixel of two views is read, four channels are written.
        ("assembly with MixUp", 6 * pixels, &|b, [images, height, width, _]| {
            let views = b.persistent("views", images * height * width);
            let rows = b.persistent("rows", images * size_of::<AssembleRow>() / 4);
            let out = Activation::new(b, "input", [images, height, width, 4]);
            record_assemble(b, [height, width], (3, InputScale::Reference), views, rows, 0, out);
        }),
    ];
    let mut times = Vec::new();
    for (operation, words, record) in cases {
        let mut b = PlanBuilder::new();
        record(&mut b, map);
        let program = b.program(0);
        let plan = b.build(gpu)?;
        let seconds = seconds_per_run(gpu, &plan, program).await?;
        let bytes = words as u64 * 4;
        times.push(MemoryTime { operation, bytes, seconds, gb_per_second: bytes as f64 / seconds / 1e9 });
    }
    Ok(times)
}

fn record_copy(b: &mut PlanBuilder, map: [usize; 4]) {
    let words: usize = map.iter().product();
    let params = CopyParams { vec4s: (words / 4) as u32, unused: [0; 3] };
    let tensors: [Tensor; 2] = ["from", "to"].map(|name| b.persistent(name, words));
    b.dispatch(Kernel::new("bench/copy", "copy"), &params, &tensors, groups_for_items(words / 4, 64));
}

fn depthwise([.., channels]: [usize; 4], tiling: ConvTiling) -> DepthwiseConv2d {
    DepthwiseConv2d { name: "depthwise".into(), channels, kernel: 3, stride: 1, tiling }
}

fn norm(b: &mut PlanBuilder, [.., channels]: [usize; 4], tree_invocations: u32) -> BatchNorm {
    let mut of_channels = |name: &str| b.persistent(name, channels);
    BatchNorm {
        name: "norm".into(),
        channels,
        activation: NormActivation::LeakyRelu,
        momentum: 0.999,
        tree_invocations,
        gamma: of_channels("gamma"),
        beta: of_channels("beta"),
        moving_mean: of_channels("mean"),
        moving_variance: of_channels("variance"),
    }
}
