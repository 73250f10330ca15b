//! What a set with bad files opens as does not depend on how many images are streamed: the same images, roles, notices and
//! errors.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use remixmatch::data::{DataError, DataSet, OpenOptions, SplitRule, open};
use tempfile::tempdir;

use super::common::put;
use super::layout_files::{Files, png};

/// A bad file, by the word that stands for its content in a table.
fn bad(kind: &str) -> Vec<u8> {
    let whole = png(7);
    match kind {
        "half" => whole[..whole.len() / 2].to_vec(),
        "start" => whole[..10].to_vec(),
        "empty" => Vec::new(),
        "text" => b"not an image".to_vec(),
        "flipped" => {
            let mut bytes = whole;
            let middle = bytes.len() - 20;
            bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
            bytes
        }
        other => panic!("no damage is named {other}"),
    }
}

/// Files by path; `ok` is an image, `link` a link to nothing, other words are damages.
type Table = &'static [(&'static str, &'static str)];

const TABLES: [(&str, Table); 11] = [
    ("tiny", &[("a/*2.png", "ok"), ("b/*2.png", "ok"), ("a/x.png", "half"), ("b/y.png", "empty")]),
    (
        "more bad than good",
        &[("a/*2.png", "ok"), ("b/*2.png", "ok"), ("a/x*9.png", "half"), ("b/y*9.png", "start")],
    ),
    ("one good image of a class", &[("a/*6.png", "ok"), ("b/1.png", "ok"), ("b/y*5.png", "flipped")]),
    ("no good image of a class", &[("a/*6.png", "ok"), ("b/y*5.png", "half")]),
    ("no good image", &[("a/x*3.png", "half"), ("b/y*3.png", "text")]),
    ("one image of each class", &[("a/1.png", "ok"), ("b/1.png", "ok"), ("a/x.png", "text")]),
    (
        "bad test images",
        &[
            ("train/a/*4.png", "ok"),
            ("train/b/*4.png", "ok"),
            ("test/a/*2.png", "ok"),
            ("test/b/y*2.png", "half"),
        ],
    ),
    (
        "only bad test images",
        &[("train/a/*4.png", "ok"), ("train/b/*4.png", "ok"), ("test/a/x*2.png", "start")],
    ),
    (
        "only damaged test images",
        &[("train/a/*9.png", "ok"), ("train/b/*9.png", "ok"), ("test/a/x*2.png", "flipped")],
    ),
    (
        "bad unlabelled images",
        &[("a/*4.png", "ok"), ("b/*4.png", "ok"), ("unlabeled/*5.png", "ok"), ("unlabeled/z*7.png", "half")],
    ),
    (
        "links to nothing",
        &[("a/*4.png", "ok"), ("b/*4.png", "ok"), ("b/gone*2.png", "link"), ("a/x.png", "empty")],
    ),
];

/// The files of a table, and the paths of its links.
fn files(table: Table) -> (Files, Vec<String>) {
    let names = Files::new(&table.iter().map(|(path, _)| (*path, "x")).collect::<Vec<_>>());
    let kinds = table.iter().flat_map(|(path, kind)| {
        let count = path.split_once('*').map_or(1, |(_, rest)| {
            rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
        });
        vec![*kind; count]
    });
    let (mut files, mut links) = (Files::default(), Vec::new());
    for ((path, _), kind) in names.0.into_iter().zip(kinds) {
        match kind {
            "ok" => {
                let grey = 40 + 3 * files.0.len() as u8;
                files.0.push((path, png(grey)));
            }
            "link" => links.push(String::from_utf8(path).unwrap()),
            kind => files.0.push((path, bad(kind))),
        }
    }
    (files, links)
}

/// Writes the files as folder, archives and list; returns what to open.
fn written(files: &Files, links: &[String], at: &Path) -> Vec<(&'static str, std::path::PathBuf)> {
    let old = SystemTime::now() - Duration::from_secs(3600);
    let mut rows = "file,label,split\n".to_owned();
    for (path, bytes) in &files.0 {
        let path = std::str::from_utf8(path).unwrap();
        put(at.join("folder").join(path), bytes);
        put(at.join("list/all").join(path), bytes);
        for place in [at.join("folder").join(path), at.join("list/all").join(path)] {
            File::options().write(true).open(place).unwrap().set_modified(old).unwrap();
        }
    }
    let listed = files.0.iter().map(|(path, _)| std::str::from_utf8(path).unwrap());
    for path in listed.chain(links.iter().map(String::as_str)) {
        let parts: Vec<&str> = path.split('/').collect();
        let (split, class) = match parts[..] {
            [split, class, _] => (split, class),
            ["unlabeled", _] => ("train", ""),
            [class, _] => ("", class),
            _ => panic!("{path}"),
        };
        rows.push_str(&format!("all/{path},{class},{split}\n"));
    }
    if !rows.contains(",test\n") {
        rows = rows.lines().map(|row| format!("{}\n", row.rsplit_once(',').unwrap().0)).collect();
    }
    put(at.join("list/labels.csv"), rows.as_bytes());
    #[cfg(unix)]
    for link in links {
        for place in [at.join("folder").join(link), at.join("list/all").join(link)] {
            std::os::unix::fs::symlink("nowhere", place).unwrap();
        }
    }
    let mut all = vec![("folder", at.join("folder")), ("list", at.join("list"))];
    for (name, bytes) in [("set.zip", files.zip()), ("set.tar.gz", files.tar_gz())] {
        put(at.join(name), &bytes);
        File::options().write(true).open(at.join(name)).unwrap().set_modified(old).unwrap();
        all.push((name, at.join(name)));
    }
    all
}

