//! The passes of the Wide ResNet, recorded layer by layer: forward with batch statistics, inference with moving
//! statistics, and backward. There is no automatic differentiation: the backward pass is written out.

use super::activation::Activation;
use super::backbone::{Backbone, BackboneTape, Backward, Layout, Pass};
use super::batch_norm::{NormActivation, StatGroups};
use super::conv2d::Conv2d;
use super::graph::{GraphBuilder, Listed, Map};
use super::wide_resnet::{Block, WideResNetLayers};
use crate::gpu::{PlanBuilder, Tensor};

const ACTIVATION: NormActivation = NormActivation::LeakyRelu;
/// Name of the batch norm after the last block.
const HEAD_NORM: &str = "head.bn";

/// The tensors of a forward pass that the backward pass reads.
struct Tape {
    /// `None` if the stem is frozen.
    stem_input: Option<Activation>,
    /// Of the blocks that are trained, the last of all.
    blocks: Vec<BlockTape>,
    head_input: Activation,
    head_coefficients: Tensor,
}

struct BlockTape {
    x: Activation,
    coefficients1: Tensor,
    a1: Activation,
    h: Activation,
    coefficients2: Tensor,
    a2: Activation,
}

impl Backbone for WideResNetLayers {
    fn lay_out(&self, layout: &mut Layout<'_>) {
        let conv = |layout: &mut Layout<'_>, conv: &Conv2d, logical_inputs: usize| {
            layout.conv_kernel(conv, logical_inputs);
            layout.conv_bias(conv);
        };
        conv(layout, &self.stem, self.channels);
        layout.end_part();
        for block in &self.blocks {
            layout.norm(&format!("{}.bn1", block.name), block.conv1.in_channels);
            conv(layout, &block.conv1, block.conv1.in_channels);
            layout.norm(&format!("{}.bn2", block.name), block.conv2.in_channels);
            conv(layout, &block.conv2, block.conv2.in_channels);
            if let Some(shortcut) = &block.shortcut {
                conv(layout, shortcut, shortcut.in_channels);
            }
            layout.end_part();
        }
        layout.norm(HEAD_NORM, self.features);
        layout.end_part();
    }

    fn stages(&self) -> Vec<(String, usize)> {
        let mut stages = vec![("stem".to_owned(), 1)];
        for (index, block) in self.blocks.iter().enumerate() {
            let scale = block.name.split('.').next().unwrap_or_default();
            match stages.last_mut().filter(|(stage, _)| stage == scale) {
                Some((_, parts)) => *parts = index + 2,
                None => stages.push((scale.to_owned(), index + 2)),
            }
        }
        stages
    }

    fn features(&self) -> usize {
        self.features
    }

    fn convolutions(&self) -> Vec<(Conv2d, usize, usize)> {
        let [mut h, mut w] = self.size;
        let mut all = vec![(self.stem.clone(), h, w)];
        (h, w) = (h.div_ceil(self.stem.stride), w.div_ceil(self.stem.stride));
        for block in &self.blocks {
            all.push((block.conv1.clone(), h, w));
            all.extend(block.shortcut.iter().map(|c| (c.clone(), h, w)));
            (h, w) = (h.div_ceil(block.conv1.stride), w.div_ceil(block.conv1.stride));
            all.push((block.conv2.clone(), h, w));
        }
        all
    }

    fn forward(
        &self,
        b: &mut PlanBuilder,
        pass: &Pass<'_>,
        input: Activation,
        stat_groups: StatGroups,
        frozen: usize,
    ) -> (Activation, BackboneTape) {
        let norm = |b: &mut PlanBuilder, name: &str, x: Activation| {
            let norm = pass.norm(name, x.channels, ACTIVATION);
            b.section(name, |b| norm.forward(b, x, stat_groups, None))
        };
        // The parts are the stem, the blocks and the last batch norm.
        let (frozen_blocks, trained) = self.blocks.split_at(frozen.saturating_sub(1).min(self.blocks.len()));
        let mut x = pass.conv(b, &self.stem, input, None);
        x = blocks_inference(b, pass, frozen_blocks, x);
        if frozen > self.blocks.len() + 1 {
            return (norm_inference(b, pass, HEAD_NORM, x), Box::new(|_, _, _| {}));
        }
        let mut blocks = Vec::new();
        for block in trained {
            let (a1, coefficients1) = norm(b, &format!("{}.bn1", block.name), x);
            let shortcut = shortcut(b, pass, block, x, a1);
            let h = pass.conv(b, &block.conv1, a1, None);
            let (a2, coefficients2) = norm(b, &format!("{}.bn2", block.name), h);
            let out = pass.conv(b, &block.conv2, a2, Some(shortcut));
            blocks.push(BlockTape { x, coefficients1, a1, h, coefficients2, a2 });
            x = out;
        }
        let (a, head_coefficients) = norm(b, HEAD_NORM, x);
        let stem_input = (frozen == 0).then_some(input);
        let tape = Tape { stem_input, blocks, head_input: x, head_coefficients };
        let layers = self.clone();
        (a, Box::new(move |b, context, d_out| layers.backward(b, context, &tape, d_out)))
    }

    fn inference(&self, b: &mut PlanBuilder, pass: &Pass<'_>, input: Activation) -> Activation {
        let x = pass.conv(b, &self.stem, input, None);
        let x = blocks_inference(b, pass, &self.blocks, x);
        norm_inference(b, pass, HEAD_NORM, x)
    }
}

