//! Cuts the reading of many files into slices of bounded time. A page has one thread: between two slices the browser draws
//! the progress and handles a click on *Cancel*.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use web_time::Instant;

/// The time of a slice, unless one file takes more.
const SLICE: Duration = Duration::from_millis(50);

/// Ends slices when their time is over.
pub(super) struct Slices {
    began: Instant,
}

impl Slices {
    /// The first slice begins now.
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// Yields once if the time of the slice is over, and begins the next one.
    pub async fn next(&mut self) {
        if self.began.elapsed() < SLICE {
            return;
        }
        let mut yielded = false;
        poll_fn(|context| match std::mem::replace(&mut yielded, true) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        self.began = Instant::now();
    }
}

/// Runs work in slices to its end at once, for callers with a thread to block.
pub(super) fn run_to_end<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_yield_once_when_their_time_is_over() {
        let mut slices = Slices::new();
        let mut context = Context::from_waker(Waker::noop());
        slices.began -= SLICE;
        {
            let mut next = pin!(slices.next());
            assert!(next.as_mut().poll(&mut context).is_pending());
            assert!(next.as_mut().poll(&mut context).is_ready());
        }
        slices.began += 1_000 * SLICE;
        assert!(pin!(slices.next()).poll(&mut context).is_ready());
        slices.began -= 2_000 * SLICE;
        run_to_end(slices.next());
    }
}
