// Sums in two dispatches with a fixed order: within slices, then over the slices.

import package::common::indexing::flat_id;

struct Params {
    /// sum_rows: rows to add; else unused
    rows: u32,
    columns_vec4: u32,
    slices: u32,
    /// 1: add to `result` instead of overwriting it
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<f32>>;

/// result[slice, c] = sum over the slice's rows of source[row, c]
@compute @workgroup_size(64)
fn sum_rows(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.columns_vec4 * params.slices {
        return;
    }
    let column = i % params.columns_vec4;
    let slice = i / params.columns_vec4;
    let length = (params.rows + params.slices - 1u) / params.slices;
    let end = min((slice + 1u) * length, params.rows);
    var sum = vec4<f32>();
    for (var row = slice * length; row < end; row++) {
        sum += source[row * params.columns_vec4 + column];
    }
    result[i] = sum;
}

/// result[c] (+)= sum over slices of source[slice, c]. For many columns and few slices: one invocation per vec4.
@compute @workgroup_size(64)
fn sum_slices(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.columns_vec4 {
        return;
    }
    var sum = vec4<f32>();
    for (var slice = 0u; slice < params.slices; slice++) {
        sum += source[slice * params.columns_vec4 + i];
    }
    if params.accumulate == 1u {
        sum += result[i];
    }
    result[i] = sum;
}

const LANES: u32 = 64u;
var<workgroup> sums: array<vec4<f32>, LANES>;

/// As `sum_slices`, for few columns and many slices: one workgroup per vec4, whose invocations each add every 64th slice;
/// their sums are added as a tree.
@compute @workgroup_size(LANES)
fn sum_many_slices(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var sum = vec4<f32>();
    for (var slice = lane; slice < params.slices; slice += LANES) {
        sum += source[slice * params.columns_vec4 + group.x];
    }
    sums[lane] = sum;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            sums[lane] += sums[lane + half];
        }
    }
    if lane == 0u {
        result[group.x] = sums[0] + select(vec4<f32>(), result[group.x], params.accumulate == 1u);
    }
}
