//! Trains one run: samples, submits, collects, reports.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use web_time::Instant;

use super::checkpoint::{Checkpoint, Reported};
use super::config::Config;
use super::embedding::{Embedder, Embedding};
use super::engine::{Engine, EngineOptions};
use super::error::TrainError;
use super::evaluation::Weights;
use super::fingerprint::{DataFacts, Fingerprint, Role};
use super::init::InitialWeights;
use super::init_source::InitSource;
use super::metrics::{Report, accuracy};
use super::pace::Pace;
use super::recording::Capture;
use super::sampler::{Batches, Prefetcher, SampleSettings, StepSamples, Stream};
use super::speed::{Speed, StepTimer, speed_key};
use super::statistics::{StepStatistics, Window};
use crate::augment::{DEPTH, OpDraw, StrongPolicy, WeakStyle};
use crate::data::{DataSet, ImageId, Images, Split, counted, counted_of, shown_name, split};
use crate::gpu::{Gpu, ReadbackRing};
use crate::optim::{FAULTS, Fault};
use crate::ssl::{LabelPrior, REPORT_FAULTS, REPORT_MATCHES, Schedule, ViewBlock};

/// A probe moves the policy's bins this many steps after its own: its result has then arrived while the
/// adapter stayed busy. The reference's queue delays it by four batches.
const POLICY_LAG: u64 = 2;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub step: u64,
    pub steps: u64,
    pub seconds: f64,
}

/// A step that was submitted and whose probes have not yet moved the policy.
pub(super) struct Submitted {
    pub step: u64,
    pub ops: Vec<[OpDraw; DEPTH]>,
    /// Arrived with the step's statistics.
    pub matches: Option<Vec<f32>>,
}

/// Trains one run: samples, submits, collects, reports. Holds nothing but what a checkpoint can restore.
pub struct Trainer {
    pub config: Config,
    pub data: Arc<DataSet>,
    pub split: Split,
    /// What the user should know about the data that the run goes on with.
    pub notices: Vec<String>,
    pub engine: Engine,
    pub policy: StrongPolicy,
    pub(super) gpu: Arc<Gpu>,
    schedule: Schedule,
    settings: SampleSettings,
    batches: [Batches; 2],
    prefetcher: Prefetcher,
    ring: ReadbackRing,
    pub(super) submitted: VecDeque<Submitted>,
    pub(super) window: Window,
    /// Since they were last taken, or since the last step began.
    arrived: Vec<StepStatistics>,
    samples: Option<StepSamples>,
    pub(super) followed: Vec<usize>,
    /// Made at the first [`Trainer::embed`].
    pub(super) embedder: Option<Embedder>,
    test_probabilities: Arc<[f32]>,
    /// The classes of training images whose labels are not trained on: they say how many guesses are right.
    pub(super) hidden_labels: Vec<Option<u32>>,
    /// Images that the run trained on before it was resumed.
    trained: Vec<ImageId>,
    pub(super) step: u64,
    /// Where the first weights came from; `None` if they were random.
    pub init: Option<InitSource>,
    /// What the run has reported. After [`Trainer::resume`] its test set is another one if changed test images were accepted.
    pub(super) reported: Reported,
    /// Seconds of the run before it was resumed, and when this process took it up.
    pub(super) earlier_seconds: f64,
    began: Instant,
    timer: StepTimer,
}

impl Trainer {
    /// A new run: splits the data, plans the step and initialises the weights, at random or from the file that `init` names.
    ///
    /// # Errors
    /// Settings out of range, labels that the data cannot give, a plan above the adapter's limits; a file of first weights
    /// that is missing or does not fit the network.
    pub fn new(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        capture: Capture,
    ) -> Result<Self, TrainError> {
        config.validate(data.train.height, data.train.width)?;
        let split = split(&data, config.labels, config.spread(), config.seed)?;
        let mut trainer = Self::with_split(gpu, config, data, capture, split)?;
        let engine = &trainer.engine;
        if let Some(initial) = InitialWeights::read(&trainer.config, &engine.network)? {
            engine.write_network(&trainer.gpu, &initial.weights, &initial.statistics);
            trainer.notices.push(initial.notice);
            trainer.init = Some(initial.source);
        }
        Ok(trainer)
    }

