//! How an adapter's tiling is chosen and remembered.

use std::fs;

use remixmatch::gpu::Gpu;
use remixmatch::train::{TilingChoice, TrainError, with_tiling};

fn gpu() -> Gpu {
    Gpu::new_blocking().expect("tests need a WebGPU adapter")
}

#[test]
fn what_was_measured_is_remembered_and_taken_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("not yet there").join("tilings.toml");
    let measured = with_tiling(gpu(), &TilingChoice::Measured, Some(&cache)).expect("a tiling");
    let candidates = measured.tilings();
    assert!(candidates.contains(&measured.tiling));
    let text = fs::read_to_string(&cache).expect("the choice is kept");
    assert!(text.contains(&measured.tiling.to_string()) && text.contains(&measured.info.name), "{text}");
    // Another choice in the file is taken: nothing is measured.
    let other = candidates.iter().find(|tiling| **tiling != measured.tiling).expect("several candidates");
    fs::write(&cache, text.replace(&measured.tiling.to_string(), &other.to_string())).expect("written");
    assert_eq!(with_tiling(gpu(), &TilingChoice::Measured, Some(&cache)).expect("a tiling").tiling, *other);
}

#[test]
fn a_cache_that_is_of_no_use_only_costs_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("tilings.toml");
    fs::write(&cache, "[no = toml").expect("written");
    let gpu = with_tiling(gpu(), &TilingChoice::Measured, Some(&cache)).expect("a tiling");
    assert!(fs::read_to_string(&cache).expect("a file").contains(&gpu.tiling.to_string()));
    // A name that no candidate has is of another version.
    fs::write(&cache, fs::read_to_string(&cache).expect("a file").replace(&gpu.tiling.to_string(), "x"))
        .expect("written");
    let again = with_tiling(gpu, &TilingChoice::Measured, Some(&cache)).expect("a tiling");
    assert!(again.tilings().contains(&again.tiling));
    // A place where no file can be.
    let under_a_file = cache.join("tilings.toml");
    with_tiling(again, &TilingChoice::Measured, Some(&under_a_file)).expect("a tiling");
}

#[test]
fn a_tiling_can_be_fixed() {
    let usual = with_tiling(gpu(), &TilingChoice::Usual, None).expect("a tiling");
    let candidates = usual.tilings();
    assert_eq!(usual.tiling, candidates[0]);
    let last = *candidates.last().expect("several candidates");
    let named = with_tiling(usual, &TilingChoice::Named(last.to_string()), None).expect("a tiling");
    assert_eq!(named.tiling, last);
    match with_tiling(named, &TilingChoice::Named("widest".into()), None) {
        Err(TrainError::UnknownTiling { found, list }) => {
            assert_eq!(found, "widest");
            assert!(candidates.iter().all(|tiling| list.contains(&tiling.to_string())), "{list}");
        }
        other => panic!("{:?}", other.map(|gpu| gpu.tiling)),
    }
}
