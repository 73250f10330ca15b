//! IDX files, plain and gzipped, and damaged ones.

use std::fs;

use remixmatch::data::{DataError, DataSet, OpenOptions, SplitRule, open};
use tempfile::{TempDir, tempdir};

use super::common::{assert_refused, gzip, idx_images, idx_labels, put, read};

fn mnist(names: [&str; 4], pack: fn(&[u8]) -> Vec<u8>) -> TempDir {
    let folder = tempdir().unwrap();
    let contents =
        [idx_images(6, 8), idx_labels(&[0, 1, 2, 0, 1, 2]), idx_images(3, 8), idx_labels(&[2, 1, 0])];
    for (name, content) in names.iter().zip(contents) {
        put(folder.path().join(name), &pack(&content));
    }
    folder
}

const DASHED: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

#[test]
fn idx_loads_under_any_name_plain_or_gzipped() {
    let dotted = [
        "train-images.idx3-ubyte",
        "train-labels.idx1-ubyte",
        "t10k-images.idx3-ubyte",
        "t10k-labels.idx1-ubyte",
    ];
    let zipped = [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ];
    // The content decides: gzip without the extension is recognised.
    for (names, pack) in [
        (DASHED, <[u8]>::to_vec as fn(&[u8]) -> Vec<u8>),
        (dotted, <[u8]>::to_vec),
        (zipped, gzip),
        (DASHED, gzip),
    ] {
        let folder = mnist(names, pack);
        let set = read(folder.path()).unwrap();
        assert_eq!(set.format, "IDX");
        assert_eq!((set.train.height, set.train.width, set.train.channels), (8, 8, 1));
        assert_eq!((set.train.len(), set.test.len()), (6, 3));
        assert_eq!(set.train.image(4)[..3], [4, 5, 6]);
        assert_eq!(set.train_labels, [0, 1, 2, 0, 1, 2].map(Some));
        assert_eq!(set.test_labels, [2, 1, 0]);
        assert_eq!(set.classes, ["0", "1", "2"]);
        assert_eq!((set.flip, set.shift), (false, 2));
        // The test images are the first ones to train on.
        assert_eq!(set.notices.len(), 1);
        assert!(set.notices[0].starts_with("3 of 3 test images are byte for byte"), "{:?}", set.notices);
    }
}

#[test]
fn a_tenth_is_held_out_without_test_files() {
    let folder = tempdir().unwrap();
    let labels: Vec<u8> = (0..60).map(|i| 1 + i % 3).collect();
    put(folder.path().join("images"), &idx_images(60, 8));
    put(folder.path().join("labels"), &idx_labels(&labels));
    let by = |split| {
        let options = OpenOptions { split, ..OpenOptions::default() };
        open(folder.path().to_str().unwrap(), &options).unwrap()
    };
    let set = by(SplitRule::Position);
    // Labels 1 to 3 become three classes with these names.
    assert_eq!(set.classes, ["1", "2", "3"]);
    assert_eq!((set.train.len(), set.test.len()), (54, 6));
    let mut test = set.test_labels.clone();
    test.sort_unstable();
    assert_eq!(test, [0, 0, 1, 1, 2, 2]);
    assert!(set.notices[0].contains("6 of 60 labelled images"), "{:?}", set.notices);
    assert!(set.notices[0].contains("(1 2 of 20, 2 2 of 20, 3 2 of 20)"), "{:?}", set.notices);
    assert_eq!(by(SplitRule::Position).test, set.test);
    let by_content = by(SplitRule::Content);
    assert_eq!(by_content.train.len() + by_content.test.len(), 60);
    assert_eq!(by(SplitRule::Content).test, by_content.test);
    // Images keep their labels: the first pixel is the image's index.
    for set in [set, by_content] {
        for i in 0..set.test.len() {
            assert_eq!(u32::from(set.test.image(i)[0]) % 3, set.test_labels[i]);
        }
    }
}

#[test]
fn damaged_idx_files_report_the_offset() {
    let break_file = |name: &str, content: Vec<u8>| -> Result<DataSet, DataError> {
        let folder = mnist(DASHED, <[u8]>::to_vec);
        put(folder.path().join(name), &content);
        read(folder.path())
    };
    let cut = idx_images(6, 8)[..100].to_vec();
    assert_refused(break_file(DASHED[0], cut.clone()), &[DASHED[0], "byte 100", "384 bytes", "the end"]);
    assert_refused(break_file(DASHED[0], gzip(&cut)), &[DASHED[0], "byte 100"]);
    let mut damaged = gzip(&idx_images(6, 8));
    damaged.truncate(damaged.len() - 12);
    assert_refused(break_file(DASHED[0], damaged), &[DASHED[0], "damaged data"]);
    let long = [idx_images(6, 8), vec![1]].concat();
    assert_refused(break_file(DASHED[0], long), &[DASHED[0], "byte 400", "found more"]);
    assert_refused(break_file(DASHED[0], Vec::new()), &[DASHED[0], "byte 0", "IDX magic number"]);
    assert_refused(break_file(DASHED[0], vec![0, 0, 8, 3, 0]), &[DASHED[0], "byte 5", "header of 16"]);
    let mut floats = idx_images(6, 8);
    floats[2] = 0x0d;
    assert_refused(break_file(DASHED[0], floats), &[DASHED[0], "[00, 00, 08, 03]", "[00, 00, 0d, 03]"]);
    // A size that would exhaust memory is refused before any is allocated.
    let mut huge = idx_images(6, 8);
    huge[4] = 0xff;
    huge[8] = 0xff;
    assert_refused(break_file(DASHED[0], huge), &[DASHED[0], "byte 4", "dimensions"]);
    assert_refused(break_file(DASHED[1], idx_labels(&[0, 1])), &[DASHED[1], "6 images", "2 labels"]);
    assert_refused(break_file(DASHED[3], idx_labels(&[0, 1, 9])), &["class '9'", "no training images"]);
    assert_refused(break_file(DASHED[0], idx_images(3, 4)), &[DASHED[0], "4x4", "at least 8x8"]);
    assert_refused(break_file(DASHED[0], idx_images(6, 9)), &[DASHED[2], "[9, 9, 1]", "[8, 8, 1]"]);
    assert_refused(break_file(DASHED[1], idx_labels(&[5; 6])), &["class"]);
    assert_refused(
        break_file("train-more-idx3-ubyte", idx_images(1, 8)),
        &["one images and one labels", "2 and 1"],
    );
}

#[test]
fn incomplete_idx_sets_are_refused() {
    let folder = mnist(DASHED, <[u8]>::to_vec);
    fs::remove_file(folder.path().join(DASHED[1])).unwrap();
    assert_refused(read(folder.path()), &["one images and one labels file to train", "1 and 0"]);
    fs::remove_file(folder.path().join(DASHED[0])).unwrap();
    assert_refused(read(folder.path()), &["test files only"]);
    let one_class = tempdir().unwrap();
    put(one_class.path().join(DASHED[0]), &idx_images(4, 8));
    put(one_class.path().join(DASHED[1]), &idx_labels(&[7; 4]));
    assert_refused(read(one_class.path()), &["one class only", "'7'"]);
    let none = tempdir().unwrap();
    put(none.path().join(DASHED[0]), &idx_images(0, 8));
    put(none.path().join(DASHED[1]), &idx_labels(&[]));
    assert_refused(read(none.path()), &["no images"]);
}
