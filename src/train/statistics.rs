//! The statistics of steps, and their means between two reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::metrics::Report;
use crate::ssl::{LOSS_TERMS, Method, PerTerm, STATISTICS, TERMS};

/// The statistics of one step, computed by `shaders/ssl/losses.wgsl`. Losses are means over their rows, without
/// weight or ramp.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepStatistics {
    pub step: u64,
    /// 0 for terms that the method does not have.
    pub losses: PerTerm<f32>,
    /// Share of mixed labelled rows whose most likely class is their target's.
    pub train_accuracy: f32,
    /// Share of guesses that name the true class, among images whose class is known, if there are any.
    pub guess_accuracy: Option<f32>,
    /// Mean of the aligned guesses' largest probability.
    pub confidence: f32,
    /// Share of guesses that are used.
    pub mask: f32,
}

/// The guess accuracy that `shaders/ssl/losses.wgsl` reports if no class is known.
const NONE_KNOWN: f32 = -1.0;

/// The statistics after the losses: their names in checkpoints, and what messages call them.
const SHARES: [(&str, &str); STATISTICS - TERMS] = [
    ("train_acc", "the training accuracy"),
    ("guess_acc", "the guesses' accuracy"),
    ("confidence", "the guesses' confidence"),
    ("mask", "the share of guesses in use"),
];
/// Index of the guess accuracy among the values.
const GUESSES: usize = TERMS + 1;

/// Name in checkpoints and label in messages of every value, in the order of `from_words`.
fn names_and_labels() -> impl Iterator<Item = (String, String)> {
    let losses = LOSS_TERMS.iter().map(|term| (term.column(), term.column()));
    losses.chain(SHARES.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned())))
}

impl StepStatistics {
    pub(super) fn from_words(step: u64, words: &[u32]) -> Self {
        let value = |i: usize| f32::from_bits(words[i]);
        Self {
            step,
            losses: PerTerm::from_fn(|term| value(term.index())),
            train_accuracy: value(TERMS),
            guess_accuracy: Some(value(GUESSES)).filter(|accuracy| *accuracy != NONE_KNOWN),
            confidence: value(TERMS + 2),
            mask: value(TERMS + 3),
        }
    }

    /// The values in the order of `from_words`.
    fn values(&self) -> impl Iterator<Item = f32> {
        let guesses = self.guess_accuracy.unwrap_or(0.0);
        self.losses.0.into_iter().chain([self.train_accuracy, guesses, self.confidence, self.mask])
    }

    /// # Errors
    /// Names the first value that is NaN or infinite, losses first.
    pub(super) fn check_finite(&self) -> Result<(), TrainError> {
        let labels = names_and_labels().map(|(_, label)| label);
        let found = labels.zip(self.values()).find(|(_, value)| !value.is_finite());
        match found {
            None => Ok(()),
            Some((term, value)) => {
                Err(TrainError::NotFinite { step: self.step + 1, term, value: value.to_string() })
            }
        }
    }
}

/// Sums over the steps since the last report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    sums: Sums,
    steps: u64,
    /// Steps in which no guessed image has a known class.
    #[serde(default)]
    unknown: u64,
}

/// A sum per statistic, stored by name so that a checkpoint outlives the addition of a loss term.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredSums", into = "StoredSums")]
struct Sums([f64; STATISTICS]);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredSums {
    Named(BTreeMap<String, f64>),
    /// As version 0.1 stored them: loss_x, loss_u, loss_u1, loss_r, then the shares.
    Listed([f64; 8]),
}

impl From<StoredSums> for Sums {
    fn from(stored: StoredSums) -> Self {
        let named = match stored {
            StoredSums::Named(named) => named,
            StoredSums::Listed(listed) => {
                let losses = ["loss_x", "loss_u", "loss_u1", "loss_r"].into_iter();
                let names = losses.chain(SHARES.iter().map(|(name, _)| *name)).map(str::to_owned);
                names.zip(listed).collect()
            }
        };
        let mut sums = names_and_labels().map(|(name, _)| named.get(&name).copied().unwrap_or(0.0));
        Self(std::array::from_fn(|_| sums.next().expect("a name per statistic")))
    }
}

