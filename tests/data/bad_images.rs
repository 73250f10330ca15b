//! Damaged images are left out or refused, and never replaced by black ones: the same in every format, in memory and
//! streamed.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use image::{ImageFormat, Rgb, RgbImage};
use remixmatch::data::{DataError, DataSet, Images, OpenOptions, open};
use tempfile::{TempDir, tempdir};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{assert_refused, fixture, gzip, put};

/// Images per class.
const COUNT: u8 = 8;
const CLASSES: [&str; 2] = ["cat", "dog"];

/// Encodes an image that no other one equals.
fn encoded(class: usize, i: u8, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(12, 12, |x, y| Rgb([100 + i, (9 * x + y) as u8, 40 + 100 * class as u8]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an image");
    bytes.into_inner()
}

/// Two classes of images as class folders, with damaged files in one of them.
fn files(damage: &[Damage]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (class, name) in CLASSES.iter().enumerate() {
        let file = |i| (format!("{name}/{i}.png"), encoded(class, i, ImageFormat::Png));
        files.extend((0..COUNT).map(file));
    }
    files.extend(damage.iter().map(|damage| (format!("cat/bad-{}", damage.0), (damage.1)())));
    files
}

/// A photo whose JPEG file is mostly pixels, with a thumbnail in its metadata that has an end marker of its own.
fn photo(phase: f64) -> Vec<u8> {
    let image = RgbImage::from_fn(96, 96, |x, y| {
        Rgb([(x * 37 % 251) as u8, (y * 91 % 247) as u8, ((x * y) as f64 * phase) as u8])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Jpeg).expect("an image");
    let whole = bytes.into_inner();
    let thumbnail = [&[0xff, 0xe1, 0, 14][..], b"Exif\0\0", &[0xff, 0xda, 0, 2, 0xff, 0xd9]].concat();
    [&whole[..2], &thumbnail, &whole[2..]].concat()
}

/// The name of a damaged file, and its content.
type Damage = (&'static str, fn() -> Vec<u8>);

fn cut(bytes: Vec<u8>, share: f64) -> Vec<u8> {
    bytes[..(bytes.len() as f64 * share) as usize].to_vec()
}

/// A PNG with two colours, one of whose pixels has the number `last`.
fn palette(last: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 12, 12);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(vec![200, 10, 30, 0, 0, 0]);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[vec![0x01; 71], vec![last]].concat()).expect("pixels");
    writer.finish().expect("a file");
    bytes
}

/// A GIF with four colours, one of whose pixels has the number `last`, which may be transparent.
fn gif_palette(last: u8, transparent: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder =
        gif::Encoder::new(&mut bytes, 12, 12, &[200, 10, 30, 0, 0, 0, 5, 5, 5, 9, 9, 9]).expect("a header");
    let frame = gif::Frame {
        width: 12,
        height: 12,
        transparent: transparent.then_some(last),
        buffer: [vec![1; 143], vec![last]].concat().into(),
        ..gif::Frame::default()
    };
    encoder.write_frame(&frame).expect("pixels");
    drop(encoder);
    bytes
}

/// A BMP of 8 bits with two colours, one of whose pixels has the number `last`.
fn bmp_palette(last: u8) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    let header = [62 + 144u32, 0, 62, 40, 12, 12, 1 | 8 << 16, 0, 144, 2835, 2835, 2, 0];
    header.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    bytes.extend([200, 10, 30, 0, 0, 0, 0, 0]);
    bytes.extend([vec![1; 143], vec![last]].concat());
    bytes
}

/// A TIFF file of 8x8 pixels with this meaning, number of samples, bits for each, and format of these.
fn tiff(photometric: u32, samples: u32, bits: u32, format: u32) -> Vec<u8> {
    const SHORT: u16 = 3;
    const ENTRIES: u32 = 10;
    let pixels = 8 * 8 * samples * bits / 8;
    let after = 8 + 2 + 12 * ENTRIES + 4;
    // Up to two values are in the entry itself.
    let of_samples = if samples > 2 { after } else { bits };
    let entries = [
        (256, 1, 8),
        (257, 1, 8),
        (258, samples, of_samples),
        (259, 1, 1),
        (262, 1, photometric),
        (273, 1, after + 8),
        (277, 1, samples),
        (278, 1, 8),
        (279, 1, pixels),
        (339, 1, format),
    ];
    let mut bytes = [&b"II*\0"[..], &8u32.to_le_bytes(), &(ENTRIES as u16).to_le_bytes()].concat();
    for (tag, count, value) in entries {
        bytes.extend([u16::to_le_bytes(tag), SHORT.to_le_bytes()].concat());
        bytes.extend([u32::to_le_bytes(count), value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    bytes.extend([(bits as u16).to_le_bytes(); 4].concat());
    bytes.extend((0..pixels).map(|i| i as u8));
    bytes
}

#[test]
fn pixels_of_unknown_kinds_are_named() {
    let (unsigned, signed, float) = (1, 2, 3);
    for (case, bytes) in [
        ("32-bit floats", tiff(1, 1, 32, float)),
        ("64-bit floats", tiff(1, 1, 64, float)),
        ("32-bit integers", tiff(1, 1, 32, signed)),
        ("CIELab", tiff(8, 3, 8, unsigned)),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files(&[]).into_iter().chain([("cat/odd.tif".to_owned(), bytes)]) {
            put(folder.path().join(name), &bytes);
        }
        let opened = open(folder.path().to_str().expect("a path"), &OpenOptions::default());
        let Err(error) = opened else { panic!("{case} are read") };
        let told = error.to_string();
        assert!(
            told.contains("odd.tif") && told.contains("save it as PNG, or as TIFF with 8 or 16 bits"),
            "{told}"
        );
    }
    // The same file with bytes is read.
    for bytes in [tiff(1, 1, 8, unsigned), tiff(2, 3, 8, unsigned)] {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files(&[]).into_iter().chain([("cat/odd.tif".to_owned(), bytes)]) {
            put(folder.path().join(name), &bytes);
        }
        open(folder.path().to_str().expect("a path"), &OpenOptions::default()).expect("a set");
    }
}

#[test]
fn palettes_are_held_to_their_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let beyond = Some("not in its palette");
    for (last, words, bytes) in [
        (0x01, None, palette(0x01)),
        (0x02, beyond, palette(0x02)),
        (0xf0, beyond, palette(0xf0)),
        (3, None, gif_palette(3, false)),
        (5, beyond, gif_palette(5, false)),
        (5, None, gif_palette(5, true)),
        (1, None, bmp_palette(1)),
        (2, beyond, bmp_palette(2)),
        (255, beyond, bmp_palette(255)),
    ] {
        let path = folder.path().join("x.png");
        put(&path, &bytes);
        for read in [
            remixmatch::data::read_image(&path, 8, 3).map(drop),
            remixmatch::data::read_picture(&path, 64).map(drop),
        ] {
            let told = read.err().map(|error| error.to_string());
            assert_eq!(told.is_some(), words.is_some(), "{last}: {told:?}");
            assert!(told.zip(words).is_none_or(|(told, word)| told.contains(word)));
        }
    }
}

/// A photo that was cut and got an end mark again.
fn ended(share: f64) -> Vec<u8> {
    [&cut(photo(0.9), share)[..], &[0xff, 0xd9]].concat()
}

const DAMAGES: [Damage; 20] = [
    ("ended.jpg", || ended(0.6)),
    // Only the last blocks are missing.
    ("ended-late.jpg", || ended(0.98)),
    ("joined.jpg", || [cut(photo(0.9), 0.6), photo(0.3)].concat()),
    ("half.png", || cut(encoded(0, 50, ImageFormat::Png), 0.5)),
    ("end.png", || cut(encoded(0, 51, ImageFormat::Png), 0.9)),
    ("half.jpg", || cut(encoded(0, 52, ImageFormat::Jpeg), 0.7)),
    // A decoder may fill the rest of a file that was cut inside the pixels with grey.
    ("most.jpg", || cut(photo(0.9), 0.9)),
    ("end.jpg", || {
        let whole = photo(0.5);
        whole[..whole.len() - 2].to_vec()
    }),
    ("half.gif", || cut(encoded(0, 55, ImageFormat::Gif), 0.6)),
    ("half.webp", || cut(encoded(0, 56, ImageFormat::WebP), 0.6)),
    ("half.bmp", || cut(encoded(0, 57, ImageFormat::Bmp), 0.6)),
    ("half.tiff", || cut(encoded(0, 58, ImageFormat::Tiff), 0.6)),
    ("half.ppm", || cut(encoded(0, 59, ImageFormat::Pnm), 0.6)),
    ("start.jpg", || cut(encoded(0, 53, ImageFormat::Jpeg), 0.1)),
    ("palette.png", || palette(0x05)),
    ("palette.gif", || gif_palette(0x05, false)),
    ("palette.bmp", || bmp_palette(0x05)),
    ("empty.png", Vec::new),
    ("text.png", || b"not an image".to_vec()),
    ("flipped.png", || {
        let mut bytes = encoded(0, 54, ImageFormat::Png);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
        bytes
    }),
];

/// Writes the files in a format; returns what to open.
type Write = fn(&Path, &[(String, Vec<u8>)]) -> PathBuf;

const FORMATS: [(&str, Write); 4] = [
    ("folder", |at, files| {
        files.iter().for_each(|(name, bytes)| put(at.join("set").join(name), bytes));
        at.join("set")
    }),
    ("zip", |at, files| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(name.as_str(), SimpleFileOptions::default()).expect("a member");
            writer.write_all(bytes).expect("a member");
        }
        put(at.join("set.zip"), &writer.finish().expect("a zip").into_inner());
        at.join("set.zip")
    }),
    ("tar.gz", |at, files| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes.as_slice()).expect("a member");
        }
        put(at.join("set.tar.gz"), &gzip(&tar.into_inner().expect("a tar")));
        at.join("set.tar.gz")
    }),
    ("list", |at, files| {
        let mut list = "file,label\n".to_owned();
        for (name, bytes) in files {
            put(at.join("listed/images").join(name), bytes);
            let class = name.split('/').next().expect("a class");
            list.push_str(&format!("images/{name},{class}\n"));
        }
        put(at.join("listed/labels.csv"), list.as_bytes());
        at.join("listed")
    }),
];

