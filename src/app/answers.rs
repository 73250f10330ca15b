//! Answers to the questions that an error asks: the setting that it names, as a button.

use crate::data::{Balance, Choice, DataError, OpenOptions, SignificantBits};
use crate::train::{Config, TrainError};

/// What a person can decide where data were refused or a run has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `folders_as_classes`: every folder is a class.
    FoldersAsClasses,
    /// `none_as_class`: the word `none` in a list is a class.
    NoneAsClass,
    /// `many_files`: all files of the folder are looked through.
    ManyFiles,
    /// `skip_bad`: images that cannot be read are left out.
    SkipBad,
    /// `strict` is off: images of other sizes are resized.
    Resize,
    /// `significant_bits` is found from the values of the images.
    FindBits,
    /// The choices of another format are dropped.
    NoChoice,
    /// The run goes on with data that have changed.
    AcceptChangedData,
    /// `balance` follows the distribution of the training images.
    TrainBalance,
}

impl Answer {
    /// The answer to an error of opening data, if there is one.
    pub fn to_data(error: &DataError, options: &OpenOptions) -> Option<Self> {
        let bits_are_set = options.significant_bits != SignificantBits::Auto;
        match error {
            DataError::UnclearFolder { .. }
            | DataError::UnclearLayout { .. }
            | DataError::UntrainedFolder { .. }
            | DataError::NothingToTrain { .. } => Some(Self::FoldersAsClasses),
            DataError::Line { .. } if error.setting() == Some("none_as_class") => Some(Self::NoneAsClass),
            DataError::ManyFiles { .. } => Some(Self::ManyFiles),
            DataError::MixedSizes { .. } => Some(Self::Resize),
            DataError::NoChoice { .. } | DataError::FoldOption { .. } => Some(Self::NoChoice),
            DataError::BadImage { reason, .. } if bits_are_set && reason.contains("significant_bits") => {
                Some(Self::FindBits)
            }
            DataError::BadImage { .. } | DataError::HugeImage { .. } if !options.skip_bad => {
                Some(Self::SkipBad)
            }
            _ => None,
        }
    }

    /// The answer to an error that has stopped a run, if there is one.
    pub fn to_training(error: &TrainError) -> Option<Self> {
        match error {
            TrainError::ChangedData { .. } => Some(Self::AcceptChangedData),
            TrainError::Data(DataError::UnevenLabels { .. } | DataError::SmallClass { .. }) => {
                Some(Self::TrainBalance)
            }
            _ => None,
        }
    }

    /// The answer on a button.
    pub fn label(self) -> &'static str {
        match self {
            Self::FoldersAsClasses => "Take the folders as classes",
            Self::NoneAsClass => "Take none as a class",
            Self::ManyFiles => "Look through all files",
            Self::SkipBad => "Skip damaged images",
            Self::Resize => "Resize the images",
            Self::FindBits => "Find the significant bits",
            Self::NoChoice => "Leave the setting out",
            Self::AcceptChangedData => "Accept the changed data",
            Self::TrainBalance => "Spread labels as the classes are",
        }
    }

    /// The settings that the answer decides, as errors name them.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::FoldersAsClasses => &["folders_as_classes"],
            Self::NoneAsClass => &["none_as_class"],
            Self::ManyFiles => &["many_files"],
            Self::SkipBad => &["skip_bad"],
            Self::Resize => &["strict"],
            Self::FindBits => &["significant_bits"],
            Self::NoChoice => &[],
            Self::AcceptChangedData => &["accept_changed_data"],
            Self::TrainBalance => &["balance to train"],
        }
    }

    /// What the answer does.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::FoldersAsClasses => "Every folder is a class, also one named train, test, val or unlabeled",
            Self::NoneAsClass => "Words such as none, unknown and skip are classes, not missing labels",
            Self::ManyFiles => "Go on although hardly any of the files are images",
            Self::SkipBad => "Images that cannot be read are left out, each with a notice",
            Self::Resize => "Images of other sizes are cropped and resized",
            Self::FindBits => "As many bits as the brightest value of all 16-bit images needs",
            Self::NoChoice => "Open the data without the choices of another format",
            Self::AcceptChangedData => {
                "Images that stayed keep their role; new ones are unlabelled, or test images if their hash says so"
            }
            Self::TrainBalance => "Classes get labels in proportion to their training images",
        }
    }

    /// Changes the options that data are opened with.
    pub fn apply_to_options(self, options: &mut OpenOptions) {
        match self {
            Self::FoldersAsClasses => options.choice.folders_as_classes = true,
            Self::NoneAsClass => options.choice.none_as_class = true,
            Self::ManyFiles => options.choice.many_files = true,
            Self::SkipBad => options.skip_bad = true,
            Self::Resize => options.strict = false,
            Self::FindBits => options.significant_bits = SignificantBits::Auto,
            Self::NoChoice => options.choice = Choice::default(),
            Self::AcceptChangedData | Self::TrainBalance => {}
        }
    }

    /// Changes the settings of the next run.
    pub fn apply_to_settings(self, config: &mut Config) {
        if self == Self::TrainBalance {
            config.balance = Balance::Train;
        }
    }
}

