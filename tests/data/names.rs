//! Names of files: in other encodings, alike but not equal, and as lists write them.

use std::fs;

use encoding_rs::{BIG5, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_8, WINDOWS_1252};
use remixmatch::data::{CLASSES_FILE, DataError, DataSet, LABELS_FILE, OpenOptions, open};

use super::common::{assert_refused, read};
use super::layout_files::Files;

/// The classes, and the number of images.
fn contents(set: &DataSet) -> (Vec<&str>, usize) {
    (set.classes.iter().map(String::as_str).collect(), set.train.len() + set.test.len())
}

fn encoded(encoding: &'static Encoding, paths: &[String]) -> Files {
    let mut files = Files::default();
    paths.iter().for_each(|path| files.add(&encoding.encode(path).0, ""));
    files
}

#[test]
fn names_of_other_systems_are_decoded_everywhere() {
    for (encoding, classes, image) in [
        (EUC_KR, ["강아지", "고양이"], "사진"),
        (SHIFT_JIS, ["写真の犬", "写真の表"], "画像ソ"),
        (GBK, ["图片狗", "图片猫"], "新建图片"),
    ] {
        let paths: Vec<String> =
            (1..=5).flat_map(|number| classes.map(|class| format!("{class}/{image}{number}.png"))).collect();
        for (way, set) in encoded(encoding, &paths).open_everywhere(&OpenOptions::default()) {
            let what = format!("{} as {way}", encoding.name());
            let set = set.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(contents(&set), (classes.to_vec(), 10), "{what}");
            let told = set.notices.iter().any(|notice| notice.contains(encoding.name()));
            assert!(told, "{what}: {:?}", set.notices);
        }
    }
}

#[test]
fn names_of_code_pages_are_decoded_everywhere() {
    for (page, raw, classes) in [
        ("CP437", [&b"H\x81hner"[..], b"K\x84se"], ["Hühner", "Käse"]),
        ("CP850", [b"r\x9bdgr\x9bd", b"sm\x9brrebrod"], ["rødgrød", "smørrebrod"]),
        ("windows-874", [b"\xe1\xc1\xc7", b"\xca\xd8\xb9\xd1\xa2"], ["สุนัข", "แมว"]),
    ] {
        let mut files = Files::default();
        for class in raw {
            (1..=4).for_each(|i| files.add(&[class, format!("/{i}.png").as_bytes()].concat(), ""));
        }
        for (way, set) in files.open_everywhere(&OpenOptions::default()) {
            let set = set.unwrap_or_else(|error| panic!("{page} as {way}: {error}"));
            assert_eq!(contents(&set), (classes.to_vec(), 8), "{page} as {way}: {:?}", set.notices);
            assert!(set.notices.iter().any(|notice| notice.contains(page)), "{way}: {:?}", set.notices);
        }
    }
}

#[test]
fn unclear_names_stay_distinct() {
    let mut files = Files::new(&[("dog/*2.png", "")]);
    for name in [
        &b"cat/\xff.png"[..],
        b"cat/\xfe.png",
        b"cat/\xff\xfe.png",
        b"cat/\\xFF.png",
        b"cat/\xef\xbf\xbd.png",
    ] {
        files.add(name, "");
    }
    for (way, set) in files.open_everywhere(&OpenOptions::default()) {
        let set = set.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(contents(&set), (vec!["cat", "dog"], 7), "{way}: {:?}", set.notices);
        assert!(set.notices.iter().any(|notice| notice.contains("encoding is unclear")), "{:?}", set.notices);
    }
}

#[test]
fn folders_with_unclear_names_stay_classes() {
    let mut files = Files::default();
    for number in 1..=4 {
        for class in [&b"a\xff"[..], b"a\xfe", b"b\xff"] {
            files.add(&[class, format!("/{number}.png").as_bytes()].concat(), "");
        }
    }
    for (way, set) in files.open_everywhere(&OpenOptions::default()) {
        let set = set.unwrap_or_else(|error| panic!("{way}: {error}"));
        let classes = vec!["a\\xFE", "a\\xFF", "b\\xFF"];
        assert_eq!(contents(&set), (classes, 12), "{way}: {:?}", set.notices);
    }
}

