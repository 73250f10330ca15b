//! Depthwise convolution (`shaders/nn/depthwise.wgsl`): every channel has a filter of its own. Its weight gradient is summed
//! over slices of rows, in a fixed order.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::activation::{Activation, aligned_images, same_padding, sum_slices};
use super::conv_tiling::ConvTiling;
use crate::gpu::{Kernel, PlanBuilder, Tensor, Work, groups_for_items};

/// Pixels of a row that an invocation computes.
const STRIP: usize = 4;
/// Rows of the filter that an invocation of the weight gradient sums.
const FILTER_ROWS: usize = 3;
/// By how much fewer MACs a dispatch does than one of a convolution in the same time: values are not reused between channels.
const VALUES_PER_MAC: u64 = 4;

/// A depthwise convolution `kernel` x `kernel` (3 or 5), stride 1 or 2, TensorFlow's SAME padding, without bias.
///
/// Channels are a multiple of four. Weights are `[kernel, kernel, channels]`.
#[derive(Clone, Debug)]
pub struct DepthwiseConv2d {
    pub name: String,
    pub channels: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Its walks, its slices of the weight gradient, and the limits of MACs per dispatch.
    pub tiling: ConvTiling,
}

/// `Params` of `shaders/nn/depthwise.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    channels_vec4: u32,
    out_height: u32,
    out_width: u32,
    stride: u32,
    pad_y: u32,
    pad_x: u32,
    slices: u32,
    slice_rows: u32,
    first_slice: u32,
}

impl DepthwiseConv2d {
    /// Words of the weight tensor `[kernel, kernel, channels]`.
    pub fn weight_words(&self) -> usize {
        self.kernel * self.kernel * self.channels
    }

    /// Multiply-accumulate operations (MACs) for one image of `height` x `width`.
    pub fn macs(&self, height: usize, width: usize) -> u64 {
        (height.div_ceil(self.stride) * width.div_ceil(self.stride) * self.weight_words()) as u64
    }

    fn params(&self, x: Activation, [slices, slice_rows]: [usize; 2]) -> Params {
        Params {
            batch: x.images as u32,
            in_height: x.height as u32,
            in_width: x.width as u32,
            channels_vec4: x.channels_vec4() as u32,
            out_height: x.height.div_ceil(self.stride) as u32,
            out_width: x.width.div_ceil(self.stride) as u32,
            stride: self.stride as u32,
            pad_y: same_padding(x.height, self.kernel, self.stride)[0] as u32,
            pad_x: same_padding(x.width, self.kernel, self.stride)[0] as u32,
            slices: slices as u32,
            slice_rows: slice_rows as u32,
            first_slice: 0,
        }
    }

    /// A kernel for feature maps stored as `x` is.
    fn kernel(&self, entry: &'static str, x: Activation) -> Kernel {
        let shader = if self.kernel == 3 { "nn/depthwise_3" } else { "nn/depthwise_5" };
        Kernel::new(shader, entry).stored_as(x.storage)
    }

    /// Whether invocations walk down the image.
    fn walks(&self) -> bool {
        self.stride == 1 && self.tiling.walk_rows > 1
    }

    /// The number of walks down an image of `x`, and the rows of each.
    fn walk_rows(&self, x: Activation) -> [usize; 2] {
        let walks = x.height.div_ceil(self.tiling.walk_rows);
        [walks, x.height.div_ceil(walks)]
    }

    /// The work of a dispatch on the images of `x`, with its longest chain of reads: those of `rows` rows of the result.
    fn note(&self, work: &mut Work, x: Activation, rows: usize) {
        work.operations = 2 * self.macs(x.height, x.width) * x.images as u64;
        work.chain = ((self.kernel + rows - 1) * self.kernel) as u64;
    }

    /// MACs that a dispatch does at most, if there is a limit.
    fn limit(&self) -> Option<u64> {
        let limits = [self.tiling.macs_per_dispatch, self.tiling.macs_at_once];
        limits.into_iter().flatten().min().map(|macs| macs / VALUES_PER_MAC)
    }

    /// Divides the images of `x` into chunks within the limit of MACs per dispatch, as far as their feature maps can be bound.
    fn image_chunks(&self, x: Activation) -> impl Iterator<Item = Range<usize>> + use<> {
        let pixels = x.height.div_ceil(self.stride) * x.width.div_ceil(self.stride);
        let words = [x.height * x.width, pixels].map(|pixels| x.storage.words(pixels * x.channels));
        let (images, least) = (x.images, aligned_images(words));
        let fit = |macs: u64| (macs / self.macs(x.height, x.width).max(1)) as usize / least * least;
        let each = self.limit().map_or(images, fit).max(least);
        (0..images).step_by(each).map(move |first| first..images.min(first + each))
    }

