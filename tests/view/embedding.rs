//! The embedding of a trainer: its images, its weights, and that it does not change training.

use std::sync::{Arc, LazyLock};

use pollster::block_on;
use remixmatch::data::{DataSet, Images, Origin};
use remixmatch::gpu::Gpu;
use remixmatch::ssl::Method;
use remixmatch::train::{Capture, Config, EmbeddedImage, Embedding, Trainer, Weights, most_likely, preset};

use crate::oracle::compare::assert_close;
use crate::oracle::random::Random;
use crate::reference::Reference;

static SHARED: LazyLock<Arc<Gpu>> =
    LazyLock::new(|| Arc::new(Gpu::new_blocking().expect("these tests need an adapter")));

/// More images than one evaluation batch, so that the sample is embedded in several batches.
const IMAGES: usize = 600;

/// Two classes of noise, bright on the left or on the right half; every seventh image has no class.
fn halves() -> Arc<DataSet> {
    let mut random = Random::new(4);
    let mut images = |count: usize| {
        let noise = random.uniform(count * 64, 0.0, 100.0);
        let bright = |i: usize| usize::from((i % 8 < 4) == (i / 64).is_multiple_of(2)) * 150;
        let pixels = noise.iter().enumerate().map(|(i, n)| (*n as usize + bright(i)) as u8).collect();
        Images::new(8, 8, 1, pixels)
    };
    let known = |i: usize| (i % 7 != 6).then_some(i as u32 % 2);
    Arc::new(
        DataSet {
            name: "halves".into(),
            format: "made by the test".into(),
            classes: vec!["left".into(), "right".into()],
            train: images(IMAGES),
            train_labels: (0..IMAGES).map(known).collect(),
            test: images(4),
            test_labels: vec![0, 1, 0, 1],
            origin: Origin::Benchmark,
            flip: false,
            shift: 1,
            ..DataSet::default()
        }
        .identified(),
    )
}

fn trainer() -> Trainer {
    let mut config = preset("digits", None).expect("the preset exists").config;
    config.labels = 6;
    config.batch = 8;
    config.steps = 40;
    config.warmup_images = 8;
    config.ema = 0.9;
    config.method = Method { strong_views: 1, ..Method::remixmatch() };
    Trainer::new(Arc::clone(&SHARED), Config { seed: 3, ..config }, halves(), Capture::Views)
        .expect("a trainer")
}

fn embed(trainer: &mut Trainer, weights: Weights) -> Embedding {
    block_on(trainer.embed(weights)).expect("the adapter answers").expect("finite features")
}

fn train(trainer: &mut Trainer, steps: usize) {
    (0..steps).for_each(|_| block_on(trainer.step()).expect("a step"));
}

#[test]
fn coordinates_and_guesses_match_the_requested_weights() {
    let mut trainer = trainer();
    train(&mut trainer, 4);
    let features = trainer.engine.network.features;
    let mut distances = Vec::new();
    for weights in [Weights::Ema, Weights::Raw] {
        let found = embed(&mut trainer, weights);
        assert_eq!((found.step, found.weights, found.images.len()), (4, weights, IMAGES));
        let of = |image: &EmbeddedImage| trainer.data.train.image(image.image).to_vec();
        let images = Images::new(8, 8, 1, found.images.iter().flat_map(of).collect());
        let mut table = Vec::new();
        let keep = |plan: &remixmatch::gpu::Plan, _, rows| {
            table.extend(plan.read::<f32>(&SHARED, rows).expect("the features come back"));
        };
        let probabilities = block_on(trainer.engine.evaluate_with(&SHARED, &images, weights, keep)).unwrap();
        assert_eq!(probabilities.len(), 2 * IMAGES);
        for (image, row) in found.images.iter().zip(probabilities.chunks_exact(2)) {
            assert_eq!((image.guess as usize, image.confidence), (most_likely(row), row[most_likely(row)]));
        }
        let expected = Reference::new(&table, features);
        assert!(expected.ratio(3, 2) < 0.9, "third over second eigenvalue: {}", expected.ratio(3, 2));
        assert_close("shares", &sorted(found.shares), &expected.shares(), 1e-4);
        let squared: Vec<f32> =
            found.images.iter().map(|i| i.position[0].powi(2) + i.position[1].powi(2)).collect();
        let expected: Vec<f64> = expected.coordinates.iter().map(|[x, y]| x * x + y * y).collect();
        assert_close("distances", &squared, &expected, 1e-4);
        distances.push(squared);
    }
    assert_ne!(distances[0], distances[1], "EMA weights differ from raw weights");
}

fn sorted(shares: [f32; 2]) -> [f32; 2] {
    if shares[0] < shares[1] { [shares[1], shares[0]] } else { shares }
}

#[test]
fn labelled_images_come_first_with_their_classes() {
    let mut trainer = trainer();
    let found = embed(&mut trainer, Weights::Raw);
    let labelled: Vec<usize> = found.images.iter().filter(|i| i.labelled).map(|i| i.image).collect();
    assert_eq!(labelled, trainer.split.labelled);
    assert!(found.images[..6].iter().all(|i| i.labelled));
    for image in &found.images {
        assert_eq!(image.class, trainer.data.train_labels[image.image]);
    }
    assert!(found.images.iter().any(|i| i.class.is_none()));
}

#[test]
fn embedding_does_not_change_training() {
    let state = |embeds: bool| {
        let mut trainer = trainer();
        for _ in 0..3 {
            train(&mut trainer, 1);
            if embeds {
                embed(&mut trainer, Weights::Ema);
            }
        }
        let checkpoint = block_on(trainer.checkpoint()).expect("a checkpoint");
        (checkpoint.weights, checkpoint.ema, checkpoint.statistics, checkpoint.history)
    };
    assert_eq!(state(true), state(false));
}

/// After training, most images are closer to the mean of their own class than to that of the other.
#[test]
fn training_separates_the_classes() {
    let mut trainer = trainer();
    train(&mut trainer, 40);
    let found = embed(&mut trainer, Weights::Raw);
    let known: Vec<_> = found.images.iter().filter_map(|i| Some((i.class? as usize, i.position))).collect();
    let mean = |class: usize| {
        let points: Vec<_> = known.iter().filter(|(c, _)| *c == class).map(|(_, point)| *point).collect();
        [0, 1].map(|axis| points.iter().map(|p| p[axis]).sum::<f32>() / points.len() as f32)
    };
    let means = [mean(0), mean(1)];
    let distance = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let nearest = |point| usize::from(distance(means[1], point) < distance(means[0], point));
    let right = known.iter().filter(|(class, point)| nearest(*point) == *class).count();
    assert!(
        right as f64 > 0.9 * known.len() as f64,
        "{right} of {} are nearest to the mean of their class",
        known.len()
    );
}