    fn with_split(
        gpu: Arc<Gpu>,
        mut config: Config,
        data: Arc<DataSet>,
        capture: Capture,
        split: Split,
    ) -> Result<Self, TrainError> {
        config.set_decoding(&data);
        let engine = Engine::new(&gpu, &engine_options(&config, &data, capture)?)?;
        let label_distribution = match config.method.label_prior {
            // AdaMatch's predictions take its place from the first step on.
            LabelPrior::Labels | LabelPrior::Predictions => label_frequencies(&data, &split),
            // The reference's running average begins uniform (`PData`).
            LabelPrior::Running => vec![1.0 / data.classes.len() as f32; data.classes.len()],
        };
        engine.initialise(&gpu, config.seed, &label_distribution);
        let settings = SampleSettings {
            seed: config.seed,
            weak: WeakStyle {
                flip: config.flip.unwrap_or(data.flip),
                shift: config.shift.unwrap_or(data.shift),
            },
            size: [data.train.width as u32, data.train.height as u32],
        };
        let batches = [
            Batches::new(split.labelled.clone(), Stream::LabelledOrder, config.seed),
            Batches::new(split.unlabelled.clone(), Stream::UnlabelledOrder, config.seed),
        ];
        let mut hidden_labels = data.train_labels.clone();
        split.labelled.iter().for_each(|&image| hidden_labels[image] = None);
        let ring = ReadbackRing::new(&gpu, POLICY_LAG as usize + 1, engine.tensors.report.words());
        Ok(Self {
            policy: config.method.policy.start(),
            schedule: config.schedule(),
            settings,
            prefetcher: Prefetcher::new(batches.clone()),
            batches,
            ring,
            submitted: VecDeque::new(),
            window: Window::default(),
            arrived: Vec::new(),
            samples: None,
            followed: Vec::new(),
            embedder: None,
            test_probabilities: Arc::new([]),
            hidden_labels,
            trained: Vec::new(),
            step: 0,
            init: None,
            reported: Reported::default(),
            earlier_seconds: 0.0,
            began: Instant::now(),
            timer: StepTimer::default(),
            notices: Vec::new(),
            gpu,
            config,
            data,
            split,
            engine,
        })
    }

    /// Goes on from a checkpoint file; `config` is the checkpoint's own, with what may differ (steps).
    ///
    /// # Errors
    /// [`TrainError::File`] or [`TrainError::Checkpoint`] if the file cannot be read, [`TrainError::OtherData`] or
    /// [`TrainError::ChangedData`] if the data are not the run's; when fewer steps are set than are done; the errors of
    /// [`Trainer::new`].
    pub fn resume(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        path: &Path,
        capture: Capture,
    ) -> Result<Self, TrainError> {
        // Before the plan is made: other data fail there too, for reasons that mislead.
        let (saved, header, fingerprint) = Checkpoint::read_data(path)?;
        header.check(path, &data)?;
        if config.steps < header.step {
            return Err(TrainError::StepsDone { steps: config.steps, done: header.step });
        }
        if saved.optimiser != config.optimiser {
            let (found, expected) = (saved.optimiser.name, config.optimiser.name);
            return Err(TrainError::OtherOptimiser { path: path.to_owned(), found, expected });
        }
        let start = |config: &Config| {
            let init = config.init.as_deref().unwrap_or("unset").to_owned();
            [("init", init), ("freeze", config.freeze.to_string())]
        };
        let different = start(&saved).into_iter().zip(start(&config)).find(|(a, b)| a != b);
        if let Some(((setting, found), (_, expected))) = different {
            return Err(TrainError::OtherStart { path: path.to_owned(), setting, found, expected });
        }
        let mut notices = Vec::new();
        let split = match &fingerprint {
            Some(recorded) => resumed_split(recorded, &config, &data, path, &mut notices)?,
            None => {
                let notice = "the checkpoint does not record its images, as version 0.1 made it: whether the data have \
                              changed is unknown";
                notices.push(notice.to_owned());
                split(&data, config.labels, config.spread(), config.seed)?
            }
        };
        config.validate(data.train.height, data.train.width)?;
        let mut trainer = Self::with_split(gpu, config, data, capture, split)?;
        trainer.notices = notices;
        let other_tests =
            fingerprint.as_ref().is_some_and(|recorded| recorded.has_other_tests(&trainer.data));
        trainer.reported.test_set = u64::from(other_tests);
        trainer.trained = fingerprint.iter().flat_map(Fingerprint::trained).collect();
        let network = &trainer.engine.network;
        let checkpoint = Checkpoint::load(path, network)?;
        trainer.restore(checkpoint)?;
        Ok(trainer)
    }

