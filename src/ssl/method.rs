//! Which components of the step are on: ReMixMatch, its ablations and its neighbours as values of one type.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::augment::{CtAugment, RandAugment, StrongPolicy};
use crate::named::Named;

/// What makes the strong views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyKind {
    /// CTAugment, whose bins are learned during training (paper, section 3.2).
    CtAugment,
    /// RandAugment: random operations at random levels, nothing learned.
    RandAugment,
    /// No strong operations: "strong" views are further weak ones.
    None,
}

impl Named for PolicyKind {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::CtAugment, "CTAugment: magnitudes learned during training"),
        (Self::RandAugment, "RandAugment: random operations at random magnitudes"),
        (Self::None, "weak augmentation in place of the strong one"),
    ];
}

impl PolicyKind {
    /// The policy as a run begins with it.
    pub fn start(self) -> StrongPolicy {
        match self {
            Self::CtAugment => StrongPolicy::CtAugment(CtAugment::new()),
            Self::RandAugment => StrongPolicy::RandAugment(RandAugment::default()),
            Self::None => StrongPolicy::None,
        }
    }
}

/// Where p(y), the class distribution that alignment aims at, comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelPrior {
    /// The class frequencies of the labelled set.
    Labels,
    /// A running average of the labelled batches (reference, `PData`).
    Running,
    /// The mean prediction for the step's labelled batch; p~(y) is then that for its unlabelled batch, and
    /// alignment scales by a ratio of two expectations (AdaMatch, arXiv 2106.04732).
    Predictions,
}

impl Named for LabelPrior {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::Labels, "class frequencies of the labelled images"),
        (Self::Running, "a running average over the labelled batches"),
        (Self::Predictions, "the mean prediction for the labelled batch, over that for the unlabelled batch"),
    ];
}

/// Which components of the step are on. Methods are data: MixMatch, FixMatch and the others are values of
/// this type, not code of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Without it only the labelled images are trained on.
    pub unlabelled: bool,
    /// Strongly augmented views of each unlabelled image, K.
    pub strong_views: usize,
    /// Predictions averaged into a guess: 1, the anchor's; 2, that of the first further view too.
    pub guess_views: usize,
    /// Whether the anchor is among the images trained on.
    pub train_on_anchor: bool,
    pub alignment: bool,
    pub label_prior: LabelPrior,
    /// Sharpening temperature T; 1 leaves the guess as it is.
    pub temperature: f32,
    /// One-hot targets, used only where the guess is at least this likely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// The threshold counts in shares of the labelled batch's mean confidence (AdaMatch).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relative_threshold: bool,
    /// With a threshold: the target is the sharpened guess instead of a one-hot one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soft: bool,
    /// Whether images and labels are mixed.
    pub mixup: bool,
    /// Both parameters of MixUp's Beta distribution (paper, table 1: 0.75).
    pub beta: f64,
    pub rotation: bool,
    pub premixup: bool,
    /// Brier score instead of cross-entropy on unlabelled images.
    pub squared: bool,
    pub policy: PolicyKind,
    /// Whether the policy is applied to the labelled images too.
    pub strong_labelled: bool,
    /// Whether the policy is applied to the anchor too (the "no weak" ablation).
    pub strong_anchor: bool,
    /// Whether the anchor is weakly augmented; otherwise it is the image itself (reference, STL-10).
    pub weak_anchor: bool,
    /// λ_u: weight of the unlabelled term.
    pub weight_u: f32,
    /// λ_û1: weight of the pre-mixup term.
    pub weight_u1: f32,
    /// λ_r: weight of the rotation term.
    pub weight_r: f32,
    /// λ_I: weight of the mutual-information term; 0 leaves it out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight_mi: f32,
}

fn is_zero(weight: &f32) -> bool {
    *weight == 0.0
}

