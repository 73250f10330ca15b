//! Line charts as SVG files, in one style, and `curves`, which plots the accuracy of runs.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::FontTransform;
use remixmatch::data::counted;
use remixmatch::train::{Report, read_reports, test_set_changes, write_atomically};

use super::outputs::Output;
use super::terminal::{Outcome, note};

/// Width and height of a chart in pixels.
const SIZE: (u32, u32) = (760, 420);
/// Colours that are distinguishable with colour blindness (Okabe and Ito), and on light and dark pages.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    GREY,
];
/// The colour of a line for comparison.
pub const GREY: RGBColor = RGBColor(110, 110, 110);

/// The colour of line `i`, and the number of earlier lines with the same colour.
pub fn colour(i: usize) -> (RGBColor, usize) {
    (COLOURS[i % COLOURS.len()], i / COLOURS.len())
}

/// A line chart.
pub struct Figure {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
    pub legend: SeriesLabelPosition,
}

/// An axis of a chart.
pub struct Axis {
    pub name: &'static str,
    pub range: Range<f64>,
    /// Approximate number of labels.
    pub ticks: usize,
    /// Formats a label.
    pub label: fn(f64) -> String,
}

/// One line of a chart.
pub struct Line {
    /// Name in the legend; a line without a name has no entry.
    pub name: Option<String>,
    pub colour: RGBColor,
    /// Number of earlier lines with the same colour. Such lines are dashed, with a shorter dash for each repeat.
    pub repeats: usize,
    /// Whether the line is thin and pale.
    pub faint: bool,
    pub points: Vec<(f64, f64)>,
    /// Half the height of each point's error bar; 0 draws no bar.
    pub whiskers: Vec<f64>,
}

/// Formats a number without a fraction.
pub fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// Lengths of dashes and gaps in pixels; `None` is a solid line.
fn dash(repeats: usize) -> Option<(u32, u32)> {
    match repeats {
        0 => None,
        1 => Some((9, 5)),
        _ => Some((3, 3)),
    }
}

impl Figure {
    /// Draws the chart into a file.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|e| anyhow!("drawing {} failed: {e}", path.display()))?;
        write_atomically(path, svg.as_bytes()).context("writing the picture")
    }

    fn draw<'a>(
        &self,
        svg: &'a mut String,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(&self.title, ("sans-serif", 18))
            .margin(14)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(self.x.range.clone(), self.y.range.clone())?;
        chart
            .configure_mesh()
            .x_desc(self.x.name)
            .y_desc(self.y.name)
            .axis_desc_style(("sans-serif", 14).into_font().transform(FontTransform::None))
            .label_style(("sans-serif", 13))
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .x_labels(self.x.ticks)
            .y_labels(self.y.ticks)
            .x_label_formatter(&|value| (self.x.label)(*value))
            .y_label_formatter(&|value| (self.y.label)(*value))
            .draw()?;
        for line in &self.lines {
            let stroke = match line.faint {
                true => line.colour.mix(0.4).stroke_width(1),
                false => line.colour.stroke_width(2),
            };
            let points = line.points.iter().copied();
            let series = match dash(line.repeats) {
                None => chart.draw_series(LineSeries::new(points, stroke))?,
                Some((length, gap)) => {
                    chart.draw_series(DashedLineSeries::new(points, length, gap, stroke))?
                }
            };
            if let Some(name) = &line.name {
                let (swatch, dash) = (line.colour.stroke_width(3), dash(line.repeats));
                series.label(name).legend(move |(x, y)| {
                    let (length, gap) = dash.unwrap_or((18, 0));
                    DashedPathElement::new([(x, y), (x + 18, y)], length, gap, swatch)
                });
            }
            let whiskers = line.points.iter().zip(&line.whiskers).filter(|(_, half)| **half > 0.0);
            chart.draw_series(whiskers.map(|((x, y), half)| {
                PathElement::new([(*x, y - half), (*x, y + half)], line.colour.stroke_width(1))
            }))?;
            if !line.whiskers.is_empty() {
                chart.draw_series(
                    line.points.iter().map(|point| Circle::new(*point, 3, line.colour.filled())),
                )?;
            }
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .label_font(("sans-serif", 13))
            .draw()?;
        root.present()
    }
}

