//! What a run reports: statistics of steps, rows of `metrics.csv`, and the final summary.

#[cfg(not(target_arch = "wasm32"))]
use std::fs::{File, OpenOptions};
use std::path::Path;
#[cfg(not(target_arch = "wasm32"))]
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::TrainError;
#[cfg(not(target_arch = "wasm32"))]
use super::files::write_atomically;
use crate::disk;
use crate::ssl::STATISTICS;

/// The statistics of one step, as `shaders/ssl/losses.wgsl` sums them up. Losses are means over their
/// rows, without weight or ramp.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepStatistics {
    pub step: u64,
    pub loss_x: f32,
    pub loss_u: f32,
    pub loss_u1: f32,
    pub loss_r: f32,
    /// Share of mixed labelled rows whose most likely class is their target's.
    pub train_accuracy: f32,
    /// Share of guesses that name the true class, among images whose class is known, if there are any.
    pub guess_accuracy: Option<f32>,
    /// Mean of the aligned guesses' largest probability.
    pub confidence: f32,
    /// Share of guesses that are used.
    pub mask: f32,
}

/// What `shaders/ssl/losses.wgsl` gives in place of the guess accuracy where no class is known.
const NONE_KNOWN: f32 = -1.0;
/// Where the guess accuracy is among the values.
const GUESSES: usize = 5;

/// What the values are called, in the order of `from_words`.
const TERMS: [&str; STATISTICS] = [
    "loss_x",
    "loss_u",
    "loss_u1",
    "loss_r",
    "the training accuracy",
    "the guesses' accuracy",
    "the guesses' confidence",
    "the share of guesses in use",
];

impl StepStatistics {
    pub(super) fn from_words(step: u64, words: &[u32]) -> Self {
        let value = |i: usize| f32::from_bits(words[i]);
        Self {
            step,
            loss_x: value(0),
            loss_u: value(1),
            loss_u1: value(2),
            loss_r: value(3),
            train_accuracy: value(4),
            guess_accuracy: Some(value(GUESSES)).filter(|accuracy| *accuracy != NONE_KNOWN),
            confidence: value(6),
            mask: value(7),
        }
    }

    /// The values in the order of `from_words`.
    fn values(&self) -> [f32; STATISTICS] {
        [
            self.loss_x,
            self.loss_u,
            self.loss_u1,
            self.loss_r,
            self.train_accuracy,
            self.guess_accuracy.unwrap_or(0.0),
            self.confidence,
            self.mask,
        ]
    }

    /// # Errors
    /// Names the first value that is no finite number, losses first.
    pub(super) fn check_finite(&self) -> Result<(), TrainError> {
        let found = TERMS.into_iter().zip(self.values()).find(|(_, value)| !value.is_finite());
        match found {
            None => Ok(()),
            Some((term, value)) => {
                let (step, term) = (self.step + 1, term.to_owned());
                Err(TrainError::NotFinite { step, term, value: value.to_string() })
            }
        }
    }
}

/// Sums over the steps since the last report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Window {
    sums: [f64; STATISTICS],
    steps: u64,
    /// Steps whose guesses could not be compared with anything.
    #[serde(default)]
    unknown: u64,
}

impl Window {
    pub fn add(&mut self, statistics: &StepStatistics) {
        for (sum, value) in self.sums.iter_mut().zip(statistics.values()) {
            *sum += f64::from(value);
        }
        self.steps += 1;
        self.unknown += u64::from(statistics.guess_accuracy.is_none());
    }

    pub fn means(&self) -> [f64; STATISTICS] {
        self.sums.map(|sum| sum / self.steps.max(1) as f64)
    }

    /// The mean over those steps in which some class was known.
    pub fn guess_accuracy(&self) -> Option<f64> {
        let steps = self.steps - self.unknown;
        (steps > 0).then(|| self.sums[GUESSES] / steps as f64)
    }
}

/// One row of `metrics.csv`: means over the steps since the row before, and an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Steps done.
    pub step: u64,
    /// Labelled images seen.
    pub images: u64,
    /// Training time so far, evaluations included.
    pub seconds: f64,
    pub loss_x: f64,
    pub loss_u: Option<f64>,
    pub loss_u1: Option<f64>,
    pub loss_r: Option<f64>,
    pub train_acc: f64,
    pub guess_acc: Option<f64>,
    pub confidence: Option<f64>,
    pub mask: Option<f64>,
    /// Accuracy on the test images with the weights as trained.
    pub test_acc: f64,
    /// The same with the averaged weights, which is the model's accuracy.
    pub test_acc_ema: f64,
}

/// `metrics.csv`, a row a report, each on disk before the next step.
#[cfg(not(target_arch = "wasm32"))]
pub struct MetricsFile {
    path: PathBuf,
    writer: csv::Writer<File>,
}

