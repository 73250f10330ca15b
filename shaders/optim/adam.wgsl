// Adam (arXiv 1412.6980), for all parameters in one dispatch.

import package::common::numbers::{ema_update, are_finite};
import package::common::indexing::flat_id;
import package::common::update::{finish_update, gradients, params, step, weights};

@group(0) @binding(5) var<storage, read_write> first_moment: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> second_moment: array<vec4<f32>>;

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = flat_id(id, groups);
    if i >= params.vec4s || step.skipped == 1u {
        return;
    }
    let g = gradients[i];
    let m = ema_update(first_moment[i], g, step.beta1);
    let v = ema_update(second_moment[i], g * g, step.beta2);
    first_moment[i] = m;
    second_moment[i] = v;
    let w = weights[i] - step.learning_rate * m / (sqrt(v) + step.epsilon);
    finish_update(i, g, w, are_finite(m) && are_finite(v));
}
