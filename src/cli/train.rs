use pollster::block_on;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use remixmatch::bench::convolution_rate;
use remixmatch::data::DataSet;
use remixmatch::gpu::Gpu;
use remixmatch::ssl::Keep;
use remixmatch::train::{
    Checkpoint, Config, Engine, MetricsFile, Report, RunFolder, Summary, TrainError, Trainer, engine_options,
    median_accuracy, read_reports,
};

use super::options::{Settings, SourceOptions};
use super::output::{note, print};
use super::{Outcome, bytes_text, one_line, open_gpu};

#[derive(Args)]
pub struct TrainArguments {
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    settings: Settings,
    /// Folder for config.toml, metrics.csv, model.safetensors and summary.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder, to --steps if given, its data at --data if they moved
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "force", "Settings", "ChoiceOptions"])]
    resume: Option<PathBuf>,
    /// Replace the run in the output folder
    #[arg(long)]
    force: bool,
    /// Print the final figures as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: TrainArguments) -> anyhow::Result<Outcome> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst))
        .context("installing the Ctrl-C handler")?;
    let (mut run, folder) = match &arguments.resume {
        Some(path) => {
            let folder = RunFolder::new(path);
            (resumed(&folder, &arguments.source)?, folder)
        }
        None => fresh(&arguments)?,
    };
    let finished = train(&mut run, &folder, &interrupted).map_err(|error| kept(error, &folder))?;
    if !finished {
        let step = run.trainer.progress().step;
        note(format_args!(
            "interrupted at step {step}; saved. Go on with: remixmatch train --resume {}",
            folder.path().display()
        ));
        return Ok(Outcome::Interrupted);
    }
    let summary = summary(&run, &folder)?;
    let json = serde_json::to_string_pretty(&summary)?;
    folder.write_summary(&summary)?;
    if arguments.json {
        print(json)?;
    } else {
        print(format_args!(
            "{} on {} with {} labels: {} {:.2} % (averaged weights), {:.2} % (raw), {} steps in {:.0} s",
            summary.method,
            summary.data,
            summary.labels,
            run.trainer.data.accuracy_name(),
            100.0 * summary.test_acc_ema,
            100.0 * summary.test_acc,
            summary.steps,
            summary.seconds
        ))?;
        print(format_args!("model, metrics and settings are in {}", folder.path().display()))?;
    }
    Ok(Outcome::Done)
}

struct Run {
    trainer: Trainer,
    metrics: MetricsFile,
}

/// Nothing is written or removed before all that could be refused has been accepted.
fn fresh(arguments: &TrainArguments) -> anyhow::Result<(Run, RunFolder)> {
    let (config, source) = arguments.settings.config(&arguments.source)?;
    let folder = RunFolder::new(arguments.out.clone().unwrap_or_else(|| default_folder(&config)));
    folder.check_free(arguments.force)?;
    note(format_args!("preset {}: {source}", config.preset));
    Ok((begin(config, &arguments.source, &folder)?, folder))
}

fn begin(config: Config, source: &SourceOptions, folder: &RunFolder) -> anyhow::Result<Run> {
    let data = source.open(&config)?;
    config.validate(data.train.height, data.train.width)?;
    let gpu = open_gpu()?;
    announce(&gpu, &config, &data)?;
    let trainer = Trainer::new(gpu, config, data, Keep::State)?;
    folder.create()?;
    folder.write_config(&trainer.config)?;
    folder.prepare()?;
    let metrics = MetricsFile::create(&folder.metrics())?;
    let mut run = Run { trainer, metrics };
    block_on(run.trainer.save(&folder.model()))?;
    Ok(run)
}

fn resumed(folder: &RunFolder, source: &SourceOptions) -> anyhow::Result<Run> {
    let model = folder.model();
    if !model.exists() {
        // Ended before its first checkpoint, it has lost nothing.
        if folder.config().exists() {
            let config = with_source(folder.read_config()?, source);
            return begin(config, source, folder);
        }
        bail!("there is no run to go on with in {}: it has no model.safetensors", folder.path().display());
    }
    let (config, header) = Checkpoint::read_header(&model)?;
    let config = with_source(config, source);
    let data = source.open(&config)?;
    let trainer = Trainer::resume(open_gpu()?, config, data, &model, Keep::State)?;
    folder.tidy()?;
    let metrics_path = folder.metrics();
    let metrics = match metrics_path.exists() {
        true => MetricsFile::resume(&metrics_path, header.step)?,
        false => MetricsFile::create(&metrics_path)?,
    };
    folder.write_config(&trainer.config)?;
    note(format_args!("going on from step {} of {}", header.step, trainer.config.steps));
    Ok(Run { trainer, metrics })
}

/// A kept run's settings with what may differ when it goes on.
fn with_source(config: Config, source: &SourceOptions) -> Config {
    Config {
        steps: source.steps.unwrap_or(config.steps),
        data: source.data.clone().unwrap_or(config.data),
        ..config
    }
}

