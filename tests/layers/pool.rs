//! Global average pooling.

use remixmatch::nn::GlobalAveragePool;

use crate::common::{FORWARD, GRADIENT, assert_folds, assert_picked, on_the_adapter};
use crate::oracle::Map;
use crate::oracle::compare::assert_close;
use crate::oracle::difference::{central, dot};
use crate::oracle::heads;
use crate::oracle::random::{Random, widen};
use crate::trial::Trial;

async fn check(shape: [usize; 4]) {
    let mut random = Random::new(shape.iter().sum::<usize>() as u64);
    let x = random.uniform(shape.iter().product(), -1.0, 1.0);
    let d_pooled = random.uniform(shape[0] * shape[3], -1.0, 1.0);
    let mut t = Trial::new();
    let x_in = t.map("x", shape, &x);
    let d_in = t.upload("d_pooled", &d_pooled);
    let pooled = GlobalAveragePool::forward(&mut t.b, x_in);
    let pooled = t.keep(pooled);
    let dx = GlobalAveragePool::backward(&mut t.b, x_in, d_in);
    let dx = t.keep(dx.tensor);
    let r = t.run().await;
    let x_wide = Map::new(shape, widen(&x));
    let d_wide = widen(&d_pooled);
    assert_close(&format!("forward {shape:?}"), &r.get(pooled), &heads::pool(&x_wide), FORWARD);
    let d = heads::pool_backward(shape, &d_wide).data;
    let found = r.get(dx);
    assert_close(&format!("backward {shape:?}"), &found, &d, GRADIENT);
    let at = random.indices(1, x.len());
    let differences =
        central(&x_wide.data, &at, 1e-2, |v| dot(&heads::pool(&Map::new(shape, v.to_vec())), &d_wide));
    assert_picked(&format!("input {shape:?}"), &found, &d, &at, &differences);
}

on_the_adapter! {
    async fn odd_shapes() {
        for shape in [[1, 1, 1, 4], [3, 17, 17, 12], [17, 3, 5, 8], [2, 8, 8, 128], [5, 1, 17, 40]] {
            check(shape).await;
        }
    }

    async fn folded_dispatches() {
        assert_folds(70_001 * 240 / 4);
        check([70_001, 1, 1, 240]).await;
        check([690, 96, 64, 4]).await;
    }
}
