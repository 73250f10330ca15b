//! The run's own side of a session: training, and what the window asks for meanwhile.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_channel::mpsc::UnboundedReceiver;
use web_time::Instant;

use super::{Command, Phase, PlanFacts, Profile, Start, State};
use crate::app::interest::{Interest, Timing};
use crate::app::platform;
use crate::app::predictions::Predicting;
use crate::data::DataSet;
use crate::gpu::{Gpu, GpuError};
use crate::ssl::Keep;
use crate::train::{Config, Pace, RunFolder, TrainError, Trainer, Weights};

/// Work on the adapter is cut into slices of this length, so that frames get in between.
const SLICE: Duration = Duration::from_millis(6);
/// Time between two looks at the views while training runs.
const LOOK_EVERY: Duration = Duration::from_millis(700);

/// What ties a run to its window.
pub(super) struct Ties {
    pub commands: UnboundedReceiver<Command>,
    pub shared: Arc<Mutex<State>>,
    pub interest: Interest,
    pub stop: Arc<AtomicBool>,
    /// Called whenever there is something new to show.
    pub wake: Box<dyn Fn() + Send>,
}

/// Trains, and serves what the window asks for between two steps.
pub(super) struct Worker {
    gpu: Arc<Gpu>,
    config: Config,
    data: Arc<DataSet>,
    ties: Ties,
    kept: Option<PathBuf>,
    /// Looks so far.
    sheets: usize,
    predicting: Option<Predicting>,
    embeddings: Timing,
}

impl Worker {
    pub fn new(gpu: Arc<Gpu>, config: Config, data: Arc<DataSet>, ties: Ties, kept: Option<PathBuf>) -> Self {
        let embeddings = Timing::default();
        Self { gpu, config, data, ties, kept, sheets: 0, predicting: None, embeddings }
    }

    pub async fn run(mut self, start: Start) {
        match self.work(start).await {
            // The window has gone, or wants another run.
            Ok(()) | Err(TrainError::Gpu(GpuError::Stopped)) => {}
            Err(error) => self.publish(|state| state.phase = Phase::Failed(error.to_string())),
        }
        // Its plan's textures go with the window's last look at them.
        self.publish(|state| state.ended = true);
    }

    fn publish(&self, change: impl FnOnce(&mut State)) {
        if let Ok(mut state) = self.ties.shared.lock() {
            change(&mut state);
        }
        (self.ties.wake)();
    }

    fn notice(&self, text: String) {
        self.publish(|state| Arc::make_mut(&mut state.notices).push(text));
    }

