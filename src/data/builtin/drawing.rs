//! Drawing with exactly rounded arithmetic: random numbers, textures and a canvas with antialiasing.
//!
//! Every operation and the order of the random numbers determine the bytes of `builtin:shapes`, which a test compares.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Side of an image in pixels.
pub(super) const SIDE: usize = 32;

/// Red, green and blue, 0 to 255.
pub(super) type Colour = [f64; 3];

/// Seed of all images; each has its own ChaCha stream.
const SEED: u64 = 0x5_4a9e;

/// The random numbers of one image; they depend on the image's number only.
pub(super) struct ImageRng(ChaCha8Rng);

impl ImageRng {
    pub fn new(number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        rng.set_stream(number);
        Self(rng)
    }

    /// 32 uniform bits.
    pub fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        f64::from(self.word()) / 4_294_967_296.0
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0..n.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(n)) >> 32) as u32
    }

    /// Each channel uniform in [low, high).
    pub fn colour(&mut self, (low, high): (f64, f64)) -> Colour {
        [0; 3].map(|_| self.between(low, high))
    }

    /// (cos, sin) of an angle whose half has a tangent within `limit`. Unlike the functions sin and cos, this gives the
    /// same bits on every machine.
    pub fn rotation(&mut self, limit: f64) -> (f64, f64) {
        let t = self.between(-limit, limit);
        ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t))
    }

    /// (cos, sin) of an angle between -90 and 90 degrees.
    pub fn direction(&mut self) -> (f64, f64) {
        self.rotation(1.0)
    }
}

/// Two colours and the pattern in which they alternate.
pub(super) struct Texture {
    colours: [Colour; 2],
    pattern: Pattern,
}

enum Pattern {
    Plain,
    Gradient { along: (f64, f64) },
    Stripes { along: (f64, f64), period: f64 },
    Checks { along: (f64, f64), period: f64 },
    Speckle { seed: u32, cell: f64 },
    Cloud { seed: u32, cell: f64 },
}

impl Texture {
    /// A background: any pattern, similar colours.
    pub fn background(rng: &mut ImageRng, colour: Colour) -> Self {
        let pattern = match rng.below(3) {
            0 => Pattern::Cloud { seed: rng.word(), cell: rng.between(3.0, 9.0) },
            1 => Pattern::Gradient { along: rng.direction() },
            _ => Pattern::any(rng),
        };
        Self { colours: [colour, near(rng, colour, 22.0)], pattern }
    }

    /// The texture of a shape: more contrast than a background.
    pub fn surface(rng: &mut ImageRng, colour: Colour) -> Self {
        let pattern = Pattern::any(rng);
        Self { colours: [colour, near(rng, colour, 40.0)], pattern }
    }

    /// The colour at a point.
    pub fn at(&self, x: f64, y: f64) -> Colour {
        let weight = self.pattern.weight(x, y);
        let [first, second] = self.colours;
        [0, 1, 2].map(|c| first[c] + weight * (second[c] - first[c]))
    }
}

/// A colour that differs by at most `reach` in each channel.
fn near(rng: &mut ImageRng, colour: Colour, reach: f64) -> Colour {
    colour.map(|value| (value + rng.between(-reach, reach)).clamp(0.0, 255.0))
}

impl Pattern {
    fn any(rng: &mut ImageRng) -> Self {
        match rng.below(5) {
            0 => Self::Plain,
            1 => Self::Gradient { along: rng.direction() },
            2 => Self::Stripes { along: rng.direction(), period: rng.between(3.0, 7.0) },
            3 => Self::Checks { along: rng.direction(), period: rng.between(4.0, 8.0) },
            _ => Self::Speckle { seed: rng.word(), cell: rng.between(1.2, 2.4) },
        }
    }

    /// The weight of the second colour at a point, 0 to 1.
    fn weight(&self, x: f64, y: f64) -> f64 {
        match *self {
            Self::Plain => 0.0,
            Self::Gradient { along } => {
                let middle = SIDE as f64 / 2.0;
                (0.5 + ((x - middle) * along.0 + (y - middle) * along.1) / SIDE as f64).clamp(0.0, 1.0)
            }
            Self::Stripes { along, period } => stripe(x * along.0 + y * along.1, period),
            Self::Checks { along, period } => {
                let a = stripe(x * along.0 + y * along.1, period);
                let b = stripe(y * along.0 - x * along.1, period);
                a + b - 2.0 * a * b
            }
            Self::Speckle { seed, cell } => hash(seed, (x / cell).floor(), (y / cell).floor()),
            Self::Cloud { seed, cell } => {
                let (u, v) = (x / cell, y / cell);
                let (i, j) = (u.floor(), v.floor());
                let (du, dv) = (u - i, v - j);
                let row = |j: f64| (1.0 - du) * hash(seed, i, j) + du * hash(seed, i + 1.0, j);
                (1.0 - dv) * row(j) + dv * row(j + 1.0)
            }
        }
    }
}

