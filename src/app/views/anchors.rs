//! Anchors: each image with its anchor, the guess on its way to the target, and the strong views trained on it.

use eframe::egui::{self, Button, RichText, TextWrapMode, Ui, vec2};

use super::view::{View, ViewContext, columns};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::textures::Subset;
use crate::app::theme::Role;
use crate::app::widgets::{bars, is_narrow, muted, nothing_yet, verdict};
use crate::augment::{OPERATIONS, OpDraw, OperationKind};
use crate::train::{AnchorRow, most_likely};

pub const ID: ViewId = ViewId::new("Anchors");

/// Height of an image.
const SIDE: f32 = 64.0;
const BARS: egui::Vec2 = vec2(92.0, 40.0);

/// The controls of the view.
#[derive(Default)]
pub struct AnchorsView {
    /// Whether to show the true classes of unlabelled images.
    reveal: bool,
}

impl View for AnchorsView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "Anchors"
    }

    fn suits_narrow_screen(&self) -> bool {
        true
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        ui.horizontal_wrapped(|ui| {
            ui.checkbox(&mut self.reveal, "Reveal hidden labels")
                .on_hover_text("Show the true class of each unlabelled image, which training never sees");
            ui.colored_label(Role::Agree.colour(ui), "● agrees with the guess");
            ui.colored_label(Role::Differ.colour(ui), "○ differs");
            muted(ui, "Click an image to follow it through training.");
        });
        if context.runs.is_empty() {
            nothing_yet(ui, "Press Train: images appear here with their anchors and strong views.");
            return;
        }
        let mut clicked = None;
        let pinned = context.pinned.clone();
        columns(ui, context.runs, "anchors", |ui, run| {
            let Some(seen) = &run.state.observation else {
                nothing_yet(ui, "The views of the first step appear here.");
                return;
            };
            muted(ui, format!("step {}", seen.step));
            for row in seen.followed.iter().chain(&seen.anchors) {
                if self.row(ui, run, row, pinned.contains(&row.image)) {
                    clicked = Some(row.image);
                }
                ui.separator();
            }
        });
        if let Some(image) = clicked {
            context.toggle_pin(image);
        }
    }
}

impl AnchorsView {
    /// One image; returns whether it was clicked. In a narrow window the guess is below the pictures.
    fn row(&self, ui: &mut Ui, run: &Run, row: &AnchorRow, pinned: bool) -> bool {
        let mut clicked = false;
        let narrow = is_narrow(ui);
        // The tile, not the image, is the id: debug builds of egui keep every id ever used.
        ui.push_id(row.tile, |ui| {
            // No wrapping: the column scrolls sideways instead.
            ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
            ui.horizontal(|ui| {
                ui.vertical(|ui| clicked = self.original(ui, run, row, pinned));
                ui.vertical(|ui| {
                    ui.colored_label(Role::Anchor.colour(ui), "anchor");
                    framed_tile(ui, run, row.tile, Role::Anchor, "picture of the anchor");
                    ui.small(verdict(&row.prediction, run.classes()));
                });
                if !narrow {
                    guess_steps(ui, run, row);
                }
                strong_views(ui, run, row);
            });
            if narrow {
                guess_steps(ui, run, row);
            }
        });
        clicked
    }

    fn original(&self, ui: &mut Ui, run: &Run, row: &AnchorRow, pinned: bool) -> bool {
        ui.label(if pinned { "followed" } else { "image" });
        let image = run.thumbnails.image(ui.ctx(), Subset::Train, row.image, SIDE);
        let label = format!("image {}", row.image);
        let button = ui.add(Button::image(image.alt_text(&label)).selected(pinned));
        button.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, pinned, &label));
        let hint = if pinned {
            "Click to stop following this image"
        } else {
            "Click to follow this image through training"
        };
        let button = button.on_hover_text(hint);
        match self.reveal {
            true => ui.small(RichText::new(run.class_name(row.class)).strong()),
            false => muted(ui, "label hidden"),
        };
        button.clicked()
    }
}

/// The guess: q, aligned, sharpened; the last is the target of all views.
fn guess_steps(ui: &mut Ui, run: &Run, row: &AnchorRow) {
    let Some(guess) = &row.guess else { return };
    ui.vertical(|ui| {
        let steps = [
            ("q: prediction for the anchor", &guess.prediction),
            ("aligned with p(y)", &guess.aligned),
            ("sharpened: the target", &guess.target),
        ];
        ui.horizontal(|ui| {
            for (title, values) in steps {
                ui.vertical(|ui| {
                    muted(ui, title.split(':').next().unwrap_or(title));
                    bars(ui, title, values, run.classes(), BARS);
                    ui.small(verdict(values, run.classes()));
                });
            }
        });
        if !guess.used {
            muted(ui, "below the threshold: not used");
        }
    });
}

/// The strong views, each with its prediction and the operations applied to it.
fn strong_views(ui: &mut Ui, run: &Run, row: &AnchorRow) {
    for (k, view) in row.strong.iter().enumerate() {
        ui.vertical(|ui| {
            let name = format!("strong {}", k + 1);
            ui.colored_label(Role::Strong.colour(ui), &name);
            framed_tile(ui, run, view.tile, Role::Strong, &format!("picture of {name}"));
            agreement(ui, row, &view.prediction, run.classes());
            for operation in &view.operations {
                muted(ui, operation_text(operation));
            }
        });
    }
}

/// A picture of the step in a frame of the role's colour; `text` describes it to screen readers.
pub(super) fn framed_tile(ui: &mut Ui, run: &Run, tile: usize, role: Role, text: &str) {
    let stroke = egui::Stroke::new(2.0, role.colour(ui));
    egui::Frame::NONE.stroke(stroke).inner_margin(1.0).show(ui, |ui| {
        if let Some(image) = run.tile(tile, SIDE) {
            ui.add(image.alt_text(text));
        }
    });
}

/// The prediction for a strong view, marked by whether it agrees with the target, if there is one.
fn agreement(ui: &mut Ui, row: &AnchorRow, prediction: &[f32], classes: &[String]) {
    let target = row.guess.as_ref().map(|guess| most_likely(&guess.target));
    let text = verdict(prediction, classes);
    let (mark, role) = match target {
        None => ("", Role::Muted),
        Some(class) if class == most_likely(prediction) => ("● ", Role::Agree),
        Some(_) => ("○ ", Role::Differ),
    };
    ui.label(RichText::new(format!("{mark}{text}")).small().color(role.colour(ui)));
}

/// The name and level of an operation.
fn operation_text(draw: &OpDraw) -> String {
    let Some(operation) = OPERATIONS.get(draw.op as usize) else { return String::new() };
    if operation.kind == OperationKind::Identity {
        return operation.name.to_owned();
    }
    format!("{} {:.2}", operation.name, draw.level)
}
