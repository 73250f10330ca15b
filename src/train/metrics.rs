//! What a run reports: rows of `metrics.csv`, the final summary, and accuracies.

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
use crate::ssl::{LOSS_TERMS, PerTerm};

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
    /// Which test images the accuracies are of: 0 for those that the run began with, and one more each time that changed
    /// test images were accepted. Accuracies of different test images are not comparable.
    pub test_set: u64,
}

/// The column of [`Report::test_set`], which a file has once there are several.
const TEST_SET: &str = "test_set";

/// A cell of a row.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Cell {
    Count(u64),
    Number(Option<f64>),
}

impl Report {
    /// Columns and cells of a row; optional terms have a column only where the run has the term, and so has the test set
    /// where the file has several (`test_sets`).
    fn cells(&self, test_sets: bool) -> Vec<(String, Cell)> {
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
        cells.extend(test_sets.then(|| (TEST_SET.to_owned(), Cell::Count(self.test_set))));
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
            test_set: match cell(TEST_SET).filter(|cell| !cell.is_empty()) {
                None => 0,
                Some(_) => count(TEST_SET)?,
            },
        })
    }
}

/// The columns of a row, optional terms where the report has them.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.cells(self.test_set > 0))
    }
}

/// `metrics.csv`, one row per report, each on disk before the next step.
#[cfg(not(target_arch = "wasm32"))]
pub struct MetricsFile {
    path: PathBuf,
    writer: csv::Writer<File>,
    /// The header is written with the first row.
    is_new: bool,
    /// Whether the file has a column of test sets.
    test_sets: bool,
}

#[cfg(not(target_arch = "wasm32"))]
impl MetricsFile {
    /// Creates the file, or truncates an existing one.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, TrainError> {
        let file = File::create(path).map_err(TrainError::file(path, "creating it"))?;
        let writer = csv::Writer::from_writer(file);
        Ok(Self { path: path.to_owned(), writer, is_new: true, test_sets: false })
    }

    /// Continues a file. Removes the rows after `step`, which the run writes again, and a truncated last row.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be read or written, [`TrainError::Config`] for the first invalid row.
    pub fn resume(path: &Path, step: u64) -> Result<Self, TrainError> {
        let mut kept = read_whole_reports(path)?;
        kept.retain(|report| report.step <= step);
        write_atomically(path, &rows(path, &kept)?)?;
        Self::append_to(path, &kept)
    }

    /// The file at `path`, which has these rows.
    fn append_to(path: &Path, rows: &[Report]) -> Result<Self, TrainError> {
        let file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(TrainError::file(path, "opening it to append rows"))?;
        let writer = csv::Writer::from_writer(file);
        Ok(Self { path: path.to_owned(), writer, is_new: rows.is_empty(), test_sets: has_test_sets(rows) })
    }

    /// Appends a row and flushes it to the disk.
    ///
    /// # Errors
    /// [`TrainError::File`] if the row cannot be written, for example because the disk is full.
    pub fn append(&mut self, report: &Report) -> Result<(), TrainError> {
        if report.test_set > 0 && !self.test_sets {
            // The first row of other test images: the rows before get the column too.
            let mut all = if self.is_new { Vec::new() } else { read_reports(&self.path)? };
            all.push(report.clone());
            write_atomically(&self.path, &rows(&self.path, &all)?)?;
            *self = Self::append_to(&self.path, &all)?;
            return Ok(());
        }
        let io = |e: csv::Error| TrainError::file(&self.path, "writing a row")(into_io(e));
        if std::mem::take(&mut self.is_new) {
            write_header(&mut self.writer, report, self.test_sets).map_err(io)?;
        }
        write_row(&mut self.writer, report, self.test_sets).map_err(io)?;
        self.writer.flush().map_err(TrainError::file(&self.path, "writing a row"))?;
        self.writer.get_ref().sync_data().map_err(TrainError::file(&self.path, "flushing a row to disk"))
    }
}

