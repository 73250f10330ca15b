//! Global average pool, linear heads, and the losses on their logits.

use super::Map;

/// `[images, channels]`: the mean over each image's pixels.
pub fn pool(x: &Map) -> Vec<f64> {
    let [images, height, width, channels] = x.shape;
    let mut out = vec![0.0; images * channels];
    for (i, v) in x.data.iter().enumerate() {
        let image = i / (height * width * channels);
        out[image * channels + i % channels] += v / (height * width) as f64;
    }
    out
}

/// Gradient of the map `shape` from that of the pooled values.
pub fn pool_backward(shape: [usize; 4], d_pooled: &[f64]) -> Map {
    let [_, height, width, channels] = shape;
    let mut d = Map::zeros(shape);
    for (i, v) in d.data.iter_mut().enumerate() {
        let image = i / (height * width * channels);
        *v = d_pooled[image * channels + i % channels] / (height * width) as f64;
    }
    d
}

/// `x W + b` for rows of `inputs` values; W is `[inputs, outputs]`.
pub fn dense(x: &[f64], weights: &[f64], bias: &[f64]) -> Vec<f64> {
    let outputs = bias.len();
    let inputs = weights.len() / outputs;
    let mut out = Vec::new();
    for row in x.chunks_exact(inputs) {
        for (o, b) in bias.iter().enumerate() {
            out.push(b + row.iter().enumerate().map(|(i, v)| v * weights[i * outputs + o]).sum::<f64>());
        }
    }
    out
}

pub struct DenseGradients {
    pub input: Vec<f64>,
    pub weights: Vec<f64>,
    pub bias: Vec<f64>,
}

pub fn dense_backward(x: &[f64], weights: &[f64], outputs: usize, d_out: &[f64]) -> DenseGradients {
    let inputs = weights.len() / outputs;
    let mut d = DenseGradients {
        input: vec![0.0; x.len()],
        weights: vec![0.0; weights.len()],
        bias: vec![0.0; outputs],
    };
    for (row, d_row) in d_out.chunks_exact(outputs).enumerate() {
        for (o, g) in d_row.iter().enumerate() {
            d.bias[o] += g;
            for i in 0..inputs {
                d.input[row * inputs + i] += g * weights[i * outputs + o];
                d.weights[i * outputs + o] += g * x[row * inputs + i];
            }
        }
    }
    d
}

/// Softmax of every row.
pub fn softmax(logits: &[f64], classes: usize) -> Vec<f64> {
    let mut out = Vec::new();
    for row in logits.chunks_exact(classes) {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = row.iter().map(|l| (l - top).exp()).sum();
        out.extend(row.iter().map(|l| (l - top).exp() / total));
    }
    out
}

/// -sum_c t_c log p_c of every row.
pub fn cross_entropy(logits: &[f64], targets: &[f64], classes: usize) -> Vec<f64> {
    let row_loss = |(row, target): (&[f64], &[f64])| {
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_total = row.iter().map(|l| (l - top).exp()).sum::<f64>().ln() + top;
        row.iter().zip(target).map(|(l, t)| t * (log_total - l)).sum()
    };
    logits.chunks_exact(classes).zip(targets.chunks_exact(classes)).map(row_loss).collect()
}

/// Gradient of the sum of [`cross_entropy`] at the logits.
pub fn cross_entropy_backward(logits: &[f64], targets: &[f64], classes: usize) -> Vec<f64> {
    let p = softmax(logits, classes);
    let mass: Vec<f64> = targets.chunks_exact(classes).map(|t| t.iter().sum()).collect();
    (0..logits.len()).map(|i| p[i] * mass[i / classes] - targets[i]).collect()
}

/// mean_c (t_c - p_c)^2 of every row: the Brier score.
pub fn brier(logits: &[f64], targets: &[f64], classes: usize) -> Vec<f64> {
    let p = softmax(logits, classes);
    let square = |(p, t): (&f64, &f64)| (t - p).powi(2) / classes as f64;
    p.chunks_exact(classes)
        .zip(targets.chunks_exact(classes))
        .map(|(p, t)| p.iter().zip(t).map(square).sum())
        .collect()
}

/// Gradient of the sum of [`brier`] at the logits, through the softmax's full Jacobian.
pub fn brier_backward(logits: &[f64], targets: &[f64], classes: usize) -> Vec<f64> {
    let p = softmax(logits, classes);
    let mut d = vec![0.0; logits.len()];
    for row in 0..logits.len() / classes {
        for a in 0..classes {
            for b in 0..classes {
                let (i, j) = (row * classes + a, row * classes + b);
                let d_p = 2.0 * (p[j] - targets[j]) / classes as f64;
                let jacobian = p[j] * (f64::from(u8::from(a == b)) - p[i]);
                d[i] += d_p * jacobian;
            }
        }
    }
    d
}
