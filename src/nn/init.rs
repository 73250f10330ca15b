use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{Init, ParameterSet};

/// Stream of the run's generator that initial weights are drawn from.
const STREAM: u64 = 0x1217;

/// Standard deviation of a standard normal truncated at +-2.
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

/// Starting values of every parameter (logical shapes, in order), a function of the seed alone.
///
/// Convolutions: N(0, 2 / (k^2 out)), He's rule on the fan-out; heads: Glorot normal; biases and beta
/// 0, gamma 1 (reference, `libml/models.py`).
pub fn initial_values(parameters: &ParameterSet, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    let mut normal = move || -> f64 { StandardNormal.sample(&mut rng) };
    parameters
        .list
        .iter()
        .map(|p| {
            (0..p.elements())
                .map(|_| match p.init {
                    Init::Zeros => 0.0,
                    Init::Ones => 1.0,
                    Init::Normal(std) => (std * normal()) as f32,
                    Init::TruncatedNormal(std) => {
                        let z = std::iter::repeat_with(&mut normal).find(|z| z.abs() <= 2.0).unwrap_or(0.0);
                        (std / TRUNCATED_STD * z) as f32
                    }
                })
                .collect()
        })
        .collect()
}
