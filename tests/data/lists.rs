//! Lists: what they say about labels, splits and files, and what becomes of folders around them.

use std::fs;

use remixmatch::data::{CLASSES_FILE, DataError, DataSet, LABELS_FILE, OpenOptions, check, layout, open};

use super::common::{assert_refused, put, read};
use super::layout_files::{Files, png};

/// What a list is read as.
pub enum Expect {
    /// Classes, images of known class, images of unknown class, and words of notices.
    Reads(&'static [&'static str], usize, usize, &'static [&'static str]),
    Refused(&'static [&'static str]),
}
use Expect::{Reads, Refused};

pub type Case = (&'static [(&'static str, &'static str)], Expect);

pub fn counts(set: &DataSet) -> (Vec<&str>, usize, usize) {
    let known = set.train_labels.iter().flatten().count() + set.test.len();
    let unknown = set.train_labels.iter().filter(|label| label.is_none()).count();
    (set.classes.iter().map(String::as_str).collect(), known, unknown)
}

pub fn compare(what: &str, opened: Result<DataSet, DataError>, expected: &Expect) {
    match expected {
        Refused(words) => {
            let Err(error) = opened else { panic!("{what}: accepted") };
            let message = error.to_string();
            words
                .iter()
                .for_each(|word| assert!(message.contains(word), "{what}: no '{word}' in: {message}"));
            assert!(!message.contains('\n'), "{what}: {message}");
        }
        Reads(classes, known, unknown, words) => {
            let set = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(counts(&set), (classes.to_vec(), *known, *unknown), "{what}: {:?}", set.notices);
            let notices = set.notices.join("\n");
            words
                .iter()
                .for_each(|word| assert!(notices.contains(word), "{what}: no '{word}' in: {notices}"));
        }
    }
}

/// Opens every case as a folder, as archives and from memory.
pub fn check_all(cases: &[Case]) {
    for (table, expected) in cases {
        for (way, opened) in Files::new(table).open_everywhere(&OpenOptions::default()) {
            compare(&format!("{table:?} as {way}"), opened, expected);
        }
    }
}

/// Opens a list of every case by its own path.
fn check_list(list: &str, cases: &[Case]) {
    for (table, expected) in cases {
        let folder = Files::new(table).write();
        let opened = read(&folder.path().join("photos").join(list));
        compare(&format!("{list} of {table:?}"), opened, expected);
    }
}

const PETS: &str = "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n";

#[test]
fn only_the_folder_beside_a_list_is_unlabelled() {
    let unlabelled: [Case; 4] = [
        (
            &[("labels.csv", PETS), ("*4.png", ""), ("unlabeled/*3.png", ""), ("old/unsorted/*2.png", "")],
            Reads(&["cat", "dog"], 4, 3, &["3 images in unlabeled/, beside the list, count as unlabelled"]),
        ),
        (
            &[
                ("labels.csv", PETS),
                ("*4.png", ""),
                ("trip/unlabeled/*3.png", ""),
                ("trip/a/unsorted/*2.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 0, &[]),
        ),
        // A list that names one of them names all.
        (
            &[
                ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\nunlabeled/2.png,\n"),
                ("*4.png", ""),
                ("unlabeled/*3.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 1, &["2 files are left out (not listed), such as unlabeled/1.png"]),
        ),
        // So does a list that leaves images out.
        (
            &[
                (
                    "labels.csv",
                    "file,label,split\n1.png,cat,train\n2.png,dog,train\n3.png,cat,test\n4.png,dog,left out\n",
                ),
                ("*4.png", ""),
                ("unlabeled/*3.png", ""),
            ],
            Reads(
                &["cat", "dog"],
                3,
                0,
                &[
                    "1 file is left out (as the list says), such as 4.png",
                    "3 files are left out (not listed), such as unlabeled/1.png",
                ],
            ),
        ),
    ];
    check_all(&unlabelled);
    check_list("labels.csv", &unlabelled);
}

#[test]
fn files_around_a_chosen_list_are_not_missed() {
    let set: &[(&str, &str)] = &[
        ("labels.csv", "file,label\nset/1.png,cat\nset/2.png,dog\nset/3.png,cat\nset/4.png,dog\n"),
        ("set/*4.png", ""),
        ("set/forgotten.png", ""),
        ("holiday/*6.png", ""),
        ("holiday/unlabeled/*3.png", ""),
        ("other.png", ""),
    ];
    let folder = Files::new(set).write();
    let list = folder.path().join("photos/labels.csv");
    let read = read(&list).unwrap();
    assert_eq!(counts(&read), (vec!["cat", "dog"], 4, 0));
    let told = "1 file is left out (not listed), such as set/forgotten.png";
    assert!(read.notices.iter().any(|notice| notice.starts_with(told)), "{:?}", read.notices);
    let told = layout(list.to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!(told.rows.iter().map(|row| row.files).sum::<usize>(), 16, "{told}");
}

/// In every entrance: as a list beside the folder, and beside the images in a folder and in archives.
#[test]
fn corrected_lists_name_every_image_that_counts() {
    let mut files = Files::new(&[("cat/*6.png", ""), ("dog/*6.png", ""), ("unlabeled/same.png", "")]);
    // Every unlabelled image is a copy, so that the list names none.
    files.0.last_mut().unwrap().1 = files.0[0].1.clone();
    // Blank images are left out: each gets a pattern.
    for (number, (_, bytes)) in files.0.iter_mut().enumerate().take(12) {
        let image = image::GrayImage::from_fn(32, 32, |x, y| {
            let mut state = (number as u32 * 4_096 + y / 4 * 64 + x / 4 + 1).wrapping_mul(2_654_435_761);
            state = (state ^ state >> 15).wrapping_mul(2_246_822_519);
            image::Luma([(state >> 13) as u8])
        });
        let mut png = std::io::Cursor::new(Vec::new());
        image.write_to(&mut png, image::ImageFormat::Png).unwrap();
        *bytes = png.into_inner();
    }
    let copy = files.0[0].1.clone();
    files.0.last_mut().unwrap().1 = copy;
    let folder = files.write();
    let set = read(&folder.path().join("photos")).unwrap();
    assert_eq!(counts(&set), (vec!["cat", "dog"], 12, 1));
    let report = check(&set, |_| {}).unwrap();
    let beside = report.corrected_list(&set, "photos/").unwrap();
    assert_eq!((beside.kept, beside.left_out), (12, 1), "{report}");
    fs::write(folder.path().join("clean.csv"), &beside.csv).unwrap();
    let mut ways = vec![("list", read(&folder.path().join("clean.csv")))];
    let inside = report.corrected_list(&set, "").unwrap();
    files.0.push((b"clean.csv".to_vec(), inside.csv.into_bytes()));
    ways.extend(files.open_everywhere(&OpenOptions::default()));
    for (way, opened) in ways {
        let clean = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(counts(&clean), (vec!["cat", "dog"], 12, 0), "{way}: {:?}", clean.notices);
        assert_eq!(clean.test_ids.ids.len(), set.test_ids.ids.len(), "{way}");
    }
}

const TWO: [(&str, &str); 2] = [("cat/*3.png", ""), ("dog/*3.png", "")];

/// Class folders with a list.
fn beside_folders(name: &str, list: &[u8]) -> Files {
    let mut files = Files::new(&TWO);
    files.0.push((name.as_bytes().to_vec(), list.to_vec()));
    files
}

#[test]
fn lists_that_contradict_folders_are_refused() {
    for (list, words) in [
        (
            "file,label\ncat/1.png,dog\ncat/2.png,cat\ndog/1.png,cat\n",
            &[
                "2 of 3 rows differ",
                "cat/1.png is 'dog' in the list",
                "dog/1.png is 'cat'",
                "open the list itself",
                "rename",
            ][..],
        ),
        (
            "path;class\ncat\\1.png;dog\nCAT/2.png;dog\ncat/3.png;dog\ndog/1.png;cat\n",
            &["4 of 4 rows differ", "cat/3.png is 'dog'"],
        ),
        ("file,label\ncat/1.png,horse\ndog/1.png,dog\n", &["1 of 2 rows differ", "'horse'"]),
        ("label,file\ndog,/home/me/set/cat/1.png\n", &["1 of 1 row differs"]),
        ("file,cat,dog\ncat/1.png,0,1\ndog/1.png,1,0\n", &["2 of 2 rows differ"]),
    ] {
        for (_, opened) in
            beside_folders("old labels.csv", list.as_bytes()).open_everywhere(&OpenOptions::default())
        {
            assert_refused(opened, words);
        }
    }
    // Asked for by its path, the list counts.
    let list = "file,label\ncat/1.png,dog\ncat/2.png,cat\ndog/1.png,cat\ndog/2.png,dog\n";
    let folder = beside_folders("old.csv", list.as_bytes()).write();
    assert_eq!(counts(&read(&folder.path().join("photos/old.csv")).unwrap()), (vec!["cat", "dog"], 4, 0));
    // Labels made by hand, too.
    let photos = folder.path().join("photos");
    fs::remove_file(photos.join("old.csv")).unwrap();
    fs::write(photos.join(LABELS_FILE), "file,label\ncat/1.png,dog\ndog/1.png,cat\n").unwrap();
    fs::write(photos.join(CLASSES_FILE), "cat\ndog\n").unwrap();
    let set = read(&photos).unwrap();
    assert_eq!((set.train_labels.iter().flatten().count(), set.classes.len()), (2, 2));
    let told = "labels.csv, which was made by hand, decides: 2 of 2 labels differ from the class folder";
    assert!(set.notices.iter().any(|notice| notice.contains(told)), "{:?}", set.notices);
}

#[test]
fn agreeing_lists_say_which_images_count() {
    for (list, known, words) in [
        (
            "file,label\ncat/1.png,cat\ncat/2.png,Cat\ndog/1.png,dog\ndog/2.png,dog\n",
            4,
            &["class folders agree", "2 files are left out (not listed)"][..],
        ),
        (
            "file,label\ncat/1.png,0\ncat/2.png,0\ndog/1.png,1\ndog/2.png,1\n",
            4,
            &["the classes are those of my list.csv"],
        ),
    ] {
        for (way, opened) in
            beside_folders("my list.csv", list.as_bytes()).open_everywhere(&OpenOptions::default())
        {
            let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
            assert_eq!(counts(&set).1, known, "{way}: {:?}", set.notices);
            let notices = set.notices.join("\n");
            words.iter().for_each(|word| assert!(notices.contains(word), "{way}: no '{word}' in {notices}"));
        }
    }
}

#[test]
fn saved_again_guesses_are_no_labels() {
    let comma = "file,class,cat,dog\ncat/1.png,dog,0.1,0.9\ncat/2.png,cat,0.7,0.3\ndog/1.png,cat,0.93,0.07\n";
    let percent =
        "file;class;cat;dog\r\ncat/1.png;dog;10,0 %;90,0 %\r\ncat/2.png;cat;70,0 %;30,0 %\r\n;;;\r\n";
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(comma.replace(',', "\t").encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    for (name, list) in [
        ("predictions.csv", comma.as_bytes().to_vec()),
        ("table.csv", comma.as_bytes().to_vec()),
        ("table.csv", format!("\u{feff}{comma}").into_bytes()),
        ("table.csv", percent.as_bytes().to_vec()),
        ("table.csv", format!("sep=;\r\n{percent}").into_bytes()),
        ("table.csv", b"dog,cat,Class,File\n0.9,0.1,dog,cat/1.png\n0.3,0.7,cat,cat/2.png\n".to_vec()),
        ("table.csv", comma.replace(',', ";").replace("0.", "0,").into_bytes()),
        ("table.tsv", utf16),
        // Without the probabilities, the name tells.
        ("predictions (2).csv", b"file,class\ncat/1.png,dog\n".to_vec()),
    ] {
        for (way, opened) in beside_folders(name, &list).open_everywhere(&OpenOptions::default()) {
            let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
            assert_eq!(counts(&set), (vec!["cat", "dog"], 6, 0), "{way}: {:?}", set.notices);
            let told = set.notices.iter().any(|notice| notice.contains("guesses of a model, not labels"));
            assert!(told, "{way}: {:?}", set.notices);
        }
    }
}

#[test]
fn ambiguous_rows_name_both_files() {
    let cases: [Case; 3] = [
        (
            &[
                ("labels.csv", "file,label\nA.PNG,x\n1.png,x\n2.png,y\n"),
                ("a.png", ""),
                ("A.png", ""),
                ("*2.png", ""),
            ],
            Refused(&[
                "labels.csv, line 2",
                "'A.PNG', which may be",
                "A.png",
                "a.png",
                "1 of 3 rows names several files here",
            ]),
        ),
        (
            &[
                ("labels.csv", "file,label\n1.png,x\n7,x\n2.png,y\n"),
                ("7.png", ""),
                ("7.jpg", ""),
                ("*2.png", ""),
            ],
            Refused(&["line 3", "'7', which may be 7.jpg or 7.png"]),
        ),
        (
            &[
                ("labels.csv", "file,label\n1.png,x\n2.png,y\n9.png,y\n"),
                ("p/9.png", ""),
                ("q/9.png", ""),
                ("*2.png", ""),
            ],
            Refused(&["line 4", "p/9.png or q/9.png"]),
        ),
    ];
    check_all(&cases);
    check_list("labels.csv", &cases);
}

#[test]
fn words_for_no_label_are_unlabelled() {
    let list = "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n5.png,NaN\n6.png,?\n7.png,N/A\n8.png,-\n9.png,null\n\
                10.png,\n11.png,unknown\n";
    let files = Files::new(&[("labels.csv", list), ("*11.png", "")]);
    let told = "6 of 11 rows of labels.csv have '-', '?', 'N/A', 'NaN', 'null' and 1 more instead of a label";
    for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(counts(&set), (vec!["cat", "dog"], 4, 7), "{way}");
        assert!(set.notices.iter().any(|notice| notice.contains(told)), "{:?}", set.notices);
    }
    check_all(&[
        // Signs are classes among signs, and folders name classes.
        (
            &[("labels.csv", "file,label\n1.png,+\n2.png,-\n3.png,+\n4.png,-\n"), ("*4.png", "")],
            Reads(&["+", "-"], 4, 0, &[]),
        ),
        (
            &[
                (
                    "labels.csv",
                    "file,label\ncat/1.png,cat\ncat/2.png,cat\nunknown/1.png,unknown\nunknown/2.png,unknown\n",
                ),
                ("cat/*2.png", ""),
                ("unknown/*2.png", ""),
            ],
            Reads(&["cat", "unknown"], 4, 0, &["agree"]),
        ),
        (
            &[
                ("labels.csv", "file,label,split\n1.png,a,train\n2.png,b,train\n3.png,NaN,test\n"),
                ("*3.png", ""),
            ],
            Refused(&["line 4", "a label for a test image", "'NaN'"]),
        ),
    ]);
    let by_hand = Files::new(&[
        ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n3.png,Cat\n4.png,dog\n5.png,NaN\n"),
        ("classes.txt", "cat\ndog\n"),
        ("*5.png", ""),
    ]);
    let set = read(&by_hand.write().path().join("photos")).unwrap();
    assert_eq!((set.classes.clone(), set.test_labels.len()), (vec!["cat".to_owned(), "dog".into()], 4));
    assert!(set.notices.iter().any(|notice| notice.contains("1 of 5 rows")), "{:?}", set.notices);
}

#[test]
fn spellings_of_a_class_are_one_in_lists() {
    check_all(&[
        (
            &[("labels.csv", "file,label\n1.png,1\n2.png,1.0\n3.png,01\n4.png,2\n5.png,2\n"), ("*5.png", "")],
            Reads(&["1", "2"], 5, 0, &["'01' and '1' and '1.0' are one class, '1'", "they are one number"]),
        ),
        (
            &[
                (
                    "labels.csv",
                    "file,label\n1.png,Cat\n2.png,cat\n3.png, cat \n4.png,dog\n5.png,dog\n1.png,cat\n",
                ),
                ("*5.png", ""),
            ],
            Reads(&["cat", "dog"], 5, 0, &["'Cat' and 'cat' are one class", "1 row lists an image again"]),
        ),
    ]);
}

#[test]
fn one_column_of_two_values_is_the_label() {
    const CACTUS: &str = "id,has_cactus\n1.png,1\n2.png,0\n3.png,1\n4.png,0\n";
    const READ: &[&str] = &["the column has_cactus of", "read as the label: its two values are the classes"];
    check_all(&[
        (&[("train.csv", CACTUS), ("*4.png", "")], Reads(&["0", "1"], 4, 0, READ)),
        // The layout of a competition.
        (
            &[
                ("train.csv", CACTUS),
                ("train/*4.png", ""),
                ("sample_submission.csv", "id,has_cactus\n5.png,0.5\n"),
            ],
            Reads(&["0", "1"], 4, 0, READ),
        ),
        (
            &[
                ("labels.csv", "file,has_cactus\n1.png,True\n2.png,False\n3.png,True\n4.png,False\n"),
                ("images/*4.png", ""),
            ],
            Reads(&["False", "True"], 4, 0, READ),
        ),
        // Beside class folders the column says something else.
        (
            &[
                ("meta.csv", "file,flipped\ncat/1.png,0\ndog/1.png,1\n"),
                ("cat/*3.png", ""),
                ("dog/*3.png", ""),
            ],
            Reads(&["cat", "dog"], 6, 0, &[]),
        ),
        // Guesses of a model are no labels.
        (
            &[("guesses.csv", "file,cactus\n1.png,1\n2.png,0\n"), ("cat/*3.png", ""), ("dog/*3.png", "")],
            Reads(&["cat", "dog"], 6, 0, &[]),
        ),
    ]);
}

#[test]
fn forms_of_lists_are_read_or_explained() {
    check_all(&[
        // Lines that end with a carriage return alone.
        (
            &[("labels.csv", "file,label\r1.png,cat\r2.png,dog\r3.png,cat\r4.png,dog\r"), ("*4.png", "")],
            Reads(&["cat", "dog"], 4, 0, &[]),
        ),
        // A column of 0 and 1 for each class.
        (
            &[
                ("labels.csv", "image,Cat,Dog\n1,1.0,0.0\n2,0.0,1.0\n3,1.0,0.0\n4,0.0,1.0\n5,0,0\n"),
                ("*5.png", ""),
            ],
            Reads(&["Cat", "Dog"], 4, 1, &["the columns Cat, Dog of", "are read as classes"]),
        ),
        (
            &[("labels.csv", "file,a,b,c\n1.png,1,0,0\n2.png,0,1,1\n3.png,0,0,1\n"), ("*3.png", "")],
            Refused(&["labels.csv, line 3", "1 in b, c", "one class per image"]),
        ),
        // Several labels in a cell.
        (
            &[("labels.csv", "file,label\n1.png,a\n2.png,b\n3.png,a;b\n"), ("*3.png", "")],
            Refused(&["labels.csv, line 4", "'a;b', which names several classes (1 of 3 rows does)"]),
        ),
        (
            &[("labels.csv", "file,label\n1.png,a|b\n2.png,a|c\n3.png,d\n"), ("*3.png", "")],
            Refused(&["line 2", "'a|b'", "2 of 3 rows"]),
        ),
        (
            &[("labels.csv", "file,label\n1.png,\"a,b\"\n2.png,b\n3.png,a\n"), ("*3.png", "")],
            Refused(&["line 2", "'a,b'"]),
        ),
        // No header.
        (
            &[("labels.csv", "1.png,cat\n2.png,dog\n"), ("*2.png", "")],
            Refused(&["labels.csv, line 1", "a header", "found 1.png,cat"]),
        ),
        (
            &[("labels.csv", "1.png,cat\n2.png,dog\n"), ("images/*2.png", "")],
            Refused(&["labels.csv, line 1", "a header"]),
        ),
        (
            &[("labels.csv", "cat/1.png,cat\ndog/1.png,dog\n"), ("cat/*2.png", ""), ("dog/*2.png", "")],
            Reads(&["cat", "dog"], 4, 0, &["labels.csv", "without a header", "add a first line file,label"]),
        ),
        // A column without a name that says what it is.
        (
            &[("labels.csv", "file,cactus,width\n1.png,1,32\n2.png,0,30\n"), ("*2.png", "")],
            Refused(&["labels.csv, line 1", "a column label", "file,cactus,width"]),
        ),
        (
            &[("labels.csv", "file,is_valid\n1.png,1\n2.png,0\n"), ("*2.png", "")],
            Refused(&["labels.csv, line 1", "a column label", "file,is_valid"]),
        ),
        // Commas within quotes.
        (
            &[
                (
                    "labels.csv",
                    "\"file\",\"label\"\n\"a, b.png\",\"big, red\"\n1.png,small\n2.png,\"big, red\"\n3.png,small\n",
                ),
                ("a, b.png", ""),
                ("*3.png", ""),
            ],
            Reads(&["big, red", "small"], 4, 0, &[]),
        ),
        // Paths of other machines.
        (
            &[
                (
                    "labels.csv",
                    "file,label\nC:\\Users\\me\\cat\\1.png,cat\nC:\\Users\\me\\cat\\2.png,cat\n/home/you/pets/dog/1.png,dog\n\
                     /home/you/pets/dog/2.png,dog\n",
                ),
                ("cat/*2.png", ""),
                ("dog/*2.png", ""),
            ],
            Reads(
                &["cat", "dog"],
                4,
                0,
                &["4 of 4 rows name folders that are not here", "with cat/1.png", "agree"],
            ),
        ),
        (
            &[
                (
                    "labels.csv",
                    "file,label\n/home/x/cat/1.png,cat\n/home/x/dog/7.png,dog\n/home/x/dog/1.png,dog\n",
                ),
                ("cat/1.png", ""),
                ("dog/1.png", ""),
            ],
            Refused(&["line 3", "1 of 3 rows names no file here: '/home/x/dog/7.png'"]),
        ),
        (
            &[
                ("labels.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"),
                ("*2.png", ""),
            ],
            Refused(&["labels.csv, line 1", "a Git LFS pointer", "git lfs pull"]),
        ),
    ]);
}

#[test]
fn folders_name_the_split_that_a_list_does_not() {
    let rows = "file,label\ntrain/1.png,a\ntrain/2.png,b\ntest/3.png,a\ntest/4.png,b\n";
    let images = [("train/1.png", ""), ("train/2.png", ""), ("test/3.png", ""), ("test/4.png", "")];
    let files = Files::new(&[&[("labels.csv", rows)][..], &images].concat());
    for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!((set.train.len(), set.test_labels.clone()), (2, vec![0, 1]), "{way}");
        let told = "2 listed images are in a folder of test images, and not trained on";
        assert!(set.notices.iter().any(|notice| notice.contains(told)), "{:?}", set.notices);
    }
    let rows =
        "file,label,split\ntrain/1.png,a,train\ntrain/2.png,b,train\ntest/3.png,a,train\ntest/4.png,b,test\n";
    let files = Files::new(&[&[("labels.csv", rows)][..], &images].concat());
    for (_, opened) in files.open_everywhere(&OpenOptions::default()) {
        assert_refused(opened, &["1 of 4 rows differ", "test/3.png is to train in the list"]);
    }
}

/// `labels.csv` with `classes.txt` is held to what every list is.
#[test]
fn hand_made_labels_without_file_are_refused() {
    let photos = tempfile::tempdir().unwrap();
    (0..4).for_each(|i| put(photos.path().join(format!("{i}.png")), &png(10 * i)));
    let write = |rows: &str| {
        fs::write(photos.path().join(LABELS_FILE), format!("file,label\n{rows}")).unwrap();
        fs::write(photos.path().join(CLASSES_FILE), "x\ny\n").unwrap();
    };
    write("0.png,x\ngone.png,y\n1.png,y\nlost.png,x\n");
    let told = "2 of 4 rows name no file here: 'gone.png', 'lost.png'";
    assert_refused(read(photos.path()), &["labels.csv, line 3", told, "skip_bad"]);
    assert!(layout(photos.path().to_str().unwrap(), &OpenOptions::default()).is_err());
    let skipping = OpenOptions { skip_bad: true, ..OpenOptions::default() };
    let set = open(photos.path().to_str().unwrap(), &skipping).unwrap();
    assert!(
        set.notices.iter().any(|notice| notice.contains("2 of 4 labels in labels.csv name no file here"))
    );
    write("0.png,x\n1.png,y\n./0.png,y\n");
    assert_refused(read(photos.path()), &["labels.csv, line 4", "'./0.png' again: y here, x before"]);
    put(photos.path().join("A.png"), &png(200));
    put(photos.path().join("a.png"), &png(210));
    if photos.path().join("A.png").canonicalize().unwrap()
        != photos.path().join("a.png").canonicalize().unwrap()
    {
        write("0.png,x\n1.png,y\nA.PNG,y\n");
        assert_refused(read(photos.path()), &["line 4", "'A.PNG', which may be A.png or a.png"]);
    }
}

#[test]
fn files_that_are_no_images_are_named() {
    for (content, words) in [
        (&b""[..], &["the file is empty"][..]),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n",
            &["Git LFS pointer", "git lfs pull"],
        ),
        (
            b"<!DOCTYPE html>\n<html><title>404</title></html>",
            &["web page (HTML)", "download the image again"],
        ),
    ] {
        let mut files = Files::new(&TWO);
        files.0.push((b"cat/x.jpg".to_vec(), content.to_vec()));
        let list = "file,label\ncat/1.png,cat\ncat/x.jpg,cat\ndog/1.png,dog\ndog/2.png,dog\n";
        let mut listed = files.clone();
        listed.0.push((b"labels.csv".to_vec(), list.as_bytes().to_vec()));
        for files in [files, listed] {
            for (_, opened) in files.open_everywhere(&OpenOptions::default()) {
                assert_refused(opened, &[&["x.jpg", "skip_bad"], words].concat());
            }
            let skipping = OpenOptions { skip_bad: true, ..OpenOptions::default() };
            for (way, opened) in files.open_everywhere(&skipping) {
                let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
                assert!(
                    set.notices.iter().any(|notice| notice.contains(words[0])),
                    "{way}: {:?}",
                    set.notices
                );
            }
        }
    }
}

#[test]
fn rows_beyond_the_header_are_refused() {
    check_all(&[
        (
            &[("labels.csv", "file,label\n1.png,cat, black\n2.png,cat, white\n"), ("*2.png", "")],
            Refused(&[
                "labels.csv, line 2",
                "2 fields, as in the header",
                "found 3",
                "1.png,cat, black",
                "quotes",
            ]),
        ),
        (
            &[("labels.csv", "file;label;note\n1.png;cat;a\n2.png;dog;b;c\n"), ("*2.png", "")],
            Refused(&["labels.csv, line 3", "3 fields", "found 4"]),
        ),
        // Empty fields at the end say nothing.
        (
            &[
                ("labels.csv", "file,label\n1.png,cat,,\n2.png,dog,\n3.png,cat\n4.png,dog, \n"),
                ("*4.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 0, &[]),
        ),
        (
            &[
                (
                    "labels.csv",
                    "file, label\n1.png, \"cat\"\n2.png, \"big, red\"\n3.png,cat\n4.png,  \"big, red\"\n",
                ),
                ("*4.png", ""),
            ],
            Reads(&["big, red", "cat"], 4, 0, &[]),
        ),
        // Quotes that do not enclose the field are letters.
        (
            &[
                ("labels.csv", "file,label\n1.png,5\" nail\n2.png,dog\n3.png,5\" nail\n4.png,dog\n"),
                ("*4.png", ""),
            ],
            Reads(&["5\" nail", "dog"], 4, 0, &[]),
        ),
    ]);
}

#[test]
fn columns_that_contradict_each_other_are_refused() {
    check_all(&[
        (
            &[
                ("labels.csv", "file,label,class\n1.png,good,cat\n2.png,bad,cat\n3.png,good,dog\n"),
                ("*3.png", ""),
            ],
            Refused(&[
                "labels.csv, line 3",
                "'bad' in the column label and 'cat' in the column class",
                "rename or delete",
            ]),
        ),
        (
            &[("labels.csv", "file,label,label\n1.png,0,cat\n2.png,1,cat\n"), ("*2.png", "")],
            Refused(&["line 3", "label (column 2)", "label (column 3)"]),
        ),
        (
            &[
                ("labels.csv", "file,species,category\n1.png,cat,dog\n2.png,dog,cat\n3.png,cat,dog\n"),
                ("*3.png", ""),
            ],
            Refused(&["the column species", "the column category"]),
        ),
        (
            &[
                ("labels.csv", "file,label,class\n1.png,0,cat\n2.png,1,dog\n3.png,0,cat\n4.png,1,dog\n"),
                ("*4.png", ""),
            ],
            Reads(&["0", "1"], 4, 0, &["the column label of", "class says the same"]),
        ),
        (
            &[
                ("labels.csv", "file,label,class\n1.png,,cat\n2.png,,dog\n3.png,,cat\n4.png,,dog\n"),
                ("*4.png", ""),
            ],
            Reads(&["cat", "dog"], 4, 0, &[]),
        ),
        (
            &[
                (
                    "labels.csv",
                    "file,label,split,set\n1.png,a,train,train\n2.png,b,train,test\n3.png,a,train,train\n4.png,b,test,test\n",
                ),
                ("*4.png", ""),
            ],
            Refused(&[
                "line 3",
                "train by the column split, but 'test' in the column set",
                "rename or delete",
            ]),
        ),
        (
            &[
                (
                    "labels.csv",
                    "file,label,split,is_test\n1.png,a,train,0\n2.png,b,train,0\n3.png,a,test,1\n4.png,b,test,0\n",
                ),
                ("*4.png", ""),
            ],
            Refused(&["line 5", "test by the column split, but '0' in the column is_test"]),
        ),
        (
            &[
                (
                    "labels.csv",
                    "file,label,split,set\n1.png,a,train,B\n2.png,b,train,A\n3.png,a,test,A\n4.png,b,test,B\n",
                ),
                ("*4.png", ""),
            ],
            Reads(&["a", "b"], 4, 0, &[]),
        ),
        (
            &[
                ("labels.csv", "file,label,fold\n1.png,a,0\n2.png,b,1\n3.png,a,fold2\n4.png,b,1\n"),
                ("*4.png", ""),
            ],
            Reads(&["a", "b"], 4, 0, &["the column fold of", "is not used"]),
        ),
    ]);
}

#[test]
fn missing_files_are_never_replaced() {
    check_all(&[
        (
            &[
                ("labels.csv", "file,label\nphotos/1.png,a\nphotos/2.png,b\nphotos/gone.png,b\n"),
                ("photos/*2.png", ""),
                ("backup/photos/gone.png", ""),
            ],
            Refused(&[
                "line 4",
                "'photos/gone.png', which does not exist (backup/photos/gone.png is another file of that name)",
            ]),
        ),
        // As a whole, a list may be another folder's.
        (
            &[
                ("labels.csv", "file,label\n1.png,a\n2.png,b\n3.png,a\n4.png,b\n"),
                ("deep/er/*4.png", ""),
                ("other/7.png", ""),
            ],
            Reads(
                &["a", "b"],
                4,
                0,
                &["4 of 4 rows name files that are in a folder below", "with deep/er/1.png"],
            ),
        ),
    ]);
}

#[test]
fn short_lists_never_replace_class_folders() {
    check_all(&[
        (
            &[("list.csv", "file,label\nboat/1.png,boat\n"), ("boat/*4.png", ""), ("car/*4.png", "")],
            Refused(&["list.csv", "1 of 8 images in class folders", "open the list itself", "rename"]),
        ),
        (
            &[
                ("test.csv", "file,label\nboat/1.png,boat\ncar/1.png,car\n"),
                ("boat/*4.png", ""),
                ("car/*4.png", ""),
                ("unlabeled/*2.png", ""),
            ],
            Reads(&["boat", "car"], 8, 2, &["test.csv lists images to test on: the other 6 images"]),
        ),
        (
            &[
                ("val.csv", "file,label\nset/boat/1.png,boat\nset/car/1.png,car\n"),
                ("set/boat/*3.png", ""),
                ("set/car/*3.png", ""),
            ],
            Reads(&["boat", "car"], 6, 0, &["the other 4 images"]),
        ),
    ]);
    let files = Files::new(&[
        ("test.csv", "file,label\nboat/1.png,boat\ncar/1.png,car\n"),
        ("boat/*4.png", ""),
        ("car/*4.png", ""),
    ]);
    for (way, opened) in files.open_everywhere(&OpenOptions::default()) {
        let set = opened.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!((set.train.len(), set.test_labels.len(), set.held_out), (6, 2, None), "{way}");
    }
}

#[test]
fn unused_lists_and_words_are_explained() {
    check_all(&[
        (
            &[("results.csv", "file,class,cat,dog\n1.png,cat,0.7,0.3\n2.png,dog,0.2,0.8\n"), ("*2.png", "")],
            Refused(&["2 images without classes", "results.csv is read as guesses", "open the file itself"]),
        ),
        (
            &[("list.csv", "file,label\n1.png,crack\n2.png,none\n3.png,crack\n4.png,none\n"), ("*4.png", "")],
            Refused(&[
                "line 3",
                "'none', which counts as no label (in 2 of 4 rows)",
                "'crack'",
                "set none_as_class, or give it another name",
            ]),
        ),
    ]);
}

#[test]
fn numbers_of_lines_name_hand_made_classes() {
    for (rows, classes, expected) in [
        ("1.png,0\n2.png,1\n3.png,0\n4.png,1\n", "cat\ndog\n", Some("0 is 'cat'")),
        ("1.png,1\n2.png,2\n3.png,1\n4.png,2\n", "cat\ndog\n", Some("1 is 'cat'")),
        ("1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n", "cat\ndog\n", None),
        ("1.png,0\n2.png,1\n3.png,0\n4.png,1\n", "0\n1\n", None),
    ] {
        let list = format!("file,label\n{rows}");
        let files = Files::new(&[("labels.csv", list.as_str()), ("classes.txt", classes), ("*4.png", "")]);
        let set = read(&files.write().path().join("photos")).unwrap();
        assert_eq!(set.classes, classes.lines().collect::<Vec<_>>(), "{rows}");
        assert_eq!(set.train_labels, [Some(0), Some(1), Some(0), Some(1)], "{rows}");
        let told = set.notices.iter().find(|notice| notice.contains("numbers of the lines"));
        assert_eq!(told.is_some(), expected.is_some(), "{rows}");
        assert!(expected.is_none_or(|words| told.is_some_and(|notice| notice.contains(words))), "{told:?}");
    }
    let files = Files::new(&[
        ("labels.csv", "file,label\n1.png,cat, black\n2.png,dog\n"),
        ("classes.txt", "cat\ndog\n"),
        ("*2.png", ""),
    ]);
    assert_refused(
        read(&files.write().path().join("photos")),
        &["labels.csv, line 2", "2 fields", "found 3"],
    );
}
