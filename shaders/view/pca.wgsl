// The plane in which a table of samples varies most: principal components by orthogonal iteration, with the
// eigenproblem solved exactly inside the plane at the end. The iteration starts from the last axes, so it
// follows a table that changes; the axes keep their order and signs where possible.
//
// Order: average, covariance, begin, iterate (one or more times), finish, project.

import package::common::indexing::flat_id;

struct Params {
    samples: u32,
    features: u32,
    /// covariance: first row of the table to accumulate
    first: u32,
    /// covariance: number of rows to accumulate; iterate: number of iterations
    count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
/// [samples, features]
@group(0) @binding(1) var<storage, read> table: array<f32>;
/// [features]
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
/// [features, features]
@group(0) @binding(3) var<storage, read_write> covariance_sum: array<f32>;
/// [features, 2], orthonormal columns
@group(0) @binding(4) var<storage, read_write> basis: array<vec2<f32>>;
/// [features, 2], the product of covariance and basis
@group(0) @binding(5) var<storage, read_write> image: array<vec2<f32>>;
/// [features, 2], kept between projections; zero before the first
@group(0) @binding(6) var<storage, read_write> axes: array<vec2<f32>>;
/// [4]: share of the variance along each axis, the variance, unused
@group(0) @binding(7) var<storage, read_write> summary: array<f32>;
/// [samples, 2]
@group(0) @binding(8) var<storage, read_write> coordinates: array<vec2<f32>>;

const LANES: u32 = 64u;
/// Added to the diagonal of the matrix, whose trace is 1: keeps two vectors independent at rank 0 or 1.
const RIDGE: f32 = 1e-5;
/// Lower bound of squared lengths that are divided by.
const TINY: f32 = 1e-30;
/// Length of the noise added to the last axes, so that the iteration can leave their plane.
const NOISE_LENGTH: f32 = 1e-3;

/// mean[c] = average over rows of table[row, c], corrected by the average of the residuals
@compute @workgroup_size(64)
fn average(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let column = flat_id(id, groups);
    if column >= params.features {
        return;
    }
    var centre = 0.0;
    for (var again = 0u; again < 2u; again++) {
        var sum = 0.0;
        for (var row = 0u; row < params.samples; row++) {
            sum += table[row * params.features + column] - centre;
        }
        centre += sum / f32(params.samples);
    }
    mean[column] = centre;
}

/// Four adjacent columns of a row minus their means; zero past the last column.
fn deviations(row: u32, columns: vec4<u32>, centre: vec4<f32>, inside: vec4<bool>) -> vec4<f32> {
    let at = row * params.features + columns;
    let values = vec4<f32>(table[at.x], table[at.y], table[at.z], table[at.w]);
    return select(vec4<f32>(), values - centre, inside);
}

fn four_columns(block: u32) -> vec4<u32> {
    return min(4u * block + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.features - 1u));
}

fn means(columns: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(mean[columns.x], mean[columns.y], mean[columns.z], mean[columns.w]);
}

fn put(row: u32, column: u32, value: f32) {
    if row >= params.features || column >= params.features {
        return;
    }
    let at = row * params.features + column;
    covariance_sum[at] = select(covariance_sum[at], 0.0, params.first == 0u) + value;
}

/// covariance_sum[a, b] (+)= sum of deviation products over `count` rows from `first`, 4 x 4 entries per
/// invocation
@compute @workgroup_size(64)
fn covariance(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let blocks = (params.features + 3u) / 4u;
    let i = flat_id(id, groups);
    let down = i / blocks;
    let across = i % blocks;
    if down >= blocks || across > down {
        return;
    }
    let rows = four_columns(down);
    let columns = four_columns(across);
    let row_means = means(rows);
    let column_means = means(columns);
    let row_inside = vec4<u32>(0u, 1u, 2u, 3u) + 4u * down < vec4<u32>(params.features);
    let column_inside = vec4<u32>(0u, 1u, 2u, 3u) + 4u * across < vec4<u32>(params.features);
    var sums = mat4x4<f32>();
    for (var sample = params.first; sample < params.first + params.count; sample++) {
        let a = deviations(sample, rows, row_means, row_inside);
        let b = deviations(sample, columns, column_means, column_inside);
        sums += mat4x4<f32>(a.x * b, a.y * b, a.z * b, a.w * b);
    }
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            put(4u * down + r, 4u * across + c, sums[r][c]);
            if across < down {
                put(4u * across + c, 4u * down + r, sums[r][c]);
            }
        }
    }
}

/// A value in [-1, 1), a function of the seed alone (PCG's output function).
fn noise(seed: u32) -> f32 {
    let state = seed * 747796405u + 2891336453u;
    let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return f32((word >> 22u) ^ word) / 2147483648.0 - 1.0;
}

@compute @workgroup_size(64)
fn begin(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.features {
        return;
    }
    let added = vec2<f32>(noise(2u * i), noise(2u * i + 1u)) * NOISE_LENGTH * inverseSqrt(f32(params.features));
    basis[i] = axes[i] + added;
}

var<workgroup> partial: array<vec4<f32>, LANES>;

/// Sum of the values of all lanes.
fn total(lane: u32, value: vec4<f32>) -> vec4<f32> {
    partial[lane] = value;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            partial[lane] += partial[lane + half];
        }
        workgroupBarrier();
    }
    let sum = partial[0];
    workgroupBarrier();
    return sum;
}

