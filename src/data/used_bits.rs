//! The significant bits of the 16-bit images of a set, from their values.

use std::convert::Infallible;

use super::bit_depth::{ALL_BITS, SignificantBits, UsedBits};
use super::decode;
use super::files::Entry;
use super::loose_image::LooseImage;
use super::parallel::map_on_all_cores;
use super::slices::{Slices, run_to_end};

/// Images that are decoded at once: few, as one bright image settles it.
const BATCH: usize = if cfg!(target_arch = "wasm32") { 1 } else { 16 };

/// The significant bits of 16-bit image files, 8 to 16: those of the setting, or those that the values use. `looked_at` is
/// called with the number of images that were decoded so far; its error ends the search. A file that cannot be decoded is
/// left out.
pub(super) async fn significant_bits<E>(
    deep: &[&Entry],
    setting: SignificantBits,
    mut looked_at: impl FnMut(usize) -> Result<(), E>,
) -> Result<u8, E> {
    if let SignificantBits::Bits(bits) = setting {
        return Ok(bits);
    }
    let (mut all, mut slices) = (UsedBits::default(), Slices::new());
    for (batch, first) in deep.chunks(BATCH).zip((0..).step_by(BATCH)) {
        looked_at(first)?;
        slices.next().await;
        let used = map_on_all_cores(batch, |entry| decode::used_bits(entry), |_| None);
        all = used.into_iter().flatten().fold(all, UsedBits::and);
        if all.is_full() {
            return Ok(ALL_BITS);
        }
    }
    Ok(if all == UsedBits::default() { ALL_BITS } else { all.bits() })
}

/// The significant bits of the 16-bit images among these, 8 to 16: those of the setting, or those that their values
/// use; and the number of these images, 0 with a setting of bits. Files that cannot be read are left out.
pub fn significant_bits_of(images: &[LooseImage], setting: SignificantBits) -> (u8, usize) {
    let is_deep = |entry: &Entry| decode::read_header(entry).is_ok_and(|header| header.original.deep);
    let entries: Vec<Entry> = match setting {
        SignificantBits::Bits(_) => Vec::new(),
        SignificantBits::Auto => {
            images.iter().filter_map(|image| image.entry().ok().filter(is_deep)).collect()
        }
    };
    let entries: Vec<&Entry> = entries.iter().collect();
    let Ok(bits) = run_to_end(significant_bits(&entries, setting, |_| Ok::<(), Infallible>(())));
    (bits, entries.len())
}
