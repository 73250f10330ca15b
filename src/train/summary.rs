//! The summary of a run that has finished.

use super::metrics::{Report, Summary, median_accuracy, wilson_interval};
use super::trainer::Trainer;

/// `summary.json` of a run by its last report; none without reports.
pub fn summary(trainer: &Trainer, reports: &[Report]) -> Option<Summary> {
    let last = reports.last()?;
    let config = &trainer.config;
    let images = trainer.data.test.len();
    let right = (last.test_acc_ema * images as f64).round() as usize;
    Some(Summary {
        preset: config.preset.clone(),
        method: config.method_name.clone(),
        data: trainer.data.name.clone(),
        labels: trainer.split.labelled.len(),
        seed: config.seed,
        network: config.network.clone(),
        parameters: trainer.engine.network.parameters.count(),
        steps: last.step,
        images: last.images,
        seconds: last.seconds,
        test_acc_ema: last.test_acc_ema,
        test_acc_ema_interval: Some(wilson_interval(right, images)),
        test_acc_ema_median: median_accuracy(reports),
        test_acc: last.test_acc,
        guess_acc: last.guess_acc,
        adapter: trainer.gpu().info.name.clone(),
        gpu_bytes: trainer.engine.memory().total(),
    })
}

impl Trainer {
    /// [`Report::test_set`](super::Report::test_set) of the next report.
    pub fn test_set(&self) -> u64 {
        self.reported.test_set
    }
}
