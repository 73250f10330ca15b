//! 12-bit images in 16-bit files: a run stores their significant bits, by which they are read again.

use std::fs;
use std::path::Path;

use image::{ImageBuffer, Luma};
use tempfile::tempdir;

use super::common::{done, misused, put, refused, remixmatch, str};

/// Two classes of nine 16-bit greys with values below 2^`bits`.
fn greys(folder: &Path, bits: u32) {
    for (class, base) in [("a", 40u32), ("b", 150)] {
        fs::create_dir_all(folder.join(class)).expect("a folder");
        for i in 0..9u32 {
            let value = |x: u32, y: u32| (((base + 3 * i + 5 * x + 2 * y) % 256) << (bits - 8)) as u16;
            let image = ImageBuffer::from_fn(8, 8, |x, y| Luma([value(x, y)]));
            image.save(folder.join(format!("{class}/{i}.png"))).expect("writable");
        }
    }
}

fn train<'a>(data: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments =
        vec!["train", "--preset", "quick", "--labels", "8", "--batch", "4", "--k", "1", "--steps", "2"];
    arguments.extend(["--data", str(data), "--out", str(out)]);
    arguments.extend(more);
    arguments
}

#[test]
fn runs_store_significant_bits() {
    let outer = tempdir().expect("a folder");
    let path = |name: &str| outer.path().join(name);
    greys(&path("full"), 16);
    greys(&path("twelve"), 12);
    for (data, options, told, stored) in [
        ("twelve", &[][..], true, "significant_bits = 12"),
        ("twelve", &["--significant-bits", "14"], false, "significant_bits = 14"),
        ("twelve", &["--significant-bits", "16"], false, ""),
        ("full", &[], false, ""),
    ] {
        let out = path(&format!("run-{data}{}", options.concat()));
        let (_, notices) = done(&mut remixmatch(&train(&path(data), &out, options)));
        assert_eq!(notices.contains("use at most 12 bits: their values are scaled"), told, "{notices}");
        let config = fs::read_to_string(out.join("config.toml")).expect("settings");
        let line = config.lines().find(|line| line.starts_with("significant_bits")).unwrap_or_default();
        assert_eq!(line, stored, "{data} {options:?}");

        // The same images, with one that would change the bits if they were found again.
        let (_, notices) = done(&mut remixmatch(&["train", "--resume", str(&out), "--steps", "3"]));
        assert!(!notices.contains("are scaled"), "{notices}");
        let model = out.join("model.safetensors");
        done(&mut remixmatch(&["eval", "--model", str(&model)]));
    }
    let resumed = path("run-twelve");
    misused(
        &mut remixmatch(&["train", "--resume", str(&resumed), "--significant-bits", "12"]),
        &["--significant-bits"],
    );
    // A resumed run keeps its bits: the message advises nothing that it refuses.
    let bright = path("twelve/a/bright.png");
    ImageBuffer::from_pixel(8, 8, Luma([60_000u16])).save(&bright).expect("writable");
    let mut again = remixmatch(&["train", "--resume", str(&resumed), "--steps", "4"]);
    let told = refused(&mut again, &["a run keeps its significant_bits", "take the image out"]);
    assert!(!told.contains("to auto"), "{told}");
    fs::remove_file(&bright).expect("a file");
    done(&mut again);
    refused(
        &mut remixmatch(&train(&path("full"), &path("x"), &["--significant-bits", "12"])),
        &["significant_bits"],
    );
    misused(&mut remixmatch(&["data", str(&path("full")), "--significant-bits", "17"]), &["8 to 16"]);

    // A dark image alone is read as the run read its images.
    let model = path("run-twelve").join("model.safetensors");
    let dark = path("dark.png");
    ImageBuffer::from_pixel(8, 8, Luma([800u16])).save(&dark).expect("writable");
    let predict = |more: &[&str]| {
        let arguments = [&["predict", "--json", "--model", str(&model), str(&dark)], more].concat();
        done(&mut remixmatch(&arguments)).0
    };
    assert_eq!(predict(&[]), predict(&["--significant-bits", "12"]));
    assert_ne!(predict(&[]), predict(&["--significant-bits", "auto"]));
    put(&path("full/c.txt"), b"words");
    let full = str(&path("full")).to_owned();
    refused(&mut remixmatch(&["eval", "--model", str(&model), "--data", &full]), &["significant_bits to 16"]);
    done(&mut remixmatch(&["eval", "--model", str(&model), "--data", &full, "--significant-bits", "auto"]));
}

#[test]
fn folders_become_classes_when_asked() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("data");
    greys(&data, 16);
    fs::rename(data.join("b"), data.join("test")).expect("another name");
    let out = outer.path().join("run");
    refused(&mut remixmatch(&train(&data, &out, &[])), &["folders_as_classes"]);
    done(&mut remixmatch(&train(&data, &out, &["--folders-as-classes"])));
    let config = fs::read_to_string(out.join("config.toml")).expect("settings");
    assert!(config.contains("folders_as_classes = true"), "{config}");
}
