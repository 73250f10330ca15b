//! Every format, written here byte by byte, every kind of bad input, and the built-in sets.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use remixmatch::data::{
    Balance, DataError, DataSet, Images, OpenOptions, Origin, contact_sheet, open, split, summary,
};
use tempfile::{TempDir, tempdir};

fn read(folder: &Path) -> Result<DataSet, DataError> {
    open(folder.to_str().unwrap(), &OpenOptions::default())
}

/// The message of a failure, which must name what it is about.
fn refused(result: Result<DataSet, DataError>, words: &[&str]) {
    let Err(error) = result else { panic!("this must be refused, naming {words:?}") };
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "'{word}' is missing in: {message}");
    }
    assert!(!message.contains('\n'), "one line: {message}");
}

fn put(path: impl AsRef<Path>, bytes: &[u8]) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

// IDX

/// An image of `n`: its first pixel is n, the others count up from there.
fn idx_images(count: u8, side: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, side, 0, 0, 0, side];
    for n in 0..count {
        bytes.extend((0..u16::from(side) * u16::from(side)).map(|i| (u16::from(n) + i) as u8));
    }
    bytes
}

fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1, 0, 0, 0, labels.len() as u8];
    bytes.extend_from_slice(labels);
    bytes
}

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
fn idx_is_read_plain_and_gzipped_under_either_naming() {
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
    // Content tells, not the names: gzip without its ending is read too.
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
        assert!(set.notices.is_empty());
    }
}

#[test]
fn idx_without_test_images_holds_a_tenth_of_each_class_out() {
    let folder = tempdir().unwrap();
    let labels: Vec<u8> = (0..60).map(|i| 1 + i % 3).collect();
    put(folder.path().join("images"), &idx_images(60, 8));
    put(folder.path().join("labels"), &idx_labels(&labels));
    let set = read(folder.path()).unwrap();
    // Labels 1 to 3 are three classes that keep their names.
    assert_eq!(set.classes, ["1", "2", "3"]);
    assert_eq!((set.train.len(), set.test.len()), (54, 6));
    let mut test = set.test_labels.clone();
    test.sort_unstable();
    assert_eq!(test, [0, 0, 1, 1, 2, 2]);
    assert!(set.notices[0].contains("6 training images"), "{:?}", set.notices);
    // An image goes with its label: the first pixel tells which it is.
    for i in 0..set.test.len() {
        assert_eq!(u32::from(set.test.image(i)[0]) % 3, set.test_labels[i]);
    }
    assert_eq!(read(folder.path()).unwrap().test, set.test);
}

#[test]
fn bad_idx_files_are_named_with_the_place() {
    let break_file = |name: &str, content: Vec<u8>| -> Result<DataSet, DataError> {
        let folder = mnist(DASHED, <[u8]>::to_vec);
        put(folder.path().join(name), &content);
        read(folder.path())
    };
    let cut = idx_images(6, 8)[..100].to_vec();
    refused(break_file(DASHED[0], cut.clone()), &[DASHED[0], "byte 100", "384 bytes", "the end"]);
    refused(break_file(DASHED[0], gzip(&cut)), &[DASHED[0], "byte 100"]);
    let mut damaged = gzip(&idx_images(6, 8));
    damaged.truncate(damaged.len() - 12);
    refused(break_file(DASHED[0], damaged), &[DASHED[0], "damaged data"]);
    let long = [idx_images(6, 8), vec![1]].concat();
    refused(break_file(DASHED[0], long), &[DASHED[0], "byte 400", "found more"]);
    refused(break_file(DASHED[0], Vec::new()), &[DASHED[0], "byte 0", "IDX mark"]);
    refused(break_file(DASHED[0], vec![0, 0, 8, 3, 0]), &[DASHED[0], "byte 5", "header of 16"]);
    let mut floats = idx_images(6, 8);
    floats[2] = 0x0d;
    refused(break_file(DASHED[0], floats), &[DASHED[0], "[00, 00, 08, 03]", "[00, 00, 0d, 03]"]);
    // A size that would exhaust memory is refused before any is taken.
    let mut huge = idx_images(6, 8);
    huge[4] = 0xff;
    huge[8] = 0xff;
    refused(break_file(DASHED[0], huge), &[DASHED[0], "byte 4", "dimensions"]);
    refused(break_file(DASHED[1], idx_labels(&[0, 1])), &[DASHED[1], "6 images", "2 labels"]);
    refused(break_file(DASHED[3], idx_labels(&[0, 1, 9])), &["class '9'", "no training images"]);
    refused(break_file(DASHED[0], idx_images(3, 4)), &[DASHED[0], "4x4", "8x8 to 96x96"]);
    refused(break_file(DASHED[1], idx_labels(&[5; 6])), &["class"]);
    refused(break_file("train-more-idx3-ubyte", idx_images(1, 8)), &["one images and one labels", "2 and 1"]);
}

