//! What the model of the moment says of every training image, found out bit by bit.

use crate::train::{TrainError, Trainer, Weights};

/// Class probabilities of all training images.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Steps done.
    pub step: u64,
    pub classes: usize,
    /// `[training images, classes]`, averaged weights.
    pub probabilities: Vec<f32>,
}

impl Predictions {
    /// The probabilities of an image, `[classes]`.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn of(&self, image: usize) -> &[f32] {
        &self.probabilities[image * self.classes..][..self.classes]
    }

    pub fn images(&self) -> usize {
        self.probabilities.len() / self.classes.max(1)
    }
}

/// Images predicted before commands are looked at again.
const AT_ONCE: usize = 256;

/// Predictions on their way.
pub struct Predicting {
    so_far: Predictions,
}

impl Predicting {
    pub fn new(trainer: &Trainer) -> Self {
        let classes = trainer.data.classes.len();
        let step = trainer.progress().step;
        Self { so_far: Predictions { step, classes, probabilities: Vec::new() } }
    }

    /// Predicts some more images; all predictions when they are complete.
    ///
    /// # Errors
    /// The adapter's.
    pub async fn advance(&mut self, trainer: &mut Trainer) -> Result<Option<Predictions>, TrainError> {
        let (gpu, data) = (trainer.gpu().clone(), trainer.data.clone());
        let first = self.so_far.images();
        if first < data.train.len() {
            let run: Vec<usize> = (first..data.train.len()).take(AT_ONCE).collect();
            let images = data.train.pick(&run);
            let some = trainer.engine.evaluate(&gpu, &images, Weights::Averaged).await?;
            self.so_far.probabilities.extend(some);
        }
        let done = self.so_far.images() == data.train.len();
        Ok(done.then(|| self.so_far.clone()))
    }

    /// Share of the images that is done.
    pub fn share(&self, trainer: &Trainer) -> f32 {
        self.so_far.images() as f32 / trainer.data.train.len().max(1) as f32
    }
}
