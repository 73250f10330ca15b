//! The device: how it is opened, waited for and checked for errors.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;

use super::error::GpuError;
use super::kernels::{Kernel, KernelCache};
use super::measured_tiles::{MeasuredTiles, Tuning};
use super::tiling::{self, Tiling};

/// The longest wait on the adapter: a software adapter may need seconds for a large step, a lost one would never
/// answer.
const WAIT_LIMIT: Duration = Duration::from_secs(300);

/// The longest wait for a callback whose work is done, or for the device-lost callback after an error.
#[cfg(not(target_arch = "wasm32"))]
const CALLBACK_LIMIT: Duration = Duration::from_secs(10);

/// Features that are used if the adapter has them, and never required.
const OPTIONAL_FEATURES: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::SUBGROUP).union(wgpu::Features::SHADER_F16);

/// A device with WebGPU's default limits, its queue and the pipelines made on it.
pub struct Gpu {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: wgpu::AdapterInfo,
    /// The optional features that are enabled.
    pub features: wgpu::Features,
    /// The adapter's own limits, which may be above the device's.
    pub adapter_limits: wgpu::Limits,
    /// The tile of matrix products that were not measured; the first of [`Gpu::tilings`] until another is set.
    pub tiling: Tiling,
    /// How tiles are measured; `None`: they are not.
    pub tuning: Option<Tuning>,
    measured: Mutex<Arc<MeasuredTiles>>,
    wait_limit: Duration,
    memory_limit: u64,
    kernels: KernelCache,
    fault: Arc<Mutex<Option<GpuFault>>>,
}

/// Submitted work that can be waited for.
pub(super) struct InFlight {
    index: wgpu::SubmissionIndex,
    #[cfg(target_arch = "wasm32")]
    done: oneshot::Receiver<()>,
}

/// The first failure outside any call.
#[derive(Clone)]
enum GpuFault {
    /// An allocation failed; the device works on.
    OutOfMemory(String),
    /// From the uncaptured-error handler.
    Error(String),
    /// From the device-lost callback.
    Lost(String),
}

