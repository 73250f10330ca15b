//! What a family of networks provides: its layers, and their passes recorded from the input to the last feature map. The pool
//! and the heads are [`Network`](super::Network)'s.

use std::fmt::Debug;

use super::activation::Activation;
use super::batch_norm::{BatchNorm, NormActivation, StatGroups};
use super::conv2d::Conv2d;
use super::depthwise::DepthwiseConv2d;
use super::graph::Listed;
use super::parameters::{Init, ParameterSet};
use super::product::Direction;
use crate::gpu::{MeasuredTiles, PlanBuilder, Tensor};

/// The layers of a network between its input and its pool, for images of one size.
pub(super) trait Backbone: Debug + Listed + Send + Sync {
    /// Adds parameters and statistics, in the order of the layers.
    fn lay_out(&self, layout: &mut Layout<'_>);

    /// The names of the stages from the input on, each with the number of parts up to its end; [`Layout::end_part`] ends a
    /// part. What follows the last stage is frozen with all layers alone.
    fn stages(&self) -> Vec<(String, usize)>;

    /// Channels of the last feature map.
    fn features(&self) -> usize;

    /// Every convolution with the size of its input: `(layer, height, width)`, stem first.
    fn convolutions(&self) -> Vec<(Conv2d, usize, usize)>;

    /// Every depthwise convolution with the size of its input.
    fn depthwise_convolutions(&self) -> Vec<(DepthwiseConv2d, usize, usize)> {
        Vec::new()
    }

    /// Records the forward pass with batch statistics: the last feature map and the backward pass to it. The first `frozen`
    /// parts use the moving statistics and have no backward pass.
    fn forward(
        &self,
        b: &mut PlanBuilder,
        pass: &Pass<'_>,
        input: Activation,
        stat_groups: StatGroups,
        frozen: usize,
    ) -> (Activation, BackboneTape);

    /// Records the forward pass with the moving statistics: the last feature map.
    fn inference(&self, b: &mut PlanBuilder, pass: &Pass<'_>, input: Activation) -> Activation;
}

/// Records the backward pass of a recorded forward pass, from the gradient of its last feature map.
pub(super) type BackboneTape = Box<dyn Fn(&mut PlanBuilder, &Backward<'_>, Activation)>;

/// Where layers add their parameters and statistics.
pub(super) struct Layout<'a> {
    pub parameters: &'a mut ParameterSet,
    pub statistics: &'a mut ParameterSet,
    /// Number of parameters up to the end of each part.
    pub parts: &'a mut Vec<usize>,
}

impl Layout<'_> {
    /// Adds the kernel `[k, k, logical_inputs, out]` of a convolution: N(0, 2 / (k^2 out)), He's rule on the fan-out.
    pub fn conv_kernel(&mut self, conv: &Conv2d, logical_inputs: usize) {
        let (k, out) = (conv.kernel, conv.out_channels);
        let init = Init::Normal((2.0 / (k * k * out) as f64).sqrt());
        let stored = (conv.in_channels != logical_inputs).then_some(conv.in_channels);
        let shape = vec![k, k, logical_inputs, out];
        self.parameters.add(format!("{}.kernel", conv.name), shape, stored, true, init);
    }

    /// Adds the bias of a convolution.
    pub fn conv_bias(&mut self, conv: &Conv2d) {
        self.parameters.add(format!("{}.bias", conv.name), vec![conv.out_channels], None, false, Init::Zeros);
    }

    /// Adds the kernel `[k, k, channels, 1]` of a depthwise convolution, whose fan-out is k^2.
    pub fn depthwise_kernel(&mut self, conv: &DepthwiseConv2d) {
        let k = conv.kernel;
        let init = Init::Normal((2.0 / (k * k) as f64).sqrt());
        self.parameters.add(format!("{}.kernel", conv.name), vec![k, k, conv.channels, 1], None, true, init);
    }

    /// Adds the parameters and the moving statistics of a batch norm.
    pub fn norm(&mut self, name: &str, channels: usize) {
        let Self { parameters, statistics, .. } = self;
        parameters.add(format!("{name}.gamma"), vec![channels], None, false, Init::Ones);
        parameters.add(format!("{name}.beta"), vec![channels], None, false, Init::Zeros);
        statistics.add(format!("{name}.mean"), vec![channels], None, false, Init::Zeros);
        statistics.add(format!("{name}.variance"), vec![channels], None, false, Init::Ones);
    }

    /// Ends a part: layers that are frozen together.
    pub fn end_part(&mut self) {
        self.parts.push(self.parameters.list.len());
    }
}

/// The packed tensors and settings that the passes of all layers share.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub parameters: &'a ParameterSet,
    pub statistics: &'a ParameterSet,
    pub tiles: &'a MeasuredTiles,
    /// [`BatchNorm::momentum`]
    pub momentum: f32,
    /// [`BatchNorm::tree_invocations`]
    pub tree_invocations: u32,
    pub weights: Tensor,
    /// Moving means and variances.
    pub moving: Tensor,
}

