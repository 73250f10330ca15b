//! Loads image files with or without classes: what class folders and CSV lists have in common.
//!
//! A format finds the files ([`ImageFiles`]); [`load`] decides the common size, holds out test images, decodes, and
//! streams the images that do not fit in memory.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::decode::{self, Header};
use super::error::DataError;
use super::file_kinds::{self, ignored_folder};
use super::files::{Entry, Folder};
use super::hashing::{self, HashCache};
use super::host;
use super::identity::Identities;
use super::images::Images;
use super::layout::{Ignored, Role, Roles, is_hidden, joined};
use super::limits::SIDES;
use super::names::{Decoder, shown};
use super::original::{Original, bits_used};
use super::set::{self, DataSet, OpenOptions, Origin};
use super::stream::Source;

/// Side of the images if no size is shared by most of them.
const DEFAULT_SIDE: usize = 32;
/// Images that are decoded in one batch.
const DECODE_BATCH: usize = 512;
/// Streamed images that are decoded in one batch when a set is opened.
const STREAMED_BATCH: usize = 256;
/// Skipped images that notices list by name.
const MAX_NAMED: usize = 5;

/// The image files of a source and their classes.
pub(super) struct ImageFiles {
    /// The folder that the images' names are relative to.
    pub root: PathBuf,
    /// Sorted by name.
    pub classes: Vec<String>,
    pub images: Vec<ImageFile>,
    /// Files among them that are not images.
    pub others: Vec<Entry>,
    /// What the user should know about the layout.
    pub notices: Vec<String>,
    /// What became of every file.
    pub roles: Roles,
}

pub(super) struct ImageFile {
    pub entry: Entry,
    /// `None`: unknown.
    pub class: Option<u32>,
    pub test: bool,
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
    let mut notices = files.notices;
    notices.extend(ignored_notice(&files.others));
    let mut bad = Vec::new();
    let ImageFiles { root, classes, images, .. } = files;
    let mut items = read_headers(images, options, &mut bad)?;
    let side = common_side(&items, options, &mut notices)?;
    let channels = common_channels(&items, options);
    let originals = unusual(&root, &items, side);
    notices.extend(preview_notice(&originals));
    let all_deep = items.iter().all(|item| item.header.original.deep);

    // Images of unknown class come last: they are streamed first.
    items.sort_by_key(|item| item.file.class.is_none());
    let holds_out = !options.only_tests && !items.iter().any(|item| item.file.test);
    let share = options.test_share.unwrap_or(0.2);
    let room = options.images_in_memory(side * side * channels);
    let fits = items.iter().filter(|item| !item.file.test).count() <= room;
    let empty = || Images::new(side, side, channels, Vec::new());
    let names = |items: &[Item]| items.iter().map(|item| relative(&root, &item.file.entry.path)).collect();
    let (mut train, test);
    let mut streamed = Vec::new();
    if fits {
        // Everything is decoded and hashed at once, so that each file is read once.
        train = Part::decode(&mut items, empty(), names, options, &mut bad)?;
        let mut is_test: Vec<bool> = items.iter().map(|item| item.file.test).collect();
        if holds_out {
            hold_out(&items, &train.ids, &classes, share, options, &mut notices, &mut is_test);
        }
        test = train.split_off(&is_test);
    } else {
        let mut cache = HashCache::open(options.cache.as_deref(), &root);
        let mut is_test: Vec<bool> = items.iter().map(|item| item.file.test).collect();
        if holds_out {
            let ids = Identities::of_files(names(&items), contents(&items, &cache, options));
            hold_out(&items, &ids, &classes, share, options, &mut notices, &mut is_test);
        }
        let mut is_test = is_test.into_iter();
        let (mut tested, mut in_memory): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|_| is_test.next().unwrap_or(false));
        streamed = in_memory.split_off(room.min(in_memory.len()));
        test = Part::decode(&mut tested, empty(), names, options, &mut bad)?;
        train = Part::decode(&mut in_memory, empty(), names, options, &mut bad)?;
        let hashes = readable(&mut streamed, [side, channels], &cache, options, &mut bad)?;
        let decoded = tested.iter().zip(test.ids.ids.iter().map(|id| id.content));
        let decoded = decoded.chain(in_memory.iter().zip(train.ids.ids.iter().map(|id| id.content)));
        for (item, hash) in decoded.chain(streamed.iter().zip(hashes.iter().copied())) {
            cache.insert(&item.file.entry.path, hash);
        }
        cache.save();
        train.ids.extend(Identities::of_files(names(&streamed), hashes));
        train.labels.extend(streamed.iter().map(|item| item.file.class));
        if !streamed.is_empty() {
            notices.push(set::streamed_notice(streamed.len(), train.labels.len()));
        }
    }
    notices.extend(skipped_notices(&bad));
    if all_deep {
        notices.extend(dark_notice(&[&train.images, &test.images]));
    }
    if !streamed.is_empty() {
        let entries = streamed.into_iter().map(|item| item.file.entry).collect();
        train.images.stream(StreamedFiles { entries, side, channels });
    }
    Ok(DataSet {
        name: String::new(),
        format: format.to_owned(),
        classes,
        train: train.images,
        train_labels: train.labels,
        train_ids: train.ids,
        test: test.images,
        test_labels: test.labels.into_iter().flatten().collect(),
        test_ids: test.ids,
        held_out: holds_out.then_some(share),
        originals,
        origin: Origin::Benchmark,
        flip: true,
        shift: (side as f64 / 8.0).round() as u32,
        notices,
    })
}

