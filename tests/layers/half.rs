//! Layers whose feature maps are stored as f16: the same numbers as in f32, rounded where they are stored.

use half::f16;
use remixmatch::gpu::{Block, Sharing, Storage, Tensor, Tiling};
use remixmatch::nn::{
    Activation, BatchNorm, Conv2d, ConvTiling, DepthwiseConv2d, GlobalAveragePool, MOMENTUM, NormActivation,
    StatGroups,
};

use crate::harness::GPU;
use crate::oracle::random::Random;
use crate::trial::Trial;

/// Results of a trial: feature maps, and tensors in f32.
#[derive(Default)]
struct Outcome {
    maps: Vec<Activation>,
    sums: Vec<Tensor>,
}

/// Values that f16 has.
fn values(random: &mut Random, shape: [usize; 4]) -> Vec<f32> {
    random.normal(shape.iter().product(), 1.0).iter().map(|v| f16::from_f32(*v).to_f32()).collect()
}

/// Feature maps as numbers, and sums as bits.
async fn run(
    storage: Storage,
    record: impl Fn(&mut Trial, Storage) -> Outcome,
) -> (Vec<Vec<f32>>, Vec<Vec<u32>>) {
    let mut t = Trial::new();
    let outcome = record(&mut t, storage);
    let maps: Vec<_> = outcome.maps.iter().map(|map| t.keep(map.tensor)).collect();
    let r = t.run().await;
    let numbers = |tensor: &Tensor| match storage {
        Storage::F32 => r.get(*tensor),
        Storage::F16 => {
            let words = r.get(*tensor);
            let halves: &[u16] = bytemuck::cast_slice(&words);
            halves.iter().map(|bits| f16::from_bits(*bits).to_f32()).collect()
        }
    };
    let bits = |tensor: &Tensor| r.get(*tensor).into_iter().map(f32::to_bits).collect();
    (maps.iter().map(numbers).collect(), outcome.sums.iter().map(bits).collect())
}

/// Checks that f16 storage rounds what f32 storage has, by half a unit in the last place or, where the adapter truncates, by
/// one; and that sums are the same bits.
async fn check(name: &str, record: impl Fn(&mut Trial, Storage) -> Outcome) {
    assert!(GPU.features.contains(wgpu::Features::SHADER_F16), "this test needs an adapter with shader-f16");
    let (single, single_sums) = run(Storage::F32, &record).await;
    let (mixed, mixed_sums) = run(Storage::F16, &record).await;
    assert!(!single.is_empty());
    for (m, (single, mixed)) in single.iter().zip(&mixed).enumerate() {
        assert_eq!(single.len(), mixed.len());
        for (i, (a, b)) in single.iter().zip(mixed).enumerate() {
            let unit = (a.abs() * f32::from(f16::EPSILON)).max(f32::from(f16::MIN_POSITIVE_SUBNORMAL));
            assert!((a - b).abs() <= unit, "{name}: map {m}[{i}] is {b} in f16 and {a} in f32");
        }
        assert!(single != mixed, "{name}: map {m} is not rounded");
    }
    assert!(single_sums == mixed_sums, "{name}: sums differ");
}

fn tiles() -> Vec<Tiling> {
    let workgroup = Tiling { sharing: Sharing::Workgroup, ..Tiling::WAVE };
    let blocks = Block::ALL.map(|block| Tiling { sharing: Sharing::Block(Some(block)), ..Tiling::WAVE });
    GPU.tilings().into_iter().chain([Tiling::WAVE, workgroup, Tiling::BLOCKS]).chain(blocks).collect()
}

#[test]
fn convolutions_round_what_they_store() {
    for tile in tiles() {
        for (map, inputs, outputs, kernel, stride) in [
            ([3, 17, 17], 12, 32, 3, 1),
            ([2, 9, 7], 32, 64, 3, 2),
            ([3, 17, 19], 64, 72, 3, 1),
            ([5, 8, 9], 4, 8, 1, 2),
            ([1, 1, 3], 4, 8, 3, 1),
        ] {
            let [images, height, width] = map;
            let tiling = ConvTiling { tile, slice_pixels: 64, ..ConvTiling::REGISTER };
            let conv = Conv2d {
                name: "conv".into(),
                in_channels: inputs,
                out_channels: outputs,
                kernel,
                stride,
                tiling,
            };
            let shape = [images, height, width, inputs];
            let out_shape = [images, height.div_ceil(stride), width.div_ceil(stride), outputs];
            let record = |t: &mut Trial, storage| {
                let mut random = Random::new(11);
                let mut map = |name: &str, shape| {
                    let values = values(&mut random, shape);
                    t.stored(name, shape, &values, storage)
                };
                let [x, other] = ["x", "other path"].map(|name| map(name, shape));
                let [d_out, residual] = ["d_out", "residual"].map(|name| map(name, out_shape));
                let weights = t.upload("weights", &random.normal(conv.weight_words(), 0.3));
                let bias = t.upload("bias", &random.normal(outputs, 1.0));
                let sums = vec![t.blank("d_weights", conv.weight_words()), t.blank("d_bias", outputs)];
                let out = conv.forward(&mut t.b, x, weights, bias, Some(residual));
                let dx = conv.data_gradient(&mut t.b, x, d_out, weights, Some(other));
                conv.weight_gradient(&mut t.b, x, d_out, sums[0], Some(sums[1]), false);
                Outcome { maps: vec![out, dx], sums }
            };
            let name = format!("{kernel}x{kernel}/{stride} {inputs}->{outputs} of {map:?} with {tile:?}");
            pollster::block_on(check(&name, record));
        }
    }
}

