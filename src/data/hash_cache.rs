//! The cache of the hashes of image files that were decoded without error before.
//!
//! A hash is used again where the file at its path has not changed, which its [`Stamp`] tells without reading it. A file
//! that changed shortly before it was hashed has no stamp: file systems store times in steps of up to two seconds, so that
//! it may change once more without another time. What a stamp cannot tell is found when the image is decoded: its hash is
//! compared then, and the cache is removed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use web_time::SystemTime;
use xxhash_rust::xxh3::xxh3_64;

use crate::disk;

/// First word of a cache's file.
const MAGIC: u64 = u64::from_le_bytes(*b"rmhash02");
/// Bytes of a word of a cache's file.
const WORD: usize = size_of::<u64>();
/// Steps in which file systems store times, at most: those of FAT.
const TICK: Duration = Duration::from_secs(2);

/// A hash of what the system says of a file, or of the archive that it is in: size, time of change, and which file it is;
/// and of the mark of a member of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u64);

/// Hashes of the images of one set that were decoded without error, by path and stamp.
///
/// The file has words of 64 bits: a magic number, the hash of the rest, and for each image the hash of its absolute path,
/// its stamp and the hash of its content. A file that is damaged, or cannot be written, costs time alone.
pub(super) struct HashCache {
    file: Option<PathBuf>,
    /// The latest time at which a file may have changed whose hash is stored.
    settled: SystemTime,
    known: HashMap<u64, (Stamp, u64)>,
    seen: HashMap<u64, (Stamp, u64)>,
}

/// What a cache knows of an image before its file is read.
#[derive(Clone, Copy, Default)]
pub(super) struct Lookup {
    /// Key of its path, and its stamp; `None` if its hash cannot be stored.
    found: Option<(u64, Stamp)>,
    /// The hash of its content, if it is known.
    pub content: Option<u64>,
}

impl Lookup {
    /// Of an image that was decoded: its hash is known from its file.
    pub fn of_decoded(self) -> Self {
        Self { content: None, ..self }
    }
}

impl HashCache {
    /// The cache of the set at `root` in a folder of caches. `None`: nothing is cached.
    pub fn open(folder: Option<&Path>, root: &Path) -> Self {
        let file = folder.map(|folder| folder.join(format!("{:016x}.hashes", key(root))));
        let known = file.as_ref().and_then(|file| parse(&disk::read(file).ok()?)).unwrap_or_default();
        Self { file, settled: SystemTime::now() - TICK, known, seen: HashMap::new() }
    }

    /// Looks up the hash of the image at a path: it is known if the file has not changed. `mark`: [`Entry::mark`].
    ///
    /// [`Entry::mark`]: super::files::Entry::mark
    pub fn get(&self, path: &Path, mark: u64) -> Lookup {
        let found = self.file.as_ref().and_then(|_| Some((key(path), stamp_of(path, mark, self.settled)?)));
        let content = found.and_then(|(key, stamp)| {
            self.known.get(&key).filter(|(known, _)| *known == stamp).map(|(_, content)| *content)
        });
        Lookup { found, content }
    }

    /// Stores a known hash again.
    pub fn keep(&mut self, lookup: Lookup) {
        if let (Some((key, stamp)), Some(content)) = (lookup.found, lookup.content) {
            self.seen.insert(key, (stamp, content));
        }
    }

    /// Stores the hash of an image that was decoded after it was looked up. A file that has changed meanwhile is not
    /// stored.
    pub fn insert(&mut self, path: &Path, mark: u64, lookup: Lookup, content: u64) {
        let stamp = || stamp_of(path, mark, self.settled);
        if let Some((key, stamp)) = lookup.found.filter(|(_, found)| stamp() == Some(*found)) {
            self.seen.insert(key, (stamp, content));
        }
    }

