//! What the model says of images: which it is unsure of, and all of it as a table.

use std::sync::Arc;

use crate::app::predictions::Predictions;
use crate::train::most_likely;

/// Predictions of all images of a folder, by the classes that were trained on.
pub struct Guesses {
    predictions: Arc<Predictions>,
    classes: Vec<String>,
}

impl Guesses {
    pub fn new(predictions: Arc<Predictions>, classes: Vec<String>) -> Self {
        Self { predictions, classes }
    }

    pub fn predictions(&self) -> &Arc<Predictions> {
        &self.predictions
    }

    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    pub fn class(&self, class: usize) -> &str {
        &self.classes[class]
    }

    /// `[classes]`
    pub fn of(&self, image: usize) -> &[f32] {
        self.predictions.of(image)
    }

    /// The likeliest class and its probability.
    pub fn top(&self, image: usize) -> (usize, f32) {
        let row = self.of(image);
        let top = most_likely(row);
        (top, row[top])
    }

    /// Images by the probability of their likeliest class, the smallest first.
    pub fn unsure_first(&self, images: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut sorted: Vec<usize> = images.collect();
        sorted.sort_by(|a, b| self.top(*a).1.total_cmp(&self.top(*b).1));
        sorted
    }

    /// A class goes by another name now.
    pub fn rename(&mut self, old: &str, new: &str) {
        self.classes.iter_mut().filter(|name| *name == old).for_each(|name| new.clone_into(name));
    }

    /// A row an image: `file,class` and the probability of each class, under its name.
    pub fn csv(&self, files: &[String]) -> Vec<u8> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        let header = ["file", "class"].into_iter().chain(self.classes.iter().map(String::as_str));
        rows.write_record(header).expect("memory takes every row");
        for (image, file) in files.iter().enumerate() {
            let class = self.class(self.top(image).0).to_owned();
            let probabilities = self.of(image).iter().map(f32::to_string);
            let row = [file.clone(), class].into_iter().chain(probabilities);
            rows.write_record(row).expect("memory takes every row");
        }
        rows.into_inner().expect("memory takes every row")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_an_image_with_every_probability() {
        let predictions = Predictions { step: 3, classes: 2, probabilities: vec![0.25, 0.75, 1.0, 0.0] };
        let guesses = Guesses::new(Arc::new(predictions), vec!["a, b".into(), "c".into()]);
        let table = guesses.csv(&["x/1.png".into(), "2.png".into()]);
        let expected = "file,class,\"a, b\",c\nx/1.png,c,0.25,0.75\n2.png,\"a, b\",1,0\n";
        assert_eq!(String::from_utf8(table).expect("text"), expected);
    }
}
