//! What a run with the settings takes, told before it begins: memory on the adapter, and time.
//!
//! The step is planned on another thread, once the settings have not changed for a moment, so that no frame waits for it. On
//! a page, which has one thread, it is planned between two frames. A network that has not run here yet is tried out while
//! nothing else happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eframe::egui::Context;
use futures_channel::oneshot;
use web_time::Instant;

use super::answers;
use super::platform;
use super::run::Run;
use crate::gpu::Gpu;
use crate::train::{
    Capture, Config, Engine, InitialWeights, RunTime, Speed, TrainError, Workload, init_file,
    is_name_of_weights, known_speed, plan_options, remember_speed, speed_key, try_speed,
};

/// Settings are planned when they have not changed for so long: while a slider moves, every frame has other ones.
const CALM: Duration = Duration::from_millis(250);
/// A network is tried out when nothing has changed for so long.
const IDLE: Duration = Duration::from_millis(1_500);

/// What the next run is planned for.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// One for each run that trains beside the others.
    configs: Vec<Config>,
    /// Height, width and channels.
    image: [usize; 3],
    classes: usize,
}

impl Subject {
    /// Runs with these settings on images `[height, width, channels]`.
    pub fn new(configs: impl IntoIterator<Item = Config>, image: [usize; 3], classes: usize) -> Self {
        // What changes no plan.
        let planned = |config: Config| Config {
            seed: 0,
            steps: 1,
            report_every: 1,
            labels: classes,
            data: String::new(),
            data_path: None,
            ..config
        };
        Self { configs: configs.into_iter().map(planned).collect(), image, classes }
    }

    fn key(&self, config: &Config) -> String {
        speed_key(config, self.image, Capture::Views)
    }

    /// Plans the runs, and reads their first weights unless those are among the `readable`.
    fn plan(&self, gpu: &Gpu, readable: &BTreeSet<String>) -> Result<Plan, TrainError> {
        let [height, width, _] = self.image;
        let mut plan = Plan { memory: 0, runs: Vec::new(), readable: Vec::new() };
        for config in &self.configs {
            config.validate(height, width)?;
            let options = plan_options(config, self.image, self.classes, Capture::Views)?;
            let (network, _, recording) = Engine::plan(gpu, &options)?;
            if let Some(init) = &config.init
                && !may_arrive(init)
            {
                let key = format!("{init} | {}", self.key(config));
                if !readable.contains(&key) {
                    InitialWeights::read(config, &network)?;
                }
                plan.readable.push(key);
            }
            plan.memory += recording.memory().total();
            plan.runs.push((self.key(config), Workload::of(gpu, &recording)));
        }
        Ok(plan)
    }

    /// The settings whose speed has the key `wanted`, measured.
    async fn measure(&self, gpu: &Gpu, wanted: &str, stop: Arc<AtomicBool>) -> Option<Speed> {
        let config = self.configs.iter().find(|config| self.key(config) == wanted)?;
        let options = plan_options(config, self.image, self.classes, Capture::Views).ok()?;
        try_speed(gpu, &options, Some(stop)).await.ok()
    }
}

/// Whether first weights lie beside the page, which fetches them when a run begins.
fn may_arrive(init: &str) -> bool {
    cfg!(target_arch = "wasm32") && is_name_of_weights(init) && init_file(init).is_err()
}

/// The memory and the work of the next runs, with the key of each one's speed.
struct Plan {
    memory: u64,
    runs: Vec<(String, Workload)>,
    /// First weights that fit, by their name and the network.
    readable: Vec<String>,
}

/// What a background task finds.
enum Found {
    Plan { subject: Subject, plan: Result<Plan, String>, speeds: Vec<(String, Speed)> },
    Speed { key: String, speed: Option<Speed> },
}

/// What the next run takes; it is planned again when the settings or the data change.
#[derive(Default)]
pub struct Costs {
    /// Whether networks may be tried out.
    pub measures: bool,
    requested: Option<Subject>,
    /// When something last changed.
    changed: Option<Instant>,
    planned: Option<(Subject, Result<Plan, String>)>,
    working: Option<oneshot::Receiver<Found>>,
    /// Ends the trial under way.
    stop: Arc<AtomicBool>,
    speeds: BTreeMap<String, Speed>,
    /// Speeds that could not be measured.
    failed: BTreeSet<String>,
    /// First weights that fit.
    readable: BTreeSet<String>,
}

impl Costs {
    /// Requests the costs of `subject`, if there is no run; plans and measures in the background what is not known. `calm`:
    /// whether nothing else is under way.
    pub fn refresh(&mut self, gpu: &Arc<Gpu>, subject: Option<Subject>, calm: bool, context: &Context) {
        self.receive();
        if subject != self.requested || !calm {
            self.changed = Some(Instant::now());
            self.requested = subject;
        }
        let Some(subject) = self.requested.clone().filter(|_| calm) else {
            self.stop.store(true, Ordering::Relaxed);
            return;
        };
        if self.working.is_some() {
            return;
        }
        let past = self.changed.map_or(Duration::ZERO, |changed| changed.elapsed());
        let is_planned = self.planned.as_ref().is_some_and(|(of, _)| *of == subject);
        let missing = || self.missing_speed().filter(|_| self.measures);
        let (wait, missing) = match (is_planned, &self.planned) {
            (true, _) => match missing() {
                Some(key) => (IDLE, Some(key)),
                None => return,
            },
            // The first plan has nothing to wait for.
            (false, None) => (Duration::ZERO, None),
            (false, Some(_)) => (CALM, None),
        };
        if past < wait {
            context.request_repaint_after(wait - past);
            return;
        }
        self.begin(gpu, subject, missing, context);
    }

