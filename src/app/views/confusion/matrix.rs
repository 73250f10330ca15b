//! The confusion matrix as one widget: cells are selected by a click or with the arrow keys.

use eframe::egui::{
    Align2, Color32, EventFilter, FontId, Galley, Key, Rect, Response, Role as AccessRole, Sense, Stroke,
    StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, epaint::TextShape, pos2, vec2,
};
use std::f32::consts::FRAC_PI_2;
use std::sync::Arc;

use super::counts::{Cell, Counts};
use crate::app::theme::Role;
use crate::app::widgets::percent;
use crate::data::counted;

/// Limits of a cell's side. At the minimum its class name still fits in small letters.
const MIN_CELL: f32 = 12.0;
const MAX_CELL: f32 = 44.0;
/// Minimum font size of a count; smaller cells show it in a tooltip only.
const MIN_FONT: f32 = 8.5;
/// Width of a digit over the font size.
const DIGIT_WIDTH: f32 = 0.56;
/// Maximum number of letters of a class name.
const MAX_LETTERS: usize = 14;

/// Draws the matrix into an area of size `room`, or larger if the minimum cell size requires it. Returns the cell
/// selected in this frame.
pub fn show(
    ui: &mut Ui,
    counts: &Counts,
    names: &[String],
    selected: Option<Cell>,
    room: Vec2,
) -> Option<Cell> {
    let layout = Layout::new(ui, counts, names, room);
    let (whole, _) = ui.allocate_exact_size(layout.size(), Sense::hover());
    let cells = Rect::from_min_size(whole.min + vec2(layout.left, layout.top), Vec2::splat(layout.side()));
    let response = ui.interact(cells, ui.scope_id().with("matrix"), Sense::click());
    response.widget_info(|| {
        let cell = selected.map_or("no cell is selected".to_owned(), |cell| cell_text(counts, names, cell));
        WidgetInfo::labeled(AccessRole::Button, true, format!("Confusion matrix: {cell}"))
    });
    let under = |at: Option<eframe::egui::Pos2>| at.and_then(|at| layout.cell_at(at - cells.min));
    layout.paint(ui, counts, cells);
    if let Some(cell) = selected {
        let stroke = Stroke::new(2.5, ui.visuals().strong_text_color());
        ui.painter().rect_stroke(layout.rect(cells, cell), 0.0, stroke, StrokeKind::Inside);
    }
    if response.has_focus() {
        ui.painter().rect_stroke(cells, 0.0, ui.visuals().selection.stroke, StrokeKind::Outside);
    }
    let mut new = None;
    if response.clicked() {
        new = under(response.interact_pointer_pos()).or_else(|| counts.mistakes(1).first().copied());
    }
    if let Some(cell) = move_by_keys(ui, &response, selected, counts.classes) {
        ui.scroll_to_rect(layout.rect(cells, cell).expand(layout.cell), None);
        new = Some(cell);
    }
    if let Some(cell) = under(response.hover_pos()) {
        response.on_hover_text_at_pointer(cell_text(counts, names, cell));
    }
    new
}

/// Describes a cell with its counts.
pub fn cell_text(counts: &Counts, names: &[String], cell: Cell) -> String {
    let name = |class: usize| names.get(class).map_or("?", String::as_str);
    let what = match cell.actual == cell.predicted {
        true => format!("{} classified correctly", name(cell.actual)),
        false => format!("{} classified as {}", name(cell.actual), name(cell.predicted)),
    };
    let (images, all) = (counts.at(cell), counts.of_class(cell.actual));
    format!(
        "{what}: {images} of {}, {}",
        counted(all as usize, "image", "images"),
        percent(counts.share(cell))
    )
}

/// The cell that the arrow keys move to while the matrix has the focus.
fn move_by_keys(ui: &Ui, response: &Response, selected: Option<Cell>, classes: usize) -> Option<Cell> {
    if !response.has_focus() {
        return None;
    }
    let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    let presses = |key| ui.input(|input| input.num_presses(key)) as isize;
    let across = presses(Key::ArrowRight) - presses(Key::ArrowLeft);
    let down = presses(Key::ArrowDown) - presses(Key::ArrowUp);
    if across == 0 && down == 0 {
        return None;
    }
    let Some(cell) = selected else { return Some(Cell { actual: 0, predicted: 0 }) };
    let step = |at: usize, by: isize| at.saturating_add_signed(by).min(classes.saturating_sub(1));
    Some(Cell { actual: step(cell.actual, down), predicted: step(cell.predicted, across) })
}

/// Sizes of the names and the cells.
struct Layout {
    classes: usize,
    cell: f32,
    left: f32,
    top: f32,
    right: f32,
    names: Vec<Arc<Galley>>,
    /// Whether the names above are rotated, because they are wider than the cells.
    rotated: bool,
}

