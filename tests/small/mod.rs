//! A small set of images and settings that train in a moment.

use std::sync::Arc;

use pollster::block_on;
use remixmatch::data::{DataSet, Images, Origin};
use remixmatch::gpu::Gpu;
use remixmatch::ssl::Method;
use remixmatch::train::{Config, Report, Trainer, preset};

/// 8x8 images of `classes` classes in turn, bright in a part that the class tells, with a ramp of their own.
pub fn images(classes: usize, train: usize) -> Arc<DataSet> {
    let image = move |i: usize| {
        let class = i % classes;
        (0..64).map(move |p| {
            let bright = (p + class).is_multiple_of(2 + class % 7);
            (usize::from(bright) * 150 + (i * 7 + p * 3) % 100) as u8
        })
    };
    let some = |count: usize| Images::new(8, 8, 1, (0..count).flat_map(image).collect());
    let label = |i: usize| (i % classes) as u32;
    Arc::new(
        DataSet {
            name: "made".into(),
            format: "made by the test".into(),
            classes: (0..classes).map(|c| c.to_string()).collect(),
            train: some(train),
            train_labels: (0..train).map(|i| Some(label(i))).collect(),
            test: some(classes.max(12)),
            test_labels: (0..classes.max(12)).map(label).collect(),
            origin: Origin::Benchmark,
            flip: false,
            shift: 1,
            ..DataSet::default()
        }
        .identified(),
    )
}

pub fn small_remixmatch() -> Method {
    Method { strong_views: 2, ..Method::remixmatch() }
}

/// A run with a report every two steps.
pub fn config(method: Method) -> Config {
    let mut config = preset("digits", None).expect("the preset exists").config;
    config.labels = 4;
    config.batch = 4;
    config.steps = 6;
    config.report_every = 2;
    config.warmup_images = 8;
    config.method = method;
    config
}

pub fn gpu() -> Arc<Gpu> {
    Arc::new(Gpu::new_blocking().expect("tests need a WebGPU adapter"))
}

/// Trains to the end: the reports, without their seconds.
pub fn run(trainer: &mut Trainer) -> Vec<Report> {
    let mut reports = Vec::new();
    while !trainer.is_done() {
        block_on(trainer.step()).expect("a step");
        if trainer.report_is_due() {
            reports.push(Report { seconds: 0.0, ..block_on(trainer.report()).expect("a report") });
        }
    }
    reports
}
