//! Copies of images: groups of exact copies and of near copies, found one image at a time.
//!
//! Near copies are the neighbours of an image's perceptual hash within [`MAX_BITS`] of its 64 bits. The hash is cut into
//! four bands of 16 bits: two hashes that differ in at most seven bits agree in one band up to a single bit, so looking
//! up 17 values in four tables finds all of them, and 50,000 images take seconds. Each candidate is then compared
//! value by value.

use std::collections::HashMap;

use super::descriptor::{Descriptor, likeness, mirrored, mirrored_cells};
use super::finding::Place;
use super::subject::Subject;

/// Bits of the hash in which near copies may differ; the tables find up to 7.
const MAX_BITS: u32 = 7;
/// Correlation of the 9x8 cells, and of all values, from which images may be near copies.
const MIN_CELL_CORRELATION: f32 = 0.97;
const MIN_CORRELATION: f32 = 0.985;
/// Root mean square difference up to which they are.
const MAX_DISTANCE: f32 = 24.0;
/// Members of a group that further images are compared with: bounds the work in sets of nearly equal images.
const MAX_COMPARED: usize = 8;
const BANDS: usize = 4;

/// Groups of images, found so far.
pub struct Copies {
    /// The first image of each content; images in order of addition.
    contents: HashMap<u64, Vec<usize>>,
    bands: [HashMap<u16, Vec<u32>>; BANDS],
    /// Exact copies: the image that each is a copy of.
    copy_of: Vec<usize>,
    /// Near copies: a union-find forest, and the size of each tree at its root.
    parents: Vec<usize>,
    sizes: Vec<usize>,
}

impl Copies {
    pub fn new(images: usize) -> Self {
        Self {
            contents: HashMap::new(),
            bands: Default::default(),
            copy_of: (0..images).collect(),
            parents: (0..images).collect(),
            sizes: vec![1; images],
        }
    }

    /// Adds image `i` of the subject; all before it are added. Images of nearly one colour have exact copies only.
    pub fn add(&mut self, subject: &Subject<'_>, described: &[Descriptor], i: usize, uniform: bool) {
        let content = described[i].content;
        let same = self.contents.entry(content).or_default();
        if let Some(first) = same.iter().copied().find(|&first| subject.is_same(first, i)) {
            self.copy_of[i] = first;
            return;
        }
        same.push(i);
        if uniform {
            return;
        }
        self.find_near(subject, described, i, false);
        if subject.set.flip {
            self.find_near(subject, described, i, true);
        }
        let root = self.root(i);
        if self.sizes[root] <= MAX_COMPARED {
            for (band, table) in self.bands.iter_mut().enumerate() {
                table.entry(band_of(described[i].hash, band)).or_default().push(i as u32);
            }
        }
    }

    /// Joins image `i`, or its mirror image, with its near copies among the images before.
    fn find_near(&mut self, subject: &Subject<'_>, described: &[Descriptor], i: usize, mirror: bool) {
        let of = &described[i];
        let hash = if mirror { of.mirrored } else { of.hash };
        for band in 0..BANDS {
            let value = band_of(hash, band);
            for probe in std::iter::once(value).chain((0..16).map(|bit| value ^ (1 << bit))) {
                let Some(bucket) = self.bands[band].get_mut(&probe).map(std::mem::take) else { continue };
                for &other in &bucket {
                    let other = other as usize;
                    if (hash ^ described[other].hash).count_ones() > MAX_BITS {
                        continue;
                    }
                    let (a, b) = (self.root(i), self.root(other));
                    if a != b && is_near(subject, described, [i, other], mirror) {
                        self.parents[a] = b;
                        self.sizes[b] += self.sizes[a];
                    }
                }
                self.bands[band].insert(probe, bucket);
            }
        }
    }

    fn root(&mut self, image: usize) -> usize {
        let mut at = image;
        while self.parents[at] != at {
            // Halving the path keeps trees flat.
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// Groups of exact copies, each with at least two images, in order.
    pub fn exact(&self) -> Vec<Vec<usize>> {
        groups(self.copy_of.iter().copied().enumerate())
    }

    /// Groups of near copies: each with at least two images that are no exact copies, and with their exact copies.
    pub fn near(&mut self) -> Vec<Vec<usize>> {
        let roots: Vec<(usize, usize)> =
            (0..self.copy_of.len()).map(|i| (i, self.root(self.copy_of[i]))).collect();
        let mut all = groups(roots.into_iter());
        all.retain(|group| group.iter().any(|&image| self.copy_of[image] != self.copy_of[group[0]]));
        all
    }
}

fn band_of(hash: u64, band: usize) -> u16 {
    (hash >> (16 * band)) as u16
}

/// The images of each key that has at least two, sorted by their first image.
fn groups(keys: impl Iterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut by_key: HashMap<usize, Vec<usize>> = HashMap::new();
    keys.for_each(|(image, key)| by_key.entry(key).or_default().push(image));
    let mut groups: Vec<Vec<usize>> = by_key.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_unstable();
    groups
}

/// Whether two images, the first one mirrored if `mirror`, are near copies.
fn is_near(subject: &Subject<'_>, described: &[Descriptor], [i, other]: [usize; 2], mirror: bool) -> bool {
    let (a, b) = (&described[i].cells, &described[other].cells);
    let cells = match mirror {
        true => likeness(mirrored_cells(a), b.iter().copied()),
        false => likeness(a.iter().copied(), b.iter().copied()),
    };
    if cells.correlation < MIN_CELL_CORRELATION || cells.distance > MAX_DISTANCE {
        return false;
    }
    let (width, channels) = (subject.set.train.width, subject.set.train.channels);
    let whole = subject.compare(i, other, |a, b| match mirror {
        true => likeness(mirrored(a, width, channels), b.iter().copied()),
        false => likeness(a.iter().copied(), b.iter().copied()),
    });
    whole.correlation >= MIN_CORRELATION && whole.distance <= MAX_DISTANCE
}

/// The images of a group by what they are used for.
pub struct Spread {
    pub test: bool,
    pub labelled: bool,
    pub unlabelled: bool,
    /// Whether the known classes differ.
    pub contradicts: bool,
}

impl Spread {
    pub fn of(subject: &Subject<'_>, group: &[usize]) -> Self {
        let mut spread = Self { test: false, labelled: false, unlabelled: false, contradicts: false };
        let mut class = None;
        for &image in group {
            let label = subject.label(image);
            match subject.id(image) {
                Place::Test(_) => spread.test = true,
                Place::Train(_) if label.is_some() => spread.labelled = true,
                Place::Train(_) => spread.unlabelled = true,
            }
            spread.contradicts |= class.is_some() && label.is_some() && class != label;
            class = class.or(label);
        }
        spread
    }

    /// Whether the group is in the training and in the test images.
    pub fn leaks(&self) -> bool {
        self.test && (self.labelled || self.unlabelled)
    }
}
