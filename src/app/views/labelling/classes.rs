//! The list of classes: label with, add, rename and remove classes.

use eframe::egui::{self, Align, Button, Id, Key, Layout, Modifiers, RichText, TextEdit, Ui};

use super::image::{Action, act, class_key};
use crate::app::labelling::OpenFolder;
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::{muted, swatch};
use crate::data::counted;

/// The state of the list between frames.
#[derive(Default)]
pub struct ClassList {
    /// The text of the field for a new class.
    new_name: String,
    /// The class that is being renamed, and the text of its field.
    renaming: Option<(u32, String)>,
    /// A class with labels whose removal the user has to confirm.
    removing: Option<u32>,
    /// Why the last name was rejected.
    error: Option<String>,
    /// Whether the field for a new class had the focus once.
    focused: bool,
}

/// What was clicked in a row of the list.
enum RowAction {
    Label,
    Rename,
    Remove,
}

impl ClassList {
    /// Draws the list and does what was clicked or typed.
    pub fn show(&mut self, ui: &mut Ui, folder: &mut OpenFolder) {
        ui.strong("Classes");
        let counts = folder.queue.labels().counts();
        let names = folder.queue.labels().classes().to_vec();
        let mut clicked = None;
        for (class, (name, count)) in names.iter().zip(counts).enumerate() {
            if self.renaming.as_ref().is_some_and(|(of, _)| *of == class as u32) {
                self.rename_row(ui, folder);
            } else if let Some(action) = row(ui, class, name, count, self.removing == Some(class as u32)) {
                clicked = Some((class as u32, action));
            }
        }
        match clicked {
            None => {}
            Some((class, RowAction::Label)) => act(folder, Action::Label(class)),
            Some((class, RowAction::Rename)) => self.renaming = Some((class, names[class as usize].clone())),
            Some((class, RowAction::Remove)) => self.remove(folder, class),
        }
        self.add_row(ui, folder);
        if let Some(reason) = &self.error {
            ui.label(RichText::new(format!("× {reason}")).small().color(Role::Differ.colour(ui)));
        }
    }

    /// Removes a class; one with labels only on the second request.
    fn remove(&mut self, folder: &mut OpenFolder, class: u32) {
        let labels = folder.queue.labels().counts()[class as usize];
        if labels > 0 && self.removing != Some(class) {
            self.removing = Some(class);
        } else {
            folder.queue.remove_class(class);
            self.removing = None;
        }
    }

    fn rename_row(&mut self, ui: &mut Ui, folder: &mut OpenFolder) {
        let Some((class, name)) = &mut self.renaming else { return };
        let label = ui.label(RichText::new("new name").small());
        let edit = TextEdit::singleline(name).id(Id::unique("new name of a class"));
        let edit = ui.add(edit.desired_width(f32::INFINITY)).labelled_by(label.id);
        if !edit.has_focus() && !edit.lost_focus() {
            edit.request_focus();
        }
        if edit.lost_focus() {
            self.error = None;
            if consume_enter(ui) {
                self.error = folder.queue.rename_class(*class, name).err().map(|error| error.to_string());
            }
            self.renaming = None;
        }
    }

    fn add_row(&mut self, ui: &mut Ui, folder: &mut OpenFolder) {
        let mut add = false;
        ui.horizontal(|ui| {
            // An explicit id, because the number of rows above changes.
            let edit = TextEdit::singleline(&mut self.new_name).id(Id::unique("name of a new class"));
            let edit = edit.hint_text("name of a new class");
            let width = (ui.available_width() - 52.0).max(60.0);
            let edit = ui.add(edit.desired_width(width)).on_hover_text("Enter adds it, Esc leaves the field");
            edit.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "new class"));
            let first = !self.focused && folder.queue.labels().classes().is_empty();
            self.focused = true;
            add = edit.lost_focus() && consume_enter(ui);
            if first || add {
                edit.request_focus();
            }
            add |= ui.button("Add").on_hover_text("Add a class with this name").clicked();
        });
        if add {
            self.error = folder.queue.add_class(&self.new_name).err().map(|error| error.to_string());
            if self.error.is_none() {
                self.new_name.clear();
            }
        }
        if folder.queue.labels().classes().is_empty() {
            muted(ui, "Type the name of the first class and press Enter; Esc leaves the field.");
        }
    }
}

/// The key, colour, name and number of labels of a class.
fn row(ui: &mut Ui, class: usize, name: &str, count: usize, removing: bool) -> Option<RowAction> {
    let mut action = None;
    let key = class_key(class);
    ui.horizontal(|ui| {
        ui.monospace(key.unwrap_or(" "));
        swatch(ui, class_colour(class));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = if removing { format!("remove {} too?", counted(count, "label", "labels")) } else { "×".to_owned() };
            let remove = ui.small_button(text).on_hover_text(format!("Remove {name} and its labels"));
            set_name(&remove, format!("remove {name}"));
            if remove.clicked() {
                action = Some(RowAction::Remove);
            }
            let rename = ui.small_button("…").on_hover_text(format!("Rename {name}"));
            set_name(&rename, format!("rename {name}"));
            if rename.clicked() {
                action = Some(RowAction::Rename);
            }
            ui.label(count.to_string()).on_hover_text(
                "Number of labels. Alignment takes the class frequencies from the labels, so label about as many \
                 images of each class as there are in proportion",
            );
            ui.with_layout(Layout::left_to_right(Align::Center).with_main_justify(true), |ui| {
                let hint = match key {
                    Some(key) => format!("Label the image '{name}' (key {key})"),
                    None => format!("Label the image '{name}'"),
                };
                if ui.add(Button::new(name).truncate()).on_hover_text(hint).clicked() {
                    action = Some(RowAction::Label);
                }
            });
        });
    });
    action
}

/// Whether Enter was pressed in a field; consumes the key, so that it does not act on the images.
fn consume_enter(ui: &Ui) -> bool {
    ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter))
}

/// Sets the accessible name of a button that shows only a symbol.
fn set_name(button: &egui::Response, name: String) {
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
}
