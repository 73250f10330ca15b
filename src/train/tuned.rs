//! The tiles of an adapter: chosen by name, by a rule, or measured for the convolutions of a run and remembered.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::config::Config;
use super::engine::Engine;
use super::error::TrainError;
use super::recording::Capture;
use super::tile_cache::{self, Entries, product_key};
use super::trainer::engine_options;
use crate::data::DataSet;
use crate::gpu::{Gpu, Tiling, Tuning};
use crate::nn::{ConvProduct, DispatchImages, ProductOf, measure_products, products_of};
use crate::ssl::{Method, RowLayout, ViewBlock};

/// How to choose an adapter's tiles, which change the speed and no result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TilingChoice {
    /// The default for this kind of adapter.
    #[default]
    Usual,
    /// The fastest for each convolution of a run, measured before it begins unless they are known.
    Measured,
    /// One of [`Gpu::tilings`] by name.
    Named(String),
}

/// The most that measuring takes before a run begins.
fn limit(gpu: &Gpu) -> Duration {
    Duration::from_secs(match gpu.is_software() {
        _ if cfg!(target_arch = "wasm32") => 1,
        true => 2,
        false => 5,
    })
}

/// Sets how an adapter's tiles are chosen; `cache` is the file that remembers measured ones. [`tune`] measures.
///
/// # Errors
/// [`TrainError::UnknownTiling`] lists the candidates.
pub fn with_tiling(mut gpu: Gpu, choice: &TilingChoice, cache: Option<&Path>) -> Result<Gpu, TrainError> {
    let candidates = gpu.tilings();
    let named = |name: &String| {
        // What version 0.1.0 called the tiles that are not shared.
        let today = name.replace("alone-", "invocation-");
        candidates.iter().copied().find(|tiling| tiling.to_string() == today).ok_or_else(|| {
            TrainError::UnknownTiling {
                found: name.clone(),
                list: candidates.iter().map(Tiling::to_string).collect::<Vec<_>>().join(", "),
            }
        })
    };
    gpu.tiling = match choice {
        TilingChoice::Usual | TilingChoice::Measured => candidates[0],
        TilingChoice::Named(name) => named(name)?,
    };
    let tuning = Tuning { file: cache.map(Path::to_owned), limit: limit(&gpu) };
    gpu.tuning = (*choice == TilingChoice::Measured).then_some(tuning);
    Ok(gpu)
}

/// Measures the convolutions of a run that are not known yet, within the limit of the adapter's tuning, and sets their
/// tiles for the plans made from now on. Does nothing without a tuning, and for settings that a trainer refuses.
///
/// # Errors
/// [`TrainError::Gpu`] if the device failed or the wait limit is over.
pub async fn tune(gpu: &Gpu, config: &Config, data: &DataSet, capture: Capture) -> Result<(), TrainError> {
    if gpu.tuning.is_none() || config.validate(data.train.height, data.train.width).is_err() {
        return Ok(());
    }
    let planned = engine_options(config, data, capture).and_then(|options| Engine::plan(gpu, &options));
    let Ok((network, layout, recording)) = planned else { return Ok(()) };
    let dispatches = dispatches(&config.method, &layout, recording.passes_per_dispatch);
    tune_products(gpu, &products_of(&network, &dispatches)).await.map(drop)
}

/// The images of a step's dispatches: passes with a gradient share them, predictions have their own.
fn dispatches(method: &Method, layout: &RowLayout, passes_per_dispatch: usize) -> Vec<DispatchImages> {
    let passes = layout.passes.len();
    let with_gradients = (0..passes).step_by(passes_per_dispatch).map(|first| {
        let images = passes_per_dispatch.min(passes - first) * layout.batch;
        DispatchImages { images, gradients: true }
    });
    let guesses = if method.unlabelled { method.guess_views } else { 0 };
    let predictions = [method.predicts_labelled(), layout.has(ViewBlock::Probe)];
    let count = guesses + predictions.into_iter().map(usize::from).sum::<usize>();
    with_gradients
        .chain((0..count).map(|_| DispatchImages { images: layout.batch, gradients: false }))
        .collect()
}

/// The tile of a product, and how it was chosen.
#[derive(Clone, Debug)]
pub struct ChosenTile {
    pub product: ConvProduct,
    pub tile: Tiling,
    /// Whether it was measured: for these images, or for half or twice as many.
    pub is_measured: bool,
    /// Seconds per dispatch of each tile that was measured for these images.
    pub seconds: BTreeMap<String, Vec<f64>>,
}

/// Measures the products that are not known yet, within the limit of the adapter's tuning, and sets their tiles for the
/// plans made from now on: the tile of each product.
///
/// # Errors
/// [`TrainError::Gpu`] if the device failed or the wait limit is over.
pub async fn tune_products(gpu: &Gpu, products: &[ProductOf]) -> Result<Vec<ChosenTile>, TrainError> {
    let mut entries = Entries::new();
    if let Some(Tuning { file, limit }) = &gpu.tuning {
        let file = file.as_deref();
        entries = file.map(|path| tile_cache::read(path, gpu)).unwrap_or_default();
        let mut tiles = tile_cache::tiles_of(&entries, gpu);
        let new = products.iter().filter(|of| !entries.contains_key(&product_key(&of.product)));
        let new: Vec<_> = new.cloned().collect();
        let measured = measure_products(gpu, &new, &mut tiles, *limit).await?;
        if !measured.is_empty() {
            tile_cache::add(&mut entries, measured);
            file.into_iter().for_each(|path| tile_cache::write(path, gpu, &entries));
        }
        gpu.set_measured_tiles(tiles);
    }
    let tiles = gpu.measured_tiles();
    let chosen = |ProductOf { conv, product }: &ProductOf| {
        let measured = conv.measured_tile(&tiles, product);
        let entry = entries.get(&product_key(product));
        ChosenTile {
            product: *product,
            tile: measured.unwrap_or_else(|| conv.tile_for(product)),
            is_measured: measured.is_some(),
            seconds: entry.map(|entry| entry.seconds.clone()).unwrap_or_default(),
        }
    };
    Ok(products.iter().map(chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_share_dispatches_and_predictions_do_not() {
        let method = Method { strong_views: 2, ..Method::remixmatch() };
        let layout = RowLayout::new(&method, 8);
        let passes = layout.passes.len();
        let found = dispatches(&method, &layout, 4);
        let images = |gradients: bool| {
            let of_kind = found.iter().filter(|dispatch| dispatch.gradients == gradients);
            of_kind.map(|dispatch| dispatch.images).collect::<Vec<_>>()
        };
        assert_eq!(images(true).iter().sum::<usize>(), passes * 8);
        assert!(images(true)[..passes / 4].iter().all(|images| *images == 32), "{found:?}");
        assert!(images(false).iter().all(|images| *images == 8) && !images(false).is_empty(), "{found:?}");
    }
}
