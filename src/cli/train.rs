//! `train` starts or resumes a run; `trace` writes the tensors of one of its steps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use pollster::block_on;
use remixmatch::data::{DataSet, counted};
use remixmatch::gpu::Gpu;
use remixmatch::train::{
    Capture, Checkpoint, Config, Engine, Resumable, RunFolder, RunLock, RunTime, Summary, TrainError,
    Trainer, Workload, engine_options, image_shape, known_speed, remember_speed, speed_key, try_speed, tune,
    write_trace,
};

use super::inputs::{AdapterOptions, SourceOptions};
use super::options::Settings;
use super::outputs::Output;
use super::terminal::{Outcome, bytes_text, note, one_line, print};
use super::training::{Interruption, Training};

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
    /// Resume the run in this folder, up to --steps if given, with its data at --data if they have moved
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "force", "SettingOptions", "WeightOptions", "ChoiceOptions"])]
    resume: Option<PathBuf>,
    /// Resume on data whose images are not those of the run: images that stayed keep their role, new ones are unlabelled
    #[arg(long, requires = "resume")]
    accept_changed_data: bool,
    /// Replace the run in the output folder
    #[arg(long)]
    force: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `train`.
pub fn run(arguments: TrainArguments) -> anyhow::Result<Outcome> {
    let interruption = Interruption::install()?;
    let mut training = match &arguments.resume {
        Some(path) => resume(path, &arguments)?,
        None => create(&arguments)?,
    };
    let finished = training.run(&interruption).map_err(|error| with_advice(error, training.path()))?;
    if !finished {
        let step = training.trainer.progress().step;
        note(format_args!(
            "interrupted at step {step}; saved. Resume with: remixmatch train --resume {}",
            training.path().display()
        ));
        return Ok(Outcome::Interrupted);
    }
    let summary = training.finish()?;
    if let Some(waits) = training.waits() {
        note(waits);
    }
    let [low, high] = summary.test_acc_ema_interval.unwrap_or([0.0, 1.0]).map(|bound| 100.0 * bound);
    if arguments.json {
        print(serde_json::to_string_pretty(&summary)?)?;
    } else {
        print(format_args!(
            "{} on {} with {}: {} {:.2} % (EMA weights; 95 % interval {low:.2} to {high:.2} %), {:.2} % (raw), \
             {} in {:.0} s",
            summary.method,
            summary.data,
            counted(summary.labels, "label", "labels"),
            training.trainer.data.accuracy_name(),
            100.0 * summary.test_acc_ema,
            100.0 * summary.test_acc,
            counted(summary.steps as usize, "step", "steps"),
            summary.seconds
        ))?;
        print(format_args!("model, metrics and settings are in {}", training.path().display()))?;
        note(ema_note(&training.trainer.config, &summary));
    }
    Ok(Outcome::Done)
}

/// What the EMA weights are, and whether the run was too short for them.
fn ema_note(config: &Config, summary: &Summary) -> String {
    /// The difference of accuracies above which the run was too short.
    const FAR: f64 = 0.1;
    let decay = config.schedule().ema.at(summary.steps.saturating_sub(1));
    let steps = (1.0 / (1.0 - decay)).round();
    let told = format!(
        "note: EMA weights are the weights averaged over about the last {}; eval and predict use them",
        counted(steps as usize, "step", "steps")
    );
    match summary.test_acc - summary.test_acc_ema > FAR && (summary.steps as f64) < 3.0 * steps {
        true => format!(
            "{told}. After {} they are far behind the raw weights: train longer, or set a smaller ema (--ema)",
            counted(summary.steps as usize, "step", "steps")
        ),
        false => told,
    }
}

/// Starts the run that the settings describe.
fn create(arguments: &TrainArguments) -> anyhow::Result<Training> {
    let (config, data, source) = arguments.settings.open(&arguments.source)?;
    let folder = RunFolder::new(arguments.out.clone().unwrap_or_else(|| default_folder(&config)));
    let lock = if folder.path().is_dir() { Some(folder.lock()?) } else { None };
    folder.check_free(arguments.force)?;
    note(format_args!("preset {}: {source}", config.preset));
    start(config, data, arguments, folder, (lock, arguments.force))
}

fn start(
    config: Config,
    data: Arc<DataSet>,
    arguments: &TrainArguments,
    folder: RunFolder,
    (lock, replace): (Option<RunLock>, bool),
) -> anyhow::Result<Training> {
    config.validate(data.train.height, data.train.width)?;
    let gpu = arguments.adapter.open()?;
    print_costs(&gpu, &config, &data)?;
    let training = Training::start(gpu, config, data, folder, (lock, replace))?;
    if training.trainer.config.imbalance > 1.0 {
        note_tail(&training.trainer);
    }
    Ok(training)
}

