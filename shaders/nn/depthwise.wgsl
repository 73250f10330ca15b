// Depthwise convolution, stride 1 or 2: every channel has a filter KERNEL x KERNEL of its own.
//
// Activations are NHWC and weights [KERNEL, KERNEL, c], both in vec4s along the channels. An invocation computes four pixels of
// a row, `stride` apart in the data gradient, and moves a window of four over the row: each pixel is read once per row of the
// filter and phase. With stride 1 it may instead walk down the image: it keeps the filter and the sums of as many rows as the
// filter has, so that every pixel of the source is read once. Sums have one fixed order, in both ways the same.
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
    /// weight gradient: slices of rows of output pixels (n, y), and the first of them; walks: slices of an image's rows
    slices: u32,
    /// rows per slice
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

/// A value for every tap of a row of the filter.
struct Taps {
    t0: vec4<f32>,
    t1: vec4<f32>,
    t2: vec4<f32>,
    @if(kernel5) t3: vec4<f32>,
    @if(kernel5) t4: vec4<f32>,
}

/// A value for every row of the filter.
struct Filter {
    r0: Taps,
    r1: Taps,
    r2: Taps,
    @if(kernel5) r3: Taps,
    @if(kernel5) r4: Taps,
}

/// The taps of row `ky`, from the last to the first if `flipped`.
fn taps(ky: u32, flipped: bool, column: u32) -> Taps {
    let first = ky * KERNEL * params.channels_vec4 + column;
    let at = select(first, first + (KERNEL - 1u) * params.channels_vec4, flipped);
    // Wraps around to a step backwards.
    let step = select(params.channels_vec4, 0u - params.channels_vec4, flipped);
    @if(kernel3) return Taps(weights[at], weights[at + step], weights[at + step * 2u]);
    @if(kernel5) return Taps(
        weights[at],
        weights[at + step],
        weights[at + step * 2u],
        weights[at + step * 3u],
        weights[at + step * 4u],
    );
}

fn filter_of(flipped: bool, column: u32) -> Filter {
    @if(kernel3) return Filter(taps(0u, flipped, column), taps(1u, flipped, column), taps(2u, flipped, column));
    @if(kernel5) return Filter(
        taps(0u, flipped, column),
        taps(1u, flipped, column),
        taps(2u, flipped, column),
        taps(3u, flipped, column),
        taps(4u, flipped, column),
    );
}

/// The pixels of a row of the source that four neighbours of the result depend on.
struct Window {
    strip: Strip,
    p4: vec4<f32>,
    p5: vec4<f32>,
    @if(kernel5) p6: vec4<f32>,
    @if(kernel5) p7: vec4<f32>,
}

/// s + the products of a row of the filter with a row of the source.
fn add_row(s: Strip, v: Window, w: Taps) -> Strip {
    var sum = add(s, v.strip, w.t0);
    sum = add(sum, Strip(v.strip.p1, v.strip.p2, v.strip.p3, v.p4), w.t1);
    sum = add(sum, Strip(v.strip.p2, v.strip.p3, v.p4, v.p5), w.t2);
    @if(kernel5) sum = add(sum, Strip(v.strip.p3, v.p4, v.p5, v.p6), w.t3);
    @if(kernel5) sum = add(sum, Strip(v.p4, v.p5, v.p6, v.p7), w.t4);
    return sum;
}

/// Sums of the rows of the result that are not complete: `s0` has seen one row of the source at most, the last lacks one.
struct Sums {
    s0: Strip,
    s1: Strip,
    s2: Strip,
    @if(kernel5) s3: Strip,
    @if(kernel5) s4: Strip,
}

