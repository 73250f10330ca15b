//! What identifies an image: a hash of its content, and its name.
//!
//! Test images and labelled images are chosen by [`ImageId::content`], so adding, renaming, touching or deleting a file
//! changes the role of no other image.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::counted::counted_of;
use super::images::Images;
use crate::named::Named;

/// Key of the hash that holds out test images. It does not depend on a run's seed: runs with different seeds are tested
/// on the same images, and none is tested on images that another one trained on.
const TEST_KEY: u64 = 0x7e57;

/// How the labelled images of a run, and test images of a set without its own, are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitRule {
    /// By a hash of each image's content: changed files change the role of no other image.
    #[default]
    Content,
    /// By the order of files and records, as version 0.1 did: an added file can move every image after it.
    Position,
}

impl Named for SplitRule {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::Content, "by a hash of each image: adding or deleting files moves no other image"),
        (Self::Position, "by the order of the files, as in version 0.1"),
    ];
}

/// Content and name of an image, as hashes (XXH3, 64 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageId {
    /// Hash of the file's bytes; of the pixels (HWC) of a record of an array.
    pub content: u64,
    /// Hash of the file's path relative to the set, with `/` between names; of the position of a record.
    pub name: u64,
}

/// The identities of a list of images, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// Hashes of each image.
    pub ids: Vec<ImageId>,
    /// Path of each image relative to the set, with `/` between names. Empty if the images are records of arrays.
    pub files: Vec<String>,
}

impl Identities {
    /// Image files, with their paths relative to the set and the hashes of their bytes.
    pub(super) fn of_files(files: Vec<String>, contents: impl IntoIterator<Item = u64>) -> Self {
        let ids = files
            .iter()
            .zip(contents)
            .map(|(file, content)| ImageId { content, name: name_hash(file) })
            .collect();
        Self { ids, files }
    }

    /// Records whose images are in memory, identified by their pixels. `list` tells lists of the same set apart.
    pub(super) fn of_pixels(images: &Images, list: &str) -> Self {
        let contents = (0..images.in_memory()).map(|i| content_hash(images.image(i)));
        Self::of_records(contents, list)
    }

    /// Records with these hashes of their pixels.
    pub(super) fn of_records(contents: impl Iterator<Item = u64>, list: &str) -> Self {
        let id = |(i, content)| ImageId { content, name: xxh3_64(format!("{list} {i}").as_bytes()) };
        Self { ids: contents.enumerate().map(id).collect(), files: Vec::new() }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The identities at `indices`, in that order.
    ///
    /// # Panics
    /// When an index is not below `len()`.
    pub fn pick(&self, indices: &[usize]) -> Self {
        let ids = indices.iter().map(|&i| self.ids[i]).collect();
        let files = indices.iter().filter_map(|&i| self.files.get(i).cloned()).collect();
        Self { ids, files }
    }

    /// Appends the identities of further images of the same kind.
    pub(super) fn extend(&mut self, more: Self) {
        self.ids.extend(more.ids);
        self.files.extend(more.files);
    }

    /// The path of image `i` relative to the set, or its position in a set of arrays.
    pub fn name(&self, i: usize) -> String {
        self.files.get(i).cloned().unwrap_or_else(|| format!("image {i}"))
    }
}

/// Which images of a run's data were held out for testing, by which they are held out again when the run goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedRoles {
    exact: HashMap<ImageId, bool>,
    /// Whether all images of this content test.
    by_content: HashMap<u64, bool>,
    held_out: bool,
    /// The classes of the run, which goes on with these alone.
    classes: Vec<String>,
}

impl RecordedRoles {
    /// Images, each with whether it tests; `held_out`: whether new images may test.
    pub fn new(images: impl IntoIterator<Item = (ImageId, bool)>, held_out: bool) -> Self {
        let mut roles = Self { held_out, ..Self::default() };
        for (id, tests) in images {
            *roles.exact.entry(id).or_default() |= tests;
        }
        for (id, tests) in &roles.exact {
            *roles.by_content.entry(id.content).or_insert(true) &= tests;
        }
        roles
    }

    /// The same of a run with these classes.
    pub fn with_classes(self, classes: &[String]) -> Self {
        Self { classes: classes.to_vec(), ..self }
    }

    /// The classes of the run; none if they are unknown.
    pub(super) fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether the run held out test images, and some of these images are the run's.
    pub(super) fn apply_to(&self, ids: &[ImageId]) -> bool {
        self.held_out && ids.iter().any(|id| self.by_content.contains_key(&id.content))
    }

    /// Whether an image tests: as it did, also under another name; a new image if its [`test_key`] is below `share`.
    pub(super) fn is_test(&self, id: ImageId, share: f64) -> bool {
        let known = self.exact.get(&id).or_else(|| self.by_content.get(&id.content));
        known.copied().unwrap_or(self.held_out && test_key(id.content) < share)
    }
}

/// The notice about test images that are, byte for byte, also among the images to train on. `trained` and `tested`: the
/// hashes of both.
pub(super) fn trained_notice(
    trained: impl Iterator<Item = u64>,
    tested: impl Iterator<Item = u64>,
) -> Option<String> {
    let trained: HashSet<u64> = trained.collect();
    let (mut both, mut all) = (0, 0);
    for content in tested {
        all += 1;
        both += usize::from(trained.contains(&content));
    }
    (both > 0).then(|| {
        format!(
            "{} byte for byte among the images to train on, so that accuracy is too high: check the data to list them",
            counted_of(both, all, ["test image", "test images"], ["is", "are"])
        )
    })
}

