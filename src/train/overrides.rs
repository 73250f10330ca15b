//! Changes to a configuration: what the command line's options and the rows of an ablation set.

use super::config::Config;
use super::error::TrainError;
use super::precision::Precision;
use crate::augment::{PolicyScale, Sampling};
use crate::data::{Balance, Choice, Fit, SignificantBits, SplitRule, Tail};
use crate::nn::Freeze;
use crate::ssl::{LabelPrior, Method, PerTerm, PolicyKind};

/// Settings to change in a configuration; `None` and `false` leave a setting as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    pub method: Option<String>,
    pub data: Option<String>,
    pub labels: Option<usize>,
    pub balance: Option<Balance>,
    pub imbalance: Option<f64>,
    pub tail: Option<Tail>,
    pub split: Option<SplitRule>,
    pub steps: Option<u64>,
    pub seed: Option<u64>,
    pub image_size: Option<usize>,
    pub fit: Option<Fit>,
    pub strict: bool,
    pub skip_bad: bool,
    pub significant_bits: Option<SignificantBits>,
    pub choice: Choice,
    pub network: Option<String>,
    pub init: Option<String>,
    pub freeze: Option<Freeze>,
    pub batch: Option<usize>,
    pub precision: Option<Precision>,
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    pub ema: Option<f64>,
    pub ema_warmup: Option<bool>,
    pub report_every: Option<u64>,
    /// In steps; stored in images, see [`Config::warmup_images`].
    pub warmup: Option<u64>,
    pub strong_views: Option<usize>,
    pub temperature: Option<f32>,
    pub beta: Option<f64>,
    pub threshold: Option<f32>,
    pub relative_threshold: bool,
    /// Weights of loss terms.
    pub weights: PerTerm<Option<f32>>,
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
    /// Apply the policy to the labelled images too.
    pub strong_labelled: bool,
    pub squared: bool,
}

/// lambda_u with the Brier score (reference, `runs/ssl/ablation.sh`).
const SQUARED_WEIGHT: f32 = 75.0;

impl Overrides {
    /// Applies the settings to `config`: first the published method (see [`Config::set_method`]), then what changes it.
    ///
    /// # Errors
    /// [`TrainError::Method`] if no method has the name, [`TrainError::UnknownPreset`] if the configuration's preset is
    /// unknown and the method is ReMixMatch.
    pub fn apply(&self, config: &mut Config) -> Result<(), TrainError> {
        if let Some(name) = &self.method {
            config.set_method(name)?;
        }
        if let Some(source) = &self.data {
            config.set_data(source.clone());
        }
        set(&mut config.labels, &self.labels);
        set(&mut config.balance, &self.balance);
        set(&mut config.imbalance, &self.imbalance);
        set(&mut config.tail, &self.tail);
        set(&mut config.split, &self.split);
        set(&mut config.steps, &self.steps);
        set(&mut config.seed, &self.seed);
        config.image_size = self.image_size.or(config.image_size);
        set(&mut config.fit, &self.fit);
        config.strict |= self.strict;
        config.skip_bad |= self.skip_bad;
        set(&mut config.significant_bits, &self.significant_bits);
        config.choice.coarse |= self.choice.coarse;
        config.choice.fold = self.choice.fold.or(config.choice.fold);
        config.choice.no_extra |= self.choice.no_extra;
        config.choice.folders_as_classes |= self.choice.folders_as_classes;
        config.choice.none_as_class |= self.choice.none_as_class;
        config.choice.many_files |= self.choice.many_files;
        set(&mut config.network, &self.network);
        config.init = self.init.clone().or(config.init.take());
        set(&mut config.freeze, &self.freeze);
        set(&mut config.batch, &self.batch);
        set(&mut config.precision, &self.precision);
        set(&mut config.learning_rate, &self.learning_rate);
        set(&mut config.weight_decay, &self.weight_decay);
        set(&mut config.ema, &self.ema);
        set(&mut config.ema_warmup, &self.ema_warmup);
        set(&mut config.report_every, &self.report_every);
        if let Some(steps) = self.warmup {
            config.warmup_images = steps.saturating_mul(config.batch as u64);
        }
        set(&mut config.augment.scale, &self.policy_scale);
        set(&mut config.augment.sampling, &self.sampling);
        self.apply_to_method(&mut config.method);
        Ok(())
    }

    fn apply_to_method(&self, method: &mut Method) {
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
        for (term, weight) in self.weights.iter() {
            if let (Some(setting), Some(weight)) = (term.setting, weight) {
                *setting(method) = weight;
            }
        }
    }
}

fn set<T: Clone>(to: &mut T, from: &Option<T>) {
    if let Some(value) = from {
        to.clone_from(value);
    }
}
