//! The folder of the user's data, in which data sets and weights are found by name.

use std::path::PathBuf;

#[cfg(target_arch = "wasm32")]
use crate::disk::in_memory::WEIGHTS;

/// The folder of the user's data, where scripts store what they fetch.
#[cfg(not(target_arch = "wasm32"))]
pub fn data_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")))?;
    Some(base.join("remixmatch"))
}

/// The page's folder of weights that a person has given.
#[cfg(target_arch = "wasm32")]
pub fn data_folder() -> Option<PathBuf> {
    Some(PathBuf::from(WEIGHTS))
}
