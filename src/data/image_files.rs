//! Loads image files with or without classes: what class folders and CSV lists have in common.
//!
//! A format finds the files ([`ImageFiles`]); [`load`] decides the common size, reads the files, holds out test images, and
//! streams the images that do not fit in memory. Which images a set has, and what is said of them, does not depend on
//! how many are streamed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use super::bit_depth::{ALL_BITS, SignificantBits};
use super::decode::{self, Header, Target};
use super::error::DataError;
use super::files::Entry;
use super::fit::Fit;
use super::hash_cache::{HashCache, remove_cache};
use super::held_out::NO_TESTS;
use super::identity::{Identities, ImageId, name_hash, trained_notice};
use super::image_reader;
use super::images::Images;
use super::layout::{Roles, is_leftover, listed};
use super::limits::{LARGEST_FOUND, SIDES, rounded_side};
use super::names::{listed_name, shown};
use super::original::{Original, bits_used};
use super::set::{self, DataSet, Decoding, OpenOptions, Origin};
use super::split_copies::split_copies_notice;
use super::stream::Source;
use super::unread_columns::UnreadColumns;
use super::used_bits::{need_all_bits, significant_bits};
use crate::data::counted::{counted, counted_of};

/// Side of the images if no size is shared by most of them.
const DEFAULT_SIDE: usize = 32;
/// Share of the labelled images that is held out by default.
const TEST_SHARE: f64 = 0.2;
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
    /// Columns of lists that are not read.
    pub unread_columns: UnreadColumns,
}

pub(super) struct ImageFile {
    pub entry: Entry,
    /// Path relative to [`ImageFiles::root`] with `/` between names, which no other file has.
    pub name: String,
    /// `None`: unknown.
    pub class: Option<u32>,
    pub test: bool,
}

/// An image file whose header has been read.
pub(super) struct Item {
    pub file: ImageFile,
    header: Header,
}

