//! What labelling asks of the window.

use std::path::PathBuf;
use std::sync::Arc;

use super::TrainOn;
use crate::app::dialogs::Chosen;
use crate::app::session::Command;
use crate::app::{App, layout, views};

impl App {
    /// Opens a folder of images to label, in the view for that.
    pub fn label_folder(&mut self, folder: PathBuf) {
        layout::show(&mut self.settings.layout, &views::labelling::ID);
        self.labelling.open(folder, &self.context);
    }

    /// Trains on labels that were made here.
    pub(in crate::app) fn train_on(&mut self, TrainOn { data, source }: TrainOn) {
        self.data.put(Arc::clone(&data));
        self.waiting = None;
        self.take_data(source, data);
        self.train();
    }

    /// Writes what the model guessed of the images that are being labelled: `file,class` and the probability of
    /// each class.
    pub fn export_predictions(&mut self, path: PathBuf) {
        match self.labelling.predictions() {
            Some(table) => self.take(Chosen::Write(path, table)),
            None => self.log.add("there are no predictions to write yet"),
        }
    }

    /// Writes the first run's model to a safetensors file.
    pub fn export_model(&mut self, path: PathBuf) {
        match self.runs.first() {
            Some(run) => run.session.send(Command::SaveModel(path)),
            None => self.log.add("there is no model to write yet"),
        }
    }
}
