//! Layouts whose structure or words say that folders are no classes, and classes that only look so.

use remixmatch::data::{Choice, OpenOptions};

use super::{Reads, TWO, check, check_default, counts, evenly};
use crate::common::assert_refused;
use crate::layout_files::Files;

fn as_classes() -> OpenOptions {
    let choice = Choice { folders_as_classes: true, ..Choice::default() };
    OpenOptions { choice, ..evenly() }
}

#[test]
fn split_words_of_many_languages_are_read() {
    for (train, test) in [
        ("Entrenamiento", "Prueba"),
        ("обучение", "тест"),
        ("Обучающая_выборка", "Тестовая_выборка"),
        ("Trainingsdaten", "Testdaten"),
        ("Entraînement", "Évaluation"),
        ("treinamento", "teste"),
        ("Addestramento", "Verifica"),
        ("训练集", "测试集"),
        ("訓練", "測試"),
        ("学習用データ", "テスト用データ"),
        ("학습데이터", "평가데이터"),
        ("Training", "Toets"),
        ("treningowe", "testowe"),
        ("Eğitim", "Doğrulama"),
        ("pelatihan", "pengujian"),
        ("تدريب", "اختبار"),
        ("प्रशिक्षण", "परीक्षण"),
        ("labelled", "test"),
    ] {
        let paths = ["cat/*3.png", "dog/*3.png"].map(|path| format!("{train}/{path}"));
        let tested = format!("{test}/cat/*2.png");
        let files = Files::new(&[(&paths[0], ""), (&paths[1], ""), (&tested, "")]);
        for (way, set) in files.open_everywhere(&evenly()) {
            let set = set.unwrap_or_else(|error| panic!("{train}, {test} as {way}: {error}"));
            assert_eq!(counts(&set), [("cat", 3, 2), ("dog", 3, 0)], "{train}, {test} as {way}");
        }
    }
}

