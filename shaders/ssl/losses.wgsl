// The loss terms, their gradients at the logits, and the step's statistics.

import package::common::indexing::flat_id;
import package::common::step::Step;
import package::common::images::Row;

/// Smallest probability that a logarithm sees.
const TINY: f32 = 1e-37;

// Kinds of rows.
const MIXED: u32 = 0u;
const PREMIXUP: u32 = 1u;
const ROTATION: u32 = 2u;

struct Params {
    rows: u32,
    /// row of the step's tables that this dispatch starts at
    first_row: u32,
    classes: u32,
    batch: u32,
    /// MIXED, PREMIXUP or ROTATION
    kind: u32,
    /// 1: unlabelled rows take the Brier score instead of cross-entropy
    squared: u32,
    unused_a: u32,
    unused_b: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> table: array<Row>;
/// [rows, classes], this dispatch's
@group(0) @binding(3) var<storage, read> logits: array<f32>;
/// [all rows, classes]; not read for rotations
@group(0) @binding(4) var<storage, read> targets: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_logits: array<f32>;
/// [all rows]: loss, 1 if the most likely class is the target's
@group(0) @binding(6) var<storage, read_write> row_results: array<vec2<f32>>;

fn row_target(row: u32, local_row: u32, c: u32) -> f32 {
    if params.kind == ROTATION {
        // Fixed quarters of the batch take rotations 0 to 3 (reference, `remixmatch_no_cta.py`).
        return select(0.0, 1.0, c == local_row / (params.batch / 4u));
    }
    return targets[row * params.classes + c];
}

/// Cross-entropy -sum_c t_c log p_c with gradient p sum(t) - t, or for unlabelled rows the Brier score
/// mean_c (t_c - p_c)^2. Targets may sum to less than 1: a guess below the threshold counts nothing.
@compute @workgroup_size(64)
fn rows(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let local_row = flat_id(id, groups);
    if local_row >= params.rows {
        return;
    }
    let row = params.first_row + local_row;
    let at = local_row * params.classes;
    let labelled = params.kind == MIXED && table[row].a < params.batch;
    var weight = step.weight_u;
    if labelled {
        weight = step.weight_x;
    } else if params.kind == PREMIXUP {
        weight = step.weight_u1;
    } else if params.kind == ROTATION {
        weight = step.weight_r;
    }
    var top = logits[at];
    var likely = 0u;
    var mass = 0.0;
    var target_top = -1.0;
    var target_class = 0u;
    for (var c = 0u; c < params.classes; c++) {
        if logits[at + c] > top {
            top = logits[at + c];
            likely = c;
        }
        let t = row_target(row, local_row, c);
        mass += t;
        if t > target_top {
            target_top = t;
            target_class = c;
        }
    }
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        sum += exp(logits[at + c] - top);
    }
    let log_sum = log(sum);
    let hit = select(0.0, 1.0, likely == target_class);
    if params.squared == 1u && params.kind == MIXED && !labelled {
        row_results[row] = vec2<f32>(brier(row, local_row, at, top, sum, mass, weight), hit);
        return;
    }
    var loss = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        let log_p = logits[at + c] - top - log_sum;
        let t = row_target(row, local_row, c);
        loss -= t * log_p;
        d_logits[at + c] = weight * (exp(log_p) * mass - t);
    }
    row_results[row] = vec2<f32>(loss, hit);
}

/// m mean_c (t_c / m - p_c)^2 for a target of mass m: the Brier score where the guess is used in full,
/// nothing where it is not. Gradient: 2 m / C p_c ((p_c - t_c / m) - sum_k p_k (p_k - t_k / m)).
fn brier(row: u32, local_row: u32, at: u32, top: f32, sum: f32, mass: f32, weight: f32) -> f32 {
    let inverse_mass = 1.0 / max(mass, TINY);
    var loss = 0.0;
    var inner = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        let p = exp(logits[at + c] - top) / sum;
        let d = p - row_target(row, local_row, c) * inverse_mass;
        loss += d * d;
        inner += p * d;
    }
    let scale = mass / f32(params.classes);
    for (var c = 0u; c < params.classes; c++) {
        let p = exp(logits[at + c] - top) / sum;
        let d = p - row_target(row, local_row, c) * inverse_mass;
        d_logits[at + c] = weight * 2.0 * scale * p * (d - inner);
    }
    return loss * scale;
}

// --- statistics ----------------------------------------------------------------------------------

struct SummaryParams {
    batch: u32,
    classes: u32,
    /// passes of `batch` rows each: rotation (0 or 1), pre-mixup (0 or 1), mixed
    rotation_passes: u32,
    premixup_passes: u32,
    mixed_passes: u32,
    /// 1 if there are guesses
    guesses: u32,
    unused_a: u32,
    unused_b: u32,
}

