//! One step as a file: every tensor that another framework needs to replay and check it.

use std::collections::HashMap;
use std::path::Path;

use pollster::block_on;
use serde_json::json;

use super::checkpoint::Checkpoint;
use super::error::TrainError;
use super::files::TensorFile;
use super::sampler::StepSamples;
use super::trainer::Trainer;
use crate::gpu::Tensor;
use crate::nn::ParameterSet;
use crate::optim::Optimiser;
use crate::ssl::{LOSS_TERMS, PassKind, StepBlock, ViewBlock};

/// Trains one step and writes what went in, what came out and what was between; see the file's metadata
/// for layouts. The trainer must have been made with [`super::Capture::Trace`].
///
/// # Errors
/// [`TrainError::NotFinite`] if the step diverges, [`TrainError::Gpu`] if the device is lost, [`TrainError::File`] if the
/// file cannot be written.
pub fn write_trace(trainer: &mut Trainer, path: &Path) -> Result<(), TrainError> {
    let before = block_on(trainer.checkpoint())?;
    let step = trainer.progress().step;
    block_on(trainer.step())?;
    let samples = trainer.samples().expect("a step was just made").clone();
    let after = block_on(trainer.checkpoint())?;
    let block = trainer.config.schedule().block(step, &trainer.engine.layout);
    let mut trace = Trace { trainer, file: TensorFile::default() };
    trace.inputs(&samples)?;
    trace.guess()?;
    trace.mixed(&samples)?;
    trace.losses(&block)?;
    trace.parameters(&before, &after)?;
    let metadata = metadata(trace.trainer.config.optimiser, trainer_facts(trace.trainer, step, &block));
    trace.file.save(path, metadata)
}

struct Trace<'a> {
    trainer: &'a Trainer,
    file: TensorFile,
}

