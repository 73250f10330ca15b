//! Derivatives by central differences.

/// df / dx[i] for each index, `f` a scalar function of `x`.
pub fn central(x: &[f64], indices: &[usize], step: f64, mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut moved = x.to_vec();
    indices
        .iter()
        .map(|&i| {
            moved[i] = x[i] + step;
            let above = f(&moved);
            moved[i] = x[i] - step;
            let below = f(&moved);
            moved[i] = x[i];
            (above - below) / (2.0 * step)
        })
        .collect()
}

/// The elements of `all` at `indices`.
pub fn pick(all: &[f64], indices: &[usize]) -> Vec<f64> {
    indices.iter().map(|&i| all[i]).collect()
}

/// Every index of a slice.
pub fn every(x: &[f64]) -> Vec<usize> {
    (0..x.len()).collect()
}

/// sum of a b: turns a map into a scalar whose gradient at the map is `b`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
