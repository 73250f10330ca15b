//! A network of any family: a backbone, a global average pool and two linear heads, with the layout of its parameters and what
//! its layers cost.

use std::sync::Arc;

use super::activation::Activation;
use super::architecture::{Architecture, InputScale};
use super::backbone::{Backbone, BackboneTape, Backward, Layout, Pass};
use super::batch_norm::{MOMENTUM, StatGroups};
use super::conv_tiling::ConvTiling;
use super::conv2d::Conv2d;
use super::freeze::Freeze;
use super::graph::{Graph, GraphBuilder, Map, Value};
use super::heads::{Dense, GlobalAveragePool, Rows};
use super::network_error::NetworkError;
use super::parameters::{Init, Parameter, ParameterSet};
use crate::gpu::{MeasuredTiles, PlanBuilder, Storage, Tensor};

/// Name of the pooling layer between the last feature map and the heads.
const POOL: &str = "pool";

/// One of the two linear heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// One logit per class.
    Classify,
    /// One logit per rotation, four (paper, section 3.3: the rotation loss).
    Rotation,
}

/// The network: its layers and the layout of its parameters and moving statistics.
#[derive(Clone, Debug)]
pub struct Network {
    /// Height of the images in pixels.
    pub height: usize,
    /// Width of the images in pixels.
    pub width: usize,
    /// Channels of the images that it reads, 1 or 3; the input has four.
    pub channels: usize,
    pub classes: usize,
    /// Length of the pooled embedding.
    pub features: usize,
    /// How the bytes of an image become its input.
    pub input_scale: InputScale,
    /// Weight of the old value in an update of the moving statistics.
    pub momentum: f32,
    /// How its feature maps are stored: as f32 at first.
    pub storage: Storage,
    /// Parameters in the order of the layers, the two heads last.
    pub parameters: ParameterSet,
    /// The parameters that are not frozen: the last of `parameters`, packed from word 0. Gradients and the optimiser's state
    /// have this layout.
    pub trainable: ParameterSet,
    /// Moving means and variances of the batch norms.
    pub statistics: ParameterSet,
    /// The measured tiles of its convolutions, in place of their tiling's; none at first.
    pub tiles: Arc<MeasuredTiles>,
    tree_invocations: u32,
    backbone: Arc<dyn Backbone>,
    /// Number of parameters up to the end of each part of the backbone.
    parts: Vec<usize>,
    /// Number of frozen parts.
    frozen: usize,
    /// Words of the frozen parameters in a buffer that is packed as `parameters`.
    frozen_words: usize,
    classify: Dense,
    rotation: Dense,
}

/// The tensors of a forward pass that the backward pass reads.
pub struct Tape {
    stat_groups: StatGroups,
    head_output: Activation,
    backbone: BackboneTape,
}

impl Network {
    /// The network for images `[height, width, channels]` and `classes` classes; `tiling` is its convolutions'.
    ///
    /// # Errors
    /// [`NetworkError::OutOfRange`] for the first setting that is out of range, [`NetworkError::ImageSize`] for images
    /// that are smaller or larger than the architecture takes.
    pub fn new(
        architecture: &Architecture,
        [height, width, channels]: [usize; 3],
        classes: usize,
        tiling: ConvTiling,
    ) -> Result<Self, NetworkError> {
        architecture.validate(height, width)?;
        let channels = architecture.input_channels(channels);
        let backbone = architecture.backbone([height, width, channels], tiling);
        let inputs = backbone.features();
        let head = |name: &str, outputs| Dense { name: name.into(), inputs, outputs };
        let mut network = Self {
            height,
            width,
            channels,
            classes,
            features: inputs,
            input_scale: architecture.input_scale(),
            momentum: MOMENTUM,
            storage: Storage::F32,
            parameters: ParameterSet::default(),
            trainable: ParameterSet::default(),
            statistics: ParameterSet::default(),
            tiles: Arc::default(),
            tree_invocations: tiling.tree_invocations,
            backbone,
            parts: Vec::new(),
            frozen: 0,
            frozen_words: 0,
            classify: head("classify", classes),
            rotation: head("rotation", 4),
        };
        network.lay_out();
        Ok(network)
    }

    fn lay_out(&mut self) {
        let Self { parameters, statistics, parts, .. } = self;
        self.backbone.lay_out(&mut Layout { parameters, statistics, parts });
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
        self.trainable = self.parameters.clone();
    }

    /// The parameters before the two heads.
    pub fn backbone_parameters(&self) -> &[Parameter] {
        &self.parameters.list[..self.parts.last().copied().unwrap_or(0)]
    }

