//! Each row's error against steps, and the error against K.

use eframe::egui::{CornerRadius, Rect, Sense, TextStyle, Ui, vec2};
use egui_plot::{Corner, Legend, Line, LineStyle, MarkerShape, Plot, PlotPoints, Points};

use crate::ablation::{ROWS, Table, TableRow};
use crate::app::theme::{Role, class_colour};

const HEIGHT: f32 = 240.0;
/// Width that two plots side by side need.
const WIDE: f32 = 620.0;

pub fn show(ui: &mut Ui, table: &Table) {
    let by_views: Vec<_> =
        table.by_views().into_iter().filter_map(|(k, row)| Some((k, row.error?.mean))).collect();
    if by_views.len() < 2 {
        curves(ui, table);
    } else if ui.available_width() < WIDE {
        curves(ui, table);
        views(ui, &by_views);
    } else {
        ui.columns(2, |columns| {
            let [left, right] = columns else { return };
            curves(left, table);
            views(right, &by_views);
        });
    }
}

/// Colours before they come again, dashed.
const COLOURS: usize = 10;

/// A sample of a row's line, to be put beside its name: a legend of so many rows would cover the plot.
pub fn sample(ui: &mut Ui, table: &Table, row: &TableRow) {
    let (rect, _) = ui.allocate_exact_size(vec2(18.0, 10.0), Sense::hover());
    let Some((i, _)) = table.curves().enumerate().find(|(_, other)| other.row.name == row.row.name) else {
        return;
    };
    let line = Rect::from_center_size(rect.center(), vec2(rect.width(), 3.0));
    let parts = match i < COLOURS {
        true => vec![line],
        false => vec![line.with_max_x(line.left() + 7.0), line.with_min_x(line.right() - 7.0)],
    };
    for part in parts {
        ui.painter().rect_filled(part, CornerRadius::same(1), class_colour(i));
    }
}

fn curves(ui: &mut Ui, table: &Table) {
    Plot::new("ablation curves")
        .height(HEIGHT)
        .include_y(0.0)
        .x_axis_label("step")
        .y_axis_label("test error in %")
        .allow_scroll(false)
        .show(ui, |plot| {
            for (i, row) in table.curves().enumerate() {
                let points: PlotPoints<'_> =
                    row.curve.iter().map(|(step, error)| [*step as f64, *error]).collect();
                let style = if i < COLOURS { LineStyle::Solid } else { LineStyle::dashed_dense() };
                plot.line(Line::new(row.row.name, points).color(class_colour(i)).style(style).width(2.0));
            }
        });
}

/// On a logarithmic scale, as K doubles from row to row.
fn views(ui: &mut Ui, found: &[(usize, f64)]) {
    let at = |k: usize, error: f64| [(k as f64).log2(), error];
    let here: Vec<_> = found.iter().map(|(k, error)| at(*k, *error)).collect();
    let published: PlotPoints<'_> =
        ROWS.iter().filter_map(|row| Some(at(row.views()?, row.published?))).collect();
    let (ours, theirs) = (Role::Strong.colour(ui), Role::Muted.colour(ui));
    Plot::new("ablation views")
        .height(HEIGHT)
        .legend(
            Legend::default().position(Corner::RightTop).text_style(TextStyle::Small).background_alpha(0.6),
        )
        .include_y(0.0)
        .x_axis_label("strong views, K")
        .y_axis_label("test error in %")
        .x_axis_formatter(|mark, _| match mark.value.fract() == 0.0 && mark.value >= 0.0 {
            true => format!("{:.0}", mark.value.exp2()),
            false => String::new(),
        })
        .allow_scroll(false)
        .show(ui, |plot| {
            plot.line(Line::new("here", here.clone()).color(ours).width(2.0));
            plot.points(Points::new("here", here).color(ours).radius(4.0).shape(MarkerShape::Circle));
            let paper = Line::new("published", published).color(theirs).style(LineStyle::dashed_dense());
            plot.line(paper.width(1.5));
        });
}
