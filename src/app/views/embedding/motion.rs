//! From one look to the next without a jump.

use std::sync::Arc;

use crate::train::Embedding;

/// Seconds that points take to their new places.
const SECONDS: f64 = 0.3;

/// Points on their way.
#[derive(Default)]
pub struct Motion {
    from: Vec<[f32; 2]>,
    to: Option<Arc<Embedding>>,
    began: f64,
}

impl Motion {
    /// Where the points of an embedding are at second `now`: on their way from those of the last one, where
    /// that was of the same images at an earlier step.
    pub fn places(&mut self, embedding: &Arc<Embedding>, now: f64) -> Vec<[f32; 2]> {
        match &self.to {
            Some(shown) if Arc::ptr_eq(shown, embedding) => {}
            Some(shown) if follows(embedding, shown) => {
                self.from = self.between(shown, now);
                (self.to, self.began) = (Some(Arc::clone(embedding)), now);
            }
            _ => {
                self.from = embedding.images.iter().map(|image| image.place).collect();
                (self.to, self.began) = (Some(Arc::clone(embedding)), now - SECONDS);
            }
        }
        self.between(embedding, now)
    }

    pub fn is_under_way(&self, now: f64) -> bool {
        now < self.began + SECONDS
    }

    fn between(&self, to: &Embedding, now: f64) -> Vec<[f32; 2]> {
        let share = ((now - self.began) / SECONDS).clamp(0.0, 1.0) as f32;
        let share = share * share * (3.0 - 2.0 * share);
        let mix = |(from, to): (&[f32; 2], [f32; 2])| {
            [0, 1].map(|axis| from[axis] * (1.0 - share) + to[axis] * share)
        };
        self.from.iter().zip(to.images.iter().map(|image| image.place)).map(mix).collect()
    }
}

/// Whether one embedding is a later look at the images of another.
fn follows(new: &Embedding, old: &Embedding) -> bool {
    let images = |embedding: &Embedding| embedding.images.len();
    let pairs = new.images.iter().zip(&old.images);
    new.step >= old.step && images(new) == images(old) && pairs.clone().all(|(a, b)| a.image == b.image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{EmbeddedImage, Weights};

    fn embedding(step: u64, image: usize, x: f32) -> Arc<Embedding> {
        let image =
            EmbeddedImage { image, class: None, labelled: false, place: [x, 0.0], guess: 0, confidence: 1.0 };
        Arc::new(Embedding { step, weights: Weights::Raw, shares: [1.0, 0.0], images: vec![image] })
    }

    #[test]
    fn points_move_to_a_later_look_and_jump_to_another_run() {
        let mut motion = Motion::default();
        let [first, second] = [embedding(1, 7, 1.0), embedding(2, 7, 3.0)];
        assert_eq!(motion.places(&first, 10.0), [[1.0, 0.0]]);
        assert!(!motion.is_under_way(10.0));
        assert_eq!(motion.places(&second, 20.0), [[1.0, 0.0]]);
        assert!(motion.is_under_way(20.1));
        let half = motion.places(&second, 20.0 + SECONDS / 2.0)[0][0];
        assert!((half - 2.0).abs() < 1e-5, "{half}");
        // Called back half way, a point turns from where it is.
        let third = embedding(3, 7, 1.0);
        assert_eq!(motion.places(&third, 20.0 + SECONDS / 2.0), [[half, 0.0]]);
        assert_eq!(motion.places(&third, 30.0), [[1.0, 0.0]]);
        assert!(!motion.is_under_way(30.0));
        assert_eq!(motion.places(&embedding(1, 7, 9.0), 40.0), [[9.0, 0.0]], "a new run");
        assert_eq!(motion.places(&embedding(5, 8, 4.0), 40.0), [[4.0, 0.0]], "other images");
    }
}
