//! Principal components in f64: the covariance by its definition, all eigenvectors by cyclic Jacobi rotations.

/// Principal components of a table.
pub struct Reference {
    /// Descending.
    pub eigenvalues: Vec<f64>,
    /// `[samples]`: coordinates along the first two axes.
    pub coordinates: Vec<[f64; 2]>,
}

impl Reference {
    /// Computes the components of `table`, `[samples, features]`.
    pub fn new(table: &[f32], features: usize) -> Self {
        let rows = centred(table, features);
        let (values, vectors) = eigen(covariance(&rows, features), features);
        let mut order: Vec<usize> = (0..features).collect();
        order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
        let along = |row: &[f64], axis: usize| match order.get(axis) {
            Some(k) => (0..features).map(|i| row[i] * vectors[i * features + k]).sum(),
            None => 0.0,
        };
        let coordinates = rows.chunks_exact(features).map(|row| [along(row, 0), along(row, 1)]).collect();
        Self { eigenvalues: order.iter().map(|k| values[*k].max(0.0)).collect(), coordinates }
    }

    /// Eigenvalue `a` over eigenvalue `b`, counted from 1; 0 if `a` is missing or a rounding error.
    pub fn ratio(&self, a: usize, b: usize) -> f64 {
        let value = |k: usize| self.eigenvalues.get(k - 1).copied().unwrap_or(0.0);
        if value(a) <= 1e-12 * value(1) { 0.0 } else { value(a) / value(b) }
    }

    /// The total variance.
    pub fn variance(&self) -> f64 {
        self.eigenvalues.iter().sum()
    }

    /// Shares of the variance along the first two axes; 0 without variance.
    pub fn shares(&self) -> [f64; 2] {
        let total = self.variance();
        [0, 1].map(|k| if total > 0.0 { self.eigenvalues.get(k).map_or(0.0, |v| v / total) } else { 0.0 })
    }
}

/// `table` minus its column means.
fn centred(table: &[f32], features: usize) -> Vec<f64> {
    let samples = table.len() / features;
    let mut rows: Vec<f64> = table.iter().copied().map(f64::from).collect();
    for column in 0..features {
        let mean = (0..samples).map(|r| rows[r * features + column]).sum::<f64>() / samples as f64;
        (0..samples).for_each(|r| rows[r * features + column] -= mean);
    }
    rows
}

/// `[features, features]`
fn covariance(rows: &[f64], features: usize) -> Vec<f64> {
    let samples = rows.len() / features;
    let mut matrix = vec![0.0; features * features];
    for row in rows.chunks_exact(features) {
        for (a, line) in matrix.chunks_exact_mut(features).enumerate() {
            line.iter_mut().zip(row).for_each(|(entry, b)| *entry += row[a] * b / samples as f64);
        }
    }
    matrix
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix.
fn eigen(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let scale: f64 = (0..n).map(|i| a[i * n + i]).sum();
    for _ in 0..60 {
        let off: f64 =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].abs()).sum();
        if off <= 1e-15 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, n, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), v)
}

/// The Jacobi rotation that makes entry `(p, q)` zero.
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    if a[p * n + q] == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    let rotated = |x: f64, y: f64| (c * x - s * y, s * x + c * y);
    for k in 0..n {
        (a[k * n + p], a[k * n + q]) = rotated(a[k * n + p], a[k * n + q]);
    }
    for k in 0..n {
        (a[p * n + k], a[q * n + k]) = rotated(a[p * n + k], a[q * n + k]);
        (v[k * n + p], v[k * n + q]) = rotated(v[k * n + p], v[k * n + q]);
    }
}

#[test]
fn reference_finds_known_axes() {
    // Standard deviations of 3 along (0.6, 0.8, 0), of 2 along (-0.8, 0.6, 0), of 1 along z; mean (5, 0, 0).
    let steps = [(3.0, [0.6, 0.8, 0.0]), (2.0, [-0.8, 0.6, 0.0]), (1.0, [0.0, 0.0, 1.0f32])];
    let table: Vec<f32> = steps
        .iter()
        .flat_map(|(length, axis)| [1.0, -1.0f32].map(|sign| axis.map(|x| sign * length * x)))
        .flat_map(|[x, y, z]| [x + 5.0, y, z])
        .collect();
    let found = Reference::new(&table, 3);
    for (value, expected) in found.eigenvalues.iter().zip([9.0 / 3.0, 4.0 / 3.0, 1.0 / 3.0]) {
        assert!((value - expected).abs() < 1e-6, "{:?}", found.eigenvalues);
    }
    assert!((found.coordinates[0][0].abs() - 3.0).abs() < 1e-6 && found.coordinates[0][1].abs() < 1e-6);
    assert!((found.coordinates[2][1].abs() - 2.0).abs() < 1e-6 && found.coordinates[4][0].abs() < 1e-6);
    assert!((found.ratio(3, 2) - 0.25).abs() < 1e-6 && found.ratio(4, 3) == 0.0);
}
