//! The question before a window closes whose labels could not be saved.

use std::time::Duration;

use eframe::egui::{Context, Id, Label, Modal, Sides, ViewportCommand};

use super::labelling::Unsaved;
use super::workspace::Workspace;
use crate::data::counted;

/// How long a closing window waits for labels to be saved.
const LIMIT: Duration = Duration::from_secs(5);
/// Width of the question in points.
const WIDTH: f32 = 440.0;

/// Whether the window may close, and what it asks before.
#[derive(Default)]
pub struct Closing {
    allowed: bool,
    unsaved: Option<Unsaved>,
}

impl Closing {
    /// Lets the window close without a question.
    pub fn allow(&mut self) {
        self.allowed = true;
    }

    /// Holds the window open while labels are not saved, and asks what to do; call it once per frame.
    pub fn show(&mut self, context: &Context, workspace: &mut Workspace) {
        if !self.allowed && context.input(|input| input.viewport().close_requested()) {
            self.unsaved = workspace.labelling.save_before_closing(LIMIT);
            if self.unsaved.is_some() {
                context.send_viewport_cmd(ViewportCommand::CancelClose);
            }
        }
        let Some(unsaved) = &self.unsaved else { return };
        let (mut close, mut again, mut stay) = (false, false, false);
        let modal = Modal::new(Id::unique("closing")).show(context, |ui| {
            ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 48.0));
            ui.heading("Labels are not saved");
            ui.add_space(4.0);
            for line in lines(unsaved) {
                ui.add(Label::new(line).wrap());
                ui.add_space(4.0);
            }
            Sides::new().show(
                ui,
                |ui| stay = ui.button("Stay").clicked(),
                |ui| {
                    let text = if unsaved.kept.is_ok() { "Close" } else { "Close and lose them" };
                    close = ui.button(text).clicked();
                    again = ui.button("Try again").clicked();
                },
            );
        });
        if close || again {
            // Trying again closes the window if it succeeds.
            self.allowed = close;
            context.send_viewport_cmd(ViewportCommand::Close);
        }
        if close || again || stay || modal.should_close() {
            self.unsaved = None;
        }
    }
}

/// What is not saved, why, and where it is.
fn lines(unsaved: &Unsaved) -> [String; 2] {
    let name = unsaved.folder.file_name().unwrap_or(unsaved.folder.as_os_str()).to_string_lossy();
    let labels = counted(unsaved.labels, "label", "labels");
    let place = match &unsaved.kept {
        Ok(place) => format!(
            "They are kept in {}, and are back when this folder is opened again in Label your own.",
            place.display()
        ),
        Err(reason) => {
            format!("They could not be kept elsewhere either: {reason}. Closing the window loses them.")
        }
    };
    [format!("The {labels} of {name} could not be saved in its folder: {}.", unsaved.reason), place]
}
