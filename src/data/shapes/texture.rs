use super::SIDE;
use super::canvas::Colour;
use super::dice::Dice;

/// Two colours and how they take turns over an image.
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
    /// What lies behind: any pattern, close colours.
    pub fn ground(dice: &mut Dice, colour: Colour) -> Self {
        let pattern = match dice.below(3) {
            0 => Pattern::Cloud { seed: dice.word(), cell: dice.between(3.0, 9.0) },
            1 => Pattern::Gradient { along: dice.direction() },
            _ => Pattern::any(dice),
        };
        Self { colours: [colour, near(dice, colour, 22.0)], pattern }
    }

    /// What a shape is painted with.
    pub fn surface(dice: &mut Dice, colour: Colour) -> Self {
        let pattern = Pattern::any(dice);
        Self { colours: [colour, near(dice, colour, 40.0)], pattern }
    }

    pub fn at(&self, x: f64, y: f64) -> Colour {
        let share = self.pattern.share(x, y);
        let [first, second] = self.colours;
        [0, 1, 2].map(|c| first[c] + share * (second[c] - first[c]))
    }
}

/// A colour at most `reach` away in each channel.
fn near(dice: &mut Dice, colour: Colour, reach: f64) -> Colour {
    colour.map(|value| (value + dice.between(-reach, reach)).clamp(0.0, 255.0))
}

impl Pattern {
    fn any(dice: &mut Dice) -> Self {
        match dice.below(5) {
            0 => Self::Plain,
            1 => Self::Gradient { along: dice.direction() },
            2 => Self::Stripes { along: dice.direction(), period: dice.between(3.0, 7.0) },
            3 => Self::Checks { along: dice.direction(), period: dice.between(4.0, 8.0) },
            _ => Self::Speckle { seed: dice.word(), cell: dice.between(1.2, 2.4) },
        }
    }

    /// The second colour's share at a pixel, 0 to 1.
    fn share(&self, x: f64, y: f64) -> f64 {
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

/// A wave of 0 and 1 with soft edges about a pixel wide.
fn stripe(position: f64, period: f64) -> f64 {
    let phase = position / period - (position / period).floor();
    let triangle = (2.0 * phase - 1.0).abs();
    (0.5 + (triangle - 0.5) * 0.5 * period).clamp(0.0, 1.0)
}

/// A number in [0, 1) of a lattice point.
fn hash(seed: u32, i: f64, j: f64) -> f64 {
    let mut h =
        seed ^ (i as i32 as u32).wrapping_mul(0x9e37_79b1) ^ (j as i32 as u32).wrapping_mul(0x85eb_ca77);
    for _ in 0..2 {
        h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
        h ^= h >> 13;
    }
    f64::from(h) / 4_294_967_296.0
}
