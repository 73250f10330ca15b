//! The program in a real window on a virtual display.

use std::process::Command;

use image::RgbaImage;
use remixmatch::app::{picture_name, view_titles};

/// The number of distinct colours in a picture.
fn colours(picture: &RgbaImage) -> usize {
    let mut seen: Vec<_> = picture.pixels().map(|pixel| pixel.0).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

#[test]
fn real_window_draws_every_view_in_both_themes() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = tempfile::tempdir().expect("a folder");
    let output = Command::new("xvfb-run")
        .args(["-a", "-s", "-screen 0 1280x860x24", env!("CARGO_BIN_EXE_remixmatch"), "app"])
        .args(["--preset", "digits", "--steps", "5", "--batch", "8", "--size", "1280x860", "--pictures"])
        .arg(folder.path())
        .env("HOME", home.path())
        .env_remove("XDG_DATA_HOME")
        .output()
        .expect("xvfb-run, which scripts/setup.sh installs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for view in view_titles() {
        let [dark, light] = ["dark", "light"].map(|theme| {
            let path = folder.path().join(picture_name(view, theme));
            image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_rgba8()
        });
        assert_eq!((dark.width(), dark.height()), (1280, 860), "{view}");
        assert!(colours(&dark) > 100 && colours(&light) > 100, "{view} is blank");
        let corner = |picture: &RgbaImage| picture.get_pixel(2, 850).0[0];
        assert!(corner(&dark) < 100 && corner(&light) > 200, "{view} in both themes");
    }
}

#[test]
fn pictures_of_what_cannot_be_opened_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("Unicode").to_owned();
    std::fs::create_dir_all(path("empty")).expect("a folder");
    std::fs::create_dir_all(path("one/a")).expect("a folder");
    std::fs::write(path("file"), "text").expect("a file");
    let out = path("out");
    std::fs::create_dir_all(path("photos")).expect("a folder");
    image::GrayImage::new(8, 8).save(path("photos/1.png")).expect("a PNG");
    let cases: [(&str, String, &str, &str); 9] = [
        ("--data", path("missing"), &out, "cannot read"),
        ("--data", path("one"), &out, "not a data set"),
        ("--run", path("empty"), &out, "no run to resume"),
        ("--run", path("missing"), &out, "no run to resume"),
        ("--link", "preset=none".to_owned(), &out, "the link asks for preset 'none'"),
        ("--link", "preset=digits&labels=99999&train".to_owned(), &out, "labels"),
        ("--label", path("empty"), &out, "no images"),
        ("--label", path("photos"), &out, "label at least one image of each class"),
        ("--ablation", path("missing"), &out, "missing"),
    ];
    let in_file = path("file/inside");
    let written = ("--preset", "digits".to_owned(), in_file.as_str(), "writing it failed");
    for (option, value, pictures, reason) in cases.into_iter().chain([written]) {
        let output = Command::new("xvfb-run")
            // xvfb-run may fail after the program has ended, and has a status of its own then.
            .args(["-a", "-s", "-screen 0 1280x860x24", "sh", "-c", "\"$0\" \"$@\"; echo \"status $?\" >&2"])
            .args([env!("CARGO_BIN_EXE_remixmatch"), "app"])
            .args([option, &value, "--steps", "2", "--batch", "8", "--pictures", pictures])
            .env("HOME", folder.path().join("home"))
            .env_remove("XDG_DATA_HOME")
            .output()
            .expect("xvfb-run, which scripts/setup.sh installs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.lines().any(|line| line == "status 1"), "{option} {value}: {said}");
        let told = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(told.contains(reason), "{option} {value}: {said}");
    }
}

#[test]
fn missing_display_names_the_command_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_remixmatch"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no window could be opened") && said.contains("remixmatch train"), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}
