//! How often the letters of an encoding are used in names. Common letters of its script are likely, rare ones and those of
//! other scripts are not.
//!
//! The common letters of Korean, Chinese and Japanese are the most frequent ones in titles of Wikipedia, as in the crate
//! `chardetng`, with those of common nouns.

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GBK, SHIFT_JIS};

/// Common syllables of Korean.
const HANGUL: &str = "\
    이의다기에로사년스리는일하가시지대서분국한도인고류자주아을라수제정월나구전어은그부를동선으문트용보위드과교상마장학원성화역니\
    미공경해오우명있크영소조회여민토비세르유신키중계타연프관되적치레카진와터들목겨게개방파산호출음림면작만단넘모요었생남재무후표\
    군포당노강양물차불량발손말소새꽃풀책컵손집람안왼오른쪽앞뒤위밤낮별색검빨란노초록흰";
/// Common letters of Chinese in their simple form.
const SIMPLIFIED: &str = "\
    的年国日月中人一大为在是学有行会斯于地区文和尔名第公时小部不市台以上后动出个本作家新成西定重生之电主子用特分民了亚员克南\
    政站德与球东科里道山法方北向天发物来到机星路目美村高长军利三拉车州基海自下赛面加他马其参县代内理世二线及建表位罗由立多可\
    华林维度事平外体图片猫狗苹果花鸟鱼树木水火红黄蓝绿白黑合格照相夹件";
/// Common Chinese letters of Japanese.
const KANJI: &str = "\
    年日月大本学人国会中出一者市作名部用地行場田第生合子道上東時県代山社事画新手高成戦物後発長立分川記校間業関所定選小目動\
    和文野同前内開線自号公駅送回町除主家利車通京表島下世方村書全明連平放体的式番度北入外頼語女話機設原三削区海依当現対位数化\
    神曲理教特版在法見写真猫犬像花鳥魚木水火赤青白黒緑良不";

/// Common letters of Chinese in their traditional form.
const TRADITIONAL: &str = "\
    的年國日月中人一大為在是學有行會斯於地區文和爾名第公時小部不市台以上後動出個本作家新成西定重生之電主子用特分民了亞員克南\
    政站德與球東科里道山法方北向天發物來到機星路目美村高長軍利三拉車州基海自下賽面加他馬其參縣代內理世二線及建表位羅由立多可\
    華林維度事平外體圖片貓狗蘋果香蕉花鳥魚樹木水火紅黃藍綠白黑合格照相夾件資料功能";

/// About the number of common letters of a script.
const COMMON: f64 = 150.0;

/// The logarithm of how likely the letters of a name outside ASCII are in an encoding; `None` if it is not in it.
pub(super) fn likelihood(encoding: &'static Encoding, name: &[u8]) -> Option<f64> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(name)?;
    let mut sum = 0.0;
    let mut buffer = [0; 4];
    for letter in text.chars().filter(|letter| !letter.is_ascii()) {
        if letter.is_control() {
            return None;
        }
        let (bytes, ..) = encoding.encode(letter.encode_utf8(&mut buffer));
        sum += frequency(encoding, letter, &bytes).ln();
    }
    Some(sum)
}

/// About how often a letter is used in names: the share of its kind of letters, divided by their number.
fn frequency(encoding: &'static Encoding, letter: char, bytes: &[u8]) -> f64 {
    let (lead, trail) = (bytes[0], bytes.get(1).copied());
    // Of a common letter: the share of all of them, divided by their number.
    let (common, share) = match encoding {
        e if e == EUC_KR => (HANGUL, 0.6),
        e if e == GBK => (SIMPLIFIED, 0.3),
        e if e == BIG5 => (TRADITIONAL, 0.3),
        e if e == SHIFT_JIS || e == EUC_JP => (KANJI, 0.2),
        _ => ("", 0.0),
    };
    if common.contains(letter) {
        return share / COMMON;
    }
    match (encoding, lead, trail) {
        // Syllables in use, symbols, Chinese letters, rare syllables.
        (e, 0xb0..=0xc8, Some(0xa1..)) if e == EUC_KR => 0.38 / 2_200.0,
        (e, 0xa1..=0xac, Some(0xa1..)) if e == EUC_KR => 0.008 / 986.0,
        (e, 0xca..=0xfd, Some(0xa1..)) if e == EUC_KR => 0.002 / 4_888.0,
        (e, _, Some(_)) if e == EUC_KR => 0.01 / 8_822.0,
        // Kana, the two levels of kanji, symbols, half-width kana.
        (e, 0x82, Some(0x9f..)) | (e, 0x83, Some(..=0x96)) if e == SHIFT_JIS => 0.5 / 170.0,
        (e, 0x88..=0x97, _) | (e, 0x98, Some(..=0x72)) if e == SHIFT_JIS => 0.25 / 2_800.0,
        (e, 0x81..=0x83, Some(_)) if e == SHIFT_JIS => 0.03 / 250.0,
        (e, _, None) if e == SHIFT_JIS => 0.005 / 63.0,
        (e, ..) if e == SHIFT_JIS => 0.015 / 3_400.0,
        (e, 0xa4..=0xa5, Some(_)) if e == EUC_JP => 0.5 / 170.0,
        (e, 0xb0..=0xcf, Some(_)) if e == EUC_JP => 0.25 / 2_800.0,
        (e, 0xa1..=0xa3, Some(_)) if e == EUC_JP => 0.03 / 250.0,
        (e, 0xd0..=0xf4, Some(_)) if e == EUC_JP => 0.015 / 3_400.0,
        // The two levels, symbols, and letters of later versions.
        (e, 0xb0..=0xd7, Some(0xa1..)) if e == GBK => 0.65 / 3_600.0,
        (e, 0xd8..=0xf7, Some(0xa1..)) if e == GBK => 0.035 / 3_008.0,
        (e, 0xa1..=0xa9, Some(0xa1..)) if e == GBK => 0.01 / 700.0,
        (e, ..) if e == GBK && bytes.len() == 2 => 0.005 / 14_000.0,
        // The first level is sorted by strokes: simple letters are the more frequent ones.
        (e, 0xa4..=0xaf, Some(_)) if e == BIG5 => 0.4 / 1_800.0,
        (e, 0xb0..=0xc6, Some(_)) if e == BIG5 => 0.27 / 3_550.0,
        (e, 0xa1..=0xa3, Some(_)) if e == BIG5 => 0.01 / 408.0,
        (e, 0xc9..=0xf9, Some(_)) if e == BIG5 => 0.02 / 7_652.0,
        _ => 1e-8,
    }
}
