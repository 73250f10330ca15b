//! The choice of labelled and unlabelled images.

use proptest::prelude::*;
use remixmatch::data::{Balance, DataSet, Images, OpenOptions, Origin, SplitRule, Spread, Tail, open, split};
use remixmatch::train::preset;

/// A set with `counts` images of the classes, interleaved, and `unknown` images without a class.
fn counted(counts: &[usize], unknown: usize) -> DataSet {
    let mut labels: Vec<Option<u32>> = Vec::new();
    for i in 0..counts.iter().copied().max().unwrap() {
        labels.extend((0..counts.len()).filter(|&c| i < counts[c]).map(|c| Some(c as u32)));
    }
    labels.extend(vec![None; unknown]);
    let pixels = (0..labels.len()).flat_map(|i| [(i % 256) as u8, (i / 256) as u8].repeat(32)).collect();
    let images = Images::new(8, 8, 1, pixels);
    DataSet {
        name: "counted".into(),
        format: "made here".into(),
        classes: (0..counts.len()).map(|c| format!("class{c}")).collect(),
        test: images.clone(),
        test_labels: Vec::new(),
        train: images,
        train_labels: labels,
        origin: Origin::Benchmark,
        flip: false,
        shift: 2,
        ..DataSet::default()
    }
    .identified()
}

fn chosen(set: &DataSet, labelled: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; set.classes.len()];
    labelled.iter().for_each(|&i| counts[set.train_labels[i].unwrap() as usize] += 1);
    counts
}

#[test]
fn a_split_depends_on_the_seed_only() {
    let set = open("builtin:digits", &OpenOptions::default()).unwrap();
    for rule in [SplitRule::Content, SplitRule::Position] {
        let spread = Spread { rule, ..Balance::Even.into() };
        let first = split(&set, 40, spread, 1).unwrap();
        assert_eq!(first, split(&set, 40, spread, 1).unwrap());
        assert_ne!(first.labelled, split(&set, 40, spread, 2).unwrap().labelled);
        assert_eq!(chosen(&set, &first.labelled), [4; 10]);
        assert_eq!(first.unlabelled, (0..4_000).collect::<Vec<_>>());
        // More labels include the fewer: the same order is cut later.
        let more = split(&set, 250, spread, 1).unwrap();
        assert!(first.labelled.iter().all(|i| more.labelled.contains(i)));
    }
}

/// Published figures depend on these choices: the first labelled images of each rule.
#[test]
fn labelled_images_stay_the_published_ones() {
    let set = open("builtin:digits", &OpenOptions::default()).unwrap();
    for (rule, expected) in [(SplitRule::Position, POSITION), (SplitRule::Content, CONTENT)] {
        let found = split(&set, 40, Spread { rule, ..Balance::Even.into() }, 0).unwrap();
        assert_eq!(found.labelled[..8], expected, "{rule:?}");
    }
}

const POSITION: [usize; 8] = [94, 305, 642, 648, 667, 795, 842, 896];
const CONTENT: [usize; 8] = [72, 115, 337, 352, 382, 525, 616, 847];

#[test]
fn train_balance_follows_the_class_distribution() {
    let set = counted(&[80, 40, 20], 5);
    let found = split(&set, 35, Balance::Train, 3).unwrap();
    assert_eq!(chosen(&set, &found.labelled), [20, 10, 5]);
    assert_eq!(found.unlabelled.len(), 145);
    let all = split(&set, 140, Balance::Even, 3).unwrap();
    assert_eq!(all.labelled, (0..140).collect::<Vec<_>>());
}

fn tail(imbalance: f64) -> Spread {
    Spread { imbalance, ..Balance::Even.into() }
}

