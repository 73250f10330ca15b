use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::schedule::Schedule;
use crate::augment::{OpOptions, PolicyScale, Sampling};
use crate::data::{Balance, Choice, Spread, Tail};
use crate::nn::Architecture;
use crate::ssl::{LabelPrior, Method, PolicyKind};

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
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Share of the old value kept in the averaged weights.
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
        Schedule::new(&self.method, self.learning_rate, self.weight_decay, self.ema, self.warmup_images)
    }
}

/// Settings that a person gives on top of a preset; `None` and `false` leave it as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    pub method: Option<String>,
    pub data: Option<String>,
    pub labels: Option<usize>,
    pub balance: Option<Balance>,
    pub imbalance: Option<f64>,
    pub tail: Option<Tail>,
    pub steps: Option<u64>,
    pub seed: Option<u64>,
    pub image_size: Option<usize>,
    pub choice: Choice,
    pub network: Option<String>,
    pub batch: Option<usize>,
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    pub ema: Option<f64>,
    pub report_every: Option<u64>,
    /// In steps; kept as images.
    pub warmup: Option<u64>,
    pub strong_views: Option<usize>,
    pub temperature: Option<f32>,
    pub beta: Option<f64>,
    pub threshold: Option<f32>,
    pub relative_threshold: bool,
    pub weight_u: Option<f32>,
    pub weight_u1: Option<f32>,
    pub weight_r: Option<f32>,
    pub policy: Option<PolicyKind>,
    pub label_prior: Option<LabelPrior>,
    pub policy_scale: Option<PolicyScale>,
    pub sampling: Option<Sampling>,
    pub no_alignment: bool,
    pub no_rotation: bool,
    pub no_premixup: bool,
    pub no_strong: bool,
    pub no_weak: bool,
    pub no_mixup: bool,
    /// The policy on the labelled images too, where the method leaves it to the unlabelled ones.
    pub strong_labelled: bool,
    pub squared: bool,
}

/// lambda_u of the Brier score in the reference's ablation.
const SQUARED_WEIGHT: f32 = 75.0;

impl Overrides {
    /// Applies the settings: first the method, which replaces the preset's, then its parts.
    ///
    /// # Errors
    /// An unknown method.
    pub fn apply(&self, config: &mut Config) -> Result<(), TrainError> {
        if let Some(name) = &self.method {
            config.method = self.method_in(config, name)?;
            config.method_name.clone_from(name);
        }
        set(&mut config.data, &self.data);
        set(&mut config.labels, &self.labels);
        set(&mut config.balance, &self.balance);
        set(&mut config.imbalance, &self.imbalance);
        set(&mut config.tail, &self.tail);
        set(&mut config.steps, &self.steps);
        set(&mut config.seed, &self.seed);
        config.image_size = self.image_size.or(config.image_size);
        config.choice.coarse |= self.choice.coarse;
        config.choice.fold = self.choice.fold.or(config.choice.fold);
        config.choice.no_extra |= self.choice.no_extra;
        set(&mut config.network, &self.network);
        set(&mut config.batch, &self.batch);
        set(&mut config.learning_rate, &self.learning_rate);
        set(&mut config.weight_decay, &self.weight_decay);
        set(&mut config.ema, &self.ema);
        set(&mut config.report_every, &self.report_every);
        if let Some(steps) = self.warmup {
            config.warmup_images = steps.saturating_mul(config.batch as u64);
        }
        set(&mut config.augment.scale, &self.policy_scale);
        set(&mut config.augment.sampling, &self.sampling);
        self.apply_parts(&mut config.method);
        Ok(())
    }

    /// A method by name with the preset's own K, where the published method leaves K free.
    fn method_in(&self, config: &Config, name: &str) -> Result<Method, TrainError> {
        let mut method = Method::named(name)?;
        if name == "remixmatch" {
            method.strong_views = config.method.strong_views;
            method.weight_r = config.method.weight_r;
        }
        Ok(method)
    }

    fn apply_parts(&self, method: &mut Method) {
        set(&mut method.strong_views, &self.strong_views);
        set(&mut method.temperature, &self.temperature);
        set(&mut method.beta, &self.beta);
        set(&mut method.policy, &self.policy);
        set(&mut method.label_prior, &self.label_prior);
        method.threshold = self.threshold.or(method.threshold);
        method.relative_threshold |= self.relative_threshold;
        method.alignment &= !self.no_alignment;
        method.rotation &= !self.no_rotation;
        method.premixup &= !self.no_premixup;
        method.mixup &= !self.no_mixup;
        method.strong_anchor |= self.no_weak;
        method.strong_labelled |= self.strong_labelled;
        if self.no_strong {
            method.policy = PolicyKind::None;
        }
        if self.squared {
            method.squared = true;
            method.weight_u = SQUARED_WEIGHT;
        }
        set(&mut method.weight_u, &self.weight_u);
        set(&mut method.weight_u1, &self.weight_u1);
        set(&mut method.weight_r, &self.weight_r);
    }
}

fn set<T: Clone>(to: &mut T, from: &Option<T>) {
    if let Some(value) = from {
        to.clone_from(value);
    }
}
