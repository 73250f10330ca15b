//! Files and folders that are no images of a class: masks, thumbnails, lists, images that cannot be read.

use remixmatch::data::{OpenOptions, open};

use super::{Reads, Refused, TWO, check_default, counts, evenly};
use crate::common::assert_refused;
use crate::layout_files::Files;

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
            Refused(&["animals (cat, dog)", "plants (tree)", "may be the classes", "folders_as_classes"]),
        ),
        (
            &[("animals/cat/*2.png", ""), ("animals/dog/*3.png", ""), ("plants/*5.png", "")],
            Reads(
                &[("animals", 4, 1), ("plants", 4, 1)],
                0,
                &["the folders inside animals are all of class animals"],
            ),
        ),
    ]);
}

/// Groups of classes are asked about; parts of classes are not.
#[test]
fn classes_in_groups_are_asked_about() {
    check_default(&[
        (
            &[("animals/mammal/cat/*3.png", ""), ("animals/bird/owl/*3.png", ""), ("plants/rose/*3.png", "")],
            Refused(&["animals (bird, mammal)", "move the inner folders up"]),
        ),
        (
            &[
                ("train/animals/cat/*3.png", ""),
                ("train/animals/dog/*3.png", ""),
                ("train/plants/rose/*3.png", ""),
                ("test/animals/cat/*3.png", ""),
                ("test/plants/rose/*3.png", ""),
            ],
            Refused(&["animals (cat, dog)", "plants (rose)"]),
        ),
        // Parts of each class, by number, date or the same name.
        (&[("cat/1/*3.png", ""), ("cat/2/*2.png", ""), ("dog/3/*5.png", "")], Reads(&TWO, 0, &[])),
        (
            &[("cat/2021-05-01/*3.png", ""), ("cat/day2/*2.png", ""), ("dog/day1/*5.png", "")],
            Reads(&TWO, 0, &[]),
        ),
        (&[("cat/web/*3.png", ""), ("cat/own/*2.png", ""), ("dog/web/*5.png", "")], Reads(&TWO, 0, &[])),
        (&[("cat/images/*5.png", ""), ("dog/images/*5.png", "")], Reads(&TWO, 0, &[])),
        (&[("cat/deeper/*5.png", ""), ("dog/other/*5.png", "")], Reads(&TWO, 0, &[])),
    ]);
}

#[test]
fn hidden_folders_of_images_are_told() {
    const TOLD: &str = "a hidden folder holds images and is not read";
    check_default(&[
        (&[("cat/*5.png", ""), ("dog/*5.png", ""), (".owl/*5.png", "")], Reads(&TWO, 0, &[TOLD, ".owl"])),
        (
            &[("cat/*5.png", ""), ("dog/*5.png", ""), ("dog/.old/in/*5.png", "")],
            Reads(&TWO, 0, &[TOLD, "dog/.old"]),
        ),
        (
            &[(".cat/*5.png", ""), (".dog/*5.png", "")],
            Refused(&["hidden folders of images (.cat, .dog)", "without the dot"]),
        ),
    ]);
    // Folders that programs make, and hidden files.
    for others in [
        ".ipynb_checkpoints/*2.png",
        ".thumbnails/*2.png",
        ".Trash-1000/files/*2.png",
        ".git/notes.txt",
        "cat/._1.png",
    ] {
        let files = Files::new(&[("cat/*5.png", ""), ("dog/*5.png", ""), (others, "")]);
        for (way, set) in files.open_everywhere(&evenly()) {
            let set = set.unwrap_or_else(|error| panic!("{others} as {way}: {error}"));
            assert!(
                set.notices.iter().all(|notice| !notice.contains("hidden")),
                "{others}: {:?}",
                set.notices
            );
        }
    }
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
