//! Records a plan: tensors with planned lifetimes and the operations that use them.

use bytemuck::Pod;

use super::device::Gpu;
use super::error::GpuError;
use super::kernels::Kernel;
use super::memory::{ALIGNMENT, Lifetime, Memory, Program, Tensor, assign_slots, bytes_of_words};
use super::plan::{Op, Plan};
use super::work::{DispatchWork, Work};

/// A declared tensor, with its first and last operation.
struct Declared {
    label: String,
    words: usize,
    persistent: bool,
    used: Option<(usize, usize)>,
}

/// Records tensors and operations; [`PlanBuilder::build`] allocates and binds them once.
#[derive(Default)]
pub struct PlanBuilder {
    tensors: Vec<Declared>,
    ops: Vec<Op>,
    /// Index of a dispatch in `ops`, and its work.
    works: Vec<(usize, Work)>,
    uniforms: Vec<u8>,
    /// The section that operations are recorded in.
    section: Option<String>,
    poison: bool,
}

impl PlanBuilder {
    /// An empty plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills new transient memory with NaN, so that a test notices reads of unwritten memory.
    pub fn poison_fresh_memory(&mut self) {
        self.poison = true;
    }

    /// Declares a transient tensor of `words` 32-bit words: it lives from its first use to its last.
    pub fn tensor(&mut self, label: impl Into<String>, words: usize) -> Tensor {
        self.declare(label.into(), words, false)
    }

    /// Declares a tensor of `words` 32-bit words that keeps its content between runs; zero at first.
    pub fn persistent(&mut self, label: impl Into<String>, words: usize) -> Tensor {
        self.declare(label.into(), words, true)
    }

    /// Makes a tensor persistent, so that it can be read back after the program.
    pub fn keep(&mut self, tensor: Tensor) {
        self.tensors[tensor.id].persistent = true;
    }

    fn declare(&mut self, label: String, words: usize, persistent: bool) -> Tensor {
        let id = self.tensors.len();
        self.tensors.push(Declared { label, words: words.max(1), persistent, used: None });
        Tensor { id, offset: 0, words: words.max(1) }
    }

    /// The start of the operations recorded from here on, for [`PlanBuilder::program`].
    pub fn mark(&self) -> usize {
        self.ops.len()
    }

    /// The operations recorded since `mark`.
    pub fn program(&self, mark: usize) -> Program {
        Program { start: mark, end: self.ops.len() }
    }

    /// Records operations in a named section, by which a profile groups their times.
    pub fn section<T>(&mut self, name: &str, record: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.section.replace(name.to_owned());
        let recorded = record(self);
        self.section = outer;
        recorded
    }

    /// Records one dispatch: `params` becomes the uniform block at binding 0, `bindings` the storage
    /// buffers from binding 1 on. Returns its work, for what its caller knows better than [`Work::of_words`].
    pub fn dispatch<P: Pod>(
        &mut self,
        kernel: Kernel,
        params: &P,
        bindings: &[Tensor],
        groups: [u32; 3],
    ) -> &mut Work {
        let numbered: Vec<_> = (1..).zip(bindings.iter().copied()).collect();
        self.dispatch_at(kernel, params, &numbered, groups)
    }

    /// [`PlanBuilder::dispatch`] with explicit binding numbers, for entry points that do not use all bindings of
    /// their shader.
    pub fn dispatch_at<P: Pod>(
        &mut self,
        kernel: Kernel,
        params: &P,
        bindings: &[(u32, Tensor)],
        groups: [u32; 3],
    ) -> &mut Work {
        let offset = self.uniforms.len() as u64;
        let bytes = bytemuck::bytes_of(params);
        self.uniforms.extend_from_slice(bytes);
        self.uniforms.resize(self.uniforms.len().next_multiple_of(ALIGNMENT as usize), 0);
        bindings.iter().for_each(|(_, tensor)| self.touch(*tensor));
        self.ops.push(Op::Dispatch {
            kernel,
            section: self.section.clone(),
            params: offset,
            params_bytes: bytes.len() as u64,
            bindings: bindings.to_vec(),
            groups,
        });
        // Where a kernel does not read a binding, a tensor that is bound anyway stands in.
        let distinct = bindings
            .iter()
            .enumerate()
            .filter(|(i, (_, tensor))| bindings[..*i].iter().all(|(_, earlier)| earlier != tensor));
        let work = Work::of_words(distinct.map(|(_, (_, tensor))| tensor.words));
        self.works.push((self.ops.len() - 1, work));
        &mut self.works.last_mut().expect("one was just recorded").1
    }

    /// The work of the dispatches of a program, in order.
    pub fn works(&self, program: Program) -> Vec<DispatchWork> {
        let of_program = |(op, work): &(usize, Work)| {
            let Op::Dispatch { kernel, section, groups, .. } = &self.ops[*op] else { return None };
            let in_program = (program.start..program.end).contains(op);
            in_program.then(|| DispatchWork {
                kernel: kernel.to_string(),
                section: section.clone(),
                workgroups: groups.iter().map(|count| u64::from(*count)).product(),
                work: *work,
            })
        };
        self.works.iter().filter_map(of_program).collect()
    }

    /// Records filling a tensor with zeros.
    pub fn clear(&mut self, tensor: Tensor) {
        self.touch(tensor);
        self.ops.push(Op::Clear { tensor });
    }

