//! Tolerances and assertions of all layer tests.

use crate::oracle;

/// Largest deviation of a forward pass, as a share of the largest magnitude.
pub const FORWARD: f64 = 1e-5;
/// Largest deviation of a gradient.
pub const GRADIENT: f64 = 1e-4;
/// Largest deviation of a gradient from central differences of the reference.
const DIFFERENCES: f64 = 1e-3;

/// Asynchronous tests: natively each is a `#[test]`, in the page one of a list.
macro_rules! on_the_adapter {
    ($($(#[$about:meta])* async fn $name:ident() $body:block)*) => {
        $($(#[$about])* async fn $name() $body)*

        #[cfg(test)]
        mod natively {
            $(#[test] fn $name() { pollster::block_on(super::$name()) })*
        }

        /// The tests by name.
        #[cfg(target_arch = "wasm32")]
        pub fn tests() -> Vec<(&'static str, std::pin::Pin<Box<dyn Future<Output = ()>>>)> {
            vec![$((concat!(module_path!(), "::", stringify!($name)), Box::pin($name()))),*]
        }
    };
}
pub(crate) use on_the_adapter;

/// Asserts that a dispatch of `items` invocations in groups of 64 is folded into two dimensions.
#[track_caller]
pub fn assert_folds(items: usize) {
    let [_, y, _] = remixmatch::gpu::groups_for_items(items, 64);
    assert!(y > 1, "{items} items fit one dimension");
}

/// Pads each run of `from` values with zeros to `to` values.
pub fn pad(data: &[f32], from: usize, to: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for run in data.chunks_exact(from) {
        out.extend_from_slice(run);
        out.resize(out.len() + to - from, 0.0);
    }
    out
}

/// Element by element sum, in f64.
pub fn sum(a: &[f64], b: &[f32]) -> Vec<f64> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a + f64::from(*b)).collect()
}

/// The found values at `indices`.
pub fn pick(found: &[f32], indices: &[usize]) -> Vec<f32> {
    indices.iter().map(|&i| found[i]).collect()
}

/// Deviations are relative to this where everything expected is close to zero, as all gradients of a single pixel are.
const LEAST_SCALE: f64 = 1e-3;

/// `compare::assert_close` for some elements: deviations are relative to the largest of all.
#[track_caller]
pub fn assert_picked(name: &str, found: &[f32], all: &[f64], indices: &[usize], expected: &[f64]) {
    let scale = all.iter().fold(0.0, |top: f64, v| top.max(v.abs())).max(LEAST_SCALE);
    let scaled: Vec<f64> = pick(found, indices).iter().map(|f| 1.0 + f64::from(*f) / scale).collect();
    let reference: Vec<f64> = expected.iter().map(|e| 1.0 + e / scale).collect();
    oracle::compare::assert_close_wide(&format!("{name} by differences"), &scaled, &reference, DIFFERENCES);
}