#[cfg(not(target_arch = "wasm32"))]
impl MetricsFile {
    /// Starts a file.
    ///
    /// # Errors
    /// The file's.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        let file = File::create(path).map_err(TrainError::file(path, "creating it"))?;
        Ok(Self { path: path.to_owned(), writer: csv::Writer::from_writer(file) })
    }

    /// Goes on with a file, dropping what comes after `step`, which the run will make again: whole rows, and
    /// one that a full disk or the process's end cut short.
    ///
    /// # Errors
    /// The file's, or that of a row that cannot be read.
    pub fn resume(path: &Path, step: u64) -> Result<Self, TrainError> {
        let text = std::fs::read(path).map_err(TrainError::file(path, "reading it"))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut kept = reports(path, &text[..whole])?;
        kept.retain(|report| report.step <= step);
        write_atomically(path, &rows(path, &kept)?)?;
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(TrainError::file(path, "opening it to go on"))?;
        // A writer writes its header with its first row; a file with rows has one already.
        let writer = csv::WriterBuilder::new().has_headers(kept.is_empty()).from_writer(file);
        Ok(Self { path: path.to_owned(), writer })
    }

    /// # Errors
    /// The file's, a full disk among them.
    pub fn append(&mut self, report: &Report) -> Result<(), TrainError> {
        let io = |e: csv::Error| TrainError::file(&self.path, "writing a row")(into_io(e));
        self.writer.serialize(report).map_err(io)?;
        self.writer.flush().map_err(TrainError::file(&self.path, "writing a row"))?;
        self.writer.get_ref().sync_data().map_err(TrainError::file(&self.path, "flushing a row to disk"))
    }
}

/// The content of a `metrics.csv` at `path`.
///
/// # Errors
/// That of a row that cannot be written as text.
pub(super) fn rows(path: &Path, reports: &[Report]) -> Result<Vec<u8>, TrainError> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    let failed = |error| TrainError::file(path, "writing its rows")(error);
    for report in reports {
        rows.serialize(report).map_err(|error| failed(into_io(error)))?;
    }
    rows.into_inner().map_err(|error| failed(error.into_error()))
}

fn into_io(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// The rows of a `metrics.csv`.
///
/// # Errors
/// The file's, or that of a row that cannot be read.
pub fn read_reports(path: &Path) -> Result<Vec<Report>, TrainError> {
    reports(path, &disk::read(path).map_err(TrainError::file(path, "reading it"))?)
}

fn reports(path: &Path, text: &[u8]) -> Result<Vec<Report>, TrainError> {
    let rows: Result<Vec<_>, _> = csv::Reader::from_reader(text).deserialize().collect();
    rows.map_err(|e| TrainError::Config { path: path.to_owned(), reason: e.to_string() })
}

/// `summary.json`: the final figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub preset: String,
    pub method: String,
    pub data: String,
    pub labels: usize,
    pub seed: u64,
    pub network: String,
    pub parameters: usize,
    pub steps: u64,
    /// Labelled images seen.
    pub images: u64,
    pub seconds: f64,
    /// Accuracy of the averaged weights on the test images after the last step.
    pub test_acc_ema: f64,
    /// Median of the last 20 reports, the reference's figure.
    pub test_acc_ema_median: f64,
    pub test_acc: f64,
    pub guess_acc: Option<f64>,
    pub adapter: String,
    /// Bytes planned on the adapter.
    pub gpu_bytes: u64,
}

/// Reports that the reference takes the median of (`scripts/extract_accuracy.py`).
const MEDIAN_REPORTS: usize = 20;

/// Median of the last reports' `test_acc_ema`; 0 if there are none.
pub fn median_accuracy(reports: &[Report]) -> f64 {
    let first = reports.len().saturating_sub(MEDIAN_REPORTS);
    let mut last: Vec<_> = reports[first..].iter().map(|r| r.test_acc_ema).collect();
    last.sort_by(f64::total_cmp);
    match last.len() {
        0 => 0.0,
        n if n % 2 == 1 => last[n / 2],
        n => (last[n / 2 - 1] + last[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn every_value_that_is_no_number_is_named() {
        let sound = StepStatistics::from_words(4, &[0x3f00_0000; STATISTICS]);
        assert!(sound.check_finite().is_ok());
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for (i, term) in TERMS.into_iter().enumerate() {
                let mut words = [0x3f00_0000; STATISTICS];
                words[i] = value.to_bits();
                let error = StepStatistics::from_words(4, &words).check_finite().expect_err(term);
                let text = error.to_string();
                assert!(text.contains(&format!("{term} is {value} at step 5")), "{text}");
            }
        }
    }

    /// A run that goes on inside a window would otherwise report other means than an unbroken one.
    #[test]
    fn a_window_survives_its_checkpoint_to_the_last_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..1_000 {
            let sums = std::array::from_fn(|_| 100.0 * rng.random::<f64>());
            let window = Window { sums, steps: 7, unknown: 2 };
            let json = serde_json::to_string(&window).expect("JSON");
            assert_eq!(serde_json::from_str::<Window>(&json).expect("a window"), window);
        }
    }

    #[test]
    fn steps_without_a_known_class_do_not_count_among_the_guesses() {
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
