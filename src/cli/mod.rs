//! The command line: one file a command. Results go to standard output, everything else to standard
//! error; exit status 0 done, 1 a failure named in one line, 2 wrong usage, 130 interrupted.

mod ablate;
mod adapter;
mod app;
mod bench;
mod curves;
mod data;
mod eval;
mod figure;
mod info;
mod options;
mod output;
mod predict;
mod source;
mod trace;
mod train;
mod training;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use output::note;
use remixmatch::gpu::Gpu;
use tracing_subscriber::EnvFilter;

/// Semi-supervised image classification with ReMixMatch, trained in WebGPU compute shaders.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Open the desktop app, as without any command.
    App(app::AppArguments),
    /// Train a network on few labelled and many unlabelled images.
    Train(train::TrainArguments),
    /// Accuracy of a trained model on a data set's test images.
    Eval(eval::EvalArguments),
    /// Classify image files with a trained model.
    Predict(predict::PredictArguments),
    /// Train the rows of the ablation table over seeds, and write the table.
    Ablate(ablate::AblateArguments),
    /// Write every tensor of one training step to a safetensors file.
    Trace(trace::TraceArguments),
    /// Draw the accuracy of one or more runs.
    Curves(curves::CurvesArguments),
    /// Show what a data source holds.
    Data(data::DataArguments),
    /// Measure the kernels on this adapter, against its best matrix product.
    Bench(bench::BenchArguments),
    /// Show the adapter, its limits and features.
    Info(info::InfoArguments),
}

/// How a command ended, short of an error.
pub enum Outcome {
    Done,
    /// Ctrl-C, after everything was saved.
    Interrupted,
}

/// What is logged unless `RUST_LOG` says otherwise. Looking for adapters makes drivers complain that are
/// not used in the end; what does go wrong on the adapter comes back as an error.
const LOGGED: &str = "error,wgpu_hal=off";

/// Runs a command and turns its outcome into the exit status.
pub fn run(arguments: Arguments) -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED)))
        .init();
    let command = arguments.command.unwrap_or_else(|| Command::App(app::AppArguments::default()));
    let outcome = match command {
        Command::App(arguments) => app::run(arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Ablate(arguments) => ablate::run(arguments),
        Command::Trace(arguments) => trace::run(arguments),
        Command::Curves(arguments) => curves::run(arguments),
        Command::Data(arguments) => data::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Info(arguments) => info::run(arguments),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => {
            note(format_args!("error: {}", one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

/// A letter of a message, a replacement where it is a command.
fn shown(letter: char) -> char {
    if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }
}

/// An error and what caused it, in one line.
fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        // Text out of a file may hold a terminal's commands.
        let text: String = text.chars().map(shown).collect();
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// The adapter that every command but `data` works on.
fn open_gpu() -> anyhow::Result<Arc<Gpu>> {
    Ok(Arc::new(Gpu::new_blocking()?))
}

/// Bytes in the largest unit that keeps the number above one.
fn bytes_text(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