impl Trace<'_> {
    fn read(&self, tensor: Tensor) -> Result<Vec<f32>, TrainError> {
        Ok(self.trainer.engine.read(self.trainer.gpu(), tensor)?)
    }

    /// Height, width and channels.
    fn image(&self) -> [usize; 3] {
        let network = &self.trainer.engine.network;
        [network.height, network.width, network.channels]
    }

    fn inputs(&mut self, samples: &StepSamples) -> Result<(), TrainError> {
        let layout = self.trainer.engine.layout.clone();
        let [height, width, channels] = self.image();
        let scale = self.trainer.engine.network.input_scale;
        let words = self.read(self.trainer.engine.tensors.views)?;
        let pixels = height * width;
        let normalised: Vec<f32> = words
            .iter()
            .flat_map(|word| {
                word.to_bits().to_le_bytes().into_iter().take(channels).map(|byte| scale.apply(byte))
            })
            .collect();
        let images_from = |view: ViewBlock, count: usize| {
            let (image, first) = (pixels * channels, layout.first_view(view));
            &normalised[first * image..(first + count) * image]
        };
        let b = layout.batch;
        self.file.f32("input.x", &[b, height, width, channels], images_from(ViewBlock::Labelled, b));
        let labels: Vec<i32> = samples.labelled.iter().map(|i| self.label(*i)).collect();
        self.file.i32("input.labels", &[b], &labels);
        if layout.has(ViewBlock::Anchor) {
            self.file.f32("input.u_weak", &[b, height, width, channels], images_from(ViewBlock::Anchor, b));
            let k = layout.strong_views();
            if k > 0 {
                let strong = images_from(ViewBlock::Strong(1), k * b);
                self.file.f32("input.u_strong", &[k, b, height, width, channels], strong);
            }
            let hidden: Vec<i32> = samples.unlabelled.iter().map(|i| self.hidden_label(*i)).collect();
            self.file.i32("input.u_hidden_labels", &[b], &hidden);
        }
        if layout.has(ViewBlock::Probe) {
            self.file.f32("probe.images", &[b, height, width, channels], images_from(ViewBlock::Probe, b));
            let report = self.read(self.trainer.engine.tensors.report)?;
            self.file.f32("probe.match", &[b], &report[crate::ssl::REPORT_MATCHES..]);
        }
        Ok(())
    }

    /// The class of a training image whose label is not trained on; -1 where it is unknown.
    fn hidden_label(&self, image: usize) -> i32 {
        self.trainer.hidden_labels[image].map_or(-1, |class| class as i32)
    }

    /// A training image's class; -1 where it is unknown.
    fn label(&self, image: usize) -> i32 {
        self.trainer.data.train_labels[image].map_or(-1, |class| class as i32)
    }

    fn guess(&mut self) -> Result<(), TrainError> {
        let tensors = &self.trainer.engine.tensors;
        let Some(guess) = tensors.guess else { return Ok(()) };
        let (b, c) = (self.trainer.engine.layout.batch, self.trainer.engine.network.classes);
        for (i, logits) in tensors.guess_logits.iter().enumerate() {
            let name = if i == 0 { "guess.logits".to_owned() } else { format!("guess.logits.view{i}") };
            let logits = self.read(*logits)?;
            self.file.f32(name, &[b, c], &logits);
        }
        if let Some(logits) = tensors.labelled_logits {
            let logits = self.read(logits)?;
            self.file.f32("guess.logits.labelled", &[b, c], &logits);
        }
        if let Some(mean) = guess.stats.labelled_confidence {
            let mean = self.read(mean)?;
            self.file.f32("guess.labelled_confidence", &[], &mean);
        }
        let averages = self.read(guess.stats.averages)?;
        self.file.f32("align.p_data", &[c], &averages[..c]);
        self.file.f32("align.p_model", &[c], &averages[c..]);
        for (name, tensor) in [
            ("guess.probs", guess.probabilities),
            ("guess.aligned", guess.aligned),
            ("guess.target", guess.target),
        ] {
            let values = self.read(tensor)?;
            self.file.f32(name, &[b, c], &values);
        }
        Ok(())
    }

    /// Images and logits of the passes of one kind, in the order of the tables.
    fn passes_of(&self, kind: PassKind) -> Result<(Vec<f32>, Vec<f32>), TrainError> {
        let [height, width, channels] = self.image();
        let stored = height * width * 4;
        let (mut images, mut logits) = (Vec::new(), Vec::new());
        for passes in &self.trainer.engine.tensors.dispatches {
            let input = self.read(passes.input.tensor)?;
            for (_, rows, tensor) in passes.logits.iter().filter(|(run, ..)| *run == kind) {
                let local = rows.start - passes.first_row;
                let pixels = input[local * stored..(local + rows.len()) * stored].chunks_exact(4);
                images.extend(pixels.flat_map(|pixel| &pixel[..channels]));
                logits.extend(self.read(*tensor)?);
            }
        }
        Ok((images, logits))
    }

    fn mixed(&mut self, samples: &StepSamples) -> Result<(), TrainError> {
        let layout = self.trainer.engine.layout.clone();
        let [height, width, channels] = self.image();
        let (b, c, n) = (layout.batch, self.trainer.engine.network.classes, layout.mixed_images());
        let order = layout.interleaved();
        let (images, logits) = self.passes_of(PassKind::Mixed)?;
        let targets = self.read(self.trainer.engine.tensors.targets)?;
        let images = undo(&order, &images, height * width * channels);
        let targets = undo(&order, &targets[layout.inputs_of(PassKind::Mixed).start * c..], c);
        let logits = undo(&order, &logits, c);
        self.file.f32("mixup.lambda", &[n], &samples.lambda);
        let partner: Vec<i32> = samples.partner.iter().map(|p| *p as i32).collect();
        self.file.i32("mixup.perm", &[n], &partner);
        let order: Vec<i32> = order.iter().map(|m| *m as i32).collect();
        self.file.i32("mixup.interleave", &[n], &order);
        self.file.f32("mixup.images", &[n, height, width, channels], &images);
        self.file.f32("mixup.targets", &[n, c], &targets);
        self.file.f32("logits.x", &[b, c], &logits[..b * c]);
        if n > b {
            self.file.f32("logits.u", &[n - b, c], &logits[b * c..]);
        }
        if layout.passes.contains(&PassKind::FirstStrong) {
            let (_, logits) = self.passes_of(PassKind::FirstStrong)?;
            self.file.f32("logits.u1", &[b, c], &logits);
        }
        if layout.passes.contains(&PassKind::Rotated) {
            let (images, logits) = self.passes_of(PassKind::Rotated)?;
            self.file.f32("rot.images", &[b, height, width, channels], &images);
            let labels: Vec<i32> = (0..b).map(|i| (i / (b / 4)) as i32).collect();
            self.file.i32("rot.labels", &[b], &labels);
            self.file.f32("logits.rot", &[b, 4], &logits);
        }
        Ok(())
    }

    fn losses(&mut self, block: &StepBlock) -> Result<(), TrainError> {
        let report = self.read(self.trainer.engine.tensors.report)?;
        let engine = &self.trainer.engine;
        let mut total = 0.0;
        for (i, term) in LOSS_TERMS.iter().enumerate() {
            let is_on = term.is_on(&engine.method);
            if term.optional && !is_on {
                continue;
            }
            let rows = if is_on { engine.layout.rows_of_term(term) } else { 0 };
            let weight = block.weights[i] * rows as f32;
            self.file.f32(format!("loss.{}", term.name), &[], &[report[i]]);
            self.file.f32(format!("loss.weight.{}", term.name), &[], &[weight]);
            total += report[i] * weight;
        }
        self.file.f32("loss.total", &[], &[total]);
        Ok(())
    }

    fn parameters(&mut self, before: &Checkpoint, after: &Checkpoint) -> Result<(), TrainError> {
        let network = &self.trainer.engine.network;
        let gradients = self.read(self.trainer.engine.tensors.optimiser.gradients)?;
        let gradients = network.trainable.unpack(&gradients);
        add_group(&mut self.file, "grad", &network.trainable, &gradients);
        for (when, checkpoint) in [("before", before), ("after", after)] {
            let mut add = |group: &str, set: &ParameterSet, values: &[Vec<f32>]| {
                add_group(&mut self.file, &format!("{when}{group}"), set, values);
            };
            add("", &network.parameters, &checkpoint.weights);
            add(".ema", &network.parameters, &checkpoint.ema);
            for (state, values) in checkpoint.optimiser_state() {
                add(&format!(".{}", state.key), &network.trainable, values);
            }
            add(".bn", &network.statistics, &checkpoint.statistics);
        }
        let c = self.trainer.engine.network.classes;
        for (name, checkpoint) in [("before", before), ("after", after)] {
            let rows = checkpoint.history.len() / c;
            self.file.f32(format!("{name}.align.history"), &[rows, c], &checkpoint.history);
            let p_data = &checkpoint.label_distribution;
            self.file.f32(format!("{name}.align.label_distribution"), &[c], p_data);
        }
        Ok(())
    }
}

