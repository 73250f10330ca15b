// Batch normalisation with the leaky ReLU that follows it everywhere in the network.
//
// y = leaky_relu(z), z = gamma (x - mean) / sqrt(variance + eps) + beta. The batch of a dispatch holds
// `passes` groups of `rows` rows (row = one pixel of one image); each group is normalised with its own
// statistics, as the reference runs the K + 2 interleaved batches one after another.
// `coefficients` is [pass, 4, c]: mean, 1/std, scale = gamma/std, shift = beta - mean scale.

import package::common::indexing::flat_id;
import package::common::activation::{leaky_relu, leaky_relu_slope};
import package::common::average::averaged_with;

struct Params {
    /// rows of one pass
    rows: u32,
    quads: u32,
    passes: u32,
    /// slices a pass is cut into for the reductions
    slices: u32,
    epsilon: f32,
    /// share of the old value kept in the moving averages
    momentum: f32,
    /// index of the pass whose statistics go into the moving averages; none if >= passes
    moving_pass: u32,
    /// 1: add the parameter gradients to what is there
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

fn slice_length() -> u32 {
    return (params.rows + params.slices - 1u) / params.slices;
}

// --- statistics -----------------------------------------------------------------------------------

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
/// [pass, slice, 2, c]: mean of the slice and sum of squared distances from it
@group(0) @binding(2) var<storage, read_write> moments: array<vec4<f32>>;

/// Mean, and sum of squared distances from it, of `count` numbers.
struct Moments {
    mean: vec4<f32>,
    squares: vec4<f32>,
    count: f32,
}

/// The moments of two runs together (Chan's update).
fn joined(a: Moments, b: Moments) -> Moments {
    let total = a.count + b.count;
    let d = b.mean - a.mean;
    return Moments(
        a.mean + d * (b.count / total),
        a.squares + b.squares + d * d * (a.count * b.count / total),
        total,
    );
}

/// The squared distance of row `index` of a run of `count`; none past its end.
fn squared_distance(value: vec4<f32>, mean: vec4<f32>, index: u32, count: u32) -> vec4<f32> {
    let d = select(vec4<f32>(), value - mean, index < count);
    return d * d;
}

/// x at a column of a row, zeros past the end.
fn x_or_zero(row: u32, end: u32, column: u32) -> vec4<f32> {
    return select(vec4<f32>(), x[min(row, end - 1u) * params.quads + column], row < end);
}

/// Moments of every slice, each number read once: of four rows at a time they are those about their own mean, as a
/// single sum of squares would cancel.
@compute @workgroup_size(64)
fn slice_moments(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.passes * params.slices * params.quads {
        return;
    }
    let column = i % params.quads;
    let slice = i / params.quads % params.slices;
    let pass_index = i / params.quads / params.slices;
    let base = pass_index * params.rows;
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
    let at = (pass_index * params.slices + slice) * 2u * params.quads + column;
    moments[at] = all.mean;
    moments[at + params.quads] = all.squares;
}

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> coefficients: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> moving_mean: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> moving_variance: array<vec4<f32>>;

fn write_coefficients(pass_index: u32, column: u32, mean: vec4<f32>, variance: vec4<f32>) {
    let inverse = inverseSqrt(variance + params.epsilon);
    let scale = gamma[column] * inverse;
    let at = pass_index * 4u * params.quads + column;
    coefficients[at] = mean;
    coefficients[at + params.quads] = inverse;
    coefficients[at + params.quads * 2u] = scale;
    coefficients[at + params.quads * 3u] = beta[column] - mean * scale;
}

/// Joins the slices, writes each pass's coefficients and moves the averages by the one
/// pass that the reference lets move them.
@compute @workgroup_size(64)
fn training_coefficients(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.passes * params.quads {
        return;
    }
    let column = id.x % params.quads;
    let pass_index = id.x / params.quads;
    var all = Moments();
    for (var slice = 0u; slice < params.slices; slice++) {
        let first = min(slice * slice_length(), params.rows);
        let size = f32(min(first + slice_length(), params.rows) - first);
        if size > 0.0 {
            let at = (pass_index * params.slices + slice) * 2u * params.quads + column;
            all = joined(all, Moments(partial[at], partial[at + params.quads], size));
        }
    }
    let mean = all.mean;
    let variance = all.squares / all.count;
    write_coefficients(pass_index, column, mean, variance);
    if pass_index == params.moving_pass {
        moving_mean[column] = averaged_with(moving_mean[column], mean, params.momentum);
        moving_variance[column] = averaged_with(moving_variance[column], variance, params.momentum);
    }
}

@group(0) @binding(1) var<storage, read> known_mean: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> known_variance: array<vec4<f32>>;

/// Coefficients from the moving averages, for evaluation.
@compute @workgroup_size(64)
fn inference_coefficients(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.quads {
        return;
    }
    write_coefficients(0u, id.x, known_mean[id.x], known_variance[id.x]);
}

// --- normalise -----------------------------------------------------------------------------------

@group(0) @binding(2) var<storage, read> fixed: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

/// y = leaky_relu(scale x + shift)
@compute @workgroup_size(64)
fn apply(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.passes * params.rows * params.quads {
        return;
    }
    let pass_index = i / (params.rows * params.quads);
    let at = (pass_index * 4u + 2u) * params.quads + i % params.quads;
    y[i] = leaky_relu(fma(x[i], fixed[at], fixed[at + params.quads]));
}

// --- backward ------------------------------------------------------------------------------------

@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
/// [pass, slice, 2, c]: sums of dz and of dz xhat
@group(0) @binding(4) var<storage, read_write> slice_gradients: array<vec4<f32>>;

/// dz = dy leaky_relu'(z); sums of dz and dz xhat over every slice.
@compute @workgroup_size(64)
fn slice_backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.passes * params.slices * params.quads {
        return;
    }
    let column = i % params.quads;
    let slice = i / params.quads % params.slices;
    let pass_index = i / params.quads / params.slices;
    let first = min(slice * slice_length(), params.rows);
    let end = min(first + slice_length(), params.rows);
    let at = pass_index * 4u * params.quads + column;
    let mean = fixed[at];
    let inverse = fixed[at + params.quads];
    let scale = fixed[at + params.quads * 2u];
    let shift = fixed[at + params.quads * 3u];
    var sum = vec4<f32>();
    var sum_xhat = vec4<f32>();
    for (var row = first; row < end; row++) {
        let j = (pass_index * params.rows + row) * params.quads + column;
        let dz = dy[j] * leaky_relu_slope(fma(x[j], scale, shift));
        sum += dz;
        sum_xhat += dz * (x[j] - mean) * inverse;
    }
    let out = (pass_index * params.slices + slice) * 2u * params.quads + column;
    slice_gradients[out] = sum;
    slice_gradients[out + params.quads] = sum_xhat;
}

