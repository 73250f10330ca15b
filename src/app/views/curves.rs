//! Curves: losses and guess statistics per step, test accuracies per report, and their export.

use eframe::egui::{self, Color32, Ui};
use egui_plot::{Legend, Line, LineStyle, Plot, PlotPoints};

use super::view::{View, ViewContext};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::theme::class_colour;
use crate::app::widgets::{is_narrow, muted, nothing_yet};
use crate::ssl::{LOSS_TERMS, LossTerm};
use crate::train::StepStatistics;

pub const ID: ViewId = ViewId::new("Curves");
/// Maximum number of points per line; longer series are averaged in chunks.
const POINTS: usize = 1_500;

pub struct CurvesView {
    /// Decay of the drawn moving average, 0 to 0.99.
    smoothing: f64,
}

impl Default for CurvesView {
    fn default() -> Self {
        Self { smoothing: 0.8 }
    }
}

/// A value of a step; `None` if the step does not have it.
type Value = fn(&StepStatistics) -> Option<f32>;

const SHARES: [(&str, Value); 3] = [
    ("guesses right", |s| s.guess_accuracy),
    ("confidence", |s| Some(s.confidence)),
    ("guesses used", |s| Some(s.mask)),
];

impl View for CurvesView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "Curves"
    }

    fn is_in_lower_pane(&self) -> bool {
        true
    }

    fn suits_narrow_screen(&self) -> bool {
        true
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        if context.runs.iter().all(|run| run.state.statistics.is_empty() && run.state.reports.is_empty()) {
            nothing_yet(ui, "Losses and accuracies appear here as training goes on.");
            return;
        }
        let area = ui.max_rect();
        ui.horizontal_wrapped(|ui| {
            ui.add(egui::Slider::new(&mut self.smoothing, 0.0..=0.99).text("smoothing"))
                .on_hover_text("Running average over steps; 0 shows every value as it is");
            if ui.button("Export CSV ...").on_hover_text("Every step's values and every report").clicked() {
                context.dialogs.write(ui.ctx(), "curves.csv", csv(context.runs));
            }
            if ui.button("Export picture ...").on_hover_text("The curves as they are shown, PNG").clicked() {
                context.dialogs.write_picture(ui.ctx(), "curves.png", area);
            }
            // Both runs share the legend entries, which would hide the curves otherwise.
            if let [first, second] = context.runs {
                muted(ui, format!("solid: {}, dashed: {}", first.name, second.name));
            }
        });
        // Stacked in a narrow window.
        let side_by_side = if is_narrow(ui) { 1 } else { 2 };
        let height = ui.available_height() * side_by_side as f32 / 2.0;
        ui.columns(side_by_side, |columns| {
            let losses = plot("losses", "loss", height);
            losses.show(&mut columns[0], |plot| self.losses(plot, context.runs));
            let shares = plot("shares", "share", height).include_y(0.0).include_y(1.0);
            shares.show(&mut columns[side_by_side - 1], |plot| self.shares(plot, context.runs));
        });
    }
}

impl CurvesView {
    fn losses<'a>(&self, plot: &mut egui_plot::PlotUi<'a>, runs: &[Run]) {
        for (index, run) in runs.iter().enumerate() {
            for term in LOSS_TERMS.iter().filter(|term| is_shown(term, run)) {
                let value = |s: &StepStatistics| Some(s.losses.of(term));
                self.steps(plot, run, index, term.title, value, class_colour(term.index()));
            }
        }
    }

    fn shares<'a>(&self, plot: &mut egui_plot::PlotUi<'a>, runs: &[Run]) {
        for (index, run) in runs.iter().enumerate() {
            for (i, (name, value)) in SHARES.iter().enumerate() {
                let method = &run.session.config.method;
                let always_used = method.threshold.is_none() && *name == "guesses used";
                if method.unlabelled && !always_used {
                    self.steps(plot, run, index, name, *value, class_colour(i + 4));
                }
            }
            let dark = plot.ctx().style_of(plot.ctx().theme()).visuals.dark_mode;
            let reports = &run.state.reports;
            let tested_on = run.session.data.tested_on();
            let strong = if dark { Color32::WHITE } else { Color32::BLACK };
            // Accuracies of other test images are a line of their own.
            for part in reports.chunk_by(|a, b| a.test_set == b.test_set) {
                let ema: Vec<_> = part.iter().map(|r| [r.step as f64, r.test_acc_ema]).collect();
                let raw: Vec<_> = part.iter().map(|r| [r.step as f64, r.test_acc]).collect();
                let of = match part.first().map_or(0, |report| report.test_set) {
                    0 => tested_on.to_owned(),
                    number => format!("{tested_on} {}", number + 1),
                };
                plot.line(
                    styled(Line::new(format!("{of}, EMA weights"), ema), index).color(strong).width(2.5),
                );
                plot.line(
                    styled(Line::new(format!("{of}, raw weights"), raw), index)
                        .color(Color32::GRAY)
                        .width(1.5),
                );
            }
        }
    }

    fn steps<'a>(
        &self,
        plot: &mut egui_plot::PlotUi<'a>,
        run: &Run,
        index: usize,
        name: &'static str,
        value: impl Fn(&StepStatistics) -> Option<f32>,
        colour: Color32,
    ) {
        let point = |s: &StepStatistics| Some([s.step as f64 + 1.0, f64::from(value(s)?)]);
        let values = run.state.statistics.iter().filter_map(point);
        let points = PlotPoints::from(thin(smooth(values, self.smoothing)));
        plot.line(styled(Line::new(name, points), index).color(colour));
    }
}

