//! CTAugment (paper, section 3.2 and figure 4; reference, `libml/ctaugment.py`).

use rand::{Rng, RngExt};

use super::AugmentError;
use super::ops::{OPERATIONS, OperationKind};
use super::strong::OpDraw;

/// Operations applied to an image.
pub const DEPTH: usize = 2;
/// Share of a rate that an update keeps.
pub const DECAY: f32 = 0.99;
/// Probabilities below this share of the largest are cut to 0 (reference flag `ath`).
pub const THRESHOLD: f32 = 0.80;
/// Rates of all operations, parameters and bins.
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

/// How well the network recognises images changed by each bin of each operation's parameters.
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
    /// All rates 1: every magnitude is as likely as another.
    pub fn new() -> Self {
        Self { rates: vec![1.0; RATES] }
    }

    /// The state that [`CtAugment::rates`] gave.
    ///
    /// # Errors
    /// When there are not [`RATES`] values or one is not a number from 0 to 1.
    pub fn from_rates(rates: &[f32]) -> Result<Self, AugmentError> {
        if rates.len() != RATES {
            return Err(AugmentError::RateCount { expected: RATES, found: rates.len() });
        }
        match rates.iter().enumerate().find(|(_, rate)| !(0.0..=1.0).contains(*rate)) {
            Some((index, found)) => Err(AugmentError::RateValue { index, found: *found }),
            None => Ok(Self { rates: rates.to_vec() }),
        }
    }

    /// All rates: by operation id, then parameter, then bin.
    pub fn rates(&self) -> &[f32] {
        &self.rates
    }

    /// Rates of one parameter, one a bin.
    ///
    /// # Panics
    /// When the operation has no such parameter.
    pub fn rates_of(&self, op: OperationKind, parameter: usize) -> &[f32] {
        let start = first_rate(op, parameter);
        &self.rates[start..start + op.operation().bins[parameter]]
    }

    /// Rates as relative probabilities: p = rate + (1 - decay), divided by the largest, those below the
    /// threshold cut to 0.
    ///
    /// # Panics
    /// When the operation has no such parameter.
    pub fn probabilities(&self, op: OperationKind, parameter: usize) -> Vec<f32> {
        let raised = self.rates_of(op, parameter).iter().map(|rate| rate + (1.0 - DECAY));
        let top = raised.clone().fold(f32::MIN, f32::max);
        raised.map(|p| p / top).map(|p| if p < THRESHOLD { 0.0 } else { p }).collect()
    }

    /// A policy to train with: operations uniform with replacement; magnitudes fall between the
    /// centres of neighbouring bins i and i + 1 with probability p_i + p_(i+1), relatively.
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
            // The last segment with weight takes what rounding leaves over.
            chosen = index;
            if left < *weight {
                break;
            }
            left -= weight;
        }
        (chosen as f32 + rng.random::<f32>()) / segments.len() as f32
    }

    /// A policy to learn from: operations and magnitudes uniform, whatever the rates.
    pub fn probe(&self, rng: &mut impl Rng, size: [u32; 2]) -> [OpDraw; DEPTH] {
        std::array::from_fn(|_| {
            let op = random_operation(rng);
            let mut values = [0.0; 2];
            values.iter_mut().take(op.operation().bins.len()).for_each(|value| *value = rng.random());
            OpDraw::new(rng, op, values, size)
        })
    }

    /// Moves the rates of the probed bins towards `matched`, the probability that the network gave the
    /// probe image's true class.
    pub fn update(&mut self, ops: &[OpDraw; DEPTH], matched: f32) {
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

/// Bin of a magnitude in [0, 1].
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
