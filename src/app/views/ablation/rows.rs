//! The rows as a table, with their errors as bars.

use eframe::egui::{self, CornerRadius, Grid, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::plots;
use crate::ablation::{Spread, Table, TableRow};
use crate::app::theme::Role;
use crate::app::widgets::muted;

const BAR: egui::Vec2 = vec2(130.0, 14.0);

pub fn show(ui: &mut Ui, table: &Table) {
    let scale = scale(table);
    let full = table.rows.iter().find(|row| row.row.name == "full").and_then(|row| row.error);
    Grid::new("ablation").num_columns(7).striped(true).spacing([14.0, 4.0]).show(ui, |ui| {
        let heads = ["row", "changed", "error in %", "", "against full", "guesses right", "published"];
        for head in heads {
            ui.label(RichText::new(head).strong());
        }
        ui.end_row();
        for row in &table.rows {
            ui.horizontal(|ui| {
                plots::sample(ui, table, row);
                ui.monospace(row.row.name);
            });
            ui.label(row.title(table));
            match row.error {
                Some(error) => {
                    ui.label(RichText::new(error.to_string()).strong()).on_hover_ui(|ui| seeds(ui, row))
                }
                None => muted(ui, "–"),
            };
            bar(ui, row, scale);
            difference(ui, row, full);
            figure(ui, row.guesses.map(|guesses| guesses.to_string()));
            figure(ui, row.row.published.map(|error| format!("{error:.2}")));
            ui.end_row();
        }
    });
    for row in &table.rows {
        if let Some(progress) = row.progress() {
            muted(ui, format!("{}: {progress}", row.row.name));
        }
    }
}

fn figure(ui: &mut Ui, text: Option<String>) {
    ui.label(text.unwrap_or_else(|| "–".to_owned()));
}

/// The figures that the mean is of.
fn seeds(ui: &mut Ui, row: &TableRow) {
    let errors: Vec<_> = row.errors().iter().map(|error| format!("{error:.2}")).collect();
    ui.label(format!("{} runs: {} %", errors.len(), errors.join(", ")));
}

/// How much more the row gets wrong than the full method.
fn difference(ui: &mut Ui, row: &TableRow, full: Option<Spread>) {
    let (Some(error), Some(full)) = (row.error, full) else {
        ui.label("");
        return;
    };
    let more = error.mean - full.mean;
    // The full method itself, and rows that share its runs.
    if more == 0.0 {
        ui.label("");
        return;
    }
    let (sign, role) = if more > 0.0 { ("+", Role::Differ) } else { ("", Role::Agree) };
    ui.label(RichText::new(format!("{sign}{more:.2}")).color(role.colour(ui)));
}

/// The largest error that a bar has to show.
fn scale(table: &Table) -> f64 {
    let tops = table.rows.iter().filter_map(|row| {
        let error = row.error?;
        Some(error.mean + error.deviation.unwrap_or(0.0))
    });
    tops.fold(1.0, f64::max)
}

/// The mean as a bar, the deviation as a whisker on it.
fn bar(ui: &mut Ui, row: &TableRow, scale: f64) {
    let (rect, response) = ui.allocate_exact_size(BAR, Sense::hover());
    let Some(error) = row.error else { return };
    let text = format!("{}: {error} %", row.row.name);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &text));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let x = |value: f64| rect.left() + rect.width() * (value / scale).clamp(0.0, 1.0) as f32;
    let role = if row.row.name == "full" { Role::Anchor } else { Role::Strong };
    let painter = ui.painter();
    painter.rect_filled(rect, CornerRadius::same(2), ui.visuals().extreme_bg_color);
    let filled = Rect::from_min_max(rect.min, pos2(x(error.mean), rect.bottom()));
    painter.rect_filled(filled, CornerRadius::same(2), role.colour(ui));
    if let Some(deviation) = error.deviation {
        let (left, right, middle) = (x(error.mean - deviation), x(error.mean + deviation), rect.center().y);
        let stroke = Stroke::new(1.5, ui.visuals().text_color());
        painter.line_segment([pos2(left, middle), pos2(right, middle)], stroke);
        for end in [left, right] {
            painter.line_segment([pos2(end, middle - 3.0), pos2(end, middle + 3.0)], stroke);
        }
    }
    response.on_hover_text(text);
}