/// Everything that a set is, in words; the notice about streamed images is left out.
fn told(opened: Result<DataSet, DataError>) -> String {
    let set = match opened {
        Ok(set) => set,
        Err(error) => return error.to_string(),
    };
    let pixels = |images: &remixmatch::data::Images| -> Vec<Vec<u32>> {
        let read = |i| {
            let mut words = vec![0; images.height * images.width];
            images.rgba(i, &mut words);
            words
        };
        (0..images.len()).map(read).collect()
    };
    let notices: Vec<&String> =
        set.notices.iter().filter(|notice| !notice.contains(" decoded on demand")).collect();
    let told = format!(
        "{notices:#?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        set.classes,
        set.held_out,
        set.train_labels,
        set.test_labels,
        set.train_ids,
        set.test_ids,
        pixels(&set.train),
        pixels(&set.test)
    );
    assert!(set.train.take_failure().is_none());
    told
}

#[test]
fn sets_open_alike_in_memory_and_streamed() {
    for (case, table) in TABLES {
        let outer = tempdir().unwrap();
        let (files, links) = files(table);
        for (way, path) in written(&files, &links, outer.path()) {
            for split in [SplitRule::Content, SplitRule::Position] {
                for skip_bad in [true, false] {
                    let options = OpenOptions { skip_bad, split, ..OpenOptions::default() };
                    let path = path.to_str().unwrap();
                    let whole = told(open(path, &options));
                    for images in [0, 1, 3, 8] {
                        let memory = Some(images * 8 * 8);
                        let cache = Some(outer.path().join(format!("cache-{way}-{images}")));
                        let streamed = OpenOptions { memory, cache, ..options.clone() };
                        // With the cache empty, then full.
                        for look in 0..2 {
                            let found = told(open(path, &streamed));
                            assert_eq!(found, whole, "{case} as {way}, {images} in memory, look {look}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn good_images_decide_whether_a_set_opens() {
    for (case, table) in TABLES {
        let outer = tempdir().unwrap();
        let (files, links) = files(table);
        for (way, path) in written(&files, &links, outer.path()) {
            for memory in [None, Some(0)] {
                let options = OpenOptions { skip_bad: true, memory, ..OpenOptions::default() };
                let opened = open(path.to_str().unwrap(), &options);
                // Held-out images are counted among those that can be read.
                match (case, opened) {
                    ("tiny" | "more bad than good", Ok(set)) => {
                        assert_eq!((set.train.len(), set.test.len()), (2, 2), "{case} as {way}");
                        let held = "2 of 4 labelled images are held out";
                        assert!(set.notices.iter().any(|told| told.contains(held)), "{:?}", set.notices);
                    }
                    ("no good image of a class", Err(error)) => {
                        assert!(error.to_string().contains("no image of class 'b'"), "{error}");
                    }
                    ("no good image", Err(error)) => {
                        assert!(error.to_string().contains("contains no images"), "{error}");
                    }
                    ("one image of each class", Err(error)) => {
                        assert!(error.to_string().contains("no test images"), "{error}");
                    }
                    // Others are held out in their place, whatever is wrong with them.
                    ("only bad test images" | "only damaged test images", Ok(set)) => {
                        let told = set.notices.join("; ");
                        assert!(told.contains("held out") && told.contains("skipped: "), "{told}");
                        assert!(set.held_out.is_some());
                    }
                    ("bad unlabelled images", Ok(set)) => {
                        assert_eq!(set.train.len() + set.test.len(), 13, "{way}");
                    }
                    ("bad test images" | "one good image of a class" | "links to nothing", Ok(_)) => {}
                    (_, opened) => panic!("{case} as {way}: {:?}", opened.err()),
                }
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn links_to_nothing_are_refused_by_name() {
    let outer = tempdir().unwrap();
    let (files, links) = files(&[("a/*4.png", "ok"), ("b/*4.png", "ok"), ("b/gone*2.png", "link")]);
    for (way, path) in written(&files, &links, outer.path()).into_iter().take(2) {
        for memory in [None, Some(0)] {
            let options = OpenOptions { memory, ..OpenOptions::default() };
            let refused = open(path.to_str().unwrap(), &options).map(|set| set.notices).unwrap_err();
            assert!(refused.to_string().contains("gone1.png"), "{way}: {refused}");
        }
    }
}
