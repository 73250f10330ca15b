use eframe::Storage;
use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use super::layout;
use super::parts::Variation;
use super::theme::ThemeChoice;
use super::views::ViewKind;
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
    pub layout: Tree<ViewKind>,
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
        storage.and_then(|storage| eframe::get_value(storage, KEY)).unwrap_or_default()
    }

    pub fn save(&self, storage: &mut dyn Storage) {
        eframe::set_value(storage, KEY, self);
    }
}
