//! Feature maps and sums over them (`shaders/nn/reduce.wgsl`). A leaf: every layer imports it.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use crate::gpu::{ALIGNED_WORDS, Kernel, PlanBuilder, Storage, Tensor, groups_1d, groups_for_items};

/// A batch of feature maps with channels a multiple of four.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    /// `[images, height, width, channels]`
    pub tensor: Tensor,
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub storage: Storage,
}

impl Activation {
    /// Declares a transient feature map of `shape` `[images, height, width, channels]`, stored as f32.
    pub fn new(b: &mut PlanBuilder, name: &str, shape: [usize; 4]) -> Self {
        Self::stored(b, name, shape, Storage::F32)
    }

    /// Declares a transient feature map of `shape` `[images, height, width, channels]`.
    pub fn stored(b: &mut PlanBuilder, name: &str, shape: [usize; 4], storage: Storage) -> Self {
        let tensor = b.tensor(name, storage.words(shape.iter().product()));
        Self { storage, ..Self::of_shape(tensor, shape) }
    }

    /// Declares a feature map of `shape` that keeps its content between runs, stored as f32; zero at first.
    pub fn persistent(b: &mut PlanBuilder, name: &str, shape: [usize; 4]) -> Self {
        Self::of_shape(b.persistent(name, shape.iter().product()), shape)
    }

    fn of_shape(tensor: Tensor, [images, height, width, channels]: [usize; 4]) -> Self {
        Self { tensor, images, height, width, channels, storage: Storage::F32 }
    }

    /// Declares a transient feature map of the same shape, stored in the same way.
    pub fn like(&self, b: &mut PlanBuilder, name: &str) -> Self {
        Self::stored(b, name, [self.images, self.height, self.width, self.channels], self.storage)
    }

    /// The feature maps of some of the images.
    pub(super) fn slice(&self, images: &Range<usize>) -> Self {
        let words = self.storage.words(self.height * self.width * self.channels);
        let tensor = self.tensor.slice(images.start * words, images.len() * words);
        Self { tensor, images: images.len(), ..*self }
    }

    /// Pixels of the whole batch: images x height x width.
    pub fn pixels(&self) -> usize {
        self.images * self.height * self.width
    }

    /// Channels / 4: vec4s per pixel.
    pub(super) fn channels_vec4(&self) -> usize {
        self.channels / 4
    }
}

/// The fewest images at a multiple of which feature maps of this many words per image can be divided: slices of tensors are
/// bound at aligned offsets.
pub(super) fn aligned_images(words: [usize; 2]) -> usize {
    let least = words.map(|words| ALIGNED_WORDS >> words.trailing_zeros().min(ALIGNED_WORDS.ilog2()));
    least[0].max(least[1])
}

/// `Params` of `shaders/nn/reduce.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ReduceParams {
    rows: u32,
    columns_vec4: u32,
    slices: u32,
    accumulate: u32,
}

/// Rows that one invocation adds in the first dispatch of a sum over rows: few enough that a GPU starts more invocations
/// than it has lanes, many enough that the partial sums are a small share of the traffic.
pub(super) const SLICE_ROWS: usize = 64;

/// TensorFlow's SAME padding: zeros before and after one side of `size` pixels, an odd one after.
pub(super) fn same_padding(size: usize, kernel: usize, stride: usize) -> [usize; 2] {
    let all = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
    [all / 2, all - all / 2]
}

/// Slices of about [`SLICE_ROWS`] rows.
pub(super) fn row_slices(rows: usize) -> usize {
    rows.div_ceil(SLICE_ROWS).max(1)
}

/// Records `to` `[vec4s x 4]` = sum over slices of `from` `[slices, vec4s x 4]`, added to `to` if `accumulate`.
pub(super) fn sum_slices(
    b: &mut PlanBuilder,
    from: Tensor,
    to: Tensor,
    vec4s: usize,
    slices: usize,
    accumulate: bool,
) {
    record_sum(b, ["sum_slices", "sum_many_slices"], &[from, to], [0, vec4s, slices], accumulate);
}

/// Records the sums over slices of `from` `[slices, words[0] + words[1]]`, written to `weights` `[words[0]]` and `bias`
/// `[words[1]]`, or added if `accumulate`.
pub(super) fn sum_weight_slices(
    b: &mut PlanBuilder,
    from: Tensor,
    [weights, bias]: [Tensor; 2],
    words: [usize; 2],
    slices: usize,
    accumulate: bool,
) {
    let sizes = [words[0] / 4, (words[0] + words[1]) / 4, slices];
    let entries = ["sum_weight_slices", "sum_many_weight_slices"];
    record_sum(b, entries, &[from, weights, bias], sizes, accumulate);
}

/// Records the first entry point for few slices, the second for many.
fn record_sum(
    b: &mut PlanBuilder,
    [few, many]: [&'static str; 2],
    bindings: &[Tensor],
    [rows, vec4s, slices]: [usize; 3],
    accumulate: bool,
) {
    let params = ReduceParams {
        rows: rows as u32,
        columns_vec4: vec4s as u32,
        slices: slices as u32,
        accumulate: u32::from(accumulate),
    };
    let (entry, groups) = match slices > SLICE_ROWS {
        true => (many, groups_1d(vec4s as u32)),
        false => (few, groups_for_items(vec4s, 64)),
    };
    let chain = if slices > SLICE_ROWS { tree_chain(slices) } else { slices as u64 };
    b.dispatch(Kernel::new("nn/reduce", entry), &params, bindings, groups).chain = chain;
}

/// Reads one after another where a workgroup of 64 adds `slices` values as a tree.
pub(super) fn tree_chain(slices: usize) -> u64 {
    slices.div_ceil(64) as u64 + 6
}

/// Records `to` `[channels]` = sum over all pixels of a feature map, the gradient of a bias; added to `to` if
/// `accumulate`.
pub(super) fn sum_pixels(b: &mut PlanBuilder, name: &str, map: Activation, to: Tensor, accumulate: bool) {
    let (rows, vec4s) = (map.pixels(), map.channels_vec4());
    let slices = row_slices(rows);
    let partial = b.tensor(format!("{name}.partial_bias"), slices * vec4s * 4);
    let params =
        ReduceParams { rows: rows as u32, columns_vec4: vec4s as u32, slices: slices as u32, accumulate: 0 };
    let groups = groups_for_items(vec4s * slices, 64);
    let kernel = Kernel::new("nn/reduce", "sum_rows").stored_as(map.storage);
    b.dispatch(kernel, &params, &[map.tensor, partial], groups).chain = SLICE_ROWS as u64;
    sum_slices(b, partial, to, vec4s, slices, accumulate);
}
