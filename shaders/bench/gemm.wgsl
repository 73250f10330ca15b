// Plain f32 matrix products C = A B, the yardstick for the convolutions: how much of what the adapter
// can do with a matrix product do they reach?

struct Params {
    m: u32,
    n: u32,
    k: u32,
    unused: u32,
}

override GROUP: u32 = 64;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;

fn multiply_add(acc: vec4<f32>, x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return fma(vec4(x.w), b3, fma(vec4(x.z), b2, fma(vec4(x.y), b1, fma(vec4(x.x), b0, acc))));
}

/// Eight rows by four columns in registers; m a multiple of 8 GROUP, n and k of 4.
@compute @workgroup_size(GROUP)
fn registers_8x4(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let row = group.x * GROUP * 8u + local.x;
    let k_quads = params.k / 4u;
    let n_quads = params.n / 4u;
    var c0 = vec4<f32>();
    var c1 = vec4<f32>();
    var c2 = vec4<f32>();
    var c3 = vec4<f32>();
    var c4 = vec4<f32>();
    var c5 = vec4<f32>();
    var c6 = vec4<f32>();
    var c7 = vec4<f32>();
    for (var k = 0u; k < k_quads; k++) {
        let at = k * 4u * n_quads + group.y;
        let b0 = b[at];
        let b1 = b[at + n_quads];
        let b2 = b[at + n_quads * 2u];
        let b3 = b[at + n_quads * 3u];
        c0 = multiply_add(c0, a[row * k_quads + k], b0, b1, b2, b3);
        c1 = multiply_add(c1, a[(row + GROUP) * k_quads + k], b0, b1, b2, b3);
        c2 = multiply_add(c2, a[(row + GROUP * 2u) * k_quads + k], b0, b1, b2, b3);
        c3 = multiply_add(c3, a[(row + GROUP * 3u) * k_quads + k], b0, b1, b2, b3);
        c4 = multiply_add(c4, a[(row + GROUP * 4u) * k_quads + k], b0, b1, b2, b3);
        c5 = multiply_add(c5, a[(row + GROUP * 5u) * k_quads + k], b0, b1, b2, b3);
        c6 = multiply_add(c6, a[(row + GROUP * 6u) * k_quads + k], b0, b1, b2, b3);
        c7 = multiply_add(c7, a[(row + GROUP * 7u) * k_quads + k], b0, b1, b2, b3);
    }
    c[row * n_quads + group.y] = c0;
    c[(row + GROUP) * n_quads + group.y] = c1;
    c[(row + GROUP * 2u) * n_quads + group.y] = c2;
    c[(row + GROUP * 3u) * n_quads + group.y] = c3;
    c[(row + GROUP * 4u) * n_quads + group.y] = c4;
    c[(row + GROUP * 5u) * n_quads + group.y] = c5;
    c[(row + GROUP * 6u) * n_quads + group.y] = c6;
    c[(row + GROUP * 7u) * n_quads + group.y] = c7;
}

/// Four rows by eight columns in registers; m a multiple of 4 GROUP, n of 8, k of 4.
@compute @workgroup_size(GROUP)
fn registers_4x8(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let row = group.x * GROUP * 4u + local.x;
    let column = group.y * 2u;
    let k_quads = params.k / 4u;
    let n_quads = params.n / 4u;
    var l0 = vec4<f32>();
    var l1 = vec4<f32>();
    var l2 = vec4<f32>();
    var l3 = vec4<f32>();
    var r0 = vec4<f32>();
    var r1 = vec4<f32>();
    var r2 = vec4<f32>();
    var r3 = vec4<f32>();
    for (var k = 0u; k < k_quads; k++) {
        let at = k * 4u * n_quads + column;
        let a0 = a[row * k_quads + k];
        let a1 = a[(row + GROUP) * k_quads + k];
        let a2 = a[(row + GROUP * 2u) * k_quads + k];
        let a3 = a[(row + GROUP * 3u) * k_quads + k];
        let b0 = b[at];
        let b1 = b[at + n_quads];
        let b2 = b[at + n_quads * 2u];
        let b3 = b[at + n_quads * 3u];
        l0 = multiply_add(l0, a0, b0, b1, b2, b3);
        l1 = multiply_add(l1, a1, b0, b1, b2, b3);
        l2 = multiply_add(l2, a2, b0, b1, b2, b3);
        l3 = multiply_add(l3, a3, b0, b1, b2, b3);
        let d0 = b[at + 1u];
        let d1 = b[at + n_quads + 1u];
        let d2 = b[at + n_quads * 2u + 1u];
        let d3 = b[at + n_quads * 3u + 1u];
        r0 = multiply_add(r0, a0, d0, d1, d2, d3);
        r1 = multiply_add(r1, a1, d0, d1, d2, d3);
        r2 = multiply_add(r2, a2, d0, d1, d2, d3);
        r3 = multiply_add(r3, a3, d0, d1, d2, d3);
    }
    c[row * n_quads + column] = l0;
    c[row * n_quads + column + 1u] = r0;
    c[(row + GROUP) * n_quads + column] = l1;
    c[(row + GROUP) * n_quads + column + 1u] = r1;
    c[(row + GROUP * 2u) * n_quads + column] = l2;
    c[(row + GROUP * 2u) * n_quads + column + 1u] = r2;
    c[(row + GROUP * 3u) * n_quads + column] = l3;
    c[(row + GROUP * 3u) * n_quads + column + 1u] = r3;
}

