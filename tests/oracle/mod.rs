//! The reference on the CPU: f64, loops that follow the definitions, nothing shared with `src/`.
//!
//! Speed and memory do not matter here, being plainly right does. Every backward pass is checked by
//! central differences in `tests/oracle/checks/`.

pub mod compare;
pub mod conv;
pub mod depthwise;
pub mod difference;
pub mod efficientnet_lite;
pub mod heads;
pub mod norm;
pub mod optim;
pub mod random;
pub mod rotate;
pub mod ssl;
pub mod wide_resnet;

/// Feature maps `[images, height, width, channels]` in NHWC order.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    pub shape: [usize; 4],
    pub data: Vec<f64>,
}

impl Map {
    pub fn new(shape: [usize; 4], data: Vec<f64>) -> Self {
        assert_eq!(data.len(), shape.iter().product::<usize>(), "data for a map {shape:?}");
        Self { shape, data }
    }

    pub fn zeros(shape: [usize; 4]) -> Self {
        Self { shape, data: vec![0.0; shape.iter().product()] }
    }

    /// Index of a pixel's first channel.
    pub fn pixel(&self, image: usize, y: usize, x: usize) -> usize {
        let [_, height, width, channels] = self.shape;
        ((image * height + y) * width + x) * channels
    }

    /// Element by element sum: a residual connection.
    pub fn plus(&self, other: &Map) -> Map {
        assert_eq!(self.shape, other.shape);
        let data = self.data.iter().zip(&other.data).map(|(a, b)| a + b).collect();
        Map { shape: self.shape, data }
    }
}
