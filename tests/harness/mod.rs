//! The adapter that the tests of a binary share.

use std::sync::LazyLock;

use remixmatch::gpu::Gpu;

/// One device for all tests of a binary, so that pipelines are compiled once.
pub static GPU: LazyLock<Gpu> = LazyLock::new(|| Gpu::new_blocking().expect("these tests need an adapter"));
