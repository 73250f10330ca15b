//! The fingerprint of a run's data: its images, their classes and their roles, as a checkpoint records them; and what
//! differs in the data that a run goes on with.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::Config;
use crate::data::{DataSet, ImageId, OpenOptions, RecordedRoles, Split, counted, counted_of, listed_name};

/// What an image is used for in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Trains with its class.
    Labelled,
    /// Trains without its class.
    Unlabelled,
    /// Left out by the long tail.
    Unused,
    /// Measures accuracy.
    Test,
}

/// An image of a run's data. Its class is `None` if it is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedImage {
    pub id: ImageId,
    pub class: Option<u32>,
    pub role: Role,
}

/// Facts about a run's data besides its images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// The share of the labelled images that is held out for testing; `None` if the set has test images of its own.
    pub held_out: Option<f64>,
    /// Whether the images are files, whose names are paths; otherwise their names are positions in arrays.
    pub files: bool,
    /// Whether weak augmentation flips images.
    pub flip: bool,
    /// Largest shift of weak augmentation, in pixels.
    pub shift: u32,
}

/// The images of a run's data with their roles.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprint {
    /// Training images, then test images. With labels made by hand a test image is a training image too.
    pub images: Vec<RecordedImage>,
    pub facts: DataFacts,
    /// The path of each image file, for messages; empty if it is not recorded, or the images are records of arrays.
    pub files: Vec<String>,
    /// Images that earlier parts of the run trained on, and that are gone or no longer train.
    pub earlier: Vec<ImageId>,
}

impl Fingerprint {
    /// The fingerprint of a data set that is used as `split` says. `flip` and `shift` are the run's.
    pub fn new(data: &DataSet, split: &Split, flip: bool, shift: u32) -> Self {
        let mut roles = vec![Role::Unused; data.train.len()];
        split.unlabelled.iter().for_each(|&i| roles[i] = Role::Unlabelled);
        split.labelled.iter().for_each(|&i| roles[i] = Role::Labelled);
        let train = data.train_ids.ids.iter().zip(&data.train_labels).zip(roles);
        let train = train.map(|((&id, &class), role)| RecordedImage { id, class, role });
        let test = data.test_ids.ids.iter().zip(&data.test_labels);
        let test = test.map(|(&id, &class)| RecordedImage { id, class: Some(class), role: Role::Test });
        let files = !data.train_ids.files.is_empty();
        let facts = DataFacts { held_out: data.held_out, files, flip, shift };
        let names = data.train_ids.files.iter().chain(&data.test_ids.files).cloned().collect();
        Self { images: train.chain(test).collect(), facts, files: names, earlier: Vec::new() }
    }

    /// Adds images that earlier parts of the run trained on: once trained on, always recorded.
    pub fn with_earlier(self, trained: &[ImageId]) -> Self {
        let now: HashSet<u64> = self.trained().map(|id| id.content).collect();
        let mut known = HashSet::new();
        let earlier = trained.iter().filter(|id| !now.contains(&id.content) && known.insert(**id));
        Self { earlier: earlier.copied().collect(), ..self }
    }

    /// The images that the run trains on, labelled or not, and those that it has trained on.
    pub fn trained(&self) -> impl Iterator<Item = ImageId> {
        let trains = |image: &&RecordedImage| matches!(image.role, Role::Labelled | Role::Unlabelled);
        self.images.iter().filter(trains).map(|image| image.id).chain(self.earlier.iter().copied())
    }

    /// How many of the images with these contents ([`ImageId::content`]) the run trains or has trained on, labelled or
    /// not.
    pub fn trained_on(&self, contents: impl IntoIterator<Item = u64>) -> usize {
        let trained: HashSet<u64> = self.trained().map(|id| id.content).collect();
        contents.into_iter().filter(|content| trained.contains(content)).count()
    }

