use std::sync::{Arc, Mutex};
use std::time::Duration;

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
        let info = adapter.get_info();
        let features = adapter.features() & OPTIONAL_FEATURES;
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("remixmatch"),
                required_features: features,
                required_limits: wgpu::Limits::default(),
                ..Default::default()
            })
            .await
            .map_err(|e| GpuError::NoDevice { adapter: info.name.clone(), reason: e.to_string() })?;
        let fault = Arc::new(Mutex::new(None));
        watch(&device, &fault);
        Ok(Self {
            device,
            queue,
            info,
            features,
            adapter_limits: adapter.limits(),
            kernels: KernelCache::default(),
            fault,
        })
    }

    /// [`Gpu::request`] for threads that may block.
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

    /// Lets finished work call back, without waiting.
    pub fn poll(&self) -> Result<(), GpuError> {
        // A poll that finds nothing finished is no error; a lost device shows in `check`.
        let _ = self.device.poll(wgpu::PollType::Poll);
        self.check()
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
        if reason != wgpu::DeviceLostReason::Destroyed {
            note(&on_loss, GpuFault::Lost(message));
        }
    });
}
