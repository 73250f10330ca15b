//! Where the weights of the next run come from, and which layers keep them.

use std::path::Path;

use eframe::egui::{ComboBox, Ui};

use crate::app::first_weights;
use crate::app::workspace::Workspace;
use crate::nn::Freeze;
use crate::train::Config;

/// Weights that `scripts/fetch_backbone.py` fetches, or that lie beside the page; their network has the same name.
const PRETRAINED: &str = "efficientnet-lite0";

/// First weights: random, pretrained or of a file; and frozen layers.
pub fn start(workspace: &mut Workspace, ui: &mut Ui) {
    let init = workspace.settings.config.init.clone();
    let shown = first_weights::name(&workspace.settings.config);
    ui.horizontal(|ui| {
        let start = ComboBox::from_label("First weights").selected_text(shown).show_ui(ui, |ui| {
            if ui.selectable_label(init.is_none(), "random weights").clicked() {
                workspace.settings.config.init = None;
            }
            if ui.selectable_label(init.as_deref() == Some(PRETRAINED), PRETRAINED).clicked() {
                workspace.start_from(Path::new(PRETRAINED));
            }
        });
        start.response.on_hover_text(if cfg!(target_arch = "wasm32") {
            "Weights trained on other images, of which far fewer labels are needed. The file of efficientnet-lite0 lies \
             beside the page, or is dropped on it"
        } else {
            "Weights trained on other images, of which far fewer labels are needed. scripts/fetch_backbone.py fetches \
             efficientnet-lite0; a file can be dropped on the window"
        });
        let file = ui.button("File ...");
        if file.on_hover_text("A safetensors file with timm's names, or a trained model, whose heads are replaced").clicked()
        {
            workspace.dialogs.open_weights(ui.ctx());
        }
    });
    let image = workspace
        .data
        .ready()
        .map_or([32, 32, 3], |set| [set.train.height, set.train.width, set.train.channels]);
    freeze(&mut workspace.settings.config, image, ui);
}

/// Frozen layers, of a network for images `[height, width, channels]`: layers with random weights are trained.
fn freeze(config: &mut Config, image: [usize; 3], ui: &mut Ui) {
    if config.init.is_none() {
        config.freeze = Freeze::None;
        return;
    }
    let frozen = ComboBox::from_label("Frozen layers").selected_text(first_weights::frozen(&config.freeze));
    let frozen = frozen.show_ui(ui, |ui| {
        let stages = config.architecture().map(|network| network.stages(image)).unwrap_or_default();
        let stages = stages.into_iter().map(Freeze::Stage);
        for choice in [Freeze::None].into_iter().chain(stages).chain([Freeze::All]) {
            let text = first_weights::frozen(&choice);
            ui.selectable_value(&mut config.freeze, choice, text);
        }
    });
    frozen.response.on_hover_text("They keep their first weights: less memory and time per step");
}
