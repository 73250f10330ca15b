//! Convolutions in three directions, with every tile.

use remixmatch::gpu::{Block, Sharing, Tiling};
use remixmatch::nn::{Conv2d, ConvTiling};

use crate::common::{FORWARD, GRADIENT, assert_picked, on_the_adapter, pad, sum};
use crate::harness::GPU;
use crate::oracle::Map;
use crate::oracle::compare::assert_close;
use crate::oracle::conv::Conv;
use crate::oracle::difference::{central, dot};
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;

/// A convolution and its input: images `[images, height, width]` and channels.
#[derive(Clone, Copy, Debug)]
struct Case {
    map: [usize; 3],
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    tiling: ConvTiling,
}

/// Checks every entry point of the shader on one case against the reference and central differences.
async fn check(case: Case) {
    let Case { map: [images, height, width], inputs, outputs, kernel, stride, tiling } = case;
    let stored = inputs.next_multiple_of(4);
    let conv =
        Conv2d { name: "conv".into(), in_channels: stored, out_channels: outputs, kernel, stride, tiling };
    let reference = Conv { kernel, stride, inputs, outputs };
    let mut random = Random::new((height * 100 + width * 10 + inputs + outputs + stride) as u64);
    let shape = [images, height, width, inputs];
    let x = random.normal(shape.iter().product(), 1.0);
    let weights = random.normal(reference.weight_count(), 0.3);
    let bias = random.normal(outputs, 1.0);
    let x_wide = Map::new(shape, widen(&x));
    let (weights_wide, bias_wide) = (widen(&weights), widen(&bias));
    let forward = reference.forward(&x_wide, &weights_wide, &bias_wide);
    let d_out = random.normal(forward.data.len(), 1.0);
    let d_out_wide = Map::new(forward.shape, widen(&d_out));
    let gradients = reference.backward(&x_wide, &weights_wide, &d_out_wide);
    let residual = random.normal(forward.data.len(), 1.0);
    let stored_shape = [images, height, width, stored];
    let other = random.normal(stored_shape.iter().product(), 1.0);
    let old_weights = random.normal(conv.weight_words(), 1.0);
    let old_bias = random.normal(outputs, 1.0);

    let mut t = Trial::new();
    let x_in = t.map("x", stored_shape, &pad(&x, inputs, stored));
    let w_in = t.upload("weights", &pad(&weights, inputs * outputs, stored * outputs));
    let b_in = t.upload("bias", &bias);
    let d_in = t.map("d_out", forward.shape, &d_out);
    let residual_in = t.map("residual", forward.shape, &residual);
    let other_in = t.map("other path", stored_shape, &other);
    let d_weights = t.blank("d_weights", conv.weight_words());
    let d_bias = t.blank("d_bias", outputs);
    let more_weights = t.upload("more d_weights", &old_weights);
    let more_bias = t.upload("more d_bias", &old_bias);
    let out = conv.forward(&mut t.b, x_in, w_in, b_in, None);
    let out = t.keep(out.tensor);
    let out_add = conv.forward(&mut t.b, x_in, w_in, b_in, Some(residual_in));
    let out_add = t.keep(out_add.tensor);
    let dx = conv.data_gradient(&mut t.b, x_in, d_in, w_in, None);
    let dx = t.keep(dx.tensor);
    let dx_add = conv.data_gradient(&mut t.b, x_in, d_in, w_in, Some(other_in));
    let dx_add = t.keep(dx_add.tensor);
    conv.weight_gradient(&mut t.b, x_in, d_in, d_weights, Some(d_bias), false);
    conv.weight_gradient(&mut t.b, x_in, d_in, more_weights, Some(more_bias), true);
    let r = t.run().await;

    let name = |what: &str| format!("{what} of {case:?}");
    assert_close(&name("forward"), &r.get(out), &forward.data, FORWARD);
    assert_close(&name("forward_add"), &r.get(out_add), &sum(&forward.data, &residual), FORWARD);
    // The weights of padding channels and their gradients are zero.
    let d_input: Vec<f64> = pad_wide(&gradients.input.data, inputs, stored);
    let d_kernel = pad_wide(&gradients.weights, inputs * outputs, stored * outputs);
    assert_close(&name("data_gradient"), &r.get(dx), &d_input, GRADIENT);
    assert_close(&name("data_gradient_add"), &r.get(dx_add), &sum(&d_input, &other), GRADIENT);
    assert_close(&name("weight_gradient"), &r.get(d_weights), &d_kernel, GRADIENT);
    assert_close(&name("bias gradient"), &r.get(d_bias), &gradients.bias, GRADIENT);
    assert_close(
        &name("added weight_gradient"),
        &r.get(more_weights),
        &sum(&d_kernel, &old_weights),
        GRADIENT,
    );
    assert_close(&name("added bias gradient"), &r.get(more_bias), &sum(&gradients.bias, &old_bias), GRADIENT);

    let scalar = |x: &Map, w: &[f64], b: &[f64]| dot(&reference.forward(x, w, b).data, &d_out_wide.data);
    let at = random.indices(3, x.len());
    let differences =
        central(&x_wide.data, &at, 1e-3, |v| scalar(&Map::new(shape, v.to_vec()), &weights_wide, &bias_wide));
    let stored_at: Vec<usize> = at.iter().map(|i| i / inputs * stored + i % inputs).collect();
    assert_picked(&name("input"), &r.get(dx), &d_input, &stored_at, &differences);
    let at = random.indices(3, weights.len());
    let differences = central(&weights_wide, &at, 1e-3, |w| scalar(&x_wide, w, &bias_wide));
    let tap = inputs * outputs;
    let stored_at: Vec<usize> = at.iter().map(|i| i / tap * stored * outputs + i % tap).collect();
    assert_picked(&name("weights"), &r.get(d_weights), &d_kernel, &stored_at, &differences);
    let at = random.indices(2, outputs);
    let differences = central(&bias_wide, &at, 1e-3, |b| scalar(&x_wide, &weights_wide, b));
    assert_picked(&name("bias"), &r.get(d_bias), &gradients.bias, &at, &differences);
}