    /// Whether the test images of a data set are others than those recorded, or have other classes.
    pub fn has_other_tests(&self, data: &DataSet) -> bool {
        let tests = self.images.iter().filter(|image| image.role == Role::Test);
        let mut before: Vec<(u64, Option<u32>)> =
            tests.map(|image| (image.id.content, image.class)).collect();
        let now = data.test_ids.ids.iter().zip(&data.test_labels);
        let mut now: Vec<(u64, Option<u32>)> = now.map(|(id, &class)| (id.content, Some(class))).collect();
        before.sort_unstable();
        now.sort_unstable();
        before != now
    }

    /// The roles by which test images are held out again when the data set is opened.
    pub fn recorded_roles(&self) -> RecordedRoles {
        let held_out = self.facts.held_out.is_some();
        let images = self.images.iter().map(|image| (image.id, held_out && image.role == Role::Test));
        RecordedRoles::new(images, held_out)
    }

    /// The split of a data set by the recorded roles. New images are unlabelled; labels that are gone are not replaced.
    pub fn split(&self, data: &DataSet) -> Split {
        let mut exact: HashMap<ImageId, Role> = HashMap::new();
        for image in &self.images {
            // An image with a label made by hand may test and train: its role in training counts.
            let role = exact.entry(image.id).or_insert(image.role);
            if *role == Role::Test {
                *role = image.role;
            }
        }
        let ids = &data.train_ids.ids;
        let present: HashSet<ImageId> = ids.iter().copied().collect();
        let mut renamed: HashMap<u64, VecDeque<Role>> = HashMap::new();
        for image in self.images.iter().filter(|image| !present.contains(&image.id)) {
            renamed.entry(image.id.content).or_default().push_back(exact[&image.id]);
        }
        let mut split = Split { labelled: Vec::new(), unlabelled: Vec::new() };
        for (i, (id, class)) in ids.iter().zip(&data.train_labels).enumerate() {
            let moved = || renamed.get_mut(&id.content).and_then(VecDeque::pop_front);
            let role = exact.get(id).copied().or_else(moved).unwrap_or(Role::Unlabelled);
            if matches!(role, Role::Labelled | Role::Unlabelled) {
                split.unlabelled.push(i);
            }
            if role == Role::Labelled && class.is_some() {
                split.labelled.push(i);
            }
        }
        split
    }

