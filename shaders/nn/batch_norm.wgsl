// Batch normalisation with the activation that follows it (`common/activation.wgsl`), if one does.
//
// y = activate(z), z = gamma (x - mean) / sqrt(variance + eps) + beta. The batch of a dispatch consists of
// `stat_groups` groups of `rows` rows (row = one pixel of one image); each group is normalised with its own
// statistics, as the reference runs the K + 2 interleaved batches one after another.
// `coefficients` is [group, 4, c]: mean, 1/std, scale = gamma/std, shift = beta - mean scale.
//
// In range: invocations past the last item return before they read; rows past a slice are replaced by its last. Workgroup memory
// is written before it is read, indexed by the place in the workgroup. Loops run over rows, slices and groups; divisors are at
// least 1.

import package::common::activation::{activate, activation_slope};
import package::common::indexing::flat_id;
import package::common::maps::{MapVec4, from_map, to_map};
import package::common::numbers::ema_update;

struct Params {
    /// rows per group
    rows: u32,
    channels_vec4: u32,
    stat_groups: u32,
    /// slices per group in the reductions
    slices: u32,
    epsilon: f32,
    /// weight of the old value in the moving statistics
    momentum: f32,
    /// index of the group whose statistics update the moving statistics; none if >= stat_groups
    moving_group: u32,
    /// 1: add to the parameter gradients instead of overwriting them
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn slice_length() -> u32 {
    return (params.rows + params.slices - 1u) / params.slices;
}

// --- statistics -----------------------------------------------------------------------------------

@group(0) @binding(1) var<storage, read> x: array<MapVec4>;
/// [group, slice, 2, c]: mean of the slice and sum of squared distances from it
@group(0) @binding(2) var<storage, read_write> moments: array<vec4<f32>>;

/// Mean of `count` values and their sum of squared distances from it.
struct Moments {
    mean: vec4<f32>,
    squares: vec4<f32>,
    count: f32,
}

/// The moments of two sets together (Chan's update); one of them may be empty.
fn joined(a: Moments, b: Moments) -> Moments {
    if b.count == 0.0 {
        return a;
    }
    let total = a.count + b.count;
    let d = b.mean - a.mean;
    return Moments(
        a.mean + d * (b.count / total),
        a.squares + b.squares + d * d * (a.count * b.count / total),
        total,
    );
}

/// Squared distance of row `index` of `count` rows from the mean; zero past the end.
fn squared_distance(value: vec4<f32>, mean: vec4<f32>, index: u32, count: u32) -> vec4<f32> {
    let d = select(vec4<f32>(), value - mean, index < count);
    return d * d;
}

/// x at a column of a row; zeros past the end.
fn x_or_zero(row: u32, end: u32, column: u32) -> vec4<f32> {
    return select(vec4<f32>(), from_map(x[min(row, end - 1u) * params.channels_vec4 + column]), row < end);
}

/// Moments of every slice. Each value is read once: the moments of four rows about their own mean are joined, as a single
/// sum of squares would cancel.
@compute @workgroup_size(64)
fn slice_moments(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.stat_groups * params.slices * params.channels_vec4 {
        return;
    }
    let column = i % params.channels_vec4;
    let slice = i / params.channels_vec4 % params.slices;
    let group = i / params.channels_vec4 / params.slices;
    let base = group * params.rows;
    let first = base + min(slice * slice_length(), params.rows);
    let end = min(first + slice_length(), base + params.rows);
    var all = Moments();
    for (var row = first; row < end; row += 4u) {
        let count = min(end - row, 4u);
        let x0 = x_or_zero(row, end, column);
        let x1 = x_or_zero(row + 1u, end, column);
        let x2 = x_or_zero(row + 2u, end, column);
        let x3 = x_or_zero(row + 3u, end, column);
        let mean = (x0 + x1 + x2 + x3) / f32(count);
        let squares = squared_distance(x0, mean, 0u, count) + squared_distance(x1, mean, 1u, count)
            + squared_distance(x2, mean, 2u, count) + squared_distance(x3, mean, 3u, count);
        all = joined(all, Moments(mean, squares, f32(count)));
    }
    let at = (group * params.slices + slice) * 2u * params.channels_vec4 + column;
    moments[at] = all.mean;
    moments[at + params.channels_vec4] = all.squares;
}

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> coefficients: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> moving_mean: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moving_variance: array<vec4<f32>>;

fn write_coefficients(group: u32, column: u32, mean: vec4<f32>, variance: vec4<f32>) {
    let inverse = inverseSqrt(variance + params.epsilon);
    let scale = gamma[column] * inverse;
    let at = group * 4u * params.channels_vec4 + column;
    coefficients[at] = mean;
    coefficients[at + params.channels_vec4] = inverse;
    coefficients[at + params.channels_vec4 * 2u] = scale;
    coefficients[at + params.channels_vec4 * 3u] = beta[column] - mean * scale;
}

/// Leaves of the tree that joins the slices of a column; each joins every 64th slice first.
const LEAVES: u32 = 64u;
/// Invocations that share the leaves, up to 64 for moments and 128 for gradients; the results are the same for any number.
override GROUP: u32 = 64u;
var<workgroup> leaf_moments: array<Moments, LEAVES>;

/// Joins the slices, writes the coefficients of each group and updates the moving statistics by the one group that
/// updates them in the reference. One workgroup per group and column: a leaf of its tree joins every 64th slice.
@compute @workgroup_size(GROUP)
fn training_coefficients(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = id.x % params.channels_vec4;
    let group = id.x / params.channels_vec4;
    for (var leaf = lane; leaf < LEAVES; leaf += GROUP) {
        var all = Moments();
        for (var slice = leaf; slice < params.slices; slice += LEAVES) {
            let first = min(slice * slice_length(), params.rows);
            let size = f32(min(first + slice_length(), params.rows) - first);
            let at = (group * params.slices + slice) * 2u * params.channels_vec4 + column;
            all = joined(all, Moments(partial[at], partial[at + params.channels_vec4], size));
        }
        leaf_moments[leaf] = all;
    }
    for (var half = LEAVES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        for (var leaf = lane; leaf < half; leaf += GROUP) {
            leaf_moments[leaf] = joined(leaf_moments[leaf], leaf_moments[leaf + half]);
        }
    }
    if lane > 0u {
        return;
    }
    let mean = leaf_moments[0].mean;
    let variance = leaf_moments[0].squares / leaf_moments[0].count;
    write_coefficients(group, column, mean, variance);
    if group == params.moving_group {
        moving_mean[column] = ema_update(moving_mean[column], mean, params.momentum);
        moving_variance[column] = ema_update(moving_variance[column], variance, params.momentum);
    }
}

@group(0) @binding(1) var<storage, read> known_mean: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> known_variance: array<vec4<f32>>;

/// Coefficients from the moving statistics, for evaluation.
@compute @workgroup_size(64)
fn inference_coefficients(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.channels_vec4 {
        return;
    }
    write_coefficients(0u, id.x, known_mean[id.x], known_variance[id.x]);
}

// --- normalise -----------------------------------------------------------------------------------

@group(0) @binding(2) var<storage, read> fixed: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<MapVec4>;

/// activate(scale x + shift) at vec4 `i`
fn activated(i: u32) -> vec4<f32> {
    let group = i / (params.rows * params.channels_vec4);
    let at = (group * 4u + 2u) * params.channels_vec4 + i % params.channels_vec4;
    return activate(fma(from_map(x[i]), fixed[at], fixed[at + params.channels_vec4]));
}

/// y = activate(scale x + shift)
@compute @workgroup_size(64)
fn apply(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i < params.stat_groups * params.rows * params.channels_vec4 {
        y[i] = to_map(activated(i));
    }
}

@group(0) @binding(4) var<storage, read> residual: array<MapVec4>;

/// y = activate(scale x + shift) + residual
@compute @workgroup_size(64)
fn apply_add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i < params.stat_groups * params.rows * params.channels_vec4 {
        y[i] = to_map(activated(i) + from_map(residual[i]));
    }
}

