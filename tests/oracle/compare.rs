//! Comparison of the adapter's f32 with the reference's f64.

/// Asserts that every element differs by at most `tolerance` times the largest expected magnitude (times
/// 1 if everything expected is zero).
#[track_caller]
pub fn assert_close(name: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    let wide: Vec<f64> = found.iter().copied().map(f64::from).collect();
    assert_close_wide(name, &wide, expected, tolerance);
}

/// [`assert_close`] between two f64 results.
#[track_caller]
pub fn assert_close_wide(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    if let Some(message) = difference(name, found, expected, tolerance) {
        panic!("{message}");
    }
}

/// What is wrong with `found`, if anything.
pub fn difference(name: &str, found: &[f64], expected: &[f64], tolerance: f64) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{name}: {} elements, expected {}", found.len(), expected.len()));
    }
    let largest = expected.iter().fold(0.0, |top: f64, e| top.max(e.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let off = |i: usize| {
        let distance = (found[i] - expected[i]).abs() / scale;
        if distance.is_nan() { f64::INFINITY } else { distance }
    };
    let wrong: Vec<usize> = (0..found.len()).filter(|i| off(*i) > tolerance).collect();
    let worst = wrong.iter().copied().max_by(|a, b| off(*a).total_cmp(&off(*b)))?;
    let listed: Vec<String> =
        wrong.iter().take(6).map(|&i| format!("[{i}] {:e} for {:e}", found[i], expected[i])).collect();
    Some(format!(
        "{name}: {} of {} elements are off by more than {tolerance:e} of {scale:e}; the worst is [{worst}] = \
         {:e}, expected {:e}, off by {:e}; first: {}",
        wrong.len(),
        found.len(),
        found[worst],
        expected[worst],
        off(worst),
        listed.join(", ")
    ))
}
