use bytemuck::{Pod, Zeroable};

use super::Activation;
use crate::gpu::{Gpu, Kernel, PlanBuilder, Tensor, groups_for_items};

const SHADER: &str = "nn/conv2d";
const SUBGROUP_SHADER: &str = "nn/conv2d_subgroups";
/// Output pixels a thread of `conv2d.wgsl` computes.
const TILE_PIXELS: usize = 4;
/// Quads of channels a thread computes.
const TILE_QUADS: usize = 2;
/// Output rows that make a slice of the weight gradient worth its own partial sum.
const ROWS_A_SLICE: usize = 16;
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
    pub tiling: ConvTiling,
}

/// How a convolution's work is cut into workgroups; the results are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTiling {
    /// Invocations a workgroup.
    pub group: u32,
    /// Whether a workgroup is one subgroup of eight, whose invocations share what they read.
    pub subgroups: bool,
}

impl ConvTiling {
    /// For GPUs: at least a wave.
    pub const WAVE: Self = Self { group: 64, subgroups: false };
    /// For software adapters: they run one SIMD register's worth of invocations at a time and gain
    /// nothing from more.
    pub const REGISTER: Self = Self { group: 8, subgroups: false };
    /// For adapters whose subgroups are of eight.
    pub const SUBGROUP: Self = Self { group: 8, subgroups: true };

    /// The one that suits an adapter.
    pub fn for_adapter(gpu: &Gpu) -> Self {
        if gpu.has_subgroups_of(Self::SUBGROUP.group) {
            Self::SUBGROUP
        } else if gpu.info.device_type == wgpu::DeviceType::Cpu {
            Self::REGISTER
        } else {
            Self::WAVE
        }
    }
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
        }
    }

    fn kernel_of(&self, entry: &'static str) -> Kernel {
        let shader = if self.tiling.subgroups { SUBGROUP_SHADER } else { SHADER };
        Kernel::new(shader, entry).with("GROUP", f64::from(self.tiling.group))
    }

    fn tile_groups(&self, pixels: usize, quads: usize) -> [u32; 3] {
        [
            pixels.div_ceil(TILE_PIXELS * self.tiling.group as usize) as u32,
            quads.div_ceil(TILE_QUADS) as u32,
            1,
        ]
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
        let params = self.params(x.images, x.height, x.width);
        let shape = [x.images, params.out_height as usize, params.out_width as usize, self.out_channels];
        let out = Activation::new(b, &format!("{}.output", self.name), shape);
        let groups = self.tile_groups(out.rows(), out.quads());
        let mut bindings = vec![x.tensor, weights, out.tensor, bias];
        let entry = match residual {
            None => "forward",
            Some(residual) => {
                bindings.push(residual.tensor);
                "forward_add"
            }
        };
        b.dispatch(self.kernel_of(entry), &params, &bindings, groups);
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
        let class_pixels = x.images * x.height.div_ceil(self.stride) * x.width.div_ceil(self.stride);
        let groups = self.tile_groups(classes * class_pixels, dx.quads());
        let params = self.params(x.images, x.height, x.width);
        match other_path {
            None => {
                let bindings = [d_out.tensor, weights, dx.tensor];
                b.dispatch(self.kernel_of("data_gradient"), &params, &bindings, groups);
            }
            Some(other) => {
                let entry = self.kernel_of("data_gradient_add");
                b.dispatch_at(
                    entry,
                    &params,
                    &[(1, d_out.tensor), (2, weights), (3, dx.tensor), (5, other.tensor)],
                    groups,
                );
            }
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
        let rows = x.images * d_out.height;
        let slices = (rows / ROWS_A_SLICE).min(PARTIAL_WORDS / words).clamp(1, 64);
        let slice_rows = rows.div_ceil(slices);
        let slices = rows.div_ceil(slice_rows);
        let partial = b.tensor(format!("{}.partial_weights", self.name), slices * words);
        let params = Params { slice_rows: slice_rows as u32, ..self.params(x.images, x.height, x.width) };
        let tiles = self.kernel * self.kernel * self.in_channels / 4;
        let groups = [
            tiles.div_ceil(self.tiling.group as usize) as u32,
            (self.out_channels / 8) as u32,
            slices as u32,
        ];
        let bindings = [x.tensor, d_out.tensor, partial];
        b.dispatch(self.kernel_of("weight_gradient"), &params, &bindings, groups);
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