fn add_group(file: &mut TensorFile, group: &str, set: &ParameterSet, values: &[Vec<f32>]) {
    for (parameter, values) in set.list.iter().zip(values) {
        file.f32(format!("{group}.{}", parameter.name), &parameter.shape, values);
    }
}

/// Rows in the order before the interleave: row r of `values` is image `order[r]`.
fn undo(order: &[usize], values: &[f32], length: usize) -> Vec<f32> {
    let mut plain = vec![0.0; order.len() * length];
    for (row, image) in values.chunks_exact(length).zip(order) {
        plain[image * length..(image + 1) * length].copy_from_slice(row);
    }
    plain
}

fn trainer_facts(trainer: &Trainer, step: u64, block: &StepBlock) -> serde_json::Value {
    let config = &trainer.config;
    json!({
        "step": step,
        "config": config,
        "learning_rate_corrected": block.learning_rate,
        config.optimiser.name: { "beta1": block.beta1, "beta2": block.beta2, "epsilon": block.epsilon },
        "decay_factor": block.decay,
        "ema": block.ema,
        "ramp": config.schedule().ramp(step * config.batch as u64),
        "history_slot": block.slot,
        "batch_norm": { "epsilon": crate::nn::EPSILON, "momentum": config.norm_momentum },
        "decayed": trainer.engine.network.parameters.list.iter().filter(|p| p.decay)
            .map(|p| p.name.clone()).collect::<Vec<_>>(),
    })
}

fn metadata(optimiser: &Optimiser, facts: serde_json::Value) -> HashMap<String, String> {
    let layouts = json!({
        "images": "NHWC, value/127.5 - 1",
        "input.u_strong": "[K, B, H, W, C]",
        "input.labels, input.u_hidden_labels": "class index, -1 unknown; hidden labels never train",
        "rot.labels": "0 unrotated, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise",
        "mixup": "N images in the order x, u_weak (where method.train_on_anchor), u_strong[0], ..; image i is lambda[i] image i + (1 - lambda[i]) image perm[i]; targets likewise, of one-hot labels and guess.target",
        "mixup.interleave": "row r of the passes holds mixed image interleave[r]; pass p is rows p B to (p + 1) B - 1",
        "logits.x, logits.u": "of mixed images, in the order of mixup.images",
        "loss": "means over their rows; total = sum of weight times loss, ramp included in the weight",
        "guess.logits.labelled, guess.labelled_confidence": "where the guess is measured by predictions for input.x: their logits, and the mean over the batch of the largest probability, of which a relative threshold is a share; align.p_data and align.p_model are then the batches' mean predictions where method.label_prior is predictions",
        "align.history": "batch means of guess.probs; row history_slot is replaced at the end of the step",
        "probe.match": "probability of input.labels for probe.images by before.ema and before.bn",
        "parameters": "convolutions [kh, kw, in, out], heads [in, out]",
        optimiser.name: optimiser.rule,
    });
    HashMap::from([
        ("format".to_owned(), "remixmatch-trace-1".to_owned()),
        ("hyperparameters".to_owned(), facts.to_string()),
        ("layouts".to_owned(), layouts.to_string()),
    ])
}
