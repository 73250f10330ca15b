//! Which picture each label was made for: the hash of its file, in a hidden file beside the labels. So a picture that was
//! replaced by another one of the same name is told, and one whose file was renamed or moved keeps its label.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use csv::{ReaderBuilder, Writer};

use super::counted::counted;
use super::identity::ImageId;
use super::labels::Labels;
use super::names::{listed_name, shown_name};

/// A hidden CSV file with a row `file,hash` per label.
pub const PICTURES_FILE: &str = ".labelled-pictures.csv";

const HEADER: [&str; 2] = ["file", "hash"];
/// Labels that a message names.
const NAMED: usize = 3;

/// Hashes of labelled files, by their paths relative to the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelledPictures(BTreeMap<String, u64>);

impl LabelledPictures {
    /// Reads a file's content. Damaged rows are ignored: then nothing is known of a picture.
    pub fn parse(content: &[u8]) -> Self {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(content);
        let rows = reader.records().map_while(Result::ok);
        let hashes =
            rows.filter_map(|row| Some((row.get(0)?.to_owned(), u64::from_str_radix(row.get(1)?, 16).ok()?)));
        Self(hashes.collect())
    }

    /// The pictures that these labels were made for. `files` and `ids` are those of the folder's images.
    pub fn of(labels: &Labels, files: &[String], ids: &[ImageId]) -> Self {
        let made = labels.made().iter().filter_map(|&image| {
            let now = || Some(ids.get(image)?.content);
            Some((files[image].clone(), labels.other_pictures.get(&image).copied().or_else(now)?))
        });
        let is_absent = |file: &String| labels.absent.iter().any(|(other, _)| other == file);
        let absent = labels.absent_pictures.iter().filter(|(file, _)| is_absent(file));
        Self(absent.map(|(file, hash)| (file.clone(), *hash)).chain(made).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The content of [`PICTURES_FILE`].
    pub fn content(&self) -> Vec<u8> {
        let mut rows = Writer::from_writer(Vec::new());
        rows.write_record(HEADER).expect("writing to memory cannot fail");
        for (file, hash) in &self.0 {
            rows.write_record([file.as_str(), &format!("{hash:016x}")])
                .expect("writing to memory cannot fail");
        }
        rows.into_inner().expect("writing to memory cannot fail")
    }
}

/// Labels after their pictures were compared with those that were labelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowedLabels {
    pub labels: Labels,
    /// Labels whose picture has another name now, as `OLD is NEW now: CLASS`.
    pub moved: Vec<String>,
    /// Labels that are gone with their picture, as another labelled picture has its name now: `FILE: CLASS`.
    pub lost: Vec<String>,
}

impl FollowedLabels {
    /// What the log tells of labels whose pictures have another name, or are gone.
    pub fn messages(&self) -> Vec<String> {
        let Self { moved, lost, .. } = self;
        let message = |labels: &[String], [one, several]: [&str; 2]| {
            let more = if labels.len() > NAMED { ", ..." } else { "" };
            let examples = labels.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            (!labels.is_empty())
                .then(|| format!("{} ({examples}{more})", counted(labels.len(), one, several)))
        };
        let moved = message(
            moved,
            ["label follows its picture to another name", "labels follow their pictures to other names"],
        );
        let lost = message(
            lost,
            [
                "label is removed, as its picture is gone and another labelled picture has its name",
                "labels are removed, as their pictures are gone and other labelled pictures have their names",
            ],
        );
        moved.into_iter().chain(lost).collect()
    }
}

/// A label as it was saved.
struct Row {
    file: String,
    image: Option<usize>,
    class: u32,
}

impl Labels {
    /// The labels on the pictures that they were made for, which are `recorded`: a label whose picture has another name now
    /// moves there. One whose picture is gone stays with its file; [`Labels::changed_pictures`] names it.
    /// `files` and `ids` are those of the folder's images.
    pub fn follow_pictures(
        &self,
        recorded: &LabelledPictures,
        files: &[String],
        ids: &[ImageId],
    ) -> FollowedLabels {
        let made = self.made.iter().map(|image| Row {
            file: files[*image].clone(),
            image: Some(*image),
            class: self.class_of[image],
        });
        let absent =
            self.absent.iter().map(|(file, class)| Row { file: file.clone(), image: None, class: *class });
        let rows: Vec<Row> = absent.chain(made).collect();
        let content = |image: usize| ids.get(image).map(|id| id.content);
        // The hash of a picture that does not have the row's file now.
        let sought = |row: &Row| {
            let hash = recorded.0.get(&row.file).copied();
            hash.filter(|hash| row.image.is_none_or(|image| content(image).is_some_and(|now| now != *hash)))
        };
        let kept: BTreeSet<usize> =
            rows.iter().filter(|row| sought(row).is_none()).filter_map(|row| row.image).collect();
        let mut free: HashMap<u64, Vec<usize>> = HashMap::new();
        for image in (0..files.len()).rev().filter(|image| !kept.contains(image)) {
            content(image).into_iter().for_each(|content| free.entry(content).or_default().push(image));
        }
        let found: Vec<Option<usize>> =
            rows.iter().map(|row| free.get_mut(&sought(row)?).and_then(Vec::pop)).collect();
        let taken: BTreeSet<usize> = found.iter().flatten().copied().collect();
        let mut followed = FollowedLabels::default();
        let labels = &mut followed.labels;
        *labels = Self {
            made: Vec::new(),
            class_of: HashMap::new(),
            absent: Vec::new(),
            other_pictures: BTreeMap::new(),
            absent_pictures: BTreeMap::new(),
            ..self.clone()
        };
        for (row, found) in rows.into_iter().zip(found) {
            let hash = sought(&row);
            let class = &self.classes[row.class as usize];
            match (found, row.image, hash) {
                (Some(image), _, _) => {
                    labels.set(image, row.class);
                    let (old, new) = (shown_name(&row.file), shown_name(&files[image]));
                    followed.moved.push(format!("{old} is {new} now: {}", listed_name(class)));
                }
                (None, Some(image), None) => labels.set(image, row.class),
                (None, Some(image), Some(hash)) if !taken.contains(&image) => {
                    labels.set(image, row.class);
                    labels.other_pictures.insert(image, hash);
                }
                (None, Some(_), Some(_)) => {
                    followed.lost.push(format!("{}: {}", shown_name(&row.file), listed_name(class)));
                }
                (None, None, hash) => {
                    if let Some(hash) = hash {
                        labels.absent_pictures.insert(row.file.clone(), hash);
                    }
                    labels.absent.push((row.file, row.class));
                }
            }
        }
        followed
    }

