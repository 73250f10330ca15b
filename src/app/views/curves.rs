//! Curves: losses and guess statistics per step, test accuracies per report, and their export.

use std::collections::BTreeSet;

use eframe::egui::{self, Color32, Ui};
use egui_plot::{Line, LineStyle, PlotPoints};

use super::view::{View, ViewContext};
use crate::app::axes::{self, Entry};
use crate::app::dialogs;
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::session::State;
use crate::app::theme::class_colour;
use crate::app::widgets::{is_narrow, muted, nothing_yet};
use crate::ssl::{LOSS_TERMS, LossTerm};
use crate::train::{Report, StepStatistics};

pub const ID: ViewId = ViewId::new("Curves");
/// Maximum number of points per line; longer series are averaged in chunks.
const POINTS: usize = 1_500;

pub struct CurvesView {
    /// Decay of the drawn moving average, 0 to 0.99.
    smoothing: f64,
    /// Names of the lines that are not drawn.
    hidden: BTreeSet<String>,
}

impl Default for CurvesView {
    fn default() -> Self {
        Self { smoothing: 0.8, hidden: BTreeSet::new() }
    }
}

/// A value of a step, and of a report, which has the mean over its steps; `None` if it does not have the value.
type Value = (fn(&StepStatistics) -> Option<f32>, fn(&Report) -> Option<f64>);

const SHARES: [(&str, Value); 3] = [
    ("guesses right", (|s| s.guess_accuracy, |r| r.guess_acc)),
    ("confidence", (|s| Some(s.confidence), |r| r.confidence)),
    ("guesses used", (|s| Some(s.mask), |r| r.mask)),
];

/// A line of a chart.
struct Curve {
    name: String,
    colour: Color32,
    width: f32,
    /// The run, 0 or 1; the second is dashed.
    run: usize,
    points: Vec<[f64; 2]>,
}

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
        if are_empty(context.runs) {
            nothing_yet(ui, "Losses and accuracies appear here as training goes on.");
            return;
        }
        let area = ui.max_rect();
        ui.horizontal_wrapped(|ui| {
            ui.add(egui::Slider::new(&mut self.smoothing, 0.0..=0.99).text("smoothing"))
                .on_hover_text("Running average over steps; 0 shows every value as it is");
            if ui.button("Export CSV ...").on_hover_text("Every step's values and every report").clicked() {
                let path = dialogs::beside(context.config.source(), "curves.csv");
                context.dialogs.write(ui.ctx(), &path, csv(context.runs));
            }
            if ui.button("Export picture ...").on_hover_text("The curves as they are shown, PNG").clicked() {
                let path = dialogs::beside(context.config.source(), "curves.png");
                context.dialogs.write_picture(ui.ctx(), path, area);
            }
            // Both runs share the legend entries, which would hide the curves otherwise.
            if let [first, second] = context.runs {
                muted(ui, format!("solid: {}, dashed: {}", first.name, second.name));
            }
        });
        // Stacked in a narrow window.
        let side_by_side = if is_narrow(ui) { 1 } else { 2 };
        let height = ui.available_height() * side_by_side as f32 / 2.0;
        let strong = if ui.visuals().dark_mode { Color32::WHITE } else { Color32::BLACK };
        let (losses, shares) = (self.losses(context.runs), shares(self.smoothing, context.runs, strong));
        ui.columns(side_by_side, |columns| {
            self.chart(&mut columns[0], ("losses", "loss"), height, &losses);
            self.chart(&mut columns[side_by_side - 1], ("shares", "share"), height, &shares);
        });
    }
}

impl CurvesView {
    /// A chart below its legend, `height` points high together.
    fn chart(&mut self, ui: &mut Ui, (id, label): (&str, &str), height: f32, curves: &[Curve]) {
        let top = ui.cursor().top();
        // Both runs share the entries.
        let entries = curves.iter().filter(|curve| curve.run == 0);
        let entries = entries.map(|curve| Entry { name: &curve.name, colour: curve.colour });
        axes::legend(ui, entries, Some(&mut self.hidden));
        let height = (height - (ui.cursor().top() - top)).max(axes::LOWEST);
        let plot = axes::plot(id, ["step", label], ui).height(height);
        let plot = if id == "shares" { plot.include_y(0.0).include_y(1.0) } else { plot };
        plot.show(ui, |plot| {
            for curve in curves.iter().filter(|curve| !self.hidden.contains(&curve.name)) {
                let line = Line::new(curve.name.clone(), PlotPoints::from(curve.points.clone()));
                plot.line(styled(line, curve.run).color(curve.colour).width(curve.width));
                axes::mark_single(plot, &curve.name, &curve.points, curve.colour);
            }
        });
    }

