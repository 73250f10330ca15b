//! Label your own: a large image, those around it, the classes, and what is trained and guessed.

mod classes;
mod image;
mod keys;
mod strip;
mod training;

use eframe::egui::{self, CentralPanel, Frame, Panel, RichText, Ui};

use super::view::{View, ViewContext};
use crate::app::dialogs::Dialogs;
use crate::app::labelling::{Labelling, Order, Saved, Sitting};
use crate::app::places::ViewId;
use crate::app::theme::Role;
use crate::app::widgets::muted;
use crate::data::LABELS_FILE;
use classes::ClassList;
use keys::Action;

pub const ID: ViewId = ViewId::new("Labelling");

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
        let ViewContext { runs, dialogs, labelling, train_on, .. } = context;
        if labelling.sitting.is_none() {
            welcome(ui, dialogs, labelling);
            return;
        }
        Panel::top("labelling folder").frame(Frame::NONE).show(ui, |ui| folder(ui, dialogs, labelling));
        let Some(sitting) = &mut labelling.sitting else { return };
        if let Some(run) = sitting.run(runs) {
            sitting.follow(run);
        }
        Panel::right("labelling classes")
            .default_size(236.0)
            .size_range(180.0..=360.0)
            .frame(Frame::NONE.inner_margin(egui::Margin { left: 8, ..Default::default() }))
            .show(ui, |ui| {
                egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    self.classes.show(ui, sitting);
                    ui.separator();
                    training::show(ui, runs, dialogs, sitting, train_on);
                });
            });
        Panel::bottom("labelling strip")
            .exact_size(strip::HEIGHT)
            .frame(Frame::NONE)
            .show(ui, |ui| strip::show(ui, sitting));
        CentralPanel::no_frame().show(ui, |ui| {
            let on_image = image::show(ui, sitting);
            if let Some(action) = keys::pressed(ui, on_image) {
                act(sitting, action);
            }
        });
    }
}

/// Does what a key or a button asked for.
fn act(sitting: &mut Sitting, action: Action) {
    let desk = &mut sitting.desk;
    let done = match action {
        Action::Label(class) => desk.label(class),
        Action::Accept => desk.accept(),
        Action::TakeBack => desk.take_back(),
        Action::Skip => {
            desk.skip();
            Ok(())
        }
        Action::Step(by) => {
            desk.step(by);
            Ok(())
        }
    };
    sitting.remark = done.err();
}

/// What is shown before a folder is open.
fn welcome(ui: &mut Ui, dialogs: &Dialogs, labelling: &Labelling) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.2);
        ui.set_max_width(ui.available_width().min(460.0));
        ui.heading("Label images of your own");
        ui.add_space(6.0);
        for line in [
            "1. Open a folder of images: JPEG, PNG, WebP, ..., in folders of any kind.",
            "2. Name two or more classes and label a handful of images of each, a key an image.",
            "3. Train, see what the model is unsure of, correct it, and train again.",
        ] {
            ui.label(line);
        }
        ui.add_space(6.0);
        open_button(ui, dialogs, "Open a folder of images ...");
        muted(ui, format!("Labels are saved to {LABELS_FILE} beside the images as you make them."));
        outcome_of_opening(ui, labelling);
    });
}

fn open_button(ui: &mut Ui, dialogs: &Dialogs, text: &str) {
    let hint = "Its images are shown here to be labelled; or drop a folder on this view";
    if ui.button(text).on_hover_text(hint).clicked() {
        dialogs.open_images(ui.ctx());
    }
}

fn outcome_of_opening(ui: &mut Ui, labelling: &Labelling) {
    if let Some(folder) = labelling.opening() {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(format!("reading the images in {}", folder.display()));
        });
    }
    if let Some(reason) = labelling.failure() {
        ui.label(RichText::new(format!("× not opened: {reason}")).color(Role::Differ.colour(ui)));
    }
}

/// The folder, whether its labels are saved, and the order of its images.
fn folder(ui: &mut Ui, dialogs: &Dialogs, labelling: &mut Labelling) {
    outcome_of_opening(ui, labelling);
    let Some(sitting) = &mut labelling.sitting else { return };
    ui.horizontal_wrapped(|ui| {
        open_button(ui, dialogs, "Open folder ...");
        let own = &sitting.desk.own;
        let name = own.folder.file_name().unwrap_or(own.folder.as_os_str()).to_string_lossy();
        ui.strong(name).on_hover_text(own.folder.display().to_string());
        let labelled = sitting.desk.labels().made().len();
        ui.label(format!("{} images, {labelled} labelled", own.files.len()));
        match sitting.saved() {
            Saved::Yes if labelled > 0 => {
                ui.colored_label(Role::Agree.colour(ui), format!("● saved in {LABELS_FILE}"));
            }
            Saved::Yes => {}
            Saved::Soon => {
                muted(ui, "saving ...");
            }
            Saved::No(reason) => {
                let text = format!("× not saved, labels stay in this window only: {reason}");
                ui.label(RichText::new(text).color(Role::Differ.colour(ui)));
            }
        }
        ui.separator();
        let mut order = sitting.desk.order();
        ui.selectable_value(&mut order, Order::Names, "By name")
            .on_hover_text("All images in the order of their files' names");
        let unsure = sitting.desk.guesses().is_some();
        ui.add_enabled_ui(unsure, |ui| {
            ui.selectable_value(&mut order, Order::Unsure, "Least sure first")
                .on_hover_text("Images without a label, the least certain guess first")
                .on_disabled_hover_text("Train first: then the images are guessed");
        });
        if order != sitting.desk.order() {
            sitting.desk.sort(order);
        }
    });
    ui.add_space(4.0);
}
