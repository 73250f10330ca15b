/// Images of one size, one byte a channel, pixels in NHWC order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Images {
    pub height: usize,
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// `len() * height * width * channels` bytes.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Bytes of one image.
    pub fn stride(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub fn len(&self) -> usize {
        self.pixels.len().checked_div(self.stride()).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of image `i`, HWC.
    ///
    /// # Panics
    /// When `i` is not below `len()`, as slices do.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.stride()..(i + 1) * self.stride()]
    }

    /// Writes image `i` as one word a pixel: red in the low byte, then green, blue and 255; grey is repeated.
    ///
    /// # Panics
    /// When `i` is not below `len()` or `words` does not hold `height * width` words.
    pub fn rgba(&self, i: usize, words: &mut [u32]) {
        assert_eq!(words.len(), self.height * self.width, "one word a pixel");
        for (word, pixel) in words.iter_mut().zip(self.image(i).chunks_exact(self.channels)) {
            *word = match *pixel {
                [red, green, blue] => u32::from_le_bytes([red, green, blue, 255]),
                _ => u32::from_le_bytes([pixel[0], pixel[0], pixel[0], 255]),
            };
        }
    }

    /// Appends an image given as planes of red, green and blue; `by_column`: each plane column after column.
    pub(super) fn push_planes(&mut self, planes: &[u8], by_column: bool) {
        let size = self.height * self.width;
        debug_assert_eq!(planes.len(), self.channels * size, "one plane a channel");
        for (y, x) in (0..self.height).flat_map(|y| (0..self.width).map(move |x| (y, x))) {
            let at = if by_column { x * self.height + y } else { y * self.width + x };
            self.pixels.extend(planes.iter().skip(at).step_by(size));
        }
    }

    /// The images at `indices`, in that order.
    pub(super) fn pick(&self, indices: &[usize]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.stride());
        for &i in indices {
            pixels.extend_from_slice(self.image(i));
        }
        Self { height: self.height, width: self.width, channels: self.channels, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_red_in_the_low_byte_and_repeat_grey() {
        let mut words = [0; 2];
        let rgb =
            Images { height: 1, width: 2, channels: 3, pixels: vec![0, 0, 0, 9, 9, 9, 1, 2, 3, 4, 5, 6] };
        rgb.rgba(1, &mut words);
        assert_eq!(words, [0xff03_0201, 0xff06_0504]);
        let grey = Images { height: 2, width: 1, channels: 1, pixels: vec![7, 8] };
        grey.rgba(0, &mut words);
        assert_eq!(words, [0xff07_0707, 0xff08_0808]);
    }
}
