//! Lists with what is beside them: class folders, copies of the images, and a file of classes.

use std::fs;

use remixmatch::data::{Choice, DataError, DataSet, LabellingFolder, OpenOptions, Origin, layout, open};

use super::common::{assert_refused, read, read_choice};
use super::layout_files::Files;
use super::lists::Expect::{Reads, Refused};
use super::lists::{Case, check_all, compare};

/// A set without its test images where these are the labelled ones themselves, as on a disk until there are enough labels.
fn once(opened: Result<DataSet, DataError>) -> Result<DataSet, DataError> {
    opened.map(|mut set| {
        if set.tests_labelled_images() {
            set.test = set.test.pick(&[]);
            set.test_labels.clear();
        }
        set
    })
}

#[test]
fn faulty_lists_beside_class_folders_are_told() {
    check_all(&[
        // A row with a field too many.
        (
            &[("labels.csv", "id,label\n1,big\n2,small,x\n3,big\n"), ("cat/*2.png", ""), ("dog/3.png", "")],
            Refused(&["labels.csv, line 3", "2 fields", "found 3"]),
        ),
        // An unknown split, and a row without a name.
        (
            &[("list.csv", "id,label,split\n1,a,later\n2,b,train\n"), ("cat/*2.png", ""), ("dog/3.png", "")],
            Refused(&["list.csv, line 2", "'later'"]),
        ),
        (
            &[("list.csv", "id,label\n1,a\n,b\n"), ("cat/*2.png", ""), ("dog/3.png", "")],
            Refused(&["list.csv, line 3", "the name of an image file"]),
        ),
        // Faults of a table that names no file are no faults of the set.
        (
            &[("people.csv", "id,class\n71,a\n72,b,c\n"), ("cat/*2.png", ""), ("dog/*2.png", "")],
            Reads(&["cat", "dog"], 4, 0, &["people.csv", "a list whose rows name no file here"]),
        ),
    ]);
}

