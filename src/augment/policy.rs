//! Strong policies: CTAugment, RandAugment or none.

use rand::{Rng, RngExt};

use super::ctaugment::{CtAugment, DEPTH};
use super::ops::{OpDraw, OpOptions, OperationKind, PolicyScale, Sampling};

/// RandAugment as in semi-supervised learning (FixMatch; TorchSSL,
/// `datasets/augmentation/randaugment.py`): random operations, each with a strength uniform in its range, then a cutout
/// of up to half the side.
///
/// Angles are whole degrees and the cutout is CTAugment's grey square. The strengths of brightness,
/// color, contrast and sharpness start slightly below that of v = 0, so that their levels may be just
/// below 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandAugment {
    /// Number of random operations per image: 2 in FixMatch, 3 in TorchSSL.
    pub operations: usize,
    /// Whether a cutout follows them, as in both.
    pub cutout: bool,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self { operations: 2, cutout: true }
    }
}

/// The operations of RandAugment: kind, smallest and largest strength in the operation's own
/// unit (blend or enhance factor, bits, degrees, shear, fraction of the side, threshold).
const RANGES: [(OperationKind, f32, f32); 14] = [
    (OperationKind::Autocontrast, 1.0, 1.0),
    (OperationKind::Brightness, 0.05, 0.95),
    (OperationKind::Color, 0.05, 0.95),
    (OperationKind::Contrast, 0.05, 0.95),
    (OperationKind::Equalize, 1.0, 1.0),
    (OperationKind::Identity, 0.0, 0.0),
    (OperationKind::Posterize, 4.0, 8.0),
    (OperationKind::Rotate, -30.0, 30.0),
    (OperationKind::Sharpness, 0.05, 0.95),
    (OperationKind::ShearX, -0.3, 0.3),
    (OperationKind::ShearY, -0.3, 0.3),
    (OperationKind::Solarize, 0.0, 256.0),
    (OperationKind::TranslateX, -0.3, 0.3),
    (OperationKind::TranslateY, -0.3, 0.3),
];

/// The v for which the formula of [`super::ops::OPERATIONS`] gives `strength`.
fn level(kind: OperationKind, strength: f32) -> f32 {
    match kind {
        OperationKind::Brightness
        | OperationKind::Color
        | OperationKind::Contrast
        | OperationKind::Sharpness => (strength - 0.1) / 1.9,
        // The middle of the level's interval, away from rounding edges.
        OperationKind::Posterize => (strength.floor().min(8.0) - 0.5) / 7.999,
        OperationKind::Solarize => (strength.ceil() + 0.5) / 255.999,
        OperationKind::Rotate => (strength / 45.0 + 1.0) / 2.0,
        OperationKind::ShearX
        | OperationKind::ShearY
        | OperationKind::TranslateX
        | OperationKind::TranslateY => (strength / 0.3 + 1.0) / 2.0,
        _ => strength,
    }
}

impl RandAugment {
    /// Number of operations per image, including the cutout.
    pub fn depth(&self) -> usize {
        self.operations + usize::from(self.cutout)
    }

    /// Samples [`RandAugment::depth`] operations for an image of `size` `[width, height]`.
    pub fn sample(&self, rng: &mut impl Rng, size: [u32; 2]) -> Vec<OpDraw> {
        let mut draws = Vec::with_capacity(self.depth());
        for _ in 0..self.operations {
            let (kind, low, high) = RANGES[rng.random_range(0..RANGES.len())];
            let strength = low + (high - low) * rng.random::<f32>();
            draws.push(OpDraw::new(rng, kind, [level(kind, strength), 0.0], size));
        }
        if self.cutout {
            let share = rng.random();
            draws.push(OpDraw::new(rng, OperationKind::Cutout, [share, 0.0], size));
        }
        draws
    }
}

/// The policy of the strongly augmented views.
#[derive(Clone, Debug, PartialEq)]
pub enum StrongPolicy {
    CtAugment(CtAugment),
    RandAugment(RandAugment),
    /// Weak augmentation only.
    None,
}

impl StrongPolicy {
    /// Number of operations per image; each is one dispatch of [`super::record_ops`].
    pub fn depth(&self) -> usize {
        match self {
            StrongPolicy::CtAugment(_) => DEPTH,
            StrongPolicy::RandAugment(policy) => policy.depth(),
            StrongPolicy::None => 0,
        }
    }

    /// Samples [`StrongPolicy::depth`] operations for an image of `size` `[width, height]`.
    pub fn sample(&self, rng: &mut impl Rng, size: [u32; 2]) -> Vec<OpDraw> {
        match self {
            StrongPolicy::CtAugment(policy) => policy.sample(rng, size).to_vec(),
            StrongPolicy::RandAugment(policy) => policy.sample(rng, size),
            StrongPolicy::None => Vec::new(),
        }
    }

    /// Options to record the operations with: RandAugment always has the scale [`PolicyScale::Paper`].
    pub fn options(&self, scale: PolicyScale, sampling: Sampling) -> OpOptions {
        let scale = if matches!(self, StrongPolicy::RandAugment(_)) { PolicyScale::Paper } else { scale };
        OpOptions { scale, sampling }
    }
}
