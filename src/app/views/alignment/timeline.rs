//! One class over the last looks: how guesses follow what alignment aims at.

use eframe::egui::{self, Color32, Ui};
use egui_plot::{Corner, Legend, Line, LineStyle, Plot, PlotPoints};

use crate::app::guess_history::{GuessHistory, Look};
use crate::app::theme::Role;

/// Height of the plot: what is left, within these.
const HEIGHTS: std::ops::RangeInclusive<f32> = 170.0..=420.0;

/// Draws p(y), p~(y) and the aligned guesses of a class, against steps.
pub fn show(ui: &mut Ui, run: &str, history: &GuessHistory, class: usize, name: &str) {
    let points = |value: &dyn Fn(&Look) -> f32| -> PlotPoints<'static> {
        history.looks().map(|look| [look.step as f64, f64::from(100.0 * value(look))]).collect()
    };
    let at = |values: &[f32]| values.get(class).copied().unwrap_or(0.0);
    let lines: [(&str, PlotPoints<'static>, Color32, LineStyle); 3] = [
        (
            "p(y), solid",
            points(&|look| at(&look.label_distribution)),
            Role::Labelled.colour(ui),
            LineStyle::Solid,
        ),
        (
            "p~(y), dashed",
            points(&|look| at(&look.average_prediction)),
            Role::Strong.colour(ui),
            LineStyle::dashed_dense(),
        ),
        (
            "guesses after, dotted",
            points(&|look| at(&look.count.after.probability) / look.count.images.max(1) as f32),
            Role::Anchor.colour(ui),
            LineStyle::dotted_dense(),
        ),
    ];
    ui.label(egui::RichText::new(format!("{name} over the last {} looks", history.looks().len())).strong());
    Plot::new(("one class", run.to_owned()))
        .height((ui.available_height() - 8.0).clamp(*HEIGHTS.start(), *HEIGHTS.end()))
        .include_y(0.0)
        .legend(Legend::default().position(Corner::LeftTop))
        .x_axis_label("step")
        .y_axis_label("%")
        .allow_scroll(false)
        .show(ui, |plot| {
            for (name, points, colour, style) in lines {
                plot.line(Line::new(name, points).color(colour).style(style).width(2.0));
            }
        });
}
