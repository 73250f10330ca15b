//! What the values of arrays of images mean: bytes, numbers from 0 to 1 or from -1 to 1, or values of more than 8 bits. Arrays
//! whose values mean nothing certain are refused, as the network would see black images or noise.

use std::fmt;

use super::bit_depth::{ALL_BITS, SignificantBits, greatest, needed, usual};
use super::error::DataError;
use super::files::Entry;
use super::npy::{Array, ElementType};

/// What the values may be beyond their range, as resizing leaves it.
const OVERSHOOT: f64 = 1e-3;
/// The greatest value of scikit-learn's digits, which are 8x8 pixels.
const DIGITS: f64 = 16.0;
/// Numbers with fractions whose greatest is not above this one are rather normalised than bytes.
const FEW: f64 = 32.0;

/// The range of the values of arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Values {
    floats: bool,
    least: f64,
    greatest: f64,
    /// None has a fraction.
    whole: bool,
    /// All are multiples of 257, or of 256: they were scaled from 8 bits.
    scaled: [bool; 2],
}

/// How values become bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// Bytes, and whole numbers up to 255.
    Bytes,
    /// `(value - from) * 255 / (to - from)`.
    Linear { from: f64, to: f64 },
    /// Whole numbers of so many bits, 8 to 16.
    Bits(u8),
}

impl Values {
    /// The range of an array of images.
    ///
    /// # Errors
    /// When it has no numbers, or one that is not finite, by its index.
    pub fn of(array: &Array, entry: &Entry) -> Result<Self, DataError> {
        let missing = |found: String| DataError::Missing {
            path: entry.path.clone(),
            expected: "images as numbers 0 to 255, or 0 to 1".to_owned(),
            found,
        };
        let floats = matches!(array.element, ElementType::Float { .. });
        let mut values = Self { floats, least: f64::MAX, greatest: f64::MIN, whole: true, scaled: [true; 2] };
        let numbers = array.numbers().ok_or_else(|| missing(array.element.to_string()))?;
        for (at, value) in numbers.enumerate() {
            if !value.is_finite() {
                let index = index(at, &array.shape);
                return Err(missing(format!(
                    "{value} at {index:?}: replace such values, for example with numpy.nan_to_num"
                )));
            }
            values.least = values.least.min(value);
            values.greatest = values.greatest.max(value);
            values.whole &= value.fract() == 0.0;
            values.scaled[0] &= value % 257.0 == 0.0;
            values.scaled[1] &= value % 256.0 == 0.0;
        }
        if array.bytes.is_empty() {
            (values.least, values.greatest) = (0.0, 0.0);
        }
        Ok(values)
    }

    /// Of two arrays of the same kind of numbers; `None` if one holds floating-point numbers and the other does not.
    pub fn and(self, other: Self) -> Option<Self> {
        (self.floats == other.floats).then(|| Self {
            floats: self.floats,
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
            whole: self.whole && other.whole,
            scaled: [self.scaled[0] && other.scaled[0], self.scaled[1] && other.scaled[1]],
        })
    }

    /// Whether not all values are equal.
    pub fn is_varied(self) -> bool {
        self.least < self.greatest
    }

    /// How these values become bytes, and a notice if they are not bytes already. `side`: the shorter side of the images.
    ///
    /// # Errors
    /// When their meaning is unclear, with what was found.
    pub fn scale(self, side: usize, setting: SignificantBits) -> Result<(Scale, Option<String>), String> {
        let Self { floats, least, greatest: most, whole, scaled } = self;
        let numbers = if floats { "floating-point numbers" } else { "integers" };
        let within = |from: f64, to: f64| least >= from - OVERSHOOT && most <= to + OVERSHOOT;
        let linear = |from: f64, to: f64, notice: String| Ok((Scale::Linear { from, to }, Some(notice)));
        if !floats && within(0.0, 1.0) && most > 0.0 {
            return linear(
                0.0,
                1.0,
                "all values of the images are 0 or 1, and 1 is read as white (255): if they were numbers from 0 to 1 before they \
                 became integers, save (255 * images).astype('uint8') instead, as all shades are lost"
                    .to_owned(),
            );
        }
        if floats && within(0.0, 1.0) {
            return linear(
                0.0,
                1.0,
                format!("the values of the images are {numbers} from 0 to 1: 1 is read as 255"),
            );
        }
        if floats && within(-1.0, 1.0) && least < -0.5 && most > 0.5 {
            let notice =
                format!("the values of the images are {numbers} from -1 to 1: they are scaled to 0 to 255");
            return linear(-1.0, 1.0, notice);
        }
        if whole && side == 8 && within(0.0, DIGITS) && most == DIGITS {
            let notice = format!(
                "the values of the images are {numbers} from 0 to 16, as those of scikit-learn's digits: 16 is read as 255"
            );
            return linear(0.0, DIGITS, notice);
        }
        if within(0.0, 255.0) && (whole || most > FEW) {
            return Ok((Scale::Bytes, None));
        }
        if whole && within(0.0, f64::from(u16::MAX)) {
            let value = most as u16;
            let bits = match setting {
                SignificantBits::Bits(bits) if value > greatest(bits) => {
                    let fits = usual(needed(value));
                    return Err(format!(
                        "{numbers} up to {value}, more than {bits} significant bits hold: set significant_bits to {fits} or to auto"
                    ));
                }
                SignificantBits::Bits(bits) => bits,
                SignificantBits::Auto if scaled[0] || scaled[1] => ALL_BITS,
                SignificantBits::Auto => usual(needed(value)),
            };
            let notice = format!(
                "the values of the images are {numbers} up to {value}: they are read as {bits} bits, so that {} is white (set \
                 significant_bits to change it)",
                greatest(bits)
            );
            return Ok((Scale::Bits(bits), Some(notice)));
        }
        let advice = match floats {
            true => "undo their normalisation before they are saved, or scale them to 0 to 1",
            false => "scale them to 0 to 255 before they are saved",
        };
        Err(format!("{self}: {advice}"))
    }
}

