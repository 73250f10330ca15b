//! Convolution and how it is divided into dispatches and workgroups (`shaders/nn/conv2d.wgsl`).

use std::iter;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::activation::{
    Activation, aligned_images, same_padding, sum_pixels, sum_slices, sum_weight_slices,
};
use super::conv_tiling::{ConvTiling, Cost, block_shader};
use super::product::{ConvProduct, Direction};
use crate::gpu::{ALIGNED_WORDS, Kernel, MeasuredTiles, PlanBuilder, Sharing, Storage, Tensor, Tiling};

/// Pixels that an invocation computes.
const TILE_PIXELS: usize = 4;
/// Pixels that a block of the weight gradient stages at a time.
const STAGED_PIXELS: usize = 16;

/// A convolution `kernel` x `kernel` (1 or 3), stride 1 or 2, TensorFlow's SAME padding, with bias.
///
/// Input channels are a multiple of four (images are padded with zero channels), output channels a
/// multiple of eight.
#[derive(Clone, Debug)]
pub struct Conv2d {
    pub name: String,
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub tiling: ConvTiling,
}

/// How the weight gradient is computed in blocks.
struct WeightBlock {
    shader: &'static str,
    /// Input and output channels of a block.
    channels: usize,
    /// Taps of a workgroup.
    taps: usize,
    /// Values of workgroup memory that an invocation reads for each MAC.
    values_per_mac: f64,
}

/// `Convolution` of `shaders/common/convolution.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_channels_vec4: u32,
    out_height: u32,
    out_width: u32,
    out_channels_vec4: u32,
    kernel: u32,
    stride: u32,
    pad_y: u32,
    pad_x: u32,
    slice_rows: u32,
    added: u32,
    first_slice: u32,
    unused: [u32; 2],
}

impl Conv2d {
    /// Words of the weight tensor `[kernel, kernel, in, out]`.
    pub fn weight_words(&self) -> usize {
        self.kernel * self.kernel * self.in_channels * self.out_channels
    }

    /// Multiply-accumulate operations (MACs) for one image of `height` x `width`.
    pub fn macs(&self, height: usize, width: usize) -> u64 {
        (height.div_ceil(self.stride) * width.div_ceil(self.stride) * self.weight_words()) as u64
    }

    fn params(&self, images: usize, height: usize, width: usize) -> Params {
        Params {
            batch: images as u32,
            in_height: height as u32,
            in_width: width as u32,
            in_channels_vec4: (self.in_channels / 4) as u32,
            out_height: height.div_ceil(self.stride) as u32,
            out_width: width.div_ceil(self.stride) as u32,
            out_channels_vec4: (self.out_channels / 4) as u32,
            kernel: self.kernel as u32,
            stride: self.stride as u32,
            pad_y: same_padding(height, self.kernel, self.stride)[0] as u32,
            pad_x: same_padding(width, self.kernel, self.stride)[0] as u32,
            slice_rows: 0,
            added: 0,
            first_slice: 0,
            unused: [0; 2],
        }
    }

    /// The images of each dispatch, all of them without a limit of MACs. A chunk starts where its slices of both feature
    /// maps can be bound.
    fn image_chunks(&self, x: Activation, limit: Option<u64>) -> impl Iterator<Item = Range<usize>> + use<> {
        let images = x.images;
        let each = self.images_of_chunk([images, x.height, x.width], x.storage, limit);
        (0..images).step_by(each).map(move |first| first..images.min(first + each))
    }

    fn images_of_chunk(
        &self,
        [images, height, width]: [usize; 3],
        storage: Storage,
        limit: Option<u64>,
    ) -> usize {
        let pixels = height.div_ceil(self.stride) * width.div_ceil(self.stride);
        let words = [height * width * self.in_channels, pixels * self.out_channels].map(|n| storage.words(n));
        let least = aligned_images(words);
        let fit = |macs: u64| (macs / self.macs(height, width)) as usize / least * least;
        limit.map_or(images, |macs| fit(macs).max(least))
    }

    /// The product of one dispatch in one direction, for an input of `[images, height, width]`.
    pub fn product(&self, direction: Direction, [images, height, width]: [usize; 3]) -> ConvProduct {
        ConvProduct {
            direction,
            kernel: self.kernel,
            stride: self.stride,
            in_channels: self.in_channels,
            out_channels: self.out_channels,
            height,
            width,
            images: self
                .images_of_chunk([images, height, width], Storage::F32, self.smaller_limit())
                .min(images),
        }
    }

    /// The convolution with another tile.
    pub fn with_tile(&self, tile: Tiling) -> Self {
        Self { tiling: ConvTiling { tile, ..self.tiling }, ..self.clone() }
    }

