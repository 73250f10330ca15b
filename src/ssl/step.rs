//! One training step, top to bottom: algorithm 1 of the paper (Berthelot et al., ICLR 2020), then the losses, the update
//! and the history, in the order of the reference (`remixmatch_no_cta.py`). Numbers in comments are the algorithm's lines.
//!
//! [`record_step`] records the dispatches once; a run replays them. [`RowLayout`] says which rows are what.

use std::ops::Range;

use super::guess::{
    AlignmentState, Guess, HISTORY, record_alignment_stats, record_guess, record_history_update,
    record_mean_of_two,
};
use super::loss_terms::{LOSS_TERMS, LossTerm, TERMS};
use super::losses::{
    LossTables, STATISTICS, record_loss_terms, record_matches, record_softmax, record_summary, record_targets,
};
use super::method::Method;
use super::row_layout::{PassKind, RowLayout, ViewBlock};
use super::schedule::StepBlock;
use crate::augment::{
    AssembleRow, Augmentation, OpDraw, OpOptions, WeakDraw, record_assemble, record_augmentation,
};
use crate::gpu::{PlanBuilder, Storage, Tensor};
use crate::nn::{Activation, BINDING_WORDS, Head, Network, Rows, StatGroups};
use crate::optim::{FAULTS, LossScale, Optimiser, OptimiserState};

/// Where the update's faults are in a step's report.
pub const REPORT_FAULTS: usize = BINDING_WORDS;
/// Where the probe matches begin in a step's report.
pub const REPORT_MATCHES: usize = 2 * BINDING_WORDS;

/// What a step is recorded for.
#[derive(Clone, Copy, Debug)]
pub struct StepOptions<'a> {
    pub network: &'a Network,
    pub method: &'a Method,
    pub layout: &'a RowLayout,
    pub optimiser: &'static Optimiser,
    pub augment: OpOptions,
    /// Most passes with a gradient that share one dispatch per layer.
    pub passes_per_dispatch: usize,
    /// Views beyond the step's own that the tensor of views has room for.
    pub further_views: usize,
}

/// Tensors that are written before, kept between or read after steps. B is the batch, C the classes, V the views,
/// n the inputs with a gradient; images have H x W pixels.
#[derive(Clone, Debug)]
pub struct StepTensors {
    /// u8 images, one word per pixel: `[labelled B, unlabelled B, H, W]`.
    pub sources: Tensor,
    /// [`WeakDraw`] of every view, `[V]`.
    pub weak_draws: Tensor,
    /// [`OpDraw`] of every view, `[V]`, one tensor per operation.
    pub op_draws: Vec<Tensor>,
    /// [`AssembleRow`] of every input with a gradient, `[n]`.
    pub rows: Tensor,
    /// [`AssembleRow`] of every view as it is, `[V]`.
    pub view_rows: Tensor,
    /// Classes of the labelled images, `[B]`.
    pub labels: Tensor,
    /// True classes of the unlabelled images, for the report only, `[B]`.
    pub hidden: Tensor,
    /// [`StepBlock`].
    pub step_block: Tensor,
    pub optimiser: OptimiserState,
    /// Where feature maps are stored as f16.
    pub loss_scale: Option<LossScale>,
    /// Moving means and variances of batch norm.
    pub moving: Tensor,
    pub alignment: AlignmentState,
    /// Augmented u8 images, one word per pixel: `[V, H, W]`, then the further views.
    pub views: Tensor,
    /// Statistics from word 0, the update's faults from [`REPORT_FAULTS`], probe matches from [`REPORT_MATCHES`].
    pub report: Tensor,
    /// Mixed targets, `[n, C]`.
    pub targets: Tensor,
    /// Of every input in every term the loss, and 1 if the most likely class is the target's, `[terms, n, 2]`.
    pub results: Tensor,
    pub guess: Option<Guess>,
    /// Logits of the views that guesses are made from, each `[B, C]`.
    pub guess_logits: Vec<Tensor>,
    /// Logits of the labelled batch where guesses need them, `[B, C]`.
    pub labelled_logits: Option<Tensor>,
    pub dispatches: Vec<DispatchTensors>,
    /// The step's first operation that writes what the next step depends on, but for `moving`, which the forward passes
    /// update.
    pub update_from: usize,
}

/// Tensors of the passes that share one dispatch per layer.
#[derive(Clone, Debug)]
pub struct DispatchTensors {
    /// First input row.
    pub first_row: usize,
    pub input: Activation,
    /// Per run of passes of one kind: the kind, its input rows, the logits `[rows, classes of the head]`.
    pub logits: Vec<(PassKind, Range<usize>, Tensor)>,
}

