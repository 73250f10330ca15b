//! Identities of images: whatever is added, renamed, deleted or touched, no image that stays changes its role.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use image::{GrayImage, ImageFormat, Luma};
use proptest::prelude::*;
use remixmatch::data::{Balance, DataSet, OpenOptions, SplitRule, Spread, open, split, test_key};
use remixmatch::train::{Fingerprint, Role};
use tar::{Builder, Header};
use tempfile::tempdir;
use xxhash_rust::xxh3::xxh3_64;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{gzip, idx_labels, put};

/// The share of image files that is held out.
const SHARE: f64 = 0.2;
const CLASSES: [&str; 2] = ["cat", "dog"];

/// PNG files of different 8x8 images.
static IMAGES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| (0..400).map(png).collect());
/// Images that are never deleted, by class, so that no class is tiny: among the images of each class are six that train
/// and one that tests.
static KEPT: LazyLock<[Vec<usize>; 2]> = LazyLock::new(|| {
    let (tested, trained): (Vec<usize>, Vec<usize>) =
        (0..100).partition(|&n| test_key(xxh3_64(&IMAGES[n])) < SHARE);
    [0, 1].map(|class| [&trained[6 * class..][..6], &tested[class..][..1]].concat())
});

fn png(n: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image =
        GrayImage::from_fn(8, 8, |x, y| Luma([(n * 31 + x * 7 + y * (n % 13)) as u8 ^ (n >> 3) as u8]));
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Files by path: the image of each.
type Files = BTreeMap<String, usize>;

fn start(extra: &[(usize, usize)]) -> Files {
    let kept = (0..2).flat_map(|class| KEPT[class].iter().map(move |&n| (class, n)));
    kept.chain(extra.iter().map(|&(class, n)| (class, 100 + n % 150)))
        .map(|(class, n)| (format!("{}/{n:03}.png", CLASSES[class]), n))
        .collect()
}

/// A change of the files; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Change {
    Add(usize, usize),
    Rename(usize, u8),
    Delete(usize),
    Touch,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0usize..2, 250usize..400).prop_map(|(class, n)| Change::Add(class, n)),
        (any::<usize>(), any::<u8>()).prop_map(|(file, to)| Change::Rename(file, to)),
        any::<usize>().prop_map(Change::Delete),
        Just(Change::Touch),
    ]
}

fn apply(files: &mut Files, change: &Change) {
    let nth = |files: &Files, i: usize| files.keys().nth(i % files.len()).cloned().unwrap();
    match change {
        Change::Add(class, n) => {
            files.insert(format!("{}/{}new.png", CLASSES[*class], n * 7 % 100), *n);
        }
        Change::Rename(file, to) => {
            let old = nth(files, *file);
            let n = files.remove(&old).unwrap();
            let class = old.split('/').next().unwrap();
            files.entry(format!("{class}/{to}-renamed.png")).or_insert(n);
            if !files.values().any(|other| *other == n) {
                files.insert(old, n);
            }
        }
        Change::Delete(file) => {
            let name = nth(files, *file);
            if !KEPT.iter().flatten().any(|kept| *kept == files[&name]) {
                files.remove(&name);
            }
        }
        // Every layout is written anew, with the time of its writing.
        Change::Touch => {}
    }
}

/// The formats that the files are written in.
const LAYOUTS: [&str; 4] = ["folder", "set.zip", "set.tar.gz", "list"];

/// Writes the files in a layout and opens them.
fn read(files: &Files, layout: &str, options: &OpenOptions) -> DataSet {
    let outer = tempdir().unwrap();
    let path = outer.path().join(layout);
    let content = |name: &str| IMAGES[files[name]].as_slice();
    match layout {
        "folder" => files.keys().for_each(|name| put(path.join(name), content(name))),
        "set.zip" => {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            for name in files.keys() {
                zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
                zip.write_all(content(name)).unwrap();
            }
            put(&path, &zip.finish().unwrap().into_inner());
        }
        "set.tar.gz" => {
            let mut tar = Builder::new(Vec::new());
            for name in files.keys() {
                let mut header = Header::new_ustar();
                header.set_size(content(name).len() as u64);
                header.set_mode(0o644);
                tar.append_data(&mut header, name, content(name)).unwrap();
            }
            put(&path, &gzip(&tar.into_inner().unwrap()));
        }
        _ => {
            let row = |name: &String| format!("{name},{}\n", name.split('/').next().unwrap());
            let rows: String = files.keys().map(row).collect();
            put(path.join("labels.csv"), format!("file,label\n{rows}").as_bytes());
            files.keys().for_each(|name| put(path.join(name), content(name)));
        }
    }
    open(path.to_str().unwrap(), options).unwrap()
}

/// Whether each image tests, by content.
fn tested(set: &DataSet) -> HashMap<u64, bool> {
    let of = |ids: &[remixmatch::data::ImageId], test| {
        ids.iter().map(move |id| (id.content, test)).collect::<Vec<_>>()
    };
    of(&set.train_ids.ids, false).into_iter().chain(of(&set.test_ids.ids, true)).collect()
}

