// The dynamic loss scale of training with feature maps in f16, whose smallest gradients would vanish: the loss is multiplied by
// the scale, the parameter gradients by its inverse. A step with a gradient that is NaN or infinite is left out and the scale
// halved; after `growth_steps` steps without one it is doubled (Micikevicius et al., arXiv 1710.03740, section 3.2; factors
// and interval of PyTorch's GradScaler).
//
// In range: invocations past the last item return before they read.

import package::common::indexing::flat_id;
import package::common::numbers::are_finite;
import package::common::step::Step;

struct Params {
    vec4s: u32,
    /// steps without a fault after which the scale is doubled
    growth_steps: u32,
    unused_a: u32,
    unused_b: u32,
}

/// Largest scale.
const LARGEST: f32 = 16777216.0;

@group(0) @binding(0) var<uniform> params: Params;
/// [2]: the scale, a power of two, and the steps since it changed
@group(0) @binding(1) var<storage, read_write> state: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradients: array<vec4<f32>>;
/// 1 if a gradient is NaN or infinite. Zero before the step's last dispatches.
@group(0) @binding(3) var<storage, read_write> found: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> step: Step;

/// gradients *= scale
@compute @workgroup_size(64)
fn scale_gradients(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i < params.vec4s {
        gradients[i] *= state[0];
    }
}

/// gradients /= scale, and whether all are finite.
@compute @workgroup_size(64)
fn unscale_gradients(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.vec4s {
        return;
    }
    // The scale is a power of two: its inverse is exact.
    let gradient = gradients[i] * (1.0 / state[0]);
    gradients[i] = gradient;
    if !are_finite(gradient) {
        atomicMax(&found[0], 1u);
    }
}

/// The scale of the next step, and whether this step leaves the weights as they are. At a scale of 1 a fault is not one of
/// the scale: the update reports it.
@compute @workgroup_size(1)
fn update_scale() {
    let is_faulty = atomicLoad(&found[0]) == 1u;
    if is_faulty && state[0] > 1.0 {
        step.skipped = 1u;
        state[0] *= 0.5;
        state[1] = 0.0;
        return;
    }
    state[1] += 1.0;
    if state[1] >= f32(params.growth_steps) {
        state[0] = min(state[0] * 2.0, LARGEST);
        state[1] = 0.0;
    }
}
