//! Measures which tile is the fastest on an adapter.

use std::fmt;

use serde::Serialize;
use web_time::Duration;

use super::activation::Activation;
use super::conv2d::{Conv2d, ConvTiling};
use crate::gpu::{
    Block, Gpu, GpuError, Plan, PlanBuilder, Program, Sharing, Tiling, runs_lasting, seconds_of,
};

/// One of the three dispatches of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    Forward,
    DataGradient,
    WeightGradient,
}

impl Direction {
    /// In the order of a training step.
    pub const ALL: [Self; 3] = [Self::Forward, Self::DataGradient, Self::WeightGradient];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Forward => "forward",
            Self::DataGradient => "data gradient",
            Self::WeightGradient => "weight gradient",
        })
    }
}

/// How long tiles are measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Least duration of a submission, so that it takes far longer than to reach the adapter.
    pub round: Duration,
    /// Submissions of each tile, besides those that find their length.
    pub rounds: usize,
}

/// The time of a tile for one convolution in one direction.
#[derive(Clone, Debug, Serialize)]
pub struct TilingTime {
    pub name: String,
    /// Of the fastest sample.
    pub seconds: f64,
    /// Seconds per dispatch, one per round.
    pub samples: Vec<f64>,
    #[serde(skip)]
    pub tile: Tiling,
}

/// Measures a convolution of `shape` `[images, height, width, channels]` in one direction with some tiles, in turns: in the
/// order of `tiles`.
///
/// # Errors
/// A [`GpuError`] if a tensor or dispatch exceeds the adapter's limits, the device failed or the wait limit is over.
pub async fn measure_tiles(
    gpu: &Gpu,
    conv: &Conv2d,
    shape: [usize; 4],
    direction: Direction,
    tiles: &[Tiling],
    effort: Effort,
) -> Result<Vec<TilingTime>, GpuError> {
    let mut trials = Vec::new();
    for &tile in tiles {
        let conv = Conv2d { tiling: ConvTiling { tile, ..conv.tiling }, ..conv.clone() };
        let (plan, program) = record(gpu, &conv, shape, direction)?;
        let runs = runs_lasting(gpu, &plan, program, effort.round).await?;
        trials.push((tile, plan, program, runs, Vec::new()));
    }
    for _ in 0..effort.rounds {
        for (_, plan, program, runs, samples) in &mut trials {
            samples.push(seconds_of(gpu, plan, *program, *runs).await?);
        }
    }
    let time = |(tile, _, _, _, samples): (Tiling, Plan, Program, u32, Vec<f64>)| TilingTime {
        name: tile.to_string(),
        seconds: samples.iter().copied().fold(f64::MAX, f64::min),
        samples,
        tile,
    };
    Ok(trials.into_iter().map(time).collect())
}

/// Every tile that an adapter can run, each block by itself.
pub fn every_tile(gpu: &Gpu) -> Vec<Tiling> {
    let each = |tile: Tiling| match tile.sharing {
        Sharing::Block(None) => {
            Block::ALL.map(|block| Tiling { sharing: Sharing::Block(Some(block)), ..tile }).to_vec()
        }
        _ => vec![tile],
    };
    gpu.tilings().into_iter().flat_map(each).collect()
}

/// A plan of one convolution in one direction, on made-up values.
fn record(
    gpu: &Gpu,
    conv: &Conv2d,
    shape: [usize; 4],
    direction: Direction,
) -> Result<(Plan, Program), GpuError> {
    let [images, height, width, _] = shape;
    let mut b = PlanBuilder::new();
    let weights = b.persistent("weights", conv.weight_words());
    let bias = b.persistent("bias", conv.out_channels);
    let x = Activation::persistent(&mut b, "x", shape);
    let out = [images, height.div_ceil(conv.stride), width.div_ceil(conv.stride), conv.out_channels];
    let d_out = Activation::persistent(&mut b, "d_out", out);
    let filled = match direction {
        Direction::Forward => {
            conv.forward(&mut b, x, weights, bias, None);
            [x.tensor, weights]
        }
        Direction::DataGradient => {
            conv.data_gradient(&mut b, x, d_out, weights, None);
            [d_out.tensor, weights]
        }
        Direction::WeightGradient => {
            conv.weight_gradient(&mut b, x, d_out, weights, bias, false);
            [x.tensor, d_out.tensor]
        }
    };
    let program = b.program(0);
    let plan = b.build(gpu)?;
    for tensor in filled {
        let values: Vec<f32> = (0..tensor.words()).map(|i| (i % 13) as f32 / 13.0 - 0.5).collect();
        plan.write(gpu, tensor, &values);
    }
    Ok((plan, program))
}

/// A convolution from the middle of a network, small enough for a software adapter.
const MAP: [usize; 4] = [8, 16, 16, 64];
/// Relative difference in time below which the order of [`Gpu::tilings`] decides.
const MARGIN: f64 = 0.05;
/// At most two seconds on the adapters known.
const EFFORT: Effort = Effort { round: Duration::from_millis(20), rounds: 3 };

/// Measures an adapter's tiles for one convolution in its three directions together: best first.
///
/// # Errors
/// A [`GpuError`] if a tensor or dispatch exceeds the adapter's limits, the device failed or the wait limit is over.
pub async fn measure_tilings(gpu: &Gpu) -> Result<Vec<TilingTime>, GpuError> {
    let [.., channels] = MAP;
    let conv = Conv2d {
        name: "conv".into(),
        in_channels: channels,
        out_channels: channels,
        kernel: 3,
        stride: 1,
        tiling: ConvTiling::new(gpu),
    };
    let mut sums: Vec<TilingTime> = Vec::new();
    for direction in Direction::ALL {
        let times = measure_tiles(gpu, &conv, MAP, direction, &gpu.tilings(), EFFORT).await?;
        match sums.is_empty() {
            true => sums = times,
            false => sums.iter_mut().zip(times).for_each(|(sum, time)| sum.seconds += time.seconds),
        }
    }
    Ok(best_first(sums))
}

/// Sorted by time; the first place goes to the earliest tile within the margin of the fastest.
fn best_first(mut times: Vec<TilingTime>) -> Vec<TilingTime> {
    let least = times.iter().map(|time| time.seconds).fold(f64::MAX, f64::min);
    let first = times.iter().position(|time| time.seconds <= least * (1.0 + MARGIN));
    let best = first.map(|first| times.remove(first));
    times.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    best.into_iter().chain(times).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_tile_within_the_margin_wins() {
        let time = |seconds: f64, columns: usize| {
            let tile = Tiling { columns, ..Tiling::WAVE };
            TilingTime { name: tile.to_string(), seconds, samples: Vec::new(), tile }
        };
        let order = |times: [(f64, usize); 3]| {
            let times = best_first(times.map(|(seconds, columns)| time(seconds, columns)).to_vec());
            times.iter().map(|time| time.tile.columns).collect::<Vec<_>>()
        };
        assert_eq!(order([(1.04, 32), (1.0, 16), (0.999, 8)]), [32, 8, 16]);
        assert_eq!(order([(1.2, 32), (1.0, 16), (1.3, 8)]), [16, 32, 8]);
    }
}
