//! Training images that do not fit in memory: decoded on demand or ahead of it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use remixmatch::data::{DataError, DataSet, Images, OnProgress, OpenOptions, StreamStats, open};
use tempfile::{TempDir, tempdir};

use super::common::{assert_refused, check_made, fixture, made, put, read};

/// Opens with room in memory for `images` images of 8x8 pixels.
fn open_with(path: &Path, images: u64, skip_bad: bool) -> Result<DataSet, DataError> {
    let memory = Some(images * 8 * 8 * 3);
    open(path.to_str().unwrap(), &OpenOptions { memory, skip_bad, ..OpenOptions::default() })
}

/// `known` images of two classes and `unknown` unlabelled ones, as PNG files of 8x8 pixels.
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
fn streamed_images_equal_those_in_memory() {
    let folder = pictures(10, 30);
    let whole = read(folder.path()).unwrap();
    assert_eq!((whole.train.len(), whole.train.in_memory()), (40, 40));
    for memory in [0, 1, 10, 25] {
        let set = open_with(folder.path(), memory, false).unwrap();
        assert_eq!((set.train.len(), set.train.in_memory()), (40, memory as usize));
        assert_eq!((&set.train_labels, &set.test), (&whole.train_labels, &whole.test));
        let told = format!("{} of 40 training images are decoded on demand", 40 - memory);
        assert!(set.notices.iter().any(|notice| notice.contains(&told)), "{:?}", set.notices);
        same_words(&set.train, &whole.train, 0..40);
        let order: Vec<usize> = (0..120).map(|i| (i * 7) % 40).collect();
        for step in order.chunks(10) {
            set.train.prefetch(step);
            // In another order than prefetched, and one more.
            same_words(&set.train, &whole.train, step.iter().rev().copied().chain([3]));
        }
        // Prefetched, but never requested.
        set.train.prefetch(&order);
        set.train.prefetch(&[]);
        assert!(set.train.take_failure().is_none());
        let shared = set.clone();
        drop(set);
        same_words(&shared.train, &whole.train, [39, 0]);
    }
}

#[test]
fn requests_for_undecoded_images_are_counted() {
    let folder = pictures(4, 6);
    assert_eq!(read(folder.path()).unwrap().train.stream_stats(), None, "all are in memory");
    let set = open_with(folder.path(), 4, false).unwrap();
    let stats = || set.train.stream_stats().expect("streamed images");
    words(&set.train, 2);
    assert_eq!(stats().requests, 0, "image 2 is in memory");
    words(&set.train, 8);
    assert_eq!((stats().requests, stats().misses), (1, 1));
    let time = stats().wait_time;
    assert!(time > Duration::ZERO);
    set.train.prefetch(&[9, 5]);
    // Decoded by a worker or by the request, and kept while they are on the prefetch list.
    let again = || [5, 9].map(|i| words(&set.train, i));
    again();
    let before = stats();
    again();
    assert_eq!(stats(), StreamStats { requests: before.requests + 2, ..before });
}

#[test]
fn opening_reports_its_progress() {
    let folder = pictures(600, 100);
    for memory in [None, Some(0)] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let receiver = Arc::clone(&told);
        let progress = OnProgress::new(move |done, all| receiver.lock().unwrap().push((done, all)));
        open(folder.path().to_str().unwrap(), &OpenOptions { memory, progress, ..OpenOptions::default() })
            .unwrap();
        let told = told.lock().unwrap();
        let ends: Vec<usize> = told.iter().filter(|(done, all)| done == all).map(|(_, all)| *all).collect();
        assert_eq!(ends, [702], "{told:?}");
        assert!(told.len() > ends.len() && told.iter().all(|(done, all)| done <= all), "{told:?}");
    }
}

#[test]
fn many_threads_can_request_images() {
    let folder = pictures(4, 60);
    let whole = read(folder.path()).unwrap();
    let set = open_with(folder.path(), 0, false).unwrap();
    std::thread::scope(|scope| {
        for first in 0..6 {
            let (set, whole) = (&set, &whole);
            scope.spawn(move || {
                for i in 0..64 {
                    set.train.prefetch(&[(first + i) % 64, i, (i + 1) % 64]);
                    same_words(&set.train, &whole.train, [i, (first + i) % 64]);
                }
            });
        }
    });
}

