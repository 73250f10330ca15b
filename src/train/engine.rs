//! The recorded step on the adapter, with the host's view of its state.

use super::error::TrainError;
use super::evaluation::{Evaluation, Weights};
use super::inspection::Inspection;
use super::pace::{self, Pace};
use super::precision::Precision;
use super::recording::{Capture, Recording, RecordingOptions, Undo};
use super::sampler::StepSamples;
use super::workload::Workload;
use crate::augment::{AssembleRow, OpOptions, input_pictures};
use crate::data::Images;
use crate::gpu::{Gpu, GpuError, KernelTime, Memory, Pictures, Plan, Profiler, Program, Tensor};
use crate::nn::{Architecture, ConvTiling, Freeze, Network, initial_values};
use crate::optim::{FIRST_LOSS_SCALE, Optimiser};
use crate::ssl::{Method, RowLayout, StepBlock, StepTensors};

/// Limit of MACs per dispatch on a software adapter shared with a window: one to three ms on two cores.
const MACS_PER_DISPATCH: u64 = 32 << 20;

/// What an engine is built for.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    pub architecture: Architecture,
    /// Height, width and channels of the images.
    pub image: [usize; 3],
    pub classes: usize,
    pub method: Method,
    pub batch: usize,
    pub optimiser: &'static Optimiser,
    pub norm_momentum: f32,
    pub precision: Precision,
    /// Layers that are not trained.
    pub freeze: Freeze,
    pub augment: OpOptions,
    pub capture: Capture,
}

/// A network, its optimiser and one recorded step, placed on the adapter.
pub struct Engine {
    pub network: Network,
    pub method: Method,
    pub layout: RowLayout,
    /// Passes with a gradient that share a dispatch, at most.
    pub passes_per_dispatch: usize,
    pub tensors: StepTensors,
    pub inspection: Option<Inspection>,
    /// Programs run in slices if set, and in one go if not.
    pub pace: Option<Pace>,
    /// Whether the next step is timed kernel by kernel, where the adapter has timestamps.
    pub profile_next: bool,
    pub capture: Capture,
    /// What the plan has to do.
    pub workload: Workload,
    /// The last step that was timed.
    pub profile: Option<Vec<KernelTime>>,
    plan: Plan,
    step: Program,
    evaluation: Evaluation,
    undo: Option<Undo>,
    /// One upload's pixels, reused.
    pixels: Vec<u32>,
}

impl Engine {
    /// Plans the step: what it would take, without allocating.
    ///
    /// # Errors
    /// Settings out of range; a tensor above the adapter's limits even at one pass per dispatch.
    pub fn plan(gpu: &Gpu, options: &EngineOptions) -> Result<(Network, RowLayout, Recording), TrainError> {
        Self::plan_with(gpu, options, usize::MAX)
    }

    /// [`Engine::plan`] with at most `most_passes` passes per dispatch.
    fn plan_with(
        gpu: &Gpu,
        options: &EngineOptions,
        most_passes: usize,
    ) -> Result<(Network, RowLayout, Recording), TrainError> {
        let [height, width, _] = options.image;
        let method = &options.method;
        method.validate(options.batch, height, width)?;
        if options.precision == Precision::Mixed && !gpu.features.contains(wgpu::Features::SHADER_F16) {
            return Err(TrainError::NoHalfPrecision { adapter: gpu.info.name.clone() });
        }
        if options.precision == Precision::Mixed && options.capture == Capture::Trace {
            let (field, expected) = ("precision", "'single' for a trace, whose tensors are f32");
            return Err(TrainError::OutOfRange { field, found: "'mixed'".to_owned(), expected });
        }
        let mut tiling = ConvTiling::new(gpu);
        if options.capture.needs_responsive_ui(gpu) {
            tiling = tiling.with_macs_per_dispatch(MACS_PER_DISPATCH);
        }
        let mut network = Network::new(&options.architecture, options.image, options.classes, tiling)?;
        network.freeze(&options.freeze)?;
        network.momentum = options.norm_momentum;
        network.storage = options.precision.storage();
        network.tiles = gpu.measured_tiles();
        let layout = RowLayout::new(method, options.batch);
        let OpOptions { scale, sampling } = options.augment;
        let recording = Recording::new(
            gpu,
            &RecordingOptions {
                network: &network,
                method,
                layout: &layout,
                optimiser: options.optimiser,
                augment: method.policy.start().options(scale, sampling),
                capture: options.capture,
            },
            most_passes,
        )?;
        Ok((network, layout, recording))
    }