/// The hash of an image file's bytes, or of the pixels of a record.
pub(super) fn content_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The hash of the path of a file relative to the set.
pub(super) fn name_hash(file: &str) -> u64 {
    xxh3_64(file.as_bytes())
}

/// A key that is uniform over u64 for contents, and independent for each `seed` and `stream`: images are ranked by it.
pub(super) fn rank(content: u64, seed: u64, stream: u64) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&content.to_le_bytes());
    bytes[8..].copy_from_slice(&stream.to_le_bytes());
    xxh3_64_with_seed(&bytes, seed)
}

/// A number from 0 to 1, uniform over contents: an image is held out for testing if it is below the test share.
pub fn test_key(content: u64) -> f64 {
    (rank(content, TEST_KEY, 0) >> 11) as f64 / (1u64 << 53) as f64
}

/// Which of the images are held out for testing. `labels`: their classes.
///
/// An image is held out if its [`test_key`] is below `share`, so about `share` of a class are, and no image depends on
/// another one. The number of test images of a class of n is therefore binomial: of 10 images at a share of 0.2, five or
/// more test once in 30 classes. No rule does better without giving up the property: if adding or deleting a file moves
/// no other image, deleting all others leaves an image its role, so the role is a function of that image alone, and
/// nothing can balance the images of a class against each other. What a notice says instead is where the share is far
/// off, and that folders `test/CLASS` decide. There are two exceptions that concern tiny classes:
/// - The images of a class with the greatest key are never held out, so that each class keeps a training image. If they
///   would be held out otherwise (a class of one image, or one whose images all have small keys), adding an image with
///   a greater key moves them to the test images.
/// - If no image at all would be held out, those with the least key of each class with two images or more are. Adding an
///   image below the share moves them back.
///
/// Identical images share a key and are held out together, except if all images of a class are identical.
pub(super) fn held_out(ids: &[ImageId], labels: &[u32], classes: usize, share: f64) -> Vec<bool> {
    let keys: Vec<f64> = ids.iter().map(|id| test_key(id.content)).collect();
    let mut greatest = vec![f64::NEG_INFINITY; classes];
    let mut least: Vec<Option<usize>> = vec![None; classes];
    for (i, &label) in labels.iter().enumerate() {
        let class = label as usize;
        greatest[class] = greatest[class].max(keys[i]);
        let order = |i: usize| (keys[i], ids[i].name);
        least[class] = Some(match least[class] {
            Some(best) if order(best) <= order(i) => best,
            _ => i,
        });
    }
    let is_below = |(i, &label): (usize, &u32)| keys[i] < share && keys[i] < greatest[label as usize];
    let held: Vec<bool> = labels.iter().enumerate().map(is_below).collect();
    if held.contains(&true) {
        return held;
    }
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let is_least = |(i, &label): (usize, &u32)| {
        let class = label as usize;
        let Some(best) = least[class].filter(|_| counts[class] > 1) else { return false };
        i == best || keys[i] == keys[best] && keys[i] < greatest[class]
    };
    labels.iter().enumerate().map(is_least).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(contents: impl IntoIterator<Item = u64>) -> Vec<ImageId> {
        contents.into_iter().zip(0..).map(|(content, name)| ImageId { content, name }).collect()
    }

    #[test]
    fn test_keys_are_uniform() {
        let below = |share: f64| (0..10_000).filter(|&content| test_key(content) < share).count();
        for share in [0.1, 0.2, 0.5] {
            let (found, expected) = (below(share) as f64, share * 10_000.0);
            assert!((found - expected).abs() < 4.0 * (expected * (1.0 - share)).sqrt(), "{share}: {found}");
        }
    }

    #[test]
    fn ranks_depend_on_seed_and_stream() {
        let ranks = [rank(1, 0, 0), rank(1, 1, 0), rank(1, 0, 1), rank(2, 0, 0)];
        (0..4).for_each(|i| assert!(!ranks[..i].contains(&ranks[i])));
    }

    #[test]
    fn every_class_keeps_a_training_image() {
        let all = ids(0..40);
        let labels: Vec<u32> = (0..40).map(|i| i / 4).collect();
        let held = held_out(&all, &labels, 10, 0.999_999);
        for class in 0..10 {
            assert_eq!(held[4 * class..][..4].iter().filter(|held| **held).count(), 3, "class {class}");
        }
    }

    #[test]
    fn some_image_is_held_out_at_any_share() {
        let labels = [0, 0, 1, 1, 2];
        let held = held_out(&ids(0..5), &labels, 3, 1e-12);
        assert_eq!(held.iter().filter(|held| **held).count(), 2);
        assert!(!held[4], "the only image of its class");
        assert_eq!(held_out(&ids([7; 5]), &labels, 3, 0.2).iter().filter(|held| **held).count(), 2);
        assert_eq!(held_out(&ids(0..1), &[0], 1, 0.5), [false]);
    }

    #[test]
    fn identical_images_are_held_out_together() {
        let content = (0..).find(|&content| test_key(content) < 0.2).expect("a small key");
        let other = (0..).find(|&content| test_key(content) > 0.5).expect("a great key");
        assert_eq!(held_out(&ids([content, other, content]), &[0; 3], 1, 0.2), [true, false, true]);
        // In a class of identical images, none with a small key is tested beside its twin in training.
        assert_eq!(
            held_out(&ids([content, content, other, content]), &[0, 0, 1, 1], 2, 0.2),
            [false, false, false, true]
        );
    }
}
