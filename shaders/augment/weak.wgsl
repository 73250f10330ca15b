// Weak augmentation (reference, `libml/augment.py`): an optional horizontal flip, then a shift whose
// uncovered pixels are reflected about the border pixel, which is not repeated (numpy's 'reflect').

import package::common::indexing::flat_id;

struct Params {
    views: u32,
    height: u32,
    width: u32,
    unused: u32,
}

/// `augment::WeakDraw` in Rust
struct Draw {
    source: u32,
    dx: i32,
    dy: i32,
    flip: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sources: array<u32>;
@group(0) @binding(2) var<storage, read> draws: array<Draw>;
@group(0) @binding(3) var<storage, read_write> views: array<u32>;

/// Folds `i` into 0..n as often as it takes: ... 2 1 0 1 2 .. n-1 n-2 ...
fn reflect(i: i32, n: i32) -> i32 {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n - 1);
    // The fold is even, and GLSL leaves the remainder of a negative number open.
    let folded = abs(i) % period;
    return min(folded, period - folded);
}

/// views[v, y, x] = flipped source[reflect(y - dy), reflect(x - dx)]
@compute @workgroup_size(64)
fn weak(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    let pixels = params.height * params.width;
    if i >= params.views * pixels {
        return;
    }
    let draw = draws[i / pixels];
    let width = i32(params.width);
    var x = reflect(i32(i % params.width) - draw.dx, width);
    let y = reflect(i32(i % pixels / params.width) - draw.dy, i32(params.height));
    if draw.flip == 1u {
        x = width - 1 - x;
    }
    views[i] = sources[draw.source * pixels + u32(y * width + x)];
}
