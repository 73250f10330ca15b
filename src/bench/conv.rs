use serde::Serialize;

use super::seconds_a_run;
use crate::gpu::{Gpu, GpuError, PlanBuilder, Program, Tensor};
use crate::nn::{Activation, Conv2d, WideResNet};

/// One convolution of a network in one direction.
#[derive(Clone, Debug, Serialize)]
pub struct ConvTime {
    pub layer: String,
    /// `forward`, `data gradient` or `weight gradient`
    pub direction: &'static str,
    /// Input height and width, input and output channels, kernel, stride.
    pub shape: [usize; 6],
    pub seconds: f64,
    /// Multiply-adds that the layer needs, counted as two operations each.
    pub gflops: f64,
}

/// Every convolution shape of a network at `images` images, each direction it is used in.
pub fn measure_convolutions(
    gpu: &Gpu,
    network: &WideResNet,
    images: usize,
) -> Result<Vec<ConvTime>, GpuError> {
    let mut times = Vec::new();
    for (index, (conv, height, width)) in network.convolutions().into_iter().enumerate() {
        let directions: &[&'static str] = match index {
            0 => &["forward", "weight gradient"],
            _ => &["forward", "data gradient", "weight gradient"],
        };
        for direction in directions {
            let seconds = measure(gpu, &conv, [images, height, width, conv.in_channels], direction)?;
            let operations = 2.0 * (conv.multiply_adds(height, width) * images as u64) as f64;
            times.push(ConvTime {
                layer: conv.name.clone(),
                direction,
                shape: [height, width, conv.in_channels, conv.out_channels, conv.kernel, conv.stride],
                seconds,
                gflops: operations / seconds / 1e9,
            });
        }
    }
    Ok(times)
}

/// GFLOP/s that a training step's convolutions reach, estimated from the network's middle convolution in
/// its three directions on a few images.
pub fn convolution_rate(gpu: &Gpu, network: &WideResNet) -> Result<f64, GpuError> {
    const IMAGES: usize = 8;
    let all = network.convolutions();
    let (conv, height, width) = &all[all.len() / 2];
    let shape = [IMAGES, *height, *width, conv.in_channels];
    let mut seconds = 0.0;
    for direction in ["forward", "data gradient", "weight gradient"] {
        seconds += measure(gpu, conv, shape, direction)?;
    }
    let operations = 3.0 * 2.0 * (conv.multiply_adds(*height, *width) * IMAGES as u64) as f64;
    Ok(operations / seconds / 1e9)
}

fn measure(gpu: &Gpu, conv: &Conv2d, shape: [usize; 4], direction: &str) -> Result<f64, GpuError> {
    let mut b = PlanBuilder::new();
    let weights = b.persistent("weights", conv.weight_words());
    let bias = b.persistent("bias", conv.out_channels);
    let map = |b: &mut PlanBuilder, name: &str, [images, height, width, channels]: [usize; 4]| Activation {
        tensor: b.persistent(name, images * height * width * channels),
        images,
        height,
        width,
        channels,
    };
    let x = map(&mut b, "x", shape);
    let [images, height, width, _] = shape;
    let out = [images, height.div_ceil(conv.stride), width.div_ceil(conv.stride), conv.out_channels];
    let d_out = map(&mut b, "d_out", out);
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
    seconds_a_run(gpu, &plan, program)
}