/// A method that cannot be trained.
#[derive(Debug, Error, PartialEq)]
pub enum MethodError {
    #[error("no method is named '{0}': choose {list}", list = Method::NAMES.join(", "))]
    UnknownName(String),
    #[error("{field} is {found}, it must be {expected}")]
    OutOfRange { field: &'static str, found: String, expected: &'static str },
    #[error("{setting} is {found}, it must be 0 to 10000")]
    WeightOutOfRange { setting: String, found: f32 },
    #[error(
        "a batch of {found} cannot be divided evenly among the four rotation classes: use {lower} or {upper}, or switch rotation off"
    )]
    BatchNotDivisibleByFour { found: usize, lower: usize, upper: usize },
    #[error("rotations by 90 degrees need square images, these are {height}x{width}: switch rotation off")]
    NotSquare { height: usize, width: usize },
    #[error("{component} needs a strong view of the unlabelled images: set strong_views to at least 1")]
    NeedsStrongView { component: String },
    #[error(
        "a relative threshold is a share of the labelled batch's confidence: set that share as the threshold, 0.9 for AdaMatch's"
    )]
    NeedsThreshold,
    #[error(
        "alignment with the batches' own predictions takes guesses from one view, not two: set guess_views to 1, or p(y) to labels"
    )]
    PredictionsOfTwoViews,
}

