//! Split words inside longer names: `train_cat`, `cat-test`, and short forms.
//!
//! Such a name says nothing alone: a class may be called `test tubes`. What is beside it decides, see
//! [`structure`](super::structure).

use super::split_table::{ABBREVIATIONS, SORTING};
use super::split_words::{SplitName, exact, has, known, telling, words_of};

/// The ways to read a name as a split word and something else: `train_cat`, `cat-test`, `cattest`, `cat_todo`. The rest
/// is as [`key`] writes it.
pub(super) fn compounds(name: &str) -> Vec<(SplitName, String)> {
    let words = words_of(name);
    let telling: Vec<&str> = telling(&words).collect();
    let mut found = Vec::new();
    for (i, word) in telling.iter().enumerate().filter(|_| telling.len() > 1) {
        let rest = || [&telling[..i], &telling[i + 1..]].concat().concat();
        let sorting = has(SORTING, word).then_some(SplitName::Unlabelled);
        found.extend(exact(word).or(sorting).map(|split| (split, rest())));
    }
    let whole = telling.concat();
    for (split, word) in
        known().filter(|(_, word)| word.chars().count() > if word.is_ascii() { 3 } else { 1 })
    {
        let rest = whole.strip_prefix(word).or_else(|| whole.strip_suffix(word));
        found.extend(rest.filter(|rest| !rest.is_empty()).map(|rest| (split, rest.to_owned())));
    }
    found
}

/// A name without its words that say nothing, in one form: `Cat images` is `cat`.
pub(super) fn key(name: &str) -> String {
    let words = words_of(name);
    let telling: String = telling(&words).collect();
    if telling.is_empty() { words.concat() } else { telling }
}

/// The split of a name such as `tr` or `te`, which names one only beside the others.
pub(super) fn abbreviated(name: &str) -> Option<SplitName> {
    let name = words_of(name).concat();
    let splits = [SplitName::Train, SplitName::Validation, SplitName::Test];
    let found = splits.into_iter().zip(ABBREVIATIONS).find(|(_, words)| has(words, &name));
    found.map(|(split, _)| split)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compounds_have_a_split_word_and_a_rest() {
        for (name, split, rest) in [
            ("train_cat", SplitName::Train, "cat"),
            ("Cat-Test", SplitName::Test, "cat"),
            ("catTest", SplitName::Test, "cat"),
            ("cattest", SplitName::Test, "cat"),
            ("고양이테스트", SplitName::Test, "고양이"),
            ("cat_todo", SplitName::Unlabelled, "cat"),
            ("test images cat", SplitName::Test, "cat"),
        ] {
            assert!(compounds(name).contains(&(split, rest.to_owned())), "{name}: {:?}", compounds(name));
        }
        assert!(
            ["test", "cat", "Valentine", "train images", ""]
                .iter()
                .all(|name| { compounds(name).iter().all(|(_, rest)| rest != "cat") })
        );
        assert_eq!(
            (key("Cat images"), key("images"), key("고양이")),
            ("cat".into(), "images".into(), "고양이".into())
        );
    }
}
