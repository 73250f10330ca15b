//! Reads image files when a set is opened, on all cores. Headers come first, for the size that all images get. Then the bytes
//! of a file are read once, and hashed, checked and decoded together; what is not kept in memory is dropped.
//!
//! A file whose hash is cached was decoded without error before, and is read only if its pixels are kept.

use super::batch_size::BatchSize;
use super::decode::{self, Header, Target};
use super::error::DataError;
use super::files::Entry;
use super::fit::Fit;
use super::hash_cache::{HashCache, Lookup};
use super::images::Images;
use super::parallel::map_on_all_cores;
use super::set::OpenOptions;
use super::slices::Slices;

/// Most images that are decoded in one batch.
const BATCH: usize = 512;

/// Image files that were read.
pub(super) struct Opened {
    /// For each file whether it can be read; the other fields are about those that can.
    pub readable: Vec<bool>,
    /// Hashes of the files' bytes.
    pub hashes: Vec<u64>,
    /// What the cache knew; the hashes of files that were decoded are not taken from it.
    pub lookups: Vec<Lookup>,
    /// The images that were kept.
    pub images: Images,
    /// Significant bits of 16-bit images.
    bits: u8,
    fit: Fit,
    /// Where each file's image is among them; `None` if it was not kept.
    places: Vec<Option<usize>>,
    /// The greatest value of the pixels that were decoded.
    pub brightest: Option<u8>,
}

/// Reads the headers of files: each header, or why it cannot be read.
///
/// # Errors
/// [`DataError::Stopped`] if the opening is cancelled.
pub(super) async fn read_headers(
    entries: &[&Entry],
    options: &OpenOptions,
) -> Result<Vec<Result<Header, DataError>>, DataError> {
    let (count, mut sizes, mut slices) = (entries.len(), BatchSize::new(BATCH), Slices::new());
    let mut headers = Vec::with_capacity(count);
    while headers.len() < count {
        options.report(0, count)?;
        slices.next().await;
        let batch = &entries[headers.len()..count.min(headers.len() + sizes.next())];
        headers.extend(decode::read_headers(batch));
    }
    Ok(headers)
}

/// Reads files, with this number of significant bits in 16-bit images; the images are appended to `images` where `keeps` says so of a file's index and hash. With `skip_bad`,
/// files that cannot be read or decoded are added to `bad`.
///
/// # Errors
/// When a file cannot be read or decoded and `skip_bad` is not set.
pub(super) async fn read_files(
    entries: &[&Entry],
    (images, bits): (Images, u8),
    cache: &HashCache,
    mut keeps: impl FnMut(usize, u64) -> bool,
    options: &OpenOptions,
    bad: &mut Vec<DataError>,
) -> Result<Opened, DataError> {
    let count = entries.len();
    let (hashes, lookups) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (readable, places, fit) = (vec![true; count], Vec::with_capacity(count), options.fit);
    let mut opened = Opened { readable, hashes, lookups, images, bits, fit, places, brightest: None };
    let mut sizes = BatchSize::new(BATCH);
    let (mut done, mut slices) = (0, Slices::new());
    while done < count {
        options.report(done, count)?;
        slices.next().await;
        let batch = done..count.min(done + sizes.next());
        done = batch.end;
        let look_up = |entry: &&Entry| cache.get(&entry.path, entry.mark());
        let lookups = map_on_all_cores(&entries[batch.clone()], look_up, |_| Lookup::default());
        let known: Vec<(Lookup, bool)> = batch
            .clone()
            .zip(lookups)
            .map(|(i, lookup)| (lookup, lookup.content.is_some_and(|hash| keeps(i, hash))))
            .collect();
        let is_read = |(lookup, kept): &(Lookup, bool)| lookup.content.is_none() || *kept;
        let to_read: Vec<&Entry> =
            batch.clone().zip(&known).filter(|(_, known)| is_read(known)).map(|(i, _)| entries[i]).collect();
        let mut decoded = decode::decode_all(&to_read, opened.target()).into_iter();
        for (i, known) in batch.clone().zip(known) {
            let next = if is_read(&known) { decoded.next() } else { None };
            match next {
                None => opened.push(known.0.content.unwrap_or_default(), known.0, None),
                Some(Ok((pixels, hash))) => {
                    opened.brightest = opened.brightest.max(pixels.iter().max().copied());
                    let kept = known.1 || known.0.content.is_none() && keeps(i, hash);
                    opened.push(hash, known.0.of_decoded(), kept.then_some(&pixels));
                }
                Some(Err(error)) if options.skip_bad => {
                    opened.readable[i] = false;
                    bad.push(error);
                }
                Some(Err(error)) => return Err(error),
            }
        }
    }
    options.report(count, count)?;
    Ok(opened)
}

impl Opened {
    fn target(&self) -> Target {
        let Self { images, bits, fit, .. } = self;
        Target { side: images.height, channels: images.channels, bits: *bits, fit: *fit }
    }

    fn push(&mut self, hash: u64, lookup: Lookup, pixels: Option<&Vec<u8>>) {
        self.hashes.push(hash);
        self.lookups.push(lookup);
        self.places.push(pixels.map(|pixels| {
            self.images.pixels.extend_from_slice(pixels);
            self.images.in_memory() - 1
        }));
    }

    /// The images of two lists of readable files. Those that were not kept are read again: which images test is known only
    /// when all files are, and rarely differs from what was expected then. `entries`: the readable files.
    ///
    /// # Errors
    /// When a file has changed or become unreadable meanwhile.
    pub async fn images_of(
        mut self,
        [first, second]: [&[usize]; 2],
        entries: &[&Entry],
    ) -> Result<[Images; 2], DataError> {
        let missing: Vec<usize> =
            first.iter().chain(second).copied().filter(|&i| self.places[i].is_none()).collect();
        let mut slices = Slices::new();
        for batch in missing.chunks(if cfg!(target_arch = "wasm32") { 1 } else { BATCH }) {
            slices.next().await;
            let files: Vec<&Entry> = batch.iter().map(|&i| entries[i]).collect();
            let decoded = decode::decode_all(&files, self.target());
            for (&i, decoded) in batch.iter().zip(decoded) {
                self.places[i] = Some(self.images.in_memory());
                let (pixels, hash) = decoded?;
                if hash != self.hashes[i] {
                    return Err(entries[i].changed());
                }
                self.images.pixels.extend(pixels);
            }
        }
        let places = |files: &[usize]| files.iter().filter_map(|&i| self.places[i]).collect::<Vec<_>>();
        let (first, second) = (places(first), places(second));
        let picked = self.images.pick(&first);
        if second.is_sorted() {
            // In place: the images may take most of the memory.
            self.images.keep(&second);
            return Ok([picked, self.images]);
        }
        Ok([picked, self.images.pick(&second)])
    }
}
