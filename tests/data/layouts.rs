//! Folders as people have them: which files train, test or are left out, whatever holds them.

use std::fs;

use remixmatch::data::{Choice, DataSet, OpenOptions, SplitRule, layout, open};

use super::common::{assert_refused, read};
use super::layout_files::Files;

/// What a layout is read as.
enum Expect {
    /// Class, labelled images to train on, and images to test on; then images of unknown class, and words of notices.
    Reads(&'static [(&'static str, usize, usize)], usize, &'static [&'static str]),
    Refused(&'static [&'static str]),
}
use Expect::{Reads, Refused};

type Case = (&'static [(&'static str, &'static str)], Expect);

const TWO: [(&str, usize, usize); 2] = [("cat", 4, 1), ("dog", 4, 1)];

fn counts(set: &DataSet) -> Vec<(&str, usize, usize)> {
    let of = |class: usize| {
        let train = set.train_labels.iter().filter(|label| **label == Some(class as u32)).count();
        (train, set.test_labels.iter().filter(|label| **label == class as u32).count())
    };
    let classes = set.classes.iter().enumerate();
    classes.map(|(class, name)| (name.as_str(), of(class).0, of(class).1)).collect()
}

/// Opens every case in every format and compares.
fn check(cases: &[Case], options: &OpenOptions) {
    for (table, expected) in cases {
        for (way, opened) in Files::new(table).open_everywhere(options) {
            let what = format!("{table:?} as {way}");
            match expected {
                Refused(words) => {
                    let Err(error) = opened else { panic!("{what}: accepted") };
                    let message = error.to_string();
                    for word in *words {
                        assert!(message.contains(word), "{what}: '{word}' is missing in: {message}");
                    }
                    assert!(!message.contains('\n'), "{what}: {message}");
                }
                Reads(classes, unlabelled, words) => {
                    let set = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(counts(&set), *classes, "{what}: {:?}", set.notices);
                    let unknown = set.train_labels.iter().filter(|label| label.is_none()).count();
                    assert_eq!(unknown, *unlabelled, "{what}: {:?}", set.notices);
                    let notices = set.notices.join("\n");
                    for word in *words {
                        assert!(notices.contains(word), "{what}: '{word}' is missing in: {notices}");
                    }
                }
            }
        }
    }
}

/// With as many test images held out of each class, whatever their content.
fn evenly() -> OpenOptions {
    OpenOptions { split: SplitRule::Position, ..OpenOptions::default() }
}

fn check_default(cases: &[Case]) {
    check(cases, &evenly());
}

#[test]
fn split_folders_are_read_in_any_spelling() {
    check_default(&[
        (
            &[
                ("Train_set/cat/*3.png", ""),
                ("Train_set/dog/*3.png", ""),
                ("TEST/cat/*1.png", ""),
                ("TEST/dog/*2.png", ""),
            ],
            Reads(&[("cat", 3, 1), ("dog", 3, 2)], 0, &[]),
        ),
        (
            &[
                ("훈련/cat/*3.png", ""),
                ("훈련/dog/*3.png", ""),
                ("시험/cat/1.png", ""),
                ("미분류/*2.png", ""),
            ],
            Reads(&[("cat", 3, 1), ("dog", 3, 0)], 2, &[]),
        ),
        (
            &[("training/cat/*2.png", ""), ("training/dog/*2.png", ""), ("validation/cat/1.png", "")],
            Reads(&[("cat", 2, 1), ("dog", 2, 0)], 0, &[]),
        ),
        // Both: validation images are left out.
        (
            &[
                ("train/cat/*2.png", ""),
                ("train/dog/*2.png", ""),
                ("val/cat/*3.png", ""),
                ("test/dog/1.png", ""),
            ],
            Reads(
                &[("cat", 2, 0), ("dog", 2, 1)],
                0,
                &["3 files are left out (to validate", "val/cat/1.png"],
            ),
        ),
        // Splits inside the classes.
        (
            &[
                ("cat/train/*3.png", ""),
                ("cat/test/*2.png", ""),
                ("dog/train/*3.png", ""),
                ("dog/test/1.png", ""),
            ],
            Reads(&[("cat", 3, 2), ("dog", 3, 1)], 0, &["the images in cat/test count as test images"]),
        ),
        // Test beside the classes themselves.
        (
            &[("cat/*3.png", ""), ("dog/*3.png", ""), ("test/cat/1.png", ""), ("test/dog/1.png", "")],
            Reads(&[("cat", 3, 1), ("dog", 3, 1)], 0, &["the folder test is read as images to test"]),
        ),
        (
            &[("train/train/cat/*5.png", ""), ("train/train/dog/*5.png", "")],
            Reads(&TWO, 0, &["the set has no test images of its own"]),
        ),
    ]);
}

#[test]
fn unlabelled_folders_are_recognised() {
    for name in ["unlabeled", "UNLABELLED", "unlabeled_data", "unsorted", "unlabel", "no_labels", "라벨없음"]
    {
        let path = format!("{name}/*3.png");
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (path.as_str(), "")]);
        for (way, set) in files.open_everywhere(&evenly()) {
            let set = set.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            assert_eq!((counts(&set), set.train.len()), (TWO.to_vec(), 11), "{name} as {way}");
        }
    }
}

