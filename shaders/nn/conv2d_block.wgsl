// Convolution k x k, stride 1 or 2, as an implicit matrix product in blocks, for GPUs: the rows of the product are pixels,
// its columns channels, its depth the taps times the channels that are summed. `conv2d.wgsl` has the formulas.
//
// A workgroup computes BLOCK_PIXELS x BLOCK_COLUMNS (vec4s) results. It stages DEPTH vec4s of the sum at a time, which lie
// within one tap, in its memory: pixels as [pixel, depth], so that consecutive invocations read consecutive vec4s, and
// weights as [depth, column]. While it multiplies one stage it already reads the next into registers. An invocation has
// ROWS pixels x COLUMNS vec4s, in named registers; neighbouring invocations have neighbouring columns.
//
// Every result is summed in the order of `conv2d.wgsl`, so that both give the same bits.
//
// In range: an address is replaced by 0, or nothing is stored, unless pixel and channel are inside the feature maps. Workgroup
// memory is indexed by the place in the workgroup and by loops with constant bounds, and written in every stage before it is
// read. Loops run over taps and channels, divisors are sizes of at least 1.

import package::common::convolution::{Convolution, input_address, input_corner, output_address, output_corner};
import package::common::maps::{MapVec4, from_map, to_map};
import package::common::tile::{Block, Column, add, transposed};

@if(pixels64) const BLOCK_PIXELS: u32 = 64u;
@if(pixels128) const BLOCK_PIXELS: u32 = 128u;
@if(pixels256) const BLOCK_PIXELS: u32 = 256u;
@if(channels16) const BLOCK_COLUMNS: u32 = 4u;
@if(channels32) const BLOCK_COLUMNS: u32 = 8u;
@if(channels64) const BLOCK_COLUMNS: u32 = 16u;
@if(depth8) const DEPTH: u32 = 2u;
@if(depth16) const DEPTH: u32 = 4u;
@if(depth32) const DEPTH: u32 = 8u;
@if(rows4) const ROWS: u32 = 4u;
@if(rows8) const ROWS: u32 = 8u;
@if(columns4) const COLUMNS: u32 = 1u;
@if(columns8) const COLUMNS: u32 = 2u;

/// Invocations along the columns and the pixels.
const LANES_X: u32 = BLOCK_COLUMNS / COLUMNS;
const LANES_Y: u32 = BLOCK_PIXELS / ROWS;
const GROUP: u32 = LANES_X * LANES_Y;

@group(0) @binding(0) var<uniform> params: Convolution;
@group(0) @binding(1) var<storage, read> source: array<MapVec4>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> result: array<MapVec4>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> residual: array<MapVec4>;

/// [pixel, depth]
var<workgroup> staged_pixels: array<vec4<f32>, BLOCK_PIXELS * DEPTH>;
/// [depth x 4, column]
var<workgroup> staged_weights: array<vec4<f32>, DEPTH * 4u * BLOCK_COLUMNS>;

/// The results of an invocation: two or one times four pixels (r) in one or two vec4s (c).
struct Results {
    r0c0: Column,
    @if(columns8) r0c1: Column,
    @if(rows8) r1c0: Column,
    @if(rows8 && columns8) r1c1: Column,
}

/// What an invocation reads for one stage.
struct Stage {
    p0: vec4<f32>,
    p1: vec4<f32>,
    @if(loads4) p2: vec4<f32>,
    @if(loads4) p3: vec4<f32>,
    weights: Block,
}

/// Where in the sum a stage begins: tap and vec4 of the channels.
struct Position {
    ky: i32,
    kx: i32,
    q: u32,
}

/// The pixel of the block that is `i`-th of an invocation's.
fn own_pixel(local: u32, i: u32) -> u32 {
    return local / LANES_X + i * LANES_Y;
}

/// The vec4 of the results that is `c`-th of an invocation's.
fn own_column(group: vec3<u32>, local: u32, c: u32) -> u32 {
    return group.y * BLOCK_COLUMNS + local % LANES_X + c * LANES_X;
}

// --- addresses; `backward` is the same in all invocations -------------------------------------------

/// Channels in vec4s that are summed, and those of the results.
fn depth_of(backward: bool) -> u32 {
    return select(params.in_channels_vec4, params.out_channels_vec4, backward);
}

fn columns_of(backward: bool) -> u32 {
    return select(params.out_channels_vec4, params.in_channels_vec4, backward);
}

