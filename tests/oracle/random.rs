//! Reproducible test data. Values are f32 so that the adapter and the reference see the same numbers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// `n` draws of N(0, std^2).
    pub fn normal(&mut self, n: usize, std: f64) -> Vec<f32> {
        (0..n)
            .map(|_| {
                let z: f64 = StandardNormal.sample(&mut self.0);
                (z * std) as f32
            })
            .collect()
    }

    /// `n` draws between `low` and `high`.
    pub fn uniform(&mut self, n: usize, low: f32, high: f32) -> Vec<f32> {
        (0..n).map(|_| low + (high - low) * self.0.random::<f32>()).collect()
    }

    /// `rows` distributions over `classes` classes.
    pub fn distributions(&mut self, rows: usize, classes: usize) -> Vec<f32> {
        let mut all = Vec::new();
        for _ in 0..rows {
            let raw = self.uniform(classes, 0.01, 1.0);
            let total: f32 = raw.iter().sum();
            all.extend(raw.iter().map(|p| p / total));
        }
        all
    }

    /// `n` different indices below `below`.
    pub fn indices(&mut self, n: usize, below: usize) -> Vec<usize> {
        rand::seq::index::sample(&mut self.0, below, n.min(below)).into_vec()
    }
}

/// The same numbers for the reference.
pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}
