//! Work on many items on all cores.

use std::num::NonZero;
use std::thread;

/// Number of cores; 1 where there are no threads.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// `map` of every item, in order. The items are shared out to as many threads as there are cores; where `map` panics on
/// one, `failed` stands for all items of its thread.
pub(super) fn map_on_all_cores<I: Sync, T: Send>(
    items: &[I],
    map: impl Fn(&I) -> T + Sync,
    failed: impl Fn(&I) -> T,
) -> Vec<T> {
    let threads = cores();
    if threads == 1 {
        return items.iter().map(map).collect();
    }
    let (map, share) = (&map, items.len().div_ceil(threads).max(1));
    thread::scope(|scope| {
        let work = |chunk: &'_ [I]| chunk.iter().map(map).collect::<Vec<T>>();
        let workers: Vec<_> =
            items.chunks(share).map(|chunk| (chunk, scope.spawn(move || work(chunk)))).collect();
        let join = |(chunk, worker): (&[I], thread::ScopedJoinHandle<'_, Vec<T>>)| {
            worker.join().unwrap_or_else(|_| chunk.iter().map(&failed).collect())
        };
        workers.into_iter().flat_map(join).collect()
    })
}
