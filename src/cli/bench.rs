//! `bench` measures kernels and whole steps, and prints them as text or JSON.

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use remixmatch::bench::{
    Card, ConvTime, DIRECTIONS, DispatchTime, Estimate, GemmTime, Growth, MemoryTime, StepTime, TrainingStep,
    estimate_step, measure_convolutions, measure_dispatches, measure_gemm, measure_growth, measure_memory,
    measure_step, time_weighted,
};
use remixmatch::nn::{Architecture, ConvTiling, TilingTime, WideResNet, measure_tilings};
use remixmatch::train::{AdapterClass, Config, preset};
use serde::Serialize;

use super::inputs::AdapterOptions;
use super::terminal::{Outcome, bytes_text, print};

/// Classes of the measured networks.
const CLASSES: usize = 10;

#[derive(Args)]
pub struct BenchArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    /// What to measure [default: all parts except growth, training and estimate]
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Network of the parts convolutions and training
    #[arg(long, value_name = "NAME", default_value = "wrn-28-2")]
    network: String,
    /// Side of its images in pixels
    #[arg(long, value_name = "N", default_value_t = 32)]
    image_size: usize,
    /// Channels of its images
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..=3))]
    channels: usize,
    /// Images per dispatch of the parts convolutions, which takes several, and training, which takes the first
    #[arg(long, value_name = "N", default_value = "32", value_delimiter = ',', value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    images: Vec<usize>,
    /// Preset whose step is measured [default: quick, shapes and paper-cifar10]
    #[arg(long = "preset", value_name = "NAME")]
    presets: Vec<String>,
    /// Steps of --part training
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    steps: u32,
    /// Card of --part estimate: h100, rtx-4070, m2, iris-xe; this adapter's class with --peak, --bandwidth and --cores
    #[arg(long = "card", value_name = "NAME", value_parser = Card::NAMES, conflicts_with_all = ["peak", "bandwidth", "cores"])]
    cards: Vec<String>,
    /// f32 GFLOP/s of the card of --part estimate
    #[arg(long, value_name = "GFLOPS", value_parser = positive, requires_all = ["bandwidth", "cores"])]
    peak: Option<f64>,
    /// GB/s of its memory
    #[arg(long, value_name = "GB/S", value_parser = positive, requires_all = ["peak", "cores"])]
    bandwidth: Option<f64>,
    /// Its cores: streaming multiprocessors, compute units or processor cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000), requires_all = ["peak", "bandwidth"])]
    cores: Option<u64>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Matrix products, the upper bound of the convolutions
    Gemm,
    /// 1,000 dispatches that do next to nothing, independent and dependent
    Dispatch,
    /// The tilings that the adapter supports, fastest first, as autotuning measures them
    Tiles,
    /// Every convolution shape of a network
    Convolutions,
    /// Memory-bound operations, compared with a copy
    Memory,
    /// A preset's whole step, and its time per kind of operation
    Step,
    /// Time and memory against batch, width, image size and K
    Growth,
    /// Supervised training on one batch, for comparison with other frameworks
    Training,
    /// A preset's step on a card that is not there, kernel by kernel, from the plan
    Estimate,
}

/// All measurements.
#[derive(Default, Serialize)]
struct Measured {
    adapter: String,
    driver: String,
    /// The tiling in use.
    tiling: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gemm: Vec<GemmTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tiles: Vec<TilingTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dispatch: Vec<DispatchTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    convolutions: Vec<Convolutions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    memory: Vec<MemoryTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<PresetStep>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    growth: Vec<Growth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    training: Option<Training>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    estimates: Vec<Estimate>,
}

#[derive(Serialize)]
struct Convolutions {
    network: String,
    images: usize,
    layers: Vec<ConvTime>,
    /// One entry per direction of [`DIRECTIONS`], and `all`.
    time_weighted: Vec<Share>,
}

#[derive(Serialize)]
struct Share {
    direction: &'static str,
    gflops: f64,
    share_of_best_gemm: f64,
}

#[derive(Serialize)]
struct PresetStep {
    preset: String,
    #[serde(flatten)]
    time: StepTime,
    share_of_best_gemm: f64,
}

#[derive(Serialize)]
struct Training {
    network: String,
    images: usize,
    steps: u32,
    /// Number of trained parameters, without the rotation head.
    parameters: usize,
    seconds_a_step: f64,
    loss_before: f32,
    loss_after: f32,
}

