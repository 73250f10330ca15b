//! Presets: the published runs and this project's own short ones, and a run's switch to another method.

use super::config::Config;
use super::error::TrainError;
use super::precision::Precision;
use crate::augment::OpOptions;
use crate::data::{Balance, Choice, DataSet, Fit, SignificantBits, SplitRule, Tail, counted, shown_name};
use crate::nn::Freeze;
use crate::optim::ADAM;
use crate::ssl::{LabelPrior, Method};

/// Names of the presets.
pub const PRESET_NAMES: [&str; 8] =
    ["quick", "fashion", "digits", "shapes", "photos", "paper-cifar10", "paper-svhn", "paper-stl10"];

/// Settings to start from, with their source.
#[derive(Clone, Debug)]
pub struct Preset {
    pub config: Config,
    /// The published run that the settings follow, in one line.
    pub source: &'static str,
}

/// The preset with this name. The published settings of CIFAR-10 and SVHN differ for 40 labels.
///
/// # Examples
/// ```
/// use remixmatch::train::preset;
///
/// let published = preset("paper-cifar10", Some(250)).unwrap().config;
/// assert_eq!((published.method.strong_views, published.batch), (8, 64));
/// assert_eq!(preset("paper-cifar10", Some(40)).unwrap().config.method.strong_views, 1);
/// ```
///
/// # Errors
/// [`TrainError::UnknownPreset`] lists the names.
pub fn preset(name: &str, labels: Option<usize>) -> Result<Preset, TrainError> {
    let few = labels == Some(40);
    match name {
        "paper-cifar10" if few => Ok(Preset {
            config: paper(name, "cifar-10", 40, |c| {
                c.method.strong_views = 1;
                c.method.weight_r = 2.0;
                c.warmup_images = 8192 << 10;
            }),
            source: "reference runs/ssl, CIFAR-10, 40 labels: K=1, w_rot 2, warm-up 8192 kimg",
        }),
        "paper-cifar10" => Ok(Preset {
            config: paper(name, "cifar-10", 250, |_| {}),
            source: "reference runs/ssl, CIFAR-10, 250 to 4,000 labels: K=8",
        }),
        "paper-svhn" if few => Ok(Preset {
            config: paper(name, "svhn", 40, |c| {
                c.method.strong_views = 1;
                c.method.weight_r = 3.0;
                c.balance = Balance::Train;
            }),
            source: "reference runs/ssl, SVHN (noextra), 40 labels: K=1, w_rot 3",
        }),
        "paper-svhn" => Ok(Preset {
            config: paper(name, "svhn", 250, |c| c.balance = Balance::Train),
            source: "reference runs/ssl, SVHN (noextra), 250 to 4,000 labels: K=8",
        }),
        "paper-stl10" => Ok(Preset {
            config: paper(name, "stl-10", 1000, |c| {
                c.method.strong_views = 4;
                c.method.weak_anchor = false;
                c.scales = Some(4);
            }),
            source: "reference runs/ssl, STL-10, 1,000 labels: K=4, 4 scales",
        }),
        "quick" => Ok(Preset {
            config: small(name, "builtin:fashion", |c| c.steps = 500),
            source: "this project's own: a visible result in about three minutes on two cores",
        }),
        "fashion" => Ok(Preset {
            config: small(name, "builtin:fashion", |c| c.steps = 1_000),
            source: "this project's own, sized for a software adapter",
        }),
        "digits" => Ok(Preset {
            config: small(name, "builtin:digits", |c| c.steps = 1_000),
            source: "this project's own, sized for a software adapter",
        }),
        "shapes" => Ok(Preset {
            config: small(name, "builtin:shapes", |c| c.steps = 2_000),
            source: "this project's own, sized for a software adapter",
        }),
        "photos" => Ok(Preset {
            config: small(name, "builtin:shapes", |c| {
                c.network = "efficientnet-lite0".into();
                c.init = Some("efficientnet-lite0".into());
                c.image_size = Some(96);
                c.batch = 16;
                c.learning_rate = 0.0005;
                c.steps = 1_000;
            }),
            source: "this project's own: a few labelled photos, from a pretrained network",
        }),
        other => Err(TrainError::UnknownPreset { found: other.to_owned(), list: PRESET_NAMES.join(", ") }),
    }
}

