//! Predictions as a CSV file: `file,class`, then the probability of each class under its name. The window's export and
//! the command line write it; the window adds a column [`BY_HAND`]. No name is a formula for a spreadsheet.

use std::borrow::Cow;

use super::metrics::most_likely;
use crate::data::{class_cell, path_cell};

/// The last column of a table of images that a person has labelled some of: the class that the person gave.
const BY_HAND: &str = "by_hand";

/// A CSV file of predictions, built row by row.
pub struct PredictionTable {
    rows: csv::Writer<Vec<u8>>,
    classes: Vec<String>,
    by_hand: bool,
}

impl PredictionTable {
    /// A table with its header: `classes` are the names of the columns of probabilities.
    pub fn new(classes: &[String]) -> Self {
        Self::with(classes, false)
    }

    /// A table with a last column for labels that a person gave.
    pub fn with_labels(classes: &[String]) -> Self {
        Self::with(classes, true)
    }

    fn with(classes: &[String], by_hand: bool) -> Self {
        let mut rows = csv::Writer::from_writer(Vec::new());
        let start = ["file", "class"].map(Cow::Borrowed).into_iter();
        let header = start.chain(classes.iter().map(|class| class_cell(class)));
        let header = header.chain(by_hand.then_some(Cow::Borrowed(BY_HAND)));
        let header: Vec<Cow<'_, str>> = header.collect();
        rows.write_record(header.iter().map(|name| name.as_bytes())).expect("writing to memory succeeds");
        Self { rows, classes: classes.to_vec(), by_hand }
    }

    /// Adds an image with its probabilities, `[classes]`; its class is the most likely one.
    ///
    /// # Panics
    /// When there are not as many probabilities as classes.
    pub fn push(&mut self, file: &str, probabilities: &[f32]) {
        self.push_labelled(file, probabilities, None);
    }

    /// [`PredictionTable::push`], with an empty class: the model abstains.
    ///
    /// # Panics
    /// When there are not as many probabilities as classes.
    pub fn push_abstained(&mut self, file: &str, probabilities: &[f32]) {
        self.write(file, "", probabilities, None);
    }

    /// [`PredictionTable::push`], with the class that a person gave the image, if any.
    ///
    /// # Panics
    /// When there are not as many probabilities as classes.
    pub fn push_labelled(&mut self, file: &str, probabilities: &[f32], label: Option<&str>) {
        let class = self.classes[most_likely(probabilities)].clone();
        self.write(file, &class, probabilities, label);
    }

    fn write(&mut self, file: &str, class: &str, probabilities: &[f32], label: Option<&str>) {
        assert_eq!(probabilities.len(), self.classes.len(), "one probability per class");
        let start = [path_cell(file), class_cell(class)].map(Cow::into_owned);
        let row = start.into_iter().chain(probabilities.iter().map(f32::to_string));
        let row = row.chain(self.by_hand.then(|| class_cell(label.unwrap_or_default()).into_owned()));
        self.rows.write_record(row).expect("writing to memory succeeds");
    }

    /// The file's content.
    pub fn into_bytes(self) -> Vec<u8> {
        self.rows.into_inner().expect("writing to memory succeeds")
    }
}
