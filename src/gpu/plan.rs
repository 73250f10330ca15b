//! Allocated plans: buffers, bound dispatches and the ways to run and read them.

use std::collections::VecDeque;
use std::ops::Range;

use bytemuck::Pod;
use futures_channel::oneshot;

use super::device::Gpu;
use super::error::GpuError;
use super::kernels::Kernel;
use super::memory::{Memory, Program, Tensor};

/// A recorded operation, not yet bound.
pub(super) enum Op {
    Dispatch {
        kernel: Kernel,
        section: Option<String>,
        params: u64,
        params_bytes: u64,
        bindings: Vec<(u32, Tensor)>,
        groups: [u32; 3],
    },
    Clear {
        tensor: Tensor,
    },
    Copy {
        from: Tensor,
        to: Tensor,
    },
}

/// An operation with its pipeline and buffers bound.
pub(super) enum Ready {
    Dispatch {
        pipeline: wgpu::ComputePipeline,
        bind_group: wgpu::BindGroup,
        groups: [u32; 3],
        kernel: String,
        section: Option<String>,
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

/// Allocated tensors and bound dispatches; running it allocates nothing.
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
            Op::Dispatch { kernel, section, params, params_bytes, bindings, groups } => {
                let pipeline = gpu.pipeline(kernel)?;
                let params = wgpu::BufferBinding {
                    buffer: uniforms,
                    offset: *params,
                    size: std::num::NonZeroU64::new(params_bytes.next_multiple_of(16)),
                };
                let mut entries = vec![wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(params),
                }];
                entries.extend(bindings.iter().map(|(binding, tensor)| wgpu::BindGroupEntry {
                    binding: *binding,
                    resource: self.binding(*tensor),
                }));
                let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(&kernel.to_string()),
                    layout: &pipeline.get_bind_group_layout(0),
                    entries: &entries,
                });
                Ready::Dispatch {
                    pipeline,
                    bind_group,
                    groups: *groups,
                    kernel: kernel.to_string(),
                    section: section.clone(),
                }
            }
        })
    }

    /// A tensor as a storage binding.
    pub(super) fn binding(&self, tensor: Tensor) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: self.buffer(tensor),
            offset: tensor.offset as u64 * 4,
            size: std::num::NonZeroU64::new((tensor.words as u64 * 4).next_multiple_of(16)),
        })
    }

    /// The buffer that contains a tensor. Only tensors that an operation uses have one.
    pub(super) fn buffer(&self, tensor: Tensor) -> &wgpu::Buffer {
        self.buffers[tensor.id].as_ref().expect("a tensor in use has its buffer")
    }

    /// Bytes on the adapter.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Number of dispatches in a program.
    pub fn dispatches(&self, program: Program) -> usize {
        let ops = &self.ops[program.start..program.end];
        ops.iter().filter(|op| matches!(op, Ready::Dispatch { .. })).count()
    }

    /// Writes the start of a tensor before the next submitted work.
    ///
    /// # Panics
    /// If the data is longer than the tensor.
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

    /// Encodes the operations `range` of a program (indices from its start).
    pub fn encode_range(&self, encoder: &mut wgpu::CommandEncoder, program: Program, range: Range<usize>) {
        let mut ops = self.ops[program.start..program.end][range].iter().peekable();
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
        self.encode_range(encoder, program, 0..program.len());
    }

    /// Submits a whole program; does not wait.
    pub fn run(&self, gpu: &Gpu, program: Program) {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        self.encode(&mut encoder, program);
        gpu.queue.submit([encoder.finish()]);
    }

    /// Encodes a copy of a tensor into the buffer `to` from byte `at` on.
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

    /// Copies a tensor into a tensor of another plan on the same device, after the work submitted so far.
    ///
    /// # Panics
    /// If their lengths differ.
    pub fn copy_to(&self, gpu: &Gpu, tensor: Tensor, other: &Plan, to: Tensor) {
        assert_eq!(tensor.words, to.words, "source and destination of a copy have the same length");
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        self.encode_copy_out(&mut encoder, tensor, other.buffer(to), to.offset as u64 * 4);
        gpu.queue.submit([encoder.finish()]);
    }

    /// Reads tensors back in one submission and waits for them: for checkpoints, views and evaluations, never inside
    /// a step.
    ///
    /// # Errors
    /// [`GpuError::Readback`] if a buffer cannot be mapped; [`GpuError::Lost`] or [`GpuError::Adapter`] if the device
    /// failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn fetch_all<T: Pod>(&self, gpu: &Gpu, tensors: &[Tensor]) -> Result<Vec<Vec<T>>, GpuError> {
        let Some(first) = tensors.first() else { return Ok(Vec::new()) };
        let words: usize = tensors.iter().map(Tensor::words).sum();
        let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read"),
            size: words as u64 * 4,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let mut at = 0;
        for tensor in tensors {
            self.encode_copy_out(&mut encoder, *tensor, &staging, at);
            at += tensor.words as u64 * 4;
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        let failed = |reason: String| GpuError::Readback { tensor: self.labels[first.id].clone(), reason };
        let (sender, mut receiver) = oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only when the wait below has already failed.
            let _ = sender.send(result);
        });
        let mapped = gpu.arrival(&mut receiver, submission, "reading a tensor back").await?;
        mapped.map_err(|e| gpu.cause(failed(e.to_string())))?;
        let view = staging.get_mapped_range(..).map_err(|e| gpu.cause(failed(e.to_string())))?;
        let mut rest: &[u8] = &view;
        let contents = tensors.iter().map(|tensor| {
            let (content, after) = rest.split_at(tensor.words * 4);
            rest = after;
            bytemuck::pod_collect_to_vec(content)
        });
        Ok(contents.collect())
    }

    /// [`Plan::fetch_all`] of one tensor.
    ///
    /// # Errors
    /// [`GpuError::Readback`] if a buffer cannot be mapped; [`GpuError::Lost`] or [`GpuError::Adapter`] if the device
    /// failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn fetch<T: Pod>(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<T>, GpuError> {
        Ok(self.fetch_all(gpu, &[tensor]).await?.pop().unwrap_or_default())
    }

    /// [`Plan::fetch`] for threads that may block.
    ///
    /// # Errors
    /// [`GpuError::Readback`] if a buffer cannot be mapped; [`GpuError::Lost`] or [`GpuError::Adapter`] if the device
    /// failed; [`GpuError::Timeout`] after the wait limit.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read<T: Pod>(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<T>, GpuError> {
        pollster::block_on(self.fetch(gpu, tensor))
    }
}

