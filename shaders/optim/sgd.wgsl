// Stochastic gradient descent with Nesterov momentum, as PyTorch computes it, for all parameters in one dispatch.

import package::common::indexing::flat_id;
import package::common::numbers::are_finite;
import package::common::update::{finish_update, gradients, params, step, weights};

@group(0) @binding(5) var<storage, read_write> momentum: array<vec4<f32>>;

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.vec4s {
        return;
    }
    let g = gradients[i];
    let m = step.beta1 * momentum[i] + g;
    momentum[i] = m;
    let w = weights[i] - step.learning_rate * (g + step.beta1 * m);
    finish_update(i, g, w, are_finite(m));
}
