//! Guessed labels, MixUp, interleaving and the loss terms (specification, sections 1.2 to 1.7).

use std::collections::VecDeque;

use super::heads;

/// Keeps the ratio of alignment finite.
pub const ALIGN_EPSILON: f64 = 1e-6;

fn normalised(row: &[f64]) -> Vec<f64> {
    let total: f64 = row.iter().sum();
    row.iter().map(|v| v / total).collect()
}

/// Each row of `q` times (eps + p_data) / (eps + p_model), summing to 1 again.
pub fn align(q: &[f64], p_data: &[f64], p_model: &[f64]) -> Vec<f64> {
    let ratio: Vec<f64> =
        p_data.iter().zip(p_model).map(|(d, m)| (ALIGN_EPSILON + d) / (ALIGN_EPSILON + m)).collect();
    q.chunks_exact(ratio.len())
        .flat_map(|row| normalised(&row.iter().zip(&ratio).map(|(q, r)| q * r).collect::<Vec<_>>()))
        .collect()
}

/// Each row to the power 1/T, summing to 1 again.
pub fn sharpen(q: &[f64], classes: usize, temperature: f64) -> Vec<f64> {
    q.chunks_exact(classes)
        .flat_map(|row| normalised(&row.iter().map(|q| q.powf(1.0 / temperature)).collect::<Vec<_>>()))
        .collect()
}

/// The mean of rows of predictions.
pub fn expectation(q: &[f64], classes: usize) -> Vec<f64> {
    let rows = (q.len() / classes) as f64;
    (0..classes).map(|c| q[c..].iter().step_by(classes).sum::<f64>() / rows).collect()
}

/// The mean over rows of their largest entry.
pub fn mean_top(q: &[f64], classes: usize) -> f64 {
    let tops = q.chunks_exact(classes).map(|row| row.iter().copied().fold(0.0, f64::max));
    tops.sum::<f64>() / (q.len() / classes) as f64
}

/// The mean of the last predictions: `length` rows, each 1/C at first.
#[derive(Clone, Debug)]
pub struct History {
    rows: VecDeque<Vec<f64>>,
}

impl History {
    pub fn new(length: usize, classes: usize) -> Self {
        Self { rows: vec![vec![1.0 / classes as f64; classes]; length].into() }
    }

    /// Known rows, the oldest first.
    pub fn from_rows(rows: Vec<Vec<f64>>) -> Self {
        Self { rows: rows.into() }
    }

    /// Every row, the oldest first.
    pub fn rows(&self) -> Vec<f64> {
        self.rows.iter().flatten().copied().collect()
    }

    /// The mean over the rows, summing to 1.
    pub fn average(&self) -> Vec<f64> {
        let classes = self.rows[0].len();
        let sums: Vec<f64> = (0..classes).map(|c| self.rows.iter().map(|row| row[c]).sum()).collect();
        normalised(&sums)
    }

    /// The batch mean of the raw predictions `q` replaces the oldest row.
    pub fn push(&mut self, q: &[f64]) {
        let classes = self.rows[0].len();
        self.rows.pop_front();
        self.rows.push_back(expectation(q, classes));
    }
}

/// p(y) as an average of the labelled batches: p <- 0.999 p + 0.001 mean(onehot).
pub fn move_label_distribution(p: &[f64], labels: &[usize]) -> Vec<f64> {
    let share = |c: usize| labels.iter().filter(|l| **l == c).count() as f64 / labels.len() as f64;
    p.iter().enumerate().map(|(c, p)| 0.999 * p + 0.001 * share(c)).collect()
}

/// Row i becomes lambda_i x_i + (1 - lambda_i) x_{partner i}; `width` values per row.
pub fn mixup(x: &[f64], width: usize, partner: &[usize], lambda: &[f64]) -> Vec<f64> {
    let row = |i: usize| &x[i * width..(i + 1) * width];
    (0..partner.len())
        .flat_map(|i| {
            let (a, b, l) = (row(i), row(partner[i]), lambda[i]);
            a.iter().zip(b).map(move |(a, b)| l * a + (1.0 - l) * b)
        })
        .collect()
}

/// Sizes of the chunks that a batch is divided into: the last chunks take the remainder.
pub fn chunk_sizes(batch: usize, blocks: usize) -> Vec<usize> {
    let extra = batch % blocks;
    (0..blocks).map(|i| batch / blocks + usize::from(i + extra >= blocks)).collect()
}