    /// The convolution for one direction of input `x`, with the tile that was measured for it, if one was.
    pub fn with_measured_tile(&self, tiles: &MeasuredTiles, direction: Direction, x: Activation) -> Self {
        let product = self.product(direction, [x.images, x.height, x.width]);
        self.with_tile(self.measured_tile(tiles, &product).unwrap_or(self.tiling.tile))
    }

    /// The tile that was measured for a product of this convolution, if it changes no result.
    pub fn measured_tile(&self, tiles: &MeasuredTiles, product: &ConvProduct) -> Option<Tiling> {
        let tile = tiles.nearest(&product.name(), product.log2_images());
        tile.filter(|tile| self.has_the_bits_of(product.direction, *tile))
    }

    /// Whether another tile gives the same bits: the bias's gradient differs between blocks and tiles.
    pub(super) fn has_the_bits_of(&self, direction: Direction, tile: Tiling) -> bool {
        direction != Direction::WeightGradient
            || self.weight_block().is_some() == self.with_tile(tile).weight_block().is_some()
    }

    /// The tile that the convolution's tiling chooses for one of its products: the block where it chooses one.
    pub fn tile_for(&self, product: &ConvProduct) -> Tiling {
        let tile = self.tiling.tile;
        let [rows, columns, depth] = product.matrix();
        let is_block = match product.direction {
            Direction::Forward | Direction::DataGradient => tile.block(rows, columns, depth).is_some(),
            Direction::WeightGradient => self.weight_block().is_some(),
        };
        match (tile.sharing, product.direction) {
            (Sharing::Block(None), _) if !is_block => {
                Tiling { sharing: Sharing::PerInvocation, ..tile }.narrowed(columns)
            }
            (Sharing::Block(None), Direction::Forward | Direction::DataGradient) => {
                Tiling { sharing: Sharing::Block(tile.block(rows, columns, depth)), ..tile }
            }
            (Sharing::Block(_), _) => tile,
            (Sharing::PerInvocation | Sharing::Workgroup | Sharing::Subgroup(_), _) => tile.narrowed(columns),
        }
    }

    /// A kernel, its workgroup counts and its work for a result of `parities` x `pixels` x `channels`, each the sum over
    /// `depth` channels of every tap.
    fn tiles(
        &self,
        entry: &'static str,
        [parities, pixels]: [usize; 2],
        channels: usize,
        depth: usize,
    ) -> (Kernel, [u32; 3], Cost) {
        let taps = self.kernel * self.kernel;
        if let Some(block) = self.tiling.tile.block(pixels, channels, depth) {
            let shader = block_shader(block);
            let groups = [pixels.div_ceil(block.rows), channels.div_ceil(block.columns), parities];
            let cost = Cost::of_block(block.per_invocation, taps * depth.div_ceil(block.depth));
            return (Kernel::new(shader, entry), groups.map(|count| count as u32), cost);
        }
        let width = self.tiling.tile.width(channels);
        let rows = (parities * pixels).div_ceil(TILE_PIXELS * self.tiling.tile.group as usize);
        let cost = Cost::of_tile(taps * depth / 4);
        (self.tiling.kernel(entry, width), [rows as u32, channels.div_ceil(width) as u32, 1], cost)
    }

    /// The smaller of the tiling's limits of MACs per dispatch.
    fn smaller_limit(&self) -> Option<u64> {
        let limits = [self.tiling.macs_per_dispatch, self.tiling.macs_at_once];
        limits.into_iter().flatten().min()
    }

    /// Records `conv(x) + bias`, plus `residual` if there is one. `weights` is `[kernel, kernel, in, out]`, `bias`
    /// `[out]`.
    pub fn forward(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        weights: Tensor,
        bias: Tensor,
        residual: Option<Activation>,
    ) -> Activation {
        let [height, width] = [x.height, x.width].map(|size| size.div_ceil(self.stride));
        let shape = [x.images, height, width, self.out_channels];
        let out = Activation::stored(b, &format!("{}.output", self.name), shape, x.storage);
        let image_macs = self.macs(x.height, x.width);
        for images in self.image_chunks(x, self.smaller_limit()) {
            let added = u32::from(residual.is_some());
            let params = Params { added, ..self.params(images.len(), x.height, x.width) };
            let (result, x) = (out.slice(&images), x.slice(&images).tensor);
            // Without a residual any tensor may be bound: it is not read.
            let other = residual.map_or(x, |residual| residual.slice(&images).tensor);
            let (kernel, groups, cost) =
                self.tiles("forward", [1, result.pixels()], out.channels, self.in_channels);
            let bindings = [x, weights, result.tensor, bias, other];
            let kernel = kernel.stored_as(out.storage);
            cost.note(b.dispatch(kernel, &params, &bindings, groups), image_macs * images.len() as u64);
        }
        out
    }

