// Network inputs from views: normalised, mixed (MixUp of the images; targets are mixed from the same
// table in `ssl/mixup.wgsl`), then rotated by a multiple of 90 degrees for the rotation loss.

import package::common::indexing::flat_id;
import package::common::maps::{MapVec4, to_map};
import package::common::images::{Row, rotated_pixel, unpack_rgb};

struct Params {
    rows: u32,
    /// row of the table that input 0 comes from
    first_row: u32,
    height: u32,
    width: u32,
    /// 1 or 3; the others of the four input channels are 0
    channels: u32,
    /// 0: x / 127.5 - 1 (reference, `libml/data.py`); 1: (x - 127) / 128 (EfficientNet-Lite)
    scale: u32,
    unused_a: u32,
    unused_b: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> views: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<Row>;
/// [rows, height, width] of four channels
@group(0) @binding(3) var<storage, read_write> inputs: array<MapVec4>;

fn normalised(view: u32, pixel: u32) -> vec3<f32> {
    let word = views[view * params.height * params.width + pixel];
    if params.scale == 1u {
        return (vec3<f32>(unpack_rgb(word)) - 127.0) / 128.0;
    }
    return vec3<f32>(unpack_rgb(word)) / 127.5 - 1.0;
}

/// lambda a + (1 - lambda) b; where lambda is 1, b is not even read.
@compute @workgroup_size(64)
fn assemble(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let pixels = params.height * params.width;
    if i >= params.rows * pixels {
        return;
    }
    let row = table[params.first_row + i / pixels];
    let at = vec2<u32>(i % params.width, i % pixels / params.width);
    let pixel = rotated_pixel(row.rotation, at, vec2<u32>(params.width, params.height));
    var value = normalised(row.a, pixel);
    if row.lambda < 1.0 {
        value = row.lambda * value + (1.0 - row.lambda) * normalised(row.b, pixel);
    }
    if params.channels == 1u {
        value = vec3<f32>(value.x, 0.0, 0.0);
    }
    inputs[i] = to_map(vec4<f32>(value, 0.0));
}
