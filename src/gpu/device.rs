use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_channel::oneshot;

use super::kernels::KernelCache;
use super::{GpuError, Kernel, Tiling};

/// No wait on the adapter is longer than this: a software adapter may need seconds for a large step,
/// a lost one would never answer.
const WAIT_LIMIT: Duration = Duration::from_secs(300);

/// How long what is due any moment may take: a callback, or word of a loss that an error has announced.
#[cfg(not(target_arch = "wasm32"))]
const MOMENT: Duration = Duration::from_secs(10);

/// Used where an adapter has them, never required.
const OPTIONAL_FEATURES: wgpu::Features = wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::SUBGROUP);

/// A device with WebGPU's default limits, its queue and the pipelines made on it.
pub struct Gpu {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: wgpu::AdapterInfo,
    /// Features switched on; all optional.
    pub features: wgpu::Features,
    /// What the adapter could give beyond the defaults.
    pub adapter_limits: wgpu::Limits,
    /// How convolutions are cut: the one that suits such adapters, until another is set.
    pub tiling: Tiling,
    wait_limit: Duration,
    kernels: KernelCache,
    fault: Arc<Mutex<Option<GpuFault>>>,
}

/// Work handed to the adapter.
pub(super) struct InFlight {
    index: wgpu::SubmissionIndex,
    #[cfg(target_arch = "wasm32")]
    done: oneshot::Receiver<()>,
}

#[derive(Clone)]
enum GpuFault {
    Error(String),
    Lost(String),
}

