//! Loads image files with or without classes: what class folders and CSV lists have in common.
//!
//! A format finds the files ([`ImageFiles`]); [`load`] decides the common size, holds out test images, decodes, and
//! streams the images that do not fit in memory.

use std::path::{Path, PathBuf};

use super::decode::{self, Header};
use super::error::DataError;
use super::files::{Entry, Folder};
use super::host;
use super::images::Images;
use super::limits::SIDES;
use super::set::{self, DataSet, OpenOptions, Origin};
use super::split_words::{SplitName, split_name};
use super::stream::Source;

/// Side of the images if no size is shared by most of them.
const DEFAULT_SIDE: usize = 32;
/// Images that are decoded in one batch.
const DECODE_BATCH: usize = 4_096;
/// Streamed images that are decoded in one batch when a set is opened.
const STREAMED_BATCH: usize = 256;
/// Skipped images that notices list by name.
const MAX_NAMED: usize = 5;
/// Bytes of a file's start in which an image format's magic number is looked for.
const MAGIC_BYTES: usize = 32;

/// The image files of a source and their classes.
pub(super) struct ImageFiles {
    /// Sorted by name.
    pub classes: Vec<String>,
    pub images: Vec<ImageFile>,
    /// Files among them that are not images.
    pub others: Vec<Entry>,
}

pub(super) struct ImageFile {
    pub entry: Entry,
    /// `None`: unknown.
    pub class: Option<u32>,
    pub test: bool,
}

/// The subfolder whose name says this split.
pub(super) fn subfolder(folder: &Folder, split: SplitName) -> Option<&Folder> {
    let is_named = |(name, _): &(&String, &Folder)| split_name(name) == Some(split);
    folder.folders.iter().find(is_named).map(|(_, inner)| inner)
}

/// Adds the images below the subfolder of images of unknown class, if there is one.
pub(super) fn add_unlabelled(
    folder: &Folder,
    images: &mut Vec<ImageFile>,
    others: &mut Vec<Entry>,
) -> Result<(), DataError> {
    if let Some(folder) = subfolder(folder, SplitName::Unlabelled) {
        let mut entries = Vec::new();
        collect_images(folder, &mut entries, others)?;
        images.extend(entries.into_iter().map(|entry| ImageFile { entry, class: None, test: false }));
    }
    Ok(())
}

/// Adds all images below a folder to `images`, and all other files to `others`.
pub(super) fn collect_images(
    folder: &Folder,
    images: &mut Vec<Entry>,
    others: &mut Vec<Entry>,
) -> Result<(), DataError> {
    for inner in folder.folders.values() {
        collect_images(inner, images, others)?;
    }
    for entry in folder.files.values() {
        let to = if is_image(entry)? { &mut *images } else { &mut *others };
        to.push(entry.clone());
    }
    Ok(())
}

/// Whether the content, or only the name, is an image's; reading a file that has only the name reports the problem.
fn is_image(entry: &Entry) -> Result<bool, DataError> {
    let start = entry.prefix(MAGIC_BYTES)?;
    Ok(image::guess_format(&start).is_ok() || image::ImageFormat::from_path(&entry.name).is_ok())
}

/// An image file whose header has been read.
struct Item {
    file: ImageFile,
    header: Header,
}

