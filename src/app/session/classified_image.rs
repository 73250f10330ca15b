//! An image outside the data that a run has classified.

use std::path::PathBuf;

use crate::data::{Images, LooseImage, read_images, significant_bits_of};
use crate::gpu::Gpu;
use crate::train::{TrainError, Trainer, Weights};

/// An image outside the data, and what the model says of it.
pub struct ClassifiedImage {
    pub path: PathBuf,
    /// What the network sees: one image of its input size.
    pub input: Images,
    /// `[classes]`, by the EMA weights.
    pub probabilities: Vec<f32>,
    /// The number of steps after which they were computed.
    pub step: u64,
}

/// Reads the image file `path` as the run's data are read, and classifies it.
///
/// # Errors
/// [`TrainError::Data`] if the file is not an image that can be read; [`TrainError::Gpu`] if the device failed.
pub async fn classify(
    trainer: &mut Trainer,
    gpu: &Gpu,
    path: PathBuf,
) -> Result<ClassifiedImage, TrainError> {
    let network = &trainer.engine.network;
    let (side, channels) = (network.height, network.channels);
    let files = [LooseImage::from(path.clone())];
    let (bits, _) = significant_bits_of(&files, trainer.config.significant_bits);
    let mut input = Images::new(side, side, channels, Vec::new());
    for pixels in read_images(&files, side, channels, bits, trainer.config.fit) {
        input.pixels.extend(pixels?);
    }
    let step = trainer.progress().step;
    let probabilities = trainer.engine.evaluate(gpu, &input, Weights::Ema).await?;
    Ok(ClassifiedImage { path, input, probabilities, step })
}
