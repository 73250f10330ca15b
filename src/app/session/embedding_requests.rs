//! Embeddings are made only while a view requests them, and for a small part of a run's time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use web_time::Instant;

use crate::train::Weights;

/// Shortest time between two embeddings while training runs.
const INTERVAL: Duration = Duration::from_secs(2);
/// Embeddings take at most one part in this many of a run's time.
const TIME_SHARE: u32 = 8;

/// The weights whose embedding a view requests. The window sets them, the run reads them.
#[derive(Clone, Default)]
pub struct EmbeddingRequests(Arc<Mutex<Option<Weights>>>);

impl EmbeddingRequests {
    /// Requests an embedding, in every frame that shows one. Returns whether the request is new.
    pub fn request(&self, weights: Weights) -> bool {
        self.0.lock().is_ok_and(|mut requested| requested.replace(weights) != Some(weights))
    }

    pub fn requested(&self) -> Option<Weights> {
        self.0.lock().ok().and_then(|requested| *requested)
    }

    /// Clears the request; a view that still shows the embedding requests it again.
    pub fn clear(&self) {
        if let Ok(mut requested) = self.0.lock() {
            *requested = None;
        }
    }
}

/// When a run made its last embedding, and how long that took.
#[derive(Default)]
pub struct EmbeddingTimer {
    last: Option<Last>,
}

struct Last {
    step: u64,
    weights: Weights,
    at: Instant,
    cost: Duration,
}

impl EmbeddingTimer {
    /// Whether to make an embedding after `step` steps. There is one per step and weights; while training runs,
    /// the next one waits for [`INTERVAL`] and [`TIME_SHARE`].
    pub fn is_due(&self, step: u64, weights: Weights, running: bool, now: Instant) -> bool {
        let Some(last) = &self.last else { return true };
        let same = last.weights == weights;
        let soon = now.duration_since(last.at) < INTERVAL.max(last.cost * (TIME_SHARE - 1));
        !(same && (last.step == step || running && soon))
    }

    pub fn made(&mut self, step: u64, weights: Weights, began: Instant, ended: Instant) {
        self.last = Some(Last { step, weights, at: ended, cost: ended.duration_since(began) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_new_once_until_cleared() {
        let requests = EmbeddingRequests::default();
        assert_eq!(requests.requested(), None);
        assert!(requests.request(Weights::Raw) && !requests.clone().request(Weights::Raw));
        assert!(requests.request(Weights::Ema));
        assert_eq!(requests.requested(), Some(Weights::Ema));
        requests.clear();
        assert_eq!(requests.requested(), None);
        assert!(requests.request(Weights::Ema));
    }

    #[test]
    fn embeddings_wait_for_their_share_of_time() {
        let (raw, ema) = (Weights::Raw, Weights::Ema);
        let began = Instant::now();
        let after = |seconds: u64| began + Duration::from_secs(seconds);
        let mut timer = EmbeddingTimer::default();
        assert!(timer.is_due(0, raw, true, began));
        timer.made(5, raw, began, began);
        assert!(!timer.is_due(9, raw, true, after(1)) && timer.is_due(9, raw, true, after(2)));
        assert!(timer.is_due(9, raw, false, after(1)), "a paused run need not wait");
        assert!(!timer.is_due(5, raw, false, after(9)), "this step's embedding exists");
        assert!(timer.is_due(5, ema, true, after(1)), "other weights are requested now");
        // After an embedding that took 3 seconds the next one waits for 21.
        timer.made(9, raw, after(10), after(13));
        assert!(!timer.is_due(20, raw, true, after(33)) && timer.is_due(20, raw, true, after(34)));
    }
}
