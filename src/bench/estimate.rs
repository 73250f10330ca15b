//! The time of a training step on a card that is not there, from the recorded plan: what each dispatch has to do, and what a
//! card of that kind needs for it at best.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::gpu::Work;
use crate::nn::{ConvTiling, Network};
use crate::ssl::RowLayout;
use crate::train::{AdapterClass, Capture, Config, Precision, Recording, RecordingOptions, TrainError};

/// A read from memory that an invocation waits for, or a stage of a block: about what a DRAM access takes on current GPUs.
const LATENCY: f64 = 0.6e-6;
/// Between two dispatches of which the second reads what the first wrote.
const BARRIER: f64 = 3e-6;
/// Share of its best time at one workgroup per core that a dispatch may lose to idle cores or to its chain before it is marked.
const MARKED: f64 = 0.5;

/// What an estimate needs to know of a card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    pub name: String,
    /// f32 GFLOP/s; a fused multiply-add is two operations.
    pub peak: f64,
    /// GB/s of its memory.
    pub bandwidth: f64,
    /// Streaming multiprocessors, compute units, GPU cores or processor cores: what runs one workgroup at a time.
    pub cores: u64,
    #[serde(skip)]
    pub class: AdapterClass,
}

impl Card {
    /// Cards by name, with the figures of their makers: H100 SXM (66.9 TFLOP/s, 3.35 TB/s, 132 SMs), RTX 4070 (29.1, 504
    /// GB/s, 46), M2 with ten cores (3.6, 100, 10), Iris Xe with 96 units at 1.3 GHz (2.0, 51, 96 units in 6 subslices).
    pub const NAMES: [&str; 4] = ["h100", "rtx-4070", "m2", "iris-xe"];

    /// One of [`Card::NAMES`].
    pub fn named(name: &str) -> Option<Self> {
        let (peak, bandwidth, cores, class) = match name {
            "h100" => (66_900.0, 3_350.0, 132, AdapterClass::Discrete),
            "rtx-4070" => (29_100.0, 504.0, 46, AdapterClass::Discrete),
            "m2" => (3_600.0, 100.0, 10, AdapterClass::Integrated),
            "iris-xe" => (2_000.0, 51.0, 6, AdapterClass::Integrated),
            _ => return None,
        };
        Some(Self { name: name.to_owned(), peak, bandwidth, cores, class })
    }
}

/// All dispatches of one kernel in a step.
#[derive(Clone, Debug, Serialize)]
pub struct KernelEstimate {
    pub kernel: String,
    pub dispatches: usize,
    pub gflop: f64,
    pub gigabytes: f64,
    /// Fewest workgroups of a dispatch.
    pub workgroups: u64,
    /// Longest chain of reads of a dispatch.
    pub chain: u64,
    /// Seconds at best, barriers included.
    pub seconds: f64,
    /// Dispatches in which most cores are idle.
    pub idle: usize,
    /// Dispatches that wait for their chain most of the time.
    pub serial: usize,
}

/// A step's estimate on a card.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    pub card: Card,
    pub preset: String,
    pub precision: Precision,
    pub passes_per_dispatch: usize,
    pub dispatches: usize,
    pub transient_bytes: u64,
    /// Seconds per step at best.
    pub seconds: f64,
    /// Longest first.
    pub kernels: Vec<KernelEstimate>,
}

/// Estimates the step of a run on images `[height, width, channels]` in `classes` classes. Left out: the host's time,
/// address arithmetic, registers spilled, clocks below the maker's figure, and reads that a cache does not catch.
///
/// # Errors
/// [`TrainError`] if the configuration is invalid for such images.
pub fn estimate_step(
    card: &Card,
    config: &Config,
    image: [usize; 3],
    classes: usize,
) -> Result<Estimate, TrainError> {
    let tiling = match card.class {
        AdapterClass::Software => ConvTiling::REGISTER,
        AdapterClass::Discrete | AdapterClass::Integrated => ConvTiling::BLOCKS,
    };
    let mut network = Network::new(&config.architecture()?, image, classes, tiling)?;
    network.freeze(&config.freeze)?;
    network.storage = config.precision.storage();
    let layout = RowLayout::new(&config.method, config.batch);
    let options = RecordingOptions {
        network: &network,
        method: &config.method,
        layout: &layout,
        optimiser: config.optimiser,
        augment: config.augment,
        capture: Capture::State,
    };
    let recording = Recording::within(&options, card.class.transient_budget());
    let works = recording.builder.works(recording.step);
    let mut kernels: BTreeMap<&str, KernelEstimate> = BTreeMap::new();
    for dispatch in &works {
        let time = Time::of(card, dispatch.workgroups, &dispatch.work);
        let sum = kernels.entry(&dispatch.kernel).or_insert_with(|| KernelEstimate {
            kernel: dispatch.kernel.clone(),
            dispatches: 0,
            gflop: 0.0,
            gigabytes: 0.0,
            workgroups: u64::MAX,
            chain: 0,
            seconds: 0.0,
            idle: 0,
            serial: 0,
        });
        sum.dispatches += 1;
        sum.gflop += dispatch.work.operations as f64 / 1e9;
        sum.gigabytes += dispatch.work.bytes as f64 / 1e9;
        sum.workgroups = sum.workgroups.min(dispatch.workgroups);
        sum.chain = sum.chain.max(dispatch.work.chain);
        sum.seconds += time.seconds();
        sum.idle += usize::from(time.is_idle());
        sum.serial += usize::from(time.is_serial());
    }
    let mut kernels: Vec<_> = kernels.into_values().collect();
    kernels.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    Ok(Estimate {
        card: card.clone(),
        preset: config.preset.clone(),
        precision: config.precision,
        passes_per_dispatch: recording.passes_per_dispatch,
        dispatches: works.len(),
        transient_bytes: recording.memory().transient,
        seconds: kernels.iter().map(|kernel| kernel.seconds).sum(),
        kernels,
    })
}