/// The part of a report of changes that names files: its lists in brackets.
fn without_lists(reason: &str) -> String {
    match (reason.find(" ("), reason.rfind(");")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &reason[..from], &reason[to + 1..]),
        _ => reason.to_owned(),
    }
}

/// A refusal in one or two sentences, where [`in_window`] tells more.
pub fn brief(error: &TrainError) -> Option<String> {
    let TrainError::ChangedData { reason, .. } = error else { return None };
    let short = without_lists(reason);
    let mut clauses = short.split("; ");
    let counts = clauses.next().unwrap_or_default();
    // The first number is that of the test images which were trained on.
    let trained = clauses.next().filter(|clause| !clause.starts_with("0 of ") && clause.contains("trained"));
    let trained = trained.map(|clause| format!("; {clause}")).unwrap_or_default();
    Some(format!("The data of this run have changed: {counts}{trained}."))
}

/// Why data could not be opened, with the button that opens them instead of the name of a setting.
pub fn failure_in_window(error: &DataError, answer: Option<Answer>) -> String {
    let mut text = error.to_string();
    if answer != Some(Answer::SkipBad) {
        text = text.replace(", or set skip_bad to skip such images", "").replace(", or set skip_bad", "");
    }
    if let Some(answer) = answer {
        let button = format!("press '{}'", answer.label());
        for setting in answer.settings() {
            for verb in ["unset", "set"] {
                text = text.replace(&format!("{verb} {setting}"), &button);
            }
        }
    }
    text
}

/// An error that has stopped a run, with the names of the window's controls instead of those of the settings.
pub fn in_window(error: &TrainError) -> String {
    error
        .to_string()
        .replace(
            "Restore the data, or set accept_changed_data to go on with them",
            "Put the data back and open the run again, or press 'Accept the changed data' to go on with them",
        )
        .replace(
            "put them back, or set data to where they are now",
            "put them back, or choose the folder where they are now",
        )
        .replace("set labels to", "set 'labelled images' to")
        .replace("set balance to train,", "press 'Spread labels as the classes are',")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn refusals_are_short_and_name_buttons() {
        let lists = "added 2, removed 0, changed 1 (added car/a.jpg, b (2).jpg; changed car/IMG.jpg)";
        for (reason, expected) in [
            (
                "added 1, removed 0, changed 0; 0 of 12 test images were trained on",
                "added 1, removed 0, changed 0.",
            ),
            (
                &format!(
                    "{lists}; 4 of 6 test images were trained on; 1 file has the same name and other bytes"
                ),
                "added 2, removed 0, changed 1; 4 of 6 test images were trained on.",
            ),
            (&format!("{lists}; 0 of 6 test images were trained on"), "added 2, removed 0, changed 1."),
            (
                "flip = true and shift = 2, the run had false and 2",
                "flip = true and shift = 2, the run had false and 2.",
            ),
        ] {
            let error = TrainError::ChangedData {
                path: PathBuf::from("r/model.safetensors"),
                reason: reason.to_owned(),
            };
            let brief = brief(&error).expect("a refusal");
            assert_eq!(brief, format!("The data of this run have changed: {expected}"));
            let whole = in_window(&error);
            assert!(whole.contains("'Accept the changed data'") && !whole.contains("accept_changed_data"));
        }
    }

    #[test]
    fn failures_name_buttons_instead_of_settings() {
        let path = || PathBuf::from("photos/a.png");
        let bad = |reason: &str| DataError::BadImage { path: path(), reason: reason.to_owned() };
        let options = OpenOptions::default();
        for (error, expected) in [
            (bad("the file is empty"), Some("press 'Skip damaged images'")),
            (DataError::HugeImage { path: path(), width: 9, height: 9 }, Some("press 'Skip damaged images'")),
        ] {
            let text = failure_in_window(&error, Answer::to_data(&error, &options));
            assert!(expected.is_none_or(|button| text.contains(button)), "{text}");
            assert!(!text.contains("skip_bad"), "{text}");
        }
        let skipped = OpenOptions { skip_bad: true, ..OpenOptions::default() };
        let error = bad("the file is empty");
        let text = failure_in_window(&error, Answer::to_data(&error, &skipped));
        assert!(!text.contains("skip_bad") && text.ends_with("remove it"), "{text}");
    }
}
