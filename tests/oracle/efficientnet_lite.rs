//! EfficientNet-Lite, forward and backward, from its description: a stem with stride 2, MBConv blocks (1x1 expand, depthwise,
//! 1x1 project, residual where the shape stays), a 1x1 convolution, pool. Every convolution is without bias and followed by a
//! batch norm; ReLU6 follows it everywhere but after a projection. The heads are those of the Wide ResNet.

use std::collections::HashMap;

use super::conv::Conv;
use super::depthwise::Depthwise;
use super::norm::{self, Activation, Moments};
use super::wide_resnet::Tensors;
use super::{Map, heads};

/// Blocks of one width: the first has the stride.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub expand: usize,
    pub filters: usize,
    pub repeat: usize,
    pub stride: usize,
    pub kernel: usize,
}

/// A member of the family, for RGB images.
#[derive(Clone, Debug)]
pub struct Network {
    pub stem_filters: usize,
    pub stages: Vec<Stage>,
    pub features: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Full(Conv),
    Depthwise(Depthwise),
}

/// A convolution, its batch norm and what follows.
struct Unit {
    name: String,
    norm: String,
    kind: Kind,
    activation: Activation,
}

struct Block {
    units: Vec<Unit>,
    residual: bool,
}

/// What the backward pass reads.
pub struct Forward {
    pub embedding: Vec<f64>,
    /// Statistics of each pass, by the name of the norm.
    pub moments: HashMap<String, Vec<Moments>>,
    passes: usize,
    /// Input and convolved map of every unit.
    maps: Vec<(Map, Map)>,
    last: Map,
}

impl Unit {
    fn full(name: String, norm: String, conv: Conv, activation: Activation) -> Self {
        Self { name, norm, kind: Kind::Full(conv), activation }
    }

    fn channels(&self) -> usize {
        match self.kind {
            Kind::Full(conv) => conv.outputs,
            Kind::Depthwise(conv) => conv.channels,
        }
    }

    fn kernel(&self) -> String {
        format!("{}.kernel", self.name)
    }

    fn kernel_words(&self) -> usize {
        match self.kind {
            Kind::Full(conv) => conv.weight_count(),
            Kind::Depthwise(conv) => conv.weight_count(),
        }
    }

    fn convolve(&self, p: &Tensors, x: &Map) -> Map {
        match self.kind {
            Kind::Full(conv) => conv.forward(x, &p[&self.kernel()], &vec![0.0; conv.outputs]),
            Kind::Depthwise(conv) => conv.forward(x, &p[&self.kernel()]),
        }
    }

    fn affine<'a>(&self, p: &'a Tensors) -> (&'a [f64], &'a [f64]) {
        (&p[&format!("{}.gamma", self.norm)], &p[&format!("{}.beta", self.norm)])
    }

    fn backward(&self, p: &Tensors, (x, h): &(Map, Map), d_out: &Map, passes: usize, d: &mut Tensors) -> Map {
        let (gamma, beta) = self.affine(p);
        let back = norm::backward(self.activation, h, gamma, beta, d_out, passes);
        d.insert(format!("{}.gamma", self.norm), back.gamma);
        d.insert(format!("{}.beta", self.norm), back.beta);
        let (input, weights) = match self.kind {
            Kind::Full(conv) => {
                let back = conv.backward(x, &p[&self.kernel()], &back.input);
                (back.input, back.weights)
            }
            Kind::Depthwise(conv) => {
                let back = conv.backward(x, &p[&self.kernel()], &back.input);
                (back.input, back.weights)
            }
        };
        d.insert(self.kernel(), weights);
        input
    }
}

