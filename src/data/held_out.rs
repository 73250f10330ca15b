//! Holds out test images where a set has none of its own, and says which.

use super::counted::counted_of;
use super::identity::{ImageId, RecordedRoles, SplitRule, held_out, test_key};
use super::names::listed_name;

/// The notice where no image can be held out, so that the labelled ones test.
pub(super) const NO_TESTS: &str =
    "there are no test images: accuracy is measured on the labelled images themselves";

/// The notice where no image is drawn by its content, so that the nearest one of each class tests.
const NONE_DRAWN: &str = "the set is so small that no image is drawn to test by its content: one of each class tests, and \
                          images that are added can change which. To choose the test images yourself, ";

/// How test images are chosen in a set of arrays.
const ADD_ARRAYS: &str =
    "give the set test images of its own (arrays x_test and y_test, or its format's files of test images)";

/// How test images are held out.
pub(super) struct HoldOut<'a> {
    /// The share of the labelled images that is to test.
    pub share: f64,
    pub rule: SplitRule,
    /// Whether the images are records of arrays, which cannot be moved into folders.
    pub arrays: bool,
    /// The images that a run has tested, which are held out instead.
    pub recorded: Option<&'a RecordedRoles>,
}

impl HoldOut<'_> {
    /// Which of the labelled images are held out; adds notices about them. `ids` and `labels` are those of the images.
    pub fn choose(
        &self,
        ids: &[ImageId],
        labels: &[u32],
        classes: &[String],
        notices: &mut Vec<String>,
    ) -> Vec<bool> {
        let recorded = self.recorded.filter(|recorded| recorded.apply_to(ids));
        let held = match (recorded, self.rule) {
            (Some(recorded), _) => ids.iter().map(|id| recorded.is_test(*id, self.share)).collect(),
            (None, SplitRule::Position) => by_position(labels, classes.len(), self.share),
            (None, SplitRule::Content) => held_out(ids, labels, classes.len(), self.share),
        };
        notices.extend(self.notices(&held, labels, classes));
        let is_drawn = ids.iter().zip(&held).any(|(id, held)| *held && test_key(id.content) < self.share);
        if recorded.is_none() && self.rule == SplitRule::Content && held.contains(&true) && !is_drawn {
            let how = match self.arrays {
                true => ADD_ARRAYS,
                false => "move them into folders test/CLASS, or give a list a column split",
            };
            notices.push(format!("{NONE_DRAWN}{how}"));
        }
        held
    }

    /// Whether a labelled image is likely to test, before the other images are known.
    pub fn may_test(&self, id: impl FnOnce() -> ImageId) -> bool {
        match (self.recorded, self.rule) {
            (Some(recorded), _) => recorded.is_test(id(), self.share),
            (None, SplitRule::Position) => false,
            (None, SplitRule::Content) => test_key(id().content) < self.share,
        }
    }

    /// How many images of each class are held out, which classes have no test image, and where the share is far from
    /// the one that is meant.
    fn notices(&self, held: &[bool], labels: &[u32], classes: &[String]) -> Vec<String> {
        let of = class_counts(labels.iter().copied(), classes.len());
        let tested = labels.iter().zip(held).filter(|(_, held)| **held).map(|(label, _)| *label);
        let tested = class_counts(tested, classes.len());
        let all = || 0..classes.len();
        let count =
            |class: usize| format!("{} {} of {}", listed_name(&classes[class]), tested[class], of[class]);
        let total: usize = tested.iter().sum();
        let mut notices = vec![format!(
            "the set has no test images of its own: {} held out for testing and not trained on ({})",
            counted_of(total, labels.len(), ["labelled image", "labelled images"], ["is", "are"]),
            listed(all().map(count))
        )];
        let untested = listed(all().filter(|&c| tested[c] == 0).map(|c| listed_name(&classes[c])));
        if total > 0 && !untested.is_empty() {
            notices.push(format!("no test image is of class {untested}: accuracy says nothing about it"));
        }
        let expected = |class: usize| self.share * of[class] as f64;
        let may_be_far = |class: &usize| tested[*class] > 0 || expected(*class) >= 1.0;
        let far: Vec<usize> =
            all().filter(may_be_far).filter(|&class| is_far(tested[class], expected(class))).collect();
        if !far.is_empty() && self.rule == SplitRule::Content {
            notices.push(format!(
                "{:.0} % of each class are meant to be held out, which differs in {}: each image is drawn by its content, so \
                 that no other file changes its role. To choose the test images yourself, {}",
                100.0 * self.share,
                listed(far.iter().map(|&c| count(c))),
                match self.arrays {
                    true => ADD_ARRAYS.to_owned(),
                    false => {
                        let folders = listed(far.iter().map(|&c| listed_name(&format!("test/{}", classes[c]))));
                        format!("move them into {folders}, or give a list a column split")
                    }
                }
            ));
        }
        notices
    }
}

/// Whether the number of test images of a class is below half or above twice what is expected, one at least.
fn is_far(tested: usize, expected: f64) -> bool {
    let tested = tested as f64;
    tested < expected / 2.0 || tested > 2.0 * expected.max(1.0)
}

/// Classes that a notice lists.
const MAX_LISTED: usize = 10;

fn listed(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(MAX_LISTED);
    items.truncate(MAX_LISTED);
    if more > 0 {
        items.push(format!("{more} more classes"));
    }
    items.join(", ")
}

