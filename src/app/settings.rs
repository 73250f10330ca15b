//! What the window remembers from one start to the next: settings, layout, theme.

use eframe::Storage;
use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use super::components::Variation;
use super::layout;
use super::places::ViewId;
use super::theme::ThemeChoice;
use crate::train::{Config, preset};

const KEY: &str = "settings";

/// What the window remembers from one start to the next.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The configuration of the next run.
    pub config: Config,
    /// The variation that the next run is compared with.
    pub compare: Option<Variation>,
    pub theme: ThemeChoice,
    pub layout: Tree<ViewId>,
}

impl Default for Settings {
    fn default() -> Self {
        let config = preset("quick", None).expect("quick is a preset").config;
        Self { config, compare: None, theme: ThemeChoice::default(), layout: layout::default() }
    }
}

impl Settings {
    /// The settings saved last; the defaults if there are none, or they cannot be read, with the reason.
    pub fn load(storage: Option<&dyn Storage>) -> (Self, Option<String>) {
        let saved = storage.and_then(|storage| storage.get_string(KEY));
        let (mut settings, reason) = match saved.map(|text| serde_json::from_str::<Self>(&text)) {
            None => (Self::default(), None),
            Some(Ok(settings)) => (settings, None),
            Some(Err(error)) => (Self::default(), Some(error.to_string())),
        };
        layout::complete(&mut settings.layout);
        (settings, reason)
    }

    /// Saves the settings as JSON, which the program reads anyway: eframe's format (RON) would make the page a tenth
    /// larger.
    pub fn save(&self, storage: &mut dyn Storage) {
        match serde_json::to_string(self) {
            Ok(text) => storage.set_string(KEY, text),
            Err(error) => tracing::error!("settings are not saved: {error}"),
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
    fn saved_settings_load_at_the_next_start() {
        let mut storage = Memory::default();
        let mut settings = Settings::default();
        settings.config.seed = 17;
        settings.config.method.temperature = 0.25;
        settings.compare = Some(Variation::NoAlignment);
        settings.theme = ThemeChoice::Light;
        layout::show(&mut settings.layout, &ViewId::new("Network"));
        settings.save(&mut storage);
        let (loaded, reason) = Settings::load(Some(&storage));
        assert_eq!(reason, None);
        assert_eq!(loaded.config, settings.config);
        assert_eq!((loaded.compare, loaded.theme), (settings.compare, settings.theme));
        assert_eq!(loaded.layout, settings.layout);
    }

    #[test]
    fn unreadable_settings_become_the_defaults() {
        let mut storage = Memory::default();
        storage.set_string(KEY, r#"{"config":{"speed":9}}"#.into());
        let (loaded, reason) = Settings::load(Some(&storage));
        assert_eq!(loaded.config, Settings::default().config);
        assert!(reason.is_some_and(|reason| reason.contains("speed")), "the reason is told");
        let (loaded, reason) = Settings::load(None);
        assert_eq!((loaded.config, reason), (Settings::default().config, None));
    }

    /// The default layout of version 0.1, as it was saved with CTAugment in front.
    const LAYOUT_0_1: &str = r#"
        {"id":13935791934109104185,"root":14,"tiles":{"next_tile_id":15,
        "tiles":{"5":{"Pane":"Rotation"},"7":{"Pane":"Confusion"},"3":{"Pane":"Policy"},
        "6":{"Pane":"Curves"},"10":{"Pane":"Labelling"},"1":{"Pane":"Anchors"},"11":{"Pane":"Ablation"},
        "8":{"Pane":"Embedding"},"4":{"Pane":"MixUp"},"13":{"Container":{"Tabs":{"children":[6],
        "active":6}}},"2":{"Pane":"Alignment"},"14":{"Container":{"Linear":{"children":[12,13],
        "dir":"Vertical","shares":{"shares":{"13":1.0,"12":2.0}}}}},
        "12":{"Container":{"Tabs":{"children":[1,2,3,4,5,7,8,9,10,11],"active":3}}},
        "9":{"Pane":"Network"}},"invisible":[]},"height":null,"width":null}"#;

    #[test]
    fn settings_of_version_0_1_load() {
        let config = preset("digits", None).expect("a preset").config;
        let config = serde_json::to_string(&config).expect("a configuration");
        let saved = format!(
            r#"{{"config":{config},"compare":"NoMixUp","theme":"Light","layout":{LAYOUT_0_1},"greeted":false}}"#
        );
        let mut storage = Memory::default();
        storage.set_string(KEY, saved);
        let (loaded, _) = Settings::load(Some(&storage));
        assert_eq!((loaded.config.preset.as_str(), loaded.compare), ("digits", Some(Variation::NoMixUp)));
        assert_eq!(loaded.theme, ThemeChoice::Light);
        assert!(layout::is_shown(&loaded.layout, &ViewId::new("Policy")), "the tab that was in front");
        assert_ne!(loaded.layout, layout::default());
    }
}
