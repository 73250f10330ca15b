//! The words that name a split: in the names of folders and lists, and in the columns of lists. One table for all.
//!
//! A word counts in any case, with or without separators, and together with words that add nothing (`Train_set`,
//! `test-images`). A name that is close to a split word (`tset`, `train2`, `test_old`) is reported as such: the reader
//! of layouts then asks rather than guesses.

use unicode_normalization::UnicodeNormalization as _;

/// What the images of a split are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SplitName {
    Train,
    /// Tests if there are no test images; otherwise it is left out, of training too.
    Validation,
    Test,
    Unlabelled,
}

impl SplitName {
    /// The word that messages recommend.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "val",
            Self::Test => "test",
            Self::Unlabelled => "unlabeled",
        }
    }
}

/// The words of [`SplitWord::Exact`], in lower case and without separators.
const WORDS: [(SplitName, &str); 4] = [
    (SplitName::Train, "train training trn 훈련 학습 훈련용 학습용 트레인 训练 訓練 学習"),
    (
        SplitName::Validation,
        "val valid validation validate validating dev development eval evaluation evaluate 검증 검증용 평가 평가용 验证 検証",
    ),
    (SplitName::Test, "test testing tst holdout heldout 테스트 테스트용 시험 시험용 测试 テスト"),
    (
        SplitName::Unlabelled,
        "unlabeled unlabelled unlabel unlab unsorted unclassified unannotated untagged unsup unsupervised nolabel nolabels \
         notlabeled notlabelled withoutlabel withoutlabels 미분류 미지정 라벨없음 레이블없음 무라벨 미라벨 未标注 未分類",
    ),
];

/// Words that add nothing to a split word.
const NEUTRAL: &str = "set sets data dataset image images img imgs photo photos picture pictures pics folder split sample \
                       samples file files 세트 데이터 이미지 사진 폴더";

/// Words beside which a split word may mean something else: an older version, a copy, a part.
const QUALIFIERS: &str = "old new backup bak copy of final part orig original raw tmp temp small full more extra all v kopie \
                          복사본 백업";

/// English words one letter from a split word, which are more likely to be classes.
const OTHER_WORDS: &str = "rain brain drain grain strain trail trait twain trains raining draining straining graining best \
                           nest rest west vest pest zest jest fest text tent teat resting nesting besting vesting texting \
                           tasting trailing sorted";

/// Whether a list of words separated by spaces has this word.
fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|listed| listed == word)
}

/// What a name says about the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SplitWord {
    Exact(SplitName),
    /// Close to a split word, but not one.
    Near(SplitName),
    Other,
}

/// Reads a name as a split word.
pub(super) fn split_word(name: &str) -> SplitWord {
    let words = words_of(name);
    if let Some(split) = exact_words(&words) {
        return SplitWord::Exact(split);
    }
    let telling: Vec<&str> = telling(&words).collect();
    let joined: String = telling.concat();
    let is_qualifier = |word: &&&str| has(QUALIFIERS, word) || word.chars().all(|c| c.is_ascii_digit());
    let core: String = telling.iter().filter(|word| !is_qualifier(word)).copied().collect();
    if let Some(split) = exact(&core).filter(|_| core != joined) {
        return SplitWord::Near(split);
    }
    close(&joined).map_or(SplitWord::Other, SplitWord::Near)
}

/// The split of a name that is exactly a split word.
pub(super) fn split_name(name: &str) -> Option<SplitName> {
    exact_words(&words_of(name))
}

fn exact_words(words: &[String]) -> Option<SplitName> {
    let whole = words.concat();
    exact(&whole).or_else(|| exact(&telling(words).collect::<String>())).or_else(|| neutral_ending(&whole))
}

/// The words that say something.
fn telling(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().map(String::as_str).filter(|word| !has(NEUTRAL, word))
}

/// The split that the words of a list's name say (`labels_test.csv`); `None` if they say none, or several.
pub(super) fn split_of_list(stem: &str) -> Option<SplitName> {
    if let Some(split) = split_name(stem) {
        return Some(split);
    }
    let words = words_of(stem);
    let mut found = words.iter().filter_map(|word| exact(word));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// The meaning of a cell in a column `is_test`, `is_train` and the like.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "1.0" | "예" | "네" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "0.0" | "아니오" | "아니요" => Some(false),
        _ => None,
    }
}

/// What a column of splits says of images that do not count.
pub(super) const LEFT_OUT: &str = "left out";

/// Whether a cell in a column of splits says that the image does not count.
pub(super) fn is_left_out(text: &str) -> bool {
    let word = words_of(text).concat();
    has(
        "leftout leaveout omit omitted ignore ignored exclude excluded skip skipped discard discarded 제외",
        &word,
    )
}

/// The known words, for messages.
pub(super) fn known_words() -> String {
    let first = |words: &str| words.split_whitespace().take(3).collect::<Vec<_>>().join(", ");
    WORDS.iter().map(|(_, words)| first(words)).collect::<Vec<_>>().join("; ")
}

