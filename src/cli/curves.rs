use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use plotters::chart::SeriesLabelPosition;
use remixmatch::train::{Report, read_reports};

use super::Outcome;
use super::figure::{Axis, Figure, Line, colour, whole};
use super::output::note;

#[derive(Args)]
pub struct CurvesArguments {
    /// Output folders of runs
    #[arg(required = true, value_name = "DIR")]
    runs: Vec<PathBuf>,
    /// Picture to write
    #[arg(long, value_name = "FILE.svg")]
    out: PathBuf,
    /// Heading of the picture
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Test accuracy (thick) and accuracy of the guesses (thin)"
    )]
    title: String,
    /// Name of each run in the legend, in order; the folder's if absent
    #[arg(long = "name", value_name = "TEXT")]
    names: Vec<String>,
}

/// Test accuracy (solid) and the accuracy of the guesses (thin) against steps, a colour a run.
pub fn run(arguments: CurvesArguments) -> anyhow::Result<Outcome> {
    let mut lines = Vec::new();
    let mut steps = 1;
    for (i, folder) in arguments.runs.iter().enumerate() {
        let (colour, repeats) = colour(i);
        let reports = read_reports(&folder.join("metrics.csv"))?;
        if reports.is_empty() {
            return Err(anyhow!(
                "{} has no report yet: let the run go on to its first one",
                folder.display()
            ));
        }
        steps = reports.iter().map(|report| report.step).fold(steps, u64::max);
        let point = |value: fn(&Report) -> Option<f64>| {
            reports.iter().filter_map(|r| Some((r.step as f64, 100.0 * value(r)?))).collect()
        };
        let (guesses, test) = (point(|r| r.guess_acc), point(|r| Some(r.test_acc_ema)));
        let line = |name, faint, points| Line { name, colour, repeats, faint, points, whiskers: Vec::new() };
        lines.push(line(None, true, guesses));
        let name = arguments.names.get(i).cloned().unwrap_or_else(|| folder_name(folder));
        lines.push(line(Some(name), false, test));
    }
    let figure = Figure {
        title: arguments.title,
        x: Axis { name: "training steps", range: 0.0..steps as f64, ticks: 6, label: whole },
        y: Axis { name: "accuracy in %", range: 0.0..100.0, ticks: 6, label: whole },
        lines,
        legend: SeriesLabelPosition::LowerRight,
    };
    figure.write(&arguments.out)?;
    note(format_args!("curves: {}", arguments.out.display()));
    Ok(Outcome::Done)
}

fn folder_name(folder: &Path) -> String {
    folder
        .file_name()
        .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}
