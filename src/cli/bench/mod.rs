//! `bench` measures kernels and whole steps, and prints each measurement as text or a line of JSON.

mod report;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use pollster::block_on;
use remixmatch::bench::{
    Card, TrainingStep, estimate_step, measure_convolutions, measure_dispatches, measure_gemm,
    measure_growth, measure_memory, measure_step, time_weighted,
};
use remixmatch::gpu::Gpu;
use remixmatch::nn::{Architecture, ConvTiling, Direction, DispatchImages, Network, every_tile, products_of};
use remixmatch::train::{AdapterClass, Config, Precision, preset, tune_products};

use self::report::{PresetStep, Report, Share, Training};
use super::inputs::AdapterOptions;
use super::options::named;
use super::terminal::Outcome;

/// Classes of the measured networks.
const CLASSES: usize = 10;

#[derive(Args)]
pub struct BenchArguments {
    #[command(flatten)]
    adapter: AdapterOptions,
    /// What to measure [default: all parts except growth, training and estimate]
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Network of the parts tiles, convolutions and training
    #[arg(long, value_name = "NAME", default_value = "wrn-28-2")]
    network: String,
    /// Side of its images in pixels
    #[arg(long, value_name = "N", default_value_t = 32)]
    image_size: usize,
    /// Channels of its images
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(1..=3))]
    channels: usize,
    /// Images per dispatch of the parts tiles and convolutions, which take several, and training, which takes the first
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
    /// Measure the part convolutions with every tiling, not only the one in use
    #[arg(long)]
    every_tiling: bool,
    /// Pretend that the adapter has no more memory, so that fewer passes share a dispatch
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..1 << 40))]
    adapter_memory: Option<u64>,
    /// Strong views per unlabelled image in the part step [default: the preset's]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
    k: Option<usize>,
    /// How feature maps are stored in the parts step and estimate [default: single]
    #[arg(long, value_parser = named::<Precision>())]
    precision: Option<Precision>,
    /// GFLOP/s of the adapter's fastest matrix product as measured before, in place of measuring it again
    #[arg(long, value_name = "GFLOPS", value_parser = positive)]
    best_gemm: Option<f64>,
    /// Print each measurement as a line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Matrix products, the upper bound of the convolutions
    Gemm,
    /// 1,000 dispatches that do next to nothing, independent and dependent
    Dispatch,
    /// The tile of every convolution of a network and the times that it was chosen by
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

