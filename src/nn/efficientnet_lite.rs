//! EfficientNet-Lite: MBConv blocks with ReLU6, without squeeze and excitation. Its settings, its layers and their passes, as
//! sequences of units: a convolution without bias, a batch norm, an activation. Layers have timm's names.

use super::activation::Activation;
use super::backbone::{Backbone, BackboneTape, Backward, Layout, Pass};
use super::batch_norm::{NormActivation, StatGroups};
use super::conv_tiling::ConvTiling;
use super::conv2d::Conv2d;
use super::depthwise::DepthwiseConv2d;
use super::graph::{GraphBuilder, Listed, Map};
use super::network_error::NetworkError;
use crate::gpu::{PlanBuilder, Tensor};

/// Consecutive blocks with the same number of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteStage {
    /// Factor by which a block's first convolution expands the channels; 1: the block has none.
    pub expand: usize,
    pub filters: usize,
    pub repeat: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// Side of the depthwise filters, 3 or 5.
    pub kernel: usize,
}

/// A member of the EfficientNet-Lite family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EfficientNetLite {
    /// Filters of the first convolution, 3x3 with stride 2.
    pub stem_filters: usize,
    pub stages: Vec<LiteStage>,
    /// Filters of the last convolution, 1x1.
    pub features: usize,
}

/// Largest side of the images: that of ImageNet's in training.
const LARGEST: usize = 224;

impl EfficientNetLite {
    /// The member of this name: `efficientnet-lite0`.
    pub fn named(name: &str) -> Option<Self> {
        let stage = |[expand, filters, repeat, stride, kernel]: [usize; 5]| LiteStage {
            expand,
            filters,
            repeat,
            stride,
            kernel,
        };
        let stages = [
            [1, 16, 1, 1, 3],
            [6, 24, 2, 2, 3],
            [6, 40, 2, 2, 5],
            [6, 80, 3, 2, 3],
            [6, 112, 3, 1, 5],
            [6, 192, 4, 2, 5],
            [6, 320, 1, 1, 3],
        ];
        (name == "efficientnet-lite0").then(|| Self {
            stem_filters: 32,
            stages: stages.map(stage).to_vec(),
            features: 1_280,
        })
    }

    /// Checks the settings for images of `height` x `width`.
    ///
    /// # Errors
    /// [`NetworkError::OutOfRange`] for the first setting that is out of range, [`NetworkError::ImageSize`] for images
    /// outside 8 to 224 pixels.
    pub fn validate(&self, height: usize, width: usize) -> Result<(), NetworkError> {
        let check = |ok: bool, field, found, expected| {
            if ok { Ok(()) } else { Err(NetworkError::OutOfRange { field, found, expected }) }
        };
        let of_eight = |n: usize| n > 0 && n.is_multiple_of(8) && n <= 2_048;
        check(of_eight(self.stem_filters), "stem_filters", self.stem_filters, "a multiple of 8 up to 2048")?;
        check(of_eight(self.features), "features", self.features, "a multiple of 8 up to 2048")?;
        let mut inputs = self.stem_filters;
        for stage in &self.stages {
            check(of_eight(stage.filters), "filters", stage.filters, "a multiple of 8 up to 2048")?;
            check((1..=8).contains(&stage.expand), "expand", stage.expand, "1 to 8")?;
            check((1..=2).contains(&stage.stride), "stride", stage.stride, "1 or 2")?;
            check([3, 5].contains(&stage.kernel), "kernel", stage.kernel, "3 or 5")?;
            // Without expansion a residual would feed a depthwise convolution.
            let most = if stage.expand == 1 { 1 } else { 16 };
            let expected = "1 to 16, and 1 without expansion";
            check((1..=most).contains(&stage.repeat), "repeat", stage.repeat, expected)?;
            let has_residual = stage.stride == 1 && stage.filters == inputs;
            let expected = "another number than the stage before has, without expansion and stride";
            check(stage.expand > 1 || !has_residual, "filters", stage.filters, expected)?;
            inputs = stage.filters;
        }
        if !(8..=LARGEST).contains(&height) || !(8..=LARGEST).contains(&width) {
            return Err(NetworkError::ImageSize { height, width, largest: LARGEST });
        }
        Ok(())
    }
}

/// The convolution of a unit.
#[derive(Clone, Debug)]
enum Convolution {
    Full(Conv2d),
    Depthwise(DepthwiseConv2d),
}

/// A convolution without bias, a batch norm and an activation.
#[derive(Clone, Debug)]
struct Unit {
    convolution: Convolution,
    norm: String,
    activation: NormActivation,
}

/// Units one after another; the input is added to the output if `residual`.
#[derive(Clone, Debug)]
struct Block {
    /// Name of the stage; all layers together have no other name for the last block.
    stage: String,
    units: Vec<Unit>,
    residual: bool,
}

/// What the backward pass of a unit reads.
struct UnitTape {
    x: Activation,
    h: Activation,
    coefficients: Tensor,
}

impl Unit {
    fn channels(&self) -> usize {
        match &self.convolution {
            Convolution::Full(conv) => conv.out_channels,
            Convolution::Depthwise(conv) => conv.channels,
        }
    }

