//! Confusion: the confusion matrix of the test images, and the images of each cell. This file arranges the view;
//! `counts` counts the images, `matrix` draws them.

mod counts;
mod matrix;

use std::sync::Arc;

use counts::{Cell, Counts};
use eframe::egui::{self, Button, RichText, ScrollArea, Ui, Vec2, vec2};

use super::view::{View, ViewContext, columns};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::session::{Command, Phase};
use crate::app::textures::Subset;
use crate::app::theme::Role;
use crate::app::widgets::{muted, nothing_yet, percent, verdict};
use crate::data::Origin;
use crate::train::Progress;

/// Number of images shown of a cell, and added by "Show more".
const IMAGES: usize = 60;
/// Height of an image.
const SIDE: f32 = 44.0;
/// Minimum height of the matrix; the rest scrolls.
const MIN_HEIGHT: f32 = 240.0;
/// Number of frequent mistakes in the header.
const MISTAKES: usize = 3;

/// The selection of the view, and the counts of the current test predictions.
#[derive(Default)]
pub struct ConfusionView {
    /// The cell whose images are shown, in all runs.
    selected: Option<Cell>,
    /// Number of images added by "Show more".
    more: usize,
    counted: Vec<Counted>,
}

/// Test predictions with their counts.
struct Counted {
    probabilities: Arc<[f32]>,
    counts: Counts,
}

impl View for ConfusionView {
    fn id(&self) -> ViewId {
        ViewId::new("Confusion")
    }

    fn title(&self) -> &'static str {
        "Confusion"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let runs = context.runs;
        if runs.is_empty() {
            nothing_yet(ui, "Press Train: the confusion matrix of the test images appears here.");
            return;
        }
        self.count(runs);
        let mut selected = self.selected;
        let mut more = self.more;
        columns(ui, runs, "confusion", |ui, run| {
            if run.session.data.test_labels.is_empty() {
                nothing_yet(ui, "This data set has no test images.");
                return;
            }
            let Some(counted) = self.counted_of(run) else {
                classify_button(ui, run);
                nothing_yet(ui, &format!("The {} are classified at the next report.", tested_name(run)));
                return;
            };
            header(ui, run, &counted.counts, &mut selected);
            let mut pane = MatrixPane { run, counted, selected: &mut selected, more: &mut more };
            pane.show(ui);
        });
        if selected != self.selected {
            more = 0;
        }
        (self.selected, self.more) = (selected, more);
    }
}

impl ConfusionView {
    /// Counts new test predictions and drops old ones.
    fn count(&mut self, runs: &[Run]) {
        let is_current = |run: &Run, counted: &Counted| {
            run.state.test_probabilities.as_ref().is_some_and(|p| Arc::ptr_eq(p, &counted.probabilities))
        };
        self.counted.retain(|counted| runs.iter().any(|run| is_current(run, counted)));
        for run in runs {
            let Some(probabilities) = &run.state.test_probabilities else { continue };
            if self.counted_of(run).is_none() {
                let counts = Counts::new(probabilities, &run.session.data.test_labels, run.classes().len());
                self.counted.push(Counted { probabilities: Arc::clone(probabilities), counts });
            }
        }
    }

    fn counted_of(&self, run: &Run) -> Option<&Counted> {
        let probabilities = run.state.test_probabilities.as_ref()?;
        self.counted.iter().find(|counted| Arc::ptr_eq(probabilities, &counted.probabilities))
    }
}

/// What the images are that a run is tested on, in two words.
fn tested_name(run: &Run) -> &'static str {
    match run.session.data.origin {
        Origin::Benchmark => "test images",
        Origin::ByHand { held_out: true } => "held-out images",
        Origin::ByHand { held_out: false } => "labelled images",
    }
}

/// A button that classifies the test images before the next report.
fn classify_button(ui: &mut Ui, run: &Run) {
    let progress = run.state.progress.filter(|_| run.state.phase != Phase::Preparing);
    let is_outdated =
        |progress: Progress| run.state.test_probabilities.is_none() || progress.step > run.state.tested_at;
    let button = ui.add_enabled(progress.is_some_and(is_outdated), Button::new("Classify now").small());
    let button = button
        .on_hover_text(format!("Classify the {} with the current EMA weights", tested_name(run)))
        .on_disabled_hover_text(format!("No step has run since the {} were classified", tested_name(run)));
    if button.clicked() {
        run.session.send(Command::Classify);
    }
}

/// The accuracy, and the most frequent mistakes as buttons that select their cell.
fn header(ui: &mut Ui, run: &Run, counts: &Counts, selected: &mut Option<Cell>) {
    ui.horizontal_wrapped(|ui| {
        let (right, all) = (counts.right(), counts.images());
        let share = 100.0 * f64::from(right) / all.max(1) as f64;
        let tested = tested_name(run);
        ui.label(RichText::new(format!("{right} of {all} {tested} correct, {share:.1} %")).strong());
        muted(ui, format!("step {}, EMA weights", run.state.tested_at));
        if run.session.data.tests_labelled_images() {
            muted(ui, "the run was trained on them");
        }
        classify_button(ui, run);
    });
    ui.horizontal_wrapped(|ui| {
        let mistakes = counts.mistakes(MISTAKES);
        muted(ui, if mistakes.is_empty() { "no mistakes" } else { "most frequent mistakes:" });
        for cell in mistakes {
            let name = |class: usize| run.class_name(Some(class as u32));
            let text = format!("{} → {} ({})", name(cell.actual), name(cell.predicted), counts.at(cell));
            let button = ui.selectable_label(*selected == Some(cell), text);
            if button.on_hover_text(matrix::cell_text(counts, run.classes(), cell)).clicked() {
                *selected = Some(cell);
            }
        }
    });
}

