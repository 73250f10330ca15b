//! CTAugment: which strengths of which operations are in use, and what the operations do.

mod effect;
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

/// Panes at least this wide show weights and playground side by side.
const WIDE: f32 = 820.0;

const WEIGHTS: &str = "A bin's weight is how well the network recognises labelled images changed that strongly; \
                       levels are drawn near the bins that keep up with their row's best.";
const UPDATE: &str = "m <- 0.99 m + 0.01 p(class | changed image);  in use: (m + 0.01) / max >= 0.80";
const CHOOSE: &str =
    "Click a bin, or use Tab and the arrow keys: its numbers, and its level in the playground.";

#[derive(Default)]
pub struct PolicyView {
    chosen: Option<Bin>,
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
        // Of the pane: inside a scroll area there is no end to it.
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
        let marked = self.chosen.map(|chosen| chosen.operation.kind);
        self.playground.show(ui, context, marked);
    }

    fn weights(&mut self, ui: &mut Ui, runs: &[Run], height: f32) {
        ui.label(RichText::new("Weights: which strengths the network copes with").strong());
        let before = self.chosen;
        if runs.is_empty() {
            muted(ui, "Press Train: the weight of every operation's strengths appears here.");
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
        // The playground shows what was chosen.
        if let Some(chosen) = self.chosen.filter(|_| self.chosen != before) {
            let value = if chosen.parameter == 0 { &mut self.playground.v } else { &mut self.playground.v2 };
            *value = chosen.middle();
        }
    }

    fn run(&mut self, ui: &mut Ui, run: &Run, height: f32) {
        match (run.session.config.method.policy, run.state.observation.as_ref().map(|seen| &seen.policy)) {
            (PolicyKind::CtAugment, Some(StrongPolicy::CtAugment(policy))) => {
                let map = HeatMap::new(policy);
                // What is above and below the rows takes this much.
                let chosen = map.show(ui, height - 130.0, self.chosen);
                self.chosen = chosen.or(self.chosen);
                let text = self.chosen.map_or_else(|| CHOOSE.to_owned(), |at| map.describe(at));
                muted(ui, text);
            }
            (PolicyKind::CtAugment, _) => {
                muted(ui, "The first step is not done yet.");
            }
            (PolicyKind::RandAugment, _) => {
                muted(
                    ui,
                    "This run uses RandAugment: operations and strengths are drawn evenly, whatever the network \
                     makes of them, and a cutout follows. Nothing is learned about them, so there are no weights.",
                );
            }
            (PolicyKind::None, _) => {
                muted(ui, "This run changes no image strongly: all views are weak, there are no weights.");
            }
        }
    }
}
