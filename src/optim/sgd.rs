//! Stochastic gradient descent with Nesterov momentum (Sutskever et al., ICML 2013), as PyTorch computes it.

use super::optimiser::{Optimiser, Scalars, StateTensor};

/// Momentum of the FixMatch paper.
const MOMENTUM: f64 = 0.9;

/// SGD with Nesterov momentum.
pub static SGD: Optimiser = Optimiser {
    name: "sgd",
    shader: "optim/sgd",
    state: &[StateTensor { key: "sgd.momentum", label: "SGD's momentum" }],
    scalars: |learning_rate, _| Scalars { learning_rate, beta1: MOMENTUM, beta2: 0.0, epsilon: 0.0 },
    rule: "m = beta1 m + g; w -= learning_rate_corrected (g + beta1 m); then decayed kernels times decay_factor; then \
           the average",
};
