//! What is said of one point.

use eframe::egui::{Pos2, Response, RichText, Tooltip, Ui};

use super::is_right;
use crate::app::run::{Part, Run};
use crate::app::theme::Role;
use crate::app::widgets::{muted, percent};
use crate::train::EmbeddedImage;

const SIDE: f32 = 72.0;

/// In one line, for who hears it.
pub fn text(run: &Run, image: &EmbeddedImage) -> String {
    let kind = if image.labelled { "labelled" } else { "unlabelled" };
    format!(
        "image {}, {kind}, true class {}, {}",
        image.image,
        run.class_name(image.class),
        guess(run, image)
    )
}

fn guess(run: &Run, image: &EmbeddedImage) -> String {
    format!("guess {} ({})", run.class_name(Some(image.guess)), percent(image.confidence))
}

/// The image with its class and its guess, beside its point.
pub fn show(ui: &Ui, run: &Run, image: &EmbeddedImage, response: &Response, anchor: Pos2, pinned: &[usize]) {
    let (mark, role) = match image.class {
        None => ("", Role::Muted),
        Some(_) if is_right(image) => ("● ", Role::Agree),
        Some(_) => ("○ ", Role::Differ),
    };
    let tooltip = Tooltip::always_open(ui.ctx().clone(), response.layer_id, response.id, anchor);
    tooltip.gap(14.0).show(|ui| {
        ui.horizontal(|ui| {
            ui.add(run.thumbnails.image(ui.ctx(), Part::Train, image.image, SIDE));
            ui.vertical(|ui| {
                ui.label(RichText::new(format!("true class {}", run.class_name(image.class))).strong());
                ui.colored_label(role.colour(ui), format!("{mark}{}", guess(run, image)));
                muted(ui, if image.labelled { "labelled" } else { "its class is hidden from training" });
                let followed = pinned.contains(&image.image);
                muted(ui, if followed { "followed; click to stop" } else { "click to follow" });
            });
        });
    });
}
