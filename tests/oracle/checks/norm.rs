//! Checks of the reference's batch norm.

use crate::oracle::Map;
use crate::oracle::compare::assert_close_wide;
use crate::oracle::difference::{central, dot, every};
use crate::oracle::norm::{Activation, Moments, backward, inference, moved, training};
use crate::oracle::random::{Random, widen};

#[test]
fn a_small_batch_by_hand() {
    // Mean 2, variance 1: the values become -+1 / sqrt(1.001), the activation scales the negative one.
    let x = Map::new([2, 1, 1, 1], vec![1.0, 3.0]);
    let n = training(Activation::LeakyRelu, &x, &[2.0], &[0.0], 1);
    let one = 1.0 / 1.001f64.sqrt();
    assert_close_wide("normalised", &n.out.data, &[-0.2 * one, 2.0 * one], 1e-15);
    assert_eq!(n.passes, [Moments { mean: vec![2.0], variance: vec![1.0] }]);
    let still = Moments { mean: vec![0.0], variance: vec![1.0] };
    let moving = moved(&still, &n.passes[0]);
    assert_close_wide("moving mean", &moving.mean, &[0.002], 1e-12);
    assert_close_wide("moving variance", &moving.variance, &[1.0], 1e-12);
    assert_close_wide(
        "inference",
        &inference(Activation::LeakyRelu, &x, &[2.0], &[0.5], &still).data,
        &[2.0 * one + 0.5, 6.0 * one + 0.5],
        1e-12,
    );
    let values = |kind: Activation| [7.0, 3.0, -3.0].map(|z| kind.of(z));
    assert_eq!(values(Activation::LeakyRelu), [7.0, 3.0, -3.0 * 0.1]);
    assert_eq!(values(Activation::Relu6), [6.0, 3.0, 0.0]);
    assert_eq!(values(Activation::Linear), [7.0, 3.0, -3.0]);
}

#[test]
fn passes_do_not_see_each_other() {
    let x = Map::new([2, 1, 2, 1], vec![0.0, 2.0, 100.0, 104.0]);
    let n = training(Activation::LeakyRelu, &x, &[1.0], &[0.0], 2);
    assert_eq!(n.passes[0], Moments { mean: vec![1.0], variance: vec![1.0] });
    assert_eq!(n.passes[1], Moments { mean: vec![102.0], variance: vec![4.0] });
}

#[test]
fn gradients_are_the_central_differences() {
    for (passes, kind) in [
        (1, Activation::LeakyRelu),
        (2, Activation::LeakyRelu),
        (4, Activation::LeakyRelu),
        (1, Activation::Relu6),
        (2, Activation::Linear),
    ] {
        let mut random = Random::new(passes as u64);
        let shape = [4, 2, 3, 2];
        let x = Map::new(shape, widen(&random.normal(48, 1.0)));
        let gamma = widen(&random.uniform(2, 0.5, 1.5));
        let beta = widen(&random.normal(2, 0.3));
        let d_out = Map::new(shape, widen(&random.normal(48, 1.0)));
        let d = backward(kind, &x, &gamma, &beta, &d_out, passes);
        let scalar =
            |x: &Map, g: &[f64], b: &[f64]| dot(&training(kind, x, g, b, passes).out.data, &d_out.data);
        let by_x =
            central(&x.data, &every(&x.data), 1e-6, |v| scalar(&Map::new(shape, v.to_vec()), &gamma, &beta));
        assert_close_wide("input", &d.input.data, &by_x, 1e-7);
        let by_gamma = central(&gamma, &[0, 1], 1e-6, |g| scalar(&x, g, &beta));
        assert_close_wide("gamma", &d.gamma, &by_gamma, 1e-7);
        let by_beta = central(&beta, &[0, 1], 1e-6, |b| scalar(&x, &gamma, b));
        assert_close_wide("beta", &d.beta, &by_beta, 1e-7);
    }
}
