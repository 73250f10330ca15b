// A tile of 4 rows x 8, 16 or 32 columns of a matrix product in an invocation's registers, and how the invocations of
// a subgroup, four or eight, add to theirs: each has read a share of the second matrix, which is the same for all. For
// four terms of the sum that takes `reads` quads an invocation, 4 QUADS / LANES. Or all of a workgroup read theirs into
// its memory.

import package::common::convolution::multiply_add;

@if(lanes4) const LANES: u32 = 4;
@if(lanes8) const LANES: u32 = 8;
@if(channels8) const QUADS: u32 = 2;
@if(channels16) const QUADS: u32 = 4;
@if(channels32) const QUADS: u32 = 8;

/// A quad of columns in the four rows: of a convolution four channels at four pixels.
struct Column {
    p0: vec4<f32>,
    p1: vec4<f32>,
    p2: vec4<f32>,
    p3: vec4<f32>,
}

/// An invocation's columns.
struct Tile {
    c0: Column,
    c1: Column,
    @if(channels16 || channels32) c2: Column,
    @if(channels16 || channels32) c3: Column,
    @if(channels32) c4: Column,
    @if(channels32) c5: Column,
    @if(channels32) c6: Column,
    @if(channels32) c7: Column,
}

/// Rows of a 4 x 4 matrix.
struct Block {
    b0: vec4<f32>,
    b1: vec4<f32>,
    b2: vec4<f32>,
    b3: vec4<f32>,
}

/// c + S B, row by row of S.
fn add(c: Column, s: Column, b: Block) -> Column {
    return Column(
        multiply_add(c.p0, s.p0, b.b0, b.b1, b.b2, b.b3),
        multiply_add(c.p1, s.p1, b.b0, b.b1, b.b2, b.b3),
        multiply_add(c.p2, s.p2, b.b0, b.b1, b.b2, b.b3),
        multiply_add(c.p3, s.p3, b.b0, b.b1, b.b2, b.b3),
    );
}

fn transposed(r0: vec4<f32>, r1: vec4<f32>, r2: vec4<f32>, r3: vec4<f32>) -> Block {
    return Block(
        vec4<f32>(r0.x, r1.x, r2.x, r3.x),
        vec4<f32>(r0.y, r1.y, r2.y, r3.y),
        vec4<f32>(r0.z, r1.z, r2.z, r3.z),
        vec4<f32>(r0.w, r1.w, r2.w, r3.w),
    );
}

/// t + S B for all columns. The invocations of a subgroup hold B's four rows, QUADS quads each, one after the other in
/// m0, then m1 and so on.
@if(subgroups) fn add_tile(
    t: Tile,
    s: Column,
    m0: vec4<f32>,
    @if(reads2 || reads4) m1: vec4<f32>,
    @if(reads4) m2: vec4<f32>,
    @if(reads4) m3: vec4<f32>,
) -> Tile {
    var r = t;
    @if(reads1) {
        r.c0 = add(r.c0, s, Block(subgroupBroadcast(m0, 0u), subgroupBroadcast(m0, 2u), subgroupBroadcast(m0, 4u), subgroupBroadcast(m0, 6u)));
        r.c1 = add(r.c1, s, Block(subgroupBroadcast(m0, 1u), subgroupBroadcast(m0, 3u), subgroupBroadcast(m0, 5u), subgroupBroadcast(m0, 7u)));
    }
    @if(reads2) {
        r.c0 = add(r.c0, s, Block(subgroupBroadcast(m0, 0u), subgroupBroadcast(m0, QUADS), subgroupBroadcast(m1, 0u), subgroupBroadcast(m1, QUADS)));
        r.c1 = add(r.c1, s, Block(subgroupBroadcast(m0, 1u), subgroupBroadcast(m0, QUADS + 1u), subgroupBroadcast(m1, 1u), subgroupBroadcast(m1, QUADS + 1u)));
    }
    @if(reads2 && channels16) {
        r.c2 = add(r.c2, s, Block(subgroupBroadcast(m0, 2u), subgroupBroadcast(m0, 6u), subgroupBroadcast(m1, 2u), subgroupBroadcast(m1, 6u)));
        r.c3 = add(r.c3, s, Block(subgroupBroadcast(m0, 3u), subgroupBroadcast(m0, 7u), subgroupBroadcast(m1, 3u), subgroupBroadcast(m1, 7u)));
    }
    @if(reads4) {
        r.c0 = add(r.c0, s, Block(subgroupBroadcast(m0, 0u), subgroupBroadcast(m1, 0u), subgroupBroadcast(m2, 0u), subgroupBroadcast(m3, 0u)));
        r.c1 = add(r.c1, s, Block(subgroupBroadcast(m0, 1u), subgroupBroadcast(m1, 1u), subgroupBroadcast(m2, 1u), subgroupBroadcast(m3, 1u)));
        r.c2 = add(r.c2, s, Block(subgroupBroadcast(m0, 2u), subgroupBroadcast(m1, 2u), subgroupBroadcast(m2, 2u), subgroupBroadcast(m3, 2u)));
        r.c3 = add(r.c3, s, Block(subgroupBroadcast(m0, 3u), subgroupBroadcast(m1, 3u), subgroupBroadcast(m2, 3u), subgroupBroadcast(m3, 3u)));
    }
    @if(channels32) {
        r.c4 = add(r.c4, s, Block(subgroupBroadcast(m0, 4u), subgroupBroadcast(m1, 4u), subgroupBroadcast(m2, 4u), subgroupBroadcast(m3, 4u)));
        r.c5 = add(r.c5, s, Block(subgroupBroadcast(m0, 5u), subgroupBroadcast(m1, 5u), subgroupBroadcast(m2, 5u), subgroupBroadcast(m3, 5u)));
        r.c6 = add(r.c6, s, Block(subgroupBroadcast(m0, 6u), subgroupBroadcast(m1, 6u), subgroupBroadcast(m2, 6u), subgroupBroadcast(m3, 6u)));
        r.c7 = add(r.c7, s, Block(subgroupBroadcast(m0, 7u), subgroupBroadcast(m1, 7u), subgroupBroadcast(m2, 7u), subgroupBroadcast(m3, 7u)));
    }
    return r;
}

