use clap::Args;
use clap::builder::RangedU64ValueParser;
use remixmatch::bench::{ConvTime, GemmTime, measure_convolutions, measure_gemm};
use remixmatch::nn::{Architecture, ConvTiling, WideResNet};
use serde_json::json;

use super::output::print;
use super::{Outcome, open_gpu};

#[derive(Args)]
pub struct BenchArguments {
    /// Network whose convolutions are measured
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
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

const DIRECTIONS: [&str; 3] = ["forward", "data gradient", "weight gradient"];

pub fn run(arguments: BenchArguments) -> anyhow::Result<Outcome> {
    let gpu = open_gpu()?;
    let architecture = Architecture::named(&arguments.network)?;
    let image = [arguments.image_size, arguments.image_size, arguments.channels];
    let network = WideResNet::new(&architecture, image, 10, ConvTiling::for_adapter(&gpu))?;
    let gemm = measure_gemm(&gpu)?;
    let convolutions = measure_convolutions(&gpu, &network, arguments.images)?;
    let best = gemm[0].gflops;
    let share = |direction: &str| rate(&convolutions, direction) / best;
    if arguments.json {
        let by_direction: serde_json::Map<_, _> = DIRECTIONS
            .iter()
            .map(|d| {
                ((*d).to_owned(), json!({ "gflops": rate(&convolutions, d), "share_of_best_gemm": share(d) }))
            })
            .collect();
        let all = json!({
            "adapter": gpu.info.name,
            "network": arguments.network,
            "images": arguments.images,
            "gemm": gemm,
            "convolutions": convolutions,
            "time_weighted": by_direction,
        });
        print(serde_json::to_string_pretty(&all)?)?;
        return Ok(Outcome::Done);
    }
    print(&gpu.info.name)?;
    for GemmTime { variant, size, gflops } in &gemm {
        print(format_args!("  GEMM {size}^3, {variant:<32} {gflops:>7.2} GFLOP/s"))?;
    }
    for time in &convolutions {
        let ConvTime { layer, direction, shape: [h, w, i, o, k, s], gflops, .. } = time;
        print(format_args!(
            "  {layer:<24} {direction:<16} {h}x{w} {i:>3} -> {o:<3} {k}x{k}/{s} {gflops:>7.2} GFLOP/s {:>5.0} %",
            100.0 * gflops / best
        ))?;
    }
    print(format_args!(
        "{} on {} images, time-weighted, and share of the best GEMM:",
        arguments.network, arguments.images
    ))?;
    for direction in DIRECTIONS {
        print(format_args!(
            "  {direction:<16} {:>7.2} GFLOP/s {:>5.0} %",
            rate(&convolutions, direction),
            100.0 * share(direction)
        ))?;
    }
    Ok(Outcome::Done)
}

/// GFLOP/s of all layers in one direction together.
fn rate(times: &[ConvTime], direction: &str) -> f64 {
    let chosen = || times.iter().filter(|t| t.direction == direction);
    let operations: f64 = chosen().map(|t| t.gflops * t.seconds).sum();
    operations / chosen().map(|t| t.seconds).sum::<f64>()
}
