//! Label your own: the folder, the current image, the classes, and training on the labels. This file arranges
//! the panels; each of the other files is one of them.

mod classes;
mod image;
mod training;

use eframe::egui::{self, Button, CentralPanel, Frame, Panel, RichText, Ui};

use super::view::{View, ViewContext};
use crate::app::dialogs::Dialogs;
use crate::app::labelling::{Labelling, Order, SaveState};
use crate::app::places::ViewId;
use crate::app::platform;
use crate::app::theme::Role;
use crate::app::widgets::muted;
use crate::data::{LABELS_FILE, counted, listed_name, shown_name};
use classes::ClassList;

pub const ID: ViewId = ViewId::new("Labelling");

/// Folders that a question names.
const FOLDERS: usize = 6;
/// Images that a question names.
const IMAGES: usize = 3;

#[derive(Default)]
pub struct LabellingView {
    classes: ClassList,
}

impl View for LabellingView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "Label your own"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let ViewContext { runs, dialogs, labelling, config, train_on_labels, .. } = context;
        if labelling.folder.is_none() {
            welcome(ui, dialogs, labelling);
            return;
        }
        Panel::top("labelling folder").frame(Frame::NONE).show(ui, |ui| {
            header(ui, dialogs, labelling);
            folders_question(ui, labelling);
            pictures_question(ui, labelling);
        });
        let Some(folder) = &mut labelling.folder else { return };
        if let Some(run) = folder.run(runs) {
            folder.update_guesses(run);
        }
        Panel::right("labelling classes")
            .default_size(236.0)
            .size_range(180.0..=360.0)
            .frame(Frame::NONE.inner_margin(egui::Margin { left: 8, ..Default::default() }))
            .show(ui, |ui| {
                // Stays in sight below any number of classes.
                Panel::bottom("labelling train").frame(Frame::NONE).show(ui, |ui| {
                    training::train(ui, runs, folder, config, train_on_labels);
                });
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    self.classes.show(ui, folder);
                    ui.separator();
                    training::show(ui, runs, dialogs, folder);
                });
            });
        Panel::bottom("labelling strip")
            .exact_size(image::STRIP_HEIGHT)
            .frame(Frame::NONE)
            .show(ui, |ui| image::show_strip(ui, folder));
        CentralPanel::no_frame().show(ui, |ui| {
            let image_focused = image::show(ui, folder);
            if let Some(action) = image::pressed_action(ui, image_focused) {
                image::act(folder, action);
            }
        });
    }
}

/// What the view shows before a folder is open.
fn welcome(ui: &mut Ui, dialogs: &Dialogs, labelling: &Labelling) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.2);
        ui.set_max_width(ui.available_width().min(460.0));
        ui.heading("Label your own images");
        ui.add_space(6.0);
        for line in [
            "1. Open a folder of images: JPEG, PNG, HEIC, WebP and others, with or without subfolders.",
            "2. Add two or more classes and label a few images of each, with one key per image.",
            "3. Train, review the least confident guesses, correct them, and train again.",
        ] {
            ui.label(line);
        }
        ui.add_space(6.0);
        open_button(ui, dialogs, "Open a folder of images ...");
        muted(
            ui,
            match platform::WRITES_BESIDE_IMAGES {
                true => format!("Each label is saved at once to {LABELS_FILE} in the folder."),
                false => format!("Labels are kept in this browser; 'Labels ...' downloads {LABELS_FILE}."),
            },
        );
        opening_status(ui, labelling);
    });
}

fn open_button(ui: &mut Ui, dialogs: &Dialogs, text: &str) {
    let hint = "Choose a folder whose images to label, or drop one on this view";
    if ui.button(text).on_hover_text(hint).clicked() {
        dialogs.open_images(ui.ctx());
    }
}

/// The folder that is being opened, or why the last one could not be.
fn opening_status(ui: &mut Ui, labelling: &Labelling) {
    if let Some(path) = labelling.opening() {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(platform::shown_paths(&format!("reading the images in {}", path.display())));
        });
    }
    if let Some(reason) = labelling.failure().map(platform::shown_paths) {
        ui.label(RichText::new(format!("× not opened: {reason}")).color(Role::Differ.colour(ui)));
    }
}

/// Asks whether the folders that the images are in are classes: those of days, places or people look the same.
fn folders_question(ui: &mut Ui, labelling: &mut Labelling) {
    let Some(labels) = labelling.folder.as_ref().and_then(|folder| folder.in_folders.as_ref()) else {
        return;
    };
    let names = labels.classes().iter().zip(labels.counts());
    let mut folders: Vec<String> = names.map(|(name, count)| format!("{name} ({count})")).collect();
    let more = folders.len().saturating_sub(FOLDERS);
    folders.truncate(FOLDERS);
    if more > 0 {
        folders.push(format!("{more} more"));
    }
    let text = format!("Images are in the folders {}. Are these their classes?", folders.join(", "));
    ui.label(RichText::new(text).color(Role::Anchor.colour(ui)));
    let (mut take, mut leave) = (false, false);
    ui.horizontal_wrapped(|ui| {
        take = ui
            .button("These folders are classes")
            .on_hover_text("Each image without a label gets its folder as its label")
            .clicked();
        leave = ui
            .button("Begin without labels")
            .on_hover_text("The folders are days, places or people: nothing is labelled yet")
            .clicked();
    });
    if take {
        labelling.take_folders_as_classes();
    } else if leave && let Some(folder) = &mut labelling.folder {
        folder.in_folders = None;
    }
    ui.add_space(4.0);
}