#[test]
fn folders_close_to_splits_are_refused() {
    for name in ["trian", "tset", "test_old", "train2", "val (copy)", "unlabled"] {
        let path = format!("{name}/*2.png");
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (path.as_str(), "")]);
        let as_classes = Choice { folders_as_classes: true, ..Choice::default() };
        let asked = OpenOptions { choice: as_classes, ..evenly() };
        for (way, opened) in files.open_everywhere(&evenly()) {
            assert_refused(opened, &[name, "folders_as_classes", "rename"]);
            assert!(!way.is_empty());
        }
        for (way, opened) in files.open_everywhere(&asked) {
            let set = opened.unwrap_or_else(|error| panic!("{name} as {way}: {error}"));
            assert_eq!(set.classes.len(), 3, "{name} as {way}");
        }
    }
    check_default(&[
        (
            &[("train/cat/*5.png", ""), ("train/dog/*5.png", ""), ("tset/cat/1.png", "")],
            Refused(&["tset", "'test'"]),
        ),
        (
            &[
                ("train/cat/*5.png", ""),
                ("train/dog/*5.png", ""),
                ("train/test/cat/*5.png", ""),
                ("val/cat/1.png", ""),
            ],
            Refused(&["train/test", "folders_as_classes"]),
        ),
        (
            &[("train/cat/*5.png", ""), ("train/test/*5.png", ""), ("val/cat/1.png", "")],
            Reads(&[("cat", 5, 1), ("test", 5, 0)], 0, &["the folder train/test is read as a class"]),
        ),
        (&[("cat/*5.png", ""), ("test/*5.png", "")], Refused(&["test", "folders_as_classes"])),
        (&[("val/cat/*5.png", ""), ("test/cat/*5.png", "")], Refused(&["test, val", "class folders"])),
        (
            &[
                ("seg_train/seg_train/sea/*3.png", ""),
                ("seg_train/seg_train/wood/*3.png", ""),
                ("seg_test/seg_test/sea/*2.png", ""),
                ("seg_test/seg_test/wood/*2.png", ""),
            ],
            Refused(&["seg_t", "folders_as_classes"]),
        ),
        (
            &[("train_station/*5.png", ""), ("harbour/*5.png", "")],
            Reads(&[("harbour", 4, 1), ("train_station", 4, 1)], 0, &[]),
        ),
        // Ordinary words.
        (&[("rain/*5.png", ""), ("vest/*5.png", "")], Reads(&[("rain", 4, 1), ("vest", 4, 1)], 0, &[])),
    ]);
}

#[test]
fn images_without_class_are_left_out_with_notice() {
    check_default(&[
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("*3.png", "")],
            Reads(&TWO, 0, &["3 files are left out (beside the class folders), such as 1.png", "unlabeled"]),
        ),
        (
            &[("train/cat/*5.png", ""), ("train/dog/*5.png", ""), ("test/*7.png", "")],
            Reads(&TWO, 0, &["7 files are left out (to test, but in no class folder), such as test/1.png"]),
        ),
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("test/*7.png", "")],
            Reads(&TWO, 0, &["7 files are left out", "folders_as_classes"]),
        ),
        (
            &[("train/cat/*5.png", ""), ("train/dog/*5.png", ""), ("extra/cat/*2.png", "")],
            Reads(&TWO, 0, &["1 folder is ignored: extra (beside train, and no split)"]),
        ),
        (&[("*3.png", "")], Refused(&["3 images without classes", "1.png", "Label your own"])),
        (&[("photos/*3.png", "")], Refused(&["3 images without classes", "Label your own"])),
        (
            &[("train/*3.png", ""), ("unlabeled/*2.png", "")],
            Refused(&["images without classes", "Label your own"]),
        ),
    ]);
}