    fn losses(&self, runs: &[Run]) -> Vec<Curve> {
        let mut curves = Vec::new();
        for (index, run) in runs.iter().enumerate() {
            for term in LOSS_TERMS.iter().filter(|term| is_shown(term, run)) {
                curves.push(Curve {
                    name: term.title.to_owned(),
                    colour: class_colour(term.index()),
                    width: LINE,
                    run: index,
                    points: points(
                        &run.state,
                        self.smoothing,
                        |s| Some(s.losses.of(term)),
                        |r| r.losses.of(term),
                    ),
                });
            }
        }
        curves
    }
}

/// Width of a line.
const LINE: f32 = 1.5;

/// The statistics of guesses and the accuracies of reports.
fn shares(smoothing: f64, runs: &[Run], strong: Color32) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        for (i, (name, (of_step, of_report))) in SHARES.iter().enumerate() {
            let method = &run.session.config.method;
            let always_used = method.threshold.is_none() && *name == "guesses used";
            if method.unlabelled && !always_used {
                curves.push(Curve {
                    name: (*name).to_owned(),
                    colour: class_colour(i + 4),
                    width: LINE,
                    run: index,
                    points: points(&run.state, smoothing, of_step, of_report),
                });
            }
        }
        let tested_on = run.session.data.tested_on();
        // Accuracies of other test images are a line of their own.
        for part in run.state.reports.chunk_by(|a, b| a.test_set == b.test_set) {
            let of = match part.first().map_or(0, |report| report.test_set) {
                0 => tested_on.to_owned(),
                number => format!("{tested_on} {}", number + 1),
            };
            let points = |value: fn(&Report) -> f64| part.iter().map(|r| [r.step as f64, value(r)]).collect();
            let curve = |name: &str, colour, width, points| Curve {
                name: format!("{of}, {name} weights"),
                colour,
                width,
                run: index,
                points,
            };
            curves.push(curve("EMA", strong, 2.5, points(|r| r.test_acc_ema)));
            curves.push(curve("raw", Color32::GRAY, LINE, points(|r| r.test_acc)));
        }
    }
    curves
}

/// The first step that this window has made.
fn first_step(state: &State) -> u64 {
    state.statistics.iter().next().map_or(u64::MAX, |s| s.step)
}

/// The values of a run: of its reports up to the first step that this window has made, then of every step, smoothed.
fn points(
    state: &State,
    smoothing: f64,
    of_step: impl Fn(&StepStatistics) -> Option<f32>,
    of_report: impl Fn(&Report) -> Option<f64>,
) -> Vec<[f64; 2]> {
    let first = first_step(state);
    let reported = state.reports.iter().take_while(|report| report.step <= first);
    let mut points: Vec<_> =
        reported.filter_map(|report| Some([report.step as f64, of_report(report)?])).collect();
    let point = |s: &StepStatistics| Some([s.step as f64 + 1.0, f64::from(of_step(s)?)]);
    points.extend(thin(smooth(state.statistics.iter().filter_map(point), smoothing)));
    points
}

/// Whether there is nothing to draw yet.
pub fn are_empty(runs: &[Run]) -> bool {
    runs.iter().all(|run| run.state.statistics.is_empty() && run.state.reports.is_empty())
}

/// Optional terms have a curve only where the run has the term.
fn is_shown(term: &LossTerm, run: &Run) -> bool {
    !term.optional || term.is_on(&run.session.config.method)
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
        let first = first_step(&run.state);
        for r in run.state.reports.iter() {
            let test_set = if test_sets { format!(",{}", r.test_set) } else { String::new() };
            // A report of steps that this window did not make has their means.
            let mean = |value: Option<f64>| match value.filter(|_| r.step <= first) {
                Some(value) => format!("{value},"),
                None => ",".to_owned(),
            };
            let losses: String = terms.iter().map(|term| mean(r.losses.of(term))).collect();
            let shares = mean(r.guess_acc) + &mean(r.confidence) + &mean(r.mask);
            text +=
                &format!("{name},{},{losses}{shares}{},{}{test_set}\n", r.step, r.test_acc, r.test_acc_ema);
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn reopened_runs_draw_their_reports() {
        let report = |step, confidence| Report { step, confidence, ..Report::default() };
        let reports = Arc::new(vec![report(10, Some(0.5)), report(20, None), report(30, Some(0.75))]);
        let mut state = State { reports: Arc::clone(&reports), ..State::default() };
        let of = |state: &State| points(state, 0.0, |s| Some(s.confidence), |r| r.confidence);
        assert_eq!(of(&state), [[10.0, 0.5], [30.0, 0.75]]);
        // The run goes on: the report at step 40 is of steps that are drawn one by one.
        for step in 30..40 {
            state.statistics.push(StepStatistics { step, confidence: 0.25, ..StepStatistics::default() });
        }
        state.reports = Arc::new([&reports[..], &[report(40, Some(1.0))]].concat());
        let drawn = of(&state);
        assert_eq!((drawn.len(), drawn[1], drawn[2]), (12, [30.0, 0.75], [31.0, 0.25]));
        assert_eq!(drawn[11], [40.0, 0.25]);
    }

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