/// The hashes of the items' files, from the cache where they are known. A file that cannot be read is reported when it is
/// decoded.
fn contents(items: &[Item], cache: &HashCache, options: &OpenOptions) -> Vec<u64> {
    let mut contents = Vec::with_capacity(items.len());
    for batch in items.chunks(DECODE_BATCH) {
        options.progress.report(contents.len(), items.len());
        let known: Vec<Option<u64>> = batch.iter().map(|item| cache.get(&item.file.entry.path)).collect();
        let unknown = batch.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<&Entry> = unknown.map(|(item, _)| &item.file.entry).collect();
        let mut hashed = hashing::hash_files(&unknown).into_iter();
        let hash = |known: Option<u64>| known.or_else(|| hashed.next()?.ok()).unwrap_or_default();
        contents.extend(known.into_iter().map(hash));
    }
    contents
}

/// Marks the test images among the items of known class, which come first.
fn hold_out(
    items: &[Item],
    ids: &Identities,
    classes: &[String],
    share: f64,
    options: &OpenOptions,
    notices: &mut Vec<String>,
    is_test: &mut [bool],
) {
    let labels: Vec<u32> = items.iter().map_while(|item| item.file.class).collect();
    let known = Identities { ids: ids.ids[..labels.len()].to_vec(), files: Vec::new() };
    let held = set::hold_out(&known, &labels, classes, share, options, notices);
    is_test[..held.len()].copy_from_slice(&held);
}

/// Decoded images with their identities and classes.
struct Part {
    images: Images,
    ids: Identities,
    labels: Vec<Option<u32>>,
}

impl Part {
    /// Decodes the items; removes those that cannot be decoded from `items`.
    fn decode(
        items: &mut Vec<Item>,
        mut images: Images,
        names: impl Fn(&[Item]) -> Vec<String>,
        options: &OpenOptions,
        bad: &mut Vec<DataError>,
    ) -> Result<Self, DataError> {
        let entries: Vec<Entry> = items.iter().map(|item| item.file.entry.clone()).collect();
        let kept = decode_into(&entries, &mut images, options, bad)?;
        let mut decoded = kept.iter().map(|(i, _)| *i).peekable();
        let mut i = 0..;
        items.retain(|_| decoded.next_if_eq(&i.next().unwrap_or(usize::MAX)).is_some());
        let ids = Identities::of_files(names(items), kept.into_iter().map(|(_, hash)| hash));
        Ok(Self { images, ids, labels: items.iter().map(|item| item.file.class).collect() })
    }

    /// Moves the marked images to a part of their own.
    fn split_off(&mut self, marked: &[bool]) -> Self {
        let (moved, kept): (Vec<usize>, Vec<usize>) = (0..marked.len()).partition(|&i| marked[i]);
        let labels = |indices: &[usize]| indices.iter().map(|&i| self.labels[i]).collect::<Vec<_>>();
        let part =
            Self { images: self.images.pick(&moved), ids: self.ids.pick(&moved), labels: labels(&moved) };
        self.labels = labels(&kept);
        self.ids = self.ids.pick(&kept);
        self.images.keep(&kept);
        part
    }
}

