//! Two versions of the labels of a folder made into one: those in memory, and those that someone else has saved since.
//!
//! Each version is compared with the one that both began from. A label that only one side has changed is taken from that
//! side; a label that both have changed differently is a conflict, which the labels in memory win. A class that one side has
//! renamed is the same class on the other, in the same place.

use std::collections::HashMap;

use super::class_changes::{renames, take_order};
use super::counted::counted;
use super::labels::Labels;
use super::names::{listed_name, shown_name};

/// Files that a message names.
const EXAMPLES: usize = 3;

/// Labels of two versions, and what was taken from the saved one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedLabels {
    pub labels: Labels,
    /// Labels that only the saved version has, as `FILE: CLASS`.
    pub added: Vec<String>,
    /// Labels that the saved version has changed.
    pub changed: Vec<String>,
    /// Labels that the saved version lacks now.
    pub removed: Vec<String>,
    /// Labels that both versions have changed: those in memory are kept.
    pub conflicts: Vec<String>,
    /// Old and new names of the classes that the saved version has renamed.
    pub renamed: Vec<[String; 2]>,
    /// Classes that only the saved version has.
    pub new_classes: Vec<String>,
    /// Classes that the saved version lacks now.
    pub lost_classes: Vec<String>,
    /// Whether the classes have the order of the saved version.
    pub reordered: bool,
}

impl MergedLabels {
    /// Whether the saved version has changed labels, and not only classes.
    pub fn has_labels(&self) -> bool {
        [&self.added, &self.changed, &self.removed, &self.conflicts].iter().any(|labels| !labels.is_empty())
    }