#[test]
fn idx_files_without_their_partners_are_refused() {
    let folder = mnist(DASHED, <[u8]>::to_vec);
    fs::remove_file(folder.path().join(DASHED[1])).unwrap();
    refused(read(folder.path()), &["one images and one labels file to train", "1 and 0"]);
    fs::remove_file(folder.path().join(DASHED[0])).unwrap();
    refused(read(folder.path()), &["test files only"]);
    let one_class = tempdir().unwrap();
    put(one_class.path().join(DASHED[0]), &idx_images(4, 8));
    put(one_class.path().join(DASHED[1]), &idx_labels(&[7; 4]));
    refused(read(one_class.path()), &["one class only", "'7'"]);
    let none = tempdir().unwrap();
    put(none.path().join(DASHED[0]), &idx_images(0, 8));
    put(none.path().join(DASHED[1]), &idx_labels(&[]));
    refused(read(none.path()), &["no images"]);
}

// CIFAR

/// A record whose planes hold n, n + 1 and n + 2, but for the last pixel of the first row: 200, 201 and 202.
fn cifar_record(classes: &[u8], n: u8) -> Vec<u8> {
    let mut record = classes.to_vec();
    for plane in 0..3 {
        let mut pixels = vec![n + plane; 1024];
        pixels[31] = 200 + plane;
        record.extend(pixels);
    }
    record
}

fn cifar_10() -> TempDir {
    let folder = tempdir().unwrap();
    for batch in 1..=2u8 {
        let records: Vec<u8> = (0..10).flat_map(|n| cifar_record(&[n], 10 * batch + n)).collect();
        put(folder.path().join(format!("data_batch_{batch}.bin")), &records);
    }
    put(folder.path().join("test_batch.bin"), &cifar_record(&[3], 99));
    folder
}

fn check_pixels(images: &Images, i: usize, n: u8) {
    assert_eq!(images.image(i)[..3], [n, n + 1, n + 2]);
    assert_eq!(images.image(i)[31 * 3..33 * 3], [200, 201, 202, n, n + 1, n + 2]);
}

#[test]
fn cifar_10_is_read_with_its_planes_as_pixels() {
    let folder = cifar_10();
    let set = read(folder.path()).unwrap();
    assert_eq!(set.format, "CIFAR-10 (binary)");
    assert_eq!((set.train.height, set.train.width, set.train.channels), (32, 32, 3));
    assert_eq!((set.train.len(), set.test.len()), (20, 1));
    assert_eq!(set.train_labels[13], Some(3));
    check_pixels(&set.train, 13, 23);
    check_pixels(&set.test, 0, 99);
    assert_eq!(set.test_labels, [3]);
    assert_eq!((set.classes[9].as_str(), set.flip, set.shift), ("9", true, 4));

    put(
        folder.path().join("batches.meta.txt"),
        b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
    );
    assert_eq!(read(folder.path()).unwrap().classes[9], "truck");
    put(folder.path().join("batches.meta.txt"), b"airplane\n");
    refused(read(folder.path()), &["batches.meta.txt", "10 class names", "1 lines"]);
}

