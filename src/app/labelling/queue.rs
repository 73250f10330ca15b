//! The images of a folder in the order in which they are labelled, their labels, and a model's guesses.

use std::sync::Arc;

use super::elsewhere::{ChangedClasses, differences};
use super::guesses::Guesses;
use super::undo::{Undo, Undone};
use crate::app::session::Predictions;
use crate::data::{LabellingFolder, Labels, LabelsError};

/// The order in which images are labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All images, by file name.
    #[default]
    Name,
    /// Images that had no label when the guesses arrived, the least confident guess first.
    LeastConfident,
}

/// Images, their labels, and the current image.
pub struct LabelQueue {
    pub own: Arc<LabellingFolder>,
    labels: Labels,
    guesses: Option<Guesses>,
    /// Old and new names of classes that were renamed or merged since the last run began.
    renamed: Vec<[String; 2]>,
    order: Order,
    /// Images in the current order; never empty.
    images: Vec<usize>,
    /// Index of the current image in `images`.
    position: usize,
    /// Number of changes of the labels.
    changes: u64,
    undo: Undo,
    /// Changes of the classes that the person has not seen.
    elsewhere: ChangedClasses,
}

impl LabelQueue {
    /// `own` has at least one image.
    pub fn new(own: Arc<LabellingFolder>, labels: Labels) -> Self {
        let images = (0..own.files.len()).collect();
        let mut queue = Self {
            own,
            labels,
            guesses: None,
            renamed: Vec::new(),
            order: Order::Name,
            images,
            position: 0,
            changes: 0,
            undo: Undo::default(),
            elsewhere: ChangedClasses::default(),
        };
        queue.go_to_unlabelled();
        queue
    }

    fn go_to_unlabelled(&mut self) {
        if self.labels.of(self.current()).is_some() {
            self.skip();
        }
    }

    /// Replaces the labels by those to begin with, which are no change of the user if there was none before.
    pub fn begin_with(&mut self, labels: Labels) {
        self.labels = labels;
        self.changes += u64::from(self.changes > 0);
        self.classes_changed();
        self.go_to_unlabelled();
    }

    /// The labels are not those in the files: they are to be saved.
    pub fn mark_changed(&mut self) {
        self.changes += 1;
    }

    /// Replaces the labels by those that contain what someone else has saved. `renamed`: old and new names of the classes that
    /// these have renamed.
    pub fn adopt(&mut self, labels: Labels, renamed: &[[String; 2]]) {
        if self.labels != labels {
            self.elsewhere.record(self.labels.classes(), labels.classes(), renamed);
            for [old, new] in renamed {
                if let Some(class) = self.labels.class(old) {
                    // The name is free: the new labels have both classes' names.
                    let _ = self.labels.rename(class, new);
                }
                self.undo.renamed(old, new);
            }
            self.renamed.extend_from_slice(renamed);
            self.undo.adopt(&self.labels, &labels);
            self.labels = labels;
            self.labels_changed();
        }
    }

    /// What can be undone, and the labels that it leads back from.
    pub fn into_undo(self) -> (Undo, Labels) {
        (self.undo, self.labels)
    }

    /// Lets what was done before the images were read again be undone, where the labels are those of then. `labels` are these,
    /// of the images of now.
    pub fn remember(&mut self, undo: Undo, labels: &Labels) {
        self.undo = undo;
        let is_same = |image| labels.of(image) == self.labels.of(image);
        if labels.classes() != self.labels.classes() || !(0..self.own.files.len()).all(is_same) {
            self.undo.adopt(labels, &self.labels);
        }
    }

    /// What others have changed in the classes, in words, until the person has seen it.
    pub fn changed_elsewhere(&self) -> Option<String> {
        self.elsewhere.told(self.labels.classes())
    }

    /// The person has seen what others have changed in the classes.
    pub fn see_classes(&mut self) {
        self.elsewhere = ChangedClasses::default();
    }

