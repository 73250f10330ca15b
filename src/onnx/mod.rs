//! Export of a trained network to ONNX: a file that onnxruntime and other programs run without this one. It holds everything
//! from bytes to probabilities, and the names of the classes.
//!
//! `proto.rs` has the messages of the format, `graph.rs` writes the layers that
//! [`Network::graph`](crate::nn::Network::graph) lists.

mod graph;
mod proto;

use std::path::Path;

use prost::Message as _;

use self::graph::{GraphWriter, Tensors};
pub use self::graph::{INPUT, OUTPUT};
use self::proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use crate::disk;
use crate::nn::{ConvTiling, Network};
use crate::train::{Checkpoint, Config, TrainError, Weights};

/// The version of ONNX's operators: the first whose softmax has one axis (ONNX 1.8, onnxruntime 1.6).
pub const OPSET: i64 = 13;
/// The version of the format that came with [`OPSET`].
const IR_VERSION: i64 = 7;
/// What a file says it was written by.
const PRODUCER: &str = "remixmatch";

/// The ONNX file of a checkpoint, from its EMA weights or its raw ones.
///
/// # Errors
/// [`TrainError::Network`] if the checkpoint's network is unknown or does not fit its images.
pub fn export(checkpoint: &Checkpoint, weights: Weights) -> Result<Vec<u8>, TrainError> {
    let network = network_of(checkpoint.header.image, checkpoint.header.classes.len(), &checkpoint.config)?;
    let values = match weights {
        Weights::Ema => &checkpoint.ema,
        Weights::Raw => &checkpoint.weights,
    };
    let parameters = Tensors { set: &network.parameters, values };
    let statistics = Tensors { set: &network.statistics, values: &checkpoint.statistics };
    let graph = GraphWriter::new(parameters, statistics).write(&network, checkpoint.header.image);
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: PRODUCER.to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: String::new(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata(checkpoint, weights),
    };
    Ok(model.encode_to_vec())
}

/// [`export`] of a checkpoint's file.
///
/// # Errors
/// [`TrainError::File`] if the file cannot be read, [`TrainError::Checkpoint`] if it is not a checkpoint or is damaged,
/// [`TrainError::WrongNetwork`] if its tensors are not those of its network, [`TrainError::NotFinite`] if a value is NaN or
/// infinite, [`TrainError::Network`] if its network is unknown.
pub fn export_file(path: &Path, weights: Weights) -> Result<Vec<u8>, TrainError> {
    let bytes = disk::read(path).map_err(TrainError::file(path, "reading it"))?;
    let (config, header) = Checkpoint::parse_header(path, &bytes)?;
    let network = network_of(header.image, header.classes.len(), &config)?;
    let checkpoint = Checkpoint::parse(path, &bytes, &network)?;
    checkpoint.check_finite(&network)?;
    export(&checkpoint, weights)
}

/// Whether a file that begins like this was written by [`export`].
pub fn is_export(start: &[u8]) -> bool {
    let head =
        ModelProto { ir_version: IR_VERSION, producer_name: PRODUCER.to_owned(), ..ModelProto::default() };
    start.starts_with(&head.encode_to_vec())
}

fn network_of(image: [usize; 3], classes: usize, config: &Config) -> Result<Network, TrainError> {
    // The tiling says how a network is computed, not what it is.
    let mut network = Network::new(&config.architecture()?, image, classes, ConvTiling::REGISTER)?;
    // The optimiser's state is that of the trained layers.
    network.freeze(&config.freeze)?;
    Ok(network)
}

/// What a program needs beside the graph: `classes` is a JSON list of names, in the order of the probabilities.
fn metadata(checkpoint: &Checkpoint, weights: Weights) -> Vec<StringStringEntryProto> {
    let [height, width, channels] = checkpoint.header.image;
    let classes = serde_json::to_string(&checkpoint.header.classes).expect("names are JSON");
    let colour = if channels == 1 { "grey" } else { "RGB" };
    let weights = match weights {
        Weights::Ema => "ema",
        Weights::Raw => "raw",
    };
    let entries = [
        ("classes", classes),
        ("image", format!("{width}x{height} {colour}")),
        ("network", checkpoint.config.network.clone()),
        ("weights", weights.to_owned()),
        ("step", checkpoint.header.step.to_string()),
    ];
    let entry = |(key, value): (&str, String)| StringStringEntryProto { key: key.to_owned(), value };
    entries.into_iter().map(entry).collect()
}
