//! Waiting for a future where a thread may block.

#[cfg(not(target_arch = "wasm32"))]
pub use pollster::block_on;

#[cfg(target_arch = "wasm32")]
pub use suspended::block_on;

/// A page's thread may not block, but its tests may be suspended (JSPI) until the browser has had a turn.
#[cfg(target_arch = "wasm32")]
mod suspended {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[link(wasm_import_module = "./suspend.js")]
    unsafe extern "C" {
        /// Comes back in another turn of the event loop.
        safe fn suspend();
    }

    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(value) => return value,
                Poll::Pending => suspend(),
            }
        }
    }
}