    /// Plans and allocates, with half the passes per dispatch where the adapter's memory is too small; the state is all
    /// zeros until [`Engine::initialise`] or a checkpoint sets it.
    ///
    /// # Errors
    /// [`TrainError`] if settings are out of range, a tensor exceeds the adapter's limits or its memory even at one pass
    /// per dispatch, or the device failed.
    pub fn new(gpu: &Gpu, options: &EngineOptions) -> Result<Self, TrainError> {
        let mut most_passes = usize::MAX;
        loop {
            let planned = Self::plan_with(gpu, options, most_passes)?;
            let passes = planned.2.passes_per_dispatch;
            match Self::allocate(gpu, options, planned) {
                Err(TrainError::Gpu(GpuError::OutOfMemory { needed })) if passes > 1 => {
                    most_passes = passes.div_ceil(2);
                    tracing::warn!(
                        "the adapter has no memory left for {needed} bytes: {most_passes} passes per dispatch instead of \
                         {passes}"
                    );
                }
                outcome => return outcome,
            }
        }
    }

    fn allocate(
        gpu: &Gpu,
        options: &EngineOptions,
        (network, layout, recording): (Network, RowLayout, Recording),
    ) -> Result<Self, TrainError> {
        let workload = Workload::of(gpu, &recording);
        let Recording { builder, tensors, step, evaluation, undo, inspection, passes_per_dispatch } =
            recording;
        let engine = Self {
            network,
            method: options.method.clone(),
            layout,
            passes_per_dispatch,
            tensors,
            inspection,
            pace: None,
            profile_next: false,
            workload,
            capture: options.capture,
            profile: None,
            plan: builder.build(gpu)?,
            step,
            evaluation,
            undo,
            pixels: Vec::new(),
        };
        engine.write_fixed_tables(gpu);
        Ok(engine)
    }

    fn write_fixed_tables(&self, gpu: &Gpu) {
        let row = |view: u32| AssembleRow { a: view, b: view, lambda: 1.0, rotation: 0 };
        let rows = |count: usize| (0..count as u32).map(row).collect::<Vec<_>>();
        self.plan.write(gpu, self.tensors.view_rows, &rows(self.layout.view_count()));
        self.plan.write(gpu, self.evaluation.rows, &rows(self.evaluation.capacity));
        self.plan.write(gpu, self.tensors.optimiser.decayed, &self.network.trainable.decay_blocks());
    }

    /// Fresh weights from `seed`, an untouched optimiser, p~(y) uniform and p(y) as given.
    pub fn initialise(&self, gpu: &Gpu, seed: u64, label_distribution: &[f32]) {
        let values = initial_values(&self.network.parameters, seed);
        let statistics = initial_values(&self.network.statistics, seed);
        self.write_network(gpu, &values, &statistics);
        let zeros = vec![0f32; self.network.trainable.words()];
        self.tensors.optimiser.state().for_each(|(_, tensor)| self.plan.write(gpu, tensor, &zeros));
        self.write_loss_scale(gpu, FIRST_LOSS_SCALE);
        let history = self.tensors.alignment.history;
        let uniform = vec![1.0 / self.network.classes as f32; history.words()];
        self.plan.write(gpu, history, &uniform);
        self.plan.write(gpu, self.tensors.alignment.label_distribution, label_distribution);
    }

