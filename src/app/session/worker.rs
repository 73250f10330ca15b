//! The run's side: it trains, and serves the window's commands between two steps.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_channel::mpsc::UnboundedReceiver;
use web_time::Instant;

use super::classified_image;
use super::embedding_requests::{EmbeddingRequests, EmbeddingTimer};
use super::state::{Accuracy, Command, Phase, PlanFacts, Predictions, Profile, Start, State};
use crate::app::answers::{self, Answer};
use crate::app::platform;
use crate::data::DataSet;
use crate::disk;
use crate::gpu::{Gpu, GpuError};
use crate::onnx;
use crate::train::{
    Capture, Config, Pace, RunFolder, RunLock, TrainError, Trainer, Weights, accuracy, summary, tune,
    write_atomically,
};

/// Time between two observations while training runs.
const OBSERVE_EVERY: Duration = Duration::from_millis(700);

/// Time between two attempts to lock a folder that an earlier run of this window still saves into.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Images that [`Command::Predict`] classifies between two checks for commands.
const PREDICT_AT_ONCE: usize = 256;

/// The run's ends of what it shares with the window.
pub struct WorkerChannels {
    pub commands: UnboundedReceiver<Command>,
    pub shared: Arc<Mutex<State>>,
    pub embedding: EmbeddingRequests,
    /// Ends the run at once.
    pub stop: Arc<AtomicBool>,
    /// Called after something new is published.
    pub wake: Box<dyn Fn() + Send>,
}

/// A run on its own thread.
pub struct Worker {
    gpu: Arc<Gpu>,
    config: Config,
    data: Arc<DataSet>,
    channels: WorkerChannels,
    /// The folder that the run saves itself into.
    autosave: Option<PathBuf>,
    /// The step that the folder holds: a run that made no step since writes nothing.
    saved_step: Option<u64>,
    /// The lock on that folder, from the first time the run reads or writes it.
    lock: Option<RunLock>,
    /// The number of observations so far; the picture sheets alternate.
    observations: usize,
    predicting: Option<Predictions>,
    embedding_timer: EmbeddingTimer,
}

/// Fails the run if its thread panics, so that the window does not wait for it.
struct PanicReport(Arc<Mutex<State>>);

impl Drop for PanicReport {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.phase = Phase::Failed(
                "the run ended by a fault of the program; the terminal has its place. Please report it"
                    .to_owned(),
            );
            state.ended = true;
        }
    }
}

impl Worker {
    pub fn new(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        channels: WorkerChannels,
        autosave: Option<PathBuf>,
    ) -> Self {
        let embedding_timer = EmbeddingTimer::default();
        Self {
            gpu,
            config,
            data,
            channels,
            autosave,
            saved_step: None,
            lock: None,
            observations: 0,
            predicting: None,
            embedding_timer,
        }
    }

    /// Trains until the window's handle is dropped.
    pub async fn run(mut self, start: Start) {
        let _report = PanicReport(Arc::clone(&self.channels.shared));
        match self.work(start).await {
            // The window closed or started another run.
            Ok(()) | Err(TrainError::Gpu(GpuError::Stopped)) => {}
            Err(error) => self.publish(|state| {
                state.phase = Phase::Failed(answers::in_window(&error));
                state.brief = answers::brief(&error);
                state.answer = Answer::to_training(&error);
            }),
        }
        // The window releases the plan's textures with the last state that holds them.
        self.publish(|state| state.ended = true);
    }

    fn publish(&self, change: impl FnOnce(&mut State)) {
        if let Ok(mut state) = self.channels.shared.lock() {
            change(&mut state);
        }
        (self.channels.wake)();
    }

    fn notice(&self, text: String) {
        self.publish(|state| Arc::make_mut(&mut state.notices).push(text));
    }