    /// The images of the run with their roles.
    pub fn fingerprint(&self) -> Fingerprint {
        let WeakStyle { flip, shift } = self.settings.weak;
        Fingerprint::new(&self.data, &self.split, flip, shift).with_earlier(&self.trained)
    }

    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    pub fn progress(&self) -> Progress {
        Progress { step: self.step, steps: self.config.steps, seconds: self.seconds() }
    }

    pub fn is_done(&self) -> bool {
        self.step >= self.config.steps
    }

    /// Whether the last step completed a report's window, or the run.
    pub fn report_is_due(&self) -> bool {
        self.step.is_multiple_of(self.config.report_every) || self.is_done()
    }

    /// Whether the run was interrupted between its last step and the report that was due after it.
    pub fn report_is_pending(&self) -> bool {
        self.step > 0 && self.report_is_due() && !self.window.is_empty()
    }

    /// Lets `stop` interrupt the run: a step, report or evaluation under way then ends with
    /// [`GpuError::Stopped`](crate::gpu::GpuError::Stopped) within a fraction of a second, and the trainer has the state
    /// after its last whole step, to be saved. Changes no result.
    pub fn interrupt_with(&mut self, stop: Arc<AtomicBool>) {
        self.engine.pace = Some(Pace::interruptible(stop));
    }

    /// Statistics that have arrived since this was asked last; those of steps that nobody asked after are gone
    /// once the next step begins.
    pub fn take_arrived(&mut self) -> Vec<StepStatistics> {
        std::mem::take(&mut self.arrived)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.earlier_seconds + self.began.elapsed().as_secs_f64()
    }

    /// Samples and submits one step. Waits only for results that are `POLICY_LAG` steps old, and for slices
    /// where the engine is paced.
    ///
    /// # Errors
    /// A loss that is NaN or infinite; an image that cannot be read; a lost adapter; the pace is stopped. An unreadable
    /// image leaves the state after the last step. So does a stop for a trainer made with [`Capture::State`]; otherwise
    /// only what was saved before is whole.
    pub async fn step(&mut self) -> Result<(), TrainError> {
        let began = Instant::now();
        self.make_step().await?;
        self.timer.add(began.elapsed());
        Ok(())
    }

    /// How fast the steps of this process were, with the key by which that is remembered; `None` before some were made.
    pub fn speed(&self) -> Option<(String, Speed)> {
        let speed = self.timer.speed(&self.engine.workload)?;
        Some((speed_key(&self.config, image_shape(&self.data), self.engine.capture), speed))
    }

    async fn make_step(&mut self) -> Result<(), TrainError> {
        self.arrived.clear();
        self.settle_policy().await?;
        let layout = &self.engine.layout;
        self.prefetcher.prefetch(&self.data.train, self.step, layout);
        let samples = StepSamples::sample(
            &self.settings,
            &self.config.method,
            layout,
            &self.policy,
            &mut self.batches,
            self.step,
        );
        let block = self.schedule.block(self.step, layout);
        let probes = if layout.has(ViewBlock::Probe) { layout.batch } else { 0 };
        let ops = (0..probes).map(|i| samples.probe_ops(layout, i)).collect();
        while !self.ring.has_room() {
            self.collect().await?;
        }
        let labels = [self.data.train_labels.as_slice(), &self.hidden_labels];
        self.engine.submit_step(&self.gpu, &self.data.train, labels, &samples, block).await?;
        let report = self.engine.tensors.report;
        self.ring.send(&self.gpu, self.engine.recorded(), self.step, &[report]);
        self.submitted.push_back(Submitted { step: self.step, ops, matches: None });
        self.step += 1;
        self.samples = Some(samples);
        Ok(())
    }

    pub(super) fn sample_settings(&self) -> &SampleSettings {
        &self.settings
    }

    /// Replaces p(y), the distribution that alignment aims at, `[classes]`.
    pub fn set_label_distribution(&mut self, distribution: &[f32]) {
        self.engine.write(&self.gpu, self.engine.tensors.alignment.label_distribution, distribution);
    }

    /// What was sampled for the last step.
    pub fn samples(&self) -> Option<&StepSamples> {
        self.samples.as_ref()
    }

    /// Lets the probes of steps at least [`POLICY_LAG`] old move the policy's bins, in order.
    async fn settle_policy(&mut self) -> Result<(), TrainError> {
        while self.submitted.front().is_some_and(|s| s.step + POLICY_LAG <= self.step) {
            while self.submitted.front().is_some_and(|s| s.matches.is_none()) {
                self.collect().await?;
            }
            let settled = self.submitted.pop_front();
            if let (Some(Submitted { ops, matches: Some(matches), .. }), StrongPolicy::CtAugment(bins)) =
                (settled, &mut self.policy)
            {
                ops.iter().zip(matches).for_each(|(ops, matched)| bins.update(ops, matched));
            }
        }
        Ok(())
    }

