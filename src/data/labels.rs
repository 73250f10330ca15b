//! Labels made by hand: which image has which class. `saved_labels.rs` reads and writes the two files that keep them beside
//! the images.
//!
//! [`LABELS_FILE`] has a row `file,label` per label, in the order in which they were made; [`CLASSES_FILE`] has one class
//! per line, in the order of their keys.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::counted::{counted, counted_of};
use super::error::{DataError, LabelsError};
use super::identity::{self, ImageId, RecordedRoles, SplitRule};
use super::list_labels::only_class;
use super::list_matches::Unmatched;
use super::names::{class_key, class_name, listed_name, shown_name};

/// A CSV file with a row `file,label` per label.
pub const LABELS_FILE: &str = "labels.csv";
/// A text file with one class per line.
pub const CLASSES_FILE: &str = "classes.txt";

/// About one in so many labels is held out, once every class has as many.
pub const HELD_OUT: usize = 5;

/// Which image has which class. Images are indices into the folder's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    pub(super) classes: Vec<String>,
    /// Labelled images, in the order in which they were labelled.
    pub(super) made: Vec<usize>,
    pub(super) class_of: HashMap<usize, u32>,
    /// Labels of files that are not in the folder now; they are kept, as the files may return.
    pub(super) absent: Vec<(String, u32)>,
    /// Images whose files have another picture than the one that was labelled, with the hash of that one.
    pub(super) other_pictures: BTreeMap<usize, u64>,
    /// Hashes of the pictures of labels whose files are not in the folder now, by path.
    pub(super) absent_pictures: BTreeMap<String, u64>,
    /// What is wrong with the rows of those labels, as they were read.
    pub(super) unmatched: Option<Unmatched>,
    /// The line and the text of the first word in place of a label, how many rows have one, and the number of rows.
    pub(super) no_label: Option<(u64, String, usize, usize)>,
    /// What was decided about other rows.
    pub(super) notices: Vec<String>,
}

impl Labels {
    /// Class names, by index.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Labelled images, the most recent label last.
    pub fn made(&self) -> &[usize] {
        &self.made
    }

    /// The class of an image, if it has one.
    pub fn of(&self, image: usize) -> Option<u32> {
        self.class_of.get(&image).copied()
    }

