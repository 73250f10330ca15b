//! The current image with its caption, the strip of images around it, and the keys that act on it.

use std::sync::Arc;

use eframe::egui::{
    self, Align2, Color32, EventFilter, Galley, Image, Key, Label, Modifiers, Rect, RichText, Sense, Stroke,
    StrokeKind, TextStyle, TextWrapMode, TextureHandle, Ui, Vec2, WidgetText, pos2, vec2,
};

use crate::app::labelling::OpenFolder;
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::{bars_in, muted, percent, swatch};

/// Height of the label, the file and the guess below the image; a line about keys or an error follows.
const CAPTION: f32 = 44.0;
const BARS: Vec2 = vec2(120.0, 40.0);
/// Side of an image in the strip.
const STRIP_SIDE: f32 = 52.0;
const STRIP_GAP: f32 = 4.0;
/// Height of the class name below an image of the strip.
const STRIP_NAME: f32 = 16.0;
/// Height of the strip.
pub const STRIP_HEIGHT: f32 = STRIP_SIDE + STRIP_NAME + 8.0;

/// What a key or a button does with the current image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Labels with a class that was clicked.
    Label(u32),
    /// Labels with the class of a key.
    Key(u32),
    Accept,
    Undo,
    /// Removes the label.
    Unlabel,
    Skip,
    Step(isize),
}

/// The keys of the first ten classes.
const CLASS_KEYS: [Key; 10] = [
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::Num5,
    Key::Num6,
    Key::Num7,
    Key::Num8,
    Key::Num9,
    Key::Num0,
];

/// Keys that always act on the current image.
const KEYS: [(Key, Action); 4] = [
    (Key::Backspace, Action::Undo),
    (Key::U, Action::Undo),
    (Key::Delete, Action::Unlabel),
    (Key::S, Action::Skip),
];

/// Keys that buttons use as well: they act on the current image unless another widget has the focus.
const SHARED_KEYS: [(Key, Action); 6] = [
    (Key::Enter, Action::Accept),
    (Key::Space, Action::Skip),
    (Key::ArrowLeft, Action::Step(-1)),
    (Key::ArrowRight, Action::Step(1)),
    (Key::Home, Action::Step(isize::MIN)),
    (Key::End, Action::Step(isize::MAX)),
];

/// The name of a class's key; `None` from the eleventh class on.
pub fn class_key(class: usize) -> Option<&'static str> {
    CLASS_KEYS.get(class).map(|key| key.symbol_or_name())
}

/// The action of the key pressed in this frame. `image_focused`: whether the current image has the focus.
pub fn pressed_action(ui: &Ui, image_focused: bool) -> Option<Action> {
    // Class names contain digits and letters too.
    if ui.ctx().text_edit_focused() {
        return None;
    }
    let free = image_focused || ui.memory(|memory| memory.focused().is_none());
    ui.input_mut(|input| {
        let mut is_pressed = |key: Key| input.consume_key(Modifiers::NONE, key);
        let class = CLASS_KEYS.iter().position(|key| is_pressed(*key));
        let action = class.map(|class| Action::Key(class as u32));
        let action = action.or_else(|| KEYS.iter().find(|(key, _)| is_pressed(*key)).map(|own| own.1));
        let shared = || SHARED_KEYS.iter().find(|(key, _)| free && is_pressed(*key)).map(|shared| shared.1);
        action.or_else(shared)
    })
}

/// Runs an action; [`OpenFolder::error`] says why it failed.
pub fn act(folder: &mut OpenFolder, action: Action) {
    let queue = &mut folder.queue;
    let result = match action {
        Action::Label(class) => queue.label(class),
        Action::Key(class) => queue.label_by_key(class),
        Action::Accept => queue.accept(),
        Action::Undo => queue.undo(),
        Action::Unlabel => queue.unlabel(),
        Action::Skip => {
            queue.skip();
            Ok(())
        }
        Action::Step(by) => {
            queue.step(by);
            Ok(())
        }
    };
    folder.error = result.err();
}

/// Draws the current image as large as possible, with its caption below. Returns whether it has the focus.
pub fn show(ui: &mut Ui, folder: &mut OpenFolder) -> bool {
    let image = folder.queue.current();
    let next = folder.queue.images().get(folder.queue.position() + 1).copied();
    let own = folder.queue.own.clone();
    let large = folder.textures.large(ui.ctx(), &own, image, next);
    let (texture, decode_error) = match large {
        Some(Ok(texture)) => (texture, None),
        Some(Err(reason)) => (folder.textures.small(ui.ctx(), &own, image), Some(reason)),
        None => (folder.textures.small(ui.ctx(), &own, image), None),
    };
    let line = caption_line(ui, folder, decode_error);
    let gaps = 3.0 * ui.spacing().item_spacing.y;
    let height = (ui.available_height() - CAPTION - line.size().y - gaps).max(40.0);
    let response = paint_centred(ui, &texture, vec2(ui.available_width(), height));
    let label = folder.queue.labels().of(image).map(|class| class as usize);
    let name = label.map_or("no label", |class| &folder.queue.labels().classes()[class]);
    let text = format!("current image: {}, {name}", own.files[image]);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &text));
    ui.memory_mut(|memory| {
        let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        memory.set_focus_lock_filter(response.id, filter);
    });
    if response.clicked() {
        response.request_focus();
    }
    let focused = response.has_focus();
    if caption(ui, folder, image) {
        act(folder, Action::Unlabel);
    }
    ui.label(line);
    focused
}

