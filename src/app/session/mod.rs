//! A run on its own thread: the window sends commands and sees what was published last.

mod history;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_channel::mpsc::{UnboundedSender, unbounded};
use history::History;
use worker::Worker;

use super::guess_history::GuessHistory;
use super::interest::Interest;
use super::platform;
use super::predictions::Predictions;
use crate::data::{DataSet, Split};
use crate::gpu::{Gpu, KernelTime, Memory, Pictures};
use crate::nn::WideResNet;
use crate::ssl::StepShape;
use crate::train::{Config, Embedding, Observation, Progress, Report, RunFolder, Weights};

/// What the window asks of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Run,
    Pause,
    /// One step, then pause.
    Step,
    /// Training images whose views are made anew at every look.
    Follow(Vec<usize>),
    /// Another p(y) to align with, `[classes]`.
    LabelDistribution(Vec<f32>),
    /// Classify the test images now, with the averaged weights, between two reports.
    Classify,
    /// Measure where the next step's time goes.
    Profile,
    /// Write the run's folder.
    Save(PathBuf),
    /// Somebody has begun to look at an embedding: [`Session::show_embedding`].
    Embed,
    /// Keep the run where it is kept, and end.
    End,
    /// Write the model alone, to a file.
    SaveModel(PathBuf),
    /// Predict all training images; training waits meanwhile.
    Predict,
}

/// How a run begins.
#[derive(Clone, Debug)]
pub enum Start {
    New,
    /// From a folder, with its reports so far.
    Resume(RunFolder, Vec<Report>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// Splitting the data, planning memory, compiling shaders.
    #[default]
    Preparing,
    Paused,
    Running,
    Finished,
    /// The reason in words; what was trained is lost unless it was saved.
    Failed(String),
}

/// Everything a view may show of a run; cheap to clone.
#[derive(Clone, Default)]
pub struct State {
    pub phase: Phase,
    pub progress: Option<Progress>,
    /// A value a step, from the first step of this process.
    pub statistics: History,
    pub reports: Arc<Vec<Report>>,
    pub observation: Option<Arc<Observation>>,
    /// The guesses of the last observations, whether they were shown or not.
    pub guess_history: Arc<GuessHistory>,
    /// Which of the two picture sheets belongs to the observation.
    pub sheet: usize,
    pub embedding: Option<Arc<Embedding>>,
    /// `[test images, classes]` at the last report or [`Command::Classify`], averaged weights.
    pub test_probabilities: Option<Arc<[f32]>>,
    /// Steps done when they were found.
    pub tested_at: u64,
    /// Of all training images, when they were last asked for.
    pub predictions: Option<Arc<Predictions>>,
    /// Share of the training images that is predicted, while that goes on.
    pub predicting: Option<f32>,
    pub plan: Option<Arc<PlanFacts>>,
    /// Whether the next step will be measured.
    pub measuring: bool,
    pub profile: Option<Arc<Profile>>,
    /// What the person should be told, oldest first.
    pub notices: Arc<Vec<String>>,
    /// Whether the run's thread has let go of everything.
    pub ended: bool,
}

/// Where the time of one step went.
pub struct Profile {
    /// Steps done with it.
    pub step: u64,
    /// By kernel and layer, longest first.
    pub times: Vec<KernelTime>,
}

/// What is fixed once a run is planned.
pub struct PlanFacts {
    pub split: Split,
    pub memory: Memory,
    pub network: WideResNet,
    pub shape: StepShape,
    /// Dispatches, clears and copies a step.
    pub operations: usize,
    /// Passes with a gradient that share a dispatch.
    pub group_passes: usize,
    /// Two sheets in turn, so that a look never changes the one that is shown.
    pub sheets: [Pictures; 2],
}

/// The window's side of a run. Dropping it ends the run: after the present step and kept, if it is kept
/// anywhere, at once if not.
pub struct Session {
    pub config: Config,
    pub data: Arc<DataSet>,
    commands: UnboundedSender<Command>,
    shared: Arc<Mutex<State>>,
    interest: Interest,
    stop: Arc<AtomicBool>,
    kept: Option<PathBuf>,
}

/// A run that is ending.
pub struct Ending(Arc<Mutex<State>>);

impl Ending {
    pub fn is_over(&self) -> bool {
        self.0.lock().is_ok_and(|state| state.ended)
    }
}

impl Session {
    /// Starts the run's thread, paused. `wake` is called whenever there is something new to show. The run is
    /// kept in the folder `kept` at every report and at its end.
    pub fn start(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        start: Start,
        kept: Option<PathBuf>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let (commands, receiver) = unbounded();
        let shared = Arc::new(Mutex::new(State::default()));
        let interest = Interest::default();
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker::new(
            gpu,
            config.clone(),
            Arc::clone(&data),
            worker::Ties {
                commands: receiver,
                shared: Arc::clone(&shared),
                interest: interest.clone(),
                stop: Arc::clone(&stop),
                wake: Box::new(wake),
            },
            kept.clone(),
        );
        platform::spawn(move || worker.run(start));
        Self { config, data, commands, shared, interest, stop, kept }
    }

    /// Sends a command; a run that has ended ignores it.
    pub fn send(&self, command: Command) {
        // The receiver is gone when the run has failed, which `state` tells.
        let _ = self.commands.unbounded_send(command);
    }

    /// Where the run is kept.
    pub fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// Tells when the run has ended, after this is dropped.
    pub fn ending(&self) -> Ending {
        Ending(Arc::clone(&self.shared))
    }

    /// Asks for an embedding of the present weights: whoever shows one does so in every frame. Where there is
    /// a new one to be had it is made, in its time.
    pub fn show_embedding(&self, weights: Weights) {
        if self.interest.show(weights) {
            self.send(Command::Embed);
        }
    }

    /// What was published last.
    pub fn state(&self) -> State {
        self.shared.lock().map(|state| state.clone()).unwrap_or_default()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.send(Command::End);
        if self.kept.is_none() {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.commands.close_channel();
    }
}
