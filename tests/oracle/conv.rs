//! Convolution with TensorFlow's SAME padding, by way of an explicitly padded map.

use super::Map;

/// A convolution `kernel` x `kernel`; weights `[kernel, kernel, inputs, outputs]`.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    pub kernel: usize,
    pub stride: usize,
    pub inputs: usize,
    pub outputs: usize,
}

/// What a convolution's backward pass gives.
pub struct ConvGradients {
    pub input: Map,
    pub weights: Vec<f64>,
    pub bias: Vec<f64>,
}

/// `(outputs, padding before, padding after)` along one axis: ceil(size / stride) outputs, the odd pixel
/// of padding after the last.
pub fn same(size: usize, kernel: usize, stride: usize) -> (usize, usize, usize) {
    let outputs = size.div_ceil(stride);
    let needed = (outputs - 1) * stride + kernel;
    let total = needed.saturating_sub(size);
    (outputs, total / 2, total - total / 2)
}

impl Conv {
    pub fn weight_count(&self) -> usize {
        self.kernel * self.kernel * self.inputs * self.outputs
    }

    pub(super) fn padded(&self, x: &Map) -> Map {
        let [images, height, width, channels] = x.shape;
        let (_, top, bottom) = same(height, self.kernel, self.stride);
        let (_, left, right) = same(width, self.kernel, self.stride);
        let mut padded = Map::zeros([images, top + height + bottom, left + width + right, channels]);
        for n in 0..images {
            for y in 0..height {
                let to = padded.pixel(n, y + top, left);
                let from = x.pixel(n, y, 0);
                let row = width * channels;
                padded.data[to..to + row].copy_from_slice(&x.data[from..from + row]);
            }
        }
        padded
    }

    pub(super) fn cropped(&self, padded: &Map, [images, height, width, channels]: [usize; 4]) -> Map {
        let (_, top, _) = same(height, self.kernel, self.stride);
        let (_, left, _) = same(width, self.kernel, self.stride);
        let mut x = Map::zeros([images, height, width, channels]);
        for n in 0..images {
            for y in 0..height {
                let from = padded.pixel(n, y + top, left);
                let to = x.pixel(n, y, 0);
                let row = width * channels;
                x.data[to..to + row].copy_from_slice(&padded.data[from..from + row]);
            }
        }
        x
    }

    /// Calls `f(input pixel, output pixel, tap)` for every pair that a tap of the kernel joins; pixels are
    /// indices of a first channel, the input's in the padded map.
    pub(super) fn each_pair(&self, padded: &Map, out: &Map, mut f: impl FnMut(usize, usize, usize)) {
        let [images, height, width, _] = out.shape;
        for n in 0..images {
            for y in 0..height {
                for x in 0..width {
                    for ky in 0..self.kernel {
                        for kx in 0..self.kernel {
                            let from = padded.pixel(n, y * self.stride + ky, x * self.stride + kx);
                            f(from, out.pixel(n, y, x), ky * self.kernel + kx);
                        }
                    }
                }
            }
        }
    }

    pub fn forward(&self, x: &Map, weights: &[f64], bias: &[f64]) -> Map {
        assert_eq!((x.shape[3], weights.len(), bias.len()), (self.inputs, self.weight_count(), self.outputs));
        let (height, _, _) = same(x.shape[1], self.kernel, self.stride);
        let (width, _, _) = same(x.shape[2], self.kernel, self.stride);
        let padded = self.padded(x);
        let mut out = Map::zeros([x.shape[0], height, width, self.outputs]);
        for pixel in out.data.chunks_exact_mut(self.outputs) {
            pixel.copy_from_slice(bias);
        }
        let mut sums = std::mem::take(&mut out.data);
        self.each_pair(&padded, &out, |from, to, tap| {
            let pixel = &mut sums[to..to + self.outputs];
            for (i, value) in padded.data[from..from + self.inputs].iter().enumerate() {
                let row = (tap * self.inputs + i) * self.outputs;
                for (sum, w) in pixel.iter_mut().zip(&weights[row..row + self.outputs]) {
                    *sum += value * w;
                }
            }
        });
        out.data = sums;
        out
    }

    pub fn backward(&self, x: &Map, weights: &[f64], d_out: &Map) -> ConvGradients {
        let padded = self.padded(x);
        let mut d_padded = vec![0.0; padded.data.len()];
        let mut d_weights = vec![0.0; weights.len()];
        self.each_pair(&padded, d_out, |from, to, tap| {
            let d_pixel = &d_out.data[to..to + self.outputs];
            for i in 0..self.inputs {
                let row = (tap * self.inputs + i) * self.outputs;
                let value = padded.data[from + i];
                let mut sum = 0.0;
                for (o, d) in d_pixel.iter().enumerate() {
                    sum += d * weights[row + o];
                    d_weights[row + o] += d * value;
                }
                d_padded[from + i] += sum;
            }
        });
        let mut bias = vec![0.0; self.outputs];
        for pixel in d_out.data.chunks_exact(self.outputs) {
            for (sum, d) in bias.iter_mut().zip(pixel) {
                *sum += d;
            }
        }
        let d_padded = Map::new(padded.shape, d_padded);
        ConvGradients { input: self.cropped(&d_padded, x.shape), weights: d_weights, bias }
    }
}