    fn begin(&mut self, gpu: &Arc<Gpu>, subject: Subject, missing: Option<String>, context: &Context) {
        let (sender, receiver) = oneshot::channel();
        let (gpu, context) = (Arc::clone(gpu), context.clone());
        self.stop = Arc::default();
        let (stop, readable) = (Arc::clone(&self.stop), self.readable.clone());
        platform::spawn(move || async move {
            let found = match missing {
                Some(key) => {
                    let speed = subject.measure(&gpu, &key, stop).await;
                    speed.into_iter().for_each(|speed| remember_speed(&gpu, &key, speed));
                    Found::Speed { key, speed }
                }
                None => {
                    let plan = subject.plan(&gpu, &readable).map_err(|error| answers::in_window(&error));
                    let keys = plan.iter().flat_map(|plan| plan.runs.iter().map(|(key, _)| key.clone()));
                    let speeds =
                        keys.filter_map(|key| Some((key.clone(), known_speed(&gpu, &key)?))).collect();
                    Found::Plan { subject, plan, speeds }
                }
            };
            // The window may have closed.
            let _ = sender.send(found);
            context.request_repaint();
        });
        self.working = Some(receiver);
    }

    fn receive(&mut self) {
        let Some(working) = &mut self.working else { return };
        match working.try_recv() {
            Ok(None) => return,
            Ok(Some(Found::Plan { subject, plan, speeds })) => {
                speeds.into_iter().for_each(|(key, speed)| self.add(key, speed));
                self.readable.extend(plan.iter().flat_map(|plan| plan.readable.clone()));
                self.planned = Some((subject, plan));
            }
            Ok(Some(Found::Speed { key, speed: Some(speed) })) => self.add(key, speed),
            // A trial that was stopped is made again.
            Ok(Some(Found::Speed { key, speed: None })) if !self.stop.load(Ordering::Relaxed) => {
                self.failed.insert(key);
            }
            Ok(Some(Found::Speed { .. })) | Err(oneshot::Canceled) => {}
        }
        self.working = None;
    }

    /// Has first weights read again, whose file has changed.
    pub fn forget_weights(&mut self) {
        self.readable.clear();
        if let Some((planned, _)) = &mut self.planned {
            planned.configs.clear();
        }
    }

    /// Takes over how fast a run trains, and remembers it for the next start. Two runs slow each other.
    pub fn observe(&mut self, gpu: &Arc<Gpu>, runs: &[Run]) {
        let [Run { state, .. }] = runs else { return };
        let Some((key, speed)) =
            state.speed.clone().filter(|(key, speed)| self.speeds.get(key) != Some(speed))
        else {
            return;
        };
        self.add(key.clone(), speed);
        let gpu = Arc::clone(gpu);
        platform::offload(move || remember_speed(&gpu, &key, speed));
    }

    fn add(&mut self, key: String, speed: Speed) {
        if self.speeds.get(&key).is_none_or(|known| speed.replaces(known)) {
            self.speeds.insert(key, speed);
        }
    }

    /// The first key of the planned runs whose speed is not known and may be measured.
    fn missing_speed(&self) -> Option<String> {
        let plan = self.planned.as_ref().and_then(|(_, plan)| plan.as_ref().ok())?;
        let is_missing = |key: &&String| !self.speeds.contains_key(*key) && !self.failed.contains(*key);
        plan.runs.iter().map(|(key, _)| key).find(is_missing).cloned()
    }

    /// Bytes on the adapter, or why no run can have the settings; `None` before they are planned.
    pub fn memory(&self) -> Option<Result<u64, &str>> {
        let (_, plan) = self.planned.as_ref()?;
        Some(plan.as_ref().map(|plan| plan.memory).map_err(String::as_str))
    }

    /// How long runs with the settings `configs` take that evaluate `tested` images; `None` before their speed is known.
    pub fn time(&self, configs: &[Config], tested: usize) -> Option<RunTime> {
        let plan = self.planned.as_ref().and_then(|(_, plan)| plan.as_ref().ok())?;
        let speeds: Option<Vec<Speed>> =
            plan.runs.iter().map(|(key, _)| self.speeds.get(key).copied()).collect();
        let runs = plan.runs.iter().zip(configs).zip(speeds?);
        RunTime::of_runs(runs.map(|(((_, workload), config), speed)| (workload, config, speed)), tested)
    }

    /// Whether a time will be known soon.
    pub fn is_measuring(&self) -> bool {
        self.measures && self.missing_speed().is_some()
    }
}
