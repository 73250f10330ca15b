//! The options of `train`, `trace` and `ablate` that set up a run: a preset and changes to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use remixmatch::Named;
use remixmatch::augment::{PolicyScale, Sampling};
use remixmatch::data::{Balance, DataSet, Fit, SplitRule, Tail};
use remixmatch::nn::Freeze;
use remixmatch::ssl::{LabelPrior, Method, PolicyKind};
use remixmatch::train::{Config, Overrides, PRESET_NAMES, Precision, preset};

use super::inputs::{SourceOptions, resolve};
use super::terminal::note;
use super::weights::WeightOptions;

/// Parses an enum of the library by its names, in lower case.
pub fn named<T: Named + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let name = |value: &T| value.name().to_lowercase();
    let values = T::VALUES.iter().map(|(value, help)| PossibleValue::new(name(value)).help(*help));
    PossibleValuesParser::new(values).map(move |found| {
        let value = T::VALUES.iter().find(|(value, _)| name(value) == found);
        value.expect("the parser accepts listed names alone").0
    })
}

/// The absolute path of a file that is there, so that the settings mean it from everywhere; otherwise the name of weights.
fn absolute(init: &str) -> String {
    let path = Path::new(init);
    let absolute = path.exists().then(|| std::path::absolute(path).ok()).flatten();
    absolute.map_or_else(|| init.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// Settings that determine a run, but for the weights of loss terms.
#[derive(Args)]
struct SettingOptions {
    /// Number of labelled images
    #[arg(long, value_name = "N", help_heading = "Data")]
    labels: Option<usize>,
    /// Distribution of the labels over the classes
    #[arg(long, value_parser = named::<Balance>(), help_heading = "Data")]
    label_balance: Option<Balance>,
    /// A long tail: class c of C keeps R^(-c/(C-1)) of its images
    #[arg(long, value_name = "R", allow_negative_numbers = true, help_heading = "Data")]
    imbalance: Option<f64>,
    /// What the long tail of --imbalance applies to [default: both]
    #[arg(long, value_parser = named::<Tail>(), requires = "imbalance", help_heading = "Data")]
    tail: Option<Tail>,
    /// How labelled images, and test images of a set without its own, are chosen [default: content]
    #[arg(long, value_parser = named::<SplitRule>(), help_heading = "Data")]
    split: Option<SplitRule>,
    /// Side in pixels that all images are resized to, 8 to 224
    #[arg(long, value_name = "N", help_heading = "Data")]
    image_size: Option<usize>,
    /// How images that are not square become squares [default: crop]
    #[arg(long, value_parser = named::<Fit>(), help_heading = "Data")]
    fit: Option<Fit>,
    /// Preset that the other options change
    #[arg(long, value_name = "NAME", default_value = "fashion", value_parser = PossibleValuesParser::new(PRESET_NAMES))]
    preset: String,
    /// Start from a config.toml instead of a preset
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    config: Option<PathBuf>,
    /// Published method, which the other options change
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Method::NAMES))]
    method: Option<String>,
    /// Seed of all random numbers
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Steps between two reports
    #[arg(long, value_name = "N")]
    report_every: Option<u64>,
    /// Steps over which the unlabelled terms ramp up
    #[arg(long, value_name = "N")]
    warmup: Option<u64>,
    /// Strong views per unlabelled image, K (0 to 16)
    #[arg(long, value_name = "N", help_heading = "Method")]
    k: Option<usize>,
    /// Sharpening temperature T
    #[arg(long, value_name = "T", allow_negative_numbers = true, help_heading = "Method")]
    temperature: Option<f32>,
    /// Parameter of MixUp's Beta distribution
    #[arg(long, value_name = "B", allow_negative_numbers = true, help_heading = "Method")]
    beta: Option<f64>,
    /// Train on hard labels, for guesses with at least this probability
    #[arg(long, value_name = "P", allow_negative_numbers = true, help_heading = "Method")]
    threshold: Option<f32>,
    /// Make the threshold relative to the mean confidence on the labelled batch
    #[arg(long, help_heading = "Method")]
    relative_threshold: bool,
    /// Augmentation policy of the strong views
    #[arg(long, value_parser = named::<PolicyKind>(), help_heading = "Method")]
    policy: Option<PolicyKind>,
    /// Range of rescale and translate: the paper's table, or the reference's code
    #[arg(long, value_parser = named::<PolicyScale>(), help_heading = "Method")]
    policy_scale: Option<PolicyScale>,
    /// Interpolation of rotate, shear and translate
    #[arg(long, value_parser = named::<Sampling>(), help_heading = "Method")]
    sampling: Option<Sampling>,
    /// Class distribution p(y) that distribution alignment targets
    #[arg(long, value_parser = named::<LabelPrior>(), help_heading = "Method")]
    p_data: Option<LabelPrior>,
    /// Switch off distribution alignment
    #[arg(long, help_heading = "Method")]
    no_alignment: bool,
    /// Switch off the rotation loss
    #[arg(long, help_heading = "Method")]
    no_rotation: bool,
    /// Switch off the pre-mixup loss
    #[arg(long, help_heading = "Method")]
    no_premixup: bool,
    /// Use weak augmentation for the strong views
    #[arg(long, help_heading = "Method")]
    no_strong: bool,
    /// Use strong augmentation for the anchor too
    #[arg(long, help_heading = "Method")]
    no_weak: bool,
    /// Switch off MixUp
    #[arg(long, help_heading = "Method")]
    no_mixup: bool,
    /// Use the Brier score instead of cross-entropy on unlabelled images, with weight 75
    #[arg(long, help_heading = "Method")]
    l2: bool,
    /// Network: wrn-28-2, wrn-28-8, wrn-16-1, wrn-10-1 or efficientnet-lite0
    #[arg(long, value_name = "NAME", help_heading = "Network and optimiser")]
    network: Option<String>,
    /// Start from pretrained weights: efficientnet-lite0 (scripts/fetch_backbone.py), a safetensors file, or a trained model
    #[arg(long, value_name = "NAME|FILE", help_heading = "Network and optimiser")]
    init: Option<String>,
    /// Do not train the layers up to this stage, or any but the heads: none, all or a stage; a wrong name lists the stages
    #[arg(long, value_name = "STAGE", help_heading = "Network and optimiser")]
    freeze: Option<Freeze>,
    /// Labelled images per step, B, and as many unlabelled images
    #[arg(long, value_name = "N", help_heading = "Network and optimiser")]
    batch: Option<usize>,
    /// How feature maps are stored: single (f32), or mixed (f16 with a dynamic loss scale)
    #[arg(long, value_parser = named::<Precision>(), help_heading = "Network and optimiser")]
    precision: Option<Precision>,
    /// Learning rate of Adam
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Network and optimiser")]
    lr: Option<f64>,
    /// Decoupled weight decay
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Network and optimiser")]
    weight_decay: Option<f64>,
    /// Decay of the EMA weights
    #[arg(long, value_name = "X", allow_negative_numbers = true, help_heading = "Network and optimiser")]
    ema: Option<f64>,
    /// Whether that decay grows in the first steps: in step s it is at most (1 + s) / (10 + s)
    #[arg(long, value_name = "BOOL", help_heading = "Network and optimiser")]
    ema_warmup: Option<bool>,
}

