//! One row per class: p(y) and p~(y), their ratio, and the guesses before and after alignment, as bars.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, FontId, Painter, Rect, Response, Sense, Stroke, StrokeKind,
    TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::theme::{Role, class_colour};
use crate::app::widgets::percent;

/// Height of a row.
const ROW: f32 = 31.0;
/// Width below which texts are shortened.
const NARROW: f32 = 440.0;
/// Scales of the ratio column: the smallest one that contains all ratios is used.
const RATIO_SCALES: [f32; 5] = [1.5, 2.0, 4.0, 10.0, 100.0];

/// The content of the table; all slices are `[classes]`.
pub struct Table<'a> {
    pub classes: &'a [String],
    pub label_distribution: &'a [f32],
    /// p(y) from the next step on, if it changes.
    pub pending: Option<&'a [f32]>,
    pub average_prediction: &'a [f32],
    /// Shares of the guesses, before and after alignment.
    pub before: &'a [f32],
    pub after: &'a [f32],
    /// Whether the run multiplies its guesses by the ratio.
    pub applied: bool,
}

/// The values of one row.
struct Row<'a> {
    class: usize,
    name: &'a str,
    p: f32,
    pending: Option<f32>,
    average: f32,
    before: f32,
    after: f32,
}

impl Row<'_> {
    /// p(y) / p~(y) with the same offset as in alignment, which keeps it finite.
    fn ratio(&self) -> f32 {
        (self.p + 1e-6) / (self.average + 1e-6)
    }

    fn text(&self) -> String {
        let pending = self.pending.map_or(String::new(), |p| format!(" (next {})", share(p)));
        format!(
            "{}: p(y) {}{pending}, p~(y) {}, ratio {:.2}, guessed {} before and {} after",
            self.name,
            share(self.p),
            share(self.average),
            self.ratio(),
            share(self.before),
            share(self.after)
        )
    }
}

/// Widths of the columns.
struct Columns {
    name: f32,
    bars: f32,
    ratio: f32,
    gap: f32,
    /// Width of the number next to a bar.
    number: f32,
    /// Whether texts are shortened.
    narrow: bool,
}

impl Columns {
    fn new(width: f32) -> Self {
        let narrow = width < NARROW;
        let (name, ratio, gap, number) = match narrow {
            true => (58.0, 78.0, 4.0, 48.0),
            false => ((0.16 * width).clamp(70.0, 150.0), (0.2 * width).clamp(92.0, 260.0), 8.0, 84.0),
        };
        let bars = ((width - name - ratio - 3.0 * gap) / 2.0).max(number + 20.0);
        Self { name, bars, ratio, gap, number, narrow }
    }

    fn width(&self) -> f32 {
        self.name + self.ratio + 2.0 * self.bars + 3.0 * self.gap
    }

    /// The cells of a row: name, distributions, ratio, guesses.
    fn cells(&self, row: Rect) -> [Rect; 4] {
        let mut left = row.left();
        [self.name, self.bars, self.ratio, self.bars].map(|width| {
            let cell = Rect::from_min_size(pos2(left, row.top()), vec2(width, row.height()));
            left += width + self.gap;
            cell
        })
    }

    /// The text next to a bar: a symbol, short or long, and a share.
    fn number(&self, [short, long]: [&str; 2], value: f32) -> String {
        match self.narrow {
            true => format!("{short} {}", percent(value)),
            false => format!("{long} {}", share(value)),
        }
    }
}

fn share(value: f32) -> String {
    format!("{:.1} %", 100.0 * value)
}

