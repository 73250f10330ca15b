// Convolution k x k, stride 1 or 2, as an implicit matrix product: nothing is unrolled in memory.
//
// Activations NHWC and weights [kh, kw, ci, co], both in vec4 along the last axis. A thread keeps a
// tile of 4 pixels x 8 channels in separately named registers: an indexed local array would live in
// memory. Neighbouring invocations take neighbouring pixels, so the weights are the same for all of
// them and the pixels are read side by side: a pixel read serves 8 channels.
//
// With the feature `subgroups` a workgroup is one subgroup of eight invocations: each reads one of the
// eight weight quads of a step and gets the others by broadcast. Software adapters, for which every
// read of a vector of addresses is eight scalar ones, gain most.

struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,
    out_width: u32,
    out_quads: u32,
    kernel: u32,
    stride: u32,
    pad_y: u32,
    pad_x: u32,
    /// weight_gradient: rows of output pixels (n, y) a slice takes
    slice_rows: u32,
    /// 1: the data gradient is added to the gradient that arrives by another path, `residual`
    added: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
}

override GROUP: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> result: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> residual: array<vec4<f32>>;

/// acc + a B for a row a of four inputs and a 4 x 4 block B.
fn multiply_add(acc: vec4<f32>, a: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return fma(vec4(a.w), b3, fma(vec4(a.z), b2, fma(vec4(a.y), b1, fma(vec4(a.x), b0, acc))));
}

/// `source` at quad `address + quad`, or zeros where the address is outside the image (-1).
fn load(address: i32, quad: i32) -> vec4<f32> {
    let value = source[max(address, 0) + quad];
    return select(vec4<f32>(0.0), value, address >= 0);
}

/// (first pixel of the image, y, x) of the input corner that output pixel `index` starts from.
fn output_corner(index: u32) -> vec3<i32> {
    let x = index % params.out_width;
    let row = index / params.out_width;
    let y = row % params.out_height;
    let image = row / params.out_height;
    return vec3<i32>(
        i32(image * params.in_height * params.in_width),
        i32(y * params.stride) - i32(params.pad_y),
        i32(x * params.stride) - i32(params.pad_x),
    );
}

/// Address of the input pixel that a corner's tap (ky, kx) reads; -1 outside.
fn input_address(corner: vec3<i32>, ky: i32, kx: i32) -> i32 {
    let y = corner.y + ky;
    let x = corner.z + kx;
    let inside = y >= 0 && y < i32(params.in_height) && x >= 0 && x < i32(params.in_width);
    return select(-1, (corner.x + y * i32(params.in_width) + x) * i32(params.in_quads), inside);
}

/// Four pixels, channels 0 to 3 (a) and 4 to 7 (b) of the thread's eight.
struct Tile {
    p0a: vec4<f32>,
    p1a: vec4<f32>,
    p2a: vec4<f32>,
    p3a: vec4<f32>,
    p0b: vec4<f32>,
    p1b: vec4<f32>,
    p2b: vec4<f32>,
    p3b: vec4<f32>,
}

