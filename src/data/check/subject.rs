//! The data set that is checked, with its images numbered through: training images, then test images.

use super::descriptor::Descriptor;
use super::finding::{Example, Group, Place, Use};
use crate::data::images::Images;
use crate::data::original::Original;
use crate::data::set::{DataSet, Origin};

/// A data set with one number for each image.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub set: &'a DataSet,
}

impl<'a> Subject<'a> {
    /// Number of images. Test images that are training images too, as in small hand-labelled sets, count once.
    pub fn len(self) -> usize {
        self.set.train.len() + if self.tests_apart() { self.set.test.len() } else { 0 }
    }

    /// Whether the test images are no training images: those of labels made by hand are unlabelled training images.
    fn tests_apart(self) -> bool {
        matches!(self.set.origin, Origin::Benchmark)
    }

    pub fn id(self, image: usize) -> Place {
        match image.checked_sub(self.set.train.len()) {
            None => Place::Train(image),
            Some(test) => Place::Test(test),
        }
    }

    fn images(self, image: usize) -> (&'a Images, usize) {
        match self.id(image) {
            Place::Train(i) => (&self.set.train, i),
            Place::Test(i) => (&self.set.test, i),
        }
    }

    pub fn label(self, image: usize) -> Option<u32> {
        match self.id(image) {
            Place::Train(i) => self.set.train_labels[i],
            Place::Test(i) => Some(self.set.test_labels[i]),
        }
    }

    pub fn usage(self, image: usize) -> Use {
        match (self.id(image), self.label(image)) {
            (Place::Test(_), _) => Use::Test,
            (_, Some(_)) => Use::Training,
            (_, None) => Use::Unlabelled,
        }
    }

    pub fn describe(self, image: usize) -> Descriptor {
        let (images, i) = self.images(image);
        Descriptor::of(images, i)
    }

    /// Calls `with` with the bytes of two images.
    pub fn compare<T: Default>(self, a: usize, b: usize, with: impl FnOnce(&[u8], &[u8]) -> T) -> T {
        let ((first, i), (second, j)) = (self.images(a), self.images(b));
        let mut result = T::default();
        first.read(i, |a| second.read(j, |b| result = with(a, b)));
        result
    }

    /// Whether two images have the same pixels.
    pub fn is_same(self, a: usize, b: usize) -> bool {
        self.compare(a, b, |a, b| a == b)
    }

    pub fn class(self, class: u32) -> String {
        self.set.classes[class as usize].clone()
    }

    /// The image's file, or its number in a set of arrays.
    pub fn name(self, image: usize) -> String {
        match self.id(image) {
            Place::Train(i) => self.set.train_ids.name(i),
            Place::Test(i) => self.set.test_ids.name(i),
        }
    }

    /// What is unusual about the image's file; `None` if nothing is.
    pub fn original(self, image: usize) -> Option<&'a Original> {
        let file = match self.id(image) {
            Place::Train(i) => self.set.train_ids.files.get(i),
            Place::Test(i) => self.set.test_ids.files.get(i),
        };
        self.set.originals.get(file?)
    }

    /// An image as an example.
    pub fn example(self, image: usize) -> Example {
        let name = self.name(image);
        let class = self.label(image).map(|class| self.class(class));
        Example { image: self.id(image), name, class, usage: self.usage(image), detail: None }
    }

    /// Images as a group of examples.
    pub fn group(self, images: impl IntoIterator<Item = usize>) -> Group {
        Group { class: None, examples: images.into_iter().map(|image| self.example(image)).collect() }
    }

    /// Images as one group, each with what was measured of it.
    pub fn measured(self, images: impl IntoIterator<Item = (usize, String)>) -> Vec<Group> {
        let example = |(image, detail)| Example { detail: Some(detail), ..self.example(image) };
        vec![Group { class: None, examples: images.into_iter().map(example).collect() }]
    }
}
