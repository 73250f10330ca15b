use std::fmt;

/// Mean and standard deviation of a few figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// Of a sample, with n - 1; one figure has none.
    pub deviation: Option<f64>,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(figures: &[f64]) -> Option<Self> {
        let n = figures.len() as f64;
        let mean = (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / n)?;
        let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
        let deviation = (figures.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Some(Self { mean, deviation })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.mean)?;
        self.deviation.map_or(Ok(()), |deviation| write!(f, " ± {deviation:.2}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_a_mean_and_a_deviation() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[7.0]), Some(Spread { mean: 7.0, deviation: None }));
        // Squares of -2, -1, 0, 3 sum to 14; 14 / 3.
        let found = Spread::of(&[4.0, 5.0, 6.0, 9.0]).expect("figures");
        assert_eq!(found.mean, 6.0);
        assert!((found.deviation.expect("four figures") - (14.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.to_string(), "6.00 ± 2.16");
        assert_eq!(Spread { mean: 5.9375, deviation: None }.to_string(), "5.94");
    }
}
