// The loss terms, their gradients at the logits, and the step's statistics. `ssl/loss_terms.rs` lists the terms; a
// dispatch computes one term on one run of rows.

import package::common::indexing::flat_id;
import package::common::step::Step;
import package::common::images::Row;

/// Smallest probability that a logarithm sees.
const TINY: f32 = 1e-37;

// Rows of a run that a term is on; `TermRows` in Rust.
const ALL: u32 = 0u;
const LABELLED: u32 = 1u;
const UNLABELLED: u32 = 2u;

// Targets; `Target` in Rust.
const TABLE: u32 = 0u;
const ROTATION: u32 = 1u;

// Scores; `Score` in Rust.
const CROSS_ENTROPY: u32 = 0u;
const BRIER: u32 = 1u;
const MUTUAL_INFORMATION: u32 = 2u;

struct Params {
    /// rows of this dispatch
    rows: u32,
    /// row of the step's tables that this dispatch starts at
    first_row: u32,
    /// rows of the step's tables
    table_rows: u32,
    classes: u32,
    batch: u32,
    /// index of the term
    term: u32,
    /// ALL, LABELLED or UNLABELLED
    subset: u32,
    /// TABLE or ROTATION
    target_kind: u32,
    /// CROSS_ENTROPY, BRIER or MUTUAL_INFORMATION
    score: u32,
    /// 1: add to the gradient that an earlier term left
    accumulate: u32,
    unused_a: u32,
    unused_b: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
/// [rows, classes]
@group(0) @binding(1) var<storage, read> logits: array<f32>;

/// Softmax of a row: probabilities are exp(logit - top) / sum.
struct Softmax {
    top: f32,
    sum: f32,
    /// the first of the most likely classes
    likely: u32,
}

fn softmax_of(at: u32) -> Softmax {
    var top = logits[at];
    var likely = 0u;
    for (var c = 1u; c < params.classes; c++) {
        if logits[at + c] > top {
            top = logits[at + c];
            likely = c;
        }
    }
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        sum += exp(logits[at + c] - top);
    }
    return Softmax(top, sum, likely);
}

// --- softmax -------------------------------------------------------------------------------------

/// [rows, classes]
@group(0) @binding(2) var<storage, read_write> probabilities: array<f32>;

/// Row-wise softmax.
@compute @workgroup_size(64)
fn softmax(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let row = flat_id(id, groups);
    if row >= params.rows {
        return;
    }
    let at = row * params.classes;
    let s = softmax_of(at);
    for (var c = 0u; c < params.classes; c++) {
        probabilities[at + c] = exp(logits[at + c] - s.top) / s.sum;
    }
}

/// [batch, classes]
@group(0) @binding(1) var<storage, read> predictions: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
/// [batch]
@group(0) @binding(3) var<storage, read_write> matches: array<f32>;

/// CTAugment's match of every probe: 1 - 0.5 sum_c |p_c - onehot_c|, which is the probability of the
/// true class (`libml/ctaugment.py`).
@compute @workgroup_size(64)
fn probe_match(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    matches[row] = predictions[row * params.classes + labels[row]];
}

/// [classes]
@group(0) @binding(2) var<storage, read_write> mean_prediction: array<f32>;

/// mean_b p, the batch's mean prediction. One thread per class.
@compute @workgroup_size(64)
fn batch_mean(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = id.x;
    if c >= params.classes {
        return;
    }
    var sum = 0.0;
    for (var row = 0u; row < params.rows; row++) {
        sum += predictions[row * params.classes + c];
    }
    mean_prediction[c] = sum / f32(params.rows);
}

// --- terms ---------------------------------------------------------------------------------------

@group(0) @binding(2) var<storage, read> step: Step;
@group(0) @binding(3) var<storage, read> table: array<Row>;
/// [table rows, classes]; read with target TABLE
@group(0) @binding(4) var<storage, read> targets: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_logits: array<f32>;
/// [terms, table rows]: loss, 1 if the most likely class is the target's
@group(0) @binding(6) var<storage, read_write> row_results: array<vec2<f32>>;
/// [classes]: mean prediction of the run; read with score MUTUAL_INFORMATION
@group(0) @binding(7) var<storage, read> known_mean: array<f32>;

