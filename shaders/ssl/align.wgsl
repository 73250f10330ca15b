// Guessed labels: softmax, distribution alignment, sharpening (paper, section 3.1 and algorithm 1,
// lines 6 to 8); from the two batches' predictions, AdaMatch's (arXiv 2106.04732, section 3).

import package::common::indexing::flat_id;
import package::common::numbers::{ema_update_one, is_finite};
import package::common::step::Step;

struct Params {
    batch: u32,
    classes: u32,
    /// rows of the prediction history (128)
    history: u32,
    align: u32,
    /// 1: one-hot targets of the most likely class
    hard: u32,
    /// 1 / T; 1 leaves the guess as it is
    inverse_temperature: f32,
    /// probability that a guess must have to be used; 0 uses all
    threshold: f32,
    /// 1: p(y) follows the labelled batches instead of staying as given
    running_labels: u32,
    /// 1: the threshold is a share of the labelled batch's mean confidence
    relative: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
}

/// Keeps the ratio of alignment finite, as in the reference.
const ALIGN_EPSILON: f32 = 1e-6;
/// Smallest probability that a logarithm sees.
const TINY: f32 = 1e-37;

@group(0) @binding(0) var<uniform> params: Params;

// --- averages ------------------------------------------------------------------------------------

@group(0) @binding(1) var<storage, read> label_distribution: array<f32>;
/// [history, classes]
@group(0) @binding(2) var<storage, read> history: array<f32>;
/// [2, classes]: p(y), then the average prediction, each summing to 1
@group(0) @binding(3) var<storage, read_write> averages: array<f32>;

var<workgroup> totals: array<vec2<f32>, 256>;

/// p(y) and the mean of the last predictions, both renormalised.
@compute @workgroup_size(256)
fn class_averages(@builtin(local_invocation_id) local: vec3<u32>) {
    var total = vec2<f32>();
    for (var c = local.x; c < params.classes; c += 256u) {
        var sum = 0.0;
        for (var row = 0u; row < params.history; row++) {
            sum += history[row * params.classes + c];
        }
        let mean = sum / f32(params.history);
        averages[c] = label_distribution[c];
        averages[params.classes + c] = mean;
        total += vec2<f32>(label_distribution[c], mean);
    }
    totals[local.x] = total;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local.x < half {
            totals[local.x] += totals[local.x + half];
        }
    }
    workgroupBarrier();
    let scale = 1.0 / totals[0];
    for (var c = local.x; c < params.classes; c += 256u) {
        averages[c] *= scale.x;
        averages[params.classes + c] *= scale.y;
    }
}

@group(0) @binding(1) var<storage, read> labelled_predictions: array<f32>;
@group(0) @binding(2) var<storage, read> unlabelled_predictions: array<f32>;

/// The mean predictions of the step's two batches, in the place of p(y) and p~(y): AdaMatch aligns by
/// E[p(y | x)] / E[p(y | u)]. One thread per class.
@compute @workgroup_size(64)
fn batch_averages(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = id.x;
    if c >= params.classes {
        return;
    }
    var sums = vec2<f32>();
    for (var i = 0u; i < params.batch; i++) {
        let at = i * params.classes + c;
        sums += vec2<f32>(labelled_predictions[at], unlabelled_predictions[at]);
    }
    averages[c] = sums.x / f32(params.batch);
    averages[params.classes + c] = sums.y / f32(params.batch);
}

/// [1]
@group(0) @binding(2) var<storage, read_write> mean_confidence: array<f32>;

var<workgroup> sums_of_tops: array<f32, 256>;

/// The mean over the labelled batch of the largest probability, of which AdaMatch's c_tau is a share.
@compute @workgroup_size(256)
fn labelled_confidence(@builtin(local_invocation_id) local: vec3<u32>) {
    var sum = 0.0;
    for (var i = local.x; i < params.batch; i += 256u) {
        var top = 0.0;
        for (var c = 0u; c < params.classes; c++) {
            top = max(top, labelled_predictions[i * params.classes + c]);
        }
        sum += top;
    }
    sums_of_tops[local.x] = sum;
    for (var half = 128u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if local.x < half {
            sums_of_tops[local.x] += sums_of_tops[local.x + half];
        }
    }
    if local.x == 0u {
        mean_confidence[0] = sums_of_tops[0] / f32(params.batch);
    }
}

