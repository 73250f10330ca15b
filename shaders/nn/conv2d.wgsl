// Convolution k x k, stride 1 or 2, as an implicit matrix product: nothing is unrolled in memory.
//
// Activations are NHWC and weights [kh, kw, ci, co], both in vec4s along the last axis. An invocation keeps a tile of
// 4 pixels x 8, 16 or 32 channels in separately named registers: an indexed local array would be in memory. Neighbouring
// invocations have neighbouring pixels, so that the weights are the same for all of them and the reads of pixels coalesce.
//
// Weights are shared for every four input channels of the sum. With the feature `subgroups` each invocation of a subgroup
// of four or eight reads its share of the tile's weights and broadcasts it; with `workgroup` a workgroup stages them in
// its memory; with `per_invocation` each invocation reads all of them. Software adapters, on which every read of a vector
// of addresses is eight scalar reads, are limited by reads: a wider tile does more work per read.
//
// Every result is summed in the same order for all tiles, so that all variants give the same bits.

import package::common::convolution::{Convolution, gradient_address, input_address, input_corner, input_pixel, output_address, output_corner};
import package::common::maps::{MapVec4, from_map, to_map};
import package::common::tile::{Block, Column, COLUMNS_VEC4, Tile, add, transposed};
@if(workgroup) import package::common::tile::{STAGED, staged, staged_block, staged_transposed};
@if(subgroups) import package::common::tile::{LANES, add_tile, add_tile_transposed, share};

@if(subgroups) const GROUP: u32 = 8;
@if(!subgroups) override GROUP: u32 = 64;

@group(0) @binding(0) var<uniform> params: Convolution;
@group(0) @binding(1) var<storage, read> source: array<MapVec4>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> result: array<MapVec4>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> residual: array<MapVec4>;

// Of the weight gradient.
@group(0) @binding(2) var<storage, read> d_result: array<MapVec4>;
/// [slices, kh, kw, ci, co]
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

/// vec4 `address + column` of `source`, or zeros if the address is outside the image (-1).
fn load(address: i32, column: i32) -> vec4<f32> {
    let value = from_map(source[max(address, 0) + column]);
    return select(vec4<f32>(0.0), value, address >= 0);
}

/// vec4 `column` of `residual` at four pixels whose results start at `at`.
fn residual_column(at: vec4<i32>, column: i32) -> Column {
    let there = max(at, vec4<i32>()) + column;
    return Column(
        from_map(residual[there.x]),
        from_map(residual[there.y]),
        from_map(residual[there.z]),
        from_map(residual[there.w]),
    );
}

/// Initial value of a tile: zeros or, if `added`, the residual.
fn start(at: vec4<i32>) -> Tile {
    var t = Tile();
    if params.added == 1u {
        t.c0 = residual_column(at, 0);
        t.c1 = residual_column(at, 1);
        @if(channels16 || channels32) {
            t.c2 = residual_column(at, 2);
            t.c3 = residual_column(at, 3);
        }
        @if(channels32) {
            t.c4 = residual_column(at, 4);
            t.c5 = residual_column(at, 5);
            t.c6 = residual_column(at, 6);
            t.c7 = residual_column(at, 7);
        }
    }
    return t;
}

/// A column plus vec4 `column` of the bias.
fn biased(c: Column, column: u32) -> Column {
    let b = bias[column];
    return Column(c.p0 + b, c.p1 + b, c.p2 + b, c.p3 + b);
}

/// Stores vec4 `column` of four pixels whose results start at `at`; skips pixels where that is negative.
fn store(at: vec4<i32>, column: i32, c: Column) {
    if at.x >= 0 {
        result[at.x + column] = to_map(c.p0);
    }
    if at.y >= 0 {
        result[at.y + column] = to_map(c.p1);
    }
    if at.z >= 0 {
        result[at.z + column] = to_map(c.p2);
    }
    if at.w >= 0 {
        result[at.w + column] = to_map(c.p3);
    }
}

