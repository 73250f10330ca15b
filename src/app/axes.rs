//! The axes and the legend of charts: numbers on both axes at any size, and names above the lines, never over them.

use std::collections::BTreeSet;

use eframe::egui::{
    AsIdSalt, Color32, FontId, Rangef, Response, RichText, Role as AccessRole, Sense, Stroke, TextStyle,
    TextWrapMode, Ui, WidgetInfo, WidgetText, vec2,
};
use egui_plot::{AxisHints, GridInput, GridMark, MarkerShape, Plot, PlotUi, Points};

use crate::app::theme::Role;

/// The lowest height of a chart that shows two numbers on its y axis, in points.
pub const LOWEST: f32 = 90.0;
/// Least distance of two numbers in points: on the x axis, where a number is wide, and on the y axis.
const DISTANCES: [f64; 2] = [56.0, 16.0];
/// Radius of the mark of a single point.
const MARK: f32 = 4.0;
/// Points that [`GridInput::base_step_size`] stands for.
const BASE: f64 = 8.0;
/// Distances of grid lines in points at which they vanish and at which they are as strong as text: they stay faint.
const GRID: Rangef = Rangef { min: BASE as f32, max: 600.0 };

/// A chart with numbers on both axes, which have these names.
pub fn plot<'a>(id: impl AsIdSalt, [x, y]: [&str; 2], ui: &Ui) -> Plot<'a> {
    let name = |name: &str| RichText::new(name).small();
    Plot::new(id)
        .custom_x_axes(vec![hints(AxisHints::new_x().label(name(x)), ui)])
        .custom_y_axes(vec![hints(AxisHints::new_y().label(name(y)), ui)])
        .x_grid_spacer(|input| marks(&input, DISTANCES[0], 1.0))
        .y_grid_spacer(|input| marks(&input, DISTANCES[1], 0.0))
        .grid_spacing(GRID)
        .allow_scroll(false)
}

/// Numbers that are as easy to read near each other as far apart.
fn hints<'a>(axis: AxisHints<'a>, ui: &Ui) -> AxisHints<'a> {
    axis.label_spacing(Rangef::new(0.5, 1.0))
        .tick_label_color(Role::Muted.colour(ui))
        .tick_label_font(FontId::proportional(11.5))
        .formatter(|mark, _| number(mark))
}

/// A mark's value with as many decimals as tell it from the next one.
fn number(mark: GridMark) -> String {
    let decimals = (-mark.step_size.log10() - 1e-9).ceil().clamp(0.0, 9.0) as usize;
    let value = if mark.value.abs() < mark.step_size * 1e-6 { 0.0 } else { mark.value };
    if value.abs() >= 1e6 { format!("{value:e}") } else { format!("{value:.decimals$}") }
}

/// Marks at multiples of 1, 2 or 5 times a power of ten, `distance` points apart or more, and at least two of them as far
/// as a smaller distance allows; `least` between two of them: steps are whole.
fn marks(input: &GridInput, distance: f64, least: f64) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let range = high - low;
    if !(range.is_finite() && range > 0.0 && input.base_step_size > 0.0) {
        return Vec::new();
    }
    let wanted = input.base_step_size / BASE * distance;
    let power = 10f64.powf(wanted.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let mut step = nice.into_iter().find(|step| *step >= wanted * (1.0 - 1e-9)).unwrap_or(10.0 * power);
    let count = |step: f64| (high / step).floor() - (low / step).ceil() + 1.0;
    // A short axis gets two numbers a little closer together.
    for smaller in nice.into_iter().rev().chain([0.5 * power]) {
        if count(step) < 2.0 && smaller < step {
            step = smaller;
        }
    }
    step = step.max(least);
    let first = (low / step).ceil() as i64;
    (first..first + count(step).clamp(0.0, 1_000.0) as i64)
        .map(|at| GridMark { value: at as f64 * step, step_size: step })
        .collect()
}

