//! How fast an adapter trains a network: measured by runs and by short trials, and remembered in a file of the user.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use web_time::{Duration, Instant};

use super::config::Config;
use super::engine::{Engine, EngineOptions};
use super::error::TrainError;
use super::files::write_atomically;
use super::pace::Pace;
use super::recording::Capture;
use super::tile_cache::adapter_key;
use super::workload::Workload;
use crate::disk;
use crate::gpu::{Gpu, Tuning};

/// What a speed rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Basis {
    /// A run of the same network on this adapter.
    Run,
    /// A few steps of the plan with so many labelled images.
    Trial { images: usize },
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("by the last run of this network here"),
            Self::Trial { images } => write!(f, "by a trial with batch {images}"),
        }
    }
}

/// How many times as long as a nominal adapter this one takes for a [`Workload`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    pub slowness: f64,
    #[serde(flatten)]
    pub basis: Basis,
}

impl Speed {
    /// Whether it says more than what was known: that of a run does.
    pub fn replaces(&self, known: &Self) -> bool {
        self.basis == Basis::Run || known.basis != Basis::Run
    }
}

/// What speeds are remembered by: they differ most between networks, and less between batches or methods.
pub fn speed_key(config: &Config, [height, width, channels]: [usize; 3], capture: Capture) -> String {
    let place = match capture {
        Capture::Views => "with views",
        Capture::State | Capture::Trace => "alone",
    };
    let scales = config.scales.map(|scales| format!(", {scales} scales")).unwrap_or_default();
    format!(
        "{}{scales}, {width}x{height}x{channels}, {}, frozen {}, {place}",
        config.network,
        crate::named::Named::name(config.precision),
        config.freeze
    )
}

/// The speeds of all adapters.
type All = BTreeMap<String, BTreeMap<String, Speed>>;

/// The file beside that of measured tiles; `None` where nothing is remembered.
fn file(gpu: &Gpu) -> Option<PathBuf> {
    let Tuning { file, .. } = gpu.tuning.as_ref()?;
    Some(file.as_deref()?.with_file_name("speeds.toml"))
}

/// All speeds of a file; none if it is missing or not of this version.
fn read_all(path: &Path) -> All {
    let text = disk::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default()
}

/// The speed that is remembered for this adapter and key.
pub fn known_speed(gpu: &Gpu, key: &str) -> Option<Speed> {
    let speed = *read_all(&file(gpu)?).get(&adapter_key(gpu))?.get(key)?;
    (speed.slowness.is_finite() && speed.slowness > 0.0).then_some(speed)
}

/// Remembers a speed; that of a trial does not replace that of a run. A file that cannot be written is logged.
pub fn remember_speed(gpu: &Gpu, key: &str, speed: Speed) {
    let Some(path) = file(gpu) else { return };
    let mut all = read_all(&path);
    let of_adapter = all.entry(adapter_key(gpu)).or_default();
    if of_adapter.get(key).is_some_and(|known| !speed.replaces(known)) {
        return;
    }
    of_adapter.insert(key.to_owned(), speed);
    let text = toml::to_string(&all).expect("names and numbers are values of TOML");
    let written = disk::create_folder(path.parent().unwrap_or(Path::new(".")))
        .map_err(TrainError::file(&path, "creating its folder"))
        .and_then(|()| write_atomically(&path, text.as_bytes()));
    if let Err(error) = written {
        tracing::info!("measured speeds are not remembered: {error}");
    }
}

/// Steps at the start of a run that say nothing of its speed: shaders are compiled, and slices find their length.
const SKIPPED: u32 = 3;
/// Steps and time from which a run tells its speed.
const ENOUGH: (u32, Duration) = (5, Duration::from_secs(2));

/// Adds up the steps of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StepTimer {
    steps: u32,
    time: Duration,
}

impl StepTimer {
    pub fn add(&mut self, time: Duration) {
        self.steps += 1;
        if self.steps > SKIPPED {
            self.time += time;
        }
    }