/// (image, y, x) of input pixel `index` of those with the parity `group.z` of (y, x), which the same taps reach; image -1
/// past the end.
fn parity_pixel(parity: u32, index: u32) -> vec3<i32> {
    let height = (params.in_height + params.stride - 1u) / params.stride;
    let width = (params.in_width + params.stride - 1u) / params.stride;
    let y = index / width % height * params.stride + parity / params.stride;
    let x = index % width * params.stride + parity % params.stride;
    let image = index / width / height;
    let inside = (image < params.batch) & (y < params.in_height) & (x < params.in_width);
    return vec3<i32>(select(-1, i32(image), inside), i32(y), i32(x));
}

/// The corner from which the taps of pixel `pixel` of the block are counted; all its taps are outside past the end.
fn corner_of(backward: bool, group: vec3<u32>, pixel: u32) -> vec3<i32> {
    let index = group.x * BLOCK_PIXELS + pixel;
    if backward {
        return input_corner(params, parity_pixel(group.z, index));
    }
    let count = params.batch * params.out_height * params.out_width;
    let corner = output_corner(params, min(index, count - 1u));
    return select(corner, vec3<i32>(0, -65536, 0), index >= count);
}

/// Address in `source` of the pixel that a tap reads; -1 outside.
fn tap_address(backward: bool, corner: vec3<i32>, at: Position) -> i32 {
    if backward {
        return output_address(params, corner, at.ky, at.kx);
    }
    return input_address(params, corner, at.ky, at.kx);
}

/// Address in `result` of the first vec4 of pixel `pixel` of the block; -1 past the end.
fn result_address(backward: bool, group: vec3<u32>, pixel: u32) -> i32 {
    let index = group.x * BLOCK_PIXELS + pixel;
    if backward {
        let p = parity_pixel(group.z, index);
        let row = (p.x * i32(params.in_height) + p.y) * i32(params.in_width) + p.z;
        return select(-1, row * i32(params.in_channels_vec4), p.x >= 0);
    }
    let count = params.batch * params.out_height * params.out_width;
    return select(-1, i32(index * params.out_channels_vec4), index < count);
}

/// Whether the tap reaches the pixels of parity `parity`; always if not `backward`.
fn is_useful(backward: bool, parity: u32, at: Position) -> bool {
    let y = i32(parity / params.stride + params.pad_y) - at.ky;
    let x = i32(parity % params.stride + params.pad_x) - at.kx;
    return !backward || ((y | x) & i32(params.stride - 1u)) == 0;
}

/// The next tap at or after `at` that reaches the pixels; past the last one ky is the kernel's size.
fn useful(backward: bool, parity: u32, at: Position) -> Position {
    var p = at;
    while p.ky < i32(params.kernel) && !is_useful(backward, parity, p) {
        p.kx += 1;
        if p.kx == i32(params.kernel) {
            p = Position(p.ky + 1, 0, 0u);
        }
    }
    return p;
}

/// The position after one stage.
fn advanced(backward: bool, parity: u32, at: Position) -> Position {
    let q = at.q + DEPTH;
    if q < depth_of(backward) {
        return Position(at.ky, at.kx, q);
    }
    var next = Position(at.ky, at.kx + 1, 0u);
    if next.kx == i32(params.kernel) {
        next = Position(at.ky + 1, 0, 0u);
    }
    return useful(backward, parity, next);
}

// --- stages --------------------------------------------------------------------------------------

/// vec4 `q` of the pixel at `address`; zeros if it is outside (-1) or past the channels.
fn load_pixel(address: i32, q: u32, depth: u32) -> vec4<f32> {
    let valid = (address >= 0) & (q < depth);
    return select(vec4<f32>(), from_map(source[select(0, address + i32(q), valid)]), valid);
}

/// The 4 x 4 weights of vec4 `q` of the sum and column `column` of the results.
fn load_weights(backward: bool, at: Position, q: u32, column: u32) -> Block {
    let valid = q < depth_of(backward) && column < columns_of(backward);
    let input = select(0u, select(q, column, backward), valid);
    let output = select(0u, select(column, q, backward), valid);
    let tap = u32(at.ky) * params.kernel + u32(at.kx);
    let first = (tap * params.in_channels_vec4 + input) * 4u * params.out_channels_vec4 + output;
    let row = params.out_channels_vec4;
    let zero = vec4<f32>();
    let r0 = select(zero, weights[first], valid);
    let r1 = select(zero, weights[first + row], valid);
    let r2 = select(zero, weights[first + row * 2u], valid);
    let r3 = select(zero, weights[first + row * 3u], valid);
    if backward {
        return transposed(r0, r1, r2, r3);
    }
    return Block(r0, r1, r2, r3);
}

