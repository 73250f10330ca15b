//! Tells the encodings of names that are not UTF-8.
//!
//! Each encoding has a model of how often its letters are used: common letters of its script are likely, rare ones and
//! those of other scripts are not. Names are read in the encoding that makes them most likely, and in none where two
//! are nearly as likely: a name with escaped bytes is better than a wrong one.

use std::borrow::Cow;
use std::collections::HashSet;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS};

/// Different letters outside ASCII from which an encoding can be told; in fewer, several encodings look alike.
const ENOUGH_LETTERS: usize = 3;
/// Encodings in one source: an archive may have been packed on one system and added to on another.
const MAX_ENCODINGS: usize = 3;
/// Names from which encodings are told.
const MAX_NAMES: usize = 20_000;
/// As [`UNLIKELY`], for names that tell an encoding.
const RARE: f64 = -13.0;
/// Encodings of two bytes per letter.
const TWO_BYTES: [&Encoding; 5] = [EUC_KR, SHIFT_JIS, GBK, BIG5, EUC_JP];
/// Logarithm of the odds by which the detector's guess, which knows the most frequent letters, is preferred.
const DETECTED: f64 = 4.0;
/// Logarithm of the odds by which one encoding must be ahead of the others.
const MARGIN: f64 = 2.0;
/// As [`MARGIN`], for a single name against encodings that no other name has.
const NAME_MARGIN: f64 = 5.0;
/// Logarithm of the likelihood per letter outside ASCII below which a name is not in the encoding.
const UNLIKELY: f64 = -15.0;

/// The encodings of names that are not UTF-8: those of which most names are first.
#[derive(Clone, Default)]
pub(super) struct Encodings(Vec<&'static Encoding>);

impl Encodings {
    /// The encodings of these names.
    pub fn of(names: &[&[u8]]) -> Self {
        let mut told: Vec<&'static Encoding> = Vec::new();
        let mut left: Vec<&[u8]> = names.iter().copied().take(MAX_NAMES).collect();
        while told.len() < MAX_ENCODINGS && !left.is_empty() {
            let Some(encoding) = tell(&left) else { break };
            if told.contains(&encoding) {
                break;
            }
            told.push(encoding);
            let encodings = Self(told.clone());
            left.retain(|name| encodings.decode(name).is_none());
        }
        Self(told)
    }

    /// The name as text, and its encoding; `None` if it is in none of them, or more likely in another one.
    pub fn decode<'a>(&self, name: &'a [u8]) -> Option<(Cow<'a, str>, &'static Encoding)> {
        let likelihood = |encoding: &&'static Encoding| Some((likelihood(encoding, name)?, *encoding));
        let mut told: Vec<_> = self.0.iter().filter_map(likelihood).collect();
        told.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (most, encoding) = *told.first()?;
        let other = TWO_BYTES.iter().filter(|other| !self.0.contains(other)).filter_map(likelihood);
        let is_likely = (!is_asian(encoding) || most >= UNLIKELY * pairs(name))
            && told.get(1).is_none_or(|(second, _)| most > second + MARGIN)
            && (!is_asian(encoding) || other.into_iter().all(|(other, _)| other < most + NAME_MARGIN));
        let text = encoding.decode_without_bom_handling_and_without_replacement(name)?;
        is_likely.then_some((text, encoding))
    }

    /// Whether text is UTF-8 by chance only, as a few pairs of bytes in an Asian encoding can be: it has only letters
    /// that UTF-8 writes as two bytes. `others`: whether some names are certainly UTF-8.
    pub fn is_chance(&self, text: &str, others: bool) -> bool {
        let stem = text.rsplit_once('.').map_or(text, |(stem, _)| stem);
        let mut letters = stem.chars().filter(|letter| !letter.is_ascii()).peekable();
        if letters.peek().is_none()
            || stem.chars().any(|letter| letter.is_ascii_alphabetic() || letter >= '\u{800}')
            || !self.decode(text.as_bytes()).is_some_and(|(_, encoding)| is_asian(encoding))
        {
            return false;
        }
        let letters: Vec<char> = letters.collect();
        // Accents alone are no name in any language; Greek or Cyrillic letters are.
        letters.iter().all(|letter| *letter < '\u{370}') || (letters.len() > 1 && !others)
    }
}

/// Whether a name is UTF-8 and nothing else: it has letters that UTF-8 writes as three bytes.
pub(super) fn is_certainly_utf8(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|text| text.chars().any(|letter| letter >= '\u{800}'))
}

fn is_asian(encoding: &'static Encoding) -> bool {
    TWO_BYTES.contains(&encoding) || encoding == GB18030
}

/// The number of letters outside ASCII, where each has two bytes. The second one may be in ASCII.
fn pairs(name: &[u8]) -> f64 {
    let mut bytes = name.iter();
    let mut pairs = 0.0;
    while bytes.find(|byte| !byte.is_ascii()).is_some() {
        bytes.next();
        pairs += 1.0;
    }
    pairs
}

