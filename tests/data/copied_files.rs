//! Files that, by their names, are altered versions or copies of another file of their folder: a notice counts those that
//! test while the other one trains.

use std::collections::HashSet;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{ImageFormat, RgbImage};
use remixmatch::data::{DataSet, OpenOptions, open};
use tempfile::tempdir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{made, put};

const BY_NAME: &str = "by their names the same photo as a training image";

fn png(n: usize) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = RgbImage::from_raw(8, 8, made(n, 8, 3)).unwrap();
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The names of the files of a class, for image `i` of 30.
type Names = fn(usize) -> Vec<String>;

/// Two classes of such files, all different.
fn files(names: Names) -> Vec<(String, Vec<u8>)> {
    let all = [("cat", 0), ("dog", 30)].into_iter().flat_map(|(class, first)| {
        (first..first + 30).flat_map(names).map(move |name| format!("{class}/{name}")).collect::<Vec<_>>()
    });
    all.enumerate().map(|(n, name)| (name, png(n))).collect()
}

/// The files as a folder, as archives and as a list.
fn forms(outer: &Path, files: &[(String, Vec<u8>)]) -> Vec<PathBuf> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut rows = String::from("file,label\n");
    for (name, bytes) in files {
        put(outer.join("photos").join(name), bytes);
        put(outer.join("by_list/listed").join(name.replace('/', "_class/")), bytes);
        rows += &format!("listed/{},{}\n", name.replace('/', "_class/"), &name[..3]);
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    put(outer.join("photos.zip"), &zip.finish().unwrap().into_inner());
    put(outer.join("photos.tar.gz"), &tar.into_inner().unwrap().finish().unwrap());
    put(outer.join("by_list/list.csv"), rows.as_bytes());
    ["photos", "photos.zip", "photos.tar.gz", "by_list/list.csv"].map(|name| outer.join(name)).to_vec()
}

fn opened(source: &Path) -> DataSet {
    open(source.to_str().unwrap(), &OpenOptions::default()).unwrap()
}

/// The test images that share `key` with a training image of their folder.
fn leaks(set: &DataSet, key: fn(&str) -> String) -> usize {
    let keys = |files: &[String]| -> Vec<String> {
        files
            .iter()
            .map(|file| file.rsplit_once('/').unwrap())
            .map(|(at, name)| format!("{at}/{}", key(name)))
            .collect()
    };
    let trained: HashSet<String> = keys(&set.train_ids.files).into_iter().collect();
    keys(&set.test_ids.files).iter().filter(|key| trained.contains(*key)).count()
}

/// What the names of one photo have in common.
fn number(name: &str) -> String {
    name.chars().filter(char::is_ascii_digit).take(3).collect()
}

#[test]
fn copies_across_the_split_are_counted() {
    fn pair(i: usize, of: impl Fn(usize) -> String) -> Vec<String> {
        vec![format!("{:03}.png", 100 + i), of(100 + i)]
    }
    let cases: [(&str, Names); 11] = [
        ("augmented", |i| pair(i, |n| format!("{n}_aug.png"))),
        ("flipped, of another format", |i| pair(i, |n| format!("{n}_flipped.jpg"))),
        ("rotated", |i| pair(i, |n| format!("{n}-rot90.png"))),
        ("twice", |i| pair(i, |n| format!("{n}_augmented_0_4512.png"))),
        ("a number in parentheses", |i| pair(i, |n| format!("{n} (2).png"))),
        ("copied by the system", |i| pair(i, |n| format!("{n} - Kopie.png"))),
        ("copied, word first", |i| pair(i, |n| format!("Copy of {n}.png"))),
        ("altered, word first", |i| pair(i, |n| format!("aug_{n}.png"))),
        ("of a phone, in two formats", |i| pair(i, |n| format!("{n}.HEIC"))),
        ("without the original", |i| {
            vec![format!("{}_aug_1.png", 100 + i), format!("{}_aug_2.png", 100 + i)]
        }),
        ("Roboflow", |i| {
            vec![format!("{}_jpg.rf.ab12.jpg", 100 + i), format!("{}_jpg.rf.cd34.jpg", 100 + i)]
        }),
    ];
    for (case, names) in cases {
        let outer = tempdir().unwrap();
        for source in forms(outer.path(), &files(names)) {
            let set = opened(&source);
            let expected = leaks(&set, number);
            assert!(expected > 3, "{case}: {expected}");
            let notice = set.notices.iter().find(|notice| notice.contains(BY_NAME));
            let notice = notice.unwrap_or_else(|| panic!("{case}, {source:?}: {:?}", set.notices));
            assert!(
                notice.starts_with(&format!("{expected} test images are ")),
                "{case}, {source:?}: {notice}"
            );
        }
    }
}

