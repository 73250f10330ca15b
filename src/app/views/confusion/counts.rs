use crate::train::most_likely;

/// A cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub actual: usize,
    pub predicted: usize,
}

/// Test images counted by what they are and what they are taken for.
pub struct Counts {
    pub classes: usize,
    /// `[actual, predicted]`
    counts: Vec<u32>,
    /// Of every image.
    cells: Vec<Cell>,
}

impl Counts {
    /// Of probabilities `[images, classes]` and the images' true classes.
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

    pub fn images(&self) -> usize {
        self.cells.len()
    }

    pub fn at(&self, cell: Cell) -> u32 {
        self.counts[cell.actual * self.classes + cell.predicted]
    }

    /// Images of a class.
    pub fn of_class(&self, actual: usize) -> u32 {
        self.counts[actual * self.classes..][..self.classes].iter().sum()
    }

    /// Share of the class's images that the cell holds; 0 where the class has none.
    pub fn share(&self, cell: Cell) -> f32 {
        self.at(cell) as f32 / self.of_class(cell.actual).max(1) as f32
    }

    /// Images whose class is told right.
    pub fn right(&self) -> u32 {
        (0..self.classes).map(|class| self.at(Cell { actual: class, predicted: class })).sum()
    }

    /// The cells off the diagonal that hold the most images, at most `count`, none of them empty.
    pub fn mistakes(&self, count: usize) -> Vec<Cell> {
        let n = self.classes;
        let cells = (0..n * n).map(|i| Cell { actual: i / n, predicted: i % n });
        let mut cells: Vec<_> =
            cells.filter(|cell| cell.actual != cell.predicted && self.at(*cell) > 0).collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(self.at(*cell)));
        cells.truncate(count);
        cells
    }

    /// The test images of a cell with the probability of what they are taken for, most confident first.
    /// `probabilities` are those that were counted.
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
    fn images_are_counted_by_what_they_are_and_are_taken_for() {
        let (counts, _) = counts();
        let rows: Vec<_> = (0..3).map(|a| [0, 1, 2].map(|p| counts.at(cell(a, p)))).collect();
        assert_eq!(rows, [[1, 2, 0], [0, 0, 0], [1, 0, 1]]);
        assert_eq!((counts.images(), counts.right()), (5, 2));
        assert_eq!([0, 1, 2].map(|class| counts.of_class(class)), [3, 0, 2]);
        assert_eq!((counts.share(cell(2, 0)), counts.share(cell(1, 1))), (0.5, 0.0));
    }

    #[test]
    fn mistakes_come_in_order_and_never_empty() {
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
    fn labels_outside_the_classes_and_empty_sets_are_no_panic() {
        let strange = Counts::new(&[0.4, 0.6, 0.4, 0.6], &[7, 1], 2);
        assert_eq!((strange.images(), strange.right()), (2, 1));
        assert_eq!(strange.of_cell(cell(1, 1), &[0.4, 0.6, 0.4, 0.6]), [(1, 0.6)]);
        assert_eq!(Counts::new(&[], &[], 2).mistakes(3), []);
    }
}
