// Network inputs as tiles of a texture, for a window: views mixed and rotated as by `assemble.wgsl`.

import package::common::indexing::flat_id;
import package::common::images::{Row, rotated_pixel, unpack_rgb};

struct Params {
    tiles: u32,
    /// tiles per row of the texture
    columns: u32,
    height: u32,
    width: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> views: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<Row>;
@group(0) @binding(3) var sheet: texture_storage_2d<rgba8unorm, write>;

fn colour(view: u32, pixel: u32) -> vec3<f32> {
    let word = views[view * params.height * params.width + pixel];
    return vec3<f32>(unpack_rgb(word)) / 255.0;
}

@compute @workgroup_size(64)
fn draw(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let size = vec2<u32>(params.width, params.height);
    let pixels = size.x * size.y;
    if i >= params.tiles * pixels {
        return;
    }
    let tile = i / pixels;
    let row = table[tile];
    let at = vec2<u32>(i % size.x, i % pixels / size.x);
    let pixel = rotated_pixel(row.rotation, at, size);
    var value = colour(row.a, pixel);
    if row.lambda < 1.0 {
        value = row.lambda * value + (1.0 - row.lambda) * colour(row.b, pixel);
    }
    let corner = vec2<u32>(tile % params.columns, tile / params.columns) * size;
    textureStore(sheet, corner + at, vec4<f32>(value, 1.0));
}
