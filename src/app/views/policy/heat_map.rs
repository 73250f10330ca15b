//! A heat map of the policy's weights: one row per operation parameter, one cell per bin.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, EventFilter, Key, Painter, Rect, Response, Sense, Stroke,
    StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::theme::Role;
use crate::app::widgets::muted;
use crate::augment::{CtAugment, OPERATIONS, Operation, THRESHOLD};

/// Width of the row names.
const NAME: f32 = 104.0;
/// Minimum width of a cell with its weight as text.
const NUMBERED: f32 = 36.0;

/// A bin of an operation's parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    pub operation: &'static Operation,
    pub parameter: usize,
    pub bin: usize,
}

impl Bin {
    fn count(self) -> usize {
        self.operation.bins[self.parameter]
    }

    /// The level at the centre of the bin.
    pub fn middle(self) -> f32 {
        (self.bin as f32 + 0.5) / self.count() as f32
    }
}

/// The first bin of every parameter of every operation.
fn rows() -> impl Iterator<Item = Bin> {
    OPERATIONS.iter().flat_map(|operation| {
        (0..operation.bins.len()).map(move |parameter| Bin { operation, parameter, bin: 0 })
    })
}

/// Draws the weights of a policy.
pub struct HeatMap<'a> {
    policy: &'a CtAugment,
    /// The weight of the darkest colour.
    low: f32,
}

impl<'a> HeatMap<'a> {
    /// Scales the colours to the smallest weight of the policy.
    pub fn new(policy: &'a CtAugment) -> Self {
        let least = policy.rates().iter().copied().fold(1.0, f32::min);
        // Rounded to steps, so that colours are stable while the weights change.
        let low = ((least * 20.0).floor() / 20.0).min(0.95);
        Self { policy, low }
    }

    fn weight(&self, at: Bin) -> f32 {
        self.policy.rates_of(at.operation.kind, at.parameter)[at.bin]
    }

    /// The weight over the best of its row; 0 if the bin is not sampled.
    fn probability(&self, at: Bin) -> f32 {
        self.policy.probabilities(at.operation.kind, at.parameter)[at.bin]
    }

    /// Describes a bin with its exact values.
    pub fn describe(&self, at: Bin) -> String {
        let bins = at.count() as f32;
        let (from, to) = (at.bin as f32 / bins, (at.bin as f32 + 1.0) / bins);
        let p = self.probability(at);
        let use_text = match p > 0.0 {
            true => format!("sampled, {p:.3} of the row's best"),
            false => format!("not sampled: below {THRESHOLD:.2} of the row's best"),
        };
        format!(
            "{}, bin {} of {}, {} from {from:.2} to {to:.2}: weight {:.4}, {use_text}",
            at.operation.name,
            at.bin + 1,
            at.count(),
            parameter_name(at),
            self.weight(at)
        )
    }