fn store_tile(at: vec4<i32>, t: Tile) {
    store(at, 0, t.c0);
    store(at, 1, t.c1);
    @if(channels16 || channels32) {
        store(at, 2, t.c2);
        store(at, 3, t.c3);
    }
    @if(channels32) {
        store(at, 4, t.c4);
        store(at, 5, t.c5);
        store(at, 6, t.c6);
        store(at, 7, t.c7);
    }
}

/// Indices of the four pixels of an invocation, GROUP apart.
fn pixel_indices(group: vec3<u32>, lane: u32) -> vec4<u32> {
    return group.x * GROUP * 4u + lane + vec4<u32>(0u, GROUP, GROUP * 2u, GROUP * 3u);
}

/// Weights of four inputs and four outputs, vec4 `column` of the tile's; rows are `row` vec4s apart, `w` is the tile's first.
@if(per_invocation) fn block(w: u32, row: u32, column: u32) -> Block {
    let at = w + column;
    return Block(weights[at], weights[at + row], weights[at + row * 2u], weights[at + row * 3u]);
}

@if(workgroup) fn block(w: u32, row: u32, column: u32) -> Block {
    return staged_block(column);
}

/// Weights of four inputs, vec4 `column` of the tile's, and four outputs.
@if(per_invocation) fn block_transposed(w: u32, row: u32, column: u32) -> Block {
    let at = w + row * column * 4u;
    return transposed(weights[at], weights[at + row], weights[at + row * 2u], weights[at + row * 3u]);
}

@if(workgroup) fn block_transposed(w: u32, row: u32, column: u32) -> Block {
    return staged_transposed(column);
}

/// result[n, y, x, co] = bias[co] + sum_{ky, kx, ci} source[n, s y + ky - pad, s x + kx - pad, ci] w[ky, kx, ci, co]
@compute @workgroup_size(GROUP)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    @if(subgroups) let lane = local.x % LANES;
    let pixels = pixel_indices(group, local.x);
    let column = group.y * COLUMNS_VEC4;
    let count = params.batch * params.out_height * params.out_width;
    let last = vec4<u32>(count - 1u);
    let within = min(pixels, last);
    let corner0 = output_corner(params, within.x);
    let corner1 = output_corner(params, within.y);
    let corner2 = output_corner(params, within.z);
    let corner3 = output_corner(params, within.w);
    let at = select(vec4<i32>(-1), vec4<i32>(pixels * params.out_channels_vec4 + column), pixels <= last);
    var t = start(at);
    t.c0 = biased(t.c0, column);
    t.c1 = biased(t.c1, column + 1u);
    @if(channels16 || channels32) {
        t.c2 = biased(t.c2, column + 2u);
        t.c3 = biased(t.c3, column + 3u);
    }
    @if(channels32) {
        t.c4 = biased(t.c4, column + 4u);
        t.c5 = biased(t.c5, column + 5u);
        t.c6 = biased(t.c6, column + 6u);
        t.c7 = biased(t.c7, column + 7u);
    }
    let inputs = i32(params.in_channels_vec4);
    let row = params.out_channels_vec4;
    @if(subgroups) let stride = row * (LANES / COLUMNS_VEC4);
    @if(subgroups) var w = column + share(lane, row);
    @if(!subgroups) var w = column;
    for (var ky = 0; ky < i32(params.kernel); ky++) {
        for (var kx = 0; kx < i32(params.kernel); kx++) {
            let a0 = input_address(params, corner0, ky, kx);
            let a1 = input_address(params, corner1, ky, kx);
            let a2 = input_address(params, corner2, ky, kx);
            let a3 = input_address(params, corner3, ky, kx);
            for (var q = 0; q < inputs; q++) {
                let s = Column(load(a0, q), load(a1, q), load(a2, q), load(a3, q));
                @if(workgroup) {
                    workgroupBarrier();
                    for (var i = local.x; i < STAGED; i += GROUP) {
                        staged[i] = weights[w + i / COLUMNS_VEC4 * row + i % COLUMNS_VEC4];
                    }
                    workgroupBarrier();
                }
                @if(reads1) t = add_tile(t, s, weights[w]);
                @if(reads2) t = add_tile(t, s, weights[w], weights[w + stride]);
                @if(reads4) t = add_tile(t, s, weights[w], weights[w + stride], weights[w + stride * 2u], weights[w + stride * 3u]);
                @if(!subgroups) {
                    t.c0 = add(t.c0, s, block(w, row, 0u));
                    t.c1 = add(t.c1, s, block(w, row, 1u));
                }
                @if(!subgroups && (channels16 || channels32)) {
                    t.c2 = add(t.c2, s, block(w, row, 2u));
                    t.c3 = add(t.c3, s, block(w, row, 3u));
                }
                @if(!subgroups && channels32) {
                    t.c4 = add(t.c4, s, block(w, row, 4u));
                    t.c5 = add(t.c5, s, block(w, row, 5u));
                    t.c6 = add(t.c6, s, block(w, row, 6u));
                    t.c7 = add(t.c7, s, block(w, row, 7u));
                }
                w += row * 4u;
            }
        }
    }
    store_tile(at, t);
}

