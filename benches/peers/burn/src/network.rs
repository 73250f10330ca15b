//! The Wide ResNet of `src/nn/wide_resnet.rs` without its rotation head, in Burn's modules.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor};

const SLOPE: f64 = 0.1;
const EPSILON: f64 = 1e-3;
/// Share of the new value, where ours counts that of the old one.
const MOMENTUM: f64 = 1e-3;

/// What differs between the members of the family.
pub struct Shape {
    pub filters: usize,
    pub repeat: usize,
    pub stem_filters: usize,
    pub stem_stride: usize,
}

impl Shape {
    pub fn named(name: &str) -> Option<Self> {
        let (filters, repeat, stem_stride) = match name {
            "wrn-28-2" => (32, 4, 1),
            "wrn-10-1" => (16, 1, 2),
            _ => return None,
        };
        Some(Self { filters, repeat, stem_filters: 16, stem_stride })
    }
}

#[derive(Module, Debug)]
struct Block {
    norm1: BatchNorm,
    conv1: Conv2d,
    norm2: BatchNorm,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
}

#[derive(Module, Debug)]
pub struct WideResNet {
    stem: Conv2d,
    blocks: Vec<Block>,
    norm: BatchNorm,
    classify: Linear,
}

impl WideResNet {
    pub fn new(shape: &Shape, size: usize, channels: usize, classes: usize, device: &Device) -> Self {
        let stem = conv(channels, shape.stem_filters, 3, shape.stem_stride, device);
        let scales = (size.next_power_of_two().ilog2() as usize).saturating_sub(2).clamp(1, 3);
        let mut blocks = Vec::new();
        let mut inputs = shape.stem_filters;
        for scale in 0..scales {
            let filters = shape.filters << scale;
            for repeat in 0..shape.repeat {
                let stride = if scale > 0 && repeat == 0 { 2 } else { 1 };
                blocks.push(Block {
                    norm1: norm(inputs, device),
                    conv1: conv(inputs, filters, 3, stride, device),
                    norm2: norm(filters, device),
                    conv2: conv(filters, filters, 3, 1, device),
                    shortcut: (inputs != filters).then(|| conv(inputs, filters, 1, stride, device)),
                });
                inputs = filters;
            }
        }
        let std = (2.0 / (inputs + classes) as f64).sqrt();
        let head = LinearConfig::new(inputs, classes).with_initializer(Initializer::Normal { mean: 0.0, std });
        let mut classify = head.init(device);
        classify.bias = Some(Initializer::Zeros.init([classes], device));
        Self { stem, blocks, norm: norm(inputs, device), classify }
    }

    /// What is trained: Burn counts the moving statistics too.
    pub fn trained(&self) -> usize {
        let norms = self.blocks.iter().flat_map(|block| [&block.norm1, &block.norm2]).chain([&self.norm]);
        self.num_params() - norms.map(|norm| 2 * norm.gamma.shape().num_elements()).sum::<usize>()
    }

    /// Logits `[images, classes]` of images `[images, channels, height, width]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let mut x = self.stem.forward(images);
        for (place, block) in self.blocks.iter().enumerate() {
            let a = activated(&block.norm1, x.clone());
            // The very first shortcut takes the activated input.
            let source = if place == 0 { a.clone() } else { x };
            let shortcut = match &block.shortcut {
                Some(conv) => conv.forward(source),
                None => source,
            };
            let h = activated(&block.norm2, block.conv1.forward(a));
            x = block.conv2.forward(h) + shortcut;
        }
        let pooled = activated(&self.norm, x).flatten::<3>(2, 3).mean_dim(2).flatten::<2>(1, 2);
        self.classify.forward(pooled)
    }
}

fn activated(norm: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
    leaky_relu(norm.forward(x), SLOPE)
}

fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(EPSILON).with_momentum(MOMENTUM).init(device)
}

fn conv(inputs: usize, outputs: usize, kernel: usize, stride: usize, device: &Device) -> Conv2d {
    let std = (2.0 / (kernel * kernel * outputs) as f64).sqrt();
    let mut conv = Conv2dConfig::new([inputs, outputs], [kernel; 2])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Same)
        .with_initializer(Initializer::Normal { mean: 0.0, std })
        .init(device);
    conv.bias = Some(Initializer::Zeros.init([outputs], device));
    conv
}