impl Table<'_> {
    fn row(&self, class: usize) -> Row<'_> {
        let of = |values: &[f32]| values.get(class).copied().unwrap_or(0.0);
        Row {
            class,
            name: self.classes.get(class).map_or("?", String::as_str),
            p: of(self.label_distribution),
            pending: self.pending.map(of),
            average: of(self.average_prediction),
            before: of(self.before),
            after: of(self.after),
        }
    }

    /// The share that fills a column, the same for all bars.
    fn share_scale(&self) -> f32 {
        let all = [self.label_distribution, self.average_prediction, self.before, self.after];
        let pending = self.pending.unwrap_or(&[]);
        let top = all.into_iter().flatten().chain(pending).fold(0.0f32, |top, value| top.max(*value));
        (10.0 * top).ceil().clamp(1.0, 10.0) / 10.0
    }

    /// The ratio that fills half of its column.
    fn ratio_scale(&self) -> f32 {
        let largest = (0..self.label_distribution.len())
            .map(|class| self.row(class).ratio().ln().abs())
            .fold(0.0, f32::max);
        RATIO_SCALES
            .into_iter()
            .find(|scale| largest <= scale.ln())
            .unwrap_or(RATIO_SCALES[RATIO_SCALES.len() - 1])
    }

    /// Draws the table; returns the class that was clicked.
    pub fn show(&self, ui: &mut Ui, selected: usize) -> Option<usize> {
        let columns = Columns::new(ui.available_width());
        header(ui, &columns, self.share_scale(), self.ratio_scale());
        let mut clicked = None;
        ui.spacing_mut().item_spacing.y = 0.0;
        for class in 0..self.label_distribution.len() {
            let row = self.row(class);
            if self.draw(ui, &columns, &row, class == selected).clicked() {
                clicked = Some(class);
            }
        }
        clicked
    }

    fn draw(&self, ui: &mut Ui, columns: &Columns, row: &Row<'_>, selected: bool) -> Response {
        let (rect, response) = ui.allocate_exact_size(vec2(columns.width(), ROW), Sense::click());
        let text = row.text();
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, selected, &text));
        if ui.is_rect_visible(rect) {
            self.paint(ui, columns, row, rect, &response, selected);
        }
        response.on_hover_text(format!("{text}\nClick to plot this class below"))
    }

    fn paint(&self, ui: &Ui, columns: &Columns, row: &Row<'_>, rect: Rect, at: &Response, selected: bool) {
        let painter = ui.painter();
        if at.hovered() || selected {
            let fill = ui.visuals().widgets.hovered.weak_bg_fill;
            painter.rect_filled(rect, CornerRadius::same(3), fill.gamma_multiply(0.6));
        }
        if at.has_focus() {
            let stroke = ui.visuals().selection.stroke;
            painter.rect_stroke(rect, CornerRadius::same(3), stroke, StrokeKind::Inside);
        }
        let [name, distributions, ratio, guesses] = columns.cells(rect.shrink2(vec2(0.0, 2.0)));
        let pen = Pen::new(ui, self.share_scale(), columns.number);
        pen.name(name, row, selected);
        let p_text = match row.pending {
            Some(next) if columns.narrow => format!("→ {}", percent(next)),
            Some(next) => format!("p {:.0} → {}", 100.0 * row.p, share(next)),
            None => columns.number(["p", "p"], row.p),
        };
        let [upper, lower] = halves(distributions);
        pen.bar(upper, row.p, Role::Labelled.colour(ui), &p_text);
        if let Some(next) = row.pending {
            pen.outline(upper, next, Role::Labelled.colour(ui));
        }
        pen.bar(lower, row.average, Role::Strong.colour(ui), &columns.number(["p~", "p~"], row.average));
        let ratio_colour = match (self.applied, row.ratio() >= 1.0) {
            (false, _) => Role::Muted.colour(ui),
            (true, true) => Role::Labelled.colour(ui),
            (true, false) => Role::Strong.colour(ui),
        };
        pen.ratio(ratio, row.ratio(), self.ratio_scale(), ratio_colour);
        let [upper, lower] = halves(guesses);
        pen.bar(upper, row.before, Role::Muted.colour(ui), &columns.number(["q", "before"], row.before));
        pen.bar(lower, row.after, Role::Anchor.colour(ui), &columns.number(["q'", "after"], row.after));
    }
}

fn halves(rect: Rect) -> [Rect; 2] {
    let middle = rect.center().y;
    [rect.with_max_y(middle - 0.5), rect.with_min_y(middle + 0.5)]
}

