//! Line charts as SVG, all of one look.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::FontTransform;
use remixmatch::train::write_atomically;

const SIZE: (u32, u32) = (760, 420);
/// Colours that stay apart for the colour-blind (Okabe and Ito), on light and dark pages alike.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    GREY,
];
pub const GREY: RGBColor = RGBColor(110, 110, 110);

/// The colour of the i-th line of many, and how often it has been used before that.
pub fn colour(i: usize) -> (RGBColor, usize) {
    (COLOURS[i % COLOURS.len()], i / COLOURS.len())
}

/// A chart.
pub struct Figure {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
    pub legend: SeriesLabelPosition,
}

pub struct Axis {
    pub name: &'static str,
    pub range: Range<f64>,
    /// Numbers along it, about.
    pub ticks: usize,
    /// How a number is written.
    pub label: fn(f64) -> String,
}

/// One line of a chart.
pub struct Line {
    /// In the legend, if any.
    pub name: Option<String>,
    pub colour: RGBColor,
    /// How often its colour has been used before it: such lines are broken, each time into shorter pieces.
    pub repeats: usize,
    /// Thin and pale, beside a main line.
    pub faint: bool,
    pub points: Vec<(f64, f64)>,
    /// Half the height of each point's whisker; none where it is 0.
    pub whiskers: Vec<f64>,
}

/// A number without a fraction.
pub fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// Lengths in pixels of a broken line's pieces and of the gaps between them.
fn dash(repeats: usize) -> Option<(u32, u32)> {
    match repeats {
        0 => None,
        1 => Some((9, 5)),
        _ => Some((3, 3)),
    }
}

impl Figure {
    /// Draws it into a file.
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

#[cfg(test)]
mod tests {
    use remixmatch::ablation::ROWS;

    use super::*;

    #[test]
    fn every_row_of_the_ablation_has_a_line_of_its_own() {
        let mut looks: Vec<_> = (0..ROWS.len())
            .map(|i| {
                let (RGBColor(red, green, blue), repeats) = colour(i);
                (red, green, blue, dash(repeats))
            })
            .collect();
        looks.sort();
        looks.dedup();
        assert_eq!(looks.len(), ROWS.len());
    }
}
