//! Devices that go away, and waits that end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use pollster::block_on;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use remixmatch::data::DataSet;
use remixmatch::gpu::{Gpu, GpuError, Kernel, PlanBuilder, groups_for_items};
use remixmatch::ssl::Keep;
use remixmatch::train::{Checkpoint, Config, Pace, Report, TrainError, Trainer};
use tempfile::tempdir;

use crate::small::{config, gpu, images, run, small_remixmatch};

/// Times that the device is destroyed.
const LOSSES: usize = 20;
/// A loss that is not noticed within this time is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run as it is kept: reports up to its checkpoint, and that.
struct Kept {
    reports: Vec<Report>,
    step: u64,
}

/// A run on a device of its own, from where it was kept.
fn open(path: &Path, config: &Config, data: &Arc<DataSet>, paced: bool) -> Result<Trainer, TrainError> {
    on(gpu(), path, config, data, paced)
}

fn on(
    gpu: Arc<Gpu>,
    path: &Path,
    config: &Config,
    data: &Arc<DataSet>,
    paced: bool,
) -> Result<Trainer, TrainError> {
    let (config, data) = (config.clone(), Arc::clone(data));
    let mut trainer = match path.exists() {
        true => Trainer::resume(gpu, config, data, path, Keep::State)?,
        false => Trainer::new(gpu, config, data, Keep::State)?,
    };
    if paced {
        trainer.engine.pace = Some(Pace::new(Duration::from_millis(3), Arc::new(AtomicBool::new(false))));
    }
    Ok(trainer)
}

/// Trains, keeping each report's state, until something goes wrong.
fn until_lost(trainer: &mut Trainer, path: &Path, kept: &mut Kept) -> TrainError {
    let mut go = || -> Result<(), TrainError> {
        block_on(trainer.step())?;
        if trainer.report_is_due() {
            let report = Report { seconds: 0.0, ..block_on(trainer.report())? };
            block_on(trainer.save(path))?;
            kept.step = report.step;
            kept.reports.push(report);
        }
        Ok(())
    };
    loop {
        if let Err(error) = go() {
            return error;
        }
    }
}

#[test]
fn a_device_lost_at_random_moments_costs_at_most_an_interval() {
    let (data, folder) = (images(2, 40), tempdir().expect("a temporary folder"));
    let path = folder.path().join("model.safetensors");
    let endless = Config { steps: 1_000_000, ..config(small_remixmatch()) };
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut kept = Kept { reports: Vec::new(), step: 0 };
    for loss in 0..LOSSES {
        let mut trainer =
            open(&path, &endless, &data, loss % 2 == 1).expect("it goes on from its checkpoint");
        assert_eq!(trainer.progress().step, kept.step, "loss {loss}");
        let device = trainer.gpu().device.clone();
        let delay = Duration::from_millis(rng.random_range(0..250));
        let destroyer = thread::spawn(move || {
            thread::sleep(delay);
            device.destroy();
            Instant::now()
        });
        let error = until_lost(&mut trainer, &path, &mut kept);
        let noticed = Instant::now();
        let destroyed = destroyer.join().expect("the device is destroyed");
        assert!(noticed.duration_since(destroyed) < PATIENCE, "loss {loss}: {error}");
        assert!(matches!(error, TrainError::Gpu(GpuError::Lost(_))), "loss {loss}: {error:?}");
        assert_eq!(error.to_string(), "the adapter was lost: it was destroyed");
        let saved = Checkpoint::read_header(&path).map_or(0, |(_, header)| header.step);
        assert_eq!(saved, kept.step, "loss {loss}");
        // Nothing can be saved of what is lost, and what was stays.
        if path.exists() {
            assert!(block_on(trainer.save(&path)).is_err());
            assert_eq!(Checkpoint::read_header(&path).expect("a checkpoint").1.step, saved);
        }
    }
    let whole = Config { steps: kept.step + 4, ..endless };
    let mut last = open(&path, &whole, &data, false).expect("a device");
    kept.reports.extend(run(&mut last));
    let mut unbroken = Trainer::new(gpu(), whole, data, Keep::State).expect("a trainer");
    assert_eq!(kept.reports, run(&mut unbroken));
    let [a, b] = [&mut last, &mut unbroken].map(|trainer| block_on(trainer.checkpoint()).expect("its state"));
    assert_eq!((a.weights, a.ema, a.optimiser), (b.weights, b.ema, b.optimiser));
    assert_eq!((a.statistics, a.history), (b.statistics, b.history));
    assert_eq!((a.rates, a.pending), (b.rates, b.pending));
    println!("{LOSSES} devices lost in {} steps", kept.step);
}

#[test]
fn on_a_device_that_is_gone_everything_says_so_at_once() {
    let data = images(2, 40);
    let gone = gpu();
    let mut trainer =
        Trainer::new(Arc::clone(&gone), config(small_remixmatch()), Arc::clone(&data), Keep::Views)
            .expect("a trainer");
    block_on(trainer.step()).expect("a step");
    gone.device.destroy();
    let began = Instant::now();
    let lost = |result: Result<(), TrainError>| {
        let error = result.expect_err("the device is gone");
        assert!(matches!(error, TrainError::Gpu(GpuError::Lost(_))), "{error:?}");
    };
    lost(block_on(trainer.drain()));
    lost(block_on(trainer.report()).map(drop));
    lost(block_on(trainer.checkpoint()).map(drop));
    lost(block_on(trainer.observe()).map(drop).and_then(|()| block_on(trainer.drain())));
    lost(gone.wait("nothing").map_err(TrainError::from));
    lost(Trainer::new(Arc::clone(&gone), config(small_remixmatch()), data, Keep::State).map(drop));
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn a_wait_longer_than_its_limit_ends_with_what_was_waited_for() {
    const WORDS: usize = 1 << 22;
    let gpu = Gpu::new_blocking().expect("an adapter").with_wait_limit(Duration::from_millis(1));
    let mut b = PlanBuilder::new();
    let [from, to] = ["from", "to"].map(|name| b.persistent(name, WORDS));
    let quads = WORDS / 4;
    for _ in 0..20 {
        let kernel = Kernel::new("nn/reduce", "sum_slices");
        b.dispatch(kernel, &[0, quads as u32, 1, 0], &[from, to], groups_for_items(quads, 64));
    }
    let program = b.program(0);
    let plan = b.build(&gpu).expect("a plan");
    plan.run(&gpu, program);
    let error = plan.read::<f32>(&gpu, to).expect_err("it takes longer");
    assert!(matches!(error, GpuError::Timeout { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the adapter did not answer within 0.001 s while reading a tensor back");
}
