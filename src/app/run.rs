//! A run as the views see it: its session, what it published last, and its pictures as textures.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::{self, Color32, ColorImage, Context, Image, TextureHandle, TextureOptions, Vec2};
use eframe::egui_wgpu::RenderState;

use super::session::{Phase, PlanFacts, Session, State};
use super::texture::NativeTexture;
use crate::data::{DataSet, Images};

/// Thumbnails of a data set kept as textures.
const THUMBNAILS: usize = 2_048;

/// Which images of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Train,
    Test,
}

/// One of the runs that are shown, side by side if there are two.
pub struct Run {
    /// What it is, where two are compared.
    pub name: String,
    pub session: Session,
    /// As of this frame.
    pub state: State,
    pub thumbnails: Thumbnails,
    sheets: Option<Sheets>,
    /// Step and second at which it began to run, after shaders were compiled.
    began: Option<(u64, f64)>,
}

struct Sheets {
    plan: Arc<PlanFacts>,
    textures: [NativeTexture; 2],
}

impl Run {
    pub fn new(name: String, session: Session) -> Self {
        let thumbnails = Thumbnails::new(Arc::clone(&session.data));
        Self { name, state: session.state(), session, thumbnails, sheets: None, began: None }
    }

    /// Takes what was published since the last frame.
    pub fn refresh(&mut self, render: &RenderState) {
        self.state = self.session.state();
        match (&self.state.phase, self.state.progress) {
            (Phase::Running, Some(now)) => {
                self.began.get_or_insert((now.step, now.seconds));
            }
            _ => self.began = None,
        }
        if let (Some(plan), None) = (&self.state.plan, &self.sheets) {
            self.sheets = Some(Sheets::register(render, Arc::clone(plan)));
        }
    }

    /// Steps a second over the last reports or so.
    pub fn rate(&self) -> f64 {
        let Some(progress) = self.state.progress else { return 0.0 };
        let (step, seconds) = self.began.unwrap_or((progress.step, progress.seconds));
        let passed = progress.seconds - seconds;
        if passed > 0.0 { (progress.step - step) as f64 / passed } else { 0.0 }
    }

    /// Images that pass through the network in one step, with gradient.
    pub fn images_a_step(&self) -> usize {
        self.state.plan.as_ref().map_or(0, |plan| plan.shape.passes() * plan.shape.batch)
    }

    pub fn classes(&self) -> &[String] {
        &self.session.data.classes
    }

    pub fn class_name(&self, class: Option<u32>) -> &str {
        class.and_then(|c| self.classes().get(c as usize)).map_or("not known", String::as_str)
    }

    /// A tile of the sheet that belongs to the observation, `side` points high.
    pub fn tile(&self, tile: usize, side: f32) -> Option<Image<'static>> {
        let sheets = self.sheets.as_ref()?;
        let pictures = &sheets.plan.sheets[self.state.sheet];
        let network = &sheets.plan.network;
        let size = Vec2::new(side * network.width as f32 / network.height as f32, side);
        Some(sheets.textures[self.state.sheet].tile(pictures, tile, size))
    }
}

impl Sheets {
    fn register(render: &RenderState, plan: Arc<PlanFacts>) -> Self {
        let textures = [0, 1].map(|i| NativeTexture::register(render, &plan.sheets[i].texture));
        Self { plan, textures }
    }
}

/// Images of a data set as textures, made when they are first shown.
pub struct Thumbnails {
    data: Arc<DataSet>,
    made: RefCell<HashMap<(Part, usize), TextureHandle>>,
}

impl Thumbnails {
    pub fn new(data: Arc<DataSet>) -> Self {
        Self { data, made: RefCell::default() }
    }

    /// An image of the data set, `side` points high.
    pub fn image(&self, context: &Context, part: Part, index: usize, side: f32) -> Image<'static> {
        let images = match part {
            Part::Train => &self.data.train,
            Part::Test => &self.data.test,
        };
        let mut made = self.made.borrow_mut();
        if made.len() > THUMBNAILS {
            made.clear();
        }
        let texture = made.entry((part, index)).or_insert_with(|| {
            let name = format!("{part:?} {index}");
            context.load_texture(name, picture(images, index), TextureOptions::NEAREST)
        });
        let size = Vec2::new(side * images.width as f32 / images.height as f32, side);
        Image::new(egui::load::SizedTexture::new(texture.id(), size)).fit_to_exact_size(size)
    }
}

/// An image of a set in egui's form.
pub fn picture(images: &Images, index: usize) -> ColorImage {
    let mut words = vec![0u32; images.height * images.width];
    images.rgba(index, &mut words);
    let pixels = words.into_iter().map(|word| {
        let [r, g, b, _] = word.to_le_bytes();
        Color32::from_rgb(r, g, b)
    });
    ColorImage::new([images.width, images.height], pixels.collect())
}
