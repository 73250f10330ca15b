//! Guessed labels: distribution alignment, sharpening, and the history that alignment averages (paper, section 3.1 and
//! algorithm 1, lines 6 to 8). `shaders/ssl/align.wgsl` has the arithmetic.

use bytemuck::{Pod, Zeroable};

use super::method::{LabelPrior, Method};
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "ssl/align";

/// Rows of the prediction history that alignment averages (paper, section 3.1; reference `dbuf`).
pub const HISTORY: usize = 128;

/// `Params` of `shaders/ssl/align.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    batch: u32,
    classes: u32,
    history: u32,
    align: u32,
    hard: u32,
    inverse_temperature: f32,
    threshold: f32,
    running_labels: u32,
    relative: u32,
    unused: [u32; 3],
}

impl Params {
    fn new(method: &Method, batch: usize, classes: usize) -> Self {
        Self {
            batch: batch as u32,
            classes: classes as u32,
            history: HISTORY as u32,
            align: u32::from(method.alignment),
            hard: u32::from(method.threshold.is_some() && !method.soft),
            // An infinite power would make the likeliest class 0 times infinity.
            inverse_temperature: (1.0 / method.temperature).min(f32::MAX),
            threshold: method.threshold.unwrap_or(0.0),
            running_labels: u32::from(method.label_prior == LabelPrior::Running),
            relative: u32::from(method.relative_threshold),
            unused: [0; 3],
        }
    }
}

/// State that alignment keeps between steps.
#[derive(Clone, Copy, Debug)]
pub struct AlignmentState {
    /// p(y), `[classes]`.
    pub label_distribution: Tensor,
    /// Batch means of the last raw predictions, `[HISTORY, classes]`.
    pub history: Tensor,
}

/// What guesses are aligned with and measured by.
#[derive(Clone, Copy, Debug)]
pub struct AlignmentStats {
    /// p(y) and the average prediction p̃(y), `[2, classes]`, each summing to 1.
    pub averages: Tensor,
    /// Mean confidence on the labelled batch, `[1]`; `None` where the threshold is absolute.
    pub labelled_confidence: Option<Tensor>,
}

/// The guesses of one batch of unlabelled images.
#[derive(Clone, Copy, Debug)]
pub struct Guess {
    pub stats: AlignmentStats,
    /// q, the raw predictions, `[batch, classes]`.
    pub probabilities: Tensor,
    /// q p(y) / p̃(y), normalised, `[batch, classes]`.
    pub aligned: Tensor,
    /// The target of all views, `[batch, classes]`; no gradient flows through it.
    pub target: Tensor,
    /// `[batch, 2]`: largest aligned probability, 1 where the guess is used.
    pub confidence: Tensor,
}

impl Guess {
    /// Averages, probabilities, aligned, target, confidence: what an observer reads back.
    pub fn tensors(&self) -> [Tensor; 5] {
        [self.stats.averages, self.probabilities, self.aligned, self.target, self.confidence]
    }
}

/// Records what the guesses are aligned with: p(y) and p̃(y) of `state`, or the mean predictions of the step's two
/// batches where the method asks for them. `q` is `[batch, classes]`, `labelled` the predictions on the labelled batch
/// where [`Method::predicts_labelled`].
pub fn record_alignment_stats(
    b: &mut PlanBuilder,
    method: &Method,
    classes: usize,
    state: AlignmentState,
    q: Tensor,
    labelled: Option<Tensor>,
) -> AlignmentStats {
    let params = Params::new(method, q.words() / classes, classes);
    let averages = b.tensor("align.averages", 2 * classes);
    match labelled.filter(|_| method.aligns_batches()) {
        Some(labelled) => {
            let bindings = [labelled, q, averages];
            let groups = groups_for_items(classes, 64);
            b.dispatch(Kernel::new(SHADER, "batch_averages"), &params, &bindings, groups).chain =
                (q.words() / classes) as u64;
        }
        None => {
            let bindings = [state.label_distribution, state.history, averages];
            b.dispatch(Kernel::new(SHADER, "class_averages"), &params, &bindings, [1, 1, 1]).chain =
                HISTORY as u64;
        }
    }
    let labelled_confidence = labelled.filter(|_| method.relative_threshold).map(|labelled| {
        let mean = b.tensor("guess.labelled_confidence", 1);
        b.dispatch(Kernel::new(SHADER, "labelled_confidence"), &params, &[labelled, mean], [1, 1, 1]);
        mean
    });
    AlignmentStats { averages, labelled_confidence }
}

/// Records the mean of two views' predictions, each `[batch, classes]`: MixMatch's q.
pub fn record_mean_of_two(
    b: &mut PlanBuilder,
    method: &Method,
    classes: usize,
    [first, second]: [Tensor; 2],
) -> Tensor {
    let params = Params::new(method, first.words() / classes, classes);
    let mean = b.tensor("guess.probs", first.words());
    let groups = groups_for_items(first.words(), 64);
    b.dispatch(Kernel::new(SHADER, "mean_of_two"), &params, &[first, second, mean], groups);
    mean
}

/// Records lines 7 and 8: the predictions `q` `[batch, classes]`, aligned, sharpened or made one-hot.
pub fn record_guess(
    b: &mut PlanBuilder,
    method: &Method,
    classes: usize,
    stats: AlignmentStats,
    q: Tensor,
) -> Guess {
    let (words, batch) = (q.words(), q.words() / classes);
    let guess = Guess {
        stats,
        probabilities: q,
        aligned: b.tensor("guess.aligned", words),
        target: b.tensor("guess.target", words),
        confidence: b.tensor("guess.confidence", 2 * batch),
    };
    let bindings = [
        q,
        stats.averages,
        guess.aligned,
        guess.target,
        guess.confidence,
        // Not read where the threshold is absolute.
        stats.labelled_confidence.unwrap_or(stats.averages),
    ];
    let params = Params::new(method, batch, classes);
    // Once each for the sum, the top, the powers and the targets.
    b.dispatch(Kernel::new(SHADER, "guess"), &params, &bindings, groups_for_items(batch, 64)).chain =
        4 * classes as u64;
    guess
}

/// Records the end of the step: the mean of this batch's raw predictions `q` `[batch, classes]` replaces the oldest
/// row of the history, and p(y) moves with the `labels` `[batch]` where it is a running average.
pub fn record_history_update(
    b: &mut PlanBuilder,
    method: &Method,
    classes: usize,
    state: AlignmentState,
    q: Tensor,
    step_block: Tensor,
    labels: Tensor,
) {
    let params = Params::new(method, q.words() / classes, classes);
    let bindings = [step_block, q, labels, state.history, state.label_distribution];
    let groups = groups_for_items(classes, 64);
    b.dispatch(Kernel::new(SHADER, "update_history"), &params, &bindings, groups).chain =
        (q.words() / classes) as u64;
}
