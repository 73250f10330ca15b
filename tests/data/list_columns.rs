//! Columns of a list that name files, splits and classes twice, or in words that are not read.

use remixmatch::data::OpenOptions;

use super::layout_files::Files;
use super::lists::Expect::{Reads, Refused};
use super::lists::{Case, check_all, compare};

const IMAGES: &[(&str, &str)] = &[("*4.png", "")];

/// Opens lists of four images in every way.
fn check_lists(cases: &[(&str, super::lists::Expect)]) {
    for (list, expected) in cases {
        let table = [IMAGES, &[("list.csv", *list)]].concat();
        for (way, opened) in Files::new(&table).open_everywhere(&OpenOptions::default()) {
            compare(&format!("{list} as {way}"), opened, expected);
        }
    }
}

#[test]
fn columns_that_name_other_files_are_refused() {
    check_lists(&[
        ("filename,image,label\n1.png,2.png,a\n2.png,1.png,b\n3.png,3.png,a\n4.png,4.png,b\n", {
            Refused(&[
                "line 2",
                "one file for a row",
                "'1.png' in the column filename and '2.png' in the column image",
            ])
        }),
        ("id,path,label\n2.png,1.png,a\n1.png,2.png,b\n3.png,3.png,a\n4.png,4.png,b\n", {
            Refused(&["line 2", "'1.png' in the column path and '2.png' in the column id"])
        }),
        (
            "file,file,label\n1.png,2.png,a\n2.png,1.png,b\n3.png,3.png,a\n4.png,4.png,b\n",
            Refused(&["column 2"]),
        ),
        // The same file in other words, and another column that names no file.
        (
            "file,path,label\n1.png,./1.png,a\n2.png,2,b\n3.png,C:\\x\\y.png,a\n4.png,,b\n",
            Reads(&["a", "b"], 4, 0, &[]),
        ),
        // Numbers of rows.
        ("id,file,label\n2,1.png,a\n3,2.png,b\n4,3.png,a\n5,4.png,b\n", {
            Reads(&["a", "b"], 4, 0, &["the column file", "'2' in the column id is another one than '1.png'"])
        }),
    ]);
}

#[test]
fn unread_columns_of_splits_are_told() {
    check_lists(&[
        ("file,label,part\n1.png,a,learn\n2.png,b,check\n3.png,a,learn\n4.png,b,learn\n", {
            Reads(&["a", "b"], 4, 0, &["the column part", "'check', 'learn' are no split words"])
        }),
        ("file,label,part\n1.png,a,1\n2.png,b,1\n3.png,a,1\n4.png,b,1\n", Reads(&["a", "b"], 4, 0, &[])),
    ]);
}

#[test]
fn labels_beyond_the_file_of_classes_are_told() {
    let case: Case = (
        &[
            ("*4.png", ""),
            ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n3.png,owl\n4.png,cat\n"),
            ("classes.txt", "cat\ndog\n"),
        ],
        Reads(&["cat", "dog", "owl"], 4, 0, &["1 class of labels.csv is not in classes.txt: 'owl'"]),
    );
    for (way, opened) in Files::new(case.0).open_everywhere(&OpenOptions::default()) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(set.classes, ["cat", "dog", "owl"], "{way}");
        let notices = set.notices.join("\n");
        assert!(notices.contains("1 class of labels.csv is not in classes.txt: 'owl'"), "{way}: {notices}");
    }
}

#[test]
fn labelled_folders_tell_what_their_folders_say() {
    let files = Files::new(&[
        ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n"),
        ("classes.txt", "cat\ndog\n"),
        ("*4.png", ""),
        ("test/*3.png", ""),
    ]);
    let folder = files.write();
    let set = super::common::read(&folder.path().join("photos")).unwrap();
    let notices = set.notices.join("\n");
    assert!(
        notices.contains("3 images without labels are in folders whose names say that they test"),
        "{notices}"
    );
    let told = remixmatch::data::summary(&set).to_string();
    assert!(
        told.contains("7 images to train (5 of them of unknown class); the 2 with labels test too"),
        "{told}"
    );
}

#[test]
fn headers_in_other_languages_are_read() {
    for header in [
        "Datei;Klasse",
        "fichier,classe",
        "archivo,etiqueta",
        "文件名,标签",
        "ファイル名,ラベル",
        "файл;класс",
        "Fichier,Cate\u{301}gorie",
    ] {
        let separator = if header.contains(';') { ';' } else { ',' };
        let rows: String = (1..5).map(|i| format!("{i}.png{separator}{}\n", ["b", "a"][i % 2])).collect();
        let list = format!("{header}\n{rows}");
        let table = [IMAGES, &[("list.csv", list.as_str())]].concat();
        for (way, opened) in Files::new(&table).open_everywhere(&OpenOptions::default()) {
            compare(&format!("{header} as {way}"), opened, &Reads(&["a", "b"], 4, 0, &[]));
        }
    }
}

#[test]
fn images_in_two_splits_name_the_splits() {
    check_all(&[(
        &[
            ("*4.png", ""),
            ("train.csv", "file,label\n1.png,a\n2.png,b\n3.png,a\n4.png,b\n"),
            ("test.csv", "file,label\n1.png,a\n2.png,b\n"),
        ],
        Refused(&["'1.png' again: train here, test before"]),
    )]);
}

#[test]
fn lists_without_rows_say_what_to_add() {
    check_all(&[
        (&[("*4.png", ""), ("list.csv", "file,label\n")], Refused(&["a row for each image", "add rows"])),
        (&[("*4.png", ""), ("list.csv", "\n")], Refused(&["found an empty line", "add the header"])),
    ]);
}
