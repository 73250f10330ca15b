//! The order of the values of colour images in an array, by their pixels: neighbours are alike in the right order only.

use super::images::Images;

/// Images that are looked at.
const LOOKED_AT: usize = 256;
/// The other order is told if neighbours in it differ by at most this share.
const MUCH_LESS: f64 = 0.75;

/// A notice if the images look as if an array of planes had been shaped as pixels, or the other way. `planes`: they were
/// read as planes of red, green and blue.
pub(super) fn other_order_notice(images: &Images, planes: bool) -> Option<String> {
    if images.channels != 3 || images.is_empty() {
        return None;
    }
    let (height, width) = (images.height, images.width);
    let step = images.len().div_ceil(LOOKED_AT);
    let mut differences = [0.0; 2];
    for image in (0..images.len()).step_by(step) {
        // As they were in the array.
        let values = match planes {
            true => to_planes(images.image(image)),
            false => images.image(image).to_vec(),
        };
        differences[0] += difference(&values, 3) + difference(&values, 3 * width);
        differences[1] += difference(&values, 1) + difference(&values, width);
    }
    let [as_pixels, as_planes] = differences;
    match planes {
        false if as_planes < MUCH_LESS * as_pixels => Some(format!(
            "the images look as if the array had planes of red, green and blue that were shaped as pixels: if they look scrambled, \
             save images.reshape(-1, 3, {height}, {width})"
        )),
        true if as_pixels < MUCH_LESS * as_planes => Some(format!(
            "the images look as if the array had pixels that were shaped as planes of red, green and blue: if they look \
             scrambled, save images.reshape(-1, {height}, {width}, 3)"
        )),
        _ => None,
    }
}

/// The pixels of an image (HWC) as planes (CHW).
fn to_planes(pixels: &[u8]) -> Vec<u8> {
    (0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect()
}

/// The mean difference of values that are `apart` values from each other.
fn difference(values: &[u8], apart: usize) -> f64 {
    let pairs = values.iter().zip(values.iter().skip(apart));
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / values.len().saturating_sub(apart).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of 16x16 pixels in which colours change slowly, grey ones among them.
    fn pixels(grey: bool) -> Vec<u8> {
        let value = |i: usize, y: usize, x: usize, channel: usize| {
            let channel = if grey { 0.0 } else { channel as f64 };
            let (x, y) = (x as f64 / 5.0 + i as f64, y as f64 / 7.0);
            (127.0 + 60.0 * (x + channel).sin() + 60.0 * (y - channel).cos()) as u8
        };
        let places = (0..4 * 16 * 16 * 3).map(|at| [at / 768, at / 48 % 16, at / 3 % 16, at % 3]);
        places.map(|[i, y, x, channel]| value(i, y, x, channel)).collect()
    }

    #[test]
    fn the_other_order_is_told_from_neighbours() {
        for grey in [false, true] {
            let right = Images::new(16, 16, 3, pixels(grey));
            for planes in [false, true] {
                assert_eq!(other_order_notice(&right, planes), None, "{grey} {planes}");
            }
            // Planes that were shaped as pixels.
            let planes = pixels(grey).chunks_exact(768).flat_map(to_planes).collect();
            let told = other_order_notice(&Images::new(16, 16, 3, planes), false);
            assert!(told.is_some_and(|told| told.contains("reshape(-1, 3, 16, 16)")), "{grey}");
            // Pixels that were shaped as planes.
            let mut wrong = Images::new(16, 16, 3, Vec::new());
            pixels(grey).chunks_exact(768).for_each(|image| wrong.push_planes(image, false));
            let told = other_order_notice(&wrong, true);
            assert!(told.is_some_and(|told| told.contains("reshape(-1, 16, 16, 3)")), "{grey}");
        }
        // Noise says nothing.
        let noise: Vec<u8> = (0..4 * 768u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(other_order_notice(&Images::new(16, 16, 3, noise), false), None);
    }
}