/// The matrix of a run and the images of the selected cell.
struct MatrixPane<'a> {
    run: &'a Run,
    counted: &'a Counted,
    selected: &'a mut Option<Cell>,
    more: &'a mut usize,
}

impl MatrixPane<'_> {
    /// Side by side in a wide pane, otherwise stacked. The area of the images is always reserved, so that the
    /// matrix does not move when a cell is clicked.
    fn show(&mut self, ui: &mut Ui) {
        let room = ui.available_size().max(vec2(0.0, MIN_HEIGHT));
        if room.x > 1.2 * room.y && room.x > 520.0 {
            let left = (0.62 * room.x).min(room.y + 180.0).floor();
            ui.horizontal_top(|ui| {
                self.matrix(ui, vec2(left, room.y));
                ui.separator();
                ui.vertical(|ui| self.images(ui, room.y));
            });
        } else {
            let above = (0.6 * room.y).max(MIN_HEIGHT).floor();
            self.matrix(ui, vec2(room.x, above));
            ui.separator();
            self.images(ui, (room.y - above - 16.0).max(0.6 * MIN_HEIGHT));
        }
    }

    fn matrix(&mut self, ui: &mut Ui, room: Vec2) {
        ui.allocate_ui_with_layout(room, egui::Layout::top_down(egui::Align::Min), |ui| {
            ui.set_width(room.x);
            muted(ui, "rows: true class; columns: predicted class; right: accuracy of the class");
            let left = vec2(room.x, room.y - 24.0);
            ScrollArea::both().id_salt("matrix").max_height(left.y).auto_shrink(false).show(ui, |ui| {
                // Margin, so that a matrix that fits does not get scroll bars.
                let room = left - vec2(4.0, 4.0);
                let clicked = matrix::show(ui, &self.counted.counts, self.run.classes(), self.cell(), room);
                if clicked.is_some() {
                    *self.selected = clicked;
                }
            });
        });
    }

    /// The selected cell, if it is inside the matrix of this run.
    fn cell(&self) -> Option<Cell> {
        let classes = self.counted.counts.classes;
        self.selected.filter(|cell| cell.actual < classes && cell.predicted < classes)
    }

    fn images(&mut self, ui: &mut Ui, height: f32) {
        let Some(cell) = self.cell() else {
            ui.label(format!(
                "Click a cell to see its {} (Tab and the arrow keys work too).",
                tested_name(self.run)
            ));
            return;
        };
        let (run, counts) = (self.run, &self.counted.counts);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(matrix::cell_text(counts, run.classes(), cell)).strong());
            if ui.small_button("Close").on_hover_text("Deselect the cell").clicked() {
                *self.selected = None;
            }
        });
        let images = counts.of_cell(cell, &self.counted.probabilities);
        if images.is_empty() {
            muted(ui, "This cell has no images.");
            return;
        }
        muted(
            ui,
            format!(
                "most confident first; below each image the probability of {}",
                run.class_name(Some(cell.predicted as u32))
            ),
        );
        let shown = IMAGES + *self.more;
        ScrollArea::vertical().id_salt("images").max_height((height - 56.0).max(80.0)).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                for (image, probability) in images.iter().take(shown) {
                    self.image(ui, cell, *image, *probability);
                }
            });
            if images.len() > shown {
                let text = format!("Show more ({} left)", images.len() - shown);
                if ui.button(text).on_hover_text("Show more images of this cell").clicked() {
                    *self.more += IMAGES;
                }
            }
        });
    }

    fn image(&self, ui: &mut Ui, cell: Cell, image: usize, probability: f32) {
        let (role, mark) = match cell.actual == cell.predicted {
            true => (Role::Agree, "●"),
            false => (Role::Differ, "○"),
        };
        let classes = self.run.classes();
        let row = &self.counted.probabilities[image * classes.len()..][..classes.len()];
        let kind = tested_name(self.run).trim_end_matches('s');
        let hint = format!("{kind} {image}: {}, true class {}", verdict(row, classes), classes[cell.actual]);
        ui.allocate_ui(vec2(SIDE + 4.0, SIDE + 22.0), |ui| {
            ui.vertical(|ui| {
                let picture = self.run.thumbnails.image(ui.ctx(), Subset::Test, image, SIDE);
                ui.add(picture.alt_text(&hint)).on_hover_text(&hint);
                let text = format!("{mark} {}", percent(probability));
                ui.label(RichText::new(text).small().color(role.colour(ui)));
            });
        });
    }
}
