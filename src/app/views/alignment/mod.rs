//! Alignment: p(y) of the labels, the mean prediction p~(y), their ratio, and the guesses before and after.
//! This file holds the controls and the plot over time; `skew` edits p(y), `table` draws one row per class.

mod skew;
mod table;

use std::ops::RangeInclusive;

use eframe::egui::{CollapsingHeader, Color32, DragValue, Grid, RichText, Ui};
use egui_plot::{Line, LineStyle};

use super::view::{View, ViewContext, columns};
use crate::app::axes::{self, Entry};
use crate::app::guess_history::{GuessCount, GuessHistory, MAX_OBSERVATIONS, ObservedGuesses, Tally};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::session::Command;
use crate::app::theme::Role;
use crate::app::widgets::{muted, nothing_yet};
use crate::ssl::LabelPrior;
use skew::Skew;
use table::Table;

pub const ID: ViewId = ViewId::new("Alignment");

/// Height limits of the plot over time.
const PLOT_HEIGHT: RangeInclusive<f32> = 170.0..=420.0;

/// The quantities of the view: colour, symbol, meaning, equation.
const QUANTITIES: [(Role, &str, &str, &str); 4] = [
    (
        Role::Labelled,
        "p(y)",
        "The class frequencies of the labels: the target of the guesses.",
        "p(y) = labelled images of class y / all labelled images",
    ),
    (
        Role::Strong,
        "p~(y)",
        "The mean prediction over the last 128 batches, initialised uniformly.",
        "p~(y) = (1/128) sum_b mean_u q_b(y | u)",
    ),
    (
        Role::Muted,
        "ratio",
        "The factor applied to each guess before it is normalised: above 1 it raises a class, below 1 it lowers it.",
        "q' = normalise(q * p(y) / p~(y))",
    ),
    (
        Role::Anchor,
        "guesses",
        "The distribution of the guesses over the classes, before and after alignment.",
        "before: share of images with argmax q = y, or mean of q(y); after: the same of q'",
    ),
];

const NOTHING_YET: &str = "Press Train: p(y), p~(y) and the classes of the guesses appear here.";

/// The controls of the view.
pub struct AlignmentView {
    skew: Skew,
    /// The class of the plot over time.
    followed: usize,
    /// Whether to count the guesses of the last step only.
    this_step: bool,
    /// Number of observations to count otherwise.
    observations: usize,
    /// Whether to count probabilities instead of most likely classes.
    by_probability: bool,
}

impl Default for AlignmentView {
    fn default() -> Self {
        Self { skew: Skew::default(), followed: 0, this_step: false, observations: 20, by_probability: false }
    }
}

impl View for AlignmentView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "Alignment"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let roomy = ui.available_height() > 360.0;
        CollapsingHeader::new("Quantities").default_open(roomy).show(ui, explanation);
        if context.runs.is_empty() {
            nothing_yet(ui, NOTHING_YET);
            return;
        }
        let guessing = context.runs.iter().find(|run| run.session.config.method.unlabelled);
        if let Some(run) = guessing.filter(|run| run.state.plan.is_some()) {
            self.skew.attach(run);
            let class = self.skew.class;
            ui.horizontal_wrapped(|ui| {
                if let Some(distribution) = self.skew.show(ui, run) {
                    context.send(&Command::LabelDistribution(distribution));
                }
            });
            if self.skew.class != class {
                self.followed = self.skew.class;
            }
        }
        ui.horizontal_wrapped(|ui| self.histogram_controls(ui));
        ui.separator();
        let mut clicked = None;
        columns(ui, context.runs, "alignment", |ui, run| {
            clicked = ui.vertical(|ui| self.run(ui, run)).inner.or(clicked);
        });
        if let Some(class) = clicked {
            self.followed = class;
        }
    }
}

impl AlignmentView {
    fn histogram_controls(&mut self, ui: &mut Ui) {
        ui.label("Guesses of");
        ui.radio_value(&mut self.this_step, true, "this step")
            .on_hover_text("The unlabelled batch of the last step only");
        ui.radio_value(&mut self.this_step, false, "the last")
            .on_hover_text("Several batches: the view observes one about every 0.7 seconds");
        let number = DragValue::new(&mut self.observations).range(1..=MAX_OBSERVATIONS);
        let number = ui.add_enabled(!self.this_step, number).on_hover_text("Number of observations to count");
        let label = ui.label("observations");
        number.labelled_by(label.id);
        ui.separator();
        ui.label("counted by");
        ui.radio_value(&mut self.by_probability, false, "most likely class")
            .on_hover_text("Each image counts for the most likely class of its guess");
        ui.radio_value(&mut self.by_probability, true, "probability").on_hover_text(
            "Each image counts for every class by its probability, which is what alignment balances",
        );
    }

