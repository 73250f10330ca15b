//! Images of arrays at another side than their own, or made square: those that fit in memory are resized when a set is
//! opened, the others when they are requested.

use std::path::Path;

use super::error::DataError;
use super::fit::Fit;
use super::images::Images;
use super::limits::{LARGEST_FOUND, SIDES, rounded_side};
use super::parallel::map_on_all_cores;
use super::set::{DataSet, OpenOptions};
use super::slices::Slices;
use super::stream::Source;

/// Images that are resized between two reports of progress.
const BATCH: usize = 256;

/// Checks the size of the images of an array: what has a side below [`SIDES`] is rather a row of pixels than an image.
///
/// # Errors
/// [`DataError::ImageSize`] names the array at `path`.
pub(super) fn check_size(path: &Path, [height, width]: [usize; 2]) -> Result<(), DataError> {
    match height.min(width) < *SIDES.start() {
        true => Err(DataError::ImageSize { path: path.to_owned(), width, height }),
        false => Ok(()),
    }
}

/// Checks that the images of another array, at `path`, have the size and channels of the training images.
///
/// # Errors
/// [`DataError::Missing`] with both sizes.
pub(super) fn check_same_size(path: &Path, images: &Images, train: &Images) -> Result<(), DataError> {
    let size = |images: &Images| [images.height, images.width, images.channels];
    match images.is_empty() || size(images) == size(train) {
        true => Ok(()),
        false => Err(DataError::Missing {
            path: path.to_owned(),
            expected: format!("images of the training images' size, {:?}", size(train)),
            found: format!("{:?} (height, width, channels)", size(images)),
        }),
    }
}

/// The side that arrays get without [`OpenOptions::image_size`], as image files do; `None` if some network takes them as
/// they are.
fn found_side(width: usize, height: usize) -> Option<usize> {
    let shorter = width.min(height);
    (shorter > 0 && (width != height || !SIDES.contains(&width)))
        .then(|| shorter.clamp(*SIDES.start(), LARGEST_FOUND))
}

/// Resizes all images of a set to [`OpenOptions::image_size`], or those that no network takes as they are, with a notice;
/// image files have their size already.
///
/// # Errors
/// [`DataError::Stopped`] if [`OpenOptions::stop`] is set; when a streamed image cannot be read.
pub(super) async fn resize(set: &mut DataSet, options: &OpenOptions) -> Result<(), DataError> {
    let (width, height) = (set.train.width.max(set.test.width), set.train.height.max(set.test.height));
    let Some(wanted) = options.image_size.or_else(|| found_side(width, height)) else { return Ok(()) };
    let (side, rounded) = rounded_side(wanted, options.size_multiple);
    if (width, height) == (side, side) {
        return Ok(());
    }
    set.notices.extend(rounded);
    set.notices.push(format!(
        "all images are resized from {width}x{height} to {side}x{side}{}{}",
        if width == height { String::new() } else { format!(", {}", options.fit.text()) },
        match (options.image_size, width == height || options.fit != Fit::Crop) {
            (_, false) => " (set fit to pad or stretch to keep all of each image)",
            (None, true) => " (set image_size to choose another size)",
            (Some(_), true) => "",
        }
    ));
    set.shift = (f64::from(set.shift) * side as f64 / width.min(height).max(1) as f64).round() as u32;
    let in_memory = options.images_in_memory(side * side * set.train.channels);
    for (images, most) in [(&mut set.train, in_memory), (&mut set.test, usize::MAX)] {
        let resized = Resized { images: std::mem::take(images), from: 0, side, fit: options.fit };
        *images = resized.load(most, options).await?;
    }
    Ok(())
}

/// Images from `from` on, resized when they are read.
struct Resized {
    images: Images,
    from: usize,
    side: usize,
    fit: Fit,
}

impl Resized {
    /// Resizes the first images, at most `most`, and leaves the others to be streamed.
    async fn load(mut self, most: usize, options: &OpenOptions) -> Result<Images, DataError> {
        let (all, channels) = (self.images.len(), self.images.channels);
        let eager = all.min(most);
        let mut pixels = Vec::with_capacity(eager * self.side * self.side * channels);
        let mut slices = Slices::new();
        for first in (0..eager).step_by(BATCH) {
            options.report(first, eager)?;
            slices.next().await;
            let batch: Vec<usize> = (first..eager.min(first + BATCH)).collect();
            let failed = |image: &usize| Err(DataError::DecoderFailed { image: *image });
            for image in map_on_all_cores(&batch, |image| self.read(*image), failed) {
                pixels.extend(image?);
            }
        }
        options.report(eager, eager)?;
        let mut resized = Images::new(self.side, self.side, channels, pixels);
        if eager < all {
            self.from = eager;
            resized.stream(self);
        }
        Ok(resized)
    }
}

impl Source for Resized {
    fn count(&self) -> usize {
        self.images.len() - self.from
    }

    fn read(&self, image: usize) -> Result<Vec<u8>, DataError> {
        let bytes = self.images.try_read(self.from + image)?;
        Ok(self.fit.apply(self.images.to_dynamic(bytes), self.side as u32).into_bytes())
    }
}
