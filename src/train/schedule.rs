use crate::optim::Optimiser;
use crate::ssl::{Method, StepBlock, StepShape};

/// Numbers that change from step to step.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub optimiser: &'static Optimiser,
    pub learning_rate: f64,
    pub weight_decay: f64,
    pub ema: f64,
    /// Labelled images over which the unlabelled terms ramp up; 0: at once.
    pub warmup_images: u64,
    /// lambda_u, lambda_u1, lambda_r.
    pub weights: [f32; 3],
}

impl Schedule {
    pub fn new(
        optimiser: &'static Optimiser,
        method: &Method,
        learning_rate: f64,
        weight_decay: f64,
        ema: f64,
        warmup_images: u64,
    ) -> Self {
        Self {
            optimiser,
            learning_rate,
            weight_decay,
            ema,
            warmup_images,
            weights: [method.weight_u, method.weight_u1, method.weight_r],
        }
    }

    /// Share of their weight that the unlabelled and pre-mixup terms have after `images` labelled images.
    pub fn ramp(&self, images: u64) -> f64 {
        if self.warmup_images == 0 {
            return 1.0;
        }
        (images as f64 / self.warmup_images as f64).min(1.0)
    }

    /// The block of step `step` (from 0).
    pub fn block(&self, step: u64, shape: &StepShape) -> StepBlock {
        let batch = shape.batch as f64;
        let ramp = self.ramp(step * shape.batch as u64);
        let [weight_u, weight_u1, weight_r] = self.weights.map(f64::from);
        let unlabelled_rows = (shape.mixed_images() - shape.batch).max(1) as f64;
        let scalars = (self.optimiser.scalars)(self.learning_rate, step);
        StepBlock {
            learning_rate: scalars.learning_rate as f32,
            beta1: scalars.beta1 as f32,
            beta2: scalars.beta2 as f32,
            epsilon: scalars.epsilon as f32,
            decay: (1.0 - self.weight_decay * self.learning_rate) as f32,
            ema: self.ema as f32,
            weight_x: (1.0 / batch) as f32,
            weight_u: (weight_u * ramp / unlabelled_rows) as f32,
            weight_u1: (weight_u1 * ramp / batch) as f32,
            weight_r: (weight_r / batch) as f32,
            slot: (step % crate::ssl::HISTORY as u64) as u32,
            unused: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::ADAM;

    #[test]
    fn the_ramp_and_the_corrections_follow_the_reference() {
        let method = Method::remixmatch();
        let schedule = Schedule::new(&ADAM, &method, 0.002, 0.02, 0.999, 1024 << 10);
        let shape = method.shape(64, 10);
        assert_eq!(schedule.ramp(0), 0.0);
        assert_eq!(schedule.ramp(8192 * 64), 0.5);
        assert_eq!(schedule.ramp(1 << 30), 1.0);
        let first = schedule.block(0, &shape);
        assert_eq!((first.weight_u, first.weight_u1), (0.0, 0.0));
        assert!((f64::from(first.learning_rate) - 0.002 * 0.001f64.sqrt() / 0.1).abs() < 1e-9);
        assert!((1.0 - f64::from(first.decay) - 4e-5).abs() < 1e-7);
        let late = schedule.block(20_000, &shape);
        assert!((f64::from(late.weight_u) - 1.5 / 576.0).abs() < 1e-8);
        assert!((f64::from(late.weight_r) - 0.5 / 64.0).abs() < 1e-8);
    }
}