/// t + S B^T for all columns: B has a row of one quad for each of the tile's channels, and the invocations hold the
/// first LANES of them in m0, the next in m1 and so on.
@if(subgroups) fn add_tile_transposed(
    t: Tile,
    s: Column,
    m0: vec4<f32>,
    @if(reads2 || reads4) m1: vec4<f32>,
    @if(reads4) m2: vec4<f32>,
    @if(reads4) m3: vec4<f32>,
) -> Tile {
    var r = t;
    r.c0 = add(r.c0, s, transposed(subgroupBroadcast(m0, 0u), subgroupBroadcast(m0, 1u), subgroupBroadcast(m0, 2u), subgroupBroadcast(m0, 3u)));
    @if(lanes4) r.c1 = add(r.c1, s, transposed(subgroupBroadcast(m1, 0u), subgroupBroadcast(m1, 1u), subgroupBroadcast(m1, 2u), subgroupBroadcast(m1, 3u)));
    @if(lanes4 && channels16) {
        r.c2 = add(r.c2, s, transposed(subgroupBroadcast(m2, 0u), subgroupBroadcast(m2, 1u), subgroupBroadcast(m2, 2u), subgroupBroadcast(m2, 3u)));
        r.c3 = add(r.c3, s, transposed(subgroupBroadcast(m3, 0u), subgroupBroadcast(m3, 1u), subgroupBroadcast(m3, 2u), subgroupBroadcast(m3, 3u)));
    }
    @if(lanes8) r.c1 = add(r.c1, s, transposed(subgroupBroadcast(m0, 4u), subgroupBroadcast(m0, 5u), subgroupBroadcast(m0, 6u), subgroupBroadcast(m0, 7u)));
    @if(lanes8 && (channels16 || channels32)) {
        r.c2 = add(r.c2, s, transposed(subgroupBroadcast(m1, 0u), subgroupBroadcast(m1, 1u), subgroupBroadcast(m1, 2u), subgroupBroadcast(m1, 3u)));
        r.c3 = add(r.c3, s, transposed(subgroupBroadcast(m1, 4u), subgroupBroadcast(m1, 5u), subgroupBroadcast(m1, 6u), subgroupBroadcast(m1, 7u)));
    }
    @if(channels32) {
        r.c4 = add(r.c4, s, transposed(subgroupBroadcast(m2, 0u), subgroupBroadcast(m2, 1u), subgroupBroadcast(m2, 2u), subgroupBroadcast(m2, 3u)));
        r.c5 = add(r.c5, s, transposed(subgroupBroadcast(m2, 4u), subgroupBroadcast(m2, 5u), subgroupBroadcast(m2, 6u), subgroupBroadcast(m2, 7u)));
        r.c6 = add(r.c6, s, transposed(subgroupBroadcast(m3, 0u), subgroupBroadcast(m3, 1u), subgroupBroadcast(m3, 2u), subgroupBroadcast(m3, 3u)));
        r.c7 = add(r.c7, s, transposed(subgroupBroadcast(m3, 4u), subgroupBroadcast(m3, 5u), subgroupBroadcast(m3, 6u), subgroupBroadcast(m3, 7u)));
    }
    return r;
}

/// Quads that a workgroup reads together for four terms of the sum.
@if(workgroup) const STAGED: u32 = QUADS * 4u;
@if(workgroup) var<workgroup> staged: array<vec4<f32>, STAGED>;

/// The rows of four terms in a quad of columns, where `staged` has row after row.
@if(workgroup) fn staged_block(quad: u32) -> Block {
    return Block(staged[quad], staged[quad + QUADS], staged[quad + QUADS * 2u], staged[quad + QUADS * 3u]);
}

/// The same where `staged` has a row of one quad for each of the tile's columns.
@if(workgroup) fn staged_transposed(quad: u32) -> Block {
    return transposed(staged[quad * 4u], staged[quad * 4u + 1u], staged[quad * 4u + 2u], staged[quad * 4u + 3u]);
}

/// The quad that an invocation reads first of rows `row` quads long; its next are LANES / QUADS rows further.
@if(subgroups) fn share(lane: u32, row: u32) -> u32 {
    return lane / QUADS * row + lane % QUADS;
}