fn is_in(subset: u32, row: u32) -> bool {
    return subset == ALL || (subset == LABELLED) == (table[row].a < params.batch);
}

fn row_target(row: u32, local_row: u32, c: u32) -> f32 {
    if params.target_kind == ROTATION {
        // Rotation labels 0 to 3, a quarter of the batch each (reference, `remixmatch_no_cta.py`).
        return select(0.0, 1.0, c == local_row / (params.batch / 4u));
    }
    return targets[row * params.classes + c];
}

fn write_gradient(at: u32, value: f32) {
    if params.accumulate == 1u {
        d_logits[at] += value;
    } else {
        d_logits[at] = value;
    }
}

/// Loss and gradient of the term in each of its rows; others are left as they are.
@compute @workgroup_size(64)
fn loss_term(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let local_row = flat_id(id, groups);
    if local_row >= params.rows {
        return;
    }
    let row = params.first_row + local_row;
    if !is_in(params.subset, row) {
        return;
    }
    let at = local_row * params.classes;
    let s = softmax_of(at);
    let weight = step.weights[params.term];
    let result = params.term * params.table_rows + row;
    if params.score == MUTUAL_INFORMATION {
        row_results[result] = vec2<f32>(mutual_information(at, s, weight), 0.0);
        return;
    }
    var mass = 0.0;
    var target_top = -1.0;
    var target_class = 0u;
    for (var c = 0u; c < params.classes; c++) {
        let t = row_target(row, local_row, c);
        mass += t;
        if t > target_top {
            target_top = t;
            target_class = c;
        }
    }
    let hit = select(0.0, 1.0, s.likely == target_class);
    var loss = 0.0;
    if params.score == BRIER {
        loss = brier(row, local_row, at, s, mass, weight);
    } else {
        loss = cross_entropy(row, local_row, at, s, mass, weight);
    }
    row_results[result] = vec2<f32>(loss, hit);
}

/// Cross-entropy -sum_c t_c log p_c with gradient p sum(t) - t. Targets may sum to less than 1: a guess below the
/// threshold counts nothing.
fn cross_entropy(row: u32, local_row: u32, at: u32, s: Softmax, mass: f32, weight: f32) -> f32 {
    let log_sum = log(s.sum);
    var loss = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        let log_p = logits[at + c] - s.top - log_sum;
        let t = row_target(row, local_row, c);
        loss -= t * log_p;
        write_gradient(at + c, weight * (exp(log_p) * mass - t));
    }
    return loss;
}

/// m mean_c (t_c / m - p_c)^2 for a target of mass m: the Brier score where the guess is used in full,
/// nothing where it is not. Gradient: 2 m / C p_c ((p_c - t_c / m) - sum_k p_k (p_k - t_k / m)).
fn brier(row: u32, local_row: u32, at: u32, s: Softmax, mass: f32, weight: f32) -> f32 {
    let inverse_mass = 1.0 / max(mass, TINY);
    var loss = 0.0;
    var inner = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        let p = exp(logits[at + c] - s.top) / s.sum;
        let d = p - row_target(row, local_row, c) * inverse_mass;
        loss += d * d;
        inner += p * d;
    }
    let scale = mass / f32(params.classes);
    for (var c = 0u; c < params.classes; c++) {
        let p = exp(logits[at + c] - s.top) / s.sum;
        let d = p - row_target(row, local_row, c) * inverse_mass;
        write_gradient(at + c, weight * 2.0 * scale * p * (d - inner));
    }
    return loss * scale;
}

/// A row's share of -(H(mean_b p) - mean_b H(p)), the negative mutual information of prediction and image (paper,
/// section 3.1; Bridle et al. 1991): sum_c p_c d_c with d_c = log mean_b p_c - log p_c. Gradient: p_c (d_c - sum_k p_k d_k).
fn mutual_information(at: u32, s: Softmax, weight: f32) -> f32 {
    let log_sum = log(s.sum);
    var loss = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        let log_p = logits[at + c] - s.top - log_sum;
        loss += exp(log_p) * (log(max(known_mean[c], TINY)) - log_p);
    }
    for (var c = 0u; c < params.classes; c++) {
        let log_p = logits[at + c] - s.top - log_sum;
        let d = log(max(known_mean[c], TINY)) - log_p;
        write_gradient(at + c, weight * exp(log_p) * (d - loss));
    }
    return loss;
}