impl Config {
    /// Switches to a published method: replaces all settings of the present one. ReMixMatch takes the settings of the
    /// run's preset, which chooses K, lambda_r and others for its data. The result depends on the preset and the
    /// number of labels, never on the present method.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::train::preset;
    ///
    /// let mut config = preset("digits", None).unwrap().config;
    /// config.set_method("fixmatch").unwrap();
    /// config.set_method("remixmatch").unwrap();
    /// assert_eq!(config, preset("digits", None).unwrap().config);
    /// ```
    ///
    /// # Errors
    /// [`TrainError::Method`] if no method has this name, [`TrainError::UnknownPreset`] if the configuration's
    /// preset is unknown and the method is ReMixMatch. The configuration is then unchanged.
    pub fn set_method(&mut self, name: &str) -> Result<(), TrainError> {
        self.method = match name {
            "remixmatch" => preset(&self.preset, Some(self.labels))?.config.method,
            other => Method::named(other)?,
        };
        name.clone_into(&mut self.method_name);
        Ok(())
    }

    /// Lets the EMA's decay warm up on labels made by hand: they are few, and so are the steps of their runs.
    pub fn fit_ema(&mut self, data: &DataSet) {
        self.ema_warmup |= data.hand_made_labels().is_some();
    }

    /// Adapts the preset's number of labels to a data set. Labels that were made by hand are all used; a smaller set is
    /// labelled in full. Where classes are too small for equal shares, the labels follow the classes' numbers of images,
    /// unless `keep_balance`; then each class gets as many labels as the smallest has images. Returns a notice about what
    /// changed. A number that a person has set is not meant: [`split`](crate::data::split) reports why it does not fit.
    pub fn fit_labels(&mut self, data: &DataSet, keep_balance: bool) -> Option<String> {
        if let Some(labels) = data.hand_made_labels() {
            self.labels = labels;
            return None;
        }
        let images: Vec<usize> = (0..data.train_labels.len()).collect();
        let counts = data.train_counts(&images);
        let (known, classes) = (counts.iter().sum::<usize>(), counts.len());
        let asked = counted(self.labels, "label", "labels");
        if known < self.labels {
            self.labels = known;
            return Some(format!(
                "the preset takes {asked}: all {known} training images of known class are labelled"
            ));
        }
        let smallest = (0..classes).min_by_key(|class| counts[*class])?;
        if self.labels < classes {
            self.labels = classes;
            return Some(format!("the preset takes {asked}: {classes} are used, one for each class"));
        }
        if self.balance != Balance::Even || self.imbalance > 1.0 || known == self.labels {
            return None;
        }
        let share = self.labels / classes;
        if share > counts[smallest] {
            let class = format!(
                "class '{}' has {}",
                shown_name(&data.classes[smallest]),
                counted(counts[smallest], "training image", "training images")
            );
            if keep_balance && counts[smallest] > 0 {
                self.labels = counts[smallest] * classes;
                return Some(format!(
                    "the preset takes {asked}, but {class}: {} are used, {} for each class",
                    self.labels, counts[smallest]
                ));
            }
            self.balance = Balance::Train;
            return Some(format!(
                "the preset takes {asked}, {share} for each class, but {class}: the labels follow the classes' numbers of \
                 images"
            ));
        }
        if !self.labels.is_multiple_of(classes) {
            self.labels = share * classes;
            return Some(format!(
                "the preset takes {asked}: {} are used, {share} for each of the {classes} classes",
                self.labels
            ));
        }
        None
    }
}

