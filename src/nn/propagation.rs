//! The passes of the Wide ResNet, recorded layer by layer: forward with batch statistics, inference with moving
//! statistics, and backward. There is no automatic differentiation: the backward pass is written out.

use super::activation::Activation;
use super::batch_norm::{BatchNorm, StatGroups};
use super::conv2d::Conv2d;
use super::heads::{Dense, GlobalAveragePool, Rows};
use super::product::Direction;
use super::wide_resnet::{Block, Head, POOL, WideResNet};
use crate::gpu::{PlanBuilder, Tensor};

/// The tensors of a forward pass that the backward pass reads.
pub struct Tape {
    input: Activation,
    stat_groups: StatGroups,
    blocks: Vec<BlockTape>,
    head_input: Activation,
    head_coefficients: Tensor,
    head_output: Activation,
}

struct BlockTape {
    x: Activation,
    coefficients1: Tensor,
    a1: Activation,
    h: Activation,
    coefficients2: Tensor,
    a2: Activation,
}

impl WideResNet {
    fn norm(&self, name: String, channels: usize, weights: Tensor, statistics: Tensor) -> BatchNorm {
        BatchNorm {
            gamma: self.parameters.view(weights, &format!("{name}.gamma")),
            beta: self.parameters.view(weights, &format!("{name}.beta")),
            moving_mean: self.statistics.view(statistics, &format!("{name}.mean")),
            moving_variance: self.statistics.view(statistics, &format!("{name}.variance")),
            momentum: self.momentum,
            tree_invocations: self.stem.tiling.tree_invocations,
            name,
            channels,
        }
    }

    fn conv(
        &self,
        b: &mut PlanBuilder,
        conv: &Conv2d,
        weights: Tensor,
        x: Activation,
        add: Option<Activation>,
    ) -> Activation {
        let kernel = self.parameters.view(weights, &format!("{}.kernel", conv.name));
        let bias = self.parameters.view(weights, &format!("{}.bias", conv.name));
        let conv = conv.with_measured_tile(&self.tiles, Direction::Forward, x);
        b.section(&conv.name, |b| conv.forward(b, x, kernel, bias, add))
    }

    fn shortcut(
        &self,
        b: &mut PlanBuilder,
        block: &Block,
        weights: Tensor,
        x: Activation,
        a1: Activation,
    ) -> Activation {
        let source = if block.shortcut_activated { a1 } else { x };
        match &block.shortcut {
            Some(conv) => self.conv(b, conv, weights, source, None),
            None => source,
        }
    }

    /// Records the forward pass with batch statistics: the pooled embedding `[images, features]` and the tape.
    pub fn forward(
        &self,
        b: &mut PlanBuilder,
        weights: Tensor,
        statistics: Tensor,
        input: Activation,
        stat_groups: StatGroups,
    ) -> (Tensor, Tape) {
        let mut x = self.conv(b, &self.stem, weights, input, None);
        let mut tapes = Vec::new();
        for block in &self.blocks {
            let norm1 = self.norm(format!("{}.bn1", block.name), x.channels, weights, statistics);
            let (a1, coefficients1) = b.section(&norm1.name, |b| norm1.forward(b, x, stat_groups));
            let shortcut = self.shortcut(b, block, weights, x, a1);
            let h = self.conv(b, &block.conv1, weights, a1, None);
            let norm2 = self.norm(format!("{}.bn2", block.name), h.channels, weights, statistics);
            let (a2, coefficients2) = b.section(&norm2.name, |b| norm2.forward(b, h, stat_groups));
            let out = self.conv(b, &block.conv2, weights, a2, Some(shortcut));
            tapes.push(BlockTape { x, coefficients1, a1, h, coefficients2, a2 });
            x = out;
        }
        let norm = self.norm("head.bn".into(), x.channels, weights, statistics);
        let (a, coefficients) = b.section(&norm.name, |b| norm.forward(b, x, stat_groups));
        let embedding = b.section(POOL, |b| GlobalAveragePool::forward(b, a));
        let tape = Tape {
            input,
            stat_groups,
            blocks: tapes,
            head_input: x,
            head_coefficients: coefficients,
            head_output: a,
        };
        (embedding, tape)
    }

    /// Records the forward pass with the moving statistics: the pooled embedding `[images, features]`.
    pub fn inference(
        &self,
        b: &mut PlanBuilder,
        weights: Tensor,
        statistics: Tensor,
        input: Activation,
    ) -> Tensor {
        let mut x = self.conv(b, &self.stem, weights, input, None);
        for block in &self.blocks {
            let norm1 = self.norm(format!("{}.bn1", block.name), x.channels, weights, statistics);
            let a1 = b.section(&norm1.name, |b| norm1.inference(b, x));
            let shortcut = self.shortcut(b, block, weights, x, a1);
            let h = self.conv(b, &block.conv1, weights, a1, None);
            let norm2 = self.norm(format!("{}.bn2", block.name), h.channels, weights, statistics);
            let a2 = b.section(&norm2.name, |b| norm2.inference(b, h));
            x = self.conv(b, &block.conv2, weights, a2, Some(shortcut));
        }
        let norm = self.norm("head.bn".into(), x.channels, weights, statistics);
        let a = b.section(&norm.name, |b| norm.inference(b, x));
        b.section(POOL, |b| GlobalAveragePool::forward(b, a))
    }

    fn head(&self, head: Head) -> &Dense {
        match head {
            Head::Classify => &self.classify,
            Head::Rotation => &self.rotation,
        }
    }

