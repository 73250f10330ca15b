//! The list of classes: label with, add, rename and remove classes.

use std::path::PathBuf;

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
    /// What the user has to decide.
    question: Option<Question>,
    /// Why the last name was rejected, and the number of changes of the labels then.
    error: Option<(String, u64)>,
    /// Whether the field for a new class had the focus once.
    focused: bool,
    /// The folder whose classes were listed last, and these classes.
    folder: Option<PathBuf>,
    listed: Vec<String>,
}

/// A decision about a class.
#[derive(Clone, Debug, PartialEq)]
enum Question {
    /// Whether to remove a class with labels.
    Remove(u32),
    /// Whether to add a class whose name differs from that of `class` in its spelling alone.
    Add { name: String, class: u32 },
    /// Whether to make a class part of another one, whose name it was given, or one that differs in its spelling alone.
    Merge { class: u32, into: u32, name: String },
}

/// What a click on a question decides.
enum Decision {
    /// Remove, use the class that exists, or merge.
    Do,
    /// Add or rename all the same.
    Keep,
    Cancel,
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
        let path = &folder.queue.own.folder;
        if self.folder.as_ref() != Some(path) {
            *self = Self { folder: Some(path.clone()), ..Self::default() };
        }
        if self.question.is_some() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            self.question = None;
        }
        ui.strong("Classes");
        changed_elsewhere(ui, folder);
        let counts = folder.queue.labels().counts();
        let names = folder.queue.labels().classes().to_vec();
        self.follow(&names);
        let mut clicked = None;
        let mut decided = None;
        for (class, (name, count)) in names.iter().zip(counts).enumerate() {
            let class = class as u32;
            if self.renaming.as_ref().is_some_and(|(of, _)| *of == class) {
                self.rename_row(ui, folder);
            } else if let Some(action) = row(ui, class as usize, name, count) {
                clicked = Some((class, action));
            }
            match &self.question {
                Some(Question::Remove(of)) if *of == class => {
                    let labels = counted(count, "label", "labels");
                    let buttons = [("Remove", Decision::Do), ("Keep", Decision::Cancel)];
                    decided = ask(ui, &format!("Remove {name} and its {labels}?"), buttons).or(decided);
                }
                Some(Question::Merge { class: of, into, name: new }) if *of == class => {
                    let other = &names[*into as usize];
                    let labels = counted(count, "label", "labels");
                    let text = format!(
                        "Merge {name} ({labels}) into {other}? One class may have one spelling only."
                    );
                    let keep =
                        if new == other { None } else { Some(("Rename all the same", Decision::Keep)) };
                    let buttons = [("Merge", Decision::Do)].into_iter().chain(keep);
                    decided = ask(ui, &text, buttons.chain([("Cancel", Decision::Cancel)])).or(decided);
                }
                _ => {}
            }
        }
        self.add_row(ui, folder);
        if let Some(Question::Add { name, class }) = &self.question {
            let other = &names[*class as usize];
            let text = format!(
                "{name} and {other} differ in their spelling alone: as folders they would be one class."
            );
            let (same, add) = (format!("Use {other}"), format!("Add {name} too"));
            let buttons = [(same.as_str(), Decision::Do), (add.as_str(), Decision::Keep)];
            decided = ask(ui, &text, buttons).or(decided);
        }
        if let Some(decision) = decided {
            self.decide(folder, decision);
        }
        if let Some((class, action)) = clicked {
            (self.error, self.question) =
                (None, self.question.take().filter(|_| matches!(action, RowAction::Remove)));
            match action {
                RowAction::Label => act(folder, Action::Label(class)),
                RowAction::Rename => self.renaming = Some((class, names[class as usize].clone())),
                RowAction::Remove => self.remove(folder, class),
            }
        }
        self.error.take_if(|(_, changes)| *changes != folder.queue.changes());
        if let Some((reason, _)) = &self.error {
            ui.label(RichText::new(format!("× {reason}")).small().color(Role::Differ.colour(ui)));
        }
    }

    /// Keeps what is asked and renamed with its class where classes have other places now, also by someone else.
    fn follow(&mut self, names: &[String]) {
        let before = std::mem::replace(&mut self.listed, names.to_vec());
        if before == names {
            return;
        }
        let place = |class: &mut u32| {
            let name = before.get(*class as usize);
            let now = name.and_then(|name| names.iter().position(|other| other == name));
            if let Some(now) = now {
                *class = now as u32;
            }
            now.is_some()
        };
        self.question.take_if(|question| !match question {
            Question::Remove(class) | Question::Add { class, .. } => place(class),
            Question::Merge { class, into, .. } => place(class) && place(into),
        });
        self.renaming.take_if(|(class, _)| !place(class));
    }

    /// Removes a class; one with labels only on the second request.
    fn remove(&mut self, folder: &mut OpenFolder, class: u32) {
        let labels = folder.queue.labels().counts()[class as usize];
        if labels > 0 && self.question != Some(Question::Remove(class)) {
            self.question = Some(Question::Remove(class));
        } else {
            folder.queue.remove_class(class);
            self.question = None;
        }
    }

    fn decide(&mut self, folder: &mut OpenFolder, decision: Decision) {
        let queue = &mut folder.queue;
        let result = match (self.question.take(), decision) {
            (None, _) | (_, Decision::Cancel) => Ok(()),
            (Some(Question::Remove(class)), _) => {
                queue.remove_class(class);
                Ok(())
            }
            (Some(Question::Merge { class, into, .. }), Decision::Do) => {
                queue.merge_class(class, into);
                Ok(())
            }
            (Some(Question::Merge { class, name, .. }), Decision::Keep) => queue.rename_class(class, &name),
            (Some(Question::Add { .. }), Decision::Do) => {
                self.new_name.clear();
                Ok(())
            }
            (Some(Question::Add { name, .. }), Decision::Keep) => {
                self.new_name.clear();
                queue.add_class(&name)
            }
        };
        self.error = result.err().map(|error| (error.to_string(), queue.changes()));
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
                let (class, name) = (*class, name.trim().to_owned());
                match folder.queue.labels().class_spelled(&name).filter(|into| *into != class) {
                    Some(into) => self.question = Some(Question::Merge { class, into, name }),
                    None => {
                        let renamed = folder.queue.rename_class(class, &name);
                        self.error = renamed.err().map(|error| (error.to_string(), folder.queue.changes()));
                    }
                }
            }
            self.renaming = None;
        }
    }

    /// Adds the class that was typed, or asks about a name that is spelled like another one.
    fn add(&mut self, folder: &mut OpenFolder) {
        let name = self.new_name.trim().to_owned();
        let labels = folder.queue.labels();
        if let (None, Some(class)) = (labels.class(&name), labels.class_spelled(&name)) {
            self.question = Some(Question::Add { name, class });
            return;
        }
        self.error =
            folder.queue.add_class(&name).err().map(|error| (error.to_string(), folder.queue.changes()));
        if self.error.is_none() {
            self.new_name.clear();
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
            if edit.changed() {
                (self.error, self.question) = (None, None);
            }
            let first = !self.focused && folder.queue.labels().classes().is_empty();
            self.focused = true;
            add = edit.lost_focus() && consume_enter(ui);
            if first || add {
                edit.request_focus();
            }
            add |= ui.button("Add").on_hover_text("Add a class with this name").clicked();
        });
        if add {
            self.add(folder);
        }
        if folder.queue.labels().classes().is_empty() {
            muted(ui, "Type the name of the first class and press Enter; Esc leaves the field.");
        }
    }
}

