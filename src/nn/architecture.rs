use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a network cannot be.
#[derive(Debug, Error, PartialEq)]
pub enum NetworkError {
    #[error("no network is named '{0}': choose wrn-28-2, wrn-28-8, wrn-16-1 or wrn-10-1")]
    UnknownName(String),
    #[error("{field} is {found}, it must be {expected}")]
    OutOfRange { field: &'static str, found: usize, expected: &'static str },
    #[error("images of {height}x{width} are outside the 8 to 96 pixels that the network takes")]
    ImageSize { height: usize, width: usize },
}

/// A member of the reference's Wide ResNet family (`libml/models.py`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Filters of the first scale, doubled at each further one.
    pub filters: usize,
    /// Residual blocks a scale.
    pub repeat: usize,
    /// Scales; `None`: ceil(log2 width) - 2, at most 3.
    pub scales: Option<usize>,
    pub stem_filters: usize,
    pub stem_stride: usize,
}

impl Architecture {
    /// `wrn-28-2` is the paper's; the others are its small relatives for small machines.
    pub fn named(name: &str) -> Result<Self, NetworkError> {
        let (filters, repeat, stem_stride) = match name {
            "wrn-28-2" => (32, 4, 1),
            "wrn-28-8" => (128, 4, 1),
            "wrn-16-1" => (16, 2, 1),
            "wrn-10-1" => (16, 1, 2),
            other => return Err(NetworkError::UnknownName(other.to_owned())),
        };
        Ok(Self { filters, repeat, scales: None, stem_filters: 16, stem_stride })
    }

    /// Scales for images `width` wide.
    pub fn scales_for(&self, width: usize) -> usize {
        let ceil_log2 = width.next_power_of_two().trailing_zeros() as usize;
        self.scales.unwrap_or_else(|| ceil_log2.saturating_sub(2).clamp(1, 3))
    }

    /// # Errors
    /// Names the field that is out of range, or the image size.
    pub fn validate(&self, height: usize, width: usize) -> Result<(), NetworkError> {
        let check = |ok: bool, field, found, expected| {
            if ok { Ok(()) } else { Err(NetworkError::OutOfRange { field, found, expected }) }
        };
        let of_eight = |n: usize| n > 0 && n.is_multiple_of(8) && n <= 1024;
        check(of_eight(self.filters), "filters", self.filters, "a multiple of 8 up to 1024")?;
        check(of_eight(self.stem_filters), "stem_filters", self.stem_filters, "a multiple of 8 up to 1024")?;
        check((1..=2).contains(&self.stem_stride), "stem_stride", self.stem_stride, "1 or 2")?;
        check((1..=16).contains(&self.repeat), "repeat", self.repeat, "1 to 16")?;
        let scales = self.scales_for(width);
        check((1..=5).contains(&scales), "scales", scales, "1 to 5")?;
        if !(8..=96).contains(&height) || !(8..=96).contains(&width) {
            return Err(NetworkError::ImageSize { height, width });
        }
        Ok(())
    }
}
