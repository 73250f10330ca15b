//! The classes: their keys, their labels, and the making, renaming and removing of them.

use eframe::egui::{self, Align, Button, Id, Key, Layout, Modifiers, RichText, TextEdit, Ui};

use super::act;
use super::keys::{Action, key_of};
use crate::app::labelling::Sitting;
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::{muted, swatch};

/// What is being typed or asked about.
#[derive(Default)]
pub struct ClassList {
    new: String,
    renaming: Option<(u32, String)>,
    /// A class with labels whose removal has been asked for once.
    removing: Option<u32>,
    /// Why a name was not taken.
    refused: Option<String>,
    greeted: bool,
}

/// What a row of the list asked for.
enum Wish {
    Label,
    Rename,
    Remove,
}

impl ClassList {
    pub fn show(&mut self, ui: &mut Ui, sitting: &mut Sitting) {
        ui.strong("Classes");
        let counts = sitting.desk.labels().counts();
        let names = sitting.desk.labels().classes().to_vec();
        let mut wish = None;
        for (class, (name, count)) in names.iter().zip(counts).enumerate() {
            if self.renaming.as_ref().is_some_and(|(of, _)| *of == class as u32) {
                self.rename_row(ui, sitting);
            } else if let Some(wanted) = row(ui, class, name, count, self.removing == Some(class as u32)) {
                wish = Some((class as u32, wanted));
            }
        }
        match wish {
            None => {}
            Some((class, Wish::Label)) => act(sitting, Action::Label(class)),
            Some((class, Wish::Rename)) => self.renaming = Some((class, names[class as usize].clone())),
            Some((class, Wish::Remove)) => self.remove(sitting, class),
        }
        self.add_row(ui, sitting);
        if let Some(reason) = &self.refused {
            ui.label(RichText::new(format!("× {reason}")).small().color(Role::Differ.colour(ui)));
        }
    }

    /// Labels are work: a class that has some is removed when it is asked for twice.
    fn remove(&mut self, sitting: &mut Sitting, class: u32) {
        let labels = sitting.desk.labels().counts()[class as usize];
        if labels > 0 && self.removing != Some(class) {
            self.removing = Some(class);
        } else {
            sitting.desk.remove(class);
            self.removing = None;
        }
    }

    fn rename_row(&mut self, ui: &mut Ui, sitting: &mut Sitting) {
        let Some((class, name)) = &mut self.renaming else { return };
        let label = ui.label(RichText::new("new name").small());
        let edit = TextEdit::singleline(name).id(Id::unique("new name of a class"));
        let edit = ui.add(edit.desired_width(f32::INFINITY)).labelled_by(label.id);
        if !edit.has_focus() && !edit.lost_focus() {
            edit.request_focus();
        }
        if edit.lost_focus() {
            self.refused = None;
            if entered(ui) {
                self.refused = sitting.desk.rename(*class, name).err().map(|error| error.to_string());
            }
            self.renaming = None;
        }
    }

    fn add_row(&mut self, ui: &mut Ui, sitting: &mut Sitting) {
        let mut add = false;
        ui.horizontal(|ui| {
            // Rows come and go above it: its place does not make a lasting name.
            let edit = TextEdit::singleline(&mut self.new).id(Id::unique("name of a new class"));
            let edit = edit.hint_text("name of a new class");
            let width = (ui.available_width() - 52.0).max(60.0);
            let edit = ui.add(edit.desired_width(width)).on_hover_text("Enter adds it, Esc leaves the field");
            edit.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "new class"));
            let first = !self.greeted && sitting.desk.labels().classes().is_empty();
            self.greeted = true;
            add = edit.lost_focus() && entered(ui);
            if first || add {
                edit.request_focus();
            }
            add |= ui.button("Add").on_hover_text("Make a class of that name").clicked();
        });
        if add {
            self.refused = sitting.desk.add_class(&self.new).err().map(|error| error.to_string());
            if self.refused.is_none() {
                self.new.clear();
            }
        }
        if sitting.desk.labels().classes().is_empty() {
            muted(ui, "Type the first class and press Enter; Esc when all are made.");
        }
    }
}

/// A class: its key, colour, name and number of labels.
fn row(ui: &mut Ui, class: usize, name: &str, count: usize, removing: bool) -> Option<Wish> {
    let mut wish = None;
    let key = key_of(class);
    ui.horizontal(|ui| {
        ui.monospace(key.unwrap_or(" "));
        swatch(ui, class_colour(class));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = if removing { format!("remove {count} labels too?") } else { "×".to_owned() };
            let remove = ui.small_button(text).on_hover_text(format!("Remove {name} and its labels"));
            named(&remove, format!("remove {name}"));
            if remove.clicked() {
                wish = Some(Wish::Remove);
            }
            let rename = ui.small_button("…").on_hover_text(format!("Rename {name}"));
            named(&rename, format!("rename {name}"));
            if rename.clicked() {
                wish = Some(Wish::Rename);
            }
            ui.label(count.to_string()).on_hover_text(
                "Labels of this class. Alignment takes the classes' shares from the labels: about as many of \
                 each as there are of the class is best",
            );
            ui.with_layout(Layout::left_to_right(Align::Center).with_main_justify(true), |ui| {
                let hint = match key {
                    Some(key) => format!("Label the image '{name}' (key {key})"),
                    None => format!("Label the image '{name}'"),
                };
                if ui.add(Button::new(name).truncate()).on_hover_text(hint).clicked() {
                    wish = Some(Wish::Label);
                }
            });
        });
    });
    wish
}

/// Whether a field was left by Enter, which is then not for the images.
fn entered(ui: &Ui) -> bool {
    ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter))
}

/// The name of a button that shows a sign only.
fn named(button: &egui::Response, name: String) {
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
}