/// Runs `bench`.
pub fn run(arguments: BenchArguments) -> anyhow::Result<Outcome> {
    let requested = |part: Part| match arguments.parts.is_empty() {
        true => !matches!(part, Part::Growth | Part::Training | Part::Estimate),
        false => arguments.parts.contains(&part),
    };
    let presets = presets(&arguments.presets)?;
    let architecture = Architecture::named(&arguments.network)?;
    let gpu = arguments.adapter.open()?;
    let image = [arguments.image_size, arguments.image_size, arguments.channels];
    let network = WideResNet::new(&architecture, image, CLASSES, ConvTiling::new(&gpu))?;
    let mut measured = Measured {
        adapter: gpu.info.name.clone(),
        tiling: gpu.tiling.to_string(),
        driver: format!("{} {}", gpu.info.driver, gpu.info.driver_info).trim().to_owned(),
        ..Measured::default()
    };
    // The parts convolutions and step report shares of the fastest matrix product.
    if [Part::Gemm, Part::Convolutions, Part::Step].into_iter().any(requested) {
        measured.gemm = pollster::block_on(measure_gemm(&gpu))?;
    }
    let best = measured.gemm.first().map_or(f64::NAN, |time| time.gflops);
    if requested(Part::Tiles) {
        measured.tiles = pollster::block_on(measure_tilings(&gpu))?;
    }
    if requested(Part::Dispatch) {
        measured.dispatch = pollster::block_on(measure_dispatches(&gpu))?;
    }
    for images in arguments.images.iter().copied().filter(|_| requested(Part::Convolutions)) {
        let layers = pollster::block_on(measure_convolutions(&gpu, &network, images))?;
        let share = |direction: &'static str, directions: &[&str]| {
            let gflops = time_weighted(&layers, directions);
            Share { direction, gflops, share_of_best_gemm: gflops / best }
        };
        let mut shares: Vec<_> = DIRECTIONS.into_iter().map(|d| share(d, &[d])).collect();
        shares.push(share("all", &DIRECTIONS));
        let network = arguments.network.clone();
        measured.convolutions.push(Convolutions { network, images, layers, time_weighted: shares });
    }
    if requested(Part::Memory) {
        measured.memory = pollster::block_on(measure_memory(&gpu))?;
    }
    if requested(Part::Step) {
        for config in &presets {
            let time = pollster::block_on(measure_step(&gpu, config, image_of(&config.data), CLASSES))?;
            let share_of_best_gemm = time.gflops / best;
            measured.steps.push(PresetStep { preset: config.preset.clone(), time, share_of_best_gemm });
        }
    }
    if requested(Part::Growth) {
        let quick = preset("quick", None)?.config;
        measured.growth = pollster::block_on(measure_growth(&gpu, &quick))?;
    }
    if requested(Part::Training) {
        let images = arguments.images[0];
        let step = TrainingStep::new(&gpu, &network, images)?;
        measured.training = Some(pollster::block_on(async {
            step.seconds_per_step(&gpu, 1).await?;
            let loss_before = step.loss(&gpu).await?;
            let seconds_a_step = step.seconds_per_step(&gpu, arguments.steps).await?;
            let loss_after = step.loss(&gpu).await?;
            let (network, steps) = (arguments.network.clone(), arguments.steps);
            let parameters = step.parameters();
            anyhow::Ok(Training {
                network,
                images,
                steps,
                parameters,
                seconds_a_step,
                loss_before,
                loss_after,
            })
        })?);
    }
    if requested(Part::Estimate) {
        for card in cards(&arguments, AdapterClass::of(&gpu)) {
            for config in &presets {
                measured.estimates.push(estimate_step(&card, config, image_of(&config.data), CLASSES)?);
            }
        }
    }
    match arguments.json {
        true => print(serde_json::to_string_pretty(&measured)?)?,
        false => print_text(&measured, best)?,
    }
    Ok(Outcome::Done)
}

/// The cards of the estimate: the one that the options describe, those named, or all that are known.
fn cards(arguments: &BenchArguments, class: AdapterClass) -> Vec<Card> {
    if let (Some(peak), Some(bandwidth), Some(cores)) = (arguments.peak, arguments.bandwidth, arguments.cores)
    {
        return vec![Card { name: "the card described".into(), peak, bandwidth, cores, class }];
    }
    let known = Card::NAMES.into_iter().filter(|name| {
        arguments.cards.is_empty() || arguments.cards.iter().any(|requested| requested == name)
    });
    known.filter_map(Card::named).collect()
}

/// A positive number.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("expected a positive number".to_owned()),
    }
}