    /// Freezes layers: they run forward with the moving statistics, which stay as they are, and have no gradients.
    ///
    /// # Errors
    /// [`NetworkError::UnknownStage`] lists the stages if none has the name.
    pub fn freeze(&mut self, freeze: &Freeze) -> Result<(), NetworkError> {
        self.frozen = match freeze {
            Freeze::None => 0,
            Freeze::All => self.parts.len(),
            Freeze::Stage(name) => {
                let stages = self.backbone.stages();
                let Some((_, parts)) = stages.iter().find(|(stage, _)| stage == name) else {
                    let stages =
                        stages.iter().map(|(stage, _)| stage.as_str()).collect::<Vec<_>>().join(", ");
                    return Err(NetworkError::UnknownStage { found: name.clone(), stages });
                };
                *parts
            }
        };
        let first = self.frozen.checked_sub(1).map_or(0, |last| self.parts[last]);
        (self.trainable, self.frozen_words) = self.parameters.after(first);
        Ok(())
    }

    fn has_frozen_backbone(&self) -> bool {
        self.frozen == self.parts.len()
    }

    /// The trainable part of a buffer that is packed as `parameters`.
    pub fn trainable_of(&self, packed: Tensor) -> Tensor {
        packed.slice(self.frozen_words, self.trainable.words())
    }

    /// Height and width of the images.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Channels that the network reads of an image, and how their bytes become its input.
    pub fn input_format(&self) -> (usize, InputScale) {
        (self.channels, self.input_scale)
    }

    /// Declares the input of `images` images: `[images, height, width, 4]`.
    pub fn input(&self, b: &mut PlanBuilder, name: &str, images: usize) -> Activation {
        Activation::stored(b, name, [images, self.height, self.width, 4], self.storage)
    }

    /// The gradients of layers before the two heads, of a buffer that is packed as `trainable`; `None` if all are frozen.
    pub fn before_heads(&self, gradients: Tensor) -> Option<Tensor> {
        let first = self.trainable.find(&format!("{}.kernel", self.classify.name));
        let words = first.expect("the network has a class head").offset;
        (words > 0).then(|| gradients.slice(0, words))
    }

    fn pass(&self, weights: Tensor, moving: Tensor) -> Pass<'_> {
        Pass {
            parameters: &self.parameters,
            statistics: &self.statistics,
            tiles: &self.tiles,
            momentum: self.momentum,
            tree_invocations: self.tree_invocations,
            weights,
            moving,
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
        let pass = self.pass(weights, statistics);
        let (a, backbone) = self.backbone.forward(b, &pass, input, stat_groups, self.frozen);
        let embedding = b.section(POOL, |b| GlobalAveragePool::forward(b, a));
        (embedding, Tape { stat_groups, head_output: a, backbone })
    }

    /// Records the forward pass with the moving statistics: the pooled embedding `[images, features]`.
    pub fn inference(
        &self,
        b: &mut PlanBuilder,
        weights: Tensor,
        statistics: Tensor,
        input: Activation,
    ) -> Tensor {
        let a = self.backbone.inference(b, &self.pass(weights, statistics), input);
        b.section(POOL, |b| GlobalAveragePool::forward(b, a))
    }

    /// The layers of the forward pass with moving statistics, from the normalised images to the probabilities of the classes.
    pub fn graph(&self) -> Graph {
        let mut b = GraphBuilder::default();
        let Self { height, width, channels, .. } = *self;
        let x = self.backbone.list(&mut b, Map { value: Value::Input, height, width, channels });
        b.finish(x, POOL, &self.classify.name, self.classes)
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
    /// unless all layers before are frozen, and of its parameters, which are added if `accumulate`.
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
        let name = |of: &str| format!("{}.{of}", dense.name);
        let kernel = self.parameters.view(weights, &name("kernel"));
        let into = ["kernel", "bias"].map(|of| self.trainable.view(gradients, &name(of)));
        b.section(&dense.name, |b| {
            if !self.has_frozen_backbone() {
                dense.data_gradient(b, d_logits, rows, kernel, d_embedding);
            }
            dense.weight_gradient(b, embedding, d_logits, rows, into, accumulate);
        });
    }

    /// Records the backward pass from `d_embedding` `[images, features]`; parameter gradients are written, or added if
    /// `accumulate`. Nothing is recorded if all layers are frozen.
    pub fn backward(
        &self,
        b: &mut PlanBuilder,
        [weights, gradients, statistics]: [Tensor; 3],
        tape: &Tape,
        d_embedding: Tensor,
        accumulate: bool,
    ) {
        if self.has_frozen_backbone() {
            return;
        }
        let pass = self.pass(weights, statistics);
        let trainable = &self.trainable;
        let backward = Backward { pass, trainable, gradients, stat_groups: tape.stat_groups, accumulate };
        let d_pooled = b.section(POOL, |b| GlobalAveragePool::backward(b, tape.head_output, d_embedding));
        (tape.backbone)(b, &backward, d_pooled);
    }
}

/// A layer as a table of the network lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Prefix of its parameters' names, and its section in a profile.
    pub name: String,
    /// Shape of its output for one image: `[height, width, channels]`, or `[features]` from the pool on.
    pub output: Vec<usize>,
    /// Number of trainable scalars.
    pub parameters: usize,
    /// MACs to classify one image: zero for the rotation head, which does not take part.
    pub macs: u64,
}

