//! Several lists in one folder, and lists beside an archive and a folder of the same names.

use std::fs;

use remixmatch::data::{OpenOptions, layout, open};

use super::common::read;
use super::layout_files::{Files, png};
use super::lists::Expect::{Reads, Refused};
use super::lists::{check_all, counts};

const FIVE: &str = "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n5.png,cat\n";
const FOUR: &str = "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n";

#[test]
fn versions_of_a_list_are_asked_about() {
    check_all(&[
        // Rows were removed.
        (
            &[("labels.csv", FIVE), ("labels_v2.csv", FOUR), ("*5.png", "")],
            Refused(&[
                "several lists of the same images: labels.csv and labels_v2.csv both name 4 images",
                "1 image is in one of them alone, such as 5.png in labels.csv",
            ]),
        ),
        (
            &[("labels.csv", FOUR), ("train.csv", FIVE), ("*5.png", "")],
            Refused(&["labels.csv and train.csv both name 4 images"]),
        ),
        // Other classes.
        (
            &[
                ("labels.csv", FOUR),
                ("new.csv", "path;class\n1.png;dog\n2.png;dog\n3.png;cat\n4.png;dog\n"),
                ("*4.png", ""),
            ],
            Refused(&[
                "labels.csv and new.csv differ in 1 of 4 images that both name, such as 1.png: cat in labels.csv, dog in new.csv",
            ]),
        ),
        // Images that one leaves out.
        (
            &[
                ("labels.csv", FOUR),
                (
                    "labels_clean.csv",
                    "file,label,split\n1.png,cat,train\n2.png,dog,left out\n3.png,cat,train\n4.png,dog,train\n",
                ),
                ("*4.png", ""),
            ],
            Refused(&["2.png: dog in labels.csv, left out in labels_clean.csv"]),
        ),
        (
            &[
                ("labels.csv", "file,label,exclude\n1.png,cat,\n2.png,dog,\n3.png,cat,x\n4.png,dog,\n"),
                ("labels2.csv", FOUR),
                ("*4.png", ""),
            ],
            Refused(&["3.png: left out in labels.csv, cat in labels2.csv"]),
        ),
        // In JSON, and in the folders of splits.
        (
            &[
                ("labels.csv", FOUR),
                ("labels.json", r#"[{"file": "1.png", "label": "dog"}, {"file": "2.png", "label": "dog"}]"#),
                ("*4.png", ""),
            ],
            Refused(&["labels.csv and labels.json differ in 1 of 2 images"]),
        ),
        (
            &[
                ("train/labels.csv", FOUR),
                ("train/labels_old.csv", "file,label\n1.png,cat\n2.png,dog\n"),
                ("train/*4.png", ""),
                ("test/*2.png", ""),
            ],
            Refused(&["train/labels.csv and train/labels_old.csv both name 2 images, and 2 images are"]),
        ),
    ]);
}

#[test]
fn lists_of_different_images_are_named() {
    check_all(&[
        (
            &[("train.csv", FOUR), ("test.csv", "file,label\n5.png,cat\n6.png,dog\n"), ("*6.png", "")],
            Reads(
                &["cat", "dog"],
                6,
                0,
                &["2 lists are read together: test.csv (2 rows), train.csv (4 rows)"],
            ),
        ),
        (
            &[
                ("train/metadata.csv", FOUR),
                ("test/metadata.csv", "file,label\n1.png,cat\n2.png,dog\n"),
                ("train/*4.png", ""),
                ("test/*2.png", ""),
            ],
            Reads(&["cat", "dog"], 6, 0, &["test/metadata.csv (2 rows), train/metadata.csv (4 rows)"]),
        ),
        // Lists that say the same.
        (
            &[
                ("labels.csv", FOUR),
                ("labels_folds.csv", "file,label,fold\n1.png,cat,0\n2.png,dog,1\n3.png,cat,0\n4.png,dog,1\n"),
                ("*4.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 0, &["labels.csv and labels_folds.csv say the same"]),
        ),
    ]);
}

/// The question is answered by naming one.
#[test]
fn a_list_opened_itself_is_read_alone() {
    let folder = Files::new(&[("labels.csv", FIVE), ("labels_v2.csv", FOUR), ("*5.png", "")]).write();
    let photos = folder.path().join("photos");
    let question = read(&photos).unwrap_err().to_string();
    assert!(question.contains(&format!("such as {}", photos.join("labels_v2.csv").display())), "{question}");
    for (name, images) in [("labels.csv", 5), ("labels_v2.csv", 4)] {
        let set = read(&photos.join(name)).unwrap();
        assert_eq!(counts(&set), (vec!["cat", "dog"], images, 0), "{name}");
    }
    // Of an archive, the list is put beside it.
    let files = Files::new(&[("labels.csv", FIVE), ("labels_v2.csv", FOUR), ("*5.png", "")]);
    let around = tempfile::tempdir().unwrap();
    fs::write(around.path().join("photos.zip"), files.zip()).unwrap();
    fs::write(around.path().join("labels_v2.csv"), FOUR).unwrap();
    let question = read(&around.path().join("photos.zip")).unwrap_err().to_string();
    assert!(question.contains("put the one that counts beside the archive"), "{question}");
    assert_eq!(counts(&read(&around.path().join("labels_v2.csv")).unwrap()).1, 4);
}

/// On a disk and in archives.
#[test]
fn lists_beside_hand_made_labels_are_named() {
    let files = Files::new(&[
        ("labels.csv", FOUR),
        ("classes.txt", "cat\ndog\n"),
        ("labels_v2.csv", FIVE),
        ("labels.xlsx", "PK"),
        ("*5.png", ""),
    ]);
    for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        let labelled = set.train_labels.iter().flatten().count();
        assert_eq!(labelled + if set.tests_labelled_images() { 0 } else { set.test.len() }, 4, "{way}");
        let notices = set.notices.join("\n");
        assert!(notices.contains("labels_v2.csv") && notices.contains("count alone"), "{way}: {notices}");
        assert!(notices.contains("labels.xlsx is not read (a spreadsheet)"), "{way}: {notices}");
    }
    let folder = files.write();
    let told = layout(folder.path().join("photos").to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert!(told.to_string().contains("labels_v2.csv is not read"), "{told}");
}

/// The corrected list of an archive means its images, also beside the folder that it was unpacked to.
#[test]
fn lists_of_an_archive_open_its_images() {
    const ROWS: &str = "file,label,split\na/1.png,a,train\na/2.png,a,test\nb/1.png,b,train\nb/2.png,b,test\n";
    for (case, table) in [
        ("at the root", &[("a/*2.png", ""), ("b/*2.png", "")][..]),
        ("in a folder", &[("W/a/*2.png", ""), ("W/b/*2.png", "")]),
    ] {
        let files = Files::new(table);
        for (name, bytes) in [("W.zip", files.zip()), ("W.tar.gz", files.tar_gz())] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), bytes).unwrap();
            let list = folder.path().join("labels.csv");
            fs::write(&list, ROWS).unwrap();
            // The files of the same names in the folder have other pixels.
            for (class, first) in [("a", 100), ("b", 110)] {
                fs::create_dir_all(folder.path().join("W").join(class)).unwrap();
                (1..3).for_each(|i| {
                    fs::write(folder.path().join(format!("W/{class}/{i}.png")), png(first + i)).unwrap();
                });
            }
            let set = read(&list).unwrap_or_else(|error| panic!("{case}, {name}: {error}"));
            assert!(set.train.image(0)[0] < 100, "{case}, {name}: {:?}", set.notices);
            let notices = set.notices.join("\n");
            assert!(notices.contains("names are those in") && notices.contains(name), "{case}: {notices}");
            // Images that the rows name on the disk count, and the archive is named.
            let rows = ROWS.replace("a/", "W/a/").replace("b/", "W/b/");
            fs::write(&list, rows).unwrap();
            let set = read(&list).unwrap_or_else(|error| panic!("{case}, {name}: {error}"));
            assert!(set.train.image(0)[0] >= 100, "{case}, {name}: {:?}", set.notices);
            let told =
                format!("1 archive beside the list is not read ({name}): the files in the folder count");
            assert!(set.notices.contains(&told), "{case}: {:?}", set.notices);
            let set = open(folder.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
            assert!(set.notices.contains(&told), "{case}: {:?}", set.notices);
        }
    }
}