impl Pass<'_> {
    /// The kernel of a layer.
    pub fn kernel(&self, name: &str) -> Tensor {
        self.parameters.view(self.weights, &format!("{name}.kernel"))
    }

    /// The batch norm `name`.
    pub fn norm(&self, name: &str, channels: usize, activation: NormActivation) -> BatchNorm {
        BatchNorm {
            gamma: self.parameters.view(self.weights, &format!("{name}.gamma")),
            beta: self.parameters.view(self.weights, &format!("{name}.beta")),
            moving_mean: self.statistics.view(self.moving, &format!("{name}.mean")),
            moving_variance: self.statistics.view(self.moving, &format!("{name}.variance")),
            momentum: self.momentum,
            tree_invocations: self.tree_invocations,
            activation,
            name: name.to_owned(),
            channels,
        }
    }

    fn has_bias(&self, conv: &Conv2d) -> bool {
        self.parameters.find(&format!("{}.bias", conv.name)).is_some()
    }

    /// Records a convolution with the tile that was measured for it, plus `add` if there is one.
    pub fn conv(
        &self,
        b: &mut PlanBuilder,
        conv: &Conv2d,
        x: Activation,
        add: Option<Activation>,
    ) -> Activation {
        let kernel = self.kernel(&conv.name);
        let bias = match self.has_bias(conv) {
            true => self.parameters.view(self.weights, &format!("{}.bias", conv.name)),
            // Persistent memory is zero, and nothing writes to this.
            false => b.persistent(format!("{}.no_bias", conv.name), conv.out_channels),
        };
        let conv = conv.with_measured_tile(self.tiles, Direction::Forward, x);
        b.section(&conv.name, |b| conv.forward(b, x, kernel, bias, add))
    }
}

/// The buffers and settings that the backward passes of all layers share.
pub(super) struct Backward<'a> {
    pub pass: Pass<'a>,
    /// The layout of [`Network::trainable`](super::Network::trainable).
    pub trainable: &'a ParameterSet,
    pub gradients: Tensor,
    pub stat_groups: StatGroups,
    /// Whether parameter gradients are added to what is there.
    pub accumulate: bool,
}

impl Backward<'_> {
    fn gradient(&self, name: &str) -> Tensor {
        self.trainable.view(self.gradients, name)
    }

    /// Records the gradients of a convolution's kernel and, if it has one, its bias.
    pub fn conv_weights(&self, b: &mut PlanBuilder, conv: &Conv2d, x: Activation, d_out: Activation) {
        let d_kernel = self.gradient(&format!("{}.kernel", conv.name));
        let d_bias = self.pass.has_bias(conv).then(|| self.gradient(&format!("{}.bias", conv.name)));
        let conv = conv.with_measured_tile(self.pass.tiles, Direction::WeightGradient, x);
        b.section(&conv.name, |b| conv.weight_gradient(b, x, d_out, d_kernel, d_bias, self.accumulate));
    }

    /// Records the gradient of a convolution's input, plus `other_path` if the input feeds another branch.
    pub fn conv_data(
        &self,
        b: &mut PlanBuilder,
        conv: &Conv2d,
        x: Activation,
        d_out: Activation,
        other_path: Option<Activation>,
    ) -> Activation {
        let kernel = self.pass.kernel(&conv.name);
        let conv = conv.with_measured_tile(self.pass.tiles, Direction::DataGradient, x);
        b.section(&conv.name, |b| conv.data_gradient(b, x, d_out, kernel, other_path))
    }

    /// Records the gradients of a depthwise convolution's kernel and, unless its input is frozen, of its input.
    pub fn depthwise(
        &self,
        b: &mut PlanBuilder,
        conv: &DepthwiseConv2d,
        x: Activation,
        d_out: Activation,
        is_first: bool,
    ) -> Activation {
        let d_kernel = self.gradient(&format!("{}.kernel", conv.name));
        let kernel = self.pass.kernel(&conv.name);
        b.section(&conv.name, |b| {
            conv.weight_gradient(b, x, d_out, d_kernel, self.accumulate);
            if is_first { d_out } else { conv.data_gradient(b, x, d_out, kernel) }
        })
    }

    /// Records the backward pass of a batch norm: the gradient of its input `x`, plus `other_path` if the input feeds
    /// another branch.
    #[expect(clippy::too_many_arguments, reason = "a backward pass needs its whole forward state")]
    pub fn norm(
        &self,
        b: &mut PlanBuilder,
        name: &str,
        activation: NormActivation,
        x: Activation,
        coefficients: Tensor,
        d_out: Activation,
        other_path: Option<Activation>,
    ) -> Activation {
        let norm = self.pass.norm(name, x.channels, activation);
        let into = [self.gradient(&format!("{name}.gamma")), self.gradient(&format!("{name}.beta"))];
        b.section(name, |b| {
            norm.backward(b, x, coefficients, d_out, self.stat_groups, into, other_path, self.accumulate)
        })
    }
}
