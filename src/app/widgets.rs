//! Widgets that several views share: small bar charts, equations, and text of a kind.

use eframe::egui::{
    self, Color32, CornerRadius, Rect, Response, RichText, Sense, Ui, WidgetInfo, pos2, vec2,
};

use super::theme::{Role, class_colour};
use crate::train::most_likely;

/// Width of a screen, in points, below which panels side by side leave no room for a view.
const NARROW: f32 = 640.0;

/// Whether the window shows one view at a time, as on a phone.
pub fn is_narrow(ui: &Ui) -> bool {
    ui.ctx().content_rect().width() < NARROW
}

/// A bar chart of a distribution over the classes, with its largest value highlighted. A tooltip and the accessible
/// name tell the values.
pub fn bars(ui: &mut Ui, title: &str, values: &[f32], classes: &[String], size: egui::Vec2) -> Response {
    bars_in(ui, title, values, classes, size, class_colour)
}

/// [`bars`] in the colours that `colour_of` has for the classes, which are counted from 0.
pub fn bars_in(
    ui: &mut Ui,
    title: &str,
    values: &[f32],
    classes: &[String],
    size: egui::Vec2,
    colour_of: impl Fn(usize) -> Color32,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let top = most_likely(values);
    let text = match classes.get(top) {
        Some(name) => format!("{title}: {name} ({})", percent(values[top])),
        None => title.to_owned(),
    };
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &text));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        painter.rect_filled(rect, CornerRadius::same(2), ui.visuals().extreme_bg_color);
        let step = rect.width() / values.len().max(1) as f32;
        for (class, value) in values.iter().enumerate() {
            let height = rect.height() * value.clamp(0.0, 1.0);
            let left = rect.left() + step * class as f32;
            let bar = Rect::from_min_max(
                pos2(left + 0.5, rect.bottom() - height.max(0.5)),
                pos2(left + step - 0.5, rect.bottom()),
            );
            let colour = colour_of(class);
            let colour = if class == top { colour } else { colour.gamma_multiply(0.55) };
            painter.rect_filled(bar, CornerRadius::ZERO, colour);
        }
    }
    response.on_hover_ui(|ui| {
        ui.strong(title);
        let mut order: Vec<_> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
        egui::Grid::new("values").num_columns(3).show(ui, |ui| {
            for class in order.into_iter().take(10) {
                swatch(ui, colour_of(class));
                ui.label(classes.get(class).map_or("?", String::as_str));
                ui.label(percent(values[class]));
                ui.end_row();
            }
        });
    })
}

/// A share from 0 to 1 as a bar of the first colour on one of the second.
pub fn share_bar(
    ui: &mut Ui,
    text: &str,
    share: f32,
    size: egui::Vec2,
    [filled, rest]: [Color32; 2],
) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, text));
    if ui.is_rect_visible(rect) {
        let middle = rect.left() + rect.width() * share.clamp(0.0, 1.0);
        ui.painter().rect_filled(rect, CornerRadius::same(2), rest);
        ui.painter().rect_filled(rect.with_max_x(middle), CornerRadius::same(2), filled);
    }
    response.on_hover_text(text)
}

/// An equation, which is not wrapped.
pub fn equation(ui: &mut Ui, text: &str) -> Response {
    ui.add(egui::Label::new(RichText::new(text).monospace()).extend())
}

/// A small square of a colour, beside a name.
pub fn swatch(ui: &mut Ui, colour: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::same(2), colour);
}

/// A share as a percentage.
pub fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// Secondary text.
pub fn muted(ui: &mut Ui, text: impl Into<String>) -> Response {
    let colour = Role::Muted.colour(ui);
    ui.label(RichText::new(text).small().color(colour))
}

/// The text of a view that has no content yet.
pub fn nothing_yet(ui: &mut Ui, what: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.35);
        ui.label(RichText::new(what).italics().color(Role::Muted.colour(ui)));
    });
}

/// The most likely class and its probability.
pub fn verdict(values: &[f32], classes: &[String]) -> String {
    let top = most_likely(values);
    match (classes.get(top), values.get(top)) {
        (Some(name), Some(p)) => format!("{name} ({})", percent(*p)),
        _ => "?".to_owned(),
    }
}

/// Bytes in a unit that keeps the number small.
pub fn bytes_text(bytes: u64) -> String {
    match bytes as f64 {
        b if b < 1024.0 * 1024.0 => format!("{:.1} KiB", b / 1024.0),
        b if b < 1024.0 * 1024.0 * 1024.0 => format!("{:.1} MiB", b / (1024.0 * 1024.0)),
        b => format!("{:.2} GiB", b / (1024.0 * 1024.0 * 1024.0)),
    }
}
