//! How the tiles of an adapter are chosen, measured and remembered.

#[expect(dead_code, reason = "these adapters are tuned")]
mod small;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use remixmatch::data::DataSet;
use remixmatch::gpu::{Block, Gpu, MeasuredTiles, Sharing, Tiling, Tuning};
use remixmatch::nn::{
    Architecture, Conv2d, ConvTiling, Direction, DispatchImages, Network, ProductOf, every_tile, products_of,
};
use remixmatch::train::{
    Capture, Config, Report, TilingChoice, TrainError, Trainer, tune, tune_products, with_tiling,
};

fn gpu() -> Gpu {
    Gpu::new_blocking().expect("tests need a WebGPU adapter")
}

/// More than any measurement here takes.
const LONG: Duration = Duration::from_secs(600);

/// An adapter whose measured tiles are remembered in a file.
fn tuning_gpu(cache: &Path) -> Gpu {
    let mut gpu = with_tiling(gpu(), &TilingChoice::Measured, Some(cache)).expect("a tiling");
    gpu.tuning.as_mut().expect("it is measured").limit = LONG;
    gpu
}

fn config() -> Config {
    small::config(small::small_remixmatch())
}

fn data() -> Arc<DataSet> {
    small::images(2, 40)
}

/// Measures what a small run needs.
fn tune_small(gpu: &Gpu) {
    block_on(tune(gpu, &config(), &data(), Capture::State)).expect("measured");
}

/// The products of a small network.
fn products(gpu: &Gpu) -> Vec<ProductOf> {
    let architecture = Architecture::named("wrn-10-1").expect("a network");
    let network = Network::new(&architecture, [8, 8, 1], 2, ConvTiling::new(gpu)).expect("a network");
    products_of(&network, &[DispatchImages { images: 16, gradients: true }])
}

/// The file as a table of adapters, of products, of what is remembered.
fn remembered(cache: &Path) -> BTreeMap<String, toml::Table> {
    toml::from_str(&fs::read_to_string(cache).expect("the cache")).expect("a table")
}

/// The tile of every remembered product, where it has one.
fn remembered_tiles(cache: &Path) -> Vec<Option<String>> {
    let adapters = remembered(cache);
    let entries = adapters.values().flat_map(|entries| entries.values());
    entries.map(|entry| entry.get("tile").map(|tile| tile.as_str().expect("a name").to_owned())).collect()
}

#[test]
fn measured_tiles_are_cached() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("not yet there").join("tilings.toml");
    let gpu = tuning_gpu(&cache);
    let candidates = gpu.tilings();
    assert!(candidates.contains(&gpu.tiling));
    tune_small(&gpu);
    assert_ne!(*gpu.measured_tiles(), MeasuredTiles::default());
    let text = fs::read_to_string(&cache).expect("the cache");
    assert!(text.contains(&gpu.info.name), "{text}");
    let names: Vec<String> = every_tile(&gpu).iter().map(ToString::to_string).collect();
    let tiles: Vec<String> = remembered_tiles(&cache).into_iter().flatten().collect();
    assert!(!tiles.is_empty() && tiles.iter().all(|tile| names.contains(tile)), "{text}");
    // Another start reads the same tiles and measures nothing.
    let again = tuning_gpu(&cache);
    tune_small(&again);
    assert_eq!(again.measured_tiles(), gpu.measured_tiles());
    assert_eq!(fs::read_to_string(&cache).expect("the cache"), text);
    // Other tiles in the cache are used.
    let other = candidates.last().expect("several candidates").to_string();
    let changed = tiles
        .iter()
        .fold(text, |text, tile| text.replace(&format!("tile = \"{tile}\""), &format!("tile = \"{other}\"")));
    fs::write(&cache, &changed).expect("written");
    let third = tuning_gpu(&cache);
    tune_small(&third);
    assert_eq!(fs::read_to_string(&cache).expect("the cache"), changed);
    assert!(remembered_tiles(&cache).into_iter().flatten().all(|tile| tile == other));
    assert_ne!(third.measured_tiles(), gpu.measured_tiles());
}

#[test]
fn samples_of_every_tile_are_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("tilings.toml");
    let gpu = tuning_gpu(&cache);
    let products = products(&gpu);
    let chosen = block_on(tune_products(&gpu, &products)).expect("measured");
    assert_eq!(chosen.len(), products.len());
    let measured: Vec<_> = chosen.iter().filter(|chosen| !chosen.seconds.is_empty()).collect();
    assert!(!measured.is_empty());
    for chosen in measured {
        assert!(chosen.seconds.contains_key(&chosen.tile.to_string()), "{chosen:?}");
        assert!(chosen.seconds.len() > 1 && chosen.seconds.values().flatten().all(|seconds| *seconds > 0.0));
    }
    let again = block_on(tune_products(&tuning_gpu(&cache), &products)).expect("read");
    let tiles = |chosen: &[remixmatch::train::ChosenTile]| {
        chosen.iter().map(|chosen| (chosen.tile, chosen.seconds.clone())).collect::<Vec<_>>()
    };
    assert_eq!(tiles(&again), tiles(&chosen));
}

