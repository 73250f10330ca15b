//! Textures: images of a data set, and pictures that are drawn on the adapter.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::{
    self, Color32, ColorImage, Context, Image, Rect, TextureHandle, TextureId, TextureOptions, Vec2, pos2,
};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;

use crate::data::{DataSet, Images};
use crate::gpu::Pictures;

/// Most thumbnails of a data set that are kept as textures.
const MAX_THUMBNAILS: usize = 2_048;

/// A texture that egui can draw without a copy. It is registered for as long as this value lives.
pub struct NativeTexture {
    render: RenderState,
    id: TextureId,
}

impl NativeTexture {
    /// Registers a texture; it is drawn without filtering, however large.
    pub fn register(render: &RenderState, texture: &wgpu::Texture) -> Self {
        let view = texture.create_view(&Default::default());
        let mut renderer = render.renderer.write();
        let id = renderer.register_native_texture(&render.device, &view, wgpu::FilterMode::Nearest);
        Self { render: render.clone(), id }
    }

    /// One tile of `pictures`, whose texture this is, drawn at `size` points.
    pub fn tile(&self, pictures: &Pictures, tile: usize, size: Vec2) -> Image<'static> {
        let (columns, rows) = (pictures.columns as f32, pictures.rows as f32);
        let (column, row) = ((tile % pictures.columns) as f32, (tile / pictures.columns) as f32);
        let uv = Rect::from_min_max(
            pos2(column / columns, row / rows),
            pos2((column + 1.0) / columns, (row + 1.0) / rows),
        );
        Image::new((self.id, size)).uv(uv).fit_to_exact_size(size)
    }
}

impl Drop for NativeTexture {
    fn drop(&mut self) {
        self.render.renderer.write().free_texture(&self.id);
    }
}

/// The images of a data set that an index refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subset {
    Train,
    Test,
}

/// Images of a data set as textures, made when they are first shown.
pub struct Thumbnails {
    data: Arc<DataSet>,
    textures: RefCell<HashMap<(Subset, usize), TextureHandle>>,
}

impl Thumbnails {
    pub fn new(data: Arc<DataSet>) -> Self {
        Self { data, textures: RefCell::default() }
    }

    /// An image of the data set, `height` points high.
    pub fn image(&self, context: &Context, subset: Subset, index: usize, height: f32) -> Image<'static> {
        let images = match subset {
            Subset::Train => &self.data.train,
            Subset::Test => &self.data.test,
        };
        let mut textures = self.textures.borrow_mut();
        if textures.len() > MAX_THUMBNAILS {
            textures.clear();
        }
        let texture = textures.entry((subset, index)).or_insert_with(|| {
            let name = format!("{subset:?} {index}");
            context.load_texture(name, color_image(images, index), TextureOptions::NEAREST)
        });
        let size = Vec2::new(height * images.width as f32 / images.height as f32, height);
        Image::new(egui::load::SizedTexture::new(texture.id(), size)).fit_to_exact_size(size)
    }
}

/// An image of a data set in egui's format.
pub fn color_image(images: &Images, index: usize) -> ColorImage {
    let mut words = vec![0u32; images.height * images.width];
    images.rgba(index, &mut words);
    let pixels = words.into_iter().map(|word| {
        let [r, g, b, _] = word.to_le_bytes();
        Color32::from_rgb(r, g, b)
    });
    ColorImage::new([images.width, images.height], pixels.collect())
}
