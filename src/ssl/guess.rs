//! Guessed labels: softmax, distribution alignment, sharpening (paper, algorithm 1, lines 6 to 8).

use bytemuck::{Pod, Zeroable};

use super::losses::record_softmax;
use super::shape::{HISTORY, StepShape};
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "ssl/align";

/// `Params` of `shaders/ssl/align.wgsl`.
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
    relative: u32,
    unused: [u32; 2],
}

/// State that alignment keeps between steps.
#[derive(Clone, Copy, Debug)]
pub struct AlignmentState {
    /// p(y), `[classes]`.
    pub label_distribution: Tensor,
    /// Batch means of the last raw predictions, `[HISTORY, classes]`.
    pub history: Tensor,
}

/// What a guess is measured by: distributions to align with, and how sure the network is of images that it
/// knows the labels of.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// p(y) and the average prediction, `[2, classes]`.
    pub averages: Tensor,
    /// Mean confidence on the labelled batch, one word; `None` where the threshold is absolute.
    pub labelled_confidence: Option<Tensor>,
}

/// The guess of one batch of unlabelled images, each `[batch, classes]` but the last.
#[derive(Clone, Copy, Debug)]
pub struct Guess {
    pub measure: Measure,
    /// q, the raw prediction.
    pub probabilities: Tensor,
    pub aligned: Tensor,
    /// What all views are trained towards; no gradient flows through it.
    pub target: Tensor,
    /// `[batch, 2]`: largest aligned probability, 1 where the guess is used.
    pub confidence: Tensor,
}

impl Guess {
    /// What is looked at: averages, probabilities, aligned, target, confidence.
    pub fn tensors(&self) -> [Tensor; 5] {
        [self.measure.averages, self.probabilities, self.aligned, self.target, self.confidence]
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
            hard: u32::from(self.threshold.is_some() && !self.soft),
            // Infinite, it would make the likeliest class 0 times infinity.
            inverse_temperature: (1.0 / self.temperature).min(f32::MAX),
            threshold: self.threshold.unwrap_or(0.0),
            running_labels: u32::from(self.running_labels),
            relative: u32::from(self.relative_threshold),
            unused: [0; 2],
        }
    }
}

/// Records what the guess is measured by: `anchors` are the unlabelled batch's logits, `labelled` those of the
/// labelled batch, asked for by [`StepShape::predicts_labelled`].
pub fn record_measure(
    b: &mut PlanBuilder,
    shape: &StepShape,
    state: AlignmentState,
    anchors: Tensor,
    labelled: Option<Tensor>,
) -> Measure {
    let params = shape.align_params();
    let averages = b.tensor("align.averages", 2 * shape.classes);
    let predictions = labelled.map(|logits| record_softmax(b, shape.batch, shape.classes, logits));
    match predictions.filter(|_| shape.batch_alignment) {
        Some(labelled) => {
            let unlabelled = record_softmax(b, shape.batch, shape.classes, anchors);
            let groups = groups_for_items(shape.classes, 64);
            b.dispatch(
                Kernel::new(SHADER, "batch_averages"),
                &params,
                &[labelled, unlabelled, averages],
                groups,
            );
        }
        None => {
            let bindings = [state.label_distribution, state.history, averages];
            b.dispatch(Kernel::new(SHADER, "class_averages"), &params, &bindings, [1, 1, 1]);
        }
    }
    let labelled_confidence = predictions.filter(|_| shape.relative_threshold).map(|labelled| {
        let mean = b.tensor("guess.labelled_confidence", 1);
        b.dispatch(Kernel::new(SHADER, "labelled_confidence"), &params, &[labelled, mean], [1, 1, 1]);
        mean
    });
    Measure { averages, labelled_confidence }
}

/// Records the guess from the anchors' logits (and a second view's, for MixMatch).
pub fn record_guess(b: &mut PlanBuilder, shape: &StepShape, measure: Measure, logits: &[Tensor]) -> Guess {
    let words = shape.batch * shape.classes;
    let guess = Guess {
        measure,
        probabilities: b.tensor("guess.probs", words),
        aligned: b.tensor("guess.aligned", words),
        target: b.tensor("guess.target", words),
        confidence: b.tensor("guess.confidence", 2 * shape.batch),
    };
    let second = *logits.last().unwrap_or(&logits[0]);
    let bindings = [
        logits[0],
        second,
        measure.averages,
        guess.probabilities,
        guess.aligned,
        guess.target,
        guess.confidence,
        // Not read where the threshold is absolute.
        measure.labelled_confidence.unwrap_or(measure.averages),
    ];
    let groups = groups_for_items(shape.batch, 64);
    b.dispatch(Kernel::new(SHADER, "guess"), &shape.align_params(), &bindings, groups);
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
