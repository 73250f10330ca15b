//! The file that remembers measured tiles: for each adapter, driver and version of the program the products, with the
//! tile that was chosen and every time.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::files::write_atomically;
use crate::disk;
use crate::gpu::{Gpu, MeasuredTiles};
use crate::nn::{ConvProduct, MeasuredProduct, every_tile};

/// What is remembered of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// Without one the product was left out, as the time was up: it is not measured again.
    pub tile: Option<String>,
    /// Seconds per dispatch of each tile, the usual one among them; on a software adapter of fewer images.
    pub seconds: BTreeMap<String, Vec<f64>>,
}

/// The entries of one adapter by the key of their product.
pub(super) type Entries = BTreeMap<String, Entry>;

/// Key of a product: its name and the binary logarithm of its images.
pub(super) fn product_key(product: &ConvProduct) -> String {
    format!("{} 2^{}", product.name(), product.log2_images())
}

/// Key of an adapter: another driver or other shaders may have other fastest tiles.
pub(super) fn adapter_key(gpu: &Gpu) -> String {
    let info = &gpu.info;
    let version = env!("CARGO_PKG_VERSION");
    format!("{} | {} {} | {} | {version}", info.name, info.driver, info.driver_info, info.backend)
}

/// All entries of a file; none if it is missing or not a cache of this version.
fn read_all(path: &Path) -> BTreeMap<String, Entries> {
    let text = disk::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default()
}

/// The entries of an adapter, without those whose tile it cannot run.
pub(super) fn read(path: &Path, gpu: &Gpu) -> Entries {
    let mut entries = read_all(path).remove(&adapter_key(gpu)).unwrap_or_default();
    let names: Vec<String> = every_tile(gpu).iter().map(ToString::to_string).collect();
    entries.retain(|_, entry| entry.tile.as_ref().is_none_or(|tile| names.contains(tile)));
    entries
}

/// The tiles of some entries.
pub(super) fn tiles_of(entries: &Entries, gpu: &Gpu) -> MeasuredTiles {
    let candidates = every_tile(gpu);
    let mut tiles = MeasuredTiles::default();
    for (key, entry) in entries {
        let tile = candidates.iter().find(|tile| Some(tile.to_string()) == entry.tile);
        let product = key.rsplit_once(" 2^").and_then(|(name, log2)| Some((name, log2.parse().ok()?)));
        if let (Some(tile), Some((name, log2_images))) = (tile, product) {
            tiles.insert(name, log2_images, *tile);
        }
    }
    tiles
}

/// Adds what was measured.
pub(super) fn add(entries: &mut Entries, measured: Vec<MeasuredProduct>) {
    for MeasuredProduct { product, tile, times } in measured {
        let seconds = times.into_iter().map(|time| (time.name, time.samples)).collect();
        entries.insert(product_key(&product), Entry { tile: tile.map(|tile| tile.to_string()), seconds });
    }
}

/// Writes an adapter's entries beside those of other adapters. A file that cannot be written is logged.
pub(super) fn write(path: &Path, gpu: &Gpu, entries: &Entries) {
    let mut all = read_all(path);
    all.entry(adapter_key(gpu)).or_default().extend(entries.clone());
    let text = toml::to_string(&all).expect("names and numbers are values of TOML");
    let written = disk::create_folder(path.parent().unwrap_or(Path::new(".")))
        .map_err(TrainError::file(path, "creating its folder"))
        .and_then(|()| write_atomically(path, text.as_bytes()));
    if let Err(error) = written {
        tracing::info!("measured tiles are not remembered: {error}");
    }
}
