//! What a person labels: the image on top, those around it, and what happens to them.

use std::sync::Arc;

use super::review::Guesses;
use crate::data::{Labels, LabelsError, OwnImages};

/// Which images are gone through, and in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All, by the names of their files.
    #[default]
    Names,
    /// Those that had no label when the guesses came, the least certain guess first.
    Unsure,
}

/// Images, their labels, and the one that is looked at.
pub struct Desk {
    pub own: Arc<OwnImages>,
    labels: Labels,
    guesses: Option<Guesses>,
    order: Order,
    /// Images in the order in which they are gone through; never empty.
    queue: Vec<usize>,
    /// Place of the current image in the queue.
    at: usize,
    /// Counts changes of the labels.
    changes: u64,
}

impl Desk {
    /// `own` has at least one image.
    pub fn new(own: Arc<OwnImages>, labels: Labels) -> Self {
        let queue = (0..own.files.len()).collect();
        let mut desk = Self { own, labels, guesses: None, order: Order::Names, queue, at: 0, changes: 0 };
        if desk.labels.of(0).is_some() {
            desk.skip();
        }
        desk
    }

    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    pub fn guesses(&self) -> Option<&Guesses> {
        self.guesses.as_ref()
    }

    pub fn order(&self) -> Order {
        self.order
    }

    pub fn queue(&self) -> &[usize] {
        &self.queue
    }

    /// Place of the current image in the queue.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The image that is looked at.
    pub fn current(&self) -> usize {
        self.queue[self.at]
    }

    /// Grows with every change of labels or classes.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Images without a label.
    pub fn unlabelled(&self) -> impl Iterator<Item = usize> {
        (0..self.own.files.len()).filter(|image| self.labels.of(*image).is_none())
    }

    /// Why there is nothing to train on yet.
    pub fn obstacle(&self) -> Option<String> {
        let labels = &self.labels;
        if labels.classes().len() < 2 {
            return Some("Training needs two classes at least.".to_owned());
        }
        let empty = labels.counts().iter().position(|count| *count == 0)?;
        Some(format!("Label an image of '{}' first, or remove the class.", labels.classes()[empty]))
    }

    /// Labels the current image and goes on: to the next one where a label was corrected, else to the next without.
    ///
    /// # Errors
    /// In words, when there is no such class.
    pub fn label(&mut self, class: u32) -> Result<(), String> {
        if class as usize >= self.labels.classes().len() {
            return Err("No class has that key.".to_owned());
        }
        let image = self.current();
        let corrected = self.labels.of(image).is_some();
        self.labels.set(image, class);
        self.changes += 1;
        if corrected {
            self.step(1)
        } else {
            self.skip()
        }
        Ok(())
    }

    /// Labels the current image as it was guessed.
    ///
    /// # Errors
    /// In words, when there is no guess, or its class is no more.
    pub fn accept(&mut self) -> Result<(), String> {
        let guesses = self.guesses.as_ref().ok_or("There is no guess to accept: train first.")?;
        let name = guesses.class(guesses.top(self.current()).0).to_owned();
        let class = self.labels.class(&name);
        self.label(class.ok_or_else(|| format!("There is no class '{name}' any more."))?)
    }

    /// Takes the current image's label back; where it has none, the one made last, whose image is then current.
    ///
    /// # Errors
    /// In words, when there is none.
    pub fn take_back(&mut self) -> Result<(), String> {
        let last = self.labels.made().last().copied().ok_or("There is no label to take back.")?;
        let current = self.current();
        let image = if self.labels.of(current).is_some() { current } else { last };
        self.labels.take_back(image);
        self.changes += 1;
        self.go_to(image);
        Ok(())
    }

    /// Goes on to the next image without a label, from the start again after the last.
    pub fn skip(&mut self) {
        let count = self.queue.len();
        let places = (1..count).map(|ahead| (self.at + ahead) % count);
        let next = places.into_iter().find(|place| self.labels.of(self.queue[*place]).is_none());
        self.at = next.unwrap_or(self.at);
    }

