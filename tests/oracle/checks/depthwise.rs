//! Checks of the reference's depthwise convolution.

use crate::oracle::Map;
use crate::oracle::compare::assert_close_wide;
use crate::oracle::conv::Conv;
use crate::oracle::depthwise::Depthwise;
use crate::oracle::difference::{central, dot, every};
use crate::oracle::random::{Random, widen};

#[test]
fn one_channel_is_a_usual_convolution() {
    for (kernel, stride, height, width) in [(3, 1, 4, 5), (3, 2, 4, 5), (5, 1, 6, 3), (5, 2, 6, 7)] {
        let mut random = Random::new((kernel + stride) as u64);
        let x = Map::new([2, height, width, 1], widen(&random.normal(2 * height * width, 1.0)));
        let weights = widen(&random.normal(kernel * kernel, 1.0));
        let conv = Conv { kernel, stride, inputs: 1, outputs: 1 };
        let depthwise = Depthwise { kernel, stride, channels: 1 };
        assert_eq!(depthwise.forward(&x, &weights), conv.forward(&x, &weights, &[0.0]));
    }
}

#[test]
fn gradients_are_the_central_differences() {
    for (kernel, stride, height, width) in
        [(3, 1, 3, 4), (3, 2, 5, 4), (5, 1, 2, 7), (5, 2, 4, 5), (5, 2, 1, 2)]
    {
        let conv = Depthwise { kernel, stride, channels: 3 };
        let mut random = Random::new(kernel as u64 * 10 + stride as u64);
        let shape = [2, height, width, 3];
        let x = Map::new(shape, widen(&random.normal(shape.iter().product(), 1.0)));
        let weights = widen(&random.normal(conv.weight_count(), 1.0));
        let out = conv.forward(&x, &weights);
        let d_out = Map::new(out.shape, widen(&random.normal(out.data.len(), 1.0)));
        let d = conv.backward(&x, &weights, &d_out);
        let scalar = |x: &Map, w: &[f64]| dot(&conv.forward(x, w).data, &d_out.data);
        let name = |what: &str| format!("{what} of {conv:?} on {height}x{width}");
        let by_x =
            central(&x.data, &every(&x.data), 1e-4, |v| scalar(&Map::new(shape, v.to_vec()), &weights));
        assert_close_wide(&name("input"), &d.input.data, &by_x, 1e-8);
        let by_w = central(&weights, &every(&weights), 1e-4, |w| scalar(&x, w));
        assert_close_wide(&name("weights"), &d.weights, &by_w, 1e-8);
    }
}
