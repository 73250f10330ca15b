//! The forward pass with moving statistics as a list of layers, for a file that other programs run.

use super::activation::same_padding;
use super::batch_norm::NormActivation;
use super::conv2d::Conv2d;
use super::depthwise::DepthwiseConv2d;

/// Slope of the leaky ReLU for negative values (`SLOPE` in `shaders/nn/batch_norm.wgsl`).
pub const LEAKY_SLOPE: f32 = 0.1;

/// The input of a graph, or the output of one of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The normalised images.
    Input,
    /// The output of the node at this index.
    Node(usize),
}

/// What a node computes. Its parameters are those of the network whose names begin with the node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A convolution with `NAME.kernel` and, where the network has it, `NAME.bias`.
    Convolution {
        stride: usize,
        /// Zeros around the input, as TensorFlow's SAME padding: top, left, bottom, right.
        pads: [usize; 4],
        /// As many as channels for a depthwise convolution, otherwise 1.
        groups: usize,
    },
    /// Batch norm with `NAME.gamma`, `NAME.beta`, and the statistics `NAME.mean` and `NAME.variance`.
    BatchNorm,
    /// A leaky ReLU of slope [`LEAKY_SLOPE`].
    LeakyRelu,
    /// min(max(z, 0), 6)
    Relu6,
    /// The sum of two feature maps.
    Add,
    /// The mean over the pixels: from a feature map to `[images, features]`.
    GlobalAveragePool,
    /// A linear head with `NAME.kernel` and `NAME.bias`.
    Dense,
    Softmax,
}

/// A layer, with its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Unique in the graph; for an operation with parameters the layer's name.
    pub name: String,
    pub operation: Operation,
    pub inputs: Vec<Value>,
    /// Shape of its output for one image: `[height, width, channels]`, or `[features]` from the pool on.
    pub output: Vec<usize>,
}

/// The layers from the normalised images `[images, height, width, channels]` to the probabilities `[images, classes]`, each
/// after its inputs; the last one has the probabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    pub nodes: Vec<Node>,
}

/// A feature map of a graph that is being built.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map {
    pub value: Value,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

/// Collects the layers of a graph.
#[derive(Default)]
pub(super) struct GraphBuilder {
    nodes: Vec<Node>,
}

/// The layers of a family of networks as a graph.
pub(super) trait Listed {
    /// Adds the layers of the pass with moving statistics, from the normalised images to the last feature map.
    fn list(&self, b: &mut GraphBuilder, input: Map) -> Map;
}

impl GraphBuilder {
    fn push(&mut self, name: String, operation: Operation, inputs: Vec<Value>, output: Vec<usize>) -> Value {
        self.nodes.push(Node { name, operation, inputs, output });
        Value::Node(self.nodes.len() - 1)
    }

    /// Adds a node whose output has the shape of `x`.
    fn push_like(&mut self, name: String, operation: Operation, inputs: Vec<Value>, x: Map) -> Map {
        let value = self.push(name, operation, inputs, vec![x.height, x.width, x.channels]);
        Map { value, ..x }
    }

    /// Adds a convolution.
    pub fn convolution(&mut self, conv: &Conv2d, x: Map) -> Map {
        self.same(&conv.name, x, [conv.kernel, conv.stride, conv.out_channels], 1)
    }

    /// Adds a depthwise convolution.
    pub fn depthwise(&mut self, conv: &DepthwiseConv2d, x: Map) -> Map {
        self.same(&conv.name, x, [conv.kernel, conv.stride, conv.channels], conv.channels)
    }

    fn same(&mut self, name: &str, x: Map, [kernel, stride, channels]: [usize; 3], groups: usize) -> Map {
        let [top, bottom] = same_padding(x.height, kernel, stride);
        let [left, right] = same_padding(x.width, kernel, stride);
        let operation = Operation::Convolution { stride, pads: [top, left, bottom, right], groups };
        let [height, width] = [x.height, x.width].map(|side| side.div_ceil(stride));
        let out = Map { height, width, channels, ..x };
        self.push_like(name.to_owned(), operation, vec![x.value], out)
    }

    /// Adds a batch norm and what follows it.
    pub fn norm(&mut self, name: &str, activation: NormActivation, x: Map) -> Map {
        let normalised = self.push_like(name.to_owned(), Operation::BatchNorm, vec![x.value], x);
        let (part, operation) = match activation {
            NormActivation::LeakyRelu => ("leaky_relu", Operation::LeakyRelu),
            NormActivation::Relu6 => ("relu6", Operation::Relu6),
            NormActivation::Linear => return normalised,
        };
        self.push_like(format!("{name}.{part}"), operation, vec![normalised.value], x)
    }

    /// Adds the sum of two feature maps of one shape, named after the layer that it ends.
    pub fn add(&mut self, name: &str, [x, y]: [Map; 2]) -> Map {
        self.push_like(format!("{name}.sum"), Operation::Add, vec![x.value, y.value], x)
    }

    /// Adds the pool, a linear head and the softmax.
    pub fn finish(mut self, x: Map, pool: &str, head: &str, classes: usize) -> Graph {
        let pooled =
            self.push(pool.to_owned(), Operation::GlobalAveragePool, vec![x.value], vec![x.channels]);
        let logits = self.push(head.to_owned(), Operation::Dense, vec![pooled], vec![classes]);
        self.push("softmax".to_owned(), Operation::Softmax, vec![logits], vec![classes]);
        Graph { nodes: self.nodes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Architecture, ConvTiling, Network};

    #[test]
    fn same_padding_puts_the_odd_pixel_last() {
        for (size, kernel, stride, expected) in [
            (32, 3, 1, [1, 1]),
            (32, 3, 2, [0, 1]),
            (33, 3, 2, [1, 1]),
            (32, 1, 2, [0, 0]),
            (8, 5, 2, [1, 2]),
            (1, 3, 2, [1, 1]),
        ] {
            assert_eq!(same_padding(size, kernel, stride), expected, "{size} {kernel} {stride}");
        }
    }

    #[test]
    fn graph_has_every_layer_in_order() {
        for (name, image) in [
            ("wrn-10-1", [28, 28, 1]),
            ("wrn-28-2", [33, 47, 3]),
            ("efficientnet-lite0", [32, 32, 1]),
            ("efficientnet-lite0", [33, 47, 3]),
        ] {
            let architecture = Architecture::named(name).expect("a known name");
            let network = Network::new(&architecture, image, 10, ConvTiling::REGISTER).expect("a network");
            let graph = network.graph();
            for (index, node) in graph.nodes.iter().enumerate() {
                let earlier = |value: &Value| matches!(value, Value::Input) || value_index(*value) < index;
                assert!(node.inputs.iter().all(earlier), "{} of {name}", node.name);
            }
            for layer in network.layers().iter().filter(|layer| layer.name != "rotation") {
                let node = graph.nodes.iter().find(|node| node.name == layer.name);
                assert_eq!(node.map(|node| &node.output), Some(&layer.output), "{} of {name}", layer.name);
            }
        }
    }

    fn value_index(value: Value) -> usize {
        match value {
            Value::Input => 0,
            Value::Node(index) => index,
        }
    }
}
