//! Settings in a link: `#preset=digits&seed=3&method=mixmatch&method.mixup=false&compare=no%20alignment&train`.
//!
//! A link names a preset and what differs from it. Each key is the name of a setting in `config.toml`, with the parts
//! of the method under `method.`; `method=NAME` switches to a published method before the other settings apply.
//! `lesson=NAME` opens a prepared comparison.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use thiserror::Error;

use super::components::Variation;
use super::places::ViewId;
use super::views::{self, Views, alignment, anchors, curves, mixup, rotation};
use crate::data::Choice;
use crate::nn::{Architecture, Freeze};
use crate::ssl::Method;
use crate::train::{Config, PRESET_NAMES, is_name_of_weights, preset};

/// Characters that [`Address::fragment`] escapes: all but letters, digits and those that stand for themselves in a
/// fragment.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');

/// The settings in a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub config: Config,
    /// The variation that trains beside the run.
    pub compare: Option<Variation>,
    /// The view to bring to the front.
    pub view: Option<ViewId>,
    /// Whether training starts at once.
    pub train: bool,
}

/// A link with an invalid part. None of its settings are applied.
#[derive(Debug, Error, PartialEq)]
pub enum AddressError {
    #[error(
        "the link has an invalid percent-escape in '{part}': expected UTF-8 with % and two hexadecimal digits per byte"
    )]
    Escape { part: String },
    #[error("the link asks for preset '{found}': there are {list}", list = PRESET_NAMES.join(", "))]
    Preset { found: String },
    #[error("the link asks for method '{found}': there are {list}", list = Method::NAMES.join(", "))]
    Method { found: String },
    #[error("the link asks for lesson '{found}': there are {list}", list = lesson_names())]
    Lesson { found: String },
    #[error("the link compares with '{found}': there are {list}", list = Variation::ALL.map(Variation::name).join(", "))]
    Variation { found: String },
    #[error("the link asks for view '{found}': there are {list}", list = views::titles().join(", "))]
    View { found: String },
    #[error("the link sets '{key}', which is not a setting: use the names in config.toml")]
    Key { key: String },
    #[error("the link sets {key} to '{found}': {reason}")]
    Value { key: String, found: String, reason: String },
}

/// Prepared comparisons: name, variation to compare with, view to open.
static LESSONS: [(&str, Variation, ViewId); 6] = [
    ("anchoring", Variation::NoAnchoring, anchors::ID),
    ("alignment", Variation::NoAlignment, alignment::ID),
    ("sharpening", Variation::NoSharpening, anchors::ID),
    ("mixup", Variation::NoMixUp, mixup::ID),
    ("rotation", Variation::NoRotation, rotation::ID),
    ("labels", Variation::Supervised, curves::ID),
];

fn lesson_names() -> String {
    LESSONS.each_ref().map(|(name, ..)| *name).join(", ")
}

