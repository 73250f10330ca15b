use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::canvas::Colour;

const SEED: u64 = 0x5_4a9e;

/// The chance in one image, a function of the image's number alone.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub fn of_image(number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        rng.set_stream(number);
        Self(rng)
    }

    pub fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        f64::from(self.word()) / 4_294_967_296.0
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(n)) >> 32) as u32
    }

    pub fn colour(&mut self, (low, high): (f64, f64)) -> Colour {
        [0; 3].map(|_| self.between(low, high))
    }

    /// (cos, sin) of an angle whose half has a tangent within `limit`: sines differ between machines, this does not.
    pub fn turn(&mut self, limit: f64) -> (f64, f64) {
        let t = self.between(-limit, limit);
        ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t))
    }

    /// (cos, sin) of an angle between -90 and 90 degrees.
    pub fn direction(&mut self) -> (f64, f64) {
        self.turn(1.0)
    }
}
