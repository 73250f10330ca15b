//! The check of a data set: every kind of finding in a folder, a ZIP file, a .tar.gz, a list and on a page, and nothing in
//! clean sets.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, flip_horizontal, resize};
use image::{
    ExtendedColorType, ImageBuffer, ImageEncoder as _, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage,
};
use moxcms::ColorProfile;
use remixmatch::data::{
    DataSet, Images, Kind, OpenOptions, Report, Severity, SignificantBits, check, open, open_files,
    write_corrected_list,
};
use tempfile::tempdir;

use super::common::{gzip, put, rgb};

/// A picture of its own for each number: a few waves of each colour.
fn picture(number: u32, side: u32) -> RgbImage {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let waves: Vec<[f32; 4]> = (0..12).map(|_| [0; 4].map(|_: u8| random())).collect();
    RgbImage::from_fn(side, side, |x, y| {
        let (x, y) = (x as f32 / side as f32, y as f32 / side as f32);
        Rgb([0, 1, 2].map(|channel| {
            let wave = |[fx, fy, phase, weight]: &[f32; 4]| {
                weight * (6.0 * (4.0 * (fx - 0.5) * x + 4.0 * (fy - 0.5) * y + phase)).sin()
            };
            let sum: f32 = waves[4 * channel..][..4].iter().map(wave).sum();
            (128.0 + 50.0 * sum).clamp(0.0, 255.0) as u8
        }))
    })
}

fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(image: &RgbImage) -> Vec<u8> {
    encoded(image, ImageFormat::Png)
}

fn jpeg(image: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).unwrap();
    bytes
}

/// Files of a data set in `train/`, `test/` and `unlabeled/`.
pub type Layout = BTreeMap<String, Vec<u8>>;

/// Two classes with ten training and three test images each, and ten images of unknown class, each of its own.
fn clean() -> Layout {
    let mut files = Layout::new();
    for (class, first) in [("cat", 0), ("dog", 100)] {
        (0..10)
            .for_each(|i| drop(files.insert(format!("train/{class}/{i}.png"), png(&picture(first + i, 32)))));
        (0..3).for_each(|i| {
            drop(files.insert(format!("test/{class}/{i}.png"), png(&picture(first + 50 + i, 32))))
        });
    }
    (0..10).for_each(|i| drop(files.insert(format!("unlabeled/{i}.png"), png(&picture(200 + i, 32)))));
    files
}

fn zip(files: &Layout) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar_gz(files: &Layout) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

/// The files without their class folders, and a list of them.
fn listed(files: &Layout) -> Layout {
    let mut list = "file,label,split\n".to_owned();
    let mut all = Layout::new();
    for (i, (path, bytes)) in files.iter().enumerate() {
        let parts: Vec<&str> = path.split('/').collect();
        let extension = path.rsplit_once('.').unwrap().1;
        let name = format!("{i:03}.{extension}");
        let row = match parts[..] {
            [split, class, _] => format!("images/{name},{class},{split}\n"),
            _ => format!("images/{name},,train\n"),
        };
        list += &row;
        all.insert(format!("images/{name}"), bytes.clone());
    }
    all.insert("labels.csv".to_owned(), list.into_bytes());
    all
}

/// Opens a layout in every entrance.
fn opened(files: &Layout) -> Vec<(&'static str, DataSet)> {
    opened_with(files, &OpenOptions::default())
}

/// [`opened`] with options.
pub fn opened_with(files: &Layout, options: &OpenOptions) -> Vec<(&'static str, DataSet)> {
    let folder = tempdir().unwrap();
    let read = |path: &Path| open(path.to_str().unwrap(), options).unwrap();
    let write = |name: &str, files: &Layout| {
        files.iter().for_each(|(file, bytes)| put(folder.path().join(name).join(file), bytes));
        read(&folder.path().join(name))
    };
    fs::write(folder.path().join("set.zip"), zip(files)).unwrap();
    fs::write(folder.path().join("set.tar.gz"), tar_gz(files)).unwrap();
    let streamed = OpenOptions { memory: Some(0), ..options.clone() };
    vec![
        ("folder", write("set", files)),
        ("list", write("list", &listed(files))),
        ("zip", read(&folder.path().join("set.zip"))),
        ("tar.gz", read(&folder.path().join("set.tar.gz"))),
        ("page", open_files("set", files.clone(), options).unwrap()),
        ("streamed", open_files("set", files.clone(), &streamed).unwrap()),
    ]
}