/// The trace of covariance_sum.
fn variance(lane: u32) -> f32 {
    var sum = 0.0;
    for (var i = lane; i < params.features; i += LANES) {
        sum += covariance_sum[i * params.features + i];
    }
    return total(lane, vec4<f32>(sum)).x;
}

/// image = (scale covariance_sum + ridge I) basis; each lane writes the rows that only it reads later.
fn multiply(lane: u32, scale: f32, ridge: f32) {
    for (var row = lane; row < params.features; row += LANES) {
        var sum = vec2<f32>();
        for (var column = 0u; column < params.features; column++) {
            sum += covariance_sum[column * params.features + row] * basis[column];
        }
        image[row] = scale * sum + ridge * basis[row];
    }
    storageBarrier();
}

/// basis = image with orthonormal columns (Gram-Schmidt).
fn orthonormalise(lane: u32) {
    var sums = vec4<f32>();
    for (var i = lane; i < params.features; i += LANES) {
        let w = image[i];
        sums += vec4<f32>(w.x * w.x, w.x * w.y, 0.0, 0.0);
    }
    let first = total(lane, sums);
    let squared = max(first.x, TINY);
    // Removes the first column from the second; `second.x` below removes the rounding error of this.
    sums = vec4<f32>();
    for (var i = lane; i < params.features; i += LANES) {
        let w = image[i];
        let u = vec2<f32>(w.x * inverseSqrt(squared), w.y - first.y / squared * w.x);
        sums += vec4<f32>(u.x * u.y, u.y * u.y, 0.0, 0.0);
        image[i] = u;
    }
    let second = total(lane, sums);
    let length = inverseSqrt(max(second.y - second.x * second.x, TINY));
    for (var i = lane; i < params.features; i += LANES) {
        let u = image[i];
        let v = select((u.y - second.x * u.x) * length, 0.0, params.features == 1u);
        basis[i] = vec2<f32>(u.x, v);
    }
    storageBarrier();
}

@compute @workgroup_size(64)
fn iterate(@builtin(local_invocation_index) lane: u32) {
    let scale = 1.0 / max(variance(lane), TINY);
    for (var i = 0u; i < params.count; i++) {
        multiply(lane, scale, RIDGE);
        orthonormalise(lane);
    }
}

/// Rotates the basis inside its plane to the principal axes, the larger first unless the other order follows
/// the last axes more closely; each axis keeps the sign of the last one.
@compute @workgroup_size(64)
fn finish(@builtin(local_invocation_index) lane: u32) {
    let spread = variance(lane);
    multiply(lane, 1.0 / max(spread, TINY), 0.0);
    var products = vec4<f32>();
    var overlaps = vec4<f32>();
    for (var i = lane; i < params.features; i += LANES) {
        let q = basis[i];
        let w = image[i];
        products += vec4<f32>(q.x * w.x, q.x * w.y, q.y * w.y, 0.0);
        overlaps += vec4<f32>(q.x * axes[i], q.y * axes[i]);
    }
    let h = total(lane, products);
    let overlap = total(lane, overlaps);
    // One Jacobi rotation makes the 2 x 2 matrix [h.x, h.y; h.y, h.z] diagonal.
    let half = 0.5 * (h.x - h.z);
    let slope = select(-1.0, 1.0, half >= 0.0) * h.y / max(abs(half) + sqrt(half * half + h.y * h.y), TINY);
    let cosine = inverseSqrt(1.0 + slope * slope);
    let first = cosine * vec2<f32>(1.0, slope);
    let second = cosine * vec2<f32>(-slope, 1.0);
    let shares = vec2<f32>(h.x + slope * h.y, h.z - slope * h.y);
    // Rows: the new axes; columns: the last ones.
    let kept_first = first.x * overlap.xy + first.y * overlap.zw;
    let kept_second = second.x * overlap.xy + second.y * overlap.zw;
    let straight = abs(kept_first.x) + abs(kept_second.y);
    let crossed = abs(kept_first.y) + abs(kept_second.x);
    let fresh = straight + crossed == 0.0;
    let swap = select(crossed > straight, shares.y > shares.x, fresh);
    let sense = select(vec2<f32>(kept_first.x, kept_second.y), vec2<f32>(kept_second.x, kept_first.y), swap);
    let x_axis = select(first, second, swap) * select(1.0, -1.0, sense.x < 0.0);
    let y_axis = select(second, first, swap) * select(1.0, -1.0, sense.y < 0.0);
    for (var i = lane; i < params.features; i += LANES) {
        axes[i] = vec2<f32>(dot(x_axis, basis[i]), dot(y_axis, basis[i]));
    }
    if lane == 0u {
        let ordered = select(shares, shares.yx, swap);
        summary[0] = ordered.x;
        summary[1] = ordered.y;
        summary[2] = spread / f32(params.samples);
    }
}

/// coordinates[row] = (table[row] - mean) axes
@compute @workgroup_size(64)
fn project(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let row = flat_id(id, groups);
    if row >= params.samples {
        return;
    }
    var sum = vec2<f32>();
    for (var i = 0u; i < params.features; i++) {
        sum += (table[row * params.features + i] - mean[i]) * axes[i];
    }
    coordinates[row] = sum;
}
