//! The reference's Wide ResNet, forward and backward, from its description in words (specification,
//! section 4): stem, scales of pre-activation blocks, batch norm, pool, two linear heads.

use std::collections::HashMap;

use super::conv::Conv;
use super::norm::{self, Activation, Moments};
use super::{Map, heads};

/// Logical tensors by name: kernels `[kh, kw, in, out]` or `[in, out]`, vectors `[channels]`.
pub type Tensors = HashMap<String, Vec<f64>>;

/// Members of the family; `scales` is given, not derived.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    pub stem_filters: usize,
    pub stem_stride: usize,
    pub filters: usize,
    pub repeat: usize,
    pub scales: usize,
    /// Channels of the images.
    pub channels: usize,
    pub classes: usize,
}

#[derive(Clone, Debug)]
struct Block {
    name: String,
    inputs: usize,
    outputs: usize,
    stride: usize,
    first: bool,
}

impl Block {
    fn conv1(&self) -> Conv {
        Conv { kernel: 3, stride: self.stride, inputs: self.inputs, outputs: self.outputs }
    }

    fn conv2(&self) -> Conv {
        Conv { kernel: 3, stride: 1, inputs: self.outputs, outputs: self.outputs }
    }

    fn shortcut(&self) -> Option<Conv> {
        let conv = Conv { kernel: 1, stride: self.stride, inputs: self.inputs, outputs: self.outputs };
        (self.inputs != self.outputs).then_some(conv)
    }
}

/// Everything a forward pass computed.
pub struct Forward {
    pub embedding: Vec<f64>,
    /// Statistics of each pass, by the batch norm's name.
    pub moments: HashMap<String, Vec<Moments>>,
    image: Map,
    passes: usize,
    blocks: Vec<BlockMaps>,
    head_in: Map,
}

struct BlockMaps {
    x: Map,
    a1: Map,
    h: Map,
    a2: Map,
}

impl Network {
    fn stem(&self) -> Conv {
        let (inputs, outputs) = (self.channels, self.stem_filters);
        Conv { kernel: 3, stride: self.stem_stride, inputs, outputs }
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for scale in 0..self.scales {
            for repeat in 0..self.repeat {
                let inputs = blocks.last().map_or(self.stem_filters, |b| b.outputs);
                let outputs = self.filters * (1 << scale);
                let stride = if scale >= 1 && repeat == 0 { 2 } else { 1 };
                let name = format!("scale{scale}.block{repeat}");
                blocks.push(Block { name, inputs, outputs, stride, first: blocks.is_empty() });
            }
        }
        blocks
    }

    /// Length of the embedding.
    pub fn features(&self) -> usize {
        self.blocks().last().map_or(self.stem_filters, |b| b.outputs)
    }

    /// Elements of every trainable tensor.
    pub fn parameters(&self) -> HashMap<String, usize> {
        let mut all = HashMap::new();
        let mut conv = |name: String, c: Conv| {
            all.insert(format!("{name}.kernel"), c.weight_count());
            all.insert(format!("{name}.bias"), c.outputs);
        };
        conv("stem".into(), self.stem());
        for block in self.blocks() {
            conv(format!("{}.conv1", block.name), block.conv1());
            conv(format!("{}.conv2", block.name), block.conv2());
            if let Some(c) = block.shortcut() {
                conv(format!("{}.shortcut", block.name), c);
            }
        }
        for (name, channels) in self.norms() {
            all.insert(format!("{name}.gamma"), channels);
            all.insert(format!("{name}.beta"), channels);
        }
        for (name, outputs) in [("classify", self.classes), ("rotation", 4)] {
            all.insert(format!("{name}.kernel"), self.features() * outputs);
            all.insert(format!("{name}.bias"), outputs);
        }
        all
    }

    /// Batch norms with their channels.
    pub fn norms(&self) -> Vec<(String, usize)> {
        let mut all = Vec::new();
        for block in self.blocks() {
            all.push((format!("{}.bn1", block.name), block.inputs));
            all.push((format!("{}.bn2", block.name), block.outputs));
        }
        all.push(("head.bn".into(), self.features()));
        all
    }

    /// The embedding `[images, features]` with the batch statistics of `passes` groups of images.
    pub fn forward(&self, p: &Tensors, image: &Map, passes: usize) -> Forward {
        let mut moments = HashMap::new();
        let mut normalise = |name: String, x: &Map| {
            let n = norm::training(
                Activation::LeakyRelu,
                x,
                &p[&format!("{name}.gamma")],
                &p[&format!("{name}.beta")],
                passes,
            );
            moments.insert(name, n.passes);
            n.out
        };
        let mut x = convolve(p, "stem", self.stem(), image);
        let mut maps = Vec::new();
        for block in self.blocks() {
            let a1 = normalise(format!("{}.bn1", block.name), &x);
            let h = convolve(p, &format!("{}.conv1", block.name), block.conv1(), &a1);
            let a2 = normalise(format!("{}.bn2", block.name), &h);
            let out = block_output(p, &block, &x, &a1, &a2);
            maps.push(BlockMaps { x, a1, h, a2 });
            x = out;
        }
        let embedding = heads::pool(&normalise("head.bn".into(), &x));
        Forward { embedding, moments, image: image.clone(), passes, blocks: maps, head_in: x }
    }