// --- backward ------------------------------------------------------------------------------------

@group(0) @binding(3) var<storage, read> dy: array<MapVec4>;
/// [group, slice, 2, c]: sums of dz and of dz xhat
@group(0) @binding(4) var<storage, read_write> slice_gradients: array<vec4<f32>>;

/// dz = dy activate'(z) at a column of a row; zeros past the end.
fn dz_or_zero(row: u32, end: u32, column: u32, value: vec4<f32>, scale: vec4<f32>, shift: vec4<f32>) -> vec4<f32> {
    let gradient = from_map(dy[min(row, end - 1u) * params.channels_vec4 + column]);
    let dz = gradient * activation_slope(fma(value, scale, shift));
    return select(vec4<f32>(), dz, row < end);
}

/// Sums of dz and dz xhat over every slice, four rows at a time, so that their reads do not wait for each other.
@compute @workgroup_size(64)
fn slice_backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.stat_groups * params.slices * params.channels_vec4 {
        return;
    }
    let column = i % params.channels_vec4;
    let slice = i / params.channels_vec4 % params.slices;
    let group = i / params.channels_vec4 / params.slices;
    let base = group * params.rows;
    let first = base + min(slice * slice_length(), params.rows);
    let end = min(first + slice_length(), base + params.rows);
    let at = group * 4u * params.channels_vec4 + column;
    let mean = fixed[at];
    let inverse = fixed[at + params.channels_vec4];
    let scale = fixed[at + params.channels_vec4 * 2u];
    let shift = fixed[at + params.channels_vec4 * 3u];
    var sum = vec4<f32>();
    var sum_xhat = vec4<f32>();
    for (var row = first; row < end; row += 4u) {
        let x0 = x_or_zero(row, end, column);
        let x1 = x_or_zero(row + 1u, end, column);
        let x2 = x_or_zero(row + 2u, end, column);
        let x3 = x_or_zero(row + 3u, end, column);
        let dz0 = dz_or_zero(row, end, column, x0, scale, shift);
        let dz1 = dz_or_zero(row + 1u, end, column, x1, scale, shift);
        let dz2 = dz_or_zero(row + 2u, end, column, x2, scale, shift);
        let dz3 = dz_or_zero(row + 3u, end, column, x3, scale, shift);
        sum = sum + dz0 + dz1 + dz2 + dz3;
        sum_xhat += dz0 * (x0 - mean) * inverse;
        sum_xhat += dz1 * (x1 - mean) * inverse;
        sum_xhat += dz2 * (x2 - mean) * inverse;
        sum_xhat += dz3 * (x3 - mean) * inverse;
    }
    let out = (group * params.slices + slice) * 2u * params.channels_vec4 + column;
    slice_gradients[out] = sum;
    slice_gradients[out + params.channels_vec4] = sum_xhat;
}