/// [pass, 2, c]: sums over the whole pass
@group(0) @binding(2) var<storage, read_write> pass_sums: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> d_gamma: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_beta: array<vec4<f32>>;

/// d beta = sum dz and d gamma = sum dz xhat, over all passes; each pass's sums are kept for `backward`.
@compute @workgroup_size(64)
fn parameter_gradients(@builtin(global_invocation_id) id: vec3<u32>) {
    let column = id.x;
    if column >= params.quads {
        return;
    }
    var beta_sum = vec4<f32>();
    var gamma_sum = vec4<f32>();
    for (var pass_index = 0u; pass_index < params.passes; pass_index++) {
        var sum = vec4<f32>();
        var sum_xhat = vec4<f32>();
        for (var slice = 0u; slice < params.slices; slice++) {
            let at = (pass_index * params.slices + slice) * 2u * params.quads + column;
            sum += partial[at];
            sum_xhat += partial[at + params.quads];
        }
        pass_sums[pass_index * 2u * params.quads + column] = sum;
        pass_sums[(pass_index * 2u + 1u) * params.quads + column] = sum_xhat;
        beta_sum += sum;
        gamma_sum += sum_xhat;
    }
    if params.accumulate == 1u {
        beta_sum += d_beta[column];
        gamma_sum += d_gamma[column];
    }
    d_beta[column] = beta_sum;
    d_gamma[column] = gamma_sum;
}

@group(0) @binding(4) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> other_path: array<vec4<f32>>;

/// dx = scale (dz - mean(dz) - xhat mean(dz xhat)), the means over the pass.
fn input_gradient(i: u32) -> vec4<f32> {
    let pass_index = i / (params.rows * params.quads);
    let column = i % params.quads;
    let at = pass_index * 4u * params.quads + column;
    let scale = fixed[at + params.quads * 2u];
    let z = fma(x[i], scale, fixed[at + params.quads * 3u]);
    let xhat = (x[i] - fixed[at]) * fixed[at + params.quads];
    let dz = dy[i] * leaky_relu_slope(z);
    let n = f32(params.rows);
    let mean_dz = sums[pass_index * 2u * params.quads + column] / n;
    let mean_dz_xhat = sums[(pass_index * 2u + 1u) * params.quads + column] / n;
    return scale * (dz - mean_dz - xhat * mean_dz_xhat);
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i < params.passes * params.rows * params.quads {
        dx[i] = input_gradient(i);
    }
}

/// `backward` added to the gradient that arrives through the shortcut.
@compute @workgroup_size(64)
fn backward_add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i < params.passes * params.rows * params.quads {
        dx[i] = other_path[i] + input_gradient(i);
    }
}
