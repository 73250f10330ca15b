// The part that all optimisers share: their buffers, and the end of an update (weight decay, EMA, NaN/Inf report).
// State tensors are at bindings 5 and 6 of the optimiser's own shader.
// Order within a step: the optimiser's rule, decay, EMA (specification 1.8).

import package::common::numbers::{ema_update, are_finite};
import package::common::step::Step;

struct Params {
    vec4s: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
}

/// Parameters begin at multiples of 64 words, so 16 vec4s share a decay flag.
const VEC4S_PER_FLAG: u32 = 16u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read> gradients: array<vec4<f32>>;
/// one flag per 64 words: 1 where weight decay applies
@group(0) @binding(3) var<storage, read> decayed: array<u32>;
@group(0) @binding(4) var<storage, read_write> weights: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> ema: array<vec4<f32>>;
/// [2]: distance from the end, in vec4s, of the first gradient and of the first new state that is NaN or infinite;
/// 0 if all are finite. Zero before the dispatch.
@group(0) @binding(8) var<storage, read_write> faults: array<atomic<u32>>;

/// Stores new weights `new_weights` of vec4 `i` with their decay and EMA, and reports NaN/Inf. `state_finite` says
/// whether the optimiser's own new state is finite.
fn finish_update(i: u32, gradient: vec4<f32>, new_weights: vec4<f32>, state_finite: bool) {
    var w = new_weights;
    if decayed[i / VEC4S_PER_FLAG] == 1u {
        w *= step.decay;
    }
    weights[i] = w;
    let new_ema = ema_update(ema[i], w, step.ema);
    ema[i] = new_ema;
    if !are_finite(gradient) {
        atomicMax(&faults[0], params.vec4s - i);
    } else if !(state_finite && are_finite(w) && are_finite(new_ema)) {
        atomicMax(&faults[1], params.vec4s - i);
    }
}
