// The linear heads: logits = embedding W + b, W [in, out]. One invocation per output.
// A dispatch uses rows [first_row, first_row + rows) of the embedding; the logits have their own rows, from 0.
//
// In range: invocations past the last item return before they read. Loops run over inputs, outputs and rows; divisors are at
// least 1.

import package::common::indexing::flat_id;

struct Params {
    rows: u32,
    first_row: u32,
    inputs: u32,
    outputs: u32,
    /// 1: add to the result instead of overwriting it
    accumulate: u32,
    /// weight gradient: slices of the rows, each with its own partial sum
    slices: u32,
    unused_a: u32,
    unused_b: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> embedding: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> logits: array<f32>;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.rows * params.outputs {
        return;
    }
    let row = (params.first_row + i / params.outputs) * params.inputs;
    let column = i % params.outputs;
    var sum = bias[column];
    for (var k = 0u; k < params.inputs; k++) {
        sum = fma(embedding[row + k], weights[k * params.outputs + column], sum);
    }
    logits[i] = sum;
}

@group(0) @binding(1) var<storage, read> d_logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> d_embedding: array<f32>;

/// d embedding[row, k] = sum_j d logits[row, j] W[k, j]
@compute @workgroup_size(64)
fn data_gradient(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.rows * params.inputs {
        return;
    }
    let row = i / params.inputs;
    let k = i % params.inputs;
    var sum = 0.0;
    for (var j = 0u; j < params.outputs; j++) {
        sum = fma(d_logits[row * params.outputs + j], weights[k * params.outputs + j], sum);
    }
    d_embedding[params.first_row * params.inputs + i] = sum;
}

@group(0) @binding(2) var<storage, read> activations: array<f32>;
/// [slices, in + 1, out]: the last row is the bias's
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

/// Of every slice of rows: d W[k, j] = sum of embedding[row, k] d logits[row, j]; d b[j] = sum of d logits[row, j]
@compute @workgroup_size(64)
fn slice_weight_gradient(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let items = (params.inputs + 1u) * params.outputs;
    if i >= items * params.slices {
        return;
    }
    let k = i % items / params.outputs;
    let j = i % params.outputs;
    let length = (params.rows + params.slices - 1u) / params.slices;
    let first = i / items * length;
    let end = min(first + length, params.rows);
    var sum = 0.0;
    if k < params.inputs {
        for (var row = first; row < end; row++) {
            sum = fma(activations[(params.first_row + row) * params.inputs + k], d_logits[row * params.outputs + j], sum);
        }
    } else {
        for (var row = first; row < end; row++) {
            sum += d_logits[row * params.outputs + j];
        }
    }
    partial[i] = sum;
}

@group(0) @binding(1) var<storage, read> slices: array<f32>;
@group(0) @binding(3) var<storage, read_write> d_weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> d_bias: array<f32>;

/// d W (+)= and d b (+)= the sum over slices.
@compute @workgroup_size(64)
fn weight_gradient(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let weights_count = params.inputs * params.outputs;
    let items = weights_count + params.outputs;
    if i >= items {
        return;
    }
    var sum = 0.0;
    for (var slice = 0u; slice < params.slices; slice++) {
        sum += slices[slice * items + i];
    }
    if i < weights_count {
        d_weights[i] = sum + select(0.0, d_weights[i], params.accumulate == 1u);
    } else {
        let j = i - weights_count;
        d_bias[j] = sum + select(0.0, d_bias[j], params.accumulate == 1u);
    }
}