/// Stride 1: the convolution, or with a `flipped` filter, from the last row to the first, the gradient of its source.
fn walk(i: u32, flipped: bool) {
    let strips = (params.out_width + 3u) / 4u;
    if i >= params.batch * params.slices * strips * params.channels_vec4 {
        return;
    }
    let column = i % params.channels_vec4;
    let x = i / params.channels_vec4 % strips * 4u;
    let slice = i / params.channels_vec4 / strips;
    let image = slice / params.slices * params.out_height;
    let begin = slice % params.slices * params.slice_rows;
    let end = min(begin + params.slice_rows, params.out_height);
    let filter_rows = filter_of(flipped, column);
    let pad = KERNEL / 2u;
    let from_x = i32(x) - i32(pad);
    var sums = Sums();
    for (var y = max(begin, pad) - pad; y < end + pad; y++) {
        if y < params.out_height {
            let first = (image + select(y, params.out_height - 1u - y, flipped)) * params.out_width;
            let strip = Strip(
                pixel(first, from_x, params.out_width, column),
                pixel(first, from_x + 1, params.out_width, column),
                pixel(first, from_x + 2, params.out_width, column),
                pixel(first, from_x + 3, params.out_width, column),
            );
            let p4 = pixel(first, from_x + 4, params.out_width, column);
            let p5 = pixel(first, from_x + 5, params.out_width, column);
            @if(kernel3) let v = Window(strip, p4, p5);
            @if(kernel5) let p6 = pixel(first, from_x + 6, params.out_width, column);
            @if(kernel5) let p7 = pixel(first, from_x + 7, params.out_width, column);
            @if(kernel5) let v = Window(strip, p4, p5, p6, p7);
            sums.s0 = add_row(sums.s0, v, filter_rows.r0);
            sums.s1 = add_row(sums.s1, v, filter_rows.r1);
            sums.s2 = add_row(sums.s2, v, filter_rows.r2);
            @if(kernel5) sums.s3 = add_row(sums.s3, v, filter_rows.r3);
            @if(kernel5) sums.s4 = add_row(sums.s4, v, filter_rows.r4);
        }
        if y >= begin + pad {
            let row = image + select(y - pad, params.out_height - 1u - (y - pad), flipped);
            @if(kernel3) store(row * params.out_width, x, 1u, params.out_width, column, sums.s2);
            @if(kernel5) store(row * params.out_width, x, 1u, params.out_width, column, sums.s4);
        }
        @if(kernel3) sums = Sums(Strip(), sums.s0, sums.s1);
        @if(kernel5) sums = Sums(Strip(), sums.s0, sums.s1, sums.s2, sums.s3);
    }
}

@compute @workgroup_size(64)
fn forward_walk(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    walk(flat_id(id, groups), false);
}

@compute @workgroup_size(64)
fn data_gradient_walk(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    walk(flat_id(id, groups), true);
}

@group(0) @binding(2) var<storage, read> d_result: array<MapVec4>;
/// [slice, KERNEL, KERNEL, c]
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

/// Rows of the filter that an invocation of the weight gradient sums at most: as many as the registers of a GPU hold.
const ROWS: u32 = 3u;

