//! A texture of equal tiles that a kernel draws from tensors of a plan, for a window to show.

use bytemuck::{Pod, Zeroable};

use super::device::Gpu;
use super::error::GpuError;
use super::kernels::{Kernel, groups_for_items};
use super::memory::Tensor;
use super::plan::Plan;

/// Uniform block of the kernel: `Params` of `shaders/view/pictures.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    tiles: u32,
    columns: u32,
    height: u32,
    width: u32,
}

/// A texture of equal tiles, row by row.
pub struct Pictures {
    pub texture: wgpu::Texture,
    /// Tiles per row.
    pub columns: usize,
    pub rows: usize,
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    groups: [u32; 3],
}

impl Pictures {
    /// A texture of `tiles` tiles of `size` `[height, width]`. `kernel` has one invocation per pixel, workgroups of 64,
    /// the uniform block { tiles, columns, height, width } at binding 0, `tensors` from binding 1 on and the texture
    /// (`rgba8unorm`, write) after them.
    ///
    /// # Errors
    /// [`GpuError::UnknownShader`] if the kernel has no shader.
    pub fn new(
        gpu: &Gpu,
        plan: &Plan,
        kernel: &Kernel,
        size: [usize; 2],
        tensors: &[Tensor],
        tiles: usize,
    ) -> Result<Self, GpuError> {
        let [height, width] = size;
        let limit = gpu.limits().max_texture_dimension_2d as usize;
        let tiles = tiles.max(1);
        let columns = (limit / width).min(32).min(tiles);
        let rows = tiles.div_ceil(columns);
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("pictures"),
            size: wgpu::Extent3d {
                width: (columns * width) as u32,
                height: (rows * height) as u32,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::STORAGE_BINDING
                | wgpu::TextureUsages::TEXTURE_BINDING
                | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let view = texture.create_view(&Default::default());
        let pipeline = gpu.pipeline(kernel)?;
        let params = Params {
            tiles: tiles as u32,
            columns: columns as u32,
            height: height as u32,
            width: width as u32,
        };
        let uniform = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("pictures"),
            size: size_of::<Params>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue.write_buffer(&uniform, 0, bytemuck::bytes_of(&params));
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let mut entries = vec![entry(0, uniform.as_entire_binding())];
        entries.extend((1..).zip(tensors).map(|(binding, tensor)| entry(binding, plan.binding(*tensor))));
        entries.push(entry(1 + tensors.len() as u32, wgpu::BindingResource::TextureView(&view)));
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("pictures"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let groups = groups_for_items(tiles * height * width, 64);
        Ok(Self { texture, columns, rows, pipeline, bind_group, groups })
    }

    /// Draws all tiles from the current content of the tensors.
    pub fn draw(&self, gpu: &Gpu) {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &self.bind_group, &[]);
            pass.dispatch_workgroups(self.groups[0], self.groups[1], self.groups[2]);
        }
        gpu.queue.submit([encoder.finish()]);
    }
}
