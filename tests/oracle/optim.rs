//! Adam as TensorFlow writes it, decoupled weight decay, and the EMA weights.

#[derive(Clone, Copy, Debug)]
pub struct Adam {
    pub learning_rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    /// v <- v (1 - weight_decay learning_rate) where decay applies.
    pub weight_decay: f64,
    pub ema: f64,
}

impl Adam {
    /// The reference's settings (specification 1.8).
    pub const REFERENCE: Adam = Adam {
        learning_rate: 0.002,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.02,
        ema: 0.999,
    };

    /// lr sqrt(1 - beta2^t) / (1 - beta1^t) of update `t`, the first being 1.
    pub fn step_size(&self, t: i32) -> f64 {
        self.learning_rate * (1.0 - self.beta2.powi(t)).sqrt() / (1.0 - self.beta1.powi(t))
    }
}

/// A parameter tensor with everything that is kept for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub weights: Vec<f64>,
    pub first: Vec<f64>,
    pub second: Vec<f64>,
    pub ema: Vec<f64>,
}

impl Slot {
    /// Before the first update: moments zero, the EMA at the weights.
    pub fn new(weights: Vec<f64>) -> Self {
        let zeros = vec![0.0; weights.len()];
        Self { first: zeros.clone(), second: zeros, ema: weights.clone(), weights }
    }

    /// Update `t`: Adam, then decay, then the EMA.
    pub fn update(&mut self, gradient: &[f64], adam: &Adam, t: i32, decayed: bool) {
        let step = adam.step_size(t);
        for (i, g) in gradient.iter().enumerate() {
            self.first[i] = adam.beta1 * self.first[i] + (1.0 - adam.beta1) * g;
            self.second[i] = adam.beta2 * self.second[i] + (1.0 - adam.beta2) * g * g;
            self.weights[i] -= step * self.first[i] / (self.second[i].sqrt() + adam.epsilon);
            if decayed {
                self.weights[i] *= 1.0 - adam.weight_decay * adam.learning_rate;
            }
            self.ema[i] = adam.ema * self.ema[i] + (1.0 - adam.ema) * self.weights[i];
        }
    }
}