/// d source[n, y, x, ci] = sum_{ky, kx, co} d result[n, (y + pad - ky) / s, (x + pad - kx) / s, co] w[ky, kx, ci, co];
/// `source` contains d result, `result` d source. With an odd number of input vec4s the last column of the last tile is
/// computed from unrelated weights, and not stored.
@compute @workgroup_size(GROUP)
fn data_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    @if(subgroups) let lane = local.x % LANES;
    let pixels = pixel_indices(group, local.x);
    let column = group.y * COLUMNS_VEC4;
    let corner0 = input_corner(params, input_pixel(params, pixels.x));
    let corner1 = input_corner(params, input_pixel(params, pixels.y));
    let corner2 = input_corner(params, input_pixel(params, pixels.z));
    let corner3 = input_corner(params, input_pixel(params, pixels.w));
    let at = vec4<i32>(
        gradient_address(params, pixels.x, column),
        gradient_address(params, pixels.y, column),
        gradient_address(params, pixels.z, column),
        gradient_address(params, pixels.w, column),
    );
    var t = start(at);
    let outputs = i32(params.out_channels_vec4);
    let row = params.out_channels_vec4;
    for (var ky = 0; ky < i32(params.kernel); ky++) {
        for (var kx = 0; kx < i32(params.kernel); kx++) {
            let a0 = output_address(params, corner0, ky, kx);
            let a1 = output_address(params, corner1, ky, kx);
            let a2 = output_address(params, corner2, ky, kx);
            let a3 = output_address(params, corner3, ky, kx);
            let reached = max(max(a0, a1), max(a2, a3)) >= 0;
            @if(subgroups) let useful = subgroupAny(reached);
            @if(per_invocation) let useful = reached;
            // All invocations of a workgroup must reach its barriers.
            @if(workgroup) let useful = true;
            if !useful {
                continue;
            }
            let tap = u32(ky) * params.kernel + u32(kx);
            var w = (tap * params.in_channels_vec4 + column) * 4u * row;
            @if(subgroups) w += lane * row;
            for (var q = 0; q < outputs; q++) {
                let s = Column(load(a0, q), load(a1, q), load(a2, q), load(a3, q));
                @if(workgroup) {
                    workgroupBarrier();
                    for (var i = local.x; i < STAGED; i += GROUP) {
                        staged[i] = weights[w + i * row];
                    }
                    workgroupBarrier();
                }
                @if(reads1) t = add_tile_transposed(t, s, weights[w]);
                @if(reads2) t = add_tile_transposed(t, s, weights[w], weights[w + row * LANES]);
                @if(reads4) t = add_tile_transposed(t, s, weights[w], weights[w + row * LANES], weights[w + row * LANES * 2u], weights[w + row * LANES * 3u]);
                @if(!subgroups) {
                    t.c0 = add(t.c0, s, block_transposed(w, row, 0u));
                    t.c1 = add(t.c1, s, block_transposed(w, row, 1u));
                }
                @if(!subgroups && (channels16 || channels32)) {
                    t.c2 = add(t.c2, s, block_transposed(w, row, 2u));
                    t.c3 = add(t.c3, s, block_transposed(w, row, 3u));
                }
                @if(!subgroups && channels32) {
                    t.c4 = add(t.c4, s, block_transposed(w, row, 4u));
                    t.c5 = add(t.c5, s, block_transposed(w, row, 5u));
                    t.c6 = add(t.c6, s, block_transposed(w, row, 6u));
                    t.c7 = add(t.c7, s, block_transposed(w, row, 7u));
                }
                w += 1u;
            }
        }
    }
    @if(channels8) {
        store(at, 0, t.c0);
        if column + 1u < params.in_channels_vec4 {
            store(at, 1, t.c1);
        }
    }
    @if(!channels8) store_tile(at, t);
}

