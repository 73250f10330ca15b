//! What was measured, as text.

use remixmatch::bench::{ConvTime, GemmTime, Growth, MemoryTime};

use remixmatch::nn::TilingTime;

use super::{Convolutions, Measured, PresetStep};
use crate::cli::bytes_text;
use crate::cli::output::print;

/// Prints every part that was measured; shares are of `best` GFLOP/s.
pub fn print_all(measured: &Measured, best: f64) -> anyhow::Result<()> {
    print(&measured.adapter)?;
    for GemmTime { variant, size, gflops } in &measured.gemm {
        print(format_args!("  GEMM {size}^3, {variant:<32} {gflops:>7.2} GFLOP/s"))?;
    }
    if let [fastest, ..] = &measured.tiles[..] {
        print(format_args!(
            "tiles, by the time of one convolution and its gradients; {} is in use:",
            measured.tiling
        ))?;
        for TilingTime { name, seconds, .. } in &measured.tiles {
            let ratio = seconds / fastest.seconds;
            print(format_args!("  {name:<20} {:>9.3} ms {ratio:>5.2} x the fastest", seconds * 1e3))?;
        }
    }
    if let Some(convolutions) = &measured.convolutions {
        print_convolutions(convolutions, best)?;
    }
    if let [copy, ..] = &measured.memory[..] {
        print("operations that memory limits, bytes counted as touched once:")?;
        for MemoryTime { operation, gb_a_second, .. } in &measured.memory {
            let share = 100.0 * gb_a_second / copy.gb_a_second;
            print(format_args!("  {operation:<26} {gb_a_second:>7.2} GB/s {share:>5.0} % of a copy"))?;
        }
    }
    for step in &measured.steps {
        print_step(step)?;
    }
    for growth in &measured.growth {
        print_growth(growth)?;
    }
    if let Some(t) = &measured.training {
        print(format_args!(
            "{} on {} labelled images: {:.4} s a step, loss {:.4} before and {:.4} after {} steps",
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
        "  {} dispatches, encoded in {:.2} ms; {} on the adapter ({} of it within a step, {} unshared)",
        time.dispatches,
        time.encode_seconds * 1e3,
        bytes_text(time.persistent_bytes + time.transient_bytes),
        bytes_text(time.transient_bytes),
        bytes_text(time.unshared_bytes),
    ))?;
    let total: f64 = time.families.iter().map(|family| family.seconds).sum();
    let clock = if time.timestamps { "the adapter's clock" } else { "waiting for each" };
    print(format_args!("  dispatch by dispatch, by {clock}, {total:.3} s:"))?;
    for family in &time.families {
        print(format_args!(
            "  {:<34} {:>9.3} ms {:>5.1} % {:>5} dispatches",
            family.family,
            family.seconds * 1e3,
            100.0 * family.seconds / total,
            family.dispatches
        ))?;
    }
    Ok(())
}

fn print_growth(growth: &Growth) -> anyhow::Result<()> {
    print(format_args!("{}:", growth.quantity))?;
    for row in &growth.rows {
        print(format_args!(
            "  {:>5} {:>9.4} s a step {:>9.3} GFLOP {:>7.2} GFLOP/s {:>12}",
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
