//! Loss terms, their gradients at the logits, MixUp of the targets, and the step's statistics.

use bytemuck::{Pod, Zeroable};

use super::guess::Guess;
use super::shape::StepShape;
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};
use crate::nn::Rows;

const SHADER: &str = "ssl/losses";

/// What the rows of a dispatch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Mixed images: labelled where image a is, unlabelled elsewhere.
    Mixed = 0,
    /// u_s1 before MixUp.
    Premixup = 1,
    /// u_s1 turned by quarters.
    Rotation = 2,
}

/// `Params` of `shaders/ssl/losses.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct RowParams {
    rows: u32,
    first_row: u32,
    classes: u32,
    batch: u32,
    kind: u32,
    squared: u32,
    unused: [u32; 2],
}

/// `SummaryParams` of `shaders/ssl/losses.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SummaryParams {
    batch: u32,
    classes: u32,
    rotation_passes: u32,
    premixup_passes: u32,
    mixed_passes: u32,
    guesses: u32,
    unused: [u32; 2],
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

/// Tables of a step that every loss dispatch reads, one row a network input.
#[derive(Clone, Copy, Debug)]
pub struct LossTables {
    pub step_block: Tensor,
    /// Which images each row holds.
    pub rows: Tensor,
    /// Mixed labels `[rows, classes]`.
    pub targets: Tensor,
    /// Loss and hit of every row `[rows, 2]`.
    pub results: Tensor,
}

/// Words of the statistics that [`record_summary`] writes.
pub const STATISTICS: usize = 8;

/// Records the mixed targets of rows `rows` of the table.
pub fn record_targets(
    b: &mut PlanBuilder,
    shape: &StepShape,
    tables: LossTables,
    labels: Tensor,
    guesses: Tensor,
    rows: Rows,
) {
    let params = MixParams {
        rows: rows.count as u32,
        first_row: rows.first as u32,
        batch: shape.batch as u32,
        classes: shape.classes as u32,
    };
    let groups = groups_for_items(rows.count * shape.classes, 64);
    let bindings = [tables.rows, labels, guesses, tables.targets];
    b.dispatch(Kernel::new("ssl/mixup", "mix_targets"), &params, &bindings, groups);
}

/// Records loss and gradient for `logits` (rows from 0), which are rows `rows` of the tables; returns
/// the gradient at the logits.
pub fn record_rows(
    b: &mut PlanBuilder,
    shape: &StepShape,
    tables: LossTables,
    kind: RowKind,
    logits: Tensor,
    rows: Rows,
) -> Tensor {
    let classes = if kind == RowKind::Rotation { 4 } else { shape.classes };
    let params = RowParams {
        rows: rows.count as u32,
        first_row: rows.first as u32,
        classes: classes as u32,
        batch: shape.batch as u32,
        kind: kind as u32,
        squared: u32::from(shape.squared),
        unused: [0; 2],
    };
    let d_logits = b.tensor("d_logits", rows.count * classes);
    let bindings = [tables.step_block, tables.rows, logits, tables.targets, d_logits, tables.results];
    b.dispatch(Kernel::new(SHADER, "rows"), &params, &bindings, groups_for_items(rows.count, 64));
    d_logits
}

/// Records the step's statistics into `statistics` (`STATISTICS` words).
pub fn record_summary(
    b: &mut PlanBuilder,
    shape: &StepShape,
    tables: LossTables,
    guess: Option<&Guess>,
    hidden: Tensor,
    statistics: Tensor,
) {
    let params = SummaryParams {
        batch: shape.batch as u32,
        classes: shape.classes as u32,
        rotation_passes: shape.rotation_passes() as u32,
        premixup_passes: shape.premixup_passes() as u32,
        mixed_passes: shape.mixed_blocks() as u32,
        guesses: u32::from(guess.is_some()),
        unused: [0; 2],
    };
    // The aligned guess, as a target below the threshold names no class.
    let guessed = guess.map_or(tables.targets, |g| g.aligned);
    let confidence = guess.map_or(tables.results, |g| g.confidence);
    let bindings = [tables.results, tables.rows, guessed, confidence, hidden, statistics];
    b.dispatch(Kernel::new(SHADER, "summarise"), &params, &bindings, [1, 1, 1]);
}

/// Records each probe's match, the probability of its true class.
pub fn record_matches(
    b: &mut PlanBuilder,
    shape: &StepShape,
    logits: Tensor,
    labels: Tensor,
    matches: Tensor,
) {
    let params = row_params(shape.batch, shape.classes);
    let bindings = [logits, labels, matches];
    b.dispatch(Kernel::new(SHADER, "probe_match"), &params, &bindings, groups_for_items(shape.batch, 64));
}

/// Records the row-wise softmax of `logits` `[rows, classes]`.
pub fn record_softmax(b: &mut PlanBuilder, rows: usize, classes: usize, logits: Tensor) -> Tensor {
    let probabilities = b.tensor("probabilities", rows * classes);
    let params = row_params(rows, classes);
    b.dispatch(Kernel::new(SHADER, "softmax"), &params, &[logits, probabilities], groups_for_items(rows, 64));
    probabilities
}

fn row_params(rows: usize, classes: usize) -> RowParams {
    RowParams {
        rows: rows as u32,
        first_row: 0,
        classes: classes as u32,
        batch: rows as u32,
        kind: 0,
        squared: 0,
        unused: [0; 2],
    }
}
