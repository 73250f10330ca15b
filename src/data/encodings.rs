//! Tells the encodings of names that are not UTF-8.
//!
//! Each encoding has a model of how often its letters are used: common letters of its script are likely, rare ones and
//! those of other scripts are not. Names are read in the encoding that makes them most likely, and in none where two
//! are nearly as likely: a name with escaped bytes is better than a wrong one.

use std::borrow::Cow;
use std::collections::HashSet;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

use super::charset::{Charset, CodePage, code_page};
use super::letter_frequency::likelihood;

/// Different letters outside ASCII from which an encoding can be told; in fewer, several encodings look alike.
const ENOUGH_LETTERS: usize = 3;
/// Encodings in one source: an archive may have been packed on one system and added to on another.
const MAX_ENCODINGS: usize = 3;
/// Names from which encodings are told, and of these the ones that the detector gets.
const MAX_NAMES: usize = 20_000;
const MAX_DETECTED: usize = 500;
/// Logarithm of the odds by which names must be more likely for each further encoding.
const FURTHER: f64 = 6.0;
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

/// The encodings of names that are not UTF-8: those of which most names are first; and a code page of DOS for names that are
/// in none of them.
#[derive(Clone, Default)]
pub(super) struct Encodings(Vec<&'static Encoding>, Option<CodePage>);

impl Encodings {
    /// The encodings of these names.
    pub fn of(names: &[&[u8]]) -> Self {
        let spellings = spellings(&names[..names.len().min(MAX_NAMES)]);
        let mut left: Vec<&[u8]> = spellings.iter().map(Vec::as_slice).collect();
        // The detector knows few code pages of DOS.
        if let Some(page) = code_page(&left) {
            return Self(Vec::new(), Some(page));
        }
        if let Some(single) = tell_single_bytes(&left).filter(|_| !left.is_empty()) {
            return Self(vec![single], None);
        }
        let mut told = Self(tell(&left), None);
        left.retain(|name| told.decode(name).is_none());
        told.0.extend(tell_single_bytes(&left).filter(|_| !left.is_empty()));
        left.retain(|name| told.decode(name).is_none());
        told.1 = code_page(&left);
        told
    }

    /// The name in one of the encodings that were told; `None` if it is not in it, or would have letters that names do not
    /// have.
    pub fn decode_in<'a>(&self, charset: Charset, name: &'a [u8]) -> Option<Cow<'a, str>> {
        let Charset::Web(encoding) = charset else { return charset.decode(name) };
        let is_meant = self.0.contains(&encoding)
            && likelihood(encoding, name).is_some_and(|found| found >= floor(name) * pairs(name));
        let text = || encoding.decode_without_bom_handling_and_without_replacement(name);
        if is_meant { text() } else { None }
    }

    /// What a name may be in the encodings of some systems, where it is in none that was told: text and encoding.
    pub fn readings(name: &[u8]) -> Vec<(String, Charset)> {
        let systems = [EUC_KR, SHIFT_JIS, GBK, BIG5, WINDOWS_1252, WINDOWS_1251].map(Charset::Web);
        let read = |charset: Charset| {
            let text = charset.decode(name)?;
            let mut letters = text.chars().filter(|letter| !letter.is_ascii());
            letters.all(char::is_alphanumeric).then(|| (text.clone().into_owned(), charset))
        };
        systems.into_iter().chain([Charset::Dos(CodePage::Cp850)]).filter_map(read).collect()
    }

    /// The name as text, and its encoding; `None` if it is in none of them, or more likely in another one.
    pub fn decode<'a>(&self, name: &'a [u8]) -> Option<(Cow<'a, str>, Charset)> {
        let of_dos = || {
            let charset = Charset::Dos(self.1?);
            Some((charset.decode(name)?, charset))
        };
        self.decode_told(name).or_else(of_dos)
    }

    /// As [`Encodings::decode`], without code pages.
    fn decode_told<'a>(&self, name: &'a [u8]) -> Option<(Cow<'a, str>, Charset)> {
        let likelihood = |encoding: &&'static Encoding| Some((likelihood(encoding, name)?, *encoding));
        let is_plausible = |(found, encoding): &(f64, &'static Encoding)| {
            !is_asian(encoding) || *found >= floor(name) * pairs(name)
        };
        let mut told: Vec<_> = self.0.iter().filter_map(likelihood).filter(is_plausible).collect();
        told.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (most, encoding) = *told.first()?;
        let other = TWO_BYTES.iter().filter(|other| !self.0.contains(other)).filter_map(likelihood);
        let is_likely = told.get(1).is_none_or(|(second, _)| most > second + MARGIN)
            && (!is_asian(encoding) || other.into_iter().all(|(other, _)| other < most + NAME_MARGIN));
        let text = encoding.decode_without_bom_handling_and_without_replacement(name)?;
        is_likely.then_some((text, Charset::Web(encoding)))
    }

    /// Whether text is UTF-8 by chance only, as a few pairs of bytes in an Asian encoding can be: it has only letters
    /// that UTF-8 writes as two bytes. `others`: whether some names are certainly UTF-8.
    pub fn is_chance(&self, text: &str, others: bool) -> bool {
        let stem = text.rsplit_once('.').map_or(text, |(stem, _)| stem);
        let mut letters = stem.chars().filter(|letter| !letter.is_ascii()).peekable();
        if letters.peek().is_none()
            || stem.chars().any(|letter| letter.is_ascii_alphabetic() || letter >= '\u{800}')
            || !self
                .decode(text.as_bytes())
                .is_some_and(|(_, charset)| matches!(charset, Charset::Web(told) if is_asian(told)))
        {
            return false;
        }
        let letters: Vec<char> = letters.collect();
        // Accents alone are no name in any language; Greek or Cyrillic letters are.
        letters.iter().all(|letter| *letter < '\u{370}') || (letters.len() > 1 && !others)
    }
}

