//! How the tile of an adapter is chosen and cached.

use std::fs;

use remixmatch::gpu::Gpu;
use remixmatch::train::{TilingChoice, TrainError, with_tiling};

fn gpu() -> Gpu {
    Gpu::new_blocking().expect("tests need a WebGPU adapter")
}

#[test]
fn measured_tiles_are_cached() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("not yet there").join("tilings.toml");
    let measured = with_tiling(gpu(), &TilingChoice::Measured, Some(&cache)).expect("a tiling");
    let candidates = measured.tilings();
    assert!(candidates.contains(&measured.tiling));
    let text = fs::read_to_string(&cache).expect("the cache");
    assert!(text.contains(&measured.tiling.to_string()) && text.contains(&measured.info.name), "{text}");
    // Another tile in the cache is used: nothing is measured.
    let other = candidates.iter().find(|tiling| **tiling != measured.tiling).expect("several candidates");
    fs::write(&cache, text.replace(&measured.tiling.to_string(), &other.to_string())).expect("written");
    assert_eq!(with_tiling(gpu(), &TilingChoice::Measured, Some(&cache)).expect("a tiling").tiling, *other);
}

#[test]
fn unusable_caches_are_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("tilings.toml");
    fs::write(&cache, "[no = toml").expect("written");
    let gpu = with_tiling(gpu(), &TilingChoice::Measured, Some(&cache)).expect("a tiling");
    assert!(fs::read_to_string(&cache).expect("a file").contains(&gpu.tiling.to_string()));
    // A name from another version.
    fs::write(&cache, fs::read_to_string(&cache).expect("a file").replace(&gpu.tiling.to_string(), "x"))
        .expect("written");
    let again = with_tiling(gpu, &TilingChoice::Measured, Some(&cache)).expect("a tiling");
    assert!(again.tilings().contains(&again.tiling));
    // A path where no file can be created.
    let under_a_file = cache.join("tilings.toml");
    with_tiling(again, &TilingChoice::Measured, Some(&under_a_file)).expect("a tiling");
}

#[test]
fn tiles_can_be_chosen_by_name() {
    let usual = with_tiling(gpu(), &TilingChoice::Usual, None).expect("a tiling");
    let candidates = usual.tilings();
    assert_eq!(usual.tiling, candidates[0]);
    let last = *candidates.last().expect("several candidates");
    let named = with_tiling(usual, &TilingChoice::Named(last.to_string()), None).expect("a tiling");
    assert_eq!(named.tiling, last);
    // The name in version 0.1.0.
    let plain =
        candidates.iter().find(|tile| tile.to_string().starts_with("invocation-")).expect("a plain tile");
    let earlier = plain.to_string().replace("invocation-", "alone-");
    let named = with_tiling(named, &TilingChoice::Named(earlier), None).expect("a tiling");
    assert_eq!(named.tiling, *plain);
    match with_tiling(named, &TilingChoice::Named("widest".into()), None) {
        Err(TrainError::UnknownTiling { found, list }) => {
            assert_eq!(found, "widest");
            assert!(candidates.iter().all(|tiling| list.contains(&tiling.to_string())), "{list}");
        }
        other => panic!("{:?}", other.map(|gpu| gpu.tiling)),
    }
}