    /// Records the convolution of `x`; `weights` is `[kernel, kernel, channels]`.
    pub fn forward(&self, b: &mut PlanBuilder, x: Activation, weights: Tensor) -> Activation {
        let [height, width] = [x.height, x.width].map(|size| size.div_ceil(self.stride));
        let shape = [x.images, height, width, x.channels];
        let out = Activation::stored(b, &format!("{}.output", self.name), shape, x.storage);
        let (entry, rows) = match self.walks() {
            true => ("forward_walk", self.walk_rows(x)),
            false => ("forward", [height, 1]),
        };
        for images in self.image_chunks(x) {
            let (x, out) = (x.slice(&images), out.slice(&images));
            let items = x.images * rows[0] * width.div_ceil(STRIP) * x.channels_vec4();
            let bindings = [x.tensor, weights, out.tensor];
            let groups = groups_for_items(items, 64);
            let work = b.dispatch(self.kernel(entry, x), &self.params(x, rows), &bindings, groups);
            self.note(work, x, rows[1]);
        }
        out
    }

    /// Records the gradient of the input, shaped like `x`.
    pub fn data_gradient(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        d_out: Activation,
        weights: Tensor,
    ) -> Activation {
        let dx = x.like(b, &format!("{}.d_input", self.name));
        let strips = x.width.div_ceil(STRIP * self.stride) * self.stride;
        let (entry, rows) = match self.walks() {
            true => ("data_gradient_walk", self.walk_rows(x)),
            false => ("data_gradient", [x.height, 1]),
        };
        for images in self.image_chunks(x) {
            let (x, d_out, dx) = (x.slice(&images), d_out.slice(&images), dx.slice(&images));
            let items = x.images * rows[0] * strips * x.channels_vec4();
            let bindings = [d_out.tensor, weights, dx.tensor];
            let groups = groups_for_items(items, 64);
            let work = b.dispatch(self.kernel(entry, x), &self.params(x, rows), &bindings, groups);
            self.note(work, x, rows[1]);
        }
        dx
    }

    /// Records the gradient of the weights `[kernel, kernel, channels]`: written, or added if `accumulate`.
    pub fn weight_gradient(
        &self,
        b: &mut PlanBuilder,
        x: Activation,
        d_out: Activation,
        d_weights: Tensor,
        accumulate: bool,
    ) {
        let [slices, slice_rows] = self.slices(d_out);
        let partial = b.tensor(format!("{}.partial_weights", self.name), slices * self.weight_words());
        let bindings = [x.tensor, d_out.tensor, partial];
        let macs_of_slice = (slice_rows * d_out.width * self.weight_words()) as u64;
        let at_once = |macs: u64| ((macs / macs_of_slice.max(1)) as usize).max(1);
        let each = self.limit().map_or(slices, at_once);
        let entry = if self.stride == 1 { "weight_gradient_pairs" } else { "weight_gradient" };
        for first_slice in (0..slices).step_by(each) {
            let count = each.min(slices - first_slice);
            let params = Params { first_slice: first_slice as u32, ..self.params(x, [count, slice_rows]) };
            let parts = self.kernel.div_ceil(FILTER_ROWS);
            let groups = groups_for_items(count * parts * x.channels_vec4(), 64);
            let work = b.dispatch(self.kernel(entry, x), &params, &bindings, groups);
            work.operations = 2 * macs_of_slice * count as u64;
            work.chain = (slice_rows * d_out.width) as u64;
        }
        sum_slices(b, partial, d_weights, self.weight_words() / 4, slices, accumulate);
    }

    /// The number of slices of the weight gradient, and the rows of output pixels of each.
    fn slices(&self, d_out: Activation) -> [usize; 2] {
        let rows = d_out.images * d_out.height;
        let ConvTiling { depthwise_slices: [pixels, most], partial_words, .. } = self.tiling;
        let slices = (rows * d_out.width / pixels).min(most).min(partial_words / self.weight_words());
        let slice_rows = rows.div_ceil(slices.clamp(1, rows));
        [rows.div_ceil(slice_rows), slice_rows]
    }
}