/// Swaps chunk i of block 0 with chunk i of block i, i >= 1. Interleaving twice restores the blocks.
pub fn interleave<T: Clone>(blocks: &[Vec<T>]) -> Vec<Vec<T>> {
    let cut = |block: &[T]| -> Vec<Vec<T>> {
        let mut rest = block.iter().cloned();
        chunk_sizes(block.len(), blocks.len()).into_iter().map(|n| rest.by_ref().take(n).collect()).collect()
    };
    let chunks: Vec<Vec<Vec<T>>> = blocks.iter().map(|block| cut(block)).collect();
    let mut swapped = chunks.clone();
    for i in 1..blocks.len() {
        swapped[0][i] = chunks[i][i].clone();
        swapped[i][i] = chunks[0][i].clone();
    }
    swapped.into_iter().map(|block| block.concat()).collect()
}

/// The terms of the loss, before their weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    pub labelled: f64,
    pub unlabelled: f64,
    pub premixup: f64,
    pub rotation: f64,
    /// -I(y; x) on the first strong view.
    pub mutual_information: f64,
}

/// Weights of the unlabelled terms; the ramp does not touch the rotation's.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    pub unlabelled: f64,
    pub premixup: f64,
    pub rotation: f64,
    pub mutual_information: f64,
    pub ramp: f64,
}

impl Terms {
    pub fn total(&self, w: &Weights) -> f64 {
        self.labelled
            + w.ramp * (w.unlabelled * self.unlabelled + w.premixup * self.premixup)
            + w.rotation * self.rotation
            + w.mutual_information * self.mutual_information
    }
}

/// clip(images seen / warm-up images, 0, 1).
pub fn ramp(images: f64, warmup_images: f64) -> f64 {
    (images / warmup_images).clamp(0.0, 1.0)
}

fn mean(rows: &[f64]) -> f64 {
    rows.iter().sum::<f64>() / rows.len() as f64
}

/// Mean cross-entropy over the rows, and its gradient at the logits.
pub fn mean_cross_entropy(logits: &[f64], targets: &[f64], classes: usize) -> (f64, Vec<f64>) {
    let rows = (logits.len() / classes) as f64;
    let d = heads::cross_entropy_backward(logits, targets, classes).iter().map(|d| d / rows).collect();
    (mean(&heads::cross_entropy(logits, targets, classes)), d)
}

/// Mean Brier score over the rows, and its gradient at the logits.
pub fn mean_brier(logits: &[f64], targets: &[f64], classes: usize) -> (f64, Vec<f64>) {
    let rows = (logits.len() / classes) as f64;
    let d = heads::brier_backward(logits, targets, classes).iter().map(|d| d / rows).collect();
    (mean(&heads::brier(logits, targets, classes)), d)
}

fn entropy(p: &[f64]) -> f64 {
    -p.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// I(y; x) = H(E p) - E H(p) of a batch of predictions, in nats (paper, section 3.1; Bridle et al. 1991).
pub fn mutual_information(logits: &[f64], classes: usize) -> f64 {
    let p = heads::softmax(logits, classes);
    let rows: Vec<f64> = p.chunks_exact(classes).map(entropy).collect();
    entropy(&expectation(&p, classes)) - mean(&rows)
}

/// Gradient of [`mutual_information`] at the logits: through the softmax's full Jacobian from
/// dI/dp_bc = (log p_bc - log E p_c) / B.
pub fn mutual_information_backward(logits: &[f64], classes: usize) -> Vec<f64> {
    let p = heads::softmax(logits, classes);
    let average = expectation(&p, classes);
    let count = (logits.len() / classes) as f64;
    p.chunks_exact(classes)
        .flat_map(|row| {
            let d: Vec<f64> = row.iter().zip(&average).map(|(p, a)| (p.ln() - a.ln()) / count).collect();
            let inner: f64 = row.iter().zip(&d).map(|(p, d)| p * d).sum();
            row.iter().zip(&d).map(|(p, d)| p * (d - inner)).collect::<Vec<_>>()
        })
        .collect()
}

/// One-hot rotation labels of a batch: labels 0 to 3, a quarter of the rows each.
pub fn rotation_targets(batch: usize) -> Vec<f64> {
    (0..batch * 4).map(|i| f64::from(u8::from(i % 4 == i / 4 / (batch / 4)))).collect()
}