/// Draws a texture in the centre of an area.
fn paint_centred(ui: &mut Ui, texture: &TextureHandle, area: Vec2) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(area, Sense::click());
    let size = texture.size_vec2();
    let scale = (rect.width() / size.x).min(rect.height() / size.y);
    let centred = Align2::CENTER_CENTER.align_size_within_rect(size * scale, rect);
    Image::new(texture).paint_at(ui, centred);
    if response.has_focus() {
        let stroke = Stroke::new(2.0, ui.visuals().selection.stroke.color);
        ui.painter().rect_stroke(centred, 2.0, stroke, StrokeKind::Inside);
    }
    response
}

/// An error or the keys, in as many lines as it takes.
fn caption_line(ui: &Ui, folder: &OpenFolder, decode_error: Option<String>) -> Arc<Galley> {
    let (text, role) = match (&folder.error, decode_error) {
        (Some(error), _) => (format!("× {error}"), Role::Differ),
        (None, Some(reason)) => (format!("× shown at the network's resolution: {reason}"), Role::Differ),
        (None, None) => {
            let accept = if folder.queue.guesses().is_some() { "Enter accepts the guess, " } else { "" };
            let keys = "1-9 and 0 label, Left and Right move, Space skips, Backspace undoes, Delete removes the label";
            (format!("{accept}{keys}"), Role::Muted)
        }
    };
    let text = WidgetText::from(RichText::new(text).small().color(role.colour(ui)));
    text.into_galley(ui, Some(TextWrapMode::Wrap), ui.available_width(), TextStyle::Small)
}

/// The label of the image, its guess and its file. Returns whether the label is to be removed.
fn caption(ui: &mut Ui, folder: &OpenFolder, image: usize) -> bool {
    let queue = &folder.queue;
    let area = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), CAPTION));
    let mut remove = false;
    ui.scope_builder(egui::UiBuilder::new().max_rect(area), |ui| {
        ui.horizontal(|ui| {
            if let Some(guesses) = queue.guesses() {
                let classes = guesses.classes();
                let colour = |class: usize| {
                    queue
                        .labels()
                        .class(&classes[class])
                        .map_or(Color32::GRAY, |class| class_colour(class as usize))
                };
                bars_in(ui, "guess", &guesses.of(image), classes, BARS, colour);
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.horizontal(|ui| {
                    match queue.labels().of(image) {
                        Some(class) => {
                            swatch(ui, class_colour(class as usize));
                            ui.strong(&queue.labels().classes()[class as usize]);
                            let button = ui.small_button("×").on_hover_text("Remove the label (Delete)");
                            button.widget_info(|| {
                                egui::WidgetInfo::labeled(egui::Role::Button, true, "remove the label")
                            });
                            remove = button.clicked();
                            if queue.own.held_out(queue.labels()).contains(&image) {
                                muted(ui, "held out to measure accuracy");
                            }
                        }
                        None => drop(muted(ui, "no label")),
                    }
                    if let Some(guesses) = queue.guesses() {
                        let (class, p) = guesses.top(image);
                        let text = format!("guess: {} {}", guesses.classes()[class], percent(p));
                        ui.colored_label(Role::Anchor.colour(ui), text);
                    }
                });
                let (number, count) = (queue.position() + 1, queue.images().len());
                let file = format!("{number} of {count}: {}", queue.own.files[image]);
                ui.add(Label::new(RichText::new(file).small()).truncate());
            });
        });
    });
    remove
}

/// Draws the images around the current one; a click makes an image the current one.
pub fn show_strip(ui: &mut Ui, folder: &mut OpenFolder) {
    let fit = (ui.available_width() / (STRIP_SIDE + STRIP_GAP)).floor().max(1.0) as usize;
    let current = folder.queue.position();
    let count = folder.queue.images().len();
    let first = current.saturating_sub(fit / 2).min(count.saturating_sub(fit));
    let positions = first..count.min(first + fit);
    ui.add_space(4.0);
    let mut clicked = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = STRIP_GAP;
        ui.add_space(STRIP_GAP);
        for position in positions {
            if strip_image(ui, folder, position) {
                clicked = Some(position);
            }
        }
    });
    if let Some(position) = clicked {
        folder.queue.step(position as isize - current as isize);
    }
}

/// One image of the strip; returns whether it was clicked.
fn strip_image(ui: &mut Ui, folder: &mut OpenFolder, position: usize) -> bool {
    let image = folder.queue.images()[position];
    let own = folder.queue.own.clone();
    let texture = folder.textures.small(ui.ctx(), &own, image);
    let queue = &folder.queue;
    let class = queue.labels().of(image).map(|class| class as usize);
    let name = class.map_or("", |class| queue.labels().classes()[class].as_str());
    let (rect, response) = ui.allocate_exact_size(vec2(STRIP_SIDE, STRIP_SIDE + STRIP_NAME), Sense::click());
    let current = position == queue.position();
    let text = format!("{}: {}", own.files[image], if name.is_empty() { "no label" } else { name });
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, current, &text));
    let square = Rect::from_min_size(rect.min, vec2(STRIP_SIDE, STRIP_SIDE));
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
    let shown = if name.is_empty() && current { "▲" } else { name };
    let galley = WidgetText::from(RichText::new(shown).size(11.5).color(colour));
    let galley = galley.into_galley(ui, Some(TextWrapMode::Truncate), STRIP_SIDE, TextStyle::Small);
    let centred = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), below);
    ui.painter().galley(centred.min, galley, colour);
    response.on_hover_text(text).clicked()
}
