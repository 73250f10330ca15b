//! Finds the fastest tile of every convolution of a network, most arithmetic first, within a time limit.

use std::collections::BTreeMap;

use web_time::{Duration, Instant};

use super::conv2d::Conv2d;
use super::network::Network;
use super::product::{ConvProduct, Direction};
use super::tuning::{TilingTime, every_tile, record};
use crate::gpu::{Gpu, GpuError, MeasuredTiles, Sharing, Tiling, least, runs_lasting, seconds_of};

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
pub fn products_of(network: &Network, dispatches: &[DispatchImages]) -> Vec<ProductOf> {
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

/// A tile that takes so many times as long as the fastest in a first, short round is not measured further.
const BEHIND: f64 = 1.5;
/// How far the usual tile must be ahead of all others after one round to end the measurement: it needs no proof.
const CLEAR: f64 = 0.1;

/// How carefully tiles are compared.
struct Care {
    /// Least duration of a measured submission: on a GPU far longer than to reach it.
    round: Duration,
    /// Rounds before a tile may replace the usual one, and most rounds.
    rounds: [usize; 2],
    /// Relative difference in time that decides: below it the earlier tile is taken.
    margin: f64,
}

impl Care {
    /// Other programs disturb a software adapter more.
    fn of(gpu: &Gpu) -> Self {
        let milliseconds = Duration::from_millis;
        match gpu.is_software() {
            true => Self { round: milliseconds(4), rounds: [3, 5], margin: 0.05 },
            false => Self { round: milliseconds(20), rounds: [2, 3], margin: 0.02 },
        }
    }

    /// Whether these rounds decide.
    fn is_enough(&self, samples: &[Vec<f64>], rounds: usize) -> bool {
        let times: Vec<f64> = samples.iter().map(|samples| least(samples)).collect();
        let ahead = |margin: f64| {
            let fastest = least(&times);
            times.iter().filter(|time| **time <= fastest * (1.0 + margin)).count() < 2
        };
        rounds >= self.rounds[1]
            || rounds >= self.rounds[0] && ahead(self.margin)
            || times[0] <= least(&times) && ahead(CLEAR)
    }

    /// The earliest tile within the margin of the fastest.
    fn fastest<'a>(&self, times: &'a [TilingTime]) -> Option<&'a TilingTime> {
        let fastest = times.iter().map(|time| time.seconds).fold(f64::MAX, f64::min);
        times.iter().find(|time| time.seconds <= fastest * (1.0 + self.margin))
    }
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
    let (began, care) = (Instant::now(), Care::of(gpu));
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
            rate = rate_of(gpu, of, candidates[0], &care).await?;
        }
        let part = if gpu.is_software() { part_of(of, rate, care.round) } else { of.clone() };
        // Each tile runs twice before the slow ones are left out.
        let expected = 2.0 * candidates.len() as f64 * part.product.operations() as f64 / rate;
        let times = match expected < left().as_secs_f64() {
            true => match measure(gpu, &part, &candidates, &care, || left().is_zero()).await {
                Err(GpuError::OutOfMemory { .. }) => Vec::new(),
                outcome => outcome?,
            },
            false => Vec::new(),
        };
        let fastest = care.fastest(&times);
        if let Some(time) = fastest {
            tiles.insert(&name, log2_images, time.tile);
            rate = f64::max(rate, part.product.operations() as f64 / time.seconds);
        }
        let tile = fastest.map(|time| time.tile);
        measured.push(MeasuredProduct { product, tile, times });
    }
    Ok(measured)
}

/// What is measured of a product on a software adapter, whose time grows with the images: as many as fill a round.
fn part_of(of: &ProductOf, rate: f64, round: Duration) -> ProductOf {
    let mut part = of.clone();
    let of_image = part.product.operations() as f64 / part.product.images as f64;
    let images = round.as_secs_f64() * rate / of_image;
    part.product.images = (images as usize).clamp(1, part.product.images);
    part
}

/// Operations per second of a product for as few images as say something: their time is far above that of a submission.
async fn rate_of(gpu: &Gpu, of: &ProductOf, tile: Tiling, care: &Care) -> Result<f64, GpuError> {
    let mut part = of.clone();
    part.product.images = 1;
    loop {
        let seconds = seconds_of_second_run(gpu, &part, tile).await?;
        if seconds >= care.round.as_secs_f64() / 4.0 || part.product.images == of.product.images {
            return Ok(part.product.operations() as f64 / seconds);
        }
        part.product.images = of.product.images.min(4 * part.product.images);
    }
}

