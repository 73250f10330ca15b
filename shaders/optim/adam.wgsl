// Adam, decoupled weight decay and the weights' moving average, for all parameters in one dispatch.
// Order within a step: Adam, decay, average (specification 1.8).

import package::common::average::averaged_with;
import package::common::finite::are_finite;
import package::common::indexing::flat_id;
import package::common::step::Step;

struct Params {
    quads: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
}

/// Parameters begin at multiples of 64 words, so 16 quads share a decay flag.
const QUADS_A_BLOCK: u32 = 16u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> gradients: array<vec4<f32>>;
/// 1 where weight decay applies, a word for every 64
@group(0) @binding(3) var<storage, read> decayed: array<u32>;
@group(0) @binding(4) var<storage, read_write> weights: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> first_moment: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> second_moment: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> averaged: array<vec4<f32>>;
/// Where the first gradient is, and the first new state, that is not finite: quads from there to the end; 0 if
/// there is none. Zero before the dispatch.
@group(0) @binding(8) var<storage, read_write> faults: array<atomic<u32>>;

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.quads {
        return;
    }
    let g = gradients[i];
    let m = averaged_with(first_moment[i], g, step.beta1);
    let v = averaged_with(second_moment[i], g * g, step.beta2);
    first_moment[i] = m;
    second_moment[i] = v;
    var w = weights[i] - step.learning_rate * m / (sqrt(v) + step.epsilon);
    if decayed[i / QUADS_A_BLOCK] == 1u {
        w *= step.decay;
    }
    weights[i] = w;
    let average = averaged_with(averaged[i], w, step.ema);
    averaged[i] = average;
    if !are_finite(g) {
        atomicMax(&faults[0], params.quads - i);
    } else if !(are_finite(m) && are_finite(v) && are_finite(w) && are_finite(average)) {
        atomicMax(&faults[1], params.quads - i);
    }
}