#[test]
fn a_long_tail_thins_labels_and_images() {
    let set = counted(&[100, 100, 100], 7);
    let found = split(&set, 12, tail(100.0), 1).unwrap();
    // 100, 10 and 1 images are kept; labels are 1 : 0.1 : 0.01, at least one per class.
    let known: Vec<usize> =
        found.unlabelled.iter().copied().filter(|i| set.train_labels[*i].is_some()).collect();
    assert_eq!(chosen(&set, &known), [100, 10, 1]);
    assert_eq!(found.unlabelled.len(), 111 + 7, "images of unknown class stay");
    assert_eq!(chosen(&set, &found.labelled), [10, 1, 1]);
    assert!(found.labelled.iter().all(|i| known.contains(i)), "labelled images are among the kept ones");
    assert!(found.unlabelled.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(found, split(&set, 12, tail(100.0), 1).unwrap());
    assert_ne!(found.unlabelled, split(&set, 12, tail(100.0), 2).unwrap().unlabelled);
    assert_eq!(split(&set, 12, tail(1.0), 1).unwrap(), split(&set, 12, Balance::Even, 1).unwrap());
}

#[test]
fn a_long_tail_keeps_the_number_of_labels() {
    let set = open("builtin:digits", &OpenOptions::default()).unwrap();
    let found = split(&set, 40, tail(10.0), 0).unwrap();
    let labels = chosen(&set, &found.labelled);
    assert_eq!(labels.iter().sum::<usize>(), 40);
    assert!(labels.windows(2).all(|pair| pair[0] >= pair[1]) && labels[9] == 1, "{labels:?}");
    let kept = chosen(&set, &found.unlabelled);
    assert_eq!((kept[0], kept[9]), (400, 40));
    // All remaining images can be requested, and not one more.
    let all: usize = kept.iter().sum();
    assert_eq!(split(&set, all, tail(10.0), 0).unwrap().labelled, found.unlabelled);
    let more = split(&set, all + 1, tail(10.0), 0).unwrap_err().to_string();
    assert!(more.contains(&format!("at most {all}")), "{more}");
}

/// A long tail on a set that already has one: labels are in proportion to the remaining images.
#[test]
fn a_long_tail_combines_with_train_balance() {
    let set = counted(&[80, 40, 20], 0);
    let spread = Spread { balance: Balance::Train, ..tail(4.0) };
    let found = split(&set, 21, spread, 3).unwrap();
    assert_eq!(chosen(&set, &found.unlabelled), [80, 20, 5]);
    assert_eq!(chosen(&set, &found.labelled), [16, 4, 1]);
}

/// Only labels or only images have the long tail, which violates the assumption of distribution alignment.
#[test]
fn labels_or_images_alone_can_have_the_tail() {
    let set = counted(&[100, 100, 100], 7);
    let labels = split(&set, 12, Spread { tail: Tail::Labelled, ..tail(100.0) }, 1).unwrap();
    assert_eq!(chosen(&set, &labels.labelled), [10, 1, 1]);
    assert_eq!(labels.unlabelled, (0..307).collect::<Vec<_>>());
    let known = |images: &[usize]| {
        let known: Vec<usize> = images.iter().copied().filter(|i| set.train_labels[*i].is_some()).collect();
        chosen(&set, &known)
    };
    let images = split(&set, 12, Spread { tail: Tail::Unlabelled, ..tail(25.0) }, 1).unwrap();
    assert_eq!(known(&images.unlabelled), [100, 20, 4]);
    assert_eq!(chosen(&set, &images.labelled), [4, 4, 4]);
    assert!(images.labelled.iter().all(|i| images.unlabelled.contains(i)));
    assert_eq!(images.unlabelled, split(&set, 12, tail(25.0), 1).unwrap().unlabelled);
    let more = split(&set, 15, Spread { tail: Tail::Unlabelled, ..tail(25.0) }, 1).unwrap_err().to_string();
    assert!(more.contains("it has 4") && more.contains("at most 12"), "{more}");
    // Balance `train`: 80, 40 and 20 images, and labels as if a quarter of the last class were left.
    let uneven = counted(&[80, 40, 20], 0);
    let spread = Spread { imbalance: 4.0, tail: Tail::Labelled, ..Balance::Train.into() };
    let found = split(&uneven, 21, spread, 3).unwrap();
    assert_eq!((chosen(&uneven, &found.labelled), found.unlabelled.len()), (vec![16, 4, 1], 140));
    let spread = Spread { tail: Tail::Unlabelled, ..spread };
    let found = split(&uneven, 21, spread, 3).unwrap();
    assert_eq!(chosen(&uneven, &found.labelled), [16, 4, 1], "labels follow the remaining images");
}

#[test]
fn impossible_splits_are_refused() {
    let set = counted(&[80, 40, 20], 5);
    let assert_refused = |labels, balance, words: &[&str]| {
        let message = split(&set, labels, balance, 0).expect_err("the split is impossible").to_string();
        words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is missing in: {message}"));
    };
    assert_refused(2, Balance::Even, &["2 labels are fewer than the 3 classes"]);
    assert_refused(0, Balance::Train, &["at least 3"]);
    assert_refused(31, Balance::Even, &["31 labels", "30 or 33", "train distribution"]);
    assert_refused(61, Balance::Even, &["set labels to 60,"]);
    assert_refused(63, Balance::Even, &["21 labels of class 'class2'", "it has 20", "at most 60"]);
    assert_refused(141, Balance::Train, &["141 labels", "140 training images", "at most 140"]);
}

proptest! {
    #[test]
    fn splits_are_sorted_unique_and_complete(
        counts in prop::collection::vec(1usize..30, 2..6), share in 0.0f64..=1.0, seed: u64,
    ) {
        let set = counted(&counts, 3);
        let known: usize = counts.iter().sum();
        let labels = counts.len() + ((known - counts.len()) as f64 * share) as usize;
        let found = split(&set, labels, Balance::Train, seed).unwrap();
        prop_assert_eq!(found.labelled.len(), labels);
        prop_assert!(found.labelled.windows(2).all(|pair| pair[0] < pair[1]));
        let of = chosen(&set, &found.labelled);
        prop_assert!(of.iter().zip(&counts).all(|(n, all)| n <= all));
        prop_assert_eq!(found.unlabelled.len(), known + 3);
    }
}

#[test]
fn labels_of_a_preset_fit_the_data() {
    let many = vec![2; 50];
    // Images per class, whether the balance is set, then the labels, their balance and a part of the notice.
    let table: [(&[usize], bool, usize, Balance, &str); 9] = [
        (&[60, 60], false, 40, Balance::Even, ""),
        (&[14, 13, 13], false, 40, Balance::Even, ""),
        (&[20, 13], false, 33, Balance::Even, "all 33 training images of known class"),
        (&[45, 9], false, 40, Balance::Train, "class 'class1' has 9 training images"),
        (&[45, 9], true, 18, Balance::Even, "18 are used, 9 for each class"),
        (&[60, 1], false, 40, Balance::Train, "class 'class1' has 1 training image:"),
        (&[30, 30, 30], false, 39, Balance::Even, "39 are used, 13 for each of the 3 classes"),
        (&[30, 30, 31], true, 39, Balance::Even, "39 are used"),
        (&many, false, 50, Balance::Even, "50 are used, one for each class"),
    ];
    for (counts, keep_balance, labels, balance, words) in table {
        let (set, mut config) = (counted(counts, 3), preset("quick", None).unwrap().config);
        let notice = config.fit_labels(&set, keep_balance).unwrap_or_default();
        assert_eq!((config.labels, config.balance), (labels, balance), "{counts:?}: {notice}");
        assert!(notice.contains(words) && notice.is_empty() == words.is_empty(), "{counts:?}: {notice}");
        let found = split(&set, config.labels, config.spread(), 0).unwrap();
        assert_eq!(found.labelled.len(), labels, "{counts:?}");
    }
}