/// Reads the headers. With `skip_bad`, files without a valid one are added to `bad` instead.
pub(super) async fn read_headers(
    files: Vec<ImageFile>,
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Vec<Item>, DataError> {
    let entries: Vec<&Entry> = files.iter().map(|file| &file.entry).collect();
    let headers = image_reader::read_headers(&entries, options).await?;
    let mut items = Vec::with_capacity(files.len());
    for (file, header) in files.into_iter().zip(headers) {
        match header {
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
pub(super) async fn load(
    files: ImageFiles,
    format: &str,
    options: &OpenOptions,
) -> Result<DataSet, DataError> {
    let mut notices = files.notices;
    notices.extend(ignored_notice(&files.others));
    let mut bad = Vec::new();
    let ImageFiles { root, classes, images, unread_columns, .. } = files;
    let mut items = read_headers(images, options, &mut bad).await?;
    let side = common_side(&items, options, &mut notices)?;
    let channels = common_channels(&items, options);
    let originals = unusual(&items, side, options.fit);
    notices.extend(preview_notice(&originals));
    let DeepImages { count: deep, bits, needs_all } = bits_of(&items, options, &mut notices).await?;
    let all_deep = deep == items.len();
    let target = Target { side, channels, bits, fit: options.fit };

    // Images of unknown class come last: they are streamed first.
    items.sort_by_key(|item| item.file.class.is_none());
    let holds_out = |items: &[Item]| !options.only_tests && !items.iter().any(|item| item.file.test);
    let rule = options.hold_out(TEST_SHARE);
    let room = options.images_in_memory(side * side * channels);
    let name = |item: &Item| item.file.name.clone();
    // Where all images fit in memory they are decoded anyway. The brightness of all must be known; and whether their values
    // have no more bits, which a cached hash does not tell.
    let uses_cache = !all_deep && bits == ALL_BITS && room < items.len();
    let mut cache = HashCache::open(options.cache.as_deref().filter(|_| uses_cache), &root);
    let entries: Vec<&Entry> = items.iter().map(|item| &item.file.entry).collect();
    let (mut in_room, expects_none) = (0, holds_out(&items));
    let keeps = |i: usize, content: u64| {
        let item: &Item = &items[i];
        let id = || ImageId { content, name: name_hash(&name(item)) };
        let tests = item.file.test || expects_none && item.file.class.is_some() && rule.may_test(id);
        let keeps = tests || in_room < room;
        in_room += usize::from(keeps && !tests);
        keeps
    };
    let empty = Images::new(side, side, channels, Vec::new());
    let opened = image_reader::read_files(&entries, (empty, bits), &cache, keeps, options, &mut bad).await;
    let opened = opened.map_err(|error| of_resumed(error, options))?;
    bad = bad.into_iter().map(|error| of_resumed(error, options)).collect();
    let mut readable = opened.readable.iter();
    items.retain(|_| readable.next() == Some(&true));
    for ((item, hash), lookup) in items.iter().zip(&opened.hashes).zip(&opened.lookups) {
        match lookup.content {
            Some(_) => cache.keep(*lookup),
            None => cache.insert(&item.file.entry.path, item.file.entry.mark(), *lookup, *hash),
        }
    }
    let cache = cache.save();
    notices.extend(resized_notice(items.iter(), side, options.fit));

    // Only now is it known which images there are.
    let holds_out = holds_out(&items);
    let ids = Identities::of_files(items.iter().map(name).collect(), opened.hashes.iter().copied());
    let labelled: Vec<(u64, u32)> =
        ids.ids.iter().zip(&items).filter_map(|(id, item)| Some((id.content, item.file.class?))).collect();
    notices.extend(repeated_notice(&labelled, &classes));
    let mut is_test: Vec<bool> = items.iter().map(|item| item.file.test).collect();
    let labels: Vec<u32> = items.iter().map_while(|item| item.file.class).collect();
    let mut tests_labelled = false;
    if holds_out {
        let mut told = Vec::new();
        let held = rule.choose(&ids.ids[..labels.len()], &labels, &classes, &mut told);
        // As with few labels made by hand, those that train test too, if there are other images to train on.
        tests_labelled = !held.contains(&true) && (1..items.len()).contains(&labels.len());
        is_test[..held.len()].copy_from_slice(&held);
        notices.extend(if tests_labelled { vec![NO_TESTS.to_owned()] } else { told });
    }
    let of = |tests: bool| {
        let images = ids.ids.iter().zip(&is_test).filter(move |(_, test)| **test == tests);
        images.map(|(id, _)| id.content)
    };
    notices.extend(trained_notice(of(false), of(true)).filter(|_| !options.only_tests));
    let named = items.iter().zip(&is_test).map(|(item, test)| (item.file.name.as_str(), *test));
    notices.extend(split_copies_notice(named).filter(|_| !options.only_tests));
    notices.extend(skipped_notices(&bad));
    let dark = dark_bits(opened.brightest).filter(|_| all_deep && bits == ALL_BITS && !needs_all);
    let is_unknown = options.significant_bits == SignificantBits::ALL && deep > 0;
    let needs_all =
        needs_all || is_unknown && (dark.is_some() || !all_deep) && need_all_bits(&deep_entries(&items));
    notices.extend(dark.filter(|_| !needs_all).map(|bits| dark_notice(bits, options.significant_bits)));
    notices.extend(untested_notice(&items, &classes).filter(|_| !holds_out && !options.only_tests));
    let (mut tested, trained): (Vec<usize>, Vec<usize>) = (0..items.len()).partition(|&i| is_test[i]);
    if tests_labelled {
        // Images of unknown class come last.
        tested = (0..labels.len()).collect();
    }
    let (in_memory, streamed) = trained.split_at(room.min(trained.len()));
    let entries: Vec<&Entry> = items.iter().map(|item| &item.file.entry).collect();
    let images = opened.images_of([&tested, in_memory], &entries).await;
    let [test, mut train] = images.inspect_err(|_| remove_cache(cache.as_deref()))?;
    if !streamed.is_empty() {
        notices.push(set::streamed_notice(streamed.len(), trained.len()));
        let hashed = streamed.iter().map(|&i| (entries[i].clone(), ids.ids[i].content)).collect();
        train.stream(StreamedFiles { entries: hashed, target, skip_bad: options.skip_bad, cache });
    }
    Ok(DataSet {
        name: String::new(),
        format: format.to_owned(),
        classes,
        train,
        train_labels: trained.iter().map(|&i| items[i].file.class).collect(),
        train_ids: ids.pick(&trained),
        test,
        test_labels: tested.iter().filter_map(|&i| items[i].file.class).collect(),
        test_ids: ids.pick(&tested),
        held_out: (holds_out && !tests_labelled).then_some(rule.share),
        originals,
        unread_columns,
        decoding: Decoding {
            significant_bits: (deep > 0).then_some(bits),
            needs_all_bits: needs_all,
            fit: options.fit,
            skipped: bad.len(),
        },
        origin: if tests_labelled { Origin::ByHand { held_out: false } } else { Origin::Benchmark },
        flip: true,
        shift: (side as f64 / 8.0).round() as u32,
        notices,
    })
}

/// The notice about classes without a test image, of a set with test images of its own.
fn untested_notice(items: &[Item], classes: &[String]) -> Option<String> {
    let tested: BTreeSet<u32> =
        items.iter().filter(|item| item.file.test).filter_map(|item| item.file.class).collect();
    let untested = (0u32..).zip(classes).filter(|(class, _)| !tested.contains(class));
    let names: Vec<String> = untested.map(|(_, name)| listed_name(name)).collect();
    (!tested.is_empty() && !names.is_empty())
        .then(|| format!("no test image is of class {}: accuracy says nothing about it", listed(&names)))
}

/// An image with more significant bits than the run that its data are opened for again: a run keeps its setting.
fn of_resumed(error: DataError, options: &OpenOptions) -> DataError {
    match error {
        DataError::BadImage { path, reason } if options.recorded.is_some() => {
            let reason = match reason.split_once(": set significant_bits to") {
                Some((found, _)) => format!(
                    "{found}, and a run keeps its significant_bits: take the image out, or start another run to use it"
                ),
                None => reason,
            };
            DataError::BadImage { path, reason }
        }
        other => other,
    }
}

/// The notice about images that are, byte for byte, in several classes. `labelled`: hash and class of each image.
fn repeated_notice(labelled: &[(u64, u32)], classes: &[String]) -> Option<String> {
    let mut classes_of: HashMap<u64, BTreeSet<u32>> = HashMap::new();
    labelled.iter().for_each(|(content, class)| {
        classes_of.entry(*content).or_default().insert(*class);
    });
    let repeated: Vec<u32> = labelled
        .iter()
        .filter(|(content, _)| classes_of[content].len() > 1)
        .map(|(_, class)| *class)
        .collect();
    let among: BTreeSet<u32> = repeated.iter().copied().collect();
    // A class of copies: the folder may be a copy of the set.
    let of = |class: u32| {
        let all = labelled.iter().filter(|(_, other)| *other == class).count();
        repeated.iter().filter(|other| **other == class).count() == all
    };
    let copies: Vec<String> = among
        .iter()
        .filter(|class| of(**class))
        .map(|class| listed_name(&classes[*class as usize]))
        .collect();
    let names: Vec<String> = among.iter().map(|class| listed_name(&classes[*class as usize])).collect();
    let all = match copies.is_empty() || copies.len() == names.len() {
        true => String::new(),
        false => format!(" (all of class {})", listed(&copies)),
    };
    (!repeated.is_empty()).then(|| {
        format!(
            "{} are byte for byte in more than one class of {}{all}, so that their labels contradict each other: check the \
             data to list them",
            counted(repeated.len(), "image", "images"),
            listed(&names)
        )
    })
}

/// Image files that are decoded when they are requested.
struct StreamedFiles {
    /// With the hashes of their bytes when the set was opened.
    entries: Vec<(Entry, u64)>,
    target: Target,
    skip_bad: bool,
    /// The cache that the hashes may come from.
    cache: Option<PathBuf>,
}

impl Source for StreamedFiles {
    fn count(&self) -> usize {
        self.entries.len()
    }

    fn read(&self, image: usize) -> Result<Vec<u8>, DataError> {
        let (entry, expected) = &self.entries[image];
        match decode::decode_and_hash(entry, self.target) {
            Ok((pixels, hash)) if hash == *expected => Ok(pixels),
            Ok(_) => {
                remove_cache(self.cache.as_deref());
                Err(entry.changed())
            }
            // Bad images were skipped when the set was opened: this one was none of them.
            Err(DataError::BadImage { .. } | DataError::HugeImage { .. }) if self.skip_bad => {
                remove_cache(self.cache.as_deref());
                Err(entry.changed())
            }
            Err(error) => Err(error),
        }
    }
}

/// The 16-bit images of a set.
pub(super) struct DeepImages {
    pub count: usize,
    /// Their significant bits, 8 to 16.
    pub bits: u8,
    /// Whether their values are known to need all 16.
    pub needs_all: bool,
}

/// The files of 16-bit images.
fn deep_entries(items: &[Item]) -> Vec<&Entry> {
    items.iter().filter(|item| item.header.original.deep).map(|item| &item.file.entry).collect()
}

/// The 16-bit images and their significant bits, with a notice if these are not all 16.
pub(super) async fn bits_of(
    items: &[Item],
    options: &OpenOptions,
    notices: &mut Vec<String>,
) -> Result<DeepImages, DataError> {
    let deep = deep_entries(items);
    let report = |done| options.report(done, deep.len());
    let found = significant_bits(&deep, options.significant_bits, report).await?;
    notices.extend(found.outlier_notice());
    let bits = found.bits;
    if bits < ALL_BITS && options.significant_bits == SignificantBits::Auto && !deep.is_empty() {
        notices.push(format!(
            "the {} 16-bit images use at most {bits} bits: their values are scaled from {bits} to 16 bits (set \
             significant_bits to 16 to use them as they are)",
            deep.len()
        ));
    }
    Ok(DeepImages { count: deep.len(), bits, needs_all: found.needs_all })
}

/// The channels that are asked for, or 1 if all images are grey, else 3.
pub(super) fn common_channels(items: &[Item], options: &OpenOptions) -> usize {
    let is_grey = || items.iter().all(|item| item.header.grey);
    options.channels.unwrap_or_else(|| if is_grey() { 1 } else { 3 })
}

/// The side that all images get, with a notice if it is rounded.
pub(super) fn common_side(
    items: &[Item],
    options: &OpenOptions,
    notices: &mut Vec<String>,
) -> Result<usize, DataError> {
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
        Some((width, height)) => (width.min(height) as usize).clamp(*SIDES.start(), LARGEST_FOUND),
        None => DEFAULT_SIDE,
    });
    let (side, rounded) = rounded_side(side, options.size_multiple);
    notices.extend(rounded);
    Ok(side)
}

/// The notice about images of another size, of those that could be read.
pub(super) fn resized_notice<'a>(
    items: impl Iterator<Item = &'a Item>,
    side: usize,
    fit: Fit,
) -> Option<String> {
    let (mut resized, mut all) = (0, 0);
    for Item { header, .. } in items {
        all += 1;
        resized += usize::from((header.width, header.height) != (side as u32, side as u32));
    }
    (resized > 0).then(|| {
        format!(
            "{} resized to {side}x{side} (images that are not square are {})",
            counted_of(resized, all, ["image", "images"], ["is", "are"]),
            fit.text()
        )
    })
}

/// What is unusual about the files, by their names: files of which nothing is are left out.
pub(super) fn unusual(items: &[Item], side: usize, fit: Fit) -> BTreeMap<String, Original> {
    let unusual = items.iter().filter(|item| item.header.original.is_unusual(side, fit));
    unusual.map(|item| (item.file.name.clone(), item.header.original.clone())).collect()
}

/// The notice about raw camera files.
pub(super) fn preview_notice(originals: &BTreeMap<String, Original>) -> Option<String> {
    let mut raw = originals.iter().filter_map(|(name, original)| Some((name, original.raw.as_ref()?)));
    let (name, kind) = raw.next()?;
    let count = 1 + raw.count();
    Some(format!(
        "{} read by the small preview inside, such as {name} ({kind}): export the photos as \
         JPEG, PNG or TIFF to use all of them",
        counted(count, "raw camera file is", "raw camera files are")
    ))
}

/// The bits that 16-bit images use which are all nearly black. `brightest`: the greatest value of all pixels.
fn dark_bits(brightest: Option<u8>) -> Option<u32> {
    bits_used(brightest?)
}

/// The notice about 16-bit images that use fewer bits.
fn dark_notice(bits: u32, setting: SignificantBits) -> String {
    let auto = if setting == SignificantBits::Auto { "" } else { " or to auto" };
    format!(
        "the 16-bit images use at most {bits} bits, so that they are nearly black: set significant_bits to {bits}{auto}"
    )
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

pub(super) fn ignored_notice(others: &[Entry]) -> Option<String> {
    // Those have a notice of their own.
    let others = || others.iter().filter(|entry| !is_leftover(&entry.name));
    let first = others().next()?;
    let (count, path) = (others().count(), shown(&first.path));
    Some(format!(
        "{} ignored, such as {path}",
        counted(count, "file that is not an image is", "files that are not images are")
    ))
}

pub(super) fn skipped_notices(bad: &[DataError]) -> Vec<String> {
    let mut notices: Vec<String> =
        bad.iter().take(MAX_NAMED).map(|error| format!("skipped: {}", error.problem())).collect();
    if bad.len() > MAX_NAMED {
        notices.push(format!("skipped: {}", counted(bad.len() - MAX_NAMED, "more image", "more images")));
    }
    notices
}