/// Seconds of a dispatch at best, by what may limit it.
struct Time {
    /// Arithmetic and reads of workgroup memory, on all cores.
    busy: f64,
    /// The same on the cores that have a workgroup.
    compute: f64,
    memory: f64,
    chain: f64,
}

impl Time {
    fn of(card: &Card, workgroups: u64, work: &Work) -> Self {
        // A core reads as many bytes of workgroup memory per clock as it does multiply-adds: 128 of both on current GPUs. A
        // software adapter has no such memory, and its processor hides a read's latency in its caches.
        let on_gpu = card.class != AdapterClass::Software;
        let local = if on_gpu { work.local_bytes as f64 / (card.peak * 1e9 / 2.0) } else { 0.0 };
        let busy = (work.operations as f64 / (card.peak * 1e9)).max(local);
        let share = (workgroups as f64 / card.cores as f64).min(1.0);
        Self {
            busy,
            compute: busy / share,
            memory: work.bytes as f64 / (card.bandwidth * 1e9),
            chain: if on_gpu { work.chain as f64 * LATENCY } else { 0.0 },
        }
    }

    fn seconds(&self) -> f64 {
        self.compute.max(self.memory).max(self.chain) + BARRIER
    }

    /// Whether cores without a workgroup cost more than the barrier that any dispatch has.
    fn is_idle(&self) -> bool {
        self.compute > self.memory && self.compute * MARKED > self.busy && self.compute - self.busy > BARRIER
    }

    fn is_serial(&self) -> bool {
        let rest = self.compute.max(self.memory);
        self.chain * MARKED > rest && self.chain - rest > BARRIER
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::preset;

    fn card() -> Card {
        Card {
            name: "test".into(),
            peak: 1_000.0,
            bandwidth: 100.0,
            cores: 10,
            class: AdapterClass::Discrete,
        }
    }

    fn time(workgroups: u64, work: Work) -> Time {
        Time::of(&card(), workgroups, &work)
    }

    #[test]
    fn the_slowest_resource_decides() {
        let none = Work { operations: 0, bytes: 0, local_bytes: 0, chain: 0 };
        for (workgroups, work, expected) in [
            (10, Work { operations: 1_000_000_000, ..none }, 1e-3),
            (5, Work { operations: 1_000_000_000, ..none }, 2e-3),
            (10, Work { bytes: 1_000_000_000, ..none }, 1e-2),
            (1, Work { bytes: 1_000_000_000, ..none }, 1e-2),
            (10, Work { local_bytes: 1_000_000_000, ..none }, 2e-3),
            (10, Work { chain: 1_000, ..none }, 0.6e-3),
            (10, none, 0.0),
        ] {
            let seconds = time(workgroups, work).seconds() - BARRIER;
            assert!((seconds - expected).abs() < 1e-9, "{work:?} in {workgroups}: {seconds}, not {expected}");
        }
    }

    #[test]
    fn idle_and_serial_dispatches_are_marked() {
        let work = Work { operations: 1_000_000_000, bytes: 4, local_bytes: 0, chain: 1 };
        assert!(time(4, work).is_idle() && !time(8, work).is_idle());
        assert!(!time(1, Work { operations: 100, ..work }).is_idle(), "too small to matter");
        let chain = |chain| time(10, Work { chain, ..work }).is_serial();
        assert!(chain(4_000) && !chain(1_000));
    }

    #[test]
    fn f16_maps_halve_most_bytes() {
        let mut config = preset("paper-cifar10", None).expect("the preset exists").config;
        let card = Card::named("h100").expect("a card");
        let mut gigabytes = |precision| {
            config.precision = precision;
            let estimate = estimate_step(&card, &config, [32, 32, 3], 10).expect("an estimate");
            estimate.kernels.iter().map(|kernel| kernel.gigabytes).sum::<f64>()
        };
        let (single, mixed) = (gigabytes(Precision::Single), gigabytes(Precision::Mixed));
        assert!((0.45..0.7).contains(&(mixed / single)), "{mixed} GB, not {single}");
    }

    /// What the plan is built to reach: paper-cifar10 with K = 8 in one group of passes.
    #[test]
    fn the_papers_step_has_no_long_chains() {
        let config = preset("paper-cifar10", None).expect("the preset exists").config;
        for name in Card::NAMES {
            let card = Card::named(name).expect("a card");
            let estimate = estimate_step(&card, &config, [32, 32, 3], 10).expect("an estimate");
            for kernel in &estimate.kernels {
                assert!(kernel.chain <= 256, "{name}: {} has a chain of {}", kernel.kernel, kernel.chain);
            }
            if card.class == AdapterClass::Discrete {
                assert_eq!(estimate.passes_per_dispatch, 12);
                assert!(estimate.dispatches <= 550, "{} dispatches", estimate.dispatches);
            }
        }
    }
}