/// [group, 2, c]: sums over the whole group
@group(0) @binding(2) var<storage, read_write> group_sums: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> d_gamma: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_beta: array<vec4<f32>>;

/// Sums of dz and of dz xhat.
struct Sums {
    dz: vec4<f32>,
    dz_xhat: vec4<f32>,
}

/// Groups that `parameter_gradients` adds at a time.
const TEAMS: u32 = 2u;
var<workgroup> leaf_sums: array<Sums, LEAVES * TEAMS>;

fn added(a: Sums, b: Sums) -> Sums {
    return Sums(a.dz + b.dz, a.dz_xhat + b.dz_xhat);
}

/// The sums of every 64th slice of a group from `leaf` on; zeros for a group past the last.
fn sums_from(leaf: u32, group: u32, column: u32) -> Sums {
    var sum = Sums();
    if group < params.stat_groups {
        for (var slice = leaf; slice < params.slices; slice += LEAVES) {
            let at = (group * params.slices + slice) * 2u * params.channels_vec4 + column;
            sum = added(sum, Sums(partial[at], partial[at + params.channels_vec4]));
        }
    }
    return sum;
}

/// d beta = sum dz and d gamma = sum dz xhat, over all groups; the sums of each group are inputs of `backward`. One
/// workgroup per column: a team of LEAVES sums has one group at a time, and adds them as a tree.
@compute @workgroup_size(GROUP)
fn parameter_gradients(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let column = id.x;
    var all = Sums();
    for (var first = 0u; first < params.stat_groups; first += TEAMS) {
        for (var leaf = local; leaf < LEAVES * TEAMS; leaf += GROUP) {
            leaf_sums[leaf] = sums_from(leaf % LEAVES, first + leaf / LEAVES, column);
        }
        for (var half = LEAVES / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            for (var i = local; i < half * TEAMS; i += GROUP) {
                let leaf = i / half * LEAVES + i % half;
                leaf_sums[leaf] = added(leaf_sums[leaf], leaf_sums[leaf + half]);
            }
        }
        workgroupBarrier();
        if local < TEAMS && first + local < params.stat_groups {
            let to = (first + local) * 2u * params.channels_vec4 + column;
            group_sums[to] = leaf_sums[local * LEAVES].dz;
            group_sums[to + params.channels_vec4] = leaf_sums[local * LEAVES].dz_xhat;
        }
        all = added(added(all, leaf_sums[0]), leaf_sums[LEAVES]);
        workgroupBarrier();
    }
    if local > 0u {
        return;
    }
    if params.accumulate == 1u {
        all = added(all, Sums(d_beta[column], d_gamma[column]));
    }
    d_beta[column] = all.dz;
    d_gamma[column] = all.dz_xhat;
}

@group(0) @binding(4) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dx: array<MapVec4>;
@group(0) @binding(6) var<storage, read> other_path: array<MapVec4>;

/// dx = scale (dz - mean(dz) - xhat mean(dz xhat)), the means over the group.
fn input_gradient(i: u32) -> vec4<f32> {
    let group = i / (params.rows * params.channels_vec4);
    let column = i % params.channels_vec4;
    let at = group * 4u * params.channels_vec4 + column;
    let value = from_map(x[i]);
    let scale = fixed[at + params.channels_vec4 * 2u];
    let z = fma(value, scale, fixed[at + params.channels_vec4 * 3u]);
    let xhat = (value - fixed[at]) * fixed[at + params.channels_vec4];
    let dz = from_map(dy[i]) * activation_slope(z);
    let n = f32(params.rows);
    let mean_dz = sums[group * 2u * params.channels_vec4 + column] / n;
    let mean_dz_xhat = sums[(group * 2u + 1u) * params.channels_vec4 + column] / n;
    return scale * (dz - mean_dz - xhat * mean_dz_xhat);
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i < params.stat_groups * params.rows * params.channels_vec4 {
        dx[i] = to_map(input_gradient(i));
    }
}

/// `backward` plus the gradient of the shortcut.
@compute @workgroup_size(64)
fn backward_add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i < params.stat_groups * params.rows * params.channels_vec4 {
        dx[i] = to_map(from_map(other_path[i]) + input_gradient(i));
    }
}
