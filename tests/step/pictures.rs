//! The images that the steps train on.

use std::sync::{Arc, LazyLock};

use remixmatch::data::{Balance, DataSet, Images, Origin};
use remixmatch::gpu::Gpu;
use remixmatch::ssl::Method;
use remixmatch::train::{Config, preset};

use crate::oracle::random::Random;

/// One device for all tests, so that pipelines are compiled once.
static GPU: LazyLock<Arc<Gpu>> =
    LazyLock::new(|| Arc::new(Gpu::new_blocking().expect("these tests need an adapter")));

pub fn gpu() -> Arc<Gpu> {
    Arc::clone(&GPU)
}

/// Training images of each class: the labelled ones follow them, so that p(y) is not uniform.
const CLASS_COUNTS: [usize; 3] = [24, 12, 6];
/// Labelled images, of which the classes get 4, 2 and 1.
const LABELS: usize = 7;
pub const LABEL_FREQUENCIES: [f64; 3] = [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0];

/// Noise over a bright half: left, top, or the lower right triangle.
fn image(random: &mut Random, class: usize, side: usize, channels: usize) -> Vec<u8> {
    let noise = random.uniform(side * side * channels, 0.0, 120.0);
    let bright = |pixel: usize| {
        let (y, x) = (pixel / side, pixel % side);
        match class {
            0 => x < side / 2,
            1 => y < side / 2,
            _ => x + y >= side,
        }
    };
    let value = |(i, n): (usize, &f32)| *n as u8 + if bright(i / channels) { 120 } else { 0 };
    noise.iter().enumerate().map(value).collect()
}

/// Three classes of different sizes.
pub fn pictures(side: usize, channels: usize) -> Arc<DataSet> {
    let mut random = Random::new(5);
    let mut images = |labels: &[u32]| {
        let pixels = labels.iter().flat_map(|l| image(&mut random, *l as usize, side, channels)).collect();
        Images::new(side, side, channels, pixels)
    };
    let train_labels: Vec<u32> = (0..3).flat_map(|c| vec![c as u32; CLASS_COUNTS[c]]).collect();
    let test_labels = vec![0, 1, 2];
    Arc::new(
        DataSet {
            name: "pictures".into(),
            format: "made by the test".into(),
            classes: ["left", "top", "corner"].map(str::to_owned).to_vec(),
            train: images(&train_labels),
            train_labels: train_labels.into_iter().map(Some).collect(),
            test: images(&test_labels),
            test_labels,
            origin: Origin::Benchmark,
            flip: true,
            shift: 1,
            ..DataSet::default()
        }
        .identified(),
    )
}

/// EMA, decay and ramp change so fast that five steps would show a mistake in any of them: the ramp is
/// 0, 1/2 and then 1, decay takes 0.4 % per step, the EMA moves by a half.
pub fn config(method: Method, seed: u64) -> Config {
    let mut config = preset("digits", None).expect("the preset exists").config;
    config.labels = LABELS;
    config.balance = Balance::Train;
    config.seed = seed;
    config.batch = 4;
    config.steps = 5;
    config.warmup_images = 8;
    config.weight_decay = 2.0;
    config.ema = 0.5;
    config.norm_momentum = 0.9;
    config.method = method;
    config
}
