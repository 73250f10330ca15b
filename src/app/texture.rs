//! Textures that the adapter draws itself, for the window to show.

use eframe::egui::TextureId;
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;

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

    pub fn id(&self) -> TextureId {
        self.id
    }
}

impl Drop for NativeTexture {
    fn drop(&mut self) {
        self.render.renderer.write().free_texture(&self.id);
    }
}