impl Network {
    fn blocks(&self) -> Vec<Block> {
        let (relu6, linear) = (Activation::Relu6, Activation::Linear);
        let one = |inputs, outputs| Conv { kernel: 1, stride: 1, inputs, outputs };
        let stem = Conv { kernel: 3, stride: 2, inputs: 3, outputs: self.stem_filters };
        let single = |unit| Block { units: vec![unit], residual: false };
        let mut blocks = vec![single(Unit::full("conv_stem".into(), "bn1".into(), stem, relu6))];
        let mut inputs = self.stem_filters;
        for (s, stage) in self.stages.iter().enumerate() {
            for r in 0..stage.repeat {
                let stride = if r == 0 { stage.stride } else { 1 };
                let at = |part: &str| format!("blocks.{s}.{r}.{part}");
                let expanded = inputs * stage.expand;
                let depthwise =
                    Kind::Depthwise(Depthwise { kernel: stage.kernel, stride, channels: expanded });
                let mut units = Vec::new();
                // timm counts the norms from the first convolution that a block has.
                let mut norms = ["bn1", "bn2", "bn3"].into_iter();
                let mut next = || at(norms.next().expect("three norms"));
                if stage.expand > 1 {
                    units.push(Unit::full(at("conv_pw"), next(), one(inputs, expanded), relu6));
                }
                units.push(Unit { name: at("conv_dw"), norm: next(), kind: depthwise, activation: relu6 });
                let project = if stage.expand > 1 { "conv_pwl" } else { "conv_pw" };
                units.push(Unit::full(at(project), next(), one(expanded, stage.filters), linear));
                blocks.push(Block { units, residual: stride == 1 && inputs == stage.filters });
                inputs = stage.filters;
            }
        }
        let head = one(inputs, self.features);
        blocks.push(single(Unit::full("conv_head".into(), "bn2".into(), head, relu6)));
        blocks
    }

    /// Names and sizes of all trainable tensors but the heads'.
    pub fn parameters(&self) -> HashMap<String, usize> {
        let mut all = HashMap::new();
        for unit in self.blocks().iter().flat_map(|block| &block.units) {
            all.insert(unit.kernel(), unit.kernel_words());
            all.insert(format!("{}.gamma", unit.norm), unit.channels());
            all.insert(format!("{}.beta", unit.norm), unit.channels());
        }
        all
    }

    /// Names of all batch norms.
    pub fn norms(&self) -> Vec<String> {
        self.blocks().into_iter().flat_map(|block| block.units).map(|unit| unit.norm).collect()
    }

    /// The embedding `[images, features]` with the batch statistics of `passes` groups of images.
    pub fn forward(&self, p: &Tensors, image: &Map, passes: usize) -> Forward {
        let (mut moments, mut maps) = (HashMap::new(), Vec::new());
        let mut x = image.clone();
        for block in self.blocks() {
            let input = x.clone();
            for unit in block.units {
                let h = unit.convolve(p, &x);
                let (gamma, beta) = unit.affine(p);
                let normalised = norm::training(unit.activation, &h, gamma, beta, passes);
                moments.insert(unit.norm, normalised.passes);
                maps.push((x, h));
                x = normalised.out;
            }
            x = if block.residual { x.plus(&input) } else { x };
        }
        Forward { embedding: heads::pool(&x), moments, passes, maps, last: x }
    }

    /// The embedding with given statistics.
    pub fn inference(&self, p: &Tensors, known: &HashMap<String, Moments>, image: &Map) -> Vec<f64> {
        let mut x = image.clone();
        for block in self.blocks() {
            let input = x.clone();
            for unit in block.units {
                let h = unit.convolve(p, &x);
                let (gamma, beta) = unit.affine(p);
                x = norm::inference(unit.activation, &h, gamma, beta, &known[&unit.norm]);
            }
            x = if block.residual { x.plus(&input) } else { x };
        }
        heads::pool(&x)
    }

    /// The gradients of everything below the embedding.
    pub fn backward(&self, p: &Tensors, f: &Forward, d_embedding: &[f64]) -> Tensors {
        let mut d = Tensors::new();
        let mut maps = f.maps.iter().rev();
        let mut d_x = heads::pool_backward(f.last.shape, d_embedding);
        for block in self.blocks().iter().rev() {
            let d_out = d_x.clone();
            for unit in block.units.iter().rev() {
                d_x = unit.backward(p, maps.next().expect("maps of every unit"), &d_x, f.passes, &mut d);
            }
            d_x = if block.residual { d_x.plus(&d_out) } else { d_x };
        }
        d
    }
}