    /// Records the logits `[rows, outputs]` of a head for some rows of the embedding `[images, features]`.
    pub fn logits(
        &self,
        b: &mut PlanBuilder,
        head: Head,
        weights: Tensor,
        embedding: Tensor,
        rows: Rows,
    ) -> Tensor {
        let dense = self.head(head);
        let kernel = self.parameters.view(weights, &format!("{}.kernel", dense.name));
        let bias = self.parameters.view(weights, &format!("{}.bias", dense.name));
        b.section(&dense.name, |b| dense.forward(b, embedding, rows, kernel, bias))
    }

    /// Records the backward pass of a head from `d_logits` `[rows, outputs]`: the gradients of its rows of the embedding,
    /// and of its parameters, which are added if `accumulate`.
    #[expect(clippy::too_many_arguments, reason = "a backward pass needs its whole forward state")]
    pub fn logits_backward(
        &self,
        b: &mut PlanBuilder,
        head: Head,
        [weights, gradients]: [Tensor; 2],
        embedding: Tensor,
        d_logits: Tensor,
        rows: Rows,
        d_embedding: Tensor,
        accumulate: bool,
    ) {
        let dense = self.head(head);
        let view = |packed, name: &str| self.parameters.view(packed, &format!("{}.{name}", dense.name));
        let into = [view(gradients, "kernel"), view(gradients, "bias")];
        b.section(&dense.name, |b| {
            dense.data_gradient(b, d_logits, rows, view(weights, "kernel"), d_embedding);
            dense.weight_gradient(b, embedding, d_logits, rows, into, accumulate);
        });
    }

    /// Records the backward pass from `d_embedding` `[images, features]`; parameter gradients are written, or added if
    /// `accumulate`.
    pub fn backward(
        &self,
        b: &mut PlanBuilder,
        [weights, gradients, statistics]: [Tensor; 3],
        tape: &Tape,
        d_embedding: Tensor,
        accumulate: bool,
    ) {
        let context = Backward {
            network: self,
            weights,
            gradients,
            statistics,
            stat_groups: tape.stat_groups,
            accumulate,
        };
        let d_pooled = b.section(POOL, |b| GlobalAveragePool::backward(b, tape.head_output, d_embedding));
        let mut d_x = context.norm(b, "head.bn", tape.head_input, tape.head_coefficients, d_pooled, None);
        for (block, t) in self.blocks.iter().zip(&tape.blocks).rev() {
            d_x = context.block(b, block, t, d_x);
        }
        context.conv_weights(b, &self.stem, tape.input, d_x);
    }
}

/// The buffers and settings that the backward passes of all layers share.
struct Backward<'a> {
    network: &'a WideResNet,
    weights: Tensor,
    gradients: Tensor,
    statistics: Tensor,
    stat_groups: StatGroups,
    accumulate: bool,
}

impl Backward<'_> {
    fn block(&self, b: &mut PlanBuilder, block: &Block, t: &BlockTape, d_out: Activation) -> Activation {
        self.conv_weights(b, &block.conv2, t.a2, d_out);
        let d_a2 = self.conv_data(b, &block.conv2, t.a2, d_out, None);
        let d_h = self.norm(b, &format!("{}.bn2", block.name), t.h, t.coefficients2, d_a2, None);
        self.conv_weights(b, &block.conv1, t.a1, d_h);
        let shortcut_source = if block.shortcut_activated { t.a1 } else { t.x };
        let d_shortcut = match &block.shortcut {
            Some(conv) => {
                self.conv_weights(b, conv, shortcut_source, d_out);
                self.conv_data(b, conv, shortcut_source, d_out, None)
            }
            None => d_out,
        };
        let name = format!("{}.bn1", block.name);
        if block.shortcut_activated {
            let d_a1 = self.conv_data(b, &block.conv1, t.a1, d_h, Some(d_shortcut));
            self.norm(b, &name, t.x, t.coefficients1, d_a1, None)
        } else {
            let d_a1 = self.conv_data(b, &block.conv1, t.a1, d_h, None);
            self.norm(b, &name, t.x, t.coefficients1, d_a1, Some(d_shortcut))
        }
    }

    fn gradient(&self, name: String) -> Tensor {
        self.network.parameters.view(self.gradients, &name)
    }

    fn conv_weights(&self, b: &mut PlanBuilder, conv: &Conv2d, x: Activation, d_out: Activation) {
        let d_kernel = self.gradient(format!("{}.kernel", conv.name));
        let d_bias = self.gradient(format!("{}.bias", conv.name));
        let conv = conv.with_measured_tile(&self.network.tiles, Direction::WeightGradient, x);
        b.section(&conv.name, |b| conv.weight_gradient(b, x, d_out, d_kernel, d_bias, self.accumulate));
    }

    fn conv_data(
        &self,
        b: &mut PlanBuilder,
        conv: &Conv2d,
        x: Activation,
        d_out: Activation,
        other_path: Option<Activation>,
    ) -> Activation {
        let kernel = self.network.parameters.view(self.weights, &format!("{}.kernel", conv.name));
        let conv = conv.with_measured_tile(&self.network.tiles, Direction::DataGradient, x);
        b.section(&conv.name, |b| conv.data_gradient(b, x, d_out, kernel, other_path))
    }

    fn norm(
        &self,
        b: &mut PlanBuilder,
        name: &str,
        x: Activation,
        coefficients: Tensor,
        d_out: Activation,
        other_path: Option<Activation>,
    ) -> Activation {
        let norm = self.network.norm(name.to_owned(), x.channels, self.weights, self.statistics);
        let into = [self.gradient(format!("{name}.gamma")), self.gradient(format!("{name}.beta"))];
        b.section(name, |b| {
            norm.backward(b, x, coefficients, d_out, self.stat_groups, into, other_path, self.accumulate)
        })
    }
}