    /// Begins a run, whose classes have the names of now.
    pub fn begin_run(&mut self) {
        if let Some(guesses) = &mut self.guesses {
            guesses.keep_names(&self.renamed);
        }
        self.renamed.clear();
        self.undo.begin_run();
    }

    /// How the classes of now differ from those of a run, in words; `None` if they do not.
    pub fn differences(&self, of_run: &[String]) -> Option<String> {
        differences(of_run, self.labels.classes(), &self.renamed)
    }

    fn labels_changed(&mut self) {
        self.changes += 1;
        self.classes_changed();
    }

    fn classes_changed(&mut self) {
        if let Some(guesses) = &mut self.guesses {
            guesses.follow(&self.labels, &self.renamed);
        }
    }

    fn class_renamed(&mut self, old: String, new: String) {
        self.see_classes();
        self.undo.renamed(&old, &new);
        self.renamed.push([old, new]);
        self.labels_changed();
    }

    /// The labels and their classes.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The guesses of the last predictions, if any, and if one of their classes is still there.
    pub fn guesses(&self) -> Option<&Guesses> {
        self.guesses.as_ref().filter(|guesses| !guesses.classes().is_empty())
    }

    /// Whether the guesses are those of these predictions.
    pub fn has_guesses_of(&self, predictions: &Arc<Predictions>) -> bool {
        self.guesses.as_ref().is_some_and(|guesses| Arc::ptr_eq(guesses.predictions(), predictions))
    }

    /// The current order.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Images in the current order.
    pub fn images(&self) -> &[usize] {
        &self.images
    }

    /// Index of the current image in [`LabelQueue::images`].
    pub fn position(&self) -> usize {
        self.position
    }

    /// The current image.
    pub fn current(&self) -> usize {
        self.images[self.position]
    }

    /// Number of changes of labels or classes so far.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Images without a label.
    pub fn unlabelled(&self) -> impl Iterator<Item = usize> {
        (0..self.own.files.len()).filter(|image| self.labels.of(*image).is_none())
    }

    /// Why training cannot start yet.
    pub fn obstacle(&self) -> Option<String> {
        let labels = &self.labels;
        if labels.classes().len() < 2 {
            return Some("Training needs at least two classes.".to_owned());
        }
        let empty = labels.counts().iter().position(|count| *count == 0)?;
        Some(format!("Label an image of '{}' first, or remove the class.", labels.classes()[empty]))
    }

    /// [`LabelQueue::label`] by the class's key. A key that labels with another class than before someone else changed the
    /// classes does so only when it is pressed again.
    ///
    /// # Errors
    /// Those of [`LabelQueue::label`]; when the key has another class now, with a message for the user.
    pub fn label_by_key(&mut self, class: u32) -> Result<(), String> {
        let now = self.labels.classes().get(class as usize);
        if let (Some(now), Some(before)) = (now, self.elsewhere.take(class as usize)) {
            return Err(format!(
                "This key was '{before}' before the classes were changed elsewhere: press it again for '{now}'."
            ));
        }
        self.label(class)
    }

    /// Removes the label of the current image.
    ///
    /// # Errors
    /// When it has none, with a message for the user.
    pub fn unlabel(&mut self) -> Result<(), String> {
        let image = self.current();
        if self.labels.of(image).is_none() {
            return Err("This image has no label to remove.".to_owned());
        }
        self.undo.label(image, &self.labels);
        self.labels.unset(image);
        self.changes += 1;
        Ok(())
    }

    /// Keeps the labels of images whose files have another picture than the one that was labelled, as a person has decided.
    pub fn keep_changed(&mut self) {
        self.labels.accept_pictures();
        self.changes += 1;
    }

    /// Removes the labels of images whose files have another picture than the one that was labelled.
    pub fn unlabel_changed(&mut self) {
        for image in self.labels.changed_pictures().collect::<Vec<_>>() {
            self.undo.label(image, &self.labels);
            self.labels.unset(image);
        }
        self.undo.moved_to(self.current());
        self.changes += 1;
    }

