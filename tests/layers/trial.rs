//! Recording a few operations, uploading their data and reading results back.

use bytemuck::Pod;
use remixmatch::gpu::{Plan, PlanBuilder, Tensor};
use remixmatch::nn::Activation;

use crate::harness::GPU;

/// A program under test. Memory that no one has written holds NaNs.
pub struct Trial {
    pub b: PlanBuilder,
    uploads: Vec<(Tensor, Vec<u8>)>,
}

impl Trial {
    pub fn new() -> Self {
        let mut b = PlanBuilder::new();
        b.poison_fresh_memory();
        Self { b, uploads: Vec::new() }
    }

    /// A tensor with this content, of 32-bit words.
    pub fn upload<T: Pod>(&mut self, name: &str, data: &[T]) -> Tensor {
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let tensor = self.b.persistent(name, bytes.len() / 4);
        self.uploads.push((tensor, bytes.to_vec()));
        tensor
    }

    /// A tensor full of NaNs for a result.
    pub fn blank(&mut self, name: &str, words: usize) -> Tensor {
        self.upload(name, &vec![f32::NAN; words])
    }

    /// A feature map with this content.
    pub fn map(&mut self, name: &str, shape: [usize; 4], data: &[f32]) -> Activation {
        let [images, height, width, channels] = shape;
        assert_eq!(data.len(), images * height * width * channels);
        Activation { tensor: self.upload(name, data), images, height, width, channels }
    }

    /// Copies a tensor to where it survives the program.
    pub fn keep(&mut self, tensor: Tensor) -> Tensor {
        let kept = self.b.persistent("kept", tensor.words());
        self.b.copy(tensor, kept);
        kept
    }

    /// Runs everything recorded, once.
    pub fn run(self) -> Results {
        let program = self.b.program(0);
        let plan = self.b.build(&GPU).expect("the program fits the adapter");
        for (tensor, data) in &self.uploads {
            plan.write(&GPU, *tensor, data);
        }
        plan.run(&GPU, program);
        Results(plan)
    }
}

/// What a program left behind.
pub struct Results(Plan);

impl Results {
    pub fn get(&self, tensor: Tensor) -> Vec<f32> {
        self.0.read(&GPU, tensor).expect("the result comes back")
    }
}
