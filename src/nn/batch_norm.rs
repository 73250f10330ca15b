use bytemuck::{Pod, Zeroable};

use super::Activation;
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "nn/batch_norm";
/// TensorFlow's default, which the reference uses.
pub const EPSILON: f32 = 1e-3;
/// Share of the old value kept in the moving averages at each update, in the reference.
pub const MOMENTUM: f32 = 0.999;

/// How a batch is cut into passes with statistics of their own.
#[derive(Clone, Copy, Debug)]
pub struct Passes {
    /// Equal groups of images in the batch.
    pub count: usize,
    /// The pass whose statistics move the averages, if any.
    pub moving: Option<usize>,
}

/// Batch normalisation over pixels and images, followed by the leaky ReLU.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    pub name: String,
    pub channels: usize,
    /// Share of the old value kept in the moving averages at each update.
    pub momentum: f32,
    pub gamma: Tensor,
    pub beta: Tensor,
    pub moving_mean: Tensor,
    pub moving_variance: Tensor,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    quads: u32,
    passes: u32,
    slices: u32,
    epsilon: f32,
    momentum: f32,
    moving_pass: u32,
    accumulate: u32,
}

impl BatchNorm {
    fn params(&self, x: Activation, passes: Passes, accumulate: bool) -> Params {
        let rows = x.rows() / passes.count;
        Params {
            rows: rows as u32,
            quads: x.quads() as u32,
            passes: passes.count as u32,
            slices: (rows / 64).clamp(1, 64) as u32,
            epsilon: EPSILON,
            momentum: self.momentum,
            moving_pass: passes.moving.map_or(u32::MAX, |pass| pass as u32),
            accumulate: u32::from(accumulate),
        }
    }

    /// Normalises every pass with its own statistics: `(activated, coefficients)`; the coefficients
    /// `[pass, 4, channels]` are needed by [`BatchNorm::backward`].
    pub fn forward(&self, b: &mut PlanBuilder, x: Activation, passes: Passes) -> (Activation, Tensor) {
        let params = self.params(x, passes, false);
        let slices = params.slices as usize;
        let columns = passes.count * x.quads();
        let moments = b.tensor(format!("{}.moments", self.name), passes.count * slices * 2 * self.channels);
        let coefficients = b.tensor(format!("{}.coefficients", self.name), passes.count * 4 * self.channels);
        let groups = groups_for_items(columns * slices, 64);
        b.dispatch(Kernel::new(SHADER, "slice_moments"), &params, &[x.tensor, moments], groups);
        let bindings = [moments, self.gamma, self.beta, coefficients, self.moving_mean, self.moving_variance];
        let groups = groups_for_items(columns, 64);
        b.dispatch(Kernel::new(SHADER, "training_coefficients"), &params, &bindings, groups);
        (self.apply(b, x, coefficients, params), coefficients)
    }

    /// Normalises with the moving averages.
    pub fn inference(&self, b: &mut PlanBuilder, x: Activation) -> Activation {
        let params = self.params(x, Passes { count: 1, moving: None }, false);
        let coefficients = b.tensor(format!("{}.coefficients", self.name), 4 * self.channels);
        let bindings = [self.moving_mean, self.gamma, self.beta, coefficients, self.moving_variance];
        let groups = groups_for_items(x.quads(), 64);
        b.dispatch(Kernel::new(SHADER, "inference_coefficients"), &params, &bindings, groups);
        self.apply(b, x, coefficients, params)
    }

    fn apply(&self, b: &mut PlanBuilder, x: Activation, coefficients: Tensor, params: Params) -> Activation {
        let y = x.like(b, &format!("{}.output", self.name));
        let groups = groups_for_items(x.rows() * x.quads(), 64);
        b.dispatch(Kernel::new(SHADER, "apply"), &params, &[x.tensor, coefficients, y.tensor], groups);
        y
    }

    /// Gradient of the input, plus `other_path` if the input feeds the shortcut too; writes or adds the
    /// gradients of gamma and beta.
    #[expect(clippy::too_many_arguments, reason = "a backward pass needs its whole forward state")]
    pub fn backward(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        coefficients: Tensor,
        d_out: Activation,
        passes: Passes,
        [d_gamma, d_beta]: [Tensor; 2],
        other_path: Option<Activation>,
        accumulate: bool,
    ) -> Activation {
        let params = self.params(x, passes, accumulate);
        let slices = params.slices as usize;
        let columns = passes.count * x.quads();
        let partial =
            b.tensor(format!("{}.slice_gradients", self.name), passes.count * slices * 2 * self.channels);
        let sums = b.tensor(format!("{}.pass_sums", self.name), passes.count * 2 * self.channels);
        let groups = groups_for_items(columns * slices, 64);
        let bindings = [x.tensor, coefficients, d_out.tensor, partial];
        b.dispatch(Kernel::new(SHADER, "slice_backward"), &params, &bindings, groups);
        let groups = groups_for_items(x.quads(), 64);
        let bindings = [partial, sums, d_gamma, d_beta];
        b.dispatch(Kernel::new(SHADER, "parameter_gradients"), &params, &bindings, groups);
        let dx = x.like(b, &format!("{}.d_input", self.name));
        let groups = groups_for_items(x.rows() * x.quads(), 64);
        let mut bindings = vec![x.tensor, coefficients, d_out.tensor, sums, dx.tensor];
        let entry = match other_path {
            None => "backward",
            Some(other) => {
                bindings.push(other.tensor);
                "backward_add"
            }
        };
        b.dispatch(Kernel::new(SHADER, entry), &params, &bindings, groups);
        dx
    }
}