    fn stride(&self) -> usize {
        match &self.convolution {
            Convolution::Full(conv) => conv.stride,
            Convolution::Depthwise(conv) => conv.stride,
        }
    }

    fn convolve(&self, b: &mut PlanBuilder, pass: &Pass<'_>, x: Activation) -> Activation {
        match &self.convolution {
            Convolution::Full(conv) => pass.conv(b, conv, x, None),
            Convolution::Depthwise(conv) => {
                let kernel = pass.kernel(&conv.name);
                b.section(&conv.name, |b| conv.forward(b, x, kernel))
            }
        }
    }

    fn forward(
        &self,
        b: &mut PlanBuilder,
        pass: &Pass<'_>,
        x: Activation,
        stat_groups: StatGroups,
        residual: Option<Activation>,
    ) -> (Activation, UnitTape) {
        let h = self.convolve(b, pass, x);
        let norm = pass.norm(&self.norm, h.channels, self.activation);
        let (out, coefficients) = b.section(&self.norm, |b| norm.forward(b, h, stat_groups, residual));
        (out, UnitTape { x, h, coefficients })
    }

    fn inference(
        &self,
        b: &mut PlanBuilder,
        pass: &Pass<'_>,
        x: Activation,
        residual: Option<Activation>,
    ) -> Activation {
        let h = self.convolve(b, pass, x);
        let norm = pass.norm(&self.norm, h.channels, self.activation);
        b.section(&self.norm, |b| norm.inference(b, h, residual))
    }

    /// Records the gradients of the unit's parameters and, unless it is the first that is trained, of its input, plus
    /// `other_path` if the input feeds a residual.
    fn backward(
        &self,
        b: &mut PlanBuilder,
        context: &Backward<'_>,
        t: &UnitTape,
        d_out: Activation,
        other_path: Option<Activation>,
        is_first: bool,
    ) -> Activation {
        let d_h = context.norm(b, &self.norm, self.activation, t.h, t.coefficients, d_out, None);
        match &self.convolution {
            Convolution::Full(conv) => {
                context.conv_weights(b, conv, t.x, d_h);
                if is_first { d_h } else { context.conv_data(b, conv, t.x, d_h, other_path) }
            }
            Convolution::Depthwise(conv) => context.depthwise(b, conv, t.x, d_h, is_first),
        }
    }
}

/// The layers of an EfficientNet-Lite, for images of one size. The first block is the stem, the last the head.
#[derive(Clone, Debug)]
pub(super) struct EfficientNetLiteLayers {
    size: [usize; 2],
    channels: usize,
    features: usize,
    blocks: Vec<Block>,
}

impl EfficientNetLiteLayers {
    /// The layers for images `[height, width, channels]`.
    pub fn new(
        settings: &EfficientNetLite,
        [height, width, channels]: [usize; 3],
        tiling: ConvTiling,
    ) -> Self {
        let full = |name: String, in_channels, out_channels, kernel, stride| {
            Convolution::Full(Conv2d { name, in_channels, out_channels, kernel, stride, tiling })
        };
        let unit = |convolution, norm: String, activation| Unit { convolution, norm, activation };
        let (relu6, linear) = (NormActivation::Relu6, NormActivation::Linear);
        let alone = |stage: &str, unit| Block { stage: stage.into(), units: vec![unit], residual: false };
        let stem = full("conv_stem".into(), 4, settings.stem_filters, 3, 2);
        let mut blocks = vec![alone("stem", unit(stem, "bn1".into(), relu6))];
        let mut inputs = settings.stem_filters;
        for (index, stage) in settings.stages.iter().enumerate() {
            for repeat in 0..stage.repeat {
                let name = |part: &str| format!("blocks.{index}.{repeat}.{part}");
                let stride = if repeat == 0 { stage.stride } else { 1 };
                let expanded = inputs * stage.expand;
                let mut units = Vec::new();
                if stage.expand > 1 {
                    units.push(unit(full(name("conv_pw"), inputs, expanded, 1, 1), name("bn1"), relu6));
                }
                let depthwise = DepthwiseConv2d {
                    name: name("conv_dw"),
                    channels: expanded,
                    kernel: stage.kernel,
                    stride,
                    tiling,
                };
                let norm = |units: &Vec<Unit>| name(&format!("bn{}", units.len() + 1));
                units.push(unit(Convolution::Depthwise(depthwise), norm(&units), relu6));
                let project = name(if stage.expand > 1 { "conv_pwl" } else { "conv_pw" });
                units.push(unit(full(project, expanded, stage.filters, 1, 1), norm(&units), linear));
                let residual = stride == 1 && inputs == stage.filters;
                blocks.push(Block { stage: format!("blocks.{index}"), units, residual });
                inputs = stage.filters;
            }
        }
        let head = full("conv_head".into(), inputs, settings.features, 1, 1);
        blocks.push(alone("head", unit(head, "bn2".into(), relu6)));
        Self { size: [height, width], channels, features: settings.features, blocks }
    }