impl Address {
    /// Parses the part of a link after `#`; `None` if it is empty.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::app::Address;
    ///
    /// let link = Address::parse("preset=digits&seed=3&method.mixup=false&train").unwrap().unwrap();
    /// assert_eq!((link.config.seed, link.config.method.mixup, link.train), (3, false, true));
    /// assert!(Address::parse("preset=%2").is_err());
    /// ```
    ///
    /// # Errors
    /// [`AddressError`] for the first part with an invalid escape, an unknown name or an invalid value.
    pub fn parse(fragment: &str) -> Result<Option<Self>, AddressError> {
        let parts = fragment
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                Ok((unescape(key)?, unescape(value)?))
            })
            .collect::<Result<Vec<_>, AddressError>>()?;
        if parts.is_empty() {
            return Ok(None);
        }
        let named = |name: &str| parts.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value);
        let lesson = named("lesson").map(|name| lesson(name)).transpose()?;
        let name = named("preset").map_or("quick", String::as_str);
        let start = preset(name, None).map_err(|_| AddressError::Preset { found: name.to_owned() })?.config;
        let mut address = Self {
            config: start,
            compare: lesson.as_ref().map(|(_, variation, _)| *variation),
            view: lesson.map(|(_, _, view)| view),
            train: named("train").is_some(),
        };
        if let Some(name) = named("method") {
            // ReMixMatch's settings depend on the number of labels.
            if let Some(labels) = named("labels") {
                address.config = set(&address.config, "labels", labels)?;
            }
            let unknown = |_| AddressError::Method { found: name.clone() };
            address.config.set_method(name).map_err(unknown)?;
        }
        for (key, value) in &parts {
            match key.as_str() {
                "lesson" | "preset" | "method" | "train" => {}
                "compare" => address.compare = Some(variation(value)?),
                "view" => address.view = Some(view(value)?),
                key => address.config = set(&address.config, key, value)?,
            }
        }
        // A link reads no files: weights with a network's name are of that network.
        let is_network = |init: &&String| Architecture::named(init).is_ok();
        if let Some(init) = named("init").filter(is_network)
            && named("network").is_none()
        {
            init.clone_into(&mut address.config.network);
            address.config.scales = None;
        }
        Ok(Some(address))
    }

    /// The part of a link after `#` that [`Address::parse`] reads as these settings.
    pub fn fragment(&self) -> String {
        // A link leads to another machine's data, and to weights that it has too.
        let mut config = Config { data_path: None, ..self.config.clone() };
        if config.init.as_deref().is_some_and(|init| !is_name_of_weights(init)) {
            (config.init, config.freeze) = (None, Freeze::None);
        }
        let config = &config;
        let mut parts = vec![format!("preset={}", escape(&config.preset))];
        let mut start = preset(&config.preset, None).ok().map(|preset| preset.config);
        if let Some(start) = &mut start
            && start.method_name != config.method_name
        {
            let switched = start.set_method(&config.method_name);
            parts.extend(switched.is_ok().then(|| format!("method={}", escape(&config.method_name))));
        }
        let mut absent = start.as_ref().map(flat).unwrap_or_default();
        for (key, value) in flat(config) {
            let default = absent.iter().position(|(other, _)| *other == key).map(|i| absent.swap_remove(i).1);
            if key != "preset" && default.as_ref() != Some(&value) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                parts.push(format!("{}={}", escape(&key), escape(&text)));
            }
        }
        // Settings without a value, switches that are off, the choice of images by position and full depth are not
        // serialised.
        for (key, _) in absent {
            let unset = ["null", "false", "position", "16"]
                .into_iter()
                .find(|text| set(config, &key, text).as_ref() == Ok(config));
            parts.extend(unset.map(|text| format!("{}={text}", escape(&key))));
        }
        parts.extend(self.compare.map(|variation| format!("compare={}", escape(variation.name()))));
        let title = self.view.as_ref().map(|view| Views::default().title(view));
        parts.extend(title.map(|title| format!("view={}", escape(&title))));
        parts.extend(self.train.then(|| "train".to_owned()));
        parts.join("&")
    }
}

fn lesson(name: &str) -> Result<(&'static str, Variation, ViewId), AddressError> {
    let found = LESSONS.iter().find(|(known, ..)| *known == name);
    found.cloned().ok_or_else(|| AddressError::Lesson { found: name.to_owned() })
}

fn variation(name: &str) -> Result<Variation, AddressError> {
    Variation::named(name).ok_or_else(|| AddressError::Variation { found: name.to_owned() })
}

fn view(name: &str) -> Result<ViewId, AddressError> {
    views::with_title(name).ok_or_else(|| AddressError::View { found: name.to_owned() })
}

/// Replaces one setting, by its name in `config.toml`.
fn set(config: &Config, key: &str, text: &str) -> Result<Config, AddressError> {
    let failed = |reason: String| AddressError::Value { key: key.to_owned(), found: text.to_owned(), reason };
    let mut all = serde_json::to_value(config).map_err(|error| failed(error.to_string()))?;
    let unknown = || AddressError::Key { key: key.to_owned() };
    if let (Some(all), true) = (all.as_object_mut(), key.starts_with("choice.")) {
        // A choice that is not made is not serialised.
        all.entry("choice").or_insert_with(|| serde_json::to_value(Choice::default()).unwrap_or_default());
    }
    let (path, name) = key.rsplit_once('.').map_or((None, key), |(path, name)| (Some(path), name));
    let group = match path {
        None => Some(&mut all),
        Some(path) => path.split('.').try_fold(&mut all, |group, part| group.get_mut(part)),
    };
    let group = group.and_then(Value::as_object_mut).ok_or_else(unknown)?;
    let value = match group.get(name) {
        Some(Value::Object(_)) => return Err(unknown()),
        Some(Value::String(_)) => Value::String(text.to_owned()),
        // Text that is not JSON is a string: `policy=none`.
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    };
    let optional = !group.contains_key(name);
    group.insert(name.to_owned(), value);
    serde_json::from_value(all).map_err(|error| match error.to_string() {
        reason if optional && reason.starts_with("unknown field") => unknown(),
        reason => failed(reason),
    })
}