/// The named presets, by default those whose steps differ (paper-stl10 takes minutes on a software adapter).
fn presets(names: &[String]) -> anyhow::Result<Vec<Config>> {
    const DIFFERENT: [&str; 3] = ["quick", "shapes", "paper-cifar10"];
    let names: Vec<&str> = match names {
        [] => DIFFERENT.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    names.into_iter().map(|name| Ok(preset(name, None)?.config)).collect()
}

/// Height, width and channels of a preset's images, without opening the data set.
fn image_of(data: &str) -> [usize; 3] {
    match data {
        "builtin:fashion" | "builtin:digits" => [28, 28, 1],
        "stl-10" => [96, 96, 3],
        _ => [32, 32, 3],
    }
}

/// Prints the measurements; `best` is the rate of the fastest matrix product in GFLOP/s.
fn print_text(measured: &Measured, best: f64) -> anyhow::Result<()> {
    print(&measured.adapter)?;
    for GemmTime { variant, size, gflops, .. } in &measured.gemm {
        print(format_args!("  GEMM {size}^3, {variant:<32} {gflops:>7.2} GFLOP/s"))?;
    }
    if let [fastest, ..] = &measured.tiles[..] {
        print(format_args!(
            "tilings, by the time of one convolution and its gradients; {} is in use:",
            measured.tiling
        ))?;
        for TilingTime { name, seconds, .. } in &measured.tiles {
            let ratio = seconds / fastest.seconds;
            print(format_args!("  {name:<20} {:>9.3} ms {ratio:>5.2} x the fastest", seconds * 1e3))?;
        }
    }
    for DispatchTime { dependent, microseconds, encode_microseconds, .. } in &measured.dispatch {
        let kind = if *dependent { "dependent" } else { "independent" };
        print(format_args!(
            "1,000 {kind:<11} dispatches: {microseconds:>8.2} us each, {encode_microseconds:.2} us of it to encode"
        ))?;
    }
    for convolutions in &measured.convolutions {
        print_convolutions(convolutions, best)?;
    }
    if let [copy, ..] = &measured.memory[..] {
        print("memory-bound operations, with each byte counted once:")?;
        for MemoryTime { operation, gb_per_second, .. } in &measured.memory {
            let share = 100.0 * gb_per_second / copy.gb_per_second;
            print(format_args!("  {operation:<26} {gb_per_second:>7.2} GB/s {share:>5.0} % of a copy"))?;
        }
    }
    for step in &measured.steps {
        print_step(step)?;
    }
    for growth in &measured.growth {
        print_growth(growth)?;
    }
    for estimate in &measured.estimates {
        print_estimate(estimate)?;
    }
    if let Some(t) = &measured.training {
        print(format_args!(
            "{} on {} labelled images: {:.4} s per step, loss {:.4} before and {:.4} after {} steps",
            t.network, t.images, t.seconds_a_step, t.loss_before, t.loss_after, t.steps
        ))?;
    }
    Ok(())
}

fn print_convolutions(convolutions: &Convolutions, best: f64) -> anyhow::Result<()> {
    print(format_args!("convolutions of {} on {} images:", convolutions.network, convolutions.images))?;
    for time in &convolutions.layers {
        let ConvTime { layer, layers, direction, shape: [h, w, i, o, k, s], gflops, .. } = time;
        print(format_args!(
            "  {layer:<24} {layers:>2} x {direction:<16} {h}x{w} {i:>3} -> {o:<3} {k}x{k}/{s} {gflops:>7.2} GFLOP/s {:>5.0} %",
            100.0 * gflops / best
        ))?;
    }
    print("  time-weighted, and share of the best GEMM:")?;
    for share in &convolutions.time_weighted {
        print(format_args!(
            "  {:<24} {:>7.2} GFLOP/s {:>5.0} %",
            share.direction,
            share.gflops,
            100.0 * share.share_of_best_gemm
        ))?;
    }
    Ok(())
}

fn print_step(step: &PresetStep) -> anyhow::Result<()> {
    let PresetStep { preset, time, share_of_best_gemm } = step;
    let [height, width, channels] = time.image;
    print(format_args!(
        "a step of {preset} ({height}x{width}x{channels}): {:.3} s, {:.2} GFLOP, {:.2} GFLOP/s, {:.0} % of the best GEMM",
        time.seconds,
        time.gflop,
        time.gflops,
        100.0 * share_of_best_gemm
    ))?;
    print(format_args!(
        "  {} dispatches, encoded in {:.2} ms; {} on the adapter ({} of it transient, {} without buffer aliasing)",
        time.dispatches,
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
    let Estimate { card, preset, passes_per_dispatch, dispatches, transient_bytes, seconds, kernels } =
        estimate;
    print(format_args!(
        "a step of {preset} on {} ({} GFLOP/s, {} GB/s, {} cores): at best {:.1} ms, {:.1} steps/s",
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