/// Bits of every result of a convolution on random values.
async fn bits(case: Case) -> Vec<Vec<u32>> {
    let Case { map: [images, height, width], inputs, outputs, kernel, stride, tiling } = case;
    let conv =
        Conv2d { name: "conv".into(), in_channels: inputs, out_channels: outputs, kernel, stride, tiling };
    let mut random = Random::new(7);
    let [out_height, out_width] = [height, width].map(|side| side.div_ceil(stride));
    let mut t = Trial::new();
    let mut map = |name: &str, shape: [usize; 4]| {
        let values = random.normal(shape.iter().product(), 1.0);
        t.map(name, shape, &values)
    };
    let x = map("x", [images, height, width, inputs]);
    let other = map("other path", [images, height, width, inputs]);
    let d_out = map("d_out", [images, out_height, out_width, outputs]);
    let residual = map("residual", [images, out_height, out_width, outputs]);
    let weights = t.upload("weights", &random.normal(conv.weight_words(), 0.3));
    let bias = t.upload("bias", &random.normal(outputs, 1.0));
    let d_weights = t.blank("d_weights", conv.weight_words());
    let d_bias = t.blank("d_bias", outputs);
    let out = conv.forward(&mut t.b, x, weights, bias, Some(residual));
    let out = t.keep(out.tensor);
    let dx = conv.data_gradient(&mut t.b, x, d_out, weights, Some(other));
    let dx = t.keep(dx.tensor);
    conv.weight_gradient(&mut t.b, x, d_out, d_weights, Some(d_bias), false);
    let r = t.run().await;
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    [out, dx, d_weights, d_bias].into_iter().map(|tensor| bits(r.get(tensor))).collect()
}

fn pad_wide(data: &[f64], from: usize, to: usize) -> Vec<f64> {
    data.chunks_exact(from).flat_map(|run| run.iter().copied().chain(vec![0.0; to - from])).collect()
}

/// Every tile that the adapter can run, also those that suit other adapters.
fn tiles() -> Vec<Tiling> {
    let workgroup = Tiling { sharing: Sharing::Workgroup, ..Tiling::WAVE };
    let wide = Tiling { columns: 32, ..Tiling::REGISTER };
    let others = [Tiling::WAVE, wide, workgroup, Tiling { columns: 16, ..workgroup }, Tiling::BLOCKS];
    let blocks = Block::ALL.map(|block| Tiling { sharing: Sharing::Block(Some(block)), ..Tiling::WAVE });
    GPU.tilings().into_iter().chain(others).chain(blocks).collect()
}

/// Checks a case with every tile.
async fn check_all(case: Case) {
    for tile in tiles() {
        check(Case { tiling: ConvTiling { tile, ..case.tiling }, ..case }).await;
    }
}