    /// Takes the oldest result under way, waiting for it.
    async fn collect(&mut self) -> Result<(), TrainError> {
        let Some((step, words)) = self.ring.next(&self.gpu).await? else { return Ok(()) };
        let statistics = StepStatistics::from_words(step, &words);
        if let Some(submitted) = self.submitted.iter_mut().find(|s| s.step == step) {
            submitted.matches = Some(words[REPORT_MATCHES..].iter().map(|w| f32::from_bits(*w)).collect());
        }
        statistics.check_finite()?;
        self.check_update(step, &words[REPORT_FAULTS..][..FAULTS])?;
        self.window.add(&statistics);
        self.arrived.push(statistics);
        Ok(())
    }

    /// # Errors
    /// Names the parameter whose gradient or new state is NaN or infinite: no loss may have shown it yet.
    fn check_update(&self, step: u64, faults: &[u32]) -> Result<(), TrainError> {
        let parameters = &self.engine.network.trainable;
        let Some(fault) = Fault::find(parameters.words(), faults) else { return Ok(()) };
        let (what, word) = match fault {
            Fault::Gradient(word) => ("the gradient of", word),
            Fault::State(word) => ("the update of", word),
        };
        // Offsets rise.
        let name = parameters.list.iter().rfind(|p| p.offset <= word).map_or("", |p| p.name.as_str());
        let (term, value) = (format!("{what} {name}"), "NaN or infinite".to_owned());
        Err(TrainError::NotFinite { step: step + 1, term, value })
    }

    /// Waits for every submitted step.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] if a loss, gradient or update is NaN or infinite; [`TrainError::Gpu`] if the device
    /// failed, the wait limit is over or the run was stopped.
    pub async fn drain(&mut self) -> Result<(), TrainError> {
        while self.ring.in_flight() > 0 {
            self.collect().await?;
        }
        Ok(())
    }

    /// Closes the window since the last report and evaluates both sets of weights on the test images.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] if a loss, gradient or update is NaN or infinite; [`TrainError::Gpu`] if the device
    /// failed, the wait limit is over or the run was stopped.
    pub async fn report(&mut self) -> Result<Report, TrainError> {
        self.drain().await?;
        let test_acc = self.accuracy(Weights::Raw).await?;
        let test_acc_ema = self.accuracy(Weights::Ema).await?;
        // Last: an evaluation that is interrupted leaves the window for the report of the resumed run.
        let window = std::mem::take(&mut self.window).report(&self.config.method);
        let seconds = self.seconds();
        self.reported.last = Some((self.step, seconds));
        Ok(Report {
            step: self.step,
            images: self.step * self.config.batch as u64,
            seconds,
            test_acc,
            test_acc_ema,
            test_set: self.reported.test_set,
            ..window
        })
    }

    async fn accuracy(&mut self, which: Weights) -> Result<f64, TrainError> {
        let probabilities = self.engine.evaluate(&self.gpu, &self.data.test, which).await?;
        let accuracy = accuracy(&probabilities, &self.data.test_labels, self.data.classes.len());
        self.test_probabilities = probabilities.into();
        Ok(accuracy)
    }

    /// Class probabilities `[images, classes]` of the test images at the last report, with EMA weights;
    /// empty before the first.
    pub fn test_probabilities(&self) -> &Arc<[f32]> {
        &self.test_probabilities
    }

    /// Where the network, with weights of choice and the moving statistics, puts a sample of the training images;
    /// changes nothing. Axes keep their order and sense from one call to the next as far as they can. `None` while a
    /// feature is NaN or infinite.
    ///
    /// # Errors
    /// [`TrainError::Gpu`] if the device failed or is out of memory.
    pub async fn embed(&mut self, weights: Weights) -> Result<Option<Embedding>, TrainError> {
        let (gpu, data) = (Arc::clone(&self.gpu), Arc::clone(&self.data));
        let mut embedder = match self.embedder.take() {
            Some(embedder) => embedder,
            None => Embedder::new(&gpu, &self.engine, &data, &self.split, self.config.seed)?,
        };
        let embedding = embedder.embed(&gpu, &mut self.engine, &data, weights, self.step).await?;
        self.embedder = Some(embedder);
        Ok(embedding)
    }
}

