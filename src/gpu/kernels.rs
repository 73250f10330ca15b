//! Compute kernels: the linked shaders, the pipeline cache and the workgroup counts of a dispatch.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

use super::error::GpuError;

// `pub static SHADERS: &[(&str, &str)]`: name and WGSL source of every shader of `shaders/`, linked by `build.rs`, and
// `static PROVEN: &[&str]`: names of those that are proven to need no checks.
include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// WGSL source of `family/name`.
///
/// # Errors
/// [`GpuError::UnknownShader`] if no shader has this name.
pub fn shader_source(name: &str) -> Result<&'static str, GpuError> {
    SHADERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, source)| *source)
        .ok_or_else(|| GpuError::UnknownShader(name.to_owned()))
}

/// Whether a shader is compiled without checks of indices, loops and divisors and without zeros in workgroup memory, natively
/// (a browser always checks): one whose source says after `// In range:` why it needs none.
fn is_proven(shader: &str) -> bool {
    PROVEN.contains(&shader)
}

/// How the numbers of a feature map are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    #[default]
    F32,
    /// Two numbers per word; the adapter must have `SHADER_F16`.
    F16,
}

impl Storage {
    /// Words that `numbers` numbers take; they are even for f16.
    pub fn words(self, numbers: usize) -> usize {
        match self {
            Self::F32 => numbers,
            Self::F16 => numbers / 2,
        }
    }
}

/// A compute entry point with its `override` constants: the key of the pipeline cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    shader: &'static str,
    entry: &'static str,
    constants: Vec<(&'static str, f64)>,
}

impl Kernel {
    /// Entry point `entry` of `shaders/<shader>.wgsl`.
    pub fn new(shader: &'static str, entry: &'static str) -> Self {
        Self { shader, entry, constants: Vec::new() }
    }

    /// The variant of the shader for feature maps that are stored in this way.
    ///
    /// # Panics
    /// If the shader has none for f16.
    pub fn stored_as(mut self, storage: Storage) -> Self {
        if storage == Storage::F16 {
            let half = |name: &str| name.strip_suffix("_half") == Some(self.shader);
            let found = SHADERS.iter().find(|(name, _)| half(name));
            self.shader =
                found.unwrap_or_else(|| panic!("{} reads and writes no feature map", self.shader)).0;
        }
        self
    }

    /// Sets an `override` constant of the shader.
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.constants.push((name, value));
        self
    }

    fn key(&self) -> String {
        self.to_string()
    }
}

/// `family/name:entry`, then the constants.
impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.shader, self.entry)?;
        for (name, value) in &self.constants {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// Pipelines and shader modules created so far, each compiled once per device.
#[derive(Default)]
pub(super) struct KernelCache {
    modules: Mutex<HashMap<&'static str, wgpu::ShaderModule>>,
    pipelines: Mutex<HashMap<String, wgpu::ComputePipeline>>,
}

impl KernelCache {
    pub fn pipeline(
        &self,
        device: &wgpu::Device,
        kernel: &Kernel,
    ) -> Result<wgpu::ComputePipeline, GpuError> {
        let mut pipelines = self.pipelines.lock().expect("no thread panics while it holds the pipelines");
        if let Some(pipeline) = pipelines.get(&kernel.key()) {
            return Ok(pipeline.clone());
        }
        let module = self.module(device, kernel.shader)?;
        // Zeros in workgroup memory are of no use to a shader that writes before it reads.
        let zero_initialize_workgroup_memory = !is_proven(kernel.shader);
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&kernel.key()),
            layout: None,
            module: &module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &kernel.constants,
                zero_initialize_workgroup_memory,
            },
            cache: None,
        });
        pipelines.insert(kernel.key(), pipeline.clone());
        Ok(pipeline)
    }

    fn module(&self, device: &wgpu::Device, name: &'static str) -> Result<wgpu::ShaderModule, GpuError> {
        let mut modules = self.modules.lock().expect("no thread panics while it holds the modules");
        if let Some(module) = modules.get(name) {
            return Ok(module.clone());
        }
        let source = wgpu::ShaderSource::Wgsl(shader_source(name)?.into());
        let descriptor = wgpu::ShaderModuleDescriptor { label: Some(name), source };
        let module = match is_proven(name) {
            // SAFETY: no index is out of bounds, no loop endless and no divisor zero, as the shader's source says.
            true => unsafe {
                device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
            },
            false => device.create_shader_module(descriptor),
        };
        modules.insert(name, module.clone());
        Ok(module)
    }
}

/// WebGPU's default limit of workgroups in one dimension of a dispatch.
const MAX_GROUPS: u32 = 65_535;

/// Workgroup counts of a one-dimensional dispatch of `groups` workgroups, folded into a second dimension past the
/// limit. The shader recovers the flat index with `flat_id` of `shaders/common/indexing.wgsl` and
/// must check its bound: a folded grid may overshoot.
pub fn groups_1d(groups: u32) -> [u32; 3] {
    if groups <= MAX_GROUPS {
        return [groups.max(1), 1, 1];
    }
    let rows = groups.div_ceil(MAX_GROUPS);
    [groups.div_ceil(rows), rows, 1]
}

/// [`groups_1d`] for `items` items at `group_size` invocations per workgroup.
pub fn groups_for_items(items: usize, group_size: u32) -> [u32; 3] {
    groups_1d(items.div_ceil(group_size as usize) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_grids_cover_every_workgroup_within_limits() {
        for groups in [0, 1, 65_535, 65_536, 131_071, 200_000, 5_000_000] {
            let [x, y, z] = groups_1d(groups);
            assert!(x <= MAX_GROUPS && y <= MAX_GROUPS && z == 1);
            assert!(u64::from(x) * u64::from(y) >= u64::from(groups));
            assert!(u64::from(x) * u64::from(y) < u64::from(groups.max(1)) + u64::from(y));
        }
        assert_eq!(groups_1d(65_536), [32_768, 2, 1]);
    }
}
