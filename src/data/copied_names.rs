//! Names of copies, versions and altered versions of a file or folder: `cat (1)`, `cat_old`, `cat 2021-05-01`, `cat_flipped`.

use super::split_words::{has, words_of};
use super::unsorted_names::{is_month, is_whole_date, is_year};

/// Words of copies and versions.
const COPIES: &str = "new newer neu nouveau nuevo copy copies copia kopie kopia kopi cópia копия копія 복사본 사본 백업 副本 备份 備份 コピー バックアップ backup \
                      backups bak old orig original sicherung duplicate dup duplikat final edited bearbeitet 최종 수정 수정본";
/// Words of images that were made from others, beside the name of these.
const ALTERED: &str = "augmented augmentation augmentations aug augs augmentiert augmenté augmentée aumentado aumentada aumentati аугментация 증강 增强 增強 拡張 \
                       flipped mirrored rotated cropped resized gespiegelt gedreht";
/// Words of folders whose images were made from others, whatever is beside them: of the others, classes may be named so.
const AUGMENTED: &str = "augmented augmentation augmentations augs augmentiert augmenté augmentée aumentado aumentada аугментация 증강 增强 增強 拡張";

/// What a folder or file is a copy of, by its name: the other words, joined.
pub(super) fn copied(name: &str) -> Option<String> {
    const OF: &str = "of von de di van";
    let mut words = words_of(name);
    let all = words.len();
    let is_number = |word: Option<&String>| word.is_some_and(|word| word.chars().all(|c| c.is_ascii_digit()));
    let is_copy = |word: Option<&String>| word.is_some_and(|word| has(COPIES, word) || has(ALTERED, word));
    let is_version =
        is_number(words.last()) && words.iter().nth_back(1).is_some_and(|word| has("v ver version", word));
    // Of a backup (`cat~`), or a version (`cat v2`).
    if name.trim_end().ends_with('~') {
        return (!words.is_empty()).then(|| words.concat());
    }
    if is_version {
        words.truncate(words.len() - 2);
    }
    let without_date = words.len() - date_at_end(&words);
    words.truncate(without_date);
    if is_number(words.last()) && (name.trim_end().ends_with(')') || is_copy(words.iter().nth_back(1))) {
        words.pop();
    }
    while is_copy(words.last()) {
        words.pop();
    }
    if is_copy(words.first()) && words.get(1).is_some_and(|word| has(OF, word)) {
        words.drain(..2);
    }
    (words.len() < all && !words.is_empty()).then(|| words.concat())
}

/// How many words at the end are a date: `20210501`, `2021 05`, `2021 05 01` or `01 05 2021`.
fn date_at_end(words: &[String]) -> usize {
    let day = |word: &str| {
        (1..=2).contains(&word.len()) && word.parse().is_ok_and(|day: u32| (1..=31).contains(&day))
    };
    match words {
        [.., last] if is_whole_date(last) => 1,
        [.., year, month, last] if is_year(year) && is_month(month) && day(last) => 3,
        [.., first, month, year] if is_year(year) && is_month(month) && day(first) => 3,
        [.., year, month] if is_year(year) && is_month(month) => 2,
        _ => 0,
    }
}

/// Whether a folder's name says that its images were made from others.
pub(super) fn is_augmented(name: &str) -> bool {
    words_of(name).iter().any(|word| has(AUGMENTED, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_versions_name_their_original() {
        for name in [
            "cat_new",
            "cat v2",
            "cat~",
            "cat (2)",
            "cat - Kopie",
            "Copy of cat",
            "cat copy 3",
            "cat 2021-05-01",
            "cat_20210501",
            "cat 2021-05",
            "cat 01.05.2021",
            "cat_flipped",
            "cat-aug",
            "cat 증강",
            "cat_final_2",
        ] {
            assert_eq!(copied(name).as_deref(), Some("cat"), "{name}");
        }
        for name in ["cat", "cat 2", "cat 2021", "20210501", "2021-05-01", "copy", "augmented", "cat 99 2021"]
        {
            assert_eq!(copied(name), None, "{name}");
        }
        assert!(["augmented", "Augmented Images", "dog_augmented", "증강"].into_iter().all(is_augmented));
        assert!(!["aug", "rotated", "august"].into_iter().any(is_augmented));
    }
}
