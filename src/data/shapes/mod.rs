//! `builtin:shapes`: ten kinds of shape on cluttered grounds, drawn by the program itself.
//!
//! Place, size, turn, colour, texture, ground and clutter are independent of the class, so a few labels do not
//! tell what matters. Light falls from above, so turned images can be told from upright ones. Only exactly
//! rounded arithmetic (+, -, *, / and square roots) and integers are used: every machine draws the same bytes.

mod canvas;
mod dice;
mod outline;
mod texture;

use canvas::{Canvas, Colour};
use dice::Dice;
use outline::{Outline, Placed};
use texture::Texture;

use super::{DataSet, Images};

/// Pixels a side.
const SIDE: usize = 32;
const TRAIN: usize = 5_000;
const TEST: usize = 1_000;

/// Tangent of half the largest turn of a shape: 20 degrees to either side.
const TURN: f64 = 0.176;
/// Pixels from the middle to the outermost point.
const RADIUS: (f64, f64) = (10.0, 14.0);

/// Channels of grounds and of shapes: shapes are the lighter.
const DARK: (f64, f64) = (10.0, 110.0);
const LIGHT: (f64, f64) = (110.0, 250.0);

/// Sum of the channels' differences between a shape and its ground.
const CONTRAST: f64 = 180.0;

pub(super) fn make() -> DataSet {
    let part = |images: std::ops::Range<usize>| -> (Images, Vec<u32>) {
        let mut pixels = Vec::with_capacity(images.len() * SIDE * SIDE * 3);
        let labels = images.clone().map(|i| (i % Outline::ALL.len()) as u32).collect();
        for i in images {
            draw(Outline::ALL[i % Outline::ALL.len()], &mut Dice::of_image(i as u64)).write(&mut pixels);
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
        flip: true,
        shift: 4,
        notices: Vec::new(),
    }
}

fn draw(outline: Outline, dice: &mut Dice) -> Canvas {
    let side = SIDE as f64;
    let ground = dice.colour(DARK);
    let mut canvas = Canvas::new(&Texture::ground(dice, ground));
    for _ in 0..dice.below(4) + 1 {
        fragment(&mut canvas, dice);
    }

    let radius = dice.between(RADIUS.0, RADIUS.1);
    let place = |dice: &mut Dice| dice.between(0.85 * radius, side - 0.85 * radius);
    let centre = (place(dice), place(dice));
    let shape = Placed::new(outline, centre, radius, dice.between(0.85, 1.18), dice.turn(TURN));
    let colour = contrasting(dice, ground);
    let texture = Texture::surface(dice, colour);

    let shadow = shape.moved(0.6, 1.6);
    canvas.cover(
        shadow.bounds(),
        |x, y| shadow.contains(x, y),
        |_, _, under| under.map(|value| 0.55 * value),
    );
    canvas.cover(shape.bounds(), |x, y| shape.contains(x, y), |x, y, _| texture.at(x, y));

    for _ in 0..dice.below(2) {
        fragment(&mut canvas, dice);
    }
    canvas.light_from_above(0.14);
    canvas.grain(dice, 10.0);
    canvas
}

fn contrasting(dice: &mut Dice, ground: Colour) -> Colour {
    loop {
        let colour = dice.colour(LIGHT);
        if colour.iter().zip(ground).map(|(a, b)| (a - b).abs()).sum::<f64>() >= CONTRAST {
            return colour;
        }
    }
}

/// Clutter: a small bar, dot, splinter or arc, too small to be a shape itself.
fn fragment(canvas: &mut Canvas, dice: &mut Dice) {
    let side = SIDE as f64;
    let (cx, cy) = (dice.between(0.0, side), dice.between(0.0, side));
    let (cos, sin) = dice.direction();
    let size = dice.between(1.2, 3.0);
    let colour = dice.colour((20.0, 235.0));
    let kind = dice.below(4);
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
    canvas.cover((cx, cy, 1.6 * size), inside, |_, _, _| colour);
}