impl StepTensors {
    fn declare(b: &mut PlanBuilder, options: &StepOptions<'_>) -> Self {
        let StepOptions { network, method, layout, .. } = *options;
        let pixels = network.height * network.width;
        let (views, inputs, classes) = (layout.view_count(), layout.input_count(), network.classes);
        let mut state = |name: &str, words: usize| b.persistent(name, words);
        let operations = 1..=method.operations();
        Self {
            sources: state("source images", layout.source_count() * pixels),
            weak_draws: state("weak draws", table_words::<WeakDraw>(views)),
            op_draws: operations
                .map(|i| state(&format!("operations {i}"), table_words::<OpDraw>(views)))
                .collect(),
            rows: state("input rows", table_words::<AssembleRow>(inputs)),
            view_rows: state("view rows", table_words::<AssembleRow>(views)),
            labels: state("labels", layout.batch),
            hidden: state("hidden labels", layout.batch),
            step_block: state("step block", StepBlock::WORDS),
            views: state("views", (views + options.further_views) * pixels),
            report: state("report", REPORT_MATCHES + layout.batch),
            targets: state("targets", inputs * classes),
            results: state("row results", TERMS * inputs * 2),
            alignment: AlignmentState {
                label_distribution: state("label distribution", classes),
                history: state("prediction history", HISTORY * classes),
            },
            moving: state("moving statistics", network.statistics.words()),
            optimiser: OptimiserState::with_frozen(
                b,
                network.parameters.words(),
                network.trainable.words(),
                options.optimiser,
            ),
            loss_scale: (network.storage == Storage::F16).then(|| LossScale::new(b)),
            guess: None,
            guess_logits: Vec::new(),
            labelled_logits: None,
            dispatches: Vec::new(),
            update_from: 0,
        }
    }
}

/// Words of `count` rows of a table.
pub fn table_words<T>(count: usize) -> usize {
    count * size_of::<T>() / 4
}

