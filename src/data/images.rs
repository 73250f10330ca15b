use super::DataError;
use super::stream::{Source, Streamed, Waits};

/// Images of one size, one byte a channel, pixels in NHWC order; those that do not fit in memory come after the
/// others and are decoded as they are asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Images {
    pub height: usize,
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Those in memory: a multiple of `height * width * channels` bytes.
    pub pixels: Vec<u8>,
    streamed: Option<Streamed>,
}

impl Images {
    /// Images in memory.
    pub fn new(height: usize, width: usize, channels: usize, pixels: Vec<u8>) -> Self {
        Self { height, width, channels, pixels, streamed: None }
    }

    /// Bytes of one image.
    pub fn stride(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub fn len(&self) -> usize {
        self.in_memory() + self.streamed.as_ref().map_or(0, Streamed::count)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Images in memory: the first ones.
    pub fn in_memory(&self) -> usize {
        self.pixels.len().checked_div(self.stride()).unwrap_or(0)
    }

    /// Adds images that stay where they are until they are asked for.
    pub(super) fn stream(&mut self, source: impl Source + 'static, skip_bad: bool) {
        self.streamed = Some(Streamed::new(source, self.stride(), skip_bad));
    }

    /// Says which images will be asked for next, all of them and in that order; those not in memory are decoded
    /// ahead. A hint: it changes no result.
    pub fn expect(&self, upcoming: &[usize]) {
        if let Some(streamed) = &self.streamed {
            streamed.expect(upcoming.iter().filter_map(|i| i.checked_sub(self.in_memory())));
        }
    }

    /// The first failure to read an image since the last call. Such an image is black.
    pub fn failure(&self) -> Option<DataError> {
        self.streamed.as_ref()?.failure()
    }

    /// How long images that are not in memory have been waited for; `None` where all are.
    pub fn waits(&self) -> Option<Waits> {
        self.streamed.as_ref().map(Streamed::waits)
    }

    /// The bytes of image `i`, HWC.
    ///
    /// # Panics
    /// When `i` is not below [`Images::in_memory`], as slices do.
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.stride()..(i + 1) * self.stride()]
    }

    /// Writes image `i` as one word a pixel: red in the low byte, then green, blue and 255; grey is repeated.
    ///
    /// # Panics
    /// When `i` is not below `len()` or `words` does not hold `height * width` words.
    pub fn rgba(&self, i: usize, words: &mut [u32]) {
        assert_eq!(words.len(), self.height * self.width, "one word a pixel");
        self.read(i, |bytes| {
            for (word, pixel) in words.iter_mut().zip(bytes.chunks_exact(self.channels)) {
                *word = match *pixel {
                    [red, green, blue] => u32::from_le_bytes([red, green, blue, 255]),
                    _ => u32::from_le_bytes([pixel[0], pixel[0], pixel[0], 255]),
                };
            }
        });
    }

    /// Lets `see` have the bytes of image `i`, in memory or not.
    fn read(&self, i: usize, see: impl FnOnce(&[u8])) {
        match (&self.streamed, i.checked_sub(self.in_memory())) {
            (Some(streamed), Some(later)) => {
                assert!(later < streamed.count(), "image {i} of {}", self.len());
                see(&streamed.read(later));
            }
            _ => see(self.image(i)),
        }
    }

    /// Appends an image given as planes of red, green and blue; `by_column`: each plane column after column.
    pub(super) fn push_planes(&mut self, planes: &[u8], by_column: bool) {
        let [height, width] = [self.height, self.width];
        interleave(planes, [height, width], by_column, &mut self.pixels);
    }

    /// The images at `indices`, in that order and in memory.
    ///
    /// # Panics
    /// When an index is not below `len()`.
    pub fn pick(&self, indices: &[usize]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.stride());
        for &i in indices {
            self.read(i, |bytes| pixels.extend_from_slice(bytes));
        }
        Self::new(self.height, self.width, self.channels, pixels)
    }
}

/// Appends the pixels of planes of `height` and `width` to `pixels`, the channels of each together.
pub(super) fn interleave(planes: &[u8], [height, width]: [usize; 2], by_column: bool, pixels: &mut Vec<u8>) {
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let at = if by_column { x * height + y } else { y * width + x };
        pixels.extend(planes.iter().skip(at).step_by(height * width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picked_images_are_the_images_in_grey_and_in_colour() {
        for channels in [1, 3] {
            let bytes: Vec<u8> = (0..5 * 6 * channels as u8).collect();
            let images = Images::new(2, 3, channels, bytes);
            let copies = images.pick(&[4, 0]);
            assert_eq!(copies.len(), 2);
            assert_eq!([copies.image(0), copies.image(1)], [images.image(4), images.image(0)]);
        }
    }

    #[test]
    fn words_hold_red_in_the_low_byte_and_repeat_grey() {
        let mut words = [0; 2];
        let rgb = Images::new(1, 2, 3, vec![0, 0, 0, 9, 9, 9, 1, 2, 3, 4, 5, 6]);
        rgb.rgba(1, &mut words);
        assert_eq!(words, [0xff03_0201, 0xff06_0504]);
        let grey = Images::new(2, 1, 1, vec![7, 8]);
        grey.rgba(0, &mut words);
        assert_eq!(words, [0xff07_0707, 0xff08_0808]);
    }
}
