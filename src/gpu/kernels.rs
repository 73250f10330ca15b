use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

use super::{GpuError, shaders};

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

    /// Sets an `override` constant of the shader.
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.constants.push((name, value));
        self
    }

    fn key(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.shader, self.entry)?;
        for (name, value) in &self.constants {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// Pipelines and shader modules made so far, each compiled once a device.
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
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&kernel.key()),
            layout: None,
            module: &module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &kernel.constants,
                ..Default::default()
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
        let source = shaders::source(name)?;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        modules.insert(name, module.clone());
        Ok(module)
    }
}
