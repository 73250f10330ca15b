//! The nodes and tensors of an ONNX graph. A new [`Operation`] of the networks is an arm of [`GraphWriter::node`].

use super::proto::{
    AttributeProto, AttributeType, DataType, DimensionProto, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::nn::{EPSILON, InputScale, LEAKY_SLOPE, Network, Node, Operation, ParameterSet, Value};

/// The input: u8 images `[batch, height, width, channels]`.
pub const INPUT: &str = "images";
/// The output: f32 `[batch, classes]`.
pub const OUTPUT: &str = "probabilities";
/// Name of the number of images.
const BATCH: &str = "batch";
/// The normalised images `[batch, channels, height, width]`.
const NORMALISED: &str = "normalised";

/// Tensors of a network, and their values in the same order.
#[derive(Clone, Copy)]
pub struct Tensors<'a> {
    pub set: &'a ParameterSet,
    pub values: &'a [Vec<f32>],
}

impl<'a> Tensors<'a> {
    /// Shape and values of a tensor.
    fn find(&self, name: &str) -> Option<(&'a [usize], &'a [f32])> {
        let found = self.set.list.iter().zip(self.values).find(|(parameter, _)| parameter.name == name);
        found.map(|(parameter, values)| (parameter.shape.as_slice(), values.as_slice()))
    }
}

/// Writes the graph of a network.
pub struct GraphWriter<'a> {
    parameters: Tensors<'a>,
    statistics: Tensors<'a>,
    graph: GraphProto,
}

impl<'a> GraphWriter<'a> {
    pub fn new(parameters: Tensors<'a>, statistics: Tensors<'a>) -> Self {
        let graph = GraphProto { name: "remixmatch".to_owned(), ..GraphProto::default() };
        Self { parameters, statistics, graph }
    }

    /// The graph from images of `[height, width, channels]` bytes to the probabilities of the classes.
    ///
    /// # Panics
    /// If a layer of `network` has no parameters among those of the writer.
    pub fn write(mut self, network: &Network, image: [usize; 3]) -> GraphProto {
        self.preprocessing(network.input_scale, [image[2], network.channels]);
        let nodes = network.graph().nodes;
        let last = nodes.len().saturating_sub(1);
        for (index, node) in nodes.iter().enumerate() {
            let input = |value: &Value| match value {
                Value::Input => NORMALISED.to_owned(),
                Value::Node(at) => nodes[*at].name.clone(),
            };
            let output = if index == last { OUTPUT } else { &node.name };
            self.node(node, node.inputs.iter().map(input).collect(), output);
            let shape = match node.output[..] {
                [height, width, channels] => vec![channels, height, width],
                ref features => features.to_vec(),
            };
            let info = value_info(output, DataType::Float, &shape);
            match index == last {
                true => self.graph.output.push(info),
                false => self.graph.value_info.push(info),
            }
        }
        let colour = if image[2] == 1 { "grey" } else { "RGB" };
        let mut input = value_info(INPUT, DataType::Uint8, &image);
        input.doc_string = format!("{colour} images, 0 to 255, row by row from the top left");
        self.graph.input.push(input);
        self.graph
    }

    /// From bytes to what the network reads, channels before pixels; a grey channel is repeated for a network of colours.
    fn preprocessing(&mut self, scale: InputScale, [found, read]: [usize; 2]) {
        self.push("cast", "Cast", [INPUT], "floats", vec![int("to", DataType::Float as i64)]);
        match scale {
            // x / 127.5 - 1
            InputScale::Reference => {
                self.tensor("scale", &[], &[127.5]);
                self.tensor("offset", &[], &[1.0]);
                self.push("divide", "Div", ["floats", "scale"], "scaled", Vec::new());
                self.push("subtract", "Sub", ["scaled", "offset"], "values", Vec::new());
            }
            // (x - 127) / 128
            InputScale::Lite => {
                self.tensor("offset", &[], &[127.0]);
                self.tensor("scale", &[], &[128.0]);
                self.push("subtract", "Sub", ["floats", "offset"], "shifted", Vec::new());
                self.push("divide", "Div", ["shifted", "scale"], "values", Vec::new());
            }
        }
        let order = vec![ints("perm", &[0, 3, 1, 2])];
        if found == read {
            return self.push("transpose", "Transpose", ["values"], NORMALISED, order);
        }
        self.push("transpose", "Transpose", ["values"], "grey", order);
        self.push("repeat", "Concat", vec!["grey"; read], NORMALISED, vec![int("axis", 1)]);
    }

