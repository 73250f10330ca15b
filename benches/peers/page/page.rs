//! Our training step for a browser, beside another framework's in the same one. Natively this is empty.
#![cfg(target_arch = "wasm32")]

use remixmatch::bench::TrainingStep;
use remixmatch::gpu::Gpu;
use remixmatch::nn::{Architecture, ConvTiling, Network};
use wasm_bindgen::prelude::*;

/// A network in training on one batch.
#[wasm_bindgen]
pub struct Training {
    gpu: Gpu,
    step: TrainingStep,
}

#[wasm_bindgen]
impl Training {
    /// Opens the device and lays out the network for `batch` images `size` wide and high.
    pub async fn prepare(
        network: &str,
        batch: usize,
        size: usize,
        channels: usize,
        classes: usize,
    ) -> Result<Self, JsError> {
        let gpu = Gpu::request().await?;
        let architecture = Architecture::named(network)?;
        let image = [size, size, channels];
        let network = Network::new(&architecture, image, classes, ConvTiling::new(&gpu))?;
        let step = TrainingStep::new(&gpu, &network, batch)?;
        Ok(Self { gpu, step })
    }

    pub fn parameters(&self) -> usize {
        self.step.parameters()
    }

    pub async fn seconds_a_step(&self, steps: u32) -> Result<f64, JsError> {
        Ok(self.step.seconds_per_step(&self.gpu, steps).await?)
    }

    /// What the last step began with.
    pub async fn loss(&self) -> Result<f32, JsError> {
        Ok(self.step.loss(&self.gpu).await?)
    }
}
