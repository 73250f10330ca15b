//! The image that was dropped on a trained run, in a window of its own: what the network sees of it, and the class
//! probabilities of each run.

use std::sync::Arc;

use eframe::egui::load::SizedTexture;
use eframe::egui::{self, Context, Image, ScrollArea, TextureHandle, TextureOptions, Ui, Vec2, vec2};

use super::run::Run;
use super::session::ClassifiedImage;
use super::textures::color_image;
use super::theme::class_colour;
use super::widgets::{muted, percent, share_bar, swatch, verdict};
use crate::data::counted;

/// Most classes that are listed, the most likely first.
const LISTED: usize = 10;
/// Height of the picture, in points.
const PICTURE: f32 = 96.0;
/// Size of a bar, in points.
const BAR: Vec2 = vec2(120.0, 10.0);

/// The window, which opens when an image has been classified.
#[derive(Default)]
pub struct ClassifiedWindow {
    shown: Option<(Arc<ClassifiedImage>, TextureHandle)>,
    open: bool,
}

impl ClassifiedWindow {
    /// Draws the window while it is open.
    pub fn show(&mut self, context: &Context, runs: &[Run]) {
        let Some(first) = runs.first().and_then(|run| run.state.classified.clone()) else {
            self.shown = None;
            return;
        };
        if !self.shown.as_ref().is_some_and(|(shown, _)| Arc::ptr_eq(shown, &first)) {
            let picture = color_image(&first.input, 0);
            let texture = context.load_texture("classified image", picture, TextureOptions::NEAREST);
            self.shown = Some((first, texture));
            self.open = true;
        }
        let Some((image, texture)) = &self.shown else { return };
        let window = egui::Window::new("Classified image").open(&mut self.open).resizable(false);
        window.default_pos(context.content_rect().center() - vec2(160.0, 160.0)).show(context, |ui| {
            ui.strong(image.path.file_name().unwrap_or_default().to_string_lossy());
            ui.add(Image::new(SizedTexture::new(texture.id(), Vec2::splat(PICTURE))));
            let [width, height] = [image.input.width, image.input.height];
            muted(ui, format!("as the network sees it: {width} × {height} pixels"));
            ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
                for run in runs {
                    if let Some(image) = &run.state.classified {
                        answer(ui, run, image);
                    }
                }
            });
        });
    }
}

/// What a run says of the image.
fn answer(ui: &mut Ui, run: &Run, image: &ClassifiedImage) {
    let classes = run.classes();
    ui.separator();
    let name = if run.name.is_empty() { String::new() } else { format!("{}: ", run.name) };
    ui.label(format!("{name}{}", verdict(&image.probabilities, classes)));
    muted(ui, format!("EMA weights after {}", counted(image.step as usize, "step", "steps")));
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by(|a, b| image.probabilities[*b].total_cmp(&image.probabilities[*a]));
    let rest = ui.visuals().extreme_bg_color;
    egui::Grid::new(("classified", &run.name)).num_columns(4).show(ui, |ui| {
        for class in order.into_iter().take(LISTED) {
            let (share, colour) = (image.probabilities[class], class_colour(class));
            swatch(ui, colour);
            ui.add(egui::Label::new(&classes[class]).truncate());
            share_bar(ui, &format!("{}: {}", classes[class], percent(share)), share, BAR, [colour, rest]);
            ui.label(percent(share));
            ui.end_row();
        }
    });
    if classes.len() > LISTED {
        muted(ui, format!("the {LISTED} most likely of {} classes", classes.len()));
    }
}