#[test]
fn another_driver_is_measured_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("tilings.toml");
    tune_small(&tuning_gpu(&cache));
    let change: [fn(&mut Gpu); 3] = [
        |gpu| gpu.info.driver_info = "another version".into(),
        |gpu| gpu.info.driver = "another driver".into(),
        |gpu| gpu.info.name = "another adapter".into(),
    ];
    for (index, change) in change.into_iter().enumerate() {
        let mut gpu = tuning_gpu(&cache);
        change(&mut gpu);
        tune_small(&gpu);
        let adapters = remembered(&cache);
        assert_eq!(adapters.len(), 2 + index, "those of the others are kept");
        assert!(adapters.values().all(|entries| !entries.is_empty()));
    }
}

#[test]
fn unusable_caches_are_measured_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("tilings.toml");
    tune_small(&tuning_gpu(&cache));
    let good = fs::read_to_string(&cache).expect("the cache");
    let tile = remembered_tiles(&cache).into_iter().flatten().next().expect("a tile");
    let adapter = remembered(&cache).into_keys().next().expect("an adapter");
    let unusable = [
        b"[no = toml".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        Vec::new(),
        // Version 0.1.0 had one tile per adapter.
        format!("{adapter:?} = {tile:?}").into_bytes(),
        // Tiles of another version.
        remembered_tiles(&cache)
            .into_iter()
            .flatten()
            .fold(good.clone(), |text, tile| text.replace(&format!("tile = \"{tile}\""), "tile = \"x\""))
            .into_bytes(),
        good.replace("tile = ", "tiles = ").into_bytes(),
    ];
    for content in unusable {
        fs::write(&cache, &content).expect("written");
        let gpu = tuning_gpu(&cache);
        tune_small(&gpu);
        let text = fs::read_to_string(&cache).expect("a file");
        assert_ne!(text.as_bytes(), content);
        assert_ne!(*gpu.measured_tiles(), MeasuredTiles::default(), "{text}");
        assert!(remembered_tiles(&cache).iter().flatten().all(|tile| tile != "x"), "{text}");
    }
    // A path where no file can be created.
    tune_small(&tuning_gpu(&cache.join("tilings.toml")));
}

#[test]
fn nothing_is_measured_beyond_the_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("tilings.toml");
    let with_limit = |limit: Duration| {
        let file: Option<PathBuf> = Some(cache.clone());
        let mut gpu = gpu();
        gpu.tuning = Some(Tuning { file, limit });
        gpu
    };
    let hurried = with_limit(Duration::ZERO);
    tune_small(&hurried);
    assert_eq!(*hurried.measured_tiles(), MeasuredTiles::default());
    let tiles = remembered_tiles(&cache);
    assert!(!tiles.is_empty() && tiles.iter().all(Option::is_none), "{tiles:?}");
    // What was left out is not measured at the next start.
    let text = fs::read_to_string(&cache).expect("the cache");
    tune_small(&with_limit(LONG));
    assert_eq!(fs::read_to_string(&cache).expect("the cache"), text);
}

#[test]
fn adapters_without_tuning_are_not_measured() {
    for choice in [TilingChoice::Usual, TilingChoice::Named(gpu().tilings()[1].to_string())] {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = folder.path().join("tilings.toml");
        let gpu = with_tiling(gpu(), &choice, Some(&cache)).expect("a tiling");
        tune_small(&gpu);
        assert!(!cache.exists() && *gpu.measured_tiles() == MeasuredTiles::default());
        let chosen = block_on(tune_products(&gpu, &products(&gpu))).expect("the tiles in use");
        assert!(chosen.iter().all(|chosen| chosen.seconds.is_empty()));
    }
}

/// Reports and weights of a small run.
fn trained(gpu: Gpu) -> (Vec<Report>, Vec<u32>) {
    let gpu = Arc::new(gpu);
    let mut trainer = Trainer::new(Arc::clone(&gpu), config(), data(), Capture::State).expect("a trainer");
    let reports = small::run(&mut trainer);
    let weights = trainer.engine.tensors.optimiser.weights;
    let weights = trainer.engine.read(&gpu, weights).expect("the weights");
    (reports, weights.into_iter().map(f32::to_bits).collect())
}

