//! Rotations by multiples of 90 degrees, which the reference composes of transposes and flips (specification 1.3).

use super::Map;

/// The pixel of the result at `(y, x)` is the pixel of `map` at `from(y, x)`.
fn rearranged(map: &Map, from: impl Fn(usize, usize) -> (usize, usize)) -> Map {
    let [images, height, width, channels] = map.shape;
    assert_eq!(height, width, "rotations by 90 degrees need square images");
    let mut out = Map::zeros(map.shape);
    for n in 0..images {
        for y in 0..height {
            for x in 0..width {
                let (from_y, from_x) = from(y, x);
                let (to, at) = (map.pixel(n, y, x), map.pixel(n, from_y, from_x));
                out.data[to..to + channels].copy_from_slice(&map.data[at..at + channels]);
            }
        }
    }
    out
}

fn transposed(map: &Map) -> Map {
    rearranged(map, |y, x| (x, y))
}

fn rows_flipped(map: &Map) -> Map {
    rearranged(map, |y, x| (map.shape[1] - 1 - y, x))
}

fn columns_flipped(map: &Map) -> Map {
    rearranged(map, |y, x| (y, map.shape[2] - 1 - x))
}

/// Rotation `label`: 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise.
pub fn rotated(map: &Map, label: usize) -> Map {
    match label {
        0 => map.clone(),
        1 => rows_flipped(&columns_flipped(map)),
        2 => rows_flipped(&transposed(map)),
        3 => columns_flipped(&transposed(map)),
        other => panic!("no rotation has the label {other}"),
    }
}

/// The batch with rotation labels 0 to 3, a quarter of the images each.
pub fn rotated_batch(batch: &Map) -> Map {
    let [images, height, width, channels] = batch.shape;
    let per_class = images / 4;
    let classes = batch.data.chunks_exact(batch.data.len() / 4).enumerate().flat_map(|(label, images)| {
        rotated(&Map::new([per_class, height, width, channels], images.to_vec()), label).data
    });
    Map::new(batch.shape, classes.collect())
}