    /// The speed for steps of `workload`, once they were enough.
    pub fn speed(&self, workload: &Workload) -> Option<Speed> {
        let steps = self.steps.saturating_sub(SKIPPED);
        let enough = steps >= ENOUGH.0 && self.time >= ENOUGH.1;
        let seconds = self.time.as_secs_f64() / f64::from(steps.max(1));
        enough.then(|| Speed { slowness: seconds / workload.step, basis: Basis::Run })
    }
}

/// Labelled images per step of a trial on a software adapter, whose time grows with the images.
const FEW: usize = 4;
/// Least duration of a trial after its first steps, and most steps of it.
const TRIAL: (Duration, u32) = (Duration::from_millis(500), 50);

/// Measures a few steps of a run's plan on made-up images, on a software adapter with a small batch. With `stop`, in slices
/// as a window needs them, until it is set.
///
/// # Errors
/// [`TrainError`] if no run can have the settings, the adapter has no memory left or the device failed;
/// [`GpuError::Stopped`](crate::gpu::GpuError::Stopped) once `stop` is set.
pub async fn try_speed(
    gpu: &Gpu,
    options: &EngineOptions,
    stop: Option<Arc<AtomicBool>>,
) -> Result<Speed, TrainError> {
    let images = if gpu.is_software() { options.batch.min(FEW) } else { options.batch };
    let mut engine = Engine::new(gpu, &EngineOptions { batch: images, ..options.clone() })?;
    engine.pace = stop.map(Pace::of_window);
    let uniform = vec![1.0 / options.classes as f32; options.classes];
    engine.initialise(gpu, 0, &uniform);
    for _ in 0..SKIPPED {
        engine.try_step(gpu).await?;
        gpu.settled("the first steps of a trial").await?;
    }
    let (began, mut steps) = (Instant::now(), 0);
    while began.elapsed() < TRIAL.0 && steps < TRIAL.1 {
        engine.try_step(gpu).await?;
        gpu.settled("a step of a trial").await?;
        steps += 1;
    }
    let seconds = began.elapsed().as_secs_f64() / f64::from(steps.max(1));
    Ok(Speed { slowness: seconds / engine.workload.step, basis: Basis::Trial { images } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Precision, preset};

    #[test]
    fn runs_tell_their_speed_after_some_steps() {
        let mut timer = StepTimer::default();
        let mut told = Vec::new();
        for step in 0..12 {
            timer.add(Duration::from_millis(if step < SKIPPED { 9_000 } else { 500 }));
            told.push(timer.speed(&Workload::of_programs(0.25, 0.0, 1)).map(|speed| speed.slowness));
        }
        assert_eq!(told[..7], [None; 7]);
        assert_eq!(told[7..], [Some(2.0); 5]);
    }

    #[test]
    fn speeds_are_kept_by_network_size_and_place() {
        let config = preset("photos", None).expect("a preset").config;
        let key = |config: &Config, side, capture| speed_key(config, [side, side, 3], capture);
        let first = key(&config, 96, Capture::State);
        let other_network = Config { network: "wrn-10-1".into(), ..config.clone() };
        let mixed = Config { precision: Precision::Mixed, ..config.clone() };
        let frozen = Config { freeze: crate::nn::Freeze::All, ..config.clone() };
        for other in [
            key(&config, 32, Capture::State),
            key(&config, 96, Capture::Views),
            key(&other_network, 96, Capture::State),
            key(&mixed, 96, Capture::State),
            key(&frozen, 96, Capture::State),
        ] {
            assert_ne!(first, other);
        }
        let batch = Config { batch: 64, steps: 9, seed: 7, ..config.clone() };
        assert_eq!(key(&batch, 96, Capture::State), first);
    }

    #[test]
    fn speeds_survive_their_file() {
        let of = |basis| BTreeMap::from([("lite".to_owned(), Speed { slowness: 1.25, basis })]);
        let all: All =
            [("a".to_owned(), of(Basis::Run)), ("b".to_owned(), of(Basis::Trial { images: 4 }))].into();
        let text = toml::to_string(&all).expect("TOML");
        assert_eq!(toml::from_str::<All>(&text).expect("speeds"), all, "{text}");
    }
}
