//! Two versions of the labels of a folder made into one: those in memory, and those that someone else has saved since.
//!
//! Each version is compared with the one that both began from. A label that only one side has changed is taken from that
//! side; a label that both have changed differently is a conflict, which the labels in memory win.

use std::collections::HashMap;

use super::counted::counted;
use super::labels::Labels;
use super::names::shown_name;

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
}

impl MergedLabels {
    /// What was taken from the saved version; `None` if that had no other labels.
    pub fn summary(&self) -> Option<String> {
        let part = |labels: &[String], verb: &str| {
            let examples = labels.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
            let more = if labels.len() > EXAMPLES { ", ..." } else { "" };
            (!labels.is_empty())
                .then(|| format!("{} {verb} ({examples}{more})", counted(labels.len(), "label", "labels")))
        };
        let parts: Vec<String> = [
            part(&self.added, "added"),
            part(&self.changed, "changed"),
            part(&self.removed, "removed"),
            part(&self.conflicts, "changed on both sides, kept as they are here"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// What a label is of: an image of the folder, or a file that is not there now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
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
        let [was, here, there] = [base, self, saved].map(Self::by_target);
        let mut merged = MergedLabels { labels: self.clone(), ..MergedLabels::default() };
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
                    if here.is_none() {
                        earlier.push(image);
                    }
                }
                Target::Absent(file) => {
                    merged.labels.absent.retain(|(other, _)| *other != file);
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
        merged.labels.merge_classes(base, saved);
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
    fn targets(&self) -> impl Iterator<Item = (Target, &str)> {
        let name = |class: u32| self.classes[class as usize].as_str();
        let absent =
            self.absent.iter().map(move |(file, class)| (Target::Absent(file.clone()), name(*class)));
        let made = self.made.iter().map(move |image| (Target::Image(*image), name(self.class_of[image])));
        absent.chain(made)
    }

    fn by_target(&self) -> HashMap<Target, &str> {
        self.targets().collect()
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
                Some("1 label added (3.png: d)"),
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
                Some("1 label added (2.png: a)"),
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