fn header(ui: &mut Ui, columns: &Columns, share_scale: f32, ratio_scale: f32) {
    let (rect, _) = ui.allocate_exact_size(vec2(columns.width(), 18.0), Sense::hover());
    let [name, distributions, ratio, guesses] = columns.cells(rect);
    let scale = percent(share_scale);
    let [p, q] = if columns.narrow { ["p, p~", "q, q'"] } else { ["p(y), p~(y)", "guesses"] };
    let titles = [
        (name, "class".to_owned()),
        (distributions, format!("{p}: to {scale}")),
        (ratio, format!("ratio: to ×{ratio_scale}")),
        (guesses, format!("{q}: to {scale}")),
    ];
    for (cell, title) in titles {
        let builder = egui::UiBuilder::new().max_rect(cell);
        ui.scope_builder(builder, |ui| {
            let text = egui::RichText::new(title).small().strong();
            ui.add(egui::Label::new(text).truncate());
        });
    }
}

/// Draws the cells of a row.
struct Pen<'a> {
    painter: &'a Painter,
    font: FontId,
    text: Color32,
    back: Color32,
    line: Color32,
    /// Share that fills a bar.
    share_scale: f32,
    /// Width of the number next to a bar.
    number: f32,
}

impl<'a> Pen<'a> {
    fn new(ui: &'a Ui, share_scale: f32, number: f32) -> Self {
        Self {
            painter: ui.painter(),
            font: TextStyle::Small.resolve(ui.style()),
            text: ui.visuals().text_color(),
            back: ui.visuals().extreme_bg_color,
            line: Role::Muted.colour(ui),
            share_scale,
            number,
        }
    }

    fn name(&self, cell: Rect, row: &Row<'_>, selected: bool) {
        let swatch = Rect::from_center_size(pos2(cell.left() + 9.0, cell.center().y), vec2(10.0, 10.0));
        self.painter.rect_filled(swatch, CornerRadius::same(2), class_colour(row.class));
        let at = pos2(cell.left() + 20.0, cell.center().y);
        let painter = self.painter.with_clip_rect(cell.intersect(self.painter.clip_rect()));
        let name = if selected { format!("▸ {}", row.name) } else { row.name.to_owned() };
        painter.text(at, Align2::LEFT_CENTER, name, self.font.clone(), self.text);
    }

    /// The rectangle of a full bar, left of its number.
    fn track(&self, cell: Rect) -> Rect {
        cell.with_max_x((cell.right() - self.number).max(cell.left() + 8.0)).shrink2(vec2(0.0, 1.5))
    }

    fn bar(&self, cell: Rect, value: f32, colour: Color32, text: &str) {
        let track = self.track(cell);
        self.painter.rect_filled(track, CornerRadius::same(2), self.back);
        let width = track.width() * (value / self.share_scale).clamp(0.0, 1.0);
        self.painter.rect_filled(
            track.with_max_x(track.left() + width.max(1.0)),
            CornerRadius::same(2),
            colour,
        );
        let at = pos2(track.right() + 5.0, cell.center().y);
        self.painter.text(at, Align2::LEFT_CENTER, text, self.font.clone(), self.text);
    }

    fn outline(&self, cell: Rect, value: f32, colour: Color32) {
        let track = self.track(cell);
        let right = track.left() + track.width() * (value / self.share_scale).clamp(0.0, 1.0);
        let stroke = Stroke::new(1.5, colour);
        self.painter.rect_stroke(track.with_max_x(right), CornerRadius::same(2), stroke, StrokeKind::Inside);
    }

    /// A bar from 1 in the middle, to the right for a ratio above 1, to the left below, on a logarithmic scale.
    fn ratio(&self, cell: Rect, ratio: f32, ratio_scale: f32, colour: Color32) {
        let track = cell.with_max_x(cell.right() - 42.0).shrink2(vec2(0.0, 7.0));
        self.painter.rect_filled(track, CornerRadius::same(2), self.back);
        let signed = (ratio.ln() / ratio_scale.ln()).clamp(-1.0, 1.0);
        let end = track.center().x + 0.5 * track.width() * signed;
        let bar =
            Rect::from_x_y_ranges(track.center().x.min(end)..=track.center().x.max(end), track.y_range());
        self.painter.rect_filled(bar, CornerRadius::ZERO, colour);
        let line = Stroke::new(1.0, self.line);
        self.painter.vline(track.center().x, cell.y_range(), line);
        let text = if ratio < 99.5 { format!("×{ratio:.2}") } else { "×99+".to_owned() };
        let at = pos2(track.right() + 4.0, cell.center().y);
        self.painter.text(at, Align2::LEFT_CENTER, text, self.font.clone(), self.text);
    }
}
