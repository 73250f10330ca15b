//! What a check computes from the pixels of an image: hashes that find copies, and a few statistics.
//!
//! Copies are found on the pixels that the network gets, so that a PNG and a BMP of one picture count as copies. The
//! perceptual hash is the difference hash (dHash) of the crate `image_hasher`; it is made here because that crate takes
//! whole images rather than decoded sets, brings a second FFT, and gives random bits where neighbouring cells are equal,
//! as on a plain background.

use std::hash::{DefaultHasher, Hasher as _};
use std::ops::RangeInclusive;

use crate::data::images::Images;

/// Columns and rows of cells that the hash compares.
const COLUMNS: usize = 9;
const ROWS: usize = 8;
pub const CELLS: usize = COLUMNS * ROWS;
/// Cells whose means differ by less count as equal: noise decides nothing.
const MARGIN: f32 = 2.0;

/// What is known of an image from its pixels.
#[derive(Clone, Debug)]
pub struct Descriptor {
    /// Equal for equal pixels.
    pub content: u64,
    /// The difference hash: bit i says whether cell i is brighter than its right neighbour.
    pub hash: u64,
    /// The difference hash of the mirrored image.
    pub mirrored: u64,
    /// Mean luma of 9x8 cells, rounded.
    pub cells: [u8; CELLS],
    pub statistics: Statistics,
}

/// Statistics of the values 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Mean of red, green and blue.
    pub mean: [f32; 3],
    /// Standard deviation of luma.
    pub deviation: f32,
    /// Mean difference between neighbouring pixels in luma.
    pub edges: f32,
    /// The largest standard deviation of a channel.
    pub spread: f32,
    /// The largest difference between two values of a channel.
    pub range: u8,
    /// The largest value of a channel.
    pub brightest: u8,
    /// The share of the image that is middle grey, from one of its edges on, 0 to 1.
    pub grey_part: f32,
}

impl Descriptor {
    /// Describes image `i`.
    pub fn of(images: &Images, i: usize) -> Self {
        let mut descriptor = None;
        images.read(i, |bytes| {
            descriptor = Some(Self::of_bytes(bytes, images.height, images.width, images.channels));
        });
        descriptor.unwrap_or_else(|| unreachable!("read calls its argument"))
    }

    /// Mean luma of the four corner cells.
    pub fn corners(&self) -> [u8; 4] {
        [0, COLUMNS - 1, CELLS - COLUMNS, CELLS - 1].map(|cell| self.cells[cell])
    }

    /// Describes an image of `height * width * channels` bytes (HWC).
    pub fn of_bytes(bytes: &[u8], height: usize, width: usize, channels: usize) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        let luma: Vec<f32> = bytes.chunks_exact(channels).map(luma).collect();
        let cells = cell_means(&luma, height, width);
        Self {
            content: hasher.finish(),
            hash: difference_hash(|x, y| cells[y * COLUMNS + x]),
            mirrored: difference_hash(|x, y| cells[y * COLUMNS + COLUMNS - 1 - x]),
            cells: cells.map(|mean| mean.round() as u8),
            statistics: Statistics::of(bytes, &luma, [height, width], channels),
        }
    }
}

impl Statistics {
    fn of(bytes: &[u8], luma: &[f32], [height, width]: [usize; 2], channels: usize) -> Self {
        let count = luma.len().max(1) as f32;
        let moments = |values: &mut dyn Iterator<Item = f32>| {
            let (sum, squares) = values.fold((0.0, 0.0), |(sum, squares), v| (sum + v, squares + v * v));
            let mean = sum / count;
            (mean, (squares / count - mean * mean).max(0.0).sqrt())
        };
        let (mut mean, mut spread, mut range, mut brightest) = ([0.0; 3], 0.0f32, 0, 0);
        for (channel, mean) in mean.iter_mut().enumerate().take(channels) {
            let values = || bytes.iter().skip(channel).step_by(channels).copied();
            let (of_channel, deviation) = moments(&mut values().map(f32::from));
            *mean = of_channel;
            spread = spread.max(deviation);
            let most = values().max().unwrap_or(0);
            brightest = brightest.max(most);
            range = range.max(most - values().min().unwrap_or(0));
        }
        if channels == 1 {
            mean = [mean[0]; 3];
        }
        let horizontal =
            luma.chunks_exact(width).flat_map(|row| row.windows(2)).map(|pair| (pair[0] - pair[1]).abs());
        let vertical = luma.iter().zip(luma.iter().skip(width)).map(|(above, below)| (above - below).abs());
        let edges = (horizontal.sum::<f32>() + vertical.sum::<f32>()) / (2.0 * count);
        let deviation = moments(&mut luma.iter().copied()).1;
        let grey_part = grey_part(bytes, [height, width], channels);
        Self { mean, deviation, edges, spread, range, brightest, grey_part }
    }
}