#[test]
fn batch_norm_rounds_what_it_stores() {
    use NormActivation::{LeakyRelu, Linear, Relu6};
    for (shape, count, activation) in [
        ([3, 17, 17, 12], 3, LeakyRelu),
        ([8, 32, 33, 8], 1, LeakyRelu),
        ([2, 3, 5, 40], 2, LeakyRelu),
        ([3, 17, 17, 12], 3, Relu6),
        ([3, 17, 17, 12], 3, Linear),
    ] {
        let channels = shape[3];
        let record = |t: &mut Trial, storage| {
            let mut random = Random::new(12);
            let bn = BatchNorm {
                name: "bn".into(),
                channels,
                activation,
                momentum: MOMENTUM,
                tree_invocations: 64,
                gamma: t.upload("gamma", &random.uniform(channels, 0.5, 1.5)),
                beta: t.upload("beta", &random.normal(channels, 0.5)),
                moving_mean: t.upload("mean", &random.normal(channels, 1.0)),
                moving_variance: t.upload("variance", &random.uniform(channels, 0.5, 2.0)),
            };
            let [x, d_out, other, residual] = ["x", "d_out", "other path", "residual"].map(|name| {
                let values = values(&mut random, shape);
                t.stored(name, shape, &values, storage)
            });
            let stat_groups = StatGroups { count, moving: Some(count - 1) };
            let gradients = [t.blank("d_gamma", channels), t.blank("d_beta", channels)];
            let inferred = bn.inference(&mut t.b, x, None);
            let (out, coefficients) = bn.forward(&mut t.b, x, stat_groups, None);
            let (added, _) = bn.forward(&mut t.b, x, stat_groups, Some(residual));
            let dx = bn.backward(&mut t.b, x, coefficients, d_out, stat_groups, gradients, None, false);
            let both =
                bn.backward(&mut t.b, x, coefficients, d_out, stat_groups, gradients, Some(other), false);
            let sums = vec![gradients[0], gradients[1], bn.moving_mean, bn.moving_variance];
            Outcome { maps: vec![inferred, out, added, dx, both], sums }
        };
        pollster::block_on(check(&format!("batch norm of {shape:?}, {activation:?}"), record));
    }
}

#[test]
fn depthwise_convolutions_round_what_they_store() {
    for (shape, kernel, stride) in
        [([3, 17, 17, 12], 3, 1), ([2, 9, 7, 40], 3, 2), ([3, 17, 19, 8], 5, 1), ([5, 8, 9, 4], 5, 2)]
    {
        let [images, height, width, channels] = shape;
        let tiling = ConvTiling { depthwise_slices: [64, 64], ..ConvTiling::REGISTER };
        let conv = DepthwiseConv2d { name: "conv".into(), channels, kernel, stride, tiling };
        let out_shape = [images, height.div_ceil(stride), width.div_ceil(stride), channels];
        let record = |t: &mut Trial, storage| {
            let mut random = Random::new(14);
            let [x, d_out] = [("x", shape), ("d_out", out_shape)].map(|(name, shape)| {
                let values = values(&mut random, shape);
                t.stored(name, shape, &values, storage)
            });
            let weights = t.upload("weights", &random.normal(conv.weight_words(), 0.3));
            let d_weights = t.blank("d_weights", conv.weight_words());
            let out = conv.forward(&mut t.b, x, weights);
            let dx = conv.data_gradient(&mut t.b, x, d_out, weights);
            conv.weight_gradient(&mut t.b, x, d_out, d_weights, false);
            Outcome { maps: vec![out, dx], sums: vec![d_weights] }
        };
        let name = format!("{kernel}x{kernel}/{stride} of {shape:?}");
        pollster::block_on(check(&name, record));
    }
}

#[test]
fn pooling_rounds_what_it_stores() {
    let shape = [3, 17, 17, 12];
    let record = |t: &mut Trial, storage| {
        let mut random = Random::new(13);
        let x = values(&mut random, shape);
        let x = t.stored("x", shape, &x, storage);
        let d_pooled = t.upload("d_pooled", &random.normal(shape[0] * shape[3], 1.0));
        let pooled = GlobalAveragePool::forward(&mut t.b, x);
        let dx = GlobalAveragePool::backward(&mut t.b, x, d_pooled);
        Outcome { maps: vec![dx], sums: vec![t.keep(pooled)] }
    };
    pollster::block_on(check("pool", record));
}
