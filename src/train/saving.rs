//! A trainer's state to a checkpoint and back.

use std::path::Path;

use super::checkpoint::{Checkpoint, Header, PendingProbe};
use super::error::TrainError;
use super::trainer::{Submitted, Trainer, image_shape};
use crate::augment::{CtAugment, StrongPolicy};
use crate::gpu::Tensor;
use crate::nn::ParameterSet;
use crate::optim::FIRST_LOSS_SCALE;

impl Trainer {
    pub(super) fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        let (gpu, engine) = (&self.gpu, &self.engine);
        let pack = |set: &ParameterSet, values: &[Vec<f32>]| set.pack(values.iter().map(Vec::as_slice));
        let network = &engine.network;
        let optimiser = engine.tensors.optimiser;
        let state = optimiser.state().map(|(_, tensor)| tensor).zip(&checkpoint.optimiser);
        for (tensor, values) in [(optimiser.weights, &checkpoint.weights), (optimiser.ema, &checkpoint.ema)] {
            engine.write(gpu, tensor, &pack(&network.parameters, values));
        }
        for (tensor, values) in state {
            engine.write(gpu, tensor, &pack(&network.trainable, values));
        }
        engine.write(gpu, engine.tensors.moving, &pack(&network.statistics, &checkpoint.statistics));
        engine.write(gpu, engine.tensors.alignment.history, &checkpoint.history);
        engine.write(gpu, engine.tensors.alignment.label_distribution, &checkpoint.label_distribution);
        engine.write_loss_scale(gpu, checkpoint.loss_scale.unwrap_or(FIRST_LOSS_SCALE));
        if let StrongPolicy::CtAugment(bins) = &mut self.policy {
            *bins = CtAugment::from_rates(&checkpoint.rates)?;
        }
        self.submitted = checkpoint
            .pending
            .into_iter()
            .map(|p| Submitted { step: p.step, ops: p.ops, matches: Some(p.matches) })
            .collect();
        self.init = checkpoint.header.init;
        self.window = checkpoint.header.window;
        self.step = checkpoint.header.step;
        self.earlier_seconds = checkpoint.header.seconds;
        self.reported.last = checkpoint.header.reported.last;
        self.reported.test_set += checkpoint.header.reported.test_set;
        Ok(())
    }

    /// The whole state, for [`Trainer::resume`] and for using the model.
    ///
    /// # Errors
    /// [`TrainError::Gpu`] if the device is lost, [`TrainError::NotFinite`] if a step diverged or a value of the state is NaN
    /// or infinite.
    pub async fn checkpoint(&mut self) -> Result<Checkpoint, TrainError> {
        self.drain().await?;
        let pending: Vec<_> = self
            .submitted
            .iter()
            .map(|s| PendingProbe {
                step: s.step,
                ops: s.ops.clone(),
                matches: s.matches.iter().flatten().take(s.ops.len()).copied().collect(),
            })
            .collect();
        let rates = match &self.policy {
            StrongPolicy::CtAugment(bins) => bins.rates().to_vec(),
            _ => Vec::new(),
        };
        let mut header = Header::new(
            image_shape(&self.data),
            self.data.classes.clone(),
            self.step,
            self.seconds(),
            self.window.clone(),
            &pending,
        );
        header.reported = self.reported;
        header.init.clone_from(&self.init);
        let network = &self.engine.network;
        let tensors = &self.engine.tensors;
        let read = async |tensor: Tensor| self.engine.fetch(&self.gpu, tensor).await;
        let unpack =
            async |tensor: Tensor| read(tensor).await.map(|packed| network.parameters.unpack(&packed));
        let mut optimiser = Vec::new();
        for (_, tensor) in tensors.optimiser.state() {
            optimiser.push(network.trainable.unpack(&read(tensor).await?));
        }
        let loss_scale = match tensors.loss_scale {
            Some(scale) => <[f32; 2]>::try_from(read(scale.state).await?).ok(),
            None => None,
        };
        let checkpoint = Checkpoint {
            config: self.config.clone(),
            fingerprint: Some(self.fingerprint()),
            weights: unpack(tensors.optimiser.weights).await?,
            ema: unpack(tensors.optimiser.ema).await?,
            optimiser,
            statistics: network.statistics.unpack(&read(tensors.moving).await?),
            history: read(tensors.alignment.history).await?,
            label_distribution: read(tensors.alignment.label_distribution).await?,
            rates,
            loss_scale,
            pending,
            header,
        };
        checkpoint.check_finite(network)?;
        Ok(checkpoint)
    }

    /// [`Trainer::checkpoint`] to a file, atomically.
    ///
    /// # Errors
    /// The errors of [`Trainer::checkpoint`]; [`TrainError::File`] if the file cannot be written, and keeps its content then.
    pub async fn save(&mut self, path: &Path) -> Result<(), TrainError> {
        let checkpoint = self.checkpoint().await?;
        checkpoint.save(path, &self.engine.network)
    }
}
