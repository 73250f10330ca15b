//! The loss terms of a step, as data: the shaders, the schedule, metrics, traces, settings, the command line and the
//! Curves view iterate over [`LOSS_TERMS`]. `docs/adding-a-loss.md` adds one.

use super::method::Method;
use crate::nn::Head;

/// A term of the training loss: the mean over some rows of the step, multiplied by a weight.
#[derive(Debug)]
pub struct LossTerm {
    /// `loss_<name>` in metrics, `weight_<name>` in settings, `loss.<name>` in traces.
    pub name: &'static str,
    /// The paper's symbol of the weight.
    pub symbol: &'static str,
    /// What views call the term.
    pub title: &'static str,
    /// What the term does, in one sentence for help texts.
    pub summary: &'static str,
    pub rows: TermRows,
    pub head: Head,
    pub target: Target,
    pub score: fn(&Method) -> Score,
    /// The weight λ before its ramp; `None` where the method has no such term.
    pub weight: fn(&Method) -> Option<f32>,
    /// The setting that holds the weight; `None` where it is fixed.
    pub setting: Option<fn(&mut Method) -> &mut f32>,
    /// Whether the weight ramps up over the first images (`warmup_images`).
    pub ramped: bool,
    /// Off by default: metrics and traces have the term only where it is on.
    pub optional: bool,
}

/// The rows of a step that a term is a mean over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermRows {
    /// Mixed images whose larger share is labelled: X' of algorithm 1, `[B]`.
    Labelled,
    /// Mixed images whose larger share is unlabelled: U' of algorithm 1, `[(K + 1) B]`.
    Unlabelled,
    /// û_1, the first strong view before MixUp, `[B]`.
    FirstStrong,
    /// û_1, each row rotated by its class, `[B]`.
    Rotated,
}

/// What the predictions of a term's rows are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The row's target in the step's table: mixed labels, or the guess.
    Table = 0,
    /// The rotation label of the row: B / 4 rows of each of the four classes.
    Rotation = 1,
    /// Nothing: the score needs predictions only.
    None = 2,
}

/// How predictions are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    /// -Σ t log p.
    CrossEntropy = 0,
    /// Mean over classes of (t - p)².
    Brier = 1,
    /// -(H(E p) - E H(p)), the negative mutual information of prediction and image.
    MutualInformation = 2,
}

/// Number of loss terms.
pub const TERMS: usize = LOSS_TERMS.len();

/// Every loss term; the labelled one is the first.
pub static LOSS_TERMS: [LossTerm; 5] = [
    LossTerm {
        name: "x",
        symbol: "1",
        title: "labelled",
        summary: "cross-entropy of mixed labelled images",
        rows: TermRows::Labelled,
        head: Head::Classify,
        target: Target::Table,
        score: |_| Score::CrossEntropy,
        weight: |_| Some(1.0),
        setting: None,
        ramped: false,
        optional: false,
    },
    LossTerm {
        name: "u",
        symbol: "λ_u",
        title: "unlabelled",
        summary: "cross-entropy of mixed unlabelled images and their guesses",
        rows: TermRows::Unlabelled,
        head: Head::Classify,
        target: Target::Table,
        score: |method| if method.squared { Score::Brier } else { Score::CrossEntropy },
        weight: |method| method.unlabelled.then_some(method.weight_u),
        setting: Some(|method| &mut method.weight_u),
        ramped: true,
        optional: false,
    },
    LossTerm {
        name: "u1",
        symbol: "λ_û1",
        title: "pre-mixup",
        summary: "cross-entropy of the first strong view before MixUp and its guess",
        rows: TermRows::FirstStrong,
        head: Head::Classify,
        target: Target::Table,
        score: |_| Score::CrossEntropy,
        weight: |method| (method.unlabelled && method.premixup).then_some(method.weight_u1),
        setting: Some(|method| &mut method.weight_u1),
        ramped: true,
        optional: false,
    },
    LossTerm {
        name: "r",
        symbol: "λ_r",
        title: "rotation",
        summary: "cross-entropy of the rotation of the first strong view",
        rows: TermRows::Rotated,
        head: Head::Rotation,
        target: Target::Rotation,
        score: |_| Score::CrossEntropy,
        weight: |method| (method.unlabelled && method.rotation).then_some(method.weight_r),
        setting: Some(|method| &mut method.weight_r),
        ramped: false,
        optional: false,
    },
    // The objective that section 3.1 of the paper starts from (Bridle et al. 1991).
    LossTerm {
        name: "mi",
        symbol: "λ_I",
        title: "mutual information",
        summary: "negative mutual information of prediction and image on the first strong view",
        rows: TermRows::FirstStrong,
        head: Head::Classify,
        target: Target::None,
        score: |_| Score::MutualInformation,
        weight: |method| (method.unlabelled && method.weight_mi > 0.0).then_some(method.weight_mi),
        setting: Some(|method| &mut method.weight_mi),
        ramped: false,
        optional: true,
    },
];