#[test]
fn cifar_100_is_read_with_its_fine_labels() {
    let folder = tempdir().unwrap();
    let records: Vec<u8> = (0..200).flat_map(|n: u8| cifar_record(&[n % 20, n % 100], n % 100)).collect();
    put(folder.path().join("train.bin"), &records);
    let names: String = (0..100).map(|n| format!("name{n}\n")).collect();
    put(folder.path().join("fine_label_names.txt"), names.as_bytes());
    let held = read(folder.path()).unwrap();
    assert_eq!((held.train.len(), held.test.len(), held.notices.len()), (100, 100, 1));
    put(folder.path().join("test.bin"), &cifar_record(&[4, 44], 7));
    let set = read(folder.path()).unwrap();
    assert_eq!((set.format.as_str(), set.classes.len()), ("CIFAR-100 (binary)", 100));
    assert_eq!(set.train_labels[144], Some(44));
    assert_eq!(set.classes[44], "name44");
    assert_eq!(set.test_labels, [44]);
    check_pixels(&set.train, 144, 44);
}

#[test]
fn bad_cifar_files_are_named_with_the_place() {
    let folder = cifar_10();
    let batch = folder.path().join("data_batch_1.bin");
    let whole = fs::read(&batch).unwrap();
    put(&batch, &whole[..3073 * 2 + 5]);
    refused(
        read(folder.path()),
        &["data_batch_1.bin", "byte 6146", "3073 bytes", "5 bytes", "fetch it again"],
    );
    let mut wrong = whole.clone();
    wrong[3073 * 4] = 10;
    put(&batch, &wrong);
    refused(read(folder.path()), &["data_batch_1.bin", "byte 12292", "below 10", "found 10"]);
    put(&batch, &whole);
    put(folder.path().join("test_batch.bin"), &whole[..100]);
    refused(read(folder.path()), &["test_batch.bin", "byte 0", "100 bytes"]);
    for batch in 1..=2 {
        fs::remove_file(folder.path().join(format!("data_batch_{batch}.bin"))).unwrap();
    }
    refused(read(folder.path()), &["data_batch_1.bin", "a test file only"]);
    put(folder.path().join("data_batch_1.bin"), &whole[..3073 * 9]);
    put(folder.path().join("test_batch.bin"), &whole[..3073]);
    refused(read(folder.path()), &["no image of class '9'"]);
}

// Folders

fn rgb(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(colour))
}

