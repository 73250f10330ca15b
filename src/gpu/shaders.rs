//! The shaders of `shaders/`, linked into plain WGSL by `build.rs`.

use super::GpuError;

include!(concat!(env!("OUT_DIR"), "/shaders.rs"));

/// WGSL source of `family/name`.
pub fn source(name: &str) -> Result<&'static str, GpuError> {
    SHADERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, source)| *source)
        .ok_or_else(|| GpuError::UnknownShader(name.to_owned()))
}
