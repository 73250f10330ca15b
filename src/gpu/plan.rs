//! Recorded plans: tensors with planned lifetimes and the dispatches that use them.

use std::ops::Range;

use bytemuck::Pod;

use super::{Gpu, GpuError, Kernel, Lifetime, assign_slots};

/// Uniform blocks and buffer views start at multiples of this many bytes (WebGPU's default limit).
const ALIGNMENT: u64 = 256;

/// A tensor of a plan, or a part of one: `words` 32-bit words from word `offset` of tensor `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    id: usize,
    offset: usize,
    words: usize,
}

impl Tensor {
    /// Length in 32-bit words.
    pub fn words(&self) -> usize {
        self.words
    }

    /// A part of this tensor. To be bound, it must start at a multiple of 64 words.
    ///
    /// # Panics
    /// When the part does not lie inside the tensor: a mistake in the caller's layout.
    pub fn slice(&self, offset: usize, words: usize) -> Tensor {
        assert!(offset + words <= self.words, "part {offset}+{words} of a tensor of {} words", self.words);
        Tensor { id: self.id, offset: self.offset + offset, words }
    }
}

/// A named run of operations inside a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    start: usize,
    end: usize,
}

impl Program {
    /// Operations in the program.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

struct Declared {
    label: String,
    words: usize,
    persistent: bool,
    used: Option<(usize, usize)>,
}

enum Op {
    Dispatch {
        kernel: Kernel,
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

/// Records tensors and operations; [`PlanBuilder::build`] places and binds them once.
#[derive(Default)]
pub struct PlanBuilder {
    tensors: Vec<Declared>,
    ops: Vec<Op>,
    uniforms: Vec<u8>,
    poison: bool,
}

/// Bytes a plan takes on the adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Weights, optimiser state, tables: kept between steps.
    pub persistent: u64,
    /// Slots shared by tensors that live only inside a program.
    pub transient: u64,
    /// What the transient tensors would take without sharing.
    pub transient_unshared: u64,
    /// Parameter blocks of the dispatches.
    pub uniforms: u64,
    /// The largest tensor, by name.
    pub largest: (String, u64),
}

impl Memory {
    pub fn total(&self) -> u64 {
        self.persistent + self.transient + self.uniforms
    }
}

impl PlanBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills memory that no one has written with NaNs, so that a test sees who relies on zeros.
    pub fn poison_fresh_memory(&mut self) {
        self.poison = true;
    }

    /// A tensor of `words` 32-bit words that lives from its first use to its last.
    pub fn tensor(&mut self, label: impl Into<String>, words: usize) -> Tensor {
        self.declare(label.into(), words, false)
    }

    /// A tensor that keeps its content between runs; zero at first.
    pub fn persistent(&mut self, label: impl Into<String>, words: usize) -> Tensor {
        self.declare(label.into(), words, true)
    }

    /// Keeps the content of a tensor after the program's end, for whoever reads it back later.
    pub fn keep(&mut self, tensor: Tensor) {
        self.tensors[tensor.id].persistent = true;
    }

    fn declare(&mut self, label: String, words: usize, persistent: bool) -> Tensor {
        let id = self.tensors.len();
        self.tensors.push(Declared { label, words: words.max(1), persistent, used: None });
        Tensor { id, offset: 0, words: words.max(1) }
    }

    /// Where the operations recorded from here on begin; close with [`PlanBuilder::program`].
    pub fn mark(&self) -> usize {
        self.ops.len()
    }

    /// The operations recorded since `mark`.
    pub fn program(&self, mark: usize) -> Program {
        Program { start: mark, end: self.ops.len() }
    }

    /// Records one dispatch: `params` becomes the uniform block at binding 0, `bindings` the storage
    /// buffers from binding 1 on.
    pub fn dispatch<P: Pod>(&mut self, kernel: Kernel, params: &P, bindings: &[Tensor], groups: [u32; 3]) {
        let numbered: Vec<_> = (1..).zip(bindings.iter().copied()).collect();
        self.dispatch_at(kernel, params, &numbered, groups);
    }