/// Class folders by encoding and name, three images each: all classes are read under their names.
fn check_classes(classes: &[(&'static Encoding, &str)]) {
    let mut files = Files::default();
    for (encoding, class) in classes {
        for image in 1..=3 {
            files.add(&encoding.encode(&format!("{class}/{image}.png")).0, "");
        }
    }
    let mut names: Vec<&str> = classes.iter().map(|(_, class)| *class).collect();
    names.sort_unstable();
    names.dedup();
    for (way, set) in files.open_everywhere(&OpenOptions::default()) {
        let set = set.unwrap_or_else(|error| panic!("{names:?} as {way}: {error}"));
        let expected = (names.clone(), 3 * classes.len());
        assert_eq!(contents(&set), expected, "{names:?} as {way}: {:?}", set.notices);
    }
}

#[test]
fn class_names_of_any_encoding_are_decoded() {
    // Rare syllables, and names that are UTF-8 by chance: the bytes of the first are those of a letter with a ring.
    check_classes(&[(EUC_KR, "책"), (EUC_KR, "공책"), (EUC_KR, "볼펜")]);
    check_classes(&[(EUC_KR, "똠양꿍"), (EUC_KR, "쌀국수"), (EUC_KR, "팟타이")]);
    check_classes(&[(EUC_KR, "뙤약볕"), (EUC_KR, "쮸쮸바"), (EUC_KR, "퀭한눈")]);
    check_classes(&[(SHIFT_JIS, "表"), (SHIFT_JIS, "ソース"), (SHIFT_JIS, "能力")]);
    check_classes(&[(GBK, "苹果"), (GBK, "香蕉"), (GBK, "不合格")]);
    check_classes(&[(BIG5, "蘋果"), (BIG5, "功能"), (BIG5, "圖片")]);
    check_classes(&[(WINDOWS_1252, "árbol"), (WINDOWS_1252, "pájaro"), (WINDOWS_1252, "niño")]);
}

#[test]
fn names_of_several_encodings_are_decoded() {
    check_classes(&[
        (EUC_KR, "고양이"),
        (EUC_KR, "강아지"),
        (UTF_8, "кошка"),
        (UTF_8, "토끼"),
        (UTF_8, "Äpfel"),
    ]);
    check_classes(&[(SHIFT_JIS, "写真の犬"), (SHIFT_JIS, "写真の表"), (UTF_8, "猫"), (UTF_8, "plain")]);
    check_classes(&[
        (EUC_KR, "고양이"),
        (EUC_KR, "강아지"),
        (SHIFT_JIS, "ひまわり"),
        (SHIFT_JIS, "たんぽぽ"),
        (UTF_8, "토끼"),
    ]);
    check_classes(&[(EUC_KR, "고양이"), (EUC_KR, "사진첩"), (SHIFT_JIS, "犬猫画像"), (SHIFT_JIS, "写真")]);
    check_classes(&[(EUC_KR, "자동차"), (EUC_KR, "나무"), (GBK, "苹果"), (GBK, "香蕉"), (GBK, "图片")]);
    check_classes(&[(EUC_KR, "고양이"), (EUC_KR, "강아지"), (BIG5, "蘋果"), (BIG5, "紅色圖片")]);
    check_classes(&[(SHIFT_JIS, "犬の写真"), (SHIFT_JIS, "ひまわり"), (GBK, "苹果"), (GBK, "红色图片")]);
    check_classes(&[
        (EUC_KR, "고양이"),
        (EUC_KR, "강아지"),
        (WINDOWS_1252, "Übung"),
        (WINDOWS_1252, "Äpfel"),
        (WINDOWS_1252, "Grüße"),
    ]);
}

/// A name is read as the folders around it, and what it may be is said where nothing tells.
#[test]
fn notices_name_examples_and_alternatives() {
    let mut files = Files::default();
    for (encoding, class) in
        [(EUC_KR, "고양이"), (EUC_KR, "강아지"), (SHIFT_JIS, "犬猫画像"), (SHIFT_JIS, "ひまわり")]
    {
        for image in 1..=3 {
            files.add(&encoding.encode(&format!("{class}/{image}.png")).0, "");
        }
    }
    (1..=3)
        .for_each(|image| files.add(&[&b"\xe9t\xe9/"[..], format!("{image}.png").as_bytes()].concat(), ""));
    for (way, set) in files.open_everywhere(&OpenOptions::default()) {
        let set = set.unwrap_or_else(|error| panic!("{way}: {error}"));
        let notices = set.notices.join("\n");
        let words = [
            "EUC-KR (such as '",
            "Shift_JIS (such as '",
            "\\xE9t\\xE9 may be '\u{e9}t\u{e9}' (windows-1252) or",
            "rename the files",
        ];
        for word in words {
            assert!(notices.contains(word), "{way}: '{word}' is missing in: {notices}");
        }
        assert!(set.classes.contains(&"고양이".to_owned()), "{way}: {:?}", set.classes);
    }
}

/// A folder stays one class, whatever the names of its files.
#[test]
fn unclear_files_do_not_split_a_class() {
    let mut files = Files::default();
    for class in ["고양이", "강아지"] {
        let class = EUC_KR.encode(class).0.into_owned();
        for file in [&b"1.png"[..], b"2.png", b"\xff\xfe.png", b"\x95\x5c.png"] {
            files.add(&[&class[..], b"/", file].concat(), "");
        }
    }
    for (way, set) in files.open_everywhere(&OpenOptions::default()) {
        let set = set.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(contents(&set), (vec!["강아지", "고양이"], 8), "{way}: {:?}", set.notices);
        assert!(set.notices.iter().any(|notice| notice.contains("encoding is unclear")), "{:?}", set.notices);
    }
}

/// The same class in two encodings: one class in an archive, and two with a notice on a disk.
#[test]
fn a_class_in_two_encodings_is_said() {
    let mut files = Files::default();
    for class in ["고양이", "강아지"] {
        for (encoding, numbers) in [(EUC_KR, 1..=3), (UTF_8, 4..=6)] {
            numbers.for_each(|number| files.add(&encoding.encode(&format!("{class}/{number}.png")).0, ""));
        }
    }
    for (way, set) in files.open_everywhere(&OpenOptions::default()) {
        let set = set.unwrap_or_else(|error| panic!("{way}: {error}"));
        let told = |word: &str| set.notices.iter().any(|notice| notice.contains(word));
        assert!(told("read as EUC-KR"), "{way}: {:?}", set.notices);
        match way {
            "folder" => assert!(told("'고양이' in") && told("'고양이 (2)'"), "{:?}", set.notices),
            _ => assert_eq!(contents(&set), (vec!["강아지", "고양이"], 12), "{way}: {:?}", set.notices),
        }
    }
}

/// `a\b.png` is a name on Linux, and a path in archives made on Windows.
#[test]
fn paths_that_look_alike_do_not_collide() {
    let files = Files::new(&[("cat/*3.png", ""), ("cat\\1.png", ""), ("dog/*3.png", "")]);
    for (name, bytes) in [("photos.tar.gz", files.tar_gz()), ("photos.zip", files.zip())] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let set = read(&folder.path().join(name)).unwrap();
        assert_eq!(contents(&set), (vec!["cat", "dog"], 7), "{name}: {:?}", set.notices);
        assert!(set.notices.iter().any(|notice| notice.contains("'cat/1 (2).png'")), "{:?}", set.notices);
    }
}

#[test]
fn repeated_members_are_reported() {
    let files = Files::new(&[("cat/*3.png", ""), ("dog/*3.png", ""), ("cat/9.png", "")]);
    let rename = |mut bytes: Vec<u8>| {
        for at in 0..bytes.len() - 9 {
            if bytes[at..].starts_with(b"cat/9.png") {
                bytes[at + 4] = b'1';
            }
        }
        bytes
    };
    let mut repeated = files.clone();
    repeated.0[6].0 = b"cat/1.png".to_vec();
    for (name, bytes) in [("photos.zip", rename(files.zip())), ("photos.tar.gz", repeated.tar_gz())] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let set = read(&folder.path().join(name)).unwrap();
        assert_eq!(contents(&set), (vec!["cat", "dog"], 6), "{name}");
        let told = set
            .notices
            .iter()
            .any(|notice| notice.contains("1 file in") && notice.contains("last one counts"));
        assert!(told, "{name}: {:?}", set.notices);
    }
}

