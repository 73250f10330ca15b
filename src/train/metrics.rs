//! What a run reports: statistics of steps, rows of `metrics.csv`, and the final summary.

use std::collections::BTreeMap;
#[cfg(not(target_arch = "wasm32"))]
use std::fs::{File, OpenOptions};
use std::path::Path;
#[cfg(not(target_arch = "wasm32"))]
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use super::error::TrainError;
#[cfg(not(target_arch = "wasm32"))]
use super::files::write_atomically;
use crate::disk;
use crate::ssl::{LOSS_TERMS, Method, PerTerm, STATISTICS, TERMS};

/// The statistics of one step, as `shaders/ssl/losses.wgsl` sums them up. Losses are means over their
/// rows, without weight or ramp.
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

/// What `shaders/ssl/losses.wgsl` gives in place of the guess accuracy where no class is known.
const NONE_KNOWN: f32 = -1.0;

/// The statistics after the losses: their names in checkpoints, and what messages call them.
const SHARES: [(&str, &str); STATISTICS - TERMS] = [
    ("train_acc", "the training accuracy"),
    ("guess_acc", "the guesses' accuracy"),
    ("confidence", "the guesses' confidence"),
    ("mask", "the share of guesses in use"),
];
/// Where the guess accuracy is among the values.
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
    /// Steps whose guesses could not be compared with anything.
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

    /// The report's means over the window: the losses of the terms that are on, and shares of guesses if the method guesses.
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

    /// The mean over those steps in which some class was known.
    fn guess_accuracy(&self) -> Option<f64> {
        let steps = self.steps - self.unknown;
        (steps > 0).then(|| self.sums.0[GUESSES] / steps as f64)
    }
}

/// One row of `metrics.csv`: means over the steps since the row before, and an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Steps done.
    pub step: u64,
    /// Labelled images seen.
    pub images: u64,
    /// Training time so far, evaluations included.
    pub seconds: f64,
    /// `None` for terms that the method does not have.
    pub losses: PerTerm<Option<f64>>,
    pub train_acc: f64,
    pub guess_acc: Option<f64>,
    pub confidence: Option<f64>,
    pub mask: Option<f64>,
    /// Accuracy on the test images with the raw weights.
    pub test_acc: f64,
    /// The same with the EMA weights, which is the model's accuracy.
    pub test_acc_ema: f64,
}

/// A cell of a row.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Cell {
    Count(u64),
    Number(Option<f64>),
}

impl Report {
    /// Columns and cells of a row; optional terms have a column only where the run has the term.
    fn cells(&self) -> Vec<(String, Cell)> {
        let number = |name: &str, value: f64| (name.to_owned(), Cell::Number(Some(value)));
        let optional = |name: &str, value: Option<f64>| (name.to_owned(), Cell::Number(value));
        let mut cells = vec![
            ("step".to_owned(), Cell::Count(self.step)),
            ("images".to_owned(), Cell::Count(self.images)),
            number("seconds", self.seconds),
        ];
        let losses = self.losses.iter().filter(|(term, loss)| !term.optional || loss.is_some());
        cells.extend(losses.map(|(term, loss)| (term.column(), Cell::Number(loss))));
        cells.extend([
            number("train_acc", self.train_acc),
            optional("guess_acc", self.guess_acc),
            optional("confidence", self.confidence),
            optional("mask", self.mask),
            number("test_acc", self.test_acc),
            number("test_acc_ema", self.test_acc_ema),
        ]);
        cells
    }

    /// A row of a file with these columns. The error names the column.
    fn from_cells(columns: &csv::StringRecord, row: &csv::StringRecord) -> Result<Self, String> {
        let cell =
            |name: &str| columns.iter().zip(row).find(|(column, _)| *column == name).map(|(_, cell)| cell);
        let optional = |name: &str| match cell(name).filter(|cell| !cell.is_empty()) {
            None => Ok(None),
            Some(text) => {
                text.parse().map(Some).map_err(|_| format!("{name} is '{text}', expected a number"))
            }
        };
        let number = |name: &str| optional(name)?.ok_or_else(|| format!("it has no value for {name}"));
        let count = |name: &str| match cell(name) {
            None => Err(format!("it has no value for {name}")),
            Some(text) => text.parse().map_err(|_| format!("{name} is '{text}', expected a whole number")),
        };
        let mut losses = PerTerm::default();
        for (loss, term) in losses.0.iter_mut().zip(&LOSS_TERMS) {
            *loss = optional(&term.column())?;
        }
        Ok(Self {
            step: count("step")?,
            images: count("images")?,
            seconds: number("seconds")?,
            losses,
            train_acc: number("train_acc")?,
            guess_acc: optional("guess_acc")?,
            confidence: optional("confidence")?,
            mask: optional("mask")?,
            test_acc: number("test_acc")?,
            test_acc_ema: number("test_acc_ema")?,
        })
    }
}

