//! Batch norm with leaky ReLU, forward and backward.

use remixmatch::gpu::{Arg, Kernel, run_once_async};
use remixmatch::nn::{BatchNorm, MOMENTUM, NormActivation, StatGroups};

use crate::common::{FORWARD, GRADIENT, assert_folds, assert_picked, on_the_adapter, sum};
use crate::harness::GPU;
use crate::oracle::Map;
use crate::oracle::compare::assert_close;
use crate::oracle::difference::{central, dot};
use crate::oracle::norm::Activation;
use crate::oracle::norm::{self, Moments};
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;

struct Layer {
    gamma: Vec<f32>,
    beta: Vec<f32>,
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Layer {
    fn random(random: &mut Random, channels: usize) -> Self {
        Self {
            gamma: random.uniform(channels, 0.5, 1.5),
            beta: random.normal(channels, 0.5),
            mean: random.normal(channels, 1.0),
            variance: random.uniform(channels, 0.5, 2.0),
        }
    }

    fn upload(&self, t: &mut Trial) -> BatchNorm {
        BatchNorm {
            name: "bn".into(),
            channels: self.gamma.len(),
            activation: NormActivation::LeakyRelu,
            momentum: MOMENTUM,
            tree_invocations: 64,
            gamma: t.upload("gamma", &self.gamma),
            beta: t.upload("beta", &self.beta),
            moving_mean: t.upload("mean", &self.mean),
            moving_variance: t.upload("variance", &self.variance),
        }
    }

    fn moving(&self) -> Moments {
        Moments { mean: widen(&self.mean), variance: widen(&self.variance) }
    }
}

/// Training and inference, forward and backward, on one shape; values scatter around `centre`.
async fn check(shape: [usize; 4], count: usize, moving: Option<usize>, centre: f32) {
    check_activation(Activation::LeakyRelu, shape, count, moving, centre).await;
}

fn activation(kind: Activation) -> NormActivation {
    match kind {
        Activation::LeakyRelu => NormActivation::LeakyRelu,
        Activation::Relu6 => NormActivation::Relu6,
        Activation::Linear => NormActivation::Linear,
    }
}

/// [`check`] with an activation.
async fn check_activation(
    kind: Activation,
    shape: [usize; 4],
    count: usize,
    moving: Option<usize>,
    centre: f32,
) {
    let mut random = Random::new((shape.iter().product::<usize>() + count) as u64);
    let channels = shape[3];
    let layer = Layer::random(&mut random, channels);
    let (gamma, beta) = (widen(&layer.gamma), widen(&layer.beta));
    let words = shape.iter().product();
    let x: Vec<f32> = random.normal(words, 1.5).iter().map(|v| v + centre).collect();
    let d_out = random.normal(words, 1.0);
    let other = random.normal(words, 1.0);
    let old = [random.normal(channels, 1.0), random.normal(channels, 1.0)];
    let stat_groups = StatGroups { count, moving };

    let mut t = Trial::new();
    let bn = BatchNorm { activation: activation(kind), ..layer.upload(&mut t) };
    let x_in = t.map("x", shape, &x);
    let d_in = t.map("d_out", shape, &d_out);
    let other_in = t.map("other path", shape, &other);
    let written = [t.blank("d_gamma", channels), t.blank("d_beta", channels)];
    let added = [t.upload("d_gamma", &old[0]), t.upload("d_beta", &old[1])];
    let inferred = bn.inference(&mut t.b, x_in, None);
    let inferred = t.keep(inferred.tensor);
    let inferred_add = bn.inference(&mut t.b, x_in, Some(other_in));
    let inferred_add = t.keep(inferred_add.tensor);
    let (out, coefficients) = bn.forward(&mut t.b, x_in, stat_groups, None);
    let out = t.keep(out.tensor);
    let unmoved = StatGroups { moving: None, ..stat_groups };
    let (out_add, _) = bn.forward(&mut t.b, x_in, unmoved, Some(other_in));
    let out_add = t.keep(out_add.tensor);
    let dx = bn.backward(&mut t.b, x_in, coefficients, d_in, stat_groups, written, None, false);
    let dx = t.keep(dx.tensor);
    let dx_add = bn.backward(&mut t.b, x_in, coefficients, d_in, stat_groups, added, Some(other_in), true);
    let dx_add = t.keep(dx_add.tensor);
    let r = t.run().await;

    let name = |what: &str| format!("{what} of {kind:?} of {shape:?} in {count} passes around {centre}");
    let x_wide = Map::new(shape, widen(&x));
    let d_wide = Map::new(shape, widen(&d_out));
    let expected = norm::training(kind, &x_wide, &gamma, &beta, count);
    assert_close(&name("forward"), &r.get(out), &expected.out.data, FORWARD);
    assert_close(&name("forward_add"), &r.get(out_add), &sum(&expected.out.data, &other), FORWARD);
    let known = norm::inference(kind, &x_wide, &gamma, &beta, &layer.moving());
    assert_close(&name("inference"), &r.get(inferred), &known.data, FORWARD);
    assert_close(&name("inference_add"), &r.get(inferred_add), &sum(&known.data, &other), FORWARD);
    let moments = moving.map_or(layer.moving(), |pass| norm::moved(&layer.moving(), &expected.passes[pass]));
    assert_close(&name("moving mean"), &r.get(bn.moving_mean), &moments.mean, FORWARD);
    assert_close(&name("moving variance"), &r.get(bn.moving_variance), &moments.variance, FORWARD);

    let d = norm::backward(kind, &x_wide, &gamma, &beta, &d_wide, count);
    assert_close(&name("backward"), &r.get(dx), &d.input.data, GRADIENT);
    assert_close(&name("backward_add"), &r.get(dx_add), &sum(&d.input.data, &other), GRADIENT);
    assert_close(&name("d_gamma"), &r.get(written[0]), &d.gamma, GRADIENT);
    assert_close(&name("d_beta"), &r.get(written[1]), &d.beta, GRADIENT);
    assert_close(&name("added d_gamma"), &r.get(added[0]), &sum(&d.gamma, &old[0]), GRADIENT);
    assert_close(&name("added d_beta"), &r.get(added[1]), &sum(&d.beta, &old[1]), GRADIENT);

    let scalar =
        |x: &Map, g: &[f64], b: &[f64]| dot(&norm::training(kind, x, g, b, count).out.data, &d_wide.data);
    let at = random.indices(4, words);
    let differences =
        central(&x_wide.data, &at, 1e-5, |v| scalar(&Map::new(shape, v.to_vec()), &gamma, &beta));
    assert_picked(&name("input"), &r.get(dx), &d.input.data, &at, &differences);
    let at = random.indices(2, channels);
    let differences = central(&gamma, &at, 1e-5, |g| scalar(&x_wide, g, &beta));
    assert_picked(&name("gamma"), &r.get(written[0]), &d.gamma, &at, &differences);
    let differences = central(&beta, &at, 1e-5, |b| scalar(&x_wide, &gamma, b));
    assert_picked(&name("beta"), &r.get(written[1]), &d.beta, &at, &differences);
}

on_the_adapter! {
    async fn odd_shapes_and_several_stat_groups() {
        check([1, 1, 1, 4], 1, Some(0), 0.0).await;
        check([3, 17, 17, 12], 3, Some(1), 0.0).await;
        check([2, 3, 5, 40], 2, Some(1), 0.0).await;
        check([4, 8, 8, 8], 1, None, 0.0).await;
        check([6, 17, 3, 16], 2, Some(0), 0.0).await;
        check([12, 1, 1, 8], 4, Some(3), 0.0).await;
    }

    /// Half of the values of ReLU6 are cut: above 6 where gamma is large.
    async fn relu6_and_no_activation() {
        for kind in [Activation::Relu6, Activation::Linear] {
            check_activation(kind, [1, 1, 1, 4], 1, Some(0), 0.0).await;
            check_activation(kind, [3, 17, 17, 12], 3, Some(1), 0.0).await;
            check_activation(kind, [6, 17, 3, 16], 2, None, 2.0).await;
            check_activation(kind, [8, 32, 33, 8], 1, Some(0), 0.0).await;
        }
    }

    /// More slices than one workgroup joins at once, the last of them short.
    async fn many_rows() {
        check([8, 32, 33, 8], 1, Some(0), 0.0).await;
        check([14, 25, 25, 4], 2, Some(1), 0.0).await;
    }

    async fn any_number_of_invocations_gives_the_same_bits() {
        let shape = [14, 25, 25, 12];
        let mut random = Random::new(5);
        let layer = Layer::random(&mut random, shape[3]);
        let words = shape.iter().product();
        let [x, d_out] = [random.normal(words, 1.0), random.normal(words, 1.0)];
        let stat_groups = StatGroups { count: 7, moving: Some(2) };
        let mut found = Vec::new();
        for tree_invocations in [1, 3, 8, 32, 64] {
            let mut t = Trial::new();
            let bn = BatchNorm { tree_invocations, ..layer.upload(&mut t) };
            let [x, d_out] = [("x", &x), ("d_out", &d_out)].map(|(name, data)| t.map(name, shape, data));
            let gradients = [t.blank("d_gamma", shape[3]), t.blank("d_beta", shape[3])];
            let (out, coefficients) = bn.forward(&mut t.b, x, stat_groups, None);
            let dx = bn.backward(&mut t.b, x, coefficients, d_out, stat_groups, gradients, None, false);
            let kept = [out.tensor, dx.tensor, gradients[0], gradients[1], bn.moving_mean, bn.moving_variance];
            let kept = kept.map(|tensor| t.keep(tensor));
            let r = t.run().await;
            found.push(kept.map(|tensor| r.get(tensor).iter().map(|v| v.to_bits()).collect::<Vec<_>>()));
        }
        assert!(found.iter().all(|bits| *bits == found[0]));
    }

    /// A mean far from zero does not cancel the variance.
    async fn values_far_from_zero() {
        check([4, 9, 9, 8], 2, Some(1), 50.0).await;
    }

    /// 4.2 million vec4s, with every pre-activation well away from the kink of the activation, where
    /// rounding would choose the other slope.
    async fn folded_dispatches() {
        let shape = [65, 254, 255, 4];
        let words: usize = shape.iter().product();
        assert_folds(words / 4);
        let mut random = Random::new(8);
        let layer = Layer {
            gamma: vec![0.1, 0.2, 0.1, 0.2],
            beta: vec![3.0, -3.0, 2.0, -2.0],
            mean: vec![0.0; 4],
            variance: vec![1.0; 4],
        };
        let x = random.uniform(words, -1.0, 1.0);
        let d_out = random.uniform(words, -1.0, 1.0);
        let stat_groups = StatGroups { count: 1, moving: None };
        let mut t = Trial::new();
        let bn = layer.upload(&mut t);
        let x_in = t.map("x", shape, &x);
        let d_in = t.map("d_out", shape, &d_out);
        let gradients = [t.blank("d_gamma", 4), t.blank("d_beta", 4)];
        let (out, coefficients) = bn.forward(&mut t.b, x_in, stat_groups, None);
        let out = t.keep(out.tensor);
        let dx = bn.backward(&mut t.b, x_in, coefficients, d_in, stat_groups, gradients, None, false);
        let dx = t.keep(dx.tensor);
        let dx_add = bn.backward(&mut t.b, x_in, coefficients, d_in, stat_groups, gradients, Some(x_in), false);
        let dx_add = t.keep(dx_add.tensor);
        let r = t.run().await;
        let (gamma, beta) = (widen(&layer.gamma), widen(&layer.beta));
        let x_wide = Map::new(shape, widen(&x));
        let expected = norm::training(Activation::LeakyRelu, &x_wide, &gamma, &beta, 1).out;
        assert_close("forward", &r.get(out), &expected.data, FORWARD);
        let d_wide = Map::new(shape, widen(&d_out));
        let d = norm::backward(Activation::LeakyRelu, &x_wide, &gamma, &beta, &d_wide, 1).input;
        assert_close("backward", &r.get(dx), &d.data, GRADIENT);
        assert_close("backward_add", &r.get(dx_add), &sum(&d.data, &x), GRADIENT);
    }

    /// A slice for every row: 4.2 million slices are the most whose sums fit a binding.
    async fn folded_slices() {
        const ROWS: usize = 4_194_300;
        assert_folds(ROWS);
        let rows = ROWS as u32;
        let params = [rows, 1, 1, rows, (norm::EPSILON as f32).to_bits(), 0, u32::MAX, 0];
        let x = Random::new(2).uniform(ROWS * 4, -1.0, 1.0);
        let groups = remixmatch::gpu::groups_for_items(ROWS, 64);
        let as_floats = |words: &[u32]| -> Vec<f32> { words.iter().copied().map(f32::from_bits).collect() };
        let kernel = Kernel::new("nn/batch_norm", "slice_moments");
        let moments = run_once_async(&GPU, kernel, &params, &[Arg::input(&x), Arg::Out(ROWS * 8)], groups).await.unwrap();
        let expected: Vec<f64> =
            x.chunks_exact(4).flat_map(|row| row.iter().map(|v| f64::from(*v)).chain([0.0; 4])).collect();
        assert_close("slice_moments", &as_floats(&moments[0]), &expected, FORWARD);

        // Mean 1, 1/std 2, scale 2, shift 3: z = 2 x + 3 > 0 and the normalised value is 2 (x - 1).
        let coefficients: Vec<f32> = [1.0, 2.0, 2.0, 3.0].iter().flat_map(|v| [*v; 4]).collect();
        let kernel = Kernel::new("nn/batch_norm", "slice_backward");
        let args = [Arg::input(&x), Arg::input(&coefficients), Arg::input(&x), Arg::Out(ROWS * 8)];
        let sums = run_once_async(&GPU, kernel, &params, &args, groups).await.unwrap();
        let row_sums = |row: &[f32]| {
            let wide: Vec<f64> = widen(row);
            let normalised = wide.iter().map(|v| v * 2.0 * (v - 1.0)).collect::<Vec<_>>();
            [wide, normalised].concat()
        };
        let expected: Vec<f64> = x.chunks_exact(4).flat_map(row_sums).collect();
        assert_close("slice_backward", &as_floats(&sums[0]), &expected, FORWARD);
    }
}
