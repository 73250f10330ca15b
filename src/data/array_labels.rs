//! Labels in an array: numbers, names, or a column for each class. -1 is no label, as in scikit-learn's semi-supervised
//! methods.

use std::collections::BTreeSet;

use super::npy::Array;

/// The classes of images.
#[derive(Debug, PartialEq)]
pub(super) enum ArrayLabels {
    /// By number; `None` for an image without a label.
    Numbers(Vec<Option<u32>>),
    Names(Vec<String>),
}

impl ArrayLabels {
    /// Number of images.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Names(names) => names.len(),
        }
    }

    /// The labels of an array of one number or name for each image, or of one column for each class.
    ///
    /// # Errors
    /// What was found instead, with what to do.
    pub fn of(array: &Array) -> Result<Self, String> {
        match *array.shape.as_slice() {
            [_] | [_, 1] => {}
            [1, _] => return Err(format!("an array of shape {:?}: save labels.ravel()", array.shape)),
            [_, columns] if array.numbers().is_some() => return one_hot(array, columns).map(Self::Numbers),
            _ => return Err(format!("an array of shape {:?}", array.shape)),
        }
        if let Some(names) = array.strings() {
            return match names.iter().position(|name| name.trim().is_empty()) {
                Some(at) => Err(format!(
                    "an empty name at {at}: leave the image out, or save numbers with -1 for images without a label"
                )),
                None => Ok(Self::Names(names)),
            };
        }
        let number = |(at, value): (usize, f64)| {
            if value == -1.0 {
                return Ok(None);
            }
            let is_class = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
            is_class.then_some(Some(value as u32)).ok_or_else(|| match value.is_nan() {
                true => format!("NaN at {at}: save -1 for images without a label"),
                false => format!("{value} at {at}"),
            })
        };
        let numbers: Result<Vec<_>, String> =
            array.numbers().into_iter().flatten().enumerate().map(number).collect();
        numbers.map(Self::Numbers)
    }

    /// The different names, sorted; none where labels are numbers.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Numbers(_) => Vec::new(),
            Self::Names(names) => names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        }
    }
}

/// The columns that are 1, of rows of zeros.
fn one_hot(array: &Array, columns: usize) -> Result<Vec<Option<u32>>, String> {
    let numbers: Vec<f64> = array.numbers().into_iter().flatten().collect();
    let advice = || match numbers.iter().all(|value| value.fract() == 0.0) {
        true => "save one class for each image, such as labels.argmax(axis=1) where each row has one 1",
        false => "save labels.argmax(axis=1) if these are probabilities",
    };
    let row = |(at, row): (usize, &[f64])| {
        let ones = || row.iter().enumerate().filter(|(_, value)| **value == 1.0);
        let is_one = ones().count() == 1 && row.iter().filter(|value| **value != 0.0).count() == 1;
        let class = ones().next().filter(|_| is_one).map(|(column, _)| Some(column as u32));
        class.ok_or_else(|| {
            format!(
                "an array of shape {:?} whose row {at} is not one 1 among zeros: {}",
                array.shape,
                advice()
            )
        })
    };
    numbers.chunks_exact(columns.max(1)).enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::npy::ElementType;

    fn floats(shape: &[usize], values: &[f64]) -> Result<ArrayLabels, String> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let element = ElementType::Float { width: 8, big_endian: false };
        ArrayLabels::of(&Array { shape: shape.to_vec(), element, bytes })
    }

    #[test]
    fn whole_numbers_and_columns_are_classes() {
        let numbers = |numbers: &[Option<u32>]| Ok(ArrayLabels::Numbers(numbers.to_vec()));
        assert_eq!(floats(&[3], &[0.0, 7.0, -1.0]), numbers(&[Some(0), Some(7), None]));
        assert_eq!(floats(&[2, 1], &[0.0, 1.0]), numbers(&[Some(0), Some(1)]));
        assert_eq!(floats(&[2, 3], &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]), numbers(&[Some(2), Some(0)]));
    }

    #[test]
    fn other_labels_are_refused_by_place() {
        for (shape, values, words) in [
            (&[2][..], &[0.0, f64::NAN][..], "NaN at 1: save -1"),
            (&[2], &[0.5, 1.0], "0.5 at 0"),
            (&[2], &[0.0, -2.0], "-2 at 1"),
            (&[1, 2], &[0.0, 1.0], "labels.ravel()"),
            (&[2, 2], &[1.0, 0.0, 1.0, 1.0], "row 1 is not one 1"),
            (&[2, 2], &[1.0, 0.0, 0.0, 0.0], "row 1 is not one 1"),
            (&[1, 1, 2], &[0.0, 1.0], "shape [1, 1, 2]"),
            (&[2, 2], &[0.7, 0.3, 0.2, 0.8], "if these are probabilities"),
        ] {
            let refused = floats(shape, values).expect_err(words);
            assert!(refused.contains(words), "{refused}");
        }
    }
}
