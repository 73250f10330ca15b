//! The device that all tests of a binary share.

use std::sync::LazyLock;

use remixmatch::gpu::Gpu;

/// One device for all tests of a binary, so that pipelines are compiled once.
#[cfg(not(target_arch = "wasm32"))]
pub static GPU: LazyLock<Gpu> = LazyLock::new(|| Gpu::new_blocking().expect("these tests need an adapter"));

/// In a page the device is opened by [`open`], which waits for it, before the first test.
#[cfg(target_arch = "wasm32")]
pub static GPU: LazyLock<Gpu> = LazyLock::new(|| {
    OPENED.lock().ok().and_then(|mut opened| opened.take()).expect("the device is opened before any test")
});

#[cfg(target_arch = "wasm32")]
static OPENED: std::sync::Mutex<Option<Gpu>> = std::sync::Mutex::new(None);

/// Opens the device of all tests.
#[cfg(target_arch = "wasm32")]
pub async fn open() {
    let gpu = Gpu::request().await.expect("these tests need an adapter");
    *OPENED.lock().expect("no thread panics while it holds the device") = Some(gpu);
}
