//! The current image, as large as there is room, with its label and its guess.

use eframe::egui::{
    self, Align2, EventFilter, Image, Rect, RichText, Sense, Stroke, StrokeKind, TextureHandle, Ui, Vec2,
    vec2,
};

use crate::app::labelling::Sitting;
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::{bars, muted, percent, swatch};

/// Height of the lines below the image.
const CAPTION: f32 = 62.0;
const BARS: Vec2 = vec2(120.0, 40.0);

/// Returns whether the keyboard is at the image.
pub fn show(ui: &mut Ui, sitting: &mut Sitting) -> bool {
    let image = sitting.desk.current();
    let queue = sitting.desk.queue();
    let next = queue.get(sitting.desk.at() + 1).copied();
    let own = sitting.desk.own.clone();
    let large = sitting.pictures.large(ui.ctx(), &own, image, next);
    let (texture, lost) = match large {
        Some(Ok(texture)) => (texture, None),
        Some(Err(reason)) => (sitting.pictures.small(ui.ctx(), &own, image), Some(reason)),
        None => (sitting.pictures.small(ui.ctx(), &own, image), None),
    };
    let height = (ui.available_height() - CAPTION).max(40.0);
    let response = picture(ui, &texture, vec2(ui.available_width(), height));
    let label = sitting.desk.labels().of(image).map(|class| class as usize);
    let name = label.map_or("no label", |class| &sitting.desk.labels().classes()[class]);
    let said = format!("current image: {}, {name}", own.files[image]);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &said));
    ui.memory_mut(|memory| {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(response.id, filter);
    });
    if response.clicked() {
        response.request_focus();
    }
    let on_image = response.has_focus();
    caption(ui, sitting, image, lost);
    on_image
}

/// Draws a picture in the middle of an area.
fn picture(ui: &mut Ui, texture: &TextureHandle, area: Vec2) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(area, Sense::click());
    let size = texture.size_vec2();
    let scale = (rect.width() / size.x).min(rect.height() / size.y);
    let place = Align2::CENTER_CENTER.align_size_within_rect(size * scale, rect);
    Image::new(texture).paint_at(ui, place);
    if response.has_focus() {
        let stroke = Stroke::new(2.0, ui.visuals().selection.stroke.color);
        ui.painter().rect_stroke(place, 2.0, stroke, StrokeKind::Inside);
    }
    response
}

/// The image's file, its label, and what it is guessed to be.
fn caption(ui: &mut Ui, sitting: &Sitting, image: usize, lost: Option<String>) {
    let desk = &sitting.desk;
    let area = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), CAPTION));
    ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
        ui.horizontal(|ui| {
            if let Some(guesses) = desk.guesses() {
                bars(ui, "guess", guesses.of(image), guesses.classes(), BARS);
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.horizontal(|ui| {
                    match desk.labels().of(image) {
                        Some(class) => {
                            swatch(ui, class_colour(class as usize));
                            ui.strong(&desk.labels().classes()[class as usize]);
                            if desk.labels().held_out().contains(&image) {
                                muted(ui, "held out: measures accuracy");
                            }
                        }
                        None => drop(muted(ui, "no label")),
                    }
                    if let Some(guesses) = desk.guesses() {
                        let (class, p) = guesses.top(image);
                        let text = format!("guess: {} {}", guesses.class(class), percent(p));
                        ui.colored_label(Role::Anchor.colour(ui), text);
                    }
                });
                let place = format!("{} of {}: {}", desk.at() + 1, desk.queue().len(), desk.own.files[image]);
                ui.add(egui::Label::new(RichText::new(place).small()).truncate());
                match (&sitting.remark, lost) {
                    (Some(remark), _) => {
                        ui.label(RichText::new(format!("× {remark}")).small().color(Role::Differ.colour(ui)));
                    }
                    (None, Some(reason)) => {
                        let text = format!("× shown as it was read first: {reason}");
                        let text = RichText::new(text).small().color(Role::Differ.colour(ui));
                        ui.add(egui::Label::new(text).truncate());
                    }
                    (None, None) => {
                        let accept = if desk.guesses().is_some() { "Enter accepts the guess, " } else { "" };
                        let keys = format!(
                            "{accept}1-9, 0 label, Left and Right move, Space skips, Backspace takes back"
                        );
                        ui.add(
                            egui::Label::new(RichText::new(keys).small().color(Role::Muted.colour(ui)))
                                .truncate(),
                        );
                    }
                }
            });
        });
    });
}
