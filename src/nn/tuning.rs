//! Which tiling is the fastest on an adapter, by measuring.

use serde::Serialize;
use web_time::{Duration, Instant};

use super::{Activation, Conv2d};
use crate::gpu::{Gpu, GpuError, Plan, PlanBuilder, Program, Tiling, seconds_of};

/// Time after which nothing more is measured.
const LIMIT: Duration = Duration::from_secs(2);
const ROUNDS: usize = 6;
/// A convolution from the middle of a network, small enough for a software adapter.
const MAP: [usize; 4] = [8, 16, 16, 64];
/// What a candidate must be faster by to be taken before one that comes first.
const MARGIN: f64 = 0.05;

/// What a candidate takes for one convolution in its three directions.
#[derive(Clone, Debug, Serialize)]
pub struct TilingTime {
    pub name: String,
    pub seconds: f64,
    #[serde(skip)]
    pub tiling: Tiling,
}

/// Measures an adapter's candidates in turns, best first; those that there is no time for are left out, never the
/// usual one.
///
/// # Errors
/// The adapter's.
pub async fn measure_tilings(gpu: &Gpu) -> Result<Vec<TilingTime>, GpuError> {
    let start = Instant::now();
    let mut trials = Vec::new();
    for tiling in Tiling::candidates(gpu) {
        if !trials.is_empty() && start.elapsed() > LIMIT {
            break;
        }
        let (plan, program) = record(gpu, tiling)?;
        // The first run compiles.
        seconds_of(gpu, &plan, program, 1).await?;
        let seconds = seconds_of(gpu, &plan, program, 1).await?;
        trials.push((TilingTime { name: tiling.to_string(), seconds, tiling }, plan, program));
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

/// By time, but of two that differ by less than the margin in the order of the candidates.
fn best_first(mut times: Vec<TilingTime>) -> Vec<TilingTime> {
    let least = times.iter().map(|time| time.seconds).fold(f64::MAX, f64::min);
    let first = times.iter().position(|time| time.seconds <= least * (1.0 + MARGIN));
    let best = first.map(|first| times.remove(first));
    times.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    best.into_iter().chain(times).collect()
}

fn record(gpu: &Gpu, tiling: Tiling) -> Result<(Plan, Program), GpuError> {
    let [.., channels] = MAP;
    let conv = Conv2d {
        name: "conv".into(),
        in_channels: channels,
        out_channels: channels,
        kernel: 3,
        stride: 1,
        tiling,
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
    fn the_first_of_those_that_are_nearly_as_fast_is_taken() {
        let time = |seconds: f64, channels: usize| {
            let tiling = Tiling { channels, ..Tiling::WAVE };
            TilingTime { name: tiling.to_string(), seconds, tiling }
        };
        let order = |times: [(f64, usize); 3]| {
            let times = best_first(times.map(|(seconds, channels)| time(seconds, channels)).to_vec());
            times.iter().map(|time| time.tiling.channels).collect::<Vec<_>>()
        };
        assert_eq!(order([(1.04, 32), (1.0, 16), (0.999, 8)]), [32, 8, 16]);
        assert_eq!(order([(1.2, 32), (1.0, 16), (1.3, 8)]), [16, 32, 8]);
    }
}