    /// The classes that had labelled images, and have none among the data that are used as `split` says.
    pub fn classes_without_labels<'a>(&self, data: &'a DataSet, split: &Split) -> Vec<&'a str> {
        let left: HashSet<u32> = split.labelled.iter().filter_map(|&i| data.train_labels[i]).collect();
        let labelled = self.images.iter().filter(|image| image.role == Role::Labelled);
        let gone: BTreeSet<u32> =
            labelled.filter_map(|image| image.class).filter(|class| !left.contains(class)).collect();
        gone.into_iter().filter_map(|class| data.classes.get(class as usize).map(String::as_str)).collect()
    }

    /// What differs in the images of a data set. Its classes are those of the run.
    pub fn compare(&self, data: &DataSet) -> Changes {
        // Labels made by hand give an image twice, in training without its class where it is held out.
        let mut known: HashMap<ImageId, Option<u32>> = HashMap::new();
        for image in &self.images {
            let class = known.entry(image.id).or_default();
            *class = class.or(image.class);
        }
        let mut found: HashMap<ImageId, (Option<u32>, String)> = HashMap::new();
        let mut order = Vec::new();
        let train = data.train_ids.ids.iter().zip(data.train_labels.iter().copied());
        let train = train.enumerate().map(|(i, (id, class))| (*id, class, data.train_ids.name(i)));
        let test = data.test_ids.ids.iter().zip(data.test_labels.iter().copied().map(Some));
        let test = test.enumerate().map(|(i, (id, class))| (*id, class, data.test_ids.name(i)));
        for (id, class, name) in train.chain(test) {
            let entry = found.entry(id).or_insert_with(|| {
                order.push(id);
                (None, name)
            });
            entry.0 = entry.0.or(class);
        }
        let mut changes = Changes { tests: data.test_ids.len(), ..Changes::default() };
        let mut by_content: HashMap<u64, VecDeque<(Option<u32>, ImageId)>> = HashMap::new();
        let mut by_name: HashMap<u64, u64> = HashMap::new();
        for (id, class) in known.iter().filter(|(id, _)| !found.contains_key(*id)) {
            by_content.entry(id.content).or_default().push_back((*class, *id));
            by_name.insert(id.name, id.content);
        }
        let test_ids: HashSet<ImageId> = data.test_ids.ids.iter().copied().collect();
        let trains = |id: &ImageId| !test_ids.contains(id);
        let mut new = Vec::new();
        for id in order {
            let (class, name) = &found[&id];
            let before = match known.get(&id) {
                Some(before) => *before,
                None => match by_content.get_mut(&id.content).and_then(VecDeque::pop_front) {
                    Some((before, _)) => {
                        changes.renamed += usize::from(self.facts.files && before == *class);
                        before
                    }
                    None => {
                        changes.new_classes += usize::from(class.is_some() && trains(&id));
                        new.push((id, name.clone()));
                        continue;
                    }
                },
            };
            if before != *class {
                changes.new_classes += usize::from(before.is_none() && trains(&id));
                changes.reclassed += usize::from(before.is_some() && class.is_some());
                changes.relabelled.push(name.clone());
            }
        }
        for (id, name) in new {
            let old = by_name.get(&id.name).and_then(|content| by_content.get_mut(content));
            match old.and_then(VecDeque::pop_front) {
                Some(_) => changes.changed.push(name),
                None => changes.added.push(name),
            }
        }
        let gone: HashSet<ImageId> = by_content.into_values().flatten().map(|(_, id)| id).collect();
        changes.removed = gone.len();
        let files = self.images.iter().zip(&self.files).filter(|(image, _)| gone.contains(&image.id));
        changes.removed_files = files.map(|(_, file)| file.clone()).collect();
        changes.removed_files.sort_unstable();
        changes.removed_files.dedup();
        changes.saved_anew = if self.facts.files { changes.changed.len() } else { 0 };
        let tested: HashSet<u64> = self
            .images
            .iter()
            .filter(|image| image.role == Role::Test)
            .map(|image| image.id.content)
            .collect();
        let earlier: HashSet<u64> = self.earlier.iter().map(|id| id.content).collect();
        let tests_now: HashSet<u64> = test_ids.iter().map(|id| id.content).collect();
        let known: HashSet<u64> = self.images.iter().map(|image| image.id.content).collect();
        let all = data.train_ids.ids.iter().chain(&data.test_ids.ids).map(|id| id.content);
        let present: HashSet<u64> = all.filter(|content| known.contains(content)).collect();
        let other_role = |content: &&u64| tested.contains(*content) != tests_now.contains(*content);
        changes.other_roles = present.iter().filter(other_role).count();
        let again = |id: &&ImageId| tested.contains(&id.content) && earlier.contains(&id.content);
        changes.accepted = data.test_ids.ids.iter().filter(again).count();
        let new_tests = data.test_ids.ids.iter().filter(|id| !tested.contains(&id.content));
        changes.trained = self.trained_on(new_tests.clone().map(|id| id.content));
        if self.facts.files {
            // A file that was saved anew, or edited, is still the photo that was trained on.
            let names: HashSet<u64> = self.trained().map(|id| id.name).collect();
            let edited = |id: &&ImageId| {
                !known.contains(&id.content) && !earlier.contains(&id.content) && names.contains(&id.name)
            };
            changes.trained += new_tests.filter(edited).count();
        }
        changes
    }
}

