//! Contact sheets: bands of images, each with a heading, and lines of text below every image.

use image::{Rgb, RgbImage};

use super::images::Images;
use super::names::shown_name;
use super::set::DataSet;
use super::sheet_text::{HEIGHT, WIDTH, draw_text, is_readable, plain, shortened, undrawable, wrapped};

/// Pixels between images, and around the sheet.
const GAP: u32 = 4;
/// Height of a line of text.
const LINE: u32 = HEIGHT + 2;
/// Letters below an image that are always readable, however small it is.
const LETTERS: u32 = 14;
const BACKGROUND: Rgb<u8> = Rgb([24, 24, 28]);
const HEADING: Rgb<u8> = Rgb([225, 225, 230]);
const TEXT: Rgb<u8> = Rgb([165, 165, 175]);

/// An image and the lines of text below it.
pub(super) struct Cell<'a> {
    pub image: (&'a Images, usize),
    pub lines: Vec<String>,
}

/// A heading with rows of images below it.
pub(super) struct Band<'a> {
    pub heading: String,
    pub rows: Vec<Vec<Cell<'a>>>,
}

/// Columns of a sheet at least, for its headings.
const MIN_COLUMNS: usize = 4;

/// The number of columns that the rows and the headings need, of `most` at most: longer headings are wrapped.
pub(super) fn filled(bands: &[Band<'_>], most: usize) -> usize {
    let longest = bands.iter().flat_map(|band| &band.rows).map(Vec::len).max().unwrap_or(0);
    let letters = bands.iter().map(|band| band.heading.chars().count()).max().unwrap_or(0);
    longest.max(letters.div_ceil(LETTERS as usize)).clamp(MIN_COLUMNS.min(most), most)
}

/// Draws the bands with `columns` images in a row. Each pixel is drawn as a square of `zoom` (at least 1) pixels. Names
/// that are too long have an ellipsis in the middle; headings continue on the next line.
pub(super) fn draw(bands: &[Band<'_>], columns: usize, zoom: u32) -> RgbImage {
    let zoom = zoom.max(1);
    let cells = || bands.iter().flat_map(|band| &band.rows).flatten();
    let side = cells().map(|cell| cell.image.0.width as u32 * zoom).max().unwrap_or(0);
    let height = cells().map(|cell| cell.image.0.height as u32 * zoom).max().unwrap_or(0);
    let lines = cells().map(|cell| cell.lines.len() as u32).max().unwrap_or(0);
    let (width, height) = (side.max(LETTERS * WIDTH), height + GAP / 2 + lines * LINE);
    let whole = GAP + columns as u32 * (width + GAP);
    let letters = |width: u32| (width / WIDTH) as usize;
    let headings: Vec<Vec<String>> =
        bands.iter().map(|band| wrapped(&plain(&band.heading), letters(whole - 2 * GAP))).collect();
    let heights = bands.iter().zip(&headings).map(|(band, heading)| {
        heading.len() as u32 * LINE + GAP + band.rows.len() as u32 * (height + GAP) + GAP
    });
    let mut sheet = RgbImage::from_pixel(whole, GAP + heights.sum::<u32>(), BACKGROUND);
    let mut top = GAP;
    for (band, heading) in bands.iter().zip(headings) {
        for line in heading {
            draw_text(&mut sheet, [GAP, top], &line, HEADING);
            top += LINE;
        }
        top += GAP;
        for row in &band.rows {
            for (column, cell) in (0..).zip(row.iter().take(columns)) {
                let left = GAP + column * (width + GAP);
                let below = draw_image(&mut sheet, [left, top], cell.image, zoom) + GAP / 2;
                for (line, text) in (0..).zip(&cell.lines) {
                    let text = shortened(&plain(text), letters(width));
                    draw_text(&mut sheet, [left, below + line * LINE], &text, TEXT);
                }
            }
            top += height + GAP;
        }
        top += GAP;
    }
    sheet
}

/// Draws an image and returns the row of pixels below it.
fn draw_image(sheet: &mut RgbImage, [left, top]: [u32; 2], (images, i): (&Images, usize), zoom: u32) -> u32 {
    let mut words = vec![0; images.height * images.width];
    images.rgba(i, &mut words);
    for (at, word) in words.into_iter().enumerate() {
        let [red, green, blue, _] = word.to_le_bytes();
        let (x, y) = ((at % images.width) as u32 * zoom, (at / images.width) as u32 * zoom);
        for (dx, dy) in (0..zoom).flat_map(|dy| (0..zoom).map(move |dx| (dx, dy))) {
            sheet.put_pixel(left + x + dx, top + y + dy, Rgb([red, green, blue]));
        }
    }
    top + images.height as u32 * zoom
}

/// The class as a sheet names it: by its number where its name has letters that a sheet cannot draw.
pub(super) fn drawn_class(classes: &[String], name: &str) -> String {
    match classes.iter().position(|class| class == name).filter(|_| !is_readable(name)) {
        Some(number) => format!("class {number}"),
        None => name.to_owned(),
    }
}

/// Which names the numbers of classes on a contact sheet stand for, such as `class 0: 개`, and that letters of files are
/// written as codes; `None` if it has all names.
pub fn sheet_key(set: &DataSet) -> Option<String> {
    let numbered = set.classes.iter().filter(|name| !is_readable(name));
    let mut key: Vec<String> =
        numbered.map(|name| format!("{}: {}", drawn_class(&set.classes, name), shown_name(name))).collect();
    let files = || set.train_ids.files.iter().chain(&set.test_ids.files);
    if let Some(letter) = files().find_map(|file| undrawable(file_name(file))) {
        key.push(format!(
            "letters of file names that the sheet cannot draw are their code, such as {} for {}",
            plain(&letter.to_string()),
            shown_name(&letter.to_string())
        ));
    }
    (!key.is_empty()).then(|| key.join(", "))
}

/// The last part of a path, which is what tells the images of a folder apart.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_are_as_wide_as_their_rows() {
        let images = Images::new(8, 8, 1, vec![0; 64]);
        let row =
            |count: usize| (0..count).map(|_| Cell { image: (&images, 0), lines: Vec::new() }).collect();
        let width = |rows: &[usize]| {
            let rows = rows.iter().map(|count| row(*count)).collect();
            filled(&[Band { heading: String::new(), rows }], 12)
        };
        assert_eq!([width(&[]), width(&[3]), width(&[3, 7]), width(&[30])], [4, 4, 7, 12]);
    }

    #[test]
    fn classes_that_cannot_be_drawn_have_numbers() {
        let classes: Vec<String> = ["caf\u{e9}", "개", "고양이", "собака"].map(str::to_owned).to_vec();
        assert_eq!(drawn_class(&classes, "caf\u{e9}"), "caf\u{e9}");
        assert_eq!(drawn_class(&classes, "고양이"), "class 2");
        let set = DataSet { classes, ..DataSet::default() };
        assert_eq!(sheet_key(&set).as_deref(), Some("class 1: 개, class 2: 고양이, class 3: собака"));
        assert_eq!(sheet_key(&DataSet { classes: vec!["cat".to_owned()], ..DataSet::default() }), None);
    }
}
