//! Dispatches of the loss terms, their gradients at the logits, MixUp of the targets, and the step's statistics.
//! `shaders/ssl/losses.wgsl` and `shaders/ssl/mixup.wgsl` have the arithmetic.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::guess::Guess;
use super::loss_terms::{LOSS_TERMS, LossTerm, Score, TERMS, TermRows};
use super::method::Method;
use super::row_layout::RowLayout;
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "ssl/losses";
/// `MAX_TERMS` of the shader.
const MAX_TERMS: usize = 8;
const _: () = assert!(TERMS <= MAX_TERMS, "raise MAX_TERMS here and in shaders/ssl/losses.wgsl");

/// `Params` of `shaders/ssl/losses.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct Params {
    rows: u32,
    first_row: u32,
    table_rows: u32,
    classes: u32,
    batch: u32,
    term: u32,
    subset: u32,
    target_kind: u32,
    score: u32,
    accumulate: u32,
    unused: [u32; 2],
}

/// `SummaryParams` of `shaders/ssl/losses.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SummaryParams {
    batch: u32,
    classes: u32,
    table_rows: u32,
    terms: u32,
    guesses: u32,
    unused: [u32; 3],
    rows: [[u32; 4]; MAX_TERMS],
}

/// `Params` of `shaders/ssl/mixup.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct MixParams {
    rows: u32,
    first_row: u32,
    batch: u32,
    classes: u32,
}

/// Tables of a step that every loss dispatch reads; `n` network inputs have a gradient.
#[derive(Clone, Copy, Debug)]
pub struct LossTables {
    pub step_block: Tensor,
    /// Which views each input mixes: [`crate::augment::AssembleRow`], `[n]`.
    pub rows: Tensor,
    /// Mixed labels, `[n, classes]`.
    pub targets: Tensor,
    /// Loss and hit of every input in every term, `[terms, n, 2]`.
    pub results: Tensor,
}

/// Words of the statistics that [`record_summary`] writes: the terms' losses, train accuracy, guess accuracy,
/// confidence, share of guesses in use.
pub const STATISTICS: usize = TERMS + 4;

impl TermRows {
    /// `ALL`, `LABELLED` or `UNLABELLED` of the shader: the part of its passes that a term is on.
    fn subset(self) -> u32 {
        match self {
            Self::FirstStrong | Self::Rotated => 0,
            Self::Labelled => 1,
            Self::Unlabelled => 2,
        }
    }
}

/// Records lines 15 and 16 for the targets: mixed labels of the input rows `rows`, from `labels` `[batch]` and
/// `guesses` `[batch, classes]`.
pub fn record_targets(
    b: &mut PlanBuilder,
    tables: LossTables,
    labels: Tensor,
    guesses: Tensor,
    rows: Range<usize>,
    [batch, classes]: [usize; 2],
) {
    let params = MixParams {
        rows: rows.len() as u32,
        first_row: rows.start as u32,
        batch: batch as u32,
        classes: classes as u32,
    };
    let groups = groups_for_items(rows.len() * classes, 64);
    let bindings = [tables.rows, labels, guesses, tables.targets];
    b.dispatch(Kernel::new("ssl/mixup", "mix_targets"), &params, &bindings, groups);
}

/// Records loss and gradient of the terms of `method` that the input rows `rows` of one kind of pass carry. `logits`
/// are those rows' predictions `[rows, classes]`; returns the gradient there, the sum over the terms.
pub fn record_loss_terms(
    b: &mut PlanBuilder,
    method: &Method,
    terms: &[&LossTerm],
    tables: LossTables,
    logits: Tensor,
    rows: Range<usize>,
    batch: usize,
) -> Tensor {
    let classes = logits.words() / rows.len();
    let d_logits = b.tensor("d_logits", logits.words());
    for (i, term) in terms.iter().enumerate() {
        let score = (term.score)(method);
        let mean = match score {
            Score::MutualInformation => {
                assert_eq!(term.rows.subset(), 0, "the batch's mean prediction covers whole passes");
                let predictions = record_softmax(b, logits, classes);
                record_batch_mean(b, predictions, classes)
            }
            // Not read.
            Score::CrossEntropy | Score::Brier => tables.targets,
        };
        let params = Params {
            rows: rows.len() as u32,
            first_row: rows.start as u32,
            table_rows: (tables.results.words() / (2 * TERMS)) as u32,
            classes: classes as u32,
            batch: batch as u32,
            term: term.index() as u32,
            subset: term.rows.subset(),
            target_kind: term.target as u32,
            score: score as u32,
            accumulate: u32::from(terms[..i].iter().any(|earlier| earlier.rows == term.rows)),
            ..Params::default()
        };
        let bindings =
            [logits, tables.step_block, tables.rows, tables.targets, d_logits, tables.results, mean];
        // Once each for the top, the sum, the targets, the loss and the gradient.
        b.dispatch(Kernel::new(SHADER, "loss_term"), &params, &bindings, groups_for_items(rows.len(), 64))
            .chain = 5 * classes as u64;
    }
    d_logits
}

