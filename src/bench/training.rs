//! A supervised training step without data loading or augmentation, to compare with other frameworks.

use web_time::Instant;

use crate::augment::AssembleRow;
use crate::gpu::{Gpu, GpuError, Memory, Plan, PlanBuilder, Program, Tensor};
use crate::nn::{Head, Network, Parameter, Rows, StatGroups, initial_values};
use crate::optim::{ADAM, FAULTS, OptimiserState};
use crate::ssl::{LOSS_TERMS, LossTables, Method, PerTerm, StepBlock, TERMS, record_loss_terms};

const SEED: u64 = 1;

/// Supervised training of a network on one fixed labelled batch: forward, cross-entropy, backward and Adam.
pub struct TrainingStep {
    plan: Plan,
    step: Program,
    results: Tensor,
    parameters: usize,
}

impl TrainingStep {
    /// A step on a batch of random images; the class of image `i` is `i` modulo the number of classes.
    ///
    /// # Errors
    /// A [`GpuError`] if a tensor or dispatch exceeds the adapter's limits, or the device failed.
    pub fn new(gpu: &Gpu, network: &Network, batch: usize) -> Result<Self, GpuError> {
        let classes = network.classes;
        let words = network.parameters.words();
        let mut b = PlanBuilder::new();
        let input = network.input(&mut b, "input", batch);
        b.keep(input.tensor);
        let moving = b.persistent("moving statistics", network.statistics.words());
        let optimiser = OptimiserState::new(&mut b, words, &ADAM);
        let tables = LossTables {
            step_block: b.persistent("step block", StepBlock::WORDS),
            rows: b.persistent("rows", batch * size_of::<AssembleRow>() / 4),
            targets: b.persistent("targets", batch * classes),
            results: b.persistent("row results", TERMS * batch * 2),
        };
        let faults = b.persistent("faults", FAULTS);
        let mark = b.mark();
        let weights = optimiser.weights;
        let all = Rows { first: 0, count: batch };
        let stat_groups = StatGroups { count: 1, moving: Some(0) };
        let (embedding, tape) = network.forward(&mut b, weights, moving, input, stat_groups);
        let logits = network.logits(&mut b, Head::Classify, weights, embedding, all);
        // The labelled term alone.
        let terms = [&LOSS_TERMS[0]];
        let method = Method::supervised();
        let d_logits = record_loss_terms(&mut b, &method, &terms, tables, logits, 0..batch, batch);
        let d_embedding = b.tensor("d_embedding", batch * network.features);
        let packed = [weights, optimiser.gradients];
        network.logits_backward(&mut b, Head::Classify, packed, embedding, d_logits, all, d_embedding, false);
        network.backward(&mut b, [weights, optimiser.gradients, moving], &tape, d_embedding, false);
        optimiser.record_update(&mut b, tables.step_block, faults);
        let step = b.program(mark);
        let plan = b.build(gpu)?;
        let pixels: Vec<f32> = (0..input.tensor.words()).map(pixel).collect();
        plan.write(gpu, input.tensor, &pixels);
        let initial = initial_values(&network.parameters, SEED);
        plan.write(gpu, weights, &network.parameters.pack(initial.iter().map(Vec::as_slice)));
        let image = |i: u32| AssembleRow { a: i, b: i, lambda: 1.0, rotation: 0 };
        plan.write(gpu, tables.rows, &(0..batch as u32).map(image).collect::<Vec<_>>());
        let one_hot = |i: usize| f32::from(u8::from(i / classes % classes == i % classes));
        plan.write(gpu, tables.targets, &(0..batch * classes).map(one_hot).collect::<Vec<_>>());
        let block = StepBlock {
            learning_rate: 0.002,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            decay: 1.0,
            ema: 0.999,
            slot: 0,
            skipped: 0,
            weights: PerTerm::from_fn(|term| if term.name == "x" { 1.0 / batch as f32 } else { 0.0 }).0,
        };
        plan.write(gpu, tables.step_block, &[block]);
        let trained = network.parameters.list.iter().filter(|p| !p.name.starts_with("rotation."));
        let parameters = trained.map(Parameter::elements).sum();
        Ok(Self { plan, step, results: tables.results.slice(0, 2 * batch), parameters })
    }

    /// Seconds per training step over `steps` steps, waited for once after the last.
    ///
    /// # Errors
    /// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn seconds_per_step(&self, gpu: &Gpu, steps: u32) -> Result<f64, GpuError> {
        let start = Instant::now();
        for _ in 0..steps {
            self.plan.run(gpu, self.step);
        }
        gpu.settled("measured training steps").await?;
        Ok(start.elapsed().as_secs_f64() / f64::from(steps))
    }

    /// Number of trained scalars: all but those of the rotation head, which is not part of the step.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Bytes on the adapter.
    pub fn memory(&self) -> &Memory {
        self.plan.memory()
    }

    /// Mean cross-entropy at the start of the last step.
    ///
    /// # Errors
    /// [`GpuError::Readback`] if a buffer cannot be mapped; [`GpuError::Lost`] or [`GpuError::Adapter`] if the device
    /// failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn loss(&self, gpu: &Gpu) -> Result<f32, GpuError> {
        let results: Vec<f32> = self.plan.fetch(gpu, self.results).await?;
        let losses = results.iter().step_by(2);
        Ok(losses.sum::<f32>() * 2.0 / results.len() as f32)
    }
}

/// Word `i` of an input `[.., 4]`: a hash from -1 to 1, so that images differ; the fourth channel is 0.
fn pixel(i: usize) -> f32 {
    if i % 4 == 3 {
        return 0.0;
    }
    let hash = (i as u32).wrapping_mul(2_654_435_761);
    (hash >> 8) as f32 / (1 << 23) as f32 - 1.0
}
