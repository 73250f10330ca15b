//! Archives read in place, written by Python's tarfile and zipfile and by the crates; damaged and hostile ones.

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use remixmatch::data::{DataError, DataSet, OpenOptions, SplitRule, open};
use tar::{Builder, EntryType, Header};
use tempfile::tempdir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::common::{
    assert_refused, check_made, cifar_record, fixture, gzip, idx_images, idx_labels, pets, put, read,
};

/// Writes `bytes` under `name` and reads them as a data set.
fn read_as(name: &str, bytes: &[u8]) -> Result<DataSet, DataError> {
    let folder = tempdir().unwrap();
    let path = folder.path().join(name);
    put(&path, bytes);
    read(&path)
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A tar with a single header that `change` edits.
fn tar_with(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    change(&mut header);
    header.set_cksum();
    let mut builder = Builder::new(Vec::new());
    builder.append(&header, io::empty()).unwrap();
    builder.into_inner().unwrap()
}

fn zip(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The four files of a small IDX set.
fn idx_members() -> [(&'static str, Vec<u8>); 4] {
    [
        ("mnist/train-images-idx3-ubyte.gz", gzip(&idx_images(6, 8))),
        ("mnist/train-labels-idx1-ubyte.gz", gzip(&idx_labels(&[0, 1, 2, 0, 1, 2]))),
        ("mnist/t10k-images-idx3-ubyte", idx_images(3, 8)),
        ("mnist/t10k-labels-idx1-ubyte", idx_labels(&[2, 1, 0])),
    ]
}

/// Two batches of CIFAR-10.
fn cifar_members() -> [(&'static str, Vec<u8>); 2] {
    let records = (0..10).flat_map(|n| cifar_record(&[n], n)).collect();
    [("data_batch_1.bin", records), ("test_batch.bin", cifar_record(&[3], 99))]
}

fn borrowed<'a>(members: &'a [(&'static str, Vec<u8>)]) -> Vec<(&'static str, &'a [u8])> {
    members.iter().map(|(name, content)| (*name, content.as_slice())).collect()
}

#[test]
fn archives_of_class_folders_load() {
    for name in ["pets.zip", "pets.tar"] {
        let options = OpenOptions { split: SplitRule::Position, ..OpenOptions::default() };
        let set = open(fixture(name).to_str().unwrap(), &options).unwrap();
        assert_eq!(set.name, name);
        assert_eq!(
            (set.format.as_str(), set.classes),
            ("folder of class folders", vec!["cat".into(), "dog".into()])
        );
        assert_eq!(set.train_labels, [Some(0), Some(0), Some(0), Some(1), Some(1), Some(1), None]);
        assert_eq!(set.test_labels, [0, 1]);
        // The fourth image of each class is held out.
        check_made(&set.train, [0, 1, 2, 4, 5, 6, 8]);
        check_made(&set.test, [3, 7]);
    }
    let folder = tempdir().unwrap();
    let packed = gzip(&fs::read(fixture("pets.tar")).unwrap());
    // The content decides: neither the name nor a folder around it matters.
    put(folder.path().join("download"), &packed);
    let expected = read(&fixture("pets.tar")).unwrap();
    for path in [folder.path().to_owned(), folder.path().join("download")] {
        let set = read(&path).unwrap();
        assert_eq!((set.train.len() + set.test.len(), &set.train_ids), (9, &expected.train_ids));
    }
}

#[test]
fn archives_of_all_kinds_contain_any_format() {
    for (members, format) in
        [(idx_members().to_vec(), "IDX"), (cifar_members().to_vec(), "CIFAR-10 (binary)")]
    {
        let members = borrowed(&members);
        let tarred = tar(&members);
        for (name, bytes) in [
            ("a.zip", zip(&members, CompressionMethod::Deflated)),
            ("b.zip", zip(&members, CompressionMethod::Stored)),
            ("c.tar.gz", gzip(&tarred)),
            ("d.tar", tarred),
        ] {
            let set = read_as(name, &bytes).unwrap();
            assert_eq!((set.format.as_str(), set.name.as_str()), (format, name));
        }
    }
}

#[test]
fn members_outside_the_archive_are_refused() {
    let raw_name = |name: &str| {
        let name = name.as_bytes().to_vec();
        tar_with(move |header| header.as_mut_bytes()[..name.len()].copy_from_slice(&name))
    };
    for name in ["../evil.png", "a/../../evil.png", "/../evil.png", "C:\\evil.png", "..\\evil.png"] {
        for (archive, bytes) in [
            ("a.tar", raw_name(name)),
            ("a.tgz", gzip(&raw_name(name))),
            ("a.zip", zip(&[(name, b"x")], CompressionMethod::Stored)),
        ] {
            assert_refused(
                read_as(archive, &bytes),
                &[archive, name, "leads out of the archive", "do not trust"],
            );
        }
    }
}

#[test]
fn harmless_paths_are_read_as_in_a_folder() {
    let folder = pets();
    let mut images: Vec<(String, Vec<u8>)> = Vec::new();
    for class in ["cat", "dog"] {
        for i in 0..5 {
            images.push((
                format!("{class}/{i}.png"),
                fs::read(folder.path().join(format!("{class}/{i}.png"))).unwrap(),
            ));
        }
    }
    type Rename = fn(&str) -> String;
    let forms: [(&str, Rename); 4] = [
        ("absolute", |path| format!("/{path}")),
        ("folders above", |path| format!("x/../{path}")),
        ("a line break", |path| path.replace(".png", "\n.png")),
        ("an escape", |path| path.replace("cat", "c\u{1b}[2Jat")),
    ];
    for (what, rename) in forms {
        let named: Vec<(String, &[u8])> =
            images.iter().map(|(path, bytes)| (rename(path), bytes.as_slice())).collect();
        let mut tarred = tar::Builder::new(Vec::new());
        let mut zipped = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in &named {
            let mut header = Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            tarred.append(&header, *bytes).unwrap();
            zipped.start_file(path.as_str(), SimpleFileOptions::default()).unwrap();
            zipped.write_all(bytes).unwrap();
        }
        let tarred = tarred.into_inner().unwrap();
        let zipped = zipped.finish().unwrap().into_inner();
        for (archive, bytes) in [("a.tgz", gzip(&tarred)), ("a.tar", tarred), ("a.zip", zipped)] {
            let set = read_as(archive, &bytes).unwrap_or_else(|error| panic!("{what}, {archive}: {error}"));
            assert_eq!((set.classes.len(), set.train.len() + set.test.len()), (2, 10), "{what}, {archive}");
            assert!(!set.notices.concat().contains(['\n', '\u{1b}']), "{what}: {:?}", set.notices);
        }
    }
}

#[test]
fn joined_tars_are_read_as_one() {
    let packed = |classes: &[&str], grey: u8| {
        let paths: Vec<String> =
            classes.iter().flat_map(|class| (0..3).map(move |i| format!("{class}/{i}.png"))).collect();
        let images: Vec<Vec<u8>> =
            (0..paths.len()).map(|i| super::layout_files::png(grey + i as u8)).collect();
        let members: Vec<(&str, &[u8])> =
            paths.iter().zip(&images).map(|(path, image)| (path.as_str(), image.as_slice())).collect();
        tar(&members)
    };
    let (first, second) = (packed(&["cat", "dog"], 10), packed(&["owl"], 100));
    for (archive, bytes) in [
        ("a.tar", [first.clone(), second.clone()].concat()),
        ("a.tgz", gzip(&[first.clone(), second.clone()].concat())),
        ("b.tgz", [gzip(&first), gzip(&second)].concat()),
    ] {
        let set = read_as(archive, &bytes).unwrap();
        assert_eq!(set.classes, ["cat", "dog", "owl"], "{archive}");
        assert!(
            set.notices.iter().any(|notice| notice.contains("2 archives one after the other")),
            "{archive}"
        );
    }
    assert_refused(read_as("a.tar", &[first, vec![7; 1024]].concat()), &["a.tar", "as an archive"]);
}

#[test]
fn archives_behind_other_bytes_are_read_or_refused() {
    let images: Vec<Vec<u8>> = (0..6).map(|i| super::layout_files::png(10 * i)).collect();
    let names = ["cat/0.png", "cat/1.png", "cat/2.png", "dog/0.png", "dog/1.png", "dog/2.png"];
    let members: Vec<(&str, &[u8])> = names.into_iter().zip(images.iter().map(Vec::as_slice)).collect();
    let whole = zip(&members, CompressionMethod::Stored);
    let commented = |comment: &[u8]| {
        let start = whole[..whole.len() - 2].to_vec();
        [start, (comment.len() as u16).to_le_bytes().to_vec(), comment.to_vec()].concat()
    };
    // The record of the end of an empty archive, as a comment may hold it.
    let empty = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    for (archive, bytes, refused) in [
        ("a.zip", commented(b"made by hand"), None),
        ("a.zip", commented(&[empty.clone(), vec![0; 22]].concat()), None),
        ("a.zip", commented(&empty), None),
        ("a.zip", commented(&[b"see PK\x05\x06 ".to_vec(), empty.clone(), empty.clone()].concat()), None),
        ("a.zip", [vec![b'x'; 502], commented(&empty)].concat(), None),
        ("a.zip", [vec![b'x'; 502], whole.clone()].concat(), None),
        ("a.zip", [whole.clone(), whole.clone()].concat(), Some("another archive")),
        ("a.zip", vec![b'x'; 502], Some("not that of a .zip file")),
        ("a.tgz", [gzip(&tar(&members)), vec![0; 700]].concat(), None),
        ("a.tgz", [gzip(&tar(&members)), vec![0; 9], vec![7; 9]].concat(), Some("a.tgz")),
        ("a.tgz", [gzip(&tar(&members)), vec![7; 9]].concat(), Some("a.tgz")),
    ] {
        match (read_as(archive, &bytes), refused) {
            (Ok(set), None) => assert_eq!(set.train.len() + set.test.len(), 6, "{archive}"),
            (result, refused) => assert_refused(result, &[refused.unwrap_or("no error")]),
        }
    }
}

#[test]
fn links_and_devices_are_refused() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo, EntryType::GNUSparse]
    {
        let bytes = tar_with(|header| {
            header.set_entry_type(kind);
            header.as_gnu_mut().unwrap().set_real_size(0);
            header.set_path("cat/1.png").unwrap();
            header.set_link_name("passwd").unwrap();
        });
        assert_refused(
            read_as("a.tar", &bytes),
            &["a.tar", "cat/1.png", "a link, a device", "--dereference"],
        );
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("cat/1.png", "../../passwd", SimpleFileOptions::default()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_refused(read_as("a.zip", &bytes), &["a.zip", "cat/1.png", "a link"]);
}

/// 300 MiB of zeros.
fn zeros() -> impl Read {
    io::repeat(0).take(300 << 20)
}

#[test]
fn archive_bombs_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("train_X.bin", SimpleFileOptions::default()).unwrap();
    io::copy(&mut zeros(), &mut writer).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    assert_refused(read_as("a.zip", &bytes), &["a.zip", "unpack to more than 268435456", "exhaust memory"]);

    let mut header = Header::new_gnu();
    header.set_path("train_X.bin").unwrap();
    header.set_size(300 << 20);
    header.set_cksum();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(header.as_bytes()).unwrap();
    io::copy(&mut zeros(), &mut packer).unwrap();
    let bytes = packer.finish().unwrap();
    assert_refused(
        read_as("a.tar.gz", &bytes),
        &["a.tar.gz", "unpack to more than 268435456", "exhaust memory"],
    );

    // A gzipped file that is not an archive.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&[0, 0, 8, 3, 0, 8, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28]).unwrap();
    io::copy(&mut zeros(), &mut packer).unwrap();
    let folder = tempdir().unwrap();
    put(folder.path().join("images"), &packer.finish().unwrap());
    put(folder.path().join("labels"), &idx_labels(&[0, 1]));
    assert_refused(read(folder.path()), &["images", "unpack to more than"]);
}

/// The offsets of `mark` in `bytes`.
fn offsets_of(bytes: &[u8], mark: &[u8]) -> Vec<usize> {
    (0..bytes.len() - mark.len()).filter(|&at| bytes[at..].starts_with(mark)).collect()
}

#[test]
fn members_must_match_the_directory() {
    let members = cifar_members();
    let whole = zip(&borrowed(&members), CompressionMethod::Deflated);
    let directory = offsets_of(&whole, b"PK\x01\x02")[0];
    let size = members[0].1.len() as u32;
    let change = |at: usize, value: u32| {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        read_as("a.zip", &bytes)
    };
    let crc = u32::from_le_bytes(whole[directory + 16..directory + 20].try_into().unwrap());
    assert!(change(directory + 24, size).is_ok());
    assert_refused(
        change(directory + 24, size - 10),
        &["a.zip/data_batch_1.bin", "longer than the archive's directory"],
    );
    assert_refused(
        change(directory + 24, size + 10),
        &["a.zip/data_batch_1.bin", "shorter than the archive's directory"],
    );
    assert_refused(change(directory + 16, crc ^ 1), &["a.zip/data_batch_1.bin", "checksum"]);
    assert_refused(change(directory + 20, u32::MAX - 1), &["a.zip", "cut short"]);
    assert_refused(change(directory + 24, u32::MAX - 1), &["a.zip", "unpack to more than"]);
    // Encrypted, and compressed with an unsupported method.
    let mut bytes = whole.clone();
    bytes[directory + 8] |= 1;
    assert_refused(
        read_as("a.zip", &bytes),
        &["a.zip", "data_batch_1.bin", "encrypted", "without a password"],
    );
    let mut bytes = whole.clone();
    bytes[directory + 10] = 98;
    assert_refused(read_as("a.zip", &bytes), &["a.zip", "data_batch_1.bin", "neither stored nor deflated"]);
}

#[test]
fn truncated_archives_are_refused() {
    let members = cifar_members();
    let tarred = tar(&borrowed(&members));
    for (name, bytes) in [
        ("a.zip", zip(&borrowed(&members), CompressionMethod::Deflated)),
        ("a.tar.gz", gzip(&tarred)),
        ("a.tar", tarred),
    ] {
        assert!(read_as(name, &bytes).is_ok());
        for part in [1, 10, 37, 50, 63, 88, 95] {
            assert_refused(read_as(name, &bytes[..bytes.len() * part / 100]), &[name]);
        }
    }
    for name in ["a.zip", "a.tar", "a.tgz", "a.npz"] {
        assert_refused(read_as(name, b"no archive at all"), &[name, "its content is not that of"]);
        assert_refused(read_as(name, b""), &[name, "its content is not that of"]);
    }
}

#[test]
fn nested_archives_are_not_opened() {
    let inner = fs::read(fixture("pets.zip")).unwrap();
    let bytes = zip(&[("pets.zip", &inner)], CompressionMethod::Stored);
    assert_refused(read_as("outer.zip", &bytes), &["outer.zip/pets.zip", "unpack it and open its folder"]);
}

#[test]
fn folders_around_a_set_are_entered() {
    let outer = tempdir().unwrap();
    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to)
            } else {
                put(&to, &fs::read(entry.path()).unwrap())
            }
        }
    }
    copy(pets().path(), &outer.path().join("one/two"));
    assert_eq!(read(outer.path()).unwrap().classes, ["cat", "dog"]);
}
