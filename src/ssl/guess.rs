//! Guessed labels: softmax, distribution alignment, sharpening (paper, algorithm 1, lines 6 to 8).

use bytemuck::{Pod, Zeroable};

use super::shape::{HISTORY, StepShape};
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "ssl/align";

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    batch: u32,
    classes: u32,
    history: u32,
    views: u32,
    align: u32,
    hard: u32,
    inverse_temperature: f32,
    threshold: f32,
    running_labels: u32,
    unused: [u32; 3],
}

/// State that alignment keeps between steps.
#[derive(Clone, Copy, Debug)]
pub struct AlignmentState {
    /// p(y), `[classes]`.
    pub label_distribution: Tensor,
    /// Batch means of the last raw predictions, `[HISTORY, classes]`.
    pub history: Tensor,
}

/// The guess of one batch of unlabelled images, each `[batch, classes]` but the last.
#[derive(Clone, Copy, Debug)]
pub struct Guess {
    /// p(y) and the average prediction, `[2, classes]`.
    pub averages: Tensor,
    /// q, the raw prediction.
    pub probabilities: Tensor,
    pub aligned: Tensor,
    /// What all views are trained towards; no gradient flows through it.
    pub target: Tensor,
    /// `[batch, 2]`: largest aligned probability, 1 where the guess is used.
    pub confidence: Tensor,
}

impl Guess {
    /// All of its tensors.
    pub fn tensors(&self) -> [Tensor; 5] {
        [self.averages, self.probabilities, self.aligned, self.target, self.confidence]
    }
}

impl StepShape {
    fn align_params(&self) -> Params {
        Params {
            batch: self.batch as u32,
            classes: self.classes as u32,
            history: HISTORY as u32,
            views: self.guess_views as u32,
            align: u32::from(self.alignment),
            hard: u32::from(self.hard_threshold.is_some()),
            // Infinite, it would make the likeliest class 0 times infinity.
            inverse_temperature: (1.0 / self.temperature).min(f32::MAX),
            threshold: self.hard_threshold.unwrap_or(0.0),
            running_labels: u32::from(self.running_labels),
            unused: [0; 3],
        }
    }
}

/// Records the guess from the anchors' logits (and a second view's, for MixMatch).
pub fn record_guess(
    b: &mut PlanBuilder,
    shape: &StepShape,
    state: AlignmentState,
    logits: &[Tensor],
) -> Guess {
    let params = shape.align_params();
    let words = shape.batch * shape.classes;
    let guess = Guess {
        averages: b.tensor("align.averages", 2 * shape.classes),
        probabilities: b.tensor("guess.probs", words),
        aligned: b.tensor("guess.aligned", words),
        target: b.tensor("guess.target", words),
        confidence: b.tensor("guess.confidence", 2 * shape.batch),
    };
    let bindings = [state.label_distribution, state.history, guess.averages];
    b.dispatch(Kernel::new(SHADER, "class_averages"), &params, &bindings, [1, 1, 1]);
    let second = *logits.last().unwrap_or(&logits[0]);
    let bindings = [
        logits[0],
        second,
        guess.averages,
        guess.probabilities,
        guess.aligned,
        guess.target,
        guess.confidence,
    ];
    b.dispatch(Kernel::new(SHADER, "guess"), &params, &bindings, groups_for_items(shape.batch, 64));
    guess
}

/// Records the end of the step: this batch's raw predictions join the history.
pub fn record_push(
    b: &mut PlanBuilder,
    shape: &StepShape,
    state: AlignmentState,
    guess: &Guess,
    step_block: Tensor,
    labels: Tensor,
) {
    let bindings = [step_block, guess.probabilities, labels, state.history, state.label_distribution];
    let groups = groups_for_items(shape.classes, 64);
    b.dispatch(Kernel::new(SHADER, "push"), &shape.align_params(), &bindings, groups);
}
