use std::path::Path;

use image::imageops::FilterType;

use super::DataError;

/// Images of one size, 8 bits a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    pub height: usize,
    pub width: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// `[images, height, width, channels]`
    pub pixels: Vec<u8>,
}

impl Images {
    pub fn len(&self) -> usize {
        self.pixels.len() / self.image_bytes()
    }

    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Bytes of one image.
    pub fn image_bytes(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Image `index`, `[height, width, channels]`.
    pub fn image(&self, index: usize) -> &[u8] {
        let bytes = self.image_bytes();
        &self.pixels[index * bytes..(index + 1) * bytes]
    }

    /// Writes image `index` as one word a pixel: R in the low byte, then G, B and 255; grey repeated.
    pub fn rgba(&self, index: usize, to: &mut [u32]) {
        let pixels = self.image(index).chunks_exact(self.channels);
        for (word, pixel) in to.iter_mut().zip(pixels) {
            let [r, g, b] = match *pixel {
                [r, g, b] => [r, g, b],
                _ => [pixel[0]; 3],
            };
            *word = u32::from_le_bytes([r, g, b, 255]);
        }
    }
}

/// A data set: training images, some of them perhaps of unknown class, and test images.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    pub name: String,
    /// What the source was recognised as.
    pub format: String,
    pub classes: Vec<String>,
    pub train: Images,
    /// A class index an image; `None` where it is not known.
    pub train_labels: Vec<Option<u32>>,
    pub test: Images,
    pub test_labels: Vec<u32>,
    /// Whether horizontal flips keep the meaning of the images.
    pub flip: bool,
    /// Largest shift in pixels that the weak augmentation should make.
    pub shift: u32,
    /// What a person should know about how the source was read.
    pub notices: Vec<String>,
}

/// Larger images are refused by their header, before anything is decoded.
const MAX_PIXELS: u64 = 64 << 20;

/// Reads an image file, resized to `[height, width, channels]`.
///
/// # Errors
/// Names the file and what is wrong with it.
pub fn read_image(path: &Path, [height, width, channels]: [usize; 3]) -> Result<Images, DataError> {
    let open = || image::ImageReader::open(path)?.with_guessed_format();
    let reader = |doing| open().map_err(DataError::file(path, doing));
    let failed = |reason: String| DataError::Image { path: path.to_owned(), reason };
    let (w, h) = reader("opening it")?.into_dimensions().map_err(|e| failed(e.to_string()))?;
    if u64::from(w) * u64::from(h) > MAX_PIXELS {
        return Err(failed(format!("{w}x{h} pixels are more than the {MAX_PIXELS} that are read")));
    }
    let decoded = reader("reading it")?.decode().map_err(|e| failed(e.to_string()))?;
    let resized = decoded.resize_exact(width as u32, height as u32, FilterType::Triangle);
    let pixels = if channels == 1 { resized.into_luma8().into_raw() } else { resized.into_rgb8().into_raw() };
    Ok(Images { height, width, channels, pixels })
}