/// The kind of numbers and their range.
impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = if self.floats { "floating-point numbers" } else { "integers" };
        write!(f, "{numbers} from {} to {}", rounded(self.least), rounded(self.greatest))
    }
}

/// A number with few digits, for a message.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.3}") }
}

/// The index of element `at` of an array.
pub(super) fn index(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|size| {
            let here = at % size.max(&1);
            at /= size.max(&1);
            here
        })
        .collect();
    index.reverse();
    index
}

impl Scale {
    /// The values of an array as bytes.
    pub fn apply(self, array: Array) -> Vec<u8> {
        let is_bytes = matches!(array.element, ElementType::Unsigned { width: 1, .. });
        if self == Self::Bytes && is_bytes {
            return array.bytes;
        }
        let byte = |value: f64| match self {
            Self::Bytes => value,
            Self::Linear { from, to } => (value - from) * 255.0 / (to - from),
            Self::Bits(bits) => value * 255.0 / f64::from(greatest(bits)),
        };
        // A cast stops at 0 and 255.
        array.numbers().into_iter().flatten().map(|value| byte(value).round() as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(floats: bool, values: &[f64]) -> Values {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let element = ElementType::Float { width: 8, big_endian: false };
        let array = Array { shape: vec![values.len()], element, bytes };
        let entry = crate::data::files::Entry::named(
            "x".to_owned(),
            "x".into(),
            0,
            std::sync::Arc::new(crate::data::files::Memory(Vec::new().into())),
        );
        Values { floats, ..Values::of(&array, &entry).expect("finite numbers") }
    }

    #[test]
    fn meanings_are_told_from_the_range() {
        let auto = SignificantBits::Auto;
        let linear = |from, to| Some(Scale::Linear { from, to });
        for (floats, values, side, scale) in [
            (true, &[0.0, 0.5, 1.0][..], 16, linear(0.0, 1.0)),
            (true, &[0.0, 1.0000001], 16, linear(0.0, 1.0)),
            (true, &[0.0, 0.0], 16, linear(0.0, 1.0)),
            (true, &[-1.0, 0.3, 0.9], 16, linear(-1.0, 1.0)),
            (true, &[-0.4, 0.3], 16, None),
            (true, &[-2.1, 2.6], 16, None),
            (true, &[0.0, 2.6], 16, None),
            (true, &[0.0, 254.3], 16, Some(Scale::Bytes)),
            (true, &[0.0, 7.0, 16.0], 8, linear(0.0, 16.0)),
            (true, &[0.0, 300.5], 16, None),
            (true, &[0.0, 4_095.0], 16, Some(Scale::Bits(12))),
            (false, &[0.0, 1.0], 16, linear(0.0, 1.0)),
            (false, &[0.0, 0.0], 16, Some(Scale::Bytes)),
            (false, &[0.0, 16.0], 8, linear(0.0, 16.0)),
            (false, &[0.0, 16.0], 16, Some(Scale::Bytes)),
            (false, &[0.0, 255.0], 8, Some(Scale::Bytes)),
            (false, &[0.0, 4_000.0], 16, Some(Scale::Bits(12))),
            (false, &[257.0, 2_570.0], 16, Some(Scale::Bits(16))),
            (false, &[256.0, 2_560.0], 16, Some(Scale::Bits(16))),
            (false, &[-1.0, 100.0], 16, None),
            (false, &[0.0, 70_000.0], 16, None),
        ] {
            let found = of(floats, values).scale(side, auto).map(|(scale, _)| scale);
            assert_eq!(found.clone().ok(), scale, "{values:?}: {found:?}");
        }
        let set =
            |bits| of(false, &[0.0, 4_000.0]).scale(16, SignificantBits::Bits(bits)).map(|(scale, _)| scale);
        assert_eq!(set(14), Ok(Scale::Bits(14)));
        assert!(set(10).is_err_and(|found| found.contains("significant_bits to 12")));
    }

    #[test]
    fn elements_are_named_by_their_index() {
        assert_eq!(index(0, &[2, 3, 4]), [0, 0, 0]);
        assert_eq!(index(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(index(13, &[2, 3, 4]), [1, 0, 1]);
    }
}
