//! What differs between the desktop and a page.

#[cfg(not(target_arch = "wasm32"))]
pub use desktop::*;

#[cfg(not(target_arch = "wasm32"))]
mod desktop {
    use std::future::Future;

    /// Runs a future to its end, apart from the window. It is made where it runs and need not be `Send`.
    pub fn spawn<F: Future<Output = ()> + 'static>(make: impl FnOnce() -> F + Send + 'static) {
        std::thread::spawn(move || pollster::block_on(make()));
    }

    /// Does something that may take long, apart from the window.
    pub fn offload(work: impl FnOnce() + Send + 'static) {
        std::thread::spawn(work);
    }

    /// Lets the window have its turn; threads need no such courtesy.
    pub async fn breathe() {}
}
