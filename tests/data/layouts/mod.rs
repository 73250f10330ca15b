//! Folders as people have them: which files train, test or are left out, whatever holds them.

mod lists;
mod others;
mod report;
mod splits;
mod structure;

use remixmatch::data::{DataSet, OpenOptions, SplitRule};

use super::layout_files::Files;

/// What a layout is read as.
enum Expect {
    /// Class, labelled images to train on, and images to test on; then images of unknown class, and words of notices.
    Reads(&'static [(&'static str, usize, usize)], usize, &'static [&'static str]),
    Refused(&'static [&'static str]),
}
use Expect::{Reads, Refused};

type Case = (&'static [(&'static str, &'static str)], Expect);

const TWO: [(&str, usize, usize); 2] = [("cat", 4, 1), ("dog", 4, 1)];

fn counts(set: &DataSet) -> Vec<(&str, usize, usize)> {
    let of = |class: usize| {
        let train = set.train_labels.iter().filter(|label| **label == Some(class as u32)).count();
        (train, set.test_labels.iter().filter(|label| **label == class as u32).count())
    };
    let classes = set.classes.iter().enumerate();
    classes.map(|(class, name)| (name.as_str(), of(class).0, of(class).1)).collect()
}

/// Opens every case in every format and compares.
fn check(cases: &[Case], options: &OpenOptions) {
    for (table, expected) in cases {
        for (way, opened) in Files::new(table).open_everywhere(options) {
            let what = format!("{table:?} as {way}");
            match expected {
                Refused(words) => {
                    let Err(error) = opened else { panic!("{what}: accepted") };
                    let message = error.to_string();
                    for word in *words {
                        assert!(message.contains(word), "{what}: '{word}' is missing in: {message}");
                    }
                    assert!(!message.contains('\n'), "{what}: {message}");
                }
                Reads(classes, unlabelled, words) => {
                    let set = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(counts(&set), *classes, "{what}: {:?}", set.notices);
                    let unknown = set.train_labels.iter().filter(|label| label.is_none()).count();
                    assert_eq!(unknown, *unlabelled, "{what}: {:?}", set.notices);
                    let notices = set.notices.join("\n");
                    for word in *words {
                        assert!(notices.contains(word), "{what}: '{word}' is missing in: {notices}");
                    }
                }
            }
        }
    }
}

/// With as many test images held out of each class, whatever their content.
pub fn evenly() -> OpenOptions {
    OpenOptions { split: SplitRule::Position, ..OpenOptions::default() }
}

fn check_default(cases: &[Case]) {
    check(cases, &evenly());
}