fn counts(report: &Report) -> Vec<(Kind, usize)> {
    report.findings.iter().map(|finding| (finding.kind, finding.count)).collect()
}

/// Asserts what is found in the clean layout after a change, in every entrance.
fn assert_found(what: &str, change: impl FnOnce(&mut Layout), expected: &[(Kind, usize)]) {
    let mut files = clean();
    change(&mut files);
    for (entrance, set) in opened(&files) {
        let report = check(&set, |_| {}).unwrap();
        assert_eq!(counts(&report), expected, "{what} in {entrance}:\n{report}");
        let serious = expected.iter().any(|(kind, _)| kind.severity() == Severity::Serious);
        assert_eq!(report.is_serious(), serious, "{what}");
        for finding in &report.findings {
            assert!(finding.examples().count() > 0, "{what}: {}", finding.summary);
            assert!(report.to_string().contains(&finding.summary), "{what}");
        }
    }
}

#[test]
fn clean_sets_give_no_finding() {
    assert_found("clean set", |_| {}, &[]);
}

#[test]
fn built_in_sets_give_few_findings() {
    for (name, near, apart) in [("digits", 0, 0), ("shapes", 0, 0), ("fashion", 59, 20)] {
        let set = open(&format!("builtin:{name}"), &OpenOptions::default()).unwrap();
        let report = check(&set, |_| {}).unwrap();
        for (kind, count) in counts(&report) {
            let most = match kind {
                Kind::NearDuplicates => near,
                Kind::StandApart => apart,
                _ => 0,
            };
            assert!(count <= most, "{name}: {report}");
        }
    }
}

#[test]
fn copies_are_found_within_and_across_splits() {
    use Kind::{ContradictingLabels, ExactDuplicates, NearDuplicates, TestCopies};
    let of = |files: &Layout, name: &str| files[name].clone();
    type Case = (&'static str, fn() -> (&'static str, Vec<u8>), &'static [(Kind, usize)]);
    let original = || picture(3, 32);
    let cases: [Case; 9] = [
        ("copy in a class", || ("train/cat/x.png", png(&picture(3, 32))), &[(ExactDuplicates, 2)]),
        (
            "copy in another format",
            || ("train/cat/x.bmp", encoded(&picture(3, 32), ImageFormat::Bmp)),
            &[(ExactDuplicates, 2)],
        ),
        ("copy without a label", || ("unlabeled/x.png", png(&picture(3, 32))), &[(ExactDuplicates, 2)]),
        ("copy in the test images", || ("test/cat/x.png", png(&picture(3, 32))), &[(TestCopies, 2)]),
        (
            "copy of an unlabelled image in the test images",
            || ("test/cat/x.png", png(&picture(203, 32))),
            &[(TestCopies, 2)],
        ),
        ("copy in another class", || ("train/dog/x.png", png(&picture(3, 32))), &[(ContradictingLabels, 2)]),
        ("compressed copy", || ("train/cat/x.jpg", jpeg(&picture(3, 32), 60)), &[(NearDuplicates, 2)]),
        (
            "compressed copy in another class",
            || ("train/dog/x.jpg", jpeg(&picture(3, 32), 60)),
            &[(ContradictingLabels, 2)],
        ),
        (
            "mirrored copy",
            || ("train/cat/x.png", png(&flip_horizontal(&picture(3, 32)))),
            &[(NearDuplicates, 2)],
        ),
    ];
    for (what, file, expected) in cases {
        let (name, bytes) = file();
        assert_found(what, |files| drop(files.insert(name.to_owned(), bytes)), expected);
    }
    // In another size: the original is larger than the size that is trained on.
    let large = png(&picture(3, 120));
    assert_found(
        "enlarged copy",
        |files| drop(files.insert("unlabeled/x.png".to_owned(), large)),
        &[(NearDuplicates, 2)],
    );
    let bright =
        RgbImage::from_fn(32, 32, |x, y| Rgb(original().get_pixel(x, y).0.map(|v| v.saturating_add(12))));
    assert_found(
        "brighter copy",
        |files| drop(files.insert("test/cat/x.png".to_owned(), png(&bright))),
        &[(NearDuplicates, 2)],
    );
    assert_found(
        "three copies and one",
        |files| {
            let (cat, dog) = (of(files, "train/cat/1.png"), of(files, "train/dog/1.png"));
            for name in ["train/cat/x.png", "unlabeled/x.png"] {
                files.insert(name.to_owned(), cat.clone());
            }
            files.insert("train/dog/x.png".to_owned(), dog);
        },
        &[(ExactDuplicates, 5)],
    );
}

