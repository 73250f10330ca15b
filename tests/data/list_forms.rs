//! Forms of lists: JSON of other programs, lists without a header, spreadsheets, boxes and pixels. What is not read is named.

use remixmatch::data::OpenOptions;

use super::common::{put, read};
use super::layout_files::Files;
use super::lists::Expect::{Reads, Refused};
use super::lists::{Case, check_all, compare, counts};

const FLAT: &[(&str, &str)] = &[("*4.png", "")];
const CLASSES: &[(&str, &str)] = &[("cat/*3.png", ""), ("dog/*3.png", "")];

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn forms_of_lists_are_read() {
    let json = r#"[{"file": "1.png", "label": "a"}, {"file": "2.png", "label": "b"},
        {"file": "3.png", "label": "a"}, {"file": "4.png", "label": "b"}]"#;
    let cases: [(&str, Vec<u8>); 8] = [
        ("labels.json", utf16(json)),
        ("labels.json", format!("\u{feff}{json}").into_bytes()),
        ("labels.json", format!("{{\"version\": 1, \"data\": {json}}}").into_bytes()),
        ("labels.json", json.replace("\"label\"", "\"score\": NaN, \"label\"").into_bytes()),
        ("labels.lst", b"0\t0.000000\t1.png\n1\t1.000000\t2.png\n2\t0\t3.png\n3\t1\t4.png\n".to_vec()),
        ("labels.txt", b"1.png 0\n2.png 1\n3.png 0\n4.png 1\n".to_vec()),
        ("train.txt", b"1.png\ta\n./2.png\tb\n3.png\ta\n4.png\tb\n".to_vec()),
        ("train.txt", utf16("1.png a\r\n2.png b\r\n3.png a\r\n4.png b\r\n")),
    ];
    for (name, bytes) in &cases {
        let mut files = Files::new(FLAT);
        files.0.push((name.as_bytes().to_vec(), bytes.clone()));
        for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
            let set = opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            assert_eq!((set.classes.len(), set.train.len() + set.test.len()), (2, 4), "{name} as {way}");
        }
        let folder = files.write();
        let set =
            read(&folder.path().join("photos").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(set.classes.len(), 2, "{name}");
    }
    check_all(&[
        (
            &[
                ("train.txt", "images/1.png 0\nimages/2.png 1\nimages/3.png 0\nimages/4.png 1\n"),
                ("test.txt", "images/5.png 0\nimages/6.png 1\n"),
                ("images/*6.png", ""),
            ],
            Reads(&["0", "1"], 6, 0, &["2 lists are read together: test.txt (2 rows), train.txt (4 rows)"]),
        ),
        // Of MXNet's lists beside class folders, the folders are the classes.
        (
            &[
                ("train.lst", "0\t0\tcat/1.png\n1\t0\tcat/2.png\n2\t1\tdog/1.png\n"),
                ("test.lst", "3\t0\tcat/3.png\n4\t1\tdog/2.png\n5\t1\tdog/3.png\n"),
                ("cat/*3.png", ""),
                ("dog/*3.png", ""),
            ],
            Reads(&["cat", "dog"], 6, 0, &["the split of the images is read from test.lst, train.lst"]),
        ),
    ]);
}

