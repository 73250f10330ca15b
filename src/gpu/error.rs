//! The errors of the GPU runtime. A leaf: every file of `gpu` may import it.

use thiserror::Error;

/// A failure of the adapter, or a plan that exceeds its limits.
#[derive(Debug, Error)]
pub enum GpuError {
    /// No adapter was found; the reason is wgpu's.
    #[error(
        "no WebGPU adapter was found ({0}). Install a GPU driver, or a software adapter: \
         Debian/Ubuntu `apt-get install mesa-vulkan-drivers` (Debian 12: `-t bookworm-backports`), \
         Fedora `dnf install mesa-vulkan-drivers`, Arch `pacman -S vulkan-swrast`, \
         Windows: the DirectX 12 WARP adapter is part of the system, macOS: Metal is part of the system"
    )]
    NoAdapter(String),
    /// No adapter's name contains `WGPU_ADAPTER_NAME`.
    #[error("WGPU_ADAPTER_NAME requests an adapter named '{requested}', there is {offered}")]
    UnknownAdapter { requested: String, offered: String },
    /// The adapter does not give a device with WebGPU's default limits.
    #[error("the adapter {adapter} refused the device: {reason}")]
    NoDevice { adapter: String, reason: String },
    /// A tensor is larger than one storage binding may be.
    #[error(
        "tensor '{tensor}' needs {needed} bytes in one binding, the limit of this adapter is {limit} bytes: \
         use a smaller batch, image size or network"
    )]
    BindingTooLarge { tensor: String, needed: u64, limit: u64 },
    /// A dispatch binds more storage buffers than a stage may have.
    #[error("kernel {kernel} binds {found} storage buffers, a stage may have {limit}")]
    TooManyBindings { kernel: String, found: usize, limit: u32 },
    /// A dispatch has more workgroups in a dimension than the adapter allows.
    #[error("kernel {kernel} asks for {groups:?} workgroups, a dimension may have {limit}")]
    TooManyGroups { kernel: String, groups: [u32; 3], limit: u32 },
    /// The device aligns bindings more coarsely than WebGPU's default limit.
    #[error(
        "the device requires bindings at multiples of {found} bytes; WebGPU's default is multiples of {limit}: choose \
         another adapter"
    )]
    Alignment { found: u32, limit: u64 },
    /// No file below `shaders/` has this name.
    #[error("no shader is named '{0}'")]
    UnknownShader(String),
    /// The adapter could not allocate a plan.
    #[error(
        "the adapter has no memory left for a plan of {needed} bytes: use a smaller batch, image size or network, or close \
         other programs that use the adapter"
    )]
    OutOfMemory { needed: u64 },
    /// wgpu reported an error outside any call (validation, internal).
    #[error("the adapter reported an error: {0}")]
    Adapter(String),
    /// The device-lost callback was called.
    #[error("the adapter was lost: {0}")]
    Lost(String),
    /// Work was not done within the wait limit.
    #[error("the adapter did not answer within {seconds} s while {what}")]
    Timeout { seconds: f64, what: &'static str },
    /// A paced program was cancelled; its effects are incomplete.
    #[error("stopped between two slices of work")]
    Stopped,
    /// The work is done, but its callback was never called.
    #[error("the adapter never answered while {0}")]
    Unanswered(&'static str),
    /// A buffer could not be mapped for reading.
    #[error("reading back '{tensor}' failed: {reason}")]
    Readback { tensor: String, reason: String },
}
