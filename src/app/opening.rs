//! Data and runs that are opened or dropped: what there is stays until what is wanted is there.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{RichText, Ui};

use super::data_slot::{Arrived, Failure};
use super::run::Thumbnails;
use super::session::Start;
use super::theme::Role;
use super::views::ViewKind;
use super::{App, layout};
use crate::data::DataSet;
use crate::train::{Checkpoint, Config, RunFolder, read_reports};

/// What to do when the data are there.
pub enum Waiting {
    Train,
    Resume(RunFolder, Box<Config>),
}

impl App {
    /// Opens a source. The runs on other data end when it is open; if it cannot be opened they go on.
    pub fn open_data(&mut self, source: String) {
        if matches!(self.waiting, Some(Waiting::Resume(..))) {
            self.waiting = None;
        }
        let context = self.context.clone();
        self.data.open(source, move || context.request_repaint());
    }

    /// Opens a run's folder: its settings, its data, its state.
    pub fn open_run(&mut self, path: PathBuf) {
        let folder = RunFolder::new(path);
        match Checkpoint::read_header(&folder.model()) {
            Err(error) => self.log.add(error.to_string()),
            Ok((config, _)) => {
                self.open_data(config.data.clone());
                self.waiting = Some(Waiting::Resume(folder, Box::new(config)));
            }
        }
    }

    /// Takes data that have arrived, and begins what waited for them.
    pub(super) fn data_arrive(&mut self) {
        match self.data.poll() {
            None => {}
            Some(Arrived::Data(source, set)) => self.take_data(source, set),
            Some(Arrived::Failed(failure)) => {
                self.waiting = None;
                let kept = if self.data.ready().is_some() { "; everything else stays as it is" } else { "" };
                self.log.add(format!("not opened: {}{kept}", failure.reason));
            }
        }
        if self.data.ready().is_some() && self.data.opening().is_none() {
            match self.waiting.take() {
                None => {}
                Some(Waiting::Train) => self.train(),
                Some(Waiting::Resume(folder, config)) => self.resume(folder, *config),
            }
        }
    }

    /// Makes data the window's: the runs on others end.
    pub(super) fn take_data(&mut self, source: String, set: Arc<DataSet>) {
        self.end_runs();
        self.settings.config.data = source;
        self.log.add(format!("{}: {}, {} training images", set.name, set.format, set.train.len()));
        set.notices.iter().for_each(|notice| self.log.add(notice.clone()));
        self.thumbnails = Some(Thumbnails::new(set));
    }

    fn resume(&mut self, folder: RunFolder, config: Config) {
        let reports = read_reports(&folder.metrics()).unwrap_or_default();
        self.end_runs();
        self.settings.config = config.clone();
        self.settings.compare = None;
        self.log.add(format!("opened the run in {}", folder.path().display()));
        self.started = Some((config.clone(), None));
        self.start_run(String::new(), config, Start::Resume(folder, reports));
    }

    /// Opens what was dropped on the window.
    pub(super) fn dropped(&mut self, ui: &Ui) {
        let files = ui.input(|input| input.raw.dropped_files.clone());
        let Some(path) = files.first().map(|file| file.path().to_owned()) else { return };
        let labelling = layout::is_shown(&self.settings.layout, ViewKind::Labelling);
        if RunFolder::new(&path).model().exists() {
            self.open_run(path);
        } else if labelling && path.is_dir() {
            self.label_folder(path);
        } else {
            self.open_data(path.to_string_lossy().into_owned());
        }
    }
}

/// Why the data wanted last are not there, and what they could be used for.
pub fn not_opened(app: &mut App, ui: &mut Ui) {
    let Some(Failure { reason, images }) = app.data.failure().cloned() else { return };
    ui.label(RichText::new(format!("× not opened: {reason}")).color(Role::Differ.colour(ui)));
    if let Some(folder) = images {
        let label = ui.button("Label its images");
        if label.on_hover_text("Give the images in this folder classes of your own").clicked() {
            app.label_folder(folder);
        }
    }
}
