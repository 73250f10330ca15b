//! What can be looked at: one file a view.

mod ablation;
mod alignment;
mod anchors;
mod confusion;
mod curves;
mod embedding;
mod labelling;
mod mixup;
mod network;
mod policy;
mod rotation;

use std::sync::Arc;

use eframe::egui::{self, ScrollArea, Ui};
use eframe::egui_wgpu::RenderState;
use serde::{Deserialize, Serialize};

use super::dialogs::Dialogs;
use super::labelling::TrainOn;
use super::run::Run;
use super::session::Command;
use super::theme::run_colour;
use crate::data::DataSet;
use crate::gpu::Gpu;

/// The views, in the order of their tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ViewKind {
    Anchors,
    Alignment,
    Policy,
    MixUp,
    Rotation,
    Curves,
    Confusion,
    Embedding,
    Network,
    Labelling,
    Ablation,
}

impl ViewKind {
    pub const ALL: [Self; 11] = [
        Self::Anchors,
        Self::Alignment,
        Self::Policy,
        Self::MixUp,
        Self::Rotation,
        Self::Curves,
        Self::Confusion,
        Self::Embedding,
        Self::Network,
        Self::Labelling,
        Self::Ablation,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Anchors => "Anchors",
            Self::Alignment => "Alignment",
            Self::Policy => "CTAugment",
            Self::MixUp => "MixUp",
            Self::Rotation => "Rotation",
            Self::Curves => "Curves",
            Self::Confusion => "Confusion",
            Self::Embedding => "Embedding",
            Self::Network => "Network",
            Self::Labelling => "Label your own",
            Self::Ablation => "Ablation",
        }
    }
}

/// What a view may use in a frame.
pub struct ViewContext<'a> {
    pub runs: &'a [Run],
    /// What is open, with or without a run.
    pub data: Option<&'a Arc<DataSet>>,
    pub gpu: &'a Arc<Gpu>,
    /// Where textures that the adapter draws are made known to the window.
    pub render: &'a RenderState,
    pub dialogs: &'a Dialogs,
    /// Training images that are followed in all runs.
    pub pinned: &'a mut Vec<usize>,
    /// Set by a view that wants runs on labels made in it.
    pub train_on: &'a mut Option<TrainOn>,
}

impl ViewContext<'_> {
    /// Sends a command to every run.
    pub fn send(&self, command: &Command) {
        self.runs.iter().for_each(|run| run.session.send(command.clone()));
    }

    /// Follows an image through training, or no longer.
    pub fn toggle_pin(&mut self, image: usize) {
        match self.pinned.iter().position(|pinned| *pinned == image) {
            Some(at) => {
                self.pinned.remove(at);
            }
            None => {
                self.pinned.insert(0, image);
                self.pinned.truncate(crate::ssl::FOLLOWED);
            }
        }
        self.send(&Command::Follow(self.pinned.clone()));
    }
}

/// The state of all views.
#[derive(Default)]
pub struct Views {
    alignment: alignment::AlignmentView,
    anchors: anchors::AnchorsView,
    confusion: confusion::ConfusionView,
    curves: curves::CurvesView,
    embedding: embedding::EmbeddingView,
    policy: policy::PolicyView,
    pub labelling: labelling::LabellingView,
    pub ablation: ablation::AblationView,
}

impl Views {
    pub fn show(&mut self, kind: ViewKind, ui: &mut Ui, context: &mut ViewContext<'_>) {
        match kind {
            ViewKind::Anchors => self.anchors.show(ui, context),
            ViewKind::MixUp => mixup::show(ui, context.runs),
            ViewKind::Rotation => rotation::show(ui, context.runs),
            ViewKind::Alignment => self.alignment.show(ui, context),
            ViewKind::Policy => self.policy.show(ui, context),
            ViewKind::Curves => self.curves.show(ui, context),
            ViewKind::Confusion => self.confusion.show(ui, context.runs),
            ViewKind::Network => network::show(ui, context),
            ViewKind::Embedding => self.embedding.show(ui, context),
            ViewKind::Labelling => self.labelling.show(ui, context),
            ViewKind::Ablation => self.ablation.show(ui, context.dialogs),
        }
    }
}

/// Shows every run in a column of its own, under its name if there are two.
fn columns(ui: &mut Ui, runs: &[Run], id: &str, mut show: impl FnMut(&mut Ui, &Run)) {
    let mut column = |ui: &mut Ui, index: usize, run: &Run| {
        if runs.len() > 1 {
            ui.colored_label(run_colour(index, ui), egui::RichText::new(&run.name).strong());
        }
        // What is in one column has other ids than what is in the other.
        ui.push_id((id, index), |ui| {
            ScrollArea::both().id_salt(id).auto_shrink(false).show(ui, |ui| show(ui, run));
        });
    };
    match runs {
        [run] => column(ui, 0, run),
        runs => ui.columns(runs.len().max(1), |columns| {
            for (index, (ui, run)) in columns.iter_mut().zip(runs).enumerate() {
                column(ui, index, run);
            }
        }),
    }
}