    /// [`PlanBuilder::dispatch`] with the binding of each storage buffer named, for entry points that
    /// leave some of their shader's bindings out.
    pub fn dispatch_at<P: Pod>(
        &mut self,
        kernel: Kernel,
        params: &P,
        bindings: &[(u32, Tensor)],
        groups: [u32; 3],
    ) {
        let offset = self.uniforms.len() as u64;
        let bytes = bytemuck::bytes_of(params);
        self.uniforms.extend_from_slice(bytes);
        self.uniforms.resize(self.uniforms.len().next_multiple_of(ALIGNMENT as usize), 0);
        bindings.iter().for_each(|(_, tensor)| self.touch(*tensor));
        self.ops.push(Op::Dispatch {
            kernel,
            params: offset,
            params_bytes: bytes.len() as u64,
            bindings: bindings.to_vec(),
            groups,
        });
    }

    /// Records setting a tensor to zero.
    pub fn clear(&mut self, tensor: Tensor) {
        self.touch(tensor);
        self.ops.push(Op::Clear { tensor });
    }

    /// Records a copy between tensors of one length.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn copy(&mut self, from: Tensor, to: Tensor) {
        assert_eq!(from.words, to.words, "a copy keeps its length");
        self.touch(from);
        self.touch(to);
        self.ops.push(Op::Copy { from, to });
    }

    fn touch(&mut self, tensor: Tensor) {
        let now = self.ops.len();
        let used = &mut self.tensors[tensor.id].used;
        *used = Some(used.map_or((now, now), |(first, _)| (first, now)));
    }

    /// Bytes the plan will take; allocates nothing.
    pub fn memory(&self) -> Memory {
        self.layout().memory
    }

    fn layout(&self) -> Layout {
        let mut memory = Memory { uniforms: self.uniforms.len() as u64, ..Default::default() };
        let mut transient = Vec::new();
        let mut lives = Vec::new();
        for (id, tensor) in self.tensors.iter().enumerate() {
            let bytes = bytes_of_words(tensor.words);
            if bytes > memory.largest.1 {
                memory.largest = (tensor.label.clone(), bytes);
            }
            if tensor.persistent {
                memory.persistent += bytes;
            } else if let Some((first, last)) = tensor.used {
                transient.push(id);
                lives.push(Lifetime { bytes, ops: first..=last });
                memory.transient_unshared += bytes;
            }
        }
        let (slot_of, slots) = assign_slots(&lives);
        memory.transient = slots.iter().sum();
        Layout { memory, slots, slot_of: transient.into_iter().zip(slot_of).collect() }
    }

    /// Checks everything against the device's limits, without allocating.
    ///
    /// # Errors
    /// Names the tensor or kernel that exceeds a limit, its size and the limit.
    pub fn check(&self, gpu: &Gpu) -> Result<(), GpuError> {
        let limits = gpu.limits();
        let limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        for tensor in self.tensors.iter().filter(|t| t.persistent || t.used.is_some()) {
            let needed = bytes_of_words(tensor.words);
            if needed > limit {
                return Err(GpuError::BindingTooLarge { tensor: tensor.label.clone(), needed, limit });
            }
        }
        for op in &self.ops {
            let Op::Dispatch { kernel, bindings, groups, .. } = op else { continue };
            if bindings.len() > limits.max_storage_buffers_per_shader_stage as usize {
                return Err(GpuError::TooManyBindings {
                    kernel: kernel.to_string(),
                    found: bindings.len(),
                    limit: limits.max_storage_buffers_per_shader_stage,
                });
            }
            if groups.iter().any(|g| *g > limits.max_compute_workgroups_per_dimension) {
                return Err(GpuError::TooManyGroups {
                    kernel: kernel.to_string(),
                    groups: *groups,
                    limit: limits.max_compute_workgroups_per_dimension,
                });
            }
        }
        Ok(())
    }