/// The largest share of rows or columns from an edge on that are all middle grey, with which decoders fill what a damaged JPEG
/// file lacks. That edge is not always the lower one: photos are turned.
fn grey_part(bytes: &[u8], [height, width]: [usize; 2], channels: usize) -> f32 {
    const MIDDLE: RangeInclusive<u8> = 126..=130;
    let is_grey = |y: usize, x: usize| {
        bytes[(y * width + x) * channels..][..channels].iter().all(|value| MIDDLE.contains(value))
    };
    let row = |y: &usize| (0..width).all(|x| is_grey(*y, x));
    let column = |x: &usize| (0..height).all(|y| is_grey(y, *x));
    let rows = [(0..height).take_while(row).count(), (0..height).rev().take_while(row).count()];
    let columns = [(0..width).take_while(column).count(), (0..width).rev().take_while(column).count()];
    let share = |counts: [usize; 2], all: usize| counts[0].max(counts[1]) as f32 / all.max(1) as f32;
    share(rows, height).max(share(columns, width))
}

fn luma(pixel: &[u8]) -> f32 {
    match *pixel {
        [red, green, blue] => 0.2126 * f32::from(red) + 0.7152 * f32::from(green) + 0.0722 * f32::from(blue),
        _ => f32::from(pixel[0]),
    }
}

/// Which source pixels a cell covers, with the share of each.
fn shares(cell: usize, cells: usize, pixels: usize) -> impl Iterator<Item = (usize, f32)> + Clone {
    let size = pixels as f32 / cells as f32;
    let (start, end) = (cell as f32 * size, (cell + 1) as f32 * size);
    (start as usize..(end.ceil() as usize).min(pixels))
        .map(move |pixel| (pixel, ((pixel + 1) as f32).min(end) - (pixel as f32).max(start)))
}

/// The mean luma of 9x8 cells.
fn cell_means(luma: &[f32], height: usize, width: usize) -> [f32; CELLS] {
    let mut columns = vec![0.0; height * COLUMNS];
    for (row, sums) in luma.chunks_exact(width).zip(columns.chunks_exact_mut(COLUMNS)) {
        for (cell, sum) in sums.iter_mut().enumerate() {
            *sum = shares(cell, COLUMNS, width).map(|(x, share)| row[x] * share).sum();
        }
    }
    let area = (width as f32 / COLUMNS as f32) * (height as f32 / ROWS as f32);
    let mut cells = [0.0; CELLS];
    for y in 0..ROWS {
        for (row, share) in shares(y, ROWS, height) {
            for x in 0..COLUMNS {
                cells[y * COLUMNS + x] += columns[row * COLUMNS + x] * share / area;
            }
        }
    }
    cells
}

/// Bits in an order that gives each 16-bit band a part of the whole image: bit i is cell i of 8x8 read with a stride.
fn difference_hash(cell: impl Fn(usize, usize) -> f32) -> u64 {
    let mut hash = 0;
    for y in 0..ROWS {
        for x in 0..ROWS {
            let at = y * ROWS + x;
            // Cells of one row and of one column go to all four bands.
            let bit = (at + y) % 4 * 16 + at / 4;
            hash |= u64::from(cell(x, y) > cell(x + 1, y) + MARGIN) << bit;
        }
    }
    hash
}

/// How alike two images are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Likeness {
    /// Pearson's correlation of all values, -1 to 1.
    pub correlation: f32,
    /// Root mean square of the difference of all values.
    pub distance: f32,
}