/// Rows of a list and files: the same images, in whatever form.
#[test]
fn lists_name_files_in_many_ways() {
    for (rows, paths) in [
        (["a/1.png", "a/2.png", "b/1.png", "b/2.png"], ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]),
        ([".\\a\\1.png", "a\\2.png", "b//1.png", "./b/2.png"], ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]),
        (["A/1.PNG", "a/2.Png", "B/1.png", "b/2.png"], ["a/1.png", "a/2.png", "b/1.png", "b/2.png"]),
        (
            ["caf\u{e9}/1.png", "cafe\u{301}/2.png", "b/1", "b/2"],
            ["cafe\u{301}/1.png", "caf\u{e9}/2.png", "b/1.png", "b/2.png"],
        ),
        (
            ["photos/1.png", "photos/2.png", "photos/3.png", "photos/4.png"],
            ["1.png", "2.png", "3.png", "4.png"],
        ),
        (
            ["C:\\me\\pets\\1.png", "C:\\me\\pets\\2.png", "C:\\me\\pets\\3.png", "C:\\me\\pets\\4.png"],
            ["1.png", "2.png", "3.png", "4.png"],
        ),
        (["id1", "id2", "id3", "id4"], ["images/id1.jpg", "images/id2.jpg", "deep/er/id3.jpg", "id4.jpg"]),
    ] {
        let labelled = rows.iter().zip(["x", "x", "y", "y"]);
        let list = labelled.map(|(row, label)| format!("{row},{label}\n")).collect::<String>();
        let list = format!("file,label\n{list}");
        let mut files = Files::new(&[("labels.csv", list.as_str())]);
        paths.iter().for_each(|path| files.add(path.as_bytes(), ""));
        for (way, set) in files.open_everywhere(&OpenOptions::default()) {
            let set = set.unwrap_or_else(|error| panic!("{rows:?} as {way}: {error}"));
            assert_eq!(contents(&set), (vec!["x", "y"], 4), "{rows:?} as {way}");
            assert_eq!(set.format, "images listed in a CSV file");
        }
    }
}

