use thiserror::Error;

/// What can go wrong between the program and the adapter.
#[derive(Debug, Error)]
pub enum GpuError {
    #[error(
        "no WebGPU adapter was found ({0}). Install a GPU driver, or a software adapter: \
         Debian/Ubuntu `apt-get install mesa-vulkan-drivers` (Debian 12: `-t bookworm-backports`), \
         Fedora `dnf install mesa-vulkan-drivers`, Arch `pacman -S vulkan-swrast`, \
         Windows: the DirectX 12 WARP adapter is part of the system, macOS: Metal is part of the system"
    )]
    NoAdapter(String),
    #[error("WGPU_ADAPTER_NAME asks for an adapter named '{wanted}', there is {offered}")]
    UnknownAdapter { wanted: String, offered: String },
    #[error("the adapter {adapter} refused the device: {reason}")]
    NoDevice { adapter: String, reason: String },
    #[error(
        "tensor '{tensor}' needs {needed} bytes in one binding, the limit of this adapter is {limit} bytes: \
         use a smaller batch, image size or network"
    )]
    BindingTooLarge { tensor: String, needed: u64, limit: u64 },
    #[error("kernel {kernel} binds {found} storage buffers, a stage may have {limit}")]
    TooManyBindings { kernel: String, found: usize, limit: u32 },
    #[error("kernel {kernel} asks for {groups:?} workgroups, a dimension may have {limit}")]
    TooManyGroups { kernel: String, groups: [u32; 3], limit: u32 },
    #[error(
        "the device wants bindings at multiples of {found} bytes; WebGPU's devices take multiples of {limit}: choose \
         another adapter"
    )]
    Alignment { found: u32, limit: u64 },
    #[error("no shader is named '{0}'")]
    UnknownShader(String),
    #[error("the adapter reported an error: {0}")]
    Adapter(String),
    #[error("the adapter was lost: {0}")]
    Lost(String),
    #[error("the adapter did not answer within {seconds} s while {what}")]
    Timeout { seconds: f64, what: &'static str },
    #[error("stopped between two slices of work")]
    Stopped,
    #[error("the adapter never answered while {0}")]
    Unanswered(&'static str),
    #[error("reading back '{tensor}' failed: {reason}")]
    Readback { tensor: String, reason: String },
}