/// Bytes as text, those that are not UTF-8 as `\x` and two digits.
pub(super) fn escape_bytes(raw: &[u8]) -> String {
    let mut text = String::new();
    for chunk in raw.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}

/// A path as it would look if its bytes in the encoding of some system were read in another one, or escaped.
pub(super) fn otherwise_decoded(path: &str) -> Vec<String> {
    const SYSTEMS: [&Encoding; 5] = [EUC_KR, SHIFT_JIS, GBK, BIG5, WINDOWS_1252];
    let mut texts = Vec::new();
    for encoding in SYSTEMS {
        let (bytes, _, is_lossy) = encoding.encode(path);
        if is_lossy {
            continue;
        }
        // A byte of a letter may be that of a backslash, which is part of it.
        texts.push(escape_bytes(&bytes));
        let escaped = escape_bytes(&bytes).replace('\\', "\\x5C").replace("\\x5Cx", "\\x");
        texts.extend([escaped.replace("\\x5C", "/"), escaped]);
        for other in SYSTEMS.into_iter().filter(|other| *other != encoding) {
            let text = other.decode_without_bom_handling_and_without_replacement(&bytes);
            texts.extend(text.map(Cow::into_owned));
        }
    }
    texts
}

/// Whether a name is UTF-8 and nothing else: it has letters that UTF-8 writes as three bytes.
pub(super) fn is_certainly_utf8(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|text| text.chars().any(|letter| letter >= '\u{800}'))
}

fn is_asian(encoding: &'static Encoding) -> bool {
    TWO_BYTES.contains(&encoding) || encoding == GB18030
}

/// Logarithm of the likelihood per letter below which a name is not in an encoding of two bytes. Among letters of ASCII, a
/// letter that is used rarely is a sign of accents.
fn floor(name: &[u8]) -> f64 {
    let stem = name.rsplitn(2, |byte| *byte == b'.').last().unwrap_or(name);
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    if stem.iter().filter(|byte| is_letter(byte)).count() > stem.len() / 2 { RARE } else { UNLIKELY }
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

/// The encodings of two bytes per letter that make the names most likely together, the one of most names first. Names of
/// another encoding are not forced into the first one: each further one must explain names much better.
fn tell(names: &[&[u8]]) -> Vec<&'static Encoding> {
    let signs: Vec<[f64; TWO_BYTES.len()]> =
        names.iter().map(|name| TWO_BYTES.map(|encoding| sign(encoding, name))).collect();
    let best = |set: usize, signs: &[f64; TWO_BYTES.len()]| {
        let of_set = (0..TWO_BYTES.len()).filter(|at| set >> at & 1 == 1);
        of_set.map(|at| (signs[at], at)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::MIN, 0))
    };
    // Names of another encoding would mislead the detector.
    let is_detected = TWO_BYTES.map(|encoding| {
        let decoded = names.iter().copied().filter(|name| sign(encoding, name) > UNLIKELY * pairs(name));
        detect(decoded.take(MAX_DETECTED)) == encoding
    });
    let score = |set: usize| {
        let names: f64 = signs.iter().map(|signs| best(set, signs).0).sum();
        let detected = (0..TWO_BYTES.len()).filter(|at| set >> at & 1 == 1 && is_detected[*at]).count();
        names + DETECTED * detected as f64 - FURTHER * f64::from(set.count_ones())
    };
    let all = 1 << TWO_BYTES.len();
    let sets = || (1..all).filter(|set: &usize| set.count_ones() as usize <= MAX_ENCODINGS);
    let Some(most) = sets().max_by(|a, b| score(*a).total_cmp(&score(*b))) else { return Vec::new() };
    // Of each encoding: its names, and how much less likely the names are without it.
    let mut told = Vec::new();
    for at in (0..TWO_BYTES.len()).filter(|at| most >> at & 1 == 1) {
        let of_it = || names.iter().zip(&signs).filter(move |(_, signs)| best(most, signs).1 == at);
        let letters: HashSet<char> = of_it()
            .filter_map(|(name, _)| TWO_BYTES[at].decode_without_bom_handling_and_without_replacement(name))
            .flat_map(|text| text.chars().filter(|letter| !letter.is_ascii()).collect::<Vec<_>>())
            .collect();
        let others = sets().filter(|set| set >> at & 1 == 0).map(score).fold(f64::MIN, f64::max);
        if letters.len() >= ENOUGH_LETTERS && score(most) > others + MARGIN {
            told.push((of_it().count(), TWO_BYTES[at]));
        }
    }
    told.sort_by_key(|(names, _)| std::cmp::Reverse(*names));
    told.into_iter().map(|(_, encoding)| encoding).collect()
}