#[test]
fn unreadable_streamed_images_are_reported_once() {
    let folder = pictures(4, 6);
    let bad = folder.path().join("unlabeled/00007.png");
    let set = open_with(folder.path(), 4, false).unwrap();
    let skipping = open_with(folder.path(), 4, true).unwrap();
    // Damaged after opening, which decodes all images.
    let whole = fs::read(&bad).unwrap();
    put(&bad, &whole[..whole.len() / 2]);
    assert_eq!(words(&set.train, 7), [0xff00_0000; 64]);
    assert_ne!(words(&set.train, 6), [0xff00_0000; 64]);
    let failure = set.train.take_failure().expect("a failure").to_string();
    assert!(failure.contains("00007.png") && failure.contains("set skip_bad"), "{failure}");
    assert!(set.train.take_failure().is_none());
    fs::remove_file(&bad).unwrap();
    set.train.prefetch(&[7]);
    assert_eq!(words(&set.train, 7), [0xff00_0000; 64]);
    assert!(set.train.take_failure().expect("a failure").to_string().contains("cannot read"));
    assert_eq!(words(&skipping.train, 7), [0xff00_0000; 64]);
    assert!(skipping.train.take_failure().is_some(), "also where bad images are skipped at opening");
    // A file without a header is refused when the set is opened.
    put(&bad, b"");
    assert_refused(open_with(folder.path(), 4, false), &["00007.png", "in no known image format"]);
}

#[test]
fn unlabelled_stl_10_images_are_streamed() {
    let path = fixture("stl10_binary.tar.gz");
    let options = OpenOptions { memory: Some(0), ..OpenOptions::default() };
    let whole = read(&path).unwrap();
    let set = open(path.to_str().unwrap(), &options).unwrap();
    assert_eq!((set.train.len(), set.train.in_memory(), set.train_labels.len()), (23, 20, 23));
    check_made(&whole.train, (0..20).chain(22..25));
    set.train.prefetch(&[22, 20]);
    same_words(&set.train, &whole.train, 0..23);
}

/// Simulated training steps of 10 ms never wait once the first images are decoded.
#[test]
fn prefetched_images_are_ready_in_time() {
    let folder = pictures(4, 400);
    let set = open_with(folder.path(), 0, false).unwrap();
    let steps: Vec<Vec<usize>> = (0..40).map(|step| (0..10).map(|i| 4 + step * 10 + i).collect()).collect();
    let mut waited = Duration::ZERO;
    for step in 0..steps.len() {
        set.train.prefetch(&steps[step..(step + 8).min(steps.len())].concat());
        if step == 0 {
            sleep(Duration::from_millis(200));
        }
        sleep(Duration::from_millis(10));
        let requested = Instant::now();
        steps[step].iter().for_each(|&i| drop(words(&set.train, i)));
        waited += requested.elapsed();
    }
    assert!(waited < Duration::from_millis(100), "waited {waited:?}");
    // Without prefetching, every request would be a miss; a busy machine may cause some.
    let stats = set.train.stream_stats().expect("streamed images");
    assert_eq!(stats.requests, 400);
    assert!(stats.misses < 100, "{stats:?}");
}

/// Files of one size, name and time of modification, as archives and formats without compression have them.
#[test]
fn replaced_files_are_not_taken_for_the_old() {
    type Change = fn(&Path);
    fn bmp(path: &Path, n: usize) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_raw(8, 8, made(n, 8, 3)).unwrap().save(path).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    fn swap(one: &Path, two: &Path) {
        let third = one.with_extension("third");
        fs::rename(one, &third).unwrap();
        fs::rename(two, one).unwrap();
        fs::rename(third, two).unwrap();
    }
    let changes: [(&str, Change); 4] = [
        ("nothing", |_| {}),
        ("swapped folders", |p| swap(&p.join("a"), &p.join("b"))),
        ("swapped files", |p| {
            (0..20).for_each(|i| swap(&p.join(format!("a/{i}.bmp")), &p.join(format!("b/{i}.bmp"))))
        }),
        ("other content", |p| (0..20).for_each(|i| bmp(&p.join(format!("a/{i}.bmp")), 100 + i))),
    ];
    let folders = changes.map(|_| tempdir().unwrap());
    for outer in &folders {
        let data = outer.path().join("p");
        (0..20).for_each(|i| bmp(&data.join(format!("a/{i}.bmp")), i));
        (0..20).for_each(|i| bmp(&data.join(format!("b/{i}.bmp")), 20 + i));
    }
    // Files that have just changed are not remembered.
    sleep(Duration::from_millis(2_100));
    for ((name, change), outer) in changes.into_iter().zip(&folders) {
        let data = outer.path().join("p");
        let open = |cache| {
            let options = OpenOptions { memory: Some(0), cache, ..OpenOptions::default() };
            open(data.to_str().unwrap(), &options).unwrap()
        };
        let cached = || open(Some(outer.path().join("cache")));
        let first = cached();
        assert_eq!(cached().train_ids, first.train_ids);
        sleep(Duration::from_millis(20));
        change(&data);
        let (found, expected) = (cached(), open(None));
        assert_eq!((&found.train_ids, &found.test_ids), (&expected.train_ids, &expected.test_ids), "{name}");
        assert_eq!((&found.train_labels, &found.test), (&expected.train_labels, &expected.test), "{name}");
        (0..first.train.len()).for_each(|i| drop(words(&first.train, i)));
        // What was opened before finds other bytes than it hashed.
        let failure = first.train.take_failure().map(|failure| failure.to_string());
        match name {
            "nothing" => assert_eq!(failure, None),
            _ => assert!(failure.is_some_and(|text| text.contains("has changed since")), "{name}"),
        }
    }
}