impl LossTerm {
    /// The term of that name.
    ///
    /// # Panics
    /// When no term has the name.
    pub fn named(name: &str) -> &'static Self {
        LOSS_TERMS.iter().find(|term| term.name == name).unwrap_or_else(|| panic!("no loss term '{name}'"))
    }

    /// The column of `metrics.csv`, `loss_<name>`.
    pub fn column(&self) -> String {
        format!("loss_{}", self.name)
    }

    /// The name of the weight's setting, `weight_<name>`.
    pub fn setting_name(&self) -> String {
        format!("weight_{}", self.name)
    }

    /// Whether the method has this term.
    pub fn is_on(&self, method: &Method) -> bool {
        (self.weight)(method).is_some()
    }

    /// Index into [`LOSS_TERMS`].
    pub fn index(&self) -> usize {
        LOSS_TERMS.iter().position(|term| std::ptr::eq(term, self)).expect("terms live in LOSS_TERMS")
    }
}

/// One value per loss term.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerTerm<T>(pub [T; TERMS]);

impl<T: Copy> PerTerm<T> {
    /// `value` of every term.
    pub fn from_fn(mut value: impl FnMut(&'static LossTerm) -> T) -> Self {
        Self(std::array::from_fn(|i| value(&LOSS_TERMS[i])))
    }

    /// The value of the term of that name.
    ///
    /// # Panics
    /// When no term has the name.
    pub fn get(&self, name: &str) -> T {
        self.of(LossTerm::named(name))
    }

    /// The value of a term of [`LOSS_TERMS`].
    pub fn of(&self, term: &LossTerm) -> T {
        self.0[term.index()]
    }

    /// Every term with its value, in the order of [`LOSS_TERMS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static LossTerm, T)> {
        LOSS_TERMS.iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn term_names_are_unique_and_labelled_is_first() {
        assert_eq!(LOSS_TERMS[0].rows, TermRows::Labelled);
        for (i, term) in LOSS_TERMS.iter().enumerate() {
            assert_eq!(term.index(), i);
            assert!(std::ptr::eq(LossTerm::named(term.name), term), "{}", term.name);
        }
    }

    #[test]
    fn values_of_terms_are_listed_in_order() {
        let listed: Vec<_> =
            PerTerm::from_fn(LossTerm::index).iter().map(|(term, i)| (term.name, i)).collect();
        let expected: Vec<_> = LOSS_TERMS.iter().map(|term| term.name).zip(0..).collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn settings_hold_the_weights_of_their_terms() {
        for term in &LOSS_TERMS {
            let Some(setting) = term.setting else {
                assert_eq!((term.weight)(&Method::remixmatch()), Some(1.0));
                continue;
            };
            let mut method = Method::remixmatch();
            *setting(&mut method) = 0.375;
            assert_eq!((term.weight)(&method), Some(0.375), "{}", term.name);
            assert!(!term.is_on(&Method::supervised()), "{}", term.name);
        }
    }

    #[test]
    fn terms_of_one_pass_share_a_head() {
        for (a, b) in LOSS_TERMS.iter().flat_map(|a| LOSS_TERMS.iter().map(move |b| (a, b))) {
            let share_passes = a.rows.pass_kind() == b.rows.pass_kind();
            assert!(!share_passes || a.head == b.head, "{} and {}", a.name, b.name);
        }
    }
}
