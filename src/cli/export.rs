//! `export` writes a trained model for other programs.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use clap::builder::PossibleValuesParser;
use remixmatch::onnx::export_file;
use remixmatch::train::{Weights, write_atomically};

use super::inputs::model_file;
use super::outputs::Output;
use super::terminal::{Outcome, bytes_text, note};
use super::training::note_other_run;

#[derive(Args)]
pub struct ExportArguments {
    /// model.safetensors of a run, or the run's folder
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// ONNX file to write; an earlier export may be there, no other file
    #[arg(long, value_name = "FILE.onnx")]
    out: PathBuf,
    /// Weights: their average over the last steps, or those of the last step
    #[arg(long, value_name = "KIND", default_value = "ema", value_parser = PossibleValuesParser::new(["ema", "raw"]))]
    weights: String,
}

/// Checks that the name of the output is that of an ONNX file, which it becomes.
fn check_ending(path: &Path) -> anyhow::Result<()> {
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("onnx") => Ok(()),
        _ => bail!(
            "{} does not end with .onnx, but the export is an ONNX file: choose {}",
            path.display(),
            path.with_extension("onnx").display()
        ),
    }
}

/// Runs `export`.
pub fn run(arguments: ExportArguments) -> anyhow::Result<Outcome> {
    let ExportArguments { model, out, weights } = arguments;
    check_ending(&out)?;
    Output::Model.check_path(&out)?;
    let model = model_file(&model)?;
    note_other_run(&model);
    let weights = if weights == "raw" { Weights::Raw } else { Weights::Ema };
    let bytes = export_file(&model, weights)?;
    write_atomically(&out, &bytes)?;
    note(format_args!("model written: {} ({})", out.display(), bytes_text(bytes.len() as u64)));
    Ok(Outcome::Done)
}