/// A result on its way.
struct Readback {
    tag: u64,
    buffer: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// Reads small results back a few steps later, in the order they were sent: a ring of staging buffers, none of which is
/// reused before it is unmapped.
pub struct ReadbackRing {
    free: Vec<wgpu::Buffer>,
    in_flight: VecDeque<Readback>,
    words: usize,
}

impl ReadbackRing {
    /// A ring for up to `depth` results in flight, of at most `words` 32-bit words each.
    pub fn new(gpu: &Gpu, depth: usize, words: usize) -> Self {
        let staging = |_| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("readback ring"),
                size: words as u64 * 4,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        Self { free: (0..depth).map(staging).collect(), in_flight: VecDeque::new(), words }
    }

    /// Number of results sent and not yet taken.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether another result can be sent now; otherwise call [`ReadbackRing::next`] first.
    pub fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Submits a copy of `tensors`, concatenated, and starts reading it back as result `tag`.
    ///
    /// # Panics
    /// If the ring has no room or the tensors are longer than its buffers.
    pub fn send(&mut self, gpu: &Gpu, plan: &Plan, tag: u64, tensors: &[Tensor]) {
        let buffer = self.free.pop().expect("the caller takes results before it sends more");
        assert!(
            tensors.iter().map(Tensor::words).sum::<usize>() <= self.words,
            "result longer than the ring"
        );
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let mut at = 0;
        for tensor in tensors {
            plan.encode_copy_out(&mut encoder, *tensor, &buffer, at);
            at += tensor.words() as u64 * 4;
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        let (sender, mapped) = oneshot::channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone if the ring was dropped meanwhile.
            let _ = sender.send(result);
        });
        self.in_flight.push_back(Readback { tag, buffer, submission, mapped });
    }

    /// Waits for the oldest result: `(tag, words)`; `None` if nothing is in flight.
    ///
    /// # Errors
    /// [`GpuError::Readback`] if a buffer cannot be mapped; [`GpuError::Lost`] or [`GpuError::Adapter`] if the device
    /// failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn next(&mut self, gpu: &Gpu) -> Result<Option<(u64, Vec<u32>)>, GpuError> {
        let Some(Readback { tag, buffer, submission, mut mapped }) = self.in_flight.pop_front() else {
            return Ok(None);
        };
        let failed = |reason: String| GpuError::Readback { tensor: "step statistics".into(), reason };
        let outcome = gpu.arrival(&mut mapped, submission, "waiting for a step's statistics").await?;
        outcome.map_err(|e| gpu.cause(failed(e.to_string())))?;
        let words = {
            let view = buffer.get_mapped_range(..).map_err(|e| gpu.cause(failed(e.to_string())))?;
            bytemuck::pod_collect_to_vec(&view)
        };
        buffer.unmap();
        self.free.push(buffer);
        Ok(Some((tag, words)))
    }
}
