//! A model's guesses for the images of a folder, in the classes that the user has now.

use std::sync::Arc;

use crate::app::session::Predictions;
use crate::data::Labels;
use crate::train::{PredictionTable, most_likely};

/// A model's class probabilities for all images of a folder. Classes that were removed since it was trained are left out:
/// the probabilities of the others then add up to 1. Classes that became one are one.
pub struct Guesses {
    predictions: Arc<Predictions>,
    /// Names of the predicted classes.
    trained: Vec<String>,
    /// Names of those that are still there, as renamed since.
    classes: Vec<String>,
    /// The index in `classes` of each predicted class.
    columns: Vec<Option<usize>>,
}

/// The name that a class has after it was renamed or merged, from old to new names in order.
pub fn renamed(name: &str, changes: &[[String; 2]]) -> String {
    changes.iter().fold(name.to_owned(), |name, [old, new]| if name == *old { new.clone() } else { name })
}

impl Guesses {
    /// `trained` are the names of the columns of `predictions`, all of which are still there.
    pub fn new(predictions: Arc<Predictions>, trained: Vec<String>) -> Self {
        let columns = (0..trained.len()).map(Some).collect();
        Self { predictions, classes: trained.clone(), trained, columns }
    }

    /// The predictions that were passed to [`Guesses::new`].
    pub fn predictions(&self) -> &Arc<Predictions> {
        &self.predictions
    }

    /// Names of the predicted classes.
    pub fn trained(&self) -> &[String] {
        &self.trained
    }

    /// Names of the classes that are guessed, as renamed since.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Probabilities of an image, `[classes]`.
    ///
    /// # Panics
    /// When `image` is out of range.
    pub fn of(&self, image: usize) -> Vec<f32> {
        let mut row = vec![0.0; self.classes.len()];
        for (column, p) in self.columns.iter().zip(self.predictions.of(image)) {
            column.iter().for_each(|column| row[*column] += p);
        }
        let sum: f32 = row.iter().sum();
        if self.columns.contains(&None) && sum > 0.0 {
            row.iter_mut().for_each(|p| *p /= sum);
        }
        row
    }

    /// The most likely class of an image and its probability.
    ///
    /// # Panics
    /// When no class is guessed.
    pub fn top(&self, image: usize) -> (usize, f32) {
        let row = self.of(image);
        let top = most_likely(&row);
        (top, row[top])
    }

    /// Sorts images by the probability of their most likely class, lowest first.
    pub fn least_confident_first(&self, images: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut sorted: Vec<(f32, usize)> = images.map(|image| (self.top(image).1, image)).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        sorted.into_iter().map(|(_, image)| image).collect()
    }

    /// Takes the names of now for those of the predicted classes: another run begins.
    pub fn keep_names(&mut self, changes: &[[String; 2]]) {
        self.trained.iter_mut().for_each(|name| *name = renamed(name, changes));
    }

    /// Guesses the classes that `labels` has; `changes` are the old and new names of those that were renamed.
    pub fn follow(&mut self, labels: &Labels, changes: &[[String; 2]]) {
        self.classes.clear();
        self.columns.clear();
        for name in self.trained.iter().map(|name| renamed(name, changes)) {
            let known = labels.class(&name).is_some();
            self.columns.push(known.then(|| {
                self.classes.iter().position(|other| *other == name).unwrap_or_else(|| {
                    self.classes.push(name);
                    self.classes.len() - 1
                })
            }));
        }
    }

    /// A CSV file with one row per image: `file,class`, then the probability of each class under its name, and the label
    /// where a person gave one.
    pub fn csv(&self, files: &[String], labels: &Labels) -> Vec<u8> {
        let mut table = PredictionTable::with_labels(&self.classes);
        for (image, file) in files.iter().enumerate() {
            let label = labels.of(image).map(|class| labels.classes()[class as usize].as_str());
            if !self.classes.is_empty() {
                table.push_labelled(file, &self.of(image), label);
            }
        }
        table.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_csv_has_all_probabilities_per_image() {
        let predictions = Predictions { step: 3, classes: 2, probabilities: vec![0.25, 0.75, 1.0, 0.0] };
        let guesses = Guesses::new(Arc::new(predictions), vec!["a, b".into(), "c".into()]);
        let mut labels = Labels::default();
        ["a, b", "c"].into_iter().for_each(|name| drop(labels.add_class(name)));
        let table = guesses.csv(&["x/1.png".into(), "2.png".into()], &labels);
        let expected = "file,class,\"a, b\",c,by_hand\nx/1.png,c,0.25,0.75,\n2.png,\"a, b\",1,0,\n";
        assert_eq!(String::from_utf8(table).expect("text"), expected);
    }
}