#[test]
fn ordinary_names_are_no_copies() {
    let cases: [(&str, Names); 8] = [
        ("counted", |i| vec![format!("{i}.png"), format!("IMG_{i:04}.png")]),
        ("numbered by Windows", |i| {
            vec![format!("cat ({}).png", 2 * i + 1), format!("cat ({}).png", 2 * i + 2)]
        }),
        ("numbered by a browser", |i| match i {
            0 => vec!["images.png".to_owned()],
            _ => vec![format!("images ({i}).png")],
        }),
        ("a series", |i| vec![format!("img_crop_{i}.png"), format!("noise{i}.png")]),
        ("words", |i| vec![format!("dark forest {i}.png"), format!("Gray_Catbird_{i:04}_{}.png", 900 + i)]),
        ("two formats", |i| vec![format!("{i}.png"), format!("{i}.jpg")]),
        ("dates", |i| vec![format!("2021-05-{:02}.png", i + 1), format!("2021_{i}.png")]),
        ("one of each", |i| vec![format!("aug_{i}.png")]),
    ];
    for (case, names) in cases {
        let outer = tempdir().unwrap();
        for source in forms(outer.path(), &files(names)) {
            let set = opened(&source);
            assert!(!set.test.is_empty(), "{case}");
            assert!(set.notices.iter().all(|notice| !notice.contains(BY_NAME)), "{case}: {:?}", set.notices);
        }
    }
}

#[test]
fn copies_on_one_side_are_no_leak() {
    let outer = tempdir().unwrap();
    for (n, (name, _)) in files(|i| vec![format!("{i}.png"), format!("{i}_aug.png")]).iter().enumerate() {
        let part = if (n / 2) % 3 == 0 { "test" } else { "train" };
        put(outer.path().join(part).join(name), &png(n));
    }
    let set = opened(outer.path());
    assert!(set.notices.iter().all(|notice| !notice.contains(BY_NAME)), "{:?}", set.notices);
}

/// Labels made by hand: a copy of a held-out image has a label.
#[test]
fn copies_of_held_out_labels_are_counted() {
    let outer = tempdir().unwrap();
    let (mut rows, mut classes) = (String::from("file,label\n"), HashSet::new());
    for (name, bytes) in files(|i| vec![format!("{}.png", 100 + i), format!("{}_flip.png", 100 + i)]) {
        let name = name.replace('/', "_");
        put(outer.path().join(&name), &bytes);
        rows += &format!("{name},{}\n", &name[..3]);
        classes.insert(name[..3].to_owned());
    }
    put(outer.path().join("labels.csv"), rows.as_bytes());
    put(outer.path().join("classes.txt"), b"cat\ndog\n");
    assert_eq!(classes.len(), 2);
    let set = opened(outer.path());
    let labelled: HashSet<String> = (0..set.train.len())
        .filter(|i| set.train_labels[*i].is_some())
        .map(|i| set.train_ids.files[i].replace("_flip", ""))
        .collect();
    let expected =
        set.test_ids.files.iter().filter(|file| labelled.contains(&file.replace("_flip", ""))).count();
    assert!(expected > 1, "{expected}");
    let notice = set.notices.iter().find(|notice| notice.contains(BY_NAME)).expect("a notice");
    assert!(notice.starts_with(&format!("{expected} test images are ")), "{notice}");
}
