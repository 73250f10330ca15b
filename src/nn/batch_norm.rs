//! Batch normalisation with the activation that follows it (`shaders/nn/batch_norm.wgsl`, `shaders/common/activation.wgsl`).

use bytemuck::{Pod, Zeroable};

use super::activation::{Activation, SLICE_ROWS, row_slices, tree_chain};
use crate::gpu::{Kernel, PlanBuilder, Tensor, groups_for_items};

/// TensorFlow's default, which the reference uses.
pub const EPSILON: f32 = 1e-3;
/// Weight of the old value in an update of the moving statistics, in the reference.
pub const MOMENTUM: f32 = 0.999;

/// The groups of a batch that are normalised separately, each with its own statistics (ghost batches).
#[derive(Clone, Copy, Debug)]
pub struct StatGroups {
    /// Number of groups; each has the same number of consecutive images.
    pub count: usize,
    /// The group whose statistics update the moving statistics, if any.
    pub moving: Option<usize>,
}

/// What follows a batch norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormActivation {
    /// max(z, 0.1 z)
    LeakyRelu,
    /// min(max(z, 0), 6)
    Relu6,
    /// Nothing: a linear bottleneck.
    Linear,
}

impl NormActivation {
    fn shader(self) -> &'static str {
        match self {
            Self::LeakyRelu => "nn/batch_norm",
            Self::Relu6 => "nn/batch_norm_relu6",
            Self::Linear => "nn/batch_norm_linear",
        }
    }
}

/// Batch normalisation over pixels and images, followed by an activation.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    pub name: String,
    pub channels: usize,
    pub activation: NormActivation,
    /// Weight of the old value in an update of the moving statistics.
    pub momentum: f32,
    /// [`ConvTiling::tree_invocations`](super::ConvTiling::tree_invocations)
    pub tree_invocations: u32,
    /// `[channels]`
    pub gamma: Tensor,
    /// `[channels]`
    pub beta: Tensor,
    /// `[channels]`
    pub moving_mean: Tensor,
    /// `[channels]`
    pub moving_variance: Tensor,
}

/// `Params` of `shaders/nn/batch_norm.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    rows: u32,
    channels_vec4: u32,
    stat_groups: u32,
    slices: u32,
    epsilon: f32,
    momentum: f32,
    moving_group: u32,
    accumulate: u32,
}

impl BatchNorm {
    fn params(&self, x: Activation, stat_groups: StatGroups, accumulate: bool) -> Params {
        let rows = x.pixels() / stat_groups.count;
        Params {
            rows: rows as u32,
            channels_vec4: x.channels_vec4() as u32,
            stat_groups: stat_groups.count as u32,
            slices: row_slices(rows) as u32,
            epsilon: EPSILON,
            momentum: self.momentum,
            moving_group: stat_groups.moving.map_or(u32::MAX, |group| group as u32),
            accumulate: u32::from(accumulate),
        }
    }

    fn kernel(&self, entry: &'static str) -> Kernel {
        Kernel::new(self.activation.shader(), entry)
    }

    /// A kernel that reads or writes feature maps, stored as `x` is.
    fn map_kernel(&self, entry: &'static str, x: Activation) -> Kernel {
        self.kernel(entry).stored_as(x.storage)
    }

    /// Records the normalisation of every group with its own statistics, plus `residual` after the activation if there is
    /// one: `(activated, coefficients)`; the coefficients `[group, 4, channels]` are inputs of [`BatchNorm::backward`].
    pub fn forward(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        stat_groups: StatGroups,
        residual: Option<Activation>,
    ) -> (Activation, Tensor) {
        let params = self.params(x, stat_groups, false);
        let slices = params.slices as usize;
        let columns = stat_groups.count * x.channels_vec4();
        let moments =
            b.tensor(format!("{}.moments", self.name), stat_groups.count * slices * 2 * self.channels);
        let coefficients =
            b.tensor(format!("{}.coefficients", self.name), stat_groups.count * 4 * self.channels);
        let groups = groups_for_items(columns * slices, 64);
        b.dispatch(self.map_kernel("slice_moments", x), &params, &[x.tensor, moments], groups).chain =
            SLICE_ROWS as u64 / 4;
        let bindings = [moments, self.gamma, self.beta, coefficients, self.moving_mean, self.moving_variance];
        let groups = [columns as u32, 1, 1];
        let kernel = self.kernel("training_coefficients").with("GROUP", self.tree_invocations.into());
        b.dispatch(kernel, &params, &bindings, groups).chain = tree_chain(slices);
        (self.apply(b, x, coefficients, params, residual), coefficients)
    }

