//! The reference's Wide ResNet (`libml/models.py`): pre-activation blocks, two linear heads.

mod layers;

pub use layers::Layer;

use super::batch_norm::{BatchNorm, MOMENTUM, Passes};
use super::parameters::{Init, ParameterSet};
use super::{Activation, Architecture, Conv2d, Dense, GlobalAveragePool, Rows};
use crate::gpu::{PlanBuilder, Tensor, Tiling};

/// Name of the layer between the last feature map and the heads.
const POOL: &str = "pool";

/// A residual block: `out = shortcut + conv2(act(bn2(conv1(act(bn1(x))))))`.
#[derive(Clone, Debug)]
struct Block {
    name: String,
    conv1: Conv2d,
    conv2: Conv2d,
    /// A 1x1 convolution where the channels change.
    shortcut: Option<Conv2d>,
    /// The network's very first block feeds its activated input to the shortcut as well.
    shortcut_activated: bool,
}

/// Which linear head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// `C` classes.
    Classify,
    /// Four rotations (paper, section 3.3: the rotation loss).
    Rotation,
}

/// The network: its layers and the layout of its parameters and moving statistics.
#[derive(Clone, Debug)]
pub struct WideResNet {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub classes: usize,
    /// Length of the pooled embedding.
    pub features: usize,
    /// Share of the old moving mean and variance kept at each update of them.
    pub momentum: f32,
    /// Trainable parameters, the rotation head last.
    pub parameters: ParameterSet,
    /// Moving means and variances of the batch norms.
    pub statistics: ParameterSet,
    stem: Conv2d,
    blocks: Vec<Block>,
    classify: Dense,
    rotation: Dense,
}

/// What the backward pass needs of a forward pass.
pub struct Tape {
    input: Activation,
    passes: Passes,
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
    /// Lays out the network for images `[height, width, channels]` and `classes` classes;
    /// `tiling` is that of its convolutions.
    ///
    /// # Errors
    /// As [`Architecture::validate`].
    pub fn new(
        architecture: &Architecture,
        [height, width, channels]: [usize; 3],
        classes: usize,
        tiling: Tiling,
    ) -> Result<Self, super::NetworkError> {
        architecture.validate(height, width)?;
        let conv = |name: String, in_channels, out_channels, kernel, stride| Conv2d {
            name,
            in_channels,
            out_channels,
            kernel,
            stride,
            tiling,
        };
        let stem = conv("stem".into(), 4, architecture.stem_filters, 3, architecture.stem_stride);
        let mut blocks = Vec::new();
        let mut inputs = architecture.stem_filters;
        for scale in 0..architecture.scales_for(width) {
            let filters = architecture.filters << scale;
            for repeat in 0..architecture.repeat {
                let name = format!("scale{scale}.block{repeat}");
                let stride = if scale > 0 && repeat == 0 { 2 } else { 1 };
                let shortcut =
                    (inputs != filters).then(|| conv(format!("{name}.shortcut"), inputs, filters, 1, stride));
                blocks.push(Block {
                    conv1: conv(format!("{name}.conv1"), inputs, filters, 3, stride),
                    conv2: conv(format!("{name}.conv2"), filters, filters, 3, 1),
                    shortcut,
                    shortcut_activated: blocks.is_empty(),
                    name,
                });
                inputs = filters;
            }
        }
        let head = |name: &str, outputs| Dense { name: name.into(), inputs, outputs };
        let mut network = Self {
            height,
            width,
            channels,
            classes,
            features: inputs,
            momentum: MOMENTUM,
            parameters: ParameterSet::default(),
            statistics: ParameterSet::default(),
            stem,
            blocks,
            classify: head("classify", classes),
            rotation: head("rotation", 4),
        };
        network.lay_out();
        Ok(network)
    }

    fn lay_out(&mut self) {
        let Self { parameters, statistics, .. } = self;
        let conv = |parameters: &mut ParameterSet, conv: &Conv2d, logical_inputs: usize| {
            let (k, out) = (conv.kernel, conv.out_channels);
            let init = Init::Normal((2.0 / (k * k * out) as f64).sqrt());
            let stored = (conv.in_channels != logical_inputs).then_some(conv.in_channels);
            let shape = vec![k, k, logical_inputs, out];
            parameters.add(format!("{}.kernel", conv.name), shape, stored, true, init);
            parameters.add(format!("{}.bias", conv.name), vec![out], None, false, Init::Zeros);
        };
        let mut norm = |parameters: &mut ParameterSet, name: String, channels: usize| {
            parameters.add(format!("{name}.gamma"), vec![channels], None, false, Init::Ones);
            parameters.add(format!("{name}.beta"), vec![channels], None, false, Init::Zeros);
            statistics.add(format!("{name}.mean"), vec![channels], None, false, Init::Zeros);
            statistics.add(format!("{name}.variance"), vec![channels], None, false, Init::Ones);
        };
        conv(parameters, &self.stem, self.channels);
        for block in &self.blocks {
            norm(parameters, format!("{}.bn1", block.name), block.conv1.in_channels);
            conv(parameters, &block.conv1, block.conv1.in_channels);
            norm(parameters, format!("{}.bn2", block.name), block.conv2.in_channels);
            conv(parameters, &block.conv2, block.conv2.in_channels);
            if let Some(shortcut) = &block.shortcut {
                conv(parameters, shortcut, shortcut.in_channels);
            }
        }
        norm(parameters, "head.bn".into(), self.features);
        for head in [&self.classify, &self.rotation] {
            let init = Init::TruncatedNormal((2.0 / (head.inputs + head.outputs) as f64).sqrt());
            parameters.add(
                format!("{}.kernel", head.name),
                vec![head.inputs, head.outputs],
                None,
                true,
                init,
            );
            parameters.add(format!("{}.bias", head.name), vec![head.outputs], None, false, Init::Zeros);
        }
    }

