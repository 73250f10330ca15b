//! Image files with classes: a folder of class folders, `CLASS/IMAGE`, or `train/CLASS/IMAGE` with
//! `test/CLASS/IMAGE`; or those that a list names.

mod decode;
mod tree;

pub(super) use tree::{Found, TEST, Tree, find, unlabelled};

use super::files::Entry;
use super::set;
use super::stream::Source;
use super::{DataError, DataSet, Images, OpenOptions};
use decode::Header;

pub use decode::read_image;

/// Side of the images where most of them share no size.
const SIDE: usize = 32;
/// Images that are decoded before their bytes are put together.
const AT_ONCE: usize = 4_096;
/// Images passed over that are named one by one.
const NAMED: usize = 5;

/// An image file, its class, and whether it tests.
struct Item {
    entry: Entry,
    class: Option<u32>,
    test: bool,
    header: Header,
}

pub(super) fn read(tree: Tree, format: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    let mut notices: Vec<String> = left_out(&tree.others).into_iter().collect();
    let mut bad = Vec::new();
    let mut items = Vec::new();
    for Found { entry, class, test } in tree.images {
        match decode::header(&entry) {
            Ok(header) => items.push(Item { entry, class, test, header }),
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    let side = side(&items, options, &mut notices)?;
    let channels = if items.iter().all(|item| item.header.grey) { 1 } else { 3 };

    let mut test: Vec<bool> = items.iter().map(|item| item.test).collect();
    if !test.contains(&true) {
        let known: Vec<usize> = (0..items.len()).filter(|&i| items[i].class.is_some()).collect();
        let labels: Vec<u32> = items.iter().filter_map(|item| item.class).collect();
        let held = set::held_out(&labels, tree.classes.len(), options.test_share.unwrap_or(0.2));
        known.iter().zip(&held).for_each(|(&i, &held)| test[i] = held);
        notices.push(set::held_out_notice(held.iter().filter(|&&held| held).count()));
    }
    let mut test = test.into_iter();
    let (test, mut train): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|_| test.next().unwrap_or(false));
    // Those of unknown class come last: they are the first to stay out of memory.
    train.sort_by_key(|item| item.class.is_none());

    let all = train.len();
    let later = train.split_off(options.room(side * side * channels).min(all));
    let empty = || Images::new(side, side, channels, Vec::new());
    let (mut train_images, mut test_images) = (empty(), empty());
    let mut decode = |items, images: &mut Images| decode_into(items, images, options, &mut bad);
    let mut train_labels = decode(train, &mut train_images)?;
    let test_labels = decode(test, &mut test_images)?;
    notices.extend(passed_over(&bad));
    if !later.is_empty() {
        notices.push(set::streamed_notice(later.len(), all));
        train_labels.extend(later.iter().map(|item| item.class));
        let entries = later.into_iter().map(|item| item.entry).collect();
        train_images.stream(Files { entries, side, channels }, options.skip_bad);
    }
    Ok(DataSet {
        name: String::new(),
        format: format.to_owned(),
        classes: tree.classes,
        train: train_images,
        train_labels,
        test: test_images,
        test_labels: test_labels.into_iter().flatten().collect(),
        flip: true,
        shift: (side as f64 / 8.0).round() as u32,
        notices,
    })
}

/// Appends the images that can be decoded, and gives their classes.
fn decode_into(
    items: Vec<Item>,
    images: &mut Images,
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Vec<Option<u32>>, DataError> {
    let mut classes = Vec::with_capacity(items.len());
    images.pixels.reserve(items.len() * images.stride());
    for some in items.chunks(AT_ONCE) {
        let entries: Vec<&Entry> = some.iter().map(|item| &item.entry).collect();
        for (item, decoded) in some.iter().zip(decode::all(&entries, images.height, images.channels)) {
            match decoded {
                Ok(bytes) => {
                    images.pixels.extend_from_slice(&bytes);
                    classes.push(item.class);
                }
                Err(error) if options.skip_bad => bad.push(error),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(classes)
}

/// Image files that are decoded when they are needed.
struct Files {
    entries: Vec<Entry>,
    side: usize,
    channels: usize,
}

impl Source for Files {
    fn count(&self) -> usize {
        self.entries.len()
    }

    fn read(&self, image: usize) -> Result<Vec<u8>, DataError> {
        decode::one(&self.entries[image], self.side, self.channels)
    }
}

/// The side that all images get, with a notice where some are resized.
fn side(items: &[Item], options: &OpenOptions, notices: &mut Vec<String>) -> Result<usize, DataError> {
    let Some(first) = items.first() else { return Ok(SIDE) };
    let size = |item: &Item| (item.header.width, item.header.height);
    let other = items.iter().find(|item| size(item) != size(first));
    if let (true, Some(second)) = (options.strict, other) {
        return Err(DataError::MixedSizes {
            first: first.entry.path.clone(),
            first_size: size(first),
            second: second.entry.path.clone(),
            second_size: size(second),
        });
    }
    let side = options.image_size.unwrap_or_else(|| match majority(items.iter().map(size)) {
        Some((width, height)) => {
            (width.min(height) as usize).clamp(*super::SIDES.start(), *super::SIDES.end())
        }
        None => SIDE,
    });
    let resized = items.iter().filter(|item| size(item) != (side as u32, side as u32)).count();
    if resized > 0 {
        notices.push(format!(
            "{resized} of {} images are resized to {side}x{side} (the middle square of those that are not square)",
            items.len()
        ));
    }
    Ok(side)
}

/// The value that more than half share (Boyer and Moore's vote, then a count).
fn majority(sizes: impl Iterator<Item = (u32, u32)> + Clone) -> Option<(u32, u32)> {
    let (mut candidate, mut lead) = (None, 0usize);
    for size in sizes.clone() {
        if lead == 0 {
            candidate = Some(size);
        }
        if candidate == Some(size) { lead += 1 } else { lead -= 1 }
    }
    let (votes, all) =
        sizes.fold((0, 0), |(votes, all), size| (votes + usize::from(Some(size) == candidate), all + 1));
    candidate.filter(|_| 2 * votes > all)
}

fn left_out(others: &[Entry]) -> Option<String> {
    let first = others.first()?;
    let (count, path) = (others.len(), first.path.display());
    Some(format!("{count} file(s) that are no images are left out, such as {path}"))
}

fn passed_over(bad: &[DataError]) -> Vec<String> {
    let mut notices: Vec<String> =
        bad.iter().take(NAMED).map(|error| format!("passed over: {error}")).collect();
    if bad.len() > NAMED {
        notices.push(format!("passed over: {} more images", bad.len() - NAMED));
    }
    notices
}