    fn node(&mut self, node: &Node, mut inputs: Vec<String>, output: &str) {
        let name = node.name.as_str();
        let (op_type, attributes) = match node.operation {
            Operation::Convolution { stride, pads, groups } => {
                let kernel = self.kernel(name, groups > 1);
                let sides =
                    self.graph.initializer.last().map_or(Vec::new(), |kernel| kernel.dims[2..].to_vec());
                inputs.push(kernel);
                let bias = format!("{name}.bias");
                if self.parameters.find(&bias).is_some() {
                    inputs.push(self.parameter(bias));
                }
                let pads = pads.map(|pad| pad as i64);
                let strides = [stride as i64; 2];
                let attributes = vec![
                    ints("kernel_shape", &sides),
                    ints("strides", &strides),
                    ints("pads", &pads),
                    int("group", groups as i64),
                ];
                ("Conv", attributes)
            }
            Operation::BatchNorm => {
                inputs.push(self.parameter(format!("{name}.gamma")));
                inputs.push(self.parameter(format!("{name}.beta")));
                inputs.push(self.statistic(format!("{name}.mean")));
                inputs.push(self.statistic(format!("{name}.variance")));
                ("BatchNormalization", vec![float("epsilon", EPSILON)])
            }
            Operation::LeakyRelu => ("LeakyRelu", vec![float("alpha", LEAKY_SLOPE)]),
            Operation::Relu6 => {
                for (part, value) in [("low", 0.0), ("high", 6.0)] {
                    self.tensor(&format!("{name}.{part}"), &[], &[value]);
                    inputs.push(format!("{name}.{part}"));
                }
                ("Clip", Vec::new())
            }
            Operation::Add => ("Add", Vec::new()),
            Operation::GlobalAveragePool => {
                let mean = format!("{name}.mean");
                self.push(&mean, "GlobalAveragePool", inputs.iter().map(String::as_str), &mean, Vec::new());
                inputs = vec![mean];
                ("Flatten", vec![int("axis", 1)])
            }
            Operation::Dense => {
                inputs.push(self.parameter(format!("{name}.kernel")));
                inputs.push(self.parameter(format!("{name}.bias")));
                ("Gemm", Vec::new())
            }
            Operation::Softmax => ("Softmax", vec![int("axis", 1)]),
        };
        self.push(name, op_type, inputs.iter().map(String::as_str), output, attributes);
    }

    fn push<'b>(
        &mut self,
        name: &str,
        op_type: &str,
        inputs: impl IntoIterator<Item = &'b str>,
        output: &str,
        attribute: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs.into_iter().map(str::to_owned).collect(),
            output: vec![output.to_owned()],
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            attribute,
        });
    }

    fn tensor(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.graph.initializer.push(TensorProto {
            dims: shape.iter().map(|size| *size as i64).collect(),
            data_type: DataType::Float as i32,
            name: name.to_owned(),
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        });
    }

    /// Adds a parameter as it is; returns its name.
    fn parameter(&mut self, name: String) -> String {
        let (shape, values) = found(self.parameters, &name);
        self.tensor(&name, shape, values);
        name
    }

    /// Adds a moving statistic; returns its name.
    fn statistic(&mut self, name: String) -> String {
        let (shape, values) = found(self.statistics, &name);
        self.tensor(&name, shape, values);
        name
    }

    /// Adds the kernel of a convolution, from `[k, k, in, out]` to `[out, in, k, k]`, or of a depthwise one, from
    /// `[k, k, channels, 1]` to `[channels, 1, k, k]`; returns its name.
    fn kernel(&mut self, layer: &str, depthwise: bool) -> String {
        let name = format!("{layer}.kernel");
        let (shape, values) = found(self.parameters, &name);
        let [height, width, inputs, outputs] = shape[..] else {
            panic!("the kernel {name} has {} axes, not 4", shape.len())
        };
        // In memory they are the same: each channel is an output of its own.
        let [inputs, outputs] = if depthwise { [outputs, inputs] } else { [inputs, outputs] };
        let mut transposed = Vec::with_capacity(values.len());
        for output in 0..outputs {
            for input in 0..inputs {
                let taps = (0..height * width).map(|tap| values[(tap * inputs + input) * outputs + output]);
                transposed.extend(taps);
            }
        }
        self.tensor(&name, &[outputs, inputs, height, width], &transposed);
        name
    }
}

fn found<'a>(tensors: Tensors<'a>, name: &str) -> (&'a [usize], &'a [f32]) {
    tensors.find(name).unwrap_or_else(|| panic!("the network has no tensor {name}"))
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        r#type: AttributeType::Int as i32,
        ..AttributeProto::default()
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        f: Some(value),
        r#type: AttributeType::Float as i32,
        ..AttributeProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.to_vec(),
        r#type: AttributeType::Ints as i32,
        ..AttributeProto::default()
    }
}

