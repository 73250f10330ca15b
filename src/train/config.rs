//! Everything that determines a run, as `config.toml` stores it, and the ranges of its settings.

use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::TrainError;
use super::precision::Precision;
use crate::augment::OpOptions;
use crate::data::{
    Balance, Choice, DataSet, Fit, OpenOptions, SIDES, SignificantBits, SplitRule, Spread, Tail, shown_name,
};
use crate::disk;
use crate::nn::{Architecture, Freeze};
use crate::optim::{ADAM, Optimiser};
use crate::ssl::{Decay, Method, Schedule};

/// The settings that determine a run, stored as `config.toml` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The preset that the settings are based on.
    pub preset: String,
    /// Name of the method; [`Config::method`] has its settings, which may differ from the published ones.
    pub method_name: String,
    /// Data set: `builtin:NAME` or a path.
    pub data: String,
    /// Absolute path of the data, by which they are found from another working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_path: Option<String>,
    /// Go on with data whose images are not those of the run. It is not stored: the next checkpoint records the new ones.
    #[serde(skip)]
    pub accept_changed_data: bool,
    /// Number of labelled images.
    pub labels: usize,
    /// Distribution of the labels over the classes.
    pub balance: Balance,
    /// R of a long tail: class c of C keeps R^(-c/(C-1)) of its images; 1 keeps all.
    #[serde(default = "balanced", skip_serializing_if = "is_balanced")]
    pub imbalance: f64,
    /// What the long tail applies to.
    #[serde(default, skip_serializing_if = "has_both")]
    pub tail: Tail,
    /// How labelled images, and test images of a set without its own, are chosen. Files of version 0.1 lack it.
    #[serde(default = "position", skip_serializing_if = "is_position")]
    pub split: SplitRule,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Side in pixels that a folder's images are resized to; chosen from the images if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    /// How image files that are not square become squares.
    #[serde(default, skip_serializing_if = "is_cropped")]
    pub fit: Fit,
    /// Whether image files whose sizes differ are refused rather than resized.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strict: bool,
    /// Whether images that cannot be read are skipped.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skip_bad: bool,
    /// Significant bits of 16-bit images, or "auto". A run stores the bits that its images use. Files of version 0.1 lack
    /// it, and mean 16.
    #[serde(default = "all_bits", skip_serializing_if = "is_all_bits")]
    pub significant_bits: SignificantBits,
    /// Share of the labelled images that is held out if a set has no test images; see [`OpenOptions::test_share`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_share: Option<f64>,
    /// Name of the network; see [`Architecture::named`].
    pub network: String,
    /// Number of scales of the network; chosen from the image size if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scales: Option<usize>,
    /// Where the first weights come from: the name of weights in the user's data folder, a safetensors file with timm's names,
    /// or a checkpoint whose heads are replaced. Random if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// Layers that keep their first weights and statistics.
    #[serde(default, skip_serializing_if = "Freeze::is_none")]
    pub freeze: Freeze,
    /// Labelled images per step, B, and as many unlabelled images.
    pub batch: usize,
    /// Number of training steps.
    pub steps: u64,
    /// The optimiser, stored by name.
    #[serde(default = "adam", skip_serializing_if = "is_adam")]
    pub optimiser: &'static Optimiser,
    /// How feature maps are stored.
    #[serde(default, skip_serializing_if = "is_single")]
    pub precision: Precision,
    /// Learning rate of the optimiser.
    pub learning_rate: f64,
    /// Decoupled weight decay, multiplied by the learning rate in each step.
    pub weight_decay: f64,
    /// Decay of the EMA weights.
    pub ema: f64,
    /// Whether it grows to that in the first steps; see [`Decay::at`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub ema_warmup: bool,
    /// Decay of batch norm's moving statistics.
    pub norm_momentum: f32,
    /// Number of labelled images over which the weights of the unlabelled terms ramp up.
    pub warmup_images: u64,
    /// Steps between two reports, each of them with an evaluation and a checkpoint.
    pub report_every: u64,
    /// Whether the weak augmentation flips images horizontally; the data set's default if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip: Option<bool>,
    /// Largest shift of the weak augmentation in pixels; the data set's default if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<u32>,
    /// Options of the data set's format.
    #[serde(default, skip_serializing_if = "Choice::is_default")]
    pub choice: Choice,
    /// Options of the strong augmentation operations.
    pub augment: OpOptions,
    /// The settings of the method.
    pub method: Method,
}