    /// Draws all rows with a total height of at least `height` points; returns the bin selected in this frame.
    pub fn show(&self, ui: &mut Ui, height: f32, selected: Option<Bin>) -> Option<Bin> {
        let mut new = None;
        self.legend(ui);
        let row_height = (height / (rows().count() as f32 + 1.0)).clamp(15.0, 34.0);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            for first in rows() {
                new = self.row(ui, first, row_height - 1.0, selected).or(new);
            }
            axis(ui);
        });
        new
    }

    fn row(&self, ui: &mut Ui, first: Bin, height: f32, selected: Option<Bin>) -> Option<Bin> {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
        let selected = selected.filter(|c| c.operation == first.operation && c.parameter == first.parameter);
        let bins = rect.with_min_x((rect.left() + NAME).min(rect.right()));
        let cell = |bin: usize| {
            let width = bins.width() / first.count() as f32;
            Rect::from_min_size(
                pos2(bins.left() + width * bin as f32, bins.top()),
                vec2(width, bins.height()),
            )
        };
        let hovered = response.hover_pos().filter(|at| bins.contains(*at)).map(|at| {
            let bin = (at.x - bins.left()) / bins.width() * first.count() as f32;
            Bin { bin: (bin as usize).min(first.count() - 1), ..first }
        });
        let text = self.row_text(first, selected);
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, selected.is_some(), &text));
        if ui.is_rect_visible(rect) {
            self.paint(ui, first, rect, &cell);
            let outline = |at: Bin, colour: Color32| {
                let stroke = Stroke::new(2.0, colour);
                ui.painter().rect_stroke(cell(at.bin), CornerRadius::ZERO, stroke, StrokeKind::Inside);
            };
            if let Some(at) = hovered {
                outline(at, Role::Muted.colour(ui));
            }
            if let Some(at) = selected {
                outline(at, Role::Differ.colour(ui));
            }
            if response.has_focus() {
                let stroke = ui.visuals().selection.stroke;
                ui.painter().rect_stroke(rect, CornerRadius::same(2), stroke, StrokeKind::Inside);
            }
        }
        let new = move_by_keys(ui, &response, selected.unwrap_or(first), selected.is_some());
        let clicked = if response.clicked() { hovered.or(selected).or(Some(first)) } else { None };
        response.on_hover_ui_at_pointer(|ui| {
            ui.set_max_width(360.0);
            ui.label(format!("{}: {}", first.operation.name, first.operation.description));
            if let Some(at) = hovered {
                ui.label(self.describe(at));
            }
        });
        clicked.or(new)
    }

    fn row_text(&self, first: Bin, selected: Option<Bin>) -> String {
        if let Some(at) = selected {
            return self.describe(at);
        }
        let probabilities = self.policy.probabilities(first.operation.kind, first.parameter);
        let used = probabilities.iter().filter(|p| **p > 0.0).count();
        format!(
            "{} {}: {used} of {} bins sampled",
            first.operation.name,
            parameter_name(first),
            probabilities.len()
        )
    }

    fn paint(&self, ui: &Ui, first: Bin, rect: Rect, cell: &dyn Fn(usize) -> Rect) {
        let painter = ui.painter();
        let name = match first.operation.bins.len() {
            1 => first.operation.name.to_owned(),
            _ => format!("{} {}", first.operation.name, parameter_name(first)),
        };
        let font = TextStyle::Small.resolve(ui.style());
        let at = pos2(rect.left() + 3.0, rect.center().y);
        painter.text(at, Align2::LEFT_CENTER, name, font.clone(), ui.visuals().text_color());
        let probabilities = self.policy.probabilities(first.operation.kind, first.parameter);
        for (bin, p) in probabilities.into_iter().enumerate() {
            let weight = self.weight(Bin { bin, ..first });
            let area = cell(bin).shrink2(vec2(0.5, 0.0));
            let fill = self.colour(weight);
            painter.rect_filled(area, CornerRadius::ZERO, fill);
            if p <= 0.0 {
                cross(painter, area, ink(fill));
            }
            if area.width() >= NUMBERED {
                painter.text(
                    area.center(),
                    Align2::CENTER_CENTER,
                    format!("{weight:.2}"),
                    font.clone(),
                    ink(fill),
                );
            }
        }
    }

    fn colour(&self, weight: f32) -> Color32 {
        ramp((weight - self.low) / (1.0 - self.low))
    }

    /// The meaning of colours and crosses.
    fn legend(&self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            muted(ui, format!("weight {:.2}", self.low));
            let (rect, _) = ui.allocate_exact_size(vec2(90.0, 12.0), Sense::hover());
            let steps = 30;
            for i in 0..steps {
                let width = rect.width() / steps as f32;
                let left = rect.left() + width * i as f32;
                let step = Rect::from_min_size(pos2(left, rect.top()), vec2(width + 0.5, rect.height()));
                ui.painter().rect_filled(step, CornerRadius::ZERO, ramp(i as f32 / (steps - 1) as f32));
            }
            muted(ui, "1.00");
            let (rect, _) = ui.allocate_exact_size(vec2(22.0, 12.0), Sense::hover());
            let fill = ramp(0.2);
            ui.painter().rect_filled(rect, CornerRadius::ZERO, fill);
            cross(ui.painter(), rect, ink(fill));
            muted(ui, format!("crossed: not sampled, below {THRESHOLD:.2} of the row's best"));
        });
    }
}

