//! The images around the current one, in a strip.

use eframe::egui::{
    self, Align2, Image, Rect, RichText, Sense, Stroke, StrokeKind, TextStyle, TextWrapMode, Ui, WidgetText,
    pos2, vec2,
};

use crate::app::labelling::Sitting;
use crate::app::theme::{Role, class_colour};

/// Side of an image of the strip.
const SIDE: f32 = 52.0;
const GAP: f32 = 4.0;
/// Height of the name below it.
const NAME: f32 = 16.0;
/// Height of the strip.
pub const HEIGHT: f32 = SIDE + NAME + 8.0;

pub fn show(ui: &mut Ui, sitting: &mut Sitting) {
    let fit = (ui.available_width() / (SIDE + GAP)).floor().max(1.0) as usize;
    let at = sitting.desk.at();
    let count = sitting.desk.queue().len();
    let first = at.saturating_sub(fit / 2).min(count.saturating_sub(fit));
    let shown = first..count.min(first + fit);
    ui.add_space(4.0);
    let mut chosen = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        ui.add_space(GAP);
        for place in shown {
            if tile(ui, sitting, place) {
                chosen = Some(place);
            }
        }
    });
    if let Some(place) = chosen {
        sitting.desk.step(place as isize - at as isize);
    }
}

/// One image; returns whether it was clicked.
fn tile(ui: &mut Ui, sitting: &mut Sitting, place: usize) -> bool {
    let image = sitting.desk.queue()[place];
    let own = sitting.desk.own.clone();
    let texture = sitting.pictures.small(ui.ctx(), &own, image);
    let desk = &sitting.desk;
    let class = desk.labels().of(image).map(|class| class as usize);
    let name = class.map_or("", |class| desk.labels().classes()[class].as_str());
    let (rect, response) = ui.allocate_exact_size(vec2(SIDE, SIDE + NAME), Sense::click());
    let current = place == desk.at();
    let said = if name.is_empty() { "no label" } else { name };
    let said = format!("{}: {said}", own.files[image]);
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, current, &said));
    let square = Rect::from_min_size(rect.min, vec2(SIDE, SIDE));
    Image::new(&texture).paint_at(ui, square.shrink(2.0));
    let frame = match class {
        Some(class) => Some(Stroke::new(2.0, class_colour(class))),
        None => response.has_focus().then(|| ui.visuals().selection.stroke),
    };
    let painter = ui.painter();
    if let Some(stroke) = frame {
        painter.rect_stroke(square, 2.0, stroke, StrokeKind::Inside);
    }
    if current {
        let stroke = Stroke::new(3.0, Role::Anchor.colour(ui));
        painter.rect_stroke(square, 2.0, stroke, StrokeKind::Outside);
    }
    let below = Rect::from_min_max(pos2(rect.left(), square.bottom()), rect.max);
    let colour = if current { Role::Anchor.colour(ui) } else { ui.visuals().text_color() };
    let text = if name.is_empty() && current { "▲" } else { name };
    let text = WidgetText::from(RichText::new(text).size(11.5).color(colour));
    let text = text.into_galley(ui, Some(TextWrapMode::Truncate), SIDE, TextStyle::Small);
    let place = Align2::CENTER_CENTER.align_size_within_rect(text.size(), below);
    ui.painter().galley(place.min, text, colour);
    response.on_hover_text(said).clicked()
}
