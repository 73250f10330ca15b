// Global average pool over the pixels of an image: [n, pixels, c] <-> [n, c].
//
// In range: invocations past the last item return before they read. Loops run over pixels; divisors are at least 1.

import package::common::indexing::flat_id;

struct Params {
    batch: u32,
    pixels: u32,
    channels_vec4: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4<f32>>;

/// result[n, c] = mean over pixels of source[n, pixel, c]
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.batch * params.channels_vec4 {
        return;
    }
    let image = i / params.channels_vec4;
    let column = i % params.channels_vec4;
    var sum = vec4<f32>();
    for (var pixel = 0u; pixel < params.pixels; pixel++) {
        sum += source[(image * params.pixels + pixel) * params.channels_vec4 + column];
    }
    result[i] = sum / f32(params.pixels);
}

/// d source[n, pixel, c] = d result[n, c] / pixels
@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.batch * params.pixels * params.channels_vec4 {
        return;
    }
    let image = i / (params.pixels * params.channels_vec4);
    result[i] = source[image * params.channels_vec4 + i % params.channels_vec4] / f32(params.pixels);
}
