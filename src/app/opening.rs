//! Data and runs that are opened or dropped: what there is stays until what is wanted is there.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{RichText, Ui};

use super::address::Address;
use super::dialogs::Chosen;
use super::documents::{Arrived, Failure};
use super::labelling::TrainOn;
use super::run::Thumbnails;
use super::session::{Command, Start};
use super::theme::Role;
use super::views::{ablation, labelling};
use super::{App, layout, platform};
use crate::ablation::Plan;
use crate::data::DataSet;
use crate::disk;
use crate::train::{Checkpoint, Config, RunFolder, read_reports};

/// What to do when the data are there.
pub enum Waiting {
    Train,
    Resume(Resume),
}

/// A run to go on with.
pub struct Resume {
    folder: RunFolder,
    config: Box<Config>,
    train: bool,
}

impl App {
    /// Opens a source. The runs on other data end when it is open; if it cannot be opened they go on.
    pub fn open_data(&mut self, source: String) {
        if matches!(self.waiting, Some(Waiting::Resume(_))) {
            self.waiting = None;
        }
        let context = self.context.clone();
        self.data.open(source, move || context.request_repaint());
    }

    /// Opens a run's folder: its settings, its data, its state.
    pub fn open_run(&mut self, path: PathBuf) {
        self.open_run_and(path, None, false);
    }

    /// [`App::open_run`], to go on with another batch if there is one, and at once if wanted.
    pub(super) fn open_run_and(&mut self, path: PathBuf, batch: Option<usize>, train: bool) {
        let folder = RunFolder::new(path);
        match Checkpoint::read_header(&folder.model()) {
            Err(error) => self.log.add(error.to_string()),
            Ok((mut config, _)) => {
                config.batch = batch.unwrap_or(config.batch);
                self.open_data(config.data.clone());
                self.waiting = Some(Waiting::Resume(Resume { folder, config: Box::new(config), train }));
            }
        }
    }

    /// Shows the table of an ablation's folder.
    pub(super) fn open_ablation(&mut self, folder: PathBuf) {
        self.log.add(self.ablation.open(folder));
        layout::show(&mut self.settings.layout, &ablation::ID);
        self.phone.view = ablation::ID;
    }

    /// Opens a folder of images in the labelling view.
    pub fn label_folder(&mut self, folder: PathBuf) {
        layout::show(&mut self.settings.layout, &labelling::ID);
        self.labelling.open(folder, &self.context);
    }

    /// Starts runs on the labels of the labelling view.
    pub(super) fn train_on(&mut self, TrainOn { data, source }: TrainOn) {
        self.data.put(Arc::clone(&data));
        self.waiting = None;
        self.take_data(source, data);
        self.train();
    }

    /// Writes the guesses for the images that are being labelled to a CSV file: `file,class` and the probability
    /// of each class.
    pub fn export_predictions(&mut self, path: PathBuf) {
        match self.labelling.predictions() {
            Some(table) => self.take(Chosen::Write(path, table)),
            None => self.log.add("there are no predictions to write yet"),
        }
    }

    /// Writes the model of the first run to a safetensors file.
    pub fn export_model(&mut self, path: PathBuf) {
        match self.runs.first() {
            Some(run) => run.session.send(Command::SaveModel(path)),
            None => self.log.add("there is no model to write yet"),
        }
    }

    /// Takes up what a link's part after `#` asks for; whether it asks for something that can be done.
    pub fn follow_link(&mut self, fragment: &str) -> bool {
        let address = match Address::parse(fragment) {
            Ok(Some(address)) => address,
            Ok(None) => return false,
            Err(error) => {
                self.log.add(error.to_string());
                return false;
            }
        };
        self.reset();
        self.settings.config = address.config;
        self.settings.compare = address.compare;
        if let Some(view) = address.view {
            layout::show(&mut self.settings.layout, &view);
            self.phone.view = view;
        }
        self.open_data(self.settings.config.data.clone());
        self.waiting = address.train.then_some(Waiting::Train);
        true
    }

    /// A link's part after `#` that asks for the settings of the moment.
    pub(super) fn fragment(&self) -> String {
        let (config, compare) = (self.settings.config.clone(), self.settings.compare);
        Address { config, compare, view: None, train: false }.fragment()
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
                Some(Waiting::Resume(resume)) => self.resume(resume),
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

    fn resume(&mut self, resume: Resume) {
        let Resume { folder, config, train } = resume;
        let config = *config;
        let reports = read_reports(&folder.metrics()).unwrap_or_default();
        self.end_runs();
        self.settings.config = config.clone();
        self.settings.compare = None;
        self.log.add(format!("opened the run in {}", folder.path().display()));
        self.started = Some((config.clone(), None));
        self.start_run(String::new(), config, Start::Resume(folder, reports));
        if train {
            self.send(&Command::Run);
        }
    }

    /// Opens what was dropped on the window.
    pub(super) fn dropped(&mut self, ui: &Ui) {
        let Some(path) = platform::dropped(ui) else { return };
        let labelling = layout::is_shown(&self.settings.layout, &labelling::ID);
        if disk::exists(&RunFolder::new(&path).model()) {
            self.open_run(path);
        } else if Plan::is_in(&path) {
            self.open_ablation(path);
        } else if labelling && disk::is_folder(&path) {
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