/// What ended a run, and how to go on from what it has kept. One that diverged would do so again.
fn kept(error: anyhow::Error, folder: &RunFolder) -> anyhow::Error {
    let diverged = matches!(error.downcast_ref(), Some(TrainError::NotFinite { .. }));
    match Checkpoint::read_header(&folder.model()) {
        Ok((_, header)) if !diverged => anyhow!(
            "{}; step {} is saved, go on with: remixmatch train --resume {}",
            one_line(&error),
            header.step,
            folder.path().display()
        ),
        _ => error,
    }
}

fn default_folder(config: &Config) -> PathBuf {
    let name = format!("{}-{}-{}-seed{}", config.preset, config.method_name, config.labels, config.seed);
    Path::new("runs").join(name)
}

/// Prints what the run will take, before anything is allocated.
fn announce(gpu: &Gpu, config: &Config, data: &DataSet) -> anyhow::Result<()> {
    let options = engine_options(config, data, Keep::State)?;
    let (network, shape, recording) = Engine::plan(gpu, &options)?;
    let memory = recording.memory();
    note(format_args!(
        "{} on {}: {} parameters, {} passes of {} images a step, {} on the adapter ({} if nothing shared memory)",
        config.network,
        gpu.info.name,
        network.parameters.count(),
        shape.passes(),
        shape.batch,
        bytes_text(memory.total()),
        bytes_text(memory.total() - memory.transient + memory.transient_unshared),
    ));
    if config.preset.starts_with("paper-") {
        let rate = convolution_rate(gpu, &network)?;
        // A backward pass costs about twice a forward one; guesses and probes need only the latter.
        let gradients = 3 * shape.passes() * shape.batch;
        let forward = shape.batch * (shape.guess_views + usize::from(shape.probe));
        let operations = 2.0 * network.multiply_adds() as f64 * (gradients + forward) as f64;
        let seconds = operations / (rate * 1e9);
        note(format_args!(
            "estimate: {:.2} TFLOP a step, {seconds:.2} s at the {rate:.1} GFLOP/s that its convolutions reach here; \
             {} steps would take {:.1} days",
            operations / 1e12,
            config.steps,
            seconds * config.steps as f64 / 86_400.0
        ));
    }
    Ok(())
}

/// Trains until done (true) or interrupted (false); saves either way.
fn train(run: &mut Run, folder: &RunFolder, interrupted: &AtomicBool) -> anyhow::Result<bool> {
    let model = folder.model();
    let bar = progress_bar(&run.trainer);
    while !run.trainer.is_done() {
        if interrupted.load(Ordering::SeqCst) {
            block_on(run.trainer.save(&model))?;
            bar.abandon();
            return Ok(false);
        }
        block_on(run.trainer.step())?;
        let progress = run.trainer.progress();
        bar.set_position(progress.step);
        if run.trainer.report_is_due() {
            let report = block_on(run.trainer.report())?;
            // The row first: whatever happens in between, a resumed run drops a row ahead of its checkpoint,
            // and could not make one again that is behind.
            run.metrics.append(&report)?;
            block_on(run.trainer.save(&model))?;
            bar.set_message(format!("test {:.1} %", 100.0 * report.test_acc_ema));
            let line = line(&report, progress.steps);
            if bar.is_hidden() {
                note(line);
            } else {
                bar.println(line);
            }
        }
    }
    bar.finish();
    Ok(true)
}

fn progress_bar(trainer: &Trainer) -> ProgressBar {
    let progress = trainer.progress();
    let bar = ProgressBar::with_draw_target(Some(progress.steps), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} step {pos}/{len} {per_sec} ETA {eta} {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_position(progress.step);
    bar.reset_eta();
    bar
}

fn line(report: &Report, steps: u64) -> String {
    let optional = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
    format!(
        "step {:>6}/{steps}  loss x {:.3} u {} u1 {} r {}  guesses {}  test {:.3} (averaged {:.3})  {:.0} s",
        report.step,
        report.loss_x,
        optional(report.loss_u),
        optional(report.loss_u1),
        optional(report.loss_r),
        optional(report.guess_acc),
        report.test_acc,
        report.test_acc_ema,
        report.seconds,
    )
}

fn summary(run: &Run, folder: &RunFolder) -> anyhow::Result<Summary> {
    let trainer = &run.trainer;
    let reports = read_reports(&folder.metrics())?;
    let last = reports.last().context("the run has no report yet: give more --steps")?;
    let config = &trainer.config;
    Ok(Summary {
        preset: config.preset.clone(),
        method: config.method_name.clone(),
        data: trainer.data.name.clone(),
        labels: config.labels,
        seed: config.seed,
        network: config.network.clone(),
        parameters: trainer.engine.network.parameters.count(),
        steps: last.step,
        images: last.images,
        seconds: last.seconds,
        test_acc_ema: last.test_acc_ema,
        test_acc_ema_median: median_accuracy(&reports),
        test_acc: last.test_acc,
        guess_acc: last.guess_acc,
        adapter: trainer.gpu().info.name.clone(),
        gpu_bytes: trainer.engine.memory().total(),
    })
}