/// Tunes an adapter that `open` opens, and sets each tile for all products: training gives the same bits.
fn check_results(open: impl Fn() -> Gpu, tiles: &[Tiling]) {
    let expected = trained(open());
    let mut tuned = open();
    tuned.tuning = Some(Tuning { file: None, limit: LONG });
    block_on(tune_products(&tuned, &products(&tuned)[..4])).expect("measured");
    assert_ne!(*tuned.measured_tiles(), MeasuredTiles::default());
    assert!(trained(tuned) == expected, "as measured");
    for &tile in tiles {
        let gpu = open();
        let mut tiles = MeasuredTiles::default();
        for ProductOf { product, .. } in products(&gpu) {
            (0..12).for_each(|log2_images| tiles.insert(&product.name(), log2_images, tile));
        }
        gpu.set_measured_tiles(tiles);
        assert!(trained(gpu) == expected, "{tile}");
    }
}

#[test]
fn tuning_changes_no_result() {
    // A block is refused where its bias gradient has other bits.
    let block = Tiling { sharing: Sharing::Block(Some(Block::ALL[4])), ..Tiling::WAVE };
    let tiles: Vec<_> = gpu().tilings().into_iter().chain([block]).collect();
    check_results(gpu, &tiles);
}

#[test]
fn tuning_changes_no_result_in_blocks() {
    let open = || {
        let mut gpu = gpu();
        gpu.info.device_type = wgpu::DeviceType::DiscreteGpu;
        with_tiling(gpu, &TilingChoice::Usual, None).expect("a tiling")
    };
    assert_eq!(open().tiling, Tiling::BLOCKS);
    check_results(open, &every_tile(&open()));
}

#[test]
fn products_are_those_of_a_step() {
    let architecture = Architecture::named("wrn-28-2").expect("a network");
    let network = Network::new(&architecture, [32, 32, 3], 10, ConvTiling::BLOCKS).expect("a network");
    let predicted = DispatchImages { images: 64, gradients: false };
    let trained = DispatchImages { images: 768, gradients: true };
    let products = products_of(&network, &[trained, predicted, predicted]);
    let operations: Vec<u64> = products.iter().map(|of| of.product.operations()).collect();
    let repeated =
        products.iter().find(|of| of.conv.in_channels == 32 && of.conv.kernel == 3).expect("a layer");
    assert_eq!(repeated.product.images, 768, "the first of {operations:?}");
    let count = |direction: Direction, images: usize| {
        let of = |of: &&ProductOf| (of.product.direction, of.product.images) == (direction, images);
        products.iter().filter(of).count()
    };
    let shapes = count(Direction::Forward, 768);
    assert_eq!(count(Direction::Forward, 64), shapes);
    assert_eq!(count(Direction::WeightGradient, 768), shapes);
    assert_eq!(count(Direction::DataGradient, 768), shapes - 1, "the stem needs no gradient of its input");
    assert_eq!(count(Direction::WeightGradient, 64), 0);
    let mut names: Vec<_> = products.iter().map(|of| (of.product.name(), of.product.log2_images())).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), products.len());
}

#[test]
fn rule_names_the_block_of_each_product() {
    let conv = |in_channels, out_channels| Conv2d {
        name: "conv".into(),
        in_channels,
        out_channels,
        kernel: 3,
        stride: 1,
        tiling: ConvTiling::BLOCKS,
    };
    let chosen = |conv: &Conv2d, direction| conv.tile_for(&conv.product(direction, [64, 32, 32])).to_string();
    let wide = conv(64, 64);
    assert_eq!(chosen(&wide, Direction::Forward), "block-128x64x16_8x8");
    assert_eq!(chosen(&wide, Direction::DataGradient), "block-128x64x16_8x8");
    assert_eq!(chosen(&wide, Direction::WeightGradient), "blocks");
    let stem = conv(4, 16);
    assert_eq!(chosen(&stem, Direction::Forward), "invocation-64x8");
    assert_eq!(chosen(&stem, Direction::WeightGradient), "invocation-64x8");
}

#[test]
fn images_of_a_limited_dispatch_are_those_that_run() {
    let conv = |tiling| Conv2d {
        name: "conv".into(),
        in_channels: 32,
        out_channels: 32,
        kernel: 3,
        stride: 1,
        tiling,
    };
    let images = |tiling| conv(tiling).product(Direction::Forward, [64, 32, 32]).images;
    assert_eq!(images(ConvTiling::REGISTER), 64);
    let macs_of_image = 32 * 32 * 9 * 32 * 32;
    assert_eq!(images(ConvTiling::REGISTER.with_macs_per_dispatch(8 * macs_of_image)), 8);
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