/// Four output pixels from `first` on, GROUP apart, at the eight output channels from quad `column` on.
fn forward_tile(first: u32, column: u32, lane: u32) -> Tile {
    let last = params.batch * params.out_height * params.out_width - 1u;
    let c0 = output_corner(min(first, last));
    let c1 = output_corner(min(first + GROUP, last));
    let c2 = output_corner(min(first + GROUP * 2u, last));
    let c3 = output_corner(min(first + GROUP * 3u, last));
    let start_a = bias[column];
    let start_b = bias[column + 1u];
    var t = Tile(start_a, start_a, start_a, start_a, start_b, start_b, start_b, start_b);
    let quads = i32(params.in_quads);
    let row = params.out_quads;
    var w = column;
    for (var ky = 0; ky < i32(params.kernel); ky++) {
        for (var kx = 0; kx < i32(params.kernel); kx++) {
            let a0 = input_address(c0, ky, kx);
            let a1 = input_address(c1, ky, kx);
            let a2 = input_address(c2, ky, kx);
            let a3 = input_address(c3, ky, kx);
            for (var q = 0; q < quads; q++) {
                let s0 = load(a0, q);
                let s1 = load(a1, q);
                let s2 = load(a2, q);
                let s3 = load(a3, q);
                @if(subgroups) let mine = weights[w + lane / 2u * row + lane % 2u];
                @if(subgroups) let b0 = subgroupBroadcast(mine, 0u);
                @if(subgroups) let b1 = subgroupBroadcast(mine, 2u);
                @if(subgroups) let b2 = subgroupBroadcast(mine, 4u);
                @if(subgroups) let b3 = subgroupBroadcast(mine, 6u);
                @if(!subgroups) let b0 = weights[w];
                @if(!subgroups) let b1 = weights[w + row];
                @if(!subgroups) let b2 = weights[w + row * 2u];
                @if(!subgroups) let b3 = weights[w + row * 3u];
                t.p0a = multiply_add(t.p0a, s0, b0, b1, b2, b3);
                t.p1a = multiply_add(t.p1a, s1, b0, b1, b2, b3);
                t.p2a = multiply_add(t.p2a, s2, b0, b1, b2, b3);
                t.p3a = multiply_add(t.p3a, s3, b0, b1, b2, b3);
                @if(subgroups) let d0 = subgroupBroadcast(mine, 1u);
                @if(subgroups) let d1 = subgroupBroadcast(mine, 3u);
                @if(subgroups) let d2 = subgroupBroadcast(mine, 5u);
                @if(subgroups) let d3 = subgroupBroadcast(mine, 7u);
                @if(!subgroups) let d0 = weights[w + 1u];
                @if(!subgroups) let d1 = weights[w + row + 1u];
                @if(!subgroups) let d2 = weights[w + row * 2u + 1u];
                @if(!subgroups) let d3 = weights[w + row * 3u + 1u];
                t.p0b = multiply_add(t.p0b, s0, d0, d1, d2, d3);
                t.p1b = multiply_add(t.p1b, s1, d0, d1, d2, d3);
                t.p2b = multiply_add(t.p2b, s2, d0, d1, d2, d3);
                t.p3b = multiply_add(t.p3b, s3, d0, d1, d2, d3);
                w += row * 4u;
            }
        }
    }
    return t;
}

fn store(pixel: u32, column: u32, a: vec4<f32>, b: vec4<f32>) {
    if pixel < params.batch * params.out_height * params.out_width {
        let at = pixel * params.out_quads + column;
        result[at] = a;
        result[at + 1u] = b;
    }
}

fn store_added(pixel: u32, column: u32, a: vec4<f32>, b: vec4<f32>) {
    if pixel < params.batch * params.out_height * params.out_width {
        let at = pixel * params.out_quads + column;
        result[at] = residual[at] + a;
        result[at + 1u] = residual[at + 1u] + b;
    }
}

/// result[n, y, x, co] = bias[co] + sum_{ky, kx, ci} source[n, s y + ky - pad, s x + kx - pad, ci] w[ky, kx, ci, co]
@compute @workgroup_size(GROUP)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let first = group.x * GROUP * 4u + local.x;
    let column = group.y * 2u;
    let t = forward_tile(first, column, local.x);
    store(first, column, t.p0a, t.p0b);
    store(first + GROUP, column, t.p1a, t.p1b);
    store(first + GROUP * 2u, column, t.p2a, t.p2b);
    store(first + GROUP * 3u, column, t.p3a, t.p3b);
}

/// `forward` plus the residual branch: the end of a block in one pass.
@compute @workgroup_size(GROUP)
fn forward_add(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let first = group.x * GROUP * 4u + local.x;
    let column = group.y * 2u;
    let t = forward_tile(first, column, local.x);
    store_added(first, column, t.p0a, t.p0b);
    store_added(first + GROUP, column, t.p1a, t.p1b);
    store_added(first + GROUP * 2u, column, t.p2a, t.p2b);
    store_added(first + GROUP * 3u, column, t.p3a, t.p3b);
}