    /// Records the normalisation with the moving statistics, plus `residual` after the activation if there is one.
    pub fn inference(&self, b: &mut PlanBuilder, x: Activation, residual: Option<Activation>) -> Activation {
        let params = self.params(x, StatGroups { count: 1, moving: None }, false);
        let coefficients = b.tensor(format!("{}.coefficients", self.name), 4 * self.channels);
        let bindings = [self.moving_mean, self.gamma, self.beta, coefficients, self.moving_variance];
        let groups = groups_for_items(x.channels_vec4(), 64);
        b.dispatch(self.kernel("inference_coefficients"), &params, &bindings, groups);
        self.apply(b, x, coefficients, params, residual)
    }

    fn apply(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        coefficients: Tensor,
        params: Params,
        residual: Option<Activation>,
    ) -> Activation {
        let y = x.like(b, &format!("{}.output", self.name));
        let groups = groups_for_items(x.pixels() * x.channels_vec4(), 64);
        let mut bindings = vec![x.tensor, coefficients, y.tensor];
        let entry = match residual {
            None => "apply",
            Some(residual) => {
                bindings.push(residual.tensor);
                "apply_add"
            }
        };
        b.dispatch(self.map_kernel(entry, x), &params, &bindings, groups);
        y
    }

    /// Records the backward pass: the gradient of the input, plus `other_path` if the input feeds the shortcut too.
    /// A residual's gradient is `d_out` itself.
    /// The gradients of gamma and beta `[channels]` are written, or added if `accumulate`.
    #[expect(clippy::too_many_arguments, reason = "a backward pass needs its whole forward state")]
    pub fn backward(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        coefficients: Tensor,
        d_out: Activation,
        stat_groups: StatGroups,
        [d_gamma, d_beta]: [Tensor; 2],
        other_path: Option<Activation>,
        accumulate: bool,
    ) -> Activation {
        let params = self.params(x, stat_groups, accumulate);
        let slices = params.slices as usize;
        let columns = stat_groups.count * x.channels_vec4();
        let partial = b
            .tensor(format!("{}.slice_gradients", self.name), stat_groups.count * slices * 2 * self.channels);
        let sums = b.tensor(format!("{}.group_sums", self.name), stat_groups.count * 2 * self.channels);
        let groups = groups_for_items(columns * slices, 64);
        let bindings = [x.tensor, coefficients, d_out.tensor, partial];
        b.dispatch(self.map_kernel("slice_backward", x), &params, &bindings, groups).chain =
            SLICE_ROWS as u64 / 4;
        let groups = [x.channels_vec4() as u32, 1, 1];
        let bindings = [partial, sums, d_gamma, d_beta];
        let group = 2 * self.tree_invocations;
        let kernel = self.kernel("parameter_gradients").with("GROUP", group.into());
        b.dispatch(kernel, &params, &bindings, groups).chain =
            stat_groups.count.div_ceil(2) as u64 * tree_chain(slices);
        let dx = x.like(b, &format!("{}.d_input", self.name));
        let groups = groups_for_items(x.pixels() * x.channels_vec4(), 64);
        let mut bindings = vec![x.tensor, coefficients, d_out.tensor, sums, dx.tensor];
        let entry = match other_path {
            None => "backward",
            Some(other) => {
                bindings.push(other.tensor);
                "backward_add"
            }
        };
        b.dispatch(self.map_kernel(entry, x), &params, &bindings, groups);
        dx
    }
}
