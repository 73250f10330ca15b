//! Depthwise convolutions in three directions.

use remixmatch::nn::{ConvTiling, DepthwiseConv2d};

use crate::common::{FORWARD, GRADIENT, assert_folds, assert_picked, on_the_adapter, sum};
use crate::oracle::Map;
use crate::oracle::compare::assert_close;
use crate::oracle::depthwise::Depthwise;
use crate::oracle::difference::{central, dot};
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;

/// Checks every entry point on one input against the reference and central differences, and that walks of any length have
/// the same bits as none.
async fn check(shape: [usize; 4], kernel: usize, stride: usize, slice_pixels: usize) {
    let channels = shape[3];
    let tiling = ConvTiling { depthwise_slices: [slice_pixels, 4096], walk_rows: 1, ..ConvTiling::REGISTER };
    let conv = DepthwiseConv2d { name: "conv".into(), channels, kernel, stride, tiling };
    let reference = Depthwise { kernel, stride, channels };
    let mut random = Random::new((shape.iter().product::<usize>() * 10 + kernel + stride) as u64);
    let x = random.normal(shape.iter().product(), 1.0);
    let weights = random.normal(conv.weight_words(), 0.3);
    let old = random.normal(conv.weight_words(), 1.0);
    let x_wide = Map::new(shape, widen(&x));
    let weights_wide = widen(&weights);
    let forward = reference.forward(&x_wide, &weights_wide);
    let d_out = random.normal(forward.data.len(), 1.0);
    let d_out_wide = Map::new(forward.shape, widen(&d_out));
    let gradients = reference.backward(&x_wide, &weights_wide, &d_out_wide);

    let mut t = Trial::new();
    let x_in = t.map("x", shape, &x);
    let w_in = t.upload("weights", &weights);
    let d_in = t.map("d_out", forward.shape, &d_out);
    let written = t.blank("d_weights", conv.weight_words());
    let added = t.upload("more d_weights", &old);
    let out = conv.forward(&mut t.b, x_in, w_in);
    let out = t.keep(out.tensor);
    let dx = conv.data_gradient(&mut t.b, x_in, d_in, w_in);
    let dx = t.keep(dx.tensor);
    conv.weight_gradient(&mut t.b, x_in, d_in, written, false);
    conv.weight_gradient(&mut t.b, x_in, d_in, added, true);
    let walked = [64, 4, 3].map(|walk_rows| {
        let conv = DepthwiseConv2d { tiling: ConvTiling { walk_rows, ..tiling }, ..conv.clone() };
        let out = conv.forward(&mut t.b, x_in, w_in);
        let dx = conv.data_gradient(&mut t.b, x_in, d_in, w_in);
        [out, dx].map(|map| t.keep(map.tensor))
    });
    let r = t.run().await;

    let name = |what: &str| format!("{what} of {shape:?}, {kernel}x{kernel} stride {stride}");
    assert_close(&name("forward"), &r.get(out), &forward.data, FORWARD);
    for [walked_out, walked_dx] in walked {
        assert_eq!(r.get(walked_out), r.get(out), "{} in walks", name("forward"));
        assert_eq!(r.get(walked_dx), r.get(dx), "{} in walks", name("data_gradient"));
    }
    assert_close(&name("data_gradient"), &r.get(dx), &gradients.input.data, GRADIENT);
    assert_close(&name("weight_gradient"), &r.get(written), &gradients.weights, GRADIENT);
    assert_close(&name("added weight_gradient"), &r.get(added), &sum(&gradients.weights, &old), GRADIENT);

    let scalar = |x: &Map, w: &[f64]| dot(&reference.forward(x, w).data, &d_out_wide.data);
    let at = random.indices(3, x.len());
    let differences =
        central(&x_wide.data, &at, 1e-3, |v| scalar(&Map::new(shape, v.to_vec()), &weights_wide));
    assert_picked(&name("input"), &r.get(dx), &gradients.input.data, &at, &differences);
    let at = random.indices(3, weights.len());
    let differences = central(&weights_wide, &at, 1e-3, |w| scalar(&x_wide, w));
    assert_picked(&name("weights"), &r.get(written), &gradients.weights, &at, &differences);
}

const KERNELS: [(usize, usize); 4] = [(3, 1), (3, 2), (5, 1), (5, 2)];

on_the_adapter! {
    async fn odd_and_even_sizes_at_both_strides() {
        for [images, height, width] in
            [[1, 1, 1], [1, 3, 3], [3, 17, 17], [2, 1, 17], [3, 17, 3], [5, 8, 9], [2, 10, 6], [2, 2, 2]]
        {
            for (kernel, stride) in KERNELS {
                check([images, height, width, 4], kernel, stride, 1024).await;
            }
        }
    }

    async fn odd_channels() {
        for channels in [8, 12, 40, 132] {
            for (kernel, stride) in KERNELS {
                check([3, 9, 7, channels], kernel, stride, 1024).await;
            }
        }
    }

    /// Slices of one row and of several, the last of them short.
    async fn weight_gradients_in_slices() {
        for (kernel, stride) in KERNELS {
            check([7, 16, 11, 8], kernel, stride, 16).await;
            check([70, 16, 3, 4], kernel, stride, 16).await;
        }
    }

    /// Images one pixel wide have the most strips.
    async fn folded_dispatches() {
        let shape = [129, 255, 1, 512];
        let words: usize = shape.iter().product();
        assert_folds(words / 4);
        let tiling = ConvTiling { walk_rows: 1, ..ConvTiling::REGISTER };
        let conv = DepthwiseConv2d { name: "conv".into(), channels: 512, kernel: 3, stride: 1, tiling };
        let reference = Depthwise { kernel: 3, stride: 1, channels: 512 };
        let mut random = Random::new(3);
        let [x, d_out] = [random.uniform(words, -1.0, 1.0), random.uniform(words, -1.0, 1.0)];
        let weights = random.normal(conv.weight_words(), 0.3);
        let mut t = Trial::new();
        let [x_in, d_in] = [("x", &x), ("d_out", &d_out)].map(|(name, data)| t.map(name, shape, data));
        let w_in = t.upload("weights", &weights);
        let out = conv.forward(&mut t.b, x_in, w_in);
        let out = t.keep(out.tensor);
        let dx = conv.data_gradient(&mut t.b, x_in, d_in, w_in);
        let dx = t.keep(dx.tensor);
        let r = t.run().await;
        let [x, d_out] = [&x, &d_out].map(|values| Map::new(shape, widen(values)));
        assert_close("forward", &r.get(out), &reference.forward(&x, &widen(&weights)).data, FORWARD);
        let d = reference.backward(&x, &widen(&weights), &d_out).input.data;
        assert_close("data_gradient", &r.get(dx), &d, GRADIENT);
    }
}
