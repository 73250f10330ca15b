//! Files by path: those of the system, or on a page those of a shelf in memory that the browser keeps a copy of.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
pub mod shelf;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{create_folder, exists, is_folder, list, modified, read, remove, remove_folder, write};
#[cfg(target_arch = "wasm32")]
pub use shelf::{create_folder, exists, is_folder, list, modified, read, remove, remove_folder, write};