/// A setting that two configurations have different values of, as text; "unset" where it is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its path in `config.toml`, for example `method.beta`.
    pub setting: String,
    pub first: String,
    pub second: String,
}

/// The absolute path of a file or folder.
#[cfg(not(target_arch = "wasm32"))]
fn absolute(source: &str) -> Option<String> {
    let path = Path::new(source);
    let absolute = path.exists().then(|| std::path::absolute(path).ok()).flatten()?;
    // A path that is not UTF-8 is stored with stand-ins: it finds nothing, and tells whether `data` still leads there.
    Some(absolute.to_string_lossy().into_owned())
}

/// The page has no working directory.
#[cfg(target_arch = "wasm32")]
fn absolute(_source: &str) -> Option<String> {
    None
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

fn is_cropped(fit: &Fit) -> bool {
    *fit == Fit::Crop
}

fn is_single(precision: &Precision) -> bool {
    *precision == Precision::Single
}

fn is_adam(optimiser: &&'static Optimiser) -> bool {
    **optimiser == ADAM
}

fn position() -> SplitRule {
    SplitRule::Position
}

fn is_position(split: &SplitRule) -> bool {
    *split == SplitRule::Position
}

fn is_false(setting: &bool) -> bool {
    !setting
}

fn all_bits() -> SignificantBits {
    SignificantBits::ALL
}

fn is_all_bits(bits: &SignificantBits) -> bool {
    *bits == SignificantBits::ALL
}

fn has_both(tail: &Tail) -> bool {
    *tail == Tail::Both
}

impl Config {
    /// Parses the content of a `config.toml`; `path` is for messages.
    ///
    /// # Examples
    /// ```
    /// use std::path::Path;
    ///
    /// use remixmatch::train::{Config, preset};
    ///
    /// let config = preset("digits", None).unwrap().config;
    /// let text = toml::to_string(&config).unwrap();
    /// assert_eq!(Config::parse(Path::new("config.toml"), text.as_bytes()).unwrap(), config);
    /// assert!(Config::parse(Path::new("config.toml"), b"steps = 'many'").is_err());
    /// ```
    ///
    /// # Errors
    /// [`TrainError::Config`] for text that is not TOML, unknown or missing settings, and invalid values.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, TrainError> {
        let invalid = |reason: String| TrainError::Config { path: path.to_owned(), reason };
        let text = std::str::from_utf8(text).map_err(|e| invalid(format!("not a valid config.toml: {e}")))?;
        toml::from_str(text).map_err(|e| invalid(format!("not a valid config.toml: {e}")))
    }

    /// Checks every setting for images of `height` x `width` pixels.
    ///
    /// # Errors
    /// Names the first setting that is out of range, its value and its range.
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
        let expected = "'none', unless init names the weights that frozen layers keep";
        let frozen = format!("'{}'", self.freeze);
        check(self.freeze.is_none() || self.init.is_some(), "freeze", frozen, expected)?;
        self.architecture()?.validate(height, width)?;
        self.method.validate(self.batch, height, width)?;
        Ok(())
    }

    /// The network's architecture.
    ///
    /// # Errors
    /// [`TrainError::Network`] if the network's name is unknown.
    pub fn architecture(&self) -> Result<Architecture, TrainError> {
        Ok(Architecture::named(&self.network)?.with_scales(self.scales)?)
    }

    /// Checks, before the data are opened, that the network takes images of the side that is set.
    ///
    /// # Errors
    /// [`TrainError::Network`] if it does not.
    pub fn check_image_size(&self) -> Result<(), TrainError> {
        match self.image_size.filter(|side| SIDES.contains(side)) {
            Some(side) => Ok(self.architecture()?.validate(side, side)?),
            None => Ok(()),
        }
    }

    /// Distribution of images and labels over the classes.
    pub fn spread(&self) -> Spread {
        Spread { balance: self.balance, imbalance: self.imbalance, tail: self.tail, rule: self.split }
    }

    /// Sets the data source, and its absolute path if it is a file or folder.
    pub fn set_data(&mut self, source: String) {
        self.data_path = absolute(&source);
        self.data = source;
    }

    /// The source to open: the absolute path, or what was given if nothing is there.
    pub fn source(&self) -> &str {
        let path = self.data_path.as_deref().filter(|path| disk::exists(Path::new(path)));
        path.unwrap_or(&self.data)
    }

    /// [`Config::source`] of a run that goes on.
    ///
    /// # Errors
    /// [`TrainError::LostData`] if the data were at a path where there is nothing any more.
    pub fn present_source(&self) -> Result<&str, TrainError> {
        match &self.data_path {
            Some(path) if !disk::exists(Path::new(path)) && !self.data_names_its_place() => {
                Err(TrainError::LostData { path: path.into() })
            }
            _ => Ok(self.source()),
        }
    }

    /// Whether `data` leads to where it led, or to a file or folder of the name that was given. `.` and `..` name whatever
    /// folder is the current one.
    fn data_names_its_place(&self) -> bool {
        let is_name = matches!(Path::new(&self.data).components().next_back(), Some(Component::Normal(_)));
        disk::exists(Path::new(&self.data)) && (is_name || absolute(&self.data) == self.data_path)
    }

    /// What to say of a run that goes on with data at another place than before, found by the name that was given.
    pub fn moved_notice(&self) -> Option<String> {
        let path = self.data_path.as_deref().filter(|path| !disk::exists(Path::new(path)))?;
        // Nothing is read where nothing is.
        if !disk::exists(Path::new(&self.data)) {
            return None;
        }
        (absolute(&self.data).as_deref() != Some(path)).then(|| {
            format!("the data are no longer at {}: {} is read", shown_name(path), shown_name(&self.data))
        })
    }

    /// Reads settings from a file.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be read, otherwise as [`Config::parse`].
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        Self::parse(path, &disk::read(path).map_err(TrainError::file(path, "reading it"))?)
    }

    /// The options that the run's data set is opened with: all settings that decide which images it has, and how.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            strict: self.strict,
            skip_bad: self.skip_bad,
            image_size: self.image_size,
            size_multiple: self.architecture().ok().and_then(|network| network.size_multiple()),
            fit: self.fit,
            significant_bits: self.significant_bits,
            test_share: self.test_share,
            split: self.split,
            choice: self.choice.clone(),
            ..OpenOptions::default()
        }
    }

    /// Stores the options that a data set was opened with, all but the rule by which images are chosen.
    pub fn set_open_options(&mut self, options: &OpenOptions) {
        self.strict = options.strict;
        self.skip_bad = options.skip_bad;
        self.image_size = options.image_size;
        self.fit = options.fit;
        self.significant_bits = options.significant_bits;
        self.test_share = options.test_share;
        self.choice.clone_from(&options.choice);
    }

    /// Stores how the images of the run's data set were decoded, so that they are decoded in the same way again.
    pub fn set_decoding(&mut self, data: &DataSet) {
        if let Some(bits) = data.decoding.significant_bits {
            self.significant_bits = SignificantBits::Bits(bits);
        }
    }

    /// The learning rate, decays and loss weights of each step.
    pub fn schedule(&self) -> Schedule {
        Schedule::new(
            self.optimiser,
            &self.method,
            self.learning_rate,
            self.weight_decay,
            Decay { full: self.ema, warms_up: self.ema_warmup },
            self.warmup_images,
        )
    }

    /// The settings in which this configuration and another one differ; `data_path`, which only finds `data`, is none.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let value = |config: &Self| {
            serde_json::to_value(Self { data_path: None, ..config.clone() }).unwrap_or_default()
        };
        let mut found = Vec::new();
        compare("", &value(self), &value(other), &mut found);
        found
    }
}

/// Adds the leaves at which two values differ.
fn compare(path: &str, first: &Value, second: &Value, found: &mut Vec<Difference>) {
    if let (Value::Object(a), Value::Object(b)) = (first, second) {
        for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let value = |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or_default();
            compare(&path, &value(a), &value(b), found);
        }
    } else if first != second {
        let text = |value: &Value| if value.is_null() { "unset".to_owned() } else { value.to_string() };
        found.push(Difference { setting: path.to_owned(), first: text(first), second: text(second) });
    }
}
