//! Edits the p(y) that alignment aims at: one frequent class, or a long tail.

use std::sync::{Arc, Weak};

use eframe::egui::{ComboBox, Slider, Ui};

use crate::app::run::Run;
use crate::app::session::PlanFacts;
use crate::train::label_frequencies;

/// Maximum share of one class, in percent.
const MAX_SHARE: f32 = 90.0;
/// Maximum frequency of the first class of a long tail over that of the last.
const MAX_STEEPNESS: f32 = 100.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    #[default]
    OneClass,
    LongTail,
}

impl Shape {
    const ALL: [Self; 2] = [Self::OneClass, Self::LongTail];

    fn name(self) -> &'static str {
        match self {
            Self::OneClass => "one class",
            Self::LongTail => "a long tail",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::OneClass => "Sets the share of one class; the others keep their proportions",
            Self::LongTail => "Each class is less frequent than the one before by a constant factor",
        }
    }
}

/// The p(y) that the user has set for a run.
#[derive(Debug, Default)]
pub struct Skew {
    shape: Shape,
    pub class: usize,
    /// Share of `class`, in percent.
    share: f32,
    /// Frequency of the first class over that of the last.
    steepness: f32,
    /// The p(y) that was last sent to the run, `[classes]`.
    sent: Option<Vec<f32>>,
    /// The plan of the run: another run starts with its own p(y).
    plan: Weak<PlanFacts>,
}

impl Skew {
    /// Resets everything but the shape and the class when the run is another than before.
    pub fn attach(&mut self, run: &Run) {
        let Some(plan) = &run.state.plan else { return };
        let current = Arc::downgrade(plan);
        if !self.plan.ptr_eq(&current) {
            let class = if self.class < run.classes().len() { self.class } else { 0 };
            *self = Self { plan: current, shape: self.shape, class, ..Self::default() };
            self.reset(&frequencies(run, plan));
        }
    }

    /// Moves the sliders to the labels' own frequencies `own`.
    fn reset(&mut self, own: &[f32]) {
        self.share = own.get(self.class).map_or(0.0, |share| 100.0 * share);
        self.steepness = 1.0;
    }

    fn target(&self, own: &[f32]) -> Vec<f32> {
        match self.shape {
            Shape::OneClass => one_class(own, self.class, self.share / 100.0),
            Shape::LongTail => long_tail(own, self.steepness),
        }
    }

    /// The p(y) that was sent but differs from `current`, the one that alignment used last.
    pub fn pending(&self, current: &[f32]) -> Option<&[f32]> {
        let sent = self.sent.as_deref()?;
        let same = sent.iter().zip(current).all(|(sent, current)| (sent - current).abs() < 1e-3);
        (!same).then_some(sent)
    }

    /// Draws the controls; returns a new p(y) to send, `[classes]`.
    pub fn show(&mut self, ui: &mut Ui, run: &Run) -> Option<Vec<f32>> {
        let own = frequencies(run, run.state.plan.as_ref()?);
        let mut changed = false;
        let label = ui.label("Skew p(y):");
        ComboBox::from_id_salt("shape")
            .selected_text(self.shape.name())
            .show_ui(ui, |ui| {
                for shape in Shape::ALL {
                    let choice = ui.selectable_value(&mut self.shape, shape, shape.name());
                    changed |= choice.on_hover_text(shape.explanation()).changed();
                }
            })
            .response
            .labelled_by(label.id)
            .on_hover_text(self.shape.explanation());
        match self.shape {
            Shape::OneClass => {
                let before = self.class;
                let name = |class: usize| run.classes().get(class).map_or("?", String::as_str);
                ComboBox::from_label("class")
                    .selected_text(name(self.class))
                    .show_ui(ui, |ui| {
                        for class in 0..own.len() {
                            ui.selectable_value(&mut self.class, class, name(class));
                        }
                    })
                    .response
                    .on_hover_text("The class whose share the slider sets");
                if self.class != before {
                    self.reset(&own);
                    changed |= self.sent.is_some();
                }
                let slider = Slider::new(&mut self.share, 0.0..=MAX_SHARE).suffix(" %");
                let slider = ui.add(slider.fixed_decimals(0).text("its share"));
                changed |= slider.on_hover_text("The share of this class in p(y)").changed();
            }
            Shape::LongTail => {
                let slider = Slider::new(&mut self.steepness, 1.0..=MAX_STEEPNESS).logarithmic(true);
                let slider = ui.add(slider.fixed_decimals(0).prefix("×").text("first class over last"));
                changed |= slider.on_hover_text("1 keeps the labels' own frequencies").changed();
            }
        }
        let reset = ui.button("Labels' own p(y)");
        if reset.on_hover_text("Reset to the class frequencies of the labelled images").clicked() {
            self.reset(&own);
            changed = true;
        }
        changed.then(|| self.sent.insert(self.target(&own)).clone())
    }
}

