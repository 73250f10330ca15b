use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_channel::oneshot;

use super::kernels::KernelCache;
use super::{GpuError, Kernel};

/// No wait on the adapter is longer than this: a software adapter may need seconds for a large step,
/// a lost one would never answer.
const WAIT_LIMIT: Duration = Duration::from_secs(300);

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
    kernels: KernelCache,
    fault: Arc<Mutex<Option<GpuFault>>>,
}

/// Work handed to the adapter.
pub(super) struct InFlight {
    index: wgpu::SubmissionIndex,
    #[cfg(target_arch = "wasm32")]
    done: oneshot::Receiver<()>,
}

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
        Self {
            features: device.features() & OPTIONAL_FEATURES,
            device,
            queue,
            info: adapter.get_info(),
            adapter_limits: adapter.limits(),
            kernels: KernelCache::default(),
            fault,
        }
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

    /// The first error or loss the adapter reported outside any call.
    ///
    /// # Errors
    /// [`GpuError::Adapter`] or [`GpuError::Lost`], with the adapter's words.
    pub fn check(&self) -> Result<(), GpuError> {
        match &*self.fault.lock().expect("the error handlers do not panic") {
            None => Ok(()),
            Some(GpuFault::Error(reason)) => Err(GpuError::Adapter(reason.clone())),
            Some(GpuFault::Lost(reason)) => Err(GpuError::Lost(reason.clone())),
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
        self.check()?;
        arrived.ok_or(GpuError::Unanswered(what))
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

    fn wait_until(
        &self,
        submission_index: Option<wgpu::SubmissionIndex>,
        what: &'static str,
    ) -> Result<(), GpuError> {
        let waited = self.device.poll(wgpu::PollType::Wait { submission_index, timeout: Some(WAIT_LIMIT) });
        self.check()?;
        match waited {
            Ok(_) => Ok(()),
            Err(wgpu::PollError::Timeout) => Err(GpuError::Timeout { seconds: WAIT_LIMIT.as_secs(), what }),
            Err(error) => Err(GpuError::Adapter(error.to_string())),
        }
    }
}

/// The value of a callback that is due. Another thread that polls may be the one to call it, a moment after
/// this thread has seen the work done.
#[cfg(not(target_arch = "wasm32"))]
fn called_back<T>(receiver: &mut oneshot::Receiver<T>) -> Option<T> {
    const MOMENT: Duration = Duration::from_secs(10);
    let began = web_time::Instant::now();
    loop {
        match receiver.try_recv() {
            Ok(Some(value)) => return Some(value),
            Ok(None) if began.elapsed() < MOMENT => std::thread::yield_now(),
            Ok(None) | Err(oneshot::Canceled) => return None,
        }
    }
}

/// Keeps the first fault: later ones are its consequences.
fn watch(device: &wgpu::Device, fault: &Arc<Mutex<Option<GpuFault>>>) {
    let note = |slot: &Arc<Mutex<Option<GpuFault>>>, found: GpuFault| {
        if let Ok(mut slot) = slot.lock() {
            slot.get_or_insert(found);
        }
    };
    let on_error = Arc::clone(fault);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        note(&on_error, GpuFault::Error(error.to_string()));
    }));
    let on_loss = Arc::clone(fault);
    device.set_device_lost_callback(move |reason, message| {
        // Here a device is destroyed when it is dropped; on a page it is lost whoever ended it.
        if cfg!(target_arch = "wasm32") || reason != wgpu::DeviceLostReason::Destroyed {
            note(&on_loss, GpuFault::Lost(message));
        }
    });
}