    async fn work(&mut self, start: Start) -> Result<(), TrainError> {
        if let (Start::Resume(..), Some(folder)) = (&start, &self.autosave) {
            self.lock = Some(self.lock_folder(folder).await?);
        }
        let resumed = matches!(start, Start::Resume(..));
        tune(&self.gpu, &self.config, &self.data, Capture::Views).await?;
        if let (Start::New, Some(init)) = (&start, &self.config.init) {
            platform::fetch_weights(init).await;
        }
        let mut trainer = self.prepare(start)?;
        match (resumed, self.config.accept_changed_data) {
            // From now on the data are the run's, also for the command line.
            (true, true) => self.autosave(&mut trainer).await,
            (true, false) => self.saved_step = Some(trainer.progress().step),
            (false, _) => {}
        }
        self.measure(&mut trainer).await?;
        let mut running = false;
        let mut once = false;
        let mut last_observed: Option<Instant> = None;
        loop {
            let command = match running || self.predicting.is_some() {
                true => self.channels.commands.try_recv().ok(),
                false => match self.channels.commands.recv().await {
                    Ok(command) => Some(command),
                    Err(_) => return Ok(()),
                },
            };
            if self.channels.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let ran = running;
            match command {
                Some(Command::Run) => (running, once) = (true, false),
                Some(Command::Step) => (running, once) = (true, true),
                Some(Command::Pause) => running = false,
                Some(Command::End) => {
                    self.autosave(&mut trainer).await;
                    return Ok(());
                }
                // All waiting commands are served before the next step: a slider sends many.
                Some(other) => {
                    self.serve(&mut trainer, other).await?;
                    if running {
                        continue;
                    }
                }
                None => {}
            }
            running &= !trainer.is_done();
            let mut stepped = false;
            if self.predicting.is_some() {
                self.predict(&mut trainer).await?;
            } else if running {
                self.publish(|state| state.phase = Phase::Running);
                trainer.step().await?;
                (running, stepped) = (!once && !trainer.is_done(), true);
                self.publish_step(&mut trainer);
                if trainer.report_is_due() {
                    self.report(&mut trainer).await?;
                }
            }
            let stopped = (ran || stepped) && !running;
            if stopped {
                trainer.drain().await?;
                self.publish_step(&mut trainer);
                self.publish_speed(&trainer);
            }
            if stopped || stepped && last_observed.is_none_or(|at| at.elapsed() >= OBSERVE_EVERY) {
                self.observe(&mut trainer).await?;
                last_observed = Some(Instant::now());
            }
            if !running {
                let phase = if trainer.is_done() { Phase::Finished } else { Phase::Paused };
                self.publish(|state| state.phase = phase);
            }
            self.embed(&mut trainer, running).await?;
            platform::yield_now().await;
        }
    }

    /// Locks a run's folder. An earlier run of this window may still be saving into it: waits until that has ended.
    async fn lock_folder(&self, folder: &Path) -> Result<RunLock, TrainError> {
        loop {
            match RunLock::acquire(folder) {
                Err(TrainError::InUse { process, .. })
                    if process == Some(std::process::id()) && !self.channels.stop.load(Ordering::Relaxed) =>
                {
                    std::thread::sleep(LOCK_RETRY);
                    platform::yield_now().await;
                }
                outcome => return outcome,
            }
        }
    }

    fn prepare(&mut self, start: Start) -> Result<Trainer, TrainError> {
        let (gpu, data) = (Arc::clone(&self.gpu), Arc::clone(&self.data));
        let mut trainer = match &start {
            Start::New => Trainer::new(gpu, self.config.clone(), data, Capture::Views)?,
            Start::Resume(folder, _) => {
                Trainer::resume(gpu, self.config.clone(), data, &folder.model(), Capture::Views)?
            }
        };
        for notice in std::mem::take(&mut trainer.notices) {
            self.notice(notice);
        }
        trainer.engine.pace = Some(Pace::of_window(Arc::clone(&self.channels.stop)));
        let engine = &trainer.engine;
        let mut sheets = Vec::new();
        while sheets.len() < 2 {
            sheets.extend(engine.pictures(&self.gpu)?);
        }
        let (Some(second), Some(first)) = (sheets.pop(), sheets.pop()) else { return Ok(trainer) };
        let facts = PlanFacts {
            split: trainer.split.clone(),
            memory: engine.memory().clone(),
            network: engine.network.clone(),
            layout: engine.layout.clone(),
            operations: engine.step_operations(),
            passes_per_dispatch: engine.passes_per_dispatch,
            sheets: [first, second],
        };
        self.publish(|state| {
            if let Start::Resume(_, reports) = start {
                state.reports = Arc::new(reports);
            }
            state.plan = Some(Arc::new(facts));
            state.test_set = trainer.test_set();
            state.progress = Some(trainer.progress());
            state.phase = if trainer.is_done() { Phase::Finished } else { Phase::Paused };
        });
        Ok(trainer)
    }

