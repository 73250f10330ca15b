use std::ops::Range;

use crate::gpu::{PlanBuilder, Tensor};

/// A batch of feature maps `[images, height, width, channels]`, f32, channels a multiple of four.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    pub tensor: Tensor,
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Activation {
    /// Declares a feature map that lives as long as it is used.
    pub fn new(b: &mut PlanBuilder, name: &str, shape: [usize; 4]) -> Self {
        Self::of_shape(b.tensor(name, shape.iter().product()), shape)
    }

    /// Declares a feature map that keeps its content between runs; zero at first.
    pub fn persistent(b: &mut PlanBuilder, name: &str, shape: [usize; 4]) -> Self {
        Self::of_shape(b.persistent(name, shape.iter().product()), shape)
    }

    fn of_shape(tensor: Tensor, [images, height, width, channels]: [usize; 4]) -> Self {
        Self { tensor, images, height, width, channels }
    }

    /// A map of the same shape.
    pub fn like(&self, b: &mut PlanBuilder, name: &str) -> Self {
        Self::new(b, name, [self.images, self.height, self.width, self.channels])
    }

    /// Some of the images.
    pub(super) fn of(&self, images: &Range<usize>) -> Self {
        let words = self.height * self.width * self.channels;
        let tensor = self.tensor.slice(images.start * words, images.len() * words);
        Self { tensor, images: images.len(), ..*self }
    }

    /// Pixels of the whole batch.
    pub fn rows(&self) -> usize {
        self.images * self.height * self.width
    }

    /// vec4 columns.
    pub(super) fn quads(&self) -> usize {
        self.channels / 4
    }
}