/// Runs `bench`.
pub fn run(arguments: BenchArguments) -> anyhow::Result<Outcome> {
    let requested = |part: Part| match arguments.parts.is_empty() {
        true => !matches!(part, Part::Growth | Part::Training | Part::Estimate),
        false => arguments.parts.contains(&part),
    };
    let mut presets = presets(&arguments.presets)?;
    for config in &mut presets {
        config.precision = arguments.precision.unwrap_or_default();
    }
    let architecture = Architecture::named(&arguments.network)?;
    let gpu = arguments.adapter.open_with(|gpu| match arguments.adapter_memory {
        Some(mebibytes) => gpu.with_memory_limit(mebibytes << 20),
        None => gpu,
    })?;
    let image = [arguments.image_size, arguments.image_size, arguments.channels];
    let network = Network::new(&architecture, image, CLASSES, ConvTiling::new(&gpu))?;
    let mut report = Report::begin(&gpu, arguments.json)?;
    // The parts convolutions and step report shares of the fastest matrix product.
    match arguments.best_gemm {
        Some(gflops) if !arguments.parts.contains(&Part::Gemm) => report.best = gflops,
        _ if [Part::Gemm, Part::Convolutions, Part::Step].into_iter().any(requested) => {
            report.gemm(&block_on(measure_gemm(&gpu))?)?;
        }
        _ => {}
    }
    if requested(Part::Tiles) {
        let dispatches =
            arguments.images.iter().map(|images| DispatchImages { images: *images, gradients: true });
        let products = products_of(&network, &dispatches.collect::<Vec<_>>());
        report.tiles(&block_on(tune_products(&gpu, &products))?)?;
    }
    if requested(Part::Dispatch) {
        report.dispatches(&block_on(measure_dispatches(&gpu))?)?;
    }
    for images in arguments.images.iter().copied().filter(|_| requested(Part::Convolutions)) {
        convolutions(&gpu, &arguments, &network, images, &mut report)?;
    }
    if requested(Part::Memory) {
        report.memory(&block_on(measure_memory(&gpu))?)?;
    }
    for config in presets.iter().filter(|_| requested(Part::Step)) {
        let mut config = config.clone();
        config.method.strong_views = arguments.k.unwrap_or(config.method.strong_views);
        let time = block_on(measure_step(&gpu, &config, image_of(&config), CLASSES))?;
        let share_of_best_gemm = report.share(time.gflops);
        let (k, precision) = (config.method.strong_views, config.precision);
        report.step(&PresetStep { preset: config.preset, k, precision, time, share_of_best_gemm })?;
    }
    if requested(Part::Growth) {
        let quick = preset("quick", None)?.config;
        for growth in block_on(measure_growth(&gpu, &quick))? {
            report.growth(&growth)?;
        }
    }
    if requested(Part::Training) {
        report.training(&training(&gpu, &arguments, &network)?)?;
    }
    for card in cards(&arguments, AdapterClass::of(&gpu)).iter().filter(|_| requested(Part::Estimate)) {
        for config in &presets {
            report.estimate(&estimate_step(card, config, image_of(config), CLASSES)?)?;
        }
    }
    Ok(Outcome::Done)
}

/// Every convolution of a network with the tiling in use or with every tiling, and the mean over those in use.
fn convolutions(
    gpu: &Gpu,
    arguments: &BenchArguments,
    network: &Network,
    images: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut tiles = vec![gpu.tiling];
    if arguments.every_tiling {
        tiles.extend(every_tile(gpu).into_iter().filter(|tile| *tile != gpu.tiling));
    }
    report.convolutions(&arguments.network, images)?;
    let mut in_use = Vec::new();
    block_on(measure_convolutions(gpu, network, images, &tiles, |times| {
        in_use.push(times[0].clone());
        times.iter().try_for_each(|time| report.convolution(time))
    }))?;
    let share = |direction: &'static str, directions: &[Direction]| {
        let gflops = time_weighted(&in_use, directions);
        let share_of_best_gemm = report.share(gflops);
        report.share_of_convolutions(&Share { direction, images, gflops, share_of_best_gemm })
    };
    share("forward", &[Direction::Forward])?;
    share("data gradient", &[Direction::DataGradient])?;
    share("weight gradient", &[Direction::WeightGradient])?;
    share("all", &Direction::ALL)
}

/// Supervised training on one batch.
fn training(gpu: &Gpu, arguments: &BenchArguments, network: &Network) -> anyhow::Result<Training> {
    let images = arguments.images[0];
    let step = TrainingStep::new(gpu, network, images)?;
    block_on(async {
        step.seconds_per_step(gpu, 1).await?;
        let loss_before = step.loss(gpu).await?;
        let seconds_a_step = step.seconds_per_step(gpu, arguments.steps).await?;
        let loss_after = step.loss(gpu).await?;
        Ok(Training {
            network: arguments.network.clone(),
            images,
            steps: arguments.steps,
            parameters: step.parameters(),
            seconds_a_step,
            loss_before,
            loss_after,
        })
    })
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
fn image_of(config: &Config) -> [usize; 3] {
    let [side, channels] = match config.data.as_str() {
        "builtin:fashion" | "builtin:digits" => [28, 1],
        "stl-10" => [96, 3],
        _ => [32, 3],
    };
    let side = config.image_size.unwrap_or(side);
    [side, side, channels]
}