fn norm_inference(b: &mut PlanBuilder, pass: &Pass<'_>, name: &str, x: Activation) -> Activation {
    let norm = pass.norm(name, x.channels, ACTIVATION);
    b.section(name, |b| norm.inference(b, x, None))
}

fn blocks_inference(b: &mut PlanBuilder, pass: &Pass<'_>, blocks: &[Block], mut x: Activation) -> Activation {
    for block in blocks {
        let a1 = norm_inference(b, pass, &format!("{}.bn1", block.name), x);
        let shortcut = shortcut(b, pass, block, x, a1);
        let h = pass.conv(b, &block.conv1, a1, None);
        let a2 = norm_inference(b, pass, &format!("{}.bn2", block.name), h);
        x = pass.conv(b, &block.conv2, a2, Some(shortcut));
    }
    x
}

fn shortcut(
    b: &mut PlanBuilder,
    pass: &Pass<'_>,
    block: &Block,
    x: Activation,
    a1: Activation,
) -> Activation {
    let source = if block.shortcut_activated { a1 } else { x };
    match &block.shortcut {
        Some(conv) => pass.conv(b, conv, source, None),
        None => source,
    }
}

impl WideResNetLayers {
    fn backward(&self, b: &mut PlanBuilder, context: &Backward<'_>, tape: &Tape, d_out: Activation) {
        let coefficients = tape.head_coefficients;
        let mut d_x = context.norm(b, HEAD_NORM, ACTIVATION, tape.head_input, coefficients, d_out, None);
        let trained = &self.blocks[self.blocks.len() - tape.blocks.len()..];
        for (index, (block, t)) in trained.iter().zip(&tape.blocks).enumerate().rev() {
            let is_input_frozen = index == 0 && tape.stem_input.is_none();
            d_x = block_backward(b, context, block, t, d_x, is_input_frozen);
        }
        if let Some(input) = tape.stem_input {
            context.conv_weights(b, &self.stem, input, d_x);
        }
    }
}

fn block_backward(
    b: &mut PlanBuilder,
    context: &Backward<'_>,
    block: &Block,
    t: &BlockTape,
    d_out: Activation,
    is_input_frozen: bool,
) -> Activation {
    context.conv_weights(b, &block.conv2, t.a2, d_out);
    let d_a2 = context.conv_data(b, &block.conv2, t.a2, d_out, None);
    let name = format!("{}.bn2", block.name);
    let d_h = context.norm(b, &name, ACTIVATION, t.h, t.coefficients2, d_a2, None);
    context.conv_weights(b, &block.conv1, t.a1, d_h);
    let shortcut_source = if block.shortcut_activated { t.a1 } else { t.x };
    let d_shortcut = match &block.shortcut {
        Some(conv) => {
            context.conv_weights(b, conv, shortcut_source, d_out);
            match is_input_frozen && !block.shortcut_activated {
                true => None,
                false => Some(context.conv_data(b, conv, shortcut_source, d_out, None)),
            }
        }
        None => Some(d_out),
    };
    let name = format!("{}.bn1", block.name);
    if block.shortcut_activated {
        let d_a1 = context.conv_data(b, &block.conv1, t.a1, d_h, d_shortcut);
        context.norm(b, &name, ACTIVATION, t.x, t.coefficients1, d_a1, None)
    } else {
        let d_a1 = context.conv_data(b, &block.conv1, t.a1, d_h, None);
        context.norm(b, &name, ACTIVATION, t.x, t.coefficients1, d_a1, d_shortcut)
    }
}

impl Listed for WideResNetLayers {
    fn list(&self, b: &mut GraphBuilder, input: Map) -> Map {
        let mut x = b.convolution(&self.stem, input);
        for block in &self.blocks {
            let a1 = b.norm(&format!("{}.bn1", block.name), ACTIVATION, x);
            let source = if block.shortcut_activated { a1 } else { x };
            let shortcut = block.shortcut.as_ref().map_or(source, |conv| b.convolution(conv, source));
            let h = b.convolution(&block.conv1, a1);
            let a2 = b.norm(&format!("{}.bn2", block.name), ACTIVATION, h);
            let out = b.convolution(&block.conv2, a2);
            x = b.add(&block.name, [out, shortcut]);
        }
        b.norm(HEAD_NORM, ACTIVATION, x)
    }
}
