//! How the cost of a training step grows with batch, width, image size and the number of strong views.

use std::sync::Arc;

use serde::Serialize;

use super::step::measure_step;
use super::training::TrainingStep;
use crate::gpu::Gpu;
use crate::nn::{Architecture, ConvTiling, Network, WideResNet};
use crate::train::{Config, TrainError};

const CLASSES: usize = 10;
const BATCH: usize = 16;
/// Side of the images, which have one channel.
const SIDE: usize = 32;
const MEASURED_STEPS: u32 = 4;

/// The cost of a step at one value of the quantity.
#[derive(Clone, Debug, Serialize)]
pub struct GrowthRow {
    pub value: usize,
    pub seconds: f64,
    pub gflop: f64,
    /// Bytes on the adapter.
    pub bytes: u64,
}

/// How the cost of a step grows with one quantity while all others are fixed.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    pub quantity: &'static str,
    pub rows: Vec<GrowthRow>,
}

impl Growth {
    /// Exponents of time, arithmetic and memory: d log cost / d log value, by least squares.
    pub fn exponents(&self) -> [f64; 3] {
        let slope = |cost: fn(&GrowthRow) -> f64| {
            let points: Vec<_> = self.rows.iter().map(|r| ((r.value as f64).ln(), cost(r).ln())).collect();
            let n = points.len() as f64;
            let mean = points.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
            let both: f64 = points.iter().map(|p| (p.0 - mean.0) * (p.1 - mean.1)).sum();
            both / points.iter().map(|p| (p.0 - mean.0).powi(2)).sum::<f64>()
        };
        [slope(|r| r.seconds), slope(|r| r.gflop), slope(|r| r.bytes as f64)]
    }
}

/// Measures cost against batch, width and image size for training on labelled images, and against K for the whole step
/// of `config`.
///
/// # Errors
/// [`TrainError`] if the configuration is invalid, a tensor exceeds the adapter's limits or the device failed.
pub async fn measure_growth(gpu: &Arc<Gpu>, config: &Config) -> Result<Vec<Growth>, TrainError> {
    let small = WideResNet::WRN_10_1;

    let mut batch = Vec::new();
    for value in [8, 16, 32, 64] {
        batch.push(labelled(gpu, value, &small, value, SIDE).await?);
    }
    let mut width = Vec::new();
    for value in [16, 32, 64, 128] {
        let architecture = WideResNet { filters: value, ..small.clone() };
        width.push(labelled(gpu, value, &architecture, BATCH, SIDE).await?);
    }
    let mut side = Vec::new();
    for value in [24, 32, 48, 64] {
        // The number of scales is the same for all sizes.
        let architecture = WideResNet { scales: Some(3), ..small.clone() };
        side.push(labelled(gpu, value, &architecture, BATCH, value).await?);
    }
    let mut views = Vec::new();
    for value in [1, 2, 4, 8] {
        let mut config = Config { batch: BATCH, ..config.clone() };
        config.method.strong_views = value;
        let time = measure_step(gpu, &config, [SIDE, SIDE, 1], CLASSES).await?;
        let bytes = time.persistent_bytes + time.transient_bytes;
        views.push(GrowthRow { value, seconds: time.seconds, gflop: time.gflop, bytes });
    }
    let growth = |quantity, rows| Growth { quantity, rows };
    Ok(vec![growth("batch", batch), growth("filters", width), growth("image side", side), growth("K", views)])
}

async fn labelled(
    gpu: &Gpu,
    value: usize,
    settings: &WideResNet,
    batch: usize,
    side: usize,
) -> Result<GrowthRow, TrainError> {
    let architecture = Architecture::WideResNet(settings.clone());
    let network = Network::new(&architecture, [side, side, 1], CLASSES, ConvTiling::new(gpu))?;
    let step = TrainingStep::new(gpu, &network, batch)?;
    step.seconds_per_step(gpu, 1).await?;
    let seconds = step.seconds_per_step(gpu, MEASURED_STEPS).await?;
    let gflop = 6.0 * network.macs() as f64 * batch as f64 / 1e9;
    Ok(GrowthRow { value, seconds, gflop, bytes: step.memory().total() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_those_of_the_powers() {
        let row = |value: usize| GrowthRow {
            value,
            seconds: 3.0 * value as f64,
            gflop: (value as f64).powi(2),
            bytes: 7,
        };
        let growth = Growth { quantity: "batch", rows: [2, 4, 16].map(row).to_vec() };
        let [time, arithmetic, memory] = growth.exponents();
        assert!((time - 1.0).abs() < 1e-9 && (arithmetic - 2.0).abs() < 1e-9 && memory.abs() < 1e-9);
    }
}