    /// A label for each image with a class, by the class's name, in the order of the images.
    pub fn of_classes(images: &[Option<String>]) -> Self {
        let mut labels = Self::default();
        let mut names: Vec<&String> = images.iter().flatten().collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            // Names that are one once they are trimmed are one class.
            let _ = labels.add_class(name);
        }
        for (image, name) in images.iter().enumerate() {
            if let Some(class) = name.as_ref().and_then(|name| labels.class_spelled(name)) {
                labels.set(image, class);
            }
        }
        labels
    }

    /// The index of the class with this name.
    pub fn class(&self, name: &str) -> Option<u32> {
        self.classes.iter().position(|class| class == name).map(|class| class as u32)
    }

    /// The notice about labels whose files are not in the folder now.
    fn absent_notice(&self) -> Option<String> {
        let names: Vec<String> =
            self.absent.iter().take(3).map(|(file, _)| format!("'{}'", shown_name(file))).collect();
        let (absent, all) = (self.absent.len(), self.absent.len() + self.made.len());
        (absent > 0).then(|| {
            format!(
                "{} no file here: {}",
                counted_of(absent, all, ["label in labels.csv", "labels in labels.csv"], ["names", "name"]),
                names.join(", ")
            )
        })
    }

    /// The class with this name, or else the first that differs in spelling only: in case, space or Unicode form, as
    /// folders of one class may.
    pub fn class_spelled(&self, name: &str) -> Option<u32> {
        let key = class_key(name);
        let spelled =
            || self.classes.iter().position(|class| class_key(class) == key).map(|class| class as u32);
        self.class(&clean(name)).or_else(spelled)
    }

    /// The error for labels of a single class in `folder`, where other rows have a word such as `none` that may be the other
    /// class.
    pub(super) fn only_class(&self, folder: &Path) -> Option<DataError> {
        let [class] = self.classes.as_slice() else { return None };
        let (line, word, count, rows) = self.no_label.as_ref()?;
        Some(only_class(&folder.join(LABELS_FILE), *line, (word, *count, *rows), class))
    }

    /// The rows that name no file or several, as they were read.
    pub(super) fn unmatched(&self) -> Option<&Unmatched> {
        self.unmatched.as_ref()
    }

    /// What the user should know about the rows that were read.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        self.notices.iter().cloned().chain(self.absent_notice())
    }

    /// Number of labels of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.class_of.values().for_each(|class| counts[*class as usize] += 1);
        counts
    }

    /// Adds a class and returns its index.
    ///
    /// # Errors
    /// When the name is empty or exists.
    pub fn add_class(&mut self, name: &str) -> Result<u32, LabelsError> {
        let name = clean(name);
        self.check(&name)?;
        self.classes.push(name);
        Ok(self.classes.len() as u32 - 1)
    }

    /// Renames a class.
    ///
    /// # Errors
    /// When the name is empty, or another class has it.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn rename(&mut self, class: u32, name: &str) -> Result<(), LabelsError> {
        let name = clean(name);
        if self.classes[class as usize] != name {
            self.check(&name)?;
            self.classes[class as usize] = name;
        }
        Ok(())
    }

    fn check(&self, name: &str) -> Result<(), LabelsError> {
        match self.class(name) {
            _ if name.is_empty() => Err(LabelsError::NoName),
            Some(_) => Err(LabelsError::Exists(name.to_owned())),
            None => Ok(()),
        }
    }

    /// Removes a class and its labels; the indices of later classes decrease by one.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn remove(&mut self, class: u32) {
        self.classes.remove(class as usize);
        self.class_of.retain(|_, of| *of != class);
        self.absent.retain(|(_, of)| *of != class);
        let moved = self.class_of.values_mut().chain(self.absent.iter_mut().map(|(_, of)| of));
        moved.filter(|of| **of > class).for_each(|of| *of -= 1);
        self.made.retain(|image| self.class_of.contains_key(image));
        self.other_pictures.retain(|image, _| self.class_of.contains_key(image));
    }

    /// Gives the labels of a class to another one and removes the class; the indices of later classes decrease by one.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn merge(&mut self, class: u32, into: u32) {
        let all = self.class_of.values_mut().chain(self.absent.iter_mut().map(|(_, of)| of));
        all.filter(|of| **of == class).for_each(|of| *of = into);
        if class != into {
            self.remove(class);
        }
    }

    /// Keeps the classes of a run alone, in its order: images of other classes have no label then, which a notice says.
    /// Changes nothing if a class of the run is not there, as where one was renamed.
    pub(super) fn keep_classes(&mut self, of_run: &[String]) -> bool {
        if of_run.is_empty() || of_run.iter().any(|name| self.class(name).is_none()) {
            return false;
        }
        let counts = self.counts();
        let others = self.classes.iter().zip(&counts).filter(|(name, _)| !of_run.contains(name));
        let others: Vec<String> = others
            .map(|(name, count)| format!("{} ({})", listed_name(name), counted(*count, "label", "labels")))
            .collect();
        if !others.is_empty() {
            self.notices.push(format!(
                "the run goes on without the classes that it does not have: {}; start another run to train them",
                others.join(", ")
            ));
        }
        let place = |class: u32| of_run.iter().position(|name| *name == self.classes[class as usize]);
        let class_of =
            self.class_of.iter().filter_map(|(image, class)| Some((*image, place(*class)? as u32)));
        let class_of = class_of.collect();
        let absent =
            self.absent.iter().filter_map(|(file, class)| Some((file.clone(), place(*class)? as u32)));
        self.absent = absent.collect();
        self.class_of = class_of;
        self.made.retain(|image| self.class_of.contains_key(image));
        self.classes = of_run.to_vec();
        true
    }

    /// The labels of a folder whose images were `before` and are `now`, by their paths: those of images that are gone are
    /// kept, as the files may return.
    ///
    /// # Panics
    /// When an image is out of range of `before`.
    pub fn of_files(&self, before: &[String], now: &[String]) -> Self {
        let place: HashMap<&str, usize> =
            now.iter().enumerate().map(|(i, file)| (file.as_str(), i)).collect();
        let mut labels = Self { classes: self.classes.clone(), ..Self::default() };
        for (file, class) in &self.absent {
            match place.get(file.as_str()) {
                Some(image) => labels.set(*image, *class),
                None => labels.absent.push((file.clone(), *class)),
            }
        }
        for image in &self.made {
            let (file, class) = (&before[*image], self.class_of[image]);
            match place.get(file.as_str()) {
                Some(image) => labels.set(*image, class),
                None => labels.absent.push((file.clone(), class)),
            }
        }
        labels
    }

    /// Labels an image, replacing its previous label.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn set(&mut self, image: usize, class: u32) {
        assert!((class as usize) < self.classes.len(), "class {class} of {}", self.classes.len());
        self.unset(image);
        self.class_of.insert(image, class);
        self.made.push(image);
    }

    /// Removes an image's label, if it has one.
    pub fn unset(&mut self, image: usize) {
        self.other_pictures.remove(&image);
        if self.class_of.remove(&image).is_some() {
            self.made.retain(|labelled| *labelled != image);
        }
    }

    /// The images whose labels are held out for testing, in the order of their labels, once every class has [`HELD_OUT`]
    /// labels; none before. About a fifth of the labels, chosen by the content of their images; with
    /// [`SplitRule::Position`] the fifth, the tenth and so on of each class. `ids` are those of the folder's images.
    /// With `recorded` those that a run has tested.
    pub(super) fn held_out(
        &self,
        rule: SplitRule,
        ids: &[ImageId],
        recorded: Option<&RecordedRoles>,
    ) -> Vec<usize> {
        const SHARE: f64 = 1.0 / HELD_OUT as f64;
        if let Some(recorded) = recorded {
            return self.made.iter().copied().filter(|&image| recorded.is_test(ids[image], SHARE)).collect();
        }
        if self.counts().iter().any(|count| *count < HELD_OUT) {
            return Vec::new();
        }
        if rule == SplitRule::Content {
            let made: Vec<ImageId> = self.made.iter().map(|&image| ids[image]).collect();
            let labels: Vec<u32> = self.made.iter().map(|image| self.class_of[image]).collect();
            let held = identity::held_out(&made, &labels, self.classes.len(), SHARE);
            return self.made.iter().zip(held).filter(|(_, held)| *held).map(|(image, _)| *image).collect();
        }
        let mut seen = vec![0usize; self.classes.len()];
        let mut held = self.made.clone();
        held.retain(|image| {
            let seen = &mut seen[self.class_of[image] as usize];
            *seen += 1;
            seen.is_multiple_of(HELD_OUT)
        });
        held
    }
}

