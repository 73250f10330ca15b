// The weight gradient of a 3 x 3 convolution with stride 1 in blocks, for GPUs; `conv2d.wgsl` has the formula.
//
// A workgroup computes the three taps of one row of the kernel, BLOCK x BLOCK vec4s of channels each, over one slice of
// pixels. It stages PIXELS output pixels of the gradient at a time, and of the inputs those that the middle tap reads, with
// one more at either side: the left and the right tap read the middle tap's neighbours. An invocation has one vec4 of input
// channels x one vec4 of output channels of the three taps in named registers, and keeps three neighbouring inputs in
// registers while it goes from pixel to pixel: two reads for 48 products. While it multiplies one stage it already reads the
// next. The pixels of a slice are added in the order of `conv2d.wgsl`, so that both give the same bits. The bias's gradient
// is one more row of the result, from the workgroups of the first row of the kernel and the first input channels.
//
// In range: an address is replaced by 0, or nothing is stored, unless pixel and channel are inside the feature maps. Workgroup
// memory is indexed by the place in the workgroup and by loops with constant bounds, and written in every stage before it is
// read. Loops run over taps and pixels of a slice, divisors are sizes of at least 1.

import package::common::convolution::Convolution;
import package::common::maps::{MapVec4, from_map};
import package::common::tile::{Column, add_products};

/// vec4s of channels along a side of the block.
@if(channels32) const BLOCK: u32 = 8u;
@if(channels64) const BLOCK: u32 = 16u;
/// Pixels per stage.
const PIXELS: u32 = 16u;
const GROUP: u32 = BLOCK * BLOCK;

@group(0) @binding(0) var<uniform> params: Convolution;
@group(0) @binding(1) var<storage, read> source: array<MapVec4>;
@group(0) @binding(2) var<storage, read> d_result: array<MapVec4>;
/// [slices, kh kw ci + 1, co]: the last row of a slice is the bias's
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

/// [pixel, channel vec4]; input i is the middle tap's of output pixel i - 1.
var<workgroup> staged_inputs: array<vec4<f32>, (PIXELS + 2u) * BLOCK>;
var<workgroup> staged_gradients: array<vec4<f32>, PIXELS * BLOCK>;

/// The results of an invocation: each Column has four input channels x one vec4 of output channels.
struct Results {
    left: Column,
    middle: Column,
    right: Column,
    bias: vec4<f32>,
}

/// What an invocation reads for one stage.
struct Stage {
    i0: vec4<f32>,
    @if(channels32) i1: vec4<f32>,
    beside: vec4<f32>,
    g0: vec4<f32>,
    @if(channels32) g1: vec4<f32>,
}

/// (x, y) of the output pixel before pixel `pixel`, also for the first one.
fn place_before(pixel: u32) -> vec2<u32> {
    let at = pixel + params.out_width * params.out_height - 1u;
    return vec2<u32>(at % params.out_width, at / params.out_width % params.out_height);
}

/// (x, y) after `step`, less than a row and a column of pixels.
fn advanced(place: vec2<u32>, step: vec2<u32>) -> vec2<u32> {
    let x = place.x + step.x;
    let carried = x >= params.out_width;
    let y = place.y + step.y + select(0u, 1u, carried);
    return vec2<u32>(
        select(x, x - params.out_width, carried),
        select(y, y - params.out_height, y >= params.out_height),
    );
}

/// What the middle tap of row `ky` reads for the output pixel before pixel `next`, in row `y` of its image; zeros outside
/// and past the slice.
fn load_input(ky: u32, next: u32, y: u32, channel: u32, end: u32) -> vec4<f32> {
    let in_y = i32(y + ky) - i32(params.pad_y);
    let inside = (next > 0u) & (next <= end) & (in_y >= 0) & (in_y < i32(params.in_height));
    let valid = inside & (channel < params.in_channels_vec4);
    let at = i32(next) - 1 + (i32(ky) - i32(params.pad_y)) * i32(params.in_width);
    let address = at * i32(params.in_channels_vec4) + i32(channel);
    return select(vec4<f32>(), from_map(source[select(0, address, valid)]), valid);
}

fn load_gradient(pixel: u32, channel: u32, end: u32) -> vec4<f32> {
    let valid = (pixel < end) & (channel < params.out_channels_vec4);
    let value = d_result[select(0u, pixel * params.out_channels_vec4 + channel, valid)];
    return select(vec4<f32>(), from_map(value), valid);
}

