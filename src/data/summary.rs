//! What a data set contains, at a glance: a table and a contact sheet.

use std::fmt;

use image::{Rgb, RgbImage};
use serde::Serialize;

use super::held_out::class_counts;
use super::names::shown_name;
use super::set::DataSet;

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
        write!(f, "{} images to train", self.train)?;
        if self.unlabelled > 0 {
            write!(f, " ({} of them of unknown class)", self.unlabelled)?;
        }
        writeln!(f, ", {} to test", self.test)?;
        let flip = if self.flip { "mirrored and " } else { "" };
        writeln!(f, "weak augmentation: {flip}shifted by up to {} pixels", self.shift)?;
        let shown: Vec<String> =
            self.classes.iter().map(|class| shown_name(&class.name).to_string()).collect();
        let names = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
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

/// Pixels between the images of a contact sheet.
const GAP: u32 = 2;
const BACKGROUND: Rgb<u8> = Rgb([24, 24, 28]);

/// A row of up to `columns` training images for each class, in file order, and one of images of unknown class if
/// there are any. Each pixel is drawn as a square of `zoom` (at least 1) pixels.
pub fn contact_sheet(set: &DataSet, columns: usize, zoom: u32) -> RgbImage {
    let zoom = zoom.max(1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); set.classes.len() + 1];
    for (i, label) in set.train_labels.iter().enumerate() {
        let row = &mut rows[label.map_or(set.classes.len(), |class| class as usize)];
        if row.len() < columns {
            row.push(i);
        }
    }
    rows.retain(|row| !row.is_empty());
    let (width, height) = (set.train.width as u32 * zoom + GAP, set.train.height as u32 * zoom + GAP);
    let mut sheet =
        RgbImage::from_pixel(GAP + columns as u32 * width, GAP + rows.len() as u32 * height, BACKGROUND);
    let mut words = vec![0; set.train.height * set.train.width];
    for (y, row) in (0..).zip(&rows) {
        for (x, &i) in (0..).zip(row) {
            set.train.rgba(i, &mut words);
            let (left, top) = (GAP + x * width, GAP + y * height);
            for (dx, dy) in (0..height - GAP).flat_map(|dy| (0..width - GAP).map(move |dx| (dx, dy))) {
                let word = words[(dy / zoom) as usize * set.train.width + (dx / zoom) as usize];
                let [red, green, blue, _] = word.to_le_bytes();
                sheet.put_pixel(left + dx, top + dy, Rgb([red, green, blue]));
            }
        }
    }
    sheet
}