    /// The embedding with given statistics.
    pub fn inference(&self, p: &Tensors, known: &HashMap<String, Moments>, image: &Map) -> Vec<f64> {
        let normalise = |name: String, x: &Map| {
            norm::inference(
                Activation::LeakyRelu,
                x,
                &p[&format!("{name}.gamma")],
                &p[&format!("{name}.beta")],
                &known[&name],
            )
        };
        let mut x = convolve(p, "stem", self.stem(), image);
        for block in self.blocks() {
            let a1 = normalise(format!("{}.bn1", block.name), &x);
            let h = convolve(p, &format!("{}.conv1", block.name), block.conv1(), &a1);
            let a2 = normalise(format!("{}.bn2", block.name), &h);
            x = block_output(p, &block, &x, &a1, &a2);
        }
        heads::pool(&normalise("head.bn".into(), &x))
    }

    /// Logits of a head (`classify` or `rotation`) for rows of the embedding.
    pub fn logits(&self, p: &Tensors, head: &str, embedding: &[f64]) -> Vec<f64> {
        heads::dense(embedding, &p[&format!("{head}.kernel")], &p[&format!("{head}.bias")])
    }

    /// Adds a head's gradients to `d` and returns those of its rows of the embedding.
    pub fn logits_backward(
        &self,
        p: &Tensors,
        head: &str,
        embedding: &[f64],
        d_logits: &[f64],
        d: &mut Tensors,
    ) -> Vec<f64> {
        let outputs = p[&format!("{head}.bias")].len();
        let back = heads::dense_backward(embedding, &p[&format!("{head}.kernel")], outputs, d_logits);
        add(d, format!("{head}.kernel"), &back.weights);
        add(d, format!("{head}.bias"), &back.bias);
        back.input
    }

    /// Adds the gradients of everything below the embedding to `d`.
    pub fn backward(&self, p: &Tensors, f: &Forward, d_embedding: &[f64], d: &mut Tensors) {
        let passes = f.passes;
        let mut d_x = heads::pool_backward(f.head_in.shape, d_embedding);
        d_x = norm_back(p, "head.bn", &f.head_in, &d_x, passes, d);
        for (block, maps) in self.blocks().iter().zip(&f.blocks).rev() {
            let name = |part: &str| format!("{}.{part}", block.name);
            let d_a2 = conv_back(p, &name("conv2"), block.conv2(), &maps.a2, &d_x, d);
            let d_h = norm_back(p, &name("bn2"), &maps.h, &d_a2, passes, d);
            let d_a1 = conv_back(p, &name("conv1"), block.conv1(), &maps.a1, &d_h, d);
            let source = if block.first { &maps.a1 } else { &maps.x };
            let d_source = match block.shortcut() {
                Some(conv) => conv_back(p, &name("shortcut"), conv, source, &d_x, d),
                None => d_x,
            };
            d_x = if block.first {
                norm_back(p, &name("bn1"), &maps.x, &d_a1.plus(&d_source), passes, d)
            } else {
                norm_back(p, &name("bn1"), &maps.x, &d_a1, passes, d).plus(&d_source)
            };
        }
        conv_back(p, "stem", self.stem(), &f.image, &d_x, d);
    }
}

/// shortcut + conv2(a2); the very first block's shortcut starts from the activated input.
fn block_output(p: &Tensors, block: &Block, x: &Map, a1: &Map, a2: &Map) -> Map {
    let source = if block.first { a1 } else { x };
    let shortcut = match block.shortcut() {
        Some(conv) => convolve(p, &format!("{}.shortcut", block.name), conv, source),
        None => source.clone(),
    };
    convolve(p, &format!("{}.conv2", block.name), block.conv2(), a2).plus(&shortcut)
}

fn convolve(p: &Tensors, name: &str, conv: Conv, x: &Map) -> Map {
    conv.forward(x, &p[&format!("{name}.kernel")], &p[&format!("{name}.bias")])
}

fn conv_back(p: &Tensors, name: &str, conv: Conv, x: &Map, d_out: &Map, d: &mut Tensors) -> Map {
    let back = conv.backward(x, &p[&format!("{name}.kernel")], d_out);
    add(d, format!("{name}.kernel"), &back.weights);
    add(d, format!("{name}.bias"), &back.bias);
    back.input
}

fn norm_back(p: &Tensors, name: &str, x: &Map, d_out: &Map, passes: usize, d: &mut Tensors) -> Map {
    let (gamma, beta) = (&p[&format!("{name}.gamma")], &p[&format!("{name}.beta")]);
    let back = norm::backward(Activation::LeakyRelu, x, gamma, beta, d_out, passes);
    add(d, format!("{name}.gamma"), &back.gamma);
    add(d, format!("{name}.beta"), &back.beta);
    back.input
}

fn add(d: &mut Tensors, name: String, more: &[f64]) {
    let sum = d.entry(name).or_insert_with(|| vec![0.0; more.len()]);
    for (s, m) in sum.iter_mut().zip(more) {
        *s += m;
    }
}