/// The stage's products added to `t`; `first_x` is the column of its first pixel.
fn multiplied(t: Results, row: u32, column: u32, first_x: u32) -> Results {
    var r = t;
    let zero = vec4<f32>();
    var left = staged_inputs[row];
    var middle = staged_inputs[row + BLOCK];
    var x = first_x;
    for (var k = 0u; k < PIXELS; k++) {
        let right = staged_inputs[(k + 2u) * BLOCK + row];
        let gradient = staged_gradients[k * BLOCK + column];
        let next = x + 1u;
        let ends = next == params.out_width;
        r.left = add_products(r.left, select(left, zero, x == 0u), gradient);
        r.middle = add_products(r.middle, middle, gradient);
        r.right = add_products(r.right, select(right, zero, ends), gradient);
        left = middle;
        middle = right;
        x = select(next, 0u, ends);
    }
    return r;
}

/// Partial d w[ky, kx, ci, co] and d b[co] of a slice. Workgroups: rows of the kernel x blocks of input channels, blocks of
/// output channels, slices.
@compute @workgroup_size(GROUP)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let blocks = (params.in_channels_vec4 + BLOCK - 1u) / BLOCK;
    let ky = group.x / blocks;
    let first_row = group.x % blocks * BLOCK;
    let first_column = group.y * BLOCK;
    let has_bias = group.x == 0u;
    let slice = params.first_slice + group.z;
    let rows = params.batch * params.out_height;
    let first = min(slice * params.slice_rows, rows) * params.out_width;
    let end = min((slice + 1u) * params.slice_rows, rows) * params.out_width;
    let row = local / BLOCK;
    let column = local % BLOCK;

    // What this invocation stages: the same channels in every stage, pixels PIXELS further on.
    let input = first_row + column;
    let output = first_column + column;
    let stages_beside = local < 2u * BLOCK;
    let step = vec2<u32>(PIXELS % params.out_width, PIXELS / params.out_width % params.out_height);
    var place0 = place_before(first + row);
    @if(channels32) var place1 = place_before(first + row + PIXELS / 2u);
    var beside = place_before(first + row + PIXELS);
    var next = Stage();
    next.i0 = load_input(ky, first + row, place0.y, input, end);
    @if(channels32) next.i1 = load_input(ky, first + row + PIXELS / 2u, place1.y, input, end);
    if stages_beside {
        next.beside = load_input(ky, first + row + PIXELS, beside.y, input, end);
    }
    next.g0 = load_gradient(first + row, output, end);
    @if(channels32) next.g1 = load_gradient(first + row + PIXELS / 2u, output, end);

    var t = Results();
    var first_x = 0u;
    for (var pixel = first; pixel < end; pixel += PIXELS) {
        workgroupBarrier();
        staged_inputs[local] = next.i0;
        @if(channels32) staged_inputs[local + GROUP] = next.i1;
        if stages_beside {
            staged_inputs[local + PIXELS * BLOCK] = next.beside;
        }
        staged_gradients[local] = next.g0;
        @if(channels32) staged_gradients[local + GROUP] = next.g1;
        workgroupBarrier();
        let following = pixel + PIXELS + row;
        place0 = advanced(place0, step);
        @if(channels32) place1 = advanced(place1, step);
        beside = advanced(beside, step);
        next.i0 = load_input(ky, following, place0.y, input, end);
        @if(channels32) next.i1 = load_input(ky, following + PIXELS / 2u, place1.y, input, end);
        if stages_beside {
            next.beside = load_input(ky, following + PIXELS, beside.y, input, end);
        }
        next.g0 = load_gradient(following, output, end);
        @if(channels32) next.g1 = load_gradient(following + PIXELS / 2u, output, end);
        // This stage is multiplied while the next one's reads are on their way.
        t = multiplied(t, row, column, first_x);
        if has_bias && row == 0u {
            for (var k = 0u; k < PIXELS; k++) {
                t.bias += staged_gradients[k * BLOCK + column];
            }
        }
        first_x = advanced(vec2<u32>(first_x, 0u), step).x;
    }

    let slice_first = slice * (9u * params.in_channels_vec4 * 4u + 1u);
    let own_row = first_row + row;
    let own_column = first_column + column;
    if own_row < params.in_channels_vec4 && own_column < params.out_channels_vec4 {
        let in_row = slice_first + (ky * 3u * params.in_channels_vec4 + own_row) * 4u;
        store(in_row, own_column, t.left);
        store(in_row + params.in_channels_vec4 * 4u, own_column, t.middle);
        store(in_row + params.in_channels_vec4 * 8u, own_column, t.right);
    }
    if has_bias && row == 0u && own_column < params.out_channels_vec4 {
        partial[(slice_first + 9u * params.in_channels_vec4 * 4u) * params.out_channels_vec4 + own_column] = t.bias;
    }
}

/// Stores four rows of one vec4 from row `row` of the partial sums on.
fn store(row: u32, column: u32, c: Column) {
    let at = row * params.out_channels_vec4 + column;
    partial[at] = c.p0;
    partial[at + params.out_channels_vec4] = c.p1;
    partial[at + params.out_channels_vec4 * 2u] = c.p2;
    partial[at + params.out_channels_vec4 * 3u] = c.p3;
}