    /// Labels the current image and moves on: to the next image if this corrected a label, otherwise to the
    /// next image without a label.
    ///
    /// # Errors
    /// When there is no such class, with a message for the user.
    pub fn label(&mut self, class: u32) -> Result<(), String> {
        if class as usize >= self.labels.classes().len() {
            return Err("No class has this key.".to_owned());
        }
        let image = self.current();
        let corrected = self.labels.of(image).is_some();
        self.undo.label(image, &self.labels);
        self.labels.set(image, class);
        self.changes += 1;
        if corrected {
            self.step(1)
        } else {
            self.skip()
        }
        self.undo.moved_to(self.current());
        Ok(())
    }

    /// Labels the current image with its guess.
    ///
    /// # Errors
    /// When there is no guess, or the image has a label, with a message for the user.
    pub fn accept(&mut self) -> Result<(), String> {
        if self.labels.of(self.current()).is_some() {
            return Err("This image has a label: a class's key changes it.".to_owned());
        }
        let guesses = self.guesses().ok_or("There is no guess to accept: train first.")?;
        let name = guesses.classes()[guesses.top(self.current()).0].clone();
        let class = self.labels.class(&name);
        self.label(class.ok_or_else(|| format!("The class '{name}' no longer exists."))?)
    }

    /// Undoes the last change of a label or a class, or that of the current image if another image was chosen since, and makes
    /// its image the current one. Labels that were not made in this window stay.
    ///
    /// # Errors
    /// When there is nothing to undo, with a message for the user.
    pub fn undo(&mut self) -> Result<(), String> {
        let current = self.current();
        let Some(Undone { image, renamed }) = self.undo.undo(&mut self.labels, current) else {
            return Err(match self.labels.of(current) {
                Some(_) => "This label was not made here since the folder was opened: Delete removes it.",
                None => "There is nothing to undo: no label was made here since the folder was opened.",
            }
            .to_owned());
        };
        if let Some(renamed) = renamed {
            self.renamed = renamed;
            self.see_classes();
        }
        self.labels_changed();
        self.go_to(image);
        Ok(())
    }

    /// Moves to the next image without a label, from the end to the start.
    pub fn skip(&mut self) {
        let count = self.images.len();
        let positions = (1..count).map(|ahead| (self.position + ahead) % count);
        let next = positions.into_iter().find(|at| self.labels.of(self.images[*at]).is_none());
        self.position = next.unwrap_or(self.position);
    }

    /// Moves by a number of images, and stops at the first and the last.
    pub fn step(&mut self, by: isize) {
        self.position = self.position.saturating_add_signed(by).min(self.images.len() - 1);
    }

    /// Makes an image the current one; changes the order to [`Order::Name`] if the current order lacks it.
    pub fn go_to(&mut self, image: usize) {
        match self.images.iter().position(|queued| *queued == image) {
            Some(position) => self.position = position,
            None => {
                self.sort(Order::Name);
                self.position = image;
            }
        }
    }

    /// Changes the order. [`Order::LeastConfident`] needs guesses and images without a label; otherwise the
    /// order is [`Order::Name`].
    pub fn sort(&mut self, order: Order) {
        let current = self.current();
        let unlabelled = match (order, self.guesses()) {
            (Order::LeastConfident, Some(guesses)) => guesses.least_confident_first(self.unlabelled()),
            _ => Vec::new(),
        };
        if unlabelled.is_empty() {
            self.order = Order::Name;
            self.images = (0..self.own.files.len()).collect();
            self.position = current;
        } else {
            self.order = Order::LeastConfident;
            self.images = unlabelled;
            self.position = 0;
        }
    }