/// A value for every tap of these rows.
struct Rows {
    r0: Taps,
    r1: Taps,
    r2: Taps,
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

/// sum + the products of the windows of three rows with the gradient of their output pixel.
fn add_rows(sum: Rows, v: Rows, d: vec4<f32>) -> Rows {
    return Rows(add_taps(sum.r0, v.r0, d), add_taps(sum.r1, v.r1, d), add_taps(sum.r2, v.r2, d));
}

/// Pixel (x, y) of an image of `source` whose rows begin with row `image`; zeros outside of it.
fn pixel_of(image: u32, y: i32, x: i32, column: u32) -> vec4<f32> {
    let inside = clamp(y, 0, i32(params.in_height) - 1);
    let value = pixel((image + u32(inside)) * params.in_width, x, params.in_width, column);
    return select(vec4<f32>(), value, y == inside);
}

/// The windows of rows from `y` on, moved to pixel `x`.
fn rows_moved(v: Rows, image: u32, y: i32, x: i32, column: u32) -> Rows {
    return Rows(
        moved(v.r0, pixel_of(image, y, x, column)),
        moved(v.r1, pixel_of(image, y + 1, x, column)),
        moved(v.r2, pixel_of(image, y + 2, x, column)),
    );
}

/// Stores the sums of row `ky` of the filter, if there is one.
fn store_taps(slice: u32, ky: u32, column: u32, sum: Taps) {
    if ky >= KERNEL {
        return;
    }
    let to = (slice * KERNEL + ky) * KERNEL * params.channels_vec4 + column;
    partial[to] = sum.t0;
    partial[to + params.channels_vec4] = sum.t1;
    partial[to + params.channels_vec4 * 2u] = sum.t2;
    @if(kernel5) partial[to + params.channels_vec4 * 3u] = sum.t3;
    @if(kernel5) partial[to + params.channels_vec4 * 4u] = sum.t4;
}

/// What an invocation sums: rows of the filter from `ky` on, over the rows `first` to `end` of output pixels of a slice.
struct Part {
    exists: bool,
    column: u32,
    ky: u32,
    slice: u32,
    first: u32,
    end: u32,
}

fn part_of(i: u32) -> Part {
    let parts = (KERNEL + ROWS - 1u) / ROWS;
    let slice = params.first_slice + i / params.channels_vec4 / parts;
    return Part(
        i < params.slices * parts * params.channels_vec4,
        i % params.channels_vec4,
        i / params.channels_vec4 % parts * ROWS,
        slice,
        slice * params.slice_rows,
        min((slice + 1u) * params.slice_rows, params.batch * params.out_height),
    );
}

fn store_rows(part: Part, sum: Rows) {
    store_taps(part.slice, part.ky, part.column, sum.r0);
    store_taps(part.slice, part.ky + 1u, part.column, sum.r1);
    store_taps(part.slice, part.ky + 2u, part.column, sum.r2);
}

/// The gradient of output pixel `x` of a row.
fn gradient(row: u32, x: u32, column: u32) -> vec4<f32> {
    return from_map(d_result[(row * params.out_width + x) * params.channels_vec4 + column]);
}

/// The weight gradient of ROWS rows of the filter over the output pixels of a slice. One invocation per slice, such rows and
/// column.
@compute @workgroup_size(64)
fn weight_gradient(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let part = part_of(flat_id(id, groups));
    if !part.exists {
        return;
    }
    let column = part.column;
    var sum = Rows();
    for (var row = part.first; row < part.end; row++) {
        let image = row / params.out_height * params.in_height;
        let in_y = i32(row % params.out_height * params.stride + part.ky) - i32(params.pad_y);
        var at = -i32(params.pad_x);
        var v = Rows();
        for (var n = params.stride; n < KERNEL; n++) {
            v = rows_moved(v, image, in_y, at, column);
            at++;
        }
        for (var x = 0u; x < params.out_width; x++) {
            for (var n = 0u; n < params.stride; n++) {
                v = rows_moved(v, image, in_y, at, column);
                at++;
            }
            sum = add_rows(sum, v, gradient(row, x, column));
        }
    }
    store_rows(part, sum);
}

/// The same with stride 1: two rows of output pixels at a time, whose windows overlap.
@compute @workgroup_size(64)
fn weight_gradient_pairs(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let part = part_of(flat_id(id, groups));
    if !part.exists {
        return;
    }
    let column = part.column;
    var sum = Rows();
    var row = part.first;
    while row < part.end {
        let image = row / params.out_height * params.out_height;
        let in_y = i32(row - image + part.ky) - i32(params.pad_y);
        let paired = row + 1u < min(part.end, image + params.out_height);
        let next = row + select(0u, 1u, paired);
        var at = -i32(params.pad_x);
        var v = Rows();
        var below = Taps();
        for (var n = 1u; n < KERNEL; n++) {
            v = rows_moved(v, image, in_y, at, column);
            below = moved(below, pixel_of(image, in_y + 3, at, column));
            at++;
        }
        for (var x = 0u; x < params.out_width; x++) {
            v = rows_moved(v, image, in_y, at, column);
            below = moved(below, pixel_of(image, in_y + 3, at, column));
            at++;
            sum = add_rows(sum, v, gradient(row, x, column));
            let of_next = select(vec4<f32>(), gradient(next, x, column), paired);
            sum = add_rows(sum, Rows(v.r1, v.r2, below), of_next);
        }
        row = next + 1u;
    }
    store_rows(part, sum);
}
