//! The fuzz targets on their seeds and on reproducible mutations of them: a short replay of `fuzz/`.
//!
//! `scripts/fuzz.sh` runs more mutations and prints the statistics.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::targets::{Target, requested, targets};

/// Mutations per target, unless REMIXMATCH_FUZZ_INPUTS is set.
const INPUTS: u64 = 400;
/// No input may take longer, even on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Length limit of an input in bytes; longer ones only take longer.
const MAX_LENGTH: usize = 1 << 16;
/// Values at which lengths and counts overflow.
const EDGES: [u64; 12] =
    [0, 1, 2, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff];

/// Characters of numbers and lists in text formats.
const LETTERS: &[u8] = b"0123456789-.,=&%'\"\n[]{}()";

/// Input `index` of the reproducible sequence for `corpus`: a seed with up to eight mutations.
fn mutated(corpus: &[Vec<u8>], index: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(index);
    let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
    for _ in 0..rng.random_range(1..=8) {
        mutate(&mut bytes, corpus, &mut rng);
        bytes.truncate(MAX_LENGTH);
    }
    bytes
}

/// Applies one random mutation.
fn mutate(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..=bytes.len());
    // The offset to change or copy from; half of them are within the header.
    let offset = if rng.random::<bool>() { at } else { at.min(rng.random_range(0..64)) };
    let left = bytes.len() - offset;
    match rng.random_range(0..9) {
        0 if left > 0 => bytes[offset] ^= 1 << rng.random_range(0..8),
        1 if left > 0 => bytes[offset] = rng.random(),
        2 => {
            let mut number =
                EDGES[rng.random_range(0..EDGES.len())].wrapping_add(rng.random_range(0..3)).to_le_bytes();
            let width = [1, 2, 4, 8][rng.random_range(0..4)].min(left);
            if rng.random() {
                number[..width].reverse();
            }
            bytes[offset..offset + width].copy_from_slice(&number[..width]);
        }
        3 => {
            let count = rng.random_range(1..=16);
            let new: Vec<u8> = (0..count).map(|_| rng.random()).collect();
            bytes.splice(offset..offset, new);
        }
        4 => {
            let count = rng.random_range(0..=left.min(64));
            bytes.drain(offset..offset + count);
        }
        5 => {
            let part = bytes[offset..offset + rng.random_range(0..=left.min(256))].to_vec();
            bytes.splice(at..at, part);
        }
        6 => bytes.truncate(at),
        7 => {
            let other = &corpus[rng.random_range(0..corpus.len())];
            let from = rng.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        // Replacing a character of a text by another keeps it a text.
        _ if left > 0 => bytes[offset] = LETTERS[rng.random_range(0..LETTERS.len())],
        _ => bytes.push(rng.random()),
    }
}

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of `fuzz/corpus/NAME`, if there is such a folder, and the seed of the parser itself.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(target.name);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
        .unwrap_or_default();
    paths.sort();
    let files = paths.iter().map(|path| fs::read(path).expect("a seed"));
    files.chain(target.seed()).collect()
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Peak memory of this process, where the system reports it.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_owned(), |peak| peak.trim().to_owned())
}

#[test]
fn parsers_survive_seeds_and_mutations() {
    let (count, first) = (setting("REMIXMATCH_FUZZ_INPUTS", INPUTS), setting("REMIXMATCH_FUZZ_FIRST", 0));
    let (mut total, mut findings) = (0, Vec::new());
    let requested = requested();
    assert!(!requested.is_empty() && count > 0, "nothing to run");
    for target in requested {
        let name = target.name;
        let seeds = seeds(&target);
        assert!(!seeds.is_empty(), "{name} has no seed: give its parser one, or add fuzz/corpus/{name}");
        let (began, mut slowest, mut accepted) = (Instant::now(), Duration::ZERO, 0);
        let mut give = |bytes: &[u8], which: String| {
            let began = Instant::now();
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| target.run(bytes)));
            let took = began.elapsed();
            slowest = slowest.max(took);
            accepted += u64::from(matches!(outcome, Ok(true)));
            if outcome.is_err() || took > TIME_LIMIT {
                let found = fuzz_folder().join("found");
                let path = found.join(format!("{name}-{which}"));
                fs::create_dir_all(&found)
                    .and_then(|()| fs::write(&path, bytes))
                    .expect("the input is saved");
                findings.push(format!("{} ({took:.1?})", path.display()));
            }
        };
        seeds.iter().enumerate().for_each(|(i, seed)| give(seed, format!("seed-{i}")));
        (first..first + count).for_each(|index| give(&mutated(&seeds, index), index.to_string()));
        total += seeds.len() as u64 + count;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{name}: {} seeds, {count} inputs, {accepted} accepted, {seconds:.1} s ({:.0} per second), slowest {:.0} ms, \
             peak {}",
            seeds.len(),
            count as f64 / seconds,
            1e3 * slowest.as_secs_f64(),
            peak_memory()
        );
        assert!(findings.len() < 20, "{findings:#?}");
    }
    println!("{total} inputs in all, {} findings", findings.len());
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn every_corpus_belongs_to_a_target() {
    let names: Vec<&str> = targets().iter().map(|target| target.name).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(distinct.len(), names.len(), "names are unique: {names:?}");
    let corpora: Vec<String> = fs::read_dir(fuzz_folder().join("corpus"))
        .expect("fuzz/corpus")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(!corpora.is_empty(), "fuzz/corpus is empty");
    for corpus in &corpora {
        assert!(distinct.contains(corpus.as_str()), "fuzz/corpus/{corpus} has no target");
    }
}