    /// Draws a run; returns the class that was clicked.
    fn run(&self, ui: &mut Ui, run: &Run) -> Option<usize> {
        let method = &run.session.config.method;
        if !method.unlabelled {
            nothing_yet(ui, "This run trains on labels only: it makes no guesses.");
            return None;
        }
        let seen = run.state.observation.as_ref().and_then(|seen| Some((seen.step, seen.guesses.as_ref()?)));
        let Some((step, guesses)) = seen else {
            nothing_yet(ui, NOTHING_YET);
            return None;
        };
        let (count, counted) =
            run.state.guess_history.last(if self.this_step { 1 } else { self.observations });
        let (before, after) = self.shares(&count);
        let pending = match method.label_prior {
            LabelPrior::Labels => self.skew.pending(&guesses.label_distribution),
            LabelPrior::Running | LabelPrior::Predictions => None,
        };
        let of =
            if counted == 1 { "this step".to_owned() } else { format!("the last {counted} observations") };
        muted(
            ui,
            format!(
                "step {step}; alignment changed the most likely class of {} in {} guesses of {of}",
                count.changed, count.images
            ),
        );
        notes(ui, run, pending.is_some());
        let table = Table {
            classes: run.classes(),
            label_distribution: &guesses.label_distribution,
            pending,
            average_prediction: &guesses.average_prediction,
            before: &before,
            after: &after,
            applied: method.alignment,
        };
        let followed = if self.followed < run.classes().len() { self.followed } else { 0 };
        let clicked = table.show(ui, followed);
        ui.add_space(6.0);
        let name = run.class_name(Some(followed as u32));
        plot_over_time(ui, &run.name, &run.state.guess_history, followed, name);
        clicked
    }

    /// Shares of the guesses per class, `[classes]`, before and after alignment.
    fn shares(&self, count: &GuessCount) -> (Vec<f32>, Vec<f32>) {
        let of = |tally: &Tally| -> Vec<f32> {
            let sums = if self.by_probability { &tally.probability } else { &tally.most_likely };
            sums.iter().map(|sum| sum / count.images.max(1) as f32).collect()
        };
        (of(&count.before), of(&count.after))
    }
}

fn explanation(ui: &mut Ui) {
    Grid::new("quantities").num_columns(2).spacing([10.0, 3.0]).show(ui, |ui| {
        for (role, sign, meaning, equation) in QUANTITIES {
            ui.label(RichText::new(sign).strong().color(role.colour(ui)));
            ui.horizontal_wrapped(|ui| {
                ui.small(meaning);
                ui.label(RichText::new(equation).monospace().small());
            });
            ui.end_row();
        }
    });
}

/// How a run deviates from the paper's alignment, and whether a skewed p(y) is pending.
fn notes(ui: &mut Ui, run: &Run, pending: bool) {
    let method = &run.session.config.method;
    let mut note = |text: &str| {
        ui.label(RichText::new(text).small().color(Role::Anchor.colour(ui)));
    };
    if !method.alignment {
        note("Alignment is off in this run: the ratio is not applied to its guesses.");
    }
    if method.label_prior == LabelPrior::Running {
        note(
            "This run's p(y) is a moving average of its labelled batches (decay 0.999): a skewed p(y) fades.",
        );
    }
    if method.label_prior == LabelPrior::Predictions {
        note(
            "This run aligns per step: p(y) and p~(y) are the mean predictions of its labelled and unlabelled batch.",
        );
    }
    if pending {
        note("The skewed p(y) (outlined) takes effect at the next step.");
    }
}

/// Plots p(y), p~(y) and the aligned guesses of a class against steps.
fn plot_over_time(ui: &mut Ui, run: &str, history: &GuessHistory, class: usize, name: &str) {
    let points = |value: &dyn Fn(&ObservedGuesses) -> f32| -> Vec<[f64; 2]> {
        history
            .observations()
            .map(|observed| [observed.step as f64, f64::from(100.0 * value(observed))])
            .collect()
    };
    let at = |values: &[f32]| values.get(class).copied().unwrap_or(0.0);
    let lines: [(&str, Vec<[f64; 2]>, Color32, LineStyle); 3] = [
        (
            "p(y), solid",
            points(&|observed| at(&observed.label_distribution)),
            Role::Labelled.colour(ui),
            LineStyle::Solid,
        ),
        (
            "p~(y), dashed",
            points(&|observed| at(&observed.average_prediction)),
            Role::Strong.colour(ui),
            LineStyle::dashed_dense(),
        ),
        (
            "aligned guesses, dotted",
            points(&|observed| at(&observed.count.after.probability) / observed.count.images.max(1) as f32),
            Role::Anchor.colour(ui),
            LineStyle::dotted_dense(),
        ),
    ];
    let title = format!("{name} over the last {} observations", history.observations().len());
    ui.label(RichText::new(title).strong());
    let entries = lines.iter().map(|(name, _, colour, _)| Entry { name, colour: *colour });
    axes::legend(ui, entries, None);
    axes::plot(("one class", run.to_owned()), ["step", "%"], ui)
        .height((ui.available_height() - 8.0).clamp(*PLOT_HEIGHT.start(), *PLOT_HEIGHT.end()))
        .include_y(0.0)
        .show(ui, |plot| {
            for (name, points, colour, style) in lines {
                axes::mark_single(plot, name, &points, colour);
                plot.line(Line::new(name, points).color(colour).style(style).width(2.0));
            }
        });
}
