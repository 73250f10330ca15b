//! Files of a run: written atomically, so that a process or machine that stops leaves the old content or the new, and
//! tensors in the safetensors format.

use std::collections::HashMap;
use std::path::Path;

use bytemuck::Pod;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::error::TrainError;
#[cfg(not(target_arch = "wasm32"))]
use crate::disk;

/// Prefix and suffix of the names of incomplete files.
#[cfg(not(target_arch = "wasm32"))]
const PART: [&str; 2] = [".remixmatch-", ".part"];

/// Writes `bytes` to the page's in-memory file system.
///
/// # Errors
/// None on the page; [`TrainError::File`] elsewhere.
#[cfg(target_arch = "wasm32")]
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    crate::disk::write(path, bytes).map_err(TrainError::file(path, "writing it"))
}

/// Writes `bytes` to a temporary file in the same folder, flushes it to disk, and renames it to `path`.
///
/// # Errors
/// [`TrainError::File`] if a step fails; the file at `path` is then unchanged.
#[cfg(not(target_arch = "wasm32"))]
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    use std::io::Write as _;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = temporary(folder).map_err(TrainError::file(folder, "writing into this folder"))?;
    file.write_all(bytes).map_err(TrainError::file(path, "writing it"))?;
    file.as_file().sync_all().map_err(TrainError::file(path, "flushing it to disk"))?;
    file.persist(path).map_err(|e| TrainError::file(path, "renaming it into place")(e.error))?;
    flush_names(folder).map_err(TrainError::file(folder, "flushing this folder to disk"))
}

/// Creates a temporary file with the permissions of an ordinary file: the default ones exclude other users.
#[cfg(not(target_arch = "wasm32"))]
fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let [start, end] = PART;
    builder.prefix(start).suffix(end);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(without_path)
}

/// An error without the path of the temporary file, which is another one at each attempt.
#[cfg(not(target_arch = "wasm32"))]
fn without_path(error: std::io::Error) -> std::io::Error {
    match error.to_string().split_once(" at path ") {
        Some((reason, _)) => std::io::Error::new(error.kind(), reason),
        None => error,
    }
}

/// Flushes a folder, without which a power cut may lose the new name. File systems that cannot flush folders, and
/// folders without read permission, are left to the operating system.
#[cfg(unix)]
fn flush_names(folder: &Path) -> std::io::Result<()> {
    use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match std::fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => Ok(()),
        flushed => flushed,
    }
}

/// Other systems flush names by themselves and cannot open folders.
#[cfg(not(any(unix, target_arch = "wasm32")))]
fn flush_names(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Whether this is an incomplete file of a process that was killed.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn is_unfinished(path: &Path) -> bool {
    let [start, end] = PART;
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(start) && name.ends_with(end))
}

/// The page writes no incomplete files.
#[cfg(target_arch = "wasm32")]
pub(super) fn is_unfinished(_path: &Path) -> bool {
    false
}

/// Removes the incomplete files in `folder`.
///
/// # Errors
/// [`TrainError::File`] if the folder cannot be read or a file cannot be removed.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn remove_unfinished(folder: &Path) -> Result<(), TrainError> {
    for path in disk::list(folder).map_err(TrainError::file(folder, "reading this folder"))? {
        if is_unfinished(&path) {
            disk::remove(&path).map_err(TrainError::file(path, "removing an unfinished file"))?;
        }
    }
    Ok(())
}

/// The page writes no incomplete files.
#[cfg(target_arch = "wasm32")]
pub(super) fn remove_unfinished(_folder: &Path) -> Result<(), TrainError> {
    Ok(())
}

/// Tensors to write to a safetensors file.
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

    /// Adds a tensor of 32-bit words, stored as u32 without conversion.
    pub fn words<T: Pod>(&mut self, name: impl Into<String>, shape: &[usize], values: &[T]) {
        self.add(name.into(), Dtype::U32, shape, values);
    }

    /// Adds a tensor of bytes.
    pub fn bytes(&mut self, name: impl Into<String>, bytes: &[u8]) {
        self.add(name.into(), Dtype::U8, &[bytes.len()], bytes);
    }

    /// Names and bytes of the tensors.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.stored.iter().map(|(name, .., bytes)| (name.as_str(), bytes.as_slice()))
    }

    fn add<T: Pod>(&mut self, name: String, dtype: Dtype, shape: &[usize], values: &[T]) {
        self.stored.push((name, dtype, shape.to_vec(), bytemuck::cast_slice(values).to_vec()));
    }

    /// Writes the tensors and `metadata` with [`write_atomically`].
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be written; [`TrainError::Checkpoint`] if a tensor's shape does not
    /// match its values.
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
