// MixUp of the targets (paper, section 3.3 of MixMatch; images are mixed in `augment/assemble.wgsl`
// from the same table): label = lambda label_a + (1 - lambda) label_b.

import package::common::indexing::flat_id;
import package::common::images::Row;

struct Params {
    rows: u32,
    first_row: u32,
    batch: u32,
    classes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<Row>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
/// [batch, classes]: the guessed labels, shared by all views of an unlabelled image
@group(0) @binding(3) var<storage, read> guesses: array<f32>;
/// [rows, classes] from `first_row` on
@group(0) @binding(4) var<storage, read_write> targets: array<f32>;

/// Label of image `index` of [x, u_w, u_s1, .., u_sK], each a block of `batch`.
fn label(index: u32, c: u32) -> f32 {
    if index < params.batch {
        return select(0.0, 1.0, labels[index] == c);
    }
    return guesses[(index - params.batch) % params.batch * params.classes + c];
}

@compute @workgroup_size(64)
fn mix_targets(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.rows * params.classes {
        return;
    }
    let row = params.first_row + i / params.classes;
    let c = i % params.classes;
    let mixed = table[row];
    targets[row * params.classes + c] = mixed.lambda * label(mixed.a, c) + (1.0 - mixed.lambda) * label(mixed.b, c);
}