/// Rows of A that a workgroup of `shared_tile` holds, and quads of k.
const TILE: u32 = 64u;
const TILE_QUADS: u32 = 4u;

var<workgroup> tile_a: array<vec4<f32>, 256>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

/// 64 x 64 outputs a workgroup, staged through workgroup memory 16 deep, 4 x 4 an invocation;
/// m and n multiples of 64, k of 16.
@compute @workgroup_size(16, 16)
fn shared_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let k_quads = params.k / 4u;
    let n_quads = params.n / 4u;
    let flat = local.y * 16u + local.x;
    var c0 = vec4<f32>();
    var c1 = vec4<f32>();
    var c2 = vec4<f32>();
    var c3 = vec4<f32>();
    for (var k = 0u; k < k_quads; k += TILE_QUADS) {
        tile_a[flat] = a[(group.x * TILE + flat / TILE_QUADS) * k_quads + k + flat % TILE_QUADS];
        tile_b[flat] = b[(k * 4u + flat / 16u) * n_quads + group.y * 16u + flat % 16u];
        workgroupBarrier();
        for (var q = 0u; q < TILE_QUADS; q++) {
            let b0 = tile_b[q * 64u + local.x];
            let b1 = tile_b[q * 64u + 16u + local.x];
            let b2 = tile_b[q * 64u + 32u + local.x];
            let b3 = tile_b[q * 64u + 48u + local.x];
            let row = local.y * 4u * TILE_QUADS + q;
            c0 = multiply_add(c0, tile_a[row], b0, b1, b2, b3);
            c1 = multiply_add(c1, tile_a[row + TILE_QUADS], b0, b1, b2, b3);
            c2 = multiply_add(c2, tile_a[row + TILE_QUADS * 2u], b0, b1, b2, b3);
            c3 = multiply_add(c3, tile_a[row + TILE_QUADS * 3u], b0, b1, b2, b3);
        }
        workgroupBarrier();
    }
    let at = (group.x * TILE + local.y * 4u) * n_quads + group.y * 16u + local.x;
    c[at] = c0;
    c[at + n_quads] = c1;
    c[at + n_quads * 2u] = c2;
    c[at + n_quads * 3u] = c3;
}

/// Four rows by eight columns, the eight quads of b shared by a subgroup of eight as in `conv2d.wgsl`.
@if(subgroups) @compute @workgroup_size(8)
fn shared_4x8(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let row = group.x * 32u + local.x;
    let column = group.y * 2u;
    let k_quads = params.k / 4u;
    let n_quads = params.n / 4u;
    var l0 = vec4<f32>();
    var l1 = vec4<f32>();
    var l2 = vec4<f32>();
    var l3 = vec4<f32>();
    var r0 = vec4<f32>();
    var r1 = vec4<f32>();
    var r2 = vec4<f32>();
    var r3 = vec4<f32>();
    var at = column + local.x / 2u * n_quads + local.x % 2u;
    for (var k = 0u; k < k_quads; k++) {
        let x0 = a[row * k_quads + k];
        let x1 = a[(row + 8u) * k_quads + k];
        let x2 = a[(row + 16u) * k_quads + k];
        let x3 = a[(row + 24u) * k_quads + k];
        let mine = b[at];
        at += n_quads * 4u;
        let b0 = subgroupBroadcast(mine, 0u);
        let b1 = subgroupBroadcast(mine, 2u);
        let b2 = subgroupBroadcast(mine, 4u);
        let b3 = subgroupBroadcast(mine, 6u);
        l0 = multiply_add(l0, x0, b0, b1, b2, b3);
        l1 = multiply_add(l1, x1, b0, b1, b2, b3);
        l2 = multiply_add(l2, x2, b0, b1, b2, b3);
        l3 = multiply_add(l3, x3, b0, b1, b2, b3);
        let d0 = subgroupBroadcast(mine, 1u);
        let d1 = subgroupBroadcast(mine, 3u);
        let d2 = subgroupBroadcast(mine, 5u);
        let d3 = subgroupBroadcast(mine, 7u);
        r0 = multiply_add(r0, x0, d0, d1, d2, d3);
        r1 = multiply_add(r1, x1, d0, d1, d2, d3);
        r2 = multiply_add(r2, x2, d0, d1, d2, d3);
        r3 = multiply_add(r3, x3, d0, d1, d2, d3);
    }
    c[row * n_quads + column] = l0;
    c[row * n_quads + column + 1u] = r0;
    c[(row + 8u) * n_quads + column] = l1;
    c[(row + 8u) * n_quads + column + 1u] = r1;
    c[(row + 16u) * n_quads + column] = l2;
    c[(row + 16u) * n_quads + column + 1u] = r2;
    c[(row + 24u) * n_quads + column] = l3;
    c[(row + 24u) * n_quads + column + 1u] = r3;
}
