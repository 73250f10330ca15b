//! Names that cameras, people who sort by day, and archives in parts give to folders: they are no classes.

use super::split_words::{has, words_of};

/// Whether a camera names folders so: `100CANON`, `101_PANA`.
pub(super) fn is_of_camera(name: &str) -> bool {
    let bytes = name.as_bytes();
    let (number, rest) = bytes.split_at(bytes.len().min(3));
    let is_number = number.len() == 3 && number.iter().all(u8::is_ascii_digit) && number[0] != b'0';
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    is_number && rest.len() == 5 && rest.iter().all(is_letter) && rest.iter().any(u8::is_ascii_uppercase)
}

/// Whether a name begins with a date of the years 1990 to 2099: `2021-05-01`, `20210501`, `2021_05 beach`.
pub(super) fn is_date(name: &str) -> bool {
    let words: Vec<&str> = name.split(|letter: char| !letter.is_ascii_digit()).collect();
    let number = |text: &str, range: std::ops::RangeInclusive<u32>| {
        text.len() == 2 && text.parse().is_ok_and(|number| range.contains(&number))
    };
    let is_year = |text: &str| text.len() == 4 && (text.starts_with("20") || text.starts_with("199"));
    match words.as_slice() {
        [day, ..] if day.len() == 8 && day.is_ascii() => {
            is_year(&day[..4]) && number(&day[4..6], 1..=12) && number(&day[6..], 1..=31)
        }
        [year, month, ..] => is_year(year) && number(month, 1..=12),
        _ => false,
    }
}

/// The name without its number, if it is that of a part: `images_part_1`, `part 2`.
pub(super) fn part_of(name: &str) -> Option<String> {
    let mut words = words_of(name);
    let number = words.pop()?;
    let is_number = !number.is_empty() && number.chars().all(|letter| letter.is_ascii_digit());
    let is_part = words.last().is_some_and(|word| has("part parts teil partie parte 파트", word));
    (is_number && is_part).then(|| words.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_cameras_and_days_are_told() {
        for (name, camera, date) in [
            ("100CANON", true, false),
            ("101_PANA", true, false),
            ("102MSDCF", true, false),
            ("100canon", false, false),
            ("001CANON", false, false),
            ("100", false, false),
            ("12345678", false, false),
            ("2021-05-01", false, true),
            ("20210501", false, true),
            ("2021_05 beach", false, true),
            ("2021-13", false, false),
            ("2021", false, false),
            ("cat", false, false),
            ("고양이사진첩", false, false),
        ] {
            assert_eq!((is_of_camera(name), is_date(name)), (camera, date), "{name}");
        }
    }

    #[test]
    fn parts_are_told_by_word_and_number() {
        for (name, part) in [
            ("images_part_1", Some("imagespart")),
            ("part 2", Some("part")),
            ("Teil3", Some("teil")),
            ("part", None),
            ("cat 2", None),
            ("2", None),
        ] {
            assert_eq!(part_of(name).as_deref(), part, "{name}");
        }
    }
}
