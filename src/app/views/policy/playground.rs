//! The playground: all operations at a level the user sets, applied by the training shader.

use std::sync::{Arc, Weak};

use eframe::egui::{self, DragValue, Image, RichText, Slider, Stroke, StrokeKind, Ui, Vec2, vec2};
use futures_channel::oneshot;

use super::op_sheet::{OpSheet, effect_text, filter_name};
use crate::app::platform;
use crate::app::textures::NativeTexture;
use crate::app::theme::Role;
use crate::app::views::view::ViewContext;
use crate::app::widgets::{muted, nothing_yet};
use crate::augment::{OPERATIONS, OpOptions, Operation, OperationKind, PolicyScale};
use crate::data::DataSet;
use crate::gpu::GpuError;

/// Height of the name and the effect below a picture.
const CAPTION: f32 = 36.0;
const GAP: f32 = 6.0;
/// Limits of a picture's height.
const SIDES: std::ops::RangeInclusive<f32> = 44.0..=220.0;

/// The sheet, which is compiled in the background.
#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Compiling(oneshot::Receiver<Result<OpSheet, GpuError>>),
    Ready(Box<OpSheet>, NativeTexture),
    Failed(String),
}

/// The state of the sheet: image, v, v2.
type Shown = (usize, f32, f32);

/// The controls and the sheet of the playground.
pub struct Playground {
    /// Level of all operations, 0 to 1.
    pub v: f32,
    /// Second parameter of rescale, 0 to 1.
    pub v2: f32,
    image: usize,
    /// Whether to show the first followed image instead of `image`.
    followed: bool,
    slot: Slot,
    /// Data set and options of the sheet in the slot.
    compiled_for: (Weak<DataSet>, OpOptions),
    shown: Option<Shown>,
}

impl Default for Playground {
    fn default() -> Self {
        Self {
            v: 0.8,
            v2: 0.0,
            image: 0,
            followed: false,
            slot: Slot::Empty,
            compiled_for: (Weak::new(), OpOptions::default()),
            shown: None,
        }
    }
}

impl Playground {
    /// Draws the playground. `marked` is the operation of the selected bin.
    pub fn show(&mut self, ui: &mut Ui, context: &ViewContext<'_>, marked: Option<OperationKind>) {
        let Some(data) = context.data.filter(|data| !data.train.is_empty()) else {
            nothing_yet(ui, "Open a data set to apply operations to its images.");
            return;
        };
        ui.label(RichText::new("Playground: the effect of each operation").strong());
        let image = self.controls(ui, data, context.pinned.first().copied());
        self.prepare(ui, context, data);
        match &self.slot {
            Slot::Empty | Slot::Compiling(_) => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    muted(ui, "compiling the shader");
                });
            }
            Slot::Failed(reason) => {
                ui.label(RichText::new(reason).color(Role::Differ.colour(ui)));
            }
            Slot::Ready(sheet, texture) => {
                let target = (image, self.v, self.v2);
                if self.shown.is_none_or(|shown| shown.0 != image) {
                    sheet.set_image(context.gpu, &data.train, image);
                }
                if self.shown != Some(target) {
                    sheet.apply(context.gpu, self.v, self.v2);
                    self.shown = Some(target);
                }
                if sheet.options.scale == PolicyScale::Literal {
                    muted(
                        ui,
                        "As in this run, rescale and translate move by fractions of a pixel (literal scale).",
                    );
                }
                tiles(ui, sheet, texture, [self.v, self.v2], marked);
            }
        }
    }

    /// Draws the controls; returns the image to show.
    fn controls(&mut self, ui: &mut Ui, data: &DataSet, pinned: Option<usize>) -> usize {
        let last = data.train.len() - 1;
        self.image = self.image.min(last);
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Training image");
            let number = DragValue::new(&mut self.image).range(0..=last);
            ui.add_enabled(!(self.followed && pinned.is_some()), number)
                .labelled_by(label.id)
                .on_hover_text(format!("Index of the image, 0 to {last}: drag, or click and type"));
            ui.add_enabled(pinned.is_some(), egui::Checkbox::new(&mut self.followed, "the followed image"))
                .on_hover_text("The most recently followed image")
                .on_disabled_hover_text("Click an image in Anchors to follow it");
        });
        ui.add(Slider::new(&mut self.v, 0.0..=1.0).fixed_decimals(2).text("level v"))
            .on_hover_text("The level of all operations; its effect is below each picture");
        let text = format!("v2, rescale's filter: {}", filter_name(self.v2));
        ui.add(Slider::new(&mut self.v2, 0.0..=1.0).fixed_decimals(2).text(text))
            .on_hover_text("The second parameter of rescale: one of six resampling filters");
        pinned.filter(|_| self.followed).unwrap_or(self.image).min(last)
    }

    /// Compiles the sheet for the data set and the options of the run, if they changed, and receives it.
    fn prepare(&mut self, ui: &Ui, context: &ViewContext<'_>, data: &Arc<DataSet>) {
        let options = options(context);
        let key = (Arc::downgrade(data), options);
        if !self.compiled_for.0.ptr_eq(&key.0) || self.compiled_for.1 != options {
            let (sender, receiver) = oneshot::channel();
            let (gpu, window) = (Arc::clone(context.gpu), ui.ctx().clone());
            let size = [data.train.height, data.train.width];
            platform::offload(move || {
                // The receiver is gone if another sheet was requested meanwhile.
                let _ = sender.send(OpSheet::new(&gpu, size, options));
                window.request_repaint();
            });
            self.slot = Slot::Compiling(receiver);
            self.compiled_for = key;
            self.shown = None;
        }
        if let Slot::Compiling(receiver) = &mut self.slot {
            self.slot = match receiver.try_recv() {
                Ok(None) => return,
                Ok(Some(Ok(sheet))) => {
                    let texture = NativeTexture::register(context.render, &sheet.pictures.texture);
                    Slot::Ready(Box::new(sheet), texture)
                }
                Ok(Some(Err(error))) => Slot::Failed(error.to_string()),
                Err(oneshot::Canceled) => Slot::Failed("compiling the operations panicked".into()),
            };
        }
    }
}

