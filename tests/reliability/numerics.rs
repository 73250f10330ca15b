//! NaN and infinity written into each tensor of a run's state: the run stops and names step and term, and no checkpoint
//! contains them.

use std::path::Path;
use std::sync::Arc;

use pollster::block_on;
use remixmatch::gpu::{Gpu, Tensor};
use remixmatch::ssl::Method;
use remixmatch::train::{Capture, Engine, TrainError, Trainer};
use tempfile::tempdir;

use crate::small::{config, gpu, images, small_remixmatch};

/// Steps before the injection.
const BEFORE: u64 = 2;

/// A tensor, one word of which is replaced, and the terms of which the error must name one.
struct Injection {
    name: &'static str,
    tensor: fn(&Engine) -> Tensor,
    terms: &'static [&'static str],
}

const INJECTIONS: [Injection; 7] = [
    Injection { name: "weights", tensor: |e| e.tensors.optimiser.weights, terms: &["loss_x"] },
    Injection { name: "EMA", tensor: |e| e.tensors.optimiser.ema, terms: &["the update of "] },
    Injection { name: "first moment", tensor: |e| state_tensor(e, 0), terms: &["the update of "] },
    Injection { name: "second moment", tensor: |e| state_tensor(e, 1), terms: &["the update of "] },
    Injection { name: "moving statistics", tensor: |e| e.tensors.moving, terms: &["batch norm's "] },
    Injection { name: "history", tensor: |e| e.tensors.alignment.history, terms: &["loss_"] },
    Injection { name: "p(y)", tensor: |e| e.tensors.alignment.label_distribution, terms: &["loss_"] },
];

fn state_tensor(engine: &Engine, index: usize) -> Tensor {
    engine.tensors.optimiser.state().nth(index).expect("Adam has two state tensors").1
}

/// Trains two steps and saves: the error that this ends with.
fn stopped(trainer: &mut Trainer, path: &Path) -> TrainError {
    for _ in 0..2 {
        if let Err(error) = block_on(trainer.step()) {
            return error;
        }
    }
    block_on(trainer.save(path)).expect_err("the state is not finite")
}

fn inject(gpu: &Gpu, engine: &Engine, tensor: Tensor, value: f32) {
    let mut words = engine.read(gpu, tensor).expect("the state");
    words[0] = value;
    engine.write(gpu, tensor, &words);
}

#[test]
fn non_finite_state_stops_the_run() {
    let (gpu, data) = (gpu(), images(2, 40));
    let folder = tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let fresh = || {
        Trainer::new(Arc::clone(&gpu), config(small_remixmatch()), Arc::clone(&data), Capture::State)
            .expect("a trainer")
    };
    let mut trainer = fresh();
    for _ in 0..BEFORE {
        block_on(trainer.step()).expect("a step");
    }
    block_on(trainer.save(&path)).expect("a checkpoint");
    let good = std::fs::read(&path).expect("the file");
    for Injection { name, tensor, terms } in INJECTIONS {
        for value in [f32::NAN, f32::INFINITY] {
            let mut trainer = Trainer::resume(
                Arc::clone(&gpu),
                config(small_remixmatch()),
                Arc::clone(&data),
                &path,
                Capture::State,
            )
            .expect("a trainer");
            inject(&gpu, &trainer.engine, tensor(&trainer.engine), value);
            let error = stopped(&mut trainer, &path);
            let text = error.to_string();
            let TrainError::NotFinite { step, term, .. } = error else { panic!("{name} {value}: {text}") };
            assert!(terms.iter().any(|expected| term.contains(expected)), "{name} {value}: {text}");
            assert!((BEFORE + 1..=BEFORE + 2).contains(&step), "{name} {value}: {text}");
            assert!(text.starts_with("training diverged: ") && text.contains("is kept"), "{text}");
            assert!(std::fs::read(&path).expect("the file") == good, "{name} {value}");
        }
    }
}

/// NaN guesses are below every threshold, but are reported all the same.
#[test]
fn nan_guesses_below_a_threshold_are_reported() {
    let gpu = gpu();
    let method = Method { alignment: true, ..Method::fixmatch() };
    let mut trainer =
        Trainer::new(Arc::clone(&gpu), config(method), images(2, 40), Capture::State).expect("a trainer");
    block_on(trainer.step()).expect("a step");
    inject(&gpu, &trainer.engine, trainer.engine.tensors.alignment.history, f32::NAN);
    let error = (0..4).find_map(|_| block_on(trainer.step()).err()).expect("the run stops");
    assert!(matches!(error, TrainError::NotFinite { step: 2, .. }), "{error}");
}