/// Whether rows are of several test sets, or of a later one.
fn has_test_sets(rows: &[Report]) -> bool {
    rows.iter().any(|report| report.test_set > 0)
}

/// The content of a `metrics.csv` at `path`.
///
/// # Errors
/// [`TrainError::File`] if a row cannot be written as text.
pub(super) fn rows(path: &Path, reports: &[Report]) -> Result<Vec<u8>, TrainError> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    let failed = |error| TrainError::file(path, "writing its rows")(error);
    let test_sets = has_test_sets(reports);
    for (i, report) in reports.iter().enumerate() {
        if i == 0 {
            write_header(&mut rows, report, test_sets).map_err(|error| failed(into_io(error)))?;
        }
        write_row(&mut rows, report, test_sets).map_err(|error| failed(into_io(error)))?;
    }
    rows.into_inner().map_err(|error| failed(error.into_error()))
}

/// Optional terms have a column where the run has the term: its reports then have a value.
fn write_header<W: std::io::Write>(
    writer: &mut csv::Writer<W>,
    first: &Report,
    test_sets: bool,
) -> csv::Result<()> {
    let cells = first.cells(test_sets);
    writer.write_record(cells.iter().map(|(column, _)| column))
}

fn write_row<W: std::io::Write>(
    writer: &mut csv::Writer<W>,
    report: &Report,
    test_sets: bool,
) -> csv::Result<()> {
    let cells = report.cells(test_sets);
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
/// [`TrainError::File`] if the file cannot be read, [`TrainError::Config`] for the first invalid row.
pub fn read_reports(path: &Path) -> Result<Vec<Report>, TrainError> {
    reports(path, &disk::read(path).map_err(TrainError::file(path, "reading it"))?)
}

/// The rows of a `metrics.csv` without a last one that was cut while it was written.
///
/// # Errors
/// Those of [`read_reports`].
pub fn read_whole_reports(path: &Path) -> Result<Vec<Report>, TrainError> {
    let text = disk::read(path).map_err(TrainError::file(path, "reading it"))?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    reports(path, &text[..whole])
}

fn reports(path: &Path, text: &[u8]) -> Result<Vec<Report>, TrainError> {
    let wrong = |reason: String| TrainError::Config { path: path.to_owned(), reason };
    let mut reader = csv::Reader::from_reader(text);
    let columns = reader.headers().map_err(|e| wrong(e.to_string()))?.clone();
    let joined = columns.get(0).filter(|_| columns.len() == 1).unwrap_or_default();
    if let Some((_, name)) =
        [(';', "semicolons"), ('\t', "tabs")].into_iter().find(|(mark, _)| joined.contains(*mark))
    {
        return Err(wrong(format!(
            "its columns are separated by {name}, as a spreadsheet saves them, instead of commas: save it with commas, or put \
             the file of the run back"
        )));
    }
    let row = |row: csv::Result<csv::StringRecord>| {
        let row = row.map_err(|e| wrong(format!("{e}: remove the line, or put the file of the run back")))?;
        let line = row.position().map_or(0, csv::Position::line);
        Report::from_cells(&columns, &row).map_err(|reason| wrong(format!("line {line}: {reason}")))
    };
    reader.records().map(row).collect()
}

/// The 95 % Wilson interval of a share of `right` in `count`, which is not 0 (Wilson, 1927): unlike the normal
/// approximation it stays within 0 and 1, and is not empty where all or none are right.
pub fn wilson_interval(right: usize, count: usize) -> [f64; 2] {
    /// The 97.5 % quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let (n, share) = (count as f64, right as f64 / count as f64);
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let [low, high] = [centre - half, centre + half].map(|bound| bound / (1.0 + Z * Z / n));
    // Exact at the ends, where rounding would leave a trace.
    [if right == 0 { 0.0 } else { low }, if right == count { 1.0 } else { high }]
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
    /// The 95 % interval of that accuracy, see [`wilson_interval`]; earlier versions did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_acc_ema_interval: Option<[f64; 2]>,
    /// Median of the last 20 reports, the reference's figure.
    pub test_acc_ema_median: f64,
    pub test_acc: f64,
    pub guess_acc: Option<f64>,
    pub adapter: String,
    /// Bytes planned on the adapter.
    pub gpu_bytes: u64,
}

/// Number of reports whose median the reference publishes (`scripts/extract_accuracy.py`).
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

/// Where the test images of a run change: the steps of the last report before, and of the first after.
pub fn test_set_changes(reports: &[Report]) -> Vec<[u64; 2]> {
    let changes = reports.windows(2).filter(|pair| pair[0].test_set != pair[1].test_set);
    changes.map(|pair| [pair[0].step, pair[1].step]).collect()
}

/// Median of the last reports' `test_acc_ema`, as far as they are of the same test images as the last; 0 if there are none.
///
/// # Examples
/// ```
/// use remixmatch::train::median_accuracy;
///
/// assert_eq!(median_accuracy(&[]), 0.0);
/// ```
pub fn median_accuracy(reports: &[Report]) -> f64 {
    let of_last = |report: &&Report| reports.last().is_some_and(|last| last.test_set == report.test_set);
    let mut last: Vec<_> =
        reports.iter().rev().take(MEDIAN_REPORTS).take_while(of_last).map(|r| r.test_acc_ema).collect();
    last.sort_by(f64::total_cmp);
    match last.len() {
        0 => 0.0,
        n if n % 2 == 1 => last[n / 2],
        n => (last[n / 2 - 1] + last[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn rows_name_the_test_set_once_there_are_several() {
        let path = Path::new("metrics.csv");
        let report =
            |step, test_set, test_acc_ema| Report { step, test_set, test_acc_ema, ..Report::default() };
        let text = |reports: &[Report]| String::from_utf8(rows(path, reports).expect("rows")).expect("text");
        let old = [report(1, 0, 0.5), report(2, 0, 0.5)];
        assert!(!text(&old).contains(TEST_SET));
        assert_eq!(reports(path, text(&old).as_bytes()).expect("rows"), old);
        let all = [report(1, 0, 0.5), report(2, 0, 0.5), report(3, 1, 0.8), report(4, 1, 0.6)];
        assert!(text(&all).lines().next().is_some_and(|header| header.ends_with(",test_set")));
        assert_eq!(reports(path, text(&all).as_bytes()).expect("rows"), all);
        assert_eq!((test_set_changes(&old).len(), test_set_changes(&all)), (0, vec![[2, 3]]));
        assert_eq!((median_accuracy(&all), median_accuracy(&old)), (0.7, 0.5));
        #[cfg(not(target_arch = "wasm32"))]
        {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("metrics.csv");
            let mut file = MetricsFile::create(&path).expect("a file");
            all.iter().for_each(|report| file.append(report).expect("a row"));
            assert_eq!(read_reports(&path).expect("rows"), all);
            let mut file = MetricsFile::resume(&path, 3).expect("a file");
            file.append(&all[3]).expect("a row");
            assert_eq!(read_reports(&path).expect("rows"), all);
        }
    }

    #[test]
    fn intervals_are_those_of_wilson() {
        // Brown, Cai and DasGupta (2001) and R's binom.wilson.
        for (right, count, [low, high]) in [
            (0, 10, [0.0, 0.2775]),
            (10, 10, [0.7225, 1.0]),
            (8, 10, [0.4902, 0.9433]),
            (50, 100, [0.4038, 0.5962]),
        ] {
            let found = wilson_interval(right, count);
            assert!(
                (found[0] - low).abs() < 1e-4 && (found[1] - high).abs() < 1e-4,
                "{right}/{count}: {found:?}"
            );
        }
    }
}
