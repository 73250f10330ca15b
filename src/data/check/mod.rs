//! The check of a data set before training: copies, contradicting labels, and images and classes that are not what they
//! seem.
//!
//! [`check`] returns a [`Report`] of findings; [`Checker`] does the same in slices, for a page with one thread. A new
//! kind of finding is a row of [`Kind`] in `finding.rs` and a function that [`Checker::report`] calls.

mod classes;
mod copies;
mod descriptor;
mod finding;
#[cfg(not(target_arch = "wasm32"))]
mod list_file;
mod originals;
mod pixels;
mod repair;
mod report;
mod sheet;
mod subject;

pub use finding::{Example, Finding, Group, Kind, Place, Severity, Use};
#[cfg(not(target_arch = "wasm32"))]
pub use list_file::{ListFile, ListFileError, check_list_path, is_inside, list_beside, write_corrected_list};
pub use repair::{CorrectedList, RepairError};
pub use report::Report;

use copies::{Copies, Spread};
use descriptor::Descriptor;
use subject::Subject;

use super::counted::counted;
use super::error::DataError;
use super::parallel::map_on_all_cores;
use super::set::DataSet;

/// Images that are described at once.
const BATCH: usize = 2_048;

/// Checks a data set. `progress` is called with the share that is done.
///
/// The work is about a millisecond for each 50 images, plus their decoding if they are streamed.
///
/// # Errors
/// When a streamed image has changed, or can no longer be read.
pub fn check(set: &DataSet, mut progress: impl FnMut(f32)) -> Result<Report, DataError> {
    let mut checker = Checker::new(set);
    while !checker.is_done() {
        checker.advance(set, BATCH);
        progress(checker.progress());
    }
    checker.report(set)
}

/// A check in slices. Every call gets the same data set.
pub struct Checker {
    images: usize,
    described: Vec<Descriptor>,
    copies: Copies,
    compared: usize,
}

impl Checker {
    pub fn new(set: &DataSet) -> Self {
        let images = Subject { set }.len();
        Self { images, described: Vec::with_capacity(images), copies: Copies::new(images), compared: 0 }
    }

    /// Whether all images were looked at.
    pub fn is_done(&self) -> bool {
        self.compared == self.images
    }

    /// The share of the work that is done.
    pub fn progress(&self) -> f32 {
        (self.described.len() + self.compared) as f32 / (2 * self.images).max(1) as f32
    }

    /// Describes, or compares, up to `count` images more.
    pub fn advance(&mut self, set: &DataSet, count: usize) {
        let subject = Subject { set };
        let described = self.described.len();
        if described < self.images {
            describe(subject, described, (described + count).min(self.images), &mut self.described);
            return;
        }
        for image in self.compared..(self.compared + count).min(self.images) {
            let uniform = pixels::is_uniform(&self.described[image].statistics);
            self.copies.add(&subject, &self.described, image, uniform);
            self.compared = image + 1;
        }
    }

    /// The findings, most serious first.
    ///
    /// # Errors
    /// When a streamed image has changed, or can no longer be read: its pixels were zeros.
    ///
    /// # Panics
    /// When the check is not done.
    pub fn report(mut self, set: &DataSet) -> Result<Report, DataError> {
        assert!(self.is_done(), "all images are checked before the report");
        if let Some(failure) = set.train.take_failure() {
            return Err(failure);
        }
        let subject = Subject { set };
        let mut findings = copy_findings(subject, &mut self.copies);
        findings.extend(classes::findings(subject));
        findings.extend(originals::files(subject));
        let unused_bits = originals::unused_bits(subject, &self.described);
        // Images that are dark for that reason are not reported again.
        let explained = unused_bits.is_some();
        findings.extend(unused_bits);
        findings.extend(originals::backgrounds(subject, &self.described));
        findings.extend(pixels::uniform(subject, &self.described, explained));
        findings.extend(pixels::grey_parts(subject, &self.described));
        findings.extend(pixels::stand_apart(subject, &self.described));
        Ok(Report::new(set, self.images, findings))
    }
}

/// Describes images `first` to `last` on all cores.
fn describe(subject: Subject<'_>, first: usize, last: usize, described: &mut Vec<Descriptor>) {
    let images: Vec<usize> = (first..last).collect();
    described.extend(map_on_all_cores(
        &images,
        |&image| subject.describe(image),
        |image| panic!("image {image}, or another one of its batch, cannot be described"),
    ));
}

/// Findings about copies.
fn copy_findings(subject: Subject<'_>, copies: &mut Copies) -> Vec<Finding> {
    let (exact, near) = (copies.exact(), copies.near());
    let mut findings = Vec::new();
    let mut add = |kind, groups: Vec<&Vec<usize>>, text: &dyn Fn(usize) -> String| {
        let count = groups.iter().map(|group| group.len()).sum();
        if count > 0 {
            let groups = groups.into_iter().map(|group| subject.group(group.iter().copied())).collect();
            findings.push(Finding::new(kind, count, &text(count), groups));
        }
    };
    let spread = |group: &Vec<usize>| Spread::of(&subject, group);

    // A group of near copies contains its exact copies: contradictions of those are not repeated.
    let near_only = near.iter().filter(|group| {
        let inside = |exact: &&Vec<usize>| exact.iter().all(|image| group.contains(image));
        spread(group).contradicts && !exact.iter().filter(inside).any(|group| spread(group).contradicts)
    });
    let contradicting: Vec<_> =
        exact.iter().filter(|group| spread(group).contradicts).chain(near_only).collect();
    let is_shown = |group: &Vec<usize>| contradicting.contains(&group);
    let harmless: Vec<&Vec<usize>> =
        exact.iter().filter(|group| !is_shown(group) && !spread(group).leaks()).collect();
    let alike: Vec<&Vec<usize>> = near.iter().filter(|group| !is_shown(group)).collect();
    let groups = contradicting.len();
    add(Kind::ContradictingLabels, contradicting, &|count| {
        format!("{count} copies in {} with more than one class", counted(groups, "group", "groups"))
    });

    // What one finding shows, no other repeats.
    let leaking: Vec<_> =
        exact.iter().filter(|group| spread(group).leaks() && !spread(group).contradicts).collect();
    let groups = leaking.len();
    add(Kind::TestCopies, leaking, &|count| {
        format!("{count} copies in {} across training and test", counted(groups, "group", "groups"))
    });

    for (kind, all) in [(Kind::ExactDuplicates, harmless), (Kind::NearDuplicates, alike)] {
        let places = tally(all.iter().map(|group| place(&spread(group))));
        let groups = counted(all.len(), "group", "groups");
        add(kind, all, &|count| format!("{} in {groups}{places}", counted(count, "image", "images")));
    }
    findings
}

/// The splits that a group of copies is in.
fn place(spread: &Spread) -> &'static str {
    match (spread.labelled, spread.unlabelled, spread.test) {
        (_, _, true) if spread.leaks() => "across training and test",
        (_, _, true) => "within test",
        (true, true, _) => "across labelled and unlabelled",
        (true, false, _) => "within training",
        _ => "within unlabelled",
    }
}

/// How often each place occurs, as an addition to a sentence.
fn tally(places: impl Iterator<Item = &'static str>) -> String {
    let mut counts = std::collections::BTreeMap::new();
    places.for_each(|place| *counts.entry(place).or_insert(0) += 1);
    let counts: Vec<String> = counts.into_iter().map(|(place, count)| format!("{count} {place}")).collect();
    format!(" ({})", counts.join(", "))
}