#[test]
fn what_belongs_to_other_images_is_ignored() {
    check_default(&[
        (
            &[
                ("cat/*5.png", ""),
                ("dog/*5.png", ""),
                ("@eaDir/cat/1.png/*2.jpg", ""),
                ("cat/@eaDir/1.png", ""),
                ("thumbnails/*9.png", ""),
                ("dog/.thumbnails/*3.png", ""),
                ("Catalog Previews.lrdata/a/1.jpg", ""),
                ("__MACOSX/cat/._1.png", "x"),
                ("Thumbs.db", "x"),
                ("cat/desktop.ini", "x"),
                ("dog/.DS_Store", "x"),
            ],
            Reads(&TWO, 0, &["4 folders are ignored: @eaDir (thumbnails)", "cat/@eaDir (thumbnails)"]),
        ),
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("dog/1_thumb.png", ""), ("cat/2_mask.png", "")],
            Reads(
                &TWO,
                0,
                &["1 file is left out (thumbnails), such as dog/1_thumb.png", "(masks of other images)"],
            ),
        ),
        (
            &[
                ("cat/*5.png", ""),
                ("dog/*5.png", ""),
                ("cat/masks/*5.png", ""),
                ("annotations/*5.xml", "<a/>"),
            ],
            Reads(&TWO, 0, &["annotations (annotations)", "cat/masks (masks of other images)"]),
        ),
        (
            &[
                ("images/cat/*5.png", ""),
                ("images/dog/*5.png", ""),
                ("masks/cat/*5.png", ""),
                ("masks/dog/*5.png", ""),
            ],
            Reads(&TWO, 0, &[]),
        ),
        // People with and without masks.
        (&[("mask/*5.png", ""), ("no_mask/*5.png", "")], Reads(&[("mask", 4, 1), ("no_mask", 4, 1)], 0, &[])),
        (
            &[
                ("cat/*5.png", ""),
                ("dog/*5.png", ""),
                ("runs/config.toml", "x"),
                ("runs/metrics.csv", "step,loss\n1,2\n"),
                ("runs/view.png", ""),
                ("notes/a.txt", "words"),
            ],
            Reads(&TWO, 0, &["2 folders are ignored: notes (no images in it), runs (a run of this program)"]),
        ),
        (
            &[("README.md", "words"), ("LICENSE", "words"), ("pets/cat/*5.png", ""), ("pets/dog/*5.png", "")],
            Reads(&TWO, 0, &[]),
        ),
        (
            &[("animals/cat/*2.png", ""), ("animals/dog/*3.png", ""), ("plants/tree/*5.png", "")],
            Reads(
                &[("animals", 4, 1), ("plants", 4, 1)],
                0,
                &["the folders inside animals are all of class animals"],
            ),
        ),
    ]);
}

#[test]
fn layouts_of_other_tasks_are_refused() {
    check_default(&[
        (
            &[("images/*5.png", ""), ("masks/*5.png", "")],
            Refused(&["segmentation", "masks", "one class for each"]),
        ),
        (&[("images/*5.png", ""), ("labels/*5.txt", "0 1 1 1 1")], Refused(&["object detection", "labels"])),
        (
            &[
                ("images/train/*5.png", ""),
                ("images/val/*2.png", ""),
                ("labels/train/*5.txt", "0 1"),
                ("data.yaml", "a"),
            ],
            Refused(&["object detection"]),
        ),
        (&[("train/images/*5.png", ""), ("train/labels/*5.txt", "0 1")], Refused(&["object detection"])),
        (
            &[("JPEGImages/*5.png", ""), ("Annotations/*5.xml", "<a/>"), ("SegmentationClass/*5.png", "")],
            Refused(&["object detection", "Annotations"]),
        ),
        (
            &[("train2017/*5.png", ""), ("val2017/*2.png", ""), ("annotations/a.json", "{}")],
            Refused(&["object detection", "annotations"]),
        ),
    ]);
}

