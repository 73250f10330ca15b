//! Everything that determines a run, as `config.toml` stores it, and the ranges of its settings.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::schedule::Schedule;
use crate::augment::OpOptions;
use crate::data::{Balance, Choice, Spread, Tail};
use crate::nn::Architecture;
use crate::optim::{ADAM, Optimiser};
use crate::ssl::Method;

/// Everything a run is determined by, written as `config.toml` beside its results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The preset it started from.
    pub preset: String,
    /// The method's name; the switches below it may say more.
    pub method_name: String,
    /// Data source: `builtin:NAME` or a path.
    pub data: String,
    /// Labelled images in all.
    pub labels: usize,
    /// How labels are spread over the classes.
    pub balance: Balance,
    /// R of a long tail: class c of C keeps R^(-c/(C-1)) of its images.
    #[serde(default = "balanced", skip_serializing_if = "is_balanced")]
    pub imbalance: f64,
    /// What has the long tail.
    #[serde(default, skip_serializing_if = "has_both")]
    pub tail: Tail,
    pub seed: u64,
    /// Side that a folder's images are resized to; chosen from the images if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    pub network: String,
    /// Scales of the network, if not those that fit the image size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scales: Option<usize>,
    /// Labelled images a step, B; as many unlabelled ones.
    pub batch: usize,
    pub steps: u64,
    #[serde(default = "adam", skip_serializing_if = "is_adam")]
    pub optimiser: &'static Optimiser,
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Share of the old value kept in the EMA weights.
    pub ema: f64,
    /// Share of the old value kept in batch norm's moving statistics.
    pub norm_momentum: f32,
    /// Labelled images over which the unlabelled terms ramp up.
    pub warmup_images: u64,
    /// Steps between two reports, each with an evaluation and a checkpoint.
    pub report_every: u64,
    /// Random horizontal flips in the weak augmentation; the data set's own choice if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip: Option<bool>,
    /// Largest shift of the weak augmentation in pixels; the data set's own choice if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<u32>,
    /// What is taken of the source, where its format leaves a choice.
    #[serde(default, skip_serializing_if = "Choice::is_default")]
    pub choice: Choice,
    /// How the strong operations are carried out.
    pub augment: OpOptions,
    pub method: Method,
}

fn balanced() -> f64 {
    1.0
}

fn is_balanced(imbalance: &f64) -> bool {
    *imbalance == 1.0
}

fn adam() -> &'static Optimiser {
    &ADAM
}

fn is_adam(optimiser: &&'static Optimiser) -> bool {
    **optimiser == ADAM
}

fn has_both(tail: &Tail) -> bool {
    *tail == Tail::Both
}

impl Config {
    /// Reads the content of a `config.toml`; `path` is for messages.
    ///
    /// # Errors
    /// The first line that is no setting.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, TrainError> {
        let wrong = |reason: String| TrainError::Config { path: path.to_owned(), reason };
        let text = std::str::from_utf8(text).map_err(|e| wrong(format!("it is no config.toml: {e}")))?;
        toml::from_str(text).map_err(|e| wrong(format!("it is no config.toml: {e}")))
    }

    /// # Errors
    /// Names the first setting that is out of range, what it is and what it must be.
    pub fn validate(&self, height: usize, width: usize) -> Result<(), TrainError> {
        let check = |ok: bool, field, found: String, expected| {
            if ok { Ok(()) } else { Err(TrainError::OutOfRange { field, found, expected }) }
        };
        let share = 0.0..1.0;
        check(self.steps >= 1, "steps", self.steps.to_string(), "at least 1")?;
        check(self.report_every >= 1, "report_every", self.report_every.to_string(), "at least 1")?;
        let imbalance = self.imbalance;
        check((1.0..=1e6).contains(&imbalance), "imbalance", imbalance.to_string(), "1 (none) to 1000000")?;
        let lr = self.learning_rate;
        check(lr > 0.0 && lr <= 10.0, "learning rate", lr.to_string(), "above 0 and at most 10")?;
        let decay = self.weight_decay;
        check((0.0..=10.0).contains(&decay), "weight decay", decay.to_string(), "0 to 10")?;
        check(share.contains(&self.ema), "ema", self.ema.to_string(), "at least 0 and below 1")?;
        let momentum = self.norm_momentum;
        check(
            share.contains(&f64::from(momentum)),
            "norm_momentum",
            momentum.to_string(),
            "at least 0 and below 1",
        )?;
        let shift = self.shift.unwrap_or(0);
        check(shift <= 96, "shift", shift.to_string(), "0 to 96 pixels")?;
        self.architecture()?.validate(height, width)?;
        self.method.validate(self.batch, height, width)?;
        Ok(())
    }

    pub fn architecture(&self) -> Result<Architecture, TrainError> {
        let named = Architecture::named(&self.network)?;
        Ok(Architecture { scales: self.scales.or(named.scales), ..named })
    }

    /// How images and labels are spread over the classes.
    pub fn spread(&self) -> Spread {
        Spread { balance: self.balance, imbalance: self.imbalance, tail: self.tail }
    }

    pub fn schedule(&self) -> Schedule {
        Schedule::new(
            self.optimiser,
            &self.method,
            self.learning_rate,
            self.weight_decay,
            self.ema,
            self.warmup_images,
        )
    }
}