/// vec4 `column` of the gradient at a pixel of the row whose gradients start at `first`; zeros from pixel `end` on.
fn gradient_vec4(first: u32, pixel: u32, end: u32, column: u32) -> vec4<f32> {
    let value = from_map(d_result[select(0u, first + pixel * params.out_channels_vec4 + column, pixel < end)]);
    return select(vec4<f32>(), value, pixel < end);
}

/// An invocation's share of the gradients at `pixel` and the following pixels.
@if(subgroups) fn gradient_share(first: u32, pixel: u32, end: u32, lane: u32) -> vec4<f32> {
    return gradient_vec4(first, pixel + lane / COLUMNS_VEC4, end, lane % COLUMNS_VEC4);
}

/// vec4 `column` of the gradient at four pixels.
@if(workgroup) fn gradient_block(first: u32, pixel: u32, end: u32, column: u32) -> Block {
    return staged_block(column);
}

@if(per_invocation) fn gradient_block(first: u32, pixel: u32, end: u32, column: u32) -> Block {
    return Block(
        gradient_vec4(first, pixel, end, column),
        gradient_vec4(first, pixel + 1u, end, column),
        gradient_vec4(first, pixel + 2u, end, column),
        gradient_vec4(first, pixel + 3u, end, column),
    );
}

/// Stores one vec4 of the partial sums of four input channels.
fn store_sums(at: u32, c: Column) {
    partial[at] = c.p0;
    partial[at + params.out_channels_vec4] = c.p1;
    partial[at + params.out_channels_vec4 * 2u] = c.p2;
    partial[at + params.out_channels_vec4 * 3u] = c.p3;
}

/// Four input channels of the pixel in column `x` of the row that begins at `row`; zeros outside the image.
fn input_vec4(row: i32, x: i32, row_inside: bool) -> vec4<f32> {
    let valid = row_inside & (x >= 0) & (x < i32(params.in_width));
    return select(vec4<f32>(), from_map(source[select(0, row + x * i32(params.in_channels_vec4), valid)]), valid);
}

