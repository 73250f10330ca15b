//! Which settings of a method go together, and their ranges.

use super::loss_terms::{LOSS_TERMS, TermRows};
use super::method::{LabelPrior, Method, MethodError};

impl Method {
    /// Checks the settings for B = `batch` and images of `height` x `width` pixels.
    ///
    /// # Errors
    /// When a setting is out of range, or needs another that is off. The message names the setting, its value and what it
    /// must be.
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
            .chain(others.iter().filter(|(on, _)| *on).map(|(_, component)| (*component).to_owned()));
        if let Some(component) = needs_strong.next().filter(|_| self.strong_views == 0) {
            return Err(MethodError::NeedsStrongView { component });
        }
        if self.rotation && !batch.is_multiple_of(4) {
            let lower = (batch / 4 * 4).max(4);
            return Err(MethodError::BatchNotDivisibleByFour {
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
    fn every_method_is_valid_at_the_papers_batch() {
        for name in Method::NAMES {
            assert_eq!(Method::named(name).and_then(|m| m.validate(64, 32, 32)), Ok(()), "{name}");
        }
        assert!(Method::named("remixmach").unwrap_err().to_string().contains("supervised"));
    }

    #[test]
    fn indivisible_batches_name_the_nearest_valid_sizes() {
        let error = Method::remixmatch().validate(30, 32, 32).unwrap_err();
        assert_eq!(error, MethodError::BatchNotDivisibleByFour { found: 30, lower: 28, upper: 32 });
        let error = Method::remixmatch().validate(3, 32, 32).unwrap_err();
        assert_eq!(error, MethodError::BatchNotDivisibleByFour { found: 3, lower: 4, upper: 8 });
        assert_eq!(Method::supervised().validate(30, 32, 32), Ok(()));
    }

    #[test]
    fn adamatch_names_the_settings_it_needs() {
        let lacking = Method { threshold: None, ..Method::adamatch() };
        assert_eq!(lacking.validate(32, 32, 32), Err(MethodError::NeedsThreshold));
        let mixed = Method { label_prior: LabelPrior::Predictions, alignment: true, ..Method::mixmatch() };
        assert_eq!(mixed.validate(32, 32, 32), Err(MethodError::PredictionsOfTwoViews));
    }

    #[test]
    fn weights_out_of_range_name_their_setting() {
        for term in LOSS_TERMS.iter().filter(|term| term.setting.is_some()) {
            let mut method = Method::remixmatch();
            let Some(weight) = term.setting.map(|setting| setting(&mut method)) else { continue };
            *weight = -1.0;
            let text = method.validate(64, 32, 32).expect_err("a negative weight").to_string();
            assert!(text.starts_with(&format!("weight_{} is -1", term.name)), "{text}");
        }
    }

    #[test]
    fn settings_beyond_their_range_are_refused() {
        let m = Method::fixmatch;
        for (method, field) in [
            (Method { strong_views: 17, ..m() }, "strong_views"),
            (Method { guess_views: 0, ..m() }, "guess_views"),
            (Method { guess_views: 3, ..m() }, "guess_views"),
            (Method { temperature: 0.0, ..m() }, "temperature"),
            (Method { temperature: 10.1, ..m() }, "temperature"),
            (Method { temperature: f32::NAN, ..m() }, "temperature"),
            (Method { beta: 0.0, ..m() }, "beta"),
            (Method { beta: 100.1, ..m() }, "beta"),
            (Method { beta: f64::NAN, ..m() }, "beta"),
            (Method { threshold: Some(-0.1), ..m() }, "threshold"),
            (Method { threshold: Some(1.1), ..m() }, "threshold"),
        ] {
            let error = method.validate(64, 32, 32).expect_err(field);
            assert!(
                matches!(&error, MethodError::OutOfRange { field: f, .. } if *f == field),
                "{field}: {error}"
            );
        }
        for batch in [0, 1025] {
            let error = m().validate(batch, 32, 32).expect_err("a batch out of range");
            assert!(error.to_string().starts_with(&format!("batch is {batch}")), "{error}");
        }
        // The borders themselves are valid.
        let borders =
            Method { strong_views: 16, temperature: 10.0, beta: 100.0, threshold: Some(1.0), ..m() };
        assert_eq!(borders.validate(1024, 32, 32), Ok(()));
        // Two views' guesses go with every prior but the batches' own predictions.
        assert_eq!(Method { alignment: true, ..Method::mixmatch() }.validate(64, 32, 32), Ok(()));
        let unused = Method { label_prior: LabelPrior::Predictions, ..Method::mixmatch() };
        assert_eq!(unused.validate(64, 32, 32), Ok(()));
    }
}