// --- statistics ----------------------------------------------------------------------------------

const MAX_TERMS: u32 = 8u;

struct SummaryParams {
    batch: u32,
    classes: u32,
    /// rows of the step's tables
    table_rows: u32,
    /// loss terms, the labelled one first
    terms: u32,
    /// 1 if there are guesses
    guesses: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
    /// of every term: first row, end, ALL, LABELLED or UNLABELLED; unused
    rows: array<vec4<u32>, MAX_TERMS>,
}

@group(0) @binding(0) var<uniform> summary: SummaryParams;
/// [terms, table rows]
@group(0) @binding(1) var<storage, read> results: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> inputs: array<Row>;
@group(0) @binding(3) var<storage, read> guessed: array<f32>;
@group(0) @binding(4) var<storage, read> confidence: array<vec2<f32>>;
/// true classes of the unlabelled images, for this report only; 0xffffffff where unknown
@group(0) @binding(5) var<storage, read> hidden: array<u32>;
/// the loss of every term, train accuracy, guess accuracy, confidence, mask
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>;

/// In place of the guess accuracy where no guess can be compared; `train::metrics` in Rust.
const NONE_KNOWN: f32 = -1.0;

/// Few: a software adapter compiles workgroup memory and barriers at length for many.
const SUMMARY_GROUP: u32 = 64u;

var<workgroup> sums: array<vec4<f32>, SUMMARY_GROUP>;

/// The sum of every invocation's value, in a fixed order. Called by the whole workgroup.
fn group_sum(local: u32, value: vec4<f32>) -> vec4<f32> {
    sums[local] = value;
    for (var half = SUMMARY_GROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local < half {
            sums[local] += sums[local + half];
        }
    }
    workgroupBarrier();
    let total = sums[0];
    workgroupBarrier();
    return total;
}

fn guess_is_right(i: u32) -> f32 {
    var top = -1.0;
    var likely = 0u;
    for (var c = 0u; c < summary.classes; c++) {
        let t = guessed[i * summary.classes + c];
        if t > top {
            top = t;
            likely = c;
        }
    }
    return select(0.0, 1.0, likely == hidden[i]);
}

/// Means of every term, added in a fixed order by one workgroup.
@compute @workgroup_size(SUMMARY_GROUP)
fn summarise(@builtin(local_invocation_id) local: vec3<u32>) {
    for (var term = 0u; term < summary.terms; term++) {
        let rows = summary.rows[term];
        // loss, hits, rows
        var sum = vec4<f32>();
        for (var row = local.x; row < rows.y; row += SUMMARY_GROUP) {
            let labelled = inputs[row].a < summary.batch;
            if row >= rows.x && (rows.z == ALL || (rows.z == LABELLED) == labelled) {
                sum += vec4<f32>(results[term * summary.table_rows + row], 1.0, 0.0);
            }
        }
        let total = group_sum(local.x, sum);
        if local.x == 0u {
            statistics[term] = total.x / max(total.z, 1.0);
            if term == 0u {
                statistics[summary.terms] = total.y / max(total.z, 1.0);
            }
        }
    }
    // right guesses, known classes, confidence, used guesses
    var share = vec4<f32>();
    if summary.guesses == 1u {
        for (var i = local.x; i < summary.batch; i += SUMMARY_GROUP) {
            let known = select(0.0, 1.0, hidden[i] != 0xffffffffu);
            share += vec4<f32>(known * guess_is_right(i), known, confidence[i]);
        }
    }
    let total = group_sum(local.x, share);
    if local.x == 0u {
        let batch = f32(summary.batch);
        statistics[summary.terms + 1u] = select(total.x / max(total.y, 1.0), NONE_KNOWN, total.y == 0.0);
        statistics[summary.terms + 2u] = total.z / batch;
        statistics[summary.terms + 3u] = total.w / batch;
    }
}
