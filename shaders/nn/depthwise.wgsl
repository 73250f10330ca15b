// Depthwise convolution, stride 1 or 2: every channel has a filter KERNEL x KERNEL of its own.
//
// Activations are NHWC and weights [KERNEL, KERNEL, c], both in vec4s along the channels. An invocation computes four pixels of
// a row, `stride` apart in the data gradient, and moves a window of four over the row: each pixel is read once per row of the
// filter and phase. Sums have one fixed order.
//
// In range: invocations past the last item return before they read; pixels outside the image are read at its border and replaced
// by zeros; pixels past a row are not written. Loops run over taps, phases, rows and pixels; divisors are at least 1.

import package::common::indexing::flat_id;
import package::common::maps::{MapVec4, from_map, to_map};

struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    channels_vec4: u32,
    out_height: u32,
    out_width: u32,
    stride: u32,
    pad_y: u32,
    pad_x: u32,
    /// weight gradient: slices of rows of output pixels (n, y), and the first of them
    slices: u32,
    /// weight gradient: rows per slice
    slice_rows: u32,
    first_slice: u32,
}

@if(kernel3) const KERNEL: u32 = 3u;
@if(kernel5) const KERNEL: u32 = 5u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<MapVec4>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> result: array<MapVec4>;

/// Four pixels of a row.
struct Strip {
    p0: vec4<f32>,
    p1: vec4<f32>,
    p2: vec4<f32>,
    p3: vec4<f32>,
}

/// s + v w, pixel by pixel.
fn add(s: Strip, v: Strip, w: vec4<f32>) -> Strip {
    return Strip(fma(v.p0, w, s.p0), fma(v.p1, w, s.p1), fma(v.p2, w, s.p2), fma(v.p3, w, s.p3));
}

/// Pixel `x` of the row of `source` that begins with pixel `first`; zeros outside the row's `width` pixels.
fn pixel(first: u32, x: i32, width: u32, column: u32) -> vec4<f32> {
    let inside = clamp(x, 0, i32(width) - 1);
    let value = from_map(source[(first + u32(inside)) * params.channels_vec4 + column]);
    return select(vec4<f32>(), value, x == inside);
}

/// Stores pixels `x`, `x + step` and so on of the row of `result` that begins with pixel `first`.
fn store(first: u32, x: u32, step: u32, width: u32, column: u32, s: Strip) {
    if x < width {
        result[(first + x) * params.channels_vec4 + column] = to_map(s.p0);
    }
    if x + step < width {
        result[(first + x + step) * params.channels_vec4 + column] = to_map(s.p1);
    }
    if x + step * 2u < width {
        result[(first + x + step * 2u) * params.channels_vec4 + column] = to_map(s.p2);
    }
    if x + step * 3u < width {
        result[(first + x + step * 3u) * params.channels_vec4 + column] = to_map(s.p3);
    }
}

/// result[n, y, x, c] = sum over taps of source[n, y stride + ky - pad, x stride + kx - pad, c] weights[ky, kx, c]
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let strips = (params.out_width + 3u) / 4u;
    if i >= params.batch * params.out_height * strips * params.channels_vec4 {
        return;
    }
    let column = i % params.channels_vec4;
    let x = i / params.channels_vec4 % strips * 4u;
    let row = i / params.channels_vec4 / strips;
    let image = row / params.out_height;
    let step = i32(params.stride);
    var sum = Strip();
    for (var ky = 0u; ky < KERNEL; ky++) {
        let in_y = i32(row % params.out_height * params.stride + ky) - i32(params.pad_y);
        if in_y < 0 || in_y >= i32(params.in_height) {
            continue;
        }
        let first = (image * params.in_height + u32(in_y)) * params.in_width;
        for (var phase = 0u; phase < params.stride; phase++) {
            var at = i32(x * params.stride + phase) - i32(params.pad_x);
            var window = Strip(
                pixel(first, at, params.in_width, column),
                pixel(first, at + step, params.in_width, column),
                pixel(first, at + step * 2, params.in_width, column),
                vec4<f32>(),
            );
            for (var kx = phase; kx < KERNEL; kx += params.stride) {
                window.p3 = pixel(first, at + step * 3, params.in_width, column);
                sum = add(sum, window, weights[(ky * KERNEL + kx) * params.channels_vec4 + column]);
                window = Strip(window.p1, window.p2, window.p3, vec4<f32>());
                at += step;
            }
        }
    }
    store(row * params.out_width, x, 1u, params.out_width, column, sum);
}

