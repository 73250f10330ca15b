// Global average pool over the pixels of an image: [n, pixels, c] <-> [n, c].
//
// In range: invocations past the last item return before they read. Loops run over pixels; divisors are at least 1.

import package::common::indexing::flat_id;
import package::common::maps::{MapVec4, from_map, to_map};

struct Params {
    batch: u32,
    pixels: u32,
    channels_vec4: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> map: array<MapVec4>;
@group(0) @binding(2) var<storage, read_write> pooled: array<vec4<f32>>;

/// pooled[n, c] = mean over pixels of map[n, pixel, c]
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
        sum += from_map(map[(image * params.pixels + pixel) * params.channels_vec4 + column]);
    }
    pooled[i] = sum / f32(params.pixels);
}

@group(0) @binding(1) var<storage, read> d_pooled: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> d_map: array<MapVec4>;

/// d map[n, pixel, c] = d pooled[n, c] / pixels
@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.batch * params.pixels * params.channels_vec4 {
        return;
    }
    let image = i / (params.pixels * params.channels_vec4);
    d_map[i] = to_map(d_pooled[image * params.channels_vec4 + i % params.channels_vec4] / f32(params.pixels));
}