    /// Allocates the memory and makes pipelines and bind groups.
    ///
    /// # Errors
    /// Those of [`PlanBuilder::check`], and what the adapter reports.
    pub fn build(self, gpu: &Gpu) -> Result<Plan, GpuError> {
        self.check(gpu)?;
        let layout = self.layout();
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = |label: &str, size: u64, usage| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size.max(ALIGNMENT),
                usage,
                mapped_at_creation: false,
            })
        };
        let slots: Vec<_> = layout.slots.iter().map(|bytes| buffer("slot", *bytes, usage)).collect();
        let mut buffers: Vec<Option<wgpu::Buffer>> = self
            .tensors
            .iter()
            .map(|t| t.persistent.then(|| buffer(&t.label, bytes_of_words(t.words), usage)))
            .collect();
        for (tensor, slot) in &layout.slot_of {
            buffers[*tensor] = Some(slots[*slot].clone());
        }
        if self.poison {
            for slot in &slots {
                gpu.queue.write_buffer(slot, 0, &vec![0xff; slot.size() as usize]);
            }
        }
        let uniforms = buffer(
            "parameters",
            self.uniforms.len() as u64,
            wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        );
        gpu.queue.write_buffer(&uniforms, 0, &self.uniforms);
        let labels = self.tensors.iter().map(|t| t.label.clone()).collect();
        let mut plan = Plan { buffers, labels, ops: Vec::new(), memory: layout.memory };
        for op in &self.ops {
            let ready = plan.prepare(gpu, op, &uniforms)?;
            plan.ops.push(ready);
        }
        gpu.check()?;
        Ok(plan)
    }
}

struct Layout {
    memory: Memory,
    slots: Vec<u64>,
    slot_of: Vec<(usize, usize)>,
}

fn bytes_of_words(words: usize) -> u64 {
    (words as u64 * 4).next_multiple_of(ALIGNMENT)
}

enum Ready {
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
    buffers: Vec<Option<wgpu::Buffer>>,
    labels: Vec<String>,
    ops: Vec<Ready>,
    memory: Memory,
}

impl Plan {
    fn prepare(&self, gpu: &Gpu, op: &Op, uniforms: &wgpu::Buffer) -> Result<Ready, GpuError> {
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
    fn buffer(&self, tensor: Tensor) -> &wgpu::Buffer {
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

    /// Runs a program with a timestamp before and after every dispatch: `(kernel, microseconds)`.
    pub(super) fn run_timed(&self, gpu: &Gpu, program: Program) -> Result<Vec<(String, f64)>, GpuError> {
        /// WebGPU allows 4,096 queries a set, two a dispatch.
        const CHUNK: usize = 2_048;
        let mut times = Vec::new();
        for start in (0..program.len()).step_by(CHUNK) {
            let part = start..(start + CHUNK).min(program.len());
            times.extend(self.time_part(gpu, program, part)?);
        }
        Ok(times)
    }

    fn time_part(
        &self,
        gpu: &Gpu,
        program: Program,
        part: Range<usize>,
    ) -> Result<Vec<(String, f64)>, GpuError> {
        let count = part.len() as u32 * 2;
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("dispatch times"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let mut scratch = PlanBuilder::new();
        let stamps = scratch.persistent("timestamps", count as usize * 2);
        let resolved = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: u64::from(count) * 8,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let scratch = scratch.build(gpu)?;
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let mut names = Vec::new();
        for index in part.clone() {
            if let Ready::Dispatch { pipeline, bind_group, groups, kernel } = &self.ops[program.start + index]
            {
                let at = names.len() as u32 * 2;
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: None,
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(at),
                        end_of_pass_write_index: Some(at + 1),
                    }),
                });
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, bind_group, &[]);
                pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
                names.push(kernel.clone());
            } else {
                self.encode_part(&mut encoder, program, index..index + 1);
            }
        }
        encoder.resolve_query_set(&queries, 0..names.len() as u32 * 2, &resolved, 0);
        let bytes = names.len() as u64 * 16;
        encoder.copy_buffer_to_buffer(&resolved, 0, scratch.buffer(stamps), 0, bytes);
        gpu.queue.submit([encoder.finish()]);
        let ticks: Vec<u64> = scratch.read(gpu, stamps)?;
        let period = f64::from(gpu.queue.get_timestamp_period()) / 1000.0;
        let spans = ticks.chunks_exact(2).map(|t| t[1].saturating_sub(t[0]) as f64 * period);
        Ok(names.into_iter().zip(spans).collect())
    }
}