/// The number of labels of each class.
pub(super) fn class_counts(labels: impl Iterator<Item = u32>, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    labels.for_each(|label| counts[label as usize] += 1);
    counts
}

/// The rule [`SplitRule::Position`]: `share` of every class, evenly spaced in its order, at least one of a class with
/// two images, never all.
fn by_position(labels: &[u32], classes: usize, share: f64) -> Vec<bool> {
    let counts = class_counts(labels.iter().copied(), classes);
    let quota: Vec<usize> = counts
        .iter()
        .map(|&n| if n < 2 { 0 } else { ((n as f64 * share).round() as usize).clamp(1, n - 1) })
        .collect();
    let mut seen = vec![0; classes];
    labels
        .iter()
        .map(|&label| {
            let (class, n) = (label as usize, counts[label as usize]);
            let position = seen[class];
            seen[class] += 1;
            // The images at which the running total of the quota increases are held out.
            (position + 1) * quota[class] / n > position * quota[class] / n
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_out_images_spread_evenly_over_each_class() {
        let labels: Vec<u32> = (0..60).map(|i| if i % 3 == 0 { 1 } else { 0 }).collect();
        let held = by_position(&labels, 2, 0.2);
        let of = |class| (0..60).filter(|&i| held[i] && labels[i] == class).count();
        assert_eq!((of(0), of(1)), (8, 4));
        assert_eq!((0..30).filter(|&i| held[i]).count(), 6);
    }

    #[test]
    fn classes_keep_a_training_image_by_position() {
        assert_eq!(by_position(&[0, 1, 1], 2, 0.2), [false, false, true]);
        assert_eq!(by_position(&[0, 1, 1], 2, 0.99), [false, false, true]);
    }

    #[test]
    fn sets_without_drawn_images_say_so() {
        let drawn = |below: bool| (0..).filter(move |&content| (test_key(content) < 0.2) == below);
        let id = |content| ImageId { content, name: content };
        let rule = HoldOut { share: 0.2, rule: SplitRule::Content, arrays: false, recorded: None };
        for (contents, said) in [
            (drawn(false).take(4).collect::<Vec<_>>(), true),
            (drawn(true).take(1).chain(drawn(false).take(3)).collect(), false),
        ] {
            let (ids, mut notices) = (contents.into_iter().map(id).collect::<Vec<_>>(), Vec::new());
            rule.choose(&ids, &[0, 0, 1, 1], &["cat".to_owned(), "dog".to_owned()], &mut notices);
            assert_eq!(notices.iter().any(|notice| notice.starts_with(NONE_DRAWN)), said, "{notices:?}");
        }
    }

    /// Also where no image is drawn by its content, or all of a class are.
    #[test]
    fn recorded_roles_hold_in_sets_of_any_size() {
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let id = |content| ImageId { content, name: content };
        let choose = |contents: &[u64], recorded: Option<&RecordedRoles>| {
            let ids: Vec<ImageId> = contents.iter().copied().map(id).collect();
            let labels: Vec<u32> = contents.iter().map(|content| (content % 2) as u32).collect();
            let rule = HoldOut { share: 0.2, rule: SplitRule::Content, arrays: false, recorded };
            let held = rule.choose(&ids, &labels, &classes, &mut Vec::new());
            contents.iter().copied().zip(held).collect::<Vec<_>>()
        };
        for first in 0..200 {
            for size in 2..13 {
                let contents: Vec<u64> = (1_000 * first..).take(size).collect();
                let before = choose(&contents, None);
                let roles =
                    RecordedRoles::new(before.iter().map(|(content, test)| (id(*content), *test)), true);
                // Others are added, and all but one and then all but the first are deleted.
                let more: Vec<u64> = (1_000 * first..).take(size + 12).collect();
                for now in [&more[..], &more[1..], &contents[1..], &contents[..1]] {
                    let after = choose(now, Some(&roles));
                    assert!(
                        before.iter().all(|image| after.contains(image) || !now.contains(&image.0)),
                        "{before:?} and {after:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn shares_far_from_the_meant_one_are_named() {
        for (tested, of, far) in [
            (7, 10, true),
            (4, 10, false),
            (1, 10, false),
            (1, 11, true),
            (1, 2, false),
            (3, 4, true),
            (2, 4, false),
        ] {
            assert_eq!(is_far(tested, 0.2 * f64::from(of)), far, "{tested} of {of}");
        }
        let rule = HoldOut { share: 0.2, rule: SplitRule::Content, arrays: false, recorded: None };
        let held: Vec<bool> = (0..20).map(|i| i < 7 || i == 15).collect();
        let labels: Vec<u32> = (0..20).map(|i| u32::from(i >= 10)).collect();
        let notices = rule.notices(&held, &labels, &["cat".to_owned(), "dog".to_owned()]);
        assert_eq!(notices.len(), 2, "{notices:?}");
        assert!(
            notices[0].contains("8 of 20 labelled images are held out") && notices[0].contains("dog 1 of 10")
        );
        assert!(notices[1].contains("differs in cat 7 of 10") && notices[1].contains("into test/cat,"));
        let notices =
            HoldOut { arrays: true, ..rule }.notices(&held, &labels, &["cat".to_owned(), "dog".to_owned()]);
        assert!(
            notices[1].contains("arrays x_test and y_test") && !notices[1].contains("into test"),
            "{notices:?}"
        );
    }
}