/// The bin that the arrow keys move to while the row has the focus.
fn move_by_keys(ui: &Ui, response: &Response, at: Bin, selected: bool) -> Option<Bin> {
    if !response.has_focus() {
        return None;
    }
    let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    let (left, right) = (pressed(Key::ArrowLeft), pressed(Key::ArrowRight));
    let bin = match (left, right) {
        (true, false) => at.bin.saturating_sub(1),
        (false, true) if selected => (at.bin + 1).min(at.count() - 1),
        (false, true) => at.bin,
        _ => return None,
    };
    Some(Bin { bin, ..at })
}

fn parameter_name(at: Bin) -> &'static str {
    if at.parameter == 0 { "v" } else { "v2" }
}

/// The axis of the levels below the bins.
fn axis(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
    let bins = rect.with_min_x((rect.left() + NAME).min(rect.right()));
    let font = TextStyle::Small.resolve(ui.style());
    let colour = Role::Muted.colour(ui);
    let text = |at: f32, align: Align2, text: &str| {
        let x = bins.left() + at * bins.width();
        ui.painter().text(pos2(x, bins.center().y), align, text, font.clone(), colour);
    };
    text(0.0, Align2::LEFT_CENTER, "0");
    text(0.5, Align2::CENTER_CENTER, "level v");
    text(1.0, Align2::RIGHT_CENTER, "1");
}

fn cross(painter: &Painter, area: Rect, colour: Color32) {
    let inner = area.shrink2(vec2(area.width() * 0.2, area.height() * 0.2));
    let stroke = Stroke::new(1.2, colour);
    painter.line_segment([inner.left_top(), inner.right_bottom()], stroke);
    painter.line_segment([inner.left_bottom(), inner.right_top()], stroke);
}

/// Black or white, whichever contrasts with the colour.
fn ink(on: Color32) -> Color32 {
    let light = 0.299 * f32::from(on.r()) + 0.587 * f32::from(on.g()) + 0.114 * f32::from(on.b());
    if light > 130.0 { Color32::BLACK } else { Color32::WHITE }
}

/// Viridis: uniform in lightness, and readable without colour vision.
const RAMP: [[u8; 3]; 5] = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

fn ramp(at: f32) -> Color32 {
    let at = at.clamp(0.0, 1.0) * (RAMP.len() - 1) as f32;
    let first = (at as usize).min(RAMP.len() - 2);
    let t = at - first as f32;
    let mixed = |i: usize| {
        let (a, b) = (f32::from(RAMP[first][i]), f32::from(RAMP[first + 1][i]));
        (a + t * (b - a)).round() as u8
    };
    Color32::from_rgb(mixed(0), mixed(1), mixed(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{OperationKind, RATES};

    #[test]
    fn rows_and_bins_cover_every_weight() {
        assert_eq!(rows().count(), 19);
        assert_eq!(rows().map(Bin::count).sum::<usize>(), RATES);
        assert!(rows().all(|row| row.operation.kind != OperationKind::Identity));
    }

    #[test]
    fn descriptions_contain_range_weight_and_use() {
        let mut rates = vec![1.0; RATES];
        rates[3] = 0.5;
        let policy = CtAugment::from_rates(&rates).expect("rates");
        let map = HeatMap::new(&policy);
        let at = Bin { operation: &OPERATIONS[0], parameter: 0, bin: 3 };
        assert_eq!(
            map.describe(at),
            "autocontrast, bin 4 of 17, v from 0.18 to 0.24: weight 0.5000, not sampled: below 0.80 of the row's \
             best"
        );
        assert!(
            map.describe(Bin { bin: 4, ..at }).ends_with("weight 1.0000, sampled, 1.000 of the row's best")
        );
        assert_eq!(map.row_text(at, None), "autocontrast v: 16 of 17 bins sampled");
        assert_eq!((map.colour(0.5), map.colour(1.0)), (ramp(0.0), ramp(1.0)));
    }

    #[test]
    fn ink_contrasts_with_both_ends_of_the_ramp() {
        assert_eq!((ink(ramp(0.0)), ink(ramp(1.0))), (Color32::WHITE, Color32::BLACK));
    }
}