/// The encoding that the detector of web pages guesses.
fn detect<'a>(names: impl Iterator<Item = &'a [u8]>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    for name in names {
        detector.feed(name, false);
        detector.feed(b"\n", false);
    }
    detector.feed(b"", true);
    let detected = detector.guess(None, Utf8Detection::Deny);
    if detected == GB18030 { GBK } else { detected }
}

/// The one encoding that most of the names are in.
fn tell(names: &[&[u8]]) -> Option<&'static Encoding> {
    let detected = detect(names.iter().copied());
    if !TWO_BYTES.contains(&detected) && can_be_single_bytes(detected, names) {
        return Some(detected);
    }
    let score = |encoding: &&'static Encoding| {
        let decoded = names.iter().copied().filter(|name| sign(encoding, name) > UNLIKELY * pairs(name));
        // Names of another encoding would mislead the detector.
        let bonus = if detect(decoded) == *encoding { DETECTED } else { 0.0 };
        (names.iter().map(|name| sign(encoding, name)).sum::<f64>() + bonus, *encoding)
    };
    let mut scores: Vec<_> = TWO_BYTES.iter().map(score).collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let ((first, encoding), (second, other)) = (scores[0], scores[1]);
    let encodings = Encodings(vec![encoding]);
    let mut letters = HashSet::new();
    for name in names {
        if let Some((text, _)) = encodings.decode(name) {
            letters.extend(text.chars().filter(|letter| !letter.is_ascii()));
        }
    }
    // Some names are clearly in the one and some in the other: both are right.
    let favours = |a, b| names.iter().any(|name| sign(a, name) > sign(b, name) + NAME_MARGIN);
    let is_ahead = first > second + MARGIN || (favours(encoding, other) && favours(other, encoding));
    (letters.len() >= ENOUGH_LETTERS && is_ahead).then_some(encoding)
}

/// As [`likelihood`], for telling an encoding: rare letters are no sign of it, and what is not in it is one against it.
fn sign(encoding: &'static Encoding, name: &[u8]) -> f64 {
    let letters = pairs(name);
    match likelihood(encoding, name) {
        Some(likelihood) if likelihood >= RARE * letters => likelihood,
        Some(_) => UNLIKELY * letters,
        None => (UNLIKELY - 2.0) * letters,
    }
}

/// Whether the names decode to letters in an encoding of one byte per letter, which decodes almost anything.
fn can_be_single_bytes(encoding: &'static Encoding, names: &[&[u8]]) -> bool {
    let mut letters = HashSet::new();
    for name in names {
        let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(name) else {
            return false;
        };
        letters.extend(text.chars().filter(|letter| !letter.is_ascii()));
    }
    // Accents among ASCII letters are a sign of it.
    let stems = names.iter().map(|name| name.rsplitn(2, |byte| *byte == b'.').last().unwrap_or(name));
    let count = |is_meant: fn(&u8) -> bool| stems.clone().flatten().filter(|byte| is_meant(byte)).count();
    let (plain, other) = (count(u8::is_ascii_alphabetic), count(|byte| !byte.is_ascii()));
    let told = if plain == 0 { letters.len() >= ENOUGH_LETTERS } else { plain > 2 * other };
    letters.iter().all(|letter| letter.is_alphanumeric()) && (told || letters.len() >= 2 * ENOUGH_LETTERS)
}

/// The logarithm of how likely the letters of a name outside ASCII are in an encoding; `None` if it is not in it.
fn likelihood(encoding: &'static Encoding, name: &[u8]) -> Option<f64> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(name)?;
    let mut sum = 0.0;
    let mut buffer = [0; 4];
    for letter in text.chars().filter(|letter| !letter.is_ascii()) {
        if letter.is_control() {
            return None;
        }
        let (bytes, ..) = encoding.encode(letter.encode_utf8(&mut buffer));
        sum += frequency(encoding, &bytes).ln();
    }
    Some(sum)
}

