//! Whole runs on the adapter: reproducible, resumable, and finite with every method.

#[expect(dead_code, reason = "these runs use other images")]
mod small;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pollster::block_on;
use remixmatch::data::{DataSet, Images, Origin};
use remixmatch::ssl::{Method, PerTerm};
use remixmatch::train::{
    Capture, Checkpoint, Config, MetricsFile, Model, Pace, Precision, Report, TrainError, Trainer, Weights,
    accuracy, read_reports,
};

use small::{config, gpu, run, small_remixmatch};

/// Two classes of 8x8 images, bright on the left or on the right, each with another ramp.
fn halves() -> Arc<DataSet> {
    let image = |i: usize| {
        (0..64).map(move |p| {
            let bright = usize::from((p % 8 < 4) == i.is_multiple_of(2));
            (bright * 150 + (i * 7 + p * 3) % 100) as u8
        })
    };
    let images = |count: usize| Images::new(8, 8, 1, (0..count).flat_map(image).collect());
    Arc::new(
        DataSet {
            name: "halves".into(),
            format: "made by the test".into(),
            classes: vec!["left".into(), "right".into()],
            train: images(40),
            train_labels: (0..40).map(|i| Some(i % 2)).collect(),
            test: images(20),
            test_labels: (0..20).map(|i| i % 2).collect(),
            origin: Origin::Benchmark,
            flip: false,
            shift: 1,
            ..DataSet::default()
        }
        .identified(),
    )
}

#[test]
fn equal_seeds_give_equal_runs() {
    let gpu = gpu();
    let reports = |seed: u64| {
        let config = Config { seed, ..config(small_remixmatch()) };
        run(&mut Trainer::new(Arc::clone(&gpu), config, halves(), Capture::State).expect("a trainer"))
    };
    let first = reports(1);
    assert_eq!(first.len(), 3);
    assert_eq!(first, reports(1));
    assert_ne!(first, reports(2));
}

#[test]
fn run_resumed_between_reports_equals_an_uninterrupted_one() {
    for precision in [Precision::Single, Precision::Mixed] {
        resume_between_reports(Config { precision, ..config(small_remixmatch()) });
    }
}

fn resume_between_reports(config: Config) {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let start =
        || Trainer::new(Arc::clone(&gpu), config.clone(), halves(), Capture::State).expect("a trainer");
    let mut unbroken = start();
    let expected = run(&mut unbroken);
    let mut broken = start();
    for _ in 0..3 {
        block_on(broken.step()).expect("a step");
        if broken.report_is_due() {
            block_on(broken.report()).expect("a report");
        }
    }
    block_on(broken.save(&path)).expect("a checkpoint");
    drop(broken);
    let mut resumed = Trainer::resume(Arc::clone(&gpu), config.clone(), halves(), &path, Capture::State)
        .expect("a resumed trainer");
    assert_eq!(resumed.progress().step, 3);
    assert_eq!(run(&mut resumed), expected[1..]);
    let end = |trainer: &mut Trainer| block_on(trainer.checkpoint()).expect("a checkpoint");
    let (a, b) = (end(&mut unbroken), end(&mut resumed));
    assert_eq!(a.weights, b.weights);
    assert_eq!(a.ema, b.ema);
    assert_eq!(a.optimiser, b.optimiser);
    assert_eq!(a.statistics, b.statistics);
    assert_eq!(a.history, b.history);
    assert_eq!(a.rates, b.rates);
    assert_eq!(a.pending, b.pending);
    assert_eq!(a.loss_scale, b.loss_scale);
    assert_eq!(a.loss_scale.is_some(), config.precision == Precision::Mixed);
}

