//! The programs in `examples/` do what they say.

#[path = "../examples/classify_image.rs"]
#[allow(dead_code, reason = "the tests call what `main` calls")]
mod classify_image;
#[path = "../examples/replay_trace.rs"]
#[allow(dead_code, reason = "the tests call what `main` calls")]
mod replay_trace;
#[path = "../examples/train_headless.rs"]
#[allow(dead_code, reason = "the tests call what `main` calls")]
mod train_headless;

use std::path::Path;
use std::sync::Arc;

use pollster::block_on;
use remixmatch::data::{OpenOptions, open};
use remixmatch::gpu::Gpu;
use remixmatch::train::{Capture, Trainer, preset, write_trace};
use safetensors::SafeTensors;

#[test]
fn trained_model_classifies_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    train_headless::train(2, &model).unwrap();
    let classes =
        classify_image::classify(&model, Path::new("tests/fixtures/data/pictures/grey.png")).unwrap();
    let sum: f32 = classes.iter().map(|(_, probability)| probability).sum();
    assert_eq!(classes.len(), 10);
    assert!((sum - 1.0).abs() < 1e-5, "probabilities add up to {sum}");
    assert!(classes.is_sorted_by(|a, b| a.1 >= b.1));
}

#[test]
fn replay_agrees_with_the_trace_and_notices_changes() {
    let mut config = preset("digits", None).unwrap().config;
    (config.batch, config.steps) = (16, 2);
    let data = Arc::new(open(&config.data, &OpenOptions::default()).unwrap());
    let gpu = Arc::new(Gpu::new_blocking().unwrap());
    let mut trainer = Trainer::new(gpu, config, data, Capture::Trace).unwrap();
    // p̃(y) is uniform in the first step.
    block_on(trainer.step()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step.safetensors");
    write_trace(&mut trainer, &path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    replay_trace::replay(&bytes).unwrap();

    let trace = SafeTensors::deserialize(&bytes).unwrap();
    let target = trace.tensor("guess.target").unwrap().data().as_ptr_range();
    let first = target.start as usize - bytes.as_ptr() as usize;
    bytes[first..first + 4].copy_from_slice(&2f32.to_le_bytes());
    assert!(replay_trace::replay(&bytes).unwrap_err().to_string().contains("differs"));
}