impl Gpu {
    /// Opens the default adapter (`WGPU_BACKEND` and `WGPU_ADAPTER_NAME` choose another).
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] names what to install on each platform.
    pub async fn request() -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle().with_env());
        let adapter = Self::adapter(&instance).await?;
        let (device, queue) = adapter
            .request_device(&Self::device_descriptor(&adapter))
            .await
            .map_err(|e| GpuError::NoDevice { adapter: adapter.get_info().name, reason: e.to_string() })?;
        Ok(Self::adopt(&adapter, device, queue))
    }

    /// The device that everything here is made for: WebGPU's default limits, and of the optional features
    /// those that the adapter has.
    pub fn device_descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
        wgpu::DeviceDescriptor {
            label: Some("remixmatch"),
            required_features: adapter.features() & OPTIONAL_FEATURES,
            required_limits: wgpu::Limits::default(),
            ..Default::default()
        }
    }

    /// Works on a device that a window made with [`Gpu::device_descriptor`].
    pub fn adopt(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let fault = Arc::new(Mutex::new(None));
        watch(&device, &fault);
        let mut gpu = Self {
            features: device.features() & OPTIONAL_FEATURES,
            device,
            queue,
            info: adapter.get_info(),
            adapter_limits: adapter.limits(),
            tiling: Tiling::WAVE,
            wait_limit: WAIT_LIMIT,
            kernels: KernelCache::default(),
            fault,
        };
        gpu.tiling = Tiling::candidates(&gpu)[0];
        gpu
    }

    /// Has every wait end with [`GpuError::Timeout`] after `limit` instead of five minutes.
    #[must_use]
    pub fn with_wait_limit(self, limit: Duration) -> Self {
        Self { wait_limit: limit, ..self }
    }

    /// [`Gpu::request`] for threads that may block.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new_blocking() -> Result<Self, GpuError> {
        pollster::block_on(Self::request())
    }

    async fn adapter(instance: &wgpu::Instance) -> Result<wgpu::Adapter, GpuError> {
        if let Ok(wanted) = std::env::var("WGPU_ADAPTER_NAME") {
            let adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
            let names: Vec<_> = adapters.iter().map(|a| a.get_info().name).collect();
            let offered = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let wanted_lower = wanted.to_lowercase();
            return adapters
                .into_iter()
                .find(|a| a.get_info().name.to_lowercase().contains(&wanted_lower))
                .ok_or(GpuError::UnknownAdapter { wanted, offered });
        }
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        instance.request_adapter(&options).await.map_err(|e| GpuError::NoAdapter(e.to_string()))
    }

    /// The limits every plan is checked against.
    pub fn limits(&self) -> wgpu::Limits {
        self.device.limits()
    }

    /// Whether the adapter is a program on the CPU.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Whether every subgroup has exactly `size` invocations, and shaders may use them.
    pub fn has_subgroups_of(&self, size: u32) -> bool {
        let sizes = (self.info.subgroup_min_size, self.info.subgroup_max_size);
        self.features.contains(wgpu::Features::SUBGROUP) && sizes == (size, size)
    }

    pub(super) fn pipeline(&self, kernel: &Kernel) -> Result<wgpu::ComputePipeline, GpuError> {
        self.kernels.pipeline(&self.device, kernel)
    }

    /// The first error the adapter reported outside any call, or its loss.
    ///
    /// # Errors
    /// [`GpuError::Adapter`] or [`GpuError::Lost`], with the adapter's words.
    pub fn check(&self) -> Result<(), GpuError> {
        match self.fault() {
            None => Ok(()),
            Some(GpuFault::Lost(reason)) => Err(GpuError::Lost(reason)),
            Some(GpuFault::Error(reason)) => Err(GpuError::Adapter(reason)),
        }
    }

    /// [`Gpu::check`], with a loss that was not told yet in place of the error that it caused.
    pub(super) fn check_cause(&self) -> Result<(), GpuError> {
        self.check().map_err(|error| self.cause(error))
    }

    fn fault(&self) -> Option<GpuFault> {
        self.fault.lock().expect("the error handlers do not panic").clone()
    }

    /// The loss that `error` may be a consequence of: it is told only after the work under way has ended.
    pub(super) fn cause(&self, error: GpuError) -> GpuError {
        if matches!(error, GpuError::Lost(_)) {
            return error;
        }
        // A browser tells a loss by itself.
        #[cfg(not(target_arch = "wasm32"))]
        {
            let settle = wgpu::PollType::Wait { submission_index: None, timeout: Some(MOMENT) };
            // Whether it settles or not, what is known by now counts.
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
    /// [`GpuError::Timeout`] after five minutes; whatever the adapter reported.
    pub fn wait(&self, what: &'static str) -> Result<(), GpuError> {
        self.wait_until(None, what)
    }

    /// [`Gpu::wait`] for one submission and those before it; later ones go on.
    pub fn wait_for(&self, index: wgpu::SubmissionIndex, what: &'static str) -> Result<(), GpuError> {
        self.wait_until(Some(index), what)
    }

    /// The value that a callback sends once the work up to `index` is done. Where a thread may block, it
    /// does; in a browser the future waits.
    ///
    /// # Errors
    /// As [`Gpu::wait`].
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

    /// Submits commands whose end somebody will wait for.
    pub(super) fn submit(&self, encoder: wgpu::CommandEncoder) -> InFlight {
        let index = self.queue.submit([encoder.finish()]);
        #[cfg(target_arch = "wasm32")]
        let done = {
            let (sender, receiver) = oneshot::channel();
            self.queue.on_submitted_work_done(move || {
                // A caller that no longer waits no longer wants to know.
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
    /// As [`Gpu::wait`].
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
    /// As [`Gpu::wait`].
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

/// The value of a callback that is due. Another thread that polls may be the one to call it, a moment after
/// this thread has seen the work done.
#[cfg(not(target_arch = "wasm32"))]
fn called_back<T>(receiver: &mut oneshot::Receiver<T>) -> Option<T> {
    let began = web_time::Instant::now();
    loop {
        match receiver.try_recv() {
            Ok(Some(value)) => return Some(value),
            Ok(None) if began.elapsed() < MOMENT => std::thread::yield_now(),
            Ok(None) | Err(oneshot::Canceled) => return None,
        }
    }
}

/// Keeps the first fault: later ones are its consequences. A loss counts before errors, which it may cause before it
/// is told.
fn watch(device: &wgpu::Device, fault: &Arc<Mutex<Option<GpuFault>>>) {
    let note = |slot: &Arc<Mutex<Option<GpuFault>>>, found: GpuFault| {
        if let Ok(mut slot) = slot.lock() {
            match (&*slot, &found) {
                (None, _) | (Some(GpuFault::Error(_)), GpuFault::Lost(_)) => *slot = Some(found),
                _ => {}
            }
        }
    };
    let on_error = Arc::clone(fault);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        note(&on_error, GpuFault::Error(error.to_string()));
    }));
    let on_loss = Arc::clone(fault);
    device.set_device_lost_callback(move |reason, message| {
        // Whoever still asks has not dropped it: it was destroyed by someone else.
        let words = match (message.is_empty(), reason) {
            (false, _) => message,
            (true, wgpu::DeviceLostReason::Destroyed) => "it was destroyed".to_owned(),
            (true, _) => "no reason was given".to_owned(),
        };
        note(&on_loss, GpuFault::Lost(words));
    });
}