#[test]
fn copies_of_listed_images_are_left_out() {
    const ROWS: &str = "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n";
    check_all(&[
        (
            &[("labels.csv", ROWS), ("*4.png", ""), ("cache/*4.png", ""), ("small/*4.png", "")],
            Reads(&["cat", "dog"], 4, 0, &["2 folders are ignored: cache (thumbnails), small (thumbnails)"]),
        ),
        // Names without folder mean the images, not their copies.
        (
            &[
                ("labels.csv", "id,label\n1,cat\n2,dog\n3,cat\n4,dog\n"),
                ("images/*4.png", ""),
                ("masks/*4.png", ""),
                ("thumbs/*4.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 0, &["masks (masks of other images)", "thumbs (thumbnails)"]),
        ),
        // A list that names them means them.
        (
            &[
                ("labels.csv", "file,label\nsmall/1.png,cat\nsmall/2.png,dog\nsmall/3.png,cat\n"),
                ("small/*3.png", ""),
                ("*3.png", ""),
            ],
            Reads(&["cat", "dog"], 3, 0, &["3 files are left out (not listed), such as 1.png"]),
        ),
    ]);
}

#[test]
fn copies_are_not_labelled_by_hand() {
    let files = Files::new(&[
        ("*6.png", ""),
        ("cache/*6.png", ""),
        ("thumb/*6.png", ""),
        ("masks/*6.png", ""),
        ("1_mask.png", ""),
        ("2_thumb.png", ""),
    ]);
    let folder = files.write();
    let photos = folder.path().join("photos");
    let own = LabellingFolder::open(&photos, &OpenOptions::default()).unwrap();
    assert_eq!(own.files, (1..=6).map(|i| format!("{i}.png")).collect::<Vec<_>>());
    let told = own.notices.join("\n");
    for word in ["cache (thumbnails)", "thumb (thumbnails)", "masks (masks of other images)", "1_mask.png"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    // What was labelled stays.
    fs::write(photos.join("labels.csv"), "file,label\ncache/1.png,a\n2_thumb.png,b\n1.png,a\n").unwrap();
    fs::write(photos.join("classes.txt"), "a\nb\n").unwrap();
    let own = LabellingFolder::open(&photos, &OpenOptions::default()).unwrap();
    assert_eq!((own.files.len(), own.read_labels().unwrap().made().len()), (13, 3), "{:?}", own.files);
}

#[test]
fn the_word_none_is_a_class_if_chosen() {
    let list = "file,label\n1.png,crack\n2.png,none\n3.png,crack\n4.png,none\n5.png,\n";
    let tables: [&[(&str, &str)]; 2] = [
        &[("list.csv", list), ("*5.png", "")],
        &[("labels.csv", list), ("classes.txt", "crack\n"), ("*5.png", "")],
    ];
    for table in tables {
        let files = Files::new(table);
        let chosen = OpenOptions {
            choice: Choice { none_as_class: true, ..Choice::default() },
            ..OpenOptions::default()
        };
        for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
            if let Err(error) = &opened {
                assert_eq!(error.setting(), Some("none_as_class"), "{way}");
            }
            assert_refused(opened, &["line 3", "'none', which counts as no label", "set none_as_class"]);
        }
        for (way, opened) in files.open_everywhere(&chosen) {
            compare(&format!("{table:?} as {way}"), once(opened), &Reads(&["crack", "none"], 4, 1, &[]));
        }
    }
    // Beside other classes it is no label, unless it is chosen.
    let files = Files::new(&[
        ("list.csv", "file,label\n1.png,a\n2.png,b\n3.png,a\n4.png,b\n5.png,none\n6.png,NaN\n"),
        ("*6.png", ""),
    ]);
    let path = files.write();
    let path = path.path().join("photos");
    compare(
        "words",
        read(&path),
        &Reads(
            &["a", "b"],
            4,
            2,
            &["'NaN', 'none' instead of a label: their images", "set none_as_class or rename it"],
        ),
    );
    let chosen = read_choice(&path, Choice { none_as_class: true, ..Choice::default() });
    compare("chosen", chosen, &Reads(&["a", "b", "none"], 5, 1, &["1 of 6 rows", "has 'NaN' instead"]));
    // The choice says nothing about folders.
    let folders = Files::new(&[("cat/*3.png", ""), ("dog/*3.png", "")]).write();
    let chosen =
        read_choice(&folders.path().join("photos"), Choice { none_as_class: true, ..Choice::default() });
    assert_refused(chosen, &["the setting none_as_class applies to images listed in a CSV file"]);
}

#[test]
fn hand_made_labels_mean_the_same_in_archives() {
    let cases: [Case; 4] = [
        (
            &[
                ("labels.csv", "file,label\n1.png,0\n2.png,1\n3.png,0\n4.png,1\n"),
                ("classes.txt", "cat\ndog\n"),
                ("*7.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 3, &["numbers of the lines of classes.txt: 0 is 'cat'"]),
        ),
        (
            &[
                ("labels.csv", "file,label\n1.png,1\n2.png,2\n3.png,1\n4.png,2\n"),
                ("classes.txt", "cat\ndog\n"),
                ("*4.png", ""),
                ("more/*2.png", ""),
                ("cache/*4.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 2, &["1 is 'cat'", "cache (thumbnails)"]),
        ),
        // A class of the file is one, whatever its name.
        (
            &[
                ("labels.csv", "file,label\n1.png,none\n2.png,crack\n3.png,none\n4.png,crack\n"),
                ("classes.txt", "crack\nnone\n"),
                ("*4.png", ""),
            ],
            Reads(&["crack", "none"], 4, 0, &[]),
        ),
        (
            &[
                ("labels.csv", "file,label\n1.png,cat\n2.png,dog\ngone.png,dog\n"),
                ("classes.txt", "cat\ndog\n"),
                ("*4.png", ""),
            ],
            Refused(&["line 4", "1 of 3 rows names no file here: 'gone.png'"]),
        ),
    ];
    for (table, expected) in &cases {
        for (way, opened) in Files::new(table).open_everywhere(&OpenOptions::default()) {
            compare(&format!("{table:?} as {way}"), once(opened), expected);
        }
    }
    let folder = Files::new(cases[0].0).write();
    let zip = folder.path().join("photos.zip");
    fs::write(&zip, Files::new(cases[0].0).zip()).unwrap();
    let told = layout(zip.to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!(told.rows.iter().map(|row| row.files).sum::<usize>(), 9, "{told}");
    assert!(matches!(
        open(folder.path().join("nothing").to_str().unwrap(), &OpenOptions::default()),
        Err(DataError::Read { .. })
    ));
}

/// As a folder, and in archives of it or of a folder around it.
#[test]
fn labelled_folders_have_one_split_everywhere() {
    let row = |image: usize| format!("{image}.png,{}\n", ["zebra", "cat"][image % 2]);
    for (labels, held_out) in [(2, false), (14, true)] {
        let list = format!("file,label\n{}", (1..=labels).map(row).collect::<String>());
        for at in ["", "photos/"] {
            let names = ["labels.csv", "classes.txt", "*20.png"].map(|name| format!("{at}{name}"));
            let files = Files::new(&[
                (names[0].as_str(), list.as_str()),
                (&names[1], "zebra\ncat\n"),
                (&names[2], ""),
            ]);
            let mut first: Option<DataSet> = None;
            for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
                let set = opened.unwrap_or_else(|error| panic!("{labels} in '{at}' as {way}: {error}"));
                assert_eq!(set.classes, ["zebra", "cat"], "{way}");
                assert_eq!(set.origin, Origin::ByHand { held_out }, "{way}");
                let first = first.get_or_insert_with(|| set.clone());
                assert_eq!(
                    (&set.train_labels, &set.test_labels),
                    (&first.train_labels, &first.test_labels),
                    "{way}"
                );
                assert_eq!((&set.train_ids, &set.test_ids), (&first.train_ids, &first.test_ids), "{way}");
                assert_eq!((&set.train, &set.test), (&first.train, &first.test), "{way}");
                assert_eq!((&set.format, &set.notices), (&first.format, &first.notices), "{way}");
            }
        }
    }
}

/// Of sets with other images to train on: elsewhere, one image is too little.
#[test]
fn one_label_of_each_class_tests_itself() {
    let rows = "file,label,split\n1.png,cat,train\n2.png,zebra,train\n3.png,,train\n4.png,,train\n";
    let cases: [&[(&str, &str)]; 3] = [
        &[("list.csv", rows), ("*4.png", "")],
        &[("list.csv", "file,label\n1.png,cat\n2.png,dog\n"), ("*2.png", ""), ("unlabeled/*2.png", "")],
        &[("cat/1.png", ""), ("dog/1.png", ""), ("unlabeled/*2.png", "")],
    ];
    for table in cases {
        for memory in [None, Some(0)] {
            let options = OpenOptions { memory, ..OpenOptions::default() };
            for (way, opened) in Files::new(table).open_everywhere(&options) {
                let set = opened.unwrap_or_else(|error| panic!("{table:?} as {way}: {error}"));
                assert_eq!(
                    (set.train.len(), set.test_labels.as_slice()),
                    (4, &[0, 1][..]),
                    "{table:?} as {way}"
                );
                assert_eq!(set.train_labels.iter().flatten().count(), 2, "{table:?} as {way}");
                assert_eq!(set.train_ids.ids[..2], set.test_ids.ids, "{table:?} as {way}");
                assert!(set.tests_labelled_images() && !set.is_labelled_folder(), "{table:?} as {way}");
                let told = "accuracy is measured on the labelled images themselves";
                assert!(set.notices.iter().any(|notice| notice.contains(told)), "{:?}", set.notices);
                assert!(!set.notices.iter().any(|notice| notice.contains("held out")), "{:?}", set.notices);
            }
        }
    }
    for (_, opened) in
        Files::new(&[("cat/1.png", ""), ("dog/1.png", "")]).open_everywhere(&OpenOptions::default())
    {
        assert_refused(opened, &["no test images"]);
    }
}

/// A list beside the archive of its images, as the corrected list of a check lies there.
#[test]
fn lists_beside_an_archive_have_its_images() {
    const ROWS: &str =
        "file,label,split\na/1.png,a,train\na/2.png,a,test\nb/1.png,b,train\nb/2.png,b,left out\n";
    let images: &[(&str, &str)] = &[("a/*3.png", ""), ("b/*3.png", "")];
    let inner: &[(&str, &str)] =
        &[("photos/a/*3.png", ""), ("photos/b/*3.png", ""), ("photos/other.csv", "file,label\n")];
    for (case, files) in [("at the root", images), ("in a folder", inner)] {
        let files = Files::new(files);
        let tar = {
            let mut bytes = Vec::new();
            let gz = files.tar_gz();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gz[..]), &mut bytes)
                .expect("a tar");
            bytes
        };
        for (name, bytes) in [("p.zip", files.zip()), ("p.tar", tar), ("p.tar.gz", files.tar_gz())] {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join(name), &bytes).expect("a file");
            let list = folder.path().join("clean.csv");
            fs::write(&list, ROWS).expect("a file");
            // Another archive, and images beside the list, are no part of it.
            fs::write(folder.path().join("q.zip"), Files::new(&[("x.png", "")]).zip()).expect("a file");
            fs::write(folder.path().join("beside.png"), super::layout_files::png(3)).expect("a file");
            let source = list.to_str().expect("a path");
            let set = open(source, &OpenOptions::default())
                .unwrap_or_else(|error| panic!("{case}, {name}: {error}"));
            assert_eq!((set.classes.len(), set.train.len(), set.test.len()), (2, 2, 1), "{case}, {name}");
            let notices = set.notices.join("\n");
            assert!(notices.contains("clean.csv names are those in") && notices.contains(name), "{notices}");
            let layout = layout(source, &OpenOptions::default()).expect("a layout");
            assert_eq!(layout.format, set.format, "{case}, {name}");
            // Two archives with these images.
            fs::write(folder.path().join("copy.zip"), files.zip()).expect("a file");
            assert_refused(
                open(source, &OpenOptions::default()),
                &["one archive beside the list", "copy.zip"],
            );
            // Images on the disk win.
            for class in ["a", "b"] {
                fs::create_dir(folder.path().join(class)).expect("a folder");
                (1..4).for_each(|i| {
                    let path = folder.path().join(format!("{class}/{i}.png"));
                    fs::write(path, super::layout_files::png(i)).expect("a file");
                });
            }
            let set = open(source, &OpenOptions::default()).expect("a set");
            assert!(!set.notices.join("\n").contains("are those in"), "{case}, {name}");
        }
    }
}