/// Each is an error that names the folder, and opens with the option that the error names.
#[test]
fn unclear_layouts_are_asked_about() {
    const CAMERA: [&str; 3] = ["IMG_2031.png", "IMG_7702.png", "IMG_9311.png"];
    let same = ["cat/*3.png", "dog/*3.png"];
    let twice = |a: &str, b: &str| [a, b].map(|at| same.map(|path| format!("{at}/{path}"))).concat();
    let named = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    let beside = |name: &str| named(&["cat/*4.png", "dog/*4.png", &format!("{name}/*4.png")]);
    let pairs = |a: &str, b: &str| {
        CAMERA.iter().flat_map(|file| [format!("{a}/{file}"), format!("{b}/{file}")]).collect::<Vec<_>>()
    };
    for (paths, word, classes) in [
        (
            named(&["train_cat/*3.png", "train_dog/*3.png", "test_cat/*2.png", "test_dog/*2.png"]),
            "train_cat",
            4,
        ),
        (named(&["cat-train/*3.png", "dog-train/*3.png", "cat-val/*2.png"]), "cat-val", 3),
        (named(&["CatTrain/*3.png", "CatTest/*3.png", "DogTrain/*2.png"]), "CatTest", 3),
        (named(&["고양이/*3.png", "고양이테스트/*2.png", "개/*3.png"]), "고양이테스트", 3),
        (named(&["cat/*4.png", "dog/*4.png", "cat_todo/*4.png"]), "cat_todo", 3),
        (beside("cat_test"), "cat_test", 3),
        (beside("train"), "train", 3),
        (beside("inbox"), "inbox", 3),
        (beside("To Sort"), "To Sort", 3),
        (beside("misc"), "misc", 3),
        (beside("새 폴더"), "새 폴더", 3),
        (beside("predictions"), "predictions", 3),
        (beside("output"), "output", 3),
        (beside("deleted"), "deleted", 3),
        (beside("unclear"), "unclear", 3),
        (beside("for later"), "for later", 3),
        (beside("삭제 예정"), "삭제 예정", 3),
        (beside("???"), "???", 3),
        (beside("cat copy"), "cat copy", 3),
        (beside("cat - Copy (2)"), "cat - Copy (2)", 3),
        (beside("dog - 복사본"), "dog - 복사본", 3),
        (beside("Copy of dog"), "Copy of dog", 3),
        (beside("cat (1)"), "cat (1)", 3),
        (beside("cat_backup"), "cat_backup", 3),
        (beside("cat_old"), "cat_old", 3),
        (beside("backup/cat"), "backup", 3),
        ([twice("keep", "drop"), named(&["cat/*4.png", "dog/*4.png"])].concat(), "drop", 4),
        (named(&["cat/*4.png", "dog/*4.png", "pseudo/cat/*4.png", "pseudo/other/*4.png"]), "pseudo", 3),
        (named(&["cat/*4.png", "dog/*4.png", "pseudo/cat/*4.png", "pseudo/dog/*4.png"]), "pseudo", 3),
        (
            named(&["train/cat/*4.png", "train/dog/*4.png", "train/x/cat/*4.png", "train/x/dog/*4.png"]),
            "train/x",
            3,
        ),
        (named(&["A/cat/*4.png", "A/dog/*4.png", "B/cat/*4.png", "B/bird/*4.png"]), "A, B", 2),
        (named(&["cat/*4.png", "cat/cat-test/*2.png", "dog/*4.png"]), "cat/cat-test", 2),
        (named(&["cat/*4.png", "cat/test_old/*2.png", "dog/*4.png"]), "cat/test_old", 2),
        (named(&["cat/deep/*4.png", "cat/deep/tset/*2.png", "dog/*4.png"]), "cat/deep/tset", 2),
        (named(&["tr/*3.png", "te/*3.png"]), "te, tr", 2),
        (twice("tr", "va"), "tr, va", 2),
        (twice("erste", "zweite"), "erste, zweite", 2),
        (twice("fold1", "fold2"), "fold1, fold2", 2),
        (twice("day/images", "night/images"), "day, night", 2),
        ([twice("fold1/train", "fold1/test"), twice("fold2/train", "fold2/test")].concat(), "fold1", 2),
        (
            named(&["fold1/train/*3.png", "fold1/test/*3.png", "fold2/train/*3.png", "fold2/test/*2.png"]),
            "fold1",
            2,
        ),
        ([twice("photos/train", "photos/test"), named(&["other/*3.png"])].concat(), "photos", 2),
        (named(&["a/*3.png", "a_masks/*3.png", "b/*3.png", "b_gt/*3.png"]), "a_masks", 4),
        (named(&["a/*3.png", "a-thumbnails/*3.png", "b/*3.png"]), "a-thumbnails", 3),
        (named(&["face/*3.png", "face_mask/*3.png"]), "face_mask", 2),
        (pairs("scans", "outlines"), "outlines, scans", 2),
        ([pairs("scans", "outlines"), named(&["cat/*3.png"])].concat(), "outlines, scans", 3),
        (
            ["train", "test"].iter().flat_map(|at| twice(&format!("{at}/x"), &format!("{at}/y"))).collect(),
            "x, y",
            2,
        ),
    ] {
        let table: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        let files = Files::new(&table);
        for (_, opened) in files.open_everywhere(&evenly()) {
            assert_refused(opened, &[word, "folders_as_classes"]);
        }
        for (way, opened) in files.open_everywhere(&as_classes()) {
            let set = opened.unwrap_or_else(|error| panic!("{paths:?} as {way}: {error}"));
            assert_eq!(set.classes.len(), classes, "{paths:?} as {way}: {:?}", set.classes);
        }
    }
}

