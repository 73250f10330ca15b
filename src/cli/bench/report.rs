//! The measurements as they come, as text or as lines of JSON: one object per measurement, which names its part and adapter.

use std::fmt::Display;

use remixmatch::Named;
use remixmatch::bench::{ConvTime, DispatchTime, Estimate, GemmTime, Growth, MemoryTime, StepTime};
use remixmatch::gpu::Gpu;
use remixmatch::nn::ConvProduct;
use remixmatch::train::{AdapterClass, ChosenTile, Precision};
use serde::Serialize;

use super::super::terminal::{bytes_text, print};

/// Prints measurements as they come.
pub struct Report {
    json: bool,
    adapter: String,
    driver: String,
    backend: String,
    class: AdapterClass,
    /// GFLOP/s of the fastest matrix product, once known.
    pub best: f64,
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a, T> {
    part: &'static str,
    adapter: &'a str,
    driver: &'a str,
    backend: &'a str,
    class: AdapterClass,
    version: &'static str,
    #[serde(flatten)]
    measured: &'a T,
}

/// The mean rate of a network's convolutions.
#[derive(Serialize)]
pub struct Share {
    /// One direction, or `all`.
    pub direction: &'static str,
    pub images: usize,
    pub gflops: f64,
    pub share_of_best_gemm: f64,
}

/// A preset's step.
#[derive(Serialize)]
pub struct PresetStep {
    pub preset: String,
    pub k: usize,
    pub precision: Precision,
    #[serde(flatten)]
    pub time: StepTime,
    pub share_of_best_gemm: f64,
}

/// Supervised training on one batch.
#[derive(Serialize)]
pub struct Training {
    pub network: String,
    pub images: usize,
    pub steps: u32,
    /// Number of trained parameters, without the rotation head.
    pub parameters: usize,
    pub seconds_a_step: f64,
    pub loss_before: f32,
    pub loss_after: f32,
}

/// A tile of a product, its times if it was measured, and whether it is in use.
#[derive(Serialize)]
struct Tile<'a> {
    #[serde(flatten)]
    product: ConvProduct,
    name: &'a str,
    /// Of the fastest sample.
    seconds: Option<f64>,
    samples: &'a [f64],
    in_use: bool,
}