/// Input pixel (image, y, x) of place `index` in the order of the data gradient; image -1 past the end.
///
/// Pixels are taken by the parity of (y, x): with stride 2 only a quarter of the taps reaches a pixel,
/// and all pixels of a tile then skip the same taps.
fn input_pixel(index: u32) -> vec3<i32> {
    let height = (params.in_height + params.stride - 1u) / params.stride;
    let width = (params.in_width + params.stride - 1u) / params.stride;
    let class_pixels = params.batch * height * width;
    let parity = index / class_pixels;
    let place = index % class_pixels;
    let y = place / width % height * params.stride + parity / params.stride;
    let x = place % width * params.stride + parity % params.stride;
    let inside = (parity < params.stride * params.stride) & (y < params.in_height) & (x < params.in_width);
    return vec3<i32>(select(-1, i32(place / width / height), inside), i32(y), i32(x));
}

/// (first output pixel of the image, y + pad, x + pad) of an input pixel.
fn input_corner(pixel: vec3<i32>) -> vec3<i32> {
    let first = pixel.x * i32(params.out_height * params.out_width);
    return vec3<i32>(first, pixel.y + i32(params.pad_y), pixel.z + i32(params.pad_x));
}

/// Address of the output pixel whose tap (ky, kx) read this input pixel; -1 if there is none.
fn output_address(corner: vec3<i32>, ky: i32, kx: i32) -> i32 {
    // The stride is 1 or 2: dividing by it is a shift, which costs a software adapter far less.
    let shift = params.stride - 1u;
    let y = corner.y - ky;
    let x = corner.z - kx;
    let out_y = y >> shift;
    let out_x = x >> shift;
    // & instead of &&, each of which is a branch to some shader compilers: one took seven times as long.
    let inside = (min(corner.x, min(y, x)) >= 0) & (((y | x) & i32(shift)) == 0)
        & (out_y < i32(params.out_height)) & (out_x < i32(params.out_width));
    return select(-1, (corner.x + out_y * i32(params.out_width) + out_x) * i32(params.out_quads), inside);
}

/// acc + d W^T for four output gradients d and the rows w0..w3 of four input channels.
fn multiply_add_rows(acc: vec4<f32>, d: vec4<f32>, w0: vec4<f32>, w1: vec4<f32>, w2: vec4<f32>, w3: vec4<f32>) -> vec4<f32> {
    return acc + d * mat4x4<f32>(w0, w1, w2, w3);
}

/// Four input pixels from place `first` on, GROUP apart, at the eight input channels from quad `column` on
/// (four for the last of an odd number of quads: the others are computed from whatever follows, not stored).
fn data_gradient_tile(first: u32, column: u32, lane: u32) -> Tile {
    let c0 = input_corner(input_pixel(first));
    let c1 = input_corner(input_pixel(first + GROUP));
    let c2 = input_corner(input_pixel(first + GROUP * 2u));
    let c3 = input_corner(input_pixel(first + GROUP * 3u));
    var t = Tile();
    let quads = i32(params.out_quads);
    let row = params.out_quads;
    for (var ky = 0; ky < i32(params.kernel); ky++) {
        for (var kx = 0; kx < i32(params.kernel); kx++) {
            let a0 = output_address(c0, ky, kx);
            let a1 = output_address(c1, ky, kx);
            let a2 = output_address(c2, ky, kx);
            let a3 = output_address(c3, ky, kx);
            let reached = max(max(a0, a1), max(a2, a3)) >= 0;
            @if(subgroups) let useful = subgroupAny(reached);
            @if(!subgroups) let useful = reached;
            if !useful {
                continue;
            }
            let tap = u32(ky) * params.kernel + u32(kx);
            var w = (tap * params.in_quads + column) * 4u * row;
            for (var q = 0; q < quads; q++) {
                let s0 = load(a0, q);
                let s1 = load(a1, q);
                let s2 = load(a2, q);
                let s3 = load(a3, q);
                @if(subgroups) let mine = weights[w + lane * row];
                @if(subgroups) let w0 = subgroupBroadcast(mine, 0u);
                @if(subgroups) let w1 = subgroupBroadcast(mine, 1u);
                @if(subgroups) let w2 = subgroupBroadcast(mine, 2u);
                @if(subgroups) let w3 = subgroupBroadcast(mine, 3u);
                @if(!subgroups) let w0 = weights[w];
                @if(!subgroups) let w1 = weights[w + row];
                @if(!subgroups) let w2 = weights[w + row * 2u];
                @if(!subgroups) let w3 = weights[w + row * 3u];
                t.p0a = multiply_add_rows(t.p0a, s0, w0, w1, w2, w3);
                t.p1a = multiply_add_rows(t.p1a, s1, w0, w1, w2, w3);
                t.p2a = multiply_add_rows(t.p2a, s2, w0, w1, w2, w3);
                t.p3a = multiply_add_rows(t.p3a, s3, w0, w1, w2, w3);
                @if(subgroups) let v0 = subgroupBroadcast(mine, 4u);
                @if(subgroups) let v1 = subgroupBroadcast(mine, 5u);
                @if(subgroups) let v2 = subgroupBroadcast(mine, 6u);
                @if(subgroups) let v3 = subgroupBroadcast(mine, 7u);
                @if(!subgroups) let v0 = weights[w + row * 4u];
                @if(!subgroups) let v1 = weights[w + row * 5u];
                @if(!subgroups) let v2 = weights[w + row * 6u];
                @if(!subgroups) let v3 = weights[w + row * 7u];
                t.p0b = multiply_add_rows(t.p0b, s0, v0, v1, v2, v3);
                t.p1b = multiply_add_rows(t.p1b, s1, v0, v1, v2, v3);
                t.p2b = multiply_add_rows(t.p2b, s2, v0, v1, v2, v3);
                t.p3b = multiply_add_rows(t.p3b, s3, v0, v1, v2, v3);
                w += 1u;
            }
        }
    }
    return t;
}

