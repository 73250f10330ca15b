use std::collections::HashMap;
use std::path::Path;

use bytemuck::Pod;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::atomic::write_atomically;
use super::error::TrainError;

/// Tensors on their way into a safetensors file.
#[derive(Default)]
pub struct TensorFile {
    stored: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
}

impl TensorFile {
    /// Adds an f32 tensor.
    pub fn f32(&mut self, name: impl Into<String>, shape: &[usize], values: &[f32]) {
        self.add(name.into(), Dtype::F32, shape, values);
    }

    /// Adds an int32 tensor.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn i32(&mut self, name: impl Into<String>, shape: &[usize], values: &[i32]) {
        self.add(name.into(), Dtype::I32, shape, values);
    }

    /// Adds 32-bit words as they are.
    pub fn words<T: Pod>(&mut self, name: impl Into<String>, shape: &[usize], values: &[T]) {
        self.add(name.into(), Dtype::U32, shape, values);
    }

    fn add<T: Pod>(&mut self, name: String, dtype: Dtype, shape: &[usize], values: &[T]) {
        self.stored.push((name, dtype, shape.to_vec(), bytemuck::cast_slice(values).to_vec()));
    }

    /// Writes everything with `metadata` in one go; see [`write_atomically`].
    ///
    /// # Errors
    /// The file's; whatever stood at `path` stays.
    pub fn save(&self, path: &Path, metadata: HashMap<String, String>) -> Result<(), TrainError> {
        let broken = |e: safetensors::SafeTensorError| TrainError::Checkpoint {
            path: path.to_owned(),
            reason: e.to_string(),
        };
        let views: Result<Vec<_>, _> = self
            .stored
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
            })
            .collect();
        let bytes = safetensors::serialize(views.map_err(broken)?, Some(metadata)).map_err(broken)?;
        write_atomically(path, &bytes)
    }
}