/// The operation options of the first run; the defaults without a run.
fn options(context: &ViewContext<'_>) -> OpOptions {
    context.runs.first().map_or(OpOptions::default(), |run| {
        let config = &run.session.config;
        config.method.policy.start().options(config.augment.scale, config.augment.sampling)
    })
}

/// The number of columns and the height of a picture that fit all pictures into `room`, if possible. `aspect` is
/// width over height.
fn arrangement(room: Vec2, aspect: f32) -> (usize, f32) {
    let fitting = |columns: usize| {
        let rows = OPERATIONS.len().div_ceil(columns) as f32;
        let by_width = ((room.x + GAP) / columns as f32 - GAP) / aspect;
        let by_height = (room.y + GAP) / rows - GAP - CAPTION;
        (columns, by_width.min(by_height))
    };
    let narrowest = |columns: &usize| ((room.x + GAP) / *columns as f32 - GAP) >= 84.0;
    let best = (1..=OPERATIONS.len())
        .filter(narrowest)
        .map(fitting)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((1, *SIDES.start()));
    (best.0, best.1.clamp(*SIDES.start(), *SIDES.end()))
}

fn tiles(
    ui: &mut Ui,
    sheet: &OpSheet,
    texture: &NativeTexture,
    level: [f32; 2],
    marked: Option<OperationKind>,
) {
    let [height, width] = sheet.size;
    let aspect = width as f32 / height as f32;
    let room = vec2(ui.available_width(), ui.available_height());
    let (columns, side) = arrangement(room, aspect);
    let size = vec2(side * aspect, side);
    let cell = vec2(((room.x + GAP) / columns as f32 - GAP).min(size.x.max(96.0)), side + CAPTION);
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    for row in OPERATIONS.chunks(columns) {
        ui.horizontal(|ui| {
            for operation in row {
                ui.allocate_ui(cell, |ui| {
                    ui.vertical(|ui| {
                        ui.set_min_size(cell);
                        ui.spacing_mut().item_spacing.y = 1.0;
                        let image = texture.tile(&sheet.pictures, operation.kind.id() as usize, size);
                        picture(ui, sheet, operation, level, image, marked == Some(operation.kind));
                    });
                });
            }
        });
    }
}

fn picture(
    ui: &mut Ui,
    sheet: &OpSheet,
    operation: &Operation,
    [v, v2]: [f32; 2],
    image: Image<'static>,
    marked: bool,
) {
    let amount = effect_text(operation.kind, v, sheet.size, sheet.options);
    let second = if operation.bins.len() > 1 { format!(", {}", filter_name(v2)) } else { String::new() };
    let name = operation.name;
    let described = format!("{name} at v = {v:.2}: {amount}{second}\n{}", operation.description);
    let response = ui.add(image.alt_text(format!("{name}: {amount}{second}"))).on_hover_text(described);
    if marked {
        let stroke = Stroke::new(2.0, Role::Anchor.colour(ui));
        ui.painter().rect_stroke(response.rect.expand(1.0), 1.0, stroke, StrokeKind::Outside);
    }
    let text = RichText::new(if marked { format!("▸ {name}") } else { name.to_owned() }).small();
    ui.add(egui::Label::new(if marked { text.strong() } else { text }).truncate());
    ui.add(egui::Label::new(RichText::new(amount).small().color(Role::Muted.colour(ui))).truncate());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_fit_the_room_down_to_a_minimum() {
        for (room, aspect) in
            [(vec2(460.0, 380.0), 1.0), (vec2(1_800.0, 900.0), 1.0), (vec2(900.0, 500.0), 2.0)]
        {
            let (columns, side) = arrangement(room, aspect);
            let rows = OPERATIONS.len().div_ceil(columns) as f32;
            assert!(columns as f32 * (side * aspect + GAP) <= room.x + GAP + 0.1, "{room}: {columns} {side}");
            assert!(rows * (side + CAPTION + GAP) <= room.y + GAP + 0.1, "{room}: {columns} {side}");
            assert!(side > *SIDES.start(), "{room}: {columns} {side}");
        }
        assert_eq!(arrangement(vec2(60.0, 60.0), 1.0).1, *SIDES.start());
    }
}
