use std::iter;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::Activation;
use crate::gpu::{ALIGNED_WORDS, Kernel, PlanBuilder, Tensor, Tiling, groups_for_items};

/// Pixels a thread computes.
const TILE_PIXELS: usize = 4;
/// Partial sums of one dispatch, at most.
const MOST_SLICES: usize = 64;
/// Partial weight gradients take at most this many words (16 MiB).
const PARTIAL_WORDS: usize = 4 << 20;

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
    pub tiling: Tiling,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_quads: u32,
    out_height: u32,
    out_width: u32,
    out_quads: u32,
    kernel: u32,
    stride: u32,
    pad_y: u32,
    pad_x: u32,
    slice_rows: u32,
    added: u32,
    unused: [u32; 3],
}

impl Conv2d {
    /// Padding before the first pixel: SAME puts the odd one after the last.
    fn pad_before(&self, size: usize) -> usize {
        let out = size.div_ceil(self.stride);
        ((out - 1) * self.stride + self.kernel).saturating_sub(size) / 2
    }

    /// Words of the weight tensor `[kernel, kernel, in, out]`.
    pub fn weight_words(&self) -> usize {
        self.kernel * self.kernel * self.in_channels * self.out_channels
    }

    /// Multiply-adds for one image of `height` x `width`.
    pub fn multiply_adds(&self, height: usize, width: usize) -> u64 {
        (height.div_ceil(self.stride) * width.div_ceil(self.stride) * self.weight_words()) as u64
    }

    fn params(&self, images: usize, height: usize, width: usize) -> Params {
        Params {
            batch: images as u32,
            in_height: height as u32,
            in_width: width as u32,
            in_quads: (self.in_channels / 4) as u32,
            out_height: height.div_ceil(self.stride) as u32,
            out_width: width.div_ceil(self.stride) as u32,
            out_quads: (self.out_channels / 4) as u32,
            kernel: self.kernel as u32,
            stride: self.stride as u32,
            pad_y: self.pad_before(height) as u32,
            pad_x: self.pad_before(width) as u32,
            slice_rows: 0,
            added: 0,
            unused: [0; 3],
        }
    }

    /// The images that each dispatch takes: all in one, unless the tiling asks for turns. A turn begins where
    /// its part of either feature map can be bound.
    fn turns(&self, x: Activation) -> impl Iterator<Item = Range<usize>> + use<> {
        let images = x.images;
        let pixels = x.height.div_ceil(self.stride) * x.width.div_ceil(self.stride);
        let words = [x.height * x.width * self.in_channels, pixels * self.out_channels];
        let least = words.map(|words| ALIGNED_WORDS >> words.trailing_zeros().min(ALIGNED_WORDS.ilog2()));
        let least = least[0].max(least[1]);
        let fit = |turn: u64| (turn / self.multiply_adds(x.height, x.width)) as usize / least * least;
        let each = self.tiling.turn.map_or(images, |turn| fit(turn).max(least));
        (0..images).step_by(each).map(move |first| first..images.min(first + each))
    }

    /// A kernel and its workgroups for a result of `pixels` x `channels`.
    fn tiles(&self, entry: &'static str, pixels: usize, channels: usize) -> (Kernel, [u32; 3]) {
        let width = self.tiling.width(channels);
        let rows = pixels.div_ceil(TILE_PIXELS * self.tiling.group as usize);
        (self.tiling.kernel(entry, width), [rows as u32, channels.div_ceil(width) as u32, 1])
    }

