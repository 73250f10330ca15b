//! Depthwise convolution with TensorFlow's SAME padding: a filter of its own for every channel.

use super::Map;
use super::conv::{Conv, same};

/// A depthwise convolution `kernel` x `kernel`; weights `[kernel, kernel, channels]`.
#[derive(Clone, Copy, Debug)]
pub struct Depthwise {
    pub kernel: usize,
    pub stride: usize,
    pub channels: usize,
}

/// What a depthwise convolution's backward pass gives.
pub struct DepthwiseGradients {
    pub input: Map,
    pub weights: Vec<f64>,
}

impl Depthwise {
    pub fn weight_count(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// The convolution that has the same pixels.
    fn geometry(&self) -> Conv {
        let Self { kernel, stride, channels } = *self;
        Conv { kernel, stride, inputs: channels, outputs: channels }
    }

    pub fn forward(&self, x: &Map, weights: &[f64]) -> Map {
        assert_eq!((x.shape[3], weights.len()), (self.channels, self.weight_count()));
        let [height, width] = [x.shape[1], x.shape[2]].map(|size| same(size, self.kernel, self.stride).0);
        let padded = self.geometry().padded(x);
        let mut out = Map::zeros([x.shape[0], height, width, self.channels]);
        let mut sums = std::mem::take(&mut out.data);
        self.geometry().each_pair(&padded, &out, |from, to, tap| {
            for c in 0..self.channels {
                sums[to + c] += padded.data[from + c] * weights[tap * self.channels + c];
            }
        });
        out.data = sums;
        out
    }

    pub fn backward(&self, x: &Map, weights: &[f64], d_out: &Map) -> DepthwiseGradients {
        let padded = self.geometry().padded(x);
        let mut d_padded = vec![0.0; padded.data.len()];
        let mut d_weights = vec![0.0; weights.len()];
        self.geometry().each_pair(&padded, d_out, |from, to, tap| {
            for c in 0..self.channels {
                d_padded[from + c] += d_out.data[to + c] * weights[tap * self.channels + c];
                d_weights[tap * self.channels + c] += d_out.data[to + c] * padded.data[from + c];
            }
        });
        let d_padded = Map::new(padded.shape, d_padded);
        DepthwiseGradients { input: self.geometry().cropped(&d_padded, x.shape), weights: d_weights }
    }
}