/// Quad of `result` for a place in the order of the data gradient; -1 past the end.
fn gradient_address(place: u32, column: u32) -> i32 {
    let pixel = input_pixel(place);
    let row = (pixel.x * i32(params.in_height) + pixel.y) * i32(params.in_width) + pixel.z;
    return select(-1, row * i32(params.in_quads) + i32(column), pixel.x >= 0);
}

/// Stores two quads of the gradient, with what arrives by another path if `added`.
fn store_gradient(place: u32, column: u32, a: vec4<f32>, b: vec4<f32>) {
    let at = gradient_address(place, column);
    if at < 0 {
        return;
    }
    let added = params.added == 1u;
    var other = vec4<f32>();
    if added {
        other = residual[at];
    }
    result[at] = other + a;
    if column + 1u < params.in_quads {
        if added {
            other = residual[at + 1];
        }
        result[at + 1] = other + b;
    }
}

/// d source[n, y, x, ci] = sum_{ky, kx, co} d result[n, (y + pad - ky) / s, (x + pad - kx) / s, co] w[ky, kx, ci, co];
/// `source` holds d result, `result` d source.
@compute @workgroup_size(GROUP)
fn data_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let first = group.x * GROUP * 4u + local.x;
    let column = group.y * 2u;
    let t = data_gradient_tile(first, column, local.x);
    store_gradient(first, column, t.p0a, t.p0b);
    store_gradient(first + GROUP, column, t.p1a, t.p1b);
    store_gradient(first + GROUP * 2u, column, t.p2a, t.p2b);
    store_gradient(first + GROUP * 3u, column, t.p3a, t.p3b);
}

