//! Training images that are not kept in memory.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use remixmatch::data::{DataError, DataSet, Images, OpenOptions, Waits, open};
use tempfile::{TempDir, tempdir};

use super::common::{check_made, fixture, made, put, read, refused};

/// Opens with memory for `images` images of 8x8 pixels.
fn open_with(path: &Path, images: u64, skip_bad: bool) -> Result<DataSet, DataError> {
    let memory = Some(images * 8 * 8 * 3);
    open(path.to_str().unwrap(), &OpenOptions { memory, skip_bad, ..OpenOptions::default() })
}

/// Images 0 to `known` of two classes, and `unknown` more of none, as PNG files of 8x8 pixels.
fn pictures(known: usize, unknown: usize) -> TempDir {
    let folder = tempdir().unwrap();
    for i in 0..known + unknown {
        let place = if i < known { format!("train/{}", i % 2) } else { "unlabeled".to_owned() };
        let path = folder.path().join(format!("{place}/{i:05}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_raw(8, 8, made(i, 8, 3)).unwrap().save(path).unwrap();
    }
    for class in 0..2 {
        put(
            folder.path().join(format!("test/{class}/a.png")),
            &fs::read(fixture("pictures/grey.png")).unwrap(),
        );
    }
    folder
}

fn words(images: &Images, i: usize) -> Vec<u32> {
    let mut words = vec![0; images.height * images.width];
    images.rgba(i, &mut words);
    words
}

fn same_words(found: &Images, expected: &Images, order: impl IntoIterator<Item = usize>) {
    order.into_iter().for_each(|i| assert_eq!(words(found, i), words(expected, i), "image {i}"));
}

#[test]
fn images_beyond_memory_are_the_same_in_any_order_expected_or_not() {
    let folder = pictures(10, 30);
    let whole = read(folder.path()).unwrap();
    assert_eq!((whole.train.len(), whole.train.in_memory()), (40, 40));
    for memory in [0, 1, 10, 25] {
        let set = open_with(folder.path(), memory, false).unwrap();
        assert_eq!((set.train.len(), set.train.in_memory()), (40, memory as usize));
        assert_eq!((&set.train_labels, &set.test), (&whole.train_labels, &whole.test));
        let told = format!("{} of 40 training images are decoded while", 40 - memory);
        assert!(set.notices.iter().any(|notice| notice.contains(&told)), "{:?}", set.notices);
        same_words(&set.train, &whole.train, 0..40);
        let order: Vec<usize> = (0..120).map(|i| (i * 7) % 40).collect();
        for step in order.chunks(10) {
            set.train.expect(step);
            // Not in the order that was said, and one more.
            same_words(&set.train, &whole.train, step.iter().rev().copied().chain([3]));
        }
        // Expected, and never asked for.
        set.train.expect(&order);
        set.train.expect(&[]);
        assert!(set.train.failure().is_none());
        let shared = set.clone();
        drop(set);
        same_words(&shared.train, &whole.train, [39, 0]);
    }
}

#[test]
fn waits_are_counted_where_an_image_was_not_ready() {
    let folder = pictures(4, 6);
    assert_eq!(read(folder.path()).unwrap().train.waits(), None, "all are in memory");
    let set = open_with(folder.path(), 4, false).unwrap();
    let waits = || set.train.waits().expect("streamed images");
    words(&set.train, 2);
    assert_eq!(waits().asked, 0, "image 2 is in memory");
    words(&set.train, 8);
    assert_eq!((waits().asked, waits().waited), (1, 1));
    let time = waits().time;
    assert!(time > Duration::ZERO);
    set.train.expect(&[9, 5]);
    // Decoded by whomever, and kept as long as they are expected.
    let again = || [5, 9].map(|i| words(&set.train, i));
    again();
    let before = waits();
    again();
    assert_eq!(waits(), Waits { asked: before.asked + 2, ..before });
}

#[test]
fn many_threads_may_ask_at_once() {
    let folder = pictures(4, 60);
    let whole = read(folder.path()).unwrap();
    let set = open_with(folder.path(), 0, false).unwrap();
    std::thread::scope(|scope| {
        for first in 0..6 {
            let (set, whole) = (&set, &whole);
            scope.spawn(move || {
                for i in 0..64 {
                    set.train.expect(&[(first + i) % 64, i, (i + 1) % 64]);
                    same_words(&set.train, &whole.train, [i, (first + i) % 64]);
                }
            });
        }
    });
}

#[test]
fn an_image_that_cannot_be_read_later_is_black_and_told_of_once() {
    let folder = pictures(4, 6);
    let bad = folder.path().join("unlabeled/00007.png");
    let set = open_with(folder.path(), 4, false).unwrap();
    let skipping = open_with(folder.path(), 4, true).unwrap();
    // Damaged after the set was opened: only its header was read then.
    let whole = fs::read(&bad).unwrap();
    put(&bad, &whole[..whole.len() / 2]);
    assert_eq!(words(&set.train, 7), [0xff00_0000; 64]);
    assert_ne!(words(&set.train, 6), [0xff00_0000; 64]);
    let failure = set.train.failure().expect("a failure").to_string();
    assert!(failure.contains("00007.png") && failure.contains("--skip-bad"), "{failure}");
    assert!(set.train.failure().is_none());
    fs::remove_file(&bad).unwrap();
    set.train.expect(&[7]);
    assert_eq!(words(&set.train, 7), [0xff00_0000; 64]);
    assert!(set.train.failure().expect("a failure").to_string().contains("cannot read"));
    assert_eq!(words(&skipping.train, 7), [0xff00_0000; 64]);
    assert!(skipping.train.failure().is_none());
    // One without a header is refused at once.
    put(&bad, b"");
    refused(open_with(folder.path(), 4, false), &["00007.png", "no image format"]);
}

#[test]
fn the_unlabelled_images_of_stl_10_are_read_in_place() {
    let path = fixture("stl10_binary.tar.gz");
    let options = OpenOptions { memory: Some(0), ..OpenOptions::default() };
    let whole = read(&path).unwrap();
    let set = open(path.to_str().unwrap(), &options).unwrap();
    assert_eq!((set.train.len(), set.train.in_memory(), set.train_labels.len()), (23, 20, 23));
    check_made(&whole.train, (0..20).chain(22..25));
    set.train.expect(&[22, 20]);
    same_words(&set.train, &whole.train, 0..23);
}

/// Steps of a training that takes 10 ms each never wait once the first images are there.
#[test]
fn what_is_expected_is_ready_when_it_is_asked_for() {
    let folder = pictures(4, 400);
    let set = open_with(folder.path(), 0, false).unwrap();
    let steps: Vec<Vec<usize>> = (0..40).map(|step| (0..10).map(|i| 4 + step * 10 + i).collect()).collect();
    let mut waited = Duration::ZERO;
    for step in 0..steps.len() {
        set.train.expect(&steps[step..(step + 8).min(steps.len())].concat());
        if step == 0 {
            sleep(Duration::from_millis(200));
        }
        sleep(Duration::from_millis(10));
        let asked = Instant::now();
        steps[step].iter().for_each(|&i| drop(words(&set.train, i)));
        waited += asked.elapsed();
    }
    // A decoded image is copied in microseconds; decoding the 400 here would take far longer.
    assert!(waited < Duration::from_millis(100), "waited {waited:?}");
}