    /// Records the gradient of the input (shaped like `x`), plus `other_path` if the input feeds another branch.
    pub fn data_gradient(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        d_out: Activation,
        weights: Tensor,
        other_path: Option<Activation>,
    ) -> Activation {
        let dx = x.like(b, &format!("{}.d_input", self.name));
        let parities = self.stride * self.stride;
        for images in self.image_chunks(x, self.smaller_limit()) {
            let parity_pixels = images.len() * x.height.div_ceil(self.stride) * x.width.div_ceil(self.stride);
            let (kernel, groups, cost) =
                self.tiles("data_gradient", [parities, parity_pixels], dx.channels, self.out_channels);
            let added = u32::from(other_path.is_some());
            let params = Params { added, ..self.params(images.len(), x.height, x.width) };
            let d_out = d_out.slice(&images).tensor;
            // Without another path any tensor may be bound: it is not read.
            let other = other_path.map_or(d_out, |other| other.slice(&images).tensor);
            let bindings = [(1, d_out), (2, weights), (3, dx.slice(&images).tensor), (5, other)];
            let macs = self.macs(x.height, x.width) * images.len() as u64;
            cost.note(b.dispatch_at(kernel.stored_as(x.storage), &params, &bindings, groups), macs);
        }
        dx
    }

    /// Records the gradients of weights `[kernel, kernel, in, out]` and, if requested, of the bias `[out]`: written, or
    /// added if `accumulate`.
    pub fn weight_gradient(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        d_out: Activation,
        d_weights: Tensor,
        d_bias: Option<Tensor>,
        accumulate: bool,
    ) {
        if let Some(block) = self.weight_block() {
            // Blocks compute both.
            let d_bias =
                d_bias.unwrap_or_else(|| b.tensor(format!("{}.unused_d_bias", self.name), self.out_channels));
            return self.weight_gradient_in_blocks(b, block, [x, d_out], [d_weights, d_bias], accumulate);
        }
        let words = self.weight_words();
        // The slices of each chunk are bound too, so that they must be aligned.
        let chunks: Vec<_> = match words.is_multiple_of(ALIGNED_WORDS) {
            true => self.image_chunks(x, self.tiling.macs_per_dispatch).collect(),
            false => iter::once(0..x.images).collect(),
        };
        let count = chunks.len();
        let chunks: Vec<_> = chunks
            .into_iter()
            .map(|images| {
                let [slices, slice_rows] = self.slices(images.len(), d_out, count);
                (images, slices, slice_rows)
            })
            .collect();
        let slices = chunks.iter().map(|(_, slices, _)| slices).sum();
        let partial = b.tensor(format!("{}.partial_weights", self.name), slices * words);
        let tiles =
            (self.kernel * self.kernel * self.in_channels / 4).div_ceil(self.tiling.tile.group as usize);
        let mut first = 0;
        for (images, slices, slice_rows) in chunks {
            let width = self.tiling.tile.width(self.out_channels);
            let sums = partial.slice(first * words, slices * words);
            let macs_of_slice = self.macs(x.height, x.width) * images.len() as u64 / slices as u64;
            let at_once = |macs: u64| ((macs / macs_of_slice.max(1)) as usize).max(1);
            let each = self.tiling.macs_at_once.map_or(slices, at_once);
            for first_slice in (0..slices).step_by(each) {
                let params = Params {
                    slice_rows: slice_rows as u32,
                    first_slice: first_slice as u32,
                    ..self.params(images.len(), x.height, x.width)
                };
                let count = each.min(slices - first_slice);
                let groups = [tiles as u32, (self.out_channels / width) as u32, count as u32];
                let bindings = [x.slice(&images).tensor, d_out.slice(&images).tensor, sums];
                let cost = Cost::of_tile((slice_rows * d_out.width).div_ceil(4));
                let kernel = self.tiling.kernel("weight_gradient", width).stored_as(x.storage);
                cost.note(b.dispatch(kernel, &params, &bindings, groups), macs_of_slice * count as u64);
            }
            first += slices;
        }
        sum_slices(b, partial, d_weights, words / 4, slices, accumulate);
        if let Some(d_bias) = d_bias {
            sum_pixels(b, &self.name, d_out, d_bias, accumulate);
        }
    }

