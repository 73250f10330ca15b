//! Trains the network on one batch: `peer-burn NETWORK BATCH SIZE CHANNELS CLASSES WARM_UP`. Says in JSON what it is
//! and its loss in the first and the last step of the warm-up, in which kernels are chosen and compiled; then, for each
//! number on standard input, takes so many steps and says how long each took.

mod network;

use std::env;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use network::{Shape, WideResNet};
use serde_json::{Value, json};

const RATE: f64 = 0.002;
const SHADERS: &str = if cfg!(feature = "spirv") { "SPIR-V" } else { "WGSL" };
const KERNELS: &str = if cfg!(feature = "tuned") { "tuned kernels" } else { "Burn's default kernels" };

struct Training {
    device: Device,
    network: WideResNet,
    optimiser: ModuleOptimizer,
    images: Tensor<4>,
    labels: Tensor<1, Int>,
}

impl Training {
    fn new(shape: &Shape, [batch, size, channels, classes]: [usize; 4]) -> Self {
        let device = Device::wgpu(Default::default()).autodiff();
        device.seed(1);
        let images = Tensor::random([batch, channels, size, size], Distribution::Normal(0.0, 1.0), &device);
        let labels: Vec<i32> = (0..batch).map(|image| (image % classes) as i32).collect();
        Self {
            network: WideResNet::new(shape, size, channels, classes, &device),
            optimiser: AdamConfig::new().with_epsilon(1e-8).init(),
            labels: Tensor::from_data(TensorData::new(labels, [batch]), &device),
            images,
            device,
        }
    }

    /// Seconds per step, and the loss of the last one.
    fn steps(&mut self, count: usize) -> Result<(f64, f32), Box<dyn std::error::Error>> {
        let criterion = CrossEntropyLossConfig::new().init(&self.device);
        let began = Instant::now();
        let mut last = None;
        for _ in 0..count {
            let loss = criterion.forward(self.network.forward(self.images.clone()), self.labels.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
            self.network = self.optimiser.step(RATE, self.network.clone(), gradients);
            last = Some(loss);
        }
        let loss = last.ok_or("no steps")?.into_scalar::<f32>();
        // The last update is not among what the loss waited for.
        self.device.sync()?;
        Ok((began.elapsed().as_secs_f64() / count as f64, loss))
    }
}

fn print_json(value: Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, sizes @ ..] = arguments.as_slice() else { return Err("no network".into()) };
    let shape = Shape::named(name).ok_or("unknown network")?;
    let sizes: Vec<usize> = sizes.iter().map(|size| size.parse()).collect::<Result<_, _>>()?;
    let [batch, size, channels, classes, warm_up] = sizes.try_into().map_err(|_| "not five numbers")?;
    let mut training = Training::new(&shape, [batch, size, channels, classes]);
    let (_, first) = training.steps(1)?;
    let (_, last) = training.steps(warm_up - 1)?;
    let identity = training.device.identity().ok_or("the adapter has no name")?;
    print_json(json!({
        "adapter": identity.name,
        "compiled_for": format!("Burn 0.22.1, {SHADERS}, {KERNELS}"),
        "parameters": training.network.trained(),
        "loss": [first, last],
    }))?;
    for line in io::stdin().lock().lines() {
        let (seconds, _) = training.steps(line?.trim().parse()?)?;
        print_json(json!({ "seconds_a_step": seconds }))?;
    }
    Ok(())
}
