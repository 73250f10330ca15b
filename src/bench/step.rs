//! Measures a whole training step: wall time, arithmetic, memory, and time by kernel.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use web_time::{Duration, Instant};

use crate::data::{DataSet, Images};
use crate::gpu::{Gpu, KernelTime, Profiler};
use crate::train::{Capture, Config, TrainError, Trainer, tune};

/// Least duration and number of the measured steps.
const MIN_DURATION: Duration = Duration::from_secs(3);
const MIN_STEPS: u32 = 3;
/// How often a step is encoded to measure the time of encoding.
const ENCODINGS: u32 = 20;

/// The dispatches of one family of kernels, or of one kernel, in one step.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyTime {
    pub name: String,
    pub dispatches: usize,
    pub seconds: f64,
}

/// A whole training step.
#[derive(Clone, Debug, Serialize)]
pub struct StepTime {
    /// Height, width and channels.
    pub image: [usize; 3],
    /// Wall time per step; only its statistics are read back.
    pub seconds: f64,
    /// MACs of its layers, counted as two operations each and weighted as by [`crate::ssl::RowLayout::forward_passes`].
    pub gflop: f64,
    pub gflops: f64,
    /// Time by family, longest first. Each dispatch is measured alone, so that they add up to more than `seconds` if the
    /// adapter overlaps dispatches.
    pub families: Vec<FamilyTime>,
    /// Time by kernel, longest first.
    pub kernels: Vec<FamilyTime>,
    /// Whether dispatches were timed by the adapter's timestamps. If not, each was waited for.
    pub timestamps: bool,
    pub dispatches: usize,
    /// Passes of the network in a dispatch.
    pub passes_per_dispatch: usize,
    /// CPU time to encode a step's commands.
    pub encode_seconds: f64,
    /// Bytes of tensors that keep their content between steps.
    pub persistent_bytes: u64,
    /// Bytes of the buffers shared by transient tensors.
    pub transient_bytes: u64,
    /// Bytes of transient tensors without buffer aliasing.
    pub unshared_bytes: u64,
}

/// Measures the step of a run on random images of shape `image` `[height, width, channels]`.
///
/// # Errors
/// [`TrainError`] if the configuration is invalid, a tensor exceeds the adapter's limits, a loss is NaN or infinite, or
/// the device failed.
pub async fn measure_step(
    gpu: &Arc<Gpu>,
    config: &Config,
    image: [usize; 3],
    classes: usize,
) -> Result<StepTime, TrainError> {
    let data = random_data(image, classes, config.labels.max(4 * config.batch));
    let config = Config { steps: u64::MAX, ..config.clone() };
    tune(gpu, &config, &data, Capture::State).await?;
    let mut trainer = Trainer::new(Arc::clone(gpu), config, Arc::new(data), Capture::State)?;
    trainer.step().await?;
    gpu.settled("a first step").await?;
    let (start, mut steps) = (Instant::now(), 0);
    while steps < MIN_STEPS || start.elapsed() < MIN_DURATION {
        trainer.step().await?;
        steps += 1;
    }
    gpu.settled("measured steps").await?;
    let seconds = start.elapsed().as_secs_f64() / f64::from(steps);
    let engine = &trainer.engine;
    let (plan, step) = engine.recorded_step();
    let start = Instant::now();
    for _ in 0..ENCODINGS {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        plan.encode(&mut encoder, step);
        drop(encoder.finish());
    }
    let encode_seconds = start.elapsed().as_secs_f64() / f64::from(ENCODINGS);
    let (times, timestamps) = match Profiler::run(gpu, plan, step).await? {
        Some(times) => (times, true),
        None => (Profiler::run_waiting(gpu, plan, step).await?, false),
    };
    let memory = engine.memory();
    let images = engine.layout.forward_passes() * engine.layout.batch;
    let gflop = 2.0 * engine.network.macs() as f64 * images as f64 / 1e9;
    Ok(StepTime {
        image,
        seconds,
        gflop,
        gflops: gflop / seconds,
        families: summed(&times, |kernel| family(kernel)),
        kernels: summed(&times, |kernel| kernel),
        timestamps,
        dispatches: plan.dispatches(step),
        passes_per_dispatch: engine.passes_per_dispatch,
        encode_seconds,
        persistent_bytes: memory.persistent,
        transient_bytes: memory.transient,
        unshared_bytes: memory.transient_unshared,
    })
}

fn random_data(image: [usize; 3], classes: usize, count: usize) -> DataSet {
    let [height, width, channels] = image;
    let images = |count: usize| {
        let byte = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 24) as u8;
        Images::new(height, width, channels, (0..count * height * width * channels).map(byte).collect())
    };
    let label = |i: usize| (i % classes) as u32;
    DataSet {
        name: "random".into(),
        format: "random".into(),
        classes: (0..classes).map(|class| class.to_string()).collect(),
        train: images(count),
        train_labels: (0..count).map(|i| Some(label(i))).collect(),
        test: images(classes),
        test_labels: (0..classes).map(label).collect(),
        flip: true,
        shift: 4,
        ..DataSet::default()
    }
    .identified()
}

/// Times summed by `name` of their kernels, longest first.
fn summed<'a>(times: &'a [KernelTime], name: impl Fn(&'a str) -> &'a str) -> Vec<FamilyTime> {
    let mut sums: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for time in times {
        let sum = sums.entry(name(&time.kernel)).or_default();
        sum.0 += time.calls;
        sum.1 += time.microseconds / 1e6;
    }
    let entry = |(name, (dispatches, seconds)): (&str, (usize, f64))| FamilyTime {
        name: name.to_owned(),
        dispatches,
        seconds,
    };
    let mut all: Vec<_> = sums.into_iter().map(entry).collect();
    all.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    all
}

/// The family of a kernel `folder/shader:entry constants`.
fn family(kernel: &str) -> &'static str {
    let (shader, rest) = kernel.split_once(':').unwrap_or((kernel, ""));
    let entry = rest.split(' ').next().unwrap_or_default();
    let (folder, file) = shader.split_once('/').unwrap_or(("", shader));
    match (folder, file) {
        ("nn", file) if file.starts_with("conv2d") || file.starts_with("weight_gradient") => match entry {
            "data_gradient" => "convolution, data gradient",
            "weight_gradient" => "convolution, weight gradient",
            _ => "convolution, forward",
        },
        ("nn", "reduce") => "sums of weight and bias gradients",
        ("nn", file) if file.starts_with("batch_norm") => "batch norm and leaky ReLU",
        ("nn", file) if file.starts_with("depthwise") => "depthwise convolutions",
        ("nn", _) => "pool and heads",
        ("augment", _) => "augmentation and assembly",
        ("ssl", _) => "guesses, MixUp of targets, losses",
        ("optim", _) => "Adam, decay, EMA",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_distinguish_convolution_directions() {
        assert_eq!(family("nn/conv2d_subgroups8_32:forward"), "convolution, forward");
        assert_eq!(family("nn/conv2d:weight_gradient GROUP=64"), "convolution, weight gradient");
        assert_eq!(family("nn/conv2d_block_128x64x16_8x8:data_gradient"), "convolution, data gradient");
        assert_eq!(family("nn/weight_gradient_block_32_4x4:weight_gradient"), "convolution, weight gradient");
        assert_eq!(family("nn/batch_norm_relu6_half:apply"), "batch norm and leaky ReLU");
        assert_eq!(family("nn/depthwise_5:forward"), "depthwise convolutions");
        assert_eq!(family("optim/adam:update"), "Adam, decay, EMA");
    }
}