/// Settings that determine a run. Conflicts with them name the groups `SettingOptions` and `WeightOptions`: clap gives
/// a struct with flattened option groups no group of its own.
#[derive(Args)]
pub struct Settings {
    #[command(flatten)]
    options: SettingOptions,
    #[command(flatten)]
    weights: WeightOptions,
}

impl Settings {
    /// Returns the run's configuration, its data set, and the source of the preset. Without a number of labels, that of the
    /// preset adapts to the data: see [`Config::fit_labels`].
    pub fn open(&self, source: &SourceOptions) -> anyhow::Result<(Config, Arc<DataSet>, String)> {
        let (mut config, origin) = self.config(source)?;
        if config.data_path.is_none() {
            let data = config.data.clone();
            config.set_data(resolve(&data)?);
            config.data = data;
        }
        config.check_image_size()?;
        let data = source.open(&config)?;
        config.set_decoding(&data);
        if self.options.ema_warmup.is_none() && self.options.config.is_none() {
            config.fit_ema(&data);
        }
        if self.options.labels.is_none() && self.options.config.is_none() {
            let notice = config.fit_labels(&data, self.options.label_balance.is_some());
            notice.iter().for_each(|notice| note(format_args!("notice: {notice}")));
        }
        Ok((config, data, origin))
    }

    /// Chooses images by `rule` unless the arguments name another one.
    pub fn default_split(&mut self, rule: SplitRule) {
        self.options.split.get_or_insert(rule);
    }

    /// Lets the EMA's decay warm up, or not, unless the arguments say.
    pub fn default_ema_warmup(&mut self, warms_up: bool) {
        self.options.ema_warmup.get_or_insert(warms_up);
    }

    fn config(&self, source: &SourceOptions) -> anyhow::Result<(Config, String)> {
        let (mut config, origin) = match &self.options.config {
            Some(path) => {
                let config = Config::read(path)?;
                (config, format!("settings of {}", path.display()))
            }
            None => {
                let preset = preset(&self.options.preset, self.options.labels)?;
                (preset.config, preset.source.to_owned())
            }
        };
        self.overrides(source).apply(&mut config)?;
        let Self { options, .. } = self;
        if options.init.is_some() && options.network.is_none() && options.config.is_none() {
            let notice = config.take_network_of_init()?;
            notice.iter().for_each(|notice| note(format_args!("notice: {notice}")));
        }
        Ok((config, origin))
    }