    /// `conv(x) + bias`, plus `residual` if there is one.
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
        let out = Activation::new(b, &format!("{}.output", self.name), shape);
        for turn in self.turns(x) {
            let added = u32::from(residual.is_some());
            let params = Params { added, ..self.params(turn.len(), x.height, x.width) };
            let (part, x) = (out.of(&turn), x.of(&turn).tensor);
            // Without a residual something must be bound, and is not read.
            let other = residual.map_or(x, |residual| residual.of(&turn).tensor);
            let (kernel, groups) = self.tiles("forward", part.rows(), out.channels);
            b.dispatch(kernel, &params, &[x, weights, part.tensor, bias, other], groups);
        }
        out
    }

    /// Gradient of the input (shaped like `x`), plus `other_path` if the input feeds another branch.
    pub fn data_gradient(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        d_out: Activation,
        weights: Tensor,
        other_path: Option<Activation>,
    ) -> Activation {
        let dx = x.like(b, &format!("{}.d_input", self.name));
        let classes = self.stride * self.stride;
        for turn in self.turns(x) {
            let class_pixels = turn.len() * x.height.div_ceil(self.stride) * x.width.div_ceil(self.stride);
            let (kernel, groups) = self.tiles("data_gradient", classes * class_pixels, dx.channels);
            let added = u32::from(other_path.is_some());
            let params = Params { added, ..self.params(turn.len(), x.height, x.width) };
            let d_out = d_out.of(&turn).tensor;
            // Without another path something must be bound, and is not read.
            let other = other_path.map_or(d_out, |other| other.of(&turn).tensor);
            let bindings = [(1, d_out), (2, weights), (3, dx.of(&turn).tensor), (5, other)];
            b.dispatch_at(kernel, &params, &bindings, groups);
        }
        dx
    }

    /// Gradients of weights and bias, written or (with `accumulate`) added.
    pub fn weight_gradient(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        d_out: Activation,
        d_weights: Tensor,
        d_bias: Tensor,
        accumulate: bool,
    ) {
        let words = self.weight_words();
        // A part of the partial sums must be bound like a part of the images.
        let turns: Vec<_> = match words.is_multiple_of(ALIGNED_WORDS) {
            true => self.turns(x).collect(),
            false => iter::once(0..x.images).collect(),
        };
        let count = turns.len();
        let cuts: Vec<_> = turns
            .into_iter()
            .map(|turn| {
                let rows = turn.len() * d_out.height;
                let worth = rows * d_out.width / self.tiling.slice_pixels;
                let slices = worth.min(PARTIAL_WORDS / words / count).min(rows).clamp(1, MOST_SLICES);
                let slice_rows = rows.div_ceil(slices);
                (turn, rows.div_ceil(slice_rows), slice_rows)
            })
            .collect();
        let slices = cuts.iter().map(|(_, slices, _)| slices).sum();
        let partial = b.tensor(format!("{}.partial_weights", self.name), slices * words);
        let tiles = (self.kernel * self.kernel * self.in_channels / 4).div_ceil(self.tiling.group as usize);
        let mut first = 0;
        for (turn, slices, slice_rows) in cuts {
            let params =
                Params { slice_rows: slice_rows as u32, ..self.params(turn.len(), x.height, x.width) };
            let width = self.tiling.width(self.out_channels);
            let groups = [tiles as u32, (self.out_channels / width) as u32, slices as u32];
            let part = partial.slice(first * words, slices * words);
            let bindings = [x.of(&turn).tensor, d_out.of(&turn).tensor, part];
            b.dispatch(self.tiling.kernel("weight_gradient", width), &params, &bindings, groups);
            first += slices;
        }
        sum_slices(b, partial, d_weights, words / 4, slices, accumulate);
        sum_rows(b, &self.name, d_out, d_bias, accumulate);
    }
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ReduceParams {
    rows: u32,
    quads: u32,
    slices: u32,
    accumulate: u32,
}

fn sum_slices(b: &mut PlanBuilder, from: Tensor, to: Tensor, quads: usize, slices: usize, accumulate: bool) {
    let params = ReduceParams {
        rows: 0,
        quads: quads as u32,
        slices: slices as u32,
        accumulate: u32::from(accumulate),
    };
    b.dispatch(Kernel::new("nn/reduce", "sum_slices"), &params, &[from, to], groups_for_items(quads, 64));
}

/// Column sums of a feature map: the gradient of a bias.
fn sum_rows(b: &mut PlanBuilder, name: &str, map: Activation, to: Tensor, accumulate: bool) {
    let (rows, quads) = (map.rows(), map.quads());
    let slices = (rows / 64).clamp(1, 64);
    let partial = b.tensor(format!("{name}.partial_bias"), slices * quads * 4);
    let params =
        ReduceParams { rows: rows as u32, quads: quads as u32, slices: slices as u32, accumulate: 0 };
    let groups = groups_for_items(quads * slices, 64);
    b.dispatch(Kernel::new("nn/reduce", "sum_rows"), &params, &[map.tensor, partial], groups);
    sum_slices(b, partial, to, quads, slices, accumulate);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First images and ends of the turns.
    fn turns(map: [usize; 4], outputs: usize, turn: Option<u64>) -> Vec<[usize; 2]> {
        let inputs = map[3];
        let tiling = Tiling { turn, ..Tiling::REGISTER };
        let name = String::new();
        let conv = Conv2d { name, in_channels: inputs, out_channels: outputs, kernel: 3, stride: 1, tiling };
        let mut b = PlanBuilder::new();
        conv.turns(Activation::new(&mut b, "x", map)).map(|turn| [turn.start, turn.end]).collect()
    }

    #[test]
    fn a_turn_takes_the_images_it_has_time_for() {
        let image = 8 * 8 * 9 * 4 * 8;
        assert_eq!(turns([5, 8, 8, 4], 8, None), [[0, 5]]);
        assert_eq!(turns([5, 8, 8, 4], 8, Some(2 * image + 1)), [[0, 2], [2, 4], [4, 5]]);
        assert_eq!(turns([3, 8, 8, 4], 8, Some(1)), [[0, 1], [1, 2], [2, 3]]);
    }

    /// 36 words an image of the input: sixteen images begin where a buffer can be bound.
    #[test]
    fn a_turn_begins_where_its_images_can_be_bound() {
        assert_eq!(turns([37, 3, 3, 4], 8, Some(1)), [[0, 16], [16, 32], [32, 37]]);
    }
}
