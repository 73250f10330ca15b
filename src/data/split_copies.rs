//! Images that, by their names, were made from another image of their folder, such as `1_aug.png` from `1.png`: where one of
//! them tests and another trains, accuracy is too high.

use std::collections::BTreeMap;

use super::copied_names::{FileCopy, file_copy};
use super::counted::counted;
use super::names::shown_name;
use super::unreadable::is_camera_original;

/// Numbered files, as `img (2).jpg`, that are taken for copies of `img.jpg`: browsers number other images so too, and more.
const MOST_NUMBERED: usize = 3;
/// Altered images without their original that are taken for those of one: more are rather a series.
const MOST_SIBLINGS: usize = 20;

/// The images of a folder that may be one image, by name.
#[derive(Default)]
struct Group {
    /// Images, by index: with the plain name, altered or copied, and numbered.
    plain: Vec<usize>,
    copies: Vec<usize>,
    numbered: Vec<usize>,
    /// Versions that a program made.
    versions: Vec<usize>,
    /// Photos as the camera made them, beside those in another format.
    camera: Vec<usize>,
}

impl Group {
    /// The images that were made from each other by their names.
    fn members(&self, name: &str) -> Vec<usize> {
        let has_source = name.ends_with(|last: char| last.is_ascii_digit());
        let is_series = |count: usize| !has_source || count > MOST_SIBLINGS;
        let mut members = self.versions.clone();
        if !self.plain.is_empty() || !is_series(self.copies.len()) {
            members.extend(&self.copies);
        }
        if !self.plain.is_empty() && self.numbered.len() <= MOST_NUMBERED {
            members.extend(&self.numbered);
        }
        let in_two_formats = !self.camera.is_empty() && self.camera.len() < self.plain.len();
        if in_two_formats || !members.is_empty() {
            members.extend(&self.plain);
        }
        members
    }
}

/// The notice about test images that, by their names, were made from a training image of their folder, or that one from them.
/// `images`: paths relative to the set with `/` between names, and whether the image tests.
pub(super) fn split_copies_notice<'a>(images: impl Iterator<Item = (&'a str, bool)>) -> Option<String> {
    let images: Vec<(&str, bool)> = images.collect();
    if images.iter().all(|(_, test)| *test) || !images.iter().any(|(_, test)| *test) {
        return None;
    }
    let mut groups: BTreeMap<(&str, String), Group> = BTreeMap::new();
    // Names that begin with a word for what was done: `aug_1` beside `1`.
    let mut prefixed: Vec<((&str, String), usize)> = Vec::new();
    for (i, (path, _)) in images.iter().enumerate() {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let (kind, of) = file_copy(stem);
        let key = (folder, of);
        match kind {
            FileCopy::Plain => {
                let group = groups.entry(key).or_default();
                group.plain.push(i);
                group.camera.extend(is_camera_original(file).then_some(i));
            }
            FileCopy::Altered => groups.entry(key).or_default().copies.push(i),
            FileCopy::Version => groups.entry(key).or_default().versions.push(i),
            FileCopy::Numbered => groups.entry(key).or_default().numbered.push(i),
            FileCopy::Prefixed => prefixed.push((key, i)),
        }
    }
    for (key, i) in prefixed {
        if let Some(group) = groups.get_mut(&key).filter(|group| !group.plain.is_empty()) {
            group.copies.push(i);
        }
    }
    let (mut count, mut example) = (0, None);
    for ((_, name), group) in &groups {
        let (tested, trained): (Vec<usize>, Vec<usize>) =
            group.members(name).into_iter().partition(|image| images[*image].1);
        if let (Some(test), Some(train)) = (tested.first(), trained.first()) {
            count += tested.len();
            example.get_or_insert((*test, *train));
        }
    }
    let (test, train) = example?;
    Some(format!(
        "{} by their names the same photo as a training image, altered or copied, such as {} and {}: if so, accuracy is too \
         high; remove the copies, as training augments images itself, or choose the images to test in test/CLASS and keep all \
         copies of one photo on one side (check the data to compare them)",
        counted(count, "test image is", "test images are"),
        shown_name(images[test].0),
        shown_name(images[train].0)
    ))
}
