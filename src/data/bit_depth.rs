//! The significant bits of 16-bit images: cameras and microscopes store values of 10, 12 or 14 bits in files of 16.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use image::DynamicImage;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Bits of a value of a 16-bit image.
pub(super) const ALL_BITS: u8 = 16;
/// The values of [`SignificantBits::Bits`].
const RANGE: RangeInclusive<u8> = 8..=ALL_BITS;
/// The depths that cameras and microscopes have.
const USUAL: [u8; 5] = [8, 10, 12, 14, ALL_BITS];

/// How many bits of the values of 16-bit images are significant. Values of n bits, 0 to 2^n - 1, are scaled to 16 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignificantBits {
    /// As many as the brightest value among all 16-bit images of the set needs: 8, 10, 12, 14 or 16, or what `sBIT` chunks
    /// of PNG files say.
    #[default]
    Auto,
    /// 8 to 16. An image with a greater value is refused.
    Bits(u8),
}

impl SignificantBits {
    /// Values are used as they are.
    pub const ALL: Self = Self::Bits(ALL_BITS);

    /// # Errors
    /// When `bits` is not 8 to 16.
    fn of(bits: i64) -> Result<Self, String> {
        let small = u8::try_from(bits).ok().filter(|bits| RANGE.contains(bits));
        small
            .map(Self::Bits)
            .ok_or_else(|| format!("expected 8 to 16 significant bits or auto, found {bits}"))
    }
}

impl fmt::Display for SignificantBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Bits(bits) => write!(f, "{bits}"),
        }
    }
}

impl FromStr for SignificantBits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(bits)) => Self::of(bits),
            (_, Err(_)) => Err(format!("expected 8 to 16 significant bits or auto, found '{text}'")),
        }
    }
}

impl Serialize for SignificantBits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Bits(bits) => serializer.serialize_u8(*bits),
        }
    }
}

impl<'de> Deserialize<'de> for SignificantBits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrAuto;

        impl Visitor<'_> for NumberOrAuto {
            type Value = SignificantBits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("8 to 16 significant bits or \"auto\"")
            }

            fn visit_u64<E: de::Error>(self, bits: u64) -> Result<SignificantBits, E> {
                SignificantBits::of(i64::try_from(bits).unwrap_or(i64::MAX)).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, bits: i64) -> Result<SignificantBits, E> {
                SignificantBits::of(bits).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SignificantBits, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(NumberOrAuto)
    }
}

/// The greatest value of `bits` bits.
pub(super) fn greatest(bits: u8) -> u16 {
    u16::MAX >> (ALL_BITS - bits)
}

/// The bits that a value needs.
pub(super) fn needed(value: u16) -> u8 {
    (u16::BITS - value.leading_zeros()) as u8
}

/// The least usual depth of at least `bits`.
pub(super) fn usual(bits: u8) -> u8 {
    USUAL.into_iter().find(|usual| bits <= *usual).unwrap_or(ALL_BITS)
}

/// The values of a 16-bit image, its channels, and whether the last of them is alpha. `None`: an image of another depth.
fn values(image: &mut DynamicImage) -> Option<(&mut [u16], usize, bool)> {
    match image {
        DynamicImage::ImageLuma16(image) => Some((&mut **image, 1, false)),
        DynamicImage::ImageLumaA16(image) => Some((&mut **image, 2, true)),
        DynamicImage::ImageRgb16(image) => Some((&mut **image, 3, false)),
        DynamicImage::ImageRgba16(image) => Some((&mut **image, 4, true)),
        _ => None,
    }
}

/// The brightest value of a 16-bit image, alpha apart, and the greatest alpha; `None` for an image of another depth.
fn brightest(image: &mut DynamicImage) -> Option<[u16; 2]> {
    let (values, channels, has_alpha) = values(image)?;
    let colours = channels - usize::from(has_alpha);
    let greatest = |values: &[u16]| values.iter().copied().max().unwrap_or(0);
    Some(values.chunks_exact(channels).fold([0, 0], |[colour, alpha], pixel| {
        [colour.max(greatest(&pixel[..colours])), alpha.max(greatest(&pixel[colours..]))]
    }))
}

/// Whether values are those of 8 bits that were scaled to 16, by repeating the byte or by zeros: they use all 16 bits, also
/// in a dark image.
pub(super) fn is_scaled(brightest: u16, values: &[u16]) -> bool {
    let is_scaled = |step: u16| values.iter().all(|value| value.is_multiple_of(step));
    brightest > greatest(8) && (is_scaled(0x101) || is_scaled(0x100))
}

/// Scales a 16-bit image of `bits` significant bits to 16; its alpha too, unless that has more. Other images stay as they
/// are.
///
/// # Errors
/// When a value has more bits, with words for the message.
pub(super) fn scale(mut image: DynamicImage, bits: u8) -> Result<DynamicImage, String> {
    if bits >= ALL_BITS {
        return Ok(image);
    }
    let Some([brightest, alpha]) = brightest(&mut image) else { return Ok(image) };
    let most = greatest(bits);
    if brightest > most {
        return Err(format!(
            "it has the value {brightest}, more than {bits} significant bits hold ({most}): set significant_bits to {} or \
             to auto",
            usual(needed(brightest))
        ));
    }
    let Some((values, channels, has_alpha)) = values(&mut image) else { return Ok(image) };
    let scaled = |value: u16| ((u32::from(value) * 0xffff + u32::from(most) / 2) / u32::from(most)) as u16;
    let scaled_channels = channels - usize::from(has_alpha && alpha > most);
    for pixel in values.chunks_exact_mut(channels) {
        pixel[..scaled_channels].iter_mut().for_each(|value| *value = scaled(*value));
    }
    Ok(image)
}