/// `path` relative to `folder`, with `/` between names.
pub(super) fn relative(folder: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(folder).unwrap_or(path).iter();
    parts.map(|part| Decoder::default().decode(part.as_encoded_bytes())).collect::<Vec<_>>().join("/")
}

/// Appends the images that can be decoded; returns their indices in `entries` and the hashes of their files.
fn decode_into(
    entries: &[Entry],
    images: &mut Images,
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Vec<(usize, u64)>, DataError> {
    let mut kept = Vec::with_capacity(entries.len());
    images.pixels.reserve(entries.len() * images.stride());
    for (batch, first) in entries.chunks(DECODE_BATCH).zip((0..).step_by(DECODE_BATCH)) {
        let batch: Vec<&Entry> = batch.iter().collect();
        for (i, decoded) in (first..).zip(decode::decode_all(&batch, images.height, images.channels)) {
            match decoded {
                Ok((bytes, hash)) => {
                    images.pixels.extend_from_slice(&bytes);
                    kept.push((i, hash));
                }
                Err(error) if options.skip_bad => bad.push(error),
                Err(error) => return Err(error),
            }
        }
        options.progress.report(first + batch.len(), entries.len());
    }
    Ok(kept)
}

/// Decodes every item once that is not in the cache and drops the image; removes the items that cannot be decoded and
/// returns the hashes of the other files. So a damaged image is found when the set is opened, as it is where images are
/// kept in memory, and not in the middle of a run.
fn readable(
    items: &mut Vec<Item>,
    [side, channels]: [usize; 2],
    cache: &HashCache,
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Vec<u64>, DataError> {
    let mut hashes = Vec::with_capacity(items.len());
    for batch in items.chunks(STREAMED_BATCH) {
        let known: Vec<Option<u64>> = batch.iter().map(|item| cache.get(&item.file.entry.path)).collect();
        let unknown = batch.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<&Entry> = unknown.map(|(item, _)| &item.file.entry).collect();
        let mut decoded = decode::decode_all(&unknown, side, channels).into_iter();
        for known in known {
            match known.map(Ok).or_else(|| Some(decoded.next()?.map(|(_, hash)| hash))) {
                Some(Ok(hash)) => hashes.push(Some(hash)),
                None => hashes.push(None),
                Some(Err(error)) if options.skip_bad => {
                    hashes.push(None);
                    bad.push(error);
                }
                Some(Err(error)) => return Err(error),
            }
        }
        options.progress.report(hashes.len(), items.len());
    }
    let mut kept = hashes.iter();
    items.retain(|_| kept.next().is_some_and(Option::is_some));
    Ok(hashes.into_iter().flatten().collect())
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

/// The channels that are asked for, or 1 if all images are grey, else 3.
fn common_channels(items: &[Item], options: &OpenOptions) -> usize {
    let is_grey = || items.iter().all(|item| item.header.grey);
    options.channels.unwrap_or_else(|| if is_grey() { 1 } else { 3 })
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

/// What is unusual about the files, by their names: files of which nothing is are left out.
fn unusual(root: &Path, items: &[Item], side: usize) -> BTreeMap<String, Original> {
    let unusual = items.iter().filter(|item| item.header.original.is_unusual(side));
    unusual.map(|item| (relative(root, &item.file.entry.path), item.header.original.clone())).collect()
}

/// The notice about raw camera files.
fn preview_notice(originals: &BTreeMap<String, Original>) -> Option<String> {
    let mut raw = originals.iter().filter_map(|(name, original)| Some((name, original.raw.as_ref()?)));
    let (name, kind) = raw.next()?;
    let count = 1 + raw.count();
    Some(format!(
        "{count} raw camera file(s) are read by the small preview inside, such as {name} ({kind}): export the photos as \
         JPEG, PNG or TIFF to use all of them"
    ))
}

/// The notice about 16-bit images that are all nearly black.
fn dark_notice(images: &[&Images]) -> Option<String> {
    let brightest = images.iter().filter_map(|images| images.pixels.iter().max()).max()?;
    let bits = bits_used(*brightest)?;
    Some(format!(
        "the 16-bit images use at most {bits} bits, so that they are nearly black: scale their values to 16 bits (12 bits: \
         multiply by 16)"
    ))
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
    let (count, path) = (others.len(), shown(&first.path));
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

/// Images without classes, sorted by path.
pub(super) struct UnclassedImages {
    pub ids: Identities,
    /// Where the files are on the disk.
    pub paths: Vec<PathBuf>,
    pub images: Images,
    /// What is unusual about the files, by their names.
    pub originals: BTreeMap<String, Original>,
    pub notices: Vec<String>,
}

/// Whether there is an image below a folder of the disk.
pub(super) fn has_images(folder: &Path) -> bool {
    host::folder(folder).is_ok_and(|all| file_kinds::has_images(&all))
}

/// Files with their paths relative to a folder.
type Located = Vec<(String, Entry)>;

/// The images below a folder with their paths relative to it, and the other files. `expected` names files in the folder
/// that are not images and need no notice. Thumbnails and runs of this program are left out.
///
/// # Errors
/// When a file cannot be read, its name is not an image's, and `skip_bad` is not set.
pub(super) fn unclassed(
    folder: &Folder,
    expected: &[&str],
    skip_bad: bool,
    roles: &mut Roles,
) -> Result<(Located, Vec<Entry>), DataError> {
    fn walk(folder: &Folder, at: &str, all: &mut Vec<(String, Entry)>, roles: &mut Roles) {
        for (name, inner) in &folder.folders {
            let path = joined(at, name);
            match ignored_folder(name, inner) {
                Some(why) => roles.ignore_folder(&path, file_kinds::count_files(inner), why),
                None => walk(inner, &path, all, roles),
            }
        }
        for name in &folder.hidden {
            roles.file(at, name, Role::Ignored(is_hidden(name).unwrap_or(Ignored::Hidden)));
        }
        all.extend(folder.files.iter().map(|(name, entry)| (joined(at, name), entry.clone())));
    }
    let mut all = Vec::new();
    walk(folder, "", &mut all, roles);
    let (mut images, mut others) = (Vec::new(), Vec::new());
    for (path, entry) in all {
        let (at, name) = path.rsplit_once('/').unwrap_or(("", &path));
        match file_kinds::is_image(&entry) {
            Ok(true) => images.push((path, entry)),
            Err(error) if !skip_bad => return Err(error),
            _ if expected.contains(&path.as_str()) => roles.file(at, name, Role::List),
            _ => {
                roles.file(at, name, Role::Ignored(Ignored::NotAnImage));
                others.push(entry);
            }
        }
    }
    images.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
    Ok((images, others))
}

/// Reads all images below a folder of the disk, all into memory. `expected` names files in it that are not images and
/// need no notice.
///
/// # Errors
/// When the folder cannot be listed, an image cannot be read and `skip_bad` is not set, or sizes differ and `strict` is
/// set.
pub(super) fn read_unclassed(
    folder: &Path,
    expected: &[&str],
    options: &OpenOptions,
) -> Result<UnclassedImages, DataError> {
    options.check()?;
    let mut roles = Roles::default();
    let listed = host::folder(folder)?;
    let (found, others) = unclassed(&listed, expected, options.skip_bad, &mut roles)?;
    let mut notices = listed.notices;
    notices.extend(roles.notices());
    notices.extend(ignored_notice(&others));
    let mut bad = Vec::new();
    let name_of: HashMap<PathBuf, String> =
        found.iter().map(|(name, entry)| (entry.path.clone(), name.clone())).collect();
    let files = found.into_iter().map(|(_, entry)| ImageFile { entry, class: None, test: false }).collect();
    let items = read_headers(files, options, &mut bad)?;
    let side = common_side(&items, options, &mut notices)?;
    let originals = unusual(folder, &items, side);
    notices.extend(preview_notice(&originals));
    let mut images = Images::new(side, side, common_channels(&items, options), Vec::new());
    let entries: Vec<Entry> = items.into_iter().map(|item| item.file.entry).collect();
    let kept = decode_into(&entries, &mut images, options, &mut bad)?;
    notices.extend(skipped_notices(&bad));
    let paths: Vec<PathBuf> = kept.iter().map(|(i, _)| entries[*i].path.clone()).collect();
    let names = paths.iter().map(|path| name_of[path].clone()).collect();
    let ids = Identities::of_files(names, kept.iter().map(|(_, hash)| *hash));
    Ok(UnclassedImages { ids, paths, images, originals, notices })
}