fn read(path: &Path, memory: Option<u64>, skip_bad: bool) -> Result<DataSet, DataError> {
    open(path.to_str().expect("Unicode"), &OpenOptions { memory, skip_bad, ..OpenOptions::default() })
}

/// The pixels of every image, as the network sees them.
fn pixels(images: &Images) -> Vec<Vec<u32>> {
    let read = |i| {
        let mut words = vec![0; images.height * images.width];
        images.rgba(i, &mut words);
        words
    };
    let all = (0..images.len()).map(read).collect();
    assert!(images.take_failure().is_none());
    all
}

/// A folder with the files in a format.
fn written(write: Write, files: &[(String, Vec<u8>)]) -> (TempDir, PathBuf) {
    let outer = tempdir().expect("a folder");
    let path = write(outer.path(), files);
    (outer, path)
}

#[test]
fn damaged_images_never_become_black_ones() {
    let black = vec![0xff00_0000; 144];
    for (format, write) in FORMATS {
        let (_good, good) = written(write, &files(&[]));
        let expected = read(&good, None, false).expect("a set");
        let images = expected.train.len() + expected.test.len();
        assert_eq!(images, 2 * usize::from(COUNT), "{format}");
        let (_all, all) = written(write, &files(&DAMAGES));
        let whole = read(&all, None, true).expect("a set");
        assert_eq!(whole.train.len() + whole.test.len(), images, "{format}: {:?}", whole.notices);
        let skipped = whole.notices.iter().filter(|notice| notice.starts_with("skipped: ")).count();
        assert!(skipped >= 5, "{format}: {:?}", whole.notices);
        for memory in [0, 5 * 12 * 12 * 3] {
            let streamed = read(&all, Some(memory), true).expect("a set");
            assert!(streamed.train.in_memory() <= 5, "{format}");
            assert_eq!(streamed.train_labels, whole.train_labels, "{format}");
            assert_eq!(streamed.test_labels, whole.test_labels, "{format}");
            let found = pixels(&streamed.train);
            assert_eq!(found, pixels(&whole.train), "{format}");
            assert!(!found.contains(&black) && streamed.test == whole.test, "{format}");
        }
    }
}

