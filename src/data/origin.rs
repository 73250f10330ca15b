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

    /// What the images that test are, in words.
    pub fn tested_images(&self) -> &'static str {
        match self.origin {
            Origin::Benchmark => "test images",
            Origin::ByHand { held_out: true } => "images whose labels were held out",
            Origin::ByHand { held_out: false } => "labelled images, all of which were trained on",
        }
    }

    /// How many labels a run uses where `asked` are asked for: of labels made by hand, all.
    pub fn labels_to_use(&self, asked: usize) -> usize {
        match self.origin {
            Origin::Benchmark => asked,
            Origin::ByHand { .. } => self.train_labels.iter().flatten().count(),
        }
    }
}
