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

    /// What the answer does.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::FoldersAsClasses => "Every folder is a class, also one named train, test, val or unlabeled",
            Self::NoneAsClass => "The words none, empty and unknown are classes, not missing labels",
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

/// An error that has stopped a run, with the names of the window's controls instead of those of the settings.
pub fn in_window(error: &TrainError) -> String {
    error
        .to_string()
        .replace("set labels to", "set *labelled images* to")
        .replace("set balance to train,", "press *Spread labels as the classes are*,")
}
