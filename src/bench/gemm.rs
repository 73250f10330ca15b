use bytemuck::{Pod, Zeroable};
use serde::Serialize;

use crate::gpu::{Gpu, GpuError, Kernel, PlanBuilder, seconds_a_run};

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
///
/// # Errors
/// The adapter's.
pub async fn measure_gemm(gpu: &Gpu) -> Result<Vec<GemmTime>, GpuError> {
    const SIZE: usize = 512;
    let quads = SIZE as u32 / 4;
    let size = SIZE as u32;
    let rows_of_eight = |group: u32| {
        let kernel = Kernel::new("bench/gemm", "registers_8x4").with("GROUP", f64::from(group));
        (format!("8x4, {group} invocations"), kernel, [size / (8 * group), quads, 1])
    };
    let tile = |how: &str, shader: &'static str, width: u32, group: u32| {
        let kernel = Kernel::new(shader, "multiply").with("GROUP", f64::from(group));
        (format!("4x{width}, {group} {how}"), kernel, [size / (4 * group), size / width, 1])
    };
    let mut variants = vec![
        rows_of_eight(8),
        rows_of_eight(64),
        tile("invocations", "bench/tile", 8, 8),
        tile("invocations", "bench/tile", 8, 64),
        tile("invocations", "bench/tile_16", 16, 8),
        tile("invocations", "bench/tile_16", 16, 64),
        tile("in workgroup memory", "bench/tile_workgroup_8", 8, 64),
        tile("in workgroup memory", "bench/tile_workgroup_16", 16, 64),
        (
            "64x64 in workgroup memory".into(),
            Kernel::new("bench/gemm", "shared_tile"),
            [size / 64, size / 64, 1],
        ),
    ];
    let tiles = [
        ("bench/tile_subgroups8_32", 8, 32),
        ("bench/tile_subgroups8_16", 8, 16),
        ("bench/tile_subgroups8_8", 8, 8),
        ("bench/tile_subgroups4_16", 4, 16),
        ("bench/tile_subgroups4_8", 4, 8),
    ];
    for (shader, lanes, width) in tiles.into_iter().filter(|(_, lanes, _)| gpu.has_subgroups_of(*lanes)) {
        let kernel = Kernel::new(shader, "multiply");
        variants.push((format!("4x{width}, subgroups of {lanes}"), kernel, [size / 32, size / width, 1]));
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
        let seconds = seconds_a_run(gpu, &plan, program).await?;
        times.push(GemmTime { variant, size: SIZE, gflops: 2.0 * (SIZE as f64).powi(3) / seconds / 1e9 });
    }
    times.sort_by(|a, b| b.gflops.total_cmp(&a.gflops));
    Ok(times)
}
