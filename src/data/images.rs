//! Images of one size: in memory, followed by those that are streamed.

use image::DynamicImage;
use image::imageops::FilterType;

use super::error::DataError;
use super::stream::{Source, StreamStats, Streamed};

/// Images of shape (N, height, width, channels), one byte per channel. The first ones are in memory; the others, if
/// any, are decoded when they are requested.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Images {
    pub height: usize,
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// The images in memory: a multiple of `height * width * channels` bytes.
    pub pixels: Vec<u8>,
    streamed: Option<Streamed>,
}

impl Images {
    /// Images in memory; `pixels` in NHWC order.
    pub fn new(height: usize, width: usize, channels: usize, pixels: Vec<u8>) -> Self {
        Self { height, width, channels, pixels, streamed: None }
    }

    /// Bytes of one image.
    pub fn stride(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Number of images, in memory and streamed.
    pub fn len(&self) -> usize {
        self.in_memory() + self.streamed.as_ref().map_or(0, Streamed::count)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of images in memory: the first ones.
    pub fn in_memory(&self) -> usize {
        self.pixels.len().checked_div(self.stride()).unwrap_or(0)
    }

    /// Adds images that are read when they are requested.
    pub(super) fn stream(&mut self, source: impl Source + 'static) {
        self.streamed = Some(Streamed::new(source, self.stride()));
    }

    /// Decodes streamed images ahead: `upcoming` lists all images that will be requested next, in that order, and
    /// replaces the previous list. Changes no result.
    pub fn prefetch(&self, upcoming: &[usize]) {
        if let Some(streamed) = &self.streamed {
            streamed.prefetch(upcoming.iter().filter_map(|i| i.checked_sub(self.in_memory())));
        }
    }

    /// The first failure to read a streamed image since the last call. The bytes of such an image are zeros: whoever
    /// requested it takes the failure before they are used.
    pub fn take_failure(&self) -> Option<DataError> {
        self.streamed.as_ref()?.take_failure()
    }

    /// How often streamed images were not ready; `None` if all images are in memory.
    pub fn stream_stats(&self) -> Option<StreamStats> {
        self.streamed.as_ref().map(Streamed::stats)
    }

    /// The bytes of image `i` (HWC).
    ///
    /// # Panics
    /// When `i` is not below [`Images::in_memory`].
    pub fn image(&self, i: usize) -> &[u8] {
        &self.pixels[i * self.stride()..(i + 1) * self.stride()]
    }

    /// Writes image `i` as one word per pixel: red in the low byte, then green, blue and 255. Grey is repeated.
    ///
    /// # Panics
    /// When `i` is not below `len()` or `words` does not hold `height * width` words.
    pub fn rgba(&self, i: usize, words: &mut [u32]) {
        assert_eq!(words.len(), self.height * self.width, "one word per pixel");
        self.read(i, |bytes| {
            for (word, pixel) in words.iter_mut().zip(bytes.chunks_exact(self.channels)) {
                *word = match *pixel {
                    [red, green, blue] => u32::from_le_bytes([red, green, blue, 255]),
                    _ => u32::from_le_bytes([pixel[0], pixel[0], pixel[0], 255]),
                };
            }
        });
    }

    /// Calls `with` with the bytes of image `i`, in memory or streamed.
    pub(super) fn read(&self, i: usize, with: impl FnOnce(&[u8])) {
        match (&self.streamed, i.checked_sub(self.in_memory())) {
            (Some(streamed), Some(later)) => {
                assert!(later < streamed.count(), "image {i} of {}", self.len());
                with(&streamed.read(later));
            }
            _ => with(self.image(i)),
        }
    }

    /// The bytes of image `i`, in memory or read from the source of streamed images.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn try_read(&self, i: usize) -> Result<Vec<u8>, DataError> {
        match (&self.streamed, i.checked_sub(self.in_memory())) {
            (Some(streamed), Some(later)) => streamed.try_read(later),
            _ => Ok(self.image(i).to_vec()),
        }
    }

    /// The bytes of one of the images (HWC) as an image to resize.
    pub(super) fn to_dynamic(&self, bytes: Vec<u8>) -> DynamicImage {
        let (width, height) = (self.width as u32, self.height as u32);
        let image = match self.channels {
            1 => image::GrayImage::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
            _ => image::RgbImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
        };
        image.expect("an image has height x width x channels bytes")
    }

    /// The images with `channels` channels, resized to `side`, as image files are: colour becomes luma, and grey is
    /// repeated.
    pub fn fitted(self, side: usize, channels: usize) -> Self {
        if (self.height, self.width, self.channels) == (side, side, channels) {
            return self;
        }
        let mut pixels = Vec::with_capacity(self.in_memory() * side * side * channels);
        for i in 0..self.in_memory() {
            let image = self.to_dynamic(self.image(i).to_vec());
            let image = match (self.height, self.width) == (side, side) {
                true => image,
                false => image.resize_exact(side as u32, side as u32, FilterType::Triangle),
            };
            match channels {
                1 => pixels.extend(image.into_luma8().into_raw()),
                _ => pixels.extend(image.into_rgb8().into_raw()),
            }
        }
        Self::new(side, side, channels, pixels)
    }

    /// Appends an image given as planes of red, green and blue (CHW).
    pub(super) fn push_planes(&mut self, planes: &[u8], column_major: bool) {
        let [height, width] = [self.height, self.width];
        interleave(planes, [height, width], column_major, &mut self.pixels);
    }

    /// Keeps the images in memory at `indices`, which ascend, and removes the others.
    pub(super) fn keep(&mut self, indices: &[usize]) {
        let stride = self.stride();
        for (to, &from) in indices.iter().enumerate() {
            self.pixels.copy_within(from * stride..(from + 1) * stride, to * stride);
        }
        self.pixels.truncate(indices.len() * stride);
    }

    /// Copies the images at `indices`, in that order, into memory.
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

/// Appends planes of `height` and `width` (CHW) to `pixels` in HWC order.
pub(super) fn interleave(
    planes: &[u8],
    [height, width]: [usize; 2],
    column_major: bool,
    pixels: &mut Vec<u8>,
) {
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let at = if column_major { x * height + y } else { y * width + x };
        pixels.extend(planes.iter().skip(at).step_by(height * width));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picked_images_equal_the_originals() {
        for channels in [1, 3] {
            let bytes: Vec<u8> = (0..5 * 6 * channels as u8).collect();
            let images = Images::new(2, 3, channels, bytes);
            let copies = images.pick(&[4, 0]);
            assert_eq!(copies.len(), 2);
            assert_eq!([copies.image(0), copies.image(1)], [images.image(4), images.image(0)]);
        }
    }

    #[test]
    fn rgba_words_start_with_red() {
        let mut words = [0; 2];
        let rgb = Images::new(1, 2, 3, vec![0, 0, 0, 9, 9, 9, 1, 2, 3, 4, 5, 6]);
        rgb.rgba(1, &mut words);
        assert_eq!(words, [0xff03_0201, 0xff06_0504]);
        let grey = Images::new(2, 1, 1, vec![7, 8]);
        grey.rgba(0, &mut words);
        assert_eq!(words, [0xff07_0707, 0xff08_0808]);
    }
}