#[test]
fn ordinary_classes_pass_without_question() {
    for classes in [
        // ImageNet, Food-101, flowers, COCO, sets of emotions, products, languages, fingers.
        &[
            "ski",
            "ski mask",
            "bullet train",
            "steam locomotive",
            "test tube",
            "mask",
            "valley",
            "tench",
            "velvet",
        ][..],
        &["apple_pie", "beef_tartare", "french_fries", "takoyaki", "tacos", "miso_soup", "devilled_eggs"],
        &[
            "fern",
            "daisy",
            "foxglove",
            "sunflower",
            "black-eyed susan",
            "love in the mist",
            "trumpet creeper",
        ],
        &["bus", "car", "truck", "traffic light", "train station", "tram"],
        &["training shoes", "running shoes", "dev boards", "Valentine", "dress shirts"],
        &["새우깡", "초코파이", "신라면", "테스터기", "평가전", "시험관"],
        &["정상", "불량", "스크래치", "찍힘"],
        &["en", "tr", "te", "fr", "va"],
        &["thumb", "index", "middle", "ring", "pinky"],
        &["mask", "no_mask"],
        &["with_mask", "without_mask", "mask_weared_incorrect"],
        &["real", "fake"],
        &["old", "new"],
        &["left", "right"],
        &["small", "large"],
        &["other", "unknown", "background", "cat"],
        &["label", "barcode"],
        &["box", "bottle", "target"],
        &["taste", "teste di moro", "nova", "prose", "essay"],
        &["contest", "protest", "carnival", "festival"],
        &["0", "1", "2", "10"],
        &["class1", "class2"],
        &["n01440764", "n01443537"],
        &["folder", "paper"],
        &["man", "old man", "copy", "original", "backup"],
        &["type", "type 2", "type 3"],
        &["a", "b", "?"],
        &["keep", "trash", "good", "bad", "rejected"],
    ] {
        let paths: Vec<String> = classes.iter().map(|class| format!("{class}/*3.png")).collect();
        let table: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        let mut sorted = classes.to_vec();
        sorted.sort_unstable();
        for (way, opened) in Files::new(&table).open_everywhere(&evenly()) {
            let set = opened.unwrap_or_else(|error| panic!("{classes:?} as {way}: {error}"));
            assert_eq!(set.classes, sorted, "{way}: {:?}", set.notices);
            assert_eq!(set.train.len() + set.test.len(), 3 * classes.len(), "{classes:?} as {way}");
        }
    }
}

#[test]
fn splits_below_other_folders_are_read() {
    const SPLIT: [(&str, usize, usize); 2] = [("cat", 3, 2), ("dog", 3, 1)];
    let at = |at: &str, beside: &str| {
        let paths = ["train/cat/*3.png", "train/dog/*3.png", "test/cat/*2.png", "test/dog/1.png"];
        let mut files = Files::default();
        for path in paths {
            let path = format!("{at}/{path}");
            files.0.extend(Files::new(&[(&path, "")]).0);
        }
        let beside = Files::new(&[(beside, "words")]).0;
        files.0.extend(beside);
        // Images of different content.
        for (number, (_, content)) in files.0.iter_mut().enumerate().take(9) {
            *content = crate::layout_files::png(10 * number as u8);
        }
        files
    };
    for files in [
        at("images", "notes.txt"),
        at("photos", "docs/notes.txt"),
        at("images", "annotations/1.xml"),
        at("my data/images", "my data/notes.txt"),
        at("set/v2", "set/prices.csv"),
    ] {
        for (way, opened) in files.open_everywhere(&evenly()) {
            let set = opened.unwrap_or_else(|error| panic!("{:?} as {way}: {error}", files.0[0]));
            assert_eq!(counts(&set), SPLIT, "{way}: {:?}", set.notices);
        }
    }
}

#[test]
fn labelled_beside_unlabelled_folders_are_read() {
    for (labelled, unlabelled) in [
        ("labelled", "unlabelled"),
        ("Labeled", "Unlabeled"),
        ("labeled_data", "unlabeled_data"),
        ("train/labelled", "train/unlabelled"),
        ("train/labeled", "unlabeled"),
    ] {
        let paths = ["cat/*5.png", "dog/*5.png"].map(|path| format!("{labelled}/{path}"));
        let rest = format!("{unlabelled}/*3.png");
        let files = Files::new(&[(&paths[0], ""), (&paths[1], ""), (&rest, "")]);
        for (way, opened) in files.open_everywhere(&evenly()) {
            let set = opened.unwrap_or_else(|error| panic!("{labelled} as {way}: {error}"));
            assert_eq!((counts(&set), set.train.len()), (TWO.to_vec(), 11), "{labelled} as {way}");
        }
    }
}

