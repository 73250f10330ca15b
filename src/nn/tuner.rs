//! Finds the fastest tile of every convolution of a network, most arithmetic first, within a time limit.

use std::collections::BTreeMap;

use web_time::{Duration, Instant};

use super::conv2d::Conv2d;
use super::product::{ConvProduct, Direction};
use super::tuning::{TilingTime, every_tile, record};
use super::wide_resnet::WideResNet;
use crate::gpu::{Gpu, GpuError, MeasuredTiles, Sharing, Tiling, runs_lasting, seconds_of};

/// Images that go through a network in the same dispatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DispatchImages {
    pub images: usize,
    /// Whether the gradients are computed too.
    pub gradients: bool,
}

/// A product and the convolution that it is one of.
#[derive(Clone, Debug)]
pub struct ProductOf {
    pub conv: Conv2d,
    pub product: ConvProduct,
}

/// A product after its tiles were measured.
#[derive(Clone, Debug)]
pub struct MeasuredProduct {
    pub product: ConvProduct,
    /// `None` where no time was left, or no memory.
    pub tile: Option<Tiling>,
    /// Seconds per dispatch, on a software adapter of fewer images: the tile that the adapter's tiling chooses first. Empty
    /// without a measurement.
    pub times: Vec<TilingTime>,
}

/// The products of a network's dispatches, each once: most arithmetic first.
pub fn products_of(network: &WideResNet, dispatches: &[DispatchImages]) -> Vec<ProductOf> {
    let mut found: BTreeMap<(String, u32), (u64, ProductOf)> = BTreeMap::new();
    for (index, (conv, height, width)) in network.convolutions().into_iter().enumerate() {
        for DispatchImages { images, gradients } in dispatches {
            for direction in Direction::ALL {
                // The stem needs no gradient of its input.
                let is_needed = index > 0 || direction != Direction::DataGradient;
                if direction != Direction::Forward && !(*gradients && is_needed) {
                    continue;
                }
                let product = conv.product(direction, [*images, height, width]);
                let of = || (0, ProductOf { conv: conv.clone(), product });
                let entry = found.entry((product.name(), product.log2_images())).or_insert_with(of);
                entry.0 += conv.macs(height, width) * *images as u64;
            }
        }
    }
    let mut products: Vec<_> = found.into_values().collect();
    products.sort_by_key(|(macs, _)| std::cmp::Reverse(*macs));
    products.into_iter().map(|(_, product)| product).collect()
}

/// The tiles that a product is measured with, all with the same bits: the one that the adapter's tiling chooses, then
/// those that compute no more than twice what is needed.
fn candidates(gpu: &Gpu, ProductOf { conv, product }: &ProductOf) -> Vec<Tiling> {
    let usual = conv.tile_for(product);
    let [_, columns, depth] = product.matrix();
    let fits = |tile: &Tiling| match (tile.sharing, product.direction) {
        // The block of a weight gradient follows from its channels alone.
        (Sharing::Block(_), Direction::WeightGradient) => false,
        (Sharing::Block(Some(block)), _) => {
            let padded = columns.next_multiple_of(block.columns);
            block.depth <= depth && padded < 2 * columns.max(block.columns.min(16))
        }
        _ => *tile == tile.narrowed(columns),
    };
    let others = every_tile(gpu).into_iter().filter(|tile| *tile != usual && fits(tile));
    let others = others.filter(|tile| conv.has_the_bits_of(product.direction, *tile));
    [usual].into_iter().chain(others).collect()
}

/// Measured rounds of a tile, at most.
const ROUNDS: usize = 3;
/// A tile that takes so many times as long as the fastest in a first, short round is not measured further.
const BEHIND: f64 = 1.5;
/// Relative difference in time that decides after one round, and after several: below it the earlier tile is taken.
const CLEAR: f64 = 0.1;
const MARGIN: f64 = 0.02;

/// Least duration of a measured submission: on a GPU far longer than to reach it.
fn round(gpu: &Gpu) -> Duration {
    Duration::from_millis(if gpu.is_software() { 4 } else { 20 })
}

/// Measures the products that `tiles` does not know, in their order, until `limit` has passed, and adds their tiles to it.
/// Products that are expected to take longer than what is left are left out, without a tile. Products with one tile only
/// are not in the result.
///
/// # Errors
/// [`GpuError::Lost`] or [`GpuError::Adapter`] if the device failed; [`GpuError::Timeout`] after the wait limit.
pub async fn measure_products(
    gpu: &Gpu,
    products: &[ProductOf],
    tiles: &mut MeasuredTiles,
    limit: Duration,
) -> Result<Vec<MeasuredProduct>, GpuError> {
    let began = Instant::now();
    let mut rate = 0.0;
    let left = || limit.saturating_sub(began.elapsed());
    let mut measured = Vec::new();
    for of in products {
        let product = of.product;
        let (name, log2_images) = (product.name(), product.log2_images());
        let candidates = candidates(gpu, of);
        if candidates.len() < 2 || tiles.nearest(&name, log2_images).is_some() {
            continue;
        }
        if rate == 0.0 && !left().is_zero() {
            rate = rate_of_one_image(gpu, of).await?;
        }
        let part = part_of(gpu, of, rate);
        // Each tile runs twice before the slow ones are left out.
        let expected = 2.0 * candidates.len() as f64 * part.product.operations() as f64 / rate;
        let times = match expected < left().as_secs_f64() {
            true => match measure(gpu, &part, &candidates, || left().is_zero()).await {
                Err(GpuError::OutOfMemory { .. }) => Vec::new(),
                outcome => outcome?,
            },
            false => Vec::new(),
        };
        let tile = fastest(&times);
        if let (Some(tile), Some(time)) = (tile, times.iter().find(|time| Some(time.tile) == tile)) {
            tiles.insert(&name, log2_images, tile);
            rate = f64::max(rate, part.product.operations() as f64 / time.seconds);
        }
        measured.push(MeasuredProduct { product, tile, times });
    }
    Ok(measured)
}

