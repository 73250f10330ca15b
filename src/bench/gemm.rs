use bytemuck::{Pod, Zeroable};
use serde::Serialize;

use super::seconds_a_run;
use crate::gpu::{Gpu, GpuError, Kernel, PlanBuilder};

/// One variant of the plain matrix product, `size`^3.
#[derive(Clone, Debug, Serialize)]
pub struct GemmTime {
    pub variant: String,
    pub size: usize,
    pub gflops: f64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    m: u32,
    n: u32,
    k: u32,
    unused: u32,
}

/// Every GEMM variant at 512^3, fastest first.
pub fn measure_gemm(gpu: &Gpu) -> Result<Vec<GemmTime>, GpuError> {
    const SIZE: usize = 512;
    let quads = SIZE as u32 / 4;
    let size = SIZE as u32;
    let registers = |entry: &'static str, group: u32, rows: u32, columns: u32| {
        let kernel = Kernel::new("bench/gemm", entry).with("GROUP", f64::from(group));
        (format!("{entry}, {group} invocations"), kernel, [size / (rows * group), quads / columns, 1])
    };
    let mut variants = vec![
        registers("registers_8x4", 8, 8, 1),
        registers("registers_8x4", 64, 8, 1),
        registers("registers_4x8", 8, 4, 2),
        registers("registers_4x8", 64, 4, 2),
        (
            "shared_tile, 16x16 invocations".into(),
            Kernel::new("bench/gemm", "shared_tile"),
            [size / 64, size / 64, 1],
        ),
    ];
    if gpu.has_subgroups_of(8) {
        let kernel = Kernel::new("bench/gemm_subgroups", "shared_4x8");
        variants.push(("shared_4x8, subgroups of 8".into(), kernel, [size / 32, quads / 2, 1]));
    }
    let mut times = Vec::new();
    for (variant, kernel, groups) in variants {
        let mut b = PlanBuilder::new();
        let tensors = ["a", "b", "c"].map(|name| b.persistent(name, SIZE * SIZE));
        b.dispatch(kernel, &Params { m: size, n: size, k: size, unused: 0 }, &tensors, groups);
        let program = b.program(0);
        let plan = b.build(gpu)?;
        let ones: Vec<f32> = (0..SIZE * SIZE).map(|i| (i % 7) as f32 - 3.0).collect();
        plan.write(gpu, tensors[0], &ones);
        plan.write(gpu, tensors[1], &ones);
        let seconds = seconds_a_run(gpu, &plan, program)?;
        times.push(GemmTime { variant, size: SIZE, gflops: 2.0 * (SIZE as f64).powi(3) / seconds / 1e9 });
    }
    times.sort_by(|a, b| b.gflops.total_cmp(&a.gflops));
    Ok(times)
}