impl Network {
    /// Multiply-accumulate operations (MACs) per image of a forward pass: convolutions and the class head.
    pub fn macs(&self) -> u64 {
        let convolutions = self.convolutions();
        let of_conv = |(i, (conv, h, w)): (usize, &(Conv2d, usize, usize))| {
            // The stem's input is padded to four channels in memory.
            if i == 0 { conv.macs(*h, *w) / 4 * self.channels as u64 } else { conv.macs(*h, *w) }
        };
        let depthwise = self.backbone.depthwise_convolutions();
        convolutions.iter().enumerate().map(of_conv).sum::<u64>()
            + depthwise.iter().map(|(conv, h, w)| conv.macs(*h, *w)).sum::<u64>()
            + (self.features * self.classes) as u64
    }

    /// Words per image of the largest feature map.
    pub fn largest_map(&self) -> usize {
        let input = self.height * self.width * 4;
        let words = |(conv, h, w): (Conv2d, usize, usize)| {
            h.div_ceil(conv.stride) * w.div_ceil(conv.stride) * conv.out_channels
        };
        self.convolutions().into_iter().map(words).fold(input, usize::max)
    }

    /// Every convolution with the size of its input: `(layer, height, width)`, stem first.
    pub fn convolutions(&self) -> Vec<(Conv2d, usize, usize)> {
        self.backbone.convolutions()
    }

    /// Every layer, a block's shortcut after its convolutions; their parameters add up to
    /// `parameters.count()`, their MACs to [`Network::macs`].
    pub fn layers(&self) -> Vec<Layer> {
        let convolutions = self.convolutions();
        let depthwise = self.backbone.depthwise_convolutions();
        let mut layers: Vec<Layer> = Vec::new();
        // A batch norm keeps the shape of its input.
        let mut output = vec![self.height, self.width, self.channels];
        for parameter in &self.parameters.list {
            let name = parameter.name.rsplit_once('.').map_or("", |(layer, _)| layer);
            let parameters = parameter.elements();
            if let Some(layer) = layers.last_mut().filter(|layer| layer.name == name) {
                layer.parameters += parameters;
                continue;
            }
            let mut macs = 0;
            if let Some((conv, height, width)) = convolutions.iter().find(|(conv, ..)| conv.name == name) {
                output = vec![height.div_ceil(conv.stride), width.div_ceil(conv.stride), conv.out_channels];
                // The stem's input is padded to four channels in memory.
                let [stored, logical] = [conv.in_channels, parameter.shape[2]].map(|n| n as u64);
                macs = conv.macs(*height, *width) / stored * logical;
            } else if let Some((conv, height, width)) = depthwise.iter().find(|(conv, ..)| conv.name == name)
            {
                output = vec![height.div_ceil(conv.stride), width.div_ceil(conv.stride), conv.channels];
                macs = conv.macs(*height, *width);
            } else if let [inputs, outputs] = parameter.shape[..] {
                if output.len() > 1 {
                    layers.push(Layer {
                        name: POOL.to_owned(),
                        output: vec![inputs],
                        parameters: 0,
                        macs: 0,
                    });
                }
                output = vec![outputs];
                macs = if name == self.classify.name { (inputs * outputs) as u64 } else { 0 };
            }
            layers.push(Layer { name: name.to_owned(), output: output.clone(), parameters, macs });
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(name: &str, image: [usize; 3], classes: usize) -> Network {
        let architecture = Architecture::named(name).expect("a known name");
        Network::new(&architecture, image, classes, ConvTiling::REGISTER).expect("a network")
    }

    #[test]
    fn layers_add_up_to_the_network() {
        for (name, image, classes) in [
            ("wrn-10-1", [28, 28, 1], 10),
            ("wrn-28-2", [32, 32, 3], 100),
            ("wrn-28-8", [33, 47, 3], 2),
            ("wrn-10-1", [8, 8, 4], 5),
            ("efficientnet-lite0", [96, 96, 3], 10),
            ("efficientnet-lite0", [33, 64, 1], 2),
        ] {
            let network = network(name, image, classes);
            let layers = network.layers();
            let parameters: usize = layers.iter().map(|layer| layer.parameters).sum();
            let macs: u64 = layers.iter().map(|layer| layer.macs).sum();
            assert_eq!(parameters, network.parameters.count(), "parameters of {name}");
            assert_eq!(macs, network.macs(), "MACs of {name}");
        }
    }

    #[test]
    fn layers_have_the_shapes_of_their_outputs() {
        let layers = network("wrn-10-1", [28, 28, 1], 10).layers();
        let output = |name: &str| {
            let layer = layers.iter().find(|layer| layer.name == name);
            layer.unwrap_or_else(|| panic!("no layer {name}")).output.clone()
        };
        assert_eq!(output("stem"), [14, 14, 16]);
        assert_eq!(output("scale1.block0.bn1"), [14, 14, 16]);
        assert_eq!(output("scale1.block0.bn2"), [7, 7, 32]);
        assert_eq!(output("scale1.block0.shortcut"), [7, 7, 32]);
        assert_eq!(output("head.bn"), [4, 4, 64]);
        assert_eq!((output("pool"), output("classify"), output("rotation")), (vec![64], vec![10], vec![4]));
    }
}
