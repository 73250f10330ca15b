//! The rows of the ablation table: to add one, add a line to [`ROWS`].

use crate::ssl::{PerTerm, PolicyKind};
use crate::train::{Config, Overrides, TrainError};

/// A row of the table, which changes the settings that all rows share.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name in options and files.
    pub name: &'static str,
    /// Description in the table.
    pub title: &'static str,
    /// Test error of the paper in %, on CIFAR-10 with 250 labels of one split.
    pub published: Option<f64>,
    change: fn() -> Overrides,
}

/// All rows: those of the paper's ablation (reference, `runs/ssl/ablation.sh`), the methods it is compared with,
/// two later methods, and the term that section 3.1 starts from.
pub const ROWS: [Row; 19] = [
    row("full", "ReMixMatch", Some(5.94), Overrides::default),
    row("k=1", "K = 1", Some(7.32), || views(1)),
    row("k=2", "K = 2", Some(6.74), || views(2)),
    row("k=4", "K = 4", Some(6.21), || views(4)),
    row("k=8", "K = 8", Some(5.94), || views(8)),
    row("k=16", "K = 16", Some(5.93), || views(16)),
    row("no-alignment", "no distribution alignment", Some(7.28), || Overrides {
        no_alignment: true,
        ..Overrides::default()
    }),
    row("no-rotation", "no rotation loss", Some(6.08), || Overrides {
        no_rotation: true,
        ..Overrides::default()
    }),
    row("no-premixup", "no pre-mixup loss", Some(6.66), || Overrides {
        no_premixup: true,
        ..Overrides::default()
    }),
    row("no-strong", "no strong augmentation", Some(12.51), || Overrides {
        no_strong: true,
        ..Overrides::default()
    }),
    row("no-weak", "no weak augmentation", Some(29.36), || Overrides {
        no_weak: true,
        ..Overrides::default()
    }),
    row("l2", "squared error on unlabelled images", Some(17.28), || Overrides {
        squared: true,
        ..Overrides::default()
    }),
    row("randaugment", "RandAugment instead of CTAugment", None, || Overrides {
        policy: Some(PolicyKind::RandAugment),
        ..Overrides::default()
    }),
    row("mixmatch", "MixMatch", Some(11.08), || method("mixmatch")),
    row("mixmatch-strong", "MixMatch with CTAugment", None, || Overrides {
        policy: Some(PolicyKind::CtAugment),
        // The reference's `cta_mixmatch.py` augments the labelled images strongly too.
        strong_labelled: true,
        ..method("mixmatch")
    }),
    row("supervised", "labelled images alone", None, || method("supervised")),
    row("fixmatch", "FixMatch", None, || method("fixmatch")),
    row("adamatch", "AdaMatch", None, || method("adamatch")),
    row("mutual-information", "with the mutual-information term", None, || Overrides {
        weights: PerTerm::from_fn(|term| (term.name == "mi").then_some(0.5)),
        ..Overrides::default()
    }),
];

const fn row(
    name: &'static str,
    title: &'static str,
    published: Option<f64>,
    change: fn() -> Overrides,
) -> Row {
    Row { name, title, published, change }
}

fn views(k: usize) -> Overrides {
    Overrides { strong_views: Some(k), ..Overrides::default() }
}

fn method(name: &str) -> Overrides {
    Overrides { method: Some(name.to_owned()), ..Overrides::default() }
}

impl Row {
    /// The row with this name.
    pub fn named(name: &str) -> Option<Self> {
        ROWS.into_iter().find(|row| row.name == name)
    }

    /// The row's K, if the row changes K.
    pub fn views(&self) -> Option<usize> {
        (self.change)().strong_views
    }

    /// The settings of the row's run with a seed.
    ///
    /// # Errors
    /// [`TrainError`] if the preset or method of the settings is unknown; no row of [`ROWS`] causes one.
    pub fn config(&self, base: &Config, seed: u64) -> Result<Config, TrainError> {
        let mut config = base.clone();
        (self.change)().apply(&mut config)?;
        config.seed = seed;
        Ok(config)
    }

    /// Name of the folder of the row's run with a seed. Rows with equal settings share the folder of the first.
    ///
    /// # Errors
    /// [`TrainError`] if the preset or method of the settings is unknown; no row of [`ROWS`] causes one.
    pub fn folder(&self, base: &Config, seed: u64) -> Result<String, TrainError> {
        let owner = self.owner(base)?;
        Ok(format!("{}-seed{seed}", owner.name.replace('=', "")))
    }

    /// The first row with the same settings as this one, possibly itself.
    ///
    /// # Errors
    /// [`TrainError`] if the preset or method of the settings is unknown; no row of [`ROWS`] causes one.
    pub fn owner(&self, base: &Config) -> Result<Self, TrainError> {
        let ours = self.config(base, base.seed)?;
        for row in ROWS {
            if row.config(base, base.seed)? == ours {
                return Ok(row);
            }
        }
        Ok(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::preset;

    #[test]
    fn every_row_has_its_own_name_and_trains() {
        for name in ["digits", "paper-cifar10"] {
            let base = preset(name, None).expect("a preset").config;
            for row in ROWS {
                assert_eq!(Row::named(row.name).map(|found| found.title), Some(row.title));
                let config = row.config(&base, 7).expect("settings");
                assert!(config.validate(32, 32).is_ok(), "{}", row.name);
                assert_eq!((config.seed, config.labels, config.steps), (7, base.labels, base.steps));
            }
        }
    }

    #[test]
    fn rows_with_equal_settings_share_a_run() {
        let small = preset("digits", None).expect("a preset").config;
        let paper = preset("paper-cifar10", None).expect("a preset").config;
        let folder = |name: &str, base| Row::named(name).expect("a row").folder(base, 3).expect("a folder");
        assert_eq!(folder("k=2", &small), "full-seed3", "K is 2 in the small presets");
        assert_eq!(folder("k=8", &small), "k8-seed3");
        assert_eq!(folder("k=8", &paper), "full-seed3");
        let mut folders: Vec<_> = ROWS.iter().map(|row| folder(row.name, &paper)).collect();
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), ROWS.len() - 1);
    }
}
