//! Classification with a trained network.

use std::path::Path;
use std::sync::Arc;

use super::checkpoint::{Checkpoint, Header};
use super::config::Config;
use super::engine::{Engine, EngineOptions};
use super::error::TrainError;
use super::evaluation::Weights;
use super::fingerprint::Fingerprint;
use super::recording::Capture;
use crate::data::Images;
use crate::gpu::Gpu;
use crate::ssl::Method;

/// A trained network: the EMA weights and moving statistics of a checkpoint.
pub struct Model {
    pub config: Config,
    pub header: Header,
    /// The images that it was trained on, if the checkpoint records them.
    pub fingerprint: Option<Fingerprint>,
    engine: Engine,
    gpu: Arc<Gpu>,
}

impl Model {
    /// Loads a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::File`] or [`TrainError::Checkpoint`] if the file cannot be read, [`TrainError::WrongNetwork`] if its
    /// tensors do not match its network, [`TrainError::Gpu`] if the adapter cannot hold the network.
    pub fn load(gpu: Arc<Gpu>, path: &Path) -> Result<Self, TrainError> {
        let (config, header) = Checkpoint::read_header(path)?;
        let options = EngineOptions {
            architecture: config.architecture()?,
            image: header.image,
            classes: header.classes.len(),
            method: Method::supervised(),
            batch: 1,
            optimiser: config.optimiser,
            norm_momentum: config.norm_momentum,
            precision: config.precision,
            freeze: config.freeze.clone(),
            augment: config.augment,
            capture: Capture::State,
        };
        let engine = Engine::new(&gpu, &options)?;
        let network = &engine.network;
        let checkpoint = Checkpoint::load(path, network)?;
        let ema = network.parameters.pack(checkpoint.ema.iter().map(Vec::as_slice));
        let moving = network.statistics.pack(checkpoint.statistics.iter().map(Vec::as_slice));
        engine.write(&gpu, engine.tensors.optimiser.ema, &ema);
        engine.write(&gpu, engine.tensors.moving, &moving);
        Ok(Self { config, header, fingerprint: checkpoint.fingerprint, engine, gpu })
    }

    /// Class probabilities of `images`, f32 `[images, classes]`.
    ///
    /// # Errors
    /// [`TrainError::Gpu`] if the adapter fails.
    pub async fn probabilities(&mut self, images: &Images) -> Result<Vec<f32>, TrainError> {
        Ok(self.engine.evaluate(&self.gpu, images, Weights::Ema).await?)
    }
}
