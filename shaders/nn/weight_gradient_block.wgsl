// The weight gradient of a convolution in blocks, for GPUs: a matrix product whose rows are input channels, whose columns
// are output channels and whose sum runs over pixels; `conv2d.wgsl` has the formula.
//
// A workgroup computes BLOCK_ROWS x BLOCK_COLUMNS vec4s of channels of one tap over one slice of pixels. It stages PIXELS
// pixels of both feature maps at a time in its memory. An invocation has ROWS x COLUMNS vec4s, 16 weights each, in named
// registers. The pixels of a slice are added in the order of `conv2d.wgsl`, so that both give the same bits. The bias's
// gradient is one more row of the result, from the workgroups of the first tap and the first input channels.
//
// In range: an address is replaced by 0, or nothing is stored, unless pixel and channel are inside the feature maps. Workgroup
// memory is indexed by the place in the workgroup and by loops with constant bounds, and written in every stage before it is
// read. Loops run over taps and pixels of a slice, divisors are sizes of at least 1.

import package::common::convolution::Convolution;
import package::common::maps::{MapVec4, from_map};
import package::common::tile::{Column, add_products};

@if(channels32) const BLOCK_ROWS: u32 = 8u;
@if(channels64) const BLOCK_ROWS: u32 = 16u;
const BLOCK_COLUMNS: u32 = BLOCK_ROWS;
@if(rows4) const ROWS: u32 = 1u;
@if(rows8) const ROWS: u32 = 2u;
@if(columns4) const COLUMNS: u32 = 1u;
@if(columns8) const COLUMNS: u32 = 2u;
/// Pixels per stage.
const PIXELS: u32 = 16u;

const LANES_X: u32 = BLOCK_COLUMNS / COLUMNS;
const LANES_Y: u32 = BLOCK_ROWS / ROWS;
const GROUP: u32 = LANES_X * LANES_Y;

@group(0) @binding(0) var<uniform> params: Convolution;
@group(0) @binding(1) var<storage, read> source: array<MapVec4>;
@group(0) @binding(2) var<storage, read> d_result: array<MapVec4>;
/// [slices, kh kw ci + 1, co]: the last row of a slice is the bias's
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

/// Addresses of the input pixels of this stage and of the next; -1 outside.
var<workgroup> input_address: array<i32, PIXELS * 2u>;
/// [pixel, channel vec4]
var<workgroup> staged_inputs: array<vec4<f32>, PIXELS * BLOCK_ROWS>;
var<workgroup> staged_gradients: array<vec4<f32>, PIXELS * BLOCK_COLUMNS>;

/// The results of an invocation: each Column has four input channels x one vec4 of output channels.
struct Results {
    r0c0: Column,
    @if(columns8) r0c1: Column,
    @if(rows8) r1c0: Column,
    @if(rows8 && columns8) r1c1: Column,
    b0: vec4<f32>,
    @if(columns8) b1: vec4<f32>,
}

/// Address of the input pixel that output pixel `pixel` reads by the tap; -1 outside the image or from `end` on.
fn address_of(tap: u32, pixel: u32, end: u32) -> i32 {
    let out_x = pixel % params.out_width;
    let row = pixel / params.out_width;
    let x = i32(out_x * params.stride + tap % params.kernel) - i32(params.pad_x);
    let y = i32(row % params.out_height * params.stride + tap / params.kernel) - i32(params.pad_y);
    let image = row / params.out_height;
    let inside = (pixel < end) & (x >= 0) & (x < i32(params.in_width)) & (y >= 0) & (y < i32(params.in_height));
    let at = (i32(image * params.in_height) + y) * i32(params.in_width) + x;
    return select(-1, at * i32(params.in_channels_vec4), inside);
}