    fn overrides(&self, source: &SourceOptions) -> Overrides {
        Overrides {
            method: self.options.method.clone(),
            data: source.data.clone(),
            labels: self.options.labels,
            balance: self.options.label_balance,
            imbalance: self.options.imbalance,
            tail: self.options.tail,
            split: self.options.split,
            steps: source.steps,
            seed: self.options.seed,
            image_size: self.options.image_size,
            fit: self.options.fit,
            strict: source.strict,
            skip_bad: source.skip_bad,
            significant_bits: source.choice.significant_bits,
            choice: source.choice.choice(),
            network: self.options.network.clone(),
            init: self.options.init.as_deref().map(absolute),
            freeze: self.options.freeze.clone(),
            batch: self.options.batch,
            precision: self.options.precision,
            learning_rate: self.options.lr,
            weight_decay: self.options.weight_decay,
            ema: self.options.ema,
            ema_warmup: self.options.ema_warmup,
            report_every: self.options.report_every,
            warmup: self.options.warmup,
            strong_views: self.options.k,
            temperature: self.options.temperature,
            beta: self.options.beta,
            threshold: self.options.threshold,
            relative_threshold: self.options.relative_threshold,
            weights: self.weights.0,
            policy: self.options.policy,
            label_prior: self.options.p_data,
            policy_scale: self.options.policy_scale,
            sampling: self.options.sampling,
            no_alignment: self.options.no_alignment,
            no_rotation: self.options.no_rotation,
            no_premixup: self.options.no_premixup,
            no_strong: self.options.no_strong,
            no_weak: self.options.no_weak,
            no_mixup: self.options.no_mixup,
            strong_labelled: false,
            squared: self.options.l2,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use remixmatch::app::ThemeChoice;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        source: SourceOptions,
        #[command(flatten)]
        settings: Settings,
    }

    fn config(arguments: &[&str]) -> Config {
        let line = Line::try_parse_from([&["train"], arguments].concat()).expect("valid options");
        line.settings.config(&line.source).expect("settings").0
    }

    #[test]
    fn first_weights_name_their_network() {
        let start = ["--preset", "paper-stl10", "--init", "efficientnet-lite0"];
        let found = config(&start);
        assert_eq!((&*found.network, found.scales), ("efficientnet-lite0", None));
        let named = config(&[&start[..], &["--network", "wrn-16-1"]].concat());
        assert_eq!((&*named.network, named.scales), ("wrn-16-1", Some(4)));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        let written = Config { network: "wrn-10-1".into(), ..config(&["--preset", "digits"]) };
        std::fs::write(&file, toml::to_string(&written).expect("text")).expect("a file");
        let file = file.to_str().expect("a path of Unicode");
        assert_eq!(config(&["--config", file, "--init", "efficientnet-lite0"]).network, "wrn-10-1");
    }

    #[test]
    fn method_option_forgets_the_method_before() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        let file_name = file.to_str().expect("a path of Unicode");
        for (name, labels) in PRESET_NAMES.iter().flat_map(|name| [(*name, "40"), (*name, "250")]) {
            let start = ["--preset", name, "--labels", labels];
            assert_eq!(config(&[&start[..], &["--method", "remixmatch"]].concat()), config(&start));
            for before in Method::NAMES {
                let first = config(&[&start[..], &["--method", before]].concat());
                std::fs::write(&file, toml::to_string(&first).expect("text")).expect("a file");
                for method in Method::NAMES {
                    let direct = config(&[&start[..], &["--method", method]].concat());
                    let second = config(&["--config", file_name, "--method", method]);
                    assert_eq!(second, direct, "{name}: {before}, then {method}");
                }
            }
        }
    }

    /// Asserts that the values have these names, and that serde knows no other.
    #[track_caller]
    fn check<T: Named + PartialEq + std::fmt::Debug>(names: &[&str]) {
        let found: Vec<_> = T::VALUES.iter().map(|(value, _)| value.name()).collect();
        assert_eq!(found, names);
        for (value, _) in T::VALUES {
            assert_eq!(T::from_name(&value.name()), Ok(*value));
        }
        let error = T::from_name("?").expect_err("no name").to_string();
        assert_eq!(error.matches('`').count(), 2 * (names.len() + 1), "{error}");
    }

    #[test]
    fn every_value_has_its_stored_name() {
        check::<PolicyKind>(&["ctaugment", "randaugment", "none"]);
        check::<LabelPrior>(&["labels", "running", "predictions"]);
        check::<PolicyScale>(&["paper", "literal"]);
        check::<Sampling>(&["nearest", "bilinear"]);
        check::<Balance>(&["even", "train"]);
        check::<SplitRule>(&["content", "position"]);
        check::<Tail>(&["both", "labelled", "unlabelled"]);
        check::<ThemeChoice>(&["System", "Light", "Dark"]);
    }
}
