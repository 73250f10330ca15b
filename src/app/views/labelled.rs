//! Labelled images: the few images that each run trains on with their labels, by class.

use eframe::egui::Ui;

use super::view::{View, ViewContext, columns};
use crate::app::places::ViewId;
use crate::app::textures::Subset;
use crate::app::widgets::{muted, nothing_yet};

/// Height of an image, in points.
const HEIGHT: f32 = 40.0;

#[derive(Default)]
pub struct LabelledView;

impl View for LabelledView {
    fn id(&self) -> ViewId {
        ViewId::new("Labelled")
    }

    fn title(&self) -> &'static str {
        "Labelled images"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        if context.runs.is_empty() {
            nothing_yet(ui, "Press Train: the images that are trained on with their labels appear here.");
            return;
        }
        columns(ui, context.runs, "labelled", |ui, run| {
            let Some(plan) = &run.state.plan else {
                nothing_yet(ui, "Splitting the data ...");
                return;
            };
            let labels = &run.session.data.train_labels;
            for (class, name) in run.classes().iter().enumerate() {
                let is_of_class = |image: &&usize| labels[**image] == Some(class as u32);
                let images: Vec<_> = plan.split.labelled.iter().filter(is_of_class).collect();
                muted(ui, format!("{name}: {}", images.len()));
                ui.horizontal_wrapped(|ui| {
                    for image in images {
                        ui.add(run.thumbnails.image(ui.ctx(), Subset::Train, *image, HEIGHT));
                    }
                });
            }
        });
    }
}
