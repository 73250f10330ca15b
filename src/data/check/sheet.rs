//! The contact sheet of a check: a row of images for each finding, or for each group of its images.

use image::{Rgb, RgbImage};

use super::finding::Place;
use super::report::Report;
use super::text::{self, draw_text};
use crate::data::set::DataSet;

/// Rows of a finding, and images of a row.
const ROWS: usize = 3;
const COLUMNS: usize = 10;
/// Pixels between images, and around the sheet.
const GAP: u32 = 4;
/// Height of a line of text.
const LINE: u32 = text::HEIGHT + 6;
const BACKGROUND: Rgb<u8> = Rgb([24, 24, 28]);
const TEXT: Rgb<u8> = Rgb([225, 225, 230]);

impl Report {
    /// Draws the images of each finding below its summary; groups are rows. Each pixel is drawn as a square of `zoom`
    /// (at least 1) pixels.
    pub fn contact_sheet(&self, set: &DataSet, zoom: u32) -> RgbImage {
        let zoom = zoom.max(1);
        let (width, height) = (set.train.width as u32 * zoom, set.train.height as u32 * zoom);
        let rows = self.findings.iter().map(|finding| {
            let rows: Vec<Vec<Place>> = match finding.groups.as_slice() {
                [list] => {
                    list.examples.chunks(COLUMNS).map(|row| row.iter().map(|e| e.image).collect()).collect()
                }
                groups => {
                    groups.iter().map(|group| group.examples.iter().map(|e| e.image).collect()).collect()
                }
            };
            (finding, rows)
        });
        let rows: Vec<_> = rows.collect();
        let lines: u32 =
            rows.iter().map(|(_, rows)| LINE + rows.len().min(ROWS) as u32 * (height + GAP) + GAP).sum();
        let mut sheet =
            RgbImage::from_pixel(GAP + COLUMNS as u32 * (width + GAP), GAP + lines.max(LINE), BACKGROUND);
        let mut top = GAP;
        if rows.is_empty() {
            draw_text(&mut sheet, [GAP, top], "nothing found", TEXT);
        }
        for (finding, rows) in rows {
            draw_text(&mut sheet, [GAP, top], &finding.summary, TEXT);
            top += LINE;
            for row in rows.iter().take(ROWS) {
                for (column, &place) in (0..).zip(row.iter().take(COLUMNS)) {
                    draw_image(&mut sheet, [GAP + column * (width + GAP), top], set, place, zoom);
                }
                top += height + GAP;
            }
            top += GAP;
        }
        sheet
    }
}

fn draw_image(sheet: &mut RgbImage, [left, top]: [u32; 2], set: &DataSet, place: Place, zoom: u32) {
    let (images, i) = match place {
        Place::Train(i) => (&set.train, i),
        Place::Test(i) => (&set.test, i),
    };
    let mut words = vec![0; images.height * images.width];
    images.rgba(i, &mut words);
    for (at, word) in words.into_iter().enumerate() {
        let [red, green, blue, _] = word.to_le_bytes();
        let (x, y) = ((at % images.width) as u32 * zoom, (at / images.width) as u32 * zoom);
        for (dx, dy) in (0..zoom).flat_map(|dy| (0..zoom).map(move |dx| (dx, dy))) {
            sheet.put_pixel(left + x + dx, top + y + dy, Rgb([red, green, blue]));
        }
    }
}