/// A name on one line, trimmed: each name is a line of a file.
fn clean(name: &str) -> String {
    let name = class_name(name);
    name.split(char::is_control).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(classes: &[&str]) -> Labels {
        let mut labels = Labels::default();
        classes.iter().for_each(|class| {
            labels.add_class(class).expect("a name");
        });
        labels
    }

    #[test]
    fn class_names_are_trimmed_and_unique() {
        let mut labels = labels(&[" cat\n", "a\tdog"]);
        assert_eq!(labels.classes(), ["cat", "a dog"]);
        assert!(matches!(labels.add_class("cat "), Err(LabelsError::Exists(name)) if name == "cat"));
        assert!(matches!(labels.add_class(" \n"), Err(LabelsError::NoName)));
        assert!(matches!(labels.rename(1, "cat"), Err(LabelsError::Exists(_))));
        labels.rename(0, "cat").expect("its own name");
        labels.rename(0, "kitten").expect("a free name");
        assert_eq!(labels.classes(), ["kitten", "a dog"]);
    }

    #[test]
    fn removing_a_class_removes_its_labels() {
        let mut labels = labels(&["a", "b", "c"]);
        for (image, class) in [(4, 0), (2, 1), (9, 2), (3, 1)] {
            labels.set(image, class);
        }
        labels.absent = vec![("gone.png".into(), 2), ("lost.png".into(), 1)];
        labels.remove(1);
        assert_eq!(labels.made(), [4, 9]);
        assert_eq!((labels.of(4), labels.of(9), labels.of(2)), (Some(0), Some(1), None));
        assert_eq!(labels.absent, [("gone.png".to_owned(), 1)]);
        assert_eq!(labels.counts(), [1, 1]);
    }

    #[test]
    fn relabelling_an_image_makes_it_the_latest() {
        let mut labels = labels(&["a", "b"]);
        labels.set(1, 0);
        labels.set(2, 0);
        labels.set(1, 1);
        assert_eq!((labels.made(), labels.counts()), (&[2, 1][..], vec![1, 1]));
        labels.unset(2);
        labels.unset(2);
        assert_eq!((labels.made(), labels.of(2)), (&[1][..], None));
    }

    #[test]
    fn labels_follow_files_that_move_in_the_list() {
        let mut labels = labels(&["a", "b"]);
        labels.set(2, 1);
        labels.set(0, 0);
        labels.absent = vec![("back.png".into(), 1), ("gone.png".into(), 0)];
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let now = names(&["1.png", "2.png", "back.png"]);
        let moved = labels.of_files(&names(&["0.png", "1.png", "2.png"]), &now);
        assert_eq!((moved.made(), moved.of(1), moved.of(2)), (&[2, 1][..], Some(1), Some(1)));
        assert_eq!(moved.absent, [("gone.png".to_owned(), 0), ("0.png".to_owned(), 0)]);
    }

    #[test]
    fn every_fifth_label_is_held_out_by_position() {
        let mut labels = labels(&["a", "b"]);
        for image in 0..12 {
            labels.set(image, 0);
        }
        for image in 20..24 {
            labels.set(image, 1);
        }
        let held_out = |labels: &Labels| labels.held_out(SplitRule::Position, &[], None);
        assert!(held_out(&labels).is_empty());
        labels.set(30, 1);
        assert_eq!(held_out(&labels), [4, 9, 30]);
        labels.unset(0);
        assert_eq!(held_out(&labels), [5, 10, 30]);
        labels.unset(20);
        assert!(held_out(&labels).is_empty());
    }

    #[test]
    fn labels_held_out_by_content_keep_their_role() {
        let ids: Vec<ImageId> = (0..60).map(|i| ImageId { content: 1_000 + i, name: i }).collect();
        let mut labels = labels(&["a", "b"]);
        (0..60).for_each(|image| labels.set(image, image as u32 % 2));
        let before = labels.held_out(SplitRule::Content, &ids, None);
        assert!((5..20).contains(&before.len()), "{before:?}");
        // Labels made again or removed move no other one.
        (0..20).for_each(|image| labels.set(image, image as u32 % 2));
        (20..30).for_each(|image| labels.unset(image));
        let mut after = labels.held_out(SplitRule::Content, &ids, None);
        after.sort_unstable();
        let expected: Vec<usize> = before.into_iter().filter(|image| !(20..30).contains(image)).collect();
        assert_eq!(after, expected);
    }
}
