//! Images that do not fit in memory: decoded when they are asked for, and ahead of that where it is known what
//! comes next.
//!
//! [`Streamed::expect`] says what will be asked for; worker threads decode it in that order. What is waiting and
//! what is ready are bounded by that list, and what is no longer on it is let go. Whatever is asked for and was
//! not expected, or where there are no threads (on a page), is decoded there and then.

mod queue;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, mem};

use web_time::Instant;

use super::DataError;
use queue::{Queue, Slot};

/// Bytes of decoded images that are held ready at most.
const READY_BYTES: usize = 64 << 20;

/// What those who asked for streamed images have waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Images that were asked for.
    pub asked: u64,
    /// Those of them that were not ready.
    pub waited: u64,
    /// Until they were.
    pub time: Duration,
}

/// Where streamed images come from.
pub(super) trait Source: Send + Sync {
    fn count(&self) -> usize;

    /// The bytes of an image, HWC.
    fn read(&self, image: usize) -> Result<Vec<u8>, DataError>;
}

/// A handle of streamed images; the workers end with the last.
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
    /// Whether images that cannot be read are passed over.
    skip_bad: bool,
    queue: Mutex<Queue>,
    /// There is something to decode, or no more ever.
    work: Condvar,
    /// Something was decoded.
    done: Condvar,
    failure: Mutex<Option<DataError>>,
    waits: Mutex<Waits>,
}

impl Streamed {
    pub fn new(source: impl Source + 'static, stride: usize, skip_bad: bool) -> Self {
        let shared = Arc::new(Shared {
            source: Box::new(source),
            stride,
            skip_bad,
            queue: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            failure: Mutex::new(None),
            waits: Mutex::default(),
        });
        Self(Arc::new(Pool { shared, workers: OnceLock::new() }))
    }

    pub fn count(&self) -> usize {
        self.0.shared.source.count()
    }

    /// Says which images will be asked for next, all of them and in that order.
    pub fn expect(&self, upcoming: impl Iterator<Item = usize>) {
        let shared = &self.0.shared;
        lock(&shared.queue).expect(upcoming.take(READY_BYTES / shared.stride.max(1)));
        shared.work.notify_all();
        self.0.workers.get_or_init(|| start(shared));
    }

    /// The bytes of an image; black where it cannot be read, see [`Streamed::failure`].
    pub fn read(&self, image: usize) -> Arc<[u8]> {
        let shared = &self.0.shared;
        let begun = Instant::now();
        let (bytes, ready) = shared.get(image);
        let mut waits = lock(&shared.waits);
        waits.asked += 1;
        if !ready {
            waits.waited += 1;
            waits.time += begun.elapsed();
        }
        bytes
    }

    pub fn waits(&self) -> Waits {
        *lock(&self.0.shared.waits)
    }

    /// The first failure since the last call.
    pub fn failure(&self) -> Option<DataError> {
        lock(&self.0.shared.failure).take()
    }
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Streamed").field(&self.count()).finish()
    }
}

/// Two handles of the same images are equal.
impl PartialEq for Streamed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.shared.queue).end();
        self.shared.work.notify_all();
        for worker in mem::take(&mut self.workers).into_inner().into_iter().flatten() {
            // A worker that panicked has said so.
            let _ = worker.join();
        }
    }
}

/// A worker for every core; none where threads cannot be started.
fn start(shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let worker = |_| {
        let shared = Arc::clone(shared);
        thread::Builder::new().name("decode".to_owned()).spawn(move || shared.work()).ok()
    };
    (0..cores).map_while(worker).collect()
}

impl Shared {
    /// Decodes what is expected, until the last handle goes.
    fn work(&self) {
        let mut queue = lock(&self.queue);
        while !queue.ended() {
            match queue.begin() {
                Some(image) => {
                    drop(queue);
                    self.finish(image);
                    queue = lock(&self.queue);
                }
                None => queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The bytes of an image, and whether they were ready.
    fn get(&self, image: usize) -> (Arc<[u8]>, bool) {
        let mut ready = true;
        let mut queue = lock(&self.queue);
        loop {
            match queue.slot(image) {
                Some(Slot::Ready(bytes)) => return (Arc::clone(bytes), ready),
                Some(Slot::Begun) => {
                    ready = false;
                    queue = self.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                Some(Slot::Waiting) | None => break,
            }
        }
        tracing::debug!(image, "was not decoded ahead of its use");
        queue.take_over(image);
        drop(queue);
        (self.finish(image), false)
    }

    /// Decodes an image and hands it to all who wait for it.
    fn finish(&self, image: usize) -> Arc<[u8]> {
        let bytes = self.decode(image);
        lock(&self.queue).put(image, &bytes);
        self.done.notify_all();
        bytes
    }

    fn decode(&self, image: usize) -> Arc<[u8]> {
        // A decoder that panicked would leave those who wait for its image waiting for ever.
        let read = catch_unwind(AssertUnwindSafe(|| self.source.read(image)));
        let failure = match read {
            Ok(Ok(bytes)) if bytes.len() == self.stride => return bytes.into(),
            Ok(Ok(_)) => DataError::Changed { image },
            Ok(Err(error)) => error,
            Err(_) => DataError::DecoderFailed { image },
        };
        if self.skip_bad {
            tracing::warn!("passed over: {failure}");
        } else {
            lock(&self.failure).get_or_insert(failure);
        }
        vec![0; self.stride].into()
    }
}

/// Nothing that is locked here can be left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
