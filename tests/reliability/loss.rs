//! Lost devices, and waits that time out.

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
use remixmatch::train::{Capture, Checkpoint, Config, Pace, Report, TrainError, Trainer};
use tempfile::tempdir;

use crate::small::{config, gpu, images, run, small_remixmatch};

/// Number of devices that are destroyed.
const LOSSES: usize = 20;
/// Time limit for noticing a loss.
const PATIENCE: Duration = Duration::from_secs(60);

/// The reports of a run up to its last checkpoint, and the checkpoint's step.
struct Saved {
    reports: Vec<Report>,
    step: u64,
}

/// A run on a new device, resumed from its checkpoint if there is one.
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
        true => Trainer::resume(gpu, config, data, path, Capture::State)?,
        false => Trainer::new(gpu, config, data, Capture::State)?,
    };
    if paced {
        trainer.engine.pace = Some(Pace::new(Duration::from_millis(3), Arc::new(AtomicBool::new(false))));
    }
    Ok(trainer)
}

/// Trains, saving a checkpoint at each report, until an error.
fn until_lost(trainer: &mut Trainer, path: &Path, saved: &mut Saved) -> TrainError {
    let mut go = || -> Result<(), TrainError> {
        block_on(trainer.step())?;
        if trainer.report_is_due() {
            let report = Report { seconds: 0.0, ..block_on(trainer.report())? };
            block_on(trainer.save(path))?;
            saved.step = report.step;
            saved.reports.push(report);
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
fn lost_devices_cost_at_most_one_report_interval() {
    let (data, folder) = (images(2, 40), tempdir().expect("a temporary folder"));
    let path = folder.path().join("model.safetensors");
    let endless = Config { steps: 1_000_000, ..config(small_remixmatch()) };
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut saved = Saved { reports: Vec::new(), step: 0 };
    for loss in 0..LOSSES {
        let mut trainer = open(&path, &endless, &data, loss % 2 == 1).expect("the run resumes");
        assert_eq!(trainer.progress().step, saved.step, "loss {loss}");
        let device = trainer.gpu().device.clone();
        let delay = Duration::from_millis(rng.random_range(0..250));
        let destroyer = thread::spawn(move || {
            thread::sleep(delay);
            device.destroy();
            Instant::now()
        });
        let error = until_lost(&mut trainer, &path, &mut saved);
        let noticed = Instant::now();
        let destroyed = destroyer.join().expect("the device is destroyed");
        assert!(noticed.duration_since(destroyed) < PATIENCE, "loss {loss}: {error}");
        assert!(matches!(error, TrainError::Gpu(GpuError::Lost(_))), "loss {loss}: {error:?}");
        assert_eq!(error.to_string(), "the adapter was lost: it was destroyed");
        let on_disk = Checkpoint::read_header(&path).map_or(0, |(_, header)| header.step);
        assert_eq!(on_disk, saved.step, "loss {loss}");
        // A lost device's state cannot be saved, and the checkpoint stays.
        if path.exists() {
            assert!(block_on(trainer.save(&path)).is_err());
            assert_eq!(Checkpoint::read_header(&path).expect("a checkpoint").1.step, on_disk);
        }
    }
    let whole = Config { steps: saved.step + 4, ..endless };
    let mut last = open(&path, &whole, &data, false).expect("a device");
    saved.reports.extend(run(&mut last));
    let mut unbroken = Trainer::new(gpu(), whole, data, Capture::State).expect("a trainer");
    assert_eq!(saved.reports, run(&mut unbroken));
    let [a, b] = [&mut last, &mut unbroken].map(|trainer| block_on(trainer.checkpoint()).expect("its state"));
    assert_eq!((a.weights, a.ema, a.optimiser), (b.weights, b.ema, b.optimiser));
    assert_eq!((a.statistics, a.history), (b.statistics, b.history));
    assert_eq!((a.rates, a.pending), (b.rates, b.pending));
    println!("{LOSSES} devices lost in {} steps", saved.step);
}

#[test]
fn every_call_on_a_lost_device_reports_it() {
    let data = images(2, 40);
    let lost_gpu = gpu();
    let mut trainer =
        Trainer::new(Arc::clone(&lost_gpu), config(small_remixmatch()), Arc::clone(&data), Capture::Views)
            .expect("a trainer");
    block_on(trainer.step()).expect("a step");
    lost_gpu.device.destroy();
    let began = Instant::now();
    let lost = |result: Result<(), TrainError>| {
        let error = result.expect_err("the device is lost");
        assert!(matches!(error, TrainError::Gpu(GpuError::Lost(_))), "{error:?}");
    };
    lost(block_on(trainer.drain()));
    lost(block_on(trainer.report()).map(drop));
    lost(block_on(trainer.checkpoint()).map(drop));
    lost(block_on(trainer.observe()).map(drop).and_then(|()| block_on(trainer.drain())));
    lost(lost_gpu.wait("nothing").map_err(TrainError::from));
    lost(Trainer::new(Arc::clone(&lost_gpu), config(small_remixmatch()), data, Capture::State).map(drop));
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn timeouts_name_the_wait() {
    const WORDS: usize = 1 << 22;
    let gpu = Gpu::new_blocking().expect("an adapter").with_wait_limit(Duration::from_millis(1));
    let mut b = PlanBuilder::new();
    let [from, to] = ["from", "to"].map(|name| b.persistent(name, WORDS));
    let vec4s = WORDS / 4;
    for _ in 0..20 {
        let kernel = Kernel::new("nn/reduce", "sum_slices");
        b.dispatch(kernel, &[0, vec4s as u32, 1, 0], &[from, to], groups_for_items(vec4s, 64));
    }
    let program = b.program(0);
    let plan = b.build(&gpu).expect("a plan");
    plan.run(&gpu, program);
    let error = plan.read::<f32>(&gpu, to).expect_err("the work takes longer");
    assert!(matches!(error, GpuError::Timeout { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the adapter did not answer within 0.001 s while reading a tensor back");
}
