//! What a data set contains, at a glance: a table and a contact sheet.

use std::fmt;

use image::RgbImage;
use serde::Serialize;

use super::counted::counted;
use super::held_out::class_counts;
use super::names::shown_name;
use super::set::DataSet;
use super::sheet::{Band, Cell, draw, drawn_class, file_name, filled};

/// Letters of the widest column of a table: formatting has a limit.
const MAX_WIDTH: usize = 60;

/// What a data set contains: for people (`Display`) and for programs (JSON).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub name: String,
    pub format: String,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Training images.
    pub train: usize,
    /// Training images of unknown class, also counted in `train`.
    pub unlabelled: usize,
    pub test: usize,
    /// Whether the test images are the labelled ones, which also train.
    #[serde(skip)]
    pub tests_labelled_images: bool,
    pub classes: Vec<ClassSummary>,
    /// [`DataSet::flip`].
    pub flip: bool,
    /// [`DataSet::shift`].
    pub shift: u32,
    pub notices: Vec<String>,
}

/// Numbers of images of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassSummary {
    pub name: String,
    pub train: usize,
    pub test: usize,
}

/// Summarises a data set.
pub fn summary(set: &DataSet) -> Summary {
    let train = class_counts(set.train_labels.iter().copied().flatten(), set.classes.len());
    let test = class_counts(set.test_labels.iter().copied(), set.classes.len());
    let classes = set.classes.iter().zip(train).zip(test);
    Summary {
        name: set.name.clone(),
        format: set.format.clone(),
        height: set.train.height,
        width: set.train.width,
        channels: set.train.channels,
        train: set.train.len(),
        unlabelled: set.train_labels.iter().filter(|label| label.is_none()).count(),
        test: set.test.len(),
        tests_labelled_images: set.tests_labelled_images(),
        classes: classes
            .map(|((name, train), test)| ClassSummary { name: name.clone(), train, test })
            .collect(),
        flip: set.flip,
        shift: set.shift,
        notices: set.notices.clone(),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colour = if self.channels == 1 { "grey" } else { "RGB" };
        writeln!(f, "{}: {}, {}x{} {colour}", shown_name(&self.name), self.format, self.width, self.height)?;
        f.write_str(&counted(self.train, "image to train", "images to train"))?;
        if self.unlabelled > 0 {
            write!(f, " ({} of them of unknown class)", self.unlabelled)?;
        }
        match self.tests_labelled_images {
            true => writeln!(f, "; the {} with labels test too", self.test)?,
            false => writeln!(f, ", {} to test", self.test)?,
        }
        let flip = if self.flip { "mirrored and " } else { "" };
        writeln!(
            f,
            "weak augmentation: {flip}shifted by up to {}",
            counted(self.shift as usize, "pixel", "pixels")
        )?;
        let shown: Vec<String> =
            self.classes.iter().map(|class| shown_name(&class.name).to_string()).collect();
        let names = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(5, MAX_WIDTH);
        write!(f, "\n{:names$}  {:>7}  {:>7}", "class", "train", "test")?;
        for (class, name) in self.classes.iter().zip(shown) {
            write!(f, "\n{name:names$}  {:>7}  {:>7}", class.train, class.test)?;
        }
        for (i, notice) in self.notices.iter().enumerate() {
            let gap = if i == 0 { "\n" } else { "" };
            write!(f, "{gap}\nnote: {notice}")?;
        }
        Ok(())
    }
}

/// A row of up to `columns` training images for each class, or test images where there are none to train on, in file order, and one of images of unknown class if there are
/// any, each below the name of the class with its number of images and above the name of its file. Each pixel is drawn as
/// a square of `zoom` (at least 1) pixels.
pub fn contact_sheet(set: &DataSet, columns: usize, zoom: u32) -> RgbImage {
    let mut rows: Vec<Vec<(bool, usize)>> = vec![Vec::new(); set.classes.len() + 1];
    let row = |label: Option<u32>| label.map_or(set.classes.len(), |class| class as usize);
    for (i, label) in set.train_labels.iter().enumerate() {
        let row = &mut rows[row(*label)];
        if row.len() < columns {
            row.push((false, i));
        }
    }
    let trains: Vec<bool> = rows.iter().map(|row| !row.is_empty()).collect();
    for (i, label) in set.test_labels.iter().enumerate() {
        let row = *label as usize;
        if !trains[row] && rows[row].len() < columns {
            rows[row].push((true, i));
        }
    }
    let facts = summary(set);
    let headings = facts.classes.iter().map(|class| {
        let train = counted(class.train, "image to train", "images to train");
        format!("{}: {train}, {} to test", drawn_class(&set.classes, &class.name), class.test)
    });
    let unknown = counted(facts.unlabelled, "image to train", "images to train");
    let headings = headings.chain(std::iter::once(format!("unknown class: {unknown}")));
    let cell = |(tests, i): (bool, usize)| {
        let (images, ids) = if tests { (&set.test, &set.test_ids) } else { (&set.train, &set.train_ids) };
        Cell { image: (images, i), lines: vec![file_name(&ids.name(i)).to_owned()] }
    };
    let bands = headings
        .zip(rows)
        .filter(|(_, row)| !row.is_empty())
        .map(|(heading, row)| Band { heading, rows: vec![row.into_iter().map(cell).collect()] });
    let bands: Vec<Band<'_>> = bands.collect();
    draw(&bands, filled(&bands, columns), zoom)
}
