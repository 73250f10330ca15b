// The register tile of a matrix product: 4 rows x 8, 16 or 32 columns per invocation, in vec4s along the columns. The
// second matrix is the same for all invocations of a workgroup. With `subgroups`, each of the 4 or 8 invocations of a
// subgroup reads its share of four terms of the sum, 4 COLUMNS_VEC4 / LANES vec4s (1, 2 or 4: the features `reads1`,
// `reads2`, `reads4`), and broadcasts it. With `workgroup`, a workgroup stages them in its memory.

import package::common::convolution::multiply_add;

@if(lanes4) const LANES: u32 = 4;
@if(lanes8) const LANES: u32 = 8;
@if(channels8) const COLUMNS_VEC4: u32 = 2;
@if(channels16) const COLUMNS_VEC4: u32 = 4;
@if(channels32) const COLUMNS_VEC4: u32 = 8;

/// Four columns in the four rows; for a convolution four channels at four pixels.
struct Column {
    p0: vec4<f32>,
    p1: vec4<f32>,
    p2: vec4<f32>,
    p3: vec4<f32>,
}

/// All columns of an invocation.
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

/// c + a^T b: the products of a column and a row.
fn add_products(c: Column, a: vec4<f32>, b: vec4<f32>) -> Column {
    return Column(fma(vec4(a.x), b, c.p0), fma(vec4(a.y), b, c.p1), fma(vec4(a.z), b, c.p2), fma(vec4(a.w), b, c.p3));
}

fn transposed(r0: vec4<f32>, r1: vec4<f32>, r2: vec4<f32>, r3: vec4<f32>) -> Block {
    return Block(
        vec4<f32>(r0.x, r1.x, r2.x, r3.x),
        vec4<f32>(r0.y, r1.y, r2.y, r3.y),
        vec4<f32>(r0.z, r1.z, r2.z, r3.z),
        vec4<f32>(r0.w, r1.w, r2.w, r3.w),
    );
}

/// t + S B for all columns. The invocations of a subgroup hold the four rows of B, COLUMNS_VEC4 vec4s each, in order in m0,
/// then m1 and so on.
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
        r.c0 = add(r.c0, s, Block(subgroupBroadcast(m0, 0u), subgroupBroadcast(m0, COLUMNS_VEC4), subgroupBroadcast(m1, 0u), subgroupBroadcast(m1, COLUMNS_VEC4)));
        r.c1 = add(r.c1, s, Block(subgroupBroadcast(m0, 1u), subgroupBroadcast(m0, COLUMNS_VEC4 + 1u), subgroupBroadcast(m1, 1u), subgroupBroadcast(m1, COLUMNS_VEC4 + 1u)));
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

/// t + S B^T for all columns: B has a row of one vec4 per column of the tile, and the invocations hold the first LANES of
/// them in m0, the next in m1 and so on.
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

/// vec4s that a workgroup stages for four terms of the sum.
@if(workgroup) const STAGED: u32 = COLUMNS_VEC4 * 4u;
@if(workgroup) var<workgroup> staged: array<vec4<f32>, STAGED>;

/// Four terms in four columns, if `staged` is row by row.
@if(workgroup) fn staged_block(column: u32) -> Block {
    return Block(staged[column], staged[column + COLUMNS_VEC4], staged[column + COLUMNS_VEC4 * 2u], staged[column + COLUMNS_VEC4 * 3u]);
}

/// Four terms in four columns, if `staged` has a row of one vec4 per column of the tile.
@if(workgroup) fn staged_transposed(column: u32) -> Block {
    return transposed(staged[column * 4u], staged[column * 4u + 1u], staged[column * 4u + 2u], staged[column * 4u + 3u]);
}

/// The first vec4 that an invocation reads of rows `row` vec4s long; its next are LANES / COLUMNS_VEC4 rows further.
@if(subgroups) fn share(lane: u32, row: u32) -> u32 {
    return lane / COLUMNS_VEC4 * row + lane % COLUMNS_VEC4;
}
