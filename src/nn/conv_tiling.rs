//! How a convolution is divided into dispatches, workgroups and slices, and what its dispatches cost.

use crate::gpu::{Block, Gpu, Kernel, Sharing, Tiling, Work};

/// Limit of MACs per dispatch on software adapters, less than a tenth of a second, so that a step can be interrupted.
const SOFTWARE_MACS: u64 = 1 << 28;

/// How a convolution is divided into dispatches, workgroups and slices. Results are bit-identical for all tilings with
/// the same `slice_pixels`, `max_slices`, `depthwise_slices`, `partial_words` and `macs_per_dispatch`, but for the bias's
/// gradient in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTiling {
    pub tile: Tiling,
    /// Output pixels per slice of the weight gradient, at least; each slice has its own partial sum.
    pub slice_pixels: usize,
    /// Largest number of slices of the weight gradient per chunk of images.
    pub max_slices: usize,
    /// The same two numbers for depthwise convolutions, which have less to sum per pixel.
    pub depthwise_slices: [usize; 2],
    /// Rows down an image that an invocation of a depthwise convolution walks at most; 1: none. Changes no result.
    pub walk_rows: usize,
    /// Largest size of the partial weight gradients in words.
    pub partial_words: usize,
    /// Limit of multiply-accumulate operations (MACs) per dispatch: the images of a batch are divided into several
    /// dispatches, so that a window on the same adapter stays responsive.
    pub macs_per_dispatch: Option<u64>,
    /// A second limit of MACs per dispatch, which changes no result: the images of a batch are divided, and the slices of
    /// the weight gradient.
    pub macs_at_once: Option<u64>,
    /// Invocations of a workgroup that joins the slices of a batch norm, 64 at most: as many as run at once. Changes no
    /// result.
    pub tree_invocations: u32,
}

impl ConvTiling {
    /// The tiling for an adapter, with the tile that it has set.
    pub fn new(gpu: &Gpu) -> Self {
        let (plain, macs_at_once) = match gpu.is_software() {
            true => (Self::REGISTER, Some(SOFTWARE_MACS)),
            false => (Self::BLOCKS, None),
        };
        Self { tile: gpu.tiling, macs_at_once, ..plain }
    }

    /// [`Tiling::BLOCKS`], for GPUs: slices short enough that many run at once.
    pub const BLOCKS: Self = Self {
        tile: Tiling::BLOCKS,
        slice_pixels: 256,
        max_slices: 1024,
        depthwise_slices: [64, 4096],
        walk_rows: 1,
        partial_words: 8 << 20,
        macs_per_dispatch: None,
        macs_at_once: None,
        tree_invocations: 64,
    };
    /// [`Tiling::WAVE`], for GPUs without blocks.
    pub const WAVE: Self = Self { tile: Tiling::WAVE, ..Self::BLOCKS };
    /// [`Tiling::REGISTER`], for software adapters.
    pub const REGISTER: Self = Self {
        tile: Tiling::REGISTER,
        slice_pixels: 1024,
        max_slices: 64,
        depthwise_slices: [1024, 64],
        walk_rows: 64,
        partial_words: 4 << 20,
        tree_invocations: 8,
        ..Self::BLOCKS
    };

    /// The same tiling with a limit of MACs per dispatch.
    pub fn with_macs_per_dispatch(self, macs: u64) -> Self {
        Self { macs_per_dispatch: Some(macs), ..self }
    }

    /// The variant of `nn/conv2d.wgsl` for tiles `width` channels wide, with its entry point.
    pub(super) fn kernel(self, entry: &'static str, width: usize) -> Kernel {
        let shader = match (self.tile.sharing, width) {
            (Sharing::Subgroup(8), 32) => "nn/conv2d_subgroups8_32",
            (Sharing::Subgroup(8), 16) => "nn/conv2d_subgroups8_16",
            (Sharing::Subgroup(8), _) => "nn/conv2d_subgroups8_8",
            (Sharing::Subgroup(_), 16) => "nn/conv2d_subgroups4_16",
            (Sharing::Subgroup(_), _) => "nn/conv2d_subgroups4_8",
            (Sharing::Workgroup, 16) => "nn/conv2d_workgroup_16",
            (Sharing::Workgroup, _) => "nn/conv2d_workgroup_8",
            (Sharing::PerInvocation | Sharing::Block(_), 32) => "nn/conv2d_32",
            (Sharing::PerInvocation | Sharing::Block(_), 16) => "nn/conv2d_16",
            (Sharing::PerInvocation | Sharing::Block(_), _) => "nn/conv2d",
        };
        let kernel = Kernel::new(shader, entry);
        match self.tile.sharing {
            Sharing::Subgroup(_) => kernel,
            Sharing::PerInvocation | Sharing::Workgroup | Sharing::Block(_) => {
                kernel.with("GROUP", f64::from(self.tile.group))
            }
        }
    }
}

/// The variant of `nn/conv2d_block.wgsl` for each of [`Block::ALL`].
const BLOCK_SHADERS: [&str; 5] = [
    "nn/conv2d_block_128x64x16_8x8",
    "nn/conv2d_block_128x64x16_8x4",
    "nn/conv2d_block_256x32x8_8x4",
    "nn/conv2d_block_128x16x16_4x4",
    "nn/conv2d_block_64x32x32_4x4",
];

/// The shader of a block.
pub(super) fn block_shader(block: Block) -> &'static str {
    let index = Block::ALL.iter().position(|known| *known == block);
    BLOCK_SHADERS[index.expect("blocks come from the list")]
}

/// What [`Work`] a dispatch of MACs is.
pub(super) struct Cost {
    /// Values of workgroup memory that an invocation reads for each MAC. A tile's weights are the same in all its
    /// invocations; its pixels are a row of the feature map apart, in a cache line each: about one value of a full-width
    /// read for each MAC.
    pub values_per_mac: f64,
    pub chain: usize,
}

impl Cost {
    /// For each term of its sums an invocation of a block reads a value per row and per column.
    pub fn of_block([rows, columns]: [usize; 2], chain: usize) -> Self {
        Self { values_per_mac: (rows + columns) as f64 / (rows * columns) as f64, chain }
    }

    pub fn of_tile(chain: usize) -> Self {
        Self { values_per_mac: 1.0, chain }
    }

    pub fn note(&self, work: &mut Work, macs: u64) {
        work.operations = 2 * macs;
        work.local_bytes = (4.0 * macs as f64 * self.values_per_mac) as u64;
        work.chain = self.chain as u64;
    }
}