#[test]
fn spellings_of_a_class_are_merged_with_notice() {
    check_default(&[
        (
            &[("cat/*5.png", ""), ("Cat/*4.png", ""), ("dog/*5.png", "")],
            Reads(&[("cat", 7, 2), ("dog", 4, 1)], 0, &["'Cat' and 'cat' are one class, 'cat'"]),
        ),
        (
            &[("cat/*5.png", ""), ("cat /*5.png", ""), ("caf\u{e9}/*5.png", ""), ("cafe\u{301}/*5.png", "")],
            Reads(&[("caf\u{e9}", 8, 2), ("cat", 8, 2)], 0, &["'cat' and 'cat ' are one class"]),
        ),
        (
            &[("train/Cat/*3.png", ""), ("train/dog/*3.png", ""), ("test/cat/1.png", "")],
            Reads(&[("Cat", 3, 1), ("dog", 3, 0)], 0, &["are one class, 'Cat'"]),
        ),
        // Letters.
        (
            &[("a/*5.png", ""), ("A/*5.png", "")],
            Reads(&[("A", 4, 1), ("a", 4, 1)], 0, &["upper and lower case of a are classes of their own"]),
        ),
    ]);
}

#[test]
fn lists_of_programs_and_competitions_are_told_apart() {
    const GUESSES: &str = "file,class,cat,dog\ncat/1.png,dog,0.1,0.9\ncat/2.png,cat,0.7,0.3\n";
    const TRAIN: &str = "id,label\n1,cat\n2,dog\n3,cat\n4,dog\n";
    check_default(&[
        // The exported guesses never beat class folders.
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("predictions.csv", GUESSES)],
            Reads(&TWO, 0, &["(guesses of a model, not labels), such as predictions.csv"]),
        ),
        (
            &[
                ("train/*4.png", ""),
                ("test/*3.png", ""),
                ("train.csv", TRAIN),
                ("sample_submission.csv", "id,label\n1,cat\n"),
            ],
            Reads(
                &[("cat", 1, 1), ("dog", 1, 1)],
                0,
                &["a sample submission", "3 files are left out (not listed)"],
            ),
        ),
        (
            &[("train/*4.png", ""), ("train.csv", TRAIN), ("submission.csv", "id,cat,dog\n1,0.5,0.5\n")],
            Reads(&[("cat", 1, 1), ("dog", 1, 1)], 0, &["a sample submission"]),
        ),
        (
            &[("train/*4.png", ""), ("train.csv", TRAIN), ("test.csv", "file\n1.png\n")],
            Reads(&[("cat", 1, 1), ("dog", 1, 1)], 0, &["test.csv", "a list without labels"]),
        ),
        // A table that has nothing to do with the images.
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("prices.csv", "id,category\n17,cheap\n18,dear\n")],
            Reads(&TWO, 0, &[]),
        ),
        (
            &[("config.toml", "x"), ("metrics.csv", "step\n1\n"), ("model.safetensors", "x")],
            Refused(&["a run of this program"]),
        ),
    ]);
    // Asked for by name, guesses are a list like any other.
    let folder = Files::new(&[
        ("*6.png", ""),
        ("predictions.csv", "file,class,a,b\n1.png,a,1,0\n2.png,b,0,1\n3.png,a,0.6,0.4\n4.png,b,0,1\n"),
    ]);
    let folder = folder.write();
    let list = folder.path().join("photos/predictions.csv");
    let set = open(list.to_str().unwrap(), &evenly()).unwrap();
    assert_eq!(counts(&set), [("a", 1, 1), ("b", 1, 1)]);
    assert!(set.notices.iter().any(|notice| notice.contains("guesses of a model")), "{:?}", set.notices);
    assert_eq!(set.name, "predictions.csv");
}

#[test]
fn images_that_cannot_be_read_are_named() {
    let heic = "\0\0\0\u{18}ftypheic\0\0\0\0mif1heic";
    for (file, content, words) in [
        ("cat/a.heic", heic, ["HEIC", "save it as JPEG"]),
        ("cat/a.jpg", heic, ["HEIC", "save it as JPEG"]),
        ("cat/a.avif", "\0\0\0\u{1c}ftypavif\0\0\0\0", ["AVIF", "save it as PNG or JPEG"]),
        ("cat/a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", ["SVG", "export it as PNG"]),
        ("cat/a.CR2", "II*\0\u{10}\0\0\0CR\u{2}\0", ["raw photo", "export it"]),
        ("cat/a.psd", "8BPS", ["cannot read", "export it"]),
    ] {
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (file, content)]);
        let skipping = OpenOptions { skip_bad: true, ..evenly() };
        for (way, opened) in files.open_everywhere(&evenly()) {
            assert!(!way.is_empty());
            assert_refused(opened, &[file, words[0], words[1], "skip_bad"]);
        }
        for (way, opened) in files.open_everywhere(&skipping) {
            let set = opened.unwrap_or_else(|error| panic!("{file} as {way}: {error}"));
            assert_eq!(counts(&set), TWO, "{file} as {way}");
            assert!(set.notices.iter().any(|notice| notice.contains(words[0])), "{:?}", set.notices);
        }
    }
    check_default(&[(
        &[("cat/*5.png", ""), ("dog/*5.png", ""), ("cat/1.NEF", "MM\0*\0\0\0\u{8}")],
        Reads(&TWO, 0, &["a raw photo beside an image of the same name"]),
    )]);
}