#[derive(Args)]
pub struct CurvesArguments {
    /// Folders of runs
    #[arg(required = true, value_name = "DIR")]
    runs: Vec<PathBuf>,
    /// SVG file to write
    #[arg(long, value_name = "FILE.svg")]
    out: PathBuf,
    /// Title of the chart
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Test accuracy (thick) and accuracy of the guesses (thin)"
    )]
    title: String,
    /// Name of each run in the legend, in order [default: the folder's name]
    #[arg(long = "name", value_name = "TEXT")]
    names: Vec<String>,
}

/// Runs `curves`: test accuracy (thick) and accuracy of the guesses (thin) against steps, one colour per run.
pub fn curves(arguments: CurvesArguments) -> anyhow::Result<Outcome> {
    Output::Chart.check_path(&arguments.out)?;
    check_ending(&arguments.out)?;
    let (names, runs) = (arguments.names.len(), arguments.runs.len());
    if names > runs {
        bail!(
            "{}, but {}: give --name at most once for each run",
            counted(names, "name is given", "names are given"),
            counted(runs, "run is drawn", "runs are drawn")
        );
    }
    let mut lines = Vec::new();
    let mut steps = 1;
    for (i, folder) in arguments.runs.iter().enumerate() {
        let (colour, repeats) = colour(i);
        let reports = read_reports(&folder.join("metrics.csv"))?;
        if reports.is_empty() {
            return Err(anyhow!(
                "{} has no report yet: train the run up to its first report",
                folder.display()
            ));
        }
        steps = reports.iter().map(|report| report.step).fold(steps, u64::max);
        for [before, after] in test_set_changes(&reports) {
            note(format_args!(
                "notice: the test images of {} changed between step {before} and step {after}: the accuracies before and \
                 after are not comparable, and the line is broken there",
                folder.display()
            ));
        }
        let point = |value: fn(&Report) -> Option<f64>| {
            reports.iter().filter_map(|r| Some((r.step as f64, 100.0 * value(r)?))).collect()
        };
        let guesses = point(|r| r.guess_acc);
        let line = |name, faint, points| Line { name, colour, repeats, faint, points, whiskers: Vec::new() };
        lines.push(line(None, true, guesses));
        let name = arguments.names.get(i).cloned().unwrap_or_else(|| folder_name(folder));
        // Accuracies of other test images are a line of their own.
        for (at, part) in reports.chunk_by(|a, b| a.test_set == b.test_set).enumerate() {
            let test = part.iter().map(|r| (r.step as f64, 100.0 * r.test_acc_ema)).collect();
            lines.push(line((at == 0).then(|| name.clone()), false, test));
        }
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

/// Checks that the name of a chart is that of an SVG file, which it becomes.
fn check_ending(path: &Path) -> anyhow::Result<()> {
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("svg") => Ok(()),
        _ => bail!(
            "{} does not end with .svg, but a chart is an SVG file: choose {}",
            path.display(),
            path.with_extension("svg").display()
        ),
    }
}

fn folder_name(folder: &Path) -> String {
    folder
        .file_name()
        .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use remixmatch::ablation::ROWS;

    use super::*;

    #[test]
    fn every_ablation_row_has_its_own_line_style() {
        let mut styles: Vec<_> = (0..ROWS.len())
            .map(|i| {
                let (RGBColor(red, green, blue), repeats) = colour(i);
                (red, green, blue, dash(repeats))
            })
            .collect();
        styles.sort();
        styles.dedup();
        assert_eq!(styles.len(), ROWS.len());
    }
}
