//! Records a few operations, uploads their data and reads results back.

use bytemuck::Pod;
#[cfg(not(target_arch = "wasm32"))]
use half::f16;
use remixmatch::gpu::{PlanBuilder, Storage, Tensor};
use remixmatch::nn::Activation;

use crate::harness::GPU;

/// A program under test. Unwritten memory contains NaN.
pub struct Trial {
    pub b: PlanBuilder,
    uploads: Vec<(Tensor, Vec<u8>)>,
    results: Vec<Tensor>,
}

impl Trial {
    pub fn new() -> Self {
        let mut b = PlanBuilder::new();
        b.poison_fresh_memory();
        Self { b, uploads: Vec::new(), results: Vec::new() }
    }

    /// A tensor with this content, in 32-bit words.
    pub fn upload<T: Pod>(&mut self, name: &str, data: &[T]) -> Tensor {
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let tensor = self.b.persistent(name, bytes.len() / 4);
        self.uploads.push((tensor, bytes.to_vec()));
        tensor
    }

    /// A tensor of NaNs for a result.
    pub fn blank(&mut self, name: &str, words: usize) -> Tensor {
        self.upload(name, &vec![f32::NAN; words])
    }

    /// A feature map with this content, stored as f16 if `storage` says so.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn stored(&mut self, name: &str, shape: [usize; 4], data: &[f32], storage: Storage) -> Activation {
        let map = match storage {
            Storage::F32 => return self.map(name, shape, data),
            Storage::F16 => {
                let halves: Vec<u16> = data.iter().map(|v| f16::from_f32(*v).to_bits()).collect();
                self.upload(name, &halves)
            }
        };
        let [images, height, width, channels] = shape;
        Activation { tensor: map, images, height, width, channels, storage }
    }

    /// A feature map with this content.
    pub fn map(&mut self, name: &str, shape: [usize; 4], data: &[f32]) -> Activation {
        let [images, height, width, channels] = shape;
        assert_eq!(data.len(), images * height * width * channels);
        Activation { tensor: self.upload(name, data), images, height, width, channels, storage: Storage::F32 }
    }

    /// Copies a transient tensor into a persistent one and reads it back after the program.
    pub fn keep(&mut self, tensor: Tensor) -> Tensor {
        let kept = self.b.persistent("kept", tensor.words());
        self.b.copy(tensor, kept);
        self.read(kept);
        kept
    }

    /// Reads a persistent tensor back after the program.
    pub fn read(&mut self, tensor: Tensor) {
        self.results.push(tensor);
    }

    /// Runs the recorded operations once and reads back all uploaded and kept tensors.
    pub async fn run(self) -> Results {
        let program = self.b.program(0);
        let plan = self.b.build(&GPU).expect("the program fits the adapter");
        for (tensor, data) in &self.uploads {
            plan.write(&GPU, *tensor, data);
        }
        plan.run(&GPU, program);
        let mut found = Vec::new();
        for tensor in self.uploads.iter().map(|upload| upload.0).chain(self.results) {
            found.push((tensor, plan.fetch(&GPU, tensor).await.expect("the result comes back")));
        }
        Results(found)
    }
}

/// The tensors read back after a program.
pub struct Results(Vec<(Tensor, Vec<f32>)>);

impl Results {
    pub fn get(&self, tensor: Tensor) -> Vec<f32> {
        let found = self.0.iter().find(|(read, _)| *read == tensor);
        found.expect("the tensor was uploaded, kept or asked for").1.clone()
    }
}
