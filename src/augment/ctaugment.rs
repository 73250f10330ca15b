//! CTAugment (paper, section 3.2 and figure 4; reference, `libml/ctaugment.py`): its rates, sampling and updates.

use rand::{Rng, RngExt};
use thiserror::Error;

use super::ops::{OPERATIONS, OpDraw, OperationKind};

/// An invalid saved state of CTAugment.
#[derive(Debug, Error, PartialEq)]
pub enum AugmentError {
    /// The number of rates is not [`RATES`].
    #[error(
        "CTAugment keeps {expected} rates, found {found}: the checkpoint was written by another version or is \
         damaged; start the policy afresh"
    )]
    RateCount { expected: usize, found: usize },
    /// A rate is NaN or outside 0 to 1.
    #[error("CTAugment rate {index} is {found}, expected a number from 0 to 1: the checkpoint is damaged")]
    RateValue { index: usize, found: f32 },
}

/// Number of operations applied to an image.
pub const DEPTH: usize = 2;
/// Weight of the old rate in an update.
pub const DECAY: f32 = 0.99;
/// Probabilities below this fraction of the largest are set to 0 (reference flag `ath`).
pub const THRESHOLD: f32 = 0.80;
/// Number of rates: of all operations, parameters and bins.
pub const RATES: usize = count_rates();

const fn count_rates() -> usize {
    let (mut total, mut op) = (0, 0);
    while op < OPERATIONS.len() {
        let bins = OPERATIONS[op].bins;
        let mut parameter = 0;
        while parameter < bins.len() {
            total += bins[parameter];
            parameter += 1;
        }
        op += 1;
    }
    total
}

/// CTAugment's state: per bin of each operation's parameters, how well the network recognises the augmented images.
#[derive(Clone, Debug, PartialEq)]
pub struct CtAugment {
    rates: Vec<f32>,
}

impl Default for CtAugment {
    fn default() -> Self {
        Self::new()
    }
}

impl CtAugment {
    /// All rates 1: all magnitudes are equally likely.
    pub fn new() -> Self {
        Self { rates: vec![1.0; RATES] }
    }

    /// The state with these rates, in the order of [`CtAugment::rates`].
    ///
    /// # Errors
    /// [`AugmentError::RateCount`] if there are not [`RATES`] values, [`AugmentError::RateValue`] if one is NaN or outside
    /// 0 to 1.
    pub fn from_rates(rates: &[f32]) -> Result<Self, AugmentError> {
        if rates.len() != RATES {
            return Err(AugmentError::RateCount { expected: RATES, found: rates.len() });
        }
        match rates.iter().enumerate().find(|(_, rate)| !(0.0..=1.0).contains(*rate)) {
            Some((index, found)) => Err(AugmentError::RateValue { index, found: *found }),
            None => Ok(Self { rates: rates.to_vec() }),
        }
    }

    /// All rates, `[RATES]`: by operation id, then parameter, then bin.
    pub fn rates(&self) -> &[f32] {
        &self.rates
    }

    /// Rates of one parameter, `[bins]`.
    ///
    /// # Panics
    /// If the operation has no such parameter.
    pub fn rates_of(&self, op: OperationKind, parameter: usize) -> &[f32] {
        let start = first_rate(op, parameter);
        &self.rates[start..start + op.operation().bins[parameter]]
    }

    /// Relative probabilities of one parameter, `[bins]`: p = rate + (1 - [`DECAY`]), divided by the largest; those below
    /// [`THRESHOLD`] are 0.
    ///
    /// # Examples
    /// ```
    /// use rand::SeedableRng;
    /// use rand_chacha::ChaCha8Rng;
    /// use remixmatch::augment::{CtAugment, DEPTH, OpDraw, OperationKind};
    ///
    /// let mut bins = CtAugment::new();
    /// let rotate = OperationKind::Rotate;
    /// assert_eq!(bins.probabilities(rotate, 0), [1.0; 17]);
    /// // A match of 1 keeps a rate at 1; a match of 0 lowers the rate of the bin that the probe hit to 0.99.
    /// let probe = OpDraw::new(&mut ChaCha8Rng::seed_from_u64(0), rotate, [0.0, 0.0], [32, 32]);
    /// bins.update(&[probe; DEPTH], 0.0);
    /// assert!(bins.rates_of(rotate, 0)[0] < 1.0);
    /// ```
    ///
    /// # Panics
    /// If the operation has no such parameter.
    pub fn probabilities(&self, op: OperationKind, parameter: usize) -> Vec<f32> {
        let raised = self.rates_of(op, parameter).iter().map(|rate| rate + (1.0 - DECAY));
        let top = raised.clone().fold(f32::MIN, f32::max);
        raised.map(|p| p / top).map(|p| if p < THRESHOLD { 0.0 } else { p }).collect()
    }