    /// Writes the hashes of this opening. Returns where they are, to be removed if one turns out to be wrong.
    pub fn save(self) -> Option<PathBuf> {
        let file = self.file?;
        if self.seen == self.known {
            return Some(file);
        }
        let entries = self.seen.iter();
        let words: Vec<u64> = entries.flat_map(|(key, (stamp, content))| [*key, stamp.0, *content]).collect();
        let rest: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let bytes = [&MAGIC.to_le_bytes()[..], &xxh3_64(&rest).to_le_bytes(), &rest].concat();
        let folder = file.parent().unwrap_or(Path::new("."));
        if let Err(error) = disk::create_folder(folder).and_then(|()| disk::write(&file, &bytes)) {
            tracing::info!("hashes of images are not cached: {error}");
        }
        Some(file)
    }
}

/// Removes a cache with a hash that is wrong, so that the next opening reads the files.
pub(super) fn remove_cache(file: Option<&Path>) {
    if let Some(error) = file.and_then(|file| disk::remove(file).err()) {
        tracing::info!("the hashes of images are not removed: {error}");
    }
}

fn parse(bytes: &[u8]) -> Option<HashMap<u64, (Stamp, u64)>> {
    let (head, rest) = bytes.split_at_checked(2 * WORD)?;
    if head != [MAGIC, xxh3_64(rest)].map(u64::to_le_bytes).concat() {
        return None;
    }
    let word = |bytes: &[u8], i: usize| bytes[i * WORD..][..WORD].try_into().map(u64::from_le_bytes);
    let entry =
        |bytes: &[u8]| Some((word(bytes, 0).ok()?, (Stamp(word(bytes, 1).ok()?), word(bytes, 2).ok()?)));
    rest.chunks_exact(3 * WORD).map(entry).collect()
}

/// The key of a path, independent of the working directory.
fn key(path: &Path) -> u64 {
    let absolute = std::path::absolute(path);
    xxh3_64(absolute.as_deref().unwrap_or(path).as_os_str().as_encoded_bytes())
}

/// The stamp of a file, or of the archive that it is in. `None` for a file that changed after `settled`, or at a time that
/// is still to come, as on a server whose clock is ahead.
#[cfg(not(target_arch = "wasm32"))]
fn stamp_of(path: &Path, mark: u64, settled: SystemTime) -> Option<Stamp> {
    let metadata =
        path.ancestors().find_map(|path| path.metadata().ok()).filter(std::fs::Metadata::is_file)?;
    match identity(&metadata)?.changed > settled {
        true => None,
        false => stamp_of_metadata(&metadata, mark),
    }
}

/// The stamp of a file, also of one that was written a moment ago; `None` if there is no such file.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    stamp_of_metadata(&path.metadata().ok()?, 0)
}

#[cfg(not(target_arch = "wasm32"))]
fn stamp_of_metadata(metadata: &std::fs::Metadata, mark: u64) -> Option<Stamp> {
    let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
    let Identity { words: [first, second, third], .. } = identity(metadata)?;
    let words = [metadata.len(), u64::try_from(modified).ok()?, first, second, third, mark];
    Some(Stamp(xxh3_64(&words.map(u64::to_le_bytes).concat())))
}

/// Which file it is, and when it last changed.
#[cfg(not(target_arch = "wasm32"))]
struct Identity {
    changed: SystemTime,
    words: [u64; 3],
}

/// By the number of the file and the time at which the system last changed it: unlike the time of modification, programs
/// do not set it. Files of equal size and time of modification are common: of an archive that was unpacked, or of formats
/// without compression.
#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
    let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))?;
    Some(Identity { changed, words: [metadata.ino(), seconds, nanoseconds.into()] })
}

/// By the time of creation, which a file keeps when it gets another name; `None` where the file system has none.
#[cfg(not(any(unix, target_arch = "wasm32")))]
fn identity(metadata: &std::fs::Metadata) -> Option<Identity> {
    let created = metadata.created().ok()?;
    let since = created.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let changed = metadata.modified().ok()?.max(created);
    Some(Identity { changed, words: [since.as_secs(), since.subsec_nanos().into(), 0] })
}

