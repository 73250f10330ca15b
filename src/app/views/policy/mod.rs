//! CTAugment: the weights of the policy, and a playground for its operations. `heat_map` draws the weights,
//! `playground` the operations, `op_sheet` runs them on the adapter.

mod heat_map;
mod op_sheet;
mod playground;

use eframe::egui::{RichText, ScrollArea, Ui};

use super::view::{View, ViewContext};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::theme::run_colour;
use crate::app::widgets::muted;
use crate::augment::StrongPolicy;
use crate::ssl::PolicyKind;
use heat_map::{Bin, HeatMap};
use playground::Playground;

/// Minimum width for weights and playground side by side.
const WIDE: f32 = 820.0;

const WEIGHTS: &str = "The weight of a bin estimates how well the network classifies labelled images changed at \
                       this level; levels are sampled from bins whose weight is close to the best of their row.";
const UPDATE: &str = "m <- 0.99 m + 0.01 p(class | changed image);  sampled: (m + 0.01) / max >= 0.80";
const HINT: &str = "Click a bin, or use Tab and the arrow keys, to try its level in the playground.";

/// The selected bin and the playground.
#[derive(Default)]
pub struct PolicyView {
    selected: Option<Bin>,
    playground: Playground,
}

impl View for PolicyView {
    fn id(&self) -> ViewId {
        ViewId::new("Policy")
    }

    fn title(&self) -> &'static str {
        "CTAugment"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let runs = context.runs;
        let wide = ui.available_width() >= WIDE && runs.len() < 2;
        // Measured here, because the height inside a scroll area is unbounded.
        let height = ui.available_height();
        if wide {
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                ScrollArea::vertical().id_salt("weights").auto_shrink(false).show(left, |ui| {
                    ui.vertical(|ui| self.weights(ui, runs, height));
                });
                ScrollArea::vertical().id_salt("playground").auto_shrink(false).show(right, |ui| {
                    ui.vertical(|ui| self.show_playground(ui, context));
                });
            });
            return;
        }
        ScrollArea::vertical().id_salt("policy").auto_shrink(false).show(ui, |ui| {
            self.weights(ui, runs, height);
            ui.separator();
            self.show_playground(ui, context);
        });
    }
}

impl PolicyView {
    fn show_playground(&mut self, ui: &mut Ui, context: &ViewContext<'_>) {
        let marked = self.selected.map(|selected| selected.operation.kind);
        self.playground.show(ui, context, marked);
    }

    fn weights(&mut self, ui: &mut Ui, runs: &[Run], height: f32) {
        ui.label(RichText::new("Weights: how well the network classifies each level").strong());
        let before = self.selected;
        if runs.is_empty() {
            muted(ui, "Press Train: the weight of each operation and level appears here.");
        }
        if runs.iter().any(|run| run.session.config.method.policy == PolicyKind::CtAugment) {
            muted(ui, WEIGHTS);
            ui.label(RichText::new(UPDATE).monospace().small());
        }
        ui.columns(runs.len().max(1), |columns| {
            for (index, (ui, run)) in columns.iter_mut().zip(runs).enumerate() {
                if runs.len() > 1 {
                    ui.colored_label(run_colour(index, ui), RichText::new(&run.name).strong());
                }
                ui.push_id(index, |ui| ui.vertical(|ui| self.run(ui, run, height)));
            }
        });
        // A new selection sets the level of the playground.
        if let Some(selected) = self.selected.filter(|_| self.selected != before) {
            let value =
                if selected.parameter == 0 { &mut self.playground.v } else { &mut self.playground.v2 };
            *value = selected.middle();
        }
    }

    fn run(&mut self, ui: &mut Ui, run: &Run, height: f32) {
        match (run.session.config.method.policy, run.state.observation.as_ref().map(|seen| &seen.policy)) {
            (PolicyKind::CtAugment, Some(StrongPolicy::CtAugment(policy))) => {
                let map = HeatMap::new(policy);
                // The texts above and below the rows take 130 points.
                let clicked = map.show(ui, height - 130.0, self.selected);
                self.selected = clicked.or(self.selected);
                let text = self.selected.map_or_else(|| HINT.to_owned(), |at| map.describe(at));
                muted(ui, text);
            }
            (PolicyKind::CtAugment, _) => {
                muted(ui, "The weights appear after the first step.");
            }
            (PolicyKind::RandAugment, _) => {
                muted(
                    ui,
                    "This run uses RandAugment: it samples operations and levels uniformly, followed by a cutout, \
                     and learns no weights.",
                );
            }
            (PolicyKind::None, _) => {
                muted(ui, "This run uses weak views only: it has no policy and no weights.");
            }
        }
    }
}
