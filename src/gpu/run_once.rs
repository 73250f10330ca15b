//! One kernel run on host data: for tests of single operations and for measuring.

use bytemuck::Pod;

use super::{Gpu, GpuError, Kernel, PlanBuilder};

/// A storage binding of [`run_once`].
pub enum Arg<'a> {
    /// Content uploaded before the run.
    In(&'a [u8]),
    /// A fresh buffer of this many words, filled with NaNs before the run and read back after it.
    Out(usize),
    /// Content uploaded before the run and read back after it.
    InOut(&'a [u8]),
}

impl<'a> Arg<'a> {
    pub fn input<T: Pod>(data: &'a [T]) -> Self {
        Arg::In(bytemuck::cast_slice(data))
    }

    pub fn in_out<T: Pod>(data: &'a [T]) -> Self {
        Arg::InOut(bytemuck::cast_slice(data))
    }
}

/// Runs one kernel and returns the words of every `Out` and `InOut` binding, in order.
///
/// # Errors
/// As [`PlanBuilder::build`] and [`super::Plan::fetch`].
pub async fn run_once_async<P: Pod>(
    gpu: &Gpu,
    kernel: Kernel,
    params: &P,
    args: &[Arg<'_>],
    groups: [u32; 3],
) -> Result<Vec<Vec<u32>>, GpuError> {
    let mut builder = PlanBuilder::new();
    let words = |bytes: &[u8]| bytes.len().div_ceil(4);
    let tensors: Vec<_> = args
        .iter()
        .enumerate()
        .map(|(i, arg)| {
            let len = match arg {
                Arg::In(bytes) | Arg::InOut(bytes) => words(bytes),
                Arg::Out(len) => *len,
            };
            builder.persistent(format!("binding {}", i + 1), len)
        })
        .collect();
    builder.dispatch(kernel, params, &tensors, groups);
    let program = builder.program(0);
    let plan = builder.build(gpu)?;
    for (arg, tensor) in args.iter().zip(&tensors) {
        match arg {
            Arg::In(bytes) | Arg::InOut(bytes) => plan.write(gpu, *tensor, bytes),
            Arg::Out(len) => plan.write(gpu, *tensor, &vec![u32::MAX; *len]),
        }
    }
    plan.run(gpu, program);
    let mut results = Vec::new();
    for (arg, tensor) in args.iter().zip(&tensors) {
        if !matches!(arg, Arg::In(_)) {
            results.push(plan.fetch(gpu, *tensor).await?);
        }
    }
    Ok(results)
}

/// [`run_once_async`] for threads that may block.
///
/// # Errors
/// As [`run_once_async`].
#[cfg(not(target_arch = "wasm32"))]
pub fn run_once<P: Pod>(
    gpu: &Gpu,
    kernel: Kernel,
    params: &P,
    args: &[Arg<'_>],
    groups: [u32; 3],
) -> Result<Vec<Vec<u32>>, GpuError> {
    pollster::block_on(run_once_async(gpu, kernel, params, args, groups))
}
