//! Counts of test images by true and predicted class.

use crate::train::most_likely;

/// A cell of the confusion matrix, by class indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub actual: usize,
    pub predicted: usize,
}

/// Test images counted by true class and predicted class.
pub struct Counts {
    pub classes: usize,
    /// `[classes, classes]`, true class first.
    counts: Vec<u32>,
    /// The cell of each image.
    cells: Vec<Cell>,
}

impl Counts {
    /// Counts images by their probabilities `[images, classes]` and true classes `[images]`.
    pub fn new(probabilities: &[f32], labels: &[u32], classes: usize) -> Self {
        let rows = probabilities.chunks_exact(classes.max(1));
        let cells: Vec<_> = labels
            .iter()
            .zip(rows)
            .map(|(label, row)| Cell { actual: *label as usize, predicted: most_likely(row) })
            .collect();
        let mut counts = vec![0; classes * classes];
        for cell in &cells {
            if let Some(count) = counts.get_mut(cell.actual * classes + cell.predicted) {
                *count += 1;
            }
        }
        Self { classes, counts, cells }
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.cells.len()
    }

    /// Number of images in a cell.
    pub fn at(&self, cell: Cell) -> u32 {
        self.counts[cell.actual * self.classes + cell.predicted]
    }

    /// Number of images of a true class.
    pub fn of_class(&self, actual: usize) -> u32 {
        self.counts[actual * self.classes..][..self.classes].iter().sum()
    }

    /// The count of a cell over the images of its true class; 0 if there are none.
    pub fn share(&self, cell: Cell) -> f32 {
        self.at(cell) as f32 / self.of_class(cell.actual).max(1) as f32
    }

    /// Number of correctly classified images.
    pub fn right(&self) -> u32 {
        (0..self.classes).map(|class| self.at(Cell { actual: class, predicted: class })).sum()
    }

    /// The non-empty cells off the diagonal with the highest counts, at most `count`.
    pub fn mistakes(&self, count: usize) -> Vec<Cell> {
        let n = self.classes;
        let cells = (0..n * n).map(|i| Cell { actual: i / n, predicted: i % n });
        let mut cells: Vec<_> =
            cells.filter(|cell| cell.actual != cell.predicted && self.at(*cell) > 0).collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(self.at(*cell)));
        cells.truncate(count);
        cells
    }

    /// The images of a cell with the probability of the predicted class, most confident first. `probabilities`
    /// are the ones passed to [`Counts::new`].
    pub fn of_cell(&self, cell: Cell, probabilities: &[f32]) -> Vec<(usize, f32)> {
        let probability = |image: usize| probabilities[image * self.classes + cell.predicted];
        let images = self.cells.iter().enumerate().filter(|(_, of)| **of == cell);
        let mut images: Vec<_> = images.map(|(image, _)| (image, probability(image))).collect();
        images.sort_by(|a, b| b.1.total_cmp(&a.1));
        images
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(actual: usize, predicted: usize) -> Cell {
        Cell { actual, predicted }
    }

    fn counts() -> (Counts, Vec<f32>) {
        let rows = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.1, 0.9, 0.0], [0.0, 0.2, 0.8], [0.5, 0.3, 0.2]];
        let probabilities = rows.concat();
        (Counts::new(&probabilities, &[0, 0, 0, 2, 2], 3), probabilities)
    }

    #[test]
    fn images_are_counted_by_true_and_predicted_class() {
        let (counts, _) = counts();
        let rows: Vec<_> = (0..3).map(|a| [0, 1, 2].map(|p| counts.at(cell(a, p)))).collect();
        assert_eq!(rows, [[1, 2, 0], [0, 0, 0], [1, 0, 1]]);
        assert_eq!((counts.images(), counts.right()), (5, 2));
        assert_eq!([0, 1, 2].map(|class| counts.of_class(class)), [3, 0, 2]);
        assert_eq!((counts.share(cell(2, 0)), counts.share(cell(1, 1))), (0.5, 0.0));
    }

    #[test]
    fn mistakes_are_sorted_and_never_empty() {
        let (counts, _) = counts();
        assert_eq!(counts.mistakes(9), [cell(0, 1), cell(2, 0)]);
        assert_eq!(counts.mistakes(1), [cell(0, 1)]);
    }

    #[test]
    fn images_of_a_cell_are_sorted_by_confidence() {
        let (counts, probabilities) = counts();
        assert_eq!(counts.of_cell(cell(0, 1), &probabilities), [(2, 0.9), (1, 0.6)]);
        assert!(counts.of_cell(cell(1, 0), &probabilities).is_empty());
    }

    #[test]
    fn invalid_labels_and_empty_sets_do_not_panic() {
        let invalid = Counts::new(&[0.4, 0.6, 0.4, 0.6], &[7, 1], 2);
        assert_eq!((invalid.images(), invalid.right()), (2, 1));
        assert_eq!(invalid.of_cell(cell(1, 1), &[0.4, 0.6, 0.4, 0.6]), [(1, 0.6)]);
        assert_eq!(Counts::new(&[], &[], 2).mistakes(3), []);
    }
}
