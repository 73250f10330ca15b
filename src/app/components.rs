//! The components of the method that can be switched off, in words and equations; and the variations that a run can
//! be compared with.

use serde::{Deserialize, Serialize};

use crate::ssl::{Method, PolicyKind};
use crate::train::Config;

/// A component of the method that can be switched on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    Alignment,
    Sharpening,
    MixUp,
    Rotation,
    PreMixup,
    SquaredError,
}

impl Component {
    pub const ALL: [Self; 6] =
        [Self::Alignment, Self::Sharpening, Self::MixUp, Self::Rotation, Self::PreMixup, Self::SquaredError];

    pub fn name(self) -> &'static str {
        match self {
            Self::Alignment => "Distribution alignment",
            Self::Sharpening => "Sharpening",
            Self::MixUp => "MixUp",
            Self::Rotation => "Rotation loss",
            Self::PreMixup => "Pre-mixup loss",
            Self::SquaredError => "Squared error (L2)",
        }
    }

    pub fn explanation(self) -> &'static str {
        match self {
            Self::Alignment => {
                "Guesses are scaled so that, on average, they predict each class as often as the labels do."
            }
            Self::Sharpening => "The guess is pushed towards its most likely class.",
            Self::MixUp => {
                "Pairs of images and their targets are blended, so the network learns to be linear between them."
            }
            Self::Rotation => {
                "The network also predicts by which angle an image was rotated, which needs no labels."
            }
            Self::PreMixup => {
                "The network is also trained on one strong view before MixUp, which stabilises early training."
            }
            Self::SquaredError => {
                "The loss of unlabelled images is the squared error instead of cross-entropy, as in MixMatch."
            }
        }
    }

    /// The equation, in the paper's symbols.
    pub fn equation(self) -> &'static str {
        match self {
            Self::Alignment => "q <- normalise(q * p(y) / p~(y))",
            Self::Sharpening => "t_i = q_i^(1/T) / sum_j q_j^(1/T)",
            Self::MixUp => "x' = λ x_1 + (1 - λ) x_2,  λ = max(l, 1 - l),  l ~ Beta(β, β)",
            Self::Rotation => "λ_r H(r, p(r | rotate(u_1, r)))",
            Self::PreMixup => "λ_u1 H(t, p(y | u_1))",
            Self::SquaredError => "λ_u |t - p(y | u)|^2 / C",
        }
    }

    pub fn is_on(self, method: &Method) -> bool {
        match self {
            Self::Alignment => method.alignment,
            Self::Sharpening => method.temperature < 1.0,
            Self::MixUp => method.mixup,
            Self::Rotation => method.rotation,
            Self::PreMixup => method.premixup,
            Self::SquaredError => method.squared,
        }
    }

    pub fn set(self, method: &mut Method, on: bool) {
        match self {
            Self::Alignment => method.alignment = on,
            Self::Sharpening => method.temperature = if on { 0.5 } else { 1.0 },
            Self::MixUp => method.mixup = on,
            Self::Rotation => method.rotation = on,
            Self::PreMixup => method.premixup = on,
            Self::SquaredError => method.squared = on,
        }
    }
}

/// The difference between the two runs of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Variation {
    NoAnchoring,
    NoAlignment,
    NoSharpening,
    NoMixUp,
    NoRotation,
    WeakOnly,
    OneStrongView,
    MixMatch,
    FixMatch,
    AdaMatch,
    Supervised,
}

impl Variation {
    pub const ALL: [Self; 11] = [
        Self::NoAnchoring,
        Self::NoAlignment,
        Self::NoSharpening,
        Self::NoMixUp,
        Self::NoRotation,
        Self::WeakOnly,
        Self::OneStrongView,
        Self::MixMatch,
        Self::FixMatch,
        Self::AdaMatch,
        Self::Supervised,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variation| variation.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::NoAnchoring => "guesses from strong views",
            Self::NoAlignment => "no alignment",
            Self::NoSharpening => "no sharpening",
            Self::NoMixUp => "no MixUp",
            Self::NoRotation => "no rotation",
            Self::WeakOnly => "weak views only",
            Self::OneStrongView => "one strong view",
            Self::MixMatch => "MixMatch",
            Self::FixMatch => "FixMatch",
            Self::AdaMatch => "AdaMatch",
            Self::Supervised => "labels only",
        }
    }

    pub fn explanation(self) -> &'static str {
        match self {
            Self::NoAnchoring => "The anchor is strongly augmented too, so its guess is less reliable.",
            Self::NoAlignment => "Guesses keep the bias that the network has towards some classes.",
            Self::NoSharpening => "Targets stay as uncertain as the network is.",
            Self::NoMixUp => "The network is trained on images that are not mixed.",
            Self::NoRotation => "No loss for predicting how an image was rotated.",
            Self::WeakOnly => "The further views are weakly augmented, like the anchor.",
            Self::OneStrongView => "K = 1.",
            Self::MixMatch => "The method's ancestor: two weak views, averaged guesses, squared error.",
            Self::FixMatch => "Its successor: confident guesses as hard labels for one strong view.",
            Self::AdaMatch => {
                "FixMatch with aligned, soft labels above a share of the confidence on labelled images."
            }
            Self::Supervised => "Training on the labelled images alone.",
        }
    }

    /// The published method that the second run is trained with, if it is another one than the first run's.
    fn method_name(self) -> Option<&'static str> {
        match self {
            Self::MixMatch => Some("mixmatch"),
            Self::FixMatch => Some("fixmatch"),
            Self::AdaMatch => Some("adamatch"),
            Self::Supervised => Some("supervised"),
            _ => None,
        }
    }

    /// The settings of the second run.
    pub fn apply(self, config: &Config) -> Config {
        let mut changed = config.clone();
        let method = &mut changed.method;
        match self {
            Self::NoAnchoring => method.strong_anchor = true,
            Self::NoAlignment => method.alignment = false,
            Self::NoSharpening => method.temperature = 1.0,
            Self::NoMixUp => method.mixup = false,
            Self::NoRotation => method.rotation = false,
            Self::WeakOnly => method.policy = PolicyKind::None,
            Self::OneStrongView => method.strong_views = 1,
            Self::MixMatch | Self::FixMatch | Self::AdaMatch | Self::Supervised => {}
        }
        if let Some(name) = self.method_name() {
            changed.set_method(name).expect("the name of a published method");
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::preset;

    #[test]
    fn components_switch_off_and_on() {
        for component in Component::ALL {
            let mut method = Method::remixmatch();
            component.set(&mut method, false);
            assert!(!component.is_on(&method), "{}", component.name());
            component.set(&mut method, true);
            assert!(component.is_on(&method), "{}", component.name());
        }
    }

    #[test]
    fn variations_differ_from_the_run_and_are_valid() {
        let config = preset("quick", None).expect("a preset").config;
        for variation in Variation::ALL {
            let changed = variation.apply(&config);
            assert_ne!(changed.method, config.method, "{}", variation.name());
            assert!(changed.validate(28, 28).is_ok(), "{}", variation.name());
            assert_eq!((changed.seed, changed.labels), (config.seed, config.labels));
        }
    }
}