/// The split of the data that a run goes on with, by the recorded roles.
///
/// # Errors
/// [`TrainError::ChangedData`] if the data differ from the recorded ones and `accept_changed_data` is not set; no image
/// is labelled any more.
fn resumed_split(
    recorded: &Fingerprint,
    config: &Config,
    data: &DataSet,
    path: &Path,
    notices: &mut Vec<String>,
) -> Result<Split, TrainError> {
    let changes = recorded.compare(data);
    let (flip, shift) = (config.flip.unwrap_or(data.flip), config.shift.unwrap_or(data.shift));
    let mut reasons: Vec<String> = (!changes.is_empty()).then(|| changes.to_string()).into_iter().collect();
    if (flip, shift) != (recorded.facts.flip, recorded.facts.shift) {
        let DataFacts { flip: old_flip, shift: old_shift, .. } = recorded.facts;
        reasons.push(format!("flip = {flip} and shift = {shift}, the run had {old_flip} and {old_shift}"));
    }
    if changes.new_classes > 0 {
        reasons.push(format!(
            "a run keeps its labels: {} trained on without it; start another run to use {}",
            counted(changes.new_classes, "image that has a class now is", "images that have a class now are"),
            if changes.new_classes == 1 { "its class" } else { "their classes" }
        ));
    }
    if changes.reclassed > 0 {
        reasons.push("a labelled image with another class goes on with the class that it has now".to_owned());
    }
    let reason = reasons.join("; ");
    notices.extend(changes.notice().filter(|_| changes.is_empty()));
    match reasons.is_empty() {
        true if changes.renamed > 0 => {
            notices.push(format!("{} another name", counted(changes.renamed, "image has", "images have")))
        }
        true => {}
        false if !config.accept_changed_data => {
            return Err(TrainError::ChangedData { path: path.to_owned(), reason });
        }
        false => notices.push(format!("the data have changed: {reason}")),
    }
    let split = recorded.split(data);
    let before = recorded.images.iter().filter(|image| image.role == Role::Labelled).count();
    let labels = split.labelled.len();
    if !reasons.is_empty() && recorded.has_other_tests(data) {
        notices.push(
            "the test images are not those of before: later accuracies are not comparable with earlier ones, which the \
             column test_set of metrics.csv marks"
                .to_owned(),
        );
    }
    if labels == 0 {
        return Err(TrainError::NoLabelsLeft { path: path.to_owned(), before });
    }
    if labels < before {
        notices.push(format!(
            "{} left",
            counted_of(labels, before, ["labelled image", "labelled images"], ["is", "are"])
        ));
    }
    let bare = recorded.classes_without_labels(data, &split);
    if !bare.is_empty() {
        let (noun, it) = if bare.len() == 1 { ("class", "it") } else { ("classes", "them") };
        let names: Vec<String> = bare.iter().map(|name| format!("'{}'", shown_name(name))).collect();
        notices.push(format!(
            "no labelled image of the {noun} {} is left: the run goes on without a label of {it}",
            names.join(", ")
        ));
    }
    Ok(split)
}

/// What the engine of a run is built for.
///
/// # Errors
/// An unknown network.
pub fn engine_options(
    config: &Config,
    data: &DataSet,
    capture: Capture,
) -> Result<EngineOptions, TrainError> {
    plan_options(config, image_shape(data), data.classes.len(), capture)
}

/// [`engine_options`] for images `[height, width, channels]` of so many classes.
///
/// # Errors
/// An unknown network.
pub fn plan_options(
    config: &Config,
    image: [usize; 3],
    classes: usize,
    capture: Capture,
) -> Result<EngineOptions, TrainError> {
    Ok(EngineOptions {
        architecture: config.architecture()?,
        image,
        classes,
        method: config.method.clone(),
        batch: config.batch,
        optimiser: config.optimiser,
        norm_momentum: config.norm_momentum,
        precision: config.precision,
        freeze: config.freeze.clone(),
        augment: config.augment,
        capture,
    })
}

/// Height, width and channels of a data set's images.
pub fn image_shape(data: &DataSet) -> [usize; 3] {
    let Images { height, width, channels, .. } = data.train;
    [height, width, channels]
}

/// Class frequencies of the labelled images, `[classes]`.
pub fn label_frequencies(data: &DataSet, split: &Split) -> Vec<f32> {
    let counts = data.train_counts(&split.labelled);
    let total: usize = counts.iter().sum();
    counts.into_iter().map(|count| count as f32 / total as f32).collect()
}
