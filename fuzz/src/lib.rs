//! What is fuzzed: a function of bytes for every parser that reads what a stranger may have made.
//!
//! The targets of `fuzz_targets/` call these, and so do the ordinary tests (`tests/reliability/parsers.rs`). Whatever
//! the bytes, each ends with a value or an error in words; a panic, a hang or memory without measure is a finding.

use std::path::Path;

use remixmatch::app::Address;
use remixmatch::data::{Choice, OpenOptions, open_files};
use remixmatch::gpu::Tiling;
use remixmatch::nn::WideResNet;
use remixmatch::train::{Checkpoint, Config};

/// A target: its name, which is that of its corpus, and what it does with bytes; true where they are taken.
pub type Target = (&'static str, fn(&[u8]) -> bool);

pub const TARGETS: [Target; 21] = [
    ("idx_images", |bytes| {
        open(&[("train-images-idx3-ubyte", bytes), ("train-labels-idx1-ubyte", IDX_LABELS)])
    }),
    ("idx_labels", |bytes| {
        open(&[("train-images-idx3-ubyte", &idx_images()), ("train-labels-idx1-ubyte", bytes)])
    }),
    ("idx_gzip", |bytes| {
        open(&[("train-images-idx3-ubyte.gz", bytes), ("train-labels-idx1-ubyte", IDX_LABELS)])
    }),
    ("cifar_binary", |bytes| open(&[("data_batch_1.bin", bytes)])),
    ("cifar_100_binary", |bytes| open(&[("train.bin", bytes), ("fine_label_names.txt", b"apple\nbear\n")])),
    ("cifar_pickle", |bytes| open(&[("data_batch_1", bytes)])),
    ("cifar_names", |bytes| open(&[("data_batch_1.bin", &[0; 3_073]), ("batches.meta.txt", bytes)])),
    ("stl10_labels", |bytes| stl10(&[0; 2 * STL_10], bytes, b"0 1")),
    ("stl10_folds", |bytes| stl10(&[0; 2 * STL_10], &[1, 2], bytes)),
    ("mat", |bytes| open(&[("train_32x32.mat", bytes)])),
    ("npy_images", |bytes| open(&[("x.npy", bytes), ("y.npy", &npy("|u1", "(4,)", &[0, 1, 0, 1]))])),
    ("npy_labels", |bytes| open(&[("x.npy", &npy("|u1", "(4, 8, 8)", &[7; 256])), ("y.npy", bytes)])),
    ("npz", |bytes| open(&[("set.npz", bytes)])),
    ("tar", |bytes| open(&[("set.tar", bytes)])),
    ("tar_gzip", |bytes| open(&[("set.tar.gz", bytes)])),
    ("zip", |bytes| open(&[("set.zip", bytes)])),
    ("csv", |bytes| {
        let pictures = ["a.pgm", "b/c.pgm", "d.pgm", "e.pgm"].map(|name| (name, PICTURE));
        open(&[&[("labels.csv", bytes)], pictures.as_slice()].concat())
    }),
    ("image", |bytes| {
        let others = ["left/2.pgm", "right/1.pgm", "right/2.pgm"].map(|name| (name, PICTURE));
        open(&[&[("left/1.png", bytes)], others.as_slice()].concat())
    }),
    ("checkpoint", checkpoint),
    ("config", config),
    ("address", address),
];

/// Gives `bytes` to a target: whether they are taken for what it reads.
///
/// # Panics
/// When there is no target of that name; a finding, too, is a panic.
pub fn run(name: &str, bytes: &[u8]) -> bool {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target's name");
    target(bytes)
}

/// Six labels of two classes.
const IDX_LABELS: &[u8] = &[0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 0, 1, 0, 1];
/// A grey picture of 4x4 pixels.
const PICTURE: &[u8] = b"P5 4 4 255\n0123456789abcdef";

/// Six images of 8x8 pixels.
fn idx_images() -> Vec<u8> {
    [&[0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0, 8], [7; 384].as_slice()].concat()
}

/// An array as NumPy writes it.
fn npy(kind: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), elements].concat()
}

/// Bytes of an image of STL-10.
const STL_10: usize = 3 * 96 * 96;

fn stl10(images: &[u8], labels: &[u8], folds: &[u8]) -> bool {
    let files: [(&str, &[u8]); 5] = [
        ("train_X.bin", images),
        ("train_y.bin", labels),
        ("test_X.bin", images),
        ("test_y.bin", &[1, 2]),
        ("fold_indices.txt", folds),
    ];
    let choice = Choice { fold: Some(0), ..Choice::default() };
    open_with(&files, &OpenOptions { choice, ..OpenOptions::default() })
}

/// Reads a set from files in memory, as the page does with those dropped on it.
fn open(files: &[(&str, &[u8])]) -> bool {
    open_with(files, &OpenOptions::default())
}

fn open_with(files: &[(&str, &[u8])], options: &OpenOptions) -> bool {
    let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
    let set = open_files("set", files, options);
    if let Ok(set) = &set {
        assert!(!set.train.is_empty() && set.classes.len() > 1, "a set is fit to be trained on");
    }
    taken(set)
}

/// Whether something was read; if not, an error says why.
fn taken<T, E: ToString>(read: Result<T, E>) -> bool {
    read.map_err(|error| assert!(!error.to_string().is_empty(), "an error says what it is")).is_ok()
}

/// What of a checkpoint can be read without a device: all but its network's tensors where they are too many.
fn checkpoint(bytes: &[u8]) -> bool {
    let path = Path::new("model.safetensors");
    let found = Checkpoint::parse_header(path, bytes);
    if let Ok((config, header)) = &found
        && let Ok(architecture) = config.architecture()
        && let Ok(network) =
            WideResNet::new(&architecture, header.image, header.classes.len(), Tiling::REGISTER)
    {
        taken(Checkpoint::parse(path, bytes, &network.parameters, &network.statistics));
    }
    taken(found)
}

fn config(bytes: &[u8]) -> bool {
    let config = Config::parse(Path::new("config.toml"), bytes);
    if let Ok(config) = &config {
        taken(config.validate(32, 32));
    }
    taken(config)
}

/// A link that is followed makes a link that asks for the same.
fn address(bytes: &[u8]) -> bool {
    let address = Address::parse(&String::from_utf8_lossy(bytes));
    if let Ok(Some(address)) = &address {
        let again = Address::parse(&address.fragment());
        assert_eq!(again.map(|again| again.map(|again| again.fragment())), Ok(Some(address.fragment())));
    }
    taken(address)
}
