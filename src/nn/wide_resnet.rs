//! The reference's Wide ResNet (`libml/models.py`): pre-activation blocks and two linear heads. Its architecture, the
//! layout of its parameters, and what its layers cost; `propagation` records its passes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::activation::Activation;
use super::batch_norm::MOMENTUM;
use super::conv_tiling::ConvTiling;
use super::conv2d::Conv2d;
use super::heads::Dense;
use super::parameters::{Init, ParameterSet};
use crate::gpu::{MeasuredTiles, PlanBuilder, Storage, Tensor};

/// An unknown network, or settings that it does not allow.
#[derive(Debug, Error, PartialEq)]
pub enum NetworkError {
    /// [`Architecture::named`] knows no such name.
    #[error("no network is named '{0}': choose wrn-28-2, wrn-28-8, wrn-16-1 or wrn-10-1")]
    UnknownName(String),
    /// A field of [`Architecture`] is out of range.
    #[error("{field} is {found}, it must be {expected}")]
    OutOfRange { field: &'static str, found: usize, expected: &'static str },
    /// The images are too small or too large.
    #[error("images of {height}x{width} are outside the 8 to 96 pixels that the network takes")]
    ImageSize { height: usize, width: usize },
}

/// A member of the reference's Wide ResNet family (`libml/models.py`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Filters of the first scale, doubled at each further one.
    pub filters: usize,
    /// Residual blocks per scale.
    pub repeat: usize,
    /// Number of scales; `None`: ceil(log2 width) - 2, at most 3.
    pub scales: Option<usize>,
    /// Filters of the first convolution.
    pub stem_filters: usize,
    pub stem_stride: usize,
}

