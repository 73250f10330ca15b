//! Predictions as a CSV file: `file,class`, then the probability of each class under its name. The window's export and
//! the command line write it.

use super::metrics::most_likely;

/// A CSV file of predictions, built row by row.
pub struct PredictionTable {
    rows: csv::Writer<Vec<u8>>,
    classes: Vec<String>,
}

impl PredictionTable {
    /// A table with its header: `classes` are the names of the columns of probabilities.
    pub fn new(classes: &[String]) -> Self {
        let mut rows = csv::Writer::from_writer(Vec::new());
        let header = ["file", "class"].into_iter().chain(classes.iter().map(String::as_str));
        rows.write_record(header).expect("writing to memory succeeds");
        Self { rows, classes: classes.to_vec() }
    }

    /// Adds an image with its probabilities, `[classes]`; its class is the most likely one.
    ///
    /// # Panics
    /// When there are not as many probabilities as classes.
    pub fn push(&mut self, file: &str, probabilities: &[f32]) {
        assert_eq!(probabilities.len(), self.classes.len(), "one probability per class");
        let start = [file.to_owned(), self.classes[most_likely(probabilities)].clone()];
        let row = start.into_iter().chain(probabilities.iter().map(f32::to_string));
        self.rows.write_record(row).expect("writing to memory succeeds");
    }

    /// The file's content.
    pub fn into_bytes(self) -> Vec<u8> {
        self.rows.into_inner().expect("writing to memory succeeds")
    }
}
