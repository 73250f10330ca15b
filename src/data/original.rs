//! What an image file is, beyond the pixels that the network gets: for the check of a data set, and for notices.

use std::io::SeekFrom;

use super::files::{Entry, Seekable};
use super::fit::Fit;

/// What a file's header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// Size in pixels after the orientation is applied.
    pub width: u32,
    pub height: u32,
    /// More than 8 bits per channel.
    pub deep: bool,
    /// It has an alpha channel, or a transparent colour.
    pub transparent: bool,
    /// The name of the colour profile, if it is not sRGB.
    pub profile: Option<String>,
    /// The kind of raw camera file, of which only a preview is read.
    pub raw: Option<String>,
}

impl Original {
    /// Whether a check of the set may have to mention the file at a side of `side` pixels.
    pub(super) fn is_unusual(&self, side: usize, fit: Fit) -> bool {
        let marked = self.deep || self.transparent || self.profile.is_some() || self.raw.is_some();
        marked || self.cropped() > 0.0 || self.enlargement(side, fit) > 1.0
    }

    /// The share of the image outside its centre square, 0 to 1.
    pub fn cropped(&self) -> f64 {
        let (short, long) = (self.width.min(self.height), self.width.max(self.height).max(1));
        1.0 - f64::from(short) / f64::from(long)
    }

    /// How much the image is enlarged at a side of `side` pixels; at most 1 if it is not.
    pub fn enlargement(&self, side: usize, fit: Fit) -> f64 {
        let scaled = match fit {
            Fit::Crop | Fit::Stretch => self.width.min(self.height),
            Fit::Pad => self.width.max(self.height),
        };
        side as f64 / f64::from(scaled.max(1))
    }
}

/// The bits that 16-bit images use whose brightest value is `brightest` after 16 bits were rounded to 8; `None` if they
/// use 15 or all 16.
pub(super) fn bits_used(brightest: u8) -> Option<u32> {
    // The largest value of n bits becomes 255 / 2^(16 - n).
    let limits = [(1, 8), (4, 10), (16, 12), (64, 14)];
    limits.iter().find(|(most, _)| brightest <= *most).map(|(_, bits)| *bits)
}

/// Extensions of raw files that are TIFF files inside.
const RAW_EXTENSIONS: [&str; 19] = [
    "3fr", "arw", "cr2", "dcr", "dng", "erf", "fff", "iiq", "k25", "kdc", "mef", "mos", "nef", "nrw", "pef",
    "rwl", "sr2", "srf", "srw",
];
/// Tags of TIFF 6.0, its supplements, and DNG.
const NEW_SUBFILE_TYPE: u16 = 254;
const SUB_IFDS: u16 = 330;
const DNG_VERSION: u16 = 50_706;
/// Entries of a directory that are looked at.
const MAX_ENTRIES: u16 = 512;

/// The kind of raw camera file, in capitals, whatever its name; `None` for other files.
///
/// Such files are TIFF files whose first image is a reduced preview and whose subfiles hold the photo.
pub(super) fn raw_kind(entry: &Entry) -> Option<String> {
    let start = entry.prefix(10).ok()?;
    let little = match start.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    if start.get(8..10)? == b"CR" {
        return Some("CR2".to_owned());
    }
    let extension = entry.name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    let by_name = extension.filter(|extension| RAW_EXTENSIONS.contains(&extension.as_str()));
    let Directory { reduced, subfiles, dng } = directory(entry.open_seekable().ok()?.as_mut(), little)?;
    match (by_name, dng, reduced && subfiles) {
        (Some(extension), _, _) => Some(extension.to_uppercase()),
        (None, true, _) => Some("DNG".to_owned()),
        (None, false, true) => Some("raw".to_owned()),
        (None, false, false) => None,
    }
}

/// What the first directory of a TIFF file says.
#[derive(Default)]
struct Directory {
    /// Its image is a reduced version of another one.
    reduced: bool,
    subfiles: bool,
    dng: bool,
}

fn directory(reader: &mut dyn Seekable, little: bool) -> Option<Directory> {
    let short = |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let long = |bytes: [u8; 4]| if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
    let mut offset = [0; 4];
    reader.seek(SeekFrom::Start(4)).ok()?;
    reader.read_exact(&mut offset).ok()?;
    reader.seek(SeekFrom::Start(long(offset).into())).ok()?;
    let mut count = [0; 2];
    reader.read_exact(&mut count).ok()?;
    let mut found = Directory::default();
    for _ in 0..short(count).min(MAX_ENTRIES) {
        let mut field = [0; 12];
        reader.read_exact(&mut field).ok()?;
        match short([field[0], field[1]]) {
            NEW_SUBFILE_TYPE => found.reduced = long([field[8], field[9], field[10], field[11]]) & 1 == 1,
            SUB_IFDS => found.subfiles = true,
            DNG_VERSION => found.dng = true,
            _ => {}
        }
    }
    Some(found)
}