impl Layout {
    fn new(ui: &Ui, counts: &Counts, names: &[String], room: Vec2) -> Self {
        let classes = counts.classes;
        let right = 46.0;
        let small = TextStyle::Small.resolve(ui.style()).size;
        let lay_out = |size: f32| -> Vec<Arc<Galley>> {
            let name = |name: &String| name.chars().take(MAX_LETTERS).collect::<String>();
            let colour = ui.visuals().text_color();
            let galley = |text| ui.painter().layout_no_wrap(text, FontId::proportional(size), colour);
            names.iter().map(|text| galley(name(text))).collect()
        };
        let widest = |galleys: &[Arc<Galley>]| galleys.iter().map(|g| g.size().x).fold(0.0, f32::max);
        let mut galleys = lay_out(small);
        let mut width = widest(&galleys);
        let n = classes.max(1) as f32;
        let free = vec2(room.x - width - 8.0 - right, room.y - width - 8.0);
        let cell = (free.min_elem() / n).clamp(MIN_CELL, MAX_CELL).floor();
        if cell < small + 2.0 {
            galleys = lay_out(cell - 2.0);
            width = widest(&galleys);
        }
        let rotated = width > cell - 4.0;
        let top = if rotated { width } else { small } + 8.0;
        Self { classes, cell, left: width + 8.0, top, right, names: galleys, rotated }
    }

    fn side(&self) -> f32 {
        self.cell * self.classes as f32
    }

    fn size(&self) -> Vec2 {
        vec2(self.left + self.side() + self.right, self.top + self.side())
    }

    fn rect(&self, cells: Rect, cell: Cell) -> Rect {
        let at = vec2(cell.predicted as f32, cell.actual as f32) * self.cell;
        Rect::from_min_size(cells.min + at, Vec2::splat(self.cell))
    }

    /// The cell at an offset from the top left corner.
    fn cell_at(&self, offset: Vec2) -> Option<Cell> {
        let index = |at: f32| (at >= 0.0 && at < self.side()).then_some((at / self.cell) as usize);
        Some(Cell { actual: index(offset.y)?, predicted: index(offset.x)? })
    }

    /// Paints the visible cells only: there may be ten thousand.
    fn paint(&self, ui: &Ui, counts: &Counts, cells: Rect) {
        let sight = ui.clip_rect();
        let range = |from: f32, low: f32, high: f32| {
            let index = |at: f32| ((at - from) / self.cell).max(0.0) as usize;
            index(low).min(self.classes)..(index(high) + 1).min(self.classes)
        };
        let columns = range(cells.left(), sight.left(), sight.right());
        let rows = range(cells.top(), sight.top(), sight.bottom());
        columns.clone().for_each(|class| self.paint_name_above(ui, cells, class));
        for actual in rows {
            self.paint_name_beside(ui, counts, cells, actual);
            for predicted in columns.clone() {
                self.paint_cell(ui, counts, cells, Cell { actual, predicted });
            }
        }
    }

    fn paint_name_above(&self, ui: &Ui, cells: Rect, class: usize) {
        let Some(galley) = self.names.get(class) else { return };
        let middle = cells.left() + (class as f32 + 0.5) * self.cell;
        let colour = ui.visuals().text_color();
        let bottom = cells.top() - 4.0;
        if self.rotated {
            let at = pos2(middle - galley.size().y / 2.0, bottom);
            ui.painter().add(TextShape::new(at, Arc::clone(galley), colour).with_angle(-FRAC_PI_2));
        } else {
            let at = pos2(middle - galley.size().x / 2.0, bottom - galley.size().y);
            ui.painter().galley(at, Arc::clone(galley), colour);
        }
    }

    /// The class name left of its row, and its accuracy right of it.
    fn paint_name_beside(&self, ui: &Ui, counts: &Counts, cells: Rect, class: usize) {
        let middle = cells.top() + (class as f32 + 0.5) * self.cell;
        let colour = ui.visuals().text_color();
        if let Some(galley) = self.names.get(class) {
            let at = pos2(cells.left() - 4.0 - galley.size().x, middle - galley.size().y / 2.0);
            ui.painter().galley(at, Arc::clone(galley), colour);
        }
        let right = Cell { actual: class, predicted: class };
        let text = if counts.of_class(class) == 0 { "-".into() } else { percent(counts.share(right)) };
        let font = FontId::proportional(self.font_size());
        ui.painter().text(pos2(cells.right() + 6.0, middle), Align2::LEFT_CENTER, text, font, colour);
    }