#[cfg(unix)]
#[test]
fn dead_links_are_refused_or_skipped() {
    let folder = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", "")]).write();
    let photos = folder.path().join("photos");
    for link in ["cat/gone.png", "cat/gone"] {
        std::os::unix::fs::symlink("/nowhere/at/all", photos.join(link)).unwrap();
        assert_refused(read(&photos), &[link]);
        let skipping = OpenOptions { skip_bad: true, ..evenly() };
        let set = open(photos.to_str().unwrap(), &skipping).unwrap();
        assert_eq!(counts(&set), TWO);
        assert!(set.notices.iter().any(|notice| notice.contains(link)), "{:?}", set.notices);
        fs::remove_file(photos.join(link)).unwrap();
    }
}

/// Every file is counted once.
#[test]
fn layout_accounts_for_every_file() {
    let tables: [&[(&str, &str)]; 3] = [
        &[
            ("train/cat/*5.png", ""),
            ("train/dog/deep/*5.png", ""),
            ("train/dog/notes.txt", "words"),
            ("test/cat/*2.png", ""),
            ("test/loose.png", ""),
            ("val/dog/1.png", ""),
            ("unsorted/*3.png", ""),
            ("@eaDir/*4.jpg", ""),
            ("runs/x/config.toml", "x"),
            ("runs/x/metrics.csv", "x"),
            ("README", "words"),
            (".hidden", "x"),
        ],
        &[
            ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n"),
            ("*6.png", ""),
            ("sub/a.txt", "x"),
        ],
        &[
            ("labels.csv", "file,label\n1.png,cat\n2.png,dog\n"),
            ("classes.txt", "cat\ndog\n"),
            ("*6.png", ""),
        ],
    ];
    for table in tables {
        let files = Files::new(table);
        let folder = files.write();
        let photos = folder.path().join("photos");
        let told = layout(photos.to_str().unwrap(), &OpenOptions::default()).unwrap();
        assert_eq!(told.rows.iter().map(|row| row.files).sum::<usize>(), files.0.len(), "{told}");
        assert!(serde_json::to_string(&told).is_ok());
    }
    // In an archive, beside a description of it.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("photos.zip"), Files::new(tables[0]).zip()).unwrap();
    fs::write(folder.path().join("README.md"), "words").unwrap();
    let told = layout(folder.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert!(told.rows.iter().any(|row| row.folder == "photos.zip/train/cat" && row.files == 5), "{told}");
    assert!(told.rows.iter().any(|row| row.example.as_deref() == Some("README.md")), "{told}");
    let folder = Files::new(tables[0]).write();
    let told = layout(folder.path().join("photos").to_str().unwrap(), &OpenOptions::default()).unwrap();
    let text = told.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "train/cat/ 5 files class cat",
        "test/cat/ 2 files class cat, test",
        "unsorted/ 3 files unlabelled",
        "@eaDir/ 4 files ignored: thumbnails",
        "val/dog/1.png 1 file ignored: to validate",
        "test/loose.png 1 file ignored: to test, but in no class folder",
    ] {
        assert!(text.contains(line), "'{line}' is missing in:\n{text}");
    }
}

#[test]
fn control_characters_never_reach_a_message() {
    let files =
        Files::new(&[("cat\u{1b}[2J/*5.png", ""), ("dog/*5.png", ""), ("dog/\u{7}x.png", "not an image")]);
    let folder = files.write();
    let photos = folder.path().join("photos");
    let error = read(&photos).unwrap_err().to_string();
    assert!(error.contains("\\u{7}x.png") && !error.contains(char::is_control), "{error:?}");
    let skipping = OpenOptions { skip_bad: true, ..evenly() };
    let set = open(photos.to_str().unwrap(), &skipping).unwrap();
    let told = remixmatch::data::summary(&set).to_string();
    let listed = layout(photos.to_str().unwrap(), &skipping).unwrap().to_string();
    for text in [told, listed] {
        assert!(text.contains("cat\\u{1b}[2J"), "{text:?}");
        assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
    }
}
