//! Ablation: the table of an ablation's folder with its errors as bars, the test error of each row against
//! steps, and the error against K.

use eframe::egui::{
    self, CornerRadius, Grid, Rect, RichText, ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};
use egui_plot::{Line, LineStyle, MarkerShape, PlotPoints, Points};

use super::view::{View, ViewContext};
use crate::ablation::{ROWS, Spread, Table, TableRow};
use crate::app::axes::{self, Entry};
use crate::app::places::ViewId;
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::{muted, nothing_yet};
use crate::data::counted;

pub const ID: ViewId = ViewId::new("Ablation");

/// Size of the bar of a row.
const BAR: egui::Vec2 = vec2(130.0, 14.0);
/// Height of a plot.
const PLOT_HEIGHT: f32 = 240.0;
/// Minimum width for two plots side by side.
const SIDE_BY_SIDE: f32 = 620.0;
/// Number of solid line colours; further rows repeat them dashed.
const COLOURS: usize = 10;

const NOTE: &str = "Error: test error of the EMA weights after the last step. Published: the paper's, on CIFAR-10 \
                    with 250 labels, quoted from memory; on other data compare directions, not values.";

/// The view has no state of its own: the open folder is in the context.
#[derive(Default)]
pub struct AblationView;

impl View for AblationView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "Ablation"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let ViewContext { ablation, dialogs, .. } = context;
        if let Some(again) = ablation.refresh() {
            ui.ctx().request_repaint_after(again);
        }
        ui.horizontal_wrapped(|ui| {
            let button = ui.button("Open ablation ...");
            let button =
                button.on_hover_text("A folder written by `remixmatch ablate --out`, complete or not");
            if button.clicked() {
                dialogs.open_ablation(ui.ctx());
            }
            if let Some(Ok(table)) = ablation.table() {
                ui.label(RichText::new(table.setting()).strong());
            }
        });
        match ablation.table() {
            None => nothing_yet(
                ui,
                "remixmatch ablate trains the method with one component removed at a time; open its folder here.",
            ),
            Some(Err(reason)) => {
                ui.label(RichText::new(format!("× {reason}")).color(Role::Differ.colour(ui)));
            }
            Some(Ok(table)) => content(ui, table),
        }
    }
}

fn content(ui: &mut Ui, table: &Table) {
    ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        rows(ui, table);
        ui.add_space(4.0);
        muted(ui, NOTE);
        for (row, seed, reason) in table.failures() {
            let text = format!("× {row}, seed {seed}: {reason}");
            ui.label(RichText::new(text).color(Role::Differ.colour(ui)));
        }
        ui.add_space(8.0);
        plots(ui, table);
    });
}