    /// Every unit with the size of its input.
    fn units(&self) -> impl Iterator<Item = (&Unit, usize, usize)> {
        let [mut height, mut width] = self.size;
        self.blocks.iter().flat_map(|block| &block.units).map(move |unit| {
            let found = (unit, height, width);
            [height, width] = [height, width].map(|side| side.div_ceil(unit.stride()));
            found
        })
    }

    fn backward(
        &self,
        b: &mut PlanBuilder,
        context: &Backward<'_>,
        tapes: &[Vec<UnitTape>],
        mut d_out: Activation,
    ) {
        let trained = &self.blocks[self.blocks.len() - tapes.len()..];
        for (index, (block, tapes)) in trained.iter().zip(tapes).enumerate().rev() {
            let of_residual = block.residual.then_some(d_out);
            for (place, (unit, tape)) in block.units.iter().zip(tapes).enumerate().rev() {
                let other_path = of_residual.filter(|_| place == 0);
                d_out = unit.backward(b, context, tape, d_out, other_path, index == 0 && place == 0);
            }
        }
    }
}

impl Backbone for EfficientNetLiteLayers {
    fn lay_out(&self, layout: &mut Layout<'_>) {
        for (index, block) in self.blocks.iter().enumerate() {
            for unit in &block.units {
                match &unit.convolution {
                    Convolution::Full(conv) => {
                        let inputs = if index == 0 { self.channels } else { conv.in_channels };
                        layout.conv_kernel(conv, inputs);
                    }
                    Convolution::Depthwise(conv) => layout.depthwise_kernel(conv),
                }
                layout.norm(&unit.norm, unit.channels());
            }
            layout.end_part();
        }
    }

    fn stages(&self) -> Vec<(String, usize)> {
        let before_head = self.blocks[..self.blocks.len() - 1].iter().enumerate();
        let mut stages: Vec<(String, usize)> = Vec::new();
        for (index, block) in before_head {
            match stages.last_mut().filter(|(stage, _)| *stage == block.stage) {
                Some((_, parts)) => *parts = index + 1,
                None => stages.push((block.stage.clone(), index + 1)),
            }
        }
        stages
    }

    fn features(&self) -> usize {
        self.features
    }

    fn convolutions(&self) -> Vec<(Conv2d, usize, usize)> {
        let full = |(unit, h, w): (&Unit, usize, usize)| match &unit.convolution {
            Convolution::Full(conv) => Some((conv.clone(), h, w)),
            Convolution::Depthwise(_) => None,
        };
        self.units().filter_map(full).collect()
    }

    fn depthwise_convolutions(&self) -> Vec<(DepthwiseConv2d, usize, usize)> {
        let depthwise = |(unit, h, w): (&Unit, usize, usize)| match &unit.convolution {
            Convolution::Full(_) => None,
            Convolution::Depthwise(conv) => Some((conv.clone(), h, w)),
        };
        self.units().filter_map(depthwise).collect()
    }

    fn forward(
        &self,
        b: &mut PlanBuilder,
        pass: &Pass<'_>,
        input: Activation,
        stat_groups: StatGroups,
        frozen: usize,
    ) -> (Activation, BackboneTape) {
        let (frozen, trained) = self.blocks.split_at(frozen);
        let mut x = blocks_inference(b, pass, frozen, input);
        let mut tapes = Vec::new();
        for block in trained {
            let residual = block.residual.then_some(x);
            let mut of_block = Vec::new();
            for (place, unit) in block.units.iter().enumerate() {
                let residual = residual.filter(|_| place + 1 == block.units.len());
                let (out, tape) = unit.forward(b, pass, x, stat_groups, residual);
                of_block.push(tape);
                x = out;
            }
            tapes.push(of_block);
        }
        let layers = self.clone();
        (x, Box::new(move |b, context, d_out| layers.backward(b, context, &tapes, d_out)))
    }

    fn inference(&self, b: &mut PlanBuilder, pass: &Pass<'_>, input: Activation) -> Activation {
        blocks_inference(b, pass, &self.blocks, input)
    }
}

impl Listed for EfficientNetLiteLayers {
    fn list(&self, b: &mut GraphBuilder, input: Map) -> Map {
        let mut x = input;
        for block in &self.blocks {
            let start = x;
            for unit in &block.units {
                let h = match &unit.convolution {
                    Convolution::Full(conv) => b.convolution(conv, x),
                    Convolution::Depthwise(conv) => b.depthwise(conv, x),
                };
                x = b.norm(&unit.norm, unit.activation, h);
            }
            if let (true, Some(last)) = (block.residual, block.units.last()) {
                x = b.add(&last.norm, [x, start]);
            }
        }
        x
    }
}

fn blocks_inference(b: &mut PlanBuilder, pass: &Pass<'_>, blocks: &[Block], input: Activation) -> Activation {
    let mut x = input;
    for block in blocks {
        let residual = block.residual.then_some(x);
        for (place, unit) in block.units.iter().enumerate() {
            let residual = residual.filter(|_| place + 1 == block.units.len());
            x = unit.inference(b, pass, x, residual);
        }
    }
    x
}
