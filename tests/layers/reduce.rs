//! Sums over rows.

use remixmatch::gpu::{Arg, Kernel, groups_for_items, run_once_async};

use crate::common::{FORWARD, assert_folds, on_the_adapter, sum};
use crate::harness::GPU;
use crate::oracle::compare::assert_close;
use crate::oracle::random::{Random, widen};

/// One entry point of `reduce.wgsl` on `[rows, 4 vec4s]` values; what follows them in memory is NaN.
async fn run(
    entry: &'static str,
    source: &[f32],
    rows: usize,
    slices: usize,
    old: Option<&[f32]>,
) -> Vec<f32> {
    let vec4s = source.len() / rows / 4;
    let results = if entry == "sum_rows" { vec4s * slices } else { vec4s };
    let params = [rows as u32, vec4s as u32, slices as u32, u32::from(old.is_some())];
    let result = old.map_or(Arg::Out(results * 4), Arg::in_out);
    let groups = match entry {
        "sum_many_slices" => [results as u32, 1, 1],
        _ => groups_for_items(results, 64),
    };
    let mut fenced = source.to_vec();
    fenced.resize(source.len() + (1 << 16), f32::NAN);
    let args = [Arg::input(&fenced), result];
    let words = run_once_async(&GPU, Kernel::new("nn/reduce", entry), &params, &args, groups).await.unwrap();
    words[0].iter().copied().map(f32::from_bits).collect()
}

/// Sums of runs of `length` rows of `width` values, `slices` of them, the last ones short or empty.
fn expected(source: &[f32], width: usize, length: usize, slices: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width * slices];
    for (i, v) in source.iter().enumerate() {
        sums[i / width / length * width + i % width] += f64::from(*v);
    }
    sums
}

on_the_adapter! {
    async fn rows_in_slices() {
        for (rows, slices, width) in [(1, 1, 4), (17, 3, 8), (129, 64, 12), (5000, 64, 4), (64, 64, 262_400)] {
            let source = Random::new(rows as u64).uniform(rows * width, -1.0, 1.0);
            let length = rows.div_ceil(slices);
            let found = run("sum_rows", &source, rows, slices, None).await;
            assert_close(&format!("{rows} x {width}"), &found, &expected(&source, width, length, slices), FORWARD);
        }
        assert_folds(262_400 / 4 * 64);
    }

    /// More slices than a workgroup has invocations, and fewer.
    async fn many_slices_written_and_added() {
        for (slices, width) in [(1, 4), (3, 8), (63, 4), (64, 12), (65, 4), (1000, 20), (12_289, 8)] {
            let mut random = Random::new(slices as u64);
            let source = random.uniform(slices * width, -1.0, 1.0);
            let old = random.uniform(width, -1.0, 1.0);
            let sums = expected(&source, width, slices, 1);
            let name = format!("{slices} x {width}");
            assert_close(&name, &run("sum_many_slices", &source, slices, slices, None).await, &sums, FORWARD);
            let added = run("sum_many_slices", &source, slices, slices, Some(&old)).await;
            assert_close(&format!("{name} added"), &added, &sum(&sums, &old), FORWARD);
        }
    }

    async fn slices_written_and_added() {
        for (slices, width) in [(1, 4), (3, 8), (64, 40), (1, 4 * 4_195_000)] {
            let mut random = Random::new(slices as u64);
            let source = random.uniform(slices * width, -1.0, 1.0);
            let old = random.uniform(width, -1.0, 1.0);
            let sums = if slices == 1 { widen(&source) } else { expected(&source, width, slices, 1) };
            let name = format!("{slices} x {width}");
            assert_close(&name, &run("sum_slices", &source, slices, slices, None).await, &sums, FORWARD);
            let added = run("sum_slices", &source, slices, slices, Some(&old)).await;
            assert_close(&format!("{name} added"), &added, &sum(&sums, &old), FORWARD);
        }
        assert_folds(4_195_000);
    }
}
