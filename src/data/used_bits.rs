//! The significant bits of the 16-bit images of a set, from their values.

use std::convert::Infallible;

use super::bit_depth::{ALL_BITS, SignificantBits, UsedBits};
use super::counted::counted_of;
use super::decode;
use super::files::Entry;
use super::loose_image::LooseImage;
use super::names::shown;
use super::parallel::map_on_all_cores;
use super::slices::{Slices, run_to_end};

/// Images that are decoded at once: few, as one bright image settles it.
const BATCH: usize = if cfg!(target_arch = "wasm32") { 1 } else { LOOKED_AT };
/// Images that are decoded even so: they show whether that image stands alone.
const LOOKED_AT: usize = 16;
/// Images that use most bits stand apart if they are at most this share of those looked at.
const FEW: f64 = 0.25;

/// The significant bits of the 16-bit images of a set.
pub(super) struct SetBits<'a> {
    /// 8 to 16.
    pub bits: u8,
    /// Whether the values need all 16: dark images are just dark. False with a setting, as no image is looked at.
    pub needs_all: bool,
    /// The images that were looked at, with the bits that each uses.
    each: Vec<(&'a Entry, u8)>,
}

impl SetBits<'_> {
    /// A notice where a few bright images determine how all others are read: a hot pixel or a mark that was burnt in is
    /// enough.
    pub fn outlier_notice(&self) -> Option<String> {
        let bright: Vec<&Entry> =
            self.each.iter().filter(|(_, bits)| *bits == self.bits).map(|(entry, _)| *entry).collect();
        let low = self.each.iter().map(|(_, bits)| *bits).filter(|bits| *bits < self.bits).max()?;
        let all = self.each.len();
        let are_few = all >= 4 && bright.len() as f64 <= FEW * all as f64;
        let first = bright.first().filter(|_| are_few)?;
        Some(format!(
            "{} at most {low} bits, but {} has a value of {} bits, so that all 16-bit images are read as {} bits and the others \
             are dark. If a hot pixel or a mark in the image is the reason, leave such images out and set significant_bits to \
             {low}",
            counted_of(
                all - bright.len(),
                all,
                ["16-bit image looked at", "16-bit images looked at"],
                ["uses", "use"]
            ),
            shown(&first.path),
            self.bits,
            self.bits,
        ))
    }
}

/// The significant bits of 16-bit image files: those of the setting, or those that the values use. `looked_at` is
/// called with the number of images that were decoded so far; its error ends the search. A file that cannot be decoded is
/// left out.
pub(super) async fn significant_bits<'a, E>(
    deep: &[&'a Entry],
    setting: SignificantBits,
    mut looked_at: impl FnMut(usize) -> Result<(), E>,
) -> Result<SetBits<'a>, E> {
    if let SignificantBits::Bits(bits) = setting {
        return Ok(SetBits { bits, needs_all: false, each: Vec::new() });
    }
    let (mut all, mut slices, mut each) = (UsedBits::default(), Slices::new(), Vec::new());
    for (batch, first) in deep.chunks(BATCH).zip((0..).step_by(BATCH)) {
        looked_at(first)?;
        slices.next().await;
        let used = map_on_all_cores(batch, |entry| decode::used_bits(entry), |_| None);
        let used = batch.iter().zip(used).filter_map(|(entry, used)| Some((*entry, used?)));
        for (entry, used) in used {
            all = all.and(used);
            each.push((entry, used.bits()));
        }
        if all.is_full() && each.len() >= LOOKED_AT {
            break;
        }
    }
    let bits = if all == UsedBits::default() { ALL_BITS } else { all.bits() };
    Ok(SetBits { bits, needs_all: all.needs_all(), each })
}

/// Whether these 16-bit image files need all 16 bits, whatever the setting.
pub(super) fn need_all_bits(deep: &[&Entry]) -> bool {
    let Ok(found) = run_to_end(significant_bits(deep, SignificantBits::Auto, |_| Ok::<(), Infallible>(())));
    found.needs_all
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
    let Ok(found) = run_to_end(significant_bits(&entries, setting, |_| Ok::<(), Infallible>(())));
    (found.bits, entries.len())
}