/// Class frequencies of the labelled images, `[classes]`.
fn frequencies(run: &Run, plan: &PlanFacts) -> Vec<f32> {
    label_frequencies(&run.session.data, &plan.split)
}

/// `own` with `class` at `share` and the others in proportion, or uniform if their sum is 0.
fn one_class(own: &[f32], class: usize, share: f32) -> Vec<f32> {
    let others: f32 = own.iter().enumerate().filter(|(i, _)| *i != class).map(|(_, p)| p).sum();
    let count = own.len().saturating_sub(1).max(1) as f32;
    own.iter()
        .enumerate()
        .map(|(i, p)| match i == class {
            true => share,
            false if others > 0.0 => p / others * (1.0 - share),
            false => (1.0 - share) / count,
        })
        .collect()
}

/// `own` times a factor that falls geometrically from 1 to `1 / steepness`, normalised.
fn long_tail(own: &[f32], steepness: f32) -> Vec<f32> {
    let last = own.len().saturating_sub(1).max(1) as f32;
    let raised: Vec<_> =
        own.iter().enumerate().map(|(i, p)| p * steepness.powf(-(i as f32) / last)).collect();
    let total: f32 = raised.iter().sum();
    raised.into_iter().map(|p| p / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f32], expected: &[f32]) {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        assert!(found.iter().zip(expected).all(near), "{found:?}, not {expected:?}");
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn one_class_gets_its_share_others_keep_proportions() {
        close(&one_class(&[0.2, 0.2, 0.6], 0, 0.6), &[0.6, 0.1, 0.3]);
        close(&one_class(&[0.2, 0.2, 0.6], 2, 0.6), &[0.2, 0.2, 0.6]);
        close(&one_class(&[1.0, 0.0, 0.0], 0, 0.5), &[0.5, 0.25, 0.25]);
        close(&one_class(&[0.5, 0.5], 1, 0.0), &[1.0, 0.0]);
    }

    #[test]
    fn long_tail_falls_by_a_constant_factor() {
        let tail = long_tail(&[0.25; 4], 27.0);
        close(&[tail[0] / tail[1], tail[1] / tail[2], tail[2] / tail[3]], &[3.0, 3.0, 3.0]);
        assert!((tail.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        close(&long_tail(&[0.5, 0.2, 0.3], 1.0), &[0.5, 0.2, 0.3]);
        close(&long_tail(&[1.0], 50.0), &[1.0]);
    }

    #[test]
    fn sent_distribution_is_pending_until_used() {
        let mut skew = Skew::default();
        assert_eq!(skew.pending(&[0.5, 0.5]), None);
        skew.sent = Some(vec![0.9, 0.1]);
        assert_eq!(skew.pending(&[0.5, 0.5]), Some([0.9, 0.1].as_slice()));
        assert_eq!(skew.pending(&[0.9, 0.1]), None);
    }
}
