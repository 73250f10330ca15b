//! Findings of a check: what can be wrong with a data set, how serious it is, and what to do about it.
//!
//! A new kind is a variant of [`Kind`] with its row in [`Kind::text`], and the code that looks for it.

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Figures or labels are wrong until it is corrected.
    Serious,
    /// Training works, but probably not as intended.
    Warning,
    /// Something to know.
    Note,
}

impl Severity {
    /// The severity in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serious => "serious",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Copies of an image with different classes.
    ContradictingLabels,
    /// Copies of an image in the training and in the test images.
    TestCopies,
    /// Classes whose names are words for a split.
    SplitClasses,
    /// Classes whose names differ by case, spaces or form only.
    SimilarClassNames,
    /// Raw camera files whose preview was read.
    RawPreviews,
    /// 16-bit images that use fewer bits.
    UnusedBits,
    /// Images of nearly one colour.
    NearlyUniform,
    /// Images of which a part is the grey that decoders put for what is missing.
    GreyPart,
    /// Images that decode to the same pixels.
    ExactDuplicates,
    /// Images that differ by little, such as the same photo in another size.
    NearDuplicates,
    /// Images that differ from the rest of their class.
    StandApart,
    /// Images of which the centre square leaves out more than half.
    Cropped,
    /// Images that are much smaller than the size they are resized to.
    Enlarged,
    /// Classes with far fewer images than others.
    Imbalance,
    /// Classes with hardly any training images.
    SmallClasses,
    /// Images whose colours were converted to sRGB.
    ColourProfiles,
    /// Transparent images on different backgrounds.
    Backgrounds,
}

/// The row of a kind.
pub(super) struct KindText {
    pub severity: Severity,
    /// A heading.
    pub title: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

impl Kind {
    /// All kinds, most serious first: the order of a report.
    pub const ALL: [Self; 17] = [
        Self::ContradictingLabels,
        Self::TestCopies,
        Self::SplitClasses,
        Self::SimilarClassNames,
        Self::RawPreviews,
        Self::UnusedBits,
        Self::NearlyUniform,
        Self::GreyPart,
        Self::ExactDuplicates,
        Self::NearDuplicates,
        Self::StandApart,
        Self::Cropped,
        Self::Enlarged,
        Self::Imbalance,
        Self::SmallClasses,
        Self::ColourProfiles,
        Self::Backgrounds,
    ];

    pub(super) fn text(self) -> KindText {
        use Severity::{Note, Serious, Warning};
        let (severity, title, advice) = match self {
            Self::ContradictingLabels => (
                Serious,
                "contradicting labels",
                "decide which class is right, and remove the other copies; the corrected list leaves all of them out",
            ),
            Self::TestCopies => (
                Serious,
                "test images that are also trained on",
                "remove the training copies: the accuracy on these test images is too high; the corrected list keeps \
                 the test copies only",
            ),
            Self::SplitClasses => (
                Serious,
                "classes that look like splits",
                "open the folder above, or rename the folders to train and test with a folder for each class inside",
            ),
            Self::RawPreviews => (
                Warning,
                "raw camera files",
                "export the photos as JPEG, PNG or TIFF: only the small preview inside a raw file is read; the \
                 corrected list leaves them out",
            ),
            Self::UnusedBits => (
                Serious,
                "16-bit images that use fewer bits",
                "set significant_bits to auto or to the bits that they use: as they are, the network sees nearly black \
                 images",
            ),
            Self::NearlyUniform => (
                Warning,
                "nearly uniform images",
                "look at the files: they may be blank, damaged or overexposed; the corrected list leaves them out",
            ),
            Self::GreyPart => (
                Warning,
                "images of which a part is plain grey",
                "look at the files: this is how programs show a photo that was damaged, also where they have saved it again; \
                 the corrected list keeps them",
            ),
            Self::ExactDuplicates => (
                Warning,
                "exact duplicates",
                "keep one copy of each: copies count several times in training; the corrected list keeps one",
            ),
            Self::NearDuplicates => (
                Warning,
                "near duplicates",
                "keep one of each group unless they are different photos; the corrected list keeps one",
            ),
            Self::SimilarClassNames => (
                Serious,
                "class names that differ by case, spaces or form only",
                "merge the folders or correct the labels: these are probably one class",
            ),
            Self::StandApart => (
                Warning,
                "images that stand apart from their class",
                "look at them: they may have the wrong label or be no photo of the class; the corrected list keeps \
                 them",
            ),
            Self::Cropped => (
                Warning,
                "images of which more than half is cropped away",
                "crop them to what matters, or set fit to pad or stretch: only the centre square is used",
            ),
            Self::Enlarged => (
                Warning,
                "images that are enlarged to more than twice their size",
                "use larger originals, or set image_size to a smaller value",
            ),
            Self::Imbalance => (
                Note,
                "classes of very different size",
                "add images to the small classes, or choose labels that are balanced over the classes",
            ),
            Self::SmallClasses => (
                Note,
                "classes with few training images",
                "add images: a class needs a few labelled and many unlabelled images",
            ),
            Self::ColourProfiles => (
                Note,
                "images with a colour profile other than sRGB",
                "nothing to do: their colours are converted to sRGB",
            ),
            Self::Backgrounds => (
                Note,
                "transparent images on different backgrounds",
                "export them on one background if the colour behind an image must not give its class away: dark \
                 images are shown on white, others on black",
            ),
        };
        KindText { severity, title, advice }
    }

    /// The kind as a heading.
    pub fn title(self) -> &'static str {
        self.text().title
    }

    /// How much findings of this kind matter.
    pub fn severity(self) -> Severity {
        self.text().severity
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        self.text().advice
    }
}

/// An image of a data set, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Train(usize),
    Test(usize),
}

/// How an image is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Trained on, with a known class.
    Training,
    /// Trained on, without a class.
    Unlabelled,
    Test,
}

impl Use {
    /// The use in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Unlabelled => "unlabelled",
            Self::Test => "test",
        }
    }
}

/// An image of a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    #[serde(skip)]
    pub image: Place,
    /// The file, or the number of the image in a format without files.
    pub name: String,
    /// `None`: unknown.
    pub class: Option<String>,
    #[serde(rename = "split")]
    pub usage: Use,
    /// What was measured of this image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Images that belong together: copies of each other, or those of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The class, for findings about classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    #[serde(rename = "images")]
    pub examples: Vec<Example>,
}

/// One kind of problem with everything that has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    pub severity: Severity,
    /// The number of images, or of classes in findings about classes.
    pub count: usize,
    /// One line: the title with counts.
    pub summary: String,
    pub advice: &'static str,
    pub groups: Vec<Group>,
}

impl Finding {
    pub(super) fn new(kind: Kind, count: usize, counted: &str, groups: Vec<Group>) -> Self {
        let KindText { severity, title, advice } = kind.text();
        Self { kind, severity, count, summary: format!("{title}: {counted}"), advice, groups }
    }

    /// All images of the finding.
    pub fn examples(&self) -> impl Iterator<Item = &Example> {
        self.groups.iter().flat_map(|group| &group.examples)
    }
}