/// The words of a name in lower case, split at separators, between letters and digits, and where a capital follows a
/// small letter (`testImages`).
fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before: Option<char> = None;
    for letter in name.nfc() {
        let kind = |c: char| (c.is_alphabetic(), c.is_ascii_digit());
        let joins = before.is_some_and(|last| {
            last.is_alphanumeric()
                && kind(last) == kind(letter)
                && !(last.is_lowercase() && letter.is_uppercase())
        });
        if letter.is_alphanumeric() {
            if !joins {
                words.push(String::new());
            }
            words.last_mut().expect("a word was started").extend(letter.to_lowercase());
        }
        before = Some(letter);
    }
    words
}

fn exact(word: &str) -> Option<SplitName> {
    let listed = WORDS.iter().find(|(_, words)| has(words, word)).map(|(split, _)| *split);
    // Every spelling of the word, and what may follow it.
    listed.or_else(|| word.starts_with("unlabel").then_some(SplitName::Unlabelled))
}

/// The split of a name such as `trainset`: a split word and a neutral word without a separator.
fn neutral_ending(whole: &str) -> Option<SplitName> {
    NEUTRAL.split_whitespace().filter_map(|neutral| whole.strip_suffix(neutral)).find_map(exact)
}

/// The split of a word with one wrong, missing, added or exchanged letter.
fn close(word: &str) -> Option<SplitName> {
    if has(OTHER_WORDS, word) {
        return None;
    }
    let near = |known: &str| {
        // Many short words are one letter apart.
        let long = known.len() > 3 && known.is_ascii() && !matches!(known, "eval" | "valid");
        swapped(word, known) || (long && one_edit(word, known))
    };
    WORDS.iter().find(|(_, words)| words.split_whitespace().any(near)).map(|(split, _)| *split)
}

/// Whether two neighbouring letters are exchanged.
fn swapped(word: &str, known: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (word.chars().collect(), known.chars().collect());
    let differing: Vec<usize> = (0..a.len().min(b.len())).filter(|&i| a[i] != b[i]).collect();
    match (a.len() == b.len() && a.len() > 2, differing.as_slice()) {
        (true, &[first, second]) => second == first + 1 && a[first] == b[second] && a[second] == b[first],
        _ => false,
    }
}

/// Whether one letter is wrong, missing or added.
fn one_edit(word: &str, known: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (word.chars().collect(), known.chars().collect());
    if a == b || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    a.len().max(b.len()) - start - end <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_words_count_in_any_spelling() {
        use SplitName::{Test, Train, Unlabelled, Validation};
        for (split, names) in [
            (
                Train,
                &[
                    "train",
                    "TRAIN",
                    "Train_set",
                    "training",
                    "trn",
                    "train-images",
                    "TrainImages",
                    "trainset",
                    "훈련",
                    "학습 데이터",
                ][..],
            ),
            (
                Validation,
                &["val", "Valid", "validation", "dev", "eval", "Validation Data", "val_set", "검증", "평가"],
            ),
            (
                Test,
                &[
                    "test",
                    "Testing",
                    "tst",
                    "hold_out",
                    "holdout",
                    "held-out",
                    "test-images",
                    "testset",
                    "테스트",
                    "시험",
                    "TEST ",
                ],
            ),
            (
                Unlabelled,
                &[
                    "unlabeled",
                    "Unlabelled",
                    "unlabeled_data",
                    "unlabelled2",
                    "unsorted",
                    "unlabel",
                    "no_label",
                    "미분류",
                    "라벨없음",
                    "라벨 없음",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(split_word(name), SplitWord::Exact(split), "{name}");
            }
        }
    }

    #[test]
    fn typing_errors_and_variants_are_near() {
        use SplitName::{Test, Train, Unlabelled, Validation};
        for (split, names) in [
            (
                Train,
                &[
                    "trian",
                    "tarin",
                    "trainn",
                    "tran",
                    "train2",
                    "train_old",
                    "Training (copy)",
                    "old train",
                    "traning",
                ][..],
            ),
            (Test, &["tset", "tets", "tes", "test_old", "test 2", "test-backup", "test2017", "tests"]),
            (Validation, &["vla", "val2", "vaild", "validaton", "val_new"]),
            (Unlabelled, &["unlabled", "unsorted_old", "unlaebled"]),
        ] {
            for name in names {
                assert_eq!(split_word(name), SplitWord::Near(split), "{name}");
            }
        }
    }

    #[test]
    fn ordinary_class_names_are_no_split_words() {
        for name in [
            "cat",
            "rain",
            "vest",
            "nest",
            "van",
            "oval",
            "test_tube",
            "train station",
            "text",
            "den",
            "data",
            "images",
            "brain",
            "0",
            "a",
            "",
            "2",
            "사과",
            "unknown",
            "steam train",
            "invalid",
            "evil",
            "tree",
            "trash",
        ] {
            assert_eq!(split_word(name), SplitWord::Other, "{name}");
        }
    }

    #[test]
    fn list_names_say_their_split() {
        for (stem, split) in [
            ("test", Some(SplitName::Test)),
            ("labels_test", Some(SplitName::Test)),
            ("my-val-labels", Some(SplitName::Validation)),
            ("train_labels", Some(SplitName::Train)),
            ("train_test", None),
            ("labels", None),
            ("latest", None),
        ] {
            assert_eq!(split_of_list(stem), split, "{stem}");
        }
    }
}