/// Partial d w[ky, kx, ci, co] and d b[co] of a slice. Workgroups: taps x blocks of input channels, blocks of output
/// channels, slices.
@compute @workgroup_size(GROUP)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let blocks = (params.in_channels_vec4 + BLOCK_ROWS - 1u) / BLOCK_ROWS;
    let tap = group.x / blocks;
    let first_row = group.x % blocks * BLOCK_ROWS;
    let first_column = group.y * BLOCK_COLUMNS;
    let has_bias = group.x == 0u;
    let slice = params.first_slice + group.z;
    let rows = params.batch * params.out_height;
    let first = min(slice * params.slice_rows, rows) * params.out_width;
    let end = min((slice + 1u) * params.slice_rows, rows) * params.out_width;
    let row = local / LANES_X;
    let column = local % LANES_X;
    var t = Results();
    if local < PIXELS {
        input_address[local] = address_of(tap, first + local, end);
    }
    var half = 0u;
    for (var pixel = first; pixel < end; pixel += PIXELS) {
        workgroupBarrier();
        for (var i = local; i < PIXELS * BLOCK_ROWS; i += GROUP) {
            let at = input_address[half + i / BLOCK_ROWS];
            let channel = first_row + i % BLOCK_ROWS;
            let valid = (at >= 0) & (channel < params.in_channels_vec4);
            staged_inputs[i] = select(vec4<f32>(), from_map(source[select(0, at + i32(channel), valid)]), valid);
        }
        for (var i = local; i < PIXELS * BLOCK_COLUMNS; i += GROUP) {
            let at = pixel + i / BLOCK_COLUMNS;
            let channel = first_column + i % BLOCK_COLUMNS;
            let valid = (at < end) & (channel < params.out_channels_vec4);
            let gradient = d_result[select(0u, at * params.out_channels_vec4 + channel, valid)];
            staged_gradients[i] = select(vec4<f32>(), from_map(gradient), valid);
        }
        half = PIXELS - half;
        if local < PIXELS {
            input_address[half + local] = address_of(tap, pixel + PIXELS + local, end);
        }
        workgroupBarrier();
        for (var k = 0u; k < PIXELS; k++) {
            let a0 = staged_inputs[k * BLOCK_ROWS + row];
            let g0 = staged_gradients[k * BLOCK_COLUMNS + column];
            t.r0c0 = add_products(t.r0c0, a0, g0);
            @if(rows8) let a1 = staged_inputs[k * BLOCK_ROWS + row + LANES_Y];
            @if(rows8) t.r1c0 = add_products(t.r1c0, a1, g0);
            @if(columns8) let g1 = staged_gradients[k * BLOCK_COLUMNS + column + LANES_X];
            @if(columns8) t.r0c1 = add_products(t.r0c1, a0, g1);
            @if(rows8 && columns8) t.r1c1 = add_products(t.r1c1, a1, g1);
            if has_bias {
                t.b0 += g0;
                @if(columns8) t.b1 += g1;
            }
        }
    }
    let taps = params.kernel * params.kernel;
    let slice_first = slice * (taps * params.in_channels_vec4 * 4u + 1u);
    let in_row = tap * params.in_channels_vec4 + first_row + row;
    let row0_valid = first_row + row < params.in_channels_vec4;
    let column0 = first_column + column;
    if row0_valid && column0 < params.out_channels_vec4 {
        store(slice_first + in_row * 4u, column0, t.r0c0);
    }
    @if(rows8) let row1_valid = first_row + row + LANES_Y < params.in_channels_vec4;
    @if(rows8) if row1_valid && column0 < params.out_channels_vec4 {
        store(slice_first + (in_row + LANES_Y) * 4u, column0, t.r1c0);
    }
    @if(columns8) let column1 = column0 + LANES_X;
    @if(columns8) if row0_valid && column1 < params.out_channels_vec4 {
        store(slice_first + in_row * 4u, column1, t.r0c1);
    }
    @if(rows8 && columns8) if row1_valid && column1 < params.out_channels_vec4 {
        store(slice_first + (in_row + LANES_Y) * 4u, column1, t.r1c1);
    }
    let bias_row = slice_first + taps * params.in_channels_vec4 * 4u;
    if has_bias && row == 0u && column0 < params.out_channels_vec4 {
        partial[bias_row * params.out_channels_vec4 + column0] = t.b0;
    }
    @if(columns8) if has_bias && row == 0u && column1 < params.out_channels_vec4 {
        partial[bias_row * params.out_channels_vec4 + column1] = t.b1;
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
