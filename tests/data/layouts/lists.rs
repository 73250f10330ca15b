//! Lists in JSON, lists inside the folders of splits, and lists without a column of labels.

use remixmatch::data::OpenOptions;

use super::{Reads, Refused, check, evenly};

#[test]
fn lists_in_json_are_read_as_csv() {
    let objects = r#"[{"file": "1.png", "label": "cat", "split": "train"}, {"file": "2.png", "label": "dog", "split": "train"},
        {"file": "3.png", "label": "cat", "split": "train"}, {"file": "4.png", "label": "dog", "split": "test"}]"#;
    let lines = "{\"file_name\": \"1.png\", \"label\": 0, \"split\": \"train\"}\n\
                 {\"file_name\": \"2.png\", \"label\": 1, \"split\": \"train\"}\n\
                 {\"file_name\": \"3.png\", \"label\": 1, \"split\": \"test\"}\n{\"file_name\": \"4.png\"}\n";
    let by_split = r#"{"train": [{"file": "1.png", "label": "cat"}, {"file": "2.png", "label": "dog"}],
        "val": [{"file": "3.png", "label": "dog"}], "test": [{"file": "4.png", "label": "cat"}]}"#;
    check(
        &[
            (
                leak(&[("*4.png", ""), ("labels.json", objects)]),
                Reads(&[("cat", 2, 0), ("dog", 1, 1)], 0, &[]),
            ),
            (leak(&[("*4.png", ""), ("metadata.jsonl", lines)]), Reads(&[("0", 1, 0), ("1", 1, 1)], 1, &[])),
            (
                leak(&[("*4.png", ""), ("splits.json", by_split)]),
                Reads(&[("cat", 1, 1), ("dog", 1, 0)], 0, &["validat"]),
            ),
            (
                &[
                    ("cat/*2.png", ""),
                    ("dog/*2.png", ""),
                    (
                        "labels.json",
                        r#"[{"file": "cat/1.png", "label": "dog"}, {"file": "dog/1.png", "label": "dog"}]"#,
                    ),
                ],
                Refused(&["labels.json", "cat"]),
            ),
            (
                &[
                    ("*2.png", ""),
                    (
                        "labels.json",
                        r#"[{"file": "1.png", "label": "cat"}, {"file": "x.png", "label": "dog"}]"#,
                    ),
                ],
                Refused(&["labels.json", "x.png"]),
            ),
            (
                &[
                    ("*3.png", ""),
                    ("labels.json", r#"{"1.png": ["cat", "dog"], "2.png": "cat", "3.png": "dog"}"#),
                ],
                Refused(&["several classes"]),
            ),
        ],
        &OpenOptions::default(),
    );
}