fn save(image: &RgbImage, path: impl AsRef<Path>) {
    fs::create_dir_all(path.as_ref().parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

/// Two classes of five 10x10 images.
fn pets() -> TempDir {
    let folder = tempdir().unwrap();
    for i in 0..5u8 {
        save(&rgb(10, 10, [i, 100, 200]), folder.path().join(format!("dog/{i}.png")));
        save(&rgb(10, 10, [50 + i, 0, 9]), folder.path().join(format!("cat/{i}.png")));
    }
    folder
}

#[test]
fn a_folder_of_class_folders_is_read_and_a_fifth_held_out() {
    let folder = pets();
    let set = read(folder.path()).unwrap();
    assert_eq!(set.format, "folder of class folders");
    assert_eq!(set.classes, ["cat", "dog"]);
    assert_eq!((set.train.height, set.train.width, set.train.channels), (10, 10, 3));
    assert_eq!((set.train.len(), set.test.len()), (8, 2));
    assert_eq!(set.test_labels, [0, 1]);
    assert_eq!(set.train_labels, [0, 0, 0, 0, 1, 1, 1, 1].map(Some));
    assert_eq!(set.train.image(0)[..3], [50, 0, 9]);
    assert_eq!(set.train.image(4)[297..], [0, 100, 200]);
    assert_eq!((set.flip, set.shift, set.notices.len()), (true, 1, 1));
    let share = OpenOptions { test_share: Some(0.4), ..OpenOptions::default() };
    assert_eq!(open(folder.path().to_str().unwrap(), &share).unwrap().test.len(), 4);
}

#[test]
fn train_test_and_unlabelled_folders_are_told_apart() {
    for (test, unlabelled) in [("test", "unlabeled"), ("val", "train/unlabelled"), ("Valid", "Unlabelled")] {
        let folder = tempdir().unwrap();
        let at = |path: String| folder.path().join(path);
        for class in ["b", "a"] {
            save(&rgb(8, 8, [1; 3]), at(format!("train/{class}/deeper/1.png")));
            save(&rgb(8, 8, [2; 3]), at(format!("{test}/{class}/1.bmp")));
        }
        save(&rgb(8, 8, [3; 3]), at(format!("{unlabelled}/x.png")));
        put(at("train/a/notes.txt".into()), b"not an image");
        put(at("train/a/.hidden".into()), b"not even looked at");
        let set = read(folder.path()).unwrap();
        assert_eq!(set.classes, ["a", "b"], "{test}");
        assert_eq!(set.train_labels, [Some(0), Some(1), None]);
        assert_eq!(set.train.image(2)[0], 3);
        assert_eq!(set.test_labels, [0, 1]);
        assert_eq!(set.test.image(1)[0], 2);
        assert_eq!(set.notices.len(), 1);
        assert!(set.notices[0].contains("1 file(s)") && set.notices[0].contains("notes.txt"));
        let told = summary(&set);
        assert_eq!((told.train, told.unlabelled, told.test), (3, 1, 2));
        assert_eq!((told.classes[0].train, told.classes[0].test), (1, 1));
        assert!(told.to_string().contains("3 images to train (1 of them of unknown class), 2 to test"));
        // Those of unknown class are learnt from without it, and are never chosen as labelled.
        let split = split(&set, 2, Balance::Even, 1).unwrap();
        assert_eq!((split.labelled, split.unlabelled), (vec![0, 1], vec![0, 1, 2]));
        let sheet = contact_sheet(&set, 4, 2);
        assert_eq!(sheet.dimensions(), (2 + 4 * 18, 2 + 3 * 18));
        assert_eq!((sheet.get_pixel(2, 2 + 2 * 18).0, sheet.get_pixel(20, 2).0), ([3; 3], [24, 24, 28]));
    }
}

#[test]
fn the_formats_of_images_are_told_from_content() {
    let folder = tempdir().unwrap();
    for (i, format) in [
        image::ImageFormat::Png,
        image::ImageFormat::Jpeg,
        image::ImageFormat::Bmp,
        image::ImageFormat::Gif,
        image::ImageFormat::WebP,
        image::ImageFormat::Tiff,
        image::ImageFormat::Pnm,
    ]
    .into_iter()
    .enumerate()
    {
        for class in ["a", "b"] {
            let path = folder.path().join(format!("{class}/{i}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            rgb(8, 8, [240, 120, 10]).save_with_format(path, format).unwrap();
        }
    }
    let set = read(folder.path()).unwrap();
    assert_eq!(set.train.len() + set.test.len(), 14);
    for i in 0..set.train.len() {
        for (found, expected) in set.train.image(i).iter().zip([240, 120, 10].iter().cycle()) {
            assert!(found.abs_diff(*expected) <= 4, "image {i}: {found} instead of {expected}");
        }
    }
}

#[test]
fn grey_stays_grey_and_transparent_pixels_turn_black() {
    let folder = tempdir().unwrap();
    for class in ["a", "b"] {
        for i in 0..2 {
            let path = folder.path().join(format!("{class}/{i}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            GrayImage::from_pixel(8, 8, Luma([77])).save(path).unwrap();
        }
    }
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.channels, set.train.image(0)[0]), (1, 77));
    RgbaImage::from_fn(8, 8, |x, _| Rgba([200, 100, 50, if x == 0 { 0 } else { 255 }]))
        .save(folder.path().join("a/0.png"))
        .unwrap();
    let set = read(folder.path()).unwrap();
    let all: Vec<&[u8]> =
        (0..2).map(|i| set.train.image(i)).chain((0..2).map(|i| set.test.image(i))).collect();
    assert_eq!(set.train.channels, 3);
    assert!(all.iter().any(|image| image[..6] == [0, 0, 0, 200, 100, 50]));
    assert!(all.iter().any(|image| image[..3] == [77; 3]));
}

#[test]
fn images_of_other_sizes_are_resized_from_their_middle_or_refused() {
    let folder = pets();
    // Left and right quarters are red, the middle square green.
    let wide =
        RgbImage::from_fn(40, 20, |x, _| Rgb(if (10..30).contains(&x) { [0, 250, 0] } else { [250, 0, 0] }));
    save(&wide, folder.path().join("cat/0.png"));
    let path = folder.path().to_str().unwrap();
    let set = read(folder.path()).unwrap();
    assert_eq!((set.train.width, set.train.image(0)), (10, [0, 250, 0].repeat(100).as_slice()));
    assert!(set.notices[0].contains("1 of 10 images are resized to 10x10"), "{:?}", set.notices);
    let strict = OpenOptions { strict: true, ..OpenOptions::default() };
    refused(open(path, &strict), &["cat/0.png", "40x20", "10x10", "strict"]);

    let asked = OpenOptions { image_size: Some(16), ..OpenOptions::default() };
    let set = open(path, &asked).unwrap();
    assert_eq!((set.train.height, set.train.width, set.shift), (16, 16, 2));
    for side in [0, 7, 97] {
        let asked = OpenOptions { image_size: Some(side), ..OpenOptions::default() };
        refused(open(path, &asked), &[&side.to_string(), "8 to 96"]);
    }
}

#[test]
fn the_side_is_the_most_common_one_within_bounds() {
    for (sizes, side) in [([4, 4, 4, 9], 8), ([200, 200, 200, 9], 96), ([20, 30, 40, 50], 32)] {
        let folder = tempdir().unwrap();
        for (i, size) in sizes.into_iter().enumerate() {
            save(&rgb(size, size, [9; 3]), folder.path().join(format!("{}/{i}.png", i % 2)));
        }
        assert_eq!(read(folder.path()).unwrap().train.width, side, "{sizes:?}");
    }
}

/// A PNG that says it is 30,000 x 30,000 and ends there.
fn huge_png() -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(30_000u32.to_be_bytes());
    chunk.extend(30_000u32.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&chunk);
    png.extend(crc.sum().to_be_bytes());
    // The header of the first data chunk: readers look for it before they answer.
    png.extend(b"\0\0\x10\0IDAT");
    png
}

#[test]
fn bad_images_are_named_and_passed_over_when_asked() {
    let whole = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        RgbImage::from_fn(10, 10, |x, y| Rgb([(x * 25) as u8, (y * 25) as u8, 7]))
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    };
    let skip = OpenOptions { skip_bad: true, ..OpenOptions::default() };
    for (content, words) in [
        (whole[..whole.len() / 2].to_vec(), &["cat/bad.png", "cannot decode"][..]),
        (whole[..20].to_vec(), &["cat/bad.png", "cannot decode"]),
        (Vec::new(), &["cat/bad.png", "no image format"]),
        (b"plain text".to_vec(), &["cat/bad.png", "no image format"]),
        (huge_png(), &["cat/bad.png", "30000x30000", "64 million"]),
    ] {
        let folder = pets();
        put(folder.path().join("cat/bad.png"), &content);
        refused(read(folder.path()), words);
        let set = open(folder.path().to_str().unwrap(), &skip).unwrap();
        assert_eq!(set.train.len() + set.test.len(), 10);
        assert!(set.notices.iter().any(|n| n.contains("passed over") && n.contains("cat/bad.png")));
    }
    let folder = pets();
    for i in 0..5 {
        put(folder.path().join(format!("cat/{i}.png")), b"");
    }
    refused(open(folder.path().to_str().unwrap(), &skip), &["no image of class 'cat'"]);
}

#[test]
fn folders_that_cannot_be_learnt_from_are_refused() {
    let folder = pets();
    fs::create_dir(folder.path().join("horse")).unwrap();
    refused(read(folder.path()), &["no image of class 'horse'", "remove the class"]);

    let one = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), one.path().join("only/1.png"));
    save(&rgb(8, 8, [0; 3]), one.path().join("only/2.png"));
    refused(read(one.path()), &["one class only", "'only'"]);

    let singles = tempdir().unwrap();
    save(&rgb(8, 8, [0; 3]), singles.path().join("a/1.png"));
    save(&rgb(8, 8, [0; 3]), singles.path().join("b/1.png"));
    refused(read(singles.path()), &["no test images", "add images"]);

    let test = tempdir().unwrap();
    for path in ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"] {
        save(&rgb(8, 8, [0; 3]), test.path().join(path));
    }
    refused(read(test.path()), &["class 'c'", "no training images"]);
}

