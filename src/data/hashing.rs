//! Hashes of image files that are not decoded when a set is opened.

use std::io::Read as _;
use std::num::NonZero;
use std::thread;

use xxhash_rust::xxh3::Xxh3;

use super::error::DataError;
use super::files::Entry;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// The hashes of the files' bytes ([`ImageId::content`](super::ImageId)), in order, computed on all cores.
pub(super) fn hash_files<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Result<u64, DataError>> {
    let entries: Vec<&Entry> = entries.collect();
    let hash = |chunk: &[&Entry]| chunk.iter().map(|entry| hash_file(entry)).collect::<Vec<_>>();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    if threads == 1 {
        return hash(&entries);
    }
    let share = entries.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = entries.chunks(share).map(|chunk| scope.spawn(move || hash(chunk))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("hashing does not panic")).collect()
    })
}

/// The hash of a file's bytes.
///
/// # Errors
/// When the file cannot be read.
fn hash_file(entry: &Entry) -> Result<u64, DataError> {
    let mut stream = entry.open()?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(hash.digest()),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(reason) => return Err(entry.unreadable(reason)),
        }
    }
}