impl Method {
    pub const NAMES: [&'static str; 6] =
        ["remixmatch", "mixmatch", "fixmatch", "adamatch", "pseudo-label", "supervised"];

    /// A published method by name.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::ssl::Method;
    ///
    /// let method = Method::named("fixmatch").unwrap();
    /// assert_eq!((method.threshold, method.mixup), (Some(0.95), false));
    /// assert!(Method::named("fixmach").unwrap_err().to_string().contains("fixmatch"));
    /// ```
    ///
    /// # Errors
    /// [`MethodError::UnknownName`] lists the names.
    pub fn named(name: &str) -> Result<Self, MethodError> {
        match name {
            "remixmatch" => Ok(Self::remixmatch()),
            "mixmatch" => Ok(Self::mixmatch()),
            "fixmatch" => Ok(Self::fixmatch()),
            "adamatch" => Ok(Self::adamatch()),
            "pseudo-label" => Ok(Self::pseudo_label()),
            "supervised" => Ok(Self::supervised()),
            other => Err(MethodError::UnknownName(other.to_owned())),
        }
    }

    /// ReMixMatch with the reference's defaults (specification 1 and 6) and K = 8.
    pub fn remixmatch() -> Self {
        Self {
            unlabelled: true,
            strong_views: 8,
            guess_views: 1,
            train_on_anchor: true,
            alignment: true,
            label_prior: LabelPrior::Labels,
            temperature: 0.5,
            threshold: None,
            relative_threshold: false,
            soft: false,
            mixup: true,
            beta: 0.75,
            rotation: true,
            premixup: true,
            squared: false,
            policy: PolicyKind::CtAugment,
            strong_labelled: true,
            strong_anchor: false,
            weak_anchor: true,
            weight_u: 1.5,
            weight_u1: 0.5,
            weight_r: 0.5,
            weight_mi: 0.0,
        }
    }

    /// MixMatch (arXiv 1905.02249): two weak views whose predictions are averaged, Brier score.
    pub fn mixmatch() -> Self {
        Self {
            strong_views: 1,
            guess_views: 2,
            alignment: false,
            rotation: false,
            premixup: false,
            squared: true,
            policy: PolicyKind::None,
            strong_labelled: false,
            weight_u: 100.0,
            ..Self::remixmatch()
        }
    }

    /// FixMatch (arXiv 2001.07685): hard labels of confident anchors for one strong view, no MixUp. The
    /// batch of unlabelled images and the optimiser are the other methods', not that paper's.
    pub fn fixmatch() -> Self {
        Self {
            strong_views: 1,
            train_on_anchor: false,
            alignment: false,
            temperature: 1.0,
            threshold: Some(0.95),
            mixup: false,
            rotation: false,
            premixup: false,
            strong_labelled: false,
            weight_u: 1.0,
            ..Self::remixmatch()
        }
    }

    /// AdaMatch (arXiv 2106.04732) with both sets from one domain: FixMatch with aligned, soft labels, which
    /// count above a share of the confidence that the labelled images reach.
    pub fn adamatch() -> Self {
        Self {
            alignment: true,
            label_prior: LabelPrior::Predictions,
            threshold: Some(0.9),
            relative_threshold: true,
            soft: true,
            ..Self::fixmatch()
        }
    }

    /// Pseudo-label (Lee, 2013): hard labels of confident weak views, trained on those very views.
    pub fn pseudo_label() -> Self {
        Self { strong_views: 0, train_on_anchor: true, policy: PolicyKind::None, ..Self::fixmatch() }
    }

    /// The labelled images alone, weakly augmented.
    pub fn supervised() -> Self {
        Self { unlabelled: false, ..Self::pseudo_label() }
    }

    /// Whether a probe batch is needed to learn the policy's bins.
    pub fn probes(&self) -> bool {
        let strong_somewhere = self.strong_labelled || (self.unlabelled && self.strong_views > 0);
        self.policy == PolicyKind::CtAugment && strong_somewhere
    }

    /// Whether alignment takes the mean predictions of the step's two batches instead of p(y) and the history.
    pub fn aligns_batches(&self) -> bool {
        self.alignment && self.label_prior == LabelPrior::Predictions
    }

    /// Whether guesses need the predictions on the labelled batch.
    pub fn predicts_labelled(&self) -> bool {
        self.unlabelled && (self.aligns_batches() || self.relative_threshold)
    }

    /// Operations that a strong view goes through, one after another.
    pub fn operations(&self) -> usize {
        self.policy.start().depth()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_methods_keep_every_setting() {
        let tuned = Method { weight_mi: 0.25, weight_r: 0.0, ..Method::remixmatch() };
        for method in [tuned, Method::adamatch(), Method::supervised()] {
            let saved = serde_json::to_string(&method).expect("a method is plain data");
            assert_eq!(serde_json::from_str::<Method>(&saved).expect("as saved"), method, "{saved}");
            // Files of methods without the term are those of before it.
            assert_eq!(saved.contains("weight_mi"), method.weight_mi != 0.0, "{saved}");
        }
    }

    /// ReMixMatch's are held by the tests of the presets; here is what the other papers change.
    #[test]
    fn named_methods_have_their_papers_settings() {
        let of = |name| Method::named(name).expect("a published method");
        let views = |m: &Method| (m.strong_views, m.guess_views, m.train_on_anchor, m.policy);
        let targets = |m: &Method| (m.alignment, m.temperature, m.threshold, m.relative_threshold, m.soft);
        let inputs = |m: &Method| (m.mixup, m.rotation, m.premixup, m.strong_labelled);
        let cta = PolicyKind::CtAugment;

        let m = of("remixmatch");
        assert_eq!(views(&m), (8, 1, true, cta));
        assert_eq!(targets(&m), (true, 0.5, None, false, false));
        assert_eq!(inputs(&m), (true, true, true, true));
        assert_eq!((m.beta, m.squared, m.weight_u, m.weight_u1, m.weight_r), (0.75, false, 1.5, 0.5, 0.5));

        let m = of("mixmatch");
        assert_eq!(views(&m), (1, 2, true, PolicyKind::None));
        assert_eq!(targets(&m), (false, 0.5, None, false, false));
        assert_eq!(inputs(&m), (true, false, false, false));
        assert_eq!((m.beta, m.squared, m.weight_u), (0.75, true, 100.0));

        let m = of("fixmatch");
        assert_eq!(views(&m), (1, 1, false, cta));
        assert_eq!(targets(&m), (false, 1.0, Some(0.95), false, false));
        assert_eq!((inputs(&m), m.weight_u), ((false, false, false, false), 1.0));

        let m = of("adamatch");
        assert_eq!(views(&m), (1, 1, false, cta));
        assert_eq!(targets(&m), (true, 1.0, Some(0.9), true, true));
        assert_eq!((m.label_prior, inputs(&m)), (LabelPrior::Predictions, (false, false, false, false)));

        let m = of("pseudo-label");
        assert_eq!(views(&m), (0, 1, true, PolicyKind::None));
        assert_eq!((targets(&m), m.unlabelled), ((false, 1.0, Some(0.95), false, false), true));
        assert_eq!(of("supervised"), Method { unlabelled: false, ..m });
    }

    #[test]
    fn only_policies_that_strengthen_a_view_probe() {
        let cta = Method { policy: PolicyKind::CtAugment, ..Method::remixmatch() };
        let cases = [
            (cta.clone(), true),
            (Method { strong_labelled: false, ..cta.clone() }, true),
            (Method { strong_labelled: false, strong_views: 0, ..cta.clone() }, false),
            (Method { strong_labelled: false, unlabelled: false, ..cta.clone() }, false),
            (Method { unlabelled: false, ..cta.clone() }, true),
            (Method { strong_views: 0, ..cta.clone() }, true),
            (Method { policy: PolicyKind::None, ..cta }, false),
        ];
        for (method, probes) in cases {
            assert_eq!(method.probes(), probes, "{method:?}");
        }
    }
}
