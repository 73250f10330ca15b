//! Checks of the reference's convolutions.

use crate::oracle::Map;
use crate::oracle::compare::assert_close_wide;
use crate::oracle::conv::{Conv, same};
use crate::oracle::difference::{central, dot, every};
use crate::oracle::random::{Random, widen};

#[test]
fn same_padding_puts_the_odd_pixel_last() {
    assert_eq!(same(8, 3, 1), (8, 1, 1));
    assert_eq!(same(8, 3, 2), (4, 0, 1));
    assert_eq!(same(7, 3, 2), (4, 1, 1));
    assert_eq!(same(1, 3, 2), (1, 1, 1));
    assert_eq!(same(5, 1, 2), (3, 0, 0));
}

#[test]
fn a_small_convolution_by_hand() {
    let conv = Conv { kernel: 3, stride: 1, inputs: 1, outputs: 1 };
    let x = Map::new([1, 2, 2, 1], vec![1.0, 2.0, 3.0, 4.0]);
    let weights: Vec<f64> = (1..=9).map(f64::from).collect();
    // Top left: taps 5, 6, 8, 9 see 1, 2, 3, 4; the others see padding.
    let out = conv.forward(&x, &weights, &[0.5]);
    assert_eq!(out.data, [77.5, 67.5, 47.5, 37.5]);
    // Stride 2 on an even size starts at the first pixel: taps 1, 2, 4, 5.
    let out = Conv { stride: 2, ..conv }.forward(&x, &weights, &[0.5]);
    assert_eq!(out.data, [1.0 + 4.0 + 12.0 + 20.0 + 0.5]);
}

#[test]
fn gradients_are_the_central_differences() {
    for (kernel, stride, height, width) in
        [(3, 1, 3, 4), (3, 2, 5, 4), (1, 1, 2, 3), (1, 2, 4, 5), (3, 2, 1, 2)]
    {
        let conv = Conv { kernel, stride, inputs: 3, outputs: 2 };
        let mut random = Random::new(kernel as u64 * 10 + stride as u64);
        let shape = [2, height, width, 3];
        let x = Map::new(shape, widen(&random.normal(2 * height * width * 3, 1.0)));
        let weights = widen(&random.normal(conv.weight_count(), 1.0));
        let bias = widen(&random.normal(2, 1.0));
        let out = conv.forward(&x, &weights, &bias);
        let d_out = Map::new(out.shape, widen(&random.normal(out.data.len(), 1.0)));
        let d = conv.backward(&x, &weights, &d_out);
        let scalar = |x: &Map, w: &[f64], b: &[f64]| dot(&conv.forward(x, w, b).data, &d_out.data);
        let name = |what: &str| format!("{what} of {conv:?} on {height}x{width}");
        let by_x = central(&x.data, &every(&x.data), 1e-4, |v| {
            scalar(&Map::new(shape, v.to_vec()), &weights, &bias)
        });
        assert_close_wide(&name("input"), &d.input.data, &by_x, 1e-8);
        let by_w = central(&weights, &every(&weights), 1e-4, |w| scalar(&x, w, &bias));
        assert_close_wide(&name("weights"), &d.weights, &by_w, 1e-8);
        let by_b = central(&bias, &every(&bias), 1e-4, |b| scalar(&x, &weights, b));
        assert_close_wide(&name("bias"), &d.bias, &by_b, 1e-8);
    }
}
