//! Linear heads.

use remixmatch::nn::{Dense, Rows};

use crate::common::{FORWARD, GRADIENT, assert_folds, assert_picked, on_the_adapter, sum};
use crate::oracle::compare::assert_close;
use crate::oracle::difference::{central, dot};
use crate::oracle::heads;
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;

/// All entry points on rows `first..first + count` of an embedding of `total` rows.
async fn check(total: usize, rows: Rows, inputs: usize, outputs: usize) {
    let mut random = Random::new((total + inputs * 7 + outputs) as u64);
    let dense = Dense { name: "head".into(), inputs, outputs };
    let embedding = random.normal(total * inputs, 1.0);
    let weights = random.normal(inputs * outputs, 0.5);
    let bias = random.normal(outputs, 1.0);
    let d_logits = random.normal(rows.count * outputs, 1.0);
    let old = [random.normal(inputs * outputs, 1.0), random.normal(outputs, 1.0)];
    let untouched = random.normal(total * inputs, 1.0);

    let mut t = Trial::new();
    let e_in = t.upload("embedding", &embedding);
    let w_in = t.upload("weights", &weights);
    let b_in = t.upload("bias", &bias);
    let d_in = t.upload("d_logits", &d_logits);
    let d_embedding = t.upload("d_embedding", &untouched);
    let written = [t.blank("d_weights", inputs * outputs), t.blank("d_bias", outputs)];
    let added = [t.upload("d_weights", &old[0]), t.upload("d_bias", &old[1])];
    let logits = dense.forward(&mut t.b, e_in, rows, w_in, b_in);
    let logits = t.keep(logits);
    dense.data_gradient(&mut t.b, d_in, rows, w_in, d_embedding);
    dense.weight_gradient(&mut t.b, e_in, d_in, rows, written, false);
    dense.weight_gradient(&mut t.b, e_in, d_in, rows, added, true);
    let r = t.run().await;

    let name = |what: &str| format!("{what}, {rows:?} of {total}, {inputs} -> {outputs}");
    let part = rows.first * inputs..(rows.first + rows.count) * inputs;
    let e_wide = widen(&embedding[part.clone()]);
    let (w_wide, b_wide, d_wide) = (widen(&weights), widen(&bias), widen(&d_logits));
    assert_close(&name("forward"), &r.get(logits), &heads::dense(&e_wide, &w_wide, &b_wide), FORWARD);
    let d = heads::dense_backward(&e_wide, &w_wide, outputs, &d_wide);
    let mut d_rows = widen(&untouched);
    d_rows[part.clone()].copy_from_slice(&d.input);
    let found = r.get(d_embedding);
    assert_close(&name("data_gradient"), &found, &d_rows, GRADIENT);
    assert_close(&name("weight_gradient"), &r.get(written[0]), &d.weights, GRADIENT);
    assert_close(&name("bias gradient"), &r.get(written[1]), &d.bias, GRADIENT);
    assert_close(&name("added weight_gradient"), &r.get(added[0]), &sum(&d.weights, &old[0]), GRADIENT);
    assert_close(&name("added bias gradient"), &r.get(added[1]), &sum(&d.bias, &old[1]), GRADIENT);

    let at = random.indices(2, e_wide.len());
    let by_x = central(&e_wide, &at, 1e-3, |e| dot(&heads::dense(e, &w_wide, &b_wide), &d_wide));
    assert_picked(&name("input"), &found[part], &d.input, &at, &by_x);
    let at = random.indices(2, weights.len());
    let by_w = central(&w_wide, &at, 1e-3, |w| dot(&heads::dense(&e_wide, w, &b_wide), &d_wide));
    assert_picked(&name("weights"), &r.get(written[0]), &d.weights, &at, &by_w);
    let at = random.indices(2, outputs);
    let by_b = central(&b_wide, &at, 1e-3, |b| dot(&heads::dense(&e_wide, &w_wide, b), &d_wide));
    assert_picked(&name("bias"), &r.get(written[1]), &d.bias, &at, &by_b);
}

on_the_adapter! {
    async fn odd_sizes_and_row_ranges() {
        check(1, Rows { first: 0, count: 1 }, 8, 3).await;
        check(17, Rows { first: 0, count: 17 }, 40, 10).await;
        check(17, Rows { first: 3, count: 9 }, 32, 100).await;
        check(5, Rows { first: 4, count: 1 }, 128, 4).await;
    }

    async fn folded_dispatches() {
        assert_folds(2100 * 2000);
        check(2100, Rows { first: 0, count: 2100 }, 1, 2000).await;
        check(2100, Rows { first: 0, count: 2100 }, 2000, 1).await;
        check(1, Rows { first: 0, count: 1 }, 2099, 2000).await;
    }
}
