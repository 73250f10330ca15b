//! How matrix products, and convolutions as such, are cut into workgroups.

use std::fmt;

use super::{Gpu, Kernel};

/// Invocations of a subgroup where tiles are shared out.
const SUBGROUP: u32 = 8;

/// How a convolution's work is cut into workgroups. The results are the same to the bit for all that have the same
/// `slice_pixels` and `turn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Invocations a workgroup.
    pub group: u32,
    /// Whether a workgroup is one subgroup of eight, whose invocations share what they read.
    pub subgroups: bool,
    /// Channels that an invocation computes at most, for four pixels: 8, 16 or, with subgroups, 32.
    pub channels: usize,
    /// Output pixels that make a slice of the weight gradient worth its own partial sum.
    pub slice_pixels: usize,
    /// Multiply-adds after which a dispatch ends and another goes on with the next images, if any: others
    /// get their turn on the adapter in between.
    pub turn: Option<u64>,
}

impl Tiling {
    /// For GPUs: at least a wave.
    pub const WAVE: Self = Self { group: 64, subgroups: false, channels: 8, slice_pixels: 256, turn: None };
    /// For software adapters: they run one SIMD register's worth of invocations at a time and gain
    /// nothing from more.
    pub const REGISTER: Self = Self { group: 8, slice_pixels: 1024, ..Self::WAVE };

    /// For adapters whose subgroups are of eight.
    const fn of_subgroups(channels: usize) -> Self {
        Self { group: SUBGROUP, subgroups: true, channels, ..Self::REGISTER }
    }

    /// All that an adapter can run, those first that suit it by all that is known; the first is taken without
    /// measuring.
    pub fn candidates(gpu: &Gpu) -> Vec<Self> {
        let plain = if gpu.is_software() { Self::REGISTER } else { Self::WAVE };
        let mut all = Vec::new();
        if gpu.has_subgroups_of(SUBGROUP) {
            let shared = |channels| Self { slice_pixels: plain.slice_pixels, ..Self::of_subgroups(channels) };
            all.extend([32, 16, 8].map(shared));
        }
        all.extend([8, 16].map(|channels| Self { channels, ..plain }));
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
        let shader = match (self.subgroups, width) {
            (true, 32) => "nn/conv2d_subgroups_32",
            (true, 16) => "nn/conv2d_subgroups_16",
            (true, _) => "nn/conv2d_subgroups_8",
            (false, 16) => "nn/conv2d_16",
            (false, _) => "nn/conv2d",
        };
        let kernel = Kernel::new(shader, entry);
        if self.subgroups { kernel } else { kernel.with("GROUP", f64::from(self.group)) }
    }
}

/// A name that tells it from the other candidates of an adapter: `subgroups-8x32`, `workgroups-64x8`.
impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.subgroups { "subgroups" } else { "workgroups" };
        write!(f, "{kind}-{}x{}", self.group, self.channels)
    }
}
