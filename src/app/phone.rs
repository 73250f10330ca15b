//! The window on a narrow screen: one view at a time, the controls behind a button.

use eframe::egui::{self, Button, ComboBox, RichText, ScrollArea, Ui};

use super::controls;
use super::session::Command;
use super::views::ViewKind;
use super::{App, layout};

/// Points below which panels side by side leave no room for a view.
const NARROW: f32 = 640.0;

pub fn is_narrow(ui: &Ui) -> bool {
    ui.ctx().content_rect().width() < NARROW
}

/// What a narrow window shows.
pub struct Phone {
    pub view: ViewKind,
    /// Whether the controls cover the view.
    pub controls: bool,
}

impl Default for Phone {
    fn default() -> Self {
        Self { view: ViewKind::Anchors, controls: false }
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
    let shown = app.phone.view;
    let combo = ComboBox::from_id_salt("view").selected_text(shown.title()).height(420.0);
    combo.show_ui(ui, |ui| {
        // Before what needs a wider screen.
        let first = [ViewKind::Anchors, ViewKind::Curves];
        let others = ViewKind::ALL.into_iter().filter(|kind| !first.contains(kind));
        for kind in first.into_iter().chain(others) {
            if ui.selectable_label(kind == shown, kind.title()).clicked() {
                app.phone.view = kind;
                layout::show(&mut app.settings.layout, kind);
            }
        }
    });
}
