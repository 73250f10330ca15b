//! Which parts of the step are on: ReMixMatch, its ablations and its neighbours as values of one type.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::loss_terms::{LOSS_TERMS, TermRows};
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

/// Which parts of the step are on. Methods are data: MixMatch, FixMatch and the others are values of
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
        "a batch of {found} cannot be cut into the four quarters of the rotation loss: use {lower} or {upper}, or switch rotation off"
    )]
    BatchNotQuartered { found: usize, lower: usize, upper: usize },
    #[error("rotations by 90 degrees need square images, these are {height}x{width}: switch rotation off")]
    NotSquare { height: usize, width: usize },
    #[error("{part} needs a strong view of the unlabelled images: set strong_views to at least 1")]
    NeedsStrongView { part: String },
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

    /// # Errors
    /// Names the setting, what it is and what it must be.
    pub fn validate(&self, batch: usize, height: usize, width: usize) -> Result<(), MethodError> {
        let check = |ok: bool, field, found: String, expected| {
            if ok { Ok(()) } else { Err(MethodError::OutOfRange { field, found, expected }) }
        };
        check((1..=1024).contains(&batch), "batch", batch.to_string(), "1 to 1024")?;
        check(self.strong_views <= 16, "strong_views", self.strong_views.to_string(), "0 to 16")?;
        check((1..=2).contains(&self.guess_views), "guess_views", self.guess_views.to_string(), "1 or 2")?;
        let t = self.temperature;
        check(t > 0.0 && t <= 10.0, "temperature", t.to_string(), "above 0 and at most 10")?;
        check(
            self.beta > 0.0 && self.beta <= 100.0,
            "beta",
            self.beta.to_string(),
            "above 0 and at most 100",
        )?;
        if let Some(threshold) = self.threshold {
            check((0.0..=1.0).contains(&threshold), "threshold", threshold.to_string(), "0 to 1")?;
        }
        for term in &LOSS_TERMS {
            let Some(setting) = term.setting else { continue };
            let weight = *setting(&mut self.clone());
            if !(0.0..=1e4).contains(&weight) {
                return Err(MethodError::WeightOutOfRange { setting: term.setting_name(), found: weight });
            }
        }
        if !self.unlabelled {
            return Ok(());
        }
        if self.relative_threshold && self.threshold.is_none() {
            return Err(MethodError::NeedsThreshold);
        }
        if self.alignment && self.label_prior == LabelPrior::Predictions && self.guess_views == 2 {
            return Err(MethodError::PredictionsOfTwoViews);
        }
        let on_strong_view = LOSS_TERMS.iter().filter(|term| {
            matches!(term.rows, TermRows::FirstStrong | TermRows::Rotated) && term.is_on(self)
        });
        let others = [
            (self.guess_views == 2, "a guess from two views"),
            (!self.train_on_anchor, "training without the anchor"),
        ];
        let mut needs_strong = on_strong_view
            .map(|term| format!("the {} loss", term.title))
            .chain(others.iter().filter(|(on, _)| *on).map(|(_, part)| (*part).to_owned()));
        if let Some(part) = needs_strong.next().filter(|_| self.strong_views == 0) {
            return Err(MethodError::NeedsStrongView { part });
        }
        if self.rotation && !batch.is_multiple_of(4) {
            let lower = (batch / 4 * 4).max(4);
            return Err(MethodError::BatchNotQuartered {
                found: batch,
                lower,
                upper: batch.next_multiple_of(4).max(lower + 4),
            });
        }
        if self.rotation && height != width {
            return Err(MethodError::NotSquare { height, width });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_method_is_valid_at_the_papers_batch() {
        for name in Method::NAMES {
            assert_eq!(Method::named(name).and_then(|m| m.validate(64, 32, 32)), Ok(()), "{name}");
        }
        assert!(Method::named("remixmach").unwrap_err().to_string().contains("supervised"));
    }

    #[test]
    fn a_batch_that_cannot_be_quartered_is_refused_with_neighbours() {
        let error = Method::remixmatch().validate(30, 32, 32).unwrap_err();
        assert_eq!(error, MethodError::BatchNotQuartered { found: 30, lower: 28, upper: 32 });
        assert_eq!(Method::supervised().validate(30, 32, 32), Ok(()));
    }

    #[test]
    fn what_adamatch_needs_is_asked_for() {
        let lacking = Method { threshold: None, ..Method::adamatch() };
        assert_eq!(lacking.validate(32, 32, 32), Err(MethodError::NeedsThreshold));
        let mixed = Method { label_prior: LabelPrior::Predictions, alignment: true, ..Method::mixmatch() };
        assert_eq!(mixed.validate(32, 32, 32), Err(MethodError::PredictionsOfTwoViews));
    }
}
