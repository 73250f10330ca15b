use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use plotters::prelude::*;
use plotters::style::FontTransform;
use remixmatch::train::{Report, read_reports, write_atomically};

use super::Outcome;
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

const SIZE: (u32, u32) = (760, 420);
/// Colours that stay apart for the colour-blind (Okabe and Ito), on light and dark pages alike.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(110, 110, 110),
];

/// Test accuracy (solid) and the accuracy of the guesses (thin) against steps, a colour a run.
pub fn run(arguments: CurvesArguments) -> anyhow::Result<Outcome> {
    let mut runs = Vec::new();
    for (i, folder) in arguments.runs.iter().enumerate() {
        let reports = read_reports(&folder.join("metrics.csv"))?;
        if reports.is_empty() {
            return Err(anyhow!(
                "{} has no report yet: let the run go on to its first one",
                folder.display()
            ));
        }
        let name = arguments.names.get(i).cloned().unwrap_or_else(|| folder_name(folder));
        runs.push((name, reports));
    }
    let mut svg = String::new();
    draw(&mut svg, &arguments.title, &runs).map_err(|e| anyhow!("drawing the curves failed: {e}"))?;
    write_atomically(&arguments.out, svg.as_bytes()).context("writing the curves")?;
    note(format_args!("curves: {}", arguments.out.display()));
    Ok(Outcome::Done)
}

fn folder_name(folder: &Path) -> String {
    folder
        .file_name()
        .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

type DrawResult<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(svg: &'a mut String, title: &str, runs: &[(String, Vec<Report>)]) -> DrawResult<'a> {
    let steps = runs.iter().flat_map(|run| &run.1).map(|report| report.step).max().unwrap_or(1);
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(52)
        .build_cartesian_2d(0..steps, 0.0..100.0)?;
    chart
        .configure_mesh()
        .x_desc("training steps")
        .y_desc("accuracy in %")
        .axis_desc_style(("sans-serif", 14).into_font().transform(FontTransform::None))
        .label_style(("sans-serif", 13))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_labels(6)
        .y_labels(6)
        .draw()?;
    for ((name, reports), colour) in runs.iter().zip(COLOURS.iter().cycle()) {
        let test = reports.iter().map(|r| (r.step, 100.0 * r.test_acc_ema));
        let guesses = reports.iter().filter_map(|r| Some((r.step, 100.0 * r.guess_acc?)));
        chart.draw_series(LineSeries::new(guesses, colour.mix(0.4).stroke_width(1)))?;
        let swatch = colour.stroke_width(3);
        chart
            .draw_series(LineSeries::new(test, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], swatch));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 13))
        .draw()?;
    root.present()
}
