//! Whether images that are open have the size at which the settings would open them: networks round it differently.

use crate::data::{Fit, Images, OpenOptions};

/// What of the settings decides the size of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageShape {
    size: Option<usize>,
    multiple: Option<usize>,
    fit: Fit,
}

impl ImageShape {
    /// What these options say.
    pub fn of(options: &OpenOptions) -> Self {
        Self { size: options.image_size, multiple: options.size_multiple, fit: options.fit }
    }
}

/// What the window has tried to open again, so that a source that cannot be opened is tried once.
pub type Tried = Option<(String, ImageShape)>;

/// The last attempts for the data and for the folder that is being labelled.
#[derive(Debug, Default)]
pub struct Reopened {
    pub data: Tried,
    pub labelled: Tried,
}

/// Whether images that were opened with `opened` have the size that `wanted` would give them. `are_files`: whether the size
/// was found from image files, where none is set; arrays keep their own.
pub fn serve(images: &Images, are_files: bool, opened: &OpenOptions, wanted: &OpenOptions) -> bool {
    if let Some(side) = wanted.side() {
        return [images.height, images.width] == [side, side];
    }
    // A size that was found is rounded for some networks.
    let is_multiple = |multiple: usize| images.width.is_multiple_of(multiple);
    !are_files
        || opened.size_multiple == wanted.size_multiple
        || wanted.size_multiple.map_or(opened.size_multiple.is_none(), is_multiple)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_opened_again_for_other_sizes_only() {
        let options =
            |image_size, size_multiple| OpenOptions { image_size, size_multiple, ..OpenOptions::default() };
        let (any, of_32) = (None, Some(32));
        for (side, are_files, opened, wanted, expected) in [
            // A size that is set.
            (50, true, options(Some(50), any), options(Some(50), of_32), false),
            (64, true, options(Some(50), of_32), options(Some(50), of_32), true),
            (64, true, options(Some(50), of_32), options(Some(50), any), false),
            (64, true, options(Some(64), any), options(Some(64), of_32), true),
            (28, false, options(any, any), options(Some(96), of_32), false),
            (96, false, options(Some(96), of_32), options(Some(96), any), true),
            // A size that was found, which may have been rounded.
            (50, true, options(any, any), options(any, of_32), false),
            (64, true, options(any, any), options(any, of_32), true),
            (64, true, options(any, of_32), options(any, any), false),
            (50, true, options(any, any), options(any, any), true),
            // Arrays keep their own size unless one is set.
            (28, false, options(any, any), options(any, of_32), true),
            (28, false, options(any, of_32), options(any, any), true),
            // A resumed run opens its data at the size that its checkpoint records.
            (64, true, options(Some(64), any), options(any, of_32), true),
        ] {
            let images = Images::new(side, side, 1, vec![0; side * side]);
            let found = serve(&images, are_files, &opened, &wanted);
            assert_eq!(found, expected, "{side} pixels, files {are_files}: {opened:?}, then {wanted:?}");
        }
    }
}