    /// Replaces the guesses. The current image stays the same, so that the next key press applies to it.
    pub fn set_guesses(&mut self, mut guesses: Guesses) {
        guesses.follow(&self.labels, &self.renamed);
        self.guesses = Some(guesses);
        if self.order == Order::LeastConfident {
            let current = self.current();
            self.sort(Order::LeastConfident);
            if self.order == Order::LeastConfident {
                self.images.retain(|image| *image != current);
                self.images.insert(0, current);
            }
        }
    }

    /// Adds a class without labels.
    ///
    /// # Errors
    /// When the name is empty or taken.
    pub fn add_class(&mut self, name: &str) -> Result<(), LabelsError> {
        let class = self.labels.add_class(name)?;
        self.see_classes();
        self.undo.added(&self.labels.classes()[class as usize]);
        self.labels_changed();
        Ok(())
    }

    /// Renames a class in the labels and in the guesses.
    ///
    /// # Errors
    /// When the name is empty or taken.
    pub fn rename_class(&mut self, class: u32, name: &str) -> Result<(), LabelsError> {
        let old = self.labels.classes()[class as usize].clone();
        self.labels.rename(class, name)?;
        let new = self.labels.classes()[class as usize].clone();
        self.class_renamed(old, new);
        Ok(())
    }

    /// Makes a class part of another one, in the labels and in the guesses.
    pub fn merge_class(&mut self, class: u32, into: u32) {
        let [old, new] = [class, into].map(|class| self.labels.classes()[class as usize].clone());
        self.undo.classes(&self.labels, &self.renamed, self.current());
        self.labels.merge(class, into);
        self.class_renamed(old, new);
    }

