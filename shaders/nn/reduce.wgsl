// Sums in two dispatches with a fixed order: within slices, then over the slices.
//
// In range: invocations past the last item return before they read, workgroups past it read the last column and write nothing.
// Workgroup memory is written before it is read. Loops run over rows and slices; divisors are at least 1.

import package::common::indexing::{flat_group, flat_id};
import package::common::maps::{MapVec4, from_map};

struct Params {
    /// sum_rows: rows to add; sum_weight_slices and sum_many_weight_slices: vec4s of the weights; else unused
    rows: u32,
    columns_vec4: u32,
    slices: u32,
    /// 1: add to `result` instead of overwriting it
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<f32>>;

@group(0) @binding(1) var<storage, read> map: array<MapVec4>;

/// result[slice, c] = sum over the slice's rows of map[row, c]
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
        sum += from_map(map[row * params.columns_vec4 + column]);
    }
    result[i] = sum;
}

/// The sum over slices of source[slice, c], in order.
fn sum_in_order(c: u32) -> vec4<f32> {
    var sum = vec4<f32>();
    for (var slice = 0u; slice < params.slices; slice++) {
        sum += source[slice * params.columns_vec4 + c];
    }
    return sum;
}

const LANES: u32 = 64u;
var<workgroup> sums: array<vec4<f32>, LANES>;

/// The sum over slices of source[slice, c] by a workgroup: each invocation adds every 64th slice, then their sums are added
/// as a tree. The first invocation has the result.
fn sum_as_tree(c: u32, lane: u32) -> vec4<f32> {
    var sum = vec4<f32>();
    for (var slice = lane; slice < params.slices; slice += LANES) {
        sum += source[slice * params.columns_vec4 + c];
    }
    sums[lane] = sum;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            sums[lane] += sums[lane + half];
        }
    }
    return sums[lane];
}

fn write(c: u32, sum: vec4<f32>) {
    result[c] = sum + select(vec4<f32>(), result[c], params.accumulate == 1u);
}

/// result[c] (+)= sum over slices of source[slice, c]. For few slices: one invocation per vec4.
@compute @workgroup_size(64)
fn sum_slices(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let c = flat_id(id, groups);
    if c < params.columns_vec4 {
        write(c, sum_in_order(c));
    }
}

/// As `sum_slices`, for many slices: one workgroup per vec4.
@compute @workgroup_size(LANES)
fn sum_many_slices(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let c = flat_group(id, groups);
    let sum = sum_as_tree(min(c, params.columns_vec4 - 1u), lane);
    if lane == 0u && c < params.columns_vec4 {
        write(c, sum);
    }
}

/// The gradient of the bias, which follows that of the weights in every slice.
@group(0) @binding(3) var<storage, read_write> bias_result: array<vec4<f32>>;

fn write_weight_or_bias(c: u32, sum: vec4<f32>) {
    if c < params.rows {
        write(c, sum);
        return;
    }
    let b = c - params.rows;
    bias_result[b] = sum + select(vec4<f32>(), bias_result[b], params.accumulate == 1u);
}

/// As `sum_slices` for weights and bias in one.
@compute @workgroup_size(64)
fn sum_weight_slices(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let c = flat_id(id, groups);
    if c < params.columns_vec4 {
        write_weight_or_bias(c, sum_in_order(c));
    }
}

/// As `sum_many_slices` for weights and bias in one.
@compute @workgroup_size(LANES)
fn sum_many_weight_slices(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let c = flat_group(id, groups);
    let sum = sum_as_tree(min(c, params.columns_vec4 - 1u), lane);
    if lane == 0u && c < params.columns_vec4 {
        write_weight_or_bias(c, sum);
    }
}
