//! The words that name a split: in the names of folders and lists, and in the columns of lists. One table for all, in
//! [`split_table`](super::split_table).
//!
//! A word counts in any case, with or without separators, and together with words that add nothing (`Train_set`,
//! `test-images`). A name that is close to a split word (`tset`, `train2`, `test_old`) is reported as such: the reader
//! of layouts then asks rather than guesses.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::split_table::{LANGUAGES, NEUTRAL, SORTING};

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

/// Words beside which a split word may mean something else: an older version, a copy, a part.
const QUALIFIERS: &str = "old new backup bak copy final part orig original raw tmp temp small full more extra all v kopie \
                          복사본 백업";

/// English words one letter from a split word, which are more likely to be classes.
const OTHER_WORDS: &str = "rain brain drain grain strain trail trait twain trains raining draining straining graining best \
                           nest rest west vest pest zest jest fest text tent teat resting nesting besting vesting texting \
                           tasting trailing sorted";

/// Whether a list of words separated by spaces has this word.
pub(super) fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|listed| listed == word)
}

/// What a name says about the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SplitWord {
    Exact(SplitName),
    /// Close to a split word, but not one.
    Near(SplitName),
    /// Images that wait to be sorted, and are no class.
    Sorting,
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
    if is_sorting(&words) {
        return SplitWord::Sorting;
    }
    close(&joined).map_or(SplitWord::Other, SplitWord::Near)
}

/// Whether a name is that of a folder whose images wait to be sorted, with or without a number.
fn is_sorting(words: &[String]) -> bool {
    has(SORTING, words.concat().trim_end_matches(|letter: char| letter.is_ascii_digit()))
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
pub(super) fn telling(words: &[String]) -> impl Iterator<Item = &str> {
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
    LANGUAGES[0].1.iter().map(|words| first(words)).collect::<Vec<_>>().join("; ")
}

/// The splits in the order of the table.
const SPLITS: [SplitName; 4] =
    [SplitName::Train, SplitName::Validation, SplitName::Test, SplitName::Unlabelled];

/// Every split word.
pub(super) fn known() -> impl Iterator<Item = (SplitName, &'static str)> {
    let lists = LANGUAGES.iter().flat_map(|(_, lists)| SPLITS.into_iter().zip(lists));
    lists.flat_map(|(split, words)| words.split_whitespace().map(move |word| (split, word)))
}

/// The words of a name in lower case, split at separators, between letters and digits, and where a capital follows a
/// small letter (`testImages`).
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before: Option<char> = None;
    for letter in name.nfc() {
        let kind = |c: char| (c.is_alphabetic(), c.is_ascii_digit());
        let joins = before.is_some_and(|last| {
            last.is_alphanumeric()
                && kind(last) == kind(letter)
                && !(last.is_lowercase() && letter.is_uppercase())
        });
        let is_mark = is_combining_mark(letter) && before.is_some_and(char::is_alphanumeric);
        if letter.is_alphanumeric() || is_mark {
            if !joins && !is_mark {
                words.push(String::new());
            }
            words.last_mut().expect("a word was started").extend(letter.to_lowercase());
        }
        // A mark belongs to the letter before it.
        if !is_mark {
            before = Some(letter);
        }
    }
    words
}

pub(super) fn exact(word: &str) -> Option<SplitName> {
    let listed = known().find(|(_, known)| *known == word).map(|(split, _)| split);
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
        let long = known.len() > 3
            && known.is_ascii()
            && !matches!(known, "eval" | "valid" | "labeled" | "labelled");
        swapped(word, known) || (long && one_edit(word, known))
    };
    // Of other languages, too many words are one letter from a class: Farn and lern, taste and teste.
    let english = SPLITS.into_iter().zip(&LANGUAGES[0].1);
    english.into_iter().find(|(_, words)| words.split_whitespace().any(near)).map(|(split, _)| split)
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
                "train|TRAIN|Train_set|training|trn|train-images|TrainImages|trainset|훈련|학습 데이터|\
                 Trainingsdaten|Entraînement|entrainement|Conjunto de entrenamiento|dados de treino|\
                 Addestramento|обучение|обучающая_выборка|Treningowe|Eğitim verisi|训练集|训练数据|学習用データ|\
                 학습데이터셋|प्रशिक्षण|تدريب|labelled|Labeled_Data",
            ),
            (
                Validation,
                "val|Valid|validation|dev|eval|Validation Data|val_set|검증|평가|Validierung|Prüfdaten|\
                 validación|валидация|验证集|検証|Doğrulama",
            ),
            (
                Test,
                "test|Testing|tst|hold_out|holdout|held-out|test-images|testset|테스트|시험|TEST |Prueba|\
                 Testdaten|тест|тестовая|teste|测试集|テスト用画像|uji|परीक्षण",
            ),
            (
                Unlabelled,
                "unlabeled|Unlabelled|unlabeled_data|unlabelled2|unsorted|unlabel|no_label|미분류|라벨없음|\
                 라벨 없음|Ungelabelt|non étiquetées|sin etiqueta|неразмеченные|未标注",
            ),
        ] {
            for name in names.split('|') {
                assert_eq!(split_word(name), SplitWord::Exact(split), "{name}");
            }
        }
    }

    #[test]
    fn typing_errors_and_variants_are_near() {
        use SplitName::{Test, Train, Unlabelled, Validation};
        for (split, names) in [
            (Train, "trian|tarin|trainn|tran|train2|train_old|Training (copy)|old train|traning"),
            (Test, "tset|tets|tes|test_old|test 2|test-backup|test2017|tests"),
            (Validation, "vla|val2|vaild|validaton|val_new"),
            (Unlabelled, "unlabled|unsorted_old|unlaebled"),
        ] {
            for name in names.split('|') {
                assert_eq!(split_word(name), SplitWord::Near(split), "{name}");
            }
        }
    }

    #[test]
    fn ordinary_class_names_are_no_split_words() {
        for name in "cat|rain|vest|nest|van|oval|test_tube|train station|text|den|data|images|brain|0|a||2|\
                 사과|unknown|steam train|invalid|evil|tree|trash|fern|taste|nova|training shoes|\
                 dev boards|Valentine|labels|other|new|scratch|tr|te"
            .split('|')
        {
            assert_eq!(split_word(name), SplitWord::Other, "{name}");
        }
    }

    #[test]
    fn folders_of_sorting_are_recognised() {
        for name in "inbox|To Sort|TODO|misc|New folder (2)|새 폴더|新建文件夹|to-label".split('|') {
            assert_eq!(split_word(name), SplitWord::Sorting, "{name}");
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