    /// Moves along the queue, to its ends at most.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.queue.len() - 1);
    }

    /// Makes an image the current one.
    pub fn go_to(&mut self, image: usize) {
        match self.queue.iter().position(|queued| *queued == image) {
            Some(at) => self.at = at,
            None => {
                self.sort(Order::Names);
                self.at = image;
            }
        }
    }

    /// Goes through the images in another order.
    pub fn sort(&mut self, order: Order) {
        let current = self.current();
        let unsure = match (order, &self.guesses) {
            (Order::Unsure, Some(guesses)) => guesses.unsure_first(self.unlabelled()),
            _ => Vec::new(),
        };
        if unsure.is_empty() {
            self.order = Order::Names;
            self.queue = (0..self.own.files.len()).collect();
            self.at = current;
        } else {
            self.order = Order::Unsure;
            self.queue = unsure;
            self.at = 0;
        }
    }

    /// Takes new guesses. The current image stays on top, so that a key pressed now means it.
    pub fn guess(&mut self, guesses: Guesses) {
        self.guesses = Some(guesses);
        if self.order == Order::Unsure {
            let current = self.current();
            self.sort(Order::Unsure);
            if self.order == Order::Unsure {
                self.queue.retain(|image| *image != current);
                self.queue.insert(0, current);
            }
        }
    }

    /// # Errors
    /// When the name is empty or taken.
    pub fn add_class(&mut self, name: &str) -> Result<(), LabelsError> {
        self.labels.add_class(name)?;
        self.changes += 1;
        Ok(())
    }

    /// # Errors
    /// When the name is empty or taken.
    pub fn rename(&mut self, class: u32, name: &str) -> Result<(), LabelsError> {
        let old = self.labels.classes()[class as usize].clone();
        self.labels.rename(class, name)?;
        if let Some(guesses) = &mut self.guesses {
            guesses.rename(&old, &self.labels.classes()[class as usize]);
        }
        self.changes += 1;
        Ok(())
    }

    /// Removes a class with its labels.
    pub fn remove(&mut self, class: u32) {
        self.labels.remove(class);
        self.changes += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::app::predictions::Predictions;
    use crate::data::Images;

    fn desk(images: usize) -> Desk {
        let own = OwnImages {
            folder: PathBuf::from("photos"),
            files: (0..images).map(|i| format!("{i}.png")).collect(),
            images: Images::new(8, 8, 1, vec![0; 64 * images]),
            notices: Vec::new(),
        };
        let mut desk = Desk::new(Arc::new(own), Labels::default());
        desk.add_class("cat").expect("a name");
        desk.add_class("dog").expect("a name");
        desk
    }

    /// Guesses that say `cat` with these probabilities.
    fn guesses(of_cat: &[f32]) -> Guesses {
        let probabilities = of_cat.iter().flat_map(|p| [*p, 1.0 - p]).collect();
        let predictions = Predictions { step: 1, classes: 2, probabilities };
        Guesses::new(Arc::new(predictions), vec!["cat".into(), "dog".into()])
    }

    #[test]
    fn labelling_goes_on_to_the_next_image_without_a_label_and_taking_back_returns() {
        let mut desk = desk(4);
        desk.label(0).expect("a class");
        desk.skip();
        desk.label(1).expect("a class");
        assert_eq!((desk.current(), desk.labels().made()), (3, &[0, 2][..]));
        desk.label(1).expect("a class");
        assert_eq!(desk.current(), 1);
        assert!(desk.label(2).is_err());
        desk.take_back().expect("a label");
        assert_eq!((desk.current(), desk.labels().of(3)), (3, None));
        desk.take_back().expect("a label");
        assert_eq!((desk.current(), desk.labels().made()), (2, &[0][..]));
        // Of an image that has a label, it is this one that is taken back.
        desk.label(0).expect("a class");
        desk.go_to(0);
        desk.take_back().expect("a label");
        assert_eq!((desk.current(), desk.labels().made()), (0, &[2][..]));
        desk.go_to(2);
        desk.take_back().expect("a label");
        assert!(desk.take_back().is_err());
    }

    #[test]
    fn correcting_a_label_moves_on_by_one() {
        let mut desk = desk(4);
        (0..3).for_each(|_| desk.label(0).expect("a class"));
        desk.go_to(0);
        desk.label(1).expect("a class");
        assert_eq!((desk.current(), desk.labels().of(0)), (1, Some(1)));
        desk.step(-5);
        assert_eq!(desk.current(), 0);
        desk.step(9);
        assert_eq!(desk.current(), 3);
    }

    #[test]
    fn review_shows_the_least_sure_first_and_accepts_or_corrects() {
        let mut desk = desk(4);
        assert!(desk.accept().is_err());
        desk.label(0).expect("a class");
        desk.guess(guesses(&[0.5, 0.9, 0.4, 0.02]));
        desk.sort(Order::Unsure);
        assert_eq!(desk.queue(), [2, 1, 3]);
        desk.accept().expect("a guess");
        assert_eq!((desk.labels().of(2), desk.current()), (Some(1), 1));
        desk.rename(0, "kitten").expect("a name");
        desk.accept().expect("a guess by its new name");
        assert_eq!(desk.labels().of(1), Some(0));
        desk.remove(1);
        assert!(desk.accept().expect_err("no such class").contains("'dog'"));
    }

    #[test]
    fn new_guesses_leave_the_current_image_on_top() {
        let mut desk = desk(4);
        desk.guess(guesses(&[0.5, 0.6, 0.7, 0.8]));
        desk.sort(Order::Unsure);
        desk.step(2);
        assert_eq!(desk.current(), 2);
        desk.guess(guesses(&[0.9, 0.5, 0.99, 0.6]));
        assert_eq!((desk.queue(), desk.current()), (&[2, 1, 3, 0][..], 2));
        (0..4).for_each(|_| desk.label(0).expect("a class"));
        desk.guess(guesses(&[0.5; 4]));
        assert_eq!((desk.order(), desk.queue().len()), (Order::Names, 4));
    }

    #[test]
    fn what_stands_in_the_way_of_training_is_said() {
        let mut desk = desk(3);
        assert!(desk.obstacle().expect("no labels").contains("'cat'"));
        desk.label(0).expect("a class");
        desk.label(1).expect("a class");
        assert_eq!(desk.obstacle(), None);
        desk.remove(0);
        assert!(desk.obstacle().expect("one class").contains("two classes"));
    }
}