/// The table, and the progress of the rows that are not complete.
fn rows(ui: &mut Ui, table: &Table) {
    let scale = largest_error(table);
    let full = table.rows.iter().find(|row| row.row.name == "full").and_then(|row| row.error);
    Grid::new("ablation").num_columns(7).striped(true).spacing([14.0, 4.0]).show(ui, |ui| {
        let titles = ["row", "change", "error in %", "", "vs. full", "guess accuracy in %", "published"];
        for title in titles {
            ui.label(RichText::new(title).strong());
        }
        ui.end_row();
        for row in &table.rows {
            ui.horizontal(|ui| {
                line_sample(ui, table, row);
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
            value(ui, row.guesses.map(|guesses| guesses.to_string()));
            value(ui, row.row.published.map(|error| format!("{error:.2}")));
            ui.end_row();
        }
    });
    for row in &table.rows {
        if let Some(progress) = row.progress() {
            muted(ui, format!("{}: {progress}", row.row.name));
        }
    }
}

fn value(ui: &mut Ui, text: Option<String>) {
    ui.label(text.unwrap_or_else(|| "–".to_owned()));
}

/// The error of each seed.
fn seeds(ui: &mut Ui, row: &TableRow) {
    let errors: Vec<_> = row.errors().iter().map(|error| format!("{error:.2}")).collect();
    ui.label(format!("{}: {} %", counted(errors.len(), "run", "runs"), errors.join(", ")));
}

/// The error of a row minus that of the full method; empty where both are the same runs.
fn difference(ui: &mut Ui, row: &TableRow, full: Option<Spread>) {
    let more = row.error.zip(full).map_or(0.0, |(error, full)| error.mean - full.mean);
    if more == 0.0 {
        ui.label("");
        return;
    }
    let (sign, role) = if more > 0.0 { ("+", Role::Differ) } else { ("", Role::Agree) };
    ui.label(RichText::new(format!("{sign}{more:.2}")).color(role.colour(ui)));
}

/// The largest mean plus deviation of the table, in %: the full length of a bar.
fn largest_error(table: &Table) -> f64 {
    let ends = table.rows.iter().filter_map(|row| {
        let error = row.error?;
        Some(error.mean + error.deviation.unwrap_or(0.0))
    });
    ends.fold(1.0, f64::max)
}

/// The mean error as a bar with the deviation as a whisker.
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

/// A sample of the row's line in the plot, instead of a legend, which would cover the plot.
fn line_sample(ui: &mut Ui, table: &Table, row: &TableRow) {
    let (rect, _) = ui.allocate_exact_size(vec2(18.0, 10.0), Sense::hover());
    let Some((i, _)) = table.curves().enumerate().find(|(_, other)| other.row.name == row.row.name) else {
        return;
    };
    let line = Rect::from_center_size(rect.center(), vec2(rect.width(), 3.0));
    let dashes = match i < COLOURS {
        true => vec![line],
        false => vec![line.with_max_x(line.left() + 7.0), line.with_min_x(line.right() - 7.0)],
    };
    for dash in dashes {
        ui.painter().rect_filled(dash, CornerRadius::same(1), class_colour(i));
    }
}

fn plots(ui: &mut Ui, table: &Table) {
    let by_views: Vec<_> =
        table.by_views().into_iter().filter_map(|(k, row)| Some((k, row.error?.mean))).collect();
    if by_views.len() < 2 {
        error_by_step(ui, table);
    } else if ui.available_width() < SIDE_BY_SIDE {
        error_by_step(ui, table);
        error_by_views(ui, &by_views);
    } else {
        ui.columns_const(|[left, right]| {
            error_by_step(left, table);
            error_by_views(right, &by_views);
        });
    }
}

fn error_by_step(ui: &mut Ui, table: &Table) {
    axes::plot("ablation curves", ["step", "test error in %"], ui).height(PLOT_HEIGHT).include_y(0.0).show(
        ui,
        |plot| {
            for (i, row) in table.curves().enumerate() {
                let points: Vec<[f64; 2]> =
                    row.curve.iter().map(|(step, error)| [*step as f64, *error]).collect();
                let style = if i < COLOURS { LineStyle::Solid } else { LineStyle::dashed_dense() };
                axes::mark_single(plot, row.row.name, &points, class_colour(i));
                plot.line(Line::new(row.row.name, points).color(class_colour(i)).style(style).width(2.0));
            }
        },
    );
}

/// Error against K on a logarithmic axis, because the rows double K. `errors`: K and the mean error in %.
fn error_by_views(ui: &mut Ui, errors: &[(usize, f64)]) {
    let point = |k: usize, error: f64| [(k as f64).log2(), error];
    let here: Vec<_> = errors.iter().map(|(k, error)| point(*k, *error)).collect();
    let published: PlotPoints<'_> =
        ROWS.iter().filter_map(|row| Some(point(row.views()?, row.published?))).collect();
    let (ours, theirs) = (Role::Strong.colour(ui), Role::Muted.colour(ui));
    let entries = [("here", ours), ("published", theirs)].map(|(name, colour)| Entry { name, colour });
    axes::legend(ui, entries, None);
    axes::plot("ablation views", ["strong views, K", "test error in %"], ui)
        .height(PLOT_HEIGHT)
        .include_y(0.0)
        .x_axis_formatter(|mark, _| match mark.value.fract() == 0.0 && mark.value >= 0.0 {
            true => format!("{:.0}", mark.value.exp2()),
            false => String::new(),
        })
        .show(ui, |plot| {
            plot.line(Line::new("here", here.clone()).color(ours).width(2.0));
            plot.points(Points::new("here", here).color(ours).radius(4.0).shape(MarkerShape::Circle));
            let paper = Line::new("published", published).color(theirs).style(LineStyle::dashed_dense());
            plot.line(paper.width(1.5));
        });
}