/// Records the step's statistics, [`STATISTICS`] words. `hidden` are the true classes of the unlabelled images, `[batch]`.
pub fn record_summary(
    b: &mut PlanBuilder,
    method: &Method,
    layout: &RowLayout,
    classes: usize,
    tables: LossTables,
    guess: Option<&Guess>,
    [hidden, statistics]: [Tensor; 2],
) {
    let mut rows = [[0; 4]; MAX_TERMS];
    for (term, rows) in LOSS_TERMS.iter().zip(&mut rows).filter(|(term, _)| term.is_on(method)) {
        let inputs = layout.inputs_of(term.rows.pass_kind());
        *rows = [inputs.start as u32, inputs.end as u32, term.rows.subset(), 0];
    }
    let params = SummaryParams {
        batch: layout.batch as u32,
        classes: classes as u32,
        table_rows: layout.input_count() as u32,
        terms: TERMS as u32,
        guesses: u32::from(guess.is_some()),
        unused: [0; 3],
        rows,
    };
    // The aligned guess, as a target below the threshold names no class.
    let guessed = guess.map_or(tables.targets, |g| g.aligned);
    let confidence = guess.map_or(tables.results, |g| g.confidence);
    let bindings = [tables.results, tables.rows, guessed, confidence, hidden, statistics];
    let rounds = TERMS * layout.input_count().div_ceil(64) + layout.batch.div_ceil(64) * classes;
    b.dispatch(Kernel::new(SHADER, "summarise"), &params, &bindings, [1, 1, 1]).chain = rounds as u64;
}

/// Records each probe's match, the probability of its true class: `predictions` `[batch, classes]`, `labels` and
/// `matches` `[batch]`.
pub fn record_matches(
    b: &mut PlanBuilder,
    predictions: Tensor,
    classes: usize,
    labels: Tensor,
    matches: Tensor,
) {
    let rows = predictions.words() / classes;
    let bindings = [predictions, labels, matches];
    b.dispatch(
        Kernel::new(SHADER, "probe_match"),
        &row_params(rows, classes),
        &bindings,
        groups_for_items(rows, 64),
    );
}

/// Records the row-wise softmax of `logits` `[rows, classes]`.
pub fn record_softmax(b: &mut PlanBuilder, logits: Tensor, classes: usize) -> Tensor {
    let rows = logits.words() / classes;
    let probabilities = b.tensor("probabilities", logits.words());
    let groups = groups_for_items(rows, 64);
    let params = row_params(rows, classes);
    b.dispatch(Kernel::new(SHADER, "softmax"), &params, &[logits, probabilities], groups).chain =
        3 * classes as u64;
    probabilities
}

/// Records the mean over rows of `predictions` `[rows, classes]`.
fn record_batch_mean(b: &mut PlanBuilder, predictions: Tensor, classes: usize) -> Tensor {
    let mean = b.tensor("mean prediction", classes);
    let rows = predictions.words() / classes;
    let params = row_params(rows, classes);
    let groups = groups_for_items(classes, 64);
    b.dispatch(Kernel::new(SHADER, "batch_mean"), &params, &[predictions, mean], groups).chain = rows as u64;
    mean
}

fn row_params(rows: usize, classes: usize) -> Params {
    Params { rows: rows as u32, classes: classes as u32, ..Params::default() }
}
