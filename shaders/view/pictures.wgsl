// Pictures for the eye: rows of views, mixed and turned as the network's inputs are, as tiles of a texture.

import package::common::indexing::flat_id;
import package::common::pixels::unpack_rgb;
import package::common::views::Row;

struct Params {
    tiles: u32,
    /// tile of the texture that row 0 goes to
    first_tile: u32,
    /// tiles side by side
    columns: u32,
    height: u32,
    width: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> views: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<Row>;
@group(0) @binding(3) var sheet: texture_storage_2d<rgba8unorm, write>;

fn colour(view: u32, at: vec2<u32>) -> vec3<f32> {
    let word = views[view * params.height * params.width + at.y * params.width + at.x];
    return vec3<f32>(unpack_rgb(word)) / 255.0;
}

/// Pixel of the unturned image that lands on (x, y), as in `augment/assemble.wgsl`.
fn turned(rotation: u32, x: u32, y: u32) -> vec2<u32> {
    switch rotation {
        case 1u: { return vec2<u32>(params.width - 1u - x, params.height - 1u - y); }
        case 2u: { return vec2<u32>(params.height - 1u - y, x); }
        case 3u: { return vec2<u32>(y, params.width - 1u - x); }
        default: { return vec2<u32>(x, y); }
    }
}

@compute @workgroup_size(64)
fn draw(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let pixels = params.height * params.width;
    if i >= params.tiles * pixels {
        return;
    }
    let row = table[i / pixels];
    let x = i % params.width;
    let y = i % pixels / params.width;
    let from_pixel = turned(row.rotation, x, y);
    var value = colour(row.a, from_pixel);
    if row.lambda < 1.0 {
        value = row.lambda * value + (1.0 - row.lambda) * colour(row.b, from_pixel);
    }
    let tile = params.first_tile + i / pixels;
    let corner = vec2<u32>(tile % params.columns * params.width, tile / params.columns * params.height);
    textureStore(sheet, corner + vec2<u32>(x, y), vec4<f32>(value, 1.0));
}