    /// Samples operations to train with: uniform, with replacement. A magnitude is in segment i of `bins - 1` equal
    /// segments with a probability proportional to p_i + p_(i+1), the probabilities of its two bins. `size` is
    /// `[width, height]`.
    pub fn sample(&self, rng: &mut impl Rng, size: [u32; 2]) -> [OpDraw; DEPTH] {
        std::array::from_fn(|_| {
            let op = random_operation(rng);
            let mut values = [0.0; 2];
            for (parameter, value) in values.iter_mut().enumerate().take(op.operation().bins.len()) {
                *value = self.sample_value(rng, op, parameter);
            }
            OpDraw::new(rng, op, values, size)
        })
    }

    fn sample_value(&self, rng: &mut impl Rng, op: OperationKind, parameter: usize) -> f32 {
        let p = self.probabilities(op, parameter);
        let segments: Vec<f32> = p.windows(2).map(|pair| pair[0] + pair[1]).collect();
        let mut left = rng.random::<f32>() * segments.iter().sum::<f32>();
        let mut chosen = 0;
        for (index, weight) in segments.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            // After rounding errors the last segment with weight is chosen.
            chosen = index;
            if left < *weight {
                break;
            }
            left -= weight;
        }
        (chosen as f32 + rng.random::<f32>()) / segments.len() as f32
    }

    /// Samples operations for a probe: operations and magnitudes are uniform. `size` is `[width, height]`.
    pub fn probe(&self, rng: &mut impl Rng, size: [u32; 2]) -> [OpDraw; DEPTH] {
        std::array::from_fn(|_| {
            let op = random_operation(rng);
            let mut values = [0.0; 2];
            values.iter_mut().take(op.operation().bins.len()).for_each(|value| *value = rng.random());
            OpDraw::new(rng, op, values, size)
        })
    }

    /// Updates the rates of the probed bins with `matched`, the probability that the network predicts for the true class
    /// of the probe image: rate = [`DECAY`] rate + (1 - [`DECAY`]) matched. NaN, from a network that diverged, is ignored.
    pub fn update(&mut self, ops: &[OpDraw; DEPTH], matched: f32) {
        if matched.is_nan() {
            return;
        }
        // A softmax on the adapter may exceed 1 by rounding.
        let matched = matched.clamp(0.0, 1.0);
        for draw in ops {
            let Some(operation) = OPERATIONS.get(draw.op as usize) else { continue };
            for (parameter, value) in [draw.level, draw.second].into_iter().enumerate() {
                let Some(bins) = operation.bins.get(parameter) else { break };
                let at = first_rate(operation.kind, parameter) + bin(value, *bins);
                let rate = &mut self.rates[at];
                *rate = *rate * DECAY + matched * (1.0 - DECAY);
            }
        }
    }
}

/// The bin of a magnitude in [0, 1].
fn bin(value: f32, bins: usize) -> usize {
    ((f64::from(value) * bins as f64 * 0.999) as usize).min(bins - 1)
}

fn random_operation(rng: &mut impl Rng) -> OperationKind {
    OPERATIONS[rng.random_range(0..OPERATIONS.len())].kind
}

