//! The method: its preset, its components, and the variation to compare with.

use eframe::egui::{self, ComboBox, Ui};

use crate::app::components::{Component, Variation};
use crate::app::places::{Place, Places};
use crate::app::settings::Settings;
use crate::app::widgets::muted;
use crate::app::workspace::Workspace;
use crate::ssl::{Method, PolicyKind};
use crate::train::PRESET_NAMES;

/// Width of the label beside the box of strong views with the gap and the scroll bar, in points.
const STRONG_LABEL: f32 = 132.0;

pub fn method(workspace: &mut Workspace, places: &mut Places, ui: &mut Ui) {
    let config = &mut workspace.settings.config;
    let (mut chosen_preset, mut chosen_method) = (None, None);
    ComboBox::from_label("Preset").selected_text(&config.preset).show_ui(ui, |ui| {
        for name in PRESET_NAMES {
            if ui.selectable_label(config.preset == name, name).clicked() {
                chosen_preset = Some(name);
            }
        }
    });
    ComboBox::from_label("Method").selected_text(&config.method_name).show_ui(ui, |ui| {
        for name in Method::NAMES {
            if ui.selectable_label(config.method_name == name, name).clicked() {
                chosen_method = Some(name);
            }
        }
    });
    let method = &mut config.method;
    let unlabelled = method.unlabelled;
    ui.add_enabled_ui(unlabelled, |ui| {
        let slider = egui::Slider::new(&mut method.strong_views, 0..=16).text("strong views, K");
        ui.add(slider).on_hover_text(
            "Anchoring: the guess made from one weakly augmented view (the anchor) is what K strongly \
             augmented views of the same image are trained towards.\n\nλ_u sum_k H(t, p(y | u_k))",
        );
        for component in Component::ALL {
            let mut on = component.is_on(method);
            let check = ui.checkbox(&mut on, component.name());
            let check = check.on_hover_ui(|ui| {
                ui.set_max_width(320.0);
                ui.label(component.explanation());
                ui.monospace(component.equation());
            });
            places.insert(Place::Component(component), check.rect);
            if check.changed() {
                component.set(method, on);
            }
        }
        ui.add(egui::Slider::new(&mut method.temperature, 0.05..=1.0).text("temperature T"))
            .on_hover_text("Sharpening: 1 leaves the guess as it is, near 0 makes it one class");
        ui.add(egui::Slider::new(&mut method.beta, 0.05..=4.0).text("MixUp β"))
            .on_hover_text("Small: images are hardly mixed; large: half and half");
        let policies = [
            (PolicyKind::CtAugment, "CTAugment (learned)"),
            (PolicyKind::RandAugment, "RandAugment"),
            (PolicyKind::None, "none: weak only"),
        ];
        let name = policies.iter().find(|p| p.0 == method.policy).map_or("?", |p| p.1);
        // The box leaves its label one line.
        let width = (ui.available_width() - STRONG_LABEL).clamp(80.0, 160.0);
        let policy = ComboBox::from_label("Strong views by").width(width).truncate();
        policy.selected_text(name).show_ui(ui, |ui| {
            for (kind, text) in policies {
                ui.selectable_value(&mut method.policy, kind, text);
            }
        });
    });
    if let Some(name) = chosen_preset {
        workspace.choose_preset(name);
    }
    if let Some(name) = chosen_method {
        workspace.choose_method(name);
    }
}

pub fn compare(settings: &mut Settings, places: &mut Places, ui: &mut Ui) {
    let mut compare = settings.compare;
    let name = compare.map_or("nothing", Variation::name);
    let combo = ComboBox::from_label("Against").width(180.0).selected_text(name).show_ui(ui, |ui| {
        ui.selectable_value(&mut compare, None, "nothing");
        for variation in Variation::ALL {
            ui.selectable_value(&mut compare, Some(variation), variation.name())
                .on_hover_text(variation.explanation());
        }
    });
    places.insert(Place::Compare, combo.response.rect);
    if let Some(variation) = compare {
        muted(ui, variation.explanation());
    }
    settings.compare = compare;
}