#[test]
fn odd_images_are_found() {
    use Kind::{NearlyUniform, StandApart};
    assert_found(
        "blank images",
        |files| {
            for (name, colour) in [("cat", [255; 3]), ("dog", [0, 0, 4])] {
                files.insert(format!("train/{name}/blank.png"), png(&rgb(32, 32, colour)));
            }
        },
        &[(NearlyUniform, 2)],
    );
    let checks = RgbImage::from_fn(32, 32, |x, y| Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3]));
    assert_found(
        "a pattern among photos",
        |files| {
            files.insert("train/cat/x.png".to_owned(), png(&checks));
        },
        &[(StandApart, 1)],
    );
}

#[test]
fn odd_classes_are_found() {
    use Kind::{Imbalance, SimilarClassNames, SmallClasses, SplitClasses};
    let add = |files: &mut Layout, class: &str, count: u32, first: u32| {
        (0..count)
            .for_each(|i| drop(files.insert(format!("train/{class}/{i}.png"), png(&picture(first + i, 32)))));
    };
    for class in ["test", "Validation", "eval", "훈련"] {
        assert_found(class, |files| add(files, class, 10, 400), &[(SplitClasses, 1)]);
    }
    // Names that differ in case only are one class.
    assert_found("Cat", |files| add(files, "Cat", 10, 400), &[]);
    for class in ["c at", "c_at"] {
        assert_found(class, |files| add(files, class, 10, 400), &[(SimilarClassNames, 2)]);
    }
    assert_found("small class", |files| add(files, "bird", 4, 400), &[(SmallClasses, 1)]);
    assert_found("imbalance", |files| add(files, "bird", 100, 400), &[(Imbalance, 2)]);
}

#[test]
fn reports_are_valid_json() {
    let mut files = clean();
    files.insert("train/dog/x.png".to_owned(), files["train/cat/1.png"].clone());
    let (_, set) = opened(&files).remove(0);
    let json = serde_json::to_value(check(&set, |_| {}).unwrap()).unwrap();
    let finding = &json["findings"][0];
    assert_eq!((&finding["kind"], &finding["severity"]), (&"contradicting_labels".into(), &"serious".into()));
    let images = finding["groups"][0]["images"].as_array().unwrap();
    let classes: Vec<&str> = images.iter().map(|image| image["class"].as_str().unwrap()).collect();
    assert_eq!(classes, ["cat", "dog"]);
    assert!(images.iter().all(|image| image["split"] == "training"));
}

#[test]
fn smaller_copies_are_near_duplicates() {
    let mut files = clean();
    let small = resize(&picture(3, 64), 28, 28, FilterType::CatmullRom);
    files.insert("unlabeled/x.png".to_owned(), png(&small));
    let (_, set) = opened(&files).remove(0);
    assert_eq!(counts(&check(&set, |_| {}).unwrap()), [(Kind::NearDuplicates, 2)]);
}

