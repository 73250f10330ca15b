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
        Refused(&[
            "several lists of the same images: test.csv and train.csv differ in 2 of 2 images that both name",
            "1.png: test in test.csv, train in train.csv",
        ]),
    )]);
}

#[test]
fn lists_without_rows_say_what_to_add() {
    check_all(&[
        (&[("*4.png", ""), ("list.csv", "file,label\n")], Refused(&["a row for each image", "add rows"])),
        (&[("*4.png", ""), ("list.csv", "\n")], Refused(&["found an empty line", "add the header"])),
    ]);
}

#[test]
fn columns_of_exclusions_leave_images_out() {
    for (column, yes, no) in [
        ("exclude", "true", "false"),
        ("Excluded", "1", "0"),
        ("skip", "yes", ""),
        ("ignore", "x", ""),
        ("DeleteFlag", "True", "False"),
        ("is_deleted", "skip", "NaN"),
    ] {
        let list = format!("file,label,{column}\n1.png,a,{no}\n2.png,b,{no}\n3.png,a,{yes}\n4.png,b,{no}\n");
        let table = [IMAGES, &[("list.csv", list.as_str())]].concat();
        let told = format!("the column {column} of");
        for (way, opened) in Files::new(&table).open_everywhere(&OpenOptions::default()) {
            compare(&format!("{list} as {way}"), opened, &Reads(&["a", "b"], 3, 0, &[]));
        }
        for (way, opened) in Files::new(&table).open_everywhere(&OpenOptions::default()) {
            let notices = opened.unwrap_or_else(|error| panic!("{way}: {error}")).notices.join("\n");
            assert!(notices.contains(&told), "{way}: {notices}");
            assert!(
                notices.contains("says which images do not count: 1 of 4 rows is left out"),
                "{way}: {notices}"
            );
            assert!(
                notices.contains("1 file is left out (as the list says), such as 3.png"),
                "{way}: {notices}"
            );
        }
    }
    check_lists(&[
        ("file,label,exclude\n1.png,a,\n2.png,b,\n3.png,a,blurry\n4.png,b,\n", {
            Refused(&[
                "line 4",
                "yes or no (true, 1 or x) in the column exclude",
                "found 'blurry'",
                "rename or delete",
            ])
        }),
        // Such a column is no class, and no label.
        ("file,cat,dog,exclude\n1.png,1,0,0\n2.png,0,1,0\n3.png,1,0,1\n4.png,0,1,0\n", {
            Reads(&["cat", "dog"], 3, 0, &["the columns cat, dog of", "the column exclude of"])
        }),
        ("file,exclude\n1.png,1\n2.png,0\n3.png,0\n4.png,0\n", Refused(&["a column label", "file,exclude"])),
        // An image cannot be listed and left out.
        ("file,label,skip\n1.png,a,\n2.png,b,\n3.png,a,\n4.png,b,\n1.png,a,x\n", {
            Refused(&["line 6", "'1.png' again: left out here, a before"])
        }),
    ]);
}