fn first_rate(op: OperationKind, parameter: usize) -> usize {
    let before = OPERATIONS[..op as usize].iter().flat_map(|o| o.bins).sum::<usize>();
    before + op.operation().bins[..parameter].iter().sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn draw(op: OperationKind, level: f32, second: f32) -> OpDraw {
        OpDraw { op: op.id(), level, second, centre: 0 }
    }

    /// Rates whose rotate bins are as given, all others 1.
    fn with_rotate(rates: &[f32; 17]) -> CtAugment {
        let mut all = vec![1.0; RATES];
        let start = first_rate(OperationKind::Rotate, 0);
        all[start..start + 17].copy_from_slice(rates);
        CtAugment::from_rates(&all).unwrap()
    }

    #[test]
    fn every_parameter_has_separate_rates() {
        let of_reference = OPERATIONS[..19].iter().flat_map(|o| o.bins).sum::<usize>();
        assert_eq!(of_reference, 17 * 17 + 8 + 6);
        let parameters = OPERATIONS.iter().flat_map(|o| (0..o.bins.len()).map(|p| (o.kind, p, o.bins[p])));
        let mut next = 0;
        for (kind, parameter, bins) in parameters {
            assert_eq!(first_rate(kind, parameter), next);
            next += bins;
        }
        assert_eq!(next, RATES);
    }

    #[test]
    fn updates_change_only_the_probed_bins() {
        let mut policy = CtAugment::new();
        let probe = [draw(OperationKind::Rescale, 0.5, 0.9), draw(OperationKind::Identity, 0.0, 0.0)];
        policy.update(&probe, 0.25);
        // int(0.5 * 17 * 0.999) = 8 and int(0.9 * 6 * 0.999) = 5.
        let scale = first_rate(OperationKind::Rescale, 0) + 8;
        let filter = first_rate(OperationKind::Rescale, 1) + 5;
        for (index, rate) in policy.rates().iter().enumerate() {
            let expected = if index == scale || index == filter { 0.99 + 0.01 * 0.25 } else { 1.0 };
            assert!((rate - expected).abs() < 1e-6, "rate {index}: {rate}, not {expected}");
        }
    }

    #[test]
    fn a_bin_probed_twice_is_updated_twice() {
        let mut policy = CtAugment::new();
        policy.update(
            &[draw(OperationKind::Posterize, 1.0, 0.0), draw(OperationKind::Posterize, 0.99, 0.0)],
            0.0,
        );
        let rates = policy.rates_of(OperationKind::Posterize, 0);
        assert!((rates[7] - 0.99 * 0.99).abs() < 1e-6, "{rates:?}");
        assert_eq!(rates[..7], [1.0; 7]);
    }

    #[test]
    fn bins_divide_the_unit_interval_evenly() {
        for bins in [6, 8, 17] {
            assert_eq!((bin(0.0, bins), bin(1.0, bins)), (0, bins - 1));
            for i in 0..bins {
                assert_eq!(bin((i as f32 + 0.5) / bins as f32, bins), i);
            }
        }
        assert_eq!(bin(1.0 / 17.0, 17), 0, "the factor 0.999 raises the edges");
        // A damaged checkpoint may hold a probe beyond 1.
        assert_eq!([bin(1.5, 17), bin(f32::INFINITY, 17), bin(f32::NAN, 17)], [16, 16, 0]);
    }

    #[test]
    fn probabilities_below_the_threshold_are_zero() {
        let raise = 1.0 - DECAY;
        // Raised, these are exactly 1 and the threshold, which is not below itself.
        let (best, edge) = (1.0 - raise, THRESHOLD - raise);
        assert_eq!((best + raise, edge + raise), (1.0, THRESHOLD));
        let mut rates = [0.5; 17];
        (rates[3], rates[4], rates[5], rates[6]) = (best, edge, 0.80, edge.next_down());
        let p = with_rotate(&rates).probabilities(OperationKind::Rotate, 0);
        assert_eq!((p[3], p[4], p[6]), (1.0, THRESHOLD, 0.0));
        assert!((p[5] - 0.81).abs() < 1e-6, "{p:?}");
        assert_eq!((p[..3].iter().sum::<f32>(), p[7..].iter().sum::<f32>()), (0.0, 0.0));
    }

    #[test]
    fn probabilities_are_relative_to_the_best_bin() {
        // Raised by 0.01: 0.81 and 0.76 of which 0.76 / 0.81 = 0.938 is above the threshold, 0.61 / 0.81 is not.
        let mut rates = [0.6; 17];
        (rates[2], rates[9]) = (0.8, 0.75);
        let p = with_rotate(&rates).probabilities(OperationKind::Rotate, 0);
        assert!((p[2] - 1.0).abs() < 1e-6 && (p[9] - 0.76 / 0.81).abs() < 1e-6, "{p:?}");
        assert_eq!(p.iter().filter(|p| **p > 0.0).count(), 2, "{p:?}");
    }

    /// A generator of one value.
    struct Constant(u32);

    impl rand::TryRng for Constant {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(self.0)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(u64::from(self.0) << 32 | u64::from(self.0))
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(self.0 as u8);
            Ok(())
        }
    }

    #[test]
    fn magnitudes_on_a_border_are_in_the_upper_segment() {
        // Two segments of equal weight, around bin 8; half of the sum is the border between them.
        let mut rates = [0.2; 17];
        rates[8] = 0.99;
        let level = with_rotate(&rates).sample_value(&mut Constant(1 << 31), OperationKind::Rotate, 0);
        assert_eq!(level, 8.5 / 16.0);
    }

    #[test]
    fn largest_random_numbers_stay_in_weighted_segments() {
        let mut rng = ChaCha8Rng::seed_from_u64(13);
        for _ in 0..2_000 {
            let mut rates = [0.2; 17];
            rates[..9].fill_with(|| rng.random_range(0.8..0.99));
            let policy = with_rotate(&rates);
            let p = policy.probabilities(OperationKind::Rotate, 0);
            let level = policy.sample_value(&mut Constant(u32::MAX), OperationKind::Rotate, 0);
            let segment = ((level * 16.0) as usize).min(15);
            // All weights of the segments after bin 8 are zero.
            let last = p.windows(2).rposition(|pair| pair[0] + pair[1] > 0.0);
            assert!(Some(segment) <= last.map(|last| last + 1), "segment {segment}, level {level} for {p:?}");
            assert!(level <= 10.0 / 16.0, "level {level} for {p:?}");
        }
    }

    #[test]
    fn magnitudes_follow_the_segment_weights() {
        let mut rates = [0.2; 17];
        (rates[0], rates[6], rates[7], rates[12]) = (0.99, 0.99, 0.84, 0.91);
        let policy = with_rotate(&rates);
        let p = policy.probabilities(OperationKind::Rotate, 0);
        let weights: Vec<f64> = p.windows(2).map(|w| f64::from(w[0] + w[1])).collect();
        let total: f64 = weights.iter().sum();
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let draws = 40_000;
        let mut counts = [0.0; 16];
        let mut offsets = 0.0;
        for _ in 0..draws {
            let v = policy.sample_value(&mut rng, OperationKind::Rotate, 0);
            assert!((0.0..=1.0).contains(&v));
            let segment = ((v * 16.0) as usize).min(15);
            counts[segment] += 1.0;
            offsets += f64::from(v * 16.0) - segment as f64;
        }
        let mut chi_square = 0.0;
        for (count, weight) in counts.iter().zip(&weights) {
            let expected = f64::from(draws) * weight / total;
            if *weight == 0.0 {
                assert_eq!(*count, 0.0, "{counts:?} for {weights:?}");
            } else {
                chi_square += (count - expected) * (count - expected) / expected;
            }
        }
        // Six segments have weight: five degrees of freedom, p = 0.001 at 20.5.
        assert_eq!(weights.iter().filter(|w| **w > 0.0).count(), 6);
        assert!(chi_square < 20.5, "chi square {chi_square}: {counts:?} for {weights:?}");
        assert!((offsets / f64::from(draws) - 0.5).abs() < 0.01, "uniform inside a segment");
    }

    #[test]
    fn operations_are_uniform_and_probes_ignore_rates() {
        let policy = with_rotate(&[
            0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        ]);
        let mut rng = ChaCha8Rng::seed_from_u64(12);
        let (mut trained, mut probed) = ([0; OPERATIONS.len()], [0; OPERATIONS.len()]);
        let mut widest = 0.0f32;
        for _ in 0..500 * OPERATIONS.len() {
            for draw in policy.sample(&mut rng, [32, 20]) {
                trained[draw.op as usize] += 1;
                if draw.op == OperationKind::Rotate.id() {
                    assert!((7.0 / 16.0..=9.0 / 16.0).contains(&draw.level), "{draw:?}");
                }
                if draw.op != OperationKind::Rescale.id() {
                    assert_eq!(draw.second, 0.0);
                }
            }
            for draw in policy.probe(&mut rng, [32, 20]) {
                probed[draw.op as usize] += 1;
                if draw.op == OperationKind::Rotate.id() {
                    widest = widest.max((draw.level - 0.5).abs());
                }
                if draw.op == OperationKind::Cutout.id() {
                    assert!(draw.centre & 0xffff < 32 && draw.centre >> 16 < 20, "{draw:?}");
                }
            }
        }
        assert!(trained.iter().chain(&probed).all(|n| (860..1_140).contains(n)), "{trained:?} {probed:?}");
        assert!(widest > 0.49, "{widest}");
    }

    #[test]
    fn saved_rates_load_and_damaged_ones_fail() {
        let mut policy = CtAugment::new();
        policy.update(&[draw(OperationKind::Blur, 0.3, 0.0), draw(OperationKind::Rescale, 0.3, 0.4)], 0.7);
        assert_eq!(CtAugment::from_rates(policy.rates()).unwrap(), policy);
        let short = CtAugment::from_rates(&[1.0; 12]);
        assert_eq!(short, Err(AugmentError::RateCount { expected: RATES, found: 12 }));
        let mut rates = policy.rates().to_vec();
        rates[40] = f32::NAN;
        assert!(matches!(CtAugment::from_rates(&rates), Err(AugmentError::RateValue { index: 40, .. })));
    }

    #[test]
    fn nan_matches_are_ignored_and_others_clamped() {
        let mut policy = CtAugment::new();
        let probe = [draw(OperationKind::Blur, 0.3, 0.0); 2];
        policy.update(&probe, f32::NAN);
        policy.update(&probe, 1.000_001);
        assert_eq!(policy, CtAugment::new());
    }
}
