//! The numbers that change from step to step: learning rate, ramped loss weights, the row of the history.

use bytemuck::{Pod, Zeroable};

use super::guess::HISTORY;
use super::loss_terms::{PerTerm, TERMS};
use super::method::Method;
use super::row_layout::RowLayout;
use crate::optim::Optimiser;

/// What changes from step to step; `Step` of `shaders/common/step.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct StepBlock {
    /// The learning rate with the optimiser's corrections for this step.
    pub learning_rate: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub epsilon: f32,
    /// 1 - weight decay x learning rate.
    pub decay: f32,
    pub ema: f32,
    /// Row of the prediction history that this step overwrites.
    pub slot: u32,
    /// Not 0: the step leaves weights, optimiser and EMA as they are; the loss scale sets it.
    pub skipped: u32,
    /// Weight of every loss term with its ramp, divided by the rows it is a mean over.
    pub weights: [f32; TERMS],
}

impl StepBlock {
    /// Words of a step block.
    pub const WORDS: usize = size_of::<Self>() / 4;
}

/// The decay of the EMA weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    /// Share of the old value kept, after the warm-up.
    pub full: f64,
    /// Whether it grows to its full value, so that a short run's average does not contain the first weights: at step `s`
    /// it is at most `(1 + s) / (10 + s)`, as in TensorFlow's `ExponentialMovingAverage` with `num_updates`. The reference
    /// has no warm-up.
    pub warms_up: bool,
}

impl Decay {
    /// The decay of step `step` (from 0).
    ///
    /// # Examples
    /// ```
    /// use remixmatch::ssl::Decay;
    ///
    /// let decay = Decay { full: 0.99, warms_up: true };
    /// assert_eq!((decay.at(0), decay.at(8), decay.at(10_000)), (0.1, 0.5, 0.99));
    /// assert_eq!(Decay { warms_up: false, ..decay }.at(0), 0.99);
    /// ```
    pub fn at(self, step: u64) -> f64 {
        let step = step as f64;
        let warm = (1.0 + step) / (10.0 + step);
        if self.warms_up { self.full.min(warm) } else { self.full }
    }
}

/// From the settings of a run to the [`StepBlock`] of each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub optimiser: &'static Optimiser,
    pub learning_rate: f64,
    pub weight_decay: f64,
    pub ema: Decay,
    /// Labelled images over which ramped terms reach their weight; 0: at once.
    pub warmup_images: u64,
    /// λ of every term; `None` where the method has no such term.
    pub weights: PerTerm<Option<f32>>,
}

impl Schedule {
    pub fn new(
        optimiser: &'static Optimiser,
        method: &Method,
        learning_rate: f64,
        weight_decay: f64,
        ema: Decay,
        warmup_images: u64,
    ) -> Self {
        let weights = PerTerm::from_fn(|term| (term.weight)(method));
        Self { optimiser, learning_rate, weight_decay, ema, warmup_images, weights }
    }

    /// Share of their weight that ramped terms have after `images` labelled images.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::train::preset;
    ///
    /// let schedule = preset("paper-cifar10", None).unwrap().config.schedule();
    /// assert_eq!(schedule.ramp(0), 0.0);
    /// assert_eq!(schedule.ramp(1 << 19), 0.5);
    /// assert_eq!(schedule.ramp(1 << 21), 1.0);
    /// ```
    pub fn ramp(&self, images: u64) -> f64 {
        if self.warmup_images == 0 {
            return 1.0;
        }
        (images as f64 / self.warmup_images as f64).min(1.0)
    }

    /// The block of step `step` (from 0).
    pub fn block(&self, step: u64, layout: &RowLayout) -> StepBlock {
        let ramp = self.ramp(step * layout.batch as u64);
        let scalars = (self.optimiser.scalars)(self.learning_rate, step);
        let weights = PerTerm::from_fn(|term| {
            let weight = f64::from(self.weights.0[term.index()].unwrap_or(0.0));
            let ramped = if term.ramped { weight * ramp } else { weight };
            (ramped / layout.rows_of_term(term).max(1) as f64) as f32
        });
        StepBlock {
            learning_rate: scalars.learning_rate as f32,
            beta1: scalars.beta1 as f32,
            beta2: scalars.beta2 as f32,
            epsilon: scalars.epsilon as f32,
            decay: (1.0 - self.weight_decay * self.learning_rate) as f32,
            ema: self.ema.at(step) as f32,
            slot: (step % HISTORY as u64) as u32,
            skipped: 0,
            weights: weights.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::ADAM;

    #[test]
    fn ramp_and_corrections_follow_the_reference() {
        let method = Method::remixmatch();
        let schedule =
            Schedule::new(&ADAM, &method, 0.002, 0.02, Decay { full: 0.999, warms_up: false }, 1024 << 10);
        let layout = RowLayout::new(&method, 64);
        assert_eq!(schedule.ramp(0), 0.0);
        assert_eq!(schedule.ramp(8192 * 64), 0.5);
        assert_eq!(schedule.ramp(1 << 30), 1.0);
        let weight = |block: &StepBlock, name| f64::from(PerTerm(block.weights).get(name));
        let first = schedule.block(0, &layout);
        assert_eq!((weight(&first, "u"), weight(&first, "u1")), (0.0, 0.0));
        assert!((f64::from(first.learning_rate) - 0.002 * 0.001f64.sqrt() / 0.1).abs() < 1e-9);
        assert!((1.0 - f64::from(first.decay) - 4e-5).abs() < 1e-7);
        let late = schedule.block(20_000, &layout);
        assert!((weight(&late, "u") - 1.5 / 576.0).abs() < 1e-8);
        assert!((weight(&late, "r") - 0.5 / 64.0).abs() < 1e-8);
    }
}
