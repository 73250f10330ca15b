//! The network, and the numerical settings of training.

use eframe::egui::{self, Checkbox, ComboBox, DragValue, Ui};

use crate::data::Tail;
use crate::ssl::LOSS_TERMS;
use crate::train::{Config, Precision};

const NETWORKS: [&str; 5] = ["wrn-10-1", "wrn-16-1", "wrn-28-2", "wrn-28-8", "efficientnet-lite0"];

/// `has_f16`: whether the adapter can store feature maps in f16.
pub fn numbers(config: &mut Config, has_f16: bool, ui: &mut Ui) {
    ComboBox::from_label("Network").selected_text(&config.network).show_ui(ui, |ui| {
        for name in NETWORKS {
            ui.selectable_value(&mut config.network, name.to_owned(), name);
        }
    });
    if config.imbalance > 1.0 {
        ComboBox::from_label("have the long tail").selected_text(tail_name(config.tail)).show_ui(ui, |ui| {
            for tail in [Tail::Both, Tail::Labelled, Tail::Unlabelled] {
                ui.selectable_value(&mut config.tail, tail, tail_name(tail));
            }
        });
    }
    egui::Grid::new("numbers").num_columns(2).show(ui, |ui| {
        let mut row = |name: &str, hint: &str, value: DragValue<'_>| {
            let label = ui.label(name);
            ui.add(value).labelled_by(label.id).on_hover_text(hint);
            ui.end_row();
        };
        row("steps", "Total training steps", DragValue::new(&mut config.steps).range(1..=1u64 << 24));
        row(
            "batch",
            "Labelled images per step, and as many unlabelled ones; a multiple of 4 with rotation",
            DragValue::new(&mut config.batch).range(1..=1024),
        );
        row(
            "long tail",
            "R: class c of C keeps R^(-c/(C-1)) of its images; 1 keeps all",
            DragValue::new(&mut config.imbalance).range(1.0..=1e6).speed(0.1).max_decimals(1),
        );
        row(
            "learning rate",
            "Adam's step size",
            DragValue::new(&mut config.learning_rate).range(1e-6..=1.0).speed(1e-4).max_decimals(6),
        );
        row(
            "weight decay",
            "Share of the learning rate by which kernels shrink per step",
            DragValue::new(&mut config.weight_decay).range(0.0..=1.0).speed(1e-3).max_decimals(5),
        );
        row(
            "EMA decay",
            "Share of the old value kept in the EMA weights",
            DragValue::new(&mut config.ema).range(0.0..=0.9999).speed(1e-3).max_decimals(4),
        );
        row(
            "warm-up images",
            "Labelled images over which the unlabelled terms grow to their full weight",
            DragValue::new(&mut config.warmup_images).speed(100.0),
        );
        row(
            "report every",
            "Steps between two evaluations on the test images",
            DragValue::new(&mut config.report_every).range(1..=100_000),
        );
        for term in &LOSS_TERMS {
            let Some(setting) = term.setting else { continue };
            let weight = setting(&mut config.method);
            row(
                term.symbol,
                &format!("Weight of the {} term: {}", term.title, term.summary),
                DragValue::new(weight).range(0.0..=1e4).speed(0.05),
            );
        }
    });
    ui.checkbox(&mut config.ema_warmup, "EMA decay warms up").on_hover_text(
        "In step s it is at most (1 + s) / (10 + s), so that short runs forget the first weights",
    );
    let mut mixed = config.precision == Precision::Mixed;
    // A link may have set it on another machine; it can be unset on every one.
    let may_change = has_f16 || mixed;
    let half = ui.add_enabled(may_change, Checkbox::new(&mut mixed, "feature maps in f16"));
    let half = half.on_hover_text("Half the memory; sums, weights, optimiser and statistics stay f32");
    half.on_disabled_hover_text("The adapter has no feature shader-f16");
    config.precision = if mixed { Precision::Mixed } else { Precision::Single };
}

fn tail_name(tail: Tail) -> &'static str {
    match tail {
        Tail::Both => "labels and images",
        Tail::Labelled => "labels alone",
        Tail::Unlabelled => "images alone",
    }
}