#[test]
fn each_damaged_image_is_refused_by_name() {
    for (format, write) in FORMATS {
        for damage in DAMAGES {
            let (_outer, path) = written(write, &files(&[damage]));
            let words = [&format!("bad-{}", damage.0) as &str, "skip_bad"];
            for memory in [None, Some(0)] {
                assert_refused(read(&path, memory, false), &words);
                let set = read(&path, memory, true).unwrap_or_else(|error| panic!("{format}: {error}"));
                assert_eq!(set.train.len() + set.test.len(), 2 * usize::from(COUNT), "{format}");
            }
        }
    }
}

/// What is damaged is said in words, not in those of a decoder.
#[test]
fn damage_inside_is_said_plainly() {
    let folder = tempdir().expect("a folder");
    let whole = |format| encoded(0, 54, format);
    let cut_data = |from: &[u8]| {
        let mut bytes = whole(ImageFormat::Png);
        let at = bytes.windows(4).position(|window| window == from).expect("a chunk") + 40;
        bytes[at] ^= 0xff;
        bytes
    };
    for (name, bytes) in [
        ("x.png", cut_data(b"IDAT")),
        ("x.jpg", ended(0.6)),
        ("x.webp", cut(whole(ImageFormat::WebP), 0.6)),
        ("x.gif", cut(whole(ImageFormat::Gif), 0.6)),
    ] {
        let path = folder.path().join(name);
        put(&path, &bytes);
        let told = remixmatch::data::read_image(&path, 8, 3).expect_err(name).to_string();
        assert!(told.contains("copy it again") && !told.contains(['{', '"']), "{name}: {told}");
    }
}

