use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Of the labels of each class, one in so many is held out once every class has as many.
pub const HELD_OUT: usize = 5;

/// What is wrong with labels, or with what is asked of them.
#[derive(Debug, Error)]
pub enum LabelsError {
    #[error("a class needs a name")]
    NoName,
    #[error("there is a class '{0}' already")]
    Taken(String),
    #[error("cannot read {path}: {reason}")]
    Read { path: PathBuf, reason: io::Error },
    #[error("{path} is another program's: expected the columns file and label, found '{found}'")]
    Foreign { path: PathBuf, found: String },
    #[error("{path}, line {line}: {reason}; correct the line or remove the file")]
    Row { path: PathBuf, line: u64, reason: String },
}

/// Which images a person has given which class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    classes: Vec<String>,
    /// Labelled images, in the order in which their labels were made.
    made: Vec<usize>,
    class_of: HashMap<usize, u32>,
    /// Labels of files that are not in the folder now; kept, as they may come back.
    pub(super) absent: Vec<(String, u32)>,
}

impl Labels {
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Labelled images, the label made last at the end.
    pub fn made(&self) -> &[usize] {
        &self.made
    }

    /// The class of an image, if it has one.
    pub fn of(&self, image: usize) -> Option<u32> {
        self.class_of.get(&image).copied()
    }

    /// The class of that name.
    pub fn class(&self, name: &str) -> Option<u32> {
        self.classes.iter().position(|class| class == name).map(|class| class as u32)
    }

    /// Labels of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.class_of.values().for_each(|class| counts[*class as usize] += 1);
        counts
    }

    /// Adds a class and gives its number.
    ///
    /// # Errors
    /// When the name is empty or taken.
    pub fn add_class(&mut self, name: &str) -> Result<u32, LabelsError> {
        let name = clean(name);
        self.check(&name)?;
        self.classes.push(name);
        Ok(self.classes.len() as u32 - 1)
    }

    /// Gives a class another name.
    ///
    /// # Errors
    /// When the name is empty, or another class's.
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
            Some(_) => Err(LabelsError::Taken(name.to_owned())),
            None => Ok(()),
        }
    }

    /// Removes a class with its labels; those after it move up.
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
    }

    /// Labels an image; its former label, if any, is forgotten.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn set(&mut self, image: usize, class: u32) {
        assert!((class as usize) < self.classes.len(), "class {class} of {}", self.classes.len());
        self.take_back(image);
        self.class_of.insert(image, class);
        self.made.push(image);
    }

    /// Takes an image's label back, if it has one.
    pub fn take_back(&mut self, image: usize) {
        if self.class_of.remove(&image).is_some() {
            self.made.retain(|labelled| *labelled != image);
        }
    }

    /// The images whose labels measure: once every class has [`HELD_OUT`] labels, the fifth, the tenth and so on
    /// that each got. None before.
    pub fn held_out(&self) -> Vec<usize> {
        if self.counts().iter().any(|count| *count < HELD_OUT) {
            return Vec::new();
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

/// One line without blanks at its ends: a name is a line of a file.
fn clean(name: &str) -> String {
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
    fn a_class_has_a_name_of_its_own() {
        let mut labels = labels(&[" cat\n", "a\tdog"]);
        assert_eq!(labels.classes(), ["cat", "a dog"]);
        assert!(matches!(labels.add_class("cat "), Err(LabelsError::Taken(name)) if name == "cat"));
        assert!(matches!(labels.add_class(" \n"), Err(LabelsError::NoName)));
        assert!(matches!(labels.rename(1, "cat"), Err(LabelsError::Taken(_))));
        labels.rename(0, "cat").expect("its own name");
        labels.rename(0, "kitten").expect("a free name");
        assert_eq!(labels.classes(), ["kitten", "a dog"]);
    }

    #[test]
    fn a_removed_class_takes_its_labels_with_it() {
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
    fn a_label_that_is_made_again_is_the_last() {
        let mut labels = labels(&["a", "b"]);
        labels.set(1, 0);
        labels.set(2, 0);
        labels.set(1, 1);
        assert_eq!((labels.made(), labels.counts()), (&[2, 1][..], vec![1, 1]));
        labels.take_back(2);
        labels.take_back(2);
        assert_eq!((labels.made(), labels.of(2)), (&[1][..], None));
    }

    #[test]
    fn every_fifth_label_is_held_out_once_each_class_has_five() {
        let mut labels = labels(&["a", "b"]);
        for image in 0..12 {
            labels.set(image, 0);
        }
        for image in 20..24 {
            labels.set(image, 1);
        }
        assert!(labels.held_out().is_empty());
        labels.set(30, 1);
        assert_eq!(labels.held_out(), [4, 9, 30]);
        labels.take_back(0);
        assert_eq!(labels.held_out(), [5, 10, 30]);
        labels.take_back(20);
        assert!(labels.held_out().is_empty());
    }
}