/// d source from d result (`source` here): the pixels of a strip are `stride` apart, so that the same taps reach all of them.
@compute @workgroup_size(64)
fn data_gradient(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let span = params.stride * 4u;
    let strips = (params.in_width + span - 1u) / span * params.stride;
    if i >= params.batch * params.in_height * strips * params.channels_vec4 {
        return;
    }
    let column = i % params.channels_vec4;
    let strip = i / params.channels_vec4 % strips;
    let x = strip / params.stride * span + strip % params.stride;
    let row = i / params.channels_vec4 / strips;
    let image = row / params.in_height;
    let from_y = row % params.in_height + params.pad_y;
    let from_x = x + params.pad_x;
    // The last tap of a row of the filter that reaches these pixels.
    let last = KERNEL - 1u - (KERNEL - 1u - from_x % params.stride) % params.stride;
    var sum = Strip();
    for (var ky = 0u; ky < KERNEL; ky++) {
        if ky > from_y || (from_y - ky) % params.stride != 0u || (from_y - ky) / params.stride >= params.out_height {
            continue;
        }
        let first = (image * params.out_height + (from_y - ky) / params.stride) * params.out_width;
        var at = (i32(from_x) - i32(last)) / i32(params.stride);
        var window = Strip(
            pixel(first, at, params.out_width, column),
            pixel(first, at + 1, params.out_width, column),
            pixel(first, at + 2, params.out_width, column),
            vec4<f32>(),
        );
        for (var kx = i32(last); kx >= 0; kx -= i32(params.stride)) {
            window.p3 = pixel(first, at + 3, params.out_width, column);
            sum = add(sum, window, weights[(ky * KERNEL + u32(kx)) * params.channels_vec4 + column]);
            window = Strip(window.p1, window.p2, window.p3, vec4<f32>());
            at++;
        }
    }
    store(row * params.in_width, x, params.stride, params.in_width, column, sum);
}

@group(0) @binding(2) var<storage, read> d_result: array<MapVec4>;
/// [slice, KERNEL, KERNEL, c]
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

/// A value for every tap of a row of the filter.
struct Taps {
    t0: vec4<f32>,
    t1: vec4<f32>,
    t2: vec4<f32>,
    @if(kernel5) t3: vec4<f32>,
    @if(kernel5) t4: vec4<f32>,
}

/// The values of the next taps, with `next` for the last.
fn moved(t: Taps, next: vec4<f32>) -> Taps {
    @if(kernel3) return Taps(t.t1, t.t2, next);
    @if(kernel5) return Taps(t.t1, t.t2, t.t3, t.t4, next);
}

fn add_taps(sum: Taps, v: Taps, d: vec4<f32>) -> Taps {
    var s = sum;
    s.t0 = fma(v.t0, d, s.t0);
    s.t1 = fma(v.t1, d, s.t1);
    s.t2 = fma(v.t2, d, s.t2);
    @if(kernel5) s.t3 = fma(v.t3, d, s.t3);
    @if(kernel5) s.t4 = fma(v.t4, d, s.t4);
    return s;
}

/// The weight gradient of a row of the filter over the output pixels of a slice. One invocation per slice, row and column.
@compute @workgroup_size(64)
fn weight_gradient(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.slices * KERNEL * params.channels_vec4 {
        return;
    }
    let column = i % params.channels_vec4;
    let ky = i / params.channels_vec4 % KERNEL;
    let slice = params.first_slice + i / params.channels_vec4 / KERNEL;
    let end = min((slice + 1u) * params.slice_rows, params.batch * params.out_height);
    var sum = Taps();
    for (var row = slice * params.slice_rows; row < end; row++) {
        let in_y = i32(row % params.out_height * params.stride + ky) - i32(params.pad_y);
        if in_y < 0 || in_y >= i32(params.in_height) {
            continue;
        }
        let first = (row / params.out_height * params.in_height + u32(in_y)) * params.in_width;
        var at = -i32(params.pad_x);
        var window = Taps();
        for (var n = params.stride; n < KERNEL; n++) {
            window = moved(window, pixel(first, at, params.in_width, column));
            at++;
        }
        for (var x = 0u; x < params.out_width; x++) {
            for (var n = 0u; n < params.stride; n++) {
                window = moved(window, pixel(first, at, params.in_width, column));
                at++;
            }
            let d = d_result[(row * params.out_width + x) * params.channels_vec4 + column];
            sum = add_taps(sum, window, from_map(d));
        }
    }
    let to = (slice * KERNEL + ky) * KERNEL * params.channels_vec4 + column;
    partial[to] = sum.t0;
    partial[to + params.channels_vec4] = sum.t1;
    partial[to + params.channels_vec4 * 2u] = sum.t2;
    @if(kernel5) partial[to + params.channels_vec4 * 3u] = sum.t3;
    @if(kernel5) partial[to + params.channels_vec4 * 4u] = sum.t4;
}