impl Report {
    /// Prints the adapter.
    pub fn begin(gpu: &Gpu, json: bool) -> anyhow::Result<Self> {
        let info = &gpu.info;
        let report = Self {
            json,
            adapter: info.name.clone(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            backend: info.backend.to_string(),
            class: AdapterClass::of(gpu),
            best: f64::NAN,
        };
        report.text(&info.name)?;
        Ok(report)
    }

    /// A rate's share of the fastest matrix product.
    pub fn share(&self, gflops: f64) -> f64 {
        gflops / self.best
    }

    fn text(&self, text: impl Display) -> anyhow::Result<()> {
        if self.json { Ok(()) } else { print(text) }
    }

    fn line<T: Serialize>(&self, part: &'static str, measured: &T) -> anyhow::Result<()> {
        if !self.json {
            return Ok(());
        }
        let Self { adapter, driver, backend, class, .. } = self;
        let version = env!("CARGO_PKG_VERSION");
        print(serde_json::to_string(&Line {
            part,
            adapter,
            driver,
            backend,
            class: *class,
            version,
            measured,
        })?)
    }

    /// Products, fastest first.
    pub fn gemm(&mut self, times: &[GemmTime]) -> anyhow::Result<()> {
        self.best = times.first().map_or(f64::NAN, |time| time.gflops);
        times.iter().try_for_each(|time| {
            self.line("gemm", time)?;
            let GemmTime { variant, size, gflops, .. } = time;
            self.text(format_args!("  GEMM {size}^3, {variant:<32} {gflops:>9.2} GFLOP/s"))
        })
    }

    /// The tile of each product, most arithmetic first.
    pub fn tiles(&self, chosen: &[ChosenTile]) -> anyhow::Result<()> {
        self.text("tiles, by the time that a convolution takes with each:")?;
        chosen.iter().try_for_each(|ChosenTile { product, tile, is_measured, seconds }| {
            let in_use = tile.to_string();
            let least = |samples: &[f64]| samples.iter().copied().reduce(f64::min);
            let line = |name: &str, samples: &[f64]| {
                let (seconds, in_use) = (least(samples), name == in_use);
                self.line("tiles", &Tile { product: *product, name, seconds, samples, in_use })
            };
            seconds.iter().try_for_each(|(name, samples)| line(name, samples))?;
            if !seconds.contains_key(&in_use) {
                line(&in_use, &[])?;
            }
            let time = |samples: &Vec<f64>| least(samples).unwrap_or(f64::NAN);
            let others = seconds.iter().filter(|(name, _)| **name != in_use);
            let second =
                others.map(|(name, samples)| (name, time(samples))).min_by(|a, b| a.1.total_cmp(&b.1));
            let found = match (seconds.get(&in_use).map(time), second) {
                (Some(mine), Some((other, theirs))) => {
                    format!("{:>9.3} ms, {:.2} x as fast as {other}", mine * 1e3, theirs / mine)
                }
                _ if *is_measured => "as measured with half or twice the images".to_owned(),
                _ => "by the rule".to_owned(),
            };
            self.text(format_args!("  {product:<46} {in_use:<24} {found}"))
        })
    }

    /// Dispatches that do next to nothing.
    pub fn dispatches(&self, times: &[DispatchTime]) -> anyhow::Result<()> {
        times.iter().try_for_each(|time| {
            self.line("dispatch", time)?;
            let DispatchTime { dependent, microseconds, encode_microseconds, .. } = time;
            let kind = if *dependent { "dependent" } else { "independent" };
            self.text(format_args!(
                "1,000 {kind:<11} dispatches: {microseconds:>8.2} us each, {encode_microseconds:.2} us of it to encode"
            ))
        })
    }

    /// The heading of a network's convolutions.
    pub fn convolutions(&self, network: &str, images: usize) -> anyhow::Result<()> {
        self.text(format_args!("convolutions of {network} on {images} images:"))
    }

    /// One shape in one direction with one tiling.
    pub fn convolution(&self, time: &ConvTime) -> anyhow::Result<()> {
        self.line("convolutions", time)?;
        let ConvTime { layer, layers, direction, shape: [h, w, i, o, k, s], tiling, gflops, .. } = time;
        self.text(format_args!(
            "  {layer:<24} {layers:>2} x {direction:<16} {h}x{w} {i:>3} -> {o:<3} {k}x{k}/{s} {tiling:<24} {gflops:>9.2} GFLOP/s {:>5.0} %",
            100.0 * self.share(*gflops)
        ))
    }

    /// The mean over a network's convolutions.
    pub fn share_of_convolutions(&self, share: &Share) -> anyhow::Result<()> {
        self.line("convolutions, time-weighted", share)?;
        self.text(format_args!(
            "  time-weighted, {:<24} {:>9.2} GFLOP/s {:>5.0} % of the best GEMM",
            share.direction,
            share.gflops,
            100.0 * share.share_of_best_gemm
        ))
    }

    /// Memory-bound operations, the copy first.
    pub fn memory(&self, times: &[MemoryTime]) -> anyhow::Result<()> {
        self.text("memory-bound operations, with each byte counted once:")?;
        times.iter().try_for_each(|time| {
            self.line("memory", time)?;
            let share = 100.0 * time.gb_per_second / times[0].gb_per_second;
            self.text(format_args!(
                "  {:<26} {:>8.2} GB/s {share:>5.0} % of a copy",
                time.operation, time.gb_per_second
            ))
        })
    }

    /// A preset's step.
    pub fn step(&self, step: &PresetStep) -> anyhow::Result<()> {
        self.line("step", step)?;
        if self.json { Ok(()) } else { print_step(step) }
    }

    /// How cost grows.
    pub fn growth(&self, growth: &Growth) -> anyhow::Result<()> {
        self.line("growth", growth)?;
        if self.json { Ok(()) } else { print_growth(growth) }
    }

    /// Training on one batch.
    pub fn training(&self, t: &Training) -> anyhow::Result<()> {
        self.line("training", t)?;
        self.text(format_args!(
            "{} on {} labelled images: {:.4} s per step, loss {:.4} before and {:.4} after {} steps",
            t.network, t.images, t.seconds_a_step, t.loss_before, t.loss_after, t.steps
        ))
    }

    /// A step on a card that is not there.
    pub fn estimate(&self, estimate: &Estimate) -> anyhow::Result<()> {
        self.line("estimate", estimate)?;
        if self.json { Ok(()) } else { print_estimate(estimate) }
    }
}

fn print_step(step: &PresetStep) -> anyhow::Result<()> {
    let PresetStep { preset, k, precision, time, share_of_best_gemm } = step;
    let [height, width, channels] = time.image;
    print(format_args!(
        "a step of {preset} ({height}x{width}x{channels}, K = {k}, precision {}): {:.4} s, {:.2} GFLOP, {:.2} GFLOP/s, {:.0} % of the best GEMM",
        precision.name(),
        time.seconds,
        time.gflop,
        time.gflops,
        100.0 * share_of_best_gemm
    ))?;
    print(format_args!(
        "  {} dispatches of up to {} passes, encoded in {:.2} ms; {} on the adapter ({} of it transient, {} without buffer aliasing)",
        time.dispatches,
        time.passes_per_dispatch,
        time.encode_seconds * 1e3,
        bytes_text(time.persistent_bytes + time.transient_bytes),
        bytes_text(time.transient_bytes),
        bytes_text(time.unshared_bytes),
    ))?;
    let total: f64 = time.families.iter().map(|family| family.seconds).sum();
    let clock = if time.timestamps { "the adapter's timestamps" } else { "waiting for each dispatch" };
    print(format_args!("  time per dispatch, by {clock}, {total:.3} s in total:"))?;
    for family in &time.families {
        print(format_args!(
            "  {:<34} {:>9.3} ms {:>5.1} % {:>5} dispatches",
            family.name,
            family.seconds * 1e3,
            100.0 * family.seconds / total,
            family.dispatches
        ))?;
    }
    Ok(())
}

fn print_estimate(estimate: &Estimate) -> anyhow::Result<()> {
    let Estimate {
        card,
        preset,
        precision,
        passes_per_dispatch,
        dispatches,
        transient_bytes,
        seconds,
        kernels,
    } = estimate;
    print(format_args!(
        "a step of {preset}, precision {}, on {} ({} GFLOP/s, {} GB/s, {} cores): at best {:.1} ms, {:.1} steps/s",
        precision.name(),
        card.name,
        card.peak,
        card.bandwidth,
        card.cores,
        seconds * 1e3,
        1.0 / seconds
    ))?;
    print(format_args!(
        "  {dispatches} dispatches of up to {passes_per_dispatch} passes, {} transient",
        bytes_text(*transient_bytes)
    ))?;
    print(
        "  kernel                                                 dispatches    GFLOP       GB workgroups chain       ms  idle serial",
    )?;
    for k in kernels {
        print(format_args!(
            "  {:<56} {:>8} {:>8.2} {:>8.3} {:>10} {:>5} {:>8.3} {:>5} {:>6}",
            k.kernel,
            k.dispatches,
            k.gflop,
            k.gigabytes,
            k.workgroups,
            k.chain,
            k.seconds * 1e3,
            k.idle,
            k.serial
        ))?;
    }
    Ok(())
}

fn print_growth(growth: &Growth) -> anyhow::Result<()> {
    print(format_args!("{}:", growth.quantity))?;
    for row in &growth.rows {
        print(format_args!(
            "  {:>5} {:>9.4} s per step {:>9.3} GFLOP {:>7.2} GFLOP/s {:>12}",
            row.value,
            row.seconds,
            row.gflop,
            row.gflop / row.seconds,
            bytes_text(row.bytes)
        ))?;
    }
    let [time, arithmetic, memory] = growth.exponents();
    print(format_args!("  exponents: time {time:.2}, arithmetic {arithmetic:.2}, memory {memory:.2}"))
}