fn fingerprint(set: &DataSet, split: &remixmatch::data::Split) -> Fingerprint {
    Fingerprint::new(set, split, set.flip, set.shift)
}

/// The roles of each content: copies in both classes may have two.
fn roles(fingerprint: &Fingerprint) -> HashMap<u64, Vec<Role>> {
    let mut roles: HashMap<u64, Vec<Role>> = HashMap::new();
    for image in &fingerprint.images {
        roles.entry(image.id.content).or_default().push(image.role);
    }
    roles
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_remaining_image_moves_between_train_and_test(
        extra in prop::collection::vec((0usize..2, any::<usize>()), 0..12),
        changes in prop::collection::vec(change(), 1..12),
    ) {
        let mut files = start(&extra);
        let before = tested(&read(&files, "folder", &OpenOptions::default()));
        changes.iter().for_each(|change| apply(&mut files, change));
        for layout in LAYOUTS {
            let set = read(&files, layout, &OpenOptions::default());
            prop_assert_eq!(set.train_ids.len() + set.test_ids.len(), files.len());
            for (content, test) in tested(&set) {
                prop_assert_eq!(test, test_key(content) < SHARE, "{}", layout);
                prop_assert!(before.get(&content).is_none_or(|before| *before == test), "{}", layout);
            }
        }
    }

    #[test]
    fn recorded_roles_survive_any_change(
        extra in prop::collection::vec((0usize..2, any::<usize>()), 0..12),
        changes in prop::collection::vec(change(), 1..12),
        rule in prop_oneof![Just(SplitRule::Content), Just(SplitRule::Position)],
        seed: u64,
    ) {
        let mut files = start(&extra);
        let options = OpenOptions { split: rule, ..OpenOptions::default() };
        let set = read(&files, "folder", &options);
        let chosen = split(&set, 6, Spread { rule, ..Balance::Even.into() }, seed).unwrap();
        let recorded = fingerprint(&set, &chosen);
        let before = roles(&recorded);
        let again = OpenOptions { recorded: Some(Arc::new(recorded.recorded_roles())), ..options.clone() };
        let unchanged = read(&files, "folder", &again);
        prop_assert!(recorded.compare(&unchanged).is_empty());
        prop_assert_eq!(recorded.split(&unchanged), chosen);
        prop_assert_eq!((&unchanged.train, &unchanged.test), (&set.train, &set.test));
        let old = files.clone();
        changes.iter().for_each(|change| apply(&mut files, change));
        for layout in LAYOUTS {
            let set = read(&files, layout, &again);
            let differences = recorded.compare(&set);
            prop_assert_eq!(differences.trained, 0, "{}: {}", layout, differences);
            let contents = |files: &Files| {
                let mut all: Vec<usize> = files.values().copied().collect();
                all.sort_unstable();
                all
            };
            prop_assert_eq!(differences.is_empty(), contents(&files) == contents(&old), "{}", differences);
            for (content, after) in roles(&fingerprint(&set, &recorded.split(&set))) {
                for role in after {
                    match before.get(&content) {
                        Some(before) => prop_assert!(before.contains(&role), "{}: {:?}", layout, role),
                        None => prop_assert_eq!(role == Role::Test, test_key(content) < SHARE),
                    }
                }
            }
        }
    }
}

#[test]
fn inserted_record_moves_no_other() {
    let write = |path: &Path, first: usize| {
        let count = 60 - first;
        let mut images = vec![0, 0, 8, 3, 0, 0, 0, count as u8, 0, 0, 0, 8, 0, 0, 0, 8];
        (first..60).for_each(|n| images.extend((0..64).map(|p| (n * 3 + p) as u8)));
        put(path.join("images"), &images);
        put(path.join("labels"), &idx_labels(&(first..60).map(|n| (n % 2) as u8).collect::<Vec<_>>()));
        open(path.to_str().unwrap(), &OpenOptions::default()).unwrap()
    };
    let folder = tempdir().unwrap();
    let (short, long) = (write(folder.path(), 1), write(folder.path(), 0));
    let (before, after) = (tested(&short), tested(&long));
    assert_eq!((before.len(), after.len()), (59, 60));
    assert!(before.iter().all(|(content, test)| after[content] == *test));
    assert!(before.values().any(|test| *test));
}

#[test]
fn photo_has_one_identity_in_every_format() {
    let files = start(&[(0, 3), (1, 8)]);
    let mut all: Vec<Vec<_>> = LAYOUTS
        .map(|layout| {
            let set = read(&files, layout, &OpenOptions::default());
            let ids = [set.train_ids.ids, set.test_ids.ids].concat();
            let mut ids: Vec<_> = ids.into_iter().map(|id| (id.content, id.name)).collect();
            ids.sort_unstable();
            ids
        })
        .to_vec();
    let first = all.remove(0);
    assert!(all.iter().all(|other| *other == first));
    // Streamed images are hashed too.
    let streamed = OpenOptions { memory: Some(0), ..OpenOptions::default() };
    let (whole, streamed) =
        (read(&files, "folder", &OpenOptions::default()), read(&files, "folder", &streamed));
    assert_eq!((whole.train_ids, whole.test_ids), (streamed.train_ids, streamed.test_ids));
}