#[test]
fn splits_in_json_apply_to_class_folders() {
    const FOLDERS: [(&str, &str); 2] = [("cat/*3.png", ""), ("dog/*3.png", "")];
    let with = |name: &'static str, text: &'static str| leak(&[FOLDERS[0], FOLDERS[1], (name, text)]);
    let all = r#"{"train": ["cat/1.png", "cat/2.png", "dog/1.png"], "test": ["cat/3.png", "dog/2.png", "dog/3.png"]}"#;
    let with_val = r#"{"train": ["data/cat/1", "data/dog/1"], "val": ["data/cat/2", "data/dog/2"],
        "test": ["data/cat/3", "data/dog/3"]}"#;
    let objects =
        r#"{"train": [{"file": "cat/1.png"}, {"file": "dog/1.png"}], "test": [{"file": "cat/2.png"}]}"#;
    check(
        &[
            (
                with("splits.json", all),
                Reads(&[("cat", 2, 1), ("dog", 1, 2)], 0, &["is read from splits.json"]),
            ),
            (
                with("split.json", with_val),
                Reads(&[("cat", 1, 1), ("dog", 1, 1)], 0, &["is read from split.json"]),
            ),
            (with("split.json", objects), Reads(&[("cat", 1, 1), ("dog", 1, 0)], 0, &["not listed"])),
            (
                leak(&[FOLDERS[0], FOLDERS[1], ("test.json", r#"["cat/1.png", "dog/2.png"]"#)]),
                Reads(&[("cat", 2, 1), ("dog", 2, 1)], 0, &["is read from test.json"]),
            ),
            (
                with("splits.json", r#"{"fold_0": ["cat/1.png"], "fold_1": ["dog/1.png"]}"#),
                Reads(&[("cat", 3, 0), ("dog", 2, 1)], 0, &["splits.json looks like a split"]),
            ),
            (
                with("splits.json", r#"{"train": [0, 1, 2], "test": [3, 4]}"#),
                Reads(&[("cat", 3, 0), ("dog", 2, 1)], 0, &["splits.json looks like a split"]),
            ),
        ],
        &OpenOptions::default(),
    );
}

#[test]
fn lists_in_split_folders_are_joined() {
    let metadata = "file_name,label\n1.png,cat\n2.png,dog\n3.png,cat\n";
    let lines =
        "{\"file_name\": \"1.png\", \"label\": \"cat\"}\n{\"file_name\": \"2.png\", \"label\": \"dog\"}\n";
    let columns = "filename, cat, dog\n1.png, 1, 0\n2.png, 0, 1\n";
    check(
        &[
            (
                leak(&[
                    ("train/*3.png", ""),
                    ("test/*3.png", ""),
                    ("train/metadata.csv", metadata),
                    ("test/metadata.csv", metadata),
                ]),
                Reads(&[("cat", 2, 2), ("dog", 1, 1)], 0, &[]),
            ),
            (
                leak(&[
                    ("train/*2.png", ""),
                    ("test/*2.png", ""),
                    ("train/metadata.jsonl", lines),
                    ("test/metadata.jsonl", lines),
                ]),
                Reads(&[("cat", 1, 1), ("dog", 1, 1)], 0, &[]),
            ),
            (
                leak(&[
                    ("train/*2.png", ""),
                    ("valid/*2.png", ""),
                    ("test/*2.png", ""),
                    ("train/_classes.csv", columns),
                    ("valid/_classes.csv", columns),
                    ("test/_classes.csv", columns),
                ]),
                Reads(&[("cat", 1, 1), ("dog", 1, 1)], 0, &["read as classes"]),
            ),
            (
                leak(&[("train/*3.png", ""), ("test/*2.png", ""), ("train/labels.csv", metadata)]),
                Reads(&[("cat", 1, 1), ("dog", 1, 0)], 0, &["not listed"]),
            ),
        ],
        &OpenOptions::default(),
    );
}

#[test]
fn lists_of_image_ids_without_labels_are_said() {
    let table = "lesion_id,image_id,dx\n1,a1,nv\n2,a2,mel\n3,b1,nv\n4,b2,mel\n";
    check(
        &[
            (
                leak(&[("left/a*2.png", ""), ("right/b*2.png", ""), ("metadata.csv", table)]),
                Reads(
                    &[("left", 1, 1), ("right", 1, 1)],
                    0,
                    &["a list without labels", "call the column of its classes label"],
                ),
            ),
            (
                leak(&[
                    ("images_part_1/a*2.png", ""),
                    ("images_part_2/b*2.png", ""),
                    ("metadata.csv", table),
                ]),
                Refused(&[
                    "images_part_1, images_part_2",
                    "parts of one set",
                    "metadata.csv names images and has the columns lesion_id,image_id,dx",
                    "rename the column of classes to label",
                ]),
            ),
        ],
        &OpenOptions::default(),
    );
}

#[test]
fn folders_of_cameras_dates_and_copies_are_asked_about() {
    let two = |a: &'static str, b: &'static str| leak(&[(a, ""), (b, "")]);
    check(
        &[
            (
                two("100CANON/*3.png", "101CANON/*3.png"),
                Refused(&["those of a camera", "folders_as_classes"]),
            ),
            (two("2021-05-01/*3.png", "2021-06-11/*3.png"), Refused(&["dates"])),
            (two("part 1/*3.png", "part 2/*3.png"), Refused(&["parts of one set"])),
            (two("2021/*3.png", "2022/*3.png"), Refused(&["are years", "folders_as_classes"])),
            (two("Photos from 2021/*3.png", "Photos from 2022/*3.png"), Refused(&["are years"])),
            (
                leak(&[
                    ("Photos from 2021/*3.png", ""),
                    ("Photos from 2022/*3.png", ""),
                    ("Rome/*3.png", ""),
                ]),
                Refused(&["albums of a year", "Photos from 2021, Photos from 2022"]),
            ),
            (two("Site01/*3.png", "Site02/*3.png"), Refused(&["places of cameras", "folders_as_classes"])),
            (two("CAM_A/*3.png", "CAM_B/*3.png"), Refused(&["places of cameras"])),
            (two("camera 1/*3.png", "camera 2/*3.png"), Refused(&["places of cameras"])),
            (two("cat/*3.png", "cat~/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat_new/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat v2/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat 2/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat_2/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat 2021-05-01/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat_20210501/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat_flipped/*3.png"), Refused(&["copy"])),
            (two("cat/*3.png", "cat_final/*3.png"), Refused(&["copy"])),
            (two("unseen/*3.png", "unknown/*3.png"), Refused(&["unknown, unseen", "parts of one set"])),
            (two("Known/*3.png", "Unknown/*3.png"), Refused(&["parts of one set", "folders_as_classes"])),
            (two("rest/*3.png", "selected/*3.png"), Refused(&["rest, selected", "'unlabeled'"])),
            (two("선택/*3.png", "나머지/*3.png"), Refused(&["parts of one set"])),
            (two("original/*3.png", "augmented/*3.png"), Refused(&["augmented", "made from others"])),
            (two("train/original/*3.png", "train/Augmented images/*3.png"), Refused(&["made from others"])),
            (
                leak(&[("cat/*3.png", ""), ("cat/augmented/*3.png", ""), ("dog/*3.png", "")]),
                Refused(&["cat/augmented", "made from others", "training images would test"]),
            ),
            (
                leak(&[
                    ("train/cat/*3.png", ""),
                    ("train/cat/augmented/*3.png", ""),
                    ("train/dog/*3.png", ""),
                    ("test/cat/1.png", ""),
                ]),
                Reads(&[("cat", 6, 1), ("dog", 3, 0)], 0, &[]),
            ),
            // A list says what they are.
            (
                leak(&[
                    ("cat/*2.png", ""),
                    ("cat_new/*2.png", ""),
                    (
                        "list.csv",
                        "file,label,split\ncat/1.png,cat,train\ncat_new/1.png,cat_new,train\ncat/2.png,cat,test\n",
                    ),
                ]),
                Reads(&[("cat", 1, 1), ("cat_new", 1, 0)], 0, &[]),
            ),
            (two("cat/*3.png", "review/*3.png"), Refused(&["to be sorted"])),
            (leak(&[("DCIM/100CANON/*3.png", "")]), Refused(&["folder of a camera"])),
            (
                leak(&[("cat/*3.png", ""), ("dog/*3.png", ""), ("not annotated/*3.png", "")]),
                Reads(&[("cat", 3, 0), ("dog", 2, 1)], 3, &[]),
            ),
            (
                leak(&[("cat/*3.png", ""), ("dog/*3.png", ""), ("to be labelled/*3.png", "")]),
                Reads(&[("cat", 3, 0), ("dog", 2, 1)], 3, &[]),
            ),
        ],
        &OpenOptions::default(),
    );
}

/// A set says which classes have no test image, whatever says the split; names with a comma are in quotes.
#[test]
fn classes_without_test_images_are_named() {
    let rows = "file,label,split\nimages/1.png,cat,train\nimages/2.png,\"Tulpe, rot\",train\nimages/3.png,cat,test\n";
    let json = r#"[{"file":"images/1.png","label":"cat","split":"train"},{"file":"images/2.png","label":"Tulpe, rot",
        "split":"train"},{"file":"images/3.png","label":"cat","split":"test"}]"#;
    const NOTICE: &[&str] = &["no test image is of class 'Tulpe, rot': accuracy says nothing about it"];
    check(
        &[
            (
                leak(&[("images/*3.png", ""), ("list.csv", rows)]),
                Reads(&[("Tulpe, rot", 1, 0), ("cat", 1, 1)], 0, NOTICE),
            ),
            (
                leak(&[("images/*3.png", ""), ("list.json", json)]),
                Reads(&[("Tulpe, rot", 1, 0), ("cat", 1, 1)], 0, NOTICE),
            ),
            (
                leak(&[("train/Tulpe, rot/*2.png", ""), ("train/cat/*2.png", ""), ("test/cat/1.png", "")]),
                Reads(&[("Tulpe, rot", 2, 0), ("cat", 2, 1)], 0, NOTICE),
            ),
            (
                leak(&[("Tulpe, rot/1.png", ""), ("cat/*5.png", "")]),
                Reads(
                    &[("Tulpe, rot", 1, 0), ("cat", 4, 1)],
                    0,
                    &["no test image is of class 'Tulpe, rot'", "('Tulpe, rot' 0 of 1, cat 1 of 5)"],
                ),
            ),
        ],
        &evenly(),
    );
}

/// A table that lives as long as the test.
fn leak(table: &[(&'static str, &str)]) -> &'static [(&'static str, &'static str)] {
    let table: Vec<(&'static str, &'static str)> =
        table.iter().map(|(path, text)| (*path, &*Box::leak(text.to_string().into_boxed_str()))).collect();
    Box::leak(table.into_boxed_slice())
}