/// Compares two images of equal size, value by value.
pub fn likeness(a: impl Iterator<Item = u8>, b: impl Iterator<Item = u8>) -> Likeness {
    let (mut n, mut sums, mut products, mut squares) = (0i64, [0i64; 2], [0i64; 3], 0i64);
    for (a, b) in a.map(i64::from).zip(b.map(i64::from)) {
        n += 1;
        sums[0] += a;
        sums[1] += b;
        products[0] += a * a;
        products[1] += a * b;
        products[2] += b * b;
        squares += (a - b) * (a - b);
    }
    let scale = n.max(1) as f64;
    let covariance = |product: i64, first: i64, second: i64| {
        product as f64 / scale - first as f64 / scale * (second as f64 / scale)
    };
    let (aa, ab, bb) = (
        covariance(products[0], sums[0], sums[0]),
        covariance(products[1], sums[0], sums[1]),
        covariance(products[2], sums[1], sums[1]),
    );
    let norm = (aa * bb).sqrt();
    let correlation = if norm > 1e-6 { (ab / norm) as f32 } else { 0.0 };
    Likeness { correlation, distance: (squares as f64 / scale).sqrt() as f32 }
}

/// The bytes of an image (HWC) mirrored horizontally.
pub fn mirrored(bytes: &[u8], width: usize, channels: usize) -> impl Iterator<Item = u8> + '_ {
    let rows = bytes.chunks_exact(width * channels);
    rows.flat_map(move |row| row.chunks_exact(channels).rev().flatten().copied())
}

/// Cells of the mirrored image.
pub fn mirrored_cells(cells: &[u8; CELLS]) -> impl Iterator<Item = u8> + '_ {
    mirrored(cells, COLUMNS, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(scale: f32, offset: f32) -> Vec<u8> {
        let value = |x: usize, y: usize| ((x * 7 + y * 3) % 120) as f32 * scale + offset;
        (0..32).flat_map(|y| (0..32).map(move |x| value(x, y) as u8)).collect()
    }

    #[test]
    fn brightness_does_not_change_the_hash() {
        let of = |bytes: &[u8]| Descriptor::of_bytes(bytes, 32, 32, 1);
        let (one, other) = (of(&gradient(1.5, 0.0)), of(&gradient(1.4, 30.0)));
        assert!((one.hash ^ other.hash).count_ones() <= 2);
        assert_ne!(one.content, other.content);
        let mirrored: Vec<u8> = mirrored(&gradient(1.5, 0.0), 32, 1).collect();
        assert_eq!(of(&mirrored).hash, one.mirrored);
        assert_eq!(of(&mirrored).mirrored, one.hash);
    }

    #[test]
    fn plain_images_have_no_spread() {
        let of = Descriptor::of_bytes(&[7; 300], 10, 10, 3);
        assert_eq!((of.hash, of.statistics.range, of.statistics.edges), (0, 0, 0.0));
        assert!(of.statistics.mean.iter().all(|mean| (mean - 7.0).abs() < 1e-3));
        assert!(of.cells.iter().all(|&cell| cell == 7));
    }

    #[test]
    fn grey_parts_are_measured_from_any_edge() {
        let part = |is_grey: fn(usize, usize) -> bool| {
            let value = |y: usize, x: usize| if is_grey(y, x) { 128 } else { (y * 16 + x * 3) as u8 };
            let bytes: Vec<u8> = (0..16).flat_map(|y| (0..16).map(move |x| value(y, x))).collect();
            Descriptor::of_bytes(&bytes, 16, 16, 1).statistics.grey_part
        };
        assert_eq!(part(|_, _| false), 0.0);
        assert_eq!(part(|y, _| y >= 8), 0.5);
        assert_eq!(part(|y, _| y < 4), 0.25);
        assert_eq!(part(|_, x| x >= 12), 0.25);
        // Not in the middle.
        assert_eq!(part(|y, _| (4..12).contains(&y)), 0.0);
    }

    #[test]
    fn likeness_is_one_for_scaled_values() {
        let found = likeness([10u8, 20, 30].into_iter(), [20u8, 40, 60].into_iter());
        assert!(found.correlation > 0.999 && found.distance > 10.0);
        assert_eq!(likeness([5u8; 4].into_iter(), [5u8; 4].into_iter()).distance, 0.0);
    }
}
