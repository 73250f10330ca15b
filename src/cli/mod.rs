//! The command line. Results go to standard output, everything else to standard error; the exit status is 0 when done,
//! 1 after a failure named in one line, 2 for wrong usage, 3 if `data --check` finds something serious, 130 when
//! interrupted.
//!
//! Each command is a file with its arguments and a `run` function; `image_inputs` and `sorted_copies` belong to `predict`;
//! `options`, `inputs`, `outputs`, `training`, `figures` and `terminal` hold what several commands share.

mod ablate;
mod app;
mod bench;
mod eval;
mod export;
mod figures;
mod image_inputs;
mod inputs;
mod inspect;
mod options;
mod outputs;
mod predict;
mod sorted_copies;
mod terminal;
mod train;
mod training;
mod weights;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use terminal::{Outcome, note, one_line};
use tracing_subscriber::EnvFilter;

/// Semi-supervised image classification with ReMixMatch, trained in WebGPU compute shaders.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

/// One line on arguments that exclude each other, of which it names only those that were given; `None` for other errors.
/// clap's own message lists every option that a group excludes.
fn conflict(error: &clap::Error, given: impl Iterator<Item = String>) -> Option<String> {
    let flags: Vec<String> = given.filter_map(|part| Some(part.split('=').next()?.to_owned())).collect();
    let flag = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => vec![flag(name)],
        Some(ContextValue::Strings(names)) => names.iter().map(|name| flag(name)).collect(),
        _ => Vec::new(),
    };
    if error.kind() != ErrorKind::ArgumentConflict {
        return None;
    }
    let mut names = context(ContextKind::InvalidArg);
    names.extend(context(ContextKind::PriorArg));
    names.retain(|name| flags.contains(name));
    if let Some(first) = names.first()
        && names.iter().all(|name| name == first)
    {
        let count = flags.iter().filter(|flag| *flag == first).count();
        return (count > 1).then(|| format!("error: {first} is given {count} times: give it once"));
    }
    let (first, others) = names.split_first().filter(|(_, others)| !others.is_empty())?;
    let reason = match first.as_str() {
        "--resume" => "a resumed run keeps its settings; leave them out, or start another run with --out",
        _ if names.iter().any(|name| name == "--run") => "a run keeps its settings; leave one of them out",
        _ if names.iter().any(|name| name == "--link") => {
            "the link names its preset: write preset=NAME into it"
        }
        _ if names.iter().any(|name| name == "--layout") => {
            "--layout reads no image; run `data` once for each"
        }
        _ => "see --help",
    };
    Some(format!("error: {first} cannot be used with {}: {reason}", others.join(", ")))
}

#[derive(Subcommand)]
enum Command {
    /// Open the desktop app, the default command.
    App(app::AppArguments),
    /// Train a network on few labelled and many unlabelled images.
    Train(train::TrainArguments),
    /// Measure a trained model's accuracy on its test images, or on other labelled images.
    Eval(eval::EvalArguments),
    /// Classify image files with a trained model.
    Predict(predict::PredictArguments),
    /// Write a trained model as an ONNX file, for other programs.
    Export(export::ExportArguments),
    /// Train the rows of the ablation table over seeds, and write the table.
    Ablate(ablate::AblateArguments),
    /// Write every tensor of one training step to a safetensors file.
    Trace(train::TraceArguments),
    /// Plot the accuracy of one or more runs.
    Curves(figures::CurvesArguments),
    /// Describe a data set.
    Data(inspect::DataArguments),
    /// Measure the kernels on this adapter, against its fastest matrix product.
    Bench(bench::BenchArguments),
    /// Describe the adapter, its limits and features.
    Info(inspect::InfoArguments),
}

/// The log filter without `RUST_LOG`. Drivers that are not used in the end log errors while adapters are enumerated;
/// errors of the adapter in use are returned.
const LOG_FILTER: &str = "error,wgpu_hal=off";

/// Parses the arguments, runs the command and turns its outcome into the exit status.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            match conflict(&error, std::env::args_os().map(|part| part.to_string_lossy().into_owned())) {
                Some(message) => {
                    note(message);
                    return ExitCode::from(2);
                }
                None => error.exit(),
            }
        }
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER)))
        .init();
    let command = arguments.command.unwrap_or_else(|| Command::App(app::AppArguments::default()));
    let outcome = match command {
        Command::App(arguments) => app::run(arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Ablate(arguments) => ablate::run(arguments),
        Command::Trace(arguments) => train::trace(arguments),
        Command::Curves(arguments) => figures::curves(arguments),
        Command::Data(arguments) => inspect::data(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Info(arguments) => inspect::info(arguments),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Serious) => ExitCode::from(3),
        Ok(Outcome::Interrupted) => ExitCode::from(training::INTERRUPTED),
        Err(error) => {
            note(format_args!("error: {}", one_line(&error)));
            ExitCode::FAILURE
        }
    }
}
