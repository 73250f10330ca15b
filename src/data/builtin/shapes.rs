//! `builtin:shapes`: ten kinds of shapes on cluttered backgrounds, drawn by the program itself.
//!
//! Position, size, rotation, colour, texture, background and clutter are independent of the class, so a few labels do
//! not reveal what matters. Light falls from above, which distinguishes rotated images from upright ones. The drawing
//! uses only exactly rounded arithmetic (+, -, *, / and square roots) and integers, so every machine draws the same
//! bytes.

use std::ops::Range;

use super::drawing::{Canvas, Colour, ImageRng, SIDE, Texture};
use super::outline::{Outline, Placed};
use crate::data::images::Images;
use crate::data::set::{DataSet, Origin};

/// Number of training images and of test images.
const TRAIN: usize = 5_000;
const TEST: usize = 1_000;

/// Tangent of half the largest rotation of a shape: 20 degrees to either side.
const MAX_ROTATION: f64 = 0.176;
/// Range of a shape's radius in pixels.
const RADIUS: (f64, f64) = (10.0, 14.0);

/// Ranges of the channels of backgrounds and of shapes: shapes are lighter.
const DARK: (f64, f64) = (10.0, 110.0);
const LIGHT: (f64, f64) = (110.0, 250.0);

/// Least L1 distance between the colours of a shape and its background.
const CONTRAST: f64 = 180.0;

/// Draws the set: image i is of class i modulo 10.
pub(super) fn draw_set() -> DataSet {
    let part = |images: Range<usize>| -> (Images, Vec<u32>) {
        let mut pixels = Vec::with_capacity(images.len() * SIDE * SIDE * 3);
        let labels = images.clone().map(|i| (i % Outline::ALL.len()) as u32).collect();
        for i in images {
            draw(Outline::ALL[i % Outline::ALL.len()], &mut ImageRng::new(i as u64)).write(&mut pixels);
        }
        (Images::new(SIDE, SIDE, 3, pixels), labels)
    };
    let (train, train_labels) = part(0..TRAIN);
    let (test, test_labels) = part(TRAIN..TRAIN + TEST);
    DataSet {
        name: "builtin:shapes".to_owned(),
        format: "built in (drawn)".to_owned(),
        classes: Outline::ALL.map(|outline| outline.name().to_owned()).to_vec(),
        train,
        train_labels: train_labels.into_iter().map(Some).collect(),
        test,
        test_labels,
        origin: Origin::Benchmark,
        flip: true,
        shift: 4,
        ..DataSet::default()
    }
    .identified()
}

/// Draws one image.
fn draw(outline: Outline, rng: &mut ImageRng) -> Canvas {
    let side = SIDE as f64;
    let background = rng.colour(DARK);
    let mut canvas = Canvas::new(&Texture::background(rng, background));
    for _ in 0..rng.below(4) + 1 {
        clutter(&mut canvas, rng);
    }

    let radius = rng.between(RADIUS.0, RADIUS.1);
    let coordinate = |rng: &mut ImageRng| rng.between(0.85 * radius, side - 0.85 * radius);
    let centre = (coordinate(rng), coordinate(rng));
    let shape = Placed::new(outline, centre, radius, rng.between(0.85, 1.18), rng.rotation(MAX_ROTATION));
    let colour = contrasting(rng, background);
    let texture = Texture::surface(rng, colour);

    let shadow = shape.moved(0.6, 1.6);
    canvas.fill(shadow.bounds(), |x, y| shadow.contains(x, y), |_, _, under| under.map(|value| 0.55 * value));
    canvas.fill(shape.bounds(), |x, y| shape.contains(x, y), |x, y, _| texture.at(x, y));

    for _ in 0..rng.below(2) {
        clutter(&mut canvas, rng);
    }
    canvas.light_from_above(0.14);
    canvas.grain(rng, 10.0);
    canvas
}

/// A shape's colour that contrasts with the background.
fn contrasting(rng: &mut ImageRng, background: Colour) -> Colour {
    loop {
        let colour = rng.colour(LIGHT);
        if colour.iter().zip(background).map(|(a, b)| (a - b).abs()).sum::<f64>() >= CONTRAST {
            return colour;
        }
    }
}

/// Draws a bar, dot, splinter or arc that is too small to be mistaken for a shape.
fn clutter(canvas: &mut Canvas, rng: &mut ImageRng) {
    let side = SIDE as f64;
    let (cx, cy) = (rng.between(0.0, side), rng.between(0.0, side));
    let (cos, sin) = rng.direction();
    let size = rng.between(1.2, 3.0);
    let colour = rng.colour((20.0, 235.0));
    let kind = rng.below(4);
    let inside = |x: f64, y: f64| {
        let (dx, dy) = (x - cx, y - cy);
        let (u, v) = ((dx * cos + dy * sin) / size, (dy * cos - dx * sin) / size);
        let square = u * u + v * v;
        match kind {
            0 => u.abs() < 1.5 && v.abs() < 0.3,
            1 => square < 0.5,
            2 => v > -0.5 && v + 1.6 * u.abs() < 0.7,
            _ => square < 1.0 && square > 0.45 && v > 0.1,
        }
    };
    canvas.fill((cx, cy, 1.6 * size), inside, |_, _, _| colour);
}