/// Marks the point of a line that has one point, which a line does not show.
pub fn mark_single(plot: &mut PlotUi<'_>, name: &str, points: &[[f64; 2]], colour: Color32) {
    if let [point] = points {
        let mark = Points::new(name.to_owned(), vec![*point]).color(colour);
        plot.points(mark.shape(MarkerShape::Circle).radius(MARK));
    }
}

/// A name in a legend, with the colour of its line.
pub struct Entry<'a> {
    pub name: &'a str,
    pub colour: Color32,
}

/// The names of lines beside their colours, in rows. A click on a name puts it among the `hidden` ones, if there can be
/// any, or takes it from there.
pub fn legend<'a>(
    ui: &mut Ui,
    entries: impl IntoIterator<Item = Entry<'a>>,
    mut hidden: Option<&mut BTreeSet<String>>,
) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 1.0);
        for entry in entries {
            let off = hidden.as_ref().is_some_and(|hidden| hidden.contains(entry.name));
            let response = legend_entry(ui, &entry, off);
            let Some(hidden) = &mut hidden else { continue };
            if response.on_hover_text("Click to hide what has this colour, or to show it again").clicked() {
                if off {
                    hidden.remove(entry.name)
                } else {
                    hidden.insert(entry.name.to_owned())
                };
            }
        }
    });
}

/// A line and its name, which stay together where a row of them is broken.
fn legend_entry(ui: &mut Ui, Entry { name, colour }: &Entry<'_>, off: bool) -> Response {
    const LINE: f32 = 14.0;
    let text = RichText::new(*name).small();
    let text = if off { text.strikethrough().color(Role::Muted.colour(ui)) } else { text };
    let galley =
        WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, TextStyle::Small);
    let size = vec2(LINE + 4.0 + galley.size().x + 8.0, galley.size().y);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(AccessRole::CheckBox, true, !off, *name));
    let middle = rect.left_center();
    ui.painter().hline(middle.x..=middle.x + LINE, middle.y, Stroke::new(2.5, *colour));
    let text_colour = ui.visuals().text_color();
    ui.painter().galley(rect.left_top() + vec2(LINE + 4.0, 0.0), galley, text_colour);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_two_numbers_at_any_size() {
        for (low, high) in [
            (0.0, 80.0),
            (1.0, 6.0),
            (0.0, 1.0),
            (-0.05, 1.05),
            (2.31, 2.34),
            (0.0, 65_536.0),
            (199.0, 201.0),
            (1e-7, 3e-7),
        ] {
            for (points, distance) in
                [(50.0, 16.0), (64.0, 16.0), (200.0, 16.0), (150.0, 56.0), (290.0, 56.0), (900.0, 56.0)]
            {
                let bounds = (low, high);
                let input = GridInput { bounds, base_step_size: (high - low) / points * BASE };
                let marks = marks(&input, distance, 0.0);
                assert!(marks.len() >= 2, "{bounds:?} at {points}: {marks:?}");
                assert!(marks.len() <= (points / distance) as usize + 3, "{bounds:?} at {points}");
                assert!(marks.iter().all(|mark| mark.value >= low && mark.value <= high), "{marks:?}");
                let texts: Vec<_> = marks.iter().map(|mark| number(*mark)).collect();
                assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "{texts:?}");
            }
        }
    }

    #[test]
    fn axes_of_steps_have_whole_numbers() {
        for ((low, high), expected) in
            [((39.8, 40.2), vec!["40"]), ((0.0, 3.0), vec!["0", "1", "2", "3"]), ((40.2, 40.8), vec![])]
        {
            let input = GridInput { bounds: (low, high), base_step_size: (high - low) / 600.0 * BASE };
            let texts: Vec<_> = marks(&input, 56.0, 1.0).iter().map(|mark| number(*mark)).collect();
            assert_eq!(texts, expected, "{low} to {high}");
        }
    }

    #[test]
    fn degenerate_axes_have_no_numbers() {
        for bounds in [(1.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (2.0, 1.0)] {
            assert!(marks(&GridInput { bounds, base_step_size: 1.0 }, 16.0, 0.0).is_empty());
        }
    }
}