/// The page caches nothing.
#[cfg(target_arch = "wasm32")]
fn stamp_of(_path: &Path, _mark: u64, _settled: SystemTime) -> Option<Stamp> {
    None
}

/// Files of the page do not change.
#[cfg(target_arch = "wasm32")]
pub(super) fn stamp(_path: &Path) -> Option<Stamp> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    /// The hash of the image at a path, if it is known.
    fn known(cache: &HashCache, path: &Path, mark: u64) -> Option<u64> {
        cache.get(path, mark).content
    }

    /// A cache that is opened ten seconds from now, when files that are written now have settled.
    fn later(cache: Option<&Path>, root: &Path) -> HashCache {
        let settled = SystemTime::now() + Duration::from_secs(10);
        HashCache { settled, ..HashCache::open(cache, root) }
    }

    fn age(path: &Path, seconds: u64) {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::options().write(true).open(path).expect("a file").set_modified(time).expect("its time");
    }

    #[test]
    fn cached_hashes_end_with_size_or_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, image) = (folder.path().join("cache"), folder.path().join("1.png"));
        fs::write(&image, "one").expect("a file");
        age(&image, 60);
        let member = image.join("inside/an/archive.png");
        let mut first = later(Some(&cache), folder.path());
        let [of_image, of_member] = [first.get(&image, 0), first.get(&member, 5)];
        assert_eq!((of_image.content, of_member.content), (None, None));
        first.insert(&image, 0, of_image, 7);
        first.insert(&member, 5, of_member, 8);
        first.save();
        let again = || later(Some(&cache), folder.path());
        assert_eq!((known(&again(), &image, 0), known(&again(), &member, 5)), (Some(7), Some(8)));
        // What is known is stored again, and what was not asked for is not.
        let mut kept = again();
        kept.keep(kept.get(&image, 0));
        kept.save();
        assert_eq!((known(&again(), &image, 0), known(&again(), &member, 5)), (Some(7), None));
        let mut all = again();
        all.keep(all.get(&image, 0));
        all.insert(&member, 5, all.get(&member, 5), 8);
        all.save();
        assert_eq!(known(&again(), &member, 6), None, "another place in the archive");
        assert_eq!(known(&later(Some(&cache), Path::new("elsewhere")), &image, 0), None);
        assert_eq!(known(&later(None, folder.path()), &image, 0), None);
        age(&image, 90);
        assert_eq!((known(&again(), &image, 0), known(&again(), &member, 5)), (None, None));
        fs::write(&image, "three").expect("a file");
        age(&image, 60);
        assert_eq!(known(&again(), &image, 0), None);
    }

    /// Of a time of modification that programs set, a file that changes twice within a tick of the clock keeps its stamp.
    #[test]
    fn files_changed_just_now_are_not_trusted() {
        for (seconds, age_of_file, stored) in [
            // Unpacked a moment ago with the old time of modification.
            (0, Some(60), false),
            (0, None, false),
            (1, Some(60), false),
            (10, Some(60), true),
            // The clock has gone back since the file changed.
            (-60, Some(60), false),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let image = folder.path().join("1.png");
            fs::write(&image, "one").expect("a file");
            age_of_file.into_iter().for_each(|seconds| age(&image, seconds));
            let member = image.join("in/an/archive.png");
            let opened = |seconds: i64| {
                let mut cache = HashCache::open(Some(folder.path()), folder.path());
                let by = Duration::from_secs(seconds.unsigned_abs());
                cache.settled = if seconds < 0 { cache.settled - by } else { cache.settled + by };
                cache
            };
            let mut cache = opened(seconds);
            for (path, hash) in [(&image, 7), (&member, 8)] {
                cache.insert(path, 0, cache.get(path, 0), hash);
            }
            cache.save();
            let found = [&image, &member].map(|path| known(&opened(60), path, 0));
            let expected = if stored { [Some(7), Some(8)] } else { [None; 2] };
            assert_eq!(found, expected, "{seconds} s later, written {age_of_file:?} s ago");
        }
    }

    /// Files of one size and time of modification, as in an archive that was unpacked.
    #[cfg(unix)]
    #[test]
    fn cached_hashes_end_with_the_file() {
        use std::os::unix::fs::MetadataExt as _;
        fn replace(image: &Path, from: &Path) {
            let time = image.metadata().and_then(|found| found.modified()).expect("its time");
            fs::copy(from, image).expect("a copy");
            File::options()
                .write(true)
                .open(image)
                .and_then(|file| file.set_modified(time))
                .expect("its time");
        }
        type Change = fn(&Path, &Path);
        let changes: [(&str, Change); 5] = [
            ("swapped files", |one, two| {
                let third = one.with_extension("third");
                fs::rename(one, &third).and_then(|()| fs::rename(two, one)).expect("another name");
                fs::rename(third, two).expect("another name");
            }),
            ("swapped folders", |one, two| {
                let [one, two] = [one, two].map(|path| path.parent().expect("a folder"));
                let third = one.with_extension("third");
                fs::rename(one, &third).and_then(|()| fs::rename(two, one)).expect("another name");
                fs::rename(third, two).expect("another name");
            }),
            ("replaced", |one, two| {
                fs::rename(two, one).expect("another name");
            }),
            ("written over", |one, two| replace(one, two)),
            ("a link to it", |one, two| {
                fs::remove_file(one).expect("a file");
                std::os::unix::fs::symlink(two, one).expect("a link");
            }),
        ];
        for (name, change) in changes {
            let folder = tempfile::tempdir().expect("a folder");
            let cache = folder.path().join("cache");
            let [one, two] = ["a/1.bmp", "b/1.bmp"].map(|file| folder.path().join(file));
            for (path, content) in [(&one, "one"), (&two, "two")] {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, content).expect("a file");
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
                File::options()
                    .write(true)
                    .open(path)
                    .and_then(|file| file.set_modified(time))
                    .expect("its time");
            }
            let mut first = later(Some(&cache), folder.path());
            let lookup = first.get(&one, 0);
            assert_eq!(lookup.content, None);
            first.insert(&one, 0, lookup, 7);
            first.save();
            let again = || known(&later(Some(&cache), folder.path()), &one, 0);
            assert_eq!(again(), Some(7), "{name}");
            let before = one.metadata().map(|found| (found.size(), found.mtime())).expect("a file");
            // Longer than a tick of the clock that stamps files.
            std::thread::sleep(Duration::from_millis(20));
            change(&one, &two);
            assert_eq!(
                one.metadata().map(|found| (found.size(), found.mtime())).expect("a file"),
                before,
                "{name}"
            );
            assert_eq!(again(), None, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_changed_while_opening_are_not_cached() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cache, image) = (folder.path().join("cache"), folder.path().join("1.png"));
        fs::write(&image, "one").expect("a file");
        age(&image, 60);
        let mut first = later(Some(&cache), folder.path());
        let lookup = first.get(&image, 0);
        assert_eq!(lookup.content, None);
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&image, "two").expect("a file");
        age(&image, 60);
        first.insert(&image, 0, lookup, 7);
        first.save();
        assert_eq!(known(&later(Some(&cache), folder.path()), &image, 0), None);
    }

    #[test]
    fn damaged_caches_are_ignored() {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("1.png");
        fs::write(&image, "one").expect("a file");
        age(&image, 60);
        let mut cache = later(Some(folder.path()), folder.path());
        let lookup = cache.get(&image, 0);
        assert_eq!(lookup.content, None);
        cache.insert(&image, 0, lookup, 7);
        let file = cache.file.clone().expect("a path");
        cache.save();
        let good = fs::read(&file).expect("the cache");
        for bytes in [&good[..0], &good[..good.len() - 1], &[good.as_slice(), &[0]].concat()] {
            fs::write(&file, bytes).expect("a file");
            assert_eq!(known(&later(Some(folder.path()), folder.path()), &image, 0), None);
        }
    }
}