/// A PNG with a colour profile.
fn png_with(image: &RgbImage, profile: &ColorProfile) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
    encoder.write_image(image, image.width(), image.height(), ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// A PNG of 16-bit greys with these bits in use.
pub fn deep(number: u32, bits: u32) -> Vec<u8> {
    let greys = picture(number, 32);
    let image =
        ImageBuffer::from_fn(32, 32, |x, y| Luma([u16::from(greys.get_pixel(x, y).0[0]) << (bits - 8)]));
    let mut bytes = Cursor::new(Vec::new());
    image::DynamicImage::ImageLuma16(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A TIFF file as raw files begin: a small preview, marked as a reduced image, beside subfiles with the photo.
fn raw_file(number: u32) -> Vec<u8> {
    let preview = picture(number, 32);
    let pixels = preview.as_raw();
    let fields: [(u16, u16, u32); 11] = [
        (254, 4, 1),
        (256, 4, 32),
        (257, 4, 32),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 2),
        (273, 4, 8),
        (277, 3, 3),
        (278, 4, 32),
        (279, 4, pixels.len() as u32),
        (330, 4, 0),
    ];
    let mut file = b"II*\0".to_vec();
    file.extend((8 + pixels.len() as u32).to_le_bytes());
    file.extend(pixels);
    file.extend((fields.len() as u16).to_le_bytes());
    for (tag, kind, value) in fields {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}

/// A drawing of one grey on a transparent ground.
fn drawing(number: u32, grey: u8) -> Vec<u8> {
    let shape = picture(number, 32);
    let image = RgbaImage::from_fn(32, 32, |x, y| {
        let inside = (4..28).contains(&x) && (4..28).contains(&y) && shape.get_pixel(x, y).0[0] > 128;
        Rgba([grey, grey, grey, if inside { 255 } else { 0 }])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn odd_files_are_found() {
    use Kind::{Backgrounds, ColourProfiles, Cropped, Enlarged, RawPreviews};
    let put = |name: &'static str, bytes: Vec<u8>| {
        move |files: &mut Layout| drop(files.insert(name.to_owned(), bytes))
    };
    let p3 = png_with(&picture(500, 32), &ColorProfile::new_display_p3());
    assert_found("Display P3", put("train/cat/x.png", p3), &[(ColourProfiles, 1)]);
    let adobe = png_with(&picture(500, 32), &ColorProfile::new_adobe_rgb());
    assert_found("Adobe RGB", put("unlabeled/x.png", adobe), &[(ColourProfiles, 1)]);
    let srgb = png_with(&picture(500, 32), &ColorProfile::new_srgb());
    assert_found("sRGB", put("train/cat/x.png", srgb), &[]);
    for name in ["train/cat/x.tif", "unlabeled/x.tiff", "test/dog/x.png"] {
        assert_found(name, put(name, raw_file(500)), &[(RawPreviews, 1)]);
    }
    let wide = image::imageops::resize(&picture(500, 64), 160, 40, FilterType::Triangle);
    assert_found("panorama", put("train/cat/x.png", png(&wide)), &[(Cropped, 1)]);
    assert_found("icon", put("train/dog/x.png", png(&picture(500, 12))), &[(Enlarged, 1)]);
    let drawings = |files: &mut Layout| {
        for (class, first) in [("black", 600), ("white", 700)] {
            let grey = if class == "black" { 0 } else { 255 };
            (0..10)
                .for_each(|i| drop(files.insert(format!("train/{class}/{i}.png"), drawing(first + i, grey))));
        }
    };
    assert_found("line art", drawings, &[(Backgrounds, 20)]);
    // As a damaged photo is shown, and saved again.
    let mut half = picture(500, 32);
    half.enumerate_pixels_mut().filter(|(_, y, _)| *y >= 20).for_each(|(.., pixel)| *pixel = Rgb([128; 3]));
    assert_found("half", put("train/cat/x.png", png(&half)), &[(Kind::GreyPart, 1)]);
    assert_found(
        "turned",
        put("test/dog/x.png", png(&image::imageops::rotate90(&half))),
        &[(Kind::GreyPart, 1)],
    );
}

#[test]
fn unused_bits_are_found() {
    for bits in [8, 10, 12, 14] {
        let mut files = Layout::new();
        for (class, first) in [("cat", 0), ("dog", 100)] {
            (0..10).for_each(|i| drop(files.insert(format!("train/{class}/{i}.png"), deep(first + i, bits))));
            (0..3).for_each(|i| {
                drop(files.insert(format!("test/{class}/{i}.png"), deep(first + 50 + i, bits)))
            });
        }
        let as_they_are = OpenOptions { significant_bits: SignificantBits::ALL, ..OpenOptions::default() };
        for (entrance, set) in opened_with(&files, &as_they_are) {
            let report = check(&set, |_| {}).unwrap();
            let found = report.findings.iter().find(|finding| finding.kind == Kind::UnusedBits);
            let found = found.unwrap_or_else(|| panic!("{bits} bits in {entrance}: {report}"));
            assert_eq!(found.count, 26);
            let told = format!("the 16-bit images use at most {bits} bits");
            assert!(set.notices.iter().any(|notice| notice.contains(&told)), "{:?}", set.notices);
            assert!(found.summary.contains(&format!("at most {bits} bits")), "{}", found.summary);
            assert!(found.advice.contains("significant_bits"), "{}", found.advice);
            assert!(report.findings.iter().all(|finding| finding.kind != Kind::NearlyUniform), "{report}");
        }
        // One image of the full depth shows that the others are dark, not stored in fewer bits.
        files.insert("train/cat/x.png".to_owned(), deep(900, 16));
        let (_, set) = opened(&files).remove(0);
        assert!(
            check(&set, |_| {}).unwrap().findings.iter().all(|finding| finding.kind != Kind::UnusedBits),
            "{bits}"
        );
    }
}

/// Dark images of 8 bits that were saved with 16 use all bits.
#[test]
fn dark_images_scaled_from_8_bits_are_just_dark() {
    for step in [256, 257] {
        let dark = |number: u32| {
            let greys = picture(number, 32);
            let value = |x, y| u16::from(greys.get_pixel(x, y).0[0] / 9) * step;
            let image = ImageBuffer::from_fn(32, 32, |x, y| Luma([value(x, y)]));
            let mut bytes = Cursor::new(Vec::new());
            image::DynamicImage::ImageLuma16(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
            bytes.into_inner()
        };
        let mut files = Layout::new();
        for (class, first) in [("cat", 0), ("dog", 100)] {
            (0..10).for_each(|i| drop(files.insert(format!("train/{class}/{i}.png"), dark(first + i))));
            (0..3).for_each(|i| drop(files.insert(format!("test/{class}/{i}.png"), dark(first + 50 + i))));
        }
        for significant_bits in [SignificantBits::Auto, SignificantBits::ALL] {
            let options = OpenOptions { significant_bits, ..OpenOptions::default() };
            for (entrance, set) in opened_with(&files, &options) {
                assert_eq!(set.decoding.significant_bits, Some(16), "{step} in {entrance}");
                assert!(set.notices.iter().all(|notice| !notice.contains("bits")), "{:?}", set.notices);
                let report = check(&set, |_| {}).unwrap();
                let found = report.findings.iter().find(|finding| finding.kind == Kind::UnusedBits);
                assert!(found.is_none(), "{step} in {entrance}: {report}");
            }
        }
    }
}

#[test]
fn corrected_lists_open_without_findings() {
    let mut files = clean();
    for (from, to) in [
        ("train/cat/1.png", "train/cat/copy.png"),
        ("train/cat/2.png", "test/cat/copy.png"),
        ("train/dog/3.png", "unlabeled/copy.png"),
        ("train/dog/4.png", "train/cat/wrong.png"),
    ] {
        files.insert(to.to_owned(), files[from].clone());
    }
    files.insert("train/dog/near.jpg".to_owned(), jpeg(&picture(105, 32), 60));
    files.insert("train/dog/blank.png".to_owned(), png(&rgb(32, 32, [9; 3])));
    files.insert("unlabeled/raw.tif".to_owned(), raw_file(800));
    for (entrance, set) in opened(&files) {
        let report = check(&set, |_| {}).unwrap();
        let list = report.corrected_list(&set, "").unwrap();
        // Copies in pairs lose one, contradictions both, and the blank and the raw image go.
        assert_eq!((list.kept, list.left_out), (36 + 7 - 8, 8), "{entrance}: {report}");
    }
    let folder = tempdir().unwrap();
    files.iter().for_each(|(file, bytes)| put(folder.path().join("photos").join(file), bytes));
    let set = open(folder.path().join("photos").to_str().unwrap(), &OpenOptions::default()).unwrap();
    let list = check(&set, |_| {}).unwrap().corrected_list(&set, "photos/").unwrap();
    fs::write(folder.path().join("corrected.csv"), &list.csv).unwrap();
    let corrected =
        open(folder.path().join("corrected.csv").to_str().unwrap(), &OpenOptions::default()).unwrap();
    let report = check(&corrected, |_| {}).unwrap();
    assert_eq!((report.images, counts(&report)), (list.kept, vec![]), "{report}");
    assert_eq!(corrected.classes, set.classes);
    assert_eq!(corrected.test.len(), 7, "test images stay");
}

/// Names with bytes of no encoding, beside those that only look so, and names of Korean Windows.
#[cfg(unix)]
#[test]
fn corrected_lists_name_odd_files_as_they_open() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let korean = |name: &str| encoding_rs::EUC_KR.encode(name).0.into_owned();
    let (dog, cat) = (korean("강아지"), korean("고양이"));
    for (what, names) in [
        (
            "escapes",
            vec![
                &b"cat/a\xb0.png"[..],
                b"cat/a\\xB0.png",
                b"cat/a\\xB0 (2).png",
                b"dog/a\xb0.png",
                b"dog/b.png",
            ],
        ),
        (
            "folders",
            vec![&b"c\xb0/1.png"[..], b"c\xb0/2.png", b"c\\xB0/1.png", b"c\\xB0/2.png", b"dog/1.png"],
        ),
        ("Korean", vec![&*[&dog[..], b"/1.png"].concat().leak(), [&cat[..], b"/1.png"].concat().leak()]),
    ] {
        let folder = tempdir().unwrap();
        for (number, name) in (0..).zip(&names) {
            put(folder.path().join("photos").join(OsStr::from_bytes(name)), &png(&picture(number, 32)));
            let other = [&name[..name.len() - 4], b"-2.png"].concat();
            put(
                folder.path().join("photos").join(OsStr::from_bytes(&other)),
                &png(&picture(number + 50, 32)),
            );
        }
        let photos = folder.path().join("photos").to_str().unwrap().to_owned();
        let set = open(&photos, &OpenOptions::default()).unwrap();
        let list = folder.path().join("corrected.csv");
        let report = check(&set, |_| {}).unwrap();
        let written = write_corrected_list(&photos, &set, &report, &list);
        assert!(written.is_ok(), "{what}: {:?}", written.err());
        let listed = open(list.to_str().unwrap(), &OpenOptions::default());
        let listed = listed.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(listed.classes, set.classes, "{what}");
        let contents = |set: &DataSet| {
            let train = set.train_ids.ids.iter().zip(set.train_labels.clone());
            let test = set.test_ids.ids.iter().zip(set.test_labels.iter().copied().map(Some));
            train.chain(test).map(|(id, class)| (id.content, class)).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(contents(&listed), contents(&set), "{what}: {}", fs::read_to_string(&list).unwrap());
    }
}

#[test]
fn originals_are_kept_before_their_copies() {
    for (copy, original) in [
        ("1 - Kopie.png", "1.png"),
        ("1 (1).png", "1.png"),
        ("1 복사본.png", "1.png"),
        ("a copy.png", "b.png"),
    ] {
        let mut files = clean();
        let bytes = png(&picture(700, 32));
        for name in [copy, original] {
            files.insert(format!("train/cat/{name}"), bytes.clone());
        }
        let (_, set) = opened(&files).remove(0);
        let list = check(&set, |_| {}).unwrap().corrected_list(&set, "").unwrap();
        let row = list.csv.lines().find(|row| row.contains("left out")).unwrap();
        assert!(row.contains(&format!("/{copy},")), "{copy}: {row}");
    }
}

/// Words for no label are classes where the folders of their images have these names.
#[test]
fn corrected_lists_keep_classes_called_none() {
    for (class, other) in [("none", "cat"), ("unknown", "cat"), ("?", "!"), ("nan", "na")] {
        let mut files = Layout::new();
        for number in 0..4 {
            for (of, class) in [class, other].into_iter().enumerate() {
                let name = format!("{class}/{number}.png");
                files.insert(name, png(&picture(10 * of as u32 + number, 32)));
            }
        }
        let folder = tempdir().unwrap();
        files.iter().for_each(|(file, bytes)| put(folder.path().join("photos").join(file), bytes));
        let photos = folder.path().join("photos").to_str().unwrap().to_owned();
        let set = open(&photos, &OpenOptions::default()).unwrap();
        let list = folder.path().join("corrected.csv");
        write_corrected_list(&photos, &set, &check(&set, |_| {}).unwrap(), &list).unwrap();
        let listed = open(list.to_str().unwrap(), &OpenOptions::default()).unwrap();
        assert_eq!((&listed.classes, listed.test.len()), (&set.classes, set.test.len()), "{class}");
        assert_eq!(listed.train_labels, set.train_labels, "{class}");
    }
}

/// Columns that say nothing here stay, and no name is a formula of a spreadsheet.
#[test]
fn corrected_lists_keep_columns_and_odd_names() {
    let mut files = Layout::new();
    let mut rows = "path,place,class,date\n".to_owned();
    for number in 0..8 {
        let name = if number == 0 { "=cmd().png".to_owned() } else { format!("{number}.png") };
        let class = ["=cmd()", "-1"][number as usize % 2];
        files.insert(name.clone(), png(&picture(number, 32)));
        rows += &format!("{name},\"field {number}, north\",{class},2021-05-0{}\n", number + 1);
    }
    // A copy is left out.
    files.insert("copy (1).png".to_owned(), files["3.png"].clone());
    rows += "copy (1).png,attic,-1,\n";
    files.insert("list.csv".to_owned(), rows.into_bytes());
    for (entrance, set) in opened_plain(&files) {
        let report = check(&set, |_| {}).unwrap();
        let list = report.corrected_list(&set, "").unwrap();
        let mut lines = list.csv.lines();
        assert_eq!(lines.next(), Some("file,label,split,place,date"), "{entrance}");
        let row = |start: &str| list.csv.lines().find(|line| line.starts_with(start)).unwrap_or_default();
        let first = row("./=cmd().png, =cmd(),");
        assert!(first.ends_with(",\"field 0, north\",2021-05-01"), "{entrance}: {}", list.csv);
        assert!(row("copy (1).png,-1,left out,attic,").ends_with(','), "{entrance}: {}", list.csv);
        let mut clean = files.clone();
        clean.insert("list.csv".to_owned(), list.csv.clone().into_bytes());
        for (entrance, again) in opened_plain(&clean) {
            assert_eq!(again.classes, set.classes, "{entrance}");
            assert_eq!(again.train.len() + again.test.len(), 8, "{entrance}");
            assert_eq!(again.unread_columns.names, ["place", "date"], "{entrance}");
        }
    }
}

/// Opens files without a list of its own making.
fn opened_plain(files: &Layout) -> Vec<(&'static str, DataSet)> {
    let folder = tempdir().unwrap();
    files.iter().for_each(|(file, bytes)| put(folder.path().join("set").join(file), bytes));
    fs::write(folder.path().join("set.zip"), zip(files)).unwrap();
    fs::write(folder.path().join("set.tar.gz"), tar_gz(files)).unwrap();
    let read =
        |name: &str| open(folder.path().join(name).to_str().unwrap(), &OpenOptions::default()).unwrap();
    let page = open_files("set", files.clone(), &OpenOptions::default()).unwrap();
    vec![("folder", read("set")), ("zip", read("set.zip")), ("tar.gz", read("set.tar.gz")), ("page", page)]
}

#[test]
fn names_with_line_breaks_have_no_list() {
    for name in ["train/ca\nt/1.png", "train/cat/1\r.png"] {
        let mut files = clean();
        files.insert(name.to_owned(), png(&picture(700, 32)));
        let set = open_files("photos", files, &OpenOptions::default()).unwrap();
        let error = check(&set, |_| {}).unwrap().corrected_list(&set, "").unwrap_err().to_string();
        assert!(error.contains("line break") && !error.contains(['\n', '\r']), "{error}");
    }
}

#[test]
fn sets_of_one_class_have_no_findings_of_balance() {
    let mut files = clean();
    files.retain(|file, _| file.starts_with("train/cat/"));
    let files = files.into_iter().map(|(file, bytes)| (file.replace("train/", ""), bytes));
    let mut set =
        open_files("photos", files, &OpenOptions { only_tests: true, ..OpenOptions::default() }).unwrap();
    // As it is described: nothing trains.
    set.test = std::mem::replace(&mut set.train, Images::new(32, 32, 3, Vec::new()));
    set.test_labels = set.train_labels.drain(..).flatten().collect();
    set.test_ids = std::mem::take(&mut set.train_ids);
    let report = check(&set, |_| {}).unwrap();
    assert_eq!(counts(&report), [], "{report}");
    let error = report.corrected_list(&set, "").unwrap_err().to_string();
    assert!(error.contains("no images to train on"), "{error}");
}

#[test]
fn sets_without_files_have_no_list() {
    let set = open("builtin:digits", &OpenOptions::default()).unwrap();
    let error = check(&set, |_| {}).unwrap().corrected_list(&set, "").unwrap_err();
    assert!(error.to_string().contains("no image files"), "{error}");
}

#[test]
fn contact_sheets_show_each_finding() {
    let mut files = clean();
    let (_, set) = opened(&files).remove(0);
    let empty = check(&set, |_| {}).unwrap().contact_sheet(&set, 1);
    files.insert("train/dog/x.png".to_owned(), files["train/cat/1.png"].clone());
    let (_, set) = opened(&files).remove(0);
    let sheet = check(&set, |_| {}).unwrap().contact_sheet(&set, 1);
    // Below each image there is room for 14 letters of 6 pixels, and three lines of 10.
    let columns = (sheet.width() - 4) / (14 * 6 + 4);
    assert_eq!((sheet.width(), (4..10).contains(&columns)), (4 + columns * (14 * 6 + 4), true));
    assert!(sheet.height() > empty.height() + 32 + 30, "a row of images with their names");
    let shown = picture(1, 32);
    let top = 4 + 10 + 4;
    assert_eq!(sheet.get_pixel(4, top), shown.get_pixel(0, 0));
    let letters = |[left, top]: [u32; 2], [width, height]: [u32; 2]| {
        let pixels = (0..width).flat_map(|x| (0..height).map(move |y| (left + x, top + y)));
        pixels.filter(|&(x, y)| sheet.get_pixel(x, y).0[0] > 100).count()
    };
    // `1.png` and `x.png` below, then the class and the split; nothing runs into the next image.
    for left in [4, 4 + 88] {
        for line in 0..3 {
            assert!(letters([left, top + 34 + 10 * line], [48, 8]) > 20, "line {line} at {left}");
        }
        assert_eq!(letters([left + 84, top], [4, 64]), 0);
    }
}