/// What others have changed in the classes, until the person has seen it: keys may have other classes then.
fn changed_elsewhere(ui: &mut Ui, folder: &mut OpenFolder) {
    let Some(told) = folder.queue.changed_elsewhere() else { return };
    ui.label(RichText::new(told).small().color(Role::Anchor.colour(ui)));
    let seen = ui.small_button("Use these classes");
    if seen
        .on_hover_text("Until then, a key with another class than before labels when it is pressed twice")
        .clicked()
    {
        folder.queue.see_classes();
    }
}

/// A question with its answers as buttons, and the answer that was clicked. Escape cancels.
fn ask<'a>(
    ui: &mut Ui,
    text: &str,
    buttons: impl IntoIterator<Item = (&'a str, Decision)>,
) -> Option<Decision> {
    ui.label(RichText::new(text).small().color(Role::Anchor.colour(ui)));
    let mut decided = None;
    ui.horizontal_wrapped(|ui| {
        for (name, decision) in buttons {
            if ui.small_button(name).clicked() {
                decided = Some(decision);
            }
        }
    });
    decided
}

/// The key, colour, name and number of labels of a class.
fn row(ui: &mut Ui, class: usize, name: &str, count: usize) -> Option<RowAction> {
    let mut action = None;
    let key = class_key(class);
    ui.horizontal(|ui| {
        ui.monospace(key.unwrap_or(" "));
        swatch(ui, class_colour(class));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let remove = ui.small_button("×").on_hover_text(format!("Remove {name} and its labels"));
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