#[test]
fn columns_filled_in_some_rows_are_told() {
    check_lists(&[
        // Words of splits in some rows alone.
        ("file,label,role\n1.png,a,\n2.png,b,\n3.png,a,test\n4.png,b,test\n", {
            Reads(&["a", "b"], 4, 0, &["the column role of", "is read as the split"])
        }),
        ("file,label,assigned\n1.png,a,train\n2.png,b,train\n3.png,a,exclude\n4.png,b,test\n", {
            Reads(&["a", "b"], 3, 0, &["the column assigned of", "as the list says"])
        }),
        ("file,label,status\n1.png,a,\n2.png,b,\n3.png,a,ignored\n4.png,b,\n", {
            Reads(&["a", "b"], 3, 0, &["the column status of", "as the list says"])
        }),
        ("file,label,role\n1.png,a,\n2.png,b,\n3.png,a,pilot\n4.png,b,\n", {
            Reads(&["a", "b"], 4, 0, &["the column role of", "'pilot' is no split word"])
        }),
        // Other words.
        ("file,label,assigned\n1.png,a,ann\n2.png,b,bob\n3.png,a,ann\n4.png,b,\n", {
            Reads(&["a", "b"], 4, 0, &["a column of", "is not used: assigned ('ann', 'bob')"])
        }),
        ("file,label,keep,night\n1.png,a,1,yes\n2.png,b,0,\n3.png,a,1,\n4.png,b,1,\n", {
            Reads(&["a", "b"], 4, 0, &["are not used: keep ('0', '1'), night ('yes')"])
        }),
        // Another column of classes.
        ("file,label,label_2\n1.png,a,x\n2.png,b,y\n3.png,a,z\n4.png,b,w\n", {
            Reads(&["a", "b"], 4, 0, &["the classes are those in the column label of", "label_2 is not used"])
        }),
    ]);
    // Sizes, texts and a value that all rows have say nothing.
    let list = "file,label,width,note,camera\n1.png,a,8,one,A\n2.png,b,8,two,A\n3.png,a,9,three,A\n4.png,b,8,four,A\n";
    let table = [IMAGES, &[("list.csv", list)]].concat();
    for (way, opened) in Files::new(&table).open_everywhere(&OpenOptions::default()) {
        let notices = opened.unwrap_or_else(|error| panic!("{way}: {error}")).notices.join("\n");
        assert!(!notices.contains("not used"), "{way}: {notices}");
    }
}

#[test]
fn columns_of_programs_and_competitions_are_read() {
    check_all(&[
        // Camera traps.
        (
            &[
                (
                    "list.csv",
                    "File,RelativePath,Folder,Species\n1.png,a,set,cat\n2.png,a,set,dog\n1.png,b\\c,set,cat\n2.png,b\\c,set,dog\n",
                ),
                ("a/*2.png", ""),
                ("b/c/*2.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 0, &["the column RelativePath of", "names the folders of the files"]),
        ),
        // A column of folders that names none here.
        (
            &[
                ("list.csv", "file,folder,label\n1.png,x,a\n2.png,x,b\n3.png,y,a\n4.png,y,b\n"),
                ("*4.png", ""),
            ],
            Reads(&["a", "b"], 4, 0, &[]),
        ),
        (
            &[
                ("train.csv", "id_code,diagnosis\na1,0\na2,1\na3,0\na4,1\n"),
                ("test.csv", "id_code\nb1\nb2\nb3\n"),
                ("train_images/a*4.png", ""),
                ("test_images/b*3.png", ""),
            ],
            Reads(&["0", "1"], 4, 0, &["3 files are left out (not listed), such as test_images/b1.png"]),
        ),
        // Numbers of images in both folders.
        (
            &[
                ("train.csv", "ImageId,ClassName\n1,a\n2,b\n3,a\n4,b\n"),
                ("train_images/*4.png", ""),
                ("test_images/*3.png", ""),
            ],
            Reads(&["a", "b"], 4, 0, &["3 files are left out (not listed), such as test_images/1.png"]),
        ),
    ]);
}

#[test]
fn files_that_differ_in_ending_or_zeros_are_matched() {
    check_all(&[
        (
            &[("list.csv", "id,label\n1,a\n2,b\n3,a\n4,b\n"), ("000*4.png", "")],
            Reads(&["a", "b"], 4, 0, &["4 of 4 rows name no file as written", "such as '1' with 0001.png"]),
        ),
        (
            &[("list.csv", "file,label\n1.jpeg,a\n2.jpeg,b\n3.png,a\n4.png,b\n"), ("*4.png", "")],
            Reads(&["a", "b"], 4, 0, &["2 of 4 rows name no file as written", "such as '1.jpeg' with 1.png"]),
        ),
        (
            &[("list.csv", "id,label\n1,a\n2,b\n3,a\n4,b\n"), ("000*4.png", ""), ("01.png", "")],
            Refused(&["line 2", "'1', which may be 0001.png or 01.png"]),
        ),
    ]);
}
