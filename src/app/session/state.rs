//! What the window and a run exchange: commands one way, published state the other.

use std::path::PathBuf;
use std::sync::Arc;

use super::classified_image::ClassifiedImage;
use crate::app::answers::Answer;
use crate::app::guess_history::GuessHistory;
use crate::data::Split;
use crate::gpu::{KernelTime, Memory, Pictures};
use crate::nn::Network;
use crate::ssl::RowLayout;
use crate::train::{Embedding, Observation, Progress, Report, RunFolder, Speed, StepStatistics};

/// What the window asks of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Train until paused or done.
    Run,
    Pause,
    /// Make one step, then pause.
    Step,
    /// Training images that every observation includes.
    Follow(Vec<usize>),
    /// The distribution p(y) to align guesses with, `[classes]`.
    LabelDistribution(Vec<f32>),
    /// Classify the test images now, with the EMA weights, without waiting for the next report.
    Classify,
    /// Measure the kernels of the next step.
    Profile,
    /// Write the run's folder.
    Save(PathBuf),
    /// An embedding is requested: see [`Session::show_embedding`](super::Session::show_embedding).
    Embed,
    /// Autosave the run if it has a folder for that, and end.
    End,
    /// Write the model alone: an ONNX file where the name ends with `.onnx`, otherwise a safetensors file.
    SaveModel(PathBuf),
    /// Classify all training images. Training waits meanwhile.
    Predict,
    /// Classify an image file that is not among the data.
    ClassifyImage(PathBuf),
}

/// How a run begins.
#[derive(Clone, Debug)]
pub enum Start {
    New,
    /// From a run's folder, with the reports that it has made.
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
    /// The error, in words. Steps since the last save are lost.
    Failed(String),
}

/// Everything a view may show of a run. Cloning it is cheap.
#[derive(Clone, Default)]
pub struct State {
    pub phase: Phase,
    /// The decision by which a run that has failed would go on.
    pub answer: Option<Answer>,
    /// The failure in one sentence, where [`Phase::Failed`] tells more.
    pub brief: Option<String>,
    pub progress: Option<Progress>,
    /// One entry per step, from the first step that this process made.
    pub statistics: History,
    pub reports: Arc<Vec<Report>>,
    /// [`Report::test_set`] of the test images of now.
    pub test_set: u64,
    /// The accuracy on the test images of now, where the last report is of others.
    pub measured: Option<Accuracy>,
    pub observation: Option<Arc<Observation>>,
    /// The guesses of the last observations, whether or not a view showed them.
    pub guess_history: Arc<GuessHistory>,
    /// Which of the two picture sheets belongs to the observation.
    pub sheet: usize,
    pub embedding: Option<Arc<Embedding>>,
    /// `[test images, classes]` at the last report or [`Command::Classify`], by the EMA weights.
    pub test_probabilities: Option<Arc<[f32]>>,
    /// The number of steps after which `test_probabilities` were computed.
    pub tested_at: u64,
    /// Class probabilities of all training images, after [`Command::Predict`].
    pub predictions: Option<Arc<Predictions>>,
    /// Share of the training images that are classified, while [`Command::Predict`] is being served.
    pub predicting: Option<f32>,
    /// The image of the last [`Command::ClassifyImage`] that could be read.
    pub classified: Option<Arc<ClassifiedImage>>,
    pub plan: Option<Arc<PlanFacts>>,
    /// How fast the run trains, with the key by which that is remembered, at the last report or pause.
    pub speed: Option<(String, Speed)>,
    /// Whether the next step will be measured.
    pub measuring: bool,
    pub profile: Option<Arc<Profile>>,
    /// Messages for the log, oldest first.
    pub notices: Arc<Vec<String>>,
    /// Whether the run's thread has released everything it held.
    pub ended: bool,
}

/// Accuracies on the test images of now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// With the EMA weights, which is the model's accuracy.
    pub ema: f64,
    /// With the raw weights.
    pub raw: f64,
}

/// How far the EMA weights fall behind the raw weights before the window says so.
const BEHIND: f64 = 0.05;

impl Accuracy {
    /// Whether the EMA weights are far behind the raw weights, as in a run of few steps.
    pub fn ema_is_behind(&self) -> bool {
        self.raw - self.ema > BEHIND
    }
}