    /// Records a copy between tensors of the same length.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn copy(&mut self, from: Tensor, to: Tensor) {
        assert_eq!(from.words, to.words, "source and destination of a copy have the same length");
        self.touch(from);
        self.touch(to);
        self.ops.push(Op::Copy { from, to });
    }

    fn touch(&mut self, tensor: Tensor) {
        let now = self.ops.len();
        let used = &mut self.tensors[tensor.id].used;
        *used = Some(used.map_or((now, now), |(first, _)| (first, now)));
    }

    /// Bytes that the plan will take; allocates nothing.
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

    /// Checks every tensor and dispatch against the device's limits, without allocating.
    ///
    /// # Errors
    /// [`GpuError::Alignment`], [`GpuError::BindingTooLarge`], [`GpuError::TooManyBindings`] or
    /// [`GpuError::TooManyGroups`] for the first limit that is exceeded.
    pub fn check(&self, gpu: &Gpu) -> Result<(), GpuError> {
        let limits = gpu.limits();
        let alignment =
            limits.min_storage_buffer_offset_alignment.max(limits.min_uniform_buffer_offset_alignment);
        if u64::from(alignment) > ALIGNMENT {
            return Err(GpuError::Alignment { found: alignment, limit: ALIGNMENT });
        }
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

    /// Allocates the memory and creates pipelines and bind groups.
    ///
    /// # Errors
    /// [`GpuError::Alignment`], [`GpuError::BindingTooLarge`], [`GpuError::TooManyBindings`] or
    /// [`GpuError::TooManyGroups`] for the first limit that is exceeded; [`GpuError::UnknownShader`] for a kernel
    /// without a shader; [`GpuError::OutOfMemory`] if a buffer cannot be allocated; [`GpuError::Lost`] or
    /// [`GpuError::Adapter`] if the device failed.
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
        gpu.check_allocation(layout.memory.total())?;
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
        gpu.check_cause()?;
        Ok(plan)
    }
}

/// Where the tensors of a plan go: `slot_of` pairs a transient tensor with its slot.
struct Layout {
    memory: Memory,
    slots: Vec<u64>,
    slot_of: Vec<(usize, usize)>,
}

/// A storage binding of [`run_once`].
pub enum Arg<'a> {
    /// Uploaded before the run.
    In(&'a [u8]),
    /// A new buffer of this many words, filled with NaN before the run and read back after it.
    Out(usize),
    /// Uploaded before the run and read back after it.
    InOut(&'a [u8]),
}

impl<'a> Arg<'a> {
    /// [`Arg::In`] with the bytes of `data`.
    pub fn input<T: Pod>(data: &'a [T]) -> Self {
        Arg::In(bytemuck::cast_slice(data))
    }

    /// [`Arg::InOut`] with the bytes of `data`.
    pub fn in_out<T: Pod>(data: &'a [T]) -> Self {
        Arg::InOut(bytemuck::cast_slice(data))
    }
}

/// Runs one kernel on host data, for tests and measurements: the words of every `Out` and `InOut` binding, in order.
///
/// # Errors
/// A [`GpuError`] if a tensor or the dispatch exceeds the adapter's limits, the kernel has no shader, the device failed
/// or the wait limit is over.
pub async fn run_once_async<P: Pod>(
    gpu: &Gpu,
    kernel: Kernel,
    params: &P,
    args: &[Arg<'_>],
    groups: [u32; 3],
) -> Result<Vec<Vec<u32>>, GpuError> {
    let mut builder = PlanBuilder::new();
    let words = |bytes: &[u8]| bytes.len().div_ceil(4);
    let tensors: Vec<_> = args
        .iter()
        .enumerate()
        .map(|(i, arg)| {
            let len = match arg {
                Arg::In(bytes) | Arg::InOut(bytes) => words(bytes),
                Arg::Out(len) => *len,
            };
            builder.persistent(format!("binding {}", i + 1), len)
        })
        .collect();
    builder.dispatch(kernel, params, &tensors, groups);
    let program = builder.program(0);
    let plan = builder.build(gpu)?;
    for (arg, tensor) in args.iter().zip(&tensors) {
        match arg {
            Arg::In(bytes) | Arg::InOut(bytes) => plan.write(gpu, *tensor, bytes),
            Arg::Out(len) => plan.write(gpu, *tensor, &vec![u32::MAX; *len]),
        }
    }
    plan.run(gpu, program);
    let mut results = Vec::new();
    for (arg, tensor) in args.iter().zip(&tensors) {
        if !matches!(arg, Arg::In(_)) {
            results.push(plan.fetch(gpu, *tensor).await?);
        }
    }
    Ok(results)
}

/// [`run_once_async`] for threads that may block.
///
/// # Errors
/// A [`GpuError`] if a tensor or the dispatch exceeds the adapter's limits, the kernel has no shader, the device failed
/// or the wait limit is over.
#[cfg(not(target_arch = "wasm32"))]
pub fn run_once<P: Pod>(
    gpu: &Gpu,
    kernel: Kernel,
    params: &P,
    args: &[Arg<'_>],
    groups: [u32; 3],
) -> Result<Vec<Vec<u32>>, GpuError> {
    pollster::block_on(run_once_async(gpu, kernel, params, args, groups))
}