/// Reads the headers. With `skip_bad`, files without a valid one are added to `bad` instead.
fn read_headers(
    files: Vec<ImageFile>,
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Vec<Item>, DataError> {
    let mut items = Vec::new();
    for file in files {
        match decode::read_header(&file.entry) {
            Ok(header) => items.push(Item { file, header }),
            Err(error) if options.skip_bad => bad.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(items)
}

/// Decodes the files to a data set with all images of one size.
///
/// # Errors
/// When an image cannot be read and `skip_bad` is not set, or sizes differ and `strict` is set.
pub(super) fn load(files: ImageFiles, format: &str, options: &OpenOptions) -> Result<DataSet, DataError> {
    let mut notices: Vec<String> = ignored_notice(&files.others).into_iter().collect();
    let mut bad = Vec::new();
    let items = read_headers(files.images, options, &mut bad)?;
    let side = common_side(&items, options, &mut notices)?;
    let channels = common_channels(&items);

    let mut test: Vec<bool> = items.iter().map(|item| item.file.test).collect();
    if !test.contains(&true) {
        let known: Vec<usize> = (0..items.len()).filter(|&i| items[i].file.class.is_some()).collect();
        let labels: Vec<u32> = items.iter().filter_map(|item| item.file.class).collect();
        let held = set::held_out(&labels, files.classes.len(), options.test_share.unwrap_or(0.2));
        known.iter().zip(&held).for_each(|(&i, &held)| test[i] = held);
        notices.push(set::held_out_notice(held.iter().filter(|&&held| held).count()));
    }
    let mut test = test.into_iter();
    let (test, mut train): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|_| test.next().unwrap_or(false));
    // Images of unknown class come last: they are streamed first.
    train.sort_by_key(|item| item.file.class.is_none());

    let all = train.len();
    let streamed = train.split_off(options.images_in_memory(side * side * channels).min(all));
    let empty = || Images::new(side, side, channels, Vec::new());
    let (mut train_images, mut test_images) = (empty(), empty());
    let mut decode = |items: Vec<Item>, images: &mut Images| -> Result<Vec<Option<u32>>, DataError> {
        let files: Vec<ImageFile> = items.into_iter().map(|item| item.file).collect();
        let kept = decode_into(&files, images, options, &mut bad)?;
        Ok(kept.into_iter().map(|i| files[i].class).collect())
    };
    let mut train_labels = decode(train, &mut train_images)?;
    let test_labels = decode(test, &mut test_images)?;
    let streamed = readable(streamed, [side, channels], options, &mut bad)?;
    let all = train_labels.len() + streamed.len();
    notices.extend(skipped_notices(&bad));
    if !streamed.is_empty() {
        notices.push(set::streamed_notice(streamed.len(), all));
        train_labels.extend(streamed.iter().map(|item| item.file.class));
        let entries = streamed.into_iter().map(|item| item.file.entry).collect();
        train_images.stream(StreamedFiles { entries, side, channels });
    }
    Ok(DataSet {
        name: String::new(),
        format: format.to_owned(),
        classes: files.classes,
        train: train_images,
        train_labels,
        test: test_images,
        test_labels: test_labels.into_iter().flatten().collect(),
        origin: Origin::Benchmark,
        flip: true,
        shift: (side as f64 / 8.0).round() as u32,
        notices,
    })
}

/// Appends the images that can be decoded; returns their indices in `files`.
fn decode_into(
    files: &[ImageFile],
    images: &mut Images,
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Vec<usize>, DataError> {
    let mut kept = Vec::with_capacity(files.len());
    images.pixels.reserve(files.len() * images.stride());
    for (batch, first) in files.chunks(DECODE_BATCH).zip((0..).step_by(DECODE_BATCH)) {
        let entries: Vec<&Entry> = batch.iter().map(|file| &file.entry).collect();
        for (i, decoded) in (first..).zip(decode::decode_all(&entries, images.height, images.channels)) {
            match decoded {
                Ok(bytes) => {
                    images.pixels.extend_from_slice(&bytes);
                    kept.push(i);
                }
                Err(error) if options.skip_bad => bad.push(error),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(kept)
}

/// The items whose image can be decoded, all of which are decoded once and dropped: a damaged image is found when the
/// set is opened, as it is where images are kept in memory, and not in the middle of a run.
fn readable(
    mut items: Vec<Item>,
    [side, channels]: [usize; 2],
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Vec<Item>, DataError> {
    let mut kept = Vec::with_capacity(items.len());
    for batch in items.chunks(STREAMED_BATCH) {
        let entries: Vec<&Entry> = batch.iter().map(|item| &item.file.entry).collect();
        for decoded in decode::decode_all(&entries, side, channels) {
            kept.push(decoded.is_ok());
            match decoded {
                Err(error) if options.skip_bad => bad.push(error),
                decoded => drop(decoded?),
            }
        }
    }
    let mut kept = kept.into_iter();
    items.retain(|_| kept.next().unwrap_or(false));
    Ok(items)
}

/// Image files that are decoded when they are requested.
struct StreamedFiles {
    entries: Vec<Entry>,
    side: usize,
    channels: usize,
}

impl Source for StreamedFiles {
    fn count(&self) -> usize {
        self.entries.len()
    }

    fn read(&self, image: usize) -> Result<Vec<u8>, DataError> {
        decode::decode_one(&self.entries[image], self.side, self.channels)
    }
}

/// 1 if all images are grey, else 3.
fn common_channels(items: &[Item]) -> usize {
    if items.iter().all(|item| item.header.grey) { 1 } else { 3 }
}

/// The side that all images get, with a notice if some are resized.
fn common_side(items: &[Item], options: &OpenOptions, notices: &mut Vec<String>) -> Result<usize, DataError> {
    let Some(first) = items.first() else { return Ok(DEFAULT_SIDE) };
    let size = |item: &Item| (item.header.width, item.header.height);
    let other = items.iter().find(|item| size(item) != size(first));
    if let (true, Some(second)) = (options.strict, other) {
        return Err(DataError::MixedSizes {
            first: first.file.entry.path.clone(),
            first_size: size(first),
            second: second.file.entry.path.clone(),
            second_size: size(second),
        });
    }
    let side = options.image_size.unwrap_or_else(|| match majority(items.iter().map(size)) {
        Some((width, height)) => (width.min(height) as usize).clamp(*SIDES.start(), *SIDES.end()),
        None => DEFAULT_SIDE,
    });
    let resized = items.iter().filter(|item| size(item) != (side as u32, side as u32)).count();
    if resized > 0 {
        notices.push(format!(
            "{resized} of {} images are resized to {side}x{side} (images that are not square are cropped to their \
             centre square)",
            items.len()
        ));
    }
    Ok(side)
}

/// The value that more than half share (Boyer and Moore's majority vote, then a count).
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

fn ignored_notice(others: &[Entry]) -> Option<String> {
    let first = others.first()?;
    let (count, path) = (others.len(), first.path.display());
    Some(format!("{count} file(s) that are not images are ignored, such as {path}"))
}

fn skipped_notices(bad: &[DataError]) -> Vec<String> {
    let mut notices: Vec<String> =
        bad.iter().take(MAX_NAMED).map(|error| format!("skipped: {}", error.problem())).collect();
    if bad.len() > MAX_NAMED {
        notices.push(format!("skipped: {} more images", bad.len() - MAX_NAMED));
    }
    notices
}

/// Images without classes, and the files that they come from, sorted by path.
pub(super) struct UnclassedImages {
    pub files: Vec<PathBuf>,
    pub images: Images,
    pub notices: Vec<String>,
}

/// Whether there is an image below a folder of the disk.
pub(super) fn has_images(folder: &Path) -> bool {
    let mut images = Vec::new();
    let listed = host::folder(folder).and_then(|all| collect_images(&all, &mut images, &mut Vec::new()));
    listed.is_ok() && !images.is_empty()
}

/// Reads all images below a folder of the disk, all into memory. `expected` names files in it that are not images and
/// need no notice.
///
/// # Errors
/// As [`load`], and when the folder cannot be listed.
pub(super) fn read_unclassed(
    folder: &Path,
    expected: &[&str],
    options: &OpenOptions,
) -> Result<UnclassedImages, DataError> {
    options.check()?;
    let (mut entries, mut others, mut notices, mut bad) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    collect_images(&host::folder(folder)?, &mut entries, &mut others)?;
    entries.sort_by(|a: &Entry, b| a.path.cmp(&b.path));
    others.retain(|entry| !expected.iter().any(|name| entry.path == folder.join(name)));
    notices.extend(ignored_notice(&others));
    let files = entries.into_iter().map(|entry| ImageFile { entry, class: None, test: false }).collect();
    let items = read_headers(files, options, &mut bad)?;
    let side = common_side(&items, options, &mut notices)?;
    let mut images = Images::new(side, side, common_channels(&items), Vec::new());
    let files: Vec<ImageFile> = items.into_iter().map(|item| item.file).collect();
    let kept = decode_into(&files, &mut images, options, &mut bad)?;
    notices.extend(skipped_notices(&bad));
    Ok(UnclassedImages {
        files: kept.into_iter().map(|i| files[i].entry.path.clone()).collect(),
        images,
        notices,
    })
}