impl State {
    /// The accuracy on the test images of now: of the last report, or measured again where that is of other images.
    pub fn accuracy(&self) -> Option<Accuracy> {
        let last = self.reports.last().filter(|report| report.test_set == self.test_set);
        last.map(|report| Accuracy { ema: report.test_acc_ema, raw: report.test_acc }).or(self.measured)
    }
}

/// Times of the kernels of one step.
pub struct Profile {
    /// The number of steps done with it.
    pub step: u64,
    /// By kernel and layer, longest first.
    pub times: Vec<KernelTime>,
}

/// What is fixed once a run is planned.
pub struct PlanFacts {
    pub split: Split,
    pub memory: Memory,
    pub network: Network,
    pub layout: RowLayout,
    /// Dispatches, clears and copies per step.
    pub operations: usize,
    /// Passes with a gradient that share a dispatch.
    pub passes_per_dispatch: usize,
    /// Two alternating sheets, so that an observation never overwrites the pictures on the screen.
    pub sheets: [Pictures; 2],
}

/// Class probabilities of all training images.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// The number of steps after which they were computed.
    pub step: u64,
    pub classes: usize,
    /// `[training images, classes]`, by the EMA weights.
    pub probabilities: Vec<f32>,
}

impl Predictions {
    /// The probabilities of one image, `[classes]`.
    ///
    /// # Panics
    /// If `image` is out of range.
    pub fn of(&self, image: usize) -> &[f32] {
        &self.probabilities[image * self.classes..][..self.classes]
    }

    pub fn images(&self) -> usize {
        self.probabilities.len() / self.classes.max(1)
    }
}

/// Most steps that are copied when one is added to a [`History`].
const CHUNK: usize = 1024;

/// The statistics of every step so far. It is cheap to clone, and cheap to add to while clones are held: they
/// share all full chunks.
#[derive(Clone, Default)]
pub struct History {
    full: Arc<Vec<Arc<Vec<StepStatistics>>>>,
    newest: Arc<Vec<StepStatistics>>,
}

impl History {
    pub fn push(&mut self, new: StepStatistics) {
        Arc::make_mut(&mut self.newest).push(new);
        if self.newest.len() == CHUNK {
            Arc::make_mut(&mut self.full).push(std::mem::take(&mut self.newest));
        }
    }

    pub fn last(&self) -> Option<&StepStatistics> {
        self.newest.last().or_else(|| self.full.last().and_then(|chunk| chunk.last()))
    }

    pub fn is_empty(&self) -> bool {
        self.last().is_none()
    }

    /// From the first step to the last.
    pub fn iter(&self) -> impl Iterator<Item = &StepStatistics> {
        self.full.iter().flat_map(|chunk| chunk.iter()).chain(self.newest.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64) -> StepStatistics {
        StepStatistics { step, ..StepStatistics::default() }
    }

    #[test]
    fn accuracy_is_of_the_test_images_of_now() {
        let report = |test_set, test_acc_ema| Report { test_set, test_acc_ema, ..Report::default() };
        let measured = Accuracy { ema: 0.5, raw: 0.6 };
        for (reports, test_set, measured, expected) in [
            (vec![], 0, None, None),
            (vec![report(0, 0.7)], 0, None, Some(0.7)),
            (vec![report(0, 0.7)], 1, None, None),
            (vec![report(0, 0.7)], 1, Some(measured), Some(0.5)),
            (vec![report(0, 0.7), report(1, 0.8)], 1, Some(measured), Some(0.8)),
        ] {
            let state = State { reports: Arc::new(reports), test_set, measured, ..State::default() };
            assert_eq!(state.accuracy().map(|accuracy| accuracy.ema), expected);
        }
    }

    #[test]
    fn history_clones_stay_and_share_full_chunks() {
        let mut history = History::default();
        assert!(history.is_empty());
        (0..3 * CHUNK as u64 - 1).for_each(|at| history.push(step(at)));
        let before = history.clone();
        history.push(step(3 * CHUNK as u64 - 1));
        assert_eq!(before.last().map(|s| s.step), Some(3 * CHUNK as u64 - 2));
        assert_eq!(history.last().map(|s| s.step), Some(3 * CHUNK as u64 - 1));
        assert!(history.iter().map(|s| s.step).eq(0..3 * CHUNK as u64));
        assert!(Arc::ptr_eq(&before.full[1], &history.full[1]));
    }
}
