//! Alignment: what the labels say, what the network has said, and what becomes of its guesses.

mod skew;
mod table;
mod timeline;

use eframe::egui::{CollapsingHeader, DragValue, Grid, RichText, Ui};

use super::view::{View, ViewContext, columns};
use crate::app::guess_history::{GuessCount, KEPT, Tally};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::session::Command;
use crate::app::theme::Role;
use crate::app::widgets::{muted, nothing_yet};
use crate::ssl::LabelPrior;
use skew::Skew;
use table::Table;

/// A quantity of the view: its sign, what it is, its equation.
pub const ID: ViewId = ViewId::new("Alignment");
const QUANTITIES: [(Role, &str, &str, &str); 4] = [
    (
        Role::Labelled,
        "p(y)",
        "How often each class occurs among the labels: what the guesses should add up to.",
        "p(y) = labelled images of class y / all labelled images",
    ),
    (
        Role::Strong,
        "p~(y)",
        "How often the network has said each class: the mean of its predictions over the last 128 batches, \
         which begin even.",
        "p~(y) = (1/128) sum_b mean_u q_b(y | u)",
    ),
    (
        Role::Muted,
        "ratio",
        "Every guess is multiplied by it and made to sum to 1 again: above 1 a class is raised, below 1 lowered.",
        "q' = normalise(q * p(y) / p~(y))",
    ),
    (
        Role::Anchor,
        "guesses",
        "How the guesses fall on the classes, before and after that.",
        "before: share of images with argmax q = y, or mean of q(y); after: the same of q'",
    ),
];

const NOTHING_YET: &str = "Press Train: p(y), p~(y) and the classes of the guesses appear here.";

pub struct AlignmentView {
    skew: Skew,
    /// The class that is drawn over time.
    followed: usize,
    /// Whether the histogram is of the last step alone.
    this_step: bool,
    /// Looks in the histogram otherwise.
    looks: usize,
    /// Whether guesses count by probability, not for their most likely class.
    by_probability: bool,
}

impl Default for AlignmentView {
    fn default() -> Self {
        Self { skew: Skew::default(), followed: 0, this_step: false, looks: 20, by_probability: false }
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
        CollapsingHeader::new("What is shown").default_open(roomy).show(ui, explanation);
        if context.runs.is_empty() {
            nothing_yet(ui, NOTHING_YET);
            return;
        }
        let guessing = context.runs.iter().find(|run| run.session.config.method.unlabelled);
        if let Some(run) = guessing.filter(|run| run.state.plan.is_some()) {
            self.skew.follow(run);
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
            .on_hover_text("The unlabelled batch of the last step alone");
        ui.radio_value(&mut self.this_step, false, "the last")
            .on_hover_text("Several batches together: a look is taken about every 0.7 seconds");
        let looks = DragValue::new(&mut self.looks).range(1..=KEPT);
        let looks = ui.add_enabled(!self.this_step, looks).on_hover_text("Looks in the histogram");
        let label = ui.label("looks");
        looks.labelled_by(label.id);
        ui.separator();
        ui.label("counted by");
        ui.radio_value(&mut self.by_probability, false, "most likely class")
            .on_hover_text("Each image counts for the class that its guess names first");
        ui.radio_value(&mut self.by_probability, true, "probability").on_hover_text(
            "Each image counts for every class, with its probability: what alignment balances",
        );
    }

    /// Returns a class that was clicked.
    fn run(&self, ui: &mut Ui, run: &Run) -> Option<usize> {
        let method = &run.session.config.method;
        if !method.unlabelled {
            nothing_yet(ui, "This run learns from labels only: it makes no guesses.");
            return None;
        }
        let seen = run.state.observation.as_ref().and_then(|seen| Some((seen.step, seen.guesses.as_ref()?)));
        let Some((step, guesses)) = seen else {
            nothing_yet(ui, NOTHING_YET);
            return None;
        };
        let (count, looks) = run.state.guess_history.last(if self.this_step { 1 } else { self.looks });
        let (before, after) = self.shares(&count);
        let pending = match method.label_prior {
            LabelPrior::Labels => self.skew.pending(&guesses.label_distribution),
            LabelPrior::Running | LabelPrior::Predictions => None,
        };
        let of = if looks == 1 { "this step".to_owned() } else { format!("the last {looks} looks") };
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
        timeline::show(ui, &run.name, &run.state.guess_history, followed, name);
        clicked
    }

    /// Shares of the guesses that fall on each class, before and after.
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

/// What is particular to a run.
fn notes(ui: &mut Ui, run: &Run, pending: bool) {
    let method = &run.session.config.method;
    let mut note = |text: &str| {
        ui.label(RichText::new(text).small().color(Role::Anchor.colour(ui)));
    };
    if !method.alignment {
        note("Alignment is off in this run: the ratio is not applied, guesses stay as they are.");
    }
    if method.label_prior == LabelPrior::Running {
        note("This run's p(y) follows its labelled batches, 0.1 % of the way each step: a skew fades.");
    }
    if method.label_prior == LabelPrior::Predictions {
        note("This run aligns with its batches: p(y) and p~(y) are the mean predictions for the step's own.");
    }
    if pending {
        note("The skewed p(y) (outlined) is used from the next step on.");
    }
}