@group(0) @binding(0) var<uniform> summary: SummaryParams;
@group(0) @binding(1) var<storage, read> results: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> guessed: array<f32>;
@group(0) @binding(4) var<storage, read> confidence: array<vec2<f32>>;
/// true classes of the unlabelled images, for this report only; 0xffffffff where unknown
@group(0) @binding(5) var<storage, read> hidden: array<u32>;
/// loss_x, loss_u, loss_u1, loss_r, train accuracy, guess accuracy, confidence, mask
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>;

/// In place of the guess accuracy where no guess can be compared; `train::metrics` in Rust.
const NONE_KNOWN: f32 = -1.0;

/// Few: a software adapter compiles workgroup memory and barriers at length for many.
const SUMMARY_GROUP: u32 = 64u;

var<workgroup> losses: array<vec4<f32>, SUMMARY_GROUP>;
var<workgroup> shares: array<vec4<f32>, SUMMARY_GROUP>;
/// labelled rows, unlabelled mixed rows, rows with a known hidden class, rows
var<workgroup> counts: array<vec4<f32>, SUMMARY_GROUP>;

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
    var loss = vec4<f32>();
    var share = vec4<f32>();
    var count = vec4<f32>();
    let rotated = summary.rotation_passes * summary.batch;
    let premixed = rotated + summary.premixup_passes * summary.batch;
    let end = premixed + summary.mixed_passes * summary.batch;
    for (var row = local.x; row < end; row += SUMMARY_GROUP) {
        let r = results[row];
        if row < rotated {
            loss.w += r.x;
        } else if row < premixed {
            loss.z += r.x;
        } else if table[row].a < summary.batch {
            loss.x += r.x;
            share.x += r.y;
            count.x += 1.0;
        } else {
            loss.y += r.x;
            count.y += 1.0;
        }
    }
    if summary.guesses == 1u {
        for (var i = local.x; i < summary.batch; i += SUMMARY_GROUP) {
            let known = select(0.0, 1.0, hidden[i] != 0xffffffffu);
            count.z += known;
            share.y += known * guess_is_right(i);
            share.z += confidence[i].x;
            share.w += confidence[i].y;
        }
    }
    losses[local.x] = loss;
    shares[local.x] = share;
    counts[local.x] = count;
    for (var half = SUMMARY_GROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local.x < half {
            losses[local.x] += losses[local.x + half];
            shares[local.x] += shares[local.x + half];
            counts[local.x] += counts[local.x + half];
        }
    }
    workgroupBarrier();
    if local.x == 0u {
        let n = max(counts[0], vec4<f32>(1.0));
        let batch = f32(summary.batch);
        let loss_sums = losses[0];
        let share_sums = shares[0];
        statistics[0] = loss_sums.x / n.x;
        statistics[1] = loss_sums.y / n.y;
        statistics[2] = loss_sums.z / batch;
        statistics[3] = loss_sums.w / batch;
        statistics[4] = share_sums.x / n.x;
        statistics[5] = select(share_sums.y / n.z, NONE_KNOWN, counts[0].z == 0.0);
        statistics[6] = share_sums.z / batch;
        statistics[7] = share_sums.w / batch;
    }
}

// --- evaluation ----------------------------------------------------------------------------------

@group(0) @binding(2) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(1) var<storage, read> eval_logits: array<f32>;

/// Row-wise softmax.
@compute @workgroup_size(64)
fn softmax(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let row = flat_id(id, groups);
    if row >= params.rows {
        return;
    }
    let at = row * params.classes;
    var top = eval_logits[at];
    for (var c = 1u; c < params.classes; c++) {
        top = max(top, eval_logits[at + c]);
    }
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        sum += exp(eval_logits[at + c] - top);
    }
    for (var c = 0u; c < params.classes; c++) {
        probabilities[at + c] = exp(eval_logits[at + c] - top) / sum;
    }
}

@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> matches: array<f32>;

/// CTAugment's match of every probe: 1 - 0.5 sum_c |p_c - onehot_c|, which is the probability of the
/// true class (`libml/ctaugment.py`).
@compute @workgroup_size(64)
fn probe_match(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let at = row * params.classes;
    var top = eval_logits[at];
    for (var c = 1u; c < params.classes; c++) {
        top = max(top, eval_logits[at + c]);
    }
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        sum += exp(eval_logits[at + c] - top);
    }
    matches[row] = exp(eval_logits[at + labels[row]] - top) / sum;
}
