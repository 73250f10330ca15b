//! The cache of the hashes of image files that were decoded without error before.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::disk;

/// First word of a cache's file.
const MAGIC: u64 = u64::from_le_bytes(*b"rmhash01");
/// Bytes of a word of a cache's file.
const WORD: usize = size_of::<u64>();

/// Size and time of change of a file, or of the archive that it is in.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

/// Hashes of the images of one set that were decoded without error, by path, size and time of change.
///
/// The file has words of 64 bits: a magic number, the hash of the rest, and for each image the hash of its absolute path,
/// size, time and hash of content. A file that is damaged, or cannot be written, costs time alone.
pub(super) struct HashCache {
    file: Option<PathBuf>,
    known: HashMap<u64, (Stamp, u64)>,
    seen: HashMap<u64, (Stamp, u64)>,
}

impl HashCache {
    /// The cache of the set at `root` in a folder of caches. `None`: nothing is cached.
    pub fn open(folder: Option<&Path>, root: &Path) -> Self {
        let file = folder.map(|folder| folder.join(format!("{:016x}.hashes", key(root))));
        let known = file.as_ref().and_then(|file| parse(&disk::read(file).ok()?)).unwrap_or_default();
        Self { file, known, seen: HashMap::new() }
    }

    /// The hash of the image at a path, if it is known and the file has not changed.
    pub fn get(&self, path: &Path) -> Option<u64> {
        let (stamp, content) = self.known.get(&key(path))?;
        (stamp_of(path)? == *stamp).then_some(*content)
    }

    /// Stores the hash of an image that was decoded.
    pub fn insert(&mut self, path: &Path, content: u64) {
        if let (Some(_), Some(stamp)) = (&self.file, stamp_of(path)) {
            self.seen.insert(key(path), (stamp, content));
        }
    }

    /// Writes the hashes of this opening.
    pub fn save(self) {
        let Some(file) = self.file.filter(|_| self.seen != self.known) else { return };
        let entries = self.seen.iter();
        let words: Vec<u64> = entries
            .flat_map(|(key, (stamp, content))| [*key, stamp.size, stamp.modified, *content])
            .collect();
        let rest: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let bytes = [&MAGIC.to_le_bytes()[..], &xxh3_64(&rest).to_le_bytes(), &rest].concat();
        let folder = file.parent().unwrap_or(Path::new("."));
        if let Err(error) = disk::create_folder(folder).and_then(|()| disk::write(&file, &bytes)) {
            tracing::info!("hashes of images are not cached: {error}");
        }
    }
}

fn parse(bytes: &[u8]) -> Option<HashMap<u64, (Stamp, u64)>> {
    let (head, rest) = bytes.split_at_checked(2 * WORD)?;
    if head != [MAGIC, xxh3_64(rest)].map(u64::to_le_bytes).concat() {
        return None;
    }
    let word = |bytes: &[u8], i: usize| bytes[i * WORD..][..WORD].try_into().map(u64::from_le_bytes);
    let entry = |bytes: &[u8]| {
        let stamp = Stamp { size: word(bytes, 1).ok()?, modified: word(bytes, 2).ok()? };
        Some((word(bytes, 0).ok()?, (stamp, word(bytes, 3).ok()?)))
    };
    rest.chunks_exact(4 * WORD).map(entry).collect()
}

/// The key of a path, independent of the working directory.
fn key(path: &Path) -> u64 {
    let absolute = std::path::absolute(path);
    xxh3_64(absolute.as_deref().unwrap_or(path).as_os_str().as_encoded_bytes())
}

/// The stamp of a file, or of the archive that it is in. `None` for a file written a moment ago: it could change again
/// without another time.
#[cfg(not(target_arch = "wasm32"))]
fn stamp_of(path: &Path) -> Option<Stamp> {
    use std::time::{Duration, SystemTime};
    const MOMENT: Duration = Duration::from_secs(2);
    let metadata =
        path.ancestors().find_map(|path| path.metadata().ok()).filter(std::fs::Metadata::is_file)?;
    let modified = metadata.modified().ok()?;
    if SystemTime::now().duration_since(modified).is_ok_and(|age| age < MOMENT) {
        return None;
    }
    let modified = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
    Some(Stamp { size: metadata.len(), modified: u64::try_from(modified).ok()? })
}

/// The page caches nothing.
#[cfg(target_arch = "wasm32")]
fn stamp_of(_path: &Path) -> Option<Stamp> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::*;

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
        let mut first = HashCache::open(Some(&cache), folder.path());
        assert_eq!(first.get(&image), None);
        first.insert(&image, 7);
        first.insert(&member, 8);
        first.save();
        let again = || HashCache::open(Some(&cache), folder.path());
        assert_eq!((again().get(&image), again().get(&member)), (Some(7), Some(8)));
        assert_eq!(HashCache::open(Some(&cache), Path::new("elsewhere")).get(&image), None);
        assert_eq!(HashCache::open(None, folder.path()).get(&image), None);
        age(&image, 90);
        assert_eq!((again().get(&image), again().get(&member)), (None, None));
        fs::write(&image, "three").expect("a file");
        age(&image, 60);
        assert_eq!(again().get(&image), None);
        // A file that has just been written is not remembered.
        fs::write(&image, "one").expect("a file");
        let mut second = again();
        second.insert(&image, 9);
        second.save();
        age(&image, 60);
        assert_eq!(again().get(&image), None);
    }

    #[test]
    fn damaged_caches_are_ignored() {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("1.png");
        fs::write(&image, "one").expect("a file");
        age(&image, 60);
        let mut cache = HashCache::open(Some(folder.path()), folder.path());
        cache.insert(&image, 7);
        let file = cache.file.clone().expect("a path");
        cache.save();
        let good = fs::read(&file).expect("the cache");
        for bytes in [&good[..0], &good[..good.len() - 1], &[good.as_slice(), &[0]].concat()] {
            fs::write(&file, bytes).expect("a file");
            assert_eq!(HashCache::open(Some(folder.path()), folder.path()).get(&image), None);
        }
    }
}
