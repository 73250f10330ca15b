//! How matrix products, and convolutions as such, are cut into workgroups.

use std::fmt;

use super::{Gpu, Kernel};

/// Which invocations share what they read of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Each reads for itself.
    Alone,
    /// Those of a workgroup, by its memory.
    Workgroup,
    /// Those of a subgroup, 4 or 8, by broadcast.
    Subgroup(u32),
}

/// How a convolution's work is cut into workgroups. The results are the same to the bit for all that have the same
/// `slice_pixels` and `turn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Invocations a workgroup.
    pub group: u32,
    pub sharing: Sharing,
    /// Channels that an invocation computes at most, for four pixels: 8, 16 or, in subgroups of eight, 32.
    pub channels: usize,
    /// Output pixels that make a slice of the weight gradient worth its own partial sum.
    pub slice_pixels: usize,
    /// Multiply-adds after which a dispatch ends and another goes on with the next images, if any: others
    /// get their turn on the adapter in between.
    pub turn: Option<u64>,
}

impl Tiling {
    /// For GPUs: at least a wave.
    pub const WAVE: Self =
        Self { group: 64, sharing: Sharing::Alone, channels: 8, slice_pixels: 256, turn: None };
    /// For software adapters: they run one SIMD register's worth of invocations at a time and gain
    /// nothing from more.
    pub const REGISTER: Self = Self { group: 8, slice_pixels: 1024, ..Self::WAVE };

    /// All that an adapter can run, those first that suit it by all that is known; the first is taken without
    /// measuring.
    pub fn candidates(gpu: &Gpu) -> Vec<Self> {
        let plain = if gpu.is_software() { Self::REGISTER } else { Self::WAVE };
        let shared =
            |lanes, channels| Self { group: 8, sharing: Sharing::Subgroup(lanes), channels, ..plain };
        let mut all = Vec::new();
        if gpu.has_subgroups_of(8) {
            all.extend([32, 16, 8].map(|channels| shared(8, channels)));
        }
        if gpu.has_subgroups_of(4) {
            all.extend([8, 16].map(|channels| shared(4, channels)));
        }
        all.extend([8, 16].map(|channels| Self { channels, ..plain }));
        if !gpu.is_software() {
            let sharing = Sharing::Workgroup;
            all.extend([8, 16].map(|channels| Self { sharing, channels, ..plain }));
        }
        all
    }

    /// The same in turns of `multiply_adds`.
    pub fn in_turns(self, multiply_adds: u64) -> Self {
        Self { turn: Some(multiply_adds), ..self }
    }

    /// The widest tile for `channels` of them, in channels: one that they fill, or the least.
    pub(crate) fn width(self, channels: usize) -> usize {
        let fills = |width: &usize| *width <= self.channels && channels.is_multiple_of(*width);
        [32, 16].into_iter().find(fills).unwrap_or(8)
    }

    /// An entry point of `nn/conv2d.wgsl` for tiles of this width.
    pub(crate) fn kernel(self, entry: &'static str, width: usize) -> Kernel {
        let shader = match (self.sharing, width) {
            (Sharing::Subgroup(8), 32) => "nn/conv2d_subgroups8_32",
            (Sharing::Subgroup(8), 16) => "nn/conv2d_subgroups8_16",
            (Sharing::Subgroup(8), _) => "nn/conv2d_subgroups8_8",
            (Sharing::Subgroup(_), 16) => "nn/conv2d_subgroups4_16",
            (Sharing::Subgroup(_), _) => "nn/conv2d_subgroups4_8",
            (Sharing::Workgroup, 16) => "nn/conv2d_workgroup_16",
            (Sharing::Workgroup, _) => "nn/conv2d_workgroup_8",
            (Sharing::Alone, 16) => "nn/conv2d_16",
            (Sharing::Alone, _) => "nn/conv2d",
        };
        let kernel = Kernel::new(shader, entry);
        match self.sharing {
            Sharing::Subgroup(_) => kernel,
            Sharing::Alone | Sharing::Workgroup => kernel.with("GROUP", f64::from(self.group)),
        }
    }
}

/// A name that tells it from the other candidates of an adapter: `subgroups-8x32` (lanes and channels),
/// `workgroup-64x16` and `alone-64x8` (invocations and channels).
impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sharing {
            Sharing::Alone => write!(f, "alone-{}x{}", self.group, self.channels),
            Sharing::Workgroup => write!(f, "workgroup-{}x{}", self.group, self.channels),
            Sharing::Subgroup(lanes) => write!(f, "subgroups-{lanes}x{}", self.channels),
        }
    }
}
