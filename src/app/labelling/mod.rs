//! Labelling images of one's own: a folder, the labels as they are made, and what a model guesses of the rest.

mod desk;
mod pictures;
mod review;
mod saver;
mod window;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::Context;
use futures_channel::oneshot;

pub use desk::{Desk, Order};
pub use pictures::Pictures;
pub use review::Guesses;
pub use saver::{Saved, Saver};

use super::platform;
use super::run::Run;
use super::session::{Command, Phase};
use crate::data::{DataError, DataSet, Labels, LabelsError, OpenOptions, OwnImages};

/// Data to train on, and the source by which they can be opened again.
pub struct TrainOn {
    pub data: Arc<DataSet>,
    pub source: String,
}

/// A folder, or none yet.
#[derive(Default)]
pub struct Labelling {
    pub sitting: Option<Sitting>,
    opening: Option<Opening>,
    failure: Option<String>,
    /// What the log has not been told.
    news: Vec<String>,
}

struct Opening {
    folder: PathBuf,
    arriving: oneshot::Receiver<Result<Found, DataError>>,
}

/// What a folder holds.
struct Found {
    own: OwnImages,
    labels: Result<Labels, LabelsError>,
}

impl Labelling {
    /// Opens a folder; the one that is open stays until that has succeeded.
    pub fn open(&mut self, folder: PathBuf, context: &Context) {
        let (sender, arriving) = oneshot::channel();
        let (path, context) = (folder.clone(), context.clone());
        platform::offload(move || {
            let options = OpenOptions { skip_bad: true, ..OpenOptions::default() };
            let found = OwnImages::open(&path, &options).map(|own| Found { labels: own.read_labels(), own });
            // The window wants another folder by now if nobody receives it.
            let _ = sender.send(found);
            context.request_repaint();
        });
        self.failure = None;
        self.opening = Some(Opening { folder, arriving });
    }

    /// The folder that is being opened.
    pub fn opening(&self) -> Option<&Path> {
        self.opening.as_ref().map(|opening| opening.folder.as_path())
    }

    /// Why the folder wanted last is not open.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Takes in what has happened since the last frame; returns what the log should be told.
    pub fn advance(&mut self, context: &Context) -> Vec<String> {
        let arrived = self.opening.as_mut().map(|opening| opening.arriving.try_recv());
        match arrived {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(Ok(found)))) => {
                self.opening = None;
                self.news.extend(found.own.notices.iter().cloned());
                self.sitting = Some(Sitting::new(found, context));
            }
            Some(Ok(Some(Err(error)))) => self.fail(error.to_string()),
            Some(Err(oneshot::Canceled)) => self.fail("reading its images failed".to_owned()),
        }
        self.news.extend(self.sitting.as_mut().and_then(Sitting::save));
        std::mem::take(&mut self.news)
    }

    /// The model's guess for every image as a CSV file; `None` before the first guesses.
    pub fn predictions(&self) -> Option<Vec<u8>> {
        let desk = &self.sitting.as_ref()?.desk;
        Some(desk.guesses()?.csv(&desk.own.files))
    }

    fn fail(&mut self, reason: String) {
        let folder = self.opening.take().map(|opening| opening.folder).unwrap_or_default();
        self.news.push(format!("{}: not opened: {reason}", folder.display()));
        self.failure = Some(reason);
    }
}

/// A folder that is being labelled.
pub struct Sitting {
    pub desk: Desk,
    pub pictures: Pictures,
    /// Whether mirroring an image leaves its class as it is.
    pub mirror: bool,
    /// What came of the last key, where that was not what was wanted.
    pub remark: Option<String>,
    /// Writes the labels; or why they are kept in the window only.
    saver: Result<Saver, String>,
    /// Changes of the desk that have been handed to the saver.
    saved: u64,
    /// The last failure that the log was told.
    told: Option<String>,
    /// The labels that the last run trains on.
    trained: Option<Trained>,
    /// The run's step at which guesses were last asked for.
    asked: Option<u64>,
}

