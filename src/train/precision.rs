//! How exactly feature maps are stored.

use serde::{Deserialize, Serialize};

use crate::gpu::Storage;
use crate::named::Named;

/// The numbers in which feature maps and their gradients are stored; sums, weights, optimiser and statistics are f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// f32
    #[default]
    Single,
    /// f16, with a dynamic loss scale (Micikevicius et al., arXiv 1710.03740)
    Mixed,
}

impl Named for Precision {
    const VALUES: &'static [(Self, &'static str)] =
        &[(Self::Single, "feature maps in f32"), (Self::Mixed, "feature maps in f16: half the memory")];
}

impl Precision {
    /// How feature maps are stored.
    pub fn storage(self) -> Storage {
        match self {
            Self::Single => Storage::F32,
            Self::Mixed => Storage::F16,
        }
    }
}
