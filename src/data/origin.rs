use super::DataSet;

/// Where a set's labels come from, which decides how they are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// All labels are known: some are shown to training, and images apart from these test.
    #[default]
    Benchmark,
    /// A person has labelled some of the images: all these labels are used.
    ByHand {
        /// Whether some labels are kept from training to test. If not, the labelled images themselves test.
        held_out: bool,
    },
}

impl DataSet {
    /// What the accuracy of a report is, in words.
    pub fn accuracy_name(&self) -> &'static str {
        match self.origin {
            Origin::Benchmark => "test accuracy",
            Origin::ByHand { held_out: true } => "accuracy on the labels held out",
            Origin::ByHand { held_out: false } => "accuracy on the labelled images themselves",
        }
    }

    /// The same in a word or two.
    pub fn tested_on(&self) -> &'static str {
        match self.origin {
            Origin::Benchmark => "test",
            Origin::ByHand { held_out: true } => "held-out labels",
            Origin::ByHand { held_out: false } => "labelled themselves",
        }
    }

    /// What the images that test are, in words.
    pub fn tested_images(&self) -> &'static str {
        match self.origin {
            Origin::Benchmark => "test images",
            Origin::ByHand { held_out: true } => "images whose labels were held out",
            Origin::ByHand { held_out: false } => "labelled images, all of which were trained on",
        }
    }

    /// Of a set labelled by hand, how many labels there are to train on: a run uses all.
    pub fn hand_made_labels(&self) -> Option<usize> {
        match self.origin {
            Origin::Benchmark => None,
            Origin::ByHand { .. } => Some(self.train_labels.iter().flatten().count()),
        }
    }
}
