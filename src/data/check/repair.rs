//! The corrected list of a check: the image files without those that a finding advises to leave out, as a list that the
//! format *images listed in a CSV file* reads. No image file is changed.

use std::collections::{BTreeSet, HashMap};

use csv::WriterBuilder;
use thiserror::Error;

use super::finding::{Finding, Kind, Place, Use};
use super::report::Report;
use super::subject::Subject;
use crate::data::copied_names::copied;
use crate::data::names::shown_name;
use crate::data::set::{DataSet, Origin};
use crate::data::sheet::file_name;
use crate::data::split_words::LEFT_OUT;
use crate::data::spreadsheet_cells::{class_cell, path_cell};

/// A list of the images to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectedList {
    /// A CSV file with the columns `file`, `label` and `split`. Images without a class have an empty label; those that do not
    /// count have the split `left out`, so that the list names every image. Columns that the list which is corrected has besides
    /// follow.
    pub csv: String,
    pub kept: usize,
    pub left_out: usize,
}

/// Why no corrected list can be made.
#[derive(Debug, Error)]
pub enum RepairError {
    /// A set of arrays or a built-in set.
    #[error("{0} has no image files that a list could name: correct the arrays that it was made from")]
    NoFiles(String),
    /// A set that can test a model alone.
    #[error("{0} has no images to train on, which a corrected list would name: add images of a second class")]
    NothingToTrain(String),
    /// A name that no row of a list can hold.
    #[error("'{0}' has a line break in its name, which a list cannot hold: rename the file or folder")]
    LineBreak(String),
    /// A class that would lose all training images.
    #[error("a corrected list would leave no training image of class '{0}': correct its images by hand")]
    EmptyClass(String),
}

impl Report {
    /// The list without contradicting, blank and raw images, and with one of each group of copies: a test image if there
    /// is one, else an image of known class, else one that is not
    /// named as a copy, else the first. `prefix` is put before every file: the way from the list to
    /// the set, such as `photos/`.
    ///
    /// # Errors
    /// When the set has no files or nothing to train on, a name has a line break, or a class would lose all its training
    /// images.
    pub fn corrected_list(&self, set: &DataSet, prefix: &str) -> Result<CorrectedList, RepairError> {
        if set.train.is_empty() {
            return Err(RepairError::NothingToTrain(set.name.clone()));
        }
        if set.train_ids.files.is_empty() {
            return Err(RepairError::NoFiles(set.name.clone()));
        }
        let subject = Subject { set };
        let out = left_out(&self.findings);
        let mut writer = WriterBuilder::new().from_writer(Vec::new());
        let mut write = |row: Vec<&str>| writer.write_record(row).is_ok();
        let others = set.unread_columns.names.iter().map(String::as_str);
        write(["file", "label", "split"].into_iter().chain(others).collect());
        let mut trained = vec![0usize; set.classes.len()];
        // Labels made by hand that are held out: their images train without them.
        let held = set.test_ids.files.iter().map(String::as_str).zip(set.test_labels.iter().copied());
        let held: HashMap<&str, u32> = match set.origin {
            Origin::ByHand { held_out: true } => held.collect(),
            _ => HashMap::new(),
        };
        let mut kept = 0;
        for image in 0..subject.len() {
            let tested = held.get(subject.name(image).as_str()).copied();
            let class = subject.label(image).or(tested).map(|class| subject.class(class)).unwrap_or_default();
            let tests = subject.usage(image) == Use::Test || tested.is_some();
            let is_out = out.contains(&subject.id(image));
            let split = if is_out {
                LEFT_OUT
            } else if tests {
                "test"
            } else {
                "train"
            };
            let file = subject.name(image);
            let name = format!("{prefix}{file}");
            if let Some(text) = [&name, &class].into_iter().find(|text| text.contains(['\n', '\r'])) {
                return Err(RepairError::LineBreak(shown_name(text).to_string()));
            }
            let (name, class) = (path_cell(&name), class_cell(&class));
            let start = [name.as_ref(), class.as_ref(), split].into_iter();
            write(start.chain(set.unread_columns.of(&file)).collect());
            kept += usize::from(!is_out);
            if let (Some(class), Use::Training, false) = (subject.label(image), subject.usage(image), is_out)
            {
                trained[class as usize] += 1;
            }
        }
        if let Some(empty) = trained.iter().position(|&count| count == 0) {
            return Err(RepairError::EmptyClass(set.classes[empty].clone()));
        }
        let bytes = writer.into_inner().unwrap_or_default();
        let csv = String::from_utf8_lossy(&bytes).into_owned();
        Ok(CorrectedList { csv, kept, left_out: subject.len() - kept })
    }
}

/// Whether a file has the name of a copy of another one, such as `a (1).jpg`.
fn is_named_as_copy(path: &str) -> bool {
    let name = file_name(path);
    copied(name.rsplit_once('.').map_or(name, |(stem, _)| stem)).is_some()
}

/// The images to leave out.
fn left_out(findings: &[Finding]) -> BTreeSet<Place> {
    let mut out = BTreeSet::new();
    for finding in findings {
        match finding.kind {
            Kind::ContradictingLabels | Kind::NearlyUniform | Kind::RawPreviews => {
                out.extend(finding.examples().map(|example| example.image));
            }
            Kind::TestCopies | Kind::ExactDuplicates | Kind::NearDuplicates => {
                for group in &finding.groups {
                    let rank = |use_of: Use| {
                        [Use::Test, Use::Training, Use::Unlabelled].iter().position(|u| *u == use_of)
                    };
                    let kept = group
                        .examples
                        .iter()
                        .min_by_key(|example| (rank(example.usage), is_named_as_copy(&example.name)))
                        .map(|kept| kept.image);
                    let others = group.examples.iter().filter(|example| Some(example.image) != kept);
                    // Test images are never left out for being alike: they are measured, not learned.
                    let is_test = |image: Place| {
                        matches!(image, Place::Test(_)) && finding.kind == Kind::NearDuplicates
                    };
                    out.extend(others.map(|example| example.image).filter(|&image| !is_test(image)));
                }
            }
            _ => {}
        }
    }
    out
}
