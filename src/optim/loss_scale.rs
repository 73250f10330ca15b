//! The dynamic loss scale of training with feature maps in f16 (`shaders/optim/loss_scale.wgsl`).

use bytemuck::{Pod, Zeroable};

use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};
use crate::nn::BINDING_WORDS;

const SHADER: &str = "optim/loss_scale";

/// The state before the first step: a scale of 2^16, PyTorch's default, and no steps since it changed.
pub const FIRST_LOSS_SCALE: [f32; 2] = [65536.0, 0.0];

/// Steps without a fault after which the scale is doubled, PyTorch's default.
const GROWTH_STEPS: u32 = 2000;

/// A factor of the loss that keeps its gradients within the range of f16.
#[derive(Clone, Copy, Debug)]
pub struct LossScale {
    /// `[2]`: the scale, and the steps since it changed.
    pub state: Tensor,
    /// `[1]`, u32: 1 if a gradient of the step is NaN or infinite.
    found: Tensor,
}

/// `Params` of `shaders/optim/loss_scale.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    vec4s: u32,
    growth_steps: u32,
    unused: [u32; 2],
}

impl LossScale {
    /// Declares the scale's state.
    pub fn new(b: &mut PlanBuilder) -> Self {
        let mut tensor = |name: &str| b.persistent(name, BINDING_WORDS);
        let [state, found] = ["loss scale", "loss scale: gradients not finite"].map(&mut tensor);
        Self { state: state.slice(0, FIRST_LOSS_SCALE.len()), found: found.slice(0, 1) }
    }

    /// Records the multiplication of `gradient`, f32, by the scale. Its length is a multiple of four.
    pub fn record_scale(&self, b: &mut PlanBuilder, gradient: Tensor) {
        let bindings = [(1, self.state), (2, gradient)];
        Self::record(b, "scale_gradients", &bindings, gradient.words() / 4);
    }

    /// Records what precedes the update of the weights: `scaled` gradients divided by the scale, the scale of the next step
    /// and, in `step_block`, whether this one is skipped. Gradients that were not scaled are finite if the others are.
    pub fn record_unscale(&self, b: &mut PlanBuilder, scaled: Tensor, step_block: Tensor) {
        b.clear(self.found);
        let bindings = [(1, self.state), (2, scaled), (3, self.found)];
        Self::record(b, "unscale_gradients", &bindings, scaled.words() / 4);
        let bindings = [(1, self.state), (3, self.found), (4, step_block)];
        Self::record(b, "update_scale", &bindings, 1);
    }

    fn record(b: &mut PlanBuilder, entry: &'static str, bindings: &[(u32, Tensor)], vec4s: usize) {
        let params = Params { vec4s: vec4s as u32, growth_steps: GROWTH_STEPS, unused: [0; 2] };
        b.dispatch_at(Kernel::new(SHADER, entry), &params, bindings, groups_for_items(vec4s, 64));
    }
}