#[test]
fn rows_without_file_are_refused_or_reported() {
    let list = "file,label\n1.png,a\n2.png,b\n3.png,a\n4.png,b\nx.png,a\ny.png,b\nz.png,a\nw.png,b\n";
    let files = Files::new(&[("labels.csv", list), ("*4.png", "")]);
    let told = "4 of 8 rows name no file here: 'x.png', 'y.png', 'z.png'";
    for (_, opened) in files.open_everywhere(&OpenOptions::default()) {
        assert_refused(opened, &["labels.csv, line 6", "'x.png', which does not exist", told, "skip_bad"]);
    }
    let skipping = OpenOptions { skip_bad: true, ..OpenOptions::default() };
    for (way, opened) in files.open_everywhere(&skipping) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(contents(&set), (vec!["a", "b"], 4), "{way}");
        assert!(set.notices.iter().any(|notice| notice.contains(told)), "{:?}", set.notices);
    }
    let none = Files::new(&[("labels.csv", "file,label\nx.png,a\ny.png,b\n"), ("*4.png", "")]);
    for (_, opened) in none.open_everywhere(&skipping) {
        assert_refused(opened, &["2 of 2 rows name no file here"]);
    }
}

#[test]
fn contradicting_rows_are_refused() {
    for (list, words) in [
        ("file,label\n1.png,a\n2.png,b\n./1.png,b\n", &["line 4", "'./1.png' again", "b here, a before"][..]),
        ("file,label,split\n1.png,a,train\n2.png,b,\n1.png,a,test\n", &["line 4", "'1.png' again"]),
    ] {
        for (_, opened) in
            Files::new(&[("labels.csv", list), ("*4.png", "")]).open_everywhere(&OpenOptions::default())
        {
            assert_refused(opened, words);
        }
    }
    let lists = [
        ("train.csv", "file,label\n1.png,a\n2.png,b\n3.png,a\n"),
        ("test.csv", "file,label\n1.png,a\n4.png,b\n"),
        ("*4.png", ""),
    ];
    for (_, opened) in Files::new(&lists).open_everywhere(&OpenOptions::default()) {
        assert_refused(
            opened,
            &["several lists of the same images", "1.png: test in test.csv, train in train.csv"],
        );
    }
    let same = [("labels.csv", "file,label\n1.png,a\n2.png,b\n1.png,a\n3.png,a\n4.png,b\n"), ("*4.png", "")];
    for (way, opened) in Files::new(&same).open_everywhere(&OpenOptions::default()) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(contents(&set).1, 4);
        assert!(
            set.notices.iter().any(|notice| notice.contains("1 row lists an image again")),
            "{:?}",
            set.notices
        );
    }
}

