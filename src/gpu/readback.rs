//! Small results that arrive a few steps later: a ring of staging buffers, none reused before it is
//! unmapped.

use std::collections::VecDeque;

use futures_channel::oneshot;

use super::{Gpu, GpuError, Plan, Tensor};

struct InFlight {
    tag: u64,
    buffer: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// Carries the content of some tensors back to the host, in the order they were sent.
pub struct ReadbackRing {
    free: Vec<wgpu::Buffer>,
    flying: VecDeque<InFlight>,
    words: usize,
}

impl ReadbackRing {
    /// `depth` results of `words` 32-bit words each may be under way.
    pub fn new(gpu: &Gpu, depth: usize, words: usize) -> Self {
        let staging = |_| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("readback ring"),
                size: words as u64 * 4,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        Self { free: (0..depth).map(staging).collect(), flying: VecDeque::new(), words }
    }

    /// Results sent and not yet taken.
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Whether another result can be sent now; otherwise take one first.
    pub fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Submits a copy of `tensors` (one after another) and starts its way back under `tag`.
    ///
    /// # Panics
    /// When the ring has no room or the tensors are longer than its buffers.
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
            // A ring dropped meanwhile no longer wants its results.
            let _ = sender.send(result);
        });
        self.flying.push_back(InFlight { tag, buffer, submission, mapped });
    }

    /// The oldest result `(tag, words)`, waiting for it; `None` when nothing is under way.
    ///
    /// # Errors
    /// [`GpuError::Readback`], [`GpuError::Timeout`], or the adapter's fault.
    pub async fn next(&mut self, gpu: &Gpu) -> Result<Option<(u64, Vec<u32>)>, GpuError> {
        let Some(InFlight { tag, buffer, submission, mut mapped }) = self.flying.pop_front() else {
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
