use super::SIDE;
use super::dice::Dice;
use super::texture::Texture;

/// Red, green and blue, 0 to 255.
pub(super) type Colour = [f64; 3];

/// Samples of an edge pixel a side.
const SAMPLES: usize = 4;

/// An image being drawn.
pub(super) struct Canvas {
    pixels: Vec<Colour>,
}

/// The middle of pixel `i` along a side.
fn middle(i: usize) -> f64 {
    i as f64 + 0.5
}

impl Canvas {
    pub fn new(ground: &Texture) -> Self {
        let pixels = (0..SIDE * SIDE).map(|i| ground.at(middle(i % SIDE), middle(i / SIDE))).collect();
        Self { pixels }
    }

    /// Paints where `inside` holds, edges in proportion to the share of the pixel they cover; `paint` gets the
    /// place and the colour below. `bounds` are a centre and a reach that hold all of the shape.
    pub fn cover(
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
                let share = coverage(column, row, &inside);
                if share > 0.0 {
                    let under = self.pixels[row * SIDE + column];
                    let over = paint(middle(column), middle(row), under);
                    self.pixels[row * SIDE + column] =
                        [0, 1, 2].map(|c| under[c] + share * (over[c] - under[c]));
                }
            }
        }
    }

    /// Brightens the top and darkens the bottom by `strength`.
    pub fn light_from_above(&mut self, strength: f64) {
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let light = 1.0 + strength * (1.0 - 2.0 * middle(i / SIDE) / SIDE as f64);
            *pixel = pixel.map(|value| value * light);
        }
    }

    /// Adds noise of at most `reach`, a triangular distribution, to every channel.
    pub fn grain(&mut self, dice: &mut Dice, reach: f64) {
        for value in self.pixels.iter_mut().flatten() {
            let word = dice.word();
            let (a, b) = (f64::from(word & 0xffff), f64::from(word >> 16));
            *value += reach * (a - b) / 65_536.0;
        }
    }

    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.pixels.iter().flatten().map(|value| value.round().clamp(0.0, 255.0) as u8));
    }
}

/// The share of a pixel that is inside; a pixel whose corners agree is taken whole.
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
