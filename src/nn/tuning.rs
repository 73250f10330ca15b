//! Measures which tile is the fastest on an adapter.

use serde::Serialize;
use web_time::{Duration, Instant};

use super::activation::Activation;
use super::conv2d::{Conv2d, ConvTiling};
use crate::gpu::{Gpu, GpuError, Plan, PlanBuilder, Program, Tiling, seconds_of};

/// Time limit of the measurement.
const LIMIT: Duration = Duration::from_secs(2);
const ROUNDS: usize = 6;
/// A convolution from the middle of a network, small enough for a software adapter.
const MAP: [usize; 4] = [8, 16, 16, 64];
/// Relative difference in time below which the order of [`Gpu::tilings`] decides.
const MARGIN: f64 = 0.05;

/// The time of a tile for one convolution in its three directions.
#[derive(Clone, Debug, Serialize)]
pub struct TilingTime {
    pub name: String,
    pub seconds: f64,
    #[serde(skip)]
    pub tile: Tiling,
}

/// Measures an adapter's tiles, interleaved, for about two seconds: best first. Tiles that there is no time for are
/// left out, except the first of [`Gpu::tilings`].
///
/// # Errors
/// A [`GpuError`] if a tensor or dispatch exceeds the adapter's limits, the device failed or the wait limit is over.
pub async fn measure_tilings(gpu: &Gpu) -> Result<Vec<TilingTime>, GpuError> {
    let start = Instant::now();
    let mut trials = Vec::new();
    for tile in gpu.tilings() {
        if !trials.is_empty() && start.elapsed() > LIMIT {
            break;
        }
        let (plan, program) = record(gpu, tile)?;
        // The first run includes compilation.
        seconds_of(gpu, &plan, program, 1).await?;
        let seconds = seconds_of(gpu, &plan, program, 1).await?;
        trials.push((TilingTime { name: tile.to_string(), seconds, tile }, plan, program));
    }
    for _ in 1..ROUNDS {
        for (time, plan, program) in &mut trials {
            if start.elapsed() < LIMIT {
                time.seconds = time.seconds.min(seconds_of(gpu, plan, *program, 1).await?);
            }
        }
    }
    Ok(best_first(trials.into_iter().map(|(time, ..)| time).collect()))
}

/// Sorted by time; the first place goes to the earliest tile within the margin of the fastest.
fn best_first(mut times: Vec<TilingTime>) -> Vec<TilingTime> {
    let least = times.iter().map(|time| time.seconds).fold(f64::MAX, f64::min);
    let first = times.iter().position(|time| time.seconds <= least * (1.0 + MARGIN));
    let best = first.map(|first| times.remove(first));
    times.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    best.into_iter().chain(times).collect()
}

fn record(gpu: &Gpu, tile: Tiling) -> Result<(Plan, Program), GpuError> {
    let [.., channels] = MAP;
    let conv = Conv2d {
        name: "conv".into(),
        in_channels: channels,
        out_channels: channels,
        kernel: 3,
        stride: 1,
        tiling: ConvTiling { tile, ..ConvTiling::new(gpu) },
    };
    let mut b = PlanBuilder::new();
    let [x, d_out] = ["x", "d_out"].map(|name| Activation::persistent(&mut b, name, MAP));
    let [weights, d_weights] = ["weights", "d_weights"].map(|name| b.persistent(name, conv.weight_words()));
    let [bias, d_bias] = ["bias", "d_bias"].map(|name| b.persistent(name, channels));
    conv.forward(&mut b, x, weights, bias, None);
    conv.data_gradient(&mut b, x, d_out, weights, None);
    conv.weight_gradient(&mut b, x, d_out, d_weights, d_bias, false);
    let program = b.program(0);
    Ok((b.build(gpu)?, program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_tile_within_the_margin_wins() {
        let time = |seconds: f64, columns: usize| {
            let tile = Tiling { columns, ..Tiling::WAVE };
            TilingTime { name: tile.to_string(), seconds, tile }
        };
        let order = |times: [(f64, usize); 3]| {
            let times = best_first(times.map(|(seconds, columns)| time(seconds, columns)).to_vec());
            times.iter().map(|time| time.tile.columns).collect::<Vec<_>>()
        };
        assert_eq!(order([(1.04, 32), (1.0, 16), (0.999, 8)]), [32, 8, 16]);
        assert_eq!(order([(1.2, 32), (1.0, 16), (1.3, 8)]), [16, 32, 8]);
    }
}