/// About how often a letter is used in names: the share of its kind of letters, divided by their number.
fn frequency(encoding: &'static Encoding, letter: &[u8]) -> f64 {
    let (lead, trail) = (letter[0], letter.get(1).copied());
    match (encoding, lead, trail) {
        // Syllables in use, symbols, Chinese letters, rare syllables.
        (e, 0xb0..=0xc8, Some(0xa1..)) if e == EUC_KR => 0.98 / 2_350.0,
        (e, 0xa1..=0xac, Some(0xa1..)) if e == EUC_KR => 0.008 / 986.0,
        (e, 0xca..=0xfd, Some(0xa1..)) if e == EUC_KR => 0.002 / 4_888.0,
        (e, _, Some(_)) if e == EUC_KR => 0.01 / 8_822.0,
        // Kana, the two levels of kanji, symbols, half-width kana.
        (e, 0x82, Some(0x9f..)) | (e, 0x83, Some(..=0x96)) if e == SHIFT_JIS => 0.5 / 170.0,
        (e, 0x88..=0x97, _) | (e, 0x98, Some(..=0x72)) if e == SHIFT_JIS => 0.45 / 2_965.0,
        (e, 0x81..=0x83, Some(_)) if e == SHIFT_JIS => 0.03 / 250.0,
        (e, _, None) if e == SHIFT_JIS => 0.005 / 63.0,
        (e, ..) if e == SHIFT_JIS => 0.015 / 3_400.0,
        (e, 0xa4..=0xa5, Some(_)) if e == EUC_JP => 0.5 / 170.0,
        (e, 0xb0..=0xcf, Some(_)) if e == EUC_JP => 0.45 / 2_965.0,
        (e, 0xa1..=0xa3, Some(_)) if e == EUC_JP => 0.03 / 250.0,
        (e, 0xd0..=0xf4, Some(_)) if e == EUC_JP => 0.015 / 3_400.0,
        // The two levels, symbols, and letters of later versions.
        (e, 0xb0..=0xd7, Some(0xa1..)) if e == GBK => 0.95 / 3_755.0,
        (e, 0xd8..=0xf7, Some(0xa1..)) if e == GBK => 0.035 / 3_008.0,
        (e, 0xa1..=0xa9, Some(0xa1..)) if e == GBK => 0.01 / 700.0,
        (e, ..) if e == GBK && letter.len() == 2 => 0.005 / 14_000.0,
        // The first level is sorted by strokes: simple letters are the more frequent ones.
        (e, 0xa4..=0xaf, Some(_)) if e == BIG5 => 0.6 / 1_884.0,
        (e, 0xb0..=0xc6, Some(_)) if e == BIG5 => 0.37 / 3_611.0,
        (e, 0xa1..=0xa3, Some(_)) if e == BIG5 => 0.01 / 408.0,
        (e, 0xc9..=0xf9, Some(_)) if e == BIG5 => 0.02 / 7_652.0,
        _ => 1e-8,
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{WINDOWS_1251, WINDOWS_1252};

    use super::*;

    fn check(groups: &[(&'static Encoding, &[&str])]) {
        let raw: Vec<(Vec<u8>, &str)> = groups
            .iter()
            .flat_map(|(encoding, names)| {
                names.iter().map(|name| (encoding.encode(name).0.into_owned(), *name))
            })
            .collect();
        let all: Vec<&[u8]> = raw.iter().map(|(bytes, _)| bytes.as_slice()).collect();
        let encodings = Encodings::of(&all);
        for (bytes, name) in &raw {
            let decoded = encodings.decode(bytes).map(|(text, _)| text.into_owned());
            assert_eq!(decoded.as_deref(), Some(*name), "{groups:?}: {:?}", encodings.0);
        }
    }

    #[test]
    fn encodings_are_told_from_letters() {
        for (encoding, names) in [
            (EUC_KR, &["고양이", "강아지"][..]),
            (EUC_KR, &["정상", "불량"]),
            (EUC_KR, &["똠양꿍", "쌀국수", "팟타이"]),
            (EUC_KR, &["떡볶이", "찌개", "햄버거", "쌍화탕", "꿩만두"]),
            (EUC_KR, &["뙤약볕", "퀭한눈", "쮸쮸바", "뺙뺙이"]),
            (SHIFT_JIS, &["写真", "猫", "画像1", "犬"]),
            (SHIFT_JIS, &["ひまわり", "たんぽぽ"]),
            (GBK, &["新建文件夹", "猫", "狗", "图片1"]),
            (GBK, &["合格", "不合格", "苹果", "香蕉"]),
            (BIG5, &["新資料夾", "貓", "狗"]),
            (BIG5, &["蘋果", "香蕉", "圖片"]),
            (EUC_JP, &["ひまわり", "猫の写真"]),
            (WINDOWS_1252, &["Hund", "Übung", "Katze", "Äpfel"]),
            (WINDOWS_1252, &["árbol", "pájaro", "niño"]),
            (WINDOWS_1251, &["кошка", "собака"]),
        ] {
            check(&[(encoding, names)]);
        }
    }

    #[test]
    fn names_of_two_systems_are_told_apart() {
        check(&[(EUC_KR, &["고양이", "강아지", "사진첩"]), (SHIFT_JIS, &["ひまわり", "たんぽぽ", "写真"])]);
        check(&[(GBK, &["新建文件夹", "图片", "苹果"]), (SHIFT_JIS, &["ひまわり", "たんぽぽ"])]);
    }

    #[test]
    fn few_letters_tell_no_encoding() {
        for names in
            [&[&b"a\xff"[..], b"a\xfe"][..], &[b"na\x8bve", b"na\x8cve", b"train\x8d"], &[b"\x8c\x63"]]
        {
            let encodings = Encodings::of(names);
            assert!(
                names.iter().all(|name| encodings.decode(name).is_none()),
                "{names:?}: {:?}",
                encodings.0
            );
        }
    }
}