/// What is measured of a product: on a software adapter, whose time grows with the images, as many as fill a round.
fn part_of(gpu: &Gpu, of: &ProductOf, rate: f64) -> ProductOf {
    let mut part = of.clone();
    if gpu.is_software() {
        let of_image = part.product.operations() as f64 / part.product.images as f64;
        let images = round(gpu).as_secs_f64() * rate / of_image;
        part.product.images = (images as usize).clamp(1, part.product.images);
    }
    part
}

/// Operations per second of a product for one image only, which is short on every adapter.
async fn rate_of_one_image(gpu: &Gpu, ProductOf { conv, product }: &ProductOf) -> Result<f64, GpuError> {
    let one = ConvProduct { images: 1, ..*product };
    let shape = [1, one.height, one.width, one.in_channels];
    let (plan, programs) = record(gpu, conv, shape, one.direction, &[conv.tile_for(product)])?;
    // Shaders are compiled in the first run.
    seconds_of(gpu, &plan, programs[0], 1).await?;
    Ok(one.operations() as f64 / seconds_of(gpu, &plan, programs[0], 1).await?)
}

/// Measures the tiles of a product in turns, fewer once they are clearly slower than the fastest, until the time `is_up`:
/// then those that ran, or none if only one did.
async fn measure(
    gpu: &Gpu,
    ProductOf { conv, product }: &ProductOf,
    candidates: &[Tiling],
    is_up: impl Fn() -> bool,
) -> Result<Vec<TilingTime>, GpuError> {
    let ConvProduct { images, height, width, in_channels, direction, .. } = *product;
    let shape = [images, height, width, in_channels];
    let (plan, programs) = record(gpu, conv, shape, direction, candidates)?;
    let runs = runs_lasting(gpu, &plan, programs[0], round(gpu)).await?;
    let mut first = Vec::new();
    for program in programs.iter().take_while(|_| !is_up()) {
        // The first sample compiles shaders.
        seconds_of(gpu, &plan, *program, 1).await?;
        first.push(seconds_of(gpu, &plan, *program, runs.div_ceil(8)).await?);
    }
    if first.len() < 2 {
        return Ok(Vec::new());
    }
    let limit = BEHIND * first.iter().copied().fold(f64::MAX, f64::min);
    let mut samples = vec![Vec::new(); first.len()];
    for done in 1..=ROUNDS {
        for index in (0..first.len()).filter(|index| first[*index] <= limit) {
            if !is_up() {
                samples[index].push(seconds_of(gpu, &plan, programs[index], runs).await?);
            }
        }
        if is_up() || is_clear(&samples, if done == 1 { CLEAR } else { MARGIN }) {
            break;
        }
    }
    let times = samples.into_iter().zip(first).zip(candidates).map(|((samples, first), tile)| {
        TilingTime::new(*tile, if samples.is_empty() { vec![first] } else { samples })
    });
    Ok(times.collect())
}

/// Whether the fastest of several tiles is ahead of all others by more than a margin.
fn is_clear(samples: &[Vec<f64>], margin: f64) -> bool {
    let of_tile = |samples: &Vec<f64>| samples.iter().copied().fold(f64::MAX, f64::min);
    let mut times: Vec<f64> = samples.iter().map(of_tile).collect();
    times.sort_by(f64::total_cmp);
    times.len() < 2 || times[1] > times[0] * (1.0 + margin)
}

/// The earliest tile within the margin of the fastest.
fn fastest(times: &[TilingTime]) -> Option<Tiling> {
    let least = times.iter().map(|time| time.seconds).fold(f64::MAX, f64::min);
    times.iter().find(|time| time.seconds <= least * (1.0 + MARGIN)).map(|time| time.tile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earliest_tile_within_the_margin_wins() {
        let chosen = |seconds: [f64; 3]| {
            let time =
                |(seconds, columns)| TilingTime::new(Tiling { columns, ..Tiling::WAVE }, vec![seconds]);
            let times: Vec<_> = seconds.into_iter().zip([32, 16, 8]).map(time).collect();
            fastest(&times).map(|tile| tile.columns)
        };
        assert_eq!(chosen([1.015, 1.0, 0.999]), Some(32));
        assert_eq!(chosen([1.2, 1.0, 1.3]), Some(16));
        assert_eq!(fastest(&[]), None);
    }

    #[test]
    fn order_is_clear_beyond_the_margin() {
        let clear = |samples: &[&[f64]]| {
            is_clear(&samples.iter().map(|samples| samples.to_vec()).collect::<Vec<_>>(), 0.02)
        };
        assert!(!clear(&[&[1.0, 1.2], &[1.01]]));
        assert!(clear(&[&[1.0, 1.2], &[1.03, 1.1]]));
        // A tile without samples was left out.
        assert!(clear(&[&[1.0], &[]]));
    }
}