    fn paint_cell(&self, ui: &Ui, counts: &Counts, cells: Rect, cell: Cell) {
        let rect = self.rect(cells, cell);
        let role = if cell.actual == cell.predicted { Role::Agree } else { Role::Differ };
        let ground = ui.visuals().extreme_bg_color;
        let count = counts.at(cell);
        let fill = match count {
            0 => ground,
            _ => ground.lerp_to_gamma(role.colour(ui), 0.08 + 0.92 * counts.share(cell)),
        };
        let gap = if self.cell < 20.0 { 0.25 } else { 0.75 };
        ui.painter().rect_filled(rect.shrink(gap), 0.0, fill);
        if cell.actual == cell.predicted {
            let stroke = Stroke::new(1.0, role.colour(ui));
            ui.painter().rect_stroke(rect.shrink(gap), 0.0, stroke, StrokeKind::Inside);
        }
        let size = self.font_size().min((self.cell - 3.0) / (DIGIT_WIDTH * digits(count)));
        if count > 0 && size >= MIN_FONT {
            let font = FontId::proportional(size);
            let ink = if fill.intensity() > 0.45 { Color32::BLACK } else { Color32::WHITE };
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, count.to_string(), font, ink);
        }
    }

    fn font_size(&self) -> f32 {
        (self.cell - 2.0).min(13.0)
    }
}

/// Number of digits.
fn digits(count: u32) -> f32 {
    (count.max(1).ilog10() + 1) as f32
}

#[cfg(test)]
mod tests {
    use eframe::egui::ScrollArea;
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    fn layout(classes: usize, cell: f32) -> Layout {
        Layout { classes, cell, left: 0.0, top: 0.0, right: 0.0, names: Vec::new(), rotated: false }
    }

    #[test]
    fn cell_at_inverts_cell_rect() {
        let layout = layout(5, 20.0);
        let cells = Rect::from_min_size(pos2(30.0, 40.0), Vec2::splat(layout.side()));
        for (actual, predicted) in [(0, 0), (4, 1), (2, 3)] {
            let cell = Cell { actual, predicted };
            assert_eq!(layout.cell_at(layout.rect(cells, cell).center() - cells.min), Some(cell));
        }
        assert_eq!(layout.cell_at(vec2(100.0, 1.0)), None);
        assert_eq!(layout.cell_at(vec2(1.0, -0.5)), None);
    }

    /// A window of 700 x 500 points with a matrix.
    fn matrix(classes: usize) -> Harness<'static, Option<Cell>> {
        let labels: Vec<u32> = (0..classes as u32).collect();
        let confused = |row: usize, class: usize| if class == (row + 1) % classes { 0.9 } else { 0.1 };
        let probabilities: Vec<f32> =
            (0..classes * classes).map(|i| confused(i / classes, i % classes)).collect();
        let counts = Counts::new(&probabilities, &labels, classes);
        let names: Vec<String> = (0..classes).map(|class| format!("a class named {class}")).collect();
        let draw = move |ui: &mut Ui, selected: &mut Option<Cell>| {
            let room = ui.available_size();
            ScrollArea::both().show(ui, |ui| {
                *selected = show(ui, &counts, &names, *selected, room).or(*selected);
            });
        };
        Harness::builder().with_size(vec2(700.0, 500.0)).build_ui_state(draw, None)
    }

    #[test]
    fn cells_are_clicked_and_reached_by_keys() {
        for (classes, side) in [(2, MAX_CELL), (10, 41.0), (100, MIN_CELL)] {
            let mut harness = matrix(classes);
            harness.run_steps(3);
            let cells = harness.get_by_label_contains("Confusion matrix").rect();
            assert!(cells.width() / classes as f32 >= MIN_CELL);
            assert!((cells.width() / classes as f32 - side).abs() <= 4.0, "{cells:?} of {classes} classes");
            let at = cells.min + vec2(1.5, 0.5) * cells.width() / classes as f32;
            harness.drag_at(at);
            harness.step();
            harness.drop_at(at);
            harness.run_steps(3);
            assert_eq!(*harness.state(), Some(Cell { actual: 0, predicted: 1 }));
            harness.get_by_label_contains("a class named 0 classified as a class named 1: 1 of 1").focus();
            harness.run_steps(2);
            for _ in 0..classes + 5 {
                harness.key_press(Key::ArrowDown);
                harness.step();
            }
            harness.key_press(Key::ArrowLeft);
            harness.run_steps(8);
            let last = classes - 1;
            assert_eq!(*harness.state(), Some(Cell { actual: last, predicted: 0 }));
            // The last row was scrolled into view.
            let cells = harness.get_by_label_contains("Confusion matrix").rect();
            assert!(cells.bottom() <= 500.0, "{cells:?} of {classes} classes");
        }
    }

    #[test]
    fn cell_text_names_classes_and_counts() {
        let counts = Counts::new(&[0.9, 0.1, 0.8, 0.2, 0.3, 0.7], &[0, 1, 1], 2);
        let names: Vec<String> = ["cat", "dog"].map(Into::into).into();
        let text = |actual, predicted| cell_text(&counts, &names, Cell { actual, predicted });
        assert_eq!(text(0, 0), "cat classified correctly: 1 of 1 image, 100 %");
        assert_eq!(text(1, 0), "dog classified as cat: 1 of 2 images, 50 %");
    }
}
