//! Runs on disk, and what the window looks like.

use eframe::egui::{self, Ui};

use crate::app::App;
use crate::app::theme::ThemeChoice;
use crate::app::{layout, platform};
use crate::named::Named as _;

pub(super) fn runs_and_appearance(app: &mut App, ui: &mut Ui) {
    ui.horizontal(|ui| {
        let open = ui.button("Open run ...");
        if open.on_hover_text("A folder that `remixmatch train` or this window wrote").clicked() {
            app.dialogs.open_run(ui.ctx());
        }
        let may_save = app.runs.first().is_some_and(|run| run.state.progress.is_some());
        let save = ui.add_enabled(may_save, egui::Button::new("Save run ..."));
        if save.on_hover_text("Write a folder that `remixmatch train --resume` goes on with").clicked() {
            app.dialogs.save_run(ui.ctx());
        }
    });
    if let Some(kept) = app.kept.clone() {
        // Looked for only while the menu is open.
        ui.menu_button("Kept runs", |ui| {
            let runs = kept.list();
            if runs.is_empty() {
                ui.label("None yet");
            }
            for path in runs {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if ui.button(name).on_hover_text("Open this run and go on with it").clicked() {
                    app.open_run(path);
                    ui.close();
                }
            }
        })
        .response
        .on_hover_text("Every run is kept by itself at each report and when it ends");
    }
    if let Some(link) = platform::link(&app.fragment()) {
        let copy = ui.button("Copy link");
        if copy.on_hover_text("A link that opens this page with these settings, data, seed and all").clicked()
        {
            ui.ctx().copy_text(link);
            app.log.add("link copied");
        }
    }
    ui.horizontal(|ui| {
        ui.label("Theme");
        for (choice, _) in ThemeChoice::VALUES {
            if ui.selectable_value(&mut app.settings.theme, *choice, choice.name()).changed() {
                choice.apply(ui.ctx());
            }
        }
    });
    if ui.button("Default layout").on_hover_text("Put the views back where they were").clicked() {
        app.settings.layout = layout::default();
    }
}
