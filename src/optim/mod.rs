//! Optimisers: what each keeps per parameter, its per-step scalars and its kernel, in one table.
//!
//! An optimiser is one file here (an [`Optimiser`] constant), one line in [`OPTIMISERS`] and one shader in
//! `shaders/optim/`. Engine, checkpoint and trace iterate over [`Optimiser::state`]; none of them names a state
//! tensor. `docs/adding-an-optimiser.md` shows every step.

mod adam;
mod optimiser;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

pub use adam::ADAM;
pub use optimiser::{FAULTS, Fault, MAX_STATE, Optimiser, OptimiserState, Scalars, StateTensor};

/// Every optimiser.
pub static OPTIMISERS: &[&Optimiser] = &[&ADAM];

/// No optimiser has this name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no optimiser is named '{found}': choose {list}")]
pub struct UnknownOptimiser {
    pub found: String,
    /// The names of [`OPTIMISERS`].
    pub list: String,
}

/// The optimiser with this name.
///
/// # Errors
/// If no optimiser has it.
pub fn optimiser_named(name: &str) -> Result<&'static Optimiser, UnknownOptimiser> {
    OPTIMISERS.iter().copied().find(|optimiser| optimiser.name == name).ok_or_else(|| {
        let names: Vec<_> = OPTIMISERS.iter().map(|optimiser| optimiser.name).collect();
        UnknownOptimiser { found: name.to_owned(), list: names.join(", ") }
    })
}

/// By name.
impl Serialize for Optimiser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// By name.
impl<'de> Deserialize<'de> for &'static Optimiser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        optimiser_named(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_state_keys_are_unique() {
        let names: BTreeSet<_> = OPTIMISERS.iter().map(|optimiser| optimiser.name).collect();
        assert_eq!(names.len(), OPTIMISERS.len());
        let keys: Vec<_> = OPTIMISERS.iter().flat_map(|optimiser| optimiser.state).map(|t| t.key).collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:?}");
        // Prefixes of the other tensors of a checkpoint or a trace.
        for taken in ["weights", "ema", "bn", "grad", "align", "policy", "pending"] {
            assert!(!keys.contains(&taken), "{taken}");
        }
        assert!(OPTIMISERS.iter().all(|optimiser| optimiser.state.len() <= MAX_STATE));
    }

    #[test]
    fn unknown_names_list_the_known_ones() {
        assert_eq!(optimiser_named("adam").expect("the default").name, "adam");
        let error = optimiser_named("adamw").expect_err("not in the table");
        let text = error.to_string();
        assert!(text.starts_with("no optimiser is named 'adamw': choose adam"), "{text}");
    }
}