/// The columns of a row, optional terms where the report has them.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.cells())
    }
}

/// `metrics.csv`, one row per report, each on disk before the next step.
#[cfg(not(target_arch = "wasm32"))]
pub struct MetricsFile {
    path: PathBuf,
    writer: csv::Writer<File>,
    /// Whether the header is still to be written, with the first row.
    is_new: bool,
}

#[cfg(not(target_arch = "wasm32"))]
impl MetricsFile {
    /// Starts a file.
    ///
    /// # Errors
    /// The file's.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        let file = File::create(path).map_err(TrainError::file(path, "creating it"))?;
        Ok(Self { path: path.to_owned(), writer: csv::Writer::from_writer(file), is_new: true })
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
        Ok(Self { path: path.to_owned(), writer: csv::Writer::from_writer(file), is_new: kept.is_empty() })
    }

    /// # Errors
    /// The file's, a full disk among them.
    pub fn append(&mut self, report: &Report) -> Result<(), TrainError> {
        let io = |e: csv::Error| TrainError::file(&self.path, "writing a row")(into_io(e));
        if std::mem::take(&mut self.is_new) {
            write_header(&mut self.writer, report).map_err(io)?;
        }
        write_row(&mut self.writer, report).map_err(io)?;
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
    for (i, report) in reports.iter().enumerate() {
        if i == 0 {
            write_header(&mut rows, report).map_err(|error| failed(into_io(error)))?;
        }
        write_row(&mut rows, report).map_err(|error| failed(into_io(error)))?;
    }
    rows.into_inner().map_err(|error| failed(error.into_error()))
}

/// Optional terms have a column where the run has the term: its reports then have a value.
fn write_header<W: std::io::Write>(writer: &mut csv::Writer<W>, first: &Report) -> csv::Result<()> {
    let cells = first.cells();
    writer.write_record(cells.iter().map(|(column, _)| column))
}

fn write_row<W: std::io::Write>(writer: &mut csv::Writer<W>, report: &Report) -> csv::Result<()> {
    let cells = report.cells();
    writer.serialize(cells.into_iter().map(|(_, cell)| cell).collect::<Vec<_>>())
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
    let wrong = |reason: String| TrainError::Config { path: path.to_owned(), reason };
    let mut reader = csv::Reader::from_reader(text);
    let columns = reader.headers().map_err(|e| wrong(e.to_string()))?.clone();
    let row = |row: csv::Result<csv::StringRecord>| {
        let row = row.map_err(|e| wrong(e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        Report::from_cells(&columns, &row).map_err(|reason| wrong(format!("line {line}: {reason}")))
    };
    reader.records().map(row).collect()
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
    /// Accuracy of the EMA weights on the test images after the last step.
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

/// Share of rows `[images, classes]` whose largest entry is the label's.
///
/// # Examples
/// ```
/// use remixmatch::train::accuracy;
///
/// // Two images, two classes.
/// assert_eq!(accuracy(&[0.9, 0.1, 0.6, 0.4], &[0, 1], 2), 0.5);
/// ```
pub fn accuracy(probabilities: &[f32], labels: &[u32], classes: usize) -> f64 {
    let hits = probabilities
        .chunks_exact(classes)
        .zip(labels)
        .filter(|(row, label)| most_likely(row) == **label as usize)
        .count();
    hits as f64 / labels.len().max(1) as f64
}

/// Index of the largest entry; the first of equals.
pub fn most_likely(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = i;
        }
    }
    best
}

/// Median of the last reports' `test_acc_ema`; 0 if there are none.
///
/// # Examples
/// ```
/// use remixmatch::train::median_accuracy;
///
/// assert_eq!(median_accuracy(&[]), 0.0);
/// ```
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

    /// A run that goes on inside a window would otherwise report other means than an unbroken one.
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
    fn broken_rows_name_line_and_column() {
        let path = Path::new("metrics.csv");
        let whole = String::from_utf8(rows(path, &[Report::default()]).expect("a row")).expect("text");
        for (from, to, named) in [
            ("0,0,0.0,", "0,0,zero,", "line 2: seconds is 'zero'"),
            ("0,0,0.0,", "x,0,0.0,", "line 2: step is 'x'"),
            ("seconds", "hours", "line 2: it has no value for seconds"),
        ] {
            let text = whole.replacen(from, to, 1);
            let error = reports(path, text.as_bytes()).expect_err(named).to_string();
            assert!(error.contains(named), "{error}");
        }
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