/// Asks whether labels are right whose files have another picture than the one that was labelled.
fn pictures_question(ui: &mut Ui, labelling: &mut Labelling) {
    let Some(queue) = labelling.folder.as_mut().map(|folder| &mut folder.queue) else { return };
    let changed: Vec<usize> = queue.labels().changed_pictures().collect();
    let Some(&first) = changed.first() else { return };
    let label = |image: &usize| {
        let class =
            queue.labels().of(*image).map(|class| listed_name(&queue.labels().classes()[class as usize]));
        format!("{} ({})", shown_name(&queue.own.files[*image]), class.unwrap_or_default())
    };
    let mut names: Vec<String> = changed.iter().take(IMAGES).map(label).collect();
    names.extend((changed.len() > IMAGES).then(|| format!("{} more", changed.len() - IMAGES)));
    let text = match changed.len() {
        1 => format!(
            "Another picture has the name of one that was labelled: {}. Is its label right?",
            names[0]
        ),
        _ => format!(
            "Other pictures have the names of {} that were labelled: {}. Are their labels right?",
            changed.len(),
            names.join(", ")
        ),
    };
    ui.label(RichText::new(text).color(Role::Anchor.colour(ui)));
    ui.horizontal_wrapped(|ui| {
        let [keep, remove] = match changed.len() {
            1 => ["Keep this label", "Remove this label"],
            _ => ["Keep these labels", "Remove these labels"],
        };
        if ui.button("Show").on_hover_text("Make the first of them the current image").clicked() {
            queue.go_to(first);
        }
        if ui.button(keep).on_hover_text("The label is right for the picture of now").clicked() {
            queue.keep_changed();
        }
        if ui.button(remove).on_hover_text("The picture is to be labelled again").clicked() {
            queue.unlabel_changed();
        }
    });
    ui.add_space(4.0);
}

/// The folder's name and counts, whether the labels are saved, and the order of the images.
fn header(ui: &mut Ui, dialogs: &Dialogs, labelling: &mut Labelling) {
    opening_status(ui, labelling);
    let Some(folder) = &mut labelling.folder else { return };
    ui.horizontal_wrapped(|ui| {
        open_button(ui, dialogs, "Open folder ...");
        let own = &folder.queue.own;
        ui.strong(folder.name()).on_hover_text(platform::shown_paths(&own.folder.to_string_lossy()));
        let labelled = folder.queue.labels().made().len();
        ui.label(format!("{}, {labelled} labelled", counted(own.files.len(), "image", "images")));
        if own.decoding.skipped > 0 {
            let text = format!("{} more cannot be read", own.decoding.skipped);
            let told = platform::shown_paths(&own.notices.join("\n"));
            ui.label(RichText::new(text).color(Role::Anchor.colour(ui))).on_hover_text(told);
        }
        match folder.save_state() {
            SaveState::Saved if labelled > 0 => {
                let text = match platform::WRITES_BESIDE_IMAGES {
                    true => format!("● saved in {LABELS_FILE}"),
                    false => "● kept in this browser".to_owned(),
                };
                ui.colored_label(Role::Agree.colour(ui), text);
            }
            SaveState::Unwritten if labelled > 0 => {
                muted(ui, format!("no {LABELS_FILE} yet: the first change writes it"));
            }
            SaveState::Saved | SaveState::Unwritten => {}
            SaveState::Pending => {
                muted(ui, "saving ...");
            }
            SaveState::Failed(reason) => {
                let text = format!("× labels not saved, they exist in this window only: {reason}");
                ui.label(RichText::new(text).color(Role::Differ.colour(ui)));
            }
        }
        ui.separator();
        let mut order = folder.queue.order();
        ui.selectable_value(&mut order, Order::Name, "By name")
            .on_hover_text("All images in the order of their file names");
        // Not in a child of its own, which would be as narrow as the rest of the line.
        let button = Button::selectable(order == Order::LeastConfident, "Least confident first");
        let button = ui
            .add_enabled(folder.queue.guesses().is_some(), button)
            .on_hover_text("Images without a label, the least confident guess first")
            .on_disabled_hover_text("Needs guesses: train first");
        if button.clicked() {
            order = Order::LeastConfident;
        }
        if order != folder.queue.order() {
            folder.queue.sort(order);
        }
    });
    ui.add_space(4.0);
}