/// The encoding of one byte per letter that the names are in, if they are in one.
fn tell_single_bytes(names: &[&[u8]]) -> Option<&'static Encoding> {
    let detected = detect(names.iter().copied());
    (!TWO_BYTES.contains(&detected) && can_be_single_bytes(detected, names)).then_some(detected)
}

/// Each spelling of letters once: names that differ in digits and ending are no further evidence.
fn spellings(names: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    let spelling = |name: &&[u8]| {
        let stem = name.rsplitn(2, |byte| *byte == b'.').last().unwrap_or(name);
        // Neither is a digit the second byte of a letter.
        stem.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect::<Vec<u8>>()
    };
    names.iter().map(spelling).filter(|name| seen.insert(name.clone())).collect()
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
    letters.iter().all(|letter| letter.is_alphanumeric() || is_thai_mark(*letter))
        && (told || letters.len() >= 2 * ENOUGH_LETTERS)
}

/// A vowel or tone above or below a Thai letter.
fn is_thai_mark(letter: char) -> bool {
    matches!(letter, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}')
}

#[cfg(test)]
mod tests {
    use encoding_rs::WINDOWS_874;

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
            (WINDOWS_874, &["แมว", "สุนัข", "นก"]),
            (WINDOWS_874, &["ผลไม้", "ดอกไม้", "กล้วย"]),
        ] {
            check(&[(encoding, names)]);
        }
    }

    #[test]
    fn names_of_dos_are_read() {
        for (raw, names) in [
            (
                &[&b"H\x81hner"[..], b"K\x84se", b"Gr\x81n", b"\x8epfel"][..],
                ["Hühner", "Käse", "Grün", "Äpfel"],
            ),
            (&[b"caf\x82", b"p\x8are", b"for\x88t", b"gar\x87on"], ["café", "père", "forêt", "garçon"]),
            (&[b"ni\xa4o", b"p\xa0jaro", b"le\xa2n", b"rat\xa2n"], ["niño", "pájaro", "león", "ratón"]),
            (&[b"r\x9bd", b"gr\x9bn", b"bl\x86", b"K\x9bbenhavn"], ["rød", "grøn", "blå", "København"]),
        ] {
            let encodings = Encodings::of(raw);
            let read: Vec<_> =
                raw.iter().map(|name| encodings.decode(name).map(|(text, _)| text.into_owned())).collect();
            assert_eq!(read, names.map(|name| Some(name.to_owned())), "{:?} {:?}", encodings.0, encodings.1);
        }
    }

    #[test]
    fn names_of_two_systems_are_told_apart() {
        check(&[(EUC_KR, &["고양이", "강아지", "사진첩"]), (SHIFT_JIS, &["ひまわり", "たんぽぽ", "写真"])]);
        check(&[(GBK, &["新建文件夹", "图片", "苹果"]), (SHIFT_JIS, &["ひまわり", "たんぽぽ"])]);
        check(&[(EUC_KR, &["고양이", "사진"]), (SHIFT_JIS, &["犬猫画像", "写真"])]);
        check(&[
            (EUC_KR, &["강아지"]),
            (SHIFT_JIS, &["犬の写真", "猫の写真"]),
            (GBK, &["苹果", "香蕉", "图片"]),
        ]);
        check(&[(EUC_KR, &["자동차", "나무", "사람"]), (BIG5, &["蘋果", "香蕉", "新資料夾"])]);
        check(&[(EUC_KR, &["고양이"]), (GBK, &["新建文件夹", "图片", "不合格"])]);
    }

    #[test]
    fn few_letters_tell_no_encoding() {
        for names in [&[&b"a\xff"[..], b"a\xfe"][..], &[b"\x8c\x63"]] {
            let encodings = Encodings::of(names);
            assert!(
                names.iter().all(|name| encodings.decode(name).is_none()),
                "{names:?}: {:?}",
                encodings.0
            );
        }
    }
}