/// A list as another program saves it.
fn saved_as(bytes: &[u8]) -> Vec<Result<DataSet, DataError>> {
    let mut files = Files::new(&[("*4.png", "")]);
    files.0.push((b"labels.csv".to_vec(), bytes.to_vec()));
    files.open_everywhere(&OpenOptions::default()).into_iter().map(|(_, opened)| opened).collect()
}

#[test]
fn lists_of_spreadsheets_are_read() {
    let text = "file,label\n1.png,고양이\n2.png,개\n3.png,고양이\n4.png,개\n";
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        [mark.to_vec(), text.encode_utf16().flat_map(bytes).collect()].concat()
    };
    for bytes in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        utf16([0xff, 0xfe], u16::to_le_bytes),
        utf16([0xfe, 0xff], u16::to_be_bytes),
        text.replace(',', ";").into_bytes(),
        text.replace(',', "\t").replace('\n', "\r\n").into_bytes(),
        format!("sep=;\r\n{}", text.replace(',', ";").replace('\n', "\r\n")).into_bytes(),
        text.replace("file,label", "\"File\",\"Label\"").into_bytes(),
    ] {
        for opened in saved_as(&bytes) {
            let set = opened.unwrap_or_else(|error| panic!("{:?}: {error}", String::from_utf8_lossy(&bytes)));
            assert_eq!(contents(&set), (vec!["개", "고양이"], 4));
        }
    }
    for opened in saved_as(&EUC_KR.encode(text).0) {
        assert_refused(opened, &["labels.csv, line 2", "bytes that are not UTF-8", "save the file as UTF-8"]);
    }
    let unmarked: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for opened in saved_as(&unmarked) {
        assert_refused(opened, &["labels.csv, line 1", "UTF-16", "save the file as UTF-8"]);
    }
}

/// `labels.csv` with `classes.txt`, as the window writes them.
#[test]
fn hand_made_labels_follow_the_same_rules() {
    let folder = Files::new(&[("a/*3.png", ""), ("B/*3.png", "")]).write();
    let photos = folder.path().join("photos");
    let labels = "file,label\na\\1.png,x\n./a/2.png,x\nb/1.PNG,y\nB/2.png,y\ngone.png,y\n";
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(labels.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in [labels.as_bytes(), &utf16] {
        fs::write(photos.join(LABELS_FILE), bytes).unwrap();
        fs::write(photos.join(CLASSES_FILE), "\u{feff}x\ny\n").unwrap();
        assert_refused(read(&photos), &["labels.csv, line 6", "1 of 5 rows names no file here: 'gone.png'"]);
        let skipping = OpenOptions { skip_bad: true, ..OpenOptions::default() };
        let set = open(photos.to_str().unwrap(), &skipping).unwrap();
        assert_eq!((set.classes.clone(), set.test_labels.len()), (vec!["x".to_owned(), "y".into()], 4));
        let told = "1 of 5 labels in labels.csv names no file here: 'gone.png'";
        assert!(set.notices.iter().any(|notice| notice.contains(told)), "{:?}", set.notices);
    }
    fs::write(photos.join(LABELS_FILE), EUC_KR.encode("file,label\na/1.png,고양이\n").0).unwrap();
    assert_refused(read(&photos), &["labels.csv, line 2", "save the file as UTF-8"]);
}

#[cfg(unix)]
#[test]
fn hand_made_labels_find_files_of_other_encodings() {
    let mut files = Files::default();
    for name in [&b"\xff1.png"[..], b"\xfe1.png", b"2.png", b"3.png"] {
        files.add(name, "");
    }
    let folder = files.write();
    let photos = folder.path().join("photos");
    fs::write(photos.join(LABELS_FILE), "file,label\n\"\\xFF1.png\",x\n\"\\xFE1.png\",y\n").unwrap();
    fs::write(photos.join(CLASSES_FILE), "x\ny\n").unwrap();
    let set = open(photos.to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!((set.train.len(), set.test_labels.len()), (4, 2));
}
