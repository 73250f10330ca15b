//! The fuzz targets on their corpus and on inputs made from it: a short replay of `fuzz/`.
//!
//! `scripts/fuzz.sh` asks for more inputs, and has what they come to printed.

use std::env;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::mutation::input;
use crate::targets::{TARGETS, run};

/// Inputs a target, if nothing else is asked for.
const INPUTS: u64 = 400;
/// Longer than any input may take, on a busy machine too.
const SLOW: Duration = Duration::from_secs(60);

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// A number that the environment may set.
fn asked(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Bytes of memory that the process has taken at most.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_owned(), |peak| peak.trim().to_owned())
}

#[test]
fn every_input_ends_with_a_value_or_an_error() {
    let (count, first) = (asked("REMIXMATCH_FUZZ_INPUTS", INPUTS), asked("REMIXMATCH_FUZZ_FIRST", 0));
    let only = env::var("REMIXMATCH_FUZZ_TARGET").ok();
    let (mut total, mut findings) = (0, Vec::new());
    for (name, _) in TARGETS.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        let seeds = corpus(name);
        assert!(!seeds.is_empty(), "{name} has a corpus");
        let (began, mut slowest, mut taken) = (Instant::now(), Duration::ZERO, 0);
        let mut give = |bytes: &[u8], which: String| {
            let began = Instant::now();
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(name, bytes)));
            let took = began.elapsed();
            slowest = slowest.max(took);
            taken += u64::from(matches!(outcome, Ok(true)));
            if outcome.is_err() || took > SLOW {
                let kept = fuzz().join("found").join(format!("{name}-{which}"));
                fs::create_dir_all(fuzz().join("found"))
                    .and_then(|()| fs::write(&kept, bytes))
                    .expect("kept");
                findings.push(format!("{} ({took:.1?})", kept.display()));
            }
        };
        seeds.iter().enumerate().for_each(|(i, seed)| give(seed, format!("seed-{i}")));
        (first..first + count).for_each(|index| give(&input(&seeds, index), index.to_string()));
        total += seeds.len() as u64 + count;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{name}: {} seeds, {count} inputs, {taken} taken, {seconds:.1} s ({:.0} a second), slowest {:.0} ms, peak {}",
            seeds.len(),
            count as f64 / seconds,
            1e3 * slowest.as_secs_f64(),
            peak()
        );
        assert!(findings.len() < 20, "{findings:#?}");
    }
    println!("{total} inputs in all, {} findings", findings.len());
    assert!(findings.is_empty(), "{findings:#?}");
}
