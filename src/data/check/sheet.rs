//! The contact sheet of a check: rows of images for each finding, or for each group of its images.

use image::RgbImage;

use super::finding::{Example, Finding, Place};
use super::report::Report;
use crate::data::counted::counted;
use crate::data::set::DataSet;
use crate::data::sheet::{Band, Cell, draw, drawn_class, file_name, filled};

/// Rows of a finding, and images of a row.
const ROWS: usize = 3;
const COLUMNS: usize = 10;

impl Report {
    /// Draws the images of each finding below its summary, with file, class and split; groups are rows. Each pixel is drawn
    /// as a square of `zoom` (at least 1) pixels.
    pub fn contact_sheet(&self, set: &DataSet, zoom: u32) -> RgbImage {
        let mut bands: Vec<Band<'_>> = self.findings.iter().map(|finding| band(set, finding)).collect();
        if bands.is_empty() {
            let images = counted(self.images, "image", "images");
            bands.push(Band { heading: format!("nothing found in {images}"), rows: Vec::new() });
        }
        draw(&bands, filled(&bands, COLUMNS), zoom)
    }
}

fn band<'a>(set: &'a DataSet, finding: &Finding) -> Band<'a> {
    let rows: Vec<&[Example]> = match finding.groups.as_slice() {
        [list] => list.examples.chunks(COLUMNS).collect(),
        groups => groups.iter().map(|group| group.examples.as_slice()).collect(),
    };
    let drawn: Vec<Vec<Cell<'a>>> = rows
        .iter()
        .take(ROWS)
        .map(|row| row.iter().take(COLUMNS).map(|example| cell(set, example)).collect())
        .collect();
    let (all, shown) = (finding.examples().count(), drawn.iter().flatten().count());
    let severity = finding.severity.name();
    let mut heading = format!("{severity}: {}", finding.summary);
    if shown < all {
        heading.push_str(&format!(" ({shown} of {all} shown)"));
    }
    Band { heading, rows: drawn }
}

fn cell<'a>(set: &'a DataSet, example: &Example) -> Cell<'a> {
    let image = match example.image {
        Place::Train(i) => (&set.train, i),
        Place::Test(i) => (&set.test, i),
    };
    let class = example
        .class
        .as_ref()
        .map_or_else(|| "no class".to_owned(), |class| drawn_class(&set.classes, class));
    Cell { image, lines: vec![file_name(&example.name).to_owned(), class, example.usage.name().to_owned()] }
}
