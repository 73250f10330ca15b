//! What a data set holds, in words and as a picture.

use std::fmt;

use image::{Rgb, RgbImage};
use serde::Serialize;

use super::DataSet;

/// The facts of a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    pub name: String,
    pub format: String,
    /// Height, width, channels.
    pub image: [usize; 3],
    /// Name, training images, test images.
    pub classes: Vec<(String, usize, usize)>,
    pub train: usize,
    pub train_unlabelled: usize,
    pub test: usize,
}

/// Counts what the set holds.
pub fn summary(set: &DataSet) -> Facts {
    let count = |class: usize| {
        let train = set.train_labels.iter().filter(|label| **label == Some(class as u32)).count();
        let test = set.test_labels.iter().filter(|label| **label == class as u32).count();
        (set.classes[class].clone(), train, test)
    };
    Facts {
        name: set.name.clone(),
        format: set.format.clone(),
        image: [set.train.height, set.train.width, set.train.channels],
        classes: (0..set.classes.len()).map(count).collect(),
        train: set.train.len(),
        train_unlabelled: set.train_labels.iter().filter(|label| label.is_none()).count(),
        test: set.test.len(),
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [height, width, channels] = self.image;
        let colour = if channels == 1 { "grey" } else { "RGB" };
        writeln!(f, "{}: {}, {width}x{height} {colour}", self.name, self.format)?;
        writeln!(
            f,
            "{} training images ({} without a label), {} test images, {} classes",
            self.train,
            self.train_unlabelled,
            self.test,
            self.classes.len()
        )?;
        for (name, train, test) in &self.classes {
            writeln!(f, "  {name:<20} {train:>7} train {test:>7} test")?;
        }
        Ok(())
    }
}

/// A row a class, its first `columns` training images side by side.
pub fn contact_sheet(set: &DataSet, columns: usize) -> RgbImage {
    const GAP: usize = 2;
    let (height, width) = (set.train.height + GAP, set.train.width + GAP);
    let mut sheet = RgbImage::from_pixel(
        (columns * width + GAP) as u32,
        (set.classes.len() * height + GAP) as u32,
        Rgb([255; 3]),
    );
    let mut words = vec![0; set.train.height * set.train.width];
    for class in 0..set.classes.len() {
        let of_class = (0..set.train.len()).filter(|i| set.train_labels[*i] == Some(class as u32));
        for (column, image) in of_class.take(columns).enumerate() {
            set.train.rgba(image, &mut words);
            for (at, word) in words.iter().enumerate() {
                let x = column * width + GAP + at % set.train.width;
                let y = class * height + GAP + at / set.train.width;
                let [r, g, b, _] = word.to_le_bytes();
                sheet.put_pixel(x as u32, y as u32, Rgb([r, g, b]));
            }
        }
    }
    sheet
}
