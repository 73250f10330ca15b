//! Optimisers: what each keeps per parameter, its per-step scalars and its kernel, in one table.
//!
//! An optimiser is an [`Optimiser`] constant and an entry of [`OPTIMISERS`] here, and one shader in `shaders/optim/`.
//! Engine, checkpoint and trace iterate over [`Optimiser::state`]; none of them names a state tensor.
//! `docs/adding-an-optimiser.md` shows every step.

mod loss_scale;
mod optimiser;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

pub use loss_scale::{FIRST_LOSS_SCALE, LossScale};
pub use optimiser::{FAULTS, Fault, MAX_STATE, Optimiser, OptimiserState, Scalars, StateTensor};

/// Every optimiser.
pub static OPTIMISERS: &[&Optimiser] = &[&ADAM];

/// Decay rates of Adam's moments and its epsilon: TensorFlow's defaults, which the reference uses.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Adam (Kingma and Ba, arXiv 1412.6980) with its bias corrections folded into the learning rate, as TensorFlow and the
/// reference compute it.
pub static ADAM: Optimiser = Optimiser {
    name: "adam",
    shader: "optim/adam",
    state: &[
        StateTensor { key: "adam.m", label: "Adam's first moment" },
        StateTensor { key: "adam.v", label: "Adam's second moment" },
    ],
    scalars: adam_scalars,
    rule: "w -= learning_rate_corrected m / (sqrt(v) + epsilon); then decayed kernels times decay_factor; then the \
           EMA",
};

/// lr sqrt(1 - beta2^t) / (1 - beta1^t), t = step + 1.
fn adam_scalars(learning_rate: f64, step: u64) -> Scalars {
    let t = (step + 1) as f64;
    Scalars {
        learning_rate: learning_rate * (1.0 - BETA2.powf(t)).sqrt() / (1.0 - BETA1.powf(t)),
        beta1: BETA1,
        beta2: BETA2,
        epsilon: EPSILON,
    }
}

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

    #[test]
    fn adam_bias_corrections_scale_the_learning_rate() {
        let first = adam_scalars(0.002, 0);
        assert!((first.learning_rate - 0.002 * 0.001f64.sqrt() / 0.1).abs() < 1e-9);
        assert!((adam_scalars(0.002, 1 << 20).learning_rate - 0.002).abs() < 1e-12);
    }

    #[test]
    fn optimisers_are_compared_and_shown_by_name() {
        let other =
            Optimiser { name: "other", shader: ADAM.shader, state: &[], scalars: adam_scalars, rule: "" };
        assert_ne!(&other, &ADAM);
        assert_eq!(format!("{:?} {:?}", &ADAM, &other), "adam other");
    }
}
