//! Images of arrays at another side than their own: those that fit in memory are resized when a set is opened, the others
//! when they are requested.

use super::error::DataError;
use super::fit::Fit;
use super::images::Images;
use super::limits::rounded_side;
use super::parallel::map_on_all_cores;
use super::set::{DataSet, OpenOptions};
use super::slices::Slices;
use super::stream::Source;

/// Images that are resized between two reports of progress.
const BATCH: usize = 256;

/// Resizes all images of a set to [`OpenOptions::image_size`], with a notice; image files have that size already.
///
/// # Errors
/// [`DataError::Stopped`] if [`OpenOptions::stop`] is set; when a streamed image cannot be read.
pub(super) async fn resize(set: &mut DataSet, options: &OpenOptions) -> Result<(), DataError> {
    let Some(wanted) = options.image_size else { return Ok(()) };
    let (side, rounded) = rounded_side(wanted, options.size_multiple);
    let (width, height) = (set.train.width.max(set.test.width), set.train.height.max(set.test.height));
    if (width, height) == (side, side) {
        return Ok(());
    }
    set.notices.extend(rounded);
    set.notices.push(format!("all images are resized from {width}x{height} to {side}x{side}"));
    set.shift = (f64::from(set.shift) * side as f64 / width.max(1) as f64).round() as u32;
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
        let images = &self.images;
        let mut resized = Vec::new();
        images.read(self.from + image, |bytes| {
            resized = self.fit.apply(images.to_dynamic(bytes), self.side as u32).into_bytes();
        });
        match images.take_failure() {
            Some(failure) => Err(failure),
            None => Ok(resized),
        }
    }
}
