use eframe::Storage;
use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use super::layout;
use super::parts::Variation;
use super::places::ViewId;
use super::theme::ThemeChoice;
use crate::train::{Config, preset};

const KEY: &str = "settings";

/// What the window remembers from one start to the next.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Of the next run.
    pub config: Config,
    pub compare: Option<Variation>,
    pub theme: ThemeChoice,
    pub layout: Tree<ViewId>,
    /// Whether the tour has been offered.
    pub greeted: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let config = preset("quick", None).expect("quick is a preset").config;
        Self {
            config,
            compare: None,
            theme: ThemeChoice::default(),
            layout: layout::default(),
            greeted: false,
        }
    }
}

impl Settings {
    /// What was saved last; the defaults where that is absent or of another version.
    pub fn load(storage: Option<&dyn Storage>) -> Self {
        let kept = storage.and_then(|storage| storage.get_string(KEY));
        let mut settings: Self = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        layout::complete(&mut settings.layout);
        settings
    }

    /// As JSON, of which the program has a reader anyway: eframe's own format would add a tenth to the page.
    pub fn save(&self, storage: &mut dyn Storage) {
        match serde_json::to_string(self) {
            Ok(text) => storage.set_string(KEY, text),
            Err(error) => tracing::error!("settings are not kept: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[derive(Default)]
    struct Memory(HashMap<String, String>);

    impl Storage for Memory {
        fn get_string(&self, key: &str) -> Option<String> {
            self.0.get(key).cloned()
        }

        fn set_string(&mut self, key: &str, value: String) {
            self.0.insert(key.to_owned(), value);
        }

        fn remove_string(&mut self, key: &str) {
            self.0.remove(key);
        }

        fn flush(&mut self) {}
    }

    #[test]
    fn what_was_set_is_there_at_the_next_start() {
        let mut storage = Memory::default();
        let mut settings = Settings::default();
        settings.config.seed = 17;
        settings.config.method.temperature = 0.25;
        settings.compare = Some(Variation::NoAlignment);
        settings.theme = ThemeChoice::Light;
        layout::show(&mut settings.layout, &ViewId::new("Network"));
        settings.save(&mut storage);
        let loaded = Settings::load(Some(&storage));
        assert_eq!(loaded.config, settings.config);
        assert_eq!((loaded.compare, loaded.theme), (settings.compare, settings.theme));
        assert_eq!(loaded.layout, settings.layout);
    }

    #[test]
    fn another_versions_settings_are_the_defaults() {
        let mut storage = Memory::default();
        storage.set_string(KEY, r#"{"config":{"speed":9}}"#.into());
        assert_eq!(Settings::load(Some(&storage)).config, Settings::default().config);
        assert_eq!(Settings::load(None).config, Settings::default().config);
    }
}
