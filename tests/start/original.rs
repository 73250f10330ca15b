//! EfficientNet-Lite0 against its original implementation, on 100 real images. The weights are not part of the repository:
//! without them the tests say how to get them, and pass.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use remixmatch::data::data_folder;
use remixmatch::gpu::{Gpu, PlanBuilder};
use remixmatch::nn::{Architecture, ConvTiling, Head, Network, Rows};
use remixmatch::train::{Config, InitialWeights, preset};
use safetensors::SafeTensors;

use crate::small::gpu;

const CLASSES: usize = 1000;
/// Images of one evaluation.
const BATCH: usize = 10;
/// Largest relative error, in the norm of an image's features or logits.
const TOLERANCE: f64 = 1e-4;

/// Images and every `n`th value that the original gives for them.
struct Reference {
    side: usize,
    /// RGB, `[images, side, side, 3]`, enlarged.
    images: Vec<u8>,
    features: (Vec<f32>, usize),
    logits: (Vec<f32>, usize),
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(file.tensor(name).expect("a tensor").data())
}

/// Repeats every pixel of `[n, side, side, 3]`.
fn enlarged(images: &[u8], side: usize, by: usize) -> Vec<u8> {
    let row = side * 3;
    let wide = |line: &[u8]| line.chunks_exact(3).flat_map(|p| p.repeat(by)).collect::<Vec<_>>();
    images.chunks_exact(row).flat_map(|line| wide(line).repeat(by)).collect()
}

/// The first test images of the built-in clothes.
fn clothes() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/fashion/t10k-images-idx3-ubyte.gz");
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).expect("a file")).read_to_end(&mut bytes).expect("gzip");
    bytes[16..].iter().flat_map(|grey| [*grey; 3]).collect()
}

fn reference(path: &Path) -> Reference {
    let bytes = std::fs::read(path).expect("a reference file");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
    let metadata: HashMap<String, String> = header.metadata().clone().expect("metadata");
    let number = |key: &str| metadata[key].parse::<usize>().expect("a number");
    let (images, side) = match file.tensor("images") {
        Ok(images) => (images.data().to_vec(), images.shape()[1]),
        Err(_) => (clothes(), 28),
    };
    let count = file.tensor("logits").expect("logits").shape()[0];
    let images = &images[..count * side * side * 3];
    Reference {
        side: side * number("enlarge"),
        images: enlarged(images, side, number("enlarge")),
        features: (floats(&file, "features"), number("every_feature")),
        logits: (floats(&file, "logits"), number("every_logit")),
    }
}

/// Features and logits of the network with the fetched weights, the classes of ImageNet among them.
fn evaluate(gpu: &Gpu, weights: &Path, of: &Reference) -> [Vec<f32>; 2] {
    let mut config: Config = preset("digits", None).expect("a preset").config;
    config.network = "efficientnet-lite0".into();
    let architecture = Architecture::named("efficientnet-lite0").expect("a network");
    let image = [of.side, of.side, 3];
    let n = Network::new(&architecture, image, CLASSES, ConvTiling::REGISTER).expect("a network");
    let bytes = std::fs::read(weights).expect("weights");
    let mut initial = InitialWeights::parse(weights, &bytes, &config, &n).expect("weights that fit");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let head = n.backbone_parameters().len();
    let kernel = floats(&file, "classifier.weight");
    let transposed = (0..n.features).flat_map(|i| (0..CLASSES).map(move |o| (o, i)));
    initial.weights[head] = transposed.map(|(o, i)| kernel[o * n.features + i]).collect();
    initial.weights[head + 1] = floats(&file, "classifier.bias");

    let mut b = PlanBuilder::new();
    let weights = b.persistent("weights", n.parameters.words());
    let moving = b.persistent("statistics", n.statistics.words());
    let mut input = n.input(&mut b, "input", BATCH);
    input.tensor = b.persistent("images", input.tensor.words());
    let embedding = n.inference(&mut b, weights, moving, input);
    let all = Rows { first: 0, count: BATCH };
    let logits = n.logits(&mut b, Head::Classify, weights, embedding, all);
    b.keep(embedding);
    b.keep(logits);
    let program = b.program(0);
    let plan = b.build(gpu).expect("a plan");
    plan.write(gpu, weights, &n.parameters.pack(initial.weights.iter().map(Vec::as_slice)));
    plan.write(gpu, moving, &n.statistics.pack(initial.statistics.iter().map(Vec::as_slice)));
    let mut found = [Vec::new(), Vec::new()];
    for images in of.images.chunks_exact(BATCH * of.side * of.side * 3) {
        let scaled = |pixel: &[u8]| [0, 1, 2].map(|c| n.input_scale.apply(pixel[c]));
        let pixels: Vec<f32> =
            images.chunks_exact(3).map(scaled).flat_map(|[r, g, b]| [r, g, b, 0.0]).collect();
        plan.write(gpu, input.tensor, &pixels);
        plan.run(gpu, program);
        for (to, tensor) in found.iter_mut().zip([embedding, logits]) {
            to.extend_from_slice(&plan.read::<f32>(gpu, tensor).expect("values"));
        }
    }
    found
}

/// Checks every image; the largest relative error.
fn check(name: &str, found: &[f32], (expected, every): &(Vec<f32>, usize), columns: usize) -> f64 {
    let kept = columns.div_ceil(*every);
    let images = expected.len() / kept;
    assert_eq!((images, found.len()), (100, 100 * columns));
    let mut largest = 0f64;
    for (found, expected) in found.chunks_exact(columns).zip(expected.chunks_exact(kept)) {
        let found = found.iter().step_by(*every);
        let square = |x: f64| x * x;
        let error: f64 = found.zip(expected).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
        let norm: f64 = expected.iter().map(|b| square(f64::from(*b))).sum();
        largest = largest.max((error / norm).sqrt());
    }
    assert!(largest <= TOLERANCE, "{name}: relative error {largest:e}");
    largest
}

fn compare(path: PathBuf) {
    let folder = data_folder().unwrap_or_default();
    let weights = folder.join("efficientnet-lite0.safetensors");
    for (file, how) in [
        (&weights, "python3 scripts/fetch_backbone.py"),
        (&path, "tests/fixtures/make_backbone_reference.py, with the folder of scripts/fetch_cifar10.py"),
    ] {
        if !file.exists() {
            println!("skipped: {} is missing; {how} makes it", file.display());
            return;
        }
    }
    let gpu = gpu();
    let reference = reference(&path);
    let [features, logits] = evaluate(&gpu, &weights, &reference);
    let features = check("features", &features, &reference.features, 1280);
    let logits = check("logits", &logits, &reference.logits, CLASSES);
    println!("{}: relative error of features {features:.1e}, of logits {logits:.1e}", path.display());
}

#[test]
fn clothes_have_the_originals_features_and_logits() {
    compare(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone_reference.safetensors"));
}

#[test]
fn cifar10_has_the_originals_features_and_logits() {
    compare(data_folder().unwrap_or_default().join("efficientnet-lite0-reference.safetensors"));
}