impl Gpu {
    /// Opens the default adapter (`WGPU_BACKEND` and `WGPU_ADAPTER_NAME` choose another).
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] if there is none, [`GpuError::UnknownAdapter`] if none has the name in
    /// `WGPU_ADAPTER_NAME`, [`GpuError::NoDevice`] if it refuses the default limits.
    pub async fn request() -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle().with_env());
        let adapter = Self::adapter(&instance).await?;
        let (device, queue) = adapter
            .request_device(&Self::device_descriptor(&adapter))
            .await
            .map_err(|e| GpuError::NoDevice { adapter: adapter.get_info().name, reason: e.to_string() })?;
        Ok(Self::adopt(&adapter, device, queue))
    }

    /// The device that [`Gpu`] requires: WebGPU's default limits and those optional features that the adapter has.
    pub fn device_descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
        wgpu::DeviceDescriptor {
            label: Some("remixmatch"),
            required_features: adapter.features() & OPTIONAL_FEATURES,
            required_limits: wgpu::Limits::default(),
            ..Default::default()
        }
    }

    /// Wraps a device that a window created with [`Gpu::device_descriptor`].
    pub fn adopt(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let fault = Arc::new(Mutex::new(None));
        install_error_handlers(&device, &fault);
        let mut gpu = Self {
            features: device.features() & OPTIONAL_FEATURES,
            device,
            queue,
            info: adapter.get_info(),
            adapter_limits: adapter.limits(),
            tiling: Tiling::WAVE,
            tuning: None,
            measured: Mutex::default(),
            wait_limit: WAIT_LIMIT,
            memory_limit: u64::MAX,
            kernels: KernelCache::default(),
            fault,
        };
        gpu.tiling = gpu.tilings()[0];
        gpu
    }

    /// Makes every wait end with [`GpuError::Timeout`] after `limit` instead of five minutes.
    #[must_use]
    pub fn with_wait_limit(self, limit: Duration) -> Self {
        Self { wait_limit: limit, ..self }
    }

    /// Refuses plans of more than `bytes` bytes, as an adapter with so little memory does.
    #[must_use]
    pub fn with_memory_limit(self, bytes: u64) -> Self {
        Self { memory_limit: bytes, ..self }
    }

    /// [`Gpu::request`] for threads that may block.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] if there is none, [`GpuError::UnknownAdapter`] if none has the name in
    /// `WGPU_ADAPTER_NAME`, [`GpuError::NoDevice`] if it refuses the default limits.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new_blocking() -> Result<Self, GpuError> {
        pollster::block_on(Self::request())
    }

    async fn adapter(instance: &wgpu::Instance) -> Result<wgpu::Adapter, GpuError> {
        if let Ok(requested) = std::env::var("WGPU_ADAPTER_NAME") {
            let adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
            let names: Vec<_> = adapters.iter().map(|a| a.get_info().name).collect();
            let offered = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let requested_lower = requested.to_lowercase();
            return adapters
                .into_iter()
                .find(|a| a.get_info().name.to_lowercase().contains(&requested_lower))
                .ok_or(GpuError::UnknownAdapter { requested, offered });
        }
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        instance.request_adapter(&options).await.map_err(|e| GpuError::NoAdapter(e.to_string()))
    }

    /// The device's limits, which every plan is checked against.
    pub fn limits(&self) -> wgpu::Limits {
        self.device.limits()
    }

    /// Whether the adapter runs on the CPU.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Whether subgroups are enabled and each has exactly `size` invocations.
    pub fn has_subgroups_of(&self, size: u32) -> bool {
        let sizes = (self.info.subgroup_min_size, self.info.subgroup_max_size);
        self.features.contains(wgpu::Features::SUBGROUP) && sizes == (size, size)
    }

    /// The tiles that the adapter can run, in the order of their expected speed; the first is used without
    /// measuring. Results do not depend on the tile.
    pub fn tilings(&self) -> Vec<Tiling> {
        let lanes = [4, 8].into_iter().find(|lanes| self.has_subgroups_of(*lanes));
        tiling::candidates(self.is_software(), lanes)
    }

    /// The tiles of products that were measured.
    pub fn measured_tiles(&self) -> Arc<MeasuredTiles> {
        Arc::clone(&self.measured.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the tiles of the plans that are recorded from now on.
    pub fn set_measured_tiles(&self, tiles: MeasuredTiles) {
        *self.measured.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(tiles);
    }

    pub(super) fn pipeline(&self, kernel: &Kernel) -> Result<wgpu::ComputePipeline, GpuError> {
        self.kernels.pipeline(&self.device, kernel)
    }

    /// Whether wgpu has reported an error outside any call, or the device is lost.
    ///
    /// # Errors
    /// [`GpuError::Lost`] after the device-lost callback, else [`GpuError::Adapter`] with the first error.
    pub fn check(&self) -> Result<(), GpuError> {
        match self.fault() {
            None => Ok(()),
            Some(GpuFault::Lost(reason)) => Err(GpuError::Lost(reason)),
            Some(GpuFault::Error(reason) | GpuFault::OutOfMemory(reason)) => Err(GpuError::Adapter(reason)),
        }
    }

    /// Whether the buffers of a plan of `needed` bytes were allocated.
    ///
    /// # Errors
    /// [`GpuError::OutOfMemory`] once after an allocation that failed, and above the memory limit.
    pub(super) fn check_allocation(&self, needed: u64) -> Result<(), GpuError> {
        let mut fault = self.fault.lock().expect("the error handlers do not panic");
        let failed = fault.take_if(|fault| matches!(fault, GpuFault::OutOfMemory(_))).is_some();
        match failed || needed > self.memory_limit {
            true => Err(GpuError::OutOfMemory { needed }),
            false => Ok(()),
        }
    }

    /// [`Gpu::check`], which waits for the device-lost callback if there is an error.
    pub(super) fn check_cause(&self) -> Result<(), GpuError> {
        self.check().map_err(|error| self.cause(error))
    }

    fn fault(&self) -> Option<GpuFault> {
        self.fault.lock().expect("the error handlers do not panic").clone()
    }

    /// The loss of the device if `error` is a consequence of it, else `error`: the device-lost callback comes only
    /// after the work in flight has ended.
    pub(super) fn cause(&self, error: GpuError) -> GpuError {
        if matches!(error, GpuError::Lost(_)) {
            return error;
        }
        // A browser calls the device-lost callback without being polled.
        #[cfg(not(target_arch = "wasm32"))]
        {
            let settle = wgpu::PollType::Wait { submission_index: None, timeout: Some(CALLBACK_LIMIT) };
            // After a timeout the fault known so far counts.
            let _ = self.device.poll(settle);
        }
        match self.fault() {
            Some(GpuFault::Lost(reason)) => GpuError::Lost(reason),
            _ => error,
        }
    }

    /// Waits until everything submitted is done. `what` names the wait in the error.
    ///
    /// # Errors
    /// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
    pub fn wait(&self, what: &'static str) -> Result<(), GpuError> {
        self.wait_until(None, what)
    }

    /// [`Gpu::wait`] for one submission and those before it.
    ///
    /// # Errors
    /// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
    pub fn wait_for(&self, index: wgpu::SubmissionIndex, what: &'static str) -> Result<(), GpuError> {
        self.wait_until(Some(index), what)
    }

    /// The value that a callback sends once the work up to `index` is done. Blocks the thread, except in a browser,
    /// where the future waits.
    ///
    /// # Errors
    /// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit;
    /// [`GpuError::Unanswered`] if the callback is not called.
    pub(super) async fn arrival<T>(
        &self,
        receiver: &mut oneshot::Receiver<T>,
        index: wgpu::SubmissionIndex,
        what: &'static str,
    ) -> Result<T, GpuError> {
        #[cfg(not(target_arch = "wasm32"))]
        let arrived = {
            self.wait_for(index, what)?;
            called_back(receiver)
        };
        #[cfg(target_arch = "wasm32")]
        let arrived = {
            drop(index);
            receiver.await.ok()
        };
        self.check_cause()?;
        arrived.ok_or_else(|| self.cause(GpuError::Unanswered(what)))
    }

    /// Submits commands that [`Gpu::done`] can wait for.
    pub(super) fn submit(&self, encoder: wgpu::CommandEncoder) -> InFlight {
        let index = self.queue.submit([encoder.finish()]);
        #[cfg(target_arch = "wasm32")]
        let done = {
            let (sender, receiver) = oneshot::channel();
            self.queue.on_submitted_work_done(move || {
                // The receiver is gone if the caller no longer waits.
                let _ = sender.send(());
            });
            receiver
        };
        InFlight {
            index,
            #[cfg(target_arch = "wasm32")]
            done,
        }
    }

    /// Completes when the work, and everything before it, is done.
    ///
    /// # Errors
    /// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
    pub(super) async fn done(&self, work: InFlight, what: &'static str) -> Result<(), GpuError> {
        #[cfg(not(target_arch = "wasm32"))]
        return self.wait_for(work.index, what);
        #[cfg(target_arch = "wasm32")]
        {
            let mut work = work;
            self.arrival(&mut work.done, work.index, what).await
        }
    }

    /// Completes when everything submitted so far is done, in a browser too.
    ///
    /// # Errors
    /// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
    pub async fn settled(&self, what: &'static str) -> Result<(), GpuError> {
        let nothing = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.done(self.submit(nothing), what).await
    }

    fn wait_until(
        &self,
        submission_index: Option<wgpu::SubmissionIndex>,
        what: &'static str,
    ) -> Result<(), GpuError> {
        let waited =
            self.device.poll(wgpu::PollType::Wait { submission_index, timeout: Some(self.wait_limit) });
        self.check_cause()?;
        match waited {
            Ok(_) => Ok(()),
            Err(wgpu::PollError::Timeout) => {
                Err(GpuError::Timeout { seconds: self.wait_limit.as_secs_f64(), what })
            }
            Err(error) => Err(self.cause(GpuError::Adapter(error.to_string()))),
        }
    }
}

/// The value of a callback whose work is done. Another thread that polls may be the one that calls it, shortly after
/// this thread has seen the work done.
#[cfg(not(target_arch = "wasm32"))]
fn called_back<T>(receiver: &mut oneshot::Receiver<T>) -> Option<T> {
    let began = web_time::Instant::now();
    loop {
        match receiver.try_recv() {
            Ok(Some(value)) => return Some(value),
            Ok(None) if began.elapsed() < CALLBACK_LIMIT => std::thread::yield_now(),
            Ok(None) | Err(oneshot::Canceled) => return None,
        }
    }
}

/// Stores the first fault: later ones are its consequences. A loss replaces an error, which it may cause before its
/// callback is called.
fn install_error_handlers(device: &wgpu::Device, fault: &Arc<Mutex<Option<GpuFault>>>) {
    let note = |slot: &Arc<Mutex<Option<GpuFault>>>, found: GpuFault| {
        if let Ok(mut slot) = slot.lock() {
            match (&*slot, &found) {
                (None, _)
                | (Some(GpuFault::OutOfMemory(_)), _)
                | (Some(GpuFault::Error(_)), GpuFault::Lost(_)) => *slot = Some(found),
                _ => {}
            }
        }
    };
    let on_error = Arc::clone(fault);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        let found = match &error {
            wgpu::Error::OutOfMemory { .. } => GpuFault::OutOfMemory(error.to_string()),
            wgpu::Error::Validation { .. } | wgpu::Error::Internal { .. } => {
                GpuFault::Error(error.to_string())
            }
        };
        note(&on_error, found);
    }));
    let on_loss = Arc::clone(fault);
    device.set_device_lost_callback(move |reason, message| {
        // A device that is still in use was not dropped here: something else destroyed it.
        let reason = match (message.is_empty(), reason) {
            (false, _) => message,
            (true, wgpu::DeviceLostReason::Destroyed) => "it was destroyed".to_owned(),
            (true, _) => "no reason was given".to_owned(),
        };
        note(&on_loss, GpuFault::Lost(reason));
    });
}