    /// Labelled images whose files have another picture than the one that was labelled.
    pub fn changed_pictures(&self) -> impl Iterator<Item = usize> {
        self.other_pictures.keys().copied()
    }

    /// Takes the pictures of now for those that the labels were made for.
    pub fn accept_pictures(&mut self) {
        self.other_pictures.clear();
    }

    /// Takes over what is known of the picture of an image, whose label is that of `other`.
    pub(super) fn take_picture(&mut self, other: &Self, image: usize) {
        match other.other_pictures.get(&image) {
            Some(hash) => self.other_pictures.insert(image, *hash),
            None => self.other_pictures.remove(&image),
        };
    }

    /// Takes over what is known of the picture of a file that is not there, whose label is that of `other`.
    pub(super) fn take_absent_picture(&mut self, other: &Self, file: &str) {
        if let Some(hash) = other.absent_pictures.get(file) {
            self.absent_pictures.insert(file.to_owned(), *hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of `NAME PICTURE`, and the hashes of their pictures.
    fn folder(files: &[&str]) -> (Vec<String>, Vec<ImageId>) {
        let split = files.iter().map(|file| file.split_once(' ').expect("two words"));
        split
            .map(|(name, picture)| {
                let content = picture.bytes().next().expect("a letter").into();
                (name.to_owned(), ImageId { content, name: 0 })
            })
            .unzip()
    }

    /// Labels of `NAME CLASS` of files, which may be gone.
    fn labels(files: &[String], rows: &[&str]) -> Labels {
        let mut labels = Labels::default();
        ["cat", "dog", "cow"].into_iter().for_each(|class| drop(labels.add_class(class)));
        for row in rows {
            let (name, class) = row.split_once(' ').expect("two words");
            let class = labels.class(class).expect("a class");
            match files.iter().position(|file| file == name) {
                Some(image) => labels.set(image, class),
                None => labels.absent.push((name.to_owned(), class)),
            }
        }
        labels
    }

    #[test]
    fn labels_follow_their_pictures() {
        let rows = ["1 cat", "2 dog", "3 cow"];
        let (before, ids) = folder(&["1 A", "2 B", "3 C", "4 D"]);
        let recorded = LabelledPictures::of(&labels(&before, &rows), &before, &ids);
        assert_eq!(LabelledPictures::parse(&recorded.content()), recorded);
        for (case, now, expected, moved, changed, lost) in [
            ("nothing", &["1 A", "2 B", "3 C", "4 D"][..], &rows[..], 0, &[][..], 0),
            ("renamed", &["1 A", "2 B", "4 D", "5 C"], &["5 cow", "1 cat", "2 dog"], 1, &[], 0),
            ("moved to a folder", &["1 A", "3 C", "x/2 B"], &["x/2 dog", "1 cat", "3 cow"], 1, &[], 0),
            ("exchanged names", &["1 B", "2 A", "3 C"], &["2 cat", "1 dog", "3 cow"], 2, &[], 0),
            ("all numbers one less", &["0 A", "1 B", "2 C"], &["2 cow", "0 cat", "1 dog"], 3, &[], 0),
            ("the first deleted, then counted again", &["1 B", "2 C"], &["2 cow", "1 dog"], 2, &[], 1),
            ("another picture", &["1 A", "2 E", "3 C"], &rows, 0, &[1], 0),
            ("gone", &["1 A", "3 C"], &["2 dog", "1 cat", "3 cow"], 0, &[], 0),
            ("a copy is left", &["1 A", "2 B", "3 C", "4 A"], &rows, 0, &[], 0),
            (
                "an edited picture beside the old one",
                &["1 E", "1-old A", "2 B", "3 C"],
                &["1-old cat", "2 dog", "3 cow"],
                1,
                &[],
                0,
            ),
        ] {
            let (files, ids) = folder(now);
            let read = labels(&files, &rows);
            let followed = read.follow_pictures(&recorded, &files, &ids);
            let expected = labels(&files, expected);
            assert_eq!(followed.labels.by_target(), expected.by_target(), "{case}");
            assert_eq!(followed.labels.changed_pictures().collect::<Vec<_>>(), changed, "{case}");
            assert_eq!((followed.moved.len(), followed.lost.len()), (moved, lost), "{case}: {followed:?}");
            // Asked again until a person has answered.
            let again = LabelledPictures::of(&followed.labels, &files, &ids);
            let next = followed.labels.follow_pictures(&again, &files, &ids);
            assert_eq!(next.labels, followed.labels, "{case}");
        }
    }

    #[test]
    fn answered_questions_about_pictures_stay_answered() {
        let (files, ids) = folder(&["1 A", "2 B"]);
        let recorded = LabelledPictures::of(&labels(&files, &["1 cat", "2 dog"]), &files, &ids);
        let (files, ids) = folder(&["1 E", "2 F"]);
        let asked = labels(&files, &["1 cat", "2 dog"]).follow_pictures(&recorded, &files, &ids).labels;
        assert_eq!(asked.changed_pictures().count(), 2);
        type Answer = fn(&mut Labels);
        let answers: [(Answer, usize); 4] = [
            (|labels| labels.accept_pictures(), 0),
            (|labels| labels.set(0, 1), 1),
            (|labels| labels.unset(1), 1),
            (|labels| labels.remove(0), 1),
        ];
        for (answer, left) in answers {
            let mut labels = asked.clone();
            answer(&mut labels);
            assert_eq!(labels.changed_pictures().count(), left);
            let saved = LabelledPictures::of(&labels, &files, &ids);
            let again = labels.follow_pictures(&saved, &files, &ids);
            assert_eq!(again.labels.changed_pictures().count(), left);
        }
    }
}
