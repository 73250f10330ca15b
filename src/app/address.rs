//! Settings in a link: `#preset=digits&seed=3&method.mixup=false&compare=no%20alignment&train`.
//!
//! A preset, and what differs from it: each key is the name of a setting in `config.toml`, with the parts of the
//! method under `method.`. `lesson=NAME` opens a prepared comparison instead.

use serde_json::Value;
use thiserror::Error;

use super::parts::Variation;
use super::views::ViewKind;
use crate::train::{Config, PRESET_NAMES, preset};

/// What a link asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub config: Config,
    pub compare: Option<Variation>,
    /// The view in front.
    pub view: Option<ViewKind>,
    /// Train at once.
    pub train: bool,
}

/// A link that cannot be followed. Nothing of it is taken up.
#[derive(Debug, Error, PartialEq)]
pub enum AddressError {
    #[error("the link's part '{part}' has an escape that is none: expected % and two hexadecimal digits")]
    Escape { part: String },
    #[error("the link asks for preset '{found}': there are {list}", list = PRESET_NAMES.join(", "))]
    Preset { found: String },
    #[error("the link asks for lesson '{found}': there are {list}", list = lesson_names())]
    Lesson { found: String },
    #[error("the link compares with '{found}': there are {list}", list = Variation::ALL.map(Variation::name).join(", "))]
    Variation { found: String },
    #[error("the link asks for view '{found}': there are {list}", list = ViewKind::ALL.map(ViewKind::title).join(", "))]
    View { found: String },
    #[error("the link sets '{key}', which is no setting: the names are those of config.toml")]
    Key { key: String },
    #[error("the link sets {key} to '{found}': {reason}")]
    Value { key: String, found: String, reason: String },
}

/// Prepared comparisons: a name, what is compared, and where to look.
const LESSONS: [(&str, Variation, ViewKind); 6] = [
    ("anchoring", Variation::NoAnchoring, ViewKind::Anchors),
    ("alignment", Variation::NoAlignment, ViewKind::Alignment),
    ("sharpening", Variation::NoSharpening, ViewKind::Anchors),
    ("mixup", Variation::NoMixUp, ViewKind::MixUp),
    ("rotation", Variation::NoRotation, ViewKind::Rotation),
    ("labels", Variation::Supervised, ViewKind::Curves),
];

fn lesson_names() -> String {
    LESSONS.map(|(name, ..)| name).join(", ")
}

impl Address {
    /// Reads the part of a link after `#`; `None` where there is nothing.
    ///
    /// # Errors
    /// The first part that is not understood.
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
        let named = |wanted: &str| parts.iter().rev().find(|(key, _)| key == wanted).map(|(_, value)| value);
        let lesson = named("lesson").map(|name| lesson(name)).transpose()?;
        let name = named("preset").map_or("quick", String::as_str);
        let start = preset(name, None).map_err(|_| AddressError::Preset { found: name.to_owned() })?.config;
        let mut address = Self {
            config: start,
            compare: lesson.map(|(_, variation, _)| variation),
            view: lesson.map(|(_, _, view)| view),
            train: named("train").is_some(),
        };
        for (key, value) in &parts {
            match key.as_str() {
                "lesson" | "preset" | "train" => {}
                "compare" => address.compare = Some(variation(value)?),
                "view" => address.view = Some(view(value)?),
                key => address.config = set(&address.config, key, value)?,
            }
        }
        Ok(Some(address))
    }

    /// The link's part after `#` that asks for the same.
    pub fn fragment(&self) -> String {
        let mut parts = vec![format!("preset={}", escape(&self.config.preset))];
        let start = preset(&self.config.preset, None).ok().map(|preset| flat(&preset.config));
        let start = start.unwrap_or_default();
        for (key, value) in flat(&self.config) {
            let known = start.iter().any(|(other, default)| *other == key && *default == value);
            if key != "preset" && !known {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                parts.push(format!("{}={}", escape(&key), escape(&text)));
            }
        }
        parts.extend(self.compare.map(|variation| format!("compare={}", escape(variation.name()))));
        parts.extend(self.view.map(|view| format!("view={}", escape(view.title()))));
        parts.extend(self.train.then(|| "train".to_owned()));
        parts.join("&")
    }
}

fn lesson(name: &str) -> Result<(&'static str, Variation, ViewKind), AddressError> {
    let found = LESSONS.into_iter().find(|(known, ..)| *known == name);
    found.ok_or_else(|| AddressError::Lesson { found: name.to_owned() })
}

fn variation(name: &str) -> Result<Variation, AddressError> {
    Variation::named(name).ok_or_else(|| AddressError::Variation { found: name.to_owned() })
}

fn view(name: &str) -> Result<ViewKind, AddressError> {
    let found = ViewKind::ALL.into_iter().find(|kind| kind.title().eq_ignore_ascii_case(name));
    found.ok_or_else(|| AddressError::View { found: name.to_owned() })
}

