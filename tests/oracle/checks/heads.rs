//! Checks of the reference's heads and losses.

use crate::oracle::Map;
use crate::oracle::compare::assert_close_wide;
use crate::oracle::difference::{central, dot, every};
use crate::oracle::heads::*;
use crate::oracle::random::{Random, widen};

#[test]
fn values_by_hand() {
    let x = Map::new([2, 1, 2, 2], vec![1.0, 10.0, 3.0, 30.0, 5.0, 50.0, 7.0, 70.0]);
    assert_eq!(pool(&x), [2.0, 20.0, 6.0, 60.0]);
    assert_eq!(dense(&[1.0, 2.0], &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], &[0.5, 0.0, -0.5]), [21.5, 42.0, 62.5]);
    let logits = [0.0, 3f64.ln()];
    assert_close_wide("softmax", &softmax(&logits, 2), &[0.25, 0.75], 1e-15);
    let entropy = cross_entropy(&logits, &[0.5, 0.5], 2);
    assert_close_wide("cross-entropy", &entropy, &[0.5 * 4f64.ln() + 0.5 * (4.0f64 / 3.0).ln()], 1e-15);
    assert_close_wide("Brier", &brier(&logits, &[1.0, 0.0], 2), &[0.5625], 1e-15);
    // Far logits neither overflow nor vanish.
    assert_close_wide("far", &cross_entropy(&[1000.0, 0.0], &[0.0, 1.0], 2), &[1000.0], 1e-15);
}

#[test]
fn gradients_are_the_central_differences() {
    let mut random = Random::new(3);
    let shape = [2, 3, 2, 2];
    let x = widen(&random.normal(24, 1.0));
    let d_pooled = widen(&random.normal(4, 1.0));
    let by_x = central(&x, &every(&x), 1e-4, |v| dot(&pool(&Map::new(shape, v.to_vec())), &d_pooled));
    assert_close_wide("pool", &pool_backward(shape, &d_pooled).data, &by_x, 1e-8);

    let (x, weights, bias) = (random.normal(15, 1.0), random.normal(20, 1.0), random.normal(4, 1.0));
    let (x, weights, bias) = (widen(&x), widen(&weights), widen(&bias));
    let d_out = widen(&random.normal(12, 1.0));
    let d = dense_backward(&x, &weights, 4, &d_out);
    let by_x = central(&x, &every(&x), 1e-4, |v| dot(&dense(v, &weights, &bias), &d_out));
    assert_close_wide("dense input", &d.input, &by_x, 1e-8);
    let by_w = central(&weights, &every(&weights), 1e-4, |v| dot(&dense(&x, v, &bias), &d_out));
    assert_close_wide("dense weights", &d.weights, &by_w, 1e-8);
    let by_b = central(&bias, &every(&bias), 1e-4, |v| dot(&dense(&x, &weights, v), &d_out));
    assert_close_wide("dense bias", &d.bias, &by_b, 1e-8);

    let logits = widen(&random.normal(15, 2.0));
    // Targets below a confidence threshold have less than full mass.
    let targets: Vec<f64> = widen(&random.distributions(3, 5)).iter().map(|t| 0.8 * t).collect();
    let sum = |rows: Vec<f64>| rows.iter().sum::<f64>();
    let by_l = central(&logits, &every(&logits), 1e-5, |l| sum(cross_entropy(l, &targets, 5)));
    assert_close_wide("cross-entropy", &cross_entropy_backward(&logits, &targets, 5), &by_l, 1e-8);
    let by_l = central(&logits, &every(&logits), 1e-5, |l| sum(brier(l, &targets, 5)));
    assert_close_wide("Brier", &brier_backward(&logits, &targets, 5), &by_l, 1e-8);
}
