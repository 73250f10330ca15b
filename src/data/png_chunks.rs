//! Chunks of PNG files that the image decoder does not return: the colours that `gAMA` and `cHRM` give, and the
//! significant bits of `sBIT` (PNG specification, section 11.3.2).
//!
//! As in browsers `iCCP` and `sRGB` come before `gAMA` and `cHRM`. A file with a `cICP` chunk is taken for sRGB.

use std::io::{Read as _, SeekFrom};

use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ProfileText, ToneReprCurve, XyY};

use super::files::Entry;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
/// The colour type of images with a palette.
const INDEXED: u8 = 3;
/// Chunks before the pixels that are looked at.
const MAX_CHUNKS: usize = 1_000;
/// The largest chunk that is read, in bytes.
const MAX_BYTES: u32 = 32;
/// Values of `gAMA` and `cHRM` are stored in units of 1/100,000.
const UNIT: f64 = 100_000.0;
/// The `gAMA` of sRGB images, and by how much it may differ.
const SRGB_GAMMA: u32 = 45_455;
const SAME_GAMMA: u32 = 500;
/// The `cHRM` of sRGB images (white, red, green, blue), and by how much it may differ.
const SRGB_PRIMARIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
const SAME_PRIMARIES: u32 = 300;

/// What the chunks before the pixels say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PngChunks {
    /// The reciprocal of the gamma of the values.
    gamma: Option<u32>,
    /// x and y of white, red, green and blue.
    primaries: Option<[u32; 8]>,
    /// Bits of a pixel of an image with a palette.
    index_bits: Option<u8>,
    /// Colours of the palette.
    colours: u32,
    /// Whether another chunk gives the colours.
    has_colours: bool,
    /// The most significant bits of a colour channel.
    pub significant_bits: Option<u8>,
}

impl PngChunks {
    /// Reads the chunks of a file; the default if it is not a PNG file, or is damaged.
    pub fn read(entry: &Entry) -> Self {
        let is_png = entry.prefix(SIGNATURE.len()).is_ok_and(|start| start == SIGNATURE);
        if is_png { Self::parse(entry).unwrap_or_default() } else { Self::default() }
    }

    fn parse(entry: &Entry) -> Option<Self> {
        let mut reader = entry.open_seekable().ok()?;
        reader.seek(SeekFrom::Start(SIGNATURE.len() as u64)).ok()?;
        let mut found = Self::default();
        for _ in 0..MAX_CHUNKS {
            let mut head = [0; 8];
            reader.read_exact(&mut head).ok()?;
            let [a, b, c, d, kind @ ..] = head;
            let length = u32::from_be_bytes([a, b, c, d]);
            let mut content = Vec::new();
            let known = matches!(&kind, b"IHDR" | b"gAMA" | b"cHRM" | b"sBIT") && length <= MAX_BYTES;
            if known {
                content.resize(length as usize, 0);
                reader.read_exact(&mut content).ok()?;
            } else {
                reader.seek(SeekFrom::Current(length.into())).ok()?;
            }
            match &kind {
                b"IDAT" | b"IEND" => break,
                b"IHDR" if known => {
                    let is_indexed = content.get(9) == Some(&INDEXED);
                    found.index_bits = content.get(8).copied().filter(|_| is_indexed);
                }
                b"PLTE" => found.colours = length / 3,
                b"iCCP" | b"sRGB" | b"cICP" => found.has_colours = true,
                b"gAMA" if known => {
                    found.gamma = numbers(&content).map(|[gamma]| gamma).filter(|gamma| *gamma > 0)
                }
                b"cHRM" if known => found.primaries = numbers(&content),
                // Grey; grey and alpha; red, green and blue; the same and alpha.
                b"sBIT" if known => {
                    let colours = if content.len() % 2 == 0 { content.len() - 1 } else { content.len() };
                    found.significant_bits =
                        content.get(..colours).and_then(|bits| bits.iter().copied().max());
                }
                _ => {}
            }
            // The checksum.
            reader.seek(SeekFrom::Current(4)).ok()?;
        }
        Some(found)
    }

    /// Whether a pixel may have a number that the palette does not have, which decoders read as black.
    pub fn may_exceed_palette(&self) -> bool {
        self.index_bits.is_some_and(|bits| u64::from(self.colours) < 1 << bits.min(8))
    }

    /// The colour profile of `gAMA` and `cHRM` as ICC data, for a grey or colour image; `None` if there are none, other
    /// chunks come first, or they are those of sRGB.
    pub fn profile(&self, grey: bool) -> Option<Vec<u8>> {
        if self.has_colours {
            return None;
        }
        let gamma = self.gamma.filter(|gamma| gamma.abs_diff(SRGB_GAMMA) > SAME_GAMMA);
        let is_srgb = |found: &[u32; 8]| {
            found.iter().zip(SRGB_PRIMARIES).all(|(found, srgb)| found.abs_diff(srgb) <= SAME_PRIMARIES)
        };
        let primaries = self.primaries.filter(|found| !grey && !is_srgb(found));
        if gamma.is_none() && primaries.is_none() {
            return None;
        }
        let exponent = gamma.map(|gamma| UNIT / f64::from(gamma));
        let mut profile = match (grey, exponent) {
            (true, Some(exponent)) => ColorProfile::new_gray_with_gamma(exponent as f32),
            _ => ColorProfile::new_srgb(),
        };
        if !grey {
            if let Some(found) = primaries {
                let [white, red, green, blue] = [0, 2, 4, 6].map(|i| {
                    let [x, y] = [found[i], found[i + 1]].map(|value| f64::from(value) / UNIT);
                    (y > 0.0).then_some([x, y])
                });
                let chromaticity = |[x, y]: [f64; 2]| Chromaticity { x: x as f32, y: y as f32 };
                let white = white.map(|[x, y]| XyY { x, y, yb: 1.0 })?;
                let primaries = ColorPrimaries {
                    red: chromaticity(red?),
                    green: chromaticity(green?),
                    blue: chromaticity(blue?),
                };
                profile.update_rgb_colorimetry(white, primaries);
            }
            profile.cicp = None;
            if let Some(exponent) = exponent {
                let curve = || Some(ToneReprCurve::Parametric(vec![exponent as f32]));
                (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve(), curve(), curve());
            }
        }
        let name = match exponent {
            Some(exponent) => format!("gamma {exponent:.2} of a PNG file"),
            None => "the primaries of a PNG file".to_owned(),
        };
        profile.description = Some(ProfileText::PlainString(name));
        profile.encode().ok()
    }
}

/// Big-endian numbers.
fn numbers<const N: usize>(content: &[u8]) -> Option<[u32; N]> {
    let (words, rest) = content.as_chunks::<4>();
    let words: [[u8; 4]; N] = words.try_into().ok().filter(|_| rest.is_empty())?;
    Some(words.map(u32::from_be_bytes))
}