#[test]
fn what_is_no_data_set_is_refused_with_what_was_found() {
    let folder = tempdir().unwrap();
    refused(read(folder.path()), &["looked for", "an empty folder"]);
    put(folder.path().join("notes.txt"), b"words");
    fs::create_dir(folder.path().join("empty")).unwrap();
    refused(read(folder.path()), &["IDX", "CIFAR-10", "class folders", "empty/, notes.txt"]);
    save(&rgb(8, 8, [0; 3]), folder.path().join("flat.png"));
    refused(read(folder.path()), &["flat.png"]);
    refused(read(&folder.path().join("notes.txt")), &["notes.txt", "a single file"]);
    put(folder.path().join("one"), &idx_images(1, 8));
    refused(read(&folder.path().join("one")), &["a single IDX file", "give the folder"]);
    refused(read(&folder.path().join("missing")), &["cannot read", "missing"]);
    refused(open("builtin:nothing", &OpenOptions::default()), &["'nothing'", "builtin:shapes"]);
    let share = OpenOptions { test_share: Some(1.0), ..OpenOptions::default() };
    refused(open("builtin:digits", &share), &["between 0 and 1"]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_links_to_itself_ends() {
    let folder = pets();
    std::os::unix::fs::symlink(folder.path().join("cat"), folder.path().join("cat/again")).unwrap();
    assert!(read(folder.path()).is_ok());
}

// Splits

/// A set of `counts` images of each class, interleaved, and `unknown` of none.
fn counted(counts: &[usize], unknown: usize) -> DataSet {
    let mut labels: Vec<Option<u32>> = Vec::new();
    for i in 0..counts.iter().copied().max().unwrap() {
        labels.extend((0..counts.len()).filter(|&c| i < counts[c]).map(|c| Some(c as u32)));
    }
    labels.extend(vec![None; unknown]);
    let images = Images { height: 8, width: 8, channels: 1, pixels: vec![0; 64 * labels.len()] };
    DataSet {
        name: "counted".into(),
        format: "made here".into(),
        classes: (0..counts.len()).map(|c| format!("class{c}")).collect(),
        test: images.clone(),
        test_labels: Vec::new(),
        origin: Origin::Benchmark,
        train: images,
        train_labels: labels,
        flip: false,
        shift: 2,
        notices: Vec::new(),
    }
}

fn chosen(set: &DataSet, labelled: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; set.classes.len()];
    labelled.iter().for_each(|&i| counts[set.train_labels[i].unwrap() as usize] += 1);
    counts
}

#[test]
fn a_split_depends_on_the_seed_alone() {
    let set = open("builtin:digits", &OpenOptions::default()).unwrap();
    let first = split(&set, 40, Balance::Even, 1).unwrap();
    assert_eq!(first, split(&set, 40, Balance::Even, 1).unwrap());
    assert_ne!(first.labelled, split(&set, 40, Balance::Even, 2).unwrap().labelled);
    assert_eq!(chosen(&set, &first.labelled), [4; 10]);
    assert_eq!(first.unlabelled, (0..4_000).collect::<Vec<_>>());
    // More labels keep the fewer: the same order is cut later.
    let more = split(&set, 250, Balance::Even, 1).unwrap();
    assert!(first.labelled.iter().all(|i| more.labelled.contains(i)));
}

#[test]
fn labels_follow_the_train_distribution_when_asked() {
    let set = counted(&[80, 40, 20], 5);
    let found = split(&set, 35, Balance::Train, 3).unwrap();
    assert_eq!(chosen(&set, &found.labelled), [20, 10, 5]);
    assert_eq!(found.unlabelled.len(), 145);
    let all = split(&set, 140, Balance::Even, 3).unwrap();
    assert_eq!(all.labelled, (0..140).collect::<Vec<_>>());
}

#[test]
fn splits_that_cannot_be_are_refused() {
    let set = counted(&[80, 40, 20], 5);
    let refused = |labels, balance, words: &[&str]| {
        let message = split(&set, labels, balance, 0).expect_err("this must be refused").to_string();
        words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is missing in: {message}"));
    };
    refused(2, Balance::Even, &["2 labels are fewer than the 3 classes"]);
    refused(0, Balance::Train, &["at least 3"]);
    refused(31, Balance::Even, &["31 labels", "30 or 33", "train distribution"]);
    refused(61, Balance::Even, &["ask for 60,"]);
    refused(63, Balance::Even, &["21 labels of class 'class2'", "it has 20", "at most 60"]);
    refused(141, Balance::Train, &["141 labels", "140 training images", "at most 140"]);
}

proptest! {
    #[test]
    fn any_split_is_sorted_unique_of_known_class_and_complete(
        counts in prop::collection::vec(1usize..30, 2..6), share in 0.0f64..=1.0, seed: u64,
    ) {
        let set = counted(&counts, 3);
        let known: usize = counts.iter().sum();
        let labels = counts.len() + ((known - counts.len()) as f64 * share) as usize;
        let found = split(&set, labels, Balance::Train, seed).unwrap();
        prop_assert_eq!(found.labelled.len(), labels);
        prop_assert!(found.labelled.windows(2).all(|pair| pair[0] < pair[1]));
        let of = chosen(&set, &found.labelled);
        prop_assert!(of.iter().zip(&counts).all(|(n, all)| n <= all));
        prop_assert_eq!(found.unlabelled.len(), known + 3);
    }
}

// The built-in sets

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_built_in_sets_are_whole_and_balanced() {
    for (name, shape, train, test) in [
        ("fashion", (28, 28, 1), 6_000, 1_000),
        ("digits", (28, 28, 1), 4_000, 1_000),
        ("shapes", (32, 32, 3), 5_000, 1_000),
    ] {
        let set = open(&format!("builtin:{name}"), &OpenOptions::default()).unwrap();
        assert_eq!(set.name, format!("builtin:{name}"));
        assert_eq!((set.train.height, set.train.width, set.train.channels), shape);
        assert_eq!((set.train.len(), set.test.len(), set.classes.len()), (train, test, 10));
        let told = summary(&set);
        assert!(
            told.classes.iter().all(|class| (class.train, class.test) == (train / 10, test / 10)),
            "{name}"
        );
        // No test image is a training image.
        let seen: std::collections::HashSet<&[u8]> = (0..train).map(|i| set.train.image(i)).collect();
        assert!((0..test).all(|i| !seen.contains(set.test.image(i))), "{name}");
    }
}

/// Means known of the whole sets (0.2860 and, of MNIST, 0.1307): a cut comes near.
#[test]
fn the_real_sets_look_like_their_sources() {
    for (name, mean) in [("fashion", 0.2860), ("digits", 0.1307)] {
        let set = open(&format!("builtin:{name}"), &OpenOptions::default()).unwrap();
        let sum: u64 = set.train.pixels.iter().map(|&value| u64::from(value)).sum();
        let found = sum as f64 / set.train.pixels.len() as f64 / 255.0;
        assert!((found - mean).abs() < 0.005, "{name}: {found}, expected about {mean}");
    }
}

#[test]
fn shapes_are_the_same_bytes_everywhere() {
    let set = open("builtin:shapes", &OpenOptions::default()).unwrap();
    assert_eq!(set.classes[8], "star");
    assert_eq!(set.train_labels[18], Some(8));
    assert_eq!(
        (checksum(&set.train.pixels), checksum(&set.test.pixels)),
        (0xf9a4_2d31_640b_f9d1, 0x8f84_2151_cd5c_9f97)
    );
}