on_the_adapter! {
    async fn odd_sizes_at_both_strides() {
        for map in [[1, 1, 1], [1, 3, 3], [3, 17, 17], [2, 1, 17], [3, 17, 3], [5, 8, 9], [2, 10, 6]] {
            for (kernel, stride) in [(3, 1), (3, 2), (1, 1), (1, 2)] {
                check_all(Case { map, inputs: 4, outputs: 8, kernel, stride, tiling: ConvTiling::REGISTER }).await;
            }
        }
    }

    async fn odd_channels() {
        for (inputs, outputs) in [(8, 8), (12, 24), (40, 8), (4, 40), (16, 32), (64, 16), (48, 96), (64, 72)] {
            for (kernel, stride) in [(3, 1), (3, 2), (1, 2)] {
                check_all(Case {
                    map: [3, 9, 7],
                    inputs,
                    outputs,
                    kernel,
                    stride,
                    tiling: ConvTiling::REGISTER,
                }).await;
            }
        }
    }

    async fn images_of_one_and_three_channels() {
        for inputs in [1, 3] {
            for stride in [1, 2] {
                check_all(Case {
                    map: [3, 17, 16],
                    inputs,
                    outputs: 16,
                    kernel: 3,
                    stride,
                    tiling: ConvTiling::REGISTER,
                }).await;
            }
        }
    }

    async fn workgroups_of_a_wave() {
        for (map, stride) in [([1, 3, 3], 1), ([3, 17, 17], 2), ([4, 16, 16], 1)] {
            check(Case { map, inputs: 12, outputs: 24, kernel: 3, stride, tiling: ConvTiling::WAVE }).await;
        }
    }

    /// A run does not depend on which tile is the fastest. Blocks add up the bias's gradient within the slices of the
    /// weights.
    async fn every_tile_gives_the_same_bits() {
        for (map, inputs, outputs, stride) in [
            ([3, 17, 17], 12, 32, 1),
            ([2, 9, 7], 32, 64, 2),
            ([5, 8, 8], 16, 16, 1),
            ([3, 17, 19], 64, 72, 1),
            ([7, 1, 1], 64, 64, 1),
            ([9, 3, 2], 68, 128, 1),
            ([2, 1, 33], 128, 64, 1),
        ] {
            let tiling = ConvTiling { slice_pixels: 64, ..ConvTiling::REGISTER };
            let case = Case { map, inputs, outputs, kernel: 3, stride, tiling };
            let expected = bits(case).await;
            for tile in tiles() {
                let tiling = ConvTiling { tile, ..tiling };
                let found = bits(Case { tiling, ..case }).await;
                let compared = if matches!(tile.sharing, Sharing::Block(_)) { 3 } else { 4 };
                assert!(found[..compared] == expected[..compared], "{tiling:?} of {case:?}");
            }
        }
    }

    /// A step that can be interrupted sooner has the same result.
    async fn dispatches_divided_for_interruption_give_the_same_bits() {
        for (map, inputs, outputs, stride) in [([3, 17, 17], 12, 32, 1), ([2, 9, 7], 32, 64, 2), ([7, 8, 8], 16, 16, 1)] {
            for slice_pixels in [16, 1024] {
                let tiling = ConvTiling { slice_pixels, ..ConvTiling::REGISTER };
                let case = Case { map, inputs, outputs, kernel: 3, stride, tiling };
                let expected = bits(case).await;
                for macs in [1, 100_000, 1_000_000] {
                    let tiling = ConvTiling { macs_at_once: Some(macs), ..tiling };
                    assert!(bits(Case { tiling, ..case }).await == expected, "{tiling:?} of {case:?}");
                }
            }
        }
    }

    /// With more pixels than 64 slices of the least size, the slices of the weight gradient grow.
    async fn weight_gradients_of_long_batches() {
        for map in [[70, 16, 3], [73, 17, 3]] {
            let tiling = ConvTiling { slice_pixels: 16, ..ConvTiling::REGISTER };
            check_all(Case { map, inputs: 4, outputs: 8, kernel: 3, stride: 1, tiling }).await;
        }
    }

    /// The smallest chunks that can be bound: of one image, of sixteen, and of the whole batch.
    async fn convolutions_in_several_dispatches() {
        let maps = [[5, 8, 8], [37, 3, 3], [3, 17, 17], [7, 16, 12]];
        for (map, (inputs, outputs)) in maps.into_iter().zip([(4, 8), (4, 8), (4, 8), (16, 32)]) {
            for (kernel, stride) in [(3, 1), (3, 2), (1, 2)] {
                let tiling = ConvTiling::REGISTER.with_macs_per_dispatch(1);
                check_all(Case { map, inputs, outputs, kernel, stride, tiling }).await;
            }
        }
    }
}