    async fn work(&mut self, start: Start) -> Result<(), TrainError> {
        let mut trainer = self.prepare(start)?;
        let mut running = false;
        let mut once = false;
        let mut last_look: Option<Instant> = None;
        loop {
            let command = match running || self.predicting.is_some() {
                true => self.ties.commands.try_recv().ok(),
                false => match self.ties.commands.recv().await {
                    Ok(command) => Some(command),
                    Err(_) => return Ok(()),
                },
            };
            if self.ties.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let ran = running;
            match command {
                Some(Command::Run) => (running, once) = (true, false),
                Some(Command::Step) => (running, once) = (true, true),
                Some(Command::Pause) => running = false,
                Some(Command::End) => {
                    self.keep(&mut trainer).await;
                    return Ok(());
                }
                // All that wait are served before the next step: a slider sends many.
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
            }
            if stopped || stepped && last_look.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
                self.look(&mut trainer).await?;
                last_look = Some(Instant::now());
            }
            if !running {
                let phase = if trainer.is_done() { Phase::Finished } else { Phase::Paused };
                self.publish(|state| state.phase = phase);
            }
            self.embed(&mut trainer, running).await?;
            platform::breathe().await;
        }
    }

    fn prepare(&mut self, start: Start) -> Result<Trainer, TrainError> {
        let (gpu, data) = (Arc::clone(&self.gpu), Arc::clone(&self.data));
        let mut trainer = match &start {
            Start::New => Trainer::new(gpu, self.config.clone(), data, Keep::Views)?,
            Start::Resume(folder, _) => {
                Trainer::resume(gpu, self.config.clone(), data, &folder.model(), Keep::Views)?
            }
        };
        trainer.engine.pace = Some(Pace::new(SLICE, Arc::clone(&self.ties.stop)));
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
            shape: engine.shape.clone(),
            operations: engine.step_operations(),
            group_passes: engine.group_passes,
            sheets: [first, second],
        };
        self.publish(|state| {
            if let Start::Resume(_, reports) = start {
                state.reports = Arc::new(reports);
            }
            state.plan = Some(Arc::new(facts));
            state.progress = Some(trainer.progress());
            state.phase = if trainer.is_done() { Phase::Finished } else { Phase::Paused };
        });
        Ok(trainer)
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

    async fn report(&mut self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let report = trainer.report().await?;
        let probabilities = Arc::clone(trainer.test_probabilities());
        self.publish(|state| {
            state.tested_at = report.step;
            Arc::make_mut(&mut state.reports).push(report);
            state.test_probabilities = Some(probabilities);
        });
        self.publish_step(trainer);
        self.keep(trainer).await;
        Ok(())
    }

    /// Saves the run where it is kept, if it has begun.
    async fn keep(&self, trainer: &mut Trainer) {
        let Some(path) = self.kept.clone().filter(|_| trainer.progress().step > 0) else { return };
        // What is kept already is this run's own: it stays until each file is replaced.
        if let Err(error) = self.save(trainer, &RunFolder::new(path), RunFolder::create).await {
            self.notice(format!("the run could not be kept: {error}"));
        }
    }

    /// Publishes the last step's views.
    async fn look(&mut self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let Some(observation) = trainer.observe().await? else { return Ok(()) };
        let sheet = self.sheets % 2;
        self.sheets += 1;
        let plan = self.ties.shared.lock().ok().and_then(|state| state.plan.clone());
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

    /// Publishes the embedding that is looked at, when it is time for it.
    async fn embed(&mut self, trainer: &mut Trainer, running: bool) -> Result<(), TrainError> {
        let Some(weights) = self.ties.interest.wanted() else { return Ok(()) };
        let (step, began) = (trainer.progress().step, Instant::now());
        if !self.embeddings.is_due(step, weights, running, began) {
            return Ok(());
        }
        self.ties.interest.forget();
        let embedding = trainer.embed(weights).await?.map(Arc::new);
        self.embeddings.made(step, weights, began, Instant::now());
        self.publish(|state| state.embedding = embedding);
        Ok(())
    }

    /// Predicts some more of the training images, and publishes all when they are done.
    async fn predict(&mut self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let Some(mut predicting) = self.predicting.take() else { return Ok(()) };
        match predicting.advance(trainer).await? {
            Some(predictions) => self.publish(|state| {
                state.predictions = Some(Arc::new(predictions));
                state.predicting = None;
            }),
            None => {
                self.publish(|state| state.predicting = Some(predicting.share(trainer)));
                self.predicting = Some(predicting);
            }
        }
        Ok(())
    }

    async fn serve(&mut self, trainer: &mut Trainer, command: Command) -> Result<(), TrainError> {
        match command {
            Command::Follow(images) => {
                trainer.follow(&images);
                self.look(trainer).await?;
            }
            Command::LabelDistribution(distribution) => trainer.set_label_distribution(&distribution),
            Command::Classify => {
                let found = trainer.engine.evaluate(&self.gpu, &self.data.test, Weights::Averaged).await?;
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
                let outcome = self.save(trainer, &folder, RunFolder::prepare).await;
                self.notice(match outcome {
                    Ok(()) => format!("saved to {}", path.display()),
                    Err(error) => format!("not saved: {error}"),
                });
            }
            Command::SaveModel(path) => {
                let outcome = trainer.save(&path).await;
                self.notice(match outcome {
                    Ok(()) => format!("model written: {}", path.display()),
                    Err(error) => format!("model not written: {error}"),
                });
            }
            Command::Predict => {
                trainer.drain().await?;
                self.predicting = Some(Predicting::new(trainer));
                self.publish(|state| state.predicting = Some(0.0));
            }
            Command::Run | Command::Pause | Command::Step | Command::Embed | Command::End => {}
        }
        Ok(())
    }

    /// Writes the run into a folder that `ready` has made ready for it.
    async fn save(
        &self,
        trainer: &mut Trainer,
        folder: &RunFolder,
        ready: fn(&RunFolder) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        ready(folder)?;
        folder.write_config(&trainer.config)?;
        let reports = self.ties.shared.lock().map(|state| Arc::clone(&state.reports)).unwrap_or_default();
        folder.write_reports(&reports)?;
        trainer.save(&folder.model()).await
    }
}
