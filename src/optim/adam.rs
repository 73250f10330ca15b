//! Adam (Kingma and Ba, arXiv 1412.6980), as TensorFlow and the reference compute it.

use super::optimiser::{Optimiser, Scalars, StateTensor};

/// Decay rates of the moments and epsilon: TensorFlow's defaults, which the reference uses.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Adam with its bias corrections folded into the learning rate, as TensorFlow does.
pub static ADAM: Optimiser = Optimiser {
    name: "adam",
    shader: "optim/adam",
    state: &[
        StateTensor { key: "adam.m", label: "Adam's first moment" },
        StateTensor { key: "adam.v", label: "Adam's second moment" },
    ],
    scalars,
    rule: "w -= learning_rate_corrected m / (sqrt(v) + epsilon); then decayed kernels times decay_factor; then the \
           average",
};

/// lr sqrt(1 - beta2^t) / (1 - beta1^t), t = step + 1.
fn scalars(learning_rate: f64, step: u64) -> Scalars {
    let t = (step + 1) as f64;
    Scalars {
        learning_rate: learning_rate * (1.0 - BETA2.powf(t)).sqrt() / (1.0 - BETA1.powf(t)),
        beta1: BETA1,
        beta2: BETA2,
        epsilon: EPSILON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_corrections_scale_the_learning_rate() {
        let first = scalars(0.002, 0);
        assert!((first.learning_rate - 0.002 * 0.001f64.sqrt() / 0.1).abs() < 1e-9);
        assert!((scalars(0.002, 1 << 20).learning_rate - 0.002).abs() < 1e-12);
    }
}