struct Trained {
    data: Arc<DataSet>,
    changes: u64,
}

impl Sitting {
    fn new(found: Found, context: &Context) -> Self {
        let own = Arc::new(found.own);
        let context = context.clone();
        let (labels, saver) = match found.labels {
            Ok(labels) => (labels, Ok(Saver::new(own.folder.clone(), move || context.request_repaint()))),
            // What is there is somebody's: it is not written over.
            Err(error) => (Labels::default(), Err(error.to_string())),
        };
        Self {
            desk: Desk::new(own, labels),
            pictures: Pictures::default(),
            mirror: true,
            remark: None,
            saver,
            saved: 0,
            told: None,
            trained: None,
            asked: None,
        }
    }

    /// Hands changed labels to the saver; returns a failure that the log has not been told.
    fn save(&mut self) -> Option<String> {
        if let (Ok(saver), true) = (&mut self.saver, self.desk.changes() > self.saved) {
            saver.save(self.desk.labels(), &self.desk.own.files);
        }
        self.saved = self.desk.changes();
        let failure = match self.saved() {
            Saved::No(reason) => Some(format!("labels are not saved, they stay in the window: {reason}")),
            Saved::Yes => None,
            Saved::Soon => return None,
        };
        let new = failure != self.told;
        self.told.clone_from(&failure);
        failure.filter(|_| new)
    }

    /// Whether the labels are on disk.
    pub fn saved(&self) -> Saved {
        match &self.saver {
            Ok(saver) => saver.saved(),
            Err(reason) => Saved::No(reason.clone()),
        }
    }

    /// What is to be trained on now.
    ///
    /// # Errors
    /// In words, what is missing.
    pub fn train(&mut self) -> Result<TrainOn, String> {
        let own = &self.desk.own;
        let mut data = own.data_set(self.desk.labels()).map_err(|error| error.to_string())?;
        data.flip = self.mirror;
        let data = Arc::new(data);
        self.trained = Some(Trained { data: Arc::clone(&data), changes: self.desk.changes() });
        self.asked = None;
        Ok(TrainOn { data, source: own.folder.to_string_lossy().into_owned() })
    }

    /// The run that trains on these images, if there is one.
    pub fn run<'a>(&self, runs: &'a [Run]) -> Option<&'a Run> {
        let own = &self.desk.own;
        // One that was opened as a source or a run has found the same images again.
        let found = |run: &Run| {
            let data = &run.session.data;
            data.hand_made_labels().is_some()
                && data.train.len() == own.files.len()
                && Path::new(&run.session.config.data) == own.folder
        };
        let trained =
            |run: &Run| self.trained.as_ref().is_some_and(|t| Arc::ptr_eq(&t.data, &run.session.data));
        runs.iter().find(|run| trained(run) || found(run))
    }

    /// Whether labels have changed since the last training began.
    pub fn changed_since_training(&self) -> bool {
        self.trained.as_ref().is_none_or(|trained| trained.changes != self.desk.changes())
    }

    /// Takes what a run predicts, and asks it to when it has come to rest.
    pub fn follow(&mut self, run: &Run) {
        let state = &run.state;
        if let Some(predictions) = &state.predictions {
            let known = self.desk.guesses().is_some_and(|g| Arc::ptr_eq(g.predictions(), predictions));
            if !known && predictions.images() == self.desk.own.files.len() {
                self.desk.guess(Guesses::new(Arc::clone(predictions), run.classes().to_vec()));
            }
        }
        let step = state.progress.map_or(0, |progress| progress.step);
        let rests = matches!(state.phase, Phase::Paused | Phase::Finished);
        if rests && step > 0 && self.asked != Some(step) {
            self.ask(run);
        }
    }

    /// Asks a run for guesses.
    pub fn ask(&mut self, run: &Run) {
        self.asked = run.state.progress.map(|progress| progress.step);
        run.session.send(Command::Predict);
    }
}
