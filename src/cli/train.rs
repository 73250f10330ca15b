use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use clap::Args;
use remixmatch::bench::convolution_rate;
use remixmatch::data::DataSet;
use remixmatch::gpu::Gpu;
use remixmatch::ssl::Keep;
use remixmatch::train::{Checkpoint, Config, Engine, RunFolder, TrainError, Trainer, engine_options};

use super::adapter::AdapterOptions;
use super::options::{Settings, SourceOptions};
use super::output::{note, print};
use super::training::{Training, interruption};
use super::{Outcome, bytes_text, one_line};

#[derive(Args)]
pub struct TrainArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
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
    let interrupted = interruption()?;
    let mut training = match &arguments.resume {
        Some(path) => resumed(path, &arguments)?,
        None => fresh(&arguments)?,
    };
    let finished = training.run(&interrupted).map_err(|error| kept(error, training.path()))?;
    if !finished {
        let step = training.trainer.progress().step;
        note(format_args!(
            "interrupted at step {step}; saved. Go on with: remixmatch train --resume {}",
            training.path().display()
        ));
        return Ok(Outcome::Interrupted);
    }
    let summary = training.finish()?;
    if let Some(waits) = training.waits() {
        note(waits);
    }
    if arguments.json {
        print(serde_json::to_string_pretty(&summary)?)?;
    } else {
        print(format_args!(
            "{} on {} with {} labels: {} {:.2} % (averaged weights), {:.2} % (raw), {} steps in {:.0} s",
            summary.method,
            summary.data,
            summary.labels,
            training.trainer.data.accuracy_name(),
            100.0 * summary.test_acc_ema,
            100.0 * summary.test_acc,
            summary.steps,
            summary.seconds
        ))?;
        print(format_args!("model, metrics and settings are in {}", training.path().display()))?;
    }
    Ok(Outcome::Done)
}

fn fresh(arguments: &TrainArguments) -> anyhow::Result<Training> {
    let (config, data, source) = arguments.settings.open(&arguments.source)?;
    let folder = RunFolder::new(arguments.out.clone().unwrap_or_else(|| default_folder(&config)));
    folder.check_free(arguments.force)?;
    note(format_args!("preset {}: {source}", config.preset));
    begin(config, data, arguments, folder)
}

fn begin(
    config: Config,
    data: Arc<DataSet>,
    arguments: &TrainArguments,
    folder: RunFolder,
) -> anyhow::Result<Training> {
    config.validate(data.train.height, data.train.width)?;
    let gpu = arguments.adapter.open()?;
    announce(&gpu, &config, &data)?;
    let training = Training::begin(gpu, config, data, folder)?;
    if training.trainer.config.imbalance > 1.0 {
        tell_of_tail(&training.trainer);
    }
    Ok(training)
}

fn resumed(path: &Path, arguments: &TrainArguments) -> anyhow::Result<Training> {
    let folder = RunFolder::new(path);
    let model = folder.model();
    if !model.exists() {
        // Ended before its first checkpoint, it has lost nothing.
        if folder.config().exists() {
            let config = with_source(folder.read_config()?, &arguments.source);
            let data = arguments.source.open(&config)?;
            return begin(config, data, arguments, folder);
        }
        bail!("there is no run to go on with in {}: it has no model.safetensors", path.display());
    }
    let (config, _) = Checkpoint::read_header(&model)?;
    let config = with_source(config, &arguments.source);
    let data = arguments.source.open(&config)?;
    Training::go_on(arguments.adapter.open()?, config, data, folder)
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
fn kept(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let diverged = matches!(error.downcast_ref(), Some(TrainError::NotFinite { .. }));
    match Checkpoint::read_header(&RunFolder::new(folder).model()) {
        Ok((_, header)) if !diverged => anyhow!(
            "{}; step {} is saved, go on with: remixmatch train --resume {}",
            one_line(&error),
            header.step,
            folder.display()
        ),
        _ => error,
    }
}

fn default_folder(config: &Config) -> PathBuf {
    let name = format!("{}-{}-{}-seed{}", config.preset, config.method_name, config.labels, config.seed);
    Path::new("runs").join(name)
}

/// What the long tail leaves of each class.
fn tell_of_tail(trainer: &Trainer) {
    let counts = |images: &[usize]| {
        trainer.data.train_counts(images).iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
    };
    note(format_args!(
        "a long tail of {}: images a class {}, labels a class {}",
        trainer.config.imbalance,
        counts(&trainer.split.unlabelled),
        counts(&trainer.split.labelled),
    ));
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
        let rate = pollster::block_on(convolution_rate(gpu, &network))?;
        let images = shape.forward_passes() * shape.batch;
        let operations = 2.0 * network.multiply_adds() as f64 * images as f64;
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
