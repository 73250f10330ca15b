//! Placed plans: buffers, bound dispatches and the ways to run and read them.

use std::ops::Range;

use bytemuck::Pod;

use super::builder::Op;
use super::tensor::{Memory, Program, Tensor};
use super::{Gpu, GpuError};

/// An operation with everything bound.
pub(super) enum Ready {
    Dispatch {
        pipeline: wgpu::ComputePipeline,
        bind_group: wgpu::BindGroup,
        groups: [u32; 3],
        kernel: String,
    },
    Clear {
        buffer: wgpu::Buffer,
        bytes: Range<u64>,
    },
    Copy {
        from: wgpu::Buffer,
        from_byte: u64,
        to: wgpu::Buffer,
        to_byte: u64,
        bytes: u64,
    },
}

/// Placed tensors and ready dispatches; running it allocates nothing.
pub struct Plan {
    pub(super) buffers: Vec<Option<wgpu::Buffer>>,
    pub(super) labels: Vec<String>,
    pub(super) ops: Vec<Ready>,
    pub(super) memory: Memory,
}

impl Plan {
    pub(super) fn prepare(&self, gpu: &Gpu, op: &Op, uniforms: &wgpu::Buffer) -> Result<Ready, GpuError> {
        Ok(match op {
            Op::Clear { tensor } => {
                let start = tensor.offset as u64 * 4;
                Ready::Clear {
                    buffer: self.buffer(*tensor).clone(),
                    bytes: start..start + tensor.words as u64 * 4,
                }
            }
            Op::Copy { from, to } => Ready::Copy {
                from: self.buffer(*from).clone(),
                from_byte: from.offset as u64 * 4,
                to: self.buffer(*to).clone(),
                to_byte: to.offset as u64 * 4,
                bytes: from.words as u64 * 4,
            },
            Op::Dispatch { kernel, params, params_bytes, bindings, groups } => {
                let pipeline = gpu.pipeline(kernel)?;
                let view = |buffer, offset, bytes: u64| {
                    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer,
                        offset,
                        size: std::num::NonZeroU64::new(bytes),
                    })
                };
                let mut entries = vec![wgpu::BindGroupEntry {
                    binding: 0,
                    resource: view(uniforms, *params, params_bytes.next_multiple_of(16)),
                }];
                entries.extend(bindings.iter().map(|(binding, tensor)| wgpu::BindGroupEntry {
                    binding: *binding,
                    resource: view(
                        self.buffer(*tensor),
                        tensor.offset as u64 * 4,
                        (tensor.words as u64 * 4).next_multiple_of(16),
                    ),
                }));
                let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(&kernel.to_string()),
                    layout: &pipeline.get_bind_group_layout(0),
                    entries: &entries,
                });
                Ready::Dispatch { pipeline, bind_group, groups: *groups, kernel: kernel.to_string() }
            }
        })
    }

    /// The buffer that holds a tensor. Only tensors that an operation uses have one.
    pub(super) fn buffer(&self, tensor: Tensor) -> &wgpu::Buffer {
        self.buffers[tensor.id].as_ref().expect("a tensor in use has its buffer")
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Dispatches in a program.
    pub fn dispatches(&self, program: Program) -> usize {
        let ops = &self.ops[program.start..program.end];
        ops.iter().filter(|op| matches!(op, Ready::Dispatch { .. })).count()
    }

    /// Writes a tensor's content before the next submitted work.
    ///
    /// # Panics
    /// When the data is longer than the tensor.
    pub fn write<T: Pod>(&self, gpu: &Gpu, tensor: Tensor, data: &[T]) {
        let bytes: &[u8] = bytemuck::cast_slice(data);
        assert!(
            bytes.len() <= tensor.words * 4,
            "{} takes {} bytes",
            self.labels[tensor.id],
            tensor.words * 4
        );
        let whole_words = bytes.len() / 4 * 4;
        let at = tensor.offset as u64 * 4;
        gpu.queue.write_buffer(self.buffer(tensor), at, &bytes[..whole_words]);
        if whole_words < bytes.len() {
            let mut last = [0u8; 4];
            last[..bytes.len() - whole_words].copy_from_slice(&bytes[whole_words..]);
            gpu.queue.write_buffer(self.buffer(tensor), at + whole_words as u64, &last);
        }
    }

    /// Encodes operations `part` (indices inside the program); a whole step or a slice of one.
    pub fn encode_part(&self, encoder: &mut wgpu::CommandEncoder, program: Program, part: Range<usize>) {
        let mut ops = self.ops[program.start..program.end][part].iter().peekable();
        while let Some(op) = ops.next() {
            match op {
                Ready::Clear { buffer, bytes } => {
                    encoder.clear_buffer(buffer, bytes.start, Some(bytes.end - bytes.start));
                }
                Ready::Copy { from, from_byte, to, to_byte, bytes } => {
                    encoder.copy_buffer_to_buffer(from, *from_byte, to, *to_byte, *bytes);
                }
                Ready::Dispatch { .. } => {
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                    let mut current = Some(op);
                    while let Some(Ready::Dispatch { pipeline, bind_group, groups, .. }) = current {
                        pass.set_pipeline(pipeline);
                        pass.set_bind_group(0, bind_group, &[]);
                        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
                        current = ops.next_if(|op| matches!(op, Ready::Dispatch { .. }));
                    }
                }
            }
        }
    }

    /// Encodes a whole program.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, program: Program) {
        self.encode_part(encoder, program, 0..program.len());
    }

    /// Submits a whole program; does not wait.
    pub fn run(&self, gpu: &Gpu, program: Program) {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        self.encode(&mut encoder, program);
        gpu.queue.submit([encoder.finish()]);
    }

    /// Records a copy of a tensor into `to` from its start.
    pub fn encode_copy_out(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        tensor: Tensor,
        to: &wgpu::Buffer,
        at: u64,
    ) {
        let from = tensor.offset as u64 * 4;
        encoder.copy_buffer_to_buffer(self.buffer(tensor), from, to, at, tensor.words as u64 * 4);
    }

    /// Reads a tensor back and waits for it: for checkpoints, traces and tests, never inside a step.
    ///
    /// # Errors
    /// [`GpuError::Readback`], [`GpuError::Timeout`], or the adapter's fault.
    pub fn read<T: Pod>(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<T>, GpuError> {
        let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read"),
            size: tensor.words as u64 * 4,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        self.encode_copy_out(&mut encoder, tensor, &staging, 0);
        gpu.queue.submit([encoder.finish()]);
        let failed = |reason: String| GpuError::Readback { tensor: self.labels[tensor.id].clone(), reason };
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only when the wait below has already failed.
            let _ = sender.send(result);
        });
        gpu.wait("reading a tensor back")?;
        let mapped = receiver.recv().map_err(|e| failed(e.to_string()))?;
        mapped.map_err(|e| failed(e.to_string()))?;
        let view = staging.get_mapped_range(..).map_err(|e| failed(e.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }
}
