use image::{Rgb, RgbImage};

use super::DataSet;

/// Pixels between images of a sheet.
const GAP: u32 = 2;
const PAPER: Rgb<u8> = Rgb([24, 24, 28]);

/// A row of up to `columns` training images for each class, in file order, and one of images of unknown class
/// where there are some; every pixel is drawn as a square of `zoom` (at least 1).
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
        RgbImage::from_pixel(GAP + columns as u32 * width, GAP + rows.len() as u32 * height, PAPER);
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