/// Partial d w[ky, kx, ci, co] = sum over the pixels of one slice of source[.., ci] d result[.., co].
///
/// `weights` holds d result; `result` is [slices, kh, kw, ci, co]. A thread owns one tap, four input
/// and eight output channels; the slices are added by `reduce.wgsl` in a fixed order, so that the sum
/// is the same in every run.
@compute @workgroup_size(GROUP)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let taps = params.kernel * params.kernel;
    let index = group.x * GROUP + local.x;
    // Threads past the end work along on the last tap, for those that read gradients from them.
    let place = min(index, taps * params.in_quads - 1u);
    let tap = place / params.in_quads;
    let ky = i32(tap / params.kernel) - i32(params.pad_y);
    let kx = i32(tap % params.kernel) - i32(params.pad_x);
    let in_quad = i32(place % params.in_quads);
    let column = group.y * 2u;
    let step = i32(params.stride * params.in_quads);
    let rows = params.batch * params.out_height;
    let first_row = group.z * params.slice_rows;
    let last_row = min(first_row + params.slice_rows, rows);
    var s = Sums();
    // Counted along rather than divided out at every row.
    var out_y = first_row % params.out_height;
    var first_image_row = i32(first_row / params.out_height * params.in_height);
    for (var row = first_row; row < last_row; row++) {
        let y = i32(out_y * params.stride) + ky;
        let inside = y >= 0 && y < i32(params.in_height);
        let image_row = first_image_row + max(y, 0);
        out_y += 1u;
        if out_y == params.out_height {
            out_y = 0u;
            first_image_row += i32(params.in_height);
        }
        var address = (image_row * i32(params.in_width) + kx) * i32(params.in_quads) + in_quad;
        var gradient = row * params.out_width * params.out_quads + column;
        var x = kx;
        @if(subgroups) for (var i = 0u; i < params.out_width; i += 4u) {
            // One read brings the two gradient quads of four pixels, zeros past the end of the row.
            let there = i + local.x / 2u < params.out_width;
            let quad = weights[select(0u, gradient + local.x / 2u * params.out_quads + local.x % 2u, there)];
            let mine = select(vec4<f32>(0.0), quad, there);
            let x1 = x + i32(params.stride);
            let x2 = x1 + i32(params.stride);
            let x3 = x2 + i32(params.stride);
            add_outer(&s, input_quad(address, x, inside), subgroupBroadcast(mine, 0u), subgroupBroadcast(mine, 1u));
            add_outer(&s, input_quad(address + step, x1, inside), subgroupBroadcast(mine, 2u), subgroupBroadcast(mine, 3u));
            add_outer(&s, input_quad(address + step * 2, x2, inside), subgroupBroadcast(mine, 4u), subgroupBroadcast(mine, 5u));
            add_outer(&s, input_quad(address + step * 3, x3, inside), subgroupBroadcast(mine, 6u), subgroupBroadcast(mine, 7u));
            x += i32(params.stride) * 4;
            address += step * 4;
            gradient += params.out_quads * 4u;
        }
        @if(!subgroups) for (var i = 0u; i < params.out_width; i++) {
            add_outer(&s, input_quad(address, x, inside), weights[gradient], weights[gradient + 1u]);
            x += i32(params.stride);
            address += step;
            gradient += params.out_quads;
        }
    }
    if index >= taps * params.in_quads {
        return;
    }
    let quads = params.out_quads;
    let at = (group.z * taps * params.in_quads + index) * 4u * quads + column;
    result[at] = s.a0;
    result[at + 1u] = s.b0;
    result[at + quads] = s.a1;
    result[at + quads + 1u] = s.b1;
    result[at + quads * 2u] = s.a2;
    result[at + quads * 2u + 1u] = s.b2;
    result[at + quads * 3u] = s.a3;
    result[at + quads * 3u + 1u] = s.b3;
}

/// Sums for four input channels (0 to 3) and the output channels' first (a) and second (b) quad.
struct Sums {
    a0: vec4<f32>,
    a1: vec4<f32>,
    a2: vec4<f32>,
    a3: vec4<f32>,
    b0: vec4<f32>,
    b1: vec4<f32>,
    b2: vec4<f32>,
    b3: vec4<f32>,
}

/// Adds the outer product of four input values and eight gradients.
fn add_outer(s: ptr<function, Sums>, x: vec4<f32>, d0: vec4<f32>, d1: vec4<f32>) {
    (*s).a0 = fma(vec4(x.x), d0, (*s).a0);
    (*s).a1 = fma(vec4(x.y), d0, (*s).a1);
    (*s).a2 = fma(vec4(x.z), d0, (*s).a2);
    (*s).a3 = fma(vec4(x.w), d0, (*s).a3);
    (*s).b0 = fma(vec4(x.x), d1, (*s).b0);
    (*s).b1 = fma(vec4(x.y), d1, (*s).b1);
    (*s).b2 = fma(vec4(x.z), d1, (*s).b2);
    (*s).b3 = fma(vec4(x.w), d1, (*s).b3);
}

/// Four input channels at `address`, or zeros where column `x` or the row is outside the image.
fn input_quad(address: i32, x: i32, row_inside: bool) -> vec4<f32> {
    let valid = row_inside && x >= 0 && x < i32(params.in_width);
    return select(vec4<f32>(0.0), source[select(0, address, valid)], valid);
}
