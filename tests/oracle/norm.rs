//! Batch normalisation followed by an activation; training statistics are those of each pass.

use super::Map;

pub const EPSILON: f64 = 1e-3;
pub const MOMENTUM: f64 = 0.999;
pub const SLOPE: f64 = 0.1;

/// Mean and (population) variance of each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
}

/// A forward pass with the statistics that normalised each group of images.
pub struct Normalised {
    pub out: Map,
    pub passes: Vec<Moments>,
}

pub struct NormGradients {
    pub input: Map,
    pub gamma: Vec<f64>,
    pub beta: Vec<f64>,
}

/// What follows a normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    LeakyRelu,
    Relu6,
    Linear,
}

impl Activation {
    pub fn of(self, z: f64) -> f64 {
        match self {
            Self::LeakyRelu => {
                if z > 0.0 {
                    z
                } else {
                    SLOPE * z
                }
            }
            Self::Relu6 => z.clamp(0.0, 6.0),
            Self::Linear => z,
        }
    }

    fn slope(self, z: f64) -> f64 {
        match self {
            Self::LeakyRelu if z > 0.0 => 1.0,
            Self::LeakyRelu => SLOPE,
            Self::Relu6 if z > 0.0 && z < 6.0 => 1.0,
            Self::Relu6 => 0.0,
            Self::Linear => 1.0,
        }
    }
}

/// Mean and variance over `rows` of `channels` values each.
pub fn moments(rows: &[f64], channels: usize) -> Moments {
    let n = (rows.len() / channels) as f64;
    let column = |c: usize| rows[c..].iter().step_by(channels);
    let mean: Vec<f64> = (0..channels).map(|c| column(c).sum::<f64>() / n).collect();
    let variance = (0..channels).map(|c| column(c).map(|v| (v - mean[c]).powi(2)).sum::<f64>() / n).collect();
    Moments { mean, variance }
}

/// z = gamma (x - mean) / sqrt(variance + eps) + beta for one value.
fn affine(value: f64, c: usize, m: &Moments, gamma: &[f64], beta: &[f64]) -> f64 {
    gamma[c] * (value - m.mean[c]) / (m.variance[c] + EPSILON).sqrt() + beta[c]
}

fn normalise(kind: Activation, rows: &[f64], m: &Moments, gamma: &[f64], beta: &[f64]) -> Vec<f64> {
    let channels = gamma.len();
    let at = |(i, v): (usize, &f64)| kind.of(affine(*v, i % channels, m, gamma, beta));
    rows.iter().enumerate().map(at).collect()
}

/// Normalises `passes` equal groups of images, each with its own statistics.
pub fn training(kind: Activation, x: &Map, gamma: &[f64], beta: &[f64], passes: usize) -> Normalised {
    assert_eq!(x.shape[0] % passes, 0, "passes are equal groups of images");
    let mut data = Vec::new();
    let mut all = Vec::new();
    for rows in x.data.chunks_exact(x.data.len() / passes) {
        let m = moments(rows, gamma.len());
        data.extend(normalise(kind, rows, &m, gamma, beta));
        all.push(m);
    }
    Normalised { out: Map::new(x.shape, data), passes: all }
}

/// Normalises with given statistics.
pub fn inference(kind: Activation, x: &Map, gamma: &[f64], beta: &[f64], known: &Moments) -> Map {
    Map::new(x.shape, normalise(kind, &x.data, known, gamma, beta))
}

/// The moving averages after one more pass.
pub fn moved(old: &Moments, pass: &Moments) -> Moments {
    moved_by(MOMENTUM, old, pass)
}

/// [`moved`], keeping the share `momentum` of the old.
pub fn moved_by(momentum: f64, old: &Moments, pass: &Moments) -> Moments {
    let mix = |old: &[f64], new: &[f64]| {
        old.iter().zip(new).map(|(o, n)| momentum * o + (1.0 - momentum) * n).collect()
    };
    Moments { mean: mix(&old.mean, &pass.mean), variance: mix(&old.variance, &pass.variance) }
}

/// The chain rule step by step: activation, affine, variance, mean.
pub fn backward(
    kind: Activation,
    x: &Map,
    gamma: &[f64],
    beta: &[f64],
    d_out: &Map,
    passes: usize,
) -> NormGradients {
    let channels = gamma.len();
    let mut d_input = vec![0.0; x.data.len()];
    let mut d_gamma = vec![0.0; channels];
    let mut d_beta = vec![0.0; channels];
    let length = x.data.len() / passes;
    let n = (length / channels) as f64;
    for pass in 0..passes {
        let range = pass * length..(pass + 1) * length;
        let m = moments(&x.data[range.clone()], channels);
        let std: Vec<f64> = m.variance.iter().map(|v| (v + EPSILON).sqrt()).collect();
        let mut d_variance = vec![0.0; channels];
        let mut d_mean = vec![0.0; channels];
        for i in range.clone() {
            let c = i % channels;
            let centred = x.data[i] - m.mean[c];
            let slope = kind.slope(affine(x.data[i], c, &m, gamma, beta));
            let d_z = d_out.data[i] * slope;
            d_gamma[c] += d_z * centred / std[c];
            d_beta[c] += d_z;
            let d_hat = d_z * gamma[c];
            d_input[i] = d_hat / std[c];
            d_variance[c] += d_hat * centred * -0.5 / std[c].powi(3);
            d_mean[c] -= d_hat / std[c];
        }
        for i in range {
            let c = i % channels;
            d_input[i] += d_variance[c] * 2.0 * (x.data[i] - m.mean[c]) / n + d_mean[c] / n;
        }
    }
    NormGradients { input: Map::new(x.shape, d_input), gamma: d_gamma, beta: d_beta }
}
