//! Measures tiles of a convolution, and how a convolution is recorded for that.

use serde::Serialize;
use web_time::Duration;

use super::activation::Activation;
use super::conv2d::Conv2d;
use super::product::Direction;
use crate::gpu::{
    Block, Gpu, GpuError, Plan, PlanBuilder, Program, Sharing, Tiling, least, runs_lasting, seconds_of,
};

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

impl TilingTime {
    /// The time of a tile of these samples, in seconds per dispatch.
    pub(super) fn new(tile: Tiling, samples: Vec<f64>) -> Self {
        Self { name: tile.to_string(), seconds: least(&samples), samples, tile }
    }
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
        let (plan, programs) = record(gpu, conv, shape, direction, &[tile])?;
        let runs = runs_lasting(gpu, &plan, programs[0], effort.round).await?;
        trials.push((tile, plan, programs[0], runs, Vec::new()));
    }
    for _ in 0..effort.rounds {
        for (_, plan, program, runs, samples) in &mut trials {
            samples.push(seconds_of(gpu, plan, *program, *runs).await?);
        }
    }
    Ok(trials.into_iter().map(|(tile, _, _, _, samples)| TilingTime::new(tile, samples)).collect())
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

/// A plan with a program for each tile of one convolution in one direction, on made-up values.
pub(super) fn record(
    gpu: &Gpu,
    conv: &Conv2d,
    shape: [usize; 4],
    direction: Direction,
    tiles: &[Tiling],
) -> Result<(Plan, Vec<Program>), GpuError> {
    let [images, height, width, _] = shape;
    let mut b = PlanBuilder::new();
    let weights = b.persistent("weights", conv.weight_words());
    let bias = b.persistent("bias", conv.out_channels);
    let x = Activation::persistent(&mut b, "x", shape);
    let out = [images, height.div_ceil(conv.stride), width.div_ceil(conv.stride), conv.out_channels];
    let d_out = Activation::persistent(&mut b, "d_out", out);
    let filled = match direction {
        Direction::Forward => [x.tensor, weights],
        Direction::DataGradient => [d_out.tensor, weights],
        Direction::WeightGradient => [x.tensor, d_out.tensor],
    };
    let programs = tiles.iter().map(|tile| {
        let (conv, mark) = (conv.with_tile(*tile), b.mark());
        match direction {
            Direction::Forward => _ = conv.forward(&mut b, x, weights, bias, None),
            Direction::DataGradient => _ = conv.data_gradient(&mut b, x, d_out, weights, None),
            Direction::WeightGradient => conv.weight_gradient(&mut b, x, d_out, weights, Some(bias), false),
        }
        b.program(mark)
    });
    let programs = programs.collect();
    let plan = b.build(gpu)?;
    for tensor in filled {
        let values: Vec<f32> = (0..tensor.words()).map(|i| (i % 13) as f32 / 13.0 - 0.5).collect();
        plan.write(gpu, tensor, &values);
    }
    Ok((plan, programs))
}