#[test]
fn images_that_disappear_while_training_are_failures() {
    let (_outer, path) = written(FORMATS[0].1, &files(&[]));
    for skip_bad in [false, true] {
        let set = read(&path, Some(0), skip_bad).expect("a set");
        let kept = fs::read(path.join("dog/3.png")).expect("a file");
        for class in CLASSES {
            (0..COUNT).for_each(|i| fs::remove_file(path.join(format!("{class}/{i}.png"))).expect("a file"));
        }
        let mut words = vec![0; 144];
        set.train.rgba(0, &mut words);
        let failure = set.train.take_failure().expect("a failure").to_string();
        assert!(failure.contains("cannot read") && failure.contains(".png"), "{failure}");
        files(&[]).iter().for_each(|(name, bytes)| put(path.join(name), bytes));
        assert_eq!(fs::read(path.join("dog/3.png")).expect("a file"), kept);
    }
}

/// Photos in every coding that cameras and programs use open; cut, they are refused, whatever follows.
#[test]
fn jpegs_are_whole_or_refused() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("x.jpg");
    let read = |bytes: &[u8]| {
        put(&path, bytes);
        let [image, picture] = [
            remixmatch::data::read_image(&path, 8, 3).map(drop),
            remixmatch::data::read_picture(&path, 64).map(drop),
        ]
        .map(|read| read.map_err(|error| error.to_string()));
        assert_eq!(image.is_ok(), picture.is_ok(), "{image:?} {picture:?}");
        image
    };
    let other = photo(0.3);
    let mut files = 0;
    for entry in fs::read_dir(fixture("jpegs")).expect("fixtures") {
        let name = entry.expect("a fixture").path();
        let whole = fs::read(&name).expect("a photo");
        let name = name.display();
        for behind in [&b""[..], &other, b"\0\0", b"\xff\xd8\xff\xe1\0\x04MPF", &whole] {
            assert_eq!(read(&[&whole, behind].concat()), Ok(()), "{name}");
        }
        for share in [0.6, 0.8, 0.9, 0.97] {
            let cut = cut(whole.clone(), share);
            for behind in [&b""[..], b"\xff\xd9", &other, b"\0\xff\xd9"] {
                let refused = read(&[&cut, behind].concat()).expect_err(&format!("{share} of {name}"));
                assert!(refused.contains("x.jpg"), "{refused}");
            }
            let ended = read(&[&cut[..], b"\xff\xd9"].concat()).expect_err("cut");
            assert!(ended.contains("ends in the middle of the image"), "{ended}");
        }
        files += 1;
    }
    assert_eq!(files, 10);
}

/// A file on which the decoder panics.
fn palette_of_one_colour() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    let header = [70u32, 0, 58, 40, 8, 8, 1 | 8 << 16, 1, 12, 2835, 2835, 1, 0];
    header.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    bytes.extend([200, 10, 30, 0]);
    bytes.extend([8, 7, 0, 0, 8, 7, 0, 0, 0, 1, 0, 0]);
    bytes
}

#[test]
fn decoders_that_fail_leave_other_images_alone() {
    for (format, write) in FORMATS {
        let (_outer, path) = written(write, &files(&[("panic.bmp", palette_of_one_colour)]));
        assert_refused(read(&path, None, false), &["bad-panic.bmp", "skip_bad"]);
        for memory in [None, Some(0)] {
            let set = read(&path, memory, true).unwrap_or_else(|error| panic!("{format}: {error}"));
            assert_eq!(
                set.train.len() + set.test.len(),
                2 * usize::from(COUNT),
                "{format}: {:?}",
                set.notices
            );
        }
    }
}

#[test]
fn whole_photos_with_trailing_data_open() {
    let folder = tempdir().expect("a folder");
    for (class, i) in [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)] {
        let video = [0xff, 0xd8, 0, 0].repeat(i);
        put(
            folder.path().join(format!("{}/{i}.jpg", CLASSES[class])),
            &[photo(0.1 * (i + 3 * class) as f64), video].concat(),
        );
    }
    let set = open(folder.path().to_str().expect("a path"), &OpenOptions::default()).expect("whole photos");
    assert_eq!(set.train.len() + set.test.len(), 6);
}
