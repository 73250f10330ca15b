//! One training step and the evaluation of the same network, recorded as a plan.

use super::guess::{AlignmentState, Guess};
use super::inspection::Inspection;
use super::losses::RowKind;
use super::recorder::Recorder;
use super::shape::StepShape;
use crate::augment::OpOptions;
use crate::gpu::{Gpu, GpuError, Memory, PlanBuilder, Program, Tensor};
use crate::nn::{Activation, BINDING_WORDS, WideResNet};
use crate::optim::{Optimiser, OptimiserState};

/// Memory that tensors living inside one step should stay below: more passes run in one dispatch as
/// long as they do.
const TRANSIENT_BUDGET: u64 = 640 << 20;
/// Words of the feature maps that a dispatch goes through where others wait for their turn, 8 MiB.
const TURN_WORDS: usize = 2 << 20;

/// Where in a step's report the update's faults are.
pub const REPORT_FAULTS: usize = BINDING_WORDS;
/// Where in a step's report the probe matches begin.
pub const REPORT_MATCHES: usize = 2 * BINDING_WORDS;

/// Tensors that are written before, kept between or read after steps.
#[derive(Clone, Debug)]
pub struct StepTensors {
    /// u8 images `[labelled B, unlabelled B]`, one word a pixel.
    pub sources: Tensor,
    /// [`WeakDraw`] of every view.
    pub weak_draws: Tensor,
    /// [`OpDraw`] of every view, one tensor an operation in turn.
    pub op_draws: Vec<Tensor>,
    /// [`AssembleRow`] of every network input with a gradient.
    pub rows: Tensor,
    /// [`AssembleRow`] of the guess, probe and labelled inputs: the same in every step.
    pub fixed_rows: Tensor,
    pub labels: Tensor,
    /// True classes of the unlabelled images, for the report only.
    pub hidden: Tensor,
    pub step_block: Tensor,
    pub optimiser: OptimiserState,
    /// Moving means and variances.
    pub moving: Tensor,
    pub alignment: AlignmentState,
    /// Augmented u8 images, one word a pixel.
    pub views: Tensor,
    /// Statistics from word 0, the update's faults from [`REPORT_FAULTS`], probe matches from [`REPORT_MATCHES`].
    pub report: Tensor,
    pub targets: Tensor,
    /// Loss and hit of every row.
    pub results: Tensor,
    pub guess: Option<Guess>,
    /// Logits of the views that the guess is made from.
    pub guess_logits: Vec<Tensor>,
    /// Logits of the labelled batch, where the guess is measured by them.
    pub labelled_logits: Option<Tensor>,
    pub groups: Vec<GroupTensors>,
}

/// A run of passes that one dispatch a layer works on.
#[derive(Clone, Debug)]
pub struct GroupTensors {
    /// First row of the tables.
    pub first_row: usize,
    pub input: Activation,
    /// `(kind, first row of the tables, rows, logits)`.
    pub logits: Vec<(RowKind, usize, usize, Tensor)>,
}

/// Tensors of the evaluation of up to `capacity` images.
#[derive(Clone, Debug)]
pub struct EvaluationTensors {
    pub capacity: usize,
    pub sources: Tensor,
    pub rows: Tensor,
    /// `[capacity, classes]`
    pub probabilities: Tensor,
    /// `[capacity, features]`
    pub embedding: Tensor,
}

/// A recorded step: nothing is allocated until its `builder` is built.
pub struct StepRecording {
    pub builder: PlanBuilder,
    pub tensors: StepTensors,
    pub step: Program,
    pub evaluation: EvaluationTensors,
    /// Evaluates with the averaged weights.
    pub evaluate_averaged: Program,
    /// Evaluates with the weights as trained.
    pub evaluate_raw: Program,
    pub inspection: Option<Inspection>,
    /// Passes in one dispatch, at most.
    pub group_passes: usize,
}

/// What of a step's passage is kept for a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only what the next step needs.
    State,
    /// Guesses, and an [`Inspection`] beside the step, for who looks on.
    Views,
    /// Inputs, guesses, targets and logits as well.
    Trace,
}

impl Keep {
    /// Whether somebody looks on at a software adapter, which draws the window in turn with the training: no
    /// dispatch may then take long.
    pub fn is_watched_on(self, gpu: &Gpu) -> bool {
        self == Self::Views && gpu.is_software()
    }
}

impl StepRecording {
    /// Records the step with as many passes a dispatch as memory and the adapter's limits allow.
    ///
    /// # Errors
    /// Names the tensor that exceeds a limit even at one pass a dispatch.
    pub fn new(
        gpu: &Gpu,
        network: &WideResNet,
        shape: &StepShape,
        optimiser: &'static Optimiser,
        options: OpOptions,
        keep: Keep,
    ) -> Result<Self, GpuError> {
        let mut group_passes = shape.passes();
        let map = shape.batch * network.largest_map();
        loop {
            let recording = Self::with_passes(network, shape, optimiser, options, keep, group_passes);
            let fits = recording.builder.check(gpu);
            let quick = !keep.is_watched_on(gpu) || group_passes * map <= TURN_WORDS;
            let small = quick && recording.memory().transient <= TRANSIENT_BUDGET;
            if fits.is_ok() && (group_passes == 1 || small) {
                return Ok(recording);
            }
            if group_passes == 1 {
                fits?;
            }
            group_passes = group_passes.div_ceil(2);
        }
    }

    /// Records the step with at most `group_passes` passes a dispatch, whatever the limits.
    pub fn with_passes(
        network: &WideResNet,
        shape: &StepShape,
        optimiser: &'static Optimiser,
        options: OpOptions,
        keep: Keep,
        group_passes: usize,
    ) -> Self {
        Recorder::record(network, shape, optimiser, options, keep, group_passes)
    }

    /// Bytes the plan will take.
    pub fn memory(&self) -> Memory {
        self.builder.memory()
    }
}
