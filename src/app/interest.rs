//! Embeddings, made only while somebody looks at them and for a small part of a run's time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use web_time::Instant;

use crate::train::Weights;

/// Time between two embeddings while training runs.
const EVERY: Duration = Duration::from_secs(2);
/// They take one part in so many of a run's time, at most.
const SHARE: u32 = 8;

/// The weights whose embedding somebody looks at: the window says so, the run asks.
#[derive(Clone, Default)]
pub struct Interest(Arc<Mutex<Option<Weights>>>);

impl Interest {
    /// Says in every frame what is looked at; returns whether that is news.
    pub fn show(&self, weights: Weights) -> bool {
        self.0.lock().is_ok_and(|mut wanted| wanted.replace(weights) != Some(weights))
    }

    pub fn wanted(&self) -> Option<Weights> {
        self.0.lock().ok().and_then(|wanted| *wanted)
    }

    /// Forgets who looked: whoever still does says so again.
    pub fn forget(&self) {
        if let Ok(mut wanted) = self.0.lock() {
            *wanted = None;
        }
    }
}

/// The embeddings of a run so far.
#[derive(Default)]
pub struct Timing {
    last: Option<Last>,
}

struct Last {
    step: u64,
    weights: Weights,
    at: Instant,
    cost: Duration,
}

impl Timing {
    /// Whether to make the embedding of a step: not twice, and in a running run not too soon after another.
    pub fn is_due(&self, step: u64, weights: Weights, running: bool, now: Instant) -> bool {
        let Some(last) = &self.last else { return true };
        let same = last.weights == weights;
        let soon = now.duration_since(last.at) < EVERY.max(last.cost * (SHARE - 1));
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
    fn what_is_looked_at_is_news_once_and_again_when_it_was_forgotten() {
        let interest = Interest::default();
        assert_eq!(interest.wanted(), None);
        assert!(interest.show(Weights::Raw) && !interest.clone().show(Weights::Raw));
        assert!(interest.show(Weights::Averaged));
        assert_eq!(interest.wanted(), Some(Weights::Averaged));
        interest.forget();
        assert_eq!(interest.wanted(), None);
        assert!(interest.show(Weights::Averaged));
    }

    #[test]
    fn an_embedding_waits_for_its_time_while_training_runs() {
        let (raw, averaged) = (Weights::Raw, Weights::Averaged);
        let began = Instant::now();
        let after = |seconds: u64| began + Duration::from_secs(seconds);
        let mut timing = Timing::default();
        assert!(timing.is_due(0, raw, true, began));
        timing.made(5, raw, began, began);
        assert!(!timing.is_due(9, raw, true, after(1)) && timing.is_due(9, raw, true, after(2)));
        assert!(timing.is_due(9, raw, false, after(1)), "nothing is held up where nothing runs");
        assert!(!timing.is_due(5, raw, false, after(9)), "of the same step it is there");
        assert!(timing.is_due(5, averaged, true, after(1)), "other weights are wanted now");
        // One that took three seconds rests for 21.
        timing.made(9, raw, after(10), after(13));
        assert!(!timing.is_due(20, raw, true, after(33)) && timing.is_due(20, raw, true, after(34)));
    }
}