#[test]
fn warmed_up_ema_forgets_the_first_weights() {
    let gpu = gpu();
    // Share of the way from the first weights to the last at which the EMA weights are after six steps.
    let progress = |ema_warmup: bool| {
        let config = Config { ema: 0.999, ema_warmup, ..config(small_remixmatch()) };
        let mut trainer =
            Trainer::new(Arc::clone(&gpu), config, halves(), Capture::State).expect("a trainer");
        let state = |trainer: &mut Trainer| block_on(trainer.checkpoint()).expect("a checkpoint");
        let first = state(&mut trainer).weights.concat();
        run(&mut trainer);
        let last = state(&mut trainer);
        let (weights, ema) = (last.weights.concat(), last.ema.concat());
        let moved = |to: &[f32]| to.iter().zip(&first).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
        moved(&ema) / moved(&weights)
    };
    assert!(progress(true) > 0.5, "{}", progress(true));
    assert!(progress(false) < 0.01, "{}", progress(false));
}

/// A trainer with f16 feature maps after a step, whose loss scale and steps since its change are set before.
fn step_from_scale(scale: [f32; 2]) -> [Checkpoint; 2] {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let config = Config { precision: Precision::Mixed, ..config(small_remixmatch()) };
    let mut trainer =
        Trainer::new(Arc::clone(&gpu), config.clone(), halves(), Capture::State).expect("a trainer");
    let mut before = block_on(trainer.checkpoint()).expect("a checkpoint");
    before.loss_scale = Some(scale);
    before.save(&path, &trainer.engine.network).expect("a written checkpoint");
    let mut resumed = Trainer::resume(gpu, config, halves(), &path, Capture::State).expect("a trainer");
    block_on(resumed.step()).expect("a step");
    [before, block_on(resumed.checkpoint()).expect("a checkpoint")]
}

#[test]
fn too_large_loss_scales_skip_the_step_and_are_halved() {
    let [before, after] = step_from_scale([2f32.powi(100), 7.0]);
    assert_eq!(after.loss_scale, Some([2f32.powi(99), 0.0]));
    assert_eq!(before.weights, after.weights);
    assert_eq!(before.ema, after.ema);
    assert_eq!(before.optimiser, after.optimiser);
}

#[test]
fn loss_scales_grow_after_two_thousand_steps() {
    for (scale, expected) in [([1024.0, 1998.0], [1024.0, 1999.0]), ([1024.0, 1999.0], [2048.0, 0.0])] {
        let [before, after] = step_from_scale(scale);
        assert_eq!(after.loss_scale, Some(expected));
        assert_ne!(before.weights, after.weights, "{scale:?}");
    }
}

#[test]
fn half_precision_gradients_are_near_single_precision_ones() {
    let gradients = |precision| {
        let gpu = gpu();
        let config = Config { precision, ..config(small_remixmatch()) };
        let mut trainer =
            Trainer::new(Arc::clone(&gpu), config, halves(), Capture::State).expect("a trainer");
        block_on(trainer.step()).expect("a step");
        let tensor = trainer.engine.tensors.optimiser.gradients;
        let packed = trainer.engine.read(&gpu, tensor).expect("the gradients");
        trainer.engine.network.parameters.unpack(&packed)
    };
    let [single, mixed] = [Precision::Single, Precision::Mixed].map(gradients);
    let norm = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let all: Vec<f32> = single.concat();
    let difference: Vec<f32> = all.iter().zip(mixed.concat()).map(|(a, b)| a - b).collect();
    let share = norm(&difference) / norm(&all);
    assert!(share > 0.0 && share < 0.02, "the gradients differ by {share} of their norm");
}

#[test]
fn traces_need_single_precision() {
    let config = Config { precision: Precision::Mixed, ..config(small_remixmatch()) };
    let Err(error) = Trainer::new(gpu(), config, halves(), Capture::Trace) else { panic!("a trace in f16") };
    assert_eq!(
        error.to_string(),
        "precision is 'mixed', it must be 'single' for a trace, whose tensors are f32"
    );
}