/// The published settings that all presets share.
fn paper(name: &str, data: &str, labels: usize, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config {
        preset: name.to_owned(),
        method_name: "remixmatch".into(),
        data: data.to_owned(),
        data_path: None,
        accept_changed_data: false,
        labels,
        balance: Balance::Even,
        imbalance: 1.0,
        tail: Tail::Both,
        split: SplitRule::Content,
        seed: 1,
        image_size: None,
        fit: Fit::Crop,
        strict: false,
        skip_bad: false,
        significant_bits: SignificantBits::Auto,
        test_share: None,
        network: "wrn-28-2".into(),
        scales: None,
        init: None,
        freeze: Freeze::None,
        batch: 64,
        steps: 1 << 20,
        optimiser: &ADAM,
        precision: Precision::Single,
        learning_rate: 0.002,
        weight_decay: 0.02,
        ema: 0.999,
        ema_warmup: false,
        norm_momentum: 0.999,
        warmup_images: 1024 << 10,
        report_every: 1024,
        flip: None,
        shift: None,
        choice: Choice::default(),
        augment: OpOptions::default(),
        method: Method { label_prior: LabelPrior::Labels, ..Method::remixmatch() },
    };
    change(&mut config);
    config
}

/// Short runs of a small network, with a smaller batch and fewer strong views. EMA weights and moving statistics decay
/// faster, and the EMA's decay warms up: otherwise those of short runs would still contain the untrained weights.
fn small(name: &str, data: &str, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = paper(name, data, 40, |_| {});
    config.seed = 0;
    config.network = "wrn-10-1".into();
    config.batch = 32;
    config.ema = 0.99;
    config.ema_warmup = true;
    config.norm_momentum = 0.95;
    config.warmup_images = 32 * 200;
    config.report_every = 50;
    config.method.strong_views = 2;
    change(&mut config);
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Origin;

    #[test]
    fn only_small_presets_warm_up_their_ema() {
        for name in PRESET_NAMES {
            let config = preset(name, None).expect("a preset").config;
            assert_eq!(config.ema_warmup, !name.starts_with("paper"), "{name}");
            let first = if config.ema_warmup { 0.1 } else { 0.999 };
            assert_eq!(config.schedule().ema.at(0), first, "{name}");
        }
    }

    #[test]
    fn labels_made_by_hand_warm_up_the_ema() {
        let mut config = preset("paper-cifar10", None).expect("a preset").config;
        config.fit_ema(&DataSet::default());
        assert!(!config.ema_warmup);
        config.fit_ema(&DataSet { origin: Origin::ByHand { held_out: true }, ..DataSet::default() });
        assert!(config.ema_warmup);
    }

    #[test]
    fn switching_methods_forgets_the_method_before() {
        for (name, labels) in PRESET_NAMES.iter().flat_map(|name| [(name, None), (name, Some(40))]) {
            let mut start = preset(name, labels).expect("a preset").config;
            start.labels = labels.unwrap_or(start.labels);
            let switched = |from: &Config, method: &str| {
                let mut config = from.clone();
                config.set_method(method).expect("a method");
                config
            };
            assert_eq!(switched(&start, "remixmatch"), start, "{name}: every preset trains ReMixMatch");
            for to in Method::NAMES {
                let direct = switched(&start, to);
                assert_eq!(direct.method_name, to);
                assert_eq!(
                    Config {
                        method: start.method.clone(),
                        method_name: start.method_name.clone(),
                        ..direct.clone()
                    },
                    start
                );
                for before in Method::NAMES {
                    assert_eq!(
                        switched(&switched(&start, before), to),
                        direct,
                        "{name}: {before}, then {to}"
                    );
                }
            }
        }
    }

    #[test]
    fn unknown_methods_and_presets_change_nothing() {
        let mut config = preset("quick", None).expect("a preset").config;
        config.preset = "mine".into();
        let before = config.clone();
        let unknown = config.set_method("remixmach").expect_err("no such method").to_string();
        assert!(unknown.contains("'remixmach'") && unknown.contains("fixmatch"), "{unknown}");
        let unknown = config.set_method("remixmatch").expect_err("no such preset").to_string();
        assert!(unknown.contains("'mine'") && unknown.contains("quick"), "{unknown}");
        assert_eq!(config, before);
        config.set_method("fixmatch").expect("a method that no preset changes");
        assert_eq!(config.method, Method::fixmatch());
    }
}