    /// Measures the accuracy of a resumed run whose last report is of other test images.
    async fn measure(&self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let stale =
            self.channels.shared.lock().is_ok_and(|state| {
                state.reports.last().is_some_and(|report| report.test_set != state.test_set)
            });
        if !stale {
            return Ok(());
        }
        let raw = trainer.engine.evaluate(&self.gpu, &self.data.test, Weights::Raw).await?;
        let ema = trainer.engine.evaluate(&self.gpu, &self.data.test, Weights::Ema).await?;
        let share = |found: &[f32]| accuracy(found, &self.data.test_labels, self.data.classes.len());
        let measured = Accuracy { ema: share(&ema), raw: share(&raw) };
        self.publish(|state| {
            state.measured = Some(measured);
            state.tested_at = trainer.progress().step;
            state.test_probabilities = Some(ema.into());
        });
        Ok(())
    }

    fn publish_step(&self, trainer: &mut Trainer) {
        self.publish(|state| {
            state.progress = Some(trainer.progress());
            if let Some(times) = trainer.engine.profile.take() {
                state.profile = Some(Arc::new(Profile { step: trainer.progress().step, times }));
                state.measuring = false;
            }
            trainer.take_arrived().into_iter().for_each(|new| state.statistics.push(new));
        });
    }

    fn publish_speed(&self, trainer: &Trainer) {
        let speed = trainer.speed();
        self.publish(|state| state.speed = speed);
    }

    async fn report(&mut self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let report = trainer.report().await?;
        let probabilities = Arc::clone(trainer.test_probabilities());
        self.publish(|state| {
            state.tested_at = report.step;
            Arc::make_mut(&mut state.reports).push(report);
            state.test_probabilities = Some(probabilities);
        });
        self.publish_step(trainer);
        self.publish_speed(trainer);
        self.autosave(trainer).await;
        Ok(())
    }

    /// Saves the run into its autosave folder, if it has one and has made a step since it was saved.
    async fn autosave(&mut self, trainer: &mut Trainer) {
        let step = trainer.progress().step;
        let Some(path) = self.autosave.clone().filter(|_| step > 0 && self.saved_step != Some(step)) else {
            return;
        };
        // The folder is this run's own: each file stays until its replacement is complete.
        match self.save(trainer, &RunFolder::new(path)).await {
            Ok(()) => self.saved_step = Some(step),
            Err(error) => self.notice(format!("the run could not be autosaved: {error}")),
        }
    }

    /// Publishes the last step's observation and draws its pictures.
    async fn observe(&mut self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let Some(observation) = trainer.observe().await? else { return Ok(()) };
        let sheet = self.observations % 2;
        self.observations += 1;
        let plan = self.channels.shared.lock().ok().and_then(|state| state.plan.clone());
        if let Some(plan) = plan {
            plan.sheets[sheet].draw(&self.gpu);
        }
        self.publish(|state| {
            Arc::make_mut(&mut state.guess_history).add(&observation);
            state.observation = Some(Arc::new(observation));
            state.sheet = sheet;
        });
        Ok(())
    }

    /// Publishes the requested embedding when it is due.
    async fn embed(&mut self, trainer: &mut Trainer, running: bool) -> Result<(), TrainError> {
        let Some(weights) = self.channels.embedding.requested() else { return Ok(()) };
        let (step, began) = (trainer.progress().step, Instant::now());
        if !self.embedding_timer.is_due(step, weights, running, began) {
            return Ok(());
        }
        self.channels.embedding.clear();
        let embedding = trainer.embed(weights).await?.map(Arc::new);
        self.embedding_timer.made(step, weights, began, Instant::now());
        self.publish(|state| state.embedding = embedding);
        Ok(())
    }

    /// Classifies some more of the training images, and publishes all predictions when they are complete.
    async fn predict(&mut self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let Some(mut predictions) = self.predicting.take() else { return Ok(()) };
        let (first, images) = (predictions.images(), self.data.train.len());
        if first < images {
            let chosen: Vec<usize> = (first..images).take(PREDICT_AT_ONCE).collect();
            let chosen = self.data.train.pick(&chosen);
            if let Some(failure) = self.data.train.take_failure() {
                return Err(failure.into());
            }
            let new = trainer.engine.evaluate(&self.gpu, &chosen, Weights::Ema).await?;
            predictions.probabilities.extend(new);
        }
        if predictions.images() == images {
            self.publish(|state| {
                state.predictions = Some(Arc::new(predictions));
                state.predicting = None;
            });
        } else {
            let share = predictions.images() as f32 / images.max(1) as f32;
            self.publish(|state| state.predicting = Some(share));
            self.predicting = Some(predictions);
        }
        Ok(())
    }

