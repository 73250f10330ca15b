//! A run on its own thread: the window sends commands and sees what was published last.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use web_time::Instant;

use super::guess_history::GuessHistory;
use super::interest::{Interest, Timing};
use super::platform;
use super::predictions::{Predicting, Predictions};
use crate::data::{DataSet, Split};
use crate::gpu::{Gpu, GpuError, KernelTime, Memory, Pictures};
use crate::nn::WideResNet;
use crate::ssl::{Keep, StepShape};
use crate::train::{
    Config, Embedding, Observation, Pace, Progress, Report, RunFolder, StepStatistics, TrainError, Trainer,
    Weights,
};

/// Work on the adapter is cut into slices of this length, so that frames get in between.
const SLICE: Duration = Duration::from_millis(6);
/// Time between two looks at the views while training runs.
const LOOK_EVERY: Duration = Duration::from_millis(700);

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
    pub statistics: Arc<Vec<StepStatistics>>,
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
        let worker = Worker {
            gpu,
            config: config.clone(),
            data: Arc::clone(&data),
            commands: receiver,
            shared: Arc::clone(&shared),
            interest: interest.clone(),
            stop: Arc::clone(&stop),
            wake: Box::new(wake),
            kept: kept.clone(),
            sheets: 0,
            predicting: None,
            embeddings: Timing::default(),
        };
        platform::spawn(move || worker.run(start));
        Self { config, data, commands, shared, interest, stop, kept }
    }

    /// Sends a command; a run that has ended ignores it.
    pub fn send(&self, command: Command) {
        // The receiver is gone when the run has failed, which `state` tells.
        let _ = self.commands.unbounded_send(command);
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

struct Worker {
    gpu: Arc<Gpu>,
    config: Config,
    data: Arc<DataSet>,
    commands: UnboundedReceiver<Command>,
    shared: Arc<Mutex<State>>,
    interest: Interest,
    stop: Arc<AtomicBool>,
    wake: Box<dyn Fn() + Send>,
    kept: Option<PathBuf>,
    /// Looks so far.
    sheets: usize,
    predicting: Option<Predicting>,
    embeddings: Timing,
}

impl Worker {
    async fn run(mut self, start: Start) {
        match self.work(start).await {
            // The window has gone, or wants another run.
            Ok(()) | Err(TrainError::Gpu(GpuError::Stopped)) => {}
            Err(error) => self.publish(|state| state.phase = Phase::Failed(error.to_string())),
        }
        // Its plan's textures go with the window's last look at them.
        self.publish(|state| state.ended = true);
    }

    fn publish(&self, change: impl FnOnce(&mut State)) {
        if let Ok(mut state) = self.shared.lock() {
            change(&mut state);
        }
        (self.wake)();
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
                true => self.commands.try_recv().ok(),
                false => match self.commands.recv().await {
                    Ok(command) => Some(command),
                    Err(_) => return Ok(()),
                },
            };
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
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
            if self.predicting.is_some() {
                self.predict(&mut trainer).await?;
            } else if running {
                self.publish(|state| state.phase = Phase::Running);
                trainer.step().await?;
                running = !once && !trainer.is_done();
                self.publish_step(&mut trainer);
                if trainer.report_is_due() {
                    self.report(&mut trainer).await?;
                }
                if !running {
                    trainer.drain().await?;
                    self.publish_step(&mut trainer);
                }
                if !running || last_look.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
                    self.look(&mut trainer).await?;
                    last_look = Some(Instant::now());
                }
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
        trainer.engine.pace = Some(Pace::new(SLICE, Arc::clone(&self.stop)));
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
            let arrived = trainer.last_statistics().copied();
            let shown = state.statistics.last().map(|s| s.step);
            if let Some(new) = arrived.filter(|new| Some(new.step) != shown) {
                Arc::make_mut(&mut state.statistics).push(new);
            }
        });
    }

    async fn report(&self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let report = trainer.report().await?;
        let probabilities = Arc::clone(trainer.test_probabilities());
        self.publish(|state| {
            state.tested_at = report.step;
            Arc::make_mut(&mut state.reports).push(report);
            state.test_probabilities = Some(probabilities);
        });
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
        let plan = self.shared.lock().ok().and_then(|state| state.plan.clone());
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
        let Some(weights) = self.interest.wanted() else { return Ok(()) };
        let (step, began) = (trainer.progress().step, Instant::now());
        if !self.embeddings.is_due(step, weights, running, began) {
            return Ok(());
        }
        self.interest.forget();
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
        let reports = self.shared.lock().map(|state| Arc::clone(&state.reports)).unwrap_or_default();
        folder.write_reports(&reports)?;
        trainer.save(&folder.model()).await
    }
}
