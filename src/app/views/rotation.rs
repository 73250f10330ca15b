//! Rotation: rotated images with the predictions of the rotation head.

use eframe::egui::{self, RichText, Ui, vec2};

use super::view::{View, ViewContext, columns};
use crate::app::components::Component;
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::theme::Role;
use crate::app::widgets::{equation, muted, nothing_yet, percent, share_bar};
use crate::train::{RotationRow, most_likely};

pub const ID: ViewId = ViewId::new("Rotation");

/// Height of an image.
const SIDE: f32 = 56.0;
/// Size of an image with its predictions.
const CARD: egui::Vec2 = vec2(219.0, 112.0);
/// The classes of the rotation head: a short name and a description.
const ROTATIONS: [(&str, &str); 4] = [
    ("0°", "not rotated"),
    ("180°", "rotated by 180°"),
    ("90° left", "rotated 90° to the left"),
    ("90° right", "rotated 90° to the right"),
];

#[derive(Default)]
pub struct RotationView;

impl View for RotationView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "Rotation"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let runs = context.runs;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 20.0;
            ui.label(Component::Rotation.explanation());
            equation(ui, Component::Rotation.equation());
        });
        if runs.is_empty() {
            nothing_yet(ui, "Press Train: the rotated images appear here.");
            return;
        }
        columns(ui, runs, "rotation", |ui, run| {
            let method = &run.session.config.method;
            if !(method.rotation && method.unlabelled) {
                nothing_yet(ui, "The rotation loss is off in this run: no image is rotated.");
                return;
            }
            let Some(seen) = &run.state.observation else {
                nothing_yet(ui, "The rotated images of the first step appear here.");
                return;
            };
            let right = seen.rotations.iter().filter(|row| is_right(row)).count();
            ui.horizontal_wrapped(|ui| {
                muted(ui, format!("step {}", seen.step));
                ui.label(RichText::new(score(right, seen.rotations.len())).strong())
                    .on_hover_text("Of the images shown; chance is 25 %");
                muted(ui, "(by chance: 25 %)");
                ui.colored_label(Role::Agree.colour(ui), "● correct");
                ui.colored_label(Role::Differ.colour(ui), "○ wrong");
            });
            ui.horizontal_wrapped(|ui| {
                for (i, row) in seen.rotations.iter().enumerate() {
                    // A fixed size lets the row wrap before the card.
                    ui.allocate_ui(CARD, |ui| ui.push_id(i, |ui| card(ui, run, row)));
                }
            });
        });
    }
}

fn is_right(row: &RotationRow) -> bool {
    most_likely(&row.prediction) == row.rotation as usize
}

fn score(right: usize, shown: usize) -> String {
    format!("{right} of {shown} correct, {}", percent(right as f32 / shown.max(1) as f32))
}

/// A rotated image and its four predicted probabilities.
fn card(ui: &mut Ui, run: &Run, row: &RotationRow) {
    let class = row.rotation as usize;
    let (mark, role) = if is_right(row) { ("●", Role::Agree) } else { ("○", Role::Differ) };
    let colour = role.colour(ui);
    egui::Frame::group(ui.style()).stroke((1.5, colour)).show(ui, |ui| {
        ui.vertical(|ui| {
            let (name, description) = ROTATIONS.get(class).copied().unwrap_or(("?", "?"));
            ui.label(RichText::new(format!("{mark} rotated {name}")).color(colour))
                .on_hover_text(description);
            ui.horizontal_top(|ui| {
                if let Some(image) = run.tile(row.tile, SIDE) {
                    ui.add(image.alt_text(format!("an image, {description}")));
                }
                predictions(ui, row, colour);
            });
        });
    });
}

/// The probability of each rotation, the true one underlined.
fn predictions(ui: &mut Ui, row: &RotationRow, verdict_colour: egui::Color32) {
    let top = most_likely(&row.prediction);
    let ground = ui.visuals().extreme_bg_color;
    egui::Grid::new("rotations").num_columns(3).spacing(vec2(6.0, 1.0)).min_row_height(16.0).show(ui, |ui| {
        for (rotation, (value, (name, description))) in row.prediction.iter().zip(ROTATIONS).enumerate() {
            let is_true = rotation == row.rotation as usize;
            let text = RichText::new(name).small();
            ui.label(if is_true { text.strong().underline() } else { text }).on_hover_text(if is_true {
                format!("{description}: the true rotation")
            } else {
                description.to_owned()
            });
            let colour = if rotation == top { verdict_colour } else { Role::Muted.colour(ui) };
            share_bar(
                ui,
                &format!("{description}: {}", percent(*value)),
                *value,
                vec2(40.0, 9.0),
                [colour, ground],
            );
            ui.small(percent(*value));
            ui.end_row();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn score_counts_correct_rotations() {
        let row =
            |rotation, prediction: [f32; 4]| RotationRow { tile: 0, rotation, prediction: prediction.into() };
        assert!(is_right(&row(2, [0.1, 0.2, 0.6, 0.1])));
        assert!(!is_right(&row(3, [0.1, 0.2, 0.6, 0.1])));
        assert_eq!(score(3, 4), "3 of 4 correct, 75 %");
        assert_eq!(score(0, 0), "0 of 0 correct, 0 %");
    }
}