/// What is known of the values of 16-bit images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UsedBits {
    images: usize,
    /// The bits of the brightest value.
    needed: u8,
    /// The most bits that an `sBIT` chunk gives; `None`: an image has none, or its values have more.
    declared: Option<u8>,
}

impl UsedBits {
    /// Of one image with the bits of its `sBIT` chunk; `None` for an image of another depth.
    pub fn of(image: &mut DynamicImage, declared: Option<u8>) -> Option<Self> {
        let [brightest, _] = brightest(image)?;
        let (values, ..) = values(image)?;
        let needed = if is_scaled(brightest, values) { ALL_BITS } else { needed(brightest) };
        // A chunk of fewer bits than the values have says that they are scaled to 16 bits already.
        Some(Self { images: 1, needed, declared: declared.filter(|bits| *bits >= needed) })
    }

    /// Of two groups of images.
    pub fn and(self, other: Self) -> Self {
        let declared = match (self.images, other.images) {
            (0, _) => other.declared,
            (_, 0) => self.declared,
            _ => self.declared.zip(other.declared).map(|(a, b)| a.max(b)),
        };
        Self { images: self.images + other.images, needed: self.needed.max(other.needed), declared }
    }

    /// Whether further images cannot change [`UsedBits::bits`].
    pub fn is_full(self) -> bool {
        self.declared.is_none() && self.needs_all()
    }

    /// Whether some image uses more bits than cameras of 14 bits have.
    pub fn needs_all(self) -> bool {
        usual(self.needed) == ALL_BITS
    }

    /// The significant bits of all these images.
    pub fn bits(self) -> u8 {
        let declared = self.declared.filter(|bits| *bits >= self.needed && RANGE.contains(bits));
        declared.unwrap_or_else(|| usual(self.needed))
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma, LumaA};

    use super::*;

    fn grey(values: &[u16]) -> DynamicImage {
        let image = ImageBuffer::<Luma<u16>, _>::from_raw(values.len() as u32, 1, values.to_vec());
        DynamicImage::ImageLuma16(image.expect("one row"))
    }

    fn used(values: &[u16], declared: Option<u8>) -> UsedBits {
        UsedBits::of(&mut grey(values), declared).expect("a 16-bit image")
    }

    #[test]
    fn scaled_values_span_the_full_range() {
        for bits in 8..=16 {
            let most = greatest(bits);
            let scaled = scale(grey(&[0, most / 2, most]), bits).expect("values of these bits").into_luma16();
            assert_eq!((scaled.as_raw()[0], scaled.as_raw()[2]), (0, u16::MAX), "{bits} bits");
            assert!(scaled.as_raw()[1].abs_diff(u16::MAX / 2) <= u16::MAX / most, "{bits} bits");
        }
        let refused = scale(grey(&[4_096]), 12).expect_err("a value of 13 bits");
        assert!(refused.contains("4096") && refused.contains("significant_bits to 14"), "{refused}");
    }

    #[test]
    fn opaque_alpha_stays_opaque() {
        for alpha in [4_095, u16::MAX] {
            let image = ImageBuffer::<LumaA<u16>, _>::from_raw(1, 1, vec![4_095, alpha]).expect("a pixel");
            let scaled = scale(DynamicImage::ImageLumaA16(image), 12).expect("12 bits").into_luma_alpha16();
            assert_eq!(scaled.as_raw(), &[u16::MAX; 2]);
        }
    }

    #[test]
    fn used_bits_are_those_of_all_images() {
        for (images, bits) in [
            (&[(&[200][..], None)][..], 8),
            (&[(&[300], None), (&[20], None)], 10),
            (&[(&[4_095], None)], 12),
            (&[(&[16_383], None), (&[1], Some(12))], 14),
            (&[(&[16_384], None)], 16),
            (&[(&[0], None)], 8),
            // Declared bits count if all images have them, and values within them.
            (&[(&[3_000], Some(13)), (&[20], Some(11))], 13),
            (&[(&[3_000], Some(13)), (&[20], None)], 12),
            (&[(&[65_535], Some(12))], 16),
            (&[(&[5_000], Some(16))], 16),
        ] {
            let all = images.iter().map(|(values, declared)| used(values, *declared));
            let all = all.fold(UsedBits::default(), UsedBits::and);
            assert_eq!(all.bits(), bits, "{images:?}");
        }
        assert!(used(&[16_384], None).is_full() && !used(&[16_383], None).is_full());
    }

    #[test]
    fn values_scaled_from_8_bits_use_all_bits() {
        for (values, is_scaled) in [
            (&[0u16, 257, 514, 2_570][..], true),
            (&[0, 256, 512, 3_840], true),
            (&[0, 257, 512], false),
            (&[0, 1_000, 4_095], false),
            // Bytes as they are.
            (&[0, 0], false),
            (&[0, 255], false),
        ] {
            assert_eq!(used(values, None).needs_all(), is_scaled, "{values:?}");
        }
        // With a chunk that says so, too.
        assert_eq!(used(&[257, 2_570], Some(8)).bits(), 16);
    }

    #[test]
    fn settings_have_one_text_each() {
        for (text, json, setting) in
            [("auto", "\"auto\"", SignificantBits::Auto), ("12", "12", SignificantBits::Bits(12))]
        {
            assert_eq!((setting.to_string().as_str(), text.parse()), (text, Ok(setting)));
            assert_eq!(serde_json::to_string(&setting).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<SignificantBits>(json).expect("a setting"), setting);
        }
        for wrong in ["7", "17", "-12", "1e2", "many", ""] {
            assert!(
                wrong.parse::<SignificantBits>().is_err_and(|error| error.contains("8 to 16")),
                "{wrong}"
            );
            assert!(serde_json::from_str::<SignificantBits>(wrong).is_err(), "{wrong}");
        }
    }
}
