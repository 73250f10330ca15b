//! The outlines of the ten classes of `builtin:shapes`.

/// A class of shapes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outline {
    Arrow,
    Crescent,
    Disc,
    Heart,
    Hourglass,
    Plus,
    Ring,
    Square,
    Star,
    Triangle,
}

impl Outline {
    /// All classes, in the order of their indices.
    pub const ALL: [Self; 10] = [
        Self::Arrow,
        Self::Crescent,
        Self::Disc,
        Self::Heart,
        Self::Hourglass,
        Self::Plus,
        Self::Ring,
        Self::Square,
        Self::Star,
        Self::Triangle,
    ];

    /// The class name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arrow => "arrow",
            Self::Crescent => "crescent",
            Self::Disc => "disc",
            Self::Heart => "heart",
            Self::Hourglass => "hourglass",
            Self::Plus => "plus",
            Self::Ring => "ring",
            Self::Square => "square",
            Self::Star => "star",
            Self::Triangle => "triangle",
        }
    }

    /// Whether a point is inside. The shape lies in the unit circle; y points down.
    fn contains(self, x: f64, y: f64) -> bool {
        let square = x * x + y * y;
        match self {
            Self::Arrow => {
                let head = y > -1.0 && y < 0.05 && x.abs() < 0.75 * (y + 1.0);
                head || (x.abs() < 0.27 && (0.0..0.95).contains(&y))
            }
            Self::Crescent => {
                let bite = x - 0.45;
                square < 0.95 && bite * bite + y * y > 0.55
            }
            Self::Disc => square < 0.8,
            Self::Heart => {
                // (u^2 + v^2 - 1)^3 < u^2 v^3 with v pointing up.
                let (u, v) = (1.25 * x, 0.1 - 1.25 * y);
                let s = u * u + v * v - 1.0;
                s * s * s < u * u * v * v * v
            }
            Self::Hourglass => y.abs() < 0.85 && x.abs() < 0.1 + 0.75 * y.abs(),
            Self::Plus => {
                let (a, b) = (x.abs(), y.abs());
                (a < 0.27 && b < 0.92) || (b < 0.27 && a < 0.92)
            }
            Self::Ring => square < 0.9 && square > 0.3,
            Self::Square => x.abs() < 0.75 && y.abs() < 0.75,
            Self::Star => star(x, y),
            Self::Triangle => y < 0.7 && x.abs() < 0.56 * (y + 0.95),
        }
    }
}

/// A five-pointed star with one point up: the points that lie outside of at most one of a pentagram's five half-planes.
fn star(x: f64, y: f64) -> bool {
    /// Outward normals of the pentagram's lines, at 54 + 72 k degrees from the x axis.
    const NORMALS: [(f64, f64); 5] = [
        (0.587_785_252_292_473, 0.809_016_994_374_947),
        (-0.587_785_252_292_473, 0.809_016_994_374_947),
        (-0.951_056_516_295_154, -0.309_016_994_374_947),
        (0.0, -1.0),
        (0.951_056_516_295_154, -0.309_016_994_374_947),
    ];
    /// Distance of the lines from the centre.
    const DISTANCE: f64 = 0.36;
    let outside = NORMALS.iter().filter(|(nx, ny)| nx * x + ny * y > DISTANCE).count();
    outside < 2
}

/// A shape placed in an image.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    outline: Outline,
    centre: (f64, f64),
    radius: f64,
    /// Width over height, relative to the outline's own.
    aspect: f64,
    /// (cos, sin) of the angle.
    rotation: (f64, f64),
}

impl Placed {
    pub fn new(outline: Outline, centre: (f64, f64), radius: f64, aspect: f64, rotation: (f64, f64)) -> Self {
        Self { outline, centre, radius, aspect, rotation }
    }

    /// The shape moved by (dx, dy) pixels.
    pub fn moved(self, dx: f64, dy: f64) -> Self {
        Self { centre: (self.centre.0 + dx, self.centre.1 + dy), ..self }
    }

    /// Centre and radius of a square around the shape, in pixels.
    pub fn bounds(&self) -> (f64, f64, f64) {
        (self.centre.0, self.centre.1, 1.3 * self.radius)
    }

    /// Whether a point of the image is inside.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let (dx, dy) = ((x - self.centre.0) / self.radius, (y - self.centre.1) / self.radius);
        let (cos, sin) = self.rotation;
        self.outline.contains((dx * cos + dy * sin) / self.aspect, dy * cos - dx * sin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts grid cells and compares with closed formulas, for the outlines that have one.
    #[test]
    fn outlines_have_their_areas() {
        let area = |outline: Outline| {
            let cells = (0..400).flat_map(|j| (0..400).map(move |i| (i, j)));
            let at = |k: i32| (f64::from(k) + 0.5) / 160.0 - 1.25;
            cells.filter(|&(i, j)| outline.contains(at(i), at(j))).count() as f64 / (160.0 * 160.0)
        };
        let pi = std::f64::consts::PI;
        for (outline, expected) in [
            (Outline::Disc, 0.8 * pi),
            (Outline::Ring, 0.6 * pi),
            (Outline::Square, 2.25),
            (Outline::Triangle, 0.56 * 1.65 * 1.65),
            (Outline::Plus, 2.0 * 0.54 * 1.84 - 0.54 * 0.54),
            (Outline::Hourglass, 4.0 * (0.1 * 0.85 + 0.375 * 0.85 * 0.85)),
            (Outline::Arrow, 0.75 * 1.05 * 1.05 + 0.54 * 0.9),
            // Ten triangles between the centre, a point and a notch, 36 degrees apart.
            (Outline::Star, 10.0 * 0.5 * (0.36 / 0.809_017) * (0.36 / 0.309_017) * 0.587_785),
        ] {
            let found = area(outline);
            assert!((found - expected).abs() < 0.03, "{outline:?}: {found}, expected {expected}");
        }
    }
}
