//! The window on a narrow screen: one view at a time, the controls behind a button.

use eframe::egui::{self, Button, ComboBox, RichText, ScrollArea, Ui};

use super::controls;
use super::places::ViewId;
use super::session::Command;
use super::views::anchors;
use super::{App, layout};

/// What a narrow window shows.
pub struct Phone {
    pub view: ViewId,
    /// Whether the controls cover the view.
    pub controls: bool,
}

impl Default for Phone {
    fn default() -> Self {
        Self { view: anchors::ID, controls: false }
    }
}

/// The bar at the top, and the controls where they are open; whether a view is to be drawn below.
pub fn show(app: &mut App, ui: &mut Ui) -> bool {
    egui::Panel::top("bar").show(ui, |ui| {
        ui.spacing_mut().interact_size.y = 36.0;
        ui.add_space(2.0);
        ui.horizontal(|ui| bar(app, ui));
        ui.add_space(2.0);
    });
    if app.phone.controls {
        egui::CentralPanel::default().show(ui, |ui| {
            ui.spacing_mut().interact_size.y = 30.0;
            ScrollArea::both().auto_shrink(false).show(ui, |ui| controls::show(app, ui));
        });
        return false;
    }
    egui::Panel::bottom("state").show(ui, |ui| controls::progress(app, ui));
    true
}

fn bar(app: &mut App, ui: &mut Ui) {
    let menu = ui.add(Button::new("☰ Menu").selected(app.phone.controls));
    if menu.on_hover_text("Data, method, settings; tap again to go back").clicked() {
        app.phone.controls = !app.phone.controls;
    }
    if app.is_running() {
        if ui.button("Pause").on_hover_text("Stop after the present step").clicked() {
            app.send(&Command::Pause);
        }
    } else {
        let train = ui.add_enabled(controls::may_train(app), Button::new(RichText::new("▶ Train").strong()));
        if train.on_hover_text("Train until paused or done").clicked() {
            app.train();
        }
    }
    let shown = app.phone.view.clone();
    let combo = ComboBox::from_id_salt("view").selected_text(app.views.title(&shown)).height(420.0);
    combo.show_ui(ui, |ui| {
        let (first, others): (Vec<_>, Vec<_>) = app.views.iter().partition(|view| view.suits_narrow_screen());
        for view in first.into_iter().chain(others) {
            let id = view.id();
            if ui.selectable_label(id == shown, view.title()).clicked() {
                layout::show(&mut app.settings.layout, &id);
                app.phone.view = id;
            }
        }
    });
}
