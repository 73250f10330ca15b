// Plain f32 matrix products C = A B, the yardstick for the convolutions.

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
    let k_vec4s = params.k / 4u;
    let n_vec4s = params.n / 4u;
    var c0 = vec4<f32>();
    var c1 = vec4<f32>();
    var c2 = vec4<f32>();
    var c3 = vec4<f32>();
    var c4 = vec4<f32>();
    var c5 = vec4<f32>();
    var c6 = vec4<f32>();
    var c7 = vec4<f32>();
    for (var k = 0u; k < k_vec4s; k++) {
        let at = k * 4u * n_vec4s + group.y;
        let b0 = b[at];
        let b1 = b[at + n_vec4s];
        let b2 = b[at + n_vec4s * 2u];
        let b3 = b[at + n_vec4s * 3u];
        c0 = multiply_add(c0, a[row * k_vec4s + k], b0, b1, b2, b3);
        c1 = multiply_add(c1, a[(row + GROUP) * k_vec4s + k], b0, b1, b2, b3);
        c2 = multiply_add(c2, a[(row + GROUP * 2u) * k_vec4s + k], b0, b1, b2, b3);
        c3 = multiply_add(c3, a[(row + GROUP * 3u) * k_vec4s + k], b0, b1, b2, b3);
        c4 = multiply_add(c4, a[(row + GROUP * 4u) * k_vec4s + k], b0, b1, b2, b3);
        c5 = multiply_add(c5, a[(row + GROUP * 5u) * k_vec4s + k], b0, b1, b2, b3);
        c6 = multiply_add(c6, a[(row + GROUP * 6u) * k_vec4s + k], b0, b1, b2, b3);
        c7 = multiply_add(c7, a[(row + GROUP * 7u) * k_vec4s + k], b0, b1, b2, b3);
    }
    c[row * n_vec4s + group.y] = c0;
    c[(row + GROUP) * n_vec4s + group.y] = c1;
    c[(row + GROUP * 2u) * n_vec4s + group.y] = c2;
    c[(row + GROUP * 3u) * n_vec4s + group.y] = c3;
    c[(row + GROUP * 4u) * n_vec4s + group.y] = c4;
    c[(row + GROUP * 5u) * n_vec4s + group.y] = c5;
    c[(row + GROUP * 6u) * n_vec4s + group.y] = c6;
    c[(row + GROUP * 7u) * n_vec4s + group.y] = c7;
}

/// Rows of A in the workgroup memory of `shared_tile`, and vec4s of k.
const TILE: u32 = 64u;
const TILE_VEC4S: u32 = 4u;

var<workgroup> tile_a: array<vec4<f32>, 256>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

/// 64 x 64 outputs per workgroup, staged through workgroup memory 16 deep, 4 x 4 per invocation;
/// m and n multiples of 64, k of 16.
@compute @workgroup_size(16, 16)
fn shared_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let k_vec4s = params.k / 4u;
    let n_vec4s = params.n / 4u;
    let flat = local.y * 16u + local.x;
    var c0 = vec4<f32>();
    var c1 = vec4<f32>();
    var c2 = vec4<f32>();
    var c3 = vec4<f32>();
    for (var k = 0u; k < k_vec4s; k += TILE_VEC4S) {
        tile_a[flat] = a[(group.x * TILE + flat / TILE_VEC4S) * k_vec4s + k + flat % TILE_VEC4S];
        tile_b[flat] = b[(k * 4u + flat / 16u) * n_vec4s + group.y * 16u + flat % 16u];
        workgroupBarrier();
        for (var q = 0u; q < TILE_VEC4S; q++) {
            let b0 = tile_b[q * 64u + local.x];
            let b1 = tile_b[q * 64u + 16u + local.x];
            let b2 = tile_b[q * 64u + 32u + local.x];
            let b3 = tile_b[q * 64u + 48u + local.x];
            let row = local.y * 4u * TILE_VEC4S + q;
            c0 = multiply_add(c0, tile_a[row], b0, b1, b2, b3);
            c1 = multiply_add(c1, tile_a[row + TILE_VEC4S], b0, b1, b2, b3);
            c2 = multiply_add(c2, tile_a[row + TILE_VEC4S * 2u], b0, b1, b2, b3);
            c3 = multiply_add(c3, tile_a[row + TILE_VEC4S * 3u], b0, b1, b2, b3);
        }
        workgroupBarrier();
    }
    let at = (group.x * TILE + local.y * 4u) * n_vec4s + group.y * 16u + local.x;
    c[at] = c0;
    c[at + n_vec4s] = c1;
    c[at + n_vec4s * 2u] = c2;
    c[at + n_vec4s * 3u] = c3;
}
