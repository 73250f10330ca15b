use serde::Serialize;

use crate::gpu::{Gpu, GpuError, PlanBuilder, Program, Tensor, seconds_a_run};
use crate::nn::{Activation, Conv2d, WideResNet};

/// The directions that a convolution works in.
pub const DIRECTIONS: [&str; 3] = ["forward", "data gradient", "weight gradient"];

/// The convolutions of one shape in a network, in one direction.
#[derive(Clone, Debug, Serialize)]
pub struct ConvTime {
    /// The first layer of this shape.
    pub layer: String,
    /// How many there are.
    pub layers: usize,
    /// One of [`DIRECTIONS`].
    pub direction: &'static str,
    /// Input height and width, input and output channels, kernel, stride.
    pub shape: [usize; 6],
    /// Of one layer.
    pub seconds: f64,
    /// Multiply-adds that a layer needs, counted as two operations each.
    pub gflops: f64,
}

/// Every convolution shape of a network at `images` images, each direction it is used in; layers of one shape are
/// measured once.
///
/// # Errors
/// The adapter's.
pub async fn measure_convolutions(
    gpu: &Gpu,
    network: &WideResNet,
    images: usize,
) -> Result<Vec<ConvTime>, GpuError> {
    let mut times: Vec<ConvTime> = Vec::new();
    for (index, (conv, height, width)) in network.convolutions().into_iter().enumerate() {
        let shape = [height, width, conv.in_channels, conv.out_channels, conv.kernel, conv.stride];
        // Nobody asks for the gradient of the images.
        for direction in DIRECTIONS.into_iter().filter(|direction| index > 0 || *direction != "data gradient")
        {
            let known = times.iter_mut().find(|time| time.shape == shape && time.direction == direction);
            if let Some(known) = known {
                known.layers += 1;
                continue;
            }
            let seconds = measure(gpu, &conv, [images, height, width, conv.in_channels], direction).await?;
            let gflop = 2.0 * (conv.multiply_adds(height, width) * images as u64) as f64 / 1e9;
            let layer = conv.name.clone();
            times.push(ConvTime { layer, layers: 1, direction, shape, seconds, gflops: gflop / seconds });
        }
    }
    Ok(times)
}

/// GFLOP/s of all layers in some directions together: each weighs by the time it takes.
pub fn time_weighted(times: &[ConvTime], directions: &[&str]) -> f64 {
    let chosen = || times.iter().filter(|time| directions.contains(&time.direction));
    let seconds = |time: &ConvTime| time.seconds * time.layers as f64;
    chosen().map(|time| time.gflops * seconds(time)).sum::<f64>() / chosen().map(seconds).sum::<f64>()
}

/// GFLOP/s that a training step's convolutions reach, estimated from the network's middle convolution in
/// its three directions on a few images.
///
/// # Errors
/// The adapter's.
pub async fn convolution_rate(gpu: &Gpu, network: &WideResNet) -> Result<f64, GpuError> {
    const IMAGES: usize = 8;
    let all = network.convolutions();
    let (conv, height, width) = &all[all.len() / 2];
    let shape = [IMAGES, *height, *width, conv.in_channels];
    let mut seconds = 0.0;
    for direction in DIRECTIONS {
        seconds += measure(gpu, conv, shape, direction).await?;
    }
    let operations = 3.0 * 2.0 * (conv.multiply_adds(*height, *width) * IMAGES as u64) as f64;
    Ok(operations / seconds / 1e9)
}

async fn measure(gpu: &Gpu, conv: &Conv2d, shape: [usize; 4], direction: &str) -> Result<f64, GpuError> {
    let mut b = PlanBuilder::new();
    let weights = b.persistent("weights", conv.weight_words());
    let bias = b.persistent("bias", conv.out_channels);
    let x = Activation::persistent(&mut b, "x", shape);
    let [images, height, width, _] = shape;
    let out = [images, height.div_ceil(conv.stride), width.div_ceil(conv.stride), conv.out_channels];
    let d_out = Activation::persistent(&mut b, "d_out", out);
    let (program, filled): (Program, Vec<Tensor>) = match direction {
        "forward" => {
            conv.forward(&mut b, x, weights, bias, None);
            (b.program(0), vec![x.tensor, weights])
        }
        "data gradient" => {
            conv.data_gradient(&mut b, x, d_out, weights, None);
            (b.program(0), vec![d_out.tensor, weights])
        }
        _ => {
            conv.weight_gradient(&mut b, x, d_out, weights, bias, false);
            (b.program(0), vec![x.tensor, d_out.tensor])
        }
    };
    let plan = b.build(gpu)?;
    for tensor in filled {
        let values: Vec<f32> = (0..tensor.words()).map(|i| (i % 13) as f32 / 13.0 - 0.5).collect();
        plan.write(gpu, tensor, &values);
    }
    seconds_a_run(gpu, &plan, program).await
}