    /// What was taken from the saved version; `None` if that had no other labels and classes.
    pub fn summary(&self) -> Option<String> {
        let part = |labels: &[String], verb: &str| {
            let examples = labels.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
            let more = if labels.len() > EXAMPLES { ", ..." } else { "" };
            (!labels.is_empty())
                .then(|| format!("{} {verb} ({examples}{more})", counted(labels.len(), "label", "labels")))
        };
        let classes = |names: Vec<String>, verb: &str| {
            let count = counted(names.len(), "class", "classes");
            (!names.is_empty()).then(|| format!("{count} {verb} ({})", names.join(", ")))
        };
        let listed = |names: &[String]| names.iter().map(|name| listed_name(name)).collect::<Vec<_>>();
        let new_names =
            self.renamed.iter().map(|[old, new]| format!("{} is {} now", listed_name(old), listed_name(new)));
        let parts: Vec<String> = [
            part(&self.added, "added"),
            part(&self.changed, "changed"),
            part(&self.removed, "removed"),
            part(&self.conflicts, "changed on both sides, kept as they are here"),
            classes(new_names.collect(), "renamed"),
            classes(listed(&self.new_classes), "added"),
            classes(listed(&self.lost_classes), "removed"),
            self.reordered.then(|| "the classes have another order".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// What a label is of: an image of the folder, or a file that is not there now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Image(usize),
    Absent(String),
}

impl Labels {
    /// Merges labels that were changed here (`self`) and labels that were saved elsewhere (`saved`), which both began as
    /// `base`. `files` are the images of the folder. Classes are compared by name.
    ///
    /// # Panics
    /// When an image is out of range of `files`.
    pub fn merge_saved(&self, base: &Self, saved: &Self, files: &[String]) -> MergedLabels {
        let (mut own, mut base, mut saved) = (self.clone(), base.clone(), saved.clone());
        let (here, there) = (renames(&base, &own), renames(&base, &saved));
        let renamed = there.into_iter().filter(|names| rename(&mut own, &mut base, names)).collect();
        here.iter().for_each(|names| _ = rename(&mut saved, &mut base, names));
        let [was, here, there] = [&base, &own, &saved].map(Self::by_target);
        let mut merged = MergedLabels { labels: own.clone(), renamed, ..MergedLabels::default() };
        let mut earlier = Vec::new();
        for (target, name) in saved.targets() {
            let (was, here) = (was.get(&target).copied(), here.get(&target).copied());
            if was == Some(name) || here == Some(name) {
                continue;
            }
            let line = match &target {
                Target::Image(image) => format!("{}: {}", shown_name(&files[*image]), shown_name(name)),
                Target::Absent(file) => format!("{}: {}", shown_name(file), shown_name(name)),
            };
            if here != was {
                merged.conflicts.push(line);
                continue;
            }
            let Some(class) = merged.labels.class(name).or_else(|| merged.labels.add_class(name).ok()) else {
                continue;
            };
            match target {
                Target::Image(image) => {
                    merged.labels.class_of.insert(image, class);
                    merged.labels.take_picture(&saved, image);
                    if here.is_none() {
                        earlier.push(image);
                    }
                }
                Target::Absent(file) => {
                    merged.labels.absent.retain(|(other, _)| *other != file);
                    merged.labels.take_absent_picture(&saved, &file);
                    merged.labels.absent.push((file, class));
                }
            }
            if was.is_none() { &mut merged.added } else { &mut merged.changed }.push(line);
        }
        for (target, name) in base.targets() {
            if there.contains_key(&target) {
                continue;
            }
            match here.get(&target) {
                // Both sides have removed it.
                None => {}
                Some(here) if *here != name => {
                    merged.conflicts.push(match target {
                        Target::Image(image) => format!("{}: no label", shown_name(&files[image])),
                        Target::Absent(file) => format!("{}: no label", shown_name(&file)),
                    });
                }
                Some(_) => match target {
                    Target::Image(image) => {
                        merged.labels.unset(image);
                        merged.removed.push(format!("{}: {}", shown_name(&files[image]), shown_name(name)));
                    }
                    Target::Absent(file) => {
                        merged.removed.push(format!("{}: {}", shown_name(&file), shown_name(name)));
                        merged.labels.absent.retain(|(other, _)| *other != file);
                    }
                },
            }
        }
        // Undo removes what was labelled here first.
        earlier.append(&mut merged.labels.made);
        merged.labels.made = earlier;
        merged.labels.merge_classes(&base, &saved);
        merged.reordered = take_order(&mut merged.labels, &own, &base, &saved);
        let lacking = |of: &Self, with: &Self| {
            of.classes.iter().filter(|name| with.class(name).is_none()).cloned().collect::<Vec<_>>()
        };
        merged.new_classes = lacking(&merged.labels, &own);
        merged.lost_classes = lacking(&own, &merged.labels);
        merged
    }

    /// Adds the classes that only `saved` has and `base` had not, and removes classes without labels that only `base` and
    /// these labels have.
    fn merge_classes(&mut self, base: &Self, saved: &Self) {
        for name in &saved.classes {
            if base.class(name).is_none() && self.class(name).is_none() {
                // The name is free and was read as one.
                let _ = self.add_class(name);
            }
        }
        let gone = |name: &String| base.class(name).is_some() && saved.class(name).is_none();
        for name in self.classes.clone().iter().filter(|name| gone(name)) {
            let class = self.class(name).filter(|&class| {
                self.counts()[class as usize] == 0 && self.absent.iter().all(|(_, of)| *of != class)
            });
            if let Some(class) = class {
                self.remove(class);
            }
        }
    }

    /// All labels with the names of their classes.
    pub(super) fn targets(&self) -> impl Iterator<Item = (Target, &str)> {
        let name = |class: u32| self.classes[class as usize].as_str();
        let absent =
            self.absent.iter().map(move |(file, class)| (Target::Absent(file.clone()), name(*class)));
        let made = self.made.iter().map(move |image| (Target::Image(*image), name(self.class_of[image])));
        absent.chain(made)
    }

    pub(super) fn by_target(&self) -> HashMap<Target, &str> {
        self.targets().collect()
    }
}

/// Gives a class that was renamed elsewhere its new name in both versions. Whether there is such a class, and the name is free.
fn rename(labels: &mut Labels, base: &mut Labels, [old, new]: &[String; 2]) -> bool {
    let class = labels.class(old).filter(|_| labels.class(new).is_none());
    let of_base = base.class(old).filter(|_| base.class(new).is_none());
    match (class, of_base) {
        (Some(class), Some(of_base)) => {
            labels.rename(class, new).is_ok() && base.rename(of_base, new).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels of `IMAGE CLASS` in this order; `!FILE` is a file that is not there.
    fn labels(classes: &str, rows: &[&str]) -> Labels {
        let mut labels = Labels::default();
        for class in classes.split(' ').filter(|class| !class.is_empty()) {
            labels.add_class(class).expect("a name");
        }
        for row in rows {
            let (target, name) = row.split_once(' ').expect("two words");
            let class = labels.class(name).expect("a class");
            match target.strip_prefix('!') {
                Some(file) => labels.absent.push((file.to_owned(), class)),
                None => labels.set(target.parse().expect("a number"), class),
            }
        }
        labels
    }

    fn files() -> Vec<String> {
        (0..9).map(|i| format!("{i}.png")).collect()
    }

    #[test]
    fn labels_changed_on_one_side_are_taken() {
        let base = || labels("a b", &["0 a", "1 b", "!x.png a"]);
        for (case, here, saved, expected, summary) in [
            ("nothing", base(), base(), base(), None),
            (
                "a row added there",
                labels("a b", &["0 a", "1 b", "2 a", "!x.png a"]),
                labels("a b", &["0 a", "1 b", "3 b", "!x.png a"]),
                labels("a b", &["3 b", "0 a", "1 b", "2 a", "!x.png a"]),
                Some("1 label added (3.png: b)"),
            ),
            (
                "a new class there",
                labels("a b c", &["0 a", "1 b", "2 c", "!x.png a"]),
                labels("a b d", &["0 a", "1 b", "3 d", "!x.png a"]),
                labels("a b c d", &["3 d", "0 a", "1 b", "2 c", "!x.png a"]),
                Some("1 label added (3.png: d); 1 class added (d)"),
            ),
            (
                "changed and removed there",
                labels("a b", &["0 a", "1 b", "2 a", "!x.png a"]),
                labels("a b", &["0 b"]),
                labels("a b", &["0 b", "2 a"]),
                Some("1 label changed (0.png: b); 2 labels removed (x.png: a, 1.png: b)"),
            ),
            (
                "changed on both sides",
                labels("a b c", &["0 c", "1 b", "!x.png a"]),
                labels("a b", &["0 b", "1 b", "!x.png a"]),
                labels("a b c", &["0 c", "1 b", "!x.png a"]),
                Some("1 label changed on both sides, kept as they are here (0.png: b)"),
            ),
            (
                "the same change on both sides",
                labels("a b", &["0 a", "1 a", "!x.png a"]),
                labels("a b", &["0 a", "1 a", "!x.png a"]),
                labels("a b", &["0 a", "1 a", "!x.png a"]),
                None,
            ),
            (
                "renamed here, added there",
                labels("cat b", &["0 cat", "1 b", "!x.png cat"]),
                labels("a b", &["0 a", "1 b", "4 b", "!x.png a"]),
                labels("cat b", &["4 b", "0 cat", "1 b", "!x.png cat"]),
                Some("1 label added (4.png: b)"),
            ),
            (
                "removed here, a row of the class added there",
                labels("b", &["1 b"]),
                labels("a b", &["0 a", "1 b", "2 a", "!x.png a"]),
                labels("b a", &["2 a", "1 b"]),
                Some("1 label added (2.png: a); 1 class added (a)"),
            ),
            (
                "a file that is absent added there",
                base(),
                labels("a b", &["0 a", "1 b", "!x.png a", "!y.png b"]),
                labels("a b", &["0 a", "1 b", "!x.png a", "!y.png b"]),
                Some("1 label added (y.png: b)"),
            ),
        ] {
            let merged = here.merge_saved(&base(), &saved, &files());
            assert_eq!(merged.labels, expected, "{case}");
            assert_eq!(merged.summary().as_deref(), summary, "{case}");
        }
    }

    #[test]
    fn classes_keep_their_place_and_order() {
        let base = || labels("a b c", &["0 a", "1 b"]);
        for (case, here, saved, expected, summary) in [
            (
                "renamed there, labelled here",
                labels("a b c", &["0 a", "1 b", "2 a"]),
                labels("x b c", &["0 x", "1 b"]),
                labels("x b c", &["0 x", "1 b", "2 x"]),
                Some("1 class renamed (a is x now)"),
            ),
            (
                "a class without labels renamed there",
                base(),
                labels("a b x", &["0 a", "1 b"]),
                labels("a b x", &["0 a", "1 b"]),
                Some("1 class renamed (c is x now)"),
            ),
            (
                "renamed here, labelled there",
                labels("x b c", &["0 x", "1 b"]),
                labels("a b c", &["0 a", "1 b", "2 a"]),
                labels("x b c", &["2 x", "0 x", "1 b"]),
                Some("1 label added (2.png: x)"),
            ),
            (
                "renamed on both sides",
                labels("x b c", &["0 x", "1 b"]),
                labels("y b c", &["0 y", "1 b"]),
                labels("x b c y", &["0 x", "1 b"]),
                Some("1 label changed on both sides, kept as they are here (0.png: y); 1 class added (y)"),
            ),
            (
                "removed there",
                base(),
                labels("b c", &["1 b"]),
                labels("b c", &["1 b"]),
                Some("1 label removed (0.png: a); 1 class removed (a)"),
            ),
            (
                "another order there, a class added here",
                labels("a b c d", &["0 a", "1 b"]),
                labels("c b a", &["0 a", "1 b"]),
                labels("c b a d", &["0 a", "1 b"]),
                Some("the classes have another order"),
            ),
            (
                "another order on both sides",
                labels("b a c", &["0 a", "1 b"]),
                labels("c b a", &["0 a", "1 b"]),
                labels("b a c", &["0 a", "1 b"]),
                None,
            ),
            (
                "merged into a class there",
                base(),
                labels("b c", &["0 b", "1 b"]),
                labels("b c", &["0 b", "1 b"]),
                Some("1 label changed (0.png: b); 1 class removed (a)"),
            ),
        ] {
            let merged = here.merge_saved(&base(), &saved, &files());
            assert_eq!(merged.labels, expected, "{case}");
            assert_eq!(merged.summary().as_deref(), summary, "{case}");
        }
    }

    #[test]
    fn classes_of_both_sides_are_merged() {
        let base = labels("a b", &["0 a"]);
        for (here, saved, expected) in [
            (labels("a b", &["0 a"]), labels("a c", &["0 a"]), vec!["a", "c"]),
            (labels("a", &["0 a"]), labels("a b", &["0 a"]), vec!["a"]),
            (labels("a b", &["0 a", "1 b"]), labels("a", &["0 a"]), vec!["a", "b"]),
        ] {
            assert_eq!(here.merge_saved(&base, &saved, &files()).labels.classes(), expected);
        }
    }
}