impl Architecture {
    /// `wrn-28-2` and `wrn-28-8` are the paper's; the others are smaller ones for small machines.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::nn::Architecture;
    ///
    /// assert_eq!(Architecture::named("wrn-28-2").unwrap().scales, None);
    /// assert!(Architecture::named("resnet-50").is_err());
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::UnknownName`] if no network has this name.
    pub fn named(name: &str) -> Result<Self, NetworkError> {
        let (filters, repeat, stem_stride) = match name {
            "wrn-28-2" => (32, 4, 1),
            "wrn-28-8" => (128, 4, 1),
            "wrn-16-1" => (16, 2, 1),
            "wrn-10-1" => (16, 1, 2),
            other => return Err(NetworkError::UnknownName(other.to_owned())),
        };
        Ok(Self { filters, repeat, scales: None, stem_filters: 16, stem_stride })
    }

    /// Number of scales for images `width` pixels wide.
    pub fn scales_for(&self, width: usize) -> usize {
        let ceil_log2 = width.next_power_of_two().trailing_zeros() as usize;
        self.scales.unwrap_or_else(|| ceil_log2.saturating_sub(2).clamp(1, 3))
    }

    /// Checks the settings for images of `height` x `width`.
    ///
    /// # Errors
    /// [`NetworkError::OutOfRange`] for the first field that is out of range, [`NetworkError::ImageSize`] for images
    /// outside 8 to 96 pixels.
    pub fn validate(&self, height: usize, width: usize) -> Result<(), NetworkError> {
        let check = |ok: bool, field, found, expected| {
            if ok { Ok(()) } else { Err(NetworkError::OutOfRange { field, found, expected }) }
        };
        let of_eight = |n: usize| n > 0 && n.is_multiple_of(8) && n <= 1024;
        check(of_eight(self.filters), "filters", self.filters, "a multiple of 8 up to 1024")?;
        check(of_eight(self.stem_filters), "stem_filters", self.stem_filters, "a multiple of 8 up to 1024")?;
        check((1..=2).contains(&self.stem_stride), "stem_stride", self.stem_stride, "1 or 2")?;
        check((1..=16).contains(&self.repeat), "repeat", self.repeat, "1 to 16")?;
        let scales = self.scales_for(width);
        check((1..=5).contains(&scales), "scales", scales, "1 to 5")?;
        if !(8..=96).contains(&height) || !(8..=96).contains(&width) {
            return Err(NetworkError::ImageSize { height, width });
        }
        Ok(())
    }
}

/// Name of the pooling layer between the last feature map and the heads.
pub(super) const POOL: &str = "pool";

/// A residual block: `out = shortcut + conv2(act(bn2(conv1(act(bn1(x))))))`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub name: String,
    pub conv1: Conv2d,
    pub conv2: Conv2d,
    /// A 1x1 convolution where the number of channels changes.
    pub shortcut: Option<Conv2d>,
    /// Whether the shortcut's input is act(bn1(x)) instead of x: only in the network's first block.
    pub shortcut_activated: bool,
}

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
pub struct WideResNet {
    /// Height of the images in pixels.
    pub height: usize,
    /// Width of the images in pixels.
    pub width: usize,
    /// Channels of the images, 1 or 3; the input has four.
    pub channels: usize,
    pub classes: usize,
    /// Length of the pooled embedding.
    pub features: usize,
    /// Weight of the old value in an update of the moving statistics.
    pub momentum: f32,
    /// How its feature maps are stored: as f32 at first.
    pub storage: Storage,
    /// Trainable parameters, the two heads last.
    pub parameters: ParameterSet,
    /// Moving means and variances of the batch norms.
    pub statistics: ParameterSet,
    /// The measured tiles of its convolutions, in place of their tiling's; none at first.
    pub tiles: Arc<MeasuredTiles>,
    pub(super) stem: Conv2d,
    pub(super) blocks: Vec<Block>,
    pub(super) classify: Dense,
    pub(super) rotation: Dense,
}

impl WideResNet {
    /// The network for images `[height, width, channels]` and `classes` classes; `tiling` is its convolutions'.
    ///
    /// # Errors
    /// [`NetworkError::OutOfRange`] for the first field that is out of range, [`NetworkError::ImageSize`] for images
    /// outside 8 to 96 pixels.
    pub fn new(
        architecture: &Architecture,
        [height, width, channels]: [usize; 3],
        classes: usize,
        tiling: ConvTiling,
    ) -> Result<Self, NetworkError> {
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
            storage: Storage::F32,
            parameters: ParameterSet::default(),
            statistics: ParameterSet::default(),
            tiles: Arc::default(),
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

    /// Height and width of the images.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Declares the input of `images` images: `[images, height, width, 4]`.
    pub fn input(&self, b: &mut PlanBuilder, name: &str, images: usize) -> Activation {
        Activation::stored(b, name, [images, self.height, self.width, 4], self.storage)
    }

    /// The part of a packed buffer before the two heads.
    pub fn before_heads(&self, packed: Tensor) -> Tensor {
        let first = self.parameters.find(&format!("{}.kernel", self.classify.name));
        packed.slice(0, first.expect("the network has a class head").offset)
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

impl WideResNet {
    /// Multiply-accumulate operations (MACs) per image of a forward pass: convolutions and the class head.
    pub fn macs(&self) -> u64 {
        let (mut h, mut w) = (self.height, self.width);
        let mut total = self.stem.macs(h, w) / 4 * self.channels as u64;
        (h, w) = (h.div_ceil(self.stem.stride), w.div_ceil(self.stem.stride));
        for block in &self.blocks {
            total += block.conv1.macs(h, w);
            total += block.shortcut.as_ref().map_or(0, |c| c.macs(h, w));
            (h, w) = (h.div_ceil(block.conv1.stride), w.div_ceil(block.conv1.stride));
            total += block.conv2.macs(h, w);
        }
        total + (self.features * self.classes) as u64
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
        let (mut h, mut w) = (self.height, self.width);
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

    /// Every layer, a block's shortcut after its convolutions; their parameters add up to
    /// `parameters.count()`, their MACs to [`WideResNet::macs`].
    pub fn layers(&self) -> Vec<Layer> {
        let convolutions = self.convolutions();
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

    fn network(name: &str, image: [usize; 3], classes: usize) -> WideResNet {
        let architecture = Architecture::named(name).expect("a known name");
        WideResNet::new(&architecture, image, classes, ConvTiling::REGISTER).expect("a network")
    }

    #[test]
    fn layers_add_up_to_the_network() {
        for (name, image, classes) in [
            ("wrn-10-1", [28, 28, 1], 10),
            ("wrn-28-2", [32, 32, 3], 100),
            ("wrn-28-8", [33, 47, 3], 2),
            ("wrn-10-1", [8, 8, 4], 5),
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
