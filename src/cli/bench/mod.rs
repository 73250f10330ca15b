mod text;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use remixmatch::bench::{
    ConvTime, DIRECTIONS, GemmTime, Growth, MemoryTime, StepTime, TrainingStep, measure_convolutions,
    measure_gemm, measure_growth, measure_memory, measure_step, time_weighted,
};
use remixmatch::nn::{Architecture, TilingTime, WideResNet, measure_tilings};
use remixmatch::train::{Config, preset};
use serde::Serialize;

use super::Outcome;
use super::adapter::AdapterOptions;
use super::output::print;

/// Classes of what is measured.
const CLASSES: usize = 10;

#[derive(Args)]
pub struct BenchArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    /// What to measure; all but growth and training if not given
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Network whose convolutions, or training, are measured
    #[arg(long, value_name = "NAME", default_value = "wrn-28-2")]
    network: String,
    /// Side and channels of its images
    #[arg(long, value_name = "N", default_value_t = 32)]
    image_size: usize,
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..=3))]
    channels: usize,
    /// Images a dispatch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    images: usize,
    /// Preset whose whole step is measured; if not given, each whose step is unlike the others' except paper-stl10,
    /// which takes minutes on a software adapter
    #[arg(long = "preset", value_name = "NAME")]
    presets: Vec<String>,
    /// Steps of --part training
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    steps: u32,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Matrix products, the measure of the convolutions
    Gemm,
    /// The tiles that the adapter can run, fastest first: what autotuning chooses from
    Tiles,
    /// Every convolution shape of a network
    Convolutions,
    /// Operations whose time goes into memory, against a copy
    Memory,
    /// A preset's whole step and its families of operations
    Step,
    /// Cost against batch, width, image size and K
    Growth,
    /// Supervised training on one batch: what other frameworks are compared with
    Training,
}

/// What was measured.
#[derive(Default, Serialize)]
struct Measured {
    adapter: String,
    driver: String,
    /// The tile in use.
    tiling: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gemm: Vec<GemmTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tiles: Vec<TilingTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    convolutions: Option<Convolutions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    memory: Vec<MemoryTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<PresetStep>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    growth: Vec<Growth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    training: Option<Training>,
}

#[derive(Serialize)]
struct Convolutions {
    network: String,
    images: usize,
    layers: Vec<ConvTime>,
    /// A direction of [`DIRECTIONS`] or `all`.
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
    /// Without the rotation head's, which are not trained.
    parameters: usize,
    seconds_a_step: f64,
    loss_before: f32,
    loss_after: f32,
}

pub fn run(arguments: BenchArguments) -> anyhow::Result<Outcome> {
    let wanted = |part: Part| match arguments.parts.is_empty() {
        true => !matches!(part, Part::Growth | Part::Training),
        false => arguments.parts.contains(&part),
    };
    let presets = presets(&arguments.presets)?;
    let architecture = Architecture::named(&arguments.network)?;
    let gpu = arguments.adapter.open()?;
    let image = [arguments.image_size, arguments.image_size, arguments.channels];
    let network = WideResNet::new(&architecture, image, CLASSES, gpu.tiling)?;
    let mut measured = Measured {
        adapter: gpu.info.name.clone(),
        tiling: gpu.tiling.to_string(),
        driver: format!("{} {}", gpu.info.driver, gpu.info.driver_info).trim().to_owned(),
        ..Measured::default()
    };
    // Shares are of the best matrix product.
    if [Part::Gemm, Part::Convolutions, Part::Step].into_iter().any(wanted) {
        measured.gemm = pollster::block_on(measure_gemm(&gpu))?;
    }
    let best = measured.gemm.first().map_or(f64::NAN, |time| time.gflops);
    if wanted(Part::Tiles) {
        measured.tiles = pollster::block_on(measure_tilings(&gpu))?;
    }
    if wanted(Part::Convolutions) {
        let layers = pollster::block_on(measure_convolutions(&gpu, &network, arguments.images))?;
        let share = |direction: &'static str, directions: &[&str]| {
            let gflops = time_weighted(&layers, directions);
            Share { direction, gflops, share_of_best_gemm: gflops / best }
        };
        let mut shares: Vec<_> = DIRECTIONS.into_iter().map(|d| share(d, &[d])).collect();
        shares.push(share("all", &DIRECTIONS));
        measured.convolutions = Some(Convolutions {
            network: arguments.network.clone(),
            images: arguments.images,
            layers,
            time_weighted: shares,
        });
    }
    if wanted(Part::Memory) {
        measured.memory = pollster::block_on(measure_memory(&gpu))?;
    }
    if wanted(Part::Step) {
        for config in &presets {
            let time = pollster::block_on(measure_step(&gpu, config, image_of(&config.data), CLASSES))?;
            let share_of_best_gemm = time.gflops / best;
            measured.steps.push(PresetStep { preset: config.preset.clone(), time, share_of_best_gemm });
        }
    }
    if wanted(Part::Growth) {
        let quick = preset("quick", None)?.config;
        measured.growth = pollster::block_on(measure_growth(&gpu, &quick))?;
    }
    if wanted(Part::Training) {
        let step = TrainingStep::new(&gpu, &network, arguments.images)?;
        measured.training = Some(pollster::block_on(async {
            step.seconds_a_step(&gpu, 1).await?;
            let loss_before = step.loss(&gpu).await?;
            let seconds_a_step = step.seconds_a_step(&gpu, arguments.steps).await?;
            let loss_after = step.loss(&gpu).await?;
            let (network, images, steps) = (arguments.network.clone(), arguments.images, arguments.steps);
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
    match arguments.json {
        true => print(serde_json::to_string_pretty(&measured)?)?,
        false => text::print_all(&measured, best)?,
    }
    Ok(Outcome::Done)
}

/// The named presets, or those whose steps differ.
fn presets(names: &[String]) -> anyhow::Result<Vec<Config>> {
    const DIFFERENT: [&str; 3] = ["quick", "shapes", "paper-cifar10"];
    let names: Vec<&str> = match names {
        [] => DIFFERENT.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    names.into_iter().map(|name| Ok(preset(name, None)?.config)).collect()
}

/// The shape of a preset's images: they need not be here to measure what they cost.
fn image_of(data: &str) -> [usize; 3] {
    match data {
        "builtin:fashion" | "builtin:digits" => [28, 28, 1],
        "stl-10" => [96, 96, 3],
        _ => [32, 32, 3],
    }
}
