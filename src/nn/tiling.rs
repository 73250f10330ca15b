use crate::gpu::{Gpu, Kernel};

const SHADER: &str = "nn/conv2d";
/// Invocations of a subgroup where tiles are shared out.
const SUBGROUP: u32 = 8;

/// How a convolution's work is cut into workgroups; the results are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTiling {
    /// Invocations a workgroup.
    pub group: u32,
    /// Whether a workgroup is one subgroup of eight, whose invocations share what they read.
    pub subgroups: bool,
    /// Channels that a thread computes at most: 8, and with subgroups 16 or 32 as well.
    pub channels: usize,
    /// Multiply-adds after which a dispatch ends and another goes on with the next images, if any: others
    /// get their turn on the adapter in between.
    pub turn: Option<u64>,
}

impl ConvTiling {
    /// For GPUs: at least a wave.
    pub const WAVE: Self = Self { group: 64, subgroups: false, channels: 8, turn: None };
    /// For software adapters: they run one SIMD register's worth of invocations at a time and gain
    /// nothing from more.
    pub const REGISTER: Self = Self { group: 8, ..Self::WAVE };
    /// For adapters whose subgroups are of eight, in tiles of up to so many channels.
    pub const SUBGROUPS: [Self; 3] = [Self::of_subgroups(8), Self::of_subgroups(16), Self::of_subgroups(32)];

    const fn of_subgroups(channels: usize) -> Self {
        Self { group: SUBGROUP, subgroups: true, channels, turn: None }
    }

    /// The one that suits an adapter.
    pub fn for_adapter(gpu: &Gpu) -> Self {
        if gpu.has_subgroups_of(SUBGROUP) {
            Self::SUBGROUPS[2]
        } else if gpu.is_software() {
            Self::REGISTER
        } else {
            Self::WAVE
        }
    }

    /// The same in turns of `multiply_adds`.
    pub fn in_turns(self, multiply_adds: u64) -> Self {
        Self { turn: Some(multiply_adds), ..self }
    }

    /// The widest tile for `channels` of them, in channels: one that they fill, or the least.
    pub(super) fn width(self, channels: usize) -> usize {
        let fills = |width: &usize| *width <= self.channels && channels.is_multiple_of(*width);
        [32, 16].into_iter().find(fills).unwrap_or(8)
    }

    pub(super) fn kernel(self, entry: &'static str, width: usize) -> Kernel {
        match (self.subgroups, width) {
            (false, _) => Kernel::new(SHADER, entry).with("GROUP", f64::from(self.group)),
            (true, 32) => Kernel::new("nn/conv2d_subgroups_32", entry),
            (true, 16) => Kernel::new("nn/conv2d_subgroups_16", entry),
            (true, _) => Kernel::new("nn/conv2d_subgroups_8", entry),
        }
    }
}
