// The plane in which a table of samples varies most: principal components by orthogonal iteration, with the
// eigenproblem solved exactly inside the plane at the end. Begun at the last axes, it follows a table that
// changes; axes keep their order and sense as far as they can.
//
// In turn: average, covariance, begin, turn (some rounds, as often as wanted), finish, project.

import package::common::indexing::flat_id;

struct Params {
    samples: u32,
    features: u32,
    /// covariance: first row of the table that is added
    first: u32,
    /// covariance: rows that are added; turn: rounds
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
/// [features, 2], the basis multiplied
@group(0) @binding(5) var<storage, read_write> image: array<vec2<f32>>;
/// [features, 2], kept from look to look; zero before the first
@group(0) @binding(6) var<storage, read_write> axes: array<vec2<f32>>;
/// share of the variance along each axis, the variance
@group(0) @binding(7) var<storage, read_write> summary: array<f32>;
/// [samples, 2]
@group(0) @binding(8) var<storage, read_write> places: array<vec2<f32>>;

const LANES: u32 = 64u;
/// Added to the matrix, whose trace is 1, so that two vectors stay two where it has but one direction or none.
const RIDGE: f32 = 1e-5;
/// Below this a squared length is that of nothing.
const NOTHING: f32 = 1e-30;
/// Length of what is added to the last axes, so that a direction across them can be found.
const DOUBT: f32 = 1e-3;

/// mean[c] = average over rows of table[row, c], and once more of what that leaves
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

/// Four neighbouring columns of a row around their mean; zero past the last column.
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

/// covariance_sum[a, b] (+)= sum over `count` rows from `first` of deviations, 4 x 4 entries an invocation
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

/// A number in [-1, 1), always the same for the same seed (PCG's output function).
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
    let doubt = vec2<f32>(noise(2u * i), noise(2u * i + 1u)) * DOUBT * inverseSqrt(f32(params.features));
    basis[i] = axes[i] + doubt;
}

var<workgroup> partial: array<vec4<f32>, LANES>;

/// Sum of every lane's value.
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

/// The trace.
fn variance(lane: u32) -> f32 {
    var sum = 0.0;
    for (var i = lane; i < params.features; i += LANES) {
        sum += covariance_sum[i * params.features + i];
    }
    return total(lane, vec4<f32>(sum)).x;
}

/// image = (scale covariance_sum + ridge) basis; a lane writes the rows that it alone reads afterwards.
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

/// basis = image, its columns made orthonormal.
fn orthonormalise(lane: u32) {
    var sums = vec4<f32>();
    for (var i = lane; i < params.features; i += LANES) {
        let w = image[i];
        sums += vec4<f32>(w.x * w.x, w.x * w.y, 0.0, 0.0);
    }
    let first = total(lane, sums);
    let squared = max(first.x, NOTHING);
    // The second column without the first; what rounding leaves of it is taken out once more below.
    sums = vec4<f32>();
    for (var i = lane; i < params.features; i += LANES) {
        let w = image[i];
        let u = vec2<f32>(w.x * inverseSqrt(squared), w.y - first.y / squared * w.x);
        sums += vec4<f32>(u.x * u.y, u.y * u.y, 0.0, 0.0);
        image[i] = u;
    }
    let second = total(lane, sums);
    let length = inverseSqrt(max(second.y - second.x * second.x, NOTHING));
    for (var i = lane; i < params.features; i += LANES) {
        let u = image[i];
        let v = select((u.y - second.x * u.x) * length, 0.0, params.features == 1u);
        basis[i] = vec2<f32>(u.x, v);
    }
    storageBarrier();
}

@compute @workgroup_size(64)
fn turn(@builtin(local_invocation_index) lane: u32) {
    let scale = 1.0 / max(variance(lane), NOTHING);
    for (var round = 0u; round < params.count; round++) {
        multiply(lane, scale, RIDGE);
        orthonormalise(lane);
    }
}

/// Turns the basis inside its plane to the principal axes, the larger first, unless the last axes are
/// followed better in the other order; each axis points as the last one did.
@compute @workgroup_size(64)
fn finish(@builtin(local_invocation_index) lane: u32) {
    let spread = variance(lane);
    multiply(lane, 1.0 / max(spread, NOTHING), 0.0);
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
    let slope = select(-1.0, 1.0, half >= 0.0) * h.y / max(abs(half) + sqrt(half * half + h.y * h.y), NOTHING);
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

/// places[row] = where the row lies along the axes
@compute @workgroup_size(64)
fn project(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let row = flat_id(id, groups);
    if row >= params.samples {
        return;
    }
    var place = vec2<f32>();
    for (var i = 0u; i < params.features; i++) {
        place += (table[row * params.features + i] - mean[i]) * axes[i];
    }
    places[row] = place;
}