/// The stage's results added to `t`.
fn multiplied(t: Results, local: u32) -> Results {
    var r = t;
    let column = local % LANES_X;
    for (var q = 0u; q < DEPTH; q++) {
        let row = local / LANES_X * DEPTH + q;
        let next = LANES_Y * DEPTH;
        let s0 = Column(staged_pixels[row], staged_pixels[row + next], staged_pixels[row + next * 2u], staged_pixels[row + next * 3u]);
        @if(rows8) let s1 = Column(staged_pixels[row + next * 4u], staged_pixels[row + next * 5u], staged_pixels[row + next * 6u], staged_pixels[row + next * 7u]);
        let w = q * 4u * BLOCK_COLUMNS + column;
        let b0 = Block(staged_weights[w], staged_weights[w + BLOCK_COLUMNS], staged_weights[w + BLOCK_COLUMNS * 2u], staged_weights[w + BLOCK_COLUMNS * 3u]);
        r.r0c0 = add(r.r0c0, s0, b0);
        @if(rows8) r.r1c0 = add(r.r1c0, s1, b0);
        @if(columns8) let v = w + LANES_X;
        @if(columns8) let b1 = Block(staged_weights[v], staged_weights[v + BLOCK_COLUMNS], staged_weights[v + BLOCK_COLUMNS * 2u], staged_weights[v + BLOCK_COLUMNS * 3u]);
        @if(columns8) r.r0c1 = add(r.r0c1, s0, b1);
        @if(rows8 && columns8) r.r1c1 = add(r.r1c1, s1, b1);
    }
    return r;
}

/// `start` plus the products of all taps and channels.
fn summed(backward: bool, group: vec3<u32>, local: u32, start: Results) -> Results {
    var t = start;
    let depth = depth_of(backward);
    // The pixels and the weights that this invocation stages: the same in every stage.
    let q = local % DEPTH;
    let c0 = corner_of(backward, group, local / DEPTH);
    let c1 = corner_of(backward, group, (local + GROUP) / DEPTH);
    @if(loads4) let c2 = corner_of(backward, group, (local + GROUP * 2u) / DEPTH);
    @if(loads4) let c3 = corner_of(backward, group, (local + GROUP * 3u) / DEPTH);
    let stages_weights = local < DEPTH * BLOCK_COLUMNS;
    let weight_q = local / BLOCK_COLUMNS;
    let weight_column = group.y * BLOCK_COLUMNS + local % BLOCK_COLUMNS;
    var at = useful(backward, group.z, Position());
    var next = Stage();
    var is_staged = false;
    while at.ky < i32(params.kernel) {
        next.p0 = load_pixel(tap_address(backward, c0, at), at.q + q, depth);
        next.p1 = load_pixel(tap_address(backward, c1, at), at.q + q, depth);
        @if(loads4) next.p2 = load_pixel(tap_address(backward, c2, at), at.q + q, depth);
        @if(loads4) next.p3 = load_pixel(tap_address(backward, c3, at), at.q + q, depth);
        if stages_weights {
            next.weights = load_weights(backward, at, at.q + weight_q, weight_column);
        }
        at = advanced(backward, group.z, at);
        // The stage before is multiplied while these reads are on their way.
        if is_staged {
            t = multiplied(t, local);
        }
        is_staged = true;
        workgroupBarrier();
        staged_pixels[local] = next.p0;
        staged_pixels[local + GROUP] = next.p1;
        @if(loads4) staged_pixels[local + GROUP * 2u] = next.p2;
        @if(loads4) staged_pixels[local + GROUP * 3u] = next.p3;
        if stages_weights {
            let w = weight_q * 4u * BLOCK_COLUMNS + local % BLOCK_COLUMNS;
            staged_weights[w] = next.weights.b0;
            staged_weights[w + BLOCK_COLUMNS] = next.weights.b1;
            staged_weights[w + BLOCK_COLUMNS * 2u] = next.weights.b2;
            staged_weights[w + BLOCK_COLUMNS * 3u] = next.weights.b3;
        }
        workgroupBarrier();
    }
    // No tap reaches some of the pixels of a 1 x 1 convolution with stride 2.
    if is_staged {
        t = multiplied(t, local);
    }
    return t;
}

