//! Images that do not fit in memory: decoded when they are requested, or ahead of that by worker threads.
//!
//! [`Streamed::prefetch`] takes the list of images that will be requested next; the workers decode them in that order.
//! The list bounds what is queued and what is held decoded, and whatever is no longer on it is dropped. An image that is
//! requested without being on the list, or where there are no threads (on a page), is decoded by its caller.
//!
//! Images are known to decode when a set is opened. One that cannot be read later is a failure, which callers take before
//! they use what they requested: its zeros never reach the network.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, mem};

use web_time::Instant;

use super::error::DataError;

/// Limit of the bytes of decoded images that are held for later requests.
const MAX_DECODED: usize = 64 << 20;

/// How often streamed images were not ready when they were requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Images that were requested.
    pub requests: u64,
    /// Requests for images that were not decoded yet.
    pub misses: u64,
    /// Total time that these requests waited.
    pub wait_time: Duration,
}

/// Where streamed images come from.
pub(super) trait Source: Send + Sync {
    /// Number of images.
    fn count(&self) -> usize;

    /// The bytes of an image (HWC).
    fn read(&self, image: usize) -> Result<Vec<u8>, DataError>;
}

/// A shared handle to streamed images. The worker threads end when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Streamed(Arc<Pool>);

struct Pool {
    shared: Arc<Shared>,
    workers: OnceLock<Vec<JoinHandle<()>>>,
}

struct Shared {
    source: Box<dyn Source>,
    /// Bytes of an image.
    stride: usize,
    queue: Mutex<Queue>,
    /// Signals that the queue has work, or is closed.
    work: Condvar,
    /// Signals that an image was decoded.
    done: Condvar,
    failure: Mutex<Option<DataError>>,
    stats: Mutex<StreamStats>,
}

impl Streamed {
    pub fn new(source: impl Source + 'static, stride: usize) -> Self {
        let shared = Arc::new(Shared {
            source: Box::new(source),
            stride,
            queue: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            failure: Mutex::new(None),
            stats: Mutex::default(),
        });
        Self(Arc::new(Pool { shared, workers: OnceLock::new() }))
    }

    pub fn count(&self) -> usize {
        self.0.shared.source.count()
    }

    /// Decodes the images that will be requested next, in this order; replaces the previous list.
    pub fn prefetch(&self, upcoming: impl Iterator<Item = usize>) {
        let shared = &self.0.shared;
        lock(&shared.queue).replace(upcoming.take(MAX_DECODED / shared.stride.max(1)));
        shared.work.notify_all();
        self.0.workers.get_or_init(|| start_workers(shared));
    }

    /// The bytes of an image; zeros if it cannot be read, which [`Streamed::take_failure`] reports.
    pub fn read(&self, image: usize) -> Arc<[u8]> {
        let shared = &self.0.shared;
        let begun = Instant::now();
        let (bytes, ready) = shared.get(image);
        let mut stats = lock(&shared.stats);
        stats.requests += 1;
        if !ready {
            stats.misses += 1;
            stats.wait_time += begun.elapsed();
        }
        bytes
    }

    /// The bytes of an image, read by the caller.
    ///
    /// # Errors
    /// When it cannot be read; the failure is not reported by [`Streamed::take_failure`].
    pub fn try_read(&self, image: usize) -> Result<Vec<u8>, DataError> {
        self.0.shared.try_decode(image)
    }

    pub fn stats(&self) -> StreamStats {
        *lock(&self.0.shared.stats)
    }

    /// The first failure since the last call.
    pub fn take_failure(&self) -> Option<DataError> {
        lock(&self.0.shared.failure).take()
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Streamed").field(&self.count()).finish()
    }
}

/// Handles to the same images are equal.
impl PartialEq for Streamed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.shared.queue).close();
        self.shared.work.notify_all();
        for worker in mem::take(&mut self.workers).into_inner().into_iter().flatten() {
            // A panic of a worker was already reported by the panic hook.
            let _ = worker.join();
        }
    }
}

/// Starts a worker for every core; none where threads are not available.
fn start_workers(shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let worker = |_| {
        let shared = Arc::clone(shared);
        thread::Builder::new().name("decode".to_owned()).spawn(move || shared.work()).ok()
    };
    (0..cores).map_while(worker).collect()
}

