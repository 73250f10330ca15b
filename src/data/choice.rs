use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{DataError, DataSet};

/// What is taken of a data set whose format leaves a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Choice {
    /// CIFAR-100: its 20 coarse classes rather than its 100 fine ones.
    pub coarse: bool,
    /// STL-10: which of its ten folds keeps its labels, 0 to 9; the other images count as unlabelled. All keep
    /// theirs if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// SVHN: without the extra images, where they are there.
    pub no_extra: bool,
}

impl Choice {
    /// Whether all is as it is without a choice.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses a choice that a set does not offer, rather than pass over it.
    pub(super) fn check(&self, path: &Path, set: &DataSet) -> Result<(), DataError> {
        for (option, of, given) in [
            ("--coarse", "CIFAR-100", self.coarse),
            ("--fold", "STL-10", self.fold.is_some()),
            ("--no-extra", "SVHN", self.no_extra),
        ] {
            if given && !set.format.starts_with(of) {
                let (path, format) = (path.to_owned(), set.format.clone());
                return Err(DataError::NoChoice { option, of, path, format });
            }
        }
        Ok(())
    }
}