#[test]
fn copies_of_images_inside_classes_are_left_out() {
    check_default(&[
        (
            &[("cat/*5.png", ""), ("cat/thumb/*5.png", ""), ("dog/*5.png", ""), ("dog/cache/*4.png", "")],
            Reads(&TWO, 0, &["2 folders are ignored: cat/thumb (thumbnails), dog/cache (thumbnails)"]),
        ),
        (
            &[("cat/*5.png", ""), ("cat/small/*5.png", ""), ("dog/*5.png", ""), ("cache/*4.png", "")],
            Reads(&TWO, 0, &["cache (thumbnails)", "cat/small (thumbnails)"]),
        ),
        (
            &[("train/cat/*5.png", ""), ("train/cat/썸네일/*5.png", ""), ("train/dog/*5.png", "")],
            Reads(&TWO, 0, &["cat/썸네일 (thumbnails)"]),
        ),
        // No copies: other images of the class.
        (&[("cat/*2.png", ""), ("cat/small/a*3.png", ""), ("dog/*5.png", "")], Reads(&TWO, 0, &[])),
    ]);
}

/// The option answers a question about classes; splits and unlabelled images stay what they are.
#[test]
fn folders_as_classes_keeps_splits() {
    check(
        &[
            (
                &[
                    ("train/cat/*4.png", ""),
                    ("train/misc/*4.png", ""),
                    ("test/cat/1.png", ""),
                    ("test/misc/1.png", ""),
                ],
                Reads(&[("cat", 4, 1), ("misc", 4, 1)], 0, &[]),
            ),
            (
                &[("cat/*5.png", ""), ("inbox/*5.png", ""), ("unlabeled/*3.png", "")],
                Reads(&[("cat", 4, 1), ("inbox", 4, 1)], 3, &["unlabeled are of unknown class"]),
            ),
            (
                &[("cat/*5.png", ""), ("test/*5.png", ""), ("train/*5.png", "")],
                Reads(&[("cat", 4, 1), ("test", 4, 1), ("train", 4, 1)], 0, &[]),
            ),
        ],
        &as_classes(),
    );
}

#[test]
fn folders_around_classes_are_read_beside_others() {
    check_default(&[
        (
            &[("pics/cat/*5.png", ""), ("pics/dog/*5.png", ""), ("unlabeled/*3.png", "")],
            Reads(&TWO, 3, &["the folders in pics are read as classes: cat, dog"]),
        ),
        (
            &[
                ("photos/train/cat/*4.png", ""),
                ("photos/train/dog/*4.png", ""),
                ("photos/test/cat/1.png", ""),
                ("photos/test/dog/1.png", ""),
                ("unsorted/*2.png", ""),
            ],
            Reads(&TWO, 2, &[]),
        ),
        (
            &[
                ("pics/cat/*4.png", ""),
                ("pics/dog/*4.png", ""),
                ("test/cat/1.png", ""),
                ("test/dog/1.png", ""),
            ],
            Reads(
                &TWO,
                0,
                &["the images in pics train: it holds the same class folders as the images to test"],
            ),
        ),
        (
            &[
                ("pics/cat/*4.png", ""),
                ("pics/dog/*4.png", ""),
                ("val/cat/1.png", ""),
                ("val/dog/1.png", ""),
                ("unlabeled/*2.png", ""),
            ],
            Reads(&TWO, 2, &["the images in pics train"]),
        ),
        (
            &[("images/*3.png", ""), ("unlabeled/*2.png", "")],
            super::Refused(&["3 images without classes", "images/1.png"]),
        ),
    ]);
}
