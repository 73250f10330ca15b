//! A folder of class folders: `CLASS/IMAGE`, or `train/CLASS/IMAGE` with `test/CLASS/IMAGE`.

mod decode;
pub(super) mod plain;
mod tree;

pub(super) use tree::{Tree, find};

use std::path::{Path, PathBuf};

use super::set;
use super::source;
use super::{DataError, DataSet, Images, OpenOptions, Origin};
use decode::Header;

pub use decode::read_image;

/// Side of the images where most of them share no size.
const SIDE: usize = 32;
/// Images passed over that are named one by one.
const NAMED: usize = 5;

/// An image file, its class, and whether it tests.
struct Item {
    path: PathBuf,
    class: Option<u32>,
    test: bool,
    header: Header,
}

pub(super) fn read(folder: &Path, tree: Tree, options: &OpenOptions) -> Result<DataSet, DataError> {
    let mut notices = tree.notices;
    let mut bad = Vec::new();
    let mut items = Vec::new();
    for found in tree.images {
        match decode::header(&found.path) {
            Ok(header) => items.push(Item { path: found.path, class: found.class, test: found.test, header }),
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    let side = side(&items, options, &mut notices)?;
    let channels = if items.iter().all(|item| item.header.grey) { 1 } else { 3 };

    let pixels = decode::all(items.iter().map(|item| item.path.as_path()).collect(), side, channels);
    let mut kept = Vec::with_capacity(items.len());
    let mut images = Images { height: side, width: side, channels, pixels: Vec::new() };
    for (item, decoded) in items.into_iter().zip(pixels) {
        match decoded {
            Ok(bytes) => {
                images.pixels.extend_from_slice(&bytes);
                kept.push((item.class, item.test));
            }
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    notices.extend(passed_over(&bad));

    let mut test: Vec<bool> = kept.iter().map(|&(_, test)| test).collect();
    if !test.contains(&true) {
        let known: Vec<usize> = (0..kept.len()).filter(|&i| kept[i].0.is_some()).collect();
        let labels: Vec<u32> = kept.iter().filter_map(|&(class, _)| class).collect();
        let held = set::held_out(&labels, tree.classes.len(), options.test_share.unwrap_or(0.2));
        known.iter().zip(&held).for_each(|(&i, &held)| test[i] = held);
        notices.push(set::held_out_notice(held.iter().filter(|&&held| held).count()));
    }
    let (test, train): (Vec<usize>, Vec<usize>) = (0..kept.len()).partition(|&i| test[i]);
    Ok(DataSet {
        name: source::name_of(folder),
        format: "folder of class folders".to_owned(),
        classes: tree.classes,
        train: images.pick(&train),
        train_labels: train.iter().map(|&i| kept[i].0).collect(),
        test: images.pick(&test),
        test_labels: test.iter().filter_map(|&i| kept[i].0).collect(),
        origin: Origin::Benchmark,
        flip: true,
        shift: (side as f64 / 8.0).round() as u32,
        notices,
    })
}

/// The side that all images get, with a notice where some are resized.
fn side(items: &[Item], options: &OpenOptions, notices: &mut Vec<String>) -> Result<usize, DataError> {
    let Some(first) = items.first() else { return Ok(SIDE) };
    let size = |item: &Item| (item.header.width, item.header.height);
    let other = items.iter().find(|item| size(item) != size(first));
    if let (true, Some(second)) = (options.strict, other) {
        return Err(DataError::MixedSizes {
            first: first.path.clone(),
            first_size: size(first),
            second: second.path.clone(),
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

fn passed_over(bad: &[DataError]) -> Vec<String> {
    let mut notices: Vec<String> =
        bad.iter().take(NAMED).map(|error| format!("passed over: {}", error.problem())).collect();
    if bad.len() > NAMED {
        notices.push(format!("passed over: {} more images", bad.len() - NAMED));
    }
    notices
}
