use std::fmt;

use serde::Serialize;

use super::DataSet;
use super::set::class_counts;

/// What was recognised: for people (`Display`) and for programs (JSON).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub name: String,
    pub format: String,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub train: usize,
    /// Training images of unknown class, counted in `train` too.
    pub unlabelled: usize,
    pub test: usize,
    pub classes: Vec<ClassSummary>,
    /// Weak augmentation that fits the set.
    pub flip: bool,
    pub shift: u32,
    pub notices: Vec<String>,
}

/// Images of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassSummary {
    pub name: String,
    pub train: usize,
    pub test: usize,
}

pub fn summary(set: &DataSet) -> Summary {
    let train = class_counts(set.train_labels.iter().copied().flatten(), set.classes.len());
    let test = class_counts(set.test_labels.iter().copied(), set.classes.len());
    let classes = set.classes.iter().zip(train).zip(test);
    Summary {
        name: set.name.clone(),
        format: set.format.clone(),
        height: set.train.height,
        width: set.train.width,
        channels: set.train.channels,
        train: set.train.len(),
        unlabelled: set.train_labels.iter().filter(|label| label.is_none()).count(),
        test: set.test.len(),
        classes: classes
            .map(|((name, train), test)| ClassSummary { name: name.clone(), train, test })
            .collect(),
        flip: set.flip,
        shift: set.shift,
        notices: set.notices.clone(),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colour = if self.channels == 1 { "grey" } else { "RGB" };
        writeln!(f, "{}: {}, {}x{} {colour}", self.name, self.format, self.width, self.height)?;
        write!(f, "{} images to train", self.train)?;
        if self.unlabelled > 0 {
            write!(f, " ({} of them of unknown class)", self.unlabelled)?;
        }
        writeln!(f, ", {} to test", self.test)?;
        let flip = if self.flip { "mirrored and " } else { "" };
        writeln!(f, "weak augmentation: {flip}shifted by up to {} pixels", self.shift)?;
        let names = self.classes.iter().map(|class| class.name.chars().count()).max().unwrap_or(0).max(5);
        write!(f, "\n{:names$}  {:>7}  {:>7}", "class", "train", "test")?;
        for class in &self.classes {
            write!(f, "\n{:names$}  {:>7}  {:>7}", class.name, class.train, class.test)?;
        }
        for (i, notice) in self.notices.iter().enumerate() {
            let gap = if i == 0 { "\n" } else { "" };
            write!(f, "{gap}\nnote: {notice}")?;
        }
        Ok(())
    }
}
