//! The registry of the views. A view is one file, declared and listed here: `docs/adding-a-view.md`.

pub mod ablation;
pub mod alignment;
pub mod anchors;
mod confusion;
pub mod curves;
pub mod data_check;
mod embedding;
pub mod labelling;
pub mod mixup;
mod network;
mod policy;
pub mod rotation;
pub mod view;

use eframe::egui::Ui;
use view::{View, ViewContext};

use super::places::ViewId;
use super::run::Run;

/// A new instance of every view, in the order of their tabs.
pub fn all() -> Vec<Box<dyn View>> {
    vec![
        Box::<anchors::AnchorsView>::default(),
        Box::<alignment::AlignmentView>::default(),
        Box::<policy::PolicyView>::default(),
        Box::<mixup::MixUpView>::default(),
        Box::<rotation::RotationView>::default(),
        Box::<curves::CurvesView>::default(),
        Box::<confusion::ConfusionView>::default(),
        Box::<embedding::EmbeddingView>::default(),
        Box::<network::NetworkView>::default(),
        Box::<labelling::LabellingView>::default(),
        Box::<ablation::AblationView>::default(),
        Box::<data_check::DataCheckView>::default(),
    ]
}

/// The title of every view, in the order of their tabs.
pub fn titles() -> Vec<&'static str> {
    all().iter().map(|view| view.title()).collect()
}

/// The view with a title, upper or lower case.
pub fn with_title(title: &str) -> Option<ViewId> {
    all().iter().find(|view| view.title().eq_ignore_ascii_case(title)).map(|view| view.id())
}

/// The file name of a view's picture in a theme.
pub fn picture_name(title: &str, theme: &str) -> String {
    format!("{}-{theme}.png", title.to_lowercase().replace(' ', "-"))
}

/// The views of a window, each with its own state.
pub struct Views(Vec<Box<dyn View>>);

impl Default for Views {
    fn default() -> Self {
        Self(all())
    }
}

impl Views {
    pub fn iter(&self) -> impl Iterator<Item = &dyn View> {
        self.0.iter().map(AsRef::as_ref)
    }

    fn get(&self, id: &ViewId) -> Option<&dyn View> {
        self.iter().find(|view| view.id() == *id)
    }

    /// The text of a view's tab; its id where the program has no such view.
    pub fn title(&self, id: &ViewId) -> String {
        self.get(id).map_or_else(|| id.to_string(), |view| view.title().to_owned())
    }

    /// Draws a view.
    pub fn ui(&mut self, id: &ViewId, ui: &mut Ui, context: &mut ViewContext<'_>) {
        if let Some(view) = self.0.iter_mut().find(|view| view.id() == *id) {
            view.ui(ui, context);
        }
    }

    /// [`View::is_pending`] of a view.
    pub fn is_pending(&self, id: &ViewId, runs: &[Run]) -> bool {
        self.get(id).is_some_and(|view| view.is_pending(runs))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_titles_and_picture_names_are_unique() {
        let views = all();
        let ids: HashSet<_> = views.iter().map(|view| view.id()).collect();
        let pictures: HashSet<_> = titles().iter().map(|title| picture_name(title, "dark")).collect();
        assert_eq!((ids.len(), pictures.len()), (views.len(), views.len()));
    }

    #[test]
    fn released_ids_and_titles_stay() {
        let released = [
            ("Anchors", "Anchors"),
            ("Alignment", "Alignment"),
            ("Policy", "CTAugment"),
            ("MixUp", "MixUp"),
            ("Rotation", "Rotation"),
            ("Curves", "Curves"),
            ("Confusion", "Confusion"),
            ("Embedding", "Embedding"),
            ("Network", "Network"),
            ("Labelling", "Label your own"),
            ("Ablation", "Ablation"),
            ("DataCheck", "Data check"),
        ];
        for (id, title) in released {
            assert_eq!(with_title(title), Some(ViewId::new(id)));
        }
    }
}
