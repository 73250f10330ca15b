//! Findings about classes: their names and their sizes.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use super::finding::{Finding, Group, Kind, Use};
use super::subject::Subject;
use crate::data::counted::counted;
use crate::data::split_words::{SplitWord, split_word};

/// The largest class has at least this many times the images of the smallest.
const IMBALANCE: usize = 10;
/// A class with fewer training images is small.
const FEW: usize = 5;
/// Images of a class that a finding shows.
const SHOWN: usize = 8;

pub fn findings(subject: Subject<'_>) -> Vec<Finding> {
    let classes = subject.set.classes.len() as u32;
    let mut images: Vec<Vec<usize>> = vec![Vec::new(); classes as usize];
    for image in 0..subject.len() {
        if let (Some(class), Use::Training) = (subject.label(image), subject.usage(image)) {
            images[class as usize].push(image);
        }
    }
    let group = |class: u32| {
        let shown = images[class as usize].iter().copied().take(SHOWN);
        Group { class: Some(subject.class(class)), ..subject.group(shown) }
    };
    let mut findings = Vec::new();

    let splits: Vec<u32> = (0..classes).filter(|&class| is_split(&subject.class(class))).collect();
    if !splits.is_empty() {
        let text = format!("{} of {classes}", splits.len());
        findings.push(Finding::new(
            Kind::SplitClasses,
            splits.len(),
            &text,
            splits.into_iter().map(group).collect(),
        ));
    }

    let mut by_name: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    (0..classes).for_each(|class| by_name.entry(plain(&subject.class(class))).or_default().push(class));
    let alike: Vec<u32> = by_name.into_values().filter(|classes| classes.len() > 1).flatten().collect();
    if !alike.is_empty() {
        let text = counted(alike.len(), "class", "classes");
        let groups = alike.iter().copied().map(group).collect();
        findings.push(Finding::new(Kind::SimilarClassNames, alike.len(), &text, groups));
    }

    // Of a set that only tests, nothing trains.
    if subject.set.train.is_empty() {
        return findings;
    }
    let size = |class: u32| images[class as usize].len();
    let largest = (0..classes).map(size).max().unwrap_or(0);
    // Of a folder without labels yet, all classes are empty.
    let is_under = |class: &u32| largest > 0 && size(*class) * IMBALANCE <= largest;
    let under: Vec<u32> = (0..classes).filter(is_under).collect();
    if !under.is_empty() {
        let smallest = (0..classes).map(size).min().unwrap_or(0);
        let text = format!(
            "{} with at most a tenth of the {largest} images of the largest, {smallest} in the smallest",
            counted(under.len(), "class", "classes")
        );
        findings.push(Finding::new(
            Kind::Imbalance,
            under.len(),
            &text,
            under.into_iter().map(group).collect(),
        ));
    }

    // Few labels made by hand are how such a set begins.
    let by_hand = subject.set.hand_made_labels().is_some();
    let small: Vec<u32> = (0..classes).filter(|&class| !by_hand && size(class) < FEW).collect();
    if !small.is_empty() {
        let text = format!("{} with fewer than {FEW}", counted(small.len(), "class", "classes"));
        findings.push(Finding::new(
            Kind::SmallClasses,
            small.len(),
            &text,
            small.into_iter().map(group).collect(),
        ));
    }
    findings
}

/// Whether a name is a split word or close to one. A class `misc` is a class.
fn is_split(name: &str) -> bool {
    matches!(split_word(name), SplitWord::Exact(_) | SplitWord::Near(_))
}

/// A class name without case and without what separates words, in one Unicode form.
fn plain(name: &str) -> String {
    name.nfc()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_leftovers_are_no_splits() {
        for name in ["misc", "Miscellaneous", "inbox", "unsure", "other", "cat"] {
            assert!(!is_split(name), "{name}");
        }
        for name in ["train", "Test_set", "tset", "unlabeled"] {
            assert!(is_split(name), "{name}");
        }
    }
}