/// A square wave between 0 and 1 with edges about a pixel wide.
fn stripe(position: f64, period: f64) -> f64 {
    let phase = position / period - (position / period).floor();
    let triangle = (2.0 * phase - 1.0).abs();
    (0.5 + (triangle - 0.5) * 0.5 * period).clamp(0.0, 1.0)
}

/// A pseudorandom number in [0, 1) for a lattice point.
fn hash(seed: u32, i: f64, j: f64) -> f64 {
    let mut h =
        seed ^ (i as i32 as u32).wrapping_mul(0x9e37_79b1) ^ (j as i32 as u32).wrapping_mul(0x85eb_ca77);
    for _ in 0..2 {
        h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
        h ^= h >> 13;
    }
    f64::from(h) / 4_294_967_296.0
}

/// Samples per side of an edge pixel.
const SAMPLES: usize = 4;

/// An image being drawn.
pub(super) struct Canvas {
    pixels: Vec<Colour>,
}

/// The centre of pixel `i` along a side.
fn centre_of(i: usize) -> f64 {
    i as f64 + 0.5
}

impl Canvas {
    pub fn new(background: &Texture) -> Self {
        let pixels =
            (0..SIDE * SIDE).map(|i| background.at(centre_of(i % SIDE), centre_of(i / SIDE))).collect();
        Self { pixels }
    }

    /// Paints the points for which `inside` is true, antialiased. `paint` maps a point and the colour under it to the new
    /// colour; `bounds` are the centre and the radius of a square around the shape.
    pub fn fill(
        &mut self,
        bounds: (f64, f64, f64),
        inside: impl Fn(f64, f64) -> bool,
        paint: impl Fn(f64, f64, Colour) -> Colour,
    ) {
        let (cx, cy, reach) = bounds;
        let span = |centre: f64| {
            let low = (centre - reach).floor().max(0.0) as usize;
            let high = (centre + reach).ceil().clamp(0.0, SIDE as f64) as usize;
            low..high
        };
        for row in span(cy) {
            for column in span(cx) {
                let coverage = coverage(column, row, &inside);
                if coverage > 0.0 {
                    let under = self.pixels[row * SIDE + column];
                    let over = paint(centre_of(column), centre_of(row), under);
                    self.pixels[row * SIDE + column] =
                        [0, 1, 2].map(|c| under[c] + coverage * (over[c] - under[c]));
                }
            }
        }
    }

    /// Brightens the top and darkens the bottom by up to `strength`.
    pub fn light_from_above(&mut self, strength: f64) {
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let light = 1.0 + strength * (1.0 - 2.0 * centre_of(i / SIDE) / SIDE as f64);
            *pixel = pixel.map(|value| value * light);
        }
    }

    /// Adds triangularly distributed noise of at most `reach` to every channel.
    pub fn grain(&mut self, rng: &mut ImageRng, reach: f64) {
        for value in self.pixels.iter_mut().flatten() {
            let word = rng.word();
            let (a, b) = (f64::from(word & 0xffff), f64::from(word >> 16));
            *value += reach * (a - b) / 65_536.0;
        }
    }

    /// Appends the pixels as bytes (HWC).
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.pixels.iter().flatten().map(|value| value.round().clamp(0.0, 255.0) as u8));
    }
}

/// The share of a pixel that is inside. It is sampled only if the corners and the centre do not agree.
fn coverage(column: usize, row: usize, inside: &impl Fn(f64, f64) -> bool) -> f64 {
    let (x, y) = (column as f64, row as f64);
    let at = |i: usize| (i as f64 + 0.5) / SAMPLES as f64;
    let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)];
    let corners_inside = corners.iter().filter(|(dx, dy)| inside(x + dx, y + dy)).count();
    if corners_inside == corners.len() || corners_inside == 0 {
        return (corners_inside / corners.len()) as f64;
    }
    let samples = (0..SAMPLES * SAMPLES).filter(|i| inside(x + at(i % SAMPLES), y + at(i / SAMPLES))).count();
    samples as f64 / (SAMPLES * SAMPLES) as f64
}