    /// Removes a class and its labels.
    pub fn remove_class(&mut self, class: u32) {
        self.undo.classes(&self.labels, &self.renamed, self.current());
        self.labels.remove(class);
        self.see_classes();
        self.labels_changed();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::labelling::tests::own;

    fn queue(images: usize) -> LabelQueue {
        let own = own(Path::new("photos"), images);
        let mut queue = LabelQueue::new(Arc::new(own), Labels::default());
        queue.add_class("cat").expect("a name");
        queue.add_class("dog").expect("a name");
        queue
    }

    /// Guesses with these probabilities of `cat`.
    fn guesses(cat: &[f32]) -> Guesses {
        let probabilities = cat.iter().flat_map(|p| [*p, 1.0 - p]).collect();
        let predictions = Predictions { step: 1, classes: 2, probabilities };
        Guesses::new(Arc::new(predictions), vec!["cat".into(), "dog".into()])
    }

    #[test]
    fn labelling_moves_to_unlabelled_images_and_undo_returns() {
        let mut queue = queue(4);
        queue.label(0).expect("a class");
        queue.skip();
        queue.label(1).expect("a class");
        assert_eq!((queue.current(), queue.labels().made()), (3, &[0, 2][..]));
        queue.label(1).expect("a class");
        assert_eq!(queue.current(), 1);
        assert!(queue.label(2).is_err());
        queue.undo().expect("a label");
        assert_eq!((queue.current(), queue.labels().of(3)), (3, None));
        queue.undo().expect("a label");
        assert_eq!((queue.current(), queue.labels().made()), (2, &[0][..]));
        // Undo applies to the label of the current image if it has one.
        queue.label(0).expect("a class");
        queue.go_to(0);
        queue.undo().expect("a label");
        assert_eq!((queue.current(), queue.labels().made()), (0, &[2][..]));
        queue.go_to(2);
        queue.undo().expect("a label");
        assert!(queue.undo().is_err());
    }

    #[test]
    fn undo_brings_back_labels_and_classes() {
        let mut queue = queue(4);
        queue.label(0).expect("a class");
        queue.label(0).expect("a class");
        // A correction by mistake.
        queue.go_to(0);
        queue.label(1).expect("a class");
        assert_eq!(queue.current(), 1);
        queue.undo().expect("a correction");
        assert_eq!((queue.current(), queue.labels().of(0), queue.labels().of(1)), (0, Some(0), Some(0)));
        // A class with its labels, also after it was renamed.
        queue.rename_class(0, "kitten").expect("a name");
        queue.label(1).expect("a class");
        queue.remove_class(0);
        assert_eq!(queue.labels().classes(), ["dog"]);
        queue.undo().expect("a class");
        assert_eq!(queue.labels().classes(), ["kitten", "dog"]);
        assert_eq!((queue.labels().of(0), queue.labels().of(1)), (Some(1), Some(0)));
        queue.undo().expect("a label");
        assert_eq!(queue.labels().of(0), Some(0), "the label has the class's new name");
        queue.merge_class(0, 1);
        queue.undo().expect("a class");
        assert_eq!(queue.labels().counts(), [2, 0]);
        // Other classes were renamed and added meanwhile.
        queue.remove_class(0);
        queue.rename_class(0, "hound").expect("a name");
        queue.add_class("kitten").expect("a name");
        queue.add_class("cow").expect("a name");
        queue.undo().expect("a class");
        assert_eq!(queue.labels().classes(), ["kitten", "hound", "cow"]);
        assert_eq!(queue.labels().counts(), [2, 0, 0]);
    }

    #[test]
    fn undo_leaves_labels_of_others() {
        let mut queue = queue(3);
        queue.label(0).expect("a class");
        let mut others = queue.labels().clone();
        others.set(0, 1);
        others.set(2, 1);
        queue.adopt(others.clone(), &[]);
        // Also of the image with the label of others, and of one without a label.
        for current in [1, 0, 2] {
            queue.go_to(current);
            assert!(queue.undo().is_err(), "{current}");
            assert_eq!(*queue.labels(), others);
        }
        queue.go_to(1);
        queue.label(0).expect("a class");
        queue.undo().expect("a label");
        assert_eq!(queue.labels().counts(), others.counts());
        // Labels that were there when the folder was opened.
        let mut queue = LabelQueue::new(Arc::clone(&queue.own), others.clone());
        for current in [0, 1] {
            queue.go_to(current);
            assert!(queue.undo().is_err(), "{current}");
        }
        assert_eq!(*queue.labels(), others);
        // They are removed on request, which is undone.
        queue.go_to(0);
        queue.unlabel().expect("a label");
        assert!(queue.labels().of(0).is_none() && queue.unlabel().is_err());
        queue.undo().expect("a label");
        assert_eq!(queue.labels().of(0), others.of(0));
    }

    #[test]
    fn keys_of_other_classes_label_when_pressed_again() {
        let mut queue = queue(5);
        queue.add_class("bird").expect("a name");
        queue.label(0).expect("a class");
        queue.set_guesses(guesses(&[0.9; 5]));
        // The first class is renamed, the second one removed.
        let mut others = queue.labels().clone();
        others.rename(0, "kitten").expect("a name");
        others.remove(1);
        queue.adopt(others.clone(), &[["cat".to_owned(), "kitten".to_owned()]]);
        let told = queue.changed_elsewhere().expect("changes");
        assert!(
            told.contains("removed dog; renamed cat (now kitten)") && told.contains("2 is bird (was dog)"),
            "{told}"
        );
        assert_eq!(queue.guesses().expect("guesses").classes(), ["kitten"]);
        for (key, word) in [(1, "'bird'"), (0, "'kitten'")] {
            let before = queue.labels().clone();
            assert!(queue.label_by_key(key).expect_err("another class").contains(word), "{key}");
            assert_eq!(*queue.labels(), before);
            queue.label_by_key(key).expect("a class");
        }
        assert_eq!(queue.labels().counts(), [2, 1]);
        assert!(queue.label_by_key(2).expect_err("no class").contains("No class"));
        queue.see_classes();
        assert_eq!(queue.changed_elsewhere(), None);
        // The label that was made before the class was renamed is undone by its new name.
        (0..3).for_each(|_| queue.undo().expect("a label"));
        assert_eq!(queue.labels().counts(), [0, 0]);
    }

    #[test]
    fn guesses_replace_no_label() {
        let mut queue = queue(2);
        queue.set_guesses(guesses(&[0.1, 0.1]));
        queue.label(0).expect("a class");
        queue.go_to(0);
        assert!(queue.accept().expect_err("a label").contains("has a label"));
        assert_eq!(queue.labels().of(0), Some(0));
    }

    #[test]
    fn correcting_a_label_moves_to_the_next_image() {
        let mut queue = queue(4);
        (0..3).for_each(|_| queue.label(0).expect("a class"));
        queue.go_to(0);
        queue.label(1).expect("a class");
        assert_eq!((queue.current(), queue.labels().of(0)), (1, Some(1)));
        queue.step(-5);
        assert_eq!(queue.current(), 0);
        queue.step(9);
        assert_eq!(queue.current(), 3);
    }

    #[test]
    fn review_sorts_by_confidence_and_accepts_guesses() {
        let mut queue = queue(4);
        assert!(queue.accept().is_err());
        queue.label(0).expect("a class");
        queue.set_guesses(guesses(&[0.5, 0.9, 0.4, 0.02]));
        queue.sort(Order::LeastConfident);
        assert_eq!(queue.images(), [2, 1, 3]);
        queue.accept().expect("a guess");
        assert_eq!((queue.labels().of(2), queue.current()), (Some(1), 1));
        queue.rename_class(0, "kitten").expect("a name");
        queue.accept().expect("a guess by its new name");
        assert_eq!(queue.labels().of(1), Some(0));
        // The guess of a removed class is the most likely one of the others.
        queue.remove_class(1);
        queue.go_to(3);
        assert_eq!(queue.guesses().expect("guesses").of(3), [1.0]);
        queue.accept().expect("a guess");
        assert_eq!(queue.labels().of(3), Some(0));
        queue.remove_class(0);
        assert!(queue.guesses().is_none() && queue.accept().is_err());
    }

    #[test]
    fn guesses_of_renamed_classes_stay() {
        let mut queue = queue(2);
        queue.set_guesses(guesses(&[0.9, 0.2]));
        queue.rename_class(0, "kitten").expect("a name");
        // The run that guesses again has the old name.
        queue.set_guesses(guesses(&[0.8, 0.2]));
        assert_eq!(queue.guesses().expect("guesses").classes(), ["kitten", "dog"]);
        queue.begin_run();
        queue.rename_class(1, "cat").expect("a name");
        assert_eq!(queue.guesses().expect("guesses").classes(), ["kitten", "cat"]);
    }

    #[test]
    fn undone_classes_have_their_guesses_again() {
        let before = |queue: &mut LabelQueue| {
            queue.label(0).expect("a class");
            queue.label(1).expect("a class");
            queue.set_guesses(guesses(&[0.5, 0.5, 0.75]));
        };
        for (case, classes, change) in [
            ("merged", ["cat", "dog"], (|queue| queue.merge_class(0, 1)) as fn(&mut LabelQueue)),
            ("removed", ["cat", "dog"], |queue| queue.remove_class(0)),
            ("renamed since", ["cat", "puppy"], |queue| {
                queue.remove_class(0);
                queue.rename_class(0, "puppy").expect("a name");
            }),
            ("renamed to the removed class since", ["cat", "dog"], |queue| {
                queue.remove_class(0);
                queue.rename_class(0, "cat").expect("a name");
            }),
            ("merged and renamed since", ["cat", "puppy"], |queue| {
                queue.merge_class(0, 1);
                queue.rename_class(0, "puppy").expect("a name");
            }),
            ("another run since", ["cat", "dog"], |queue| {
                queue.rename_class(0, "puppy").expect("a name");
                queue.rename_class(0, "cat").expect("a name");
                queue.merge_class(0, 1);
                queue.begin_run();
                queue.set_guesses(guesses(&[0.5, 0.5, 0.75]));
            }),
        ] {
            let mut queue = queue(3);
            before(&mut queue);
            change(&mut queue);
            queue.undo().expect("classes");
            assert_eq!(queue.labels().classes(), classes, "{case}");
            let guesses = queue.guesses().expect("guesses");
            assert_eq!(
                (guesses.classes(), guesses.of(2)),
                (queue.labels().classes(), vec![0.75, 0.25]),
                "{case}"
            );
        }
    }

    #[test]
    fn differences_from_the_classes_of_a_run_are_named() {
        let of_run = ["cat", "dog"].map(str::to_owned);
        for (change, expected) in [
            ((|_| {}) as fn(&mut LabelQueue), None),
            (|queue| queue.remove_class(1), Some("removed dog")),
            (|queue| queue.rename_class(0, "a, b").expect("a name"), Some("renamed cat (now 'a, b')")),
            (|queue| queue.merge_class(0, 1), Some("renamed cat (now dog)")),
            (|queue| queue.add_class("bird").expect("a name"), Some("added bird")),
            (
                |queue| {
                    queue.remove_class(0);
                    queue.add_class("bird").expect("a name");
                },
                Some("removed cat; added bird"),
            ),
            (
                |queue| {
                    queue.remove_class(0);
                    queue.undo().expect("a class");
                },
                None,
            ),
        ] {
            let mut queue = queue(2);
            change(&mut queue);
            assert_eq!(queue.differences(&of_run).as_deref(), expected);
        }
    }

    #[test]
    fn new_guesses_keep_the_current_image() {
        let mut queue = queue(4);
        queue.set_guesses(guesses(&[0.5, 0.6, 0.7, 0.8]));
        queue.sort(Order::LeastConfident);
        queue.step(2);
        assert_eq!(queue.current(), 2);
        queue.set_guesses(guesses(&[0.9, 0.5, 0.99, 0.6]));
        assert_eq!((queue.images(), queue.current()), (&[2, 1, 3, 0][..], 2));
        (0..4).for_each(|_| queue.label(0).expect("a class"));
        queue.set_guesses(guesses(&[0.5; 4]));
        assert_eq!((queue.order(), queue.images().len()), (Order::Name, 4));
    }

    #[test]
    fn obstacle_names_what_training_lacks() {
        let mut queue = queue(3);
        assert!(queue.obstacle().expect("no labels").contains("'cat'"));
        queue.label(0).expect("a class");
        queue.label(1).expect("a class");
        assert_eq!(queue.obstacle(), None);
        queue.remove_class(0);
        assert!(queue.obstacle().expect("one class").contains("two classes"));
    }

    #[test]
    fn exported_guesses_mark_labels_and_lack_removed_classes() {
        let probabilities = vec![0.5, 0.25, 0.25, 0.125, 0.125, 0.75];
        let predictions = Predictions { step: 3, classes: 3, probabilities };
        let names = ["cat", "dog", "car"].map(str::to_owned);
        let mut queue = queue(2);
        queue.add_class("car").expect("a name");
        queue.label(1).expect("a class");
        queue.set_guesses(Guesses::new(Arc::new(predictions), names.to_vec()));
        let csv = |queue: &LabelQueue| {
            let table = queue.guesses().expect("guesses").csv(&queue.own.files, queue.labels());
            String::from_utf8(table).expect("text")
        };
        let expected =
            "file,class,cat,dog,car,by_hand\n0.png,cat,0.5,0.25,0.25,dog\n1.png,car,0.125,0.125,0.75,\n";
        assert_eq!(csv(&queue), expected);
        queue.merge_class(1, 0);
        assert_eq!(queue.labels().of(0), Some(0));
        let expected = "file,class,cat,car,by_hand\n0.png,cat,0.75,0.25,cat\n1.png,car,0.25,0.75,\n";
        assert_eq!(csv(&queue), expected);
        queue.remove_class(1);
        assert_eq!(csv(&queue), "file,class,cat,by_hand\n0.png,cat,1,cat\n1.png,cat,1,\n");
    }
}
