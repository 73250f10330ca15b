//! Textures that the adapter draws itself, for the window to show.

use eframe::egui::{Image, Rect, TextureId, Vec2, pos2};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;

use crate::gpu::Pictures;

/// A texture under the name that the window knows it by, for as long as this lives.
pub struct NativeTexture {
    render: RenderState,
    id: TextureId,
}

impl NativeTexture {
    /// Shows every pixel as it is, however large it is drawn.
    pub fn register(render: &RenderState, texture: &wgpu::Texture) -> Self {
        let view = texture.create_view(&Default::default());
        let mut renderer = render.renderer.write();
        let id = renderer.register_native_texture(&render.device, &view, wgpu::FilterMode::Nearest);
        Self { render: render.clone(), id }
    }

    /// One tile of the pictures whose texture this is, at a size in points.
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