impl From<Sums> for StoredSums {
    fn from(sums: Sums) -> Self {
        Self::Named(names_and_labels().map(|(name, _)| name).zip(sums.0).collect())
    }
}

impl Window {
    /// Whether no step has been added since the last report.
    pub fn is_empty(&self) -> bool {
        self.steps == 0
    }

    pub fn add(&mut self, statistics: &StepStatistics) {
        for (sum, value) in self.sums.0.iter_mut().zip(statistics.values()) {
            *sum += f64::from(value);
        }
        self.steps += 1;
        self.unknown += u64::from(statistics.guess_accuracy.is_none());
    }

    fn mean(&self, i: usize) -> f64 {
        self.sums.0[i] / self.steps.max(1) as f64
    }

    /// A report's means over the window: losses of the terms that are on, and shares of guesses if the method guesses.
    pub fn report(&self, method: &Method) -> Report {
        let guessed = |i: usize| method.unlabelled.then(|| self.mean(i));
        Report {
            losses: PerTerm::from_fn(|term| term.is_on(method).then(|| self.mean(term.index()))),
            train_acc: self.mean(TERMS),
            guess_acc: self.guess_accuracy().filter(|_| method.unlabelled),
            confidence: guessed(TERMS + 2),
            mask: guessed(TERMS + 3),
            ..Report::default()
        }
    }

    /// The mean over the steps in which a class was known.
    fn guess_accuracy(&self) -> Option<f64> {
        let steps = self.steps - self.unknown;
        (steps > 0).then(|| self.sums.0[GUESSES] / steps as f64)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn non_finite_values_are_named() {
        let sound = StepStatistics::from_words(4, &[0x3f00_0000; STATISTICS]);
        assert!(sound.check_finite().is_ok());
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for (i, (_, term)) in names_and_labels().enumerate() {
                let mut words = [0x3f00_0000; STATISTICS];
                words[i] = value.to_bits();
                let error = StepStatistics::from_words(4, &words).check_finite().expect_err(&term);
                let text = error.to_string();
                assert!(text.contains(&format!("{term} is {value} at step 5")), "{text}");
            }
        }
    }

    /// A resumed run would otherwise report other means than an uninterrupted one.
    #[test]
    fn windows_survive_checkpoints_bit_for_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..1_000 {
            let sums = Sums(std::array::from_fn(|_| 100.0 * rng.random::<f64>()));
            let window = Window { sums, steps: 7, unknown: 2 };
            let json = serde_json::to_string(&window).expect("JSON");
            assert_eq!(serde_json::from_str::<Window>(&json).expect("a window"), window);
        }
    }

    #[test]
    fn windows_of_version_0_1_are_read() {
        let json = r#"{"sums":[1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0],"steps":2,"unknown":1}"#;
        let window: Window = serde_json::from_str(json).expect("a window of version 0.1");
        let report = window.report(&Method::remixmatch());
        let loss = |name| report.losses.get(name);
        assert_eq!(["x", "u", "u1", "r"].map(loss), [Some(0.5), Some(1.0), Some(1.5), Some(2.0)]);
        assert_eq!((report.train_acc, report.guess_acc), (2.5, Some(6.0)));
        assert_eq!((report.confidence, report.mask), (Some(3.5), Some(4.0)));
    }

    #[test]
    fn guess_accuracy_ignores_steps_without_known_classes() {
        let step = |guess_accuracy| StepStatistics { guess_accuracy, ..StepStatistics::default() };
        let mut window = Window::default();
        assert_eq!(window.guess_accuracy(), None);
        window.add(&step(None));
        assert_eq!(window.guess_accuracy(), None);
        window.add(&step(Some(0.5)));
        window.add(&step(Some(1.0)));
        assert_eq!(window.guess_accuracy(), Some(0.75));
    }
}