// --- results -------------------------------------------------------------------------------------

/// Addresses of four pixels of an invocation, from its `first`-th; -1 past the end.
fn addresses(backward: bool, group: vec3<u32>, local: u32, first: u32) -> vec4<i32> {
    return vec4<i32>(
        result_address(backward, group, own_pixel(local, first)),
        result_address(backward, group, own_pixel(local, first + 1u)),
        result_address(backward, group, own_pixel(local, first + 2u)),
        result_address(backward, group, own_pixel(local, first + 3u)),
    );
}

/// Initial value of four pixels in a vec4: zeros or, if `added`, the residual.
fn start(at: vec4<i32>, column: u32, columns: u32) -> Column {
    if params.added == 0u {
        return Column();
    }
    let there = max(at, vec4<i32>()) + i32(min(column, columns - 1u));
    return Column(
        from_map(residual[there.x]),
        from_map(residual[there.y]),
        from_map(residual[there.z]),
        from_map(residual[there.w]),
    );
}

fn biased(c: Column, b: vec4<f32>) -> Column {
    return Column(c.p0 + b, c.p1 + b, c.p2 + b, c.p3 + b);
}

fn store(at: vec4<i32>, column: u32, columns: u32, c: Column) {
    if column >= columns {
        return;
    }
    if at.x >= 0 {
        result[at.x + i32(column)] = to_map(c.p0);
    }
    if at.y >= 0 {
        result[at.y + i32(column)] = to_map(c.p1);
    }
    if at.z >= 0 {
        result[at.z + i32(column)] = to_map(c.p2);
    }
    if at.w >= 0 {
        result[at.w + i32(column)] = to_map(c.p3);
    }
}

/// `forward` of `conv2d.wgsl`. Workgroups: blocks of pixels, blocks of output channels.
@compute @workgroup_size(GROUP)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let columns = params.out_channels_vec4;
    let column0 = own_column(group, local, 0u);
    let bias0 = bias[min(column0, columns - 1u)];
    let at0 = addresses(false, group, local, 0u);
    @if(rows8) let at1 = addresses(false, group, local, 4u);
    @if(columns8) let column1 = own_column(group, local, 1u);
    @if(columns8) let bias1 = bias[min(column1, columns - 1u)];
    var t = Results();
    t.r0c0 = biased(start(at0, column0, columns), bias0);
    @if(rows8) t.r1c0 = biased(start(at1, column0, columns), bias0);
    @if(columns8) t.r0c1 = biased(start(at0, column1, columns), bias1);
    @if(rows8 && columns8) t.r1c1 = biased(start(at1, column1, columns), bias1);
    t = summed(false, group, local, t);
    store(at0, column0, columns, t.r0c0);
    @if(rows8) store(at1, column0, columns, t.r1c0);
    @if(columns8) store(at0, column1, columns, t.r0c1);
    @if(rows8 && columns8) store(at1, column1, columns, t.r1c1);
}

/// `data_gradient` of `conv2d.wgsl`: `source` contains d result, `result` d source. Workgroups: blocks of pixels of one
/// parity, blocks of input channels, parities of (y, x).
@compute @workgroup_size(GROUP)
fn data_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let columns = params.in_channels_vec4;
    let column0 = own_column(group, local, 0u);
    let at0 = addresses(true, group, local, 0u);
    @if(rows8) let at1 = addresses(true, group, local, 4u);
    @if(columns8) let column1 = own_column(group, local, 1u);
    var t = Results();
    t.r0c0 = start(at0, column0, columns);
    @if(rows8) t.r1c0 = start(at1, column0, columns);
    @if(columns8) t.r0c1 = start(at0, column1, columns);
    @if(rows8 && columns8) t.r1c1 = start(at1, column1, columns);
    t = summed(true, group, local, t);
    store(at0, column0, columns, t.r0c0);
    @if(rows8) store(at1, column0, columns, t.r1c0);
    @if(columns8) store(at0, column1, columns, t.r0c1);
    @if(rows8 && columns8) store(at1, column1, columns, t.r1c1);
}