/// Resumes the run in a folder.
fn resume(path: &Path, arguments: &TrainArguments) -> anyhow::Result<Training> {
    // A run's model stands for its folder, as the folder does for the model elsewhere.
    let is_model = path.is_file() && path.file_name() == RunFolder::new("").model().file_name();
    let around = path.parent().filter(|around| !around.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = RunFolder::new(if is_model { around } else { path });
    folder.check_present()?;
    let lock = folder.lock()?;
    let Resumable { config, step, options } = folder.resumable()?;
    let mut config = with_source(config, &arguments.source);
    config.accept_changed_data = arguments.accept_changed_data;
    let Some(done) = step else {
        note("notice: the run ended before its first checkpoint, so nothing is lost: it starts again");
        let data = arguments.source.open(&config)?;
        return start(config, data, arguments, folder, (Some(lock), true));
    };
    if config.steps < done {
        return Err(TrainError::StepsDone { steps: config.steps, done }.into());
    }
    if !folder.config().exists() {
        note("notice: config.toml is missing; it is written again with the settings of the checkpoint");
    }
    if config.steps == done {
        note(format_args!(
            "notice: all {done} steps of the run are done, so nothing is trained: give more with --steps to go on"
        ));
    }
    let data = arguments.source.reopen(&config, options)?;
    Training::resume(arguments.adapter.open()?, config, data, folder, lock)
}

/// A run's settings with the number of steps and the data source of the arguments.
fn with_source(config: Config, source: &SourceOptions) -> Config {
    let mut config = Config {
        steps: source.steps.unwrap_or(config.steps),
        strict: source.strict || config.strict,
        skip_bad: source.skip_bad || config.skip_bad,
        ..config
    };
    if let Some(data) = &source.data {
        config.set_data(data.clone());
    }
    config
}

/// Adds to an error how to resume from the last checkpoint. A run that diverged would diverge again.
fn with_advice(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    let diverged = matches!(error.downcast_ref(), Some(TrainError::NotFinite { .. }));
    if let Some(TrainError::LostFolder { .. }) = error.downcast_ref() {
        // Another run may be in the folder now.
        return error;
    }
    match Checkpoint::read_header(&RunFolder::new(folder).model()) {
        Ok((_, header)) if !diverged => anyhow!(
            "{}; step {} is saved, resume with: remixmatch train --resume {}",
            one_line(&error),
            header.step,
            folder.display()
        ),
        _ => error,
    }
}

/// The folder of a run without `--out`.
fn default_folder(config: &Config) -> PathBuf {
    let name = format!("{}-{}-{}-seed{}", config.preset, config.method_name, config.labels, config.seed);
    Path::new("runs").join(name)
}

/// Prints how many images and labels of each class the long tail leaves.
fn note_tail(trainer: &Trainer) {
    let counts = |images: &[usize]| {
        trainer.data.train_counts(images).iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
    };
    note(format_args!(
        "a long tail of {}: images per class {}, labels per class {}",
        trainer.config.imbalance,
        counts(&trainer.split.unlabelled),
        counts(&trainer.split.labelled),
    ));
}

/// Prints the memory of the run, before anything is allocated, and its time.
fn print_costs(gpu: &Arc<Gpu>, config: &Config, data: &DataSet) -> anyhow::Result<()> {
    let options = engine_options(config, data, Capture::State)?;
    let (network, layout, recording) = Engine::plan(gpu, &options)?;
    let memory = recording.memory();
    note(format_args!(
        "{} on {}: {} parameters, {} of {} per step, {} on the adapter ({} without buffer aliasing)",
        config.network,
        gpu.info.name,
        network.parameters.count(),
        counted(layout.passes.len(), "pass", "passes"),
        counted(layout.batch, "image", "images"),
        bytes_text(memory.total()),
        bytes_text(memory.total() - memory.transient + memory.transient_unshared),
    ));
    print_time(gpu, config, data, &Workload::of(gpu, &recording))
}

/// Seconds of a nominal adapter from which the time of a run is estimated before it begins.
const LONG: f64 = 20.0;

/// Prints how long the run takes: as fast as its network ran here before, or as a short trial. Of a short run nothing is
/// measured.
fn print_time(gpu: &Arc<Gpu>, config: &Config, data: &DataSet, workload: &Workload) -> anyhow::Result<()> {
    let tested = data.test.len();
    let key = speed_key(config, image_shape(data), Capture::State);
    let speed = match known_speed(gpu, &key) {
        Some(speed) => speed,
        None if workload.of_run(config, tested) < LONG => return Ok(()),
        None => {
            note("measuring how fast this network trains here");
            block_on(tune(gpu, config, data, Capture::State))?;
            let speed = block_on(try_speed(gpu, &engine_options(config, data, Capture::State)?, None))?;
            remember_speed(gpu, &key, speed);
            speed
        }
    };
    if let Some(time) = RunTime::of_runs([(workload, config, speed)], tested) {
        note(format_args!("estimate: {}", time.text()));
    }
    Ok(())
}

#[derive(Args)]
pub struct TraceArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    source: SourceOptions,
    #[command(flatten)]
    settings: Settings,
    /// File to write
    #[arg(long, value_name = "FILE.safetensors")]
    out: PathBuf,
}

/// Runs `trace`: trains `--steps` steps, 1 by default, and writes the tensors of the last one.
pub fn trace(arguments: TraceArguments) -> anyhow::Result<Outcome> {
    Output::Trace.check_path(&arguments.out)?;
    let (mut config, data, _) = arguments.settings.open(&arguments.source)?;
    config.steps = arguments.source.steps.unwrap_or(1);
    let mut trainer = Trainer::new(arguments.adapter.open()?, config, data, Capture::Trace)?;
    while trainer.progress().step + 1 < trainer.config.steps {
        block_on(trainer.step())?;
    }
    write_trace(&mut trainer, &arguments.out)?;
    note(format_args!("step {} is in {}", trainer.progress().step, arguments.out.display()));
    Ok(Outcome::Done)
}