    async fn serve(&mut self, trainer: &mut Trainer, command: Command) -> Result<(), TrainError> {
        match command {
            Command::Follow(images) => {
                trainer.follow(&images);
                self.observe(trainer).await?;
            }
            Command::LabelDistribution(distribution) => trainer.set_label_distribution(&distribution),
            Command::Classify => {
                let found = trainer.engine.evaluate(&self.gpu, &self.data.test, Weights::Ema).await?;
                self.publish(|state| {
                    state.tested_at = trainer.progress().step;
                    state.test_probabilities = Some(found.into());
                });
            }
            Command::Profile => {
                trainer.engine.profile_next = true;
                self.publish(|state| state.measuring = true);
            }
            Command::Save(path) => {
                let folder = RunFolder::new(path.clone());
                let outcome = self.save_copy(trainer, &folder).await;
                self.notice(match outcome {
                    Ok(()) => format!("saved to {}", path.display()),
                    Err(error) => format!("not saved: {error}"),
                });
            }
            Command::SaveModel(path) => {
                let outcome = save_model(trainer, &path).await;
                self.notice(match outcome {
                    Ok(()) => format!("model written: {}", path.display()),
                    Err(error) => format!("model not written: {error}"),
                });
            }
            Command::Predict => {
                trainer.drain().await?;
                let (step, classes) = (trainer.progress().step, self.data.classes.len());
                self.predicting = Some(Predictions { step, classes, probabilities: Vec::new() });
                self.publish(|state| state.predicting = Some(0.0));
            }
            Command::ClassifyImage(path) => {
                match classified_image::classify(trainer, &self.gpu, path).await {
                    Ok(image) => self.publish(|state| state.classified = Some(Arc::new(image))),
                    // Training goes on without the image.
                    Err(TrainError::Data(error)) => {
                        self.notice(format!("not classified: {}", error.problem()));
                    }
                    Err(error) => return Err(error),
                }
            }
            Command::Run | Command::Pause | Command::Step | Command::Embed | Command::End => {}
        }
        Ok(())
    }

    /// Saves the run into a folder that the user has chosen: an empty one, or one that holds this run.
    async fn save_copy(&mut self, trainer: &mut Trainer, folder: &RunFolder) -> Result<(), TrainError> {
        folder.check_free_for(&trainer.config)?;
        self.save(trainer, folder).await
    }

    /// Writes the run into a folder, which is locked meanwhile; the autosave folder stays locked.
    async fn save(&mut self, trainer: &mut Trainer, folder: &RunFolder) -> Result<(), TrainError> {
        if !disk::exists(folder.path()) {
            // Removed while the run went on: it is made again.
            self.lock.take_if(|lock| lock.is_of(folder.path()));
        }
        folder.create()?;
        if let Some(lock) = self.lock.as_ref().filter(|lock| lock.is_of(folder.path())) {
            lock.check()?;
        }
        let held = self.lock.as_ref().is_some_and(|lock| lock.is_of(folder.path()));
        let lock = if held { None } else { Some(folder.lock()?) };
        folder.tidy()?;
        let reports = self.channels.shared.lock().map(|state| Arc::clone(&state.reports)).unwrap_or_default();
        match summary(trainer, &reports)
            .filter(|summary| trainer.is_done() && summary.steps == trainer.progress().step)
        {
            Some(summary) => folder.write_summary(&summary)?,
            None => folder.remove_summary()?,
        }
        folder.write_config(&trainer.config)?;
        folder.write_reports(&reports)?;
        trainer.save(&folder.model()).await?;
        if self.autosave.as_deref() == Some(folder.path()) {
            self.lock = self.lock.take().or(lock);
        }
        Ok(())
    }
}

/// Writes the model: the EMA weights as an ONNX file where the name ends with `.onnx`, otherwise a checkpoint.
async fn save_model(trainer: &mut Trainer, path: &Path) -> Result<(), TrainError> {
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")) {
        return trainer.save(path).await;
    }
    let model = onnx::export(&trainer.checkpoint().await?, Weights::Ema)?;
    write_atomically(path, &model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panicking_runs_fail_instead_of_hanging() {
        let shared = Arc::new(Mutex::new(State::default()));
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let _report = PanicReport(Arc::clone(&theirs));
            let _poisoned = theirs.lock();
            panic!("as a fault of the program does");
        });
        assert!(thread.join().is_err());
        let state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(matches!(&state.phase, Phase::Failed(text) if text.contains("report")));
        assert!(state.ended);
    }
}