    /// Sets the weights, the EMA weights to the same values, and the moving statistics: logical tensors in the network's
    /// order.
    pub(super) fn write_network(&self, gpu: &Gpu, weights: &[Vec<f32>], statistics: &[Vec<f32>]) {
        let packed = self.network.parameters.pack(weights.iter().map(Vec::as_slice));
        let moving = self.network.statistics.pack(statistics.iter().map(Vec::as_slice));
        let optimiser = self.tensors.optimiser;
        self.plan.write(gpu, optimiser.weights, &packed);
        self.plan.write(gpu, optimiser.ema, &packed);
        self.plan.write(gpu, self.tensors.moving, &moving);
    }

    /// Sets the loss scale and the steps since it changed, if there is one.
    pub(super) fn write_loss_scale(&self, gpu: &Gpu, state: [f32; 2]) {
        if let Some(scale) = self.tensors.loss_scale {
            self.plan.write(gpu, scale.state, &state);
        }
    }

    /// Bytes on the adapter.
    pub fn memory(&self) -> &Memory {
        self.plan.memory()
    }

    /// Dispatches, clears and copies of one step.
    pub fn step_operations(&self) -> usize {
        self.step.len()
    }

    /// Uploads one step's images, draws and numbers, and submits it; waits only where it is paced.
    ///
    /// # Errors
    /// [`TrainError::Data`] if an image cannot be read, before anything is submitted; [`TrainError::Gpu`] if the adapter
    /// fails, or the engine's pace is stopped. Stopped, an engine for [`Capture::State`] has the state from before the
    /// step.
    pub async fn submit_step(
        &mut self,
        gpu: &Gpu,
        images: &Images,
        [labels, hidden]: [&[Option<u32>]; 2],
        samples: &StepSamples,
        block: StepBlock,
    ) -> Result<(), TrainError> {
        self.upload_step(gpu, images, [labels, hidden], samples, block);
        if let Some(failure) = images.take_failure() {
            return Err(failure.into());
        }
        let undo = self.undo.filter(|_| self.pace.as_ref().is_some_and(|pace| pace.has_slices(self.step)));
        if let Some(undo) = undo {
            self.plan.run(gpu, undo.keep);
        }
        let outcome = self.run(gpu, self.step, self.tensors.update_from).await;
        if let (Err(GpuError::Stopped), Some(undo)) = (&outcome, undo) {
            self.plan.run(gpu, undo.restore);
        }
        Ok(outcome?)
    }

    /// Runs a step on the tables and images that are there.
    pub(super) async fn try_step(&mut self, gpu: &Gpu) -> Result<(), GpuError> {
        self.run(gpu, self.step, self.step.len()).await
    }

    /// Runs one of the plan's programs, at the pace that is set; it can be stopped up to operation `last_stop`.
    pub(super) async fn run(
        &mut self,
        gpu: &Gpu,
        program: Program,
        last_stop: usize,
    ) -> Result<(), GpuError> {
        let timestamps = gpu.features.contains(wgpu::Features::TIMESTAMP_QUERY);
        if timestamps && program == self.step && std::mem::take(&mut self.profile_next) {
            self.profile = Profiler::run(gpu, &self.plan, program).await?;
            return Ok(());
        }
        pace::run(&mut self.pace, gpu, &self.plan, program, last_stop).await
    }

    fn upload_step(
        &mut self,
        gpu: &Gpu,
        images: &Images,
        [labels, hidden]: [&[Option<u32>]; 2],
        samples: &StepSamples,
        block: StepBlock,
    ) {
        const UNKNOWN: u32 = u32::MAX;
        let label = |i: &usize| labels[*i].unwrap_or(UNKNOWN);
        let hidden_label = |i: &usize| hidden[*i].unwrap_or(UNKNOWN);
        let t = &self.tensors;
        let write = |tensor: Tensor, bytes: &[u8]| self.plan.write(gpu, tensor, bytes);
        write(t.weak_draws, bytemuck::cast_slice(&samples.weak));
        for (tensor, ops) in t.op_draws.iter().zip(&samples.ops) {
            write(*tensor, bytemuck::cast_slice(ops));
        }
        write(t.rows, bytemuck::cast_slice(&samples.rows));
        write(t.step_block, bytemuck::bytes_of(&block));
        let labelled: Vec<u32> = samples.labelled.iter().map(label).collect();
        write(t.labels, bytemuck::cast_slice(&labelled));
        let hidden: Vec<u32> = samples.unlabelled.iter().map(hidden_label).collect();
        if !hidden.is_empty() {
            write(t.hidden, bytemuck::cast_slice(&hidden));
        }
        let pixels = images.height * images.width;
        let sources = samples.labelled.iter().chain(&samples.unlabelled);
        self.pixels.resize((samples.labelled.len() + samples.unlabelled.len()) * pixels, 0);
        for (image, to) in sources.zip(self.pixels.chunks_exact_mut(pixels)) {
            images.rgba(*image, to);
        }
        write(self.tensors.sources, bytemuck::cast_slice(&self.pixels));
    }

