//! Where the weights of the next run come from, and which layers keep them.

use std::path::Path;

use eframe::egui::{ComboBox, Ui};

use crate::app::workspace::Workspace;
use crate::nn::Freeze;

/// Weights that `scripts/fetch_backbone.py` fetches; their network has the same name.
const PRETRAINED: &str = "efficientnet-lite0";

/// First weights: random, pretrained or of a file; and frozen layers.
pub fn start(workspace: &mut Workspace, ui: &mut Ui) {
    let image = workspace
        .data
        .ready()
        .map_or([32, 32, 3], |set| [set.train.height, set.train.width, set.train.channels]);
    let config = &mut workspace.settings.config;
    let name = |init: &str| Path::new(init).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shown = config.init.as_deref().map_or_else(|| "random weights".to_owned(), name);
    ui.horizontal(|ui| {
        let start = ComboBox::from_label("First weights").selected_text(shown).show_ui(ui, |ui| {
            ui.selectable_value(&mut config.init, None, "random weights");
            if ui.selectable_value(&mut config.init, Some(PRETRAINED.to_owned()), PRETRAINED).clicked() {
                PRETRAINED.clone_into(&mut config.network);
            }
        });
        start.response.on_hover_text(
            "Weights trained on other images, of which far fewer labels are needed. scripts/fetch_backbone.py fetches \
             efficientnet-lite0; a file can be dropped on the window",
        );
        let file = ui.button("File ...");
        if file.on_hover_text("A safetensors file with timm's names, or a trained model, whose heads are replaced").clicked()
        {
            workspace.dialogs.open_weights(ui.ctx());
        }
    });
    if config.init.is_none() {
        config.freeze = Freeze::None;
        return;
    }
    let frozen = |freeze: &Freeze| match freeze {
        Freeze::None => "none".to_owned(),
        Freeze::All => "all but the heads".to_owned(),
        Freeze::Stage(name) => format!("up to {name}"),
    };
    let freeze = ComboBox::from_label("Frozen layers").selected_text(frozen(&config.freeze));
    let freeze = freeze.show_ui(ui, |ui| {
        let stages = config.architecture().map(|network| network.stages(image)).unwrap_or_default();
        let all =
            [Freeze::None].into_iter().chain(stages.into_iter().map(Freeze::Stage)).chain([Freeze::All]);
        for choice in all {
            let text = frozen(&choice);
            ui.selectable_value(&mut config.freeze, choice, text);
        }
    });
    freeze.response.on_hover_text("They keep their first weights: less memory and time per step");
}
