//! Many numbers made into few on the adapter, for the eye. Nothing here knows about learning.

mod pca;
mod projector;

pub use pca::Pca;
pub use projector::{Projection, Projector};