    /// The number of slices of the weight gradient over `images` of the `count` chunks' images, and the rows of output
    /// pixels of each.
    fn slices(&self, images: usize, d_out: Activation, count: usize) -> [usize; 2] {
        let rows = images * d_out.height;
        let slices = rows * d_out.width / self.tiling.slice_pixels;
        let slices = slices.min(self.tiling.partial_words / self.weight_words() / count).min(rows);
        let slice_rows = rows.div_ceil(slices.clamp(1, self.tiling.max_slices));
        [rows.div_ceil(slice_rows), slice_rows]
    }

    /// The weight gradient's blocks, if it is computed in blocks.
    fn weight_block(&self) -> Option<WeightBlock> {
        let channels = self.in_channels.min(self.out_channels);
        let is_block = matches!(self.tiling.tile.sharing, Sharing::Block(_));
        if !is_block || (self.tiling.tile.sharing == Sharing::Block(None) && channels < 8) {
            return None;
        }
        let of =
            |shader, channels, taps, values_per_mac| WeightBlock { shader, channels, taps, values_per_mac };
        Some(match (self.kernel, self.stride) {
            (3, 1) if channels < 64 => of("nn/weight_gradient_rows_32", 32, 3, 8.0 / 48.0),
            (3, 1) => of("nn/weight_gradient_rows_64", 64, 3, 8.0 / 48.0),
            _ if channels < 64 => of("nn/weight_gradient_block_32_4x4", 32, 1, 8.0 / 16.0),
            _ => of("nn/weight_gradient_block_64_8x8", 64, 1, 16.0 / 64.0),
        })
    }

    /// [`Conv2d::weight_gradient`] in blocks of channels: weights and bias in the same dispatches.
    fn weight_gradient_in_blocks(
        &self,
        b: &mut PlanBuilder,
        block: WeightBlock,
        [x, d_out]: [Activation; 2],
        into: [Tensor; 2],
        accumulate: bool,
    ) {
        let words = [self.weight_words(), self.out_channels];
        let [slices, slice_rows] = self.slices(x.images, d_out, 1);
        let partial = b.tensor(format!("{}.partial_weights", self.name), slices * (words[0] + words[1]));
        let macs_of_slice = self.macs(x.height, x.width) * x.images as u64 / slices as u64;
        let at_once = |macs: u64| ((macs / macs_of_slice.max(1)) as usize).max(1);
        let each = self.smaller_limit().map_or(slices, at_once);
        let blocks = [self.in_channels, self.out_channels].map(|count| count.div_ceil(block.channels));
        let rows = self.kernel * self.kernel / block.taps;
        for first_slice in (0..slices).step_by(each) {
            let params = Params {
                slice_rows: slice_rows as u32,
                first_slice: first_slice as u32,
                ..self.params(x.images, x.height, x.width)
            };
            let groups = [rows * blocks[0], blocks[1], each.min(slices - first_slice)];
            let kernel = Kernel::new(block.shader, "weight_gradient").stored_as(x.storage);
            let bindings = [x.tensor, d_out.tensor, partial];
            let chain = (slice_rows * d_out.width).div_ceil(STAGED_PIXELS);
            let cost = Cost { values_per_mac: block.values_per_mac, chain };
            let macs = macs_of_slice * groups[2] as u64;
            cost.note(b.dispatch(kernel, &params, &bindings, groups.map(|count| count as u32)), macs);
        }
        sum_weight_slices(b, partial, into, words, slices, accumulate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First image and end of each chunk.
    fn chunks(map: [usize; 4], outputs: usize, macs_per_dispatch: Option<u64>) -> Vec<[usize; 2]> {
        let inputs = map[3];
        let tiling = ConvTiling { macs_per_dispatch, ..ConvTiling::REGISTER };
        let name = String::new();
        let conv = Conv2d { name, in_channels: inputs, out_channels: outputs, kernel: 3, stride: 1, tiling };
        let mut b = PlanBuilder::new();
        conv.image_chunks(Activation::new(&mut b, "x", map), macs_per_dispatch)
            .map(|images| [images.start, images.end])
            .collect()
    }

    #[test]
    fn chunks_hold_the_images_within_the_mac_limit() {
        let image = 8 * 8 * 9 * 4 * 8;
        assert_eq!(chunks([5, 8, 8, 4], 8, None), [[0, 5]]);
        assert_eq!(chunks([5, 8, 8, 4], 8, Some(2 * image + 1)), [[0, 2], [2, 4], [4, 5]]);
        assert_eq!(chunks([3, 8, 8, 4], 8, Some(1)), [[0, 1], [1, 2], [2, 3]]);
    }

    /// An input image has 36 words: every sixteenth is aligned.
    #[test]
    fn chunks_start_at_aligned_images() {
        assert_eq!(chunks([37, 3, 3, 4], 8, Some(1)), [[0, 16], [16, 32], [32, 37]]);
    }
}