/// Beside class folders with a notice, beside images alone with an error.
#[test]
fn lists_that_are_not_read_are_named() {
    for (name, content, words) in [
        (
            "labels.json",
            "[{\"file\": \"1.png\",\n\"label\": ",
            &["JSON that is cut or damaged, as line 2 says"][..],
        ),
        ("labels.jsonl", "{\"file\": \"1.png\"}\n{\"file\": \"2.p", &["cut or damaged, as line 2"]),
        (
            "instances.json",
            r#"{"images": [{"id": 1, "file_name": "1.png"}], "annotations": [{"image_id": 1, "category_id": 1}],
                "categories": [{"id": 1, "name": "cat"}]}"#,
            &["annotations of objects in the form of COCO", "save it as CSV"],
        ),
        (
            "export.json",
            r#"[{"id": 1, "annotations": [{"result": []}], "data": {"image": "/data/1.png"}}]"#,
            &["an export of Label Studio in JSON"],
        ),
        (
            "via.json",
            r#"{"1.png77": {"filename": "1.png", "regions": []}}"#,
            &["JSON of another form than a list"],
        ),
        ("out.manifest", r#"{"source-ref": "s3://b/1.png", "class": 0}"#, &["a manifest of SageMaker"]),
        ("labels.xlsx", "PK", &["a spreadsheet", "save it as CSV"]),
        ("labels.ods", "PK", &["a spreadsheet"]),
        ("labels.parquet", "PAR1", &["a table in a binary form"]),
        ("names.txt", "1.png\n2.png\n", &["a text that names images without one label each"]),
        ("labels.txt", "1.png 0 1\n2.png 1 0\n", &["a text that names images without one label each"]),
        ("labels.lst", "0\t1\t0\t1.png\n", &["a text that names images without one label each"]),
    ] {
        for (way, opened) in
            Files::new(&[CLASSES, &[(name, content)]].concat()).open_everywhere(&OpenOptions::default())
        {
            let set = opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            let notices = set.notices.join("\n");
            assert!(notices.contains(&format!("{name} is not read")), "{name} as {way}: {notices}");
            words.iter().for_each(|word| assert!(notices.contains(word), "{name} as {way}: {notices}"));
        }
        for (way, opened) in
            Files::new(&[FLAT, &[(name, content)]].concat()).open_everywhere(&OpenOptions::default())
        {
            let Err(error) = opened else { panic!("{name} as {way}: accepted") };
            let error = error.to_string();
            assert!(error.contains(&format!("{name} is not read")), "{name} as {way}: {error}");
            words.iter().for_each(|word| assert!(error.contains(word), "{name} as {way}: {error}"));
            assert!(!error.contains('\n'), "{error}");
        }
        // Beside a list that is read.
        let list = ("list.csv", "file,label\n1.png,a\n2.png,b\n3.png,a\n4.png,b\n");
        for (way, opened) in
            Files::new(&[FLAT, &[list, (name, content)]].concat()).open_everywhere(&OpenOptions::default())
        {
            let set = opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            let notices = set.notices.join("\n");
            assert!(notices.contains(&format!("{name} is not read")), "{name} as {way}: {notices}");
        }
    }
    // Other files are no lists, and what describes one image lies beside it.
    for (name, content) in [
        ("config.json", r#"{"lr": 0.1}"#),
        ("notes.txt", "taken in May\n"),
        ("cat/1.json", r#"{"imagePath": "1.png", "shapes": []}"#),
        ("classes.json", r#"{"cat": 0, "dog": 1}"#),
    ] {
        for (way, opened) in
            Files::new(&[CLASSES, &[(name, content)]].concat()).open_everywhere(&OpenOptions::default())
        {
            let set = opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            assert!(!set.notices.join("\n").contains("is not read"), "{name} as {way}: {:?}", set.notices);
        }
    }
}

#[test]
fn tables_that_are_not_read_are_named() {
    let cases: [Case; 8] = [
        (
            &[
                ("cat/*3.png", ""),
                ("dog/*3.png", ""),
                ("meta.csv", "photo id,art\ncat/1.png,x\ndog/1.png,y\n"),
            ],
            Reads(
                &["cat", "dog"],
                6,
                0,
                &["a list in columns of unknown names", "such as meta.csv", "file and label"],
            ),
        ),
        (
            &[("*2.png", ""), ("meta.csv", "photo id,art\n1.png,x\n2.png,y\n")],
            Refused(&["meta.csv, line 1", "the columns file and label", "photo id,art"]),
        ),
        (
            &[("cat/*3.png", ""), ("dog/*3.png", ""), ("meta/labels.csv", "file,label\ncat/1.png,x\n")],
            Reads(&["cat", "dog"], 6, 0, &["meta/labels.csv is not read (a list in a folder below)"]),
        ),
        (
            &[
                ("cat/*3.png", ""),
                ("dog/*3.png", ""),
                ("images.txt", "cat/1.png 0\ncat/2.png 0\ndog/1.png 1\n"),
            ],
            Reads(
                &["cat", "dog"],
                6,
                0,
                &["images.txt is not read (a list of paths and labels, where class folders count)"],
            ),
        ),
        // Boxes of objects.
        (
            &[
                ("*2.png", ""),
                (
                    "boxes.csv",
                    "filename,class,xmin,ymin,xmax,ymax\n1.png,cat,0,0,2,2\n1.png,dog,3,3,5,5\n2.png,cat,0,0,1,1\n",
                ),
            ],
            Refused(&[
                "boxes.csv, line 1",
                "one class for each image",
                "found boxes of objects",
                "one row of file and label",
            ]),
        ),
        (
            &[
                ("cat/*3.png", ""),
                ("dog/*3.png", ""),
                (
                    "boxes.csv",
                    "filename,class,xmin,ymin,xmax,ymax\ncat/1.png,cat,0,0,2,2\ncat/1.png,dog,3,3,5,5\n",
                ),
            ],
            Reads(
                &["cat", "dog"],
                6,
                0,
                &["boxes of objects, not one class for each image", "such as boxes.csv"],
            ),
        ),
        // Boxes of one class for each image.
        (
            &[
                ("*4.png", ""),
                (
                    "boxes.csv",
                    "filename,class,xmin,ymin,xmax,ymax\n1.png,a,0,0,2,2\n1.png,a,3,3,5,5\n2.png,b,0,0,1,1\n3.png,a,0,0,1,1\n4.png,b,0,0,1,1\n",
                ),
            ],
            Reads(&["a", "b"], 4, 0, &["1 row lists an image again"]),
        ),
        (
            &[("train.csv", "label,pixel0,pixel1,pixel2,pixel3\n1,0,0,0,0\n0,1,1,1,1\n")],
            Refused(&[
                "train.csv, line 1",
                "found the pixels of the images",
                "arrays x and y in an .npz file",
            ]),
        ),
    ];
    check_all(&cases);
}

#[test]
fn rows_without_a_class_are_told() {
    check_all(&[
        (
            &[
                ("list.csv", "file,cat,dog\n1.png,1,0\n2.png,0,1\n3.png,1,0\n4.png,0,1\n5.png,0,0\n"),
                ("*5.png", ""),
            ],
            Reads(
                &["cat", "dog"],
                4,
                1,
                &["1 of 5 rows has 0 in the columns of all classes: its image counts as unlabelled"],
            ),
        ),
        (
            &[
                (
                    "list.csv",
                    "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n5.png,skip\n6.png,undefined\n7.png,(blank)\n8.png,n.a.\n\
                     9.png,NA\n10.png,(none)\n11.png,---\n",
                ),
                ("*11.png", ""),
            ],
            Reads(
                &["cat", "dog"],
                4,
                7,
                &["7 of 11 rows of list.csv have", "set none_as_class or rename it"],
            ),
        ),
        (
            &[("list.csv", "file,label\n1.png,skip\n2.png,keep\n3.png,skip\n4.png,keep\n"), ("*4.png", "")],
            Refused(&["line 2", "'skip', which counts as no label (in 2 of 4 rows)", "set none_as_class"]),
        ),
    ]);
}

/// Names in the encoding of a system, few of which tell the encoding, with a list in UTF-8.
#[test]
fn lists_name_files_of_other_encodings() {
    for (encoding, names) in [
        (encoding_rs::SHIFT_JIS, ["猫1.png", "犬2.png", "猫3.png", "犬4.png"]),
        (encoding_rs::SHIFT_JIS, ["表1.png", "能2.png", "表3.png", "能4.png"]),
        (encoding_rs::EUC_KR, ["개1.png", "소2.png", "개3.png", "소4.png"]),
    ] {
        let mut files = Files::default();
        for name in names {
            files.add(&encoding.encode(name).0, "");
        }
        let rows: String = names
            .iter()
            .zip(["a", "b"].iter().cycle())
            .map(|(name, class)| format!("{name},{class}\n"))
            .collect();
        let list = format!("file,label\n{rows}");
        files.add(b"labels.csv", &list);
        for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
            compare(&format!("{names:?} as {way}"), opened, &Reads(&["a", "b"], 4, 0, &[]));
        }
        // The list beside the archive.
        files.0.pop();
        let folder = tempfile::tempdir().unwrap();
        put(folder.path().join("photos.zip"), &files.zip());
        put(folder.path().join("labels.csv"), list.as_bytes());
        let set =
            read(&folder.path().join("labels.csv")).unwrap_or_else(|error| panic!("{names:?}: {error}"));
        assert_eq!(counts(&set).1, 4, "{names:?}");
    }
}