#[test]
fn adapters_without_half_precision_are_refused() {
    let mut gpu = remixmatch::gpu::Gpu::new_blocking().expect("tests need a WebGPU adapter");
    gpu.features.remove(wgpu::Features::SHADER_F16);
    let config = Config { precision: Precision::Mixed, ..config(small_remixmatch()) };
    let Err(error) = Trainer::new(Arc::new(gpu), config, halves(), Capture::State) else {
        panic!("the adapter has no shader-f16")
    };
    let text = error.to_string();
    assert!(text.contains("shader-f16") && text.contains("set precision to 'single'"), "{text}");
}

/// Stopped anywhere in a step, also between its forward and backward passes, and resumed from what is saved then.
#[test]
fn run_stopped_within_a_step_equals_an_uninterrupted_one() {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let config = config(small_remixmatch());
    let start =
        || Trainer::new(Arc::clone(&gpu), config.clone(), halves(), Capture::State).expect("a trainer");
    let mut unbroken = start();
    let expected = run(&mut unbroken);
    let end = block_on(unbroken.checkpoint()).expect("a checkpoint");
    let mut stopped = 0;
    for delay in [0, 300, 1_000, 3_000, 6_000, 10_000, 15_000, 25_000, 40_000, 80_000] {
        let stop = Arc::new(AtomicBool::new(false));
        let mut trainer = start();
        // Every operation is a slice of its own.
        trainer.engine.pace = Some(Pace::new(Duration::ZERO, Arc::clone(&stop)));
        let mut reports = Vec::new();
        let timer = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                std::thread::sleep(Duration::from_micros(delay));
                stop.store(true, Ordering::SeqCst);
            }
        });
        // Steps and reports, until one is stopped.
        while !trainer.is_done() {
            if block_on(trainer.step()).is_err() {
                break;
            }
            if trainer.report_is_due() {
                match block_on(trainer.report()) {
                    Ok(report) => reports.push(Report { seconds: 0.0, ..report }),
                    Err(_) => break,
                }
            }
        }
        timer.join().expect("the timer");
        stopped += usize::from(!trainer.is_done());
        block_on(trainer.save(&path)).expect("a checkpoint");
        drop(trainer);
        let mut resumed = Trainer::resume(Arc::clone(&gpu), config.clone(), halves(), &path, Capture::State)
            .expect("a resumed trainer");
        if resumed.report_is_pending() {
            reports.push(Report { seconds: 0.0, ..block_on(resumed.report()).expect("a report") });
        }
        reports.extend(run(&mut resumed));
        assert_eq!(reports, expected, "stopped after {delay} us");
        let found = block_on(resumed.checkpoint()).expect("a checkpoint");
        assert_eq!(found.weights, end.weights);
        assert_eq!((found.ema, found.optimiser), (end.ema.clone(), end.optimiser.clone()));
        assert_eq!((found.statistics, found.history), (end.statistics.clone(), end.history.clone()));
        assert_eq!((found.rates, found.pending), (end.rates.clone(), end.pending.clone()));
    }
    assert!(stopped > 2, "only {stopped} of the runs were stopped");
}

#[test]
fn every_method_reports_its_own_loss_terms() {
    let gpu = gpu();
    for name in Method::NAMES {
        let method = match name {
            "remixmatch" => small_remixmatch(),
            other => Method::named(other).expect("a known method"),
        };
        let mut trainer =
            Trainer::new(Arc::clone(&gpu), config(method.clone()), halves(), Capture::State).expect(name);
        let last = run(&mut trainer).pop().expect("a report");
        let loss = |name| last.losses.get(name);
        assert!(loss("x").is_some_and(f64::is_finite), "{name}: {last:?}");
        assert_eq!(loss("u").is_some(), method.unlabelled, "{name}");
        assert_eq!(loss("r").is_some(), method.unlabelled && method.rotation, "{name}");
        assert_eq!(loss("u1").is_some(), method.unlabelled && method.premixup, "{name}");
    }
}

#[test]
fn supervised_run_learns_two_classes() {
    let mut config = config(Method::supervised());
    config.steps = 60;
    config.report_every = 60;
    config.norm_momentum = 0.8;
    config.ema = 0.8;
    let last = run(&mut Trainer::new(gpu(), config, halves(), Capture::State).expect("a trainer"))
        .pop()
        .expect("a report");
    assert!(last.test_acc_ema >= 0.9, "{last:?}");
}