    /// The plan and the program of a training step in it, for benchmarks.
    pub fn recorded_step(&self) -> (&Plan, Program) {
        (&self.plan, self.step)
    }

    /// A texture with a tile for each row of the inspection. `None` if views are not captured.
    ///
    /// # Errors
    /// [`GpuError`] if the device is lost or the texture does not fit its limits.
    pub fn pictures(&self, gpu: &Gpu) -> Result<Option<Pictures>, GpuError> {
        let Some(inspection) = &self.inspection else { return Ok(None) };
        let size = [self.network.height, self.network.width];
        let tiles = inspection.total(&self.layout);
        input_pictures(gpu, &self.plan, size, self.tensors.views, inspection.rows, tiles).map(Some)
    }

    /// The plan, for readback and views.
    pub fn recorded(&self) -> &Plan {
        &self.plan
    }

    /// Class probabilities `[images, classes]` of some images; waits for them.
    ///
    /// # Errors
    /// A [`GpuError`] if the device failed, the wait limit is over or a buffer cannot be mapped.
    pub async fn evaluate(
        &mut self,
        gpu: &Gpu,
        images: &Images,
        which: Weights,
    ) -> Result<Vec<f32>, GpuError> {
        self.evaluate_with(gpu, images, which, |_, _, _| {}).await
    }

    /// [`Engine::evaluate`] in chunks of images: after each chunk, `observe` gets the plan, the index of the chunk's
    /// first image and the penultimate features `[chunk, features]`, a tensor that the next chunk overwrites.
    ///
    /// # Errors
    /// A [`GpuError`] if the device failed, the wait limit is over or a buffer cannot be mapped.
    pub async fn evaluate_with(
        &mut self,
        gpu: &Gpu,
        images: &Images,
        which: Weights,
        mut observe: impl FnMut(&Plan, usize, Tensor),
    ) -> Result<Vec<f32>, GpuError> {
        let (classes, features) = (self.network.classes, self.network.features);
        let pixels = images.height * images.width;
        let mut all = Vec::with_capacity(images.len() * classes);
        for first in (0..images.len()).step_by(self.evaluation.capacity) {
            let count = self.evaluation.capacity.min(images.len() - first);
            self.pixels.resize(count * pixels, 0);
            for (i, to) in self.pixels.chunks_exact_mut(pixels).enumerate() {
                images.rgba(first + i, to);
            }
            self.plan.write(gpu, self.evaluation.sources, &self.pixels);
            let program = self.evaluation.program(which);
            self.run(gpu, program, program.len()).await?;
            observe(&self.plan, first, self.evaluation.embedding.slice(0, count * features));
            let probabilities: Vec<f32> = self.plan.fetch(gpu, self.evaluation.probabilities).await?;
            all.extend_from_slice(&probabilities[..count * classes]);
        }
        Ok(all)
    }

    /// Content of a tensor; waits for it.
    pub async fn fetch(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<f32>, GpuError> {
        self.plan.fetch(gpu, tensor).await
    }

    /// [`Engine::fetch`] for threads that may block.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<f32>, GpuError> {
        self.plan.read(gpu, tensor)
    }

    /// Replaces the content of a tensor.
    pub fn write(&self, gpu: &Gpu, tensor: Tensor, values: &[f32]) {
        self.plan.write(gpu, tensor, values);
    }
}
