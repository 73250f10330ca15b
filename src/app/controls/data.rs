//! Which data, and how many of their labels are shown.

use eframe::egui::{self, ComboBox, DragValue, Ui};

use crate::app::App;
use crate::app::opening;
use crate::app::platform::Kind;
use crate::app::theme::class_colour;
use crate::app::widgets::{muted, swatch};
use crate::data::{DataSet, summary};

const BUILTIN: [(&str, &str); 3] = [
    ("builtin:fashion", "Fashion: clothes, 28x28 grey"),
    ("builtin:digits", "Digits: handwritten, 28x28 grey"),
    ("builtin:shapes", "Shapes: drawn, 32x32 colour"),
];
pub(super) fn data(app: &mut App, ui: &mut Ui) {
    let mut chosen = None;
    let current = app.settings.config.data.clone();
    let known = BUILTIN.iter().find(|(name, _)| *name == current).map(|(_, text)| *text);
    ComboBox::from_label("Source").width(200.0).selected_text(known.unwrap_or(&current)).show_ui(ui, |ui| {
        for (name, text) in BUILTIN {
            if ui.selectable_label(current == name, text).clicked() {
                chosen = Some(name.to_owned());
            }
        }
    });
    ui.horizontal(|ui| {
        let open = ui.button("Open folder ...");
        if open.on_hover_text("Class folders, IDX or CIFAR files; or drop a folder on the window").clicked() {
            app.dialogs.open_data(ui.ctx(), Kind::Folder);
        }
        let open = ui.button("Archive ...");
        if open
            .on_hover_text("A .zip, .tar or .tar.gz of these, or an .npz; or drop it on the window")
            .clicked()
        {
            app.dialogs.open_data(ui.ctx(), Kind::Files);
        }
        let sheet = ui.add_enabled(app.data.ready().is_some(), egui::Button::new("Look at images"));
        if sheet.on_hover_text("A few images of every class").clicked() {
            app.sheet_open = !app.sheet_open;
        }
    });
    if let Some(source) = chosen {
        app.open_data(source);
    }
    if let Some(source) = app.data.opening() {
        ui.horizontal(|ui| {
            ui.spinner();
            ui.label(format!("opening {source}"));
        });
    }
    opening::not_opened(app, ui);
    if let Some(set) = app.data.ready() {
        facts(set, ui);
    }
    let hand_made = app.data.ready().and_then(|set| set.hand_made_labels());
    ui.horizontal(|ui| {
        let labels = DragValue::new(&mut app.settings.config.labels).range(1..=100_000).speed(1.0);
        match hand_made {
            Some(count) => ui
                .label(count.to_string())
                .on_hover_text("All labels that were made by hand, but for those held out"),
            None => {
                ui.add(labels).on_hover_text("Images whose class is shown, in all: a multiple of the classes")
            }
        };
        ui.label("labelled images");
        ui.add(DragValue::new(&mut app.settings.config.seed).speed(1.0))
            .on_hover_text("Which images are labelled, the first weights, every draw");
        ui.label("seed");
    });
}

/// What the data hold, and the images of each class.
fn facts(set: &DataSet, ui: &mut Ui) {
    muted(
        ui,
        format!(
            "{}: {} training images, {} {}, {}x{}",
            set.format,
            set.train.len(),
            set.test.len(),
            set.tested_images(),
            set.train.width,
            set.train.height
        ),
    );
    egui::CollapsingHeader::new(format!("{} classes", set.classes.len())).show(ui, |ui| {
        egui::Grid::new("classes").num_columns(4).striped(true).show(ui, |ui| {
            for title in ["", "class", "training", "test"] {
                ui.label(title);
            }
            ui.end_row();
            for (i, class) in summary(set).classes.iter().enumerate() {
                swatch(ui, class_colour(i));
                ui.label(&class.name);
                ui.label(class.train.to_string());
                ui.label(class.test.to_string());
                ui.end_row();
            }
        });
    });
    for notice in &set.notices {
        muted(ui, notice.clone());
    }
}