/// A member of an archive, or a file: where its bytes are, to be written over in place.
fn overwrite(path: &Path, before: &[u8], after: &[u8]) {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let (bytes, time) = (fs::read(path).unwrap(), fs::metadata(path).unwrap().modified().unwrap());
    let at = bytes.windows(before.len()).position(|found| found == before).expect("the image");
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(after).unwrap();
    file.set_modified(time).unwrap();
}

fn archive(zipped: bool, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    use std::io::{Cursor, Write as _};
    if zipped {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in files {
            writer.start_file(name.as_str(), stored).unwrap();
            writer.write_all(bytes).unwrap();
        }
        return writer.finish().unwrap().into_inner();
    }
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Images that are written over in place with their size and time of modification, in every form that streams them.
#[test]
fn overwritten_images_end_the_run() {
    let bytes = |n: usize| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let image = image::RgbImage::from_raw(8, 8, made(n, 8, 3)).unwrap();
        image.write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
        bytes.into_inner()
    };
    let files: Vec<(String, Vec<u8>)> =
        (0..40).map(|n| (format!("{}/{n}.bmp", ["a", "b"][n % 2]), bytes(n))).collect();
    let rows: String = files.iter().map(|(name, _)| format!("p/{name},{}\n", &name[..1])).collect();
    for form in ["folder", "zip", "tar", "list", "unlabelled"] {
        let outer = tempdir().unwrap();
        let source = match form {
            "zip" | "tar" => {
                let source = outer.path().join(format!("p.{form}"));
                put(&source, &archive(form == "zip", &files));
                source
            }
            _ => {
                let hidden = |name: &str| form == "unlabelled" && name.ends_with("7.bmp");
                for (name, bytes) in &files {
                    let folder = if hidden(name) { "p/unlabeled" } else { "p" };
                    put(outer.path().join(folder).join(name), bytes);
                }
                put(outer.path().join("list.csv"), format!("file,label\n{rows}").as_bytes());
                outer.path().join(if form == "list" { "list.csv" } else { "p" })
            }
        };
        let set = open_with(&source, 0, false).unwrap();
        let file = |i: usize| set.train_ids.files[i].rsplit('/').next().unwrap().to_owned();
        let last = set.train.len() - 1;
        let (name, kept) = (file(last), file(0));
        let number = |name: &str| name.trim_end_matches(".bmp").parse::<usize>().unwrap();
        let folder = || {
            let inner = format!("{}/{name}", ["a", "b"][number(&name) % 2]);
            ["p", "p/unlabeled"]
                .map(|at| outer.path().join(at).join(&inner))
                .into_iter()
                .find(|path| path.exists())
        };
        let path = folder().unwrap_or_else(|| source.clone());
        overwrite(&path, &bytes(number(&name)), &bytes(number(&name) + 100));
        assert_eq!(words(&set.train, 0)[0] & 0xff, u32::from(made(number(&kept), 8, 3)[0]), "{form}");
        assert!(set.train.take_failure().is_none(), "{form}");
        for prefetched in [false, true] {
            if prefetched {
                set.train.prefetch(&[last, 0]);
            }
            assert_eq!(words(&set.train, last), [0xff00_0000; 64], "{form}");
            let failure = set.train.take_failure().expect(form).to_string();
            assert!(failure.contains(&name), "{form}: {failure}");
            let said = if form == "zip" { "checksum" } else { "has changed since the data set was opened" };
            assert!(failure.contains(said), "{form}: {failure}");
        }
        // A check of such a set says so too.
        let found = remixmatch::data::check(&set, |_| {}).map(|_| ()).map_err(|error| error.to_string());
        assert!(found.expect_err(form).contains(&name), "{form}");
    }
}