/// Partial d w[ky, kx, ci, co] = sum over the pixels of one slice of source[.., ci] d result[.., co].
///
/// An invocation has one tap, four input channels and
/// the tile's output channels, and reads four pixels of a row at a time; `reduce.wgsl` adds the slices in a fixed order,
/// so that the sum is the same in every run.
@compute @workgroup_size(GROUP)
fn weight_gradient(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    @if(subgroups) let lane = local.x % LANES;
    let taps = params.kernel * params.kernel;
    let index = group.x * GROUP + local.x;
    // Invocations past the end repeat the last tap: others read gradients from them.
    let within = min(index, taps * params.in_channels_vec4 - 1u);
    let tap = within / params.in_channels_vec4;
    let ky = i32(tap / params.kernel) - i32(params.pad_y);
    let kx = i32(tap % params.kernel) - i32(params.pad_x);
    let in_column = i32(within % params.in_channels_vec4);
    let column = group.y * COLUMNS_VEC4;
    let stride = i32(params.stride);
    let rows = params.batch * params.out_height;
    let slice = params.first_slice + group.z;
    let first_row = slice * params.slice_rows;
    let last_row = min(first_row + params.slice_rows, rows);
    var t = Tile();
    // Incremented instead of divided at every row.
    var out_y = first_row % params.out_height;
    var first_image_row = i32(first_row / params.out_height * params.in_height);
    for (var row = first_row; row < last_row; row++) {
        let y = i32(out_y) * stride + ky;
        let inside = (y >= 0) & (y < i32(params.in_height));
        let input = (first_image_row + max(y, 0)) * i32(params.in_width * params.in_channels_vec4) + in_column;
        out_y += 1u;
        if out_y == params.out_height {
            out_y = 0u;
            first_image_row += i32(params.in_height);
        }
        let first = row * params.out_width * params.out_channels_vec4 + column;
        for (var i = 0u; i < params.out_width; i += 4u) {
            let x = kx + i32(i) * stride;
            let s = transposed(
                input_vec4(input, x, inside),
                input_vec4(input, x + stride, inside),
                input_vec4(input, x + stride * 2, inside),
                input_vec4(input, x + stride * 3, inside),
            );
            let inputs = Column(s.b0, s.b1, s.b2, s.b3);
            let end = params.out_width;
            @if(workgroup) {
                workgroupBarrier();
                for (var j = local.x; j < STAGED; j += GROUP) {
                    staged[j] = gradient_vec4(first, i + j / COLUMNS_VEC4, end, j % COLUMNS_VEC4);
                }
                workgroupBarrier();
            }
            @if(subgroups) let m0 = gradient_share(first, i, end, lane);
            @if(reads1) t = add_tile(t, inputs, m0);
            @if(reads2) t = add_tile(t, inputs, m0, gradient_share(first, i + 2u, end, lane));
            @if(reads4) t = add_tile(
                t,
                inputs,
                m0,
                gradient_share(first, i + 1u, end, lane),
                gradient_share(first, i + 2u, end, lane),
                gradient_share(first, i + 3u, end, lane),
            );
            @if(!subgroups) {
                t.c0 = add(t.c0, inputs, gradient_block(first, i, end, 0u));
                t.c1 = add(t.c1, inputs, gradient_block(first, i, end, 1u));
            }
            @if(!subgroups && (channels16 || channels32)) {
                t.c2 = add(t.c2, inputs, gradient_block(first, i, end, 2u));
                t.c3 = add(t.c3, inputs, gradient_block(first, i, end, 3u));
            }
            @if(!subgroups && channels32) {
                t.c4 = add(t.c4, inputs, gradient_block(first, i, end, 4u));
                t.c5 = add(t.c5, inputs, gradient_block(first, i, end, 5u));
                t.c6 = add(t.c6, inputs, gradient_block(first, i, end, 6u));
                t.c7 = add(t.c7, inputs, gradient_block(first, i, end, 7u));
            }
        }
    }
    if index >= taps * params.in_channels_vec4 {
        return;
    }
    let at = (slice * taps * params.in_channels_vec4 + index) * 4u * params.out_channels_vec4 + column;
    store_sums(at, t.c0);
    store_sums(at + 1u, t.c1);
    @if(channels16 || channels32) {
        store_sums(at + 2u, t.c2);
        store_sums(at + 3u, t.c3);
    }
    @if(channels32) {
        store_sums(at + 4u, t.c4);
        store_sums(at + 5u, t.c5);
        store_sums(at + 6u, t.c6);
        store_sums(at + 7u, t.c7);
    }
}
