//! The ablation table: what `remixmatch ablate` has found so far.

mod plots;
mod rows;

use eframe::egui::{RichText, ScrollArea, Ui};

use super::view::{View, ViewContext};
use crate::ablation::Table;
use crate::app::places::ViewId;
use crate::app::theme::Role;
use crate::app::widgets::{muted, nothing_yet};

pub const ID: ViewId = ViewId::new("Ablation");

#[derive(Default)]
pub struct AblationView;

impl View for AblationView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "Ablation"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let ViewContext { ablation, dialogs, .. } = context;
        if let Some(again) = ablation.refresh() {
            ui.ctx().request_repaint_after(again);
        }
        ui.horizontal_wrapped(|ui| {
            let button = ui.button("Open ablation ...");
            if button
                .on_hover_text("A folder that `remixmatch ablate --out` wrote, finished or not")
                .clicked()
            {
                dialogs.open_ablation(ui.ctx());
            }
            if let Some(Ok(table)) = ablation.table() {
                ui.label(RichText::new(table.setting()).strong());
            }
        });
        match ablation.table() {
            None => nothing_yet(
                ui,
                "remixmatch ablate trains the method without one part after another; open its folder here.",
            ),
            Some(Err(reason)) => {
                ui.label(RichText::new(format!("× {reason}")).color(Role::Differ.colour(ui)));
            }
            Some(Ok(table)) => content(ui, table),
        }
    }
}

fn content(ui: &mut Ui, table: &Table) {
    ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        rows::show(ui, table);
        ui.add_space(4.0);
        muted(ui, NOTE);
        for (row, seed, reason) in table.failures() {
            let text = format!("× {row}, seed {seed}: {reason}");
            ui.label(RichText::new(text).color(Role::Differ.colour(ui)));
        }
        ui.add_space(8.0);
        plots::show(ui, table);
    });
}

const NOTE: &str = "Error: test images that the averaged weights get wrong after the last step. Published: the \
    paper's, on CIFAR-10 with 250 labels, quoted from memory; on other data compare directions, not numbers.";
