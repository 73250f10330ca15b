//! Tiles that were measured for products of an adapter, by the product's name and the number of its items.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::tiling::Tiling;

/// How the fastest tiles of an adapter's products are found.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// The file that remembers what was measured.
    pub file: Option<PathBuf>,
    /// The most that measuring may take each time.
    pub limit: Duration,
}

/// The fastest tile of each measured product. A product has a name, which says its shape, and a number of items: a tile
/// serves the numbers around it, which are compared by their binary logarithms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredTiles {
    tiles: BTreeMap<(String, u32), Tiling>,
}

impl MeasuredTiles {
    /// Sets the tile of a product with 2^`log2_items` items.
    pub fn insert(&mut self, product: &str, log2_items: u32, tile: Tiling) {
        self.tiles.insert((product.to_owned(), log2_items), tile);
    }

    /// The tile of a product with 2^`log2_items` items or, if that was not measured, with half or twice as many.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::gpu::{MeasuredTiles, Tiling};
    ///
    /// let mut tiles = MeasuredTiles::default();
    /// tiles.insert("64x64", 6, Tiling::WAVE);
    /// assert_eq!(tiles.nearest("64x64", 7), Some(Tiling::WAVE));
    /// assert_eq!(tiles.nearest("64x64", 8), None);
    /// assert_eq!(tiles.nearest("64x32", 6), None);
    /// ```
    pub fn nearest(&self, product: &str, log2_items: u32) -> Option<Tiling> {
        let around = [Some(log2_items), log2_items.checked_sub(1), log2_items.checked_add(1)];
        let found = |log2: u32| self.tiles.get(&(product.to_owned(), log2)).copied();
        around.into_iter().flatten().find_map(found)
    }
}
