//! What the choice of a convolution's tile depends on, and the name by which a measured tile is found.

use std::fmt;

use serde::Serialize;

/// One of the three dispatches of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    Forward,
    DataGradient,
    WeightGradient,
}

impl Direction {
    /// In the order of a training step.
    pub const ALL: [Self; 3] = [Self::Forward, Self::DataGradient, Self::WeightGradient];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Forward => "forward",
            Self::DataGradient => "data gradient",
            Self::WeightGradient => "weight gradient",
        })
    }
}

/// The matrix product of a convolution in one direction, for some images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConvProduct {
    pub direction: Direction,
    pub kernel: usize,
    pub stride: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Of the convolution's input.
    pub height: usize,
    pub width: usize,
    /// Of one dispatch.
    pub images: usize,
}

impl ConvProduct {
    /// All but the images, as in `forward 3x3/2 32->64 32x32`.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::nn::{Conv2d, ConvTiling, Direction};
    ///
    /// let (name, tiling) = ("stem".to_owned(), ConvTiling::BLOCKS);
    /// let conv = Conv2d { name, in_channels: 4, out_channels: 16, kernel: 3, stride: 1, tiling };
    /// let product = conv.product(Direction::Forward, [768, 32, 28]);
    /// assert_eq!(product.name(), "forward 3x3/1 4->16 32x28");
    /// assert_eq!(product.log2_images(), 10, "768 is nearer to 1,024 than to 512");
    /// ```
    pub fn name(&self) -> String {
        let Self { direction, kernel, stride, in_channels, out_channels, height, width, .. } = self;
        format!("{direction} {kernel}x{kernel}/{stride} {in_channels}->{out_channels} {height}x{width}")
    }

    /// The binary logarithm of the images, rounded.
    pub fn log2_images(&self) -> u32 {
        (self.images.max(1) as f64).log2().round() as u32
    }

    /// Floating-point operations.
    pub fn operations(&self) -> u64 {
        let [rows, columns, depth] = self.matrix();
        (2 * self.kernel * self.kernel * rows * columns * depth) as u64
    }

    /// Rows, columns, and terms per tap of the sums of a forward pass or data gradient (for each parity of its pixels).
    pub(super) fn matrix(&self) -> [usize; 3] {
        let rows = self.images * self.height.div_ceil(self.stride) * self.width.div_ceil(self.stride);
        match self.direction {
            Direction::Forward | Direction::WeightGradient => [rows, self.out_channels, self.in_channels],
            Direction::DataGradient => [rows, self.in_channels, self.out_channels],
        }
    }
}

impl fmt::Display for ConvProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}, {} images", self.name(), self.images))
    }
}
