//! What an engine places on the adapter: the step, the evaluation of its network and, for observers, an inspection,
//! recorded into one plan that fits the adapter's limits.

use serde::Serialize;

use super::evaluation::Evaluation;
use super::inspection::{Inspection, InspectionOptions, further_views};
use crate::augment::OpOptions;
use crate::gpu::{Gpu, GpuError, Memory, PlanBuilder, Program, Tensor};
use crate::nn::Network;
use crate::optim::Optimiser;
use crate::ssl::{Method, RowLayout, StepOptions, StepTensors, record_step};

/// Kinds of adapters for which a step is planned differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdapterClass {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the host's memory, or one of unknown kind, as in a browser.
    Integrated,
    /// The processor.
    Software,
}

impl AdapterClass {
    /// The class of an open adapter.
    pub fn of(gpu: &Gpu) -> Self {
        match gpu.info.device_type {
            wgpu::DeviceType::DiscreteGpu => Self::Discrete,
            wgpu::DeviceType::Cpu => Self::Software,
            wgpu::DeviceType::IntegratedGpu | wgpu::DeviceType::VirtualGpu | wgpu::DeviceType::Other => {
                Self::Integrated
            }
        }
    }

    /// Bytes that tensors living inside one step should stay below: more passes share a dispatch as long as they do. A
    /// discrete GPU needs many rows to be busy.
    pub fn transient_budget(self) -> u64 {
        match self {
            Self::Discrete => 4 << 30,
            Self::Integrated => 1638 << 20,
            Self::Software => 640 << 20,
        }
    }
}

/// Words of the feature maps that one dispatch works on where a window shares a software adapter, 8 MiB.
const RESPONSIVE_WORDS: usize = 2 << 20;

/// What of a step is kept after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Only what the next step needs.
    State,
    /// Guesses too, and an [`Inspection`] beside the step, for views.
    Views,
    /// Inputs, guesses, targets and logits too, for a trace.
    Trace,
}

impl Capture {
    /// Whether a window shares a software adapter with the training, so that no dispatch may take long.
    pub fn needs_responsive_ui(self, gpu: &Gpu) -> bool {
        self == Self::Views && gpu.is_software()
    }
}

/// What a [`Recording`] is made for.
#[derive(Clone, Copy, Debug)]
pub struct RecordingOptions<'a> {
    pub network: &'a Network,
    pub method: &'a Method,
    pub layout: &'a RowLayout,
    pub optimiser: &'static Optimiser,
    pub augment: OpOptions,
    pub capture: Capture,
}

/// A recorded step, evaluation and inspection: nothing is allocated until its `builder` is built.
pub struct Recording {
    pub builder: PlanBuilder,
    pub tensors: StepTensors,
    pub step: Program,
    pub evaluation: Evaluation,
    /// With [`Capture::State`] only: a step is undone where its run is saved after an interruption.
    pub undo: Option<Undo>,
    /// With [`Capture::Views`] only.
    pub inspection: Option<Inspection>,
    /// Passes with a gradient that share a dispatch, at most.
    pub passes_per_dispatch: usize,
}

/// Programs that keep and restore the moving statistics, which a step updates before the rest of the run's state.
#[derive(Clone, Copy, Debug)]
pub struct Undo {
    pub keep: Program,
    pub restore: Program,
}

impl Undo {
    fn record(b: &mut PlanBuilder, moving: Tensor) -> Self {
        let kept = b.persistent("kept moving statistics", moving.words());
        let mut copy = |from, to| {
            let mark = b.mark();
            b.copy(from, to);
            b.program(mark)
        };
        Self { keep: copy(moving, kept), restore: copy(kept, moving) }
    }
}

impl Recording {
    /// Records with as many passes per dispatch as memory and the adapter's limits allow, at most `most`.
    ///
    /// # Errors
    /// Names the tensor that exceeds a limit even at one pass per dispatch.
    pub fn new(gpu: &Gpu, options: &RecordingOptions<'_>, most: usize) -> Result<Self, GpuError> {
        let map = options.layout.batch * options.network.largest_map();
        let budget = AdapterClass::of(gpu).transient_budget();
        let recording = Self::largest(options, most, |recording| {
            let quick = !options.capture.needs_responsive_ui(gpu)
                || recording.passes_per_dispatch * map <= RESPONSIVE_WORDS;
            quick && recording.memory().transient <= budget && recording.builder.check(gpu).is_ok()
        });
        recording.builder.check(gpu)?;
        Ok(recording)
    }

    /// Records with as many passes per dispatch as keep the transient tensors within `budget` bytes; at least one.
    pub fn within(options: &RecordingOptions<'_>, budget: u64) -> Self {
        Self::largest(options, usize::MAX, |recording| recording.memory().transient <= budget)
    }

    /// Halves the passes per dispatch, at first at most `most`, until the recording `fits` or has one.
    fn largest(options: &RecordingOptions<'_>, most: usize, fits: impl Fn(&Self) -> bool) -> Self {
        let mut passes_per_dispatch = options.layout.passes.len().min(most).max(1);
        loop {
            let recording = Self::with_passes(options, passes_per_dispatch);
            if passes_per_dispatch == 1 || fits(&recording) {
                return recording;
            }
            passes_per_dispatch = passes_per_dispatch.div_ceil(2);
        }
    }

    /// Records with at most `passes_per_dispatch` passes per dispatch, whatever the limits.
    pub fn with_passes(options: &RecordingOptions<'_>, passes_per_dispatch: usize) -> Self {
        let RecordingOptions { network, method, layout, optimiser, augment, capture } = *options;
        let mut b = PlanBuilder::new();
        let observed = capture == Capture::Views;
        let further_views = if observed { further_views(layout, network) } else { 0 };
        let mark = b.mark();
        let tensors = record_step(
            &mut b,
            &StepOptions { network, method, layout, optimiser, augment, passes_per_dispatch, further_views },
        );
        let step = b.program(mark);
        keep(&mut b, &tensors, capture);
        let evaluation = Evaluation::record(&mut b, network, &tensors);
        let undo = (capture == Capture::State).then(|| Undo::record(&mut b, tensors.moving));
        let inspection = observed.then(|| {
            let options = InspectionOptions { network, method, layout, augment, tensors: &tensors };
            Inspection::record(&mut b, &options)
        });
        Self { builder: b, tensors, step, evaluation, undo, inspection, passes_per_dispatch }
    }

    /// Bytes the plan will take.
    pub fn memory(&self) -> Memory {
        self.builder.memory()
    }
}

/// Keeps what `capture` asks for after the step.
fn keep(b: &mut PlanBuilder, t: &StepTensors, capture: Capture) {
    if capture == Capture::State {
        return;
    }
    if let Some(guess) = &t.guess {
        guess.tensors().into_iter().chain(guess.stats.labelled_confidence).for_each(|tensor| b.keep(tensor));
    }
    if capture == Capture::Trace {
        let passes = t.dispatches.iter();
        let of_passes =
            passes.flat_map(|p| p.logits.iter().map(|(_, _, logits)| *logits).chain([p.input.tensor]));
        let logits = t.guess_logits.iter().copied().chain(t.labelled_logits);
        logits.chain(of_passes).for_each(|tensor| b.keep(tensor));
    }
}
