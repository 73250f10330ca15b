//! What a check found, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::finding::{Example, Finding, Severity};
use crate::data::counted::counted;
use crate::data::error::excerpt;
use crate::data::set::DataSet;

/// Groups of a finding, and images of a group, that the text names.
const SHOWN_GROUPS: usize = 5;
const SHOWN_IMAGES: usize = 6;

/// The findings of a check: for people (`Display`) and for programs (JSON).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`DataSet::name`].
    pub name: String,
    /// Images that were checked.
    pub images: usize,
    /// Most serious first.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(set: &DataSet, images: usize, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| (finding.severity, finding.kind));
        Self { name: set.name.clone(), images, findings }
    }

    /// Whether a finding is serious.
    pub fn is_serious(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Serious)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = counted(self.images, "image", "images");
        match self.findings.len() {
            0 => return write!(f, "check of {}: nothing found in {images}", excerpt(&self.name)),
            count => {
                let findings = counted(count, "finding", "findings");
                write!(f, "check of {}: {findings} in {images}", excerpt(&self.name))?;
            }
        }
        for finding in &self.findings {
            write!(f, "\n\n{}: {}", finding.severity.name(), finding.summary)?;
            let is_list = finding.groups.len() == 1;
            let shown = if is_list { SHOWN_IMAGES } else { SHOWN_GROUPS };
            for group in finding.groups.iter().take(shown) {
                if let Some(class) = &group.class {
                    write!(f, "\n  {}", excerpt(class))?;
                } else if is_list && group.examples.iter().any(|example| example.detail.is_some()) {
                    for example in group.examples.iter().take(shown) {
                        write!(f, "\n  {}", describe(example))?;
                    }
                    more(f, group.examples.len(), shown, "images")?;
                } else {
                    let shown: Vec<String> = group.examples.iter().take(SHOWN_IMAGES).map(describe).collect();
                    write!(f, "\n  {}", shown.join(" = "))?;
                    if group.examples.len() > SHOWN_IMAGES {
                        write!(f, " and {} more", group.examples.len() - SHOWN_IMAGES)?;
                    }
                }
            }
            more(f, finding.groups.len(), SHOWN_GROUPS, "groups")?;
            write!(f, "\n  -> {}", finding.advice)?;
        }
        Ok(())
    }
}

fn more(f: &mut fmt::Formatter<'_>, all: usize, shown: usize, what: &str) -> fmt::Result {
    if all > shown { write!(f, "\n  ... and {} more {what}", all - shown) } else { Ok(()) }
}

/// An image with its class and split.
fn describe(example: &Example) -> String {
    let class = example.class.as_ref().map_or("no class".to_owned(), |class| excerpt(class));
    let name = excerpt(&example.name);
    match &example.detail {
        Some(detail) => format!("{name} ({class}, {}): {detail}", example.usage.name()),
        None => format!("{name} ({class}, {})", example.usage.name()),
    }
}