// --- mean of two views -------------------------------------------------------------------------------

@group(0) @binding(1) var<storage, read> first_prediction: array<f32>;
@group(0) @binding(2) var<storage, read> second_prediction: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean_prediction: array<f32>;

/// MixMatch's guess: the mean of the predictions on two views. One thread per probability.
@compute @workgroup_size(64)
fn mean_of_two(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.batch * params.classes {
        return;
    }
    mean_prediction[i] = 0.5 * (first_prediction[i] + second_prediction[i]);
}

// --- guess ---------------------------------------------------------------------------------------

/// q, [batch, classes]
@group(0) @binding(1) var<storage, read> probabilities: array<f32>;
@group(0) @binding(2) var<storage, read> known_averages: array<f32>;
/// q after alignment
@group(0) @binding(3) var<storage, read_write> aligned: array<f32>;
/// the target of every view
@group(0) @binding(4) var<storage, read_write> target_labels: array<f32>;
/// [batch, 2]: the aligned guess's largest probability; 1 if it is used
@group(0) @binding(5) var<storage, read_write> confidence: array<vec2<f32>>;
/// [1], read when the threshold is relative
@group(0) @binding(6) var<storage, read> known_confidence: array<f32>;

/// The guess of non-finite predictions is infinite, which the step's statistics show.
fn broken_guess(i: u32, row: u32) {
    // Not a constant, which may not be infinite.
    let nothing = bitcast<f32>(0x7f800000u + min(params.batch, 0u));
    confidence[i] = vec2<f32>(nothing, 0.0);
    for (var c = 0u; c < params.classes; c++) {
        target_labels[row + c] = nothing;
    }
}

/// Lines 7 and 8 of algorithm 1: q' = q p(y) / p~(y), normalised; target = q'^(1/T), normalised, or one-hot; nothing
/// where the guess is below the threshold. One thread per row.
@compute @workgroup_size(64)
fn guess(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.batch {
        return;
    }
    let row = id.x * params.classes;
    var total = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        var q = probabilities[row + c];
        if params.align == 1u {
            q *= (ALIGN_EPSILON + known_averages[c]) / (ALIGN_EPSILON + known_averages[params.classes + c]);
        }
        aligned[row + c] = q;
        total += q;
    }
    var top = 0.0;
    var likely = 0u;
    for (var c = 0u; c < params.classes; c++) {
        let q = aligned[row + c] / total;
        aligned[row + c] = q;
        if q > top {
            top = q;
            likely = c;
        }
    }
    if !is_finite(total) || !(total > 0.0) {
        // Without this, the steps below would turn it into a valid guess.
        broken_guess(id.x, row);
        return;
    }
    var least = params.threshold;
    if params.relative == 1u {
        least *= known_confidence[0];
    }
    let used = select(0.0, 1.0, top >= least);
    confidence[id.x] = vec2<f32>(top, used);
    if params.hard == 1u {
        for (var c = 0u; c < params.classes; c++) {
            target_labels[row + c] = select(0.0, used, c == likely);
        }
        return;
    }
    let log_top = log(max(top, TINY));
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) {
        let sharp = exp((log(max(aligned[row + c], TINY)) - log_top) * params.inverse_temperature);
        target_labels[row + c] = sharp;
        sum += sharp;
    }
    for (var c = 0u; c < params.classes; c++) {
        target_labels[row + c] = used * (target_labels[row + c] / sum);
    }
}

// --- end of the step -----------------------------------------------------------------------------

@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> raw: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> predictions: array<f32>;
@group(0) @binding(5) var<storage, read_write> running: array<f32>;

/// Share of the old value in the running label distribution (reference, `PData`).
const LABEL_DECAY: f32 = 0.999;

/// Writes the batch mean of the raw predictions into the history and, if asked, moves p(y).
@compute @workgroup_size(64)
fn update_history(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = id.x;
    if c >= params.classes {
        return;
    }
    var sum = 0.0;
    var labelled = 0.0;
    for (var i = 0u; i < params.batch; i++) {
        sum += raw[i * params.classes + c];
        labelled += select(0.0, 1.0, labels[i] == c);
    }
    predictions[step.slot * params.classes + c] = sum / f32(params.batch);
    if params.running_labels == 1u {
        running[c] = ema_update_one(running[c], labelled / f32(params.batch), LABEL_DECAY);
    }
}
