// The matrix product C = A B with the tile of `nn/conv2d.wgsl`: an upper bound for a convolution. m is a multiple of 4 GROUP, n of the tile's width, k of 4.

import package::common::tile::{Block, Column, COLUMNS_VEC4, Tile, add};
@if(workgroup) import package::common::tile::{STAGED, staged, staged_block};
@if(subgroups) import package::common::tile::{LANES, add_tile, share};

@if(subgroups) const GROUP: u32 = 8;
@if(!subgroups) override GROUP: u32 = 64;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;

fn store(at: vec4<u32>, column: Column) {
    c[at.x] = column.p0;
    c[at.y] = column.p1;
    c[at.z] = column.p2;
    c[at.w] = column.p3;
}

@if(per_invocation) fn block(w: u32, row: u32, column: u32) -> Block {
    let at = w + column;
    return Block(b[at], b[at + row], b[at + row * 2u], b[at + row * 3u]);
}

@if(workgroup) fn block(w: u32, row: u32, column: u32) -> Block {
    return staged_block(column);
}

@compute @workgroup_size(GROUP)
fn multiply(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let rows = group.x * GROUP * 4u + local.x + vec4<u32>(0u, GROUP, GROUP * 2u, GROUP * 3u);
    let column = group.y * COLUMNS_VEC4;
    let k_vec4s = params.k / 4u;
    let row = params.n / 4u;
    @if(subgroups) let stride = row * (LANES / COLUMNS_VEC4);
    var t = Tile();
    @if(subgroups) var w = column + share(local.x % LANES, row);
    @if(!subgroups) var w = column;
    for (var k = 0u; k < k_vec4s; k++) {
        let at = rows * k_vec4s + k;
        let s = Column(a[at.x], a[at.y], a[at.z], a[at.w]);
        @if(workgroup) {
            workgroupBarrier();
            for (var i = local.x; i < STAGED; i += GROUP) {
                staged[i] = b[w + i / COLUMNS_VEC4 * row + i % COLUMNS_VEC4];
            }
            workgroupBarrier();
        }
        @if(reads1) t = add_tile(t, s, b[w]);
        @if(reads2) t = add_tile(t, s, b[w], b[w + stride]);
        @if(reads4) t = add_tile(t, s, b[w], b[w + stride], b[w + stride * 2u], b[w + stride * 3u]);
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
    let at = rows * row + column;
    store(at, t.c0);
    store(at + 1u, t.c1);
    @if(channels16 || channels32) {
        store(at + 2u, t.c2);
        store(at + 3u, t.c3);
    }
    @if(channels32) {
        store(at + 4u, t.c4);
        store(at + 5u, t.c5);
        store(at + 6u, t.c6);
        store(at + 7u, t.c7);
    }
}