/// Records one step and returns its tensors.
pub fn record_step(b: &mut PlanBuilder, options: &StepOptions<'_>) -> StepTensors {
    let StepOptions { network, method, layout, .. } = *options;
    let first_operation = b.mark();
    let mut t = StepTensors::declare(b, options);
    let (batch, classes) = (layout.batch, network.classes);
    let [weights, ema] = [t.optimiser.weights, t.optimiser.ema];
    let tables =
        LossTables { step_block: t.step_block, rows: t.rows, targets: t.targets, results: t.results };

    // Lines 3 to 5: x̂ = StrongAugment(x), û_k = StrongAugment(u), ũ = WeakAugment(u).
    let augmentation = Augmentation {
        sources: t.sources,
        weak: t.weak_draws,
        ops: &t.op_draws,
        views: t.views,
        count: layout.view_count(),
    };
    record_augmentation(b, network.size(), options.augment, augmentation);

    // CTAugment's probe: the match of the EMA weights on randomly augmented labelled images, before this step's update.
    if layout.has(ViewBlock::Probe) {
        let input = input_of_view(b, options, &t, "probe.input", ViewBlock::Probe);
        let embedding = network.inference(b, ema, t.moving, input);
        let logits = network.logits(b, Head::Classify, ema, embedding, Rows { first: 0, count: batch });
        let predictions = record_softmax(b, logits, classes);
        record_matches(b, predictions, classes, t.labels, t.report.slice(REPORT_MATCHES, batch));
    }

    // Line 6: q = p_model(y | ũ), and on the labelled batch where the method asks for it. No gradient: no tape is kept.
    let mut q = None;
    if method.unlabelled {
        let guessed = [ViewBlock::Anchor, ViewBlock::Strong(1)].into_iter().take(method.guess_views);
        t.guess_logits = guessed.map(|view| predict(b, options, &t, view)).collect();
        let predictions: Vec<_> = t.guess_logits.iter().map(|l| record_softmax(b, *l, classes)).collect();
        q = Some(match predictions[..] {
            [first, second] => record_mean_of_two(b, method, classes, [first, second]),
            _ => predictions[0],
        });
    }
    t.labelled_logits = method.predicts_labelled().then(|| predict(b, options, &t, ViewBlock::Labelled));

    // Lines 7 and 8: align, q p(y) / p̃(y), and sharpen, q^(1/T); shaders/ssl/align.wgsl has both.
    t.guess = q.map(|q| {
        let labelled = t.labelled_logits.map(|logits| record_softmax(b, logits, classes));
        let stats = record_alignment_stats(b, method, classes, t.alignment, q, labelled);
        record_guess(b, method, classes, stats, q)
    });

    // Lines 10 to 16: MixUp of the targets; the images are mixed as the passes below assemble them, from the same rows.
    let guesses = t.guess.map_or(t.results, |guess| guess.target); // not read where there are no guesses
    record_targets(b, tables, t.labels, guesses, layout.inputs_with_targets(), [batch, classes]);

    // Forward, losses and backward of every pass, each with batch statistics of its own; gradients add up. The last
    // mixed pass updates batch norm's moving statistics.
    let scaled = network.before_heads(t.optimiser.gradients);
    let mut heads_with_gradient = Vec::new();
    for first in (0..layout.passes.len()).step_by(options.passes_per_dispatch) {
        let passes = first..(first + options.passes_per_dispatch).min(layout.passes.len());
        let is_last = passes.end == layout.passes.len();
        let norm = StatGroups { count: passes.len(), moving: is_last.then_some(passes.len() - 1) };
        let first_row = first * batch;
        let input = network.input(b, "input", passes.len() * batch);
        record_assemble(b, network.size(), network.input_format(), t.views, t.rows, first_row, input);
        let (embedding, tape) = network.forward(b, weights, t.moving, input, norm);
        let d_embedding = b.tensor("d_embedding", embedding.words());
        let mut logits_of_runs = Vec::new();
        for (kind, rows) in layout.runs(passes) {
            let terms = terms_on(kind, method);
            let head = terms[0].head;
            let local = Rows { first: rows.start - first_row, count: rows.len() };
            let logits = network.logits(b, head, weights, embedding, local);
            logits_of_runs.push((kind, rows.clone(), logits));
            let d_logits = record_loss_terms(b, method, &terms, tables, logits, rows, batch);
            // The first run of a head writes its gradient, later runs add to it.
            let accumulate = heads_with_gradient.contains(&head);
            heads_with_gradient.push(head);
            network.logits_backward(
                b,
                head,
                [weights, t.optimiser.gradients],
                embedding,
                d_logits,
                local,
                d_embedding,
                accumulate,
            );
        }
        if let Some(scale) = t.loss_scale.filter(|_| scaled.is_some()) {
            scale.record_scale(b, d_embedding);
        }
        network.backward(b, [weights, t.optimiser.gradients, t.moving], &tape, d_embedding, first > 0);
        t.dispatches.push(DispatchTensors { first_row, input, logits: logits_of_runs });
    }

    t.update_from = b.mark() - first_operation;
    if let (Some(scale), Some(scaled)) = (t.loss_scale, scaled) {
        scale.record_unscale(b, scaled, t.step_block);
    }
    // Adam, weight decay, EMA of the weights.
    t.optimiser.record_update(b, t.step_block, t.report.slice(REPORT_FAULTS, FAULTS));

    // Last of all q joins the history that p̃(y) averages.
    if let Some(q) = q {
        record_history_update(b, method, classes, t.alignment, q, t.step_block, t.labels);
    }

    let statistics = t.report.slice(0, STATISTICS);
    record_summary(b, method, layout, classes, tables, t.guess.as_ref(), [t.hidden, statistics]);
    t
}

/// The loss terms of passes of a kind. They share a head, which a test of `loss_terms.rs` holds them to.
fn terms_on(kind: PassKind, method: &Method) -> Vec<&'static LossTerm> {
    LOSS_TERMS.iter().filter(|term| term.rows.pass_kind() == kind && term.is_on(method)).collect()
}

/// Network inputs of a block of views as they are, `[B, H, W, 4]`.
fn input_of_view(
    b: &mut PlanBuilder,
    options: &StepOptions<'_>,
    t: &StepTensors,
    name: &str,
    view: ViewBlock,
) -> Activation {
    let StepOptions { network, layout, .. } = *options;
    let input = network.input(b, name, layout.batch);
    record_assemble(
        b,
        network.size(),
        network.input_format(),
        t.views,
        t.view_rows,
        layout.first_view(view),
        input,
    );
    input
}

/// Logits `[B, C]` of a block of views with the weights as trained and its own batch statistics.
fn predict(b: &mut PlanBuilder, options: &StepOptions<'_>, t: &StepTensors, view: ViewBlock) -> Tensor {
    let StepOptions { network, layout, .. } = *options;
    let input = input_of_view(b, options, t, "guess.input", view);
    let weights = t.optimiser.weights;
    let (embedding, _) = network.forward(b, weights, t.moving, input, StatGroups { count: 1, moving: None });
    network.logits(b, Head::Classify, weights, embedding, Rows { first: 0, count: layout.batch })
}