/// Seconds of a product's second run with a tile; its shader is compiled before the first.
async fn seconds_of_second_run(gpu: &Gpu, of: &ProductOf, tile: Tiling) -> Result<f64, GpuError> {
    let (plan, programs) = record(gpu, &of.conv, shape_of(&of.product), of.product.direction, &[tile])?;
    seconds_of(gpu, &plan, programs[0], 1).await?;
    seconds_of(gpu, &plan, programs[0], 1).await
}

/// `[images, height, width, channels]` of a product's input.
fn shape_of(product: &ConvProduct) -> [usize; 4] {
    [product.images, product.height, product.width, product.in_channels]
}

/// Measures the tiles of a product in turns, fewer once they are clearly slower than the fastest, until the time `is_up`:
/// then those that ran, or none if only one did.
async fn measure(
    gpu: &Gpu,
    of: &ProductOf,
    candidates: &[Tiling],
    care: &Care,
    is_up: impl Fn() -> bool,
) -> Result<Vec<TilingTime>, GpuError> {
    let ProductOf { conv, product } = of;
    let one = ProductOf { conv: conv.clone(), product: ConvProduct { images: 1, ..*product } };
    // A shader may take long to compile: one by one, each for a single image.
    let mut compiled = Vec::new();
    for &tile in candidates {
        if !is_up() {
            seconds_of_second_run(gpu, &one, tile).await?;
            compiled.push(tile);
        }
    }
    if compiled.len() < 2 {
        return Ok(Vec::new());
    }
    let (plan, programs) = record(gpu, conv, shape_of(product), product.direction, &compiled)?;
    let runs = runs_lasting(gpu, &plan, programs[0], care.round).await?;
    let mut first = Vec::new();
    for program in programs.iter().take_while(|_| !is_up()) {
        // The first sample is dropped.
        seconds_of(gpu, &plan, *program, 1).await?;
        first.push(seconds_of(gpu, &plan, *program, runs.div_ceil(8)).await?);
    }
    if first.len() < 2 {
        return Ok(Vec::new());
    }
    let limit = BEHIND * least(&first);
    let mut samples = vec![Vec::new(); first.len()];
    for rounds in 1.. {
        for index in (0..first.len()).filter(|index| *index == 0 || first[*index] <= limit) {
            if !is_up() {
                samples[index].push(seconds_of(gpu, &plan, programs[index], runs).await?);
            }
        }
        if is_up() || care.is_enough(&samples, rounds) {
            break;
        }
    }
    let times = samples.into_iter().zip(first).zip(compiled).map(|((samples, first), tile)| {
        TilingTime::new(tile, if samples.is_empty() { vec![first] } else { samples })
    });
    Ok(times.collect())
}

#[cfg(test)]
mod tests {
    use super::super::conv_tiling::ConvTiling;
    use super::*;

    const CARE: Care = Care { round: Duration::ZERO, rounds: [2, 3], margin: 0.02 };

    #[test]
    fn earliest_tile_within_the_margin_wins() {
        let chosen = |seconds: [f64; 3]| {
            let time =
                |(seconds, columns)| TilingTime::new(Tiling { columns, ..Tiling::WAVE }, vec![seconds]);
            let times: Vec<_> = seconds.into_iter().zip([32, 16, 8]).map(time).collect();
            CARE.fastest(&times).map(|time| time.tile.columns)
        };
        assert_eq!(chosen([1.015, 1.0, 0.999]), Some(32));
        assert_eq!(chosen([1.2, 1.0, 1.3]), Some(16));
        assert!(CARE.fastest(&[]).is_none());
    }

    #[test]
    fn tiles_that_replace_the_usual_one_need_more_rounds() {
        let enough = |usual: f64, other: f64, rounds: usize| {
            CARE.is_enough(&[vec![2.0 * usual, usual], vec![other], Vec::new()], rounds)
        };
        assert!(enough(1.0, 1.2, 1), "the usual tile is far ahead");
        assert!(!enough(1.0, 1.05, 1));
        assert!(!enough(1.2, 1.0, 1), "another tile is far ahead");
        assert!(enough(1.2, 1.0, 2) && enough(1.0, 1.05, 2));
        assert!(!enough(1.0, 1.01, 2) && enough(1.0, 1.01, 3));
    }

    #[test]
    fn software_adapters_measure_as_many_images_as_fill_a_round() {
        let tiling = ConvTiling::REGISTER;
        let name = String::new();
        let conv = Conv2d { name, in_channels: 16, out_channels: 16, kernel: 3, stride: 1, tiling };
        let product = conv.product(Direction::Forward, [64, 16, 16]);
        let of_image = product.operations() as f64 / 64.0;
        let of = ProductOf { conv, product };
        let images = |rate: f64| part_of(&of, rate, Duration::from_secs(1)).product.images;
        assert_eq!([images(0.0), images(8.5 * of_image), images(1e15)], [1, 8, 64]);
    }
}