/// A configuration with one setting replaced, by its name in `config.toml`.
fn set(config: &Config, key: &str, text: &str) -> Result<Config, AddressError> {
    let failed = |reason: String| AddressError::Value { key: key.to_owned(), found: text.to_owned(), reason };
    let mut all = serde_json::to_value(config).map_err(|error| failed(error.to_string()))?;
    let unknown = || AddressError::Key { key: key.to_owned() };
    let (path, name) = key.rsplit_once('.').map_or((None, key), |(path, name)| (Some(path), name));
    let group = match path {
        None => Some(&mut all),
        Some(path) => path.split('.').try_fold(&mut all, |group, part| group.get_mut(part)),
    };
    let group = group.and_then(Value::as_object_mut).ok_or_else(unknown)?;
    let value = match group.get(name) {
        Some(Value::Object(_)) => return Err(unknown()),
        Some(Value::String(_)) => Value::String(text.to_owned()),
        // What is not JSON is a word: `policy=none`.
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    };
    let optional = !group.contains_key(name);
    group.insert(name.to_owned(), value);
    serde_json::from_value(all).map_err(|error| match error.to_string() {
        reason if optional && reason.starts_with("unknown field") => unknown(),
        reason => failed(reason),
    })
}

/// Every setting by its path.
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

/// Letters, digits and what needs no escape in a fragment stay as they are.
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn unescape(text: &str) -> Result<String, AddressError> {
    let failed = || AddressError::Escape { part: text.to_owned() };
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next().ok_or_else(failed)?, bytes.next().ok_or_else(failed)?];
                let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(failed);
                (digit(digits[0])? * 16 + digit(digits[1])?) as u8
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(fragment: &str) -> Address {
        Address::parse(fragment).expect("a link").expect("settings")
    }

    #[test]
    fn nothing_asks_for_nothing() {
        assert_eq!(Address::parse(""), Ok(None));
        assert_eq!(Address::parse("&&"), Ok(None));
    }

    #[test]
    fn data_preset_switches_and_seed_are_taken_up() {
        let found = address("preset=digits&data=builtin:fashion&seed=3&labels=50&method.mixup=false&train");
        let mut wanted = preset("digits", None).expect("a preset").config;
        wanted.data = "builtin:fashion".into();
        (wanted.seed, wanted.labels) = (3, 50);
        wanted.method.mixup = false;
        assert_eq!(found, Address { config: wanted, compare: None, view: None, train: true });
    }

    #[test]
    fn what_a_preset_leaves_open_can_be_set() {
        let found = address("method.threshold=0.9&flip=true&method.policy=none");
        assert_eq!((found.config.method.threshold, found.config.flip), (Some(0.9), Some(true)));
        assert_eq!(found.config.method.policy, crate::ssl::PolicyKind::None);
    }

    #[test]
    fn every_setting_survives_its_link() {
        for name in PRESET_NAMES {
            let mut config = preset(name, None).expect("a preset").config;
            config.data = "photos & paintings/100%".into();
            (config.seed, config.batch, config.learning_rate) = (u64::MAX, 12, 1.5e-5);
            (config.flip, config.method.threshold) = (Some(false), Some(0.95));
            config.method.strong_views = 5;
            (config.imbalance, config.tail) = (20.0, crate::data::Tail::Unlabelled);
            for compare in Variation::ALL {
                let whole = Address {
                    config: config.clone(),
                    compare: Some(compare),
                    view: Some(ViewKind::Labelling),
                    train: true,
                };
                assert_eq!(address(&whole.fragment()), whole);
            }
        }
    }

    #[test]
    fn a_preset_as_it_is_makes_a_short_link() {
        let config = preset("digits", None).expect("a preset").config;
        let plain = Address { config, compare: None, view: None, train: false };
        assert_eq!(plain.fragment(), "preset=digits");
    }

    #[test]
    fn lessons_compare_and_show() {
        for (name, variation, view) in LESSONS {
            let found = address(&format!("lesson={name}&preset=digits"));
            assert_eq!((found.compare, found.view), (Some(variation), Some(view)));
            assert_eq!(found.config.preset, "digits");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let error = |fragment: &str| Address::parse(fragment).expect_err("no link").to_string();
        assert!(error("preset=fast").contains("'fast'") && error("preset=fast").contains("quick"));
        assert!(error("lesson=x").contains("anchoring"));
        assert!(error("compare=x").contains("no alignment"));
        assert!(error("view=x").contains("Anchors"));
        for key in ["speed=9", "method.speed=9", "method=9", "sed.seed=1", "method.mixup.x=1"] {
            assert!(error(key).contains("is no setting"), "{}", error(key));
        }
        for value in ["seed=-1", "seed=x", "seed=", "method.mixup=7", "labels=1.5", "method.policy=best"] {
            assert!(error(value).contains("the link sets"), "{}", error(value));
            assert!(!error(value).contains("is no setting"), "{}", error(value));
        }
        for escape in ["data=%", "data=%4", "data=%zz", "data=%ff"] {
            assert!(error(escape).contains("hexadecimal"), "{}", error(escape));
        }
    }
}