/// Every setting with its path, such as `method.mixup`.
fn flat(config: &Config) -> Vec<(String, Value)> {
    fn walk(path: &str, value: Value, out: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(inner) => {
                for (name, value) in inner {
                    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                    walk(&path, value, out);
                }
            }
            leaf => out.push((path.to_owned(), leaf)),
        }
    }
    let mut out = Vec::new();
    walk("", serde_json::to_value(config).unwrap_or_default(), &mut out);
    out
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Decodes percent-escapes, and `+` as a space.
fn unescape(text: &str) -> Result<String, AddressError> {
    let invalid = || AddressError::Escape { part: text.to_owned() };
    // The decoder copies an invalid escape as it is.
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_escape) {
        return Err(invalid());
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(Into::into).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Tail;
    use crate::ssl::PolicyKind;
    use crate::train::Precision;

    fn address(fragment: &str) -> Address {
        Address::parse(fragment).expect("a link").expect("settings")
    }

    fn plain(config: Config) -> Address {
        Address { config, compare: None, view: None, train: false }
    }

    fn preset_config(name: &str) -> Config {
        preset(name, None).expect("a preset").config
    }

    #[test]
    fn empty_fragment_holds_no_address() {
        assert_eq!(Address::parse(""), Ok(None));
        assert_eq!(Address::parse("&&"), Ok(None));
    }

    #[test]
    fn data_preset_switches_and_seed_apply() {
        let found = address("preset=digits&data=builtin:fashion&seed=3&labels=50&method.mixup=false&train");
        let mut expected = preset_config("digits");
        expected.data = "builtin:fashion".into();
        (expected.seed, expected.labels) = (3, 50);
        expected.method.mixup = false;
        assert_eq!(found, Address { train: true, ..plain(expected) });
    }

    #[test]
    fn settings_absent_from_a_preset_apply() {
        let found = address("method.threshold=0.9&flip=true&method.policy=none");
        assert_eq!((found.config.method.threshold, found.config.flip), (Some(0.9), Some(true)));
        assert_eq!(found.config.method.policy, PolicyKind::None);
        assert_eq!(address("preset=digits&precision=mixed").config.precision, Precision::Mixed);
    }

    #[test]
    fn every_setting_survives_its_link() {
        for name in PRESET_NAMES {
            let mut config = preset_config(name);
            config.data = "photos & paintings/100%".into();
            (config.seed, config.batch, config.learning_rate) = (u64::MAX, 12, 1.5e-5);
            (config.flip, config.method.threshold) = (Some(false), Some(0.95));
            config.method.strong_views = 5;
            (config.imbalance, config.tail) = (20.0, Tail::Unlabelled);
            config.precision = Precision::Mixed;
            (config.init, config.freeze) = (Some("my weights".into()), Freeze::Stage("stem".into()));
            for compare in Variation::ALL {
                let whole = Address {
                    config: config.clone(),
                    compare: Some(compare),
                    view: Some(views::labelling::ID),
                    train: true,
                };
                assert_eq!(address(&whole.fragment()), whole);
            }
        }
    }

    #[test]
    fn unset_settings_survive_their_link() {
        for (name, method) in PRESET_NAMES.iter().flat_map(|name| Method::NAMES.map(|method| (name, method)))
        {
            let mut config = preset_config(name);
            config.set_method(method).expect("a method");
            config.scales = None;
            config.method.threshold = None;
            (config.method.soft, config.method.relative_threshold) = (false, false);
            let fragment = plain(config.clone()).fragment();
            assert_eq!(address(&fragment).config, config, "{fragment}");
        }
    }

    #[test]
    fn first_weights_in_a_link_name_their_network() {
        let found = address("preset=paper-stl10&freeze=all&init=efficientnet-lite0").config;
        let expected = Config {
            network: "efficientnet-lite0".into(),
            scales: None,
            init: Some("efficientnet-lite0".into()),
            freeze: Freeze::All,
            ..preset_config("paper-stl10")
        };
        assert_eq!(found, expected);
        assert_eq!(address(&plain(expected.clone()).fragment()).config, expected);
        let other = address("preset=paper-stl10&init=efficientnet-lite0&network=wrn-16-1").config;
        assert_eq!((&*other.network, other.scales), ("wrn-16-1", Some(4)));
        let own = address("preset=digits&init=my+weights").config;
        assert_eq!((own.network, own.init), (preset_config("digits").network, Some("my weights".into())));
    }

    #[test]
    fn paths_of_weights_stay_out_of_links() {
        for path in ["/home/me/model.safetensors", "weights/lite.safetensors", "C:\\models\\run"] {
            let mut config = Config { init: Some(path.into()), ..preset_config("digits") };
            config.freeze = Freeze::All;
            assert_eq!(plain(config).fragment(), "preset=digits");
        }
    }

    #[test]
    fn unchanged_preset_makes_a_short_link() {
        assert_eq!(plain(preset_config("digits")).fragment(), "preset=digits");
        let mut switched = preset_config("digits");
        switched.set_method("adamatch").expect("a method");
        assert_eq!(plain(switched).fragment(), "preset=digits&method=adamatch");
    }

    #[test]
    fn method_in_a_link_equals_a_switch() {
        for (name, labels) in PRESET_NAMES.iter().flat_map(|name| [(name, 40), (name, 250)]) {
            for (before, method) in Method::NAMES.iter().flat_map(|a| Method::NAMES.map(|b| (a, b))) {
                let mut expected = Config { labels, ..preset_config(name) };
                expected.set_method(method).expect("a method");
                let found =
                    address(&format!("preset={name}&method={before}&method={method}&labels={labels}"));
                assert_eq!(found, plain(expected.clone()), "{name}: {before}, then {method}");
                let fragment = plain(expected.clone()).fragment();
                assert_eq!(address(&fragment).config, expected, "{fragment}");
            }
        }
        // Settings of the method apply after the method, in any order.
        for fragment in ["method.beta=0.5&method=mixmatch", "method=mixmatch&method.beta=0.5"] {
            let expected = Method { beta: 0.5, ..Method::mixmatch() };
            assert_eq!(address(fragment).config.method, expected);
        }
    }

    #[test]
    fn links_of_earlier_versions_open_unchanged() {
        let renamed = |config: &mut Config| config.method_name = "fixmatch".into();
        let fixmatch = |config: &mut Config| {
            config.set_method("fixmatch").expect("a method");
        };
        type Change<'a> = &'a dyn Fn(&mut Config);
        let table: [(&str, &str, Change<'_>); 6] = [
            ("preset=digits", "digits", &|_| {}),
            // Written by a window whose method was FixMatch: its settings, then its name.
            (
                "preset=digits&method.alignment=false&method.mixup=false&method.premixup=false&method.rotation=false\
                 &method.strong_labelled=false&method.strong_views=1&method.temperature=1.0&method.threshold=0.95\
                 &method.train_on_anchor=false&method.weight_u=1.0&method_name=fixmatch",
                "digits",
                &fixmatch,
            ),
            // `method_name` is a name alone, as it is in `config.toml`.
            ("preset=shapes&method_name=fixmatch", "shapes", &renamed),
            ("preset=quick&choice.folders_as_classes=true&significant_bits=12", "quick", &|config| {
                config.choice.folders_as_classes = true;
                config.significant_bits = crate::data::SignificantBits::Bits(12);
            }),
            ("preset=paper-cifar10&labels=40", "paper-cifar10", &|config| config.labels = 40),
            ("preset=quick&data=my+photos%2F100%25%20%c3%a9", "quick", &|config| {
                config.data = "my photos/100% é".into();
            }),
        ];
        for (fragment, name, change) in table {
            let mut expected = preset_config(name);
            change(&mut expected);
            assert_eq!(address(fragment), plain(expected), "{fragment}");
        }
    }

    #[test]
    fn lessons_open_a_comparison_and_a_view() {
        for (name, variation, view) in LESSONS.clone() {
            let found = address(&format!("lesson={name}&preset=digits"));
            assert_eq!((found.compare, found.view), (Some(variation), Some(view)));
            assert_eq!(found.config.preset, "digits");
        }
    }

    #[test]
    fn invalid_parts_are_named() {
        let error = |fragment: &str| Address::parse(fragment).expect_err("an invalid link").to_string();
        assert!(error("preset=fast").contains("'fast'") && error("preset=fast").contains("quick"));
        assert!(error("method=9").contains("'9'") && error("method=9").contains("adamatch"));
        assert!(error("lesson=x").contains("anchoring"));
        assert!(error("compare=x").contains("no alignment"));
        assert!(error("view=x").contains("Anchors"));
        for key in ["speed=9", "method.speed=9", "augment=9", "sed.seed=1", "method.mixup.x=1"] {
            assert!(error(key).contains("is not a setting"), "{}", error(key));
        }
        for value in ["seed=-1", "seed=x", "seed=", "method.mixup=7", "labels=1.5", "method.policy=best"] {
            assert!(error(value).contains("the link sets"), "{}", error(value));
            assert!(!error(value).contains("is not a setting"), "{}", error(value));
        }
        for escape in ["data=%", "data=%4", "data=%zz", "data=%ff", "data=%+1", "data=%é"] {
            assert!(error(escape).contains("invalid percent-escape"), "{}", error(escape));
            assert!(error(escape).contains("hexadecimal"), "{}", error(escape));
        }
    }
}