/// Optional terms have a curve only where the run has the term.
fn is_shown(term: &LossTerm, run: &Run) -> bool {
    !term.optional || term.is_on(&run.session.config.method)
}

fn plot<'a>(id: &str, label: &str, height: f32) -> Plot<'a> {
    Plot::new(id.to_owned())
        .legend(Legend::default().text_style(egui::TextStyle::Small).background_alpha(0.6))
        .x_axis_label("step")
        .y_axis_label(label.to_owned())
        .height((height - 34.0).max(120.0))
        .allow_scroll(false)
}

/// Solid for the first run, dashed for the second.
fn styled<'a>(line: Line<'a>, run: usize) -> Line<'a> {
    if run == 0 { line } else { line.style(LineStyle::dashed_loose()) }
}

/// Exponential moving average with bias correction, as in Adam.
fn smooth(values: impl Iterator<Item = [f64; 2]>, keep: f64) -> Vec<[f64; 2]> {
    let (mut average, mut weight) = (0.0, 0.0);
    values
        .map(|[x, y]| {
            average = keep * average + (1.0 - keep) * y;
            weight = keep * weight + (1.0 - keep);
            [x, average / weight]
        })
        .collect()
}

/// At most [`POINTS`] points, each the mean of as many neighbours.
fn thin(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let share = points.len().div_ceil(POINTS).max(1);
    let mean = |chunk: &[[f64; 2]], i: usize| chunk.iter().map(|p| p[i]).sum::<f64>() / chunk.len() as f64;
    points.chunks(share).map(|chunk| [mean(chunk, 0), mean(chunk, 1)]).collect()
}

/// A CSV file with one row per step and one per report; columns of the other kind are empty.
fn csv(runs: &[Run]) -> Vec<u8> {
    let terms: Vec<_> = LOSS_TERMS.iter().filter(|term| runs.iter().any(|run| is_shown(term, run))).collect();
    let columns: String = terms.iter().map(|term| term.column() + ",").collect();
    let test_sets = runs.iter().any(|run| run.state.reports.iter().any(|report| report.test_set > 0));
    let (heading, empty) = if test_sets { (",test_set", ",") } else { ("", "") };
    let mut text = format!("run,step,{columns}guess_acc,confidence,mask,test_acc,test_acc_ema{heading}\n");
    for run in runs {
        let name = if run.name.is_empty() { "run" } else { &run.name };
        for s in run.state.statistics.iter() {
            let losses: String = terms.iter().map(|term| format!("{},", s.losses.of(term))).collect();
            text += &format!(
                "{name},{},{losses}{},{},{},,{empty}\n",
                s.step + 1,
                s.guess_accuracy.map(|share| share.to_string()).unwrap_or_default(),
                s.confidence,
                s.mask
            );
        }
        let no_losses = ",".repeat(terms.len());
        for r in run.state.reports.iter() {
            let test_set = if test_sets { format!(",{}", r.test_set) } else { String::new() };
            text += &format!("{name},{},{no_losses},,,{},{}{test_set}\n", r.step, r.test_acc, r.test_acc_ema);
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_first_value_and_thinning_averages() {
        let raw = [[1.0, 2.0], [2.0, 4.0]];
        assert_eq!(smooth(raw.into_iter(), 0.0), raw);
        let smoothed = smooth(raw.into_iter(), 0.5);
        assert_eq!(smoothed[0], [1.0, 2.0]);
        assert!((smoothed[1][1] - (0.5 * 1.0 + 0.5 * 4.0) / 0.75).abs() < 1e-12);
        let many: Vec<_> = (0..3_000).map(|i| [f64::from(i), 1.0]).collect();
        let thinned = thin(many);
        assert_eq!((thinned.len(), thinned[0]), (1_500, [0.5, 1.0]));
    }
}