#[test]
fn saved_model_classifies_like_its_trainer() {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let data = halves();
    let mut trainer = Trainer::new(
        Arc::clone(&gpu),
        Config { ema: 0.6, norm_momentum: 0.6, ..config(small_remixmatch()) },
        Arc::clone(&data),
        Capture::State,
    )
    .expect("a trainer");
    let last = run(&mut trainer).pop().expect("a report");
    block_on(trainer.save(&path)).expect("a checkpoint");
    let mut evaluate =
        |which| block_on(trainer.engine.evaluate(&gpu, &data.test, which)).expect("probabilities");
    let (ema, raw) = (evaluate(Weights::Ema), evaluate(Weights::Raw));
    let mut model = Model::load(Arc::clone(&gpu), &path).expect("a model");
    let found = block_on(model.probabilities(&data.test)).expect("probabilities");
    assert_eq!(found, ema);
    assert_ne!(found, raw, "raw and EMA weights differ");
    assert_eq!(accuracy(&found, &data.test_labels, 2), last.test_acc_ema);
    assert_eq!(ema.len(), 2 * data.test.len());
    for (i, expected) in ema.chunks_exact(2).enumerate() {
        let alone = Images::new(8, 8, 1, data.test.image(i).to_vec());
        assert_eq!(
            block_on(model.probabilities(&alone)).expect("probabilities"),
            expected,
            "image {i} alone"
        );
    }
}

#[test]
fn non_finite_loss_stops_run_and_keeps_checkpoint() {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let start = || Trainer::new(Arc::clone(&gpu), config(small_remixmatch()), halves(), Capture::State);
    let mut trainer = start().expect("a trainer");
    for _ in 0..2 {
        block_on(trainer.step()).expect("a step");
    }
    block_on(trainer.save(&path)).expect("a checkpoint");
    let good = std::fs::read(&path).expect("the file");
    let weights = trainer.engine.tensors.optimiser.weights;
    trainer.engine.write(&gpu, weights, &vec![f32::NAN; weights.words()]);
    // Results arrive a few steps late; the message names the step of the NaN.
    let error = (0..6).find_map(|_| block_on(trainer.step()).err()).expect("the run stops");
    assert!(matches!(&error, TrainError::NotFinite { step: 3, term, .. } if term == "loss_x"), "{error}");
    assert!(block_on(trainer.save(&path)).is_err());
    assert_eq!(std::fs::read(&path).expect("the file"), good);

    // Infinite state is not saved, even before it reaches a loss.
    let mut trainer = start().expect("a trainer");
    let (_, moment) = trainer.engine.tensors.optimiser.state().last().expect("Adam's moments");
    trainer.engine.write(&gpu, moment, &vec![f32::INFINITY; moment.words()]);
    let error = block_on(trainer.save(&path)).expect_err("infinite moments");
    assert!(error.to_string().contains("Adam's second moment of"), "{error}");
    assert_eq!(std::fs::read(&path).expect("the file"), good);
}

#[test]
fn optional_terms_have_columns_only_when_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (mi, columns) in [(None, 13), (Some(-0.25), 14)] {
        let losses = PerTerm::from_fn(|term| if term.name == "mi" { mi } else { Some(0.5) });
        let report = Report { step: 7, seconds: 1e-7, losses, ..Report::default() };
        let path = folder.path().join(format!("{columns}.csv"));
        let mut file = MetricsFile::create(&path).expect("a file");
        file.append(&report).expect("a row");
        file.append(&report).expect("another row");
        let text = std::fs::read_to_string(&path).expect("the file");
        let header = text.lines().next().expect("a header");
        assert_eq!((header.split(',').count(), header.contains("loss_mi")), (columns, mi.is_some()));
        assert_eq!(read_reports(&path).expect("the same rows"), [report.clone(), report]);
    }
}