impl Shared {
    /// Decodes queued images until the last handle is dropped.
    fn work(&self) {
        let mut queue = lock(&self.queue);
        while !queue.closed {
            match queue.start_next() {
                Some(image) => {
                    drop(queue);
                    self.complete(image);
                    queue = lock(&self.queue);
                }
                None => queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The bytes of an image, and whether they were decoded before the request.
    fn get(&self, image: usize) -> (Arc<[u8]>, bool) {
        let mut ready = true;
        let mut queue = lock(&self.queue);
        loop {
            match queue.slot(image) {
                Some(Slot::Ready(bytes)) => return (Arc::clone(bytes), ready),
                Some(Slot::Decoding) => {
                    ready = false;
                    queue = self.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                Some(Slot::Queued) | None => break,
            }
        }
        tracing::debug!(image, "requested before it was decoded");
        queue.mark_decoding(image);
        drop(queue);
        (self.complete(image), false)
    }

    /// Decodes an image and wakes all requests that wait for it.
    fn complete(&self, image: usize) -> Arc<[u8]> {
        let bytes = match self.try_decode(image) {
            Ok(bytes) => {
                let bytes = bytes.into();
                lock(&self.queue).store(image, &bytes);
                bytes
            }
            // Zeros are not kept: the next request fails again.
            Err(failure) => {
                lock(&self.failure).get_or_insert(failure);
                lock(&self.queue).forget(image);
                vec![0; self.stride].into()
            }
        };
        self.done.notify_all();
        bytes
    }

    fn try_decode(&self, image: usize) -> Result<Vec<u8>, DataError> {
        // Without this, a panic of the decoder would block all requests for the image forever.
        let read = catch_unwind(AssertUnwindSafe(|| self.source.read(image)));
        match read {
            Ok(Ok(bytes)) if bytes.len() == self.stride => Ok(bytes),
            Ok(Ok(_)) => Err(DataError::Changed { image }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(DataError::DecoderFailed { image }),
        }
    }
}

/// Ignores poisoning: no panic can leave the locked values inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// State of an image on the prefetch list.
enum Slot {
    Queued,
    Decoding,
    Ready(Arc<[u8]>),
}

/// The prefetch list.
#[derive(Default)]
struct Queue {
    slots: HashMap<usize, Slot>,
    /// Queued images in the order of their requests; may contain images in other states, which are skipped.
    order: VecDeque<usize>,
    closed: bool,
}

impl Queue {
    /// Replaces the list; images that stay on it keep their state.
    fn replace(&mut self, upcoming: impl Iterator<Item = usize>) {
        let mut before = std::mem::take(&mut self.slots);
        self.order.clear();
        for image in upcoming {
            let slot = before.remove(&image).unwrap_or(Slot::Queued);
            if let Entry::Vacant(place) = self.slots.entry(image) {
                if matches!(slot, Slot::Queued) {
                    self.order.push_back(image);
                }
                place.insert(slot);
            }
        }
    }

    /// The next image to decode, which changes to [`Slot::Decoding`].
    fn start_next(&mut self) -> Option<usize> {
        while let Some(image) = self.order.pop_front() {
            if let Some(slot @ Slot::Queued) = self.slots.get_mut(&image) {
                *slot = Slot::Decoding;
                return Some(image);
            }
        }
        None
    }

    fn slot(&self, image: usize) -> Option<&Slot> {
        self.slots.get(&image)
    }

    /// Marks an image that its caller decodes, if it is on the list.
    fn mark_decoding(&mut self, image: usize) {
        if let Some(slot) = self.slots.get_mut(&image) {
            *slot = Slot::Decoding;
        }
    }

    /// Keeps a decoded image if it is still on the list.
    fn store(&mut self, image: usize, bytes: &Arc<[u8]>) {
        if let Some(slot) = self.slots.get_mut(&image) {
            *slot = Slot::Ready(Arc::clone(bytes));
        }
    }

    /// Takes an image that cannot be decoded off the list.
    fn forget(&mut self, image: usize) {
        self.slots.remove(&image);
    }

    fn close(&mut self) {
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_off_the_prefetch_list_are_dropped() {
        let mut queue = Queue::default();
        queue.replace([3, 1, 3, 2].into_iter());
        assert_eq!((queue.start_next(), queue.start_next()), (Some(3), Some(1)));
        queue.store(3, &Arc::from([7]));
        queue.replace([3, 5, 2].into_iter());
        assert!(matches!(queue.slot(3), Some(Slot::Ready(_))));
        // Image 1, which was being decoded, is no longer kept.
        queue.store(1, &Arc::from([8]));
        assert!(queue.slot(1).is_none());
        queue.mark_decoding(5);
        assert_eq!((queue.start_next(), queue.start_next()), (Some(2), None));
    }
}