/// The options that open the data set of a run again: with the same settings, image shape (`image`: height, width, channels)
/// and classes, and the same test images.
pub fn reopen_options(
    config: &Config,
    image: [usize; 3],
    classes: &[String],
    fingerprint: Option<&Fingerprint>,
) -> OpenOptions {
    let recorded = |fingerprint: &Fingerprint| fingerprint.recorded_roles().with_classes(classes);
    OpenOptions {
        image_size: Some(image[0]),
        size_multiple: None,
        channels: Some(image[2]),
        recorded: fingerprint.map(|fingerprint| Arc::new(recorded(fingerprint))),
        ..config.open_options()
    }
}

/// What differs between the images of a run and those of a data set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names of images that the run does not know.
    pub added: Vec<String>,
    /// Number of images that are gone.
    pub removed: usize,
    /// Paths of files that are gone, as far as they were recorded.
    pub removed_files: Vec<String>,
    /// Names of images whose content differs.
    pub changed: Vec<String>,
    /// Number of files among them: the bytes of a file differ, its pixels need not.
    pub saved_anew: usize,
    /// Number of training images whose class is new to the run, which keeps its labels.
    pub new_classes: usize,
    /// Names of images with another class, with a class that was unknown, or without their class.
    pub relabelled: Vec<String>,
    /// Number of images among them that had another class: labelled ones go on with the new one.
    pub reclassed: usize,
    /// Number of image files with another path. It is no difference by itself.
    pub renamed: usize,
    /// Number of test images that the run trains on and has not tested, also by the name of a file that was changed.
    pub trained: usize,
    /// Number of test images that an earlier part of the run trained on, before changed data were accepted.
    pub accepted: usize,
    /// Number of images that tested and do not any more, or that test now and did not.
    pub other_roles: usize,
    /// Number of test images.
    pub tests: usize,
}

impl Changes {
    /// Whether the images and their classes are the run's, and no image that was trained on tests.
    pub fn is_empty(&self) -> bool {
        let same = self.added.is_empty() && self.removed == 0 && self.changed.is_empty();
        same && self.relabelled.is_empty() && self.trained == 0 && self.other_roles == 0
    }

    /// What stays to be said of data that are those of the run: test images that an earlier part of it trained on.
    pub fn notice(&self) -> Option<String> {
        (self.accepted > 0).then(|| {
            format!(
                "{} trained on before the changed data were accepted: the accuracy on them says little",
                counted_of(self.accepted, self.tests, TEST_IMAGES, WERE)
            )
        })
    }
}

const TEST_IMAGES: [&str; 2] = ["test image", "test images"];
const WERE: [&str; 2] = ["was", "were"];

/// Names that a list of changes shows.
const NAMED: usize = 3;

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, changed, relabelled) = (self.added.len(), self.changed.len(), self.relabelled.len());
        write!(f, "added {added}, removed {}, changed {changed}", self.removed)?;
        for (verb, count) in [
            ("relabelled", relabelled),
            ("renamed", self.renamed),
            ("moved to or from the test images", self.other_roles),
        ] {
            if count > 0 {
                write!(f, ", {verb} {count}")?;
            }
        }
        let lists = [
            ("added", &self.added),
            ("removed", &self.removed_files),
            ("changed", &self.changed),
            ("relabelled", &self.relabelled),
        ];
        let mut lists = lists.into_iter().filter(|(_, names)| !names.is_empty()).peekable();
        if lists.peek().is_some() {
            let list = |(verb, names): (&str, &Vec<String>)| {
                let more = if names.len() > NAMED { ", .." } else { "" };
                let shown = names.iter().take(NAMED).map(|name| listed_name(name));
                format!("{verb} {}{more}", shown.collect::<Vec<_>>().join(", "))
            };
            write!(f, " ({})", lists.map(list).collect::<Vec<_>>().join("; "))?;
        }
        let trained = counted_of(self.trained + self.accepted, self.tests, TEST_IMAGES, WERE);
        write!(f, "; {trained} trained on")?;
        match self.saved_anew {
            0 => Ok(()),
            count => write!(
                f,
                "; {} the same name and other bytes: an image that is saved anew counts as another one",
                counted(count, "file has", "files have")
            ),
        }
    }
}