    /// Declares the input of `images` images: NHWC with channels padded to four.
    pub fn input(&self, b: &mut PlanBuilder, name: &str, images: usize) -> Activation {
        Activation::new(b, name, [images, self.height, self.width, 4])
    }

    fn norm(&self, name: String, channels: usize, weights: Tensor, statistics: Tensor) -> BatchNorm {
        BatchNorm {
            gamma: self.parameters.view(weights, &format!("{name}.gamma")),
            beta: self.parameters.view(weights, &format!("{name}.beta")),
            moving_mean: self.statistics.view(statistics, &format!("{name}.mean")),
            moving_variance: self.statistics.view(statistics, &format!("{name}.variance")),
            momentum: self.momentum,
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
        b.part(&conv.name, |b| conv.forward(b, x, kernel, bias, add))
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

    /// Forward pass with batch statistics: the pooled embedding `[images, features]` and the tape.
    pub fn forward(
        &self,
        b: &mut PlanBuilder,
        weights: Tensor,
        statistics: Tensor,
        input: Activation,
        passes: Passes,
    ) -> (Tensor, Tape) {
        let mut x = self.conv(b, &self.stem, weights, input, None);
        let mut tapes = Vec::new();
        for block in &self.blocks {
            let norm1 = self.norm(format!("{}.bn1", block.name), x.channels, weights, statistics);
            let (a1, coefficients1) = b.part(&norm1.name, |b| norm1.forward(b, x, passes));
            let shortcut = self.shortcut(b, block, weights, x, a1);
            let h = self.conv(b, &block.conv1, weights, a1, None);
            let norm2 = self.norm(format!("{}.bn2", block.name), h.channels, weights, statistics);
            let (a2, coefficients2) = b.part(&norm2.name, |b| norm2.forward(b, h, passes));
            let out = self.conv(b, &block.conv2, weights, a2, Some(shortcut));
            tapes.push(BlockTape { x, coefficients1, a1, h, coefficients2, a2 });
            x = out;
        }
        let norm = self.norm("head.bn".into(), x.channels, weights, statistics);
        let (a, coefficients) = b.part(&norm.name, |b| norm.forward(b, x, passes));
        let embedding = b.part(POOL, |b| GlobalAveragePool::forward(b, a));
        let tape = Tape {
            input,
            passes,
            blocks: tapes,
            head_input: x,
            head_coefficients: coefficients,
            head_output: a,
        };
        (embedding, tape)
    }

    /// Forward pass with the moving statistics: the pooled embedding `[images, features]`.
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
            let a1 = b.part(&norm1.name, |b| norm1.inference(b, x));
            let shortcut = self.shortcut(b, block, weights, x, a1);
            let h = self.conv(b, &block.conv1, weights, a1, None);
            let norm2 = self.norm(format!("{}.bn2", block.name), h.channels, weights, statistics);
            let a2 = b.part(&norm2.name, |b| norm2.inference(b, h));
            x = self.conv(b, &block.conv2, weights, a2, Some(shortcut));
        }
        let norm = self.norm("head.bn".into(), x.channels, weights, statistics);
        let a = b.part(&norm.name, |b| norm.inference(b, x));
        b.part(POOL, |b| GlobalAveragePool::forward(b, a))
    }

    fn head(&self, head: Head) -> &Dense {
        match head {
            Head::Classify => &self.classify,
            Head::Rotation => &self.rotation,
        }
    }

    /// Logits of a head for some rows of the embedding.
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
        b.part(&dense.name, |b| dense.forward(b, embedding, rows, kernel, bias))
    }

    /// Backward pass of a head: gradients of its parameters and of its rows of the embedding.
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
        let view = |packed, part: &str| self.parameters.view(packed, &format!("{}.{part}", dense.name));
        let into = [view(gradients, "kernel"), view(gradients, "bias")];
        b.part(&dense.name, |b| {
            dense.data_gradient(b, d_logits, rows, view(weights, "kernel"), d_embedding);
            dense.weight_gradient(b, embedding, d_logits, rows, into, accumulate);
        });
    }

    /// Backward pass from the embedding's gradient; parameter gradients are written or added.
    pub fn backward(
        &self,
        b: &mut PlanBuilder,
        [weights, gradients, statistics]: [Tensor; 3],
        tape: &Tape,
        d_embedding: Tensor,
        accumulate: bool,
    ) {
        let context =
            Backward { network: self, weights, gradients, statistics, passes: tape.passes, accumulate };
        let d_pooled = b.part(POOL, |b| GlobalAveragePool::backward(b, tape.head_output, d_embedding));
        let mut d_x = context.norm(b, "head.bn", tape.head_input, tape.head_coefficients, d_pooled, None);
        for (block, t) in self.blocks.iter().zip(&tape.blocks).rev() {
            d_x = context.block(b, block, t, d_x);
        }
        context.conv_weights(b, &self.stem, tape.input, d_x);
    }
}

/// The buffers and settings that every layer's backward pass shares.
struct Backward<'a> {
    network: &'a WideResNet,
    weights: Tensor,
    gradients: Tensor,
    statistics: Tensor,
    passes: Passes,
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
        b.part(&conv.name, |b| conv.weight_gradient(b, x, d_out, d_kernel, d_bias, self.accumulate));
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
        b.part(&conv.name, |b| conv.data_gradient(b, x, d_out, kernel, other_path))
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
        b.part(name, |b| {
            norm.backward(b, x, coefficients, d_out, self.passes, into, other_path, self.accumulate)
        })
    }
}