/// A value of any number of images of `shape`.
fn value_info(name: &str, elements: DataType, shape: &[usize]) -> ValueInfoProto {
    let batch = DimensionProto { dim_param: Some(BATCH.to_owned()), dim_value: None };
    let size = |size: &usize| DimensionProto { dim_value: Some(*size as i64), dim_param: None };
    let dim = [batch].into_iter().chain(shape.iter().map(size)).collect();
    let shape = Some(TensorShapeProto { dim });
    let tensor_type = Some(TensorTypeProto { elem_type: elements as i32, shape });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type }),
        doc_string: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;

    use super::*;
    use crate::nn::{Architecture, ConvTiling, Network, initial_values};

    fn written(name: &str, image: [usize; 3], classes: usize) -> GraphProto {
        let architecture = Architecture::named(name).expect("a known name");
        let network = Network::new(&architecture, image, classes, ConvTiling::REGISTER).expect("a network");
        let [weights, moving] =
            [&network.parameters, &network.statistics].map(|set| (set, initial_values(set, 0)));
        let tensors = |(set, values)| Tensors { set, values };
        let writer = GraphWriter::new(tensors((weights.0, &weights.1)), tensors((moving.0, &moving.1)));
        let bytes = writer.write(&network, image).encode_to_vec();
        GraphProto::decode(bytes.as_slice()).expect("a graph")
    }

    const NETWORKS: [(&str, [usize; 3]); 6] = [
        ("wrn-10-1", [28, 28, 1]),
        ("wrn-16-1", [17, 17, 3]),
        ("wrn-28-2", [32, 32, 3]),
        ("wrn-10-1", [33, 33, 3]),
        ("efficientnet-lite0", [32, 32, 3]),
        ("efficientnet-lite0", [33, 33, 1]),
    ];

    #[test]
    fn every_input_of_a_node_exists_before_it() {
        for (name, image) in NETWORKS {
            let graph = written(name, image, 10);
            let mut known: BTreeSet<&str> =
                graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
            assert_eq!(known.len(), graph.initializer.len(), "tensors of {name} have names of their own");
            known.extend(graph.input.iter().map(|input| input.name.as_str()));
            let mut used = BTreeSet::new();
            for node in &graph.node {
                for input in &node.input {
                    assert!(known.contains(input.as_str()), "{name}: {} reads {input}", node.name);
                    used.insert(input.as_str());
                }
                for output in &node.output {
                    assert!(known.insert(output), "{name}: {output} is written twice");
                }
            }
            known.remove(OUTPUT);
            assert_eq!(used, known, "everything of {name} is read");
            assert_eq!(graph.output.len(), 1);
            assert_eq!(graph.output[0].name, OUTPUT);
        }
    }

    #[test]
    fn tensors_have_as_many_values_as_their_shape() {
        for (name, image) in NETWORKS {
            for tensor in written(name, image, 7).initializer {
                let elements: i64 = tensor.dims.iter().product();
                assert_eq!(tensor.raw_data.len() as i64, 4 * elements, "{} of {name}", tensor.name);
            }
        }
    }

    #[test]
    fn kernels_have_output_channels_first() {
        let network = (ParameterSet::default(), [(0..24).map(|n| n as f32).collect::<Vec<_>>()]);
        let (mut set, values) = network;
        set.add("a.kernel".to_owned(), vec![2, 1, 3, 4], None, true, crate::nn::Init::Zeros);
        let tensors = Tensors { set: &set, values: &values };
        let mut writer = GraphWriter::new(tensors, tensors);
        writer.kernel("a", false);
        let kernel = &writer.graph.initializer[0];
        assert_eq!(kernel.dims, [4, 3, 2, 1]);
        let first: Vec<u8> =
            [0.0, 12.0, 4.0, 16.0].iter().flat_map(|value: &f32| value.to_le_bytes()).collect();
        assert_eq!(kernel.raw_data[..16], first);
    }

    #[test]
    fn any_number_of_images_has_classes_probabilities() {
        let graph = written("wrn-10-1", [28, 28, 1], 10);
        let sizes = |info: &ValueInfoProto| -> Vec<Option<i64>> {
            let shape = info.r#type.as_ref().and_then(|of| of.tensor_type.as_ref()?.shape.as_ref());
            shape.expect("a shape").dim.iter().map(|size| size.dim_value).collect()
        };
        assert_eq!(sizes(&graph.input[0]), [None, Some(28), Some(28), Some(1)]);
        assert_eq!(sizes(&graph.output[0]), [None, Some(10)]);
    }
}
